//! Deciding on a pair, and what follows from it (RFC 8445 §8).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_core::Instant;

use super::Agent;
use crate::candidate::CandidateKind;
use crate::checklist::{Checklist, LocalId};
use crate::event::{FailureReason, Role};
use crate::pair::{Pair, PairId, PairState};
use crate::transactions::Purpose;

/// What a better pair may take longer than one that works, on top of twice the round trip, before
/// the latter is nominated. Data flows meanwhile.
const NOMINATION_PATIENCE: Duration = Duration::from_millis(50);

/// RFC 8445 §8.3.1: how long pairs that were not selected are kept.
const FREEING_DELAY: Duration = Duration::from_secs(3);

impl Agent {
    /// Nominates, frees, or fails: whatever is due.
    pub(super) fn run_conclusion(&mut self) {
        self.run_lite_pair();
        self.run_nomination();
        self.run_fallback();
        if self.session.prune_at.is_some_and(|at| at <= self.now) {
            self.session.prune_at = None;
            self.prune();
        }
        self.run_patience();
    }

    /// Regular nomination (RFC 8445 §8.1.1): the controlling agent nominates the best pair that
    /// works, at once if nothing better can follow, else after a short while.
    fn run_nomination(&mut self) {
        let open = self.role == Role::Controlling
            && !self.config.lite
            && self.session.selected.is_none()
            && self.session.nominating.is_none();
        if !open {
            self.session.nominate_at = None;
            return;
        }
        let Some((best, decided, rtt)) = self.best_to_nominate() else {
            self.session.nominate_at = None;
            return;
        };
        let patience = rtt * 2 + NOMINATION_PATIENCE;
        let at = *self.session.nominate_at.get_or_insert(self.now + patience);
        if !decided && self.now < at {
            return;
        }
        self.session.nominate_at = None;
        self.nominate(best);
    }

    /// Repeats the check that led to this pair, now with USE-CANDIDATE.
    pub(super) fn nominate(&mut self, id: PairId) {
        let leading = |pair: &&Pair| pair.leads_to == Some(id) && pair.state == PairState::Succeeded;
        let source = self.session.checklist.iter().find(leading).map_or(id, |pair| pair.id);
        if self.session.nominating != Some(source) && self.start_check(source, true) {
            self.session.nominating = Some(source);
        }
    }

    /// The best valid pair, whether nothing better can follow, and its round-trip time.
    fn best_to_nominate(&self) -> Option<(PairId, bool, Duration)> {
        let best = self.session.checklist.best_valid(|_| true)?;
        let priority = best.valid.map_or(0, |valid| valid.priority);
        let may_be_better = |pair: &Pair| {
            matches!(
                pair.state,
                PairState::Waiting | PairState::InProgress | PairState::Frozen
            ) && pair.priority > priority
        };
        let more_may_come = !self.session.remote_ended && !self.is_between_hosts(best);
        let decided = !more_may_come && !self.session.checklist.iter().any(may_be_better);
        Some((best.id, decided, best.rtt.unwrap_or_default()))
    }

    /// No kind of pair is better than one without a NAT on either side.
    fn is_between_hosts(&self, pair: &Pair) -> bool {
        let remote = self.session.remotes.get(pair.remote);
        let remote_is_host = remote.is_some_and(|remote| remote.kind == CandidateKind::Host);
        remote_is_host
            && pair
                .valid
                .is_some_and(|valid| valid.local_priority == pair.local_priority)
    }

    /// RFC 8445 §7.3.1.5: the peer nominates the pair that its check came on. It counts once our
    /// own check of it has succeeded: a path that works one way only is never selected.
    pub(super) fn nominated_by_peer(&mut self, id: PairId, nomination: Option<u32>) {
        if let Some(value) = nomination {
            if self.session.nomination.is_some_and(|newest| value < newest) {
                return;
            }
            // A renomination says that the peer has changed its mind, whatever the priorities are.
            if self
                .session
                .nomination
                .replace(value)
                .is_some_and(|newest| value > newest)
            {
                self.session.selected = None;
            }
        }
        let Some(pair) = self.session.checklist.get_mut(id) else {
            return;
        };
        match (pair.state, pair.leads_to) {
            (PairState::Succeeded, Some(valid)) => self.accept_nomination(valid),
            _ => pair.nominate_on_success = true,
        }
    }

    /// A nominated pair is valid on this side too. Peers of RFC 5245 nominate several in quick
    /// succession: the highest priority wins (RFC 8445 §8.1.1), so that the choice does not flap. A
    /// nomination that comes later means that the peer has moved; one that was passed over counts
    /// once the selected pair has gone silent.
    pub(super) fn accept_nomination(&mut self, id: PairId) {
        if let Some(pair) = self.session.checklist.get_mut(id) {
            pair.nominated = true;
        }
        let priority = |id| self.session.checklist.get(id).and_then(|pair| pair.valid);
        let accepted = match self.session.selected {
            // Chromium nominates with each check, and so do our own consent checks.
            Some(selected) if selected == id => false,
            Some(selected) => {
                let has_settled = self.session.prune_at.is_none();
                priority(id) > priority(selected) || has_settled || self.is_silent()
            }
            None => true,
        };
        if accepted {
            self.select(id);
        }
    }

