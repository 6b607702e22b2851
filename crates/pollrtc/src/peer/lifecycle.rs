//! How a connection ends, and what was told of how far it is.

use core::time::Duration;

use pollrtc_core::Instant;
use pollrtc_jsep::TransportId;

use crate::event::{CloseReason, ConnectionState, Event};

/// What the application knows of how far the connection is, and why it ends.
#[derive(Debug)]
pub(super) struct Lifecycle {
    /// The state that was told last.
    told: ConnectionState,
    /// Whether it may be another one since.
    may_have_changed: bool,
    /// The peer has ended a transport that we have offered to give up; the connection ends with it if the offer
    /// comes to nothing.
    loss: Option<(TransportId, CloseReason)>,
    end: End,
    /// How long a failed connection waits for an ICE restart, and until when it does.
    close_timeout: Duration,
    close_at: Option<Instant>,
}

/// Whether the connection is over; then what is left is to tell both sides.
#[derive(Debug)]
enum End {
    NotYet,
    Untold(CloseReason),
    Told,
}

impl Lifecycle {
    pub(super) fn new(close_timeout: Duration) -> Self {
        Self {
            told: ConnectionState::New,
            may_have_changed: true,
            loss: None,
            end: End::NotYet,
            close_timeout,
            close_at: None,
        }
    }

    /// Whether ICE has failed, so that only a restart helps. True once that has lasted for too long.
    pub(super) fn note_failure(&mut self, now: Instant, is_failed: bool) -> bool {
        if !is_failed || self.has_ended() {
            self.close_at = None;
            return false;
        }
        self.close_at.get_or_insert(now + self.close_timeout);
        self.close_at.take_if(|at| *at <= now).is_some()
    }

    /// An exchange begins, which may restart ICE, and has its own time.
    pub(super) fn note_offer(&mut self, now: Instant) {
        if let Some(close_at) = &mut self.close_at {
            *close_at = now + self.close_timeout;
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.close_at.filter(|at| *at != Instant::FAR_FUTURE)
    }

    pub(super) fn has_ended(&self) -> bool {
        !matches!(self.end, End::NotYet)
    }

    /// The connection is over, for the first reason that there is.
    pub(super) fn end(&mut self, reason: CloseReason) {
        if !self.has_ended() {
            self.end = End::Untold(reason);
            self.note_progress();
        }
    }

    /// Something happened that the state may follow.
    pub(super) fn note_progress(&mut self) {
        self.may_have_changed = true;
    }

    /// Whether nothing happened since the state was told.
    pub(super) fn is_told(&self) -> bool {
        !self.may_have_changed
    }

    /// The peer has ended a transport that both sides may be about to give up.
    pub(super) fn expect_close(&mut self, transport: TransportId, reason: CloseReason) {
        self.loss.get_or_insert((transport, reason));
    }

    /// Both sides have given this transport up.
    pub(super) fn forget_loss(&mut self, transport: TransportId) {
        self.loss.take_if(|(lost, _)| *lost == transport);
    }

    /// No exchange is under way any more: why the connection ends with it, if it does.
    pub(super) fn take_loss(&mut self) -> Option<CloseReason> {
        self.loss.take().map(|(_, reason)| reason)
    }

    /// The event of this state, if it is another than before.
    pub(super) fn tell(&mut self, state: ConnectionState) -> Option<Event> {
        self.may_have_changed = false;
        let before = core::mem::replace(&mut self.told, state);
        (before != state).then_some(Event::ConnectionStateChanged(state))
    }

    /// The last event.
    pub(super) fn tell_end(&mut self) -> Option<Event> {
        if !matches!(self.end, End::Untold(_)) {
            return None;
        }
        match core::mem::replace(&mut self.end, End::Told) {
            End::Untold(reason) => Some(Event::Closed(reason)),
            End::NotYet | End::Told => None,
        }
    }
}
