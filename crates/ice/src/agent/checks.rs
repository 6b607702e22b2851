//! Sending checks: pacing, retransmission, giving up (RFC 8445 §6.1.4.2, §14).

use core::time::Duration;

use pollrtc_core::Instant;

use super::Agent;
use super::output::Outgoing;
use crate::candidate::CandidateKind;
use crate::checklist::Readiness;
use crate::event::Role;
use crate::pair::{Pair, PairId, PairState};
use crate::priority::candidate_priority;
use crate::transactions::{Purpose, Schedule, Transaction, TransactionId};

/// How long a triggered check waits for the answer to the one that is in progress already. When
/// both sides begin at once, each one's check is on its way when the other's arrives, and a second
/// one would only double the traffic; when the peer's NAT let the first one fall, the second
/// follows after this. It is half of the time between checks that RFC 8445 §14.2 recommends.
const TRIGGERED_HOLD: Duration = Duration::from_millis(25);

/// How many checks of one pair may be unanswered at once; a peer that triggers more is not obeyed.
const MAX_OUTSTANDING: u8 = 4;

impl Agent {
    /// Starts what may start now, one transaction each Ta (RFC 8445 §14.2).
    pub(super) fn run_pacing(&mut self) {
        self.run_gathering();
        let may_start = self.paced_at.is_none_or(|at| at + self.timing().pacing <= self.now);
        if may_start && (self.start_gathering_one() || self.start_one_check()) {
            self.paced_at = Some(self.now);
        }
        self.pace_at = self.next_start();
    }

    fn next_start(&self) -> Option<Instant> {
        let earliest = self.paced_at.map_or(self.now, |at| at + self.timing().pacing);
        if self.gathering.has_questions() {
            return Some(earliest);
        }
        if !self.may_check() {
            return None;
        }
        let ready = self.session.checklist.readiness(self.now, self.worthwhile());
        match ready {
            Readiness::Now => Some(earliest),
            Readiness::At(time) => Some(earliest.max(time)),
            Readiness::Never => None,
        }
    }

    /// Checks need the peer's credentials, and a full agent on this side.
    fn may_check(&self) -> bool {
        !self.config.lite && self.session.keys.remote.is_some()
    }

    /// Which ordinary checks are worth a packet: none once a pair is selected, and none that could
    /// only find something worse than what works (RFC 8445 §6.1.4.2 leaves this to local policy).
    fn worthwhile(&self) -> impl Fn(&Pair) -> bool + use<> {
        let done = self.session.selected.is_some() || self.session.nominating.is_some();
        let best = self.session.checklist.best_valid(|_| true).and_then(|pair| pair.valid);
        move |pair| !done && best.is_none_or(|best| pair.priority > best.priority)
    }

    fn start_one_check(&mut self) -> bool {
        if !self.may_check() {
            return false;
        }
        let worthwhile = self.worthwhile();
        let Some(pair) = self.session.checklist.next(self.now, worthwhile) else {
            return false;
        };
        self.start_check(pair, false)
    }

    /// Sends a check of this pair; tells whether it could.
    pub(super) fn start_check(&mut self, id: PairId, nominates: bool) -> bool {
        let Some(pair) = self.session.checklist.get(id) else {
            return false;
        };
        let (local, remote) = (pair.local, pair.remote_address);
        let Some(base) = self.bases.get(usize::from(local)) else {
            return false;
        };
        // RFC 8445 §7.1.1: what the candidate would be worth if the peer learnt it from this check.
        let priority = candidate_priority(CandidateKind::PeerReflexive, base.local_preference);
        let deadline = self.now + self.check_schedule().wait_after(1);
        let transaction = self.start_transaction(Transaction {
            purpose: Purpose::Check { pair: id, nominates },
            session: self.session.number,
            local,
            remote,
            role: self.role,
            tie_breaker: self.tie_breaker,
            priority,
            started_at: self.now,
            transmissions: 0,
            deadline,
            cancelled: false,
            queued: false,
        });
        if let Some(pair) = self.session.checklist.get_mut(id) {
            // A nomination repeats the check of a pair that has succeeded and still counts as such.
            if !nominates {
                pair.state = PairState::InProgress;
            }
            pair.check = Some(transaction);
            pair.outstanding = pair.outstanding.saturating_add(1);
        }
        true
    }

    /// Gives a request its id and puts it out to be sent.
    pub(super) fn start_transaction(&mut self, transaction: Transaction) -> TransactionId {
        let id = self.rng.array();
        self.transactions.insert(id, transaction);
        self.queue_request(id);
        id
    }

    fn queue_request(&mut self, id: TransactionId) {
        let mut queued_before = true;
        self.transactions.update(&id, |transaction| {
            queued_before = core::mem::replace(&mut transaction.queued, true);
            transaction.transmissions += u32::from(!queued_before);
        });
        if !queued_before {
            self.outgoing.push_back(Outgoing::Request(id));
        }
    }

    fn check_schedule(&self) -> Schedule {
        let timing = self.timing();
        Schedule {
            rto: timing.retransmission,
            transmissions: timing.check_transmissions,
            last_wait: timing.last_wait,
        }
    }

