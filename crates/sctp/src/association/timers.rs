//! The timers of an association.

use pollrtc_core::Instant;

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// INIT or COOKIE ECHO is not answered (RFC 9260 §5.1, T1-init and T1-cookie).
    Connect,
    /// SHUTDOWN or SHUTDOWN ACK is not answered (§9.2, T2-shutdown).
    Shutdown,
    /// Data is not acknowledged (§6.3, T3-rtx).
    Retransmit,
    /// An acknowledgement has waited long enough (§6.2).
    Sack,
    /// The path was quiet (§8.3).
    Heartbeat,
    /// A stream reset request is not answered (RFC 6525 §5.1.1).
    Reconfig,
    /// A chunk may be lost by now (RFC 8985 §6.3).
    Reorder,
    /// The last packets may be lost (RFC 8985 §7).
    Probe,
    /// A message that can't leave now is to be given up (RFC 3758).
    Lifetime,
}

const ALL: [Timer; 9] = [
    Timer::Connect,
    Timer::Shutdown,
    Timer::Retransmit,
    Timer::Sack,
    Timer::Heartbeat,
    Timer::Reconfig,
    Timer::Reorder,
    Timer::Probe,
    Timer::Lifetime,
];

/// When each timer runs out; the end of time for those that don't run.
#[derive(Clone, Debug)]
pub(super) struct Timers([Instant; ALL.len()]);

impl Timers {
    pub(super) fn new() -> Self {
        Self([Instant::FAR_FUTURE; ALL.len()])
    }

    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = at;
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = Instant::FAR_FUTURE;
    }

    pub(super) fn stop_all(&mut self) {
        *self = Self::new();
    }

    pub(super) fn is_running(&self, timer: Timer) -> bool {
        self.0[timer as usize] != Instant::FAR_FUTURE
    }

    pub(super) fn earliest(&self) -> Option<Instant> {
        let earliest = self.0.iter().copied().min()?;
        (earliest != Instant::FAR_FUTURE).then_some(earliest)
    }

    /// Stops and returns a timer that has run out.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        ALL.into_iter().find(|timer| {
            let due = self.is_running(*timer) && self.0[*timer as usize] <= now;
            if due {
                self.stop(*timer);
            }
            due
        })
    }
}
