//! Pacing: the time between new transactions, Ta (RFC 8445 §14.2).

use core::time::Duration;

use pollrtc_core::Instant;

/// When this agent may begin its next transaction.
#[derive(Debug)]
pub(crate) struct Pacing {
    interval: Duration,
    /// When the last transaction began.
    last: Option<Instant>,
    /// When to begin the next, or to look again.
    due: Option<Instant>,
}

impl Pacing {
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            interval,
            last: None,
            due: None,
        }
    }

    /// The first time, from now on, at which a transaction may begin.
    pub(crate) fn earliest(&self, now: Instant) -> Instant {
        self.last.map_or(now, |last| (last + self.interval).max(now))
    }

    pub(crate) fn handle_start(&mut self, now: Instant) {
        self.last = Some(now);
    }

    pub(crate) fn set_due(&mut self, due: Option<Instant>) {
        self.due = due;
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }
}
