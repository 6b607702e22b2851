//! The pairs and the order in which they are checked (RFC 8445 §6.1).

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use pollrtc_core::{Flow, Instant};

use crate::pair::{Foundation, Pair, PairId, PairState};

/// The pairs of one ICE session.
#[derive(Debug, Default)]
pub(crate) struct Checklist {
    /// Ordered by id, since ids only grow: found by binary search, and an id that is gone is never
    /// someone else's.
    pairs: Vec<Pair>,
    by_flow: Vec<(Flow, PairId)>,
    triggered: VecDeque<Triggered>,
    next_id: u32,
}

/// A pair whose turn comes before all ordinary checks, though not before `not_before`.
#[derive(Clone, Copy, Debug)]
struct Triggered {
    pair: PairId,
    not_before: Instant,
}

/// When the next check could start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Now,
    At(Instant),
    Never,
}

impl Checklist {
    pub(crate) fn len(&self) -> usize {
        self.pairs.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Pair> {
        self.pairs.iter_mut()
    }

    pub(crate) fn get(&self, id: PairId) -> Option<&Pair> {
        let index = self.pairs.binary_search_by_key(&id, |pair| pair.id).ok()?;
        self.pairs.get(index)
    }

    pub(crate) fn get_mut(&mut self, id: PairId) -> Option<&mut Pair> {
        let index = self.pairs.binary_search_by_key(&id, |pair| pair.id).ok()?;
        self.pairs.get_mut(index)
    }

    pub(crate) fn find(&self, flow: Flow) -> Option<PairId> {
        let at = find_flow(&self.by_flow, flow).ok()?;
        Some(self.by_flow.get(at)?.1)
    }

    /// Takes a pair in, at the cost of the least valuable one if `limit` is reached; `None` if it
    /// would be that one itself.
    pub(crate) fn insert(&mut self, mut pair: Pair, limit: usize) -> Option<PairId> {
        if self.pairs.len() >= limit && !self.make_room(&pair) {
            return None;
        }
        let id = PairId(self.next_id);
        self.next_id = self.next_id.checked_add(1)?;
        pair.id = id;
        match find_flow(&self.by_flow, pair.flow) {
            Ok(at) => {
                if let Some((_, known)) = self.by_flow.get_mut(at) {
                    *known = id;
                }
            }
            Err(at) => self.by_flow.insert(at, (pair.flow, id)),
        }
        self.pairs.push(pair);
        Some(id)
    }

    /// The checks are over, and the pairs that are left will do.
    pub(crate) fn shrink(&mut self) {
        self.pairs.shrink_to_fit();
        self.by_flow.shrink_to_fit();
        self.triggered.shrink_to_fit();
    }

    /// RFC 8445 §6.1.2.5: the lowest priorities go. What works, or is being asked, stays.
    fn make_room(&mut self, newcomer: &Pair) -> bool {
        let expendable =
            |pair: &&Pair| !matches!(pair.state, PairState::InProgress | PairState::Succeeded) && pair.valid.is_none();
        // What has failed is worth less than anything untried.
        let worth = |pair: &&Pair| (pair.state != PairState::Failed, pair.priority);
        let Some(least) = self.pairs.iter().filter(expendable).min_by_key(worth) else {
            return false;
        };
        if worth(&least) >= worth(&newcomer) {
            return false;
        }
        let id = least.id;
        self.remove(id);
        true
    }

    pub(crate) fn remove(&mut self, id: PairId) {
        self.retain(|pair| pair.id != id);
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Pair) -> bool) {
        let Self {
            pairs,
            by_flow,
            triggered,
            ..
        } = self;
        pairs.retain(|pair| {
            let kept = keep(pair);
            if !kept {
                if let Ok(at) = find_flow(by_flow, pair.flow) {
                    by_flow.remove(at);
                }
                triggered.retain(|queued| queued.pair != pair.id);
            }
            kept
        });
    }

