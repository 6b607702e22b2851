//! What descriptions make of media.

use alloc::boxed::Box;
use alloc::vec::Vec;

use pollrtc_jsep::TransceiverId;

use super::keys::Keys;
use crate::peer::connection::PeerConnection;

impl PeerConnection {
    /// A transceiver may send: its sources have numbers before a description names them.
    pub(in crate::peer) fn name_sources(&mut self, id: TransceiverId) {
        let Some(transceiver) = self.negotiator.transceiver(id) else {
            return;
        };
        let agreed = transceiver.parameters();
        let agreed = agreed.map_or(0, |parameters| parameters.send.simulcast.send.len());
        let layers = transceiver.rids().len().max(agreed).max(1);
        self.media.prepare(id, layers);
        let senders = self.media.senders.iter();
        let sources = senders
            .filter(|sender| sender.transceiver == id)
            .map(|sender| sender.source);
        // Only a stopped transceiver refuses, and says nothing any more.
        let _ = self.negotiator.set_sources(id, sources.collect());
    }

    /// Descriptions have changed what is sent and received.
    pub(in crate::peer) fn agree_on_media(&mut self) {
        let all: Vec<TransceiverId> = self.negotiator.transceivers().iter().map(|each| each.id()).collect();
        for id in all {
            self.name_sources(id);
        }
        self.media.agree(self.now, &self.negotiator, &mut self.events);
        self.key_media();
    }

    /// Transports that carry media have keys for it as soon as DTLS stands, those of its association.
    pub(in crate::peer) fn key_media(&mut self) {
        for transport in self.transports.iter_mut() {
            let carries = transport.id.is_some_and(|id| self.media.is_on(id));
            if !carries || !transport.dtls.is_connected() {
                transport.keys = None;
                continue;
            }
            if transport.keys.is_none() {
                let (max_streams, rng) = (self.media.max_streams, &mut self.media.rng);
                let keys = Keys::export(&transport.dtls, max_streams, self.dtls.provider, rng);
                transport.keys = keys.map(Box::new);
                if let Some(session) = transport.id.and_then(|id| self.media.session_mut(id)) {
                    session.receiver.handle_new_keys();
                }
            }
        }
    }
}
