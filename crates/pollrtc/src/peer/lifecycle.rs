//! How a connection ends, and what was told of how far it is.

use pollrtc_jsep::TransportId;

use crate::event::{CloseReason, ConnectionState, Event};

/// What the application knows of how far the connection is, and why it ends.
#[derive(Debug)]
pub(super) struct Lifecycle {
    /// The state that was told last.
    told: ConnectionState,
    /// The peer has ended a transport that we have offered to give up; the connection ends with it if the offer
    /// comes to nothing.
    loss: Option<(TransportId, CloseReason)>,
    end: End,
}

/// Whether the connection is over; then what is left is to tell both sides.
#[derive(Debug)]
enum End {
    NotYet,
    Untold(CloseReason),
    Told,
}

impl Lifecycle {
    pub(super) fn new() -> Self {
        Self {
            told: ConnectionState::New,
            loss: None,
            end: End::NotYet,
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        !matches!(self.end, End::NotYet)
    }

    /// The connection is over, for the first reason that there is.
    pub(super) fn end(&mut self, reason: CloseReason) {
        if !self.has_ended() {
            self.end = End::Untold(reason);
        }
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
        let before = core::mem::replace(&mut self.told, state);
        (before != state).then_some(Event::ConnectionStateChanged(state))
    }

    /// The last event.
    pub(super) fn tell_end(&mut self) -> Option<Event> {
        match core::mem::replace(&mut self.end, End::Told) {
            End::Untold(reason) => Some(Event::Closed(reason)),
            before => {
                self.end = before;
                None
            }
        }
    }
}