    /// RFC 8445 §6.1.2.6, and RFC 8838 §12 where a pair joins others. A new pair waits if nothing of its foundation
    /// does; the best of those that have not begun goes first, the others stay frozen until it is decided.
    pub(crate) fn set_initial_state(&mut self, id: PairId) {
        let Some((foundation, priority)) = self.get(id).map(|pair| (pair.foundation, pair.priority)) else {
            return;
        };
        let of_foundation = |pair: &&Pair| pair.id != id && pair.foundation == foundation;
        let others = || self.iter().filter(of_foundation);
        let succeeded = others().any(|pair| pair.state == PairState::Succeeded);
        let checking = others().any(|pair| pair.state == PairState::InProgress || self.is_triggered(pair.id));
        let waiting = others()
            .find(|pair| pair.state == PairState::Waiting)
            .map(|pair| (pair.id, pair.priority));
        let state = match waiting {
            _ if succeeded => PairState::Waiting,
            _ if checking => PairState::Frozen,
            Some((other, lower)) if lower < priority => {
                if let Some(other) = self.get_mut(other) {
                    other.state = PairState::Frozen;
                }
                PairState::Waiting
            }
            Some(_) => PairState::Frozen,
            None => PairState::Waiting,
        };
        if let Some(pair) = self.get_mut(id) {
            pair.state = state;
        }
    }

    /// Opens all that is not being checked for checks again; what has worked, and whose consent `is_fresh`, works on.
    pub(crate) fn begin_again(&mut self, is_fresh: impl Fn(&Pair) -> bool) {
        for pair in &mut self.pairs {
            if pair.state != PairState::InProgress {
                pair.state = PairState::Waiting;
                pair.leads_to = None;
                pair.first_check = None;
                pair.fresh_checks = 0;
            }
            if !is_fresh(pair) {
                pair.valid = None;
            } else if pair.valid.is_some() {
                pair.state = PairState::Succeeded;
                pair.leads_to = Some(pair.id);
            }
        }
    }

    /// Drops the pairs of a base that is gone.
    pub(crate) fn remove_of(&mut self, is_gone: impl Fn(Flow) -> bool) {
        self.retain(|pair| !is_gone(pair.flow));
        let left: BTreeSet<PairId> = self.pairs.iter().map(|pair| pair.id).collect();
        for pair in &mut self.pairs {
            pair.leads_to = pair.leads_to.filter(|id| left.contains(id));
        }
    }

    /// Puts a pair into the triggered-check queue (RFC 8445 §6.1.4.1), once.
    pub(crate) fn trigger(&mut self, id: PairId, not_before: Instant) {
        if let Some(pair) = self.get_mut(id) {
            if pair.state == PairState::Failed {
                pair.first_check = None;
                pair.fresh_checks = 0;
            }
            pair.state = PairState::Waiting;
        }
        match self.triggered.iter_mut().find(|queued| queued.pair == id) {
            Some(queued) => queued.not_before = queued.not_before.min(not_before),
            None => self.triggered.push_back(Triggered { pair: id, not_before }),
        }
    }

    pub(crate) fn is_triggered(&self, id: PairId) -> bool {
        self.triggered.iter().any(|queued| queued.pair == id)
    }

    /// How many triggered checks wait for their time.
    pub(crate) fn held(&self, now: Instant) -> u32 {
        let held = self.triggered.iter().filter(|queued| queued.not_before > now);
        u32::try_from(held.count()).unwrap_or(u32::MAX - 1)
    }

    pub(crate) fn untrigger(&mut self, id: PairId) {
        self.triggered.retain(|queued| queued.pair != id);
    }

    /// Ends ordinary and triggered checks of all pairs but those that `keep` wants checked.
    pub(crate) fn clear_triggered(&mut self, mut keep: impl FnMut(PairId) -> bool) {
        self.triggered.retain(|queued| keep(queued.pair));
    }

