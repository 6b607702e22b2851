//! Which chunks are lost, told by what was acknowledged (RFC 9260 §7.2.4) and by time (RFC 8985).
//!
//! A chunk that was sent once is lost when three SACKs acknowledged something new above it, or when
//! something sent later has arrived and the time for being overtaken is up. A chunk that was sent
//! again is judged by time alone. Both walks go forward only: work is constant per chunk.

use alloc::collections::VecDeque;
use core::time::Duration;

use pollrtc_core::Instant;

use crate::outstanding::{Acked, MAX_CHUNKS, Outstanding};
use crate::rto::RttEstimator;
use crate::work;

/// SACKs with news from above after which a chunk counts as lost (RFC 9260 §7.2.4).
const MISSING_REPORTS: usize = 3;
/// How many recoveries from losses a reorder window that was raised outlives (RFC 8985 §6.2 step 4).
const REORDER_PERSISTENCE: u8 = 16;
/// How many transmissions are kept in mind that were not the first of their chunk, and how many that may not be repeated;
/// beyond that most are stale.
const MAX_RESENT: usize = 2 * MAX_CHUNKS;
/// How many chunks are judged at a time, and how soon the rest is.
const MAX_JUDGED: usize = 2048;
const JUDGED_AGAIN: Duration = Duration::from_millis(1);
/// Never wait less than this for a probe (timers are not finer).
const MIN_PROBE_DELAY: Duration = Duration::from_millis(10);

#[derive(Debug, Default)]
pub(crate) struct LossDetector {
    /// The highest TSNs newly acknowledged by a SACK, highest first; `MISSING_REPORTS` of them.
    highest_news: [u64; MISSING_REPORTS],
    /// The chunk that was sent last among those that arrived: when, and how long its round trip was.
    newest: Option<(Instant, Duration)>,
    /// Chunks sent once below here have been judged.
    judged: u64,
    /// Those below here have been on their way for long enough to have left it.
    aged: u64,
    /// Chunks that were sent again, in the order in which they were.
    resent: VecDeque<(u64, Instant)>,
    /// Chunks that seem to be lost and may not be sent again, in the order in which they did.
    suspected: VecDeque<(u64, Instant)>,
    /// Once reordering was seen, SACKs alone no longer count; quarters of the shortest round trip
    /// that a chunk may be overtaken by (RFC 8985 §6.2 step 4: RACK.reo_wnd_mult).
    reorder_quarters: u32,
    /// When they were raised last, and how many recoveries from losses that outlives.
    raised_at: Option<Instant>,
    persistence: u8,
    /// A probe was sent and nothing new was acknowledged since.
    pub(crate) probing: bool,
    /// The last probe was something that had been sent before.
    pub(crate) probe_resent: bool,
}

/// What detection found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Verdict {
    /// Something is lost.
    pub(crate) lost: bool,
    /// When to look again.
    pub(crate) again_at: Option<Instant>,
}

impl LossDetector {
    pub(crate) fn on_ack(&mut self, acked: &Acked, now: Instant, rtt: &RttEstimator) {
        let Some(highest) = acked.highest else { return };
        self.probing = false;
        let overtaken = acked
            .lowest_sent_once
            .is_some_and(|lowest| lowest < self.highest_news[0]);
        if overtaken && self.reorder_quarters == 0 {
            self.reorder_quarters = 1;
        }
        let mut carried = highest;
        for news in &mut self.highest_news {
            if carried > *news {
                core::mem::swap(news, &mut carried);
            }
        }
        if let Some(newest) = acked.newest {
            let took = now - newest.sent_at;
            // Faster than any round trip: the acknowledgement is for an earlier transmission
            // (RFC 8985 §6.2 step 2).
            let genuine = newest.transmissions == 1 || took >= rtt.min_rtt();
            if genuine && self.newest.is_none_or(|(sent_at, _)| sent_at <= newest.sent_at) {
                self.newest = Some((newest.sent_at, took));
            }
        }
    }

