//! When to send a request again and when to give up (RFC 8489 §6.2.1).

use core::time::Duration;

use pollrtc_core::Instant;

use crate::header::TransactionId;

/// How long and how often a client tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retransmission {
    /// RTO: the wait between the first request and the second; it doubles each time. At least a
    /// millisecond.
    pub rto: Duration,
    /// Rc: how many requests are sent in all. At least one.
    pub rc: u32,
    /// Rm: how many times the first RTO to wait after the last request.
    pub rm: u32,
}

impl Retransmission {
    /// For TCP, which retransmits by itself: one request and 39.5 s (RFC 8489 §6.2.2).
    pub const RELIABLE: Self = Self {
        rto: Duration::from_millis(39_500),
        rc: 1,
        rm: 1,
    };

    fn first_interval(&self) -> Duration {
        self.rto.max(SHORTEST_INTERVAL)
    }

    fn last_interval(&self) -> Duration {
        self.first_interval().saturating_mul(self.rm).max(SHORTEST_INTERVAL)
    }

    /// From the first request to giving up.
    fn lifetime(&self) -> Duration {
        // Each interval is twice the one before, so rc - 1 of them are 2^(rc - 1) - 1 times the first.
        let doublings = self.rc.saturating_sub(1);
        let intervals = 1u32
            .checked_shl(doublings)
            .map_or(u32::MAX, |power| power.saturating_sub(1));
        let retransmitting = self.first_interval().saturating_mul(intervals);
        retransmitting.saturating_add(self.last_interval())
    }
}

/// RTO 500 ms, Rc 7, Rm 16: gives up after 39.5 s (RFC 8489 §6.2.1).
impl Default for Retransmission {
    fn default() -> Self {
        Self {
            rto: Duration::from_millis(500),
            rc: 7,
            rm: 16,
        }
    }
}

/// One request that waits for its response: says when to send it again and when to give up. The
/// bytes stay with whoever sends them; a retransmission has the same bytes.
///
/// ```
/// use std::time::Duration;
/// use pollrtc_stun::{ClientTransaction, Instant, Retransmission, TimeoutAction, TransactionId};
///
/// let start = Instant::ZERO; // the request was sent now
/// let mut transaction = ClientTransaction::new(start, TransactionId([1; 12]), Retransmission::default());
/// let due = start + Duration::from_millis(500);
/// assert_eq!(transaction.poll_timeout(), Some(due));
/// assert_eq!(transaction.handle_timeout(due), TimeoutAction::Retransmit);
/// assert_eq!(transaction.poll_timeout(), Some(due + Duration::from_secs(1)));
/// ```
#[derive(Clone, Debug)]
pub struct ClientTransaction {
    id: TransactionId,
    retransmission: Retransmission,
    started: Instant,
    /// Requests that were sent, or whose time came.
    sent: u32,
    /// The wait after the latest request.
    interval: Duration,
    deadline: Instant,
}

/// What [`ClientTransaction::handle_timeout`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutAction {
    /// It is too early.
    Nothing,
    /// Send the same bytes again.
    Retransmit,
    /// No response came: the transaction has failed.
    TimedOut,
}

impl ClientTransaction {
    /// A transaction whose first request is sent `now`.
    pub fn new(now: Instant, id: TransactionId, retransmission: Retransmission) -> Self {
        let interval = if retransmission.rc > 1 {
            retransmission.first_interval()
        } else {
            retransmission.last_interval()
        };
        Self {
            id,
            retransmission,
            started: now,
            sent: 1,
            interval,
            deadline: now + interval,
        }
    }

    /// Its id, which the response repeats.
    pub fn id(&self) -> TransactionId {
        self.id
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` if that lies beyond the end of
    /// time.
    pub fn poll_timeout(&self) -> Option<Instant> {
        Some(self.deadline).filter(|deadline| *deadline < Instant::FAR_FUTURE)
    }

    /// Tells that time has passed. However late the call comes, it asks for one retransmission: the
    /// next wait starts now, so that a caller who slept does not wake up with a burst.
    pub fn handle_timeout(&mut self, now: Instant) -> TimeoutAction {
        if now < self.deadline {
            return TimeoutAction::Nothing;
        }
        if self.sent >= self.retransmission.rc {
            return TimeoutAction::TimedOut;
        }
        self.sent = self.sent.saturating_add(1);
        self.interval = if self.sent < self.retransmission.rc {
            self.interval.saturating_mul(2)
        } else {
            self.retransmission.last_interval()
        };
        self.deadline = now + self.interval;
        TimeoutAction::Retransmit
    }

    /// Sends no more requests, but still waits for a response as long as it would have: what ICE
    /// does when a triggered check takes over (RFC 8445 §7.3.1.4).
    pub fn stop_retransmitting(&mut self) {
        if self.sent < self.retransmission.rc {
            self.sent = self.retransmission.rc;
            self.deadline = self.started + self.retransmission.lifetime();
        }
    }

    /// The round-trip time, if the response comes `now` and the request was sent once: of a repeated
    /// one nobody knows which it answers (Karn's algorithm, RFC 8489 §6.2.1).
    pub fn round_trip_time(&self, now: Instant) -> Option<Duration> {
        let certain = self.sent == 1 || self.retransmission.rc <= 1;
        certain.then(|| now - self.started)
    }
}

/// RFC 8489 §6.2.1: RTO is kept to 1 ms; less would be a busy loop.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);