    /// RFC 8445 §6.1.4.2: the pair to check now: the first triggered one, else the waiting one of
    /// highest priority among those that `worthwhile` accepts, else such a frozen one.
    pub(crate) fn next(&mut self, now: Instant, worthwhile: impl Fn(&Pair) -> bool) -> Option<PairId> {
        if let Some(at) = self.triggered.iter().position(|queued| queued.not_before <= now) {
            return self.triggered.remove(at).map(|queued| queued.pair);
        }
        let worthwhile = |pair: &Pair| pair.held_until <= now && worthwhile(pair);
        let waiting =
            |pair: &&Pair| pair.state == PairState::Waiting && worthwhile(pair) && !self.is_triggered(pair.id);
        if let Some(best) = self.pairs.iter().filter(waiting).max_by_key(|pair| pair.priority) {
            return Some(best.id);
        }
        self.best_frozen(worthwhile)
    }

    pub(crate) fn readiness(&self, now: Instant, worthwhile: impl Fn(&Pair) -> bool) -> Readiness {
        let triggered = self.triggered.iter().map(|queued| queued.not_before);
        let is_open = |pair: &&Pair| match pair.state {
            PairState::Waiting => worthwhile(pair) && !self.is_triggered(pair.id),
            PairState::Frozen => worthwhile(pair),
            _ => false,
        };
        let open = self.pairs.iter().filter(is_open).map(|pair| pair.held_until);
        match triggered.chain(open).min() {
            Some(at) if at <= now => Readiness::Now,
            Some(at) => Readiness::At(at),
            None => Readiness::Never,
        }
    }

    /// How many checks wait or are in progress.
    pub(crate) fn busy(&self) -> u32 {
        let is_busy = |pair: &&Pair| matches!(pair.state, PairState::Waiting | PairState::InProgress);
        u32::try_from(self.pairs.iter().filter(is_busy).count()).unwrap_or(u32::MAX)
    }

    /// Of the pairs in progress that `may` be asked again, the one whose latest check is the oldest.
    pub(crate) fn longest_unanswered(&self, may: impl Fn(&Pair) -> bool) -> Option<&Pair> {
        let in_progress =
            |pair: &&Pair| pair.state == PairState::InProgress && may(pair) && !self.is_triggered(pair.id);
        self.pairs
            .iter()
            .filter(in_progress)
            .min_by_key(|pair| pair.latest_check)
    }

    /// The best frozen pair. RFC 8445 §6.1.4.2 would leave it frozen while another pair of its
    /// foundation is in progress, which takes 39.5 s where that one leads nowhere. Some servers
    /// write one foundation for all of their candidates, so it decides on the order and no more.
    fn best_frozen(&self, worthwhile: impl Fn(&Pair) -> bool) -> Option<PairId> {
        let frozen = |pair: &&Pair| pair.state == PairState::Frozen && worthwhile(pair);
        let best = self.pairs.iter().filter(frozen).max_by_key(|pair| pair.priority)?;
        Some(best.id)
    }

    /// RFC 8445 §7.2.5.3.3: what works once is likely to work for all of the same foundation.
    pub(crate) fn unfreeze(&mut self, foundation: Foundation) {
        for pair in &mut self.pairs {
            if pair.foundation == foundation && pair.state == PairState::Frozen {
                pair.state = PairState::Waiting;
            }
        }
    }

    /// Whether a pair may still come to work.
    pub(crate) fn is_any_alive(&self) -> bool {
        self.pairs.iter().any(|pair| pair.state != PairState::Failed)
    }

    /// The valid pair of highest priority that `accept` likes.
    pub(crate) fn best_valid(&self, accept: impl Fn(&Pair) -> bool) -> Option<&Pair> {
        self.pairs
            .iter()
            .filter(|pair| pair.valid.is_some() && accept(pair))
            .max_by_key(|pair| pair.valid)
    }
}

/// Where a flow is in a list in their order, or belongs.
fn find_flow(list: &[(Flow, PairId)], flow: Flow) -> Result<usize, usize> {
    list.binary_search_by(|(known, _)| known.cmp(&flow))
}
