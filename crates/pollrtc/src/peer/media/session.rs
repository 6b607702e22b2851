//! The media that one transport carries.

use alloc::collections::VecDeque;

use pollrtc_core::Instant;
use pollrtc_crypto::Rng;
use pollrtc_jsep::{Negotiator, TransportId};
use pollrtc_media::RemoteClock;

use super::control::Control;
use super::receiver::Receiver;
use crate::event::Event;

/// An RTP session (RFC 3550 §3), which several sections share where they are bundled.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) transport: TransportId,
    pub(super) receiver: Receiver,
    pub(super) control: Control,
    /// How the clock goes that stamps the peer's reports.
    pub(super) clock: RemoteClock,
    /// The next transport-wide sequence number.
    pub(super) transport_sequence: u64,
    is_alive: bool,
}

impl Session {
    pub(super) fn new(now: Instant, transport: TransportId, max_streams: usize, rng: &mut Rng) -> Self {
        Self {
            transport,
            receiver: Receiver::new(max_streams, rng),
            control: Control::new(now, rng),
            clock: RemoteClock::default(),
            transport_sequence: 0,
            is_alive: true,
        }
    }

    /// Takes what was agreed on.
    pub(super) fn agree(&mut self, negotiator: &Negotiator, events: &mut VecDeque<Event>) {
        let carried = || {
            let all = negotiator.transceivers().iter();
            all.filter(|each| each.parameters().is_some() && negotiator.transport_of(each) == Some(self.transport))
        };
        self.is_alive = carried().next().is_some();
        // What holds for one section of a bundle holds for all (RFC 9143 §7.1.3).
        self.control.is_reduced_size = carried().all(|each| each.parameters().is_some_and(|each| each.send.rtcp_rsize));
        self.receiver.agree(carried(), events);
    }

    /// When it has something to send, at the earliest.
    pub(super) fn poll_timeout(&self) -> Instant {
        self.control.poll_timeout().min(self.receiver.feedback_due)
    }

    /// Whether there is any media left.
    pub(super) fn is_alive(&self) -> bool {
        self.is_alive
    }
}
