//! The peer's consent to the path in use (RFC 7675).

use core::net::SocketAddr;
use core::time::Duration;

use pollrtc_core::Instant;

use super::Agent;
use super::output::Outgoing;
use super::path::{Active, Origin};
use crate::candidate::CandidateKind;
use crate::checklist::LocalId;
use crate::event::{FailureReason, Role, State};
use crate::pair::{PairState, smoothed};
use crate::priority::candidate_priority;
use crate::transactions::{Purpose, Transaction};

/// RFC 8445 §11: Tr, the time between keepalives of an agent that has no consent checks to send.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(15);

/// A timer that comes this much too late was not forgotten: the machine slept.
const SLEPT: Duration = Duration::from_secs(5);

/// How long the answer to the consent check after a sleep may take.
const AFTER_SLEEP: Duration = Duration::from_secs(2);

/// How many consent checks may be unanswered.
const MAX_UNANSWERED: u32 = 8;

impl Agent {
    /// Takes note that the peer spoke: authenticated, from there to here.
    pub(super) fn heard_from(&mut self, local: LocalId, remote: SocketAddr) {
        if let Some(active) = &mut self.active
            && active.local == local
            && active.path.remote == remote
        {
            active.last_heard = self.now;
            active.unanswered_since = None;
        }
    }

    /// When it becomes clear that nobody answers the last consent check, nor says anything else
    /// that is authenticated. It says nothing of consent, which lasts much longer: packets get
    /// lost. Data is no sign of life, for anyone can forge it.
    pub(super) fn missed_at(&self) -> Option<Instant> {
        let active = self.active.as_ref()?;
        let round_trip = active.rtt.unwrap_or_default() * 2;
        Some(active.unanswered_since? + round_trip.max(self.timing().retransmission))
    }

    /// Nothing was heard on the path for a while, or there is none.
    pub(super) fn is_silent(&self) -> bool {
        let limit = self.timing().disconnect;
        self.active
            .as_ref()
            .is_none_or(|active| active.suspended_until.is_some() || active.last_heard + limit <= self.now)
    }

    /// RFC 7675 §5.1: a consent check every 4 to 6 seconds; consent ends 30 seconds after the last
    /// answer.
    pub(super) fn run_consent(&mut self) {
        let now = self.now;
        let expiry = self.timing().consent_expiry;
        let peer_asks = self.config.lite;
        let both_lite = self.config.lite && self.remote_lite;
        let Some(active) = &mut self.active else {
            return;
        };
        let consented = if peer_asks {
            active.last_heard
        } else {
            active.last_success
        };
        let expires = active.suspended_until.unwrap_or(consented + expiry);
        let is_over = now >= expires && !both_lite;
        let overslept = now - active.next_check >= SLEPT && active.suspended_until.is_none();
        if is_over && overslept && !peer_asks {
            // Time jumped: the checks that would have kept consent alive were never sent. Data
            // waits until one of them is answered.
            active.suspended_until = Some(now + AFTER_SLEEP);
        } else if is_over {
            self.lose_consent(FailureReason::ConsentExpired);
            return;
        }
        if now >= active.next_check {
            if peer_asks {
                active.next_check = now + KEEPALIVE;
                self.outgoing.push_back(Outgoing::Keepalive);
                self.limit_keepalives();
            } else {
                self.send_consent_check();
            }
        }
    }

    /// One keepalive in the queue is enough.
    fn limit_keepalives(&mut self) {
        let mut seen = false;
        self.outgoing
            .retain(|outgoing| !matches!(outgoing, Outgoing::Keepalive) || !core::mem::replace(&mut seen, true));
    }

    /// A factor between 0.8 and 1.2 keeps many agents from asking in step.
    pub(super) fn consent_interval(&mut self) -> Duration {
        self.timing().consent_interval * (800 + self.rng.below(401)) / 1000
    }

