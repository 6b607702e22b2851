//! A failure that nobody can prove: an alert in the clear, or a message that does not fit.

use core::time::Duration;

use pollrtc_core::Instant;

use crate::error::CloseReason;

/// How long a handshake has to go on when an alert says that the peer has given up, at least. Longer where
/// it takes longer to send a flight three times again.
const ALERT_PATIENCE: Duration = Duration::from_secs(3);

/// What anyone may have sent that would explain why a handshake does not go on (RFC 9147 §5.10): it ends the
/// handshake when that has not gone on for a while, and is forgotten when it does.
#[derive(Debug, Default)]
pub(super) struct UnauthenticatedFailure {
    reason: Option<CloseReason>,
    /// When it ends the handshake; `None` for when the handshake's time is over.
    deadline: Option<Instant>,
}

impl UnauthenticatedFailure {
    /// Something that may be why the handshake will not go on, which its end tells if nothing else does.
    pub(super) fn note(&mut self, reason: CloseReason) {
        self.reason.get_or_insert(reason);
    }

    /// An alert that anyone can have sent says that the peer has given up. If so, nothing follows.
    pub(super) fn handle_alert(&mut self, now: Instant, rto: Duration, reason: CloseReason) {
        self.deadline.get_or_insert(now + patience(rto));
        self.reason = Some(reason);
    }

    /// The peer, or somebody else, says something that a peer that has given up would not: it gets as much
    /// time again.
    pub(super) fn postpone(&mut self, now: Instant, rto: Duration) {
        if let Some(deadline) = &mut self.deadline {
            *deadline = now + patience(rto);
        }
    }

    /// The handshake goes on: it has not failed.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// When it ends the handshake, if that is before the handshake's time is over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Why the handshake is over.
    pub(super) fn take(&mut self) -> Option<CloseReason> {
        self.deadline = None;
        self.reason.take()
    }
}

/// `rto` is how long we wait for an answer now.
fn patience(rto: Duration) -> Duration {
    ALERT_PATIENCE.max(rto.saturating_mul(3))
}
