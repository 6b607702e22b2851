//! What descriptions bring about: transports and data channels begin, change and end.

use alloc::vec::Vec;

use pollrtc_core::Instant;
use pollrtc_jsep::{DataChannels, Effect, SignalingState, Transport, TransportId};

use super::connection::PeerConnection;
use crate::event::{CloseReason, Event};

impl PeerConnection {
    pub(super) fn carry_out(&mut self, now: Instant, effects: Vec<Effect>) {
        for effect in &effects {
            if let Effect::TransportClosed(id) = effect {
                self.close_transport(now, *id);
            }
        }
        let mut refused = false;
        for effect in effects {
            match effect {
                Effect::Gather(key) => {
                    if let Some(transport) = self.transports.get_mut(key.transport) {
                        transport.is_described = true;
                    }
                }
                Effect::Transport {
                    transport,
                    new_association,
                    ..
                } => self.agree(now, &transport, new_association),
                Effect::RemoteCandidates {
                    transport,
                    candidates,
                    end_of_candidates,
                } => {
                    if let Some(transport) = self.transports.get_mut(transport) {
                        transport.add_candidates(now, &candidates, end_of_candidates);
                    }
                }
                Effect::DataChannels(agreed) => self.agree_on_data(&agreed),
                Effect::DataChannelsClosed => refused = true,
                Effect::TransceiverAdded(id) => {
                    // There is no error: it was just made.
                    let _ = self.negotiator.set_direction(id, self.offered_direction);
                    self.events.push_back(Event::TransceiverAdded(id));
                }
                Effect::TransceiverChanged(id) => self.events.push_back(Event::TransceiverChanged(id)),
                Effect::TransceiverRemoved(id) => self.events.push_back(Event::TransceiverRemoved(id)),
                Effect::TrackAdded { transceiver, streams } => {
                    self.events.push_back(Event::TrackAdded { transceiver, streams });
                }
                Effect::TrackRemoved(id) => self.events.push_back(Event::TrackRemoved(id)),
                Effect::SectionRejected { section, mid, reason } => {
                    self.events.push_back(Event::SectionRejected { section, mid, reason });
                }
                Effect::SectionIdle { section, mid, reason } => {
                    self.events.push_back(Event::SectionIdle { section, mid, reason });
                }
                _ => {}
            }
        }
        self.agree_on_media();
        self.identify_peer();
        self.transports.note_names();
        self.lifecycle.note_progress();
        // A provisional answer releases nothing.
        if self.negotiator.signaling_state() == SignalingState::Stable {
            self.settle(refused);
        }
        self.advance();
    }

    /// All that a candidate which trickles brings about.
    pub(super) fn add_remote_candidates(&mut self, now: Instant, effects: &[Effect]) {
        for effect in effects {
            if let Effect::RemoteCandidates {
                transport,
                candidates,
                end_of_candidates,
            } = effect
                && let Some(transport) = self.transports.get_mut(*transport)
            {
                transport.add_candidates(now, candidates, *end_of_candidates);
            }
        }
        self.advance();
    }

    /// Nobody needs this transport any more, and both sides know. What it has to tell is told first.
    fn close_transport(&mut self, now: Instant, id: TransportId) {
        self.advance();
        while let Some(event) = self.next_ice_event() {
            self.events.push_back(event);
        }
        self.transports.close(now, id);
        self.lifecycle.forget_loss(id);
    }

    /// Offer and answer agree on a transport: everything that waited for it begins.
    fn agree(&mut self, now: Instant, agreed: &Transport, new_association: bool) {
        let id = agreed.key.transport;
        let Some(transport) = self.transports.get_mut(id) else {
            return;
        };
        let has_moved = transport.agree(now, agreed);
        if new_association || transport.dtls.connection().is_none() {
            transport.dtls.association = agreed.association;
            transport.dtls.role = agreed.dtls_role;
            self.begin_dtls(now, agreed);
            if self.sctp.is_on(Some(id))
                && let Some(channels) = self.negotiator.data_channels()
            {
                self.agree_on_data(&channels);
            }
        }
        if has_moved {
            self.expect_replacement(now, id);
        }
    }

    fn begin_dtls(&mut self, now: Instant, agreed: &Transport) {
        let (rng, fingerprints) = (self.rng.fork(), &agreed.remote.fingerprints);
        let connection = match self.dtls.connection(rng, agreed.dtls_role, fingerprints, None) {
            Ok(Some(connection)) => connection,
            Ok(None) => return,
            Err(error) => return self.finish(CloseReason::DtlsConfiguration(error)),
        };
        let Some(index) = self.transports.index_of(agreed.key.transport) else {
            return;
        };
        let Some(transport) = self.transports.at(index) else {
            return;
        };
        transport.replacement = None;
        for mut early in transport.dtls.begin(connection, Some(&agreed.remote.ufrag)) {
            self.receive_dtls(now, index, &mut early);
        }
    }

    /// Data channels are agreed on.
    fn agree_on_data(&mut self, agreed: &DataChannels) {
        let Some(transport) = self.transports.get(agreed.transport) else {
            return;
        };
        if self.sctp.agree(agreed, &transport.dtls, &mut self.rng) {
            if let Some(rtt) = transport.ice.round_trip_time() {
                self.sctp.channels.set_round_trip_time(rtt);
            }
            self.sctp.connect(&transport.dtls);
        }
    }

    /// No exchange is under way any more. `refused`: the peer has said no to data channels.
    fn settle(&mut self, refused: bool) {
        if self.negotiator.data_channels().is_none() && (refused || self.sctp.transport().is_some()) {
            self.sctp.give_up(&mut self.rng);
            // The next channel asks for them again.
            self.negotiator.stop_data_channels();
        }
        let keys: Vec<_> = self.negotiator.live_keys().collect();
        self.transports.retain(keys.iter().copied());
        if let Some(reason) = self.lifecycle.take_loss() {
            self.finish(reason);
        }
    }

    /// The peer has ended DTLS or SCTP on this transport. That is the end of the connection, unless we have offered
    /// to give the transport up and it has agreed, which its answer will tell; or other transports go on without it.
    pub(super) fn lose(&mut self, id: TransportId, reason: CloseReason) {
        if self.negotiator.section_of(id).is_none() {
            self.lifecycle.expect_close(id, reason);
        } else if self.sctp.is_on(Some(id)) || !self.transports.described().any(|other| other.dtls_goes_on()) {
            self.finish(reason);
        }
    }
}
