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

    /// Transports that carry media have keys for it as soon as DTLS stands, and as long as its association lasts: also
    /// while there is no media. Contexts that were made anew from the same keys would not know which indices were used
    /// (RFC 3711 §9.1), nor what has come before.
    pub(in crate::peer) fn key_media(&mut self) {
        for transport in self.transports.iter_mut() {
            let is_of_now =
                |keys: &Keys| transport.dtls.is_connected() && keys.association == transport.dtls.association;
            if !transport.keys.as_deref().is_some_and(is_of_now) {
                transport.keys = None;
            }
            let carries = transport.id.is_some_and(|id| self.media.is_on(id));
            if carries && transport.keys.is_none() && transport.dtls.is_connected() {
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
