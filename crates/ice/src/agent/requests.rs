//! The peer's checks (RFC 8445 §7.3).

use alloc::boxed::Box;
use core::net::SocketAddr;

use pollrtc_stun::{ErrorCode, Message};

use super::Agent;
use super::output::{Answer, Response};
use crate::candidate::CandidateKind;
use crate::checklist::LocalId;
use crate::event::Role;
use crate::pair::PairId;
use crate::priority::candidate_priority;
use crate::session::{EarlyCheck, IncomingCheck};

/// How many checks that came before the peer's credentials are remembered, one for each address.
const MAX_EARLY: usize = 16;

impl Agent {
    pub(super) fn receive_request(&mut self, local: (LocalId, SocketAddr), remote: SocketAddr, message: &Message<'_>) {
        let respond = |answer, session| Response {
            transaction: message.transaction_id(),
            local: local.1,
            remote,
            session,
            answer,
        };
        // RFC 8489 §9.1.3: who does not authenticate gets an answer that is no larger than about
        // the question, and changes nothing.
        let (Some(username), true) = (message.username(), message.has_integrity()) else {
            self.stats.unauthenticated += 1;
            self.queue_response(respond(Answer::Error(ErrorCode::BAD_REQUEST), None));
            return;
        };
        let (ours, theirs) = username.split_once(':').unwrap_or((username, ""));
        let Some((session, keys)) = self.keys_of(ours) else {
            self.stats.unknown_username += 1;
            self.queue_response(respond(Answer::Error(ErrorCode::UNAUTHENTICATED), None));
            return;
        };
        if !message.verify_integrity(&keys.local_key) {
            self.stats.bad_integrity += 1;
            self.queue_response(respond(Answer::Error(ErrorCode::UNAUTHENTICATED), None));
            return;
        }
        // A peer that restarts checks its new candidates with our old ones until it has our answer. Chromium
        // holds a pair of those for good if it gets a response, and never chooses one of the new session.
        if keys
            .remote
            .as_ref()
            .is_some_and(|known| known.credentials.ufrag != theirs)
        {
            self.stats.other_generation += 1;
            return;
        }
        // From here on it is the peer, or someone whom the peer told our password.
        if message.unknown_comprehension_required().next().is_some() {
            self.stats.unknown_attributes += 1;
            let unknown = Answer::unknown_attributes(message);
            self.queue_response(respond(unknown, Some(session)));
            return;
        }
        self.stats.requests_received += 1;
        self.heard_from(local.0, remote);
        let is_current = session == self.session.number;
        self.session.peer_checks |= is_current;
        if is_current && !self.config.lite && self.is_conflict_lost(message) {
            self.queue_response(respond(Answer::Error(ErrorCode::ROLE_CONFLICT), Some(session)));
            return;
        }
        self.queue_response(respond(Answer::Success, Some(session)));
        if !is_current {
            self.stats.other_generation += 1;
            return;
        }
        let check = IncomingCheck {
            transaction: message.transaction_id().0,
            priority: message.priority(),
            use_candidate: message.use_candidate(),
            nomination: message.nomination(),
        };
        match self.remote_credentials() {
            // Without the peer's password there is nothing to check with yet.
            None if !self.config.lite => self.keep_early(local.0, remote, theirs, check),
            _ => self.take_check(local.0, remote, check),
        }
    }

    /// RFC 8445 §7.3.1.1: both sides have the same role. The greater tie-breaker controls. True if
    /// the peer has to give way.
    fn is_conflict_lost(&mut self, message: &Message<'_>) -> bool {
        let theirs = match self.role {
            Role::Controlling => message.ice_controlling(),
            Role::Controlled => message.ice_controlled(),
        };
        let Some(theirs) = theirs else {
            return false;
        };
        self.stats.role_conflicts += 1;
        let we_win = self.tie_breaker >= theirs;
        let we_control = self.role == Role::Controlling;
        if we_win != we_control {
            self.switch_role(self.role.opposite());
            return false;
        }
        true
    }

