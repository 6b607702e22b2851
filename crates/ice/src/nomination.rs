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
    /// When to nominate the best of what works, come what may.
    nominate_at: Option<Instant>,
    /// The greatest value of a renomination that was seen (draft-thatcher-ice-renomination).
    value: Option<u32>,
    /// When to free what was not selected.
    free_at: Option<Instant>,
}

/// What a better pair may take longer than one that works, on top of twice the round trip, before
/// the latter is nominated. Data flows meanwhile.
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
    /// that works, at once if nothing better can follow, else after a short while. `is_final` tells of a pair whether
    /// candidates that are still to come can't be better.
    pub(crate) fn choose(
        &mut self,
        now: Instant,
        checklist: &Checklist,
        is_final: impl Fn(&Pair) -> bool,
    ) -> Option<PairId> {
        let best = match checklist.best_valid(|_| true) {
            Some(best) if !self.is_decided() => best,
            _ => {
                self.nominate_at = None;
                return None;
            }
        };
        let priority = best.valid.map_or(0, |valid| valid.priority);
        let may_be_better = |pair: &Pair| {
            matches!(
                pair.state,
                PairState::Waiting | PairState::InProgress | PairState::Frozen
            ) && pair.priority > priority
        };
        let decided = is_final(best) && !checklist.iter().any(may_be_better);
        let patience = best.rtt.unwrap_or_default() * 2 + NOMINATION_PATIENCE;
        let at = *self.nominate_at.get_or_insert(now + patience);
        if !decided && now < at {
            return None;
        }
        self.nominate_at = None;
        Some(best.id)
    }

    /// The choice is somebody else's.
    pub(crate) fn leave_choice(&mut self) {
        self.nominate_at = None;
    }

    /// The pair whose check led to `id`: it is asked again, now with USE-CANDIDATE. `None` if it is being asked.
    pub(crate) fn source_of(&self, id: PairId, checklist: &Checklist) -> Option<PairId> {
        let leading = |pair: &&Pair| pair.leads_to == Some(id) && pair.state == PairState::Succeeded;
        let source = checklist.iter().find(leading).map_or(id, |pair| pair.id);
        (self.nominating != Some(source)).then_some(source)
    }

    pub(crate) fn begin(&mut self, source: PairId) {
        self.nominating = Some(source);
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
        self.nominate_at = None;
        self.selected = Some(id);
        self.free_at = Some(now + FREEING_DELAY);
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
            self.nominate_at = None;
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
        self.nominate_at = None;
        self.free_at = None;
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.nominate_at.into_iter().chain(self.free_at).min()
    }
}
