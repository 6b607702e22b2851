//! Nomination: deciding on a pair (RFC 8445 §8).

use core::time::Duration;

use pollrtc_core::Instant;

use crate::checklist::Checklist;
use crate::pair::{Pair, PairId, PairState};

/// What has been decided on, and what is about to be.
#[derive(Debug, Default)]
pub(crate) struct Nomination {
    selected: Option<PairId>,
    /// The pair that is being nominated by us.
    nominating: Option<PairId>,
    /// The check that nominates it has not gone out yet.
    is_due: bool,
    /// When to nominate the best of what works, come what may.
    nominate_by: Option<Instant>,
    /// When to look again.
    look_at: Option<Instant>,
    /// The greatest value of a renomination that was seen (draft-thatcher-ice-renomination).
    value: Option<u32>,
    /// When to free what was not selected.
    free_at: Option<Instant>,
}

/// How long better pairs that were not asked yet may hold up the nomination of one that works, on top of twice its round
/// trip. Data flows meanwhile.
const NOMINATION_PATIENCE: Duration = Duration::from_millis(50);

/// RFC 8445 §8.3.1: how long pairs that were not selected are kept.
const FREEING_DELAY: Duration = Duration::from_secs(3);

impl Nomination {
    pub(crate) fn selected(&self) -> Option<PairId> {
        self.selected
    }

    /// Whether no more ordinary checks are worth a packet: the choice is made, or nearly.
    pub(crate) fn is_decided(&self) -> bool {
        self.selected.is_some() || self.nominating.is_some()
    }

    /// Regular nomination (RFC 8445 §8.1.1): a controlling agent, which is who asks for it, nominates the best pair
    /// that works. Some peers send nothing before. So a better pair holds that up only until it was asked, and for as long
    /// as the answer on the one that works took; candidates that are still to come don't.
    pub(crate) fn choose(&mut self, now: Instant, pacing: Duration, checklist: &Checklist) -> Option<PairId> {
        let best = match checklist.best_valid(|_| true) {
            Some(best) if !self.is_decided() => best,
            _ => {
                self.leave_choice();
                return None;
            }
        };
        let priority = best.valid.map_or(0, |valid| valid.priority);
        let round_trip = best.rtt.unwrap_or_default();
        // Until when there is hope for a better one.
        let hope = |pair: &Pair| match (pair.state, pair.first_check) {
            _ if pair.priority <= priority => None,
            (PairState::InProgress, Some(asked)) => Some(asked + round_trip).filter(|until| now < *until),
            (PairState::Waiting | PairState::Frozen, _) => Some(now + pacing),
            _ => None,
        };
        let by = *self
            .nominate_by
            .get_or_insert(now + round_trip * 2 + NOMINATION_PATIENCE);
        match checklist.iter().filter_map(hope).max() {
            Some(until) if now < by => {
                self.look_at = Some(until.min(by));
                None
            }
            _ => {
                self.leave_choice();
                Some(best.id)
            }
        }
    }

    /// The choice is made, or somebody else's.
    pub(crate) fn leave_choice(&mut self) {
        self.nominate_by = None;
        self.look_at = None;
    }

    /// The pair whose check led to `id`: it is asked again, now with USE-CANDIDATE. `None` if it is being asked.
    pub(crate) fn source_of(&self, id: PairId, checklist: &Checklist) -> Option<PairId> {
        let leading = |pair: &&Pair| pair.leads_to == Some(id) && pair.state == PairState::Succeeded;
        let source = checklist.iter().find(leading).map_or(id, |pair| pair.id);
        (self.nominating != Some(source)).then_some(source)
    }

    /// The pair is to be asked, in its turn.
    pub(crate) fn begin(&mut self, source: PairId) {
        self.nominating = Some(source);
        self.is_due = true;
    }

    /// The pair whose nomination waits for its turn.
    pub(crate) fn due(&self) -> Option<PairId> {
        self.nominating.filter(|_| self.is_due)
    }

    /// The check that nominates has gone out, or can't.
    pub(crate) fn handle_start(&mut self) {
        self.is_due = false;
    }

    /// The pair whose nomination has gone out and is not answered.
    pub(crate) fn unanswered(&self) -> Option<PairId> {
        self.nominating.filter(|_| !self.is_due)
    }

    /// Our nomination was answered, or can't be any more.
    pub(crate) fn end(&mut self) {
        self.nominating = None;
    }

    /// Takes the value of a renomination by the peer: false if a greater one came before.
    pub(crate) fn handle_value(&mut self, value: u32) -> bool {
        let greatest = self.value;
        if greatest.is_some_and(|greatest| value < greatest) {
            return false;
        }
        self.value = Some(value);
        // A renomination says that the peer has changed its mind, whatever the priorities are.
        if greatest.is_some_and(|greatest| value > greatest) {
            self.selected = None;
        }
        true
    }

    /// Whether a pair that the peer nominates, and that is valid on this side too, is to be selected. Peers of
    /// RFC 5245 nominate several in quick
    /// succession: the highest priority wins (RFC 8445 §8.1.1), so that the choice does not flap. A
    /// nomination that comes later means that the peer has moved; one that was passed over counts
    /// once the selected pair has gone `silent`.
    pub(crate) fn accepts(&self, id: PairId, checklist: &Checklist, silent: bool) -> bool {
        let priority = |id| checklist.get(id).and_then(|pair| pair.valid);
        match self.selected {
            // Chromium nominates with each check, and so do our own consent checks.
            Some(selected) if selected == id => false,
            Some(selected) => priority(id) > priority(selected) || self.free_at.is_none() || silent,
            None => true,
        }
    }

    pub(crate) fn select(&mut self, now: Instant, id: PairId) {
        self.nominating = None;
        self.leave_choice();
        self.selected = Some(id);
        self.free_at = Some(now + FREEING_DELAY);
    }

    /// Goes to another pair without having been told: a nomination that follows counts at once.
    pub(crate) fn follow(&mut self, id: PairId) {
        self.selected = Some(id);
        self.free_at = None;
    }

    /// Whether what was not selected is to be freed by now; says so once.
    pub(crate) fn poll_free(&mut self, now: Instant) -> bool {
        self.free_at.take_if(|at| *at <= now).is_some()
    }

    /// The same, with no more time given; a nomination of another pair counts from now on.
    pub(crate) fn free_now(&mut self) -> bool {
        self.free_at.take().is_some()
    }

    /// The role has changed: what was begun in the other one does not count.
    pub(crate) fn handle_role(&mut self) {
        if self.selected.is_none() {
            self.nominating = None;
            self.leave_choice();
        }
    }

    /// Pairs are gone; tells whether the selected one is.
    pub(crate) fn handle_removal(&mut self, is_gone: impl Fn(PairId) -> bool) -> bool {
        self.nominating.take_if(|id| is_gone(*id));
        if self.selected.is_none_or(|id| !is_gone(id)) {
            return false;
        }
        self.selected = None;
        self.free_at = None;
        self.value = None;
        true
    }

    /// It ends: nothing is due any more.
    pub(crate) fn stop(&mut self) {
        self.leave_choice();
        self.free_at = None;
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.look_at.into_iter().chain(self.free_at).min()
    }
}