    fn send_consent_check(&mut self) {
        let interval = self.consent_interval();
        let Some(active) = &mut self.active else {
            return;
        };
        active.next_check = self.now + interval;
        active.unanswered_since.get_or_insert(self.now);
        let (local, remote, origin) = (active.local, active.path.remote, active.origin);
        let (session, is_selected) = match origin {
            Origin::Pair(id) => (self.session.number, self.session.selected == Some(id)),
            Origin::Previous(number) => (number, self.had_selected(number)),
        };
        // Once they were nominated, some lite servers answer nothing but nominations: Chromium repeats its own
        // with each check of the selected pair, which RFC 8445 §8.1.1 does not forbid.
        let nominates = is_selected && self.role == Role::Controlling;
        let preference = self
            .bases
            .get(usize::from(local))
            .map_or(0, |base| base.local_preference);
        let expiry = self.timing().consent_expiry;
        self.start_transaction(Transaction {
            purpose: Purpose::Consent { nominates },
            session,
            local,
            remote,
            role: self.role,
            tie_breaker: self.tie_breaker,
            priority: candidate_priority(CandidateKind::PeerReflexive, preference),
            started_at: self.now,
            transmissions: 0,
            deadline: self.now + expiry.min(interval * MAX_UNANSWERED),
            cancelled: false,
            queued: false,
        });
    }

    pub(super) fn is_consent_of_path(&self, transaction: &Transaction) -> bool {
        let of_session = |active: &Active| match active.origin {
            Origin::Pair(_) => transaction.session == self.session.number,
            Origin::Previous(number) => transaction.session == number,
        };
        self.active.as_ref().is_some_and(|active| {
            active.local == transaction.local && active.path.remote == transaction.remote && of_session(active)
        })
    }

    /// The peer answered a consent check.
    pub(super) fn consented(&mut self, transaction: &Transaction, sample: Option<Duration>, mapped: SocketAddr) {
        if !self.is_consent_of_path(transaction) {
            return;
        }
        let now = self.now;
        let Some(active) = &mut self.active else {
            return;
        };
        // An answer to a question from before the sleep says nothing about now.
        if active
            .suspended_until
            .is_some_and(|until| transaction.started_at + AFTER_SLEEP < until)
        {
            return;
        }
        active.suspended_until = None;
        active.last_success = now;
        active.last_heard = now;
        if let Some(sample) = sample {
            active.rtt = Some(smoothed(active.rtt, sample));
        }
        if let Origin::Pair(id) = active.origin
            && let Some(pair) = self.session.checklist.get_mut(id)
        {
            pair.last_success = now;
            self.seen_as(id, mapped, transaction.priority);
        }
    }

    /// RFC 7675 §5.1: after this, nothing is sent on this path; only a restart brings it back.
    pub(super) fn lose_consent(&mut self, reason: FailureReason) {
        let Some(lost) = self.active.take() else {
            return;
        };
        self.transactions
            .retain(|_, transaction| !matches!(transaction.purpose, Purpose::Consent { .. }));
        let Origin::Pair(id) = lost.origin else {
            // The old path died during a restart; the new session goes on looking.
            self.forget_old_path();
            return;
        };
        if let Some(pair) = self.session.checklist.get_mut(id) {
            pair.valid = None;
            pair.leads_to = None;
            pair.state = PairState::Failed;
        }
        let was_selected = self.session.selected == Some(id);
        let others_work = self.best_usable().is_some();
        if was_selected || !others_work {
            self.fail(reason);
        }
    }

    pub(super) fn consent_timeout(&self) -> Option<Instant> {
        let active = self.active.as_ref()?;
        let both_lite = self.config.lite && self.remote_lite;
        if both_lite {
            return Some(active.next_check);
        }
        let consented = if self.config.lite {
            active.last_heard
        } else {
            active.last_success
        };
        let expires = active
            .suspended_until
            .unwrap_or(consented + self.timing().consent_expiry);
        let silent = active.last_heard + self.timing().disconnect;
        let silent = (self.state != State::Disconnected).then_some(silent);
        let missed = self.missed_at().filter(|at| *at > self.now);
        [Some(active.next_check), Some(expires), silent, missed]
            .into_iter()
            .flatten()
            .min()
    }
}
