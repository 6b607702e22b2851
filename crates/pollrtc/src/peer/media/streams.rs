//! All streams of a connection.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use pollrtc_core::Instant;
use pollrtc_crypto::Rng;
use pollrtc_jsep::rtp::LocalSource;
use pollrtc_jsep::{Negotiator, TransceiverId, TransportId};
use pollrtc_media::NtpClock;

use super::frames::{FrameSettings, FrameStore};
use super::queue::Queue;
use super::receiver::Numbers;
use super::sender::Sender;
use super::session::Session;
use crate::event::Event;
use crate::stream::Outgoing;

/// All media of a connection.
#[derive(Debug)]
pub(in crate::peer) struct Media {
    /// What we are called in reports (RFC 7022).
    pub(super) cname: String,
    /// What the time is in the world.
    pub(super) clock: NtpClock,
    /// How many incoming streams each transport may have.
    pub(super) max_streams: usize,
    /// One for each transport that carries media.
    pub(super) sessions: Vec<Session>,
    /// In the order of their numbers.
    pub(super) senders: Vec<Sender>,
    next_outgoing: u32,
    pub(super) numbers: Numbers,
    pub(super) queue: Queue,
    /// Who sends no frames pays nothing for them.
    pub(super) frames: Option<Box<FrameStore>>,
    pub(super) frame_settings: FrameSettings,
    pub(super) rng: Rng,
}

/// What [`Media`] is made from.
pub(in crate::peer) struct MediaSettings {
    pub(in crate::peer) cname: String,
    pub(in crate::peer) clock: NtpClock,
    pub(in crate::peer) max_streams: usize,
    /// How many packets may wait to be sent.
    pub(in crate::peer) max_queued: usize,
    /// How many bytes a datagram may hold.
    pub(in crate::peer) mtu: usize,
    /// How many bytes of packets are kept of frames that were sent.
    pub(in crate::peer) frame_history: usize,
}

impl Media {
    pub(in crate::peer) fn new(settings: MediaSettings, mut rng: Rng) -> Self {
        Self {
            cname: settings.cname,
            clock: settings.clock,
            max_streams: settings.max_streams,
            sessions: Vec::new(),
            senders: Vec::new(),
            next_outgoing: 0,
            numbers: Numbers::new(rng.u64()),
            queue: Queue::new(settings.max_queued),
            frames: None,
            frame_settings: FrameSettings {
                mtu: settings.mtu,
                history: settings.frame_history,
                max_queued: settings.max_queued,
            },
            rng,
        }
    }

    pub(in crate::peer) fn outgoing_of(&self, transceiver: TransceiverId) -> impl Iterator<Item = Outgoing> {
        let senders = self.senders.iter();
        let senders = senders.filter(move |sender| sender.transceiver == transceiver);
        senders.map(|sender| sender.id)
    }

    pub(super) fn sender(&self, id: Outgoing) -> Option<&Sender> {
        let place = self.senders.binary_search_by_key(&id, |sender| sender.id).ok()?;
        self.senders.get(place)
    }

    pub(super) fn session_mut(&mut self, transport: TransportId) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.transport == transport)
    }

    /// Whether a transport carries media.
    pub(in crate::peer) fn is_on(&self, transport: TransportId) -> bool {
        self.sessions.iter().any(|session| session.transport == transport)
    }

    /// Makes the senders of a transceiver's layers that are not there yet.
    pub(super) fn prepare(&mut self, transceiver: TransceiverId, layers: usize) {
        for layer in self.outgoing_of(transceiver).count()..layers {
            let source = LocalSource {
                ssrc: self.fresh_ssrc(),
                rtx: Some(self.fresh_ssrc()),
            };
            let id = Outgoing(self.next_outgoing);
            self.senders
                .push(Sender::new(id, transceiver, layer, source, &mut self.rng));
            self.next_outgoing = self.next_outgoing.wrapping_add(1);
        }
    }

    /// RFC 3550 §8.1: random, and no other of ours.
    fn fresh_ssrc(&mut self) -> u32 {
        loop {
            let ssrc = self.rng.u64() as u32; // any 32 of the bits
            let mut known = self.senders.iter().flat_map(|sender| sender.source.ssrcs());
            if ssrc != 0 && known.all(|known| known != ssrc) {
                return ssrc;
            }
        }
    }

    pub(in crate::peer) fn handle_timeout(&mut self, now: Instant) {
        for session in &mut self.sessions {
            session.receiver.handle_timeout(now);
        }
    }

    /// All follows what was negotiated.
    pub(super) fn agree(&mut self, now: Instant, negotiator: &Negotiator, events: &mut VecDeque<Event>) {
        self.senders.retain_mut(|sender| {
            let Some(transceiver) = negotiator.transceiver(sender.transceiver) else {
                return false;
            };
            sender.agree(transceiver, negotiator.transport_of(transceiver));
            true
        });
        let carries = negotiator
            .transceivers()
            .iter()
            .filter(|each| each.parameters().is_some());
        for transport in carries.filter_map(|each| negotiator.transport_of(each)) {
            if !self.is_on(transport) {
                let session = Session::new(now, transport, self.max_streams, &mut self.rng);
                self.sessions.push(session);
            }
        }
        for session in &mut self.sessions {
            session.agree(negotiator, events);
        }
        self.sessions.retain(|session| session.is_alive());
    }
}
