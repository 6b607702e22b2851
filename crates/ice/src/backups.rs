//! Backup pairs: what stands by to take the place of the selected pair.
//!
//! RFC 8445 §8.1.2 ends all other checks with the selection. Then nothing is known of the other pairs when the selected one
//! dies, the bindings that NATs made for them are gone, and an interface that comes up is never tried. So a few pairs
//! from each local address are checked on, at a slow pace.

use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_core::Instant;
use pollrtc_crypto::Rng;

use crate::checklist::Checklist;
use crate::config::Config;
use crate::consent::drawn;
use crate::pair::{Pair, PairId, PairState};

/// The pairs that stand by.
#[derive(Debug, Default)]
pub(crate) struct Backups {
    list: Vec<Backup>,
    /// When the first of them is to be checked.
    next: Option<Instant>,
    /// Pairs have come, gone, or changed since these were chosen.
    is_stale: bool,
    /// Whether one of them works.
    is_ready: bool,
}

#[derive(Clone, Copy, Debug)]
struct Backup {
    pair: PairId,
    next: Instant,
}

/// What lies between the first checks of pairs that nobody has tried when another one was selected.
const FIRST_CHECKS: Duration = Duration::from_millis(100);

/// How many intervals a pair rests that has failed.
const FAILED_REST: u32 = 4;

/// How many checks of one pair may be unanswered for another one to follow.
const MAX_OUTSTANDING: u8 = 4;

impl Backups {
    /// The pairs are not what they were.
    pub(crate) fn touch(&mut self) {
        self.is_stale = true;
    }

    pub(crate) fn contains(&self, pair: PairId) -> bool {
        self.list.iter().any(|backup| backup.pair == pair)
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether one of them could take over.
    pub(crate) fn are_ready(&self) -> bool {
        self.is_ready
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// Nothing stands by any more.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Chooses anew if that may change anything, and has those checked whose turn it is.
    pub(crate) fn run(
        &mut self,
        now: Instant,
        config: &Config,
        selected: PairId,
        checklist: &mut Checklist,
        rng: &mut Rng,
    ) {
        if core::mem::take(&mut self.is_stale) {
            self.choose(now, config, selected, checklist);
        } else if self.next.is_none_or(|next| now < next) {
            return;
        }
        for backup in self.list.iter_mut().filter(|backup| backup.next <= now) {
            let Some(pair) = checklist.get(backup.pair) else {
                self.is_stale = true;
                continue;
            };
            let has_failed = pair.state == PairState::Failed;
            let rest = if has_failed { FAILED_REST } else { 1 };
            backup.next = now + drawn(config.timing.backup_interval.saturating_mul(rest), rng);
            if pair.outstanding < MAX_OUTSTANDING && !checklist.is_triggered(backup.pair) {
                checklist.trigger(backup.pair, now);
            }
        }
        self.next = self.list.iter().map(|backup| backup.next).min();
    }

    /// The best few of each local address: what works before what was not tried yet, and that before what has failed.
    /// What never worked and has failed is not tried again.
    fn choose(&mut self, now: Instant, config: &Config, selected: PairId, checklist: &Checklist) {
        let may_work = |pair: &&Pair| pair.id != selected && (pair.state != PairState::Failed || pair.mapped.is_some());
        let mut pairs: Vec<&Pair> = checklist.iter().filter(may_work).collect();
        pairs.sort_by_key(|pair| {
            let worth = (pair.state != PairState::Failed, pair.valid, pair.priority);
            (pair.flow.local(), core::cmp::Reverse(worth))
        });
        let known = core::mem::take(&mut self.list);
        let (mut local, mut of_local, mut untried) = (None, 0, 0);
        self.is_ready = false;
        for pair in pairs {
            if core::mem::replace(&mut local, pair.flow.local()) != pair.flow.local() {
                of_local = 0;
            }
            of_local += 1;
            if of_local > config.max_backup_pairs {
                continue;
            }
            self.is_ready |= pair.state != PairState::Failed && pair.valid.is_some();
            let next = known
                .iter()
                .find(|backup| backup.pair == pair.id)
                .map(|backup| backup.next);
            let next = next.unwrap_or_else(|| match pair.latest_check {
                Some(at) => at + config.timing.backup_interval,
                None => {
                    untried += 1;
                    now + FIRST_CHECKS * (untried - 1)
                }
            });
            self.list.push(Backup { pair: pair.id, next });
        }
        self.next = self.list.iter().map(|backup| backup.next).min();
    }
}
