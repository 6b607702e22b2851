//! Answers to our own requests (RFC 8445 §7.2.5).

use core::net::SocketAddr;

use pollrtc_stun::{Class, ErrorCode, Message};

use super::Agent;
use crate::address::normalised;
use crate::candidate::CandidateKind;
use crate::checklist::LocalId;
use crate::event::{FailureReason, Role};
use crate::pair::{PairId, PairState};
use crate::transactions::{Purpose, Transaction};

/// RFC 7675 §5.2.
const FORBIDDEN: u16 = 403;

impl Agent {
    pub(super) fn receive_response(&mut self, local: (LocalId, SocketAddr), remote: SocketAddr, message: &Message<'_>) {
        let id = message.transaction_id().0;
        let Some(transaction) = self.transactions.get(&id).copied() else {
            self.stats.unmatched_response += 1;
            return;
        };
        if let Purpose::Gather { server } = transaction.purpose {
            // A server has no password: the random id and the addresses are all there is.
            if transaction.local != local.0 || transaction.remote != remote {
                self.stats.asymmetric_response += 1;
                return;
            }
            self.transactions.remove(&id);
            self.stats.responses_received += 1;
            let mapped = (message.class() == Class::SuccessResponse).then(|| message.xor_mapped_address());
            self.gathered(transaction.local, server, mapped.flatten());
            return;
        }
        let Some(remote_keys) = self.keys(transaction.session).and_then(|keys| keys.remote.as_ref()) else {
            self.stats.unmatched_response += 1;
            return;
        };
        // RFC 8489 §9.1.4: without integrity it never came. Nothing below happens before this.
        if !message.verify_integrity(&remote_keys.key) {
            self.stats.bad_integrity += 1;
            return;
        }
        self.stats.responses_received += 1;
        self.transactions.remove(&id);
        if let Purpose::Check { pair, .. } = transaction.purpose {
            self.check_is_over(pair, &id);
        }
        let is_symmetric = transaction.local == local.0 && transaction.remote == remote;
        let is_understood = message.unknown_comprehension_required().next().is_none();
        if !is_symmetric {
            // RFC 8445 §7.2.5.2.1.
            self.stats.asymmetric_response += 1;
        }
        let mapped = message.xor_mapped_address().map(normalised);
        match (message.class(), mapped) {
            (Class::SuccessResponse, Some(mapped)) if is_symmetric && is_understood => {
                self.heard_from(local.0, remote);
                self.succeeded(&transaction, mapped);
            }
            (Class::ErrorResponse, _) if is_symmetric => {
                let code = message.error_code().map_or(0, |(code, _)| code);
                self.refused(&transaction, code);
            }
            _ => self.failed(&transaction),
        }
    }

    fn failed(&mut self, transaction: &Transaction) {
        if let Purpose::Check { pair, nominates } = transaction.purpose
            && transaction.session == self.session.number
        {
            self.session.checklist.untrigger(pair);
            self.check_failed(pair, nominates);
        }
    }

    fn succeeded(&mut self, transaction: &Transaction, mapped: SocketAddr) {
        // A retransmission's answer may belong to any of them (Karn's rule).
        let sample = (transaction.transmissions == 1).then(|| self.now - transaction.started_at);
        match transaction.purpose {
            Purpose::Check { pair, nominates } if transaction.session == self.session.number => {
                self.check_succeeded(pair, nominates, mapped, transaction.priority);
                if let (Some(sample), Some(pair)) = (sample, self.session.checklist.get_mut(pair)) {
                    pair.measure(sample);
                }
            }
            Purpose::Consent { .. } => self.consented(transaction, sample, mapped),
            _ => {}
        }
    }

