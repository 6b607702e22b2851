//! Liveness: whether the path answers, and how soon it is asked again when it does not.

use core::time::Duration;

use pollrtc_core::Instant;

/// Checks of ours went out, and none that was sent since was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doubt {
    /// When the first of them went out.
    since: Instant,
    /// How many did.
    unanswered: u32,
    /// When the next one does.
    next: Instant,
    /// What lies between two of them.
    gap: Duration,
}

/// The least time between two checks while the answer to the first is overdue. A retransmission would have to wait for
/// 500 ms (RFC 8445 §14.3); each of these is a check of its own.
pub(crate) const LEAST_GAP: Duration = Duration::from_millis(250);

/// So many that are lost in a row are not bad luck, if nothing else is heard either.
const MISSED: u32 = 4;

/// The same while the peer is heard: then it is our own packets, or its answers, that don't arrive.
const MISSED_THOUGH_HEARD: u32 = 12;

/// For how long a path may say nothing and still counts as heard.
const RECENTLY: Duration = Duration::from_secs(1);

/// After so many the gaps get longer.
const QUICK_CHECKS: u32 = 8;

/// But no longer than this.
const LONGEST_GAP: Duration = Duration::from_secs(2);

/// How long to wait for the answer to a check before there is a fresh one.
pub(crate) fn gap(round_trip: Option<Duration>) -> Duration {
    let round_trip = round_trip.unwrap_or_default();
    LEAST_GAP.max(round_trip + round_trip / 4)
}

impl Doubt {
    /// A check goes out now.
    pub(crate) fn ask(doubt: Option<Self>, now: Instant, round_trip: Option<Duration>) -> Self {
        let unanswered = doubt.map_or(0, |doubt| doubt.unanswered) + 1;
        let gap = gap(round_trip);
        let doublings = unanswered.saturating_sub(QUICK_CHECKS).min(8);
        Self {
            since: doubt.map_or(now, |doubt| doubt.since),
            unanswered,
            next: now + (gap * (1 << doublings)).min(LONGEST_GAP.max(gap)),
            gap,
        }
    }

    /// When the next check is due.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// Since when there is reason to doubt, once the first answer is overdue.
    pub(crate) fn overdue_since(&self) -> Option<Instant> {
        (self.unanswered > 1).then_some(self.since)
    }

    /// When it is clear that the path answers no more. It says nothing of consent, which lasts much longer.
    pub(crate) fn missed_at(&self, last_heard: Instant) -> Instant {
        let long_enough = self.since + self.gap * MISSED;
        let though_heard = self.since + self.gap * MISSED_THOUGH_HEARD;
        long_enough.max(though_heard.min(last_heard + RECENTLY))
    }
}