    /// RFC 8445 §8.1.2: the pair is selected; no others are checked any more.
    pub(super) fn select(&mut self, id: PairId) {
        let now = self.now;
        self.session.nominating = None;
        self.session.nominate_at = None;
        self.session.selected = Some(id);
        self.session.prune_at = Some(now + FREEING_DELAY);
        let nominated: Vec<PairId> = self
            .session
            .checklist
            .iter()
            .filter(|pair| pair.nominate_on_success)
            .map(|pair| pair.id)
            .collect();
        self.session.checklist.clear_triggered(|id| nominated.contains(&id));
        let in_progress: Vec<_> = self
            .session
            .checklist
            .iter()
            .filter(|pair| !pair.nominate_on_success)
            .filter_map(|pair| pair.check)
            .collect();
        for check in &in_progress {
            self.cancel(check);
        }
        self.leave_old_path();
    }

    /// RFC 8445 §8.3.1: frees what was not selected, save what the peer may still send data on.
    pub(super) fn prune(&mut self) {
        let Some(selected) = self.session.selected else {
            return;
        };
        self.session
            .checklist
            .retain(|pair| pair.id == selected || pair.valid.is_some() || pair.answered);
        let checklist = &self.session.checklist;
        let now = self.now;
        self.transactions.retain(|_, transaction| match transaction.purpose {
            Purpose::Check { pair, .. } => checklist.get(pair).is_some() && transaction.deadline > now,
            _ => true,
        });
    }

    /// RFC 8863: nothing works and nothing is left to try. Before patience ends, the peer's own
    /// checks may still show a way; after it, it also stands in for an end of candidates that
    /// never came.
    fn run_patience(&mut self) {
        if self.session.patience_ends.is_none_or(|at| at > self.now) {
            return;
        }
        // A lite agent tries nothing: it is the peer's checks that it waited for.
        let may_work = self.active.is_some() || (!self.config.lite && self.session.checklist.is_any_alive());
        if !may_work {
            self.fail(FailureReason::NoPair);
        } else if self.active.is_some() {
            self.session.patience_ends = None;
        } else {
            // Look again when the next check has ended.
            let next = self.transactions.next_deadline().filter(|at| *at > self.now);
            self.session.patience_ends = Some(next.unwrap_or(self.now + self.timing().pacing));
        }
    }

    /// What a base's going leaves behind.
    pub(super) fn forget_base(&mut self, local: LocalId) {
        let gone = |checklist: &Checklist, id: Option<PairId>| {
            id.and_then(|id| checklist.get(id))
                .is_some_and(|pair| pair.local == local)
        };
        let session = &mut self.session;
        let selected_is_gone = gone(&session.checklist, session.selected);
        if gone(&session.checklist, session.nominating) {
            session.nominating = None;
        }
        session.early.retain(|early| early.local != local);
        session.checklist.retain(|pair| pair.local != local);
        let ids: BTreeSet<PairId> = session.checklist.iter().map(|pair| pair.id).collect();
        for pair in session.checklist.iter_mut() {
            pair.leads_to = pair.leads_to.filter(|id| ids.contains(id));
        }
        for previous in &mut self.previous {
            previous.forget_base(local);
        }
        self.active.take_if(|active| active.local == local);
        if selected_is_gone {
            self.look_again();
        }
    }

    /// The selected pair is gone, not by choice: what is left is checked again, and the best of it
    /// nominated, without a restart.
    fn look_again(&mut self) {
        self.session.selected = None;
        self.session.prune_at = None;
        self.session.nomination = None;
        self.pair_all();
        for pair in self.session.checklist.iter_mut() {
            if pair.state != PairState::InProgress {
                pair.state = PairState::Waiting;
                pair.leads_to = None;
            }
        }
        let expiry = self.timing().consent_expiry;
        let now = self.now;
        for pair in self.session.checklist.iter_mut() {
            if pair.last_success + expiry <= now {
                pair.valid = None;
            } else if pair.valid.is_some() {
                pair.state = PairState::Succeeded;
                pair.leads_to = Some(pair.id);
            }
        }
        let patience = self.timing().patience;
        self.session.patience_ends = Some(now + patience);
    }

    /// The pair that data takes if nothing is selected: the best that works and whose consent is
    /// fresh.
    pub(super) fn best_usable(&self) -> Option<PairId> {
        let expiry = self.timing().consent_expiry;
        let fresh = |pair: &Pair| self.now < pair.last_success + expiry || self.config.lite;
        self.session.checklist.best_valid(fresh).map(|pair| pair.id)
    }

    pub(super) fn conclusion_timeout(&self) -> Option<Instant> {
        let session = &self.session;
        [session.nominate_at, session.patience_ends, session.prune_at]
            .into_iter()
            .flatten()
            .min()
    }
}
