//! Media of a connection: which streams there are, and what carries them.
//!
//! - [`sender`]: a stream that we send, and [`write`]: what an application does with it;
//! - [`receiver`]: what comes, and which stream it belongs to;
//! - [`keys`]: what protects both on one transport.

use alloc::vec::Vec;

use pollrtc_crypto::Rng;
use pollrtc_jsep::rtp::LocalSource;
use pollrtc_jsep::{Negotiator, TransceiverId};

use self::sender::Sender;
use crate::media::Outgoing;
use crate::peer::connection::PeerConnection;

mod sender;
mod write;

/// All streams of a connection.
#[derive(Debug, Default)]
pub(super) struct Media {
    /// In the order of their numbers.
    senders: Vec<Sender>,
    next_outgoing: u32,
}

impl Media {
    pub(super) fn outgoing_of(&self, transceiver: TransceiverId) -> impl Iterator<Item = Outgoing> {
        let senders = self.senders.iter();
        let senders = senders.filter(move |sender| sender.transceiver == transceiver);
        senders.map(|sender| sender.id)
    }

    pub(super) fn sender(&self, id: Outgoing) -> Option<&Sender> {
        let place = self.senders.binary_search_by_key(&id, |sender| sender.id).ok()?;
        self.senders.get(place)
    }

    /// Makes the senders of a transceiver's layers that are not there yet.
    fn prepare(&mut self, transceiver: TransceiverId, layers: usize, rng: &mut Rng) {
        for layer in self.outgoing_of(transceiver).count()..layers {
            let ssrc = self.fresh_ssrc(rng);
            let rtx = self.fresh_ssrc(rng);
            self.senders.push(Sender {
                id: Outgoing(self.next_outgoing),
                transceiver,
                layer,
                source: LocalSource { ssrc, rtx: Some(rtx) },
                route: None,
            });
            self.next_outgoing = self.next_outgoing.wrapping_add(1);
        }
    }

    /// RFC 3550 §8.1: random, and no other of ours.
    fn fresh_ssrc(&self, rng: &mut Rng) -> u32 {
        let known = |ssrc: u32| {
            let mut sources = self.senders.iter().flat_map(|sender| sender.source.ssrcs());
            ssrc == 0 || sources.any(|known| known == ssrc)
        };
        loop {
            let [ssrc] = [rng.u64() as u32];
            if !known(ssrc) {
                return ssrc;
            }
        }
    }

    /// Senders follow what was negotiated.
    fn agree(&mut self, negotiator: &Negotiator) {
        self.senders.retain_mut(|sender| {
            let Some(transceiver) = negotiator.transceiver(sender.transceiver) else {
                return false;
            };
            sender.agree(transceiver, negotiator.transport_of(transceiver));
            true
        });
    }
}

impl PeerConnection {
    /// A transceiver may send: its sources have numbers before a description names them.
    pub(super) fn name_sources(&mut self, id: TransceiverId) {
        let Some(transceiver) = self.negotiator.transceiver(id) else {
            return;
        };
        let agreed = transceiver.parameters();
        let agreed = agreed.map_or(0, |parameters| parameters.send.simulcast.send.len());
        let layers = transceiver.rids().len().max(agreed).max(1);
        self.media.prepare(id, layers, &mut self.rng);
        let sources = self.media.senders.iter();
        let sources = sources
            .filter(|sender| sender.transceiver == id)
            .map(|sender| sender.source);
        // Only a stopped transceiver refuses, and says nothing any more.
        let _ = self.negotiator.set_sources(id, sources.collect());
    }

    /// Descriptions have changed what is sent and received.
    pub(super) fn agree_on_media(&mut self) {
        let all: Vec<TransceiverId> = self.negotiator.transceivers().iter().map(|each| each.id()).collect();
        for id in all {
            self.name_sources(id);
        }
        self.media.agree(&self.negotiator);
    }
}