    /// RFC 8445 §7.2.5.3.
    fn check_succeeded(&mut self, id: PairId, nominates: bool, mapped: SocketAddr, prflx_priority: u32) {
        let Some(pair) = self.session.checklist.get_mut(id) else {
            return;
        };
        pair.state = PairState::Succeeded;
        pair.last_success = self.now;
        let (local, remote, foundation) = (pair.local, pair.remote, pair.foundation);
        let nominated = core::mem::take(&mut pair.nominate_on_success);
        self.session.checklist.untrigger(id);

        // §7.2.5.3.2: the valid pair is the one whose local candidate the peer saw. Its base is
        // ours, unless what was seen is another of our host addresses.
        let seen = self.bases.iter().position(|base| base.in_use && base.address == mapped);
        let seen = seen
            .and_then(|at| LocalId::try_from(at).ok())
            .filter(|seen| *seen != local);
        let valid = match seen {
            Some(other) => self.pair_from(other, remote).unwrap_or(id),
            None => id,
        };
        let priority = if valid == id {
            self.seen_priority(local, mapped, prflx_priority)
        } else {
            None
        };
        let role = self.role;
        if let Some(pair) = self.session.checklist.get_mut(valid) {
            pair.state = PairState::Succeeded;
            pair.last_success = self.now;
            pair.mapped = Some(mapped);
            pair.make_valid(role, priority.unwrap_or(pair.local_priority));
        }
        if let Some(pair) = self.session.checklist.get_mut(id) {
            pair.leads_to = Some(valid);
        }
        self.session.checklist.unfreeze(foundation);
        if nominates {
            self.session.nominating = None;
            if self.role == Role::Controlling {
                self.select(valid);
            }
        }
        if nominated && self.role == Role::Controlled {
            self.accept_nomination(valid);
        }
    }

    /// The priority of the local candidate that the peer saw: that of the server-reflexive
    /// candidate at this address, else that of the peer-reflexive one which is found just now
    /// (§7.2.5.3.1); `None` for the host candidate itself.
    pub(super) fn seen_priority(&self, local: LocalId, mapped: SocketAddr, prflx_priority: u32) -> Option<u32> {
        if self.local_address(local) == Some(mapped) {
            return None;
        }
        let signalled = self.gathering.candidates().find(|candidate| {
            candidate.kind() == CandidateKind::ServerReflexive && candidate.address() == Some(mapped)
        });
        Some(signalled.map_or(prflx_priority, |candidate| candidate.priority()))
    }

    /// The pair of another base with this remote candidate, made if need be.
    fn pair_from(&mut self, local: LocalId, remote: usize) -> Option<PairId> {
        let address = self.session.remotes.get(remote)?.address;
        let known = self.session.checklist.find(local, address);
        known.or_else(|| self.insert_pair(local, remote))
    }

    /// An authenticated error came.
    fn refused(&mut self, transaction: &Transaction, code: u16) {
        if code == ErrorCode::ROLE_CONFLICT {
            self.repair_conflict(transaction);
            return;
        }
        match transaction.purpose {
            Purpose::Check { .. } => self.failed(transaction),
            Purpose::Consent { .. } if code == FORBIDDEN && self.is_consent_of_path(transaction) => {
                self.lose_consent(FailureReason::ConsentRevoked);
            }
            _ => {}
        }
    }

    /// RFC 8445 §7.2.5.1: the other side keeps the role that the request claimed; we take the other
    /// one and try again. A refusal of a role that we no longer claim says nothing new.
    fn repair_conflict(&mut self, transaction: &Transaction) {
        if transaction.role == self.role {
            self.stats.role_conflicts += 1;
            self.switch_role(self.role.opposite());
            // Equal tie-breakers would make both sides give way for ever.
            self.tie_breaker = self.rng.u64();
        } else {
            self.stats.stale_role_conflict += 1;
        }
        let Purpose::Check { pair, nominates } = transaction.purpose else {
            return;
        };
        if transaction.session != self.session.number {
            return;
        }
        if nominates {
            self.session.nominating = None;
        } else if self
            .session
            .checklist
            .get(pair)
            .is_some_and(|pair| pair.check.is_none() && pair.state == PairState::InProgress)
        {
            self.session.checklist.trigger(pair, self.now);
        }
    }
}
