//! A timer, and a chunk that is repeated until it is answered.

use core::time::Duration;

use pollrtc_core::Instant;

/// A moment at which something is to be done, if it runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timer(Instant);

impl Default for Timer {
    fn default() -> Self {
        Self(Instant::FAR_FUTURE)
    }
}

impl Timer {
    pub(super) fn set(&mut self, at: Instant) {
        self.0 = at;
    }

    pub(super) fn stop(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_running(&self) -> bool {
        self.0 != Instant::FAR_FUTURE
    }

    /// When it runs out; the end of time if it does not run.
    pub(super) fn deadline(&self) -> Instant {
        self.0
    }

    /// Stops a timer that has run out; false if it has not.
    pub(super) fn take_due(&mut self, now: Instant) -> bool {
        let due = self.is_running() && self.0 <= now;
        if due {
            self.stop();
        }
        due
    }
}

/// A control chunk that is sent again and again until it is answered: INIT and COOKIE ECHO (RFC 9260 §5.1,
/// T1), SHUTDOWN and SHUTDOWN ACK (§9.2, T2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeated {
    due: bool,
    timer: Timer,
    /// When it was sent, unless it never was or was more than once.
    sent_once: Option<Instant>,
    was_sent: bool,
}

impl Repeated {
    /// A chunk that is to be sent with the next packet.
    pub(super) fn new() -> Self {
        Self {
            due: true,
            timer: Timer::default(),
            sent_once: None,
            was_sent: false,
        }
    }

    pub(super) fn is_due(&self) -> bool {
        self.due
    }

    /// The chunk leaves with the next packet, whenever its timer would run out.
    pub(super) fn send_now(&mut self) {
        self.due = true;
    }

    pub(super) fn note_written(&mut self, now: Instant, rto: Duration) {
        self.due = false;
        // Karn's rule (§6.3.1 C5): the answer to one of several says nothing of the round trip.
        self.sent_once = (!self.was_sent).then_some(now);
        self.was_sent = true;
        self.timer.set(now + rto);
    }

    /// How long the answer took, which has just come, if that is known.
    pub(super) fn round_trip(&self, now: Instant) -> Option<Duration> {
        Some(now - self.sent_once?)
    }

    /// True if it was not answered in time and is to be sent again.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> bool {
        let due = self.timer.take_due(now);
        self.due |= due;
        due
    }

    pub(super) fn deadline(&self) -> Instant {
        self.timer.deadline()
    }
}