    /// The peer got something twice: we were too quick to send again. The window grows by this once
    /// per round trip, until nothing can be gained (RFC 8985 §6.2 step 4).
    pub(crate) fn on_duplicate_reported(&mut self, now: Instant, rtt: &RttEstimator) {
        // A probe may arrive twice; that is what a probe is for, and tells nothing of reordering.
        if core::mem::take(&mut self.probe_resent) {
            return;
        }
        self.persistence = REORDER_PERSISTENCE;
        let (Some(srtt), Some(longest)) = (rtt.srtt(), rtt.longest()) else {
            return;
        };
        let told = self.raised_at.is_some_and(|at| now - at < srtt);
        if !told && self.reorder_window(rtt) < longest {
            self.reorder_quarters = self.reorder_quarters.saturating_add(1);
            self.raised_at = Some(now);
        }
    }

    /// Losses are being repaired. After many such times without a sign of haste the window is as
    /// small as at first (RFC 8985 §6.2 step 4).
    pub(crate) fn on_recovery(&mut self) {
        self.persistence = self.persistence.saturating_sub(1);
        if self.persistence == 0 {
            self.reorder_quarters = self.reorder_quarters.min(1);
        }
    }

    /// How long a chunk may be overtaken: at most one round trip (RFC 8985 §3.3.2), of the longer ones
    /// where they differ. A smoothed one, as in §6.2 step 4, is no bound where most of a round trip is
    /// jitter.
    fn reorder_window(&self, rtt: &RttEstimator) -> Duration {
        let window = rtt.min_rtt().saturating_mul(self.reorder_quarters.max(1)) / 4;
        rtt.longest().map_or(window, |longest| window.min(longest))
    }

    /// The packets take another way from now on: what was learned of its length and order is void.
    pub(crate) fn on_path_change(&mut self) {
        self.newest = None;
        self.reorder_quarters = 0;
        self.raised_at = None;
        self.persistence = 0;
    }

    pub(crate) fn on_resent(&mut self, tsn: u64, now: Instant, outstanding: &Outstanding) {
        if self.resent.len() >= MAX_RESENT {
            // One entry for each chunk at most is the last transmission's.
            self.resent.retain(|(tsn, at)| {
                let in_flight = outstanding.in_flight_chunk(*tsn);
                in_flight.is_some_and(|chunk| chunk.sent_at == *at)
            });
        }
        self.resent.push_back((tsn, now));
    }

    /// The retransmission timer marked as lost what is in flight, or most of it.
    pub(crate) fn on_timeout(&mut self, outstanding: &Outstanding) {
        let in_flight = |(tsn, _): &(u64, Instant)| outstanding.in_flight_chunk(*tsn).is_some();
        self.resent.retain(in_flight);
        self.suspected.retain(in_flight);
        self.probing = false;
    }