    /// Retransmits, or gives up, whatever is due.
    pub(super) fn run_transactions(&mut self) {
        while let Some(id) = self.transactions.due(self.now) {
            let Some(transaction) = self.transactions.get(&id).copied() else {
                return;
            };
            let schedule = match transaction.purpose {
                Purpose::Check { .. } => self.check_schedule(),
                Purpose::Gather { .. } => self.gather_schedule(),
                Purpose::Consent { .. } => {
                    // RFC 7675 §5.1: sent once; its silence is noticed by the path, not here.
                    self.transactions.remove(&id);
                    continue;
                }
            };
            // After a sleep of the machine the time may be over before all were sent.
            let deadline = self.now + schedule.wait_after(transaction.transmissions + 1);
            let is_over = self.is_moot(&transaction)
                || deadline <= self.now // the end of time
                || transaction.transmissions >= schedule.transmissions
                || self.now - transaction.started_at >= schedule.total()
                || transaction.cancelled;
            if is_over {
                self.transactions.remove(&id);
                self.timed_out(id, &transaction);
                continue;
            }
            self.transactions
                .update(&id, |transaction| transaction.deadline = deadline);
            self.queue_request(id);
        }
    }

    /// Whether nobody waits for the answer any more.
    fn is_moot(&self, transaction: &Transaction) -> bool {
        match transaction.purpose {
            Purpose::Check { pair, .. } => {
                transaction.session != self.session.number || self.session.checklist.get(pair).is_none()
            }
            Purpose::Gather { .. } | Purpose::Consent { .. } => false,
        }
    }

    fn timed_out(&mut self, id: TransactionId, transaction: &Transaction) {
        match transaction.purpose {
            Purpose::Check { pair, nominates } => {
                self.check_is_over(pair, &id);
                if !transaction.cancelled {
                    self.check_failed(pair, nominates);
                }
            }
            Purpose::Gather { .. } => self.gathering.give_up_one(),
            Purpose::Consent { .. } => {}
        }
    }

    /// Counts a check of a pair as answered or given up.
    pub(super) fn check_is_over(&mut self, pair: PairId, id: &TransactionId) {
        if let Some(pair) = self.session.checklist.get_mut(pair) {
            pair.outstanding = pair.outstanding.saturating_sub(1);
            if pair.check == Some(*id) {
                pair.check = None;
            }
        }
    }

    /// RFC 8445 §7.2.5.2: a check failed, for good.
    pub(super) fn check_failed(&mut self, id: PairId, nominates: bool) {
        let Some(pair) = self.session.checklist.get_mut(id) else {
            return;
        };
        if nominates
            && self
                .session
                .selected
                .is_some_and(|selected| pair.leads_to.unwrap_or(id) == selected)
        {
            // It was nominated anew, as the same pair: only consent decides on what is selected.
            self.session.nominating = None;
            return;
        }
        let leads_to = pair.leads_to.take();
        pair.nominate_on_success = false;
        pair.state = PairState::Failed;
        if nominates {
            // §7.2.5.3.4: off the valid list. Others that work may still be nominated.
            for failed in [Some(id), leads_to].into_iter().flatten() {
                if let Some(pair) = self.session.checklist.get_mut(failed) {
                    pair.valid = None;
                }
            }
            self.session.nominating = None;
        }
    }

    /// RFC 8445 §7.3.1.4: the peer's check on a pair triggers ours.
    pub(super) fn trigger_check(&mut self, id: PairId) {
        let Some(pair) = self.session.checklist.get(id) else {
            return;
        };
        match pair.state {
            PairState::Succeeded => {}
            PairState::Waiting | PairState::Frozen | PairState::Failed => {
                self.session.checklist.trigger(id, self.now);
            }
            PairState::InProgress if pair.outstanding >= MAX_OUTSTANDING => {
                self.stats.limit_reached += 1;
            }
            PairState::InProgress => {
                let check = pair.check;
                let age = check
                    .and_then(|check| self.transactions.get(&check))
                    .map_or(TRIGGERED_HOLD, |check| self.now - check.started_at);
                if let Some(check) = check {
                    self.cancel(&check);
                }
                // Where many pairs are open both ways, one after the other is asked again.
                let hold = TRIGGERED_HOLD * (1 + self.session.checklist.held(self.now));
                self.session.checklist.trigger(id, self.now + age.min(hold));
            }
        }
    }

    /// No more retransmissions, but an answer is still welcome.
    pub(super) fn cancel(&mut self, id: &TransactionId) {
        let total = self.check_schedule().total();
        let now = self.now;
        self.transactions.update(id, |transaction| {
            transaction.cancelled = true;
            transaction.deadline = now.max(transaction.started_at + total);
        });
    }

    /// Takes the other role, or the same: priorities follow (RFC 8445 §7.3.1.1).
    pub(super) fn switch_role(&mut self, role: Role) {
        if self.role == role {
            return;
        }
        self.role = role;
        for pair in self.session.checklist.iter_mut() {
            pair.prioritise(role);
            pair.nominate_on_success = false;
        }
        if self.session.selected.is_none() {
            self.session.nominating = None;
            self.session.nominate_at = None;
        }
    }

    /// Forgets requests, and what waited for their answers.
    pub(super) fn forget_transactions(&mut self, forget: impl Fn(&Transaction) -> bool) {
        let gathering = &mut self.gathering;
        self.transactions.retain(|_, transaction| {
            let forgotten = forget(transaction);
            if forgotten && matches!(transaction.purpose, Purpose::Gather { .. }) {
                gathering.give_up_one();
            }
            !forgotten
        });
    }
}
