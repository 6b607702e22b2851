//! How long the peer takes to answer, and how often it did not.

use core::time::Duration;

use pollrtc_core::Instant;

use crate::Config;
use crate::rto::RttEstimator;

/// The way to the peer: round-trip time, retransmission timeout (RFC 9260 §6.3) and the count of errors (§8.1).
#[derive(Debug)]
pub(super) struct Path {
    rtt: RttEstimator,
    /// Transmissions in a row that went unanswered.
    errors: u32,
}

impl Path {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            rtt: RttEstimator::new(config.rto_initial, config.rto_min, config.rto_max),
            errors: 0,
        }
    }

    pub(super) fn rtt(&self) -> &RttEstimator {
        &self.rtt
    }

    pub(super) fn rto(&self) -> Duration {
        self.rtt.rto()
    }

    /// A round trip of something that was sent once.
    pub(super) fn measure(&mut self, now: Instant, round_trip: Duration) {
        self.rtt.measure(now, round_trip);
    }

    /// A round-trip time that another layer measured.
    pub(super) fn set_round_trip_time(&mut self, rtt: Duration) {
        self.rtt.hint(rtt);
    }

    pub(super) fn handle_change(&mut self, now: Instant) {
        self.rtt.handle_path_change(now);
    }

    /// Something was not answered in time (§6.3.3 E2). The count of errors is a matter of its own.
    pub(super) fn back_off(&mut self) {
        self.rtt.back_off();
    }

    /// The way is open again: what was waited for in vain says nothing of how long an answer takes.
    pub(super) fn handle_alive(&mut self) {
        self.rtt.revert_back_off();
        self.errors = 0;
    }

    /// The peer is there (§8.1).
    pub(super) fn clear_errors(&mut self) {
        self.errors = 0;
    }

    /// One more transmission went unanswered. True if those are more than `limit`.
    pub(super) fn count_error(&mut self, limit: Option<u32>) -> bool {
        self.errors += 1;
        limit.is_some_and(|limit| self.errors > limit)
    }
}