    /// Marks what is lost. Sending again too early costs a duplicate; giving up too early costs the message,
    /// so what can't be sent again (if `may_abandon`) is lost only when it has taken longer than any round
    /// trip is expected to.
    pub(crate) fn detect(
        &mut self,
        outstanding: &mut Outstanding,
        now: Instant,
        rtt: &RttEstimator,
        may_abandon: bool,
    ) -> Verdict {
        let mut verdict = Verdict::default();
        let Some((newest_sent_at, newest_rtt)) = self.newest else {
            return verdict;
        };
        // In a flow without losses and reordering nobody asks for it.
        let mut allowance = None;
        let mut look_again = |at: Instant| {
            verdict.again_at = Some(verdict.again_at.map_or(at, |other: Instant| other.min(at)));
        };
        let mut lost = false;
        let mut budget = MAX_JUDGED;
        let reported = self.highest_news.last().copied().unwrap_or(0);
        self.judged = self.judged.max(outstanding.cumulative() + 1);
        while self.judged < outstanding.next_tsn() {
            let tsn = self.judged;
            if !spend(&mut budget) {
                look_again(now + JUDGED_AGAIN);
                break;
            }
            if let Some(chunk) = outstanding
                .in_flight_chunk(tsn)
                .filter(|chunk| chunk.transmissions == 1)
            {
                let by_reports = self.reorder_quarters == 0 && tsn < reported;
                let overtaken = tsn < self.highest_news[0] && chunk.sent_at <= newest_sent_at;
                let deadline = overtaken.then(|| {
                    let allowance = allowance.get_or_insert_with(|| newest_rtt + self.reorder_window(rtt));
                    chunk.sent_at + *allowance
                });
                let by_time = deadline.is_some_and(|deadline| deadline <= now);
                if !by_reports && !by_time {
                    deadline.into_iter().for_each(&mut look_again);
                    break;
                }
                if may_abandon && outstanding.is_last_copy(tsn) {
                    self.suspected.push_back((tsn, chunk.sent_at));
                } else {
                    outstanding.mark_lost(tsn);
                    lost = true;
                }
            }
            self.judged += 1;
        }
        // A list of gap blocks ends where its packet does. Of what lies above nothing is known, but that it is no longer
        // on its way once something that was sent later has come; or the window would be full of it until the
        // retransmission timer runs out.
        self.aged = self.aged.max(self.judged);
        while self.aged < outstanding.next_tsn() {
            let tsn = self.aged;
            if !spend(&mut budget) {
                look_again(now + JUDGED_AGAIN);
                break;
            }
            if let Some(chunk) = outstanding
                .in_flight_chunk(tsn)
                .filter(|chunk| chunk.transmissions == 1)
            {
                if chunk.sent_at >= newest_sent_at {
                    break;
                }
                let allowance = allowance.get_or_insert_with(|| newest_rtt + self.reorder_window(rtt));
                let deadline = chunk.sent_at + *allowance;
                if deadline > now {
                    look_again(deadline);
                    break;
                }
                outstanding.mark_unheard(tsn);
            }
            self.aged += 1;
        }
        while let Some(&(tsn, sent_at)) = self.resent.front() {
            if !spend(&mut budget) {
                look_again(now + JUDGED_AGAIN);
                break;
            }
            let still = outstanding
                .in_flight_chunk(tsn)
                .is_some_and(|chunk| chunk.sent_at == sent_at && chunk.transmissions > 1);
            if still {
                let overtaken = sent_at < newest_sent_at;
                let deadline = overtaken.then(|| {
                    let allowance = allowance.get_or_insert_with(|| newest_rtt + self.reorder_window(rtt));
                    sent_at + *allowance
                });
                if deadline.is_none_or(|deadline| deadline > now) {
                    deadline.into_iter().for_each(&mut look_again);
                    break;
                }
                if may_abandon && outstanding.is_last_copy(tsn) {
                    self.suspected.push_back((tsn, sent_at));
                } else {
                    outstanding.mark_lost(tsn);
                    lost = true;
                }
            }
            self.resent.pop_front();
        }
        while let Some(&(tsn, sent_at)) = self.suspected.front() {
            if !spend(&mut budget) {
                look_again(now + JUDGED_AGAIN);
                break;
            }
            let in_flight = outstanding.in_flight_chunk(tsn);
            if in_flight.is_some_and(|chunk| chunk.sent_at == sent_at) {
                let deadline = sent_at + rtt.longest().unwrap_or(newest_rtt);
                if deadline > now {
                    look_again(deadline);
                    break;
                }
                outstanding.mark_lost(tsn);
                lost = true;
            }
            self.suspected.pop_front();
        }
        if self.suspected.len() >= MAX_RESENT {
            work::count(self.suspected.len());
            self.suspected.retain(|(tsn, at)| {
                let in_flight = outstanding.in_flight_chunk(*tsn);
                in_flight.is_some_and(|chunk| chunk.sent_at == *at)
            });
        }
        verdict.lost = lost;
        verdict
    }

    /// How long after the last transmission to probe for a lost tail (RFC 8985 §7.2).
    pub(crate) fn probe_delay(srtt: Duration) -> Duration {
        (srtt * 2).max(MIN_PROBE_DELAY)
    }
}

/// Takes one from the budget; false if nothing is left.
fn spend(budget: &mut usize) -> bool {
    work::count(1);
    let left = budget.checked_sub(1);
    *budget = left.unwrap_or(0);
    left.is_some()
}