    fn keep_early(&mut self, local: LocalId, remote: SocketAddr, ufrag: &str, check: IncomingCheck) {
        let same = |early: &&mut EarlyCheck| early.local == local && early.remote == remote;
        let ufrag: Box<str> = ufrag.chars().take(256).collect();
        if let Some(known) = self.session.early.iter_mut().find(same) {
            let use_candidate = known.check.use_candidate || check.use_candidate;
            known.check = IncomingCheck { use_candidate, ..check };
            known.ufrag = ufrag;
        } else if self.session.early.len() < MAX_EARLY {
            self.session.early.push(EarlyCheck {
                local,
                remote,
                ufrag,
                check,
            });
        } else {
            self.stats.limit_reached += 1;
        }
    }

    /// What was left to do for early checks, now that the peer's credentials are known.
    pub(super) fn take_early_checks(&mut self) {
        for early in core::mem::take(&mut self.session.early) {
            let is_theirs = |known: &crate::Credentials| *known.ufrag == *early.ufrag;
            if self.remote_credentials().is_some_and(is_theirs) {
                self.take_check(early.local, early.remote, early.check);
            } else {
                self.stats.other_generation += 1;
            }
        }
    }

    /// RFC 8445 §7.3.1.3 to §7.3.1.5, for a check that was answered with success.
    fn take_check(&mut self, local: LocalId, remote: SocketAddr, check: IncomingCheck) {
        let known = self.session.checklist.find(local, remote);
        let last = known.and_then(|id| self.session.checklist.get(id)?.last_request);
        // A replay says nothing new, from wherever it comes.
        if self.session.has_seen(check.transaction) || last == Some(check.transaction) {
            self.stats.repeated_requests += 1;
            return;
        }
        let Some(id) = known.or_else(|| self.learn_pair(local, remote, check.priority)) else {
            self.stats.limit_reached += 1;
            return;
        };
        let Some(pair) = self.session.checklist.get_mut(id) else {
            return;
        };
        pair.answered = true;
        pair.last_asked = self.now;
        pair.last_request = Some(check.transaction);
        if self.config.lite {
            self.take_check_lite(id, check);
            return;
        }
        // §8.1.2: once a pair is selected, others are checked only if the peer wants one of them,
        // comes from an address that is new, or the selected one has gone silent.
        if check.use_candidate || known.is_none() || self.session.selected.is_none() || self.is_silent() {
            self.trigger_check(id);
        }
        if check.use_candidate && self.role == Role::Controlled {
            self.nominated_by_peer(id, check.nomination);
        }
    }

    fn learn_pair(&mut self, local: LocalId, remote: SocketAddr, priority: Option<u32>) -> Option<PairId> {
        let session = &mut self.session;
        let candidate = match session.find_remote(remote) {
            Some(known) => known,
            None => {
                let is_full = usize::from(session.learnt) >= self.config.max_peer_reflexive;
                let place = if is_full { Some(self.forget_learnt()?) } else { None };
                let usual = candidate_priority(CandidateKind::PeerReflexive, u16::MAX);
                self.session.learn(remote, priority.unwrap_or(usual).max(1), place)
            }
        };
        self.insert_pair(local, candidate)
    }

    /// Makes room for a learnt candidate at the cost of the one that was silent for longest, and
    /// for so long that consent to it would have ended: a peer whose NAT moves it every few
    /// minutes stays reachable for ever.
    fn forget_learnt(&mut self) -> Option<usize> {
        let session = &mut self.session;
        let last_heard = |place| {
            let pairs = session.checklist.iter().filter(|pair| pair.remote == place);
            pairs
                .map(|pair| match session.selected {
                    Some(selected) if selected == pair.id => self.now,
                    _ => pair.last_asked.max(pair.last_success),
                })
                .max()
        };
        let learnt = (0..).zip(&session.remotes);
        let learnt = learnt.filter(|(_, remote)| remote.kind == CandidateKind::PeerReflexive);
        let (oldest, heard) = learnt
            .map(|(place, _)| (place, last_heard(place)))
            .min_by_key(|(_, heard)| *heard)?;
        if heard.is_some_and(|heard| self.now < heard + self.config.timing.consent_expiry) {
            return None;
        }
        session.checklist.retain(|pair| pair.remote != oldest);
        Some(oldest)
    }
}
