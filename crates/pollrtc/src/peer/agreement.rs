//! What descriptions bring about: transports and data channels begin, change and end.

use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_core::Instant;
use pollrtc_dtls::{self as dtls, Connection, PeerVerification, SrtpProfile};
use pollrtc_sctp::channel::Parity;
use pollrtc_sdp::negotiation::{CertificateHash, DataChannels, Effect, Transport, TransportId};

use super::PeerConnection;
use super::packets::INNER_ADDRESS;
use crate::{CloseReason, DtlsRole, Event, Fingerprint, SignalingState};

/// What we could protect media with. Agreed on even where there are only data channels, as browsers
/// do: some peers (aiortc) give a connection up that has no profile (RFC 5764 §4.1).
const SRTP_PROFILES: [SrtpProfile; 3] = [
    SrtpProfile::AeadAes128Gcm,
    SrtpProfile::AeadAes256Gcm,
    SrtpProfile::Aes128CmHmacSha1_80,
];

/// What the association of the data channels runs over; other values mean another association
/// (RFC 9429 §5.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Carrier {
    transport: TransportId,
    /// Of DTLS.
    association: u32,
    remote_port: u16,
}

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
                Effect::Transport {
                    transport,
                    new_association,
                    ..
                } => self.agree(now, &transport, new_association),
                Effect::RemoteCandidates {
                    transport,
                    candidates,
                    end_of_candidates,
                } => self
                    .transports
                    .add_remote_candidates(now, transport, &candidates, end_of_candidates),
                Effect::DataChannels(agreed) => self.associate(&agreed),
                Effect::DataChannelsClosed => refused = true,
                Effect::SectionRejected { section, mid, reason } => {
                    self.events.push_back(Event::SectionRejected { section, mid, reason });
                }
                Effect::SectionIdle { section, mid, reason } => {
                    self.events.push_back(Event::SectionIdle { section, mid, reason });
                }
                _ => {}
            }
        }
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
            {
                self.transports
                    .add_remote_candidates(now, *transport, candidates, *end_of_candidates);
            }
        }
        self.advance();
    }

    /// Nobody needs this transport any more, and both sides know. What it has to tell is told first.
    fn close_transport(&mut self, now: Instant, id: TransportId) {
        if self.transports.current.id == Some(id) {
            self.advance();
            while let Some(event) = self.next_ice_event() {
                self.events.push_back(event);
            }
        }
        if self.transports.close(now, id) {
            self.parting = None;
            self.description_digest = None;
            let current = self.transports.current.id;
            let is_current = |agreed: &&Transport| Some(agreed.key.transport) == current;
            let agreed = self.negotiator.transports().find(is_current).cloned();
            if let Some(agreed) = agreed {
                self.agree(now, &agreed, true);
            }
        }
    }

    /// Offer and answer agree on a transport: everything that waited for it begins.
    fn agree(&mut self, now: Instant, agreed: &Transport, new_association: bool) {
        // Another one has its turn when the one in use is closed.
        if self.transports.current.id != Some(agreed.key.transport) {
            return;
        }
        self.description_digest = self.digest_of(&agreed.remote);
        let current = &mut self.transports.current;
        let section = (agreed.section, agreed.mid.clone());
        let before = current.section.replace(section.clone());
        let has_moved = before.is_some_and(|before| before != section);
        current.agree(now, agreed.key.generation, agreed.ice_role, &agreed.remote);
        if new_association || current.security.connection().is_none() {
            current.association = agreed.association;
            current.dtls_role = agreed.dtls_role;
            self.start_dtls(now, agreed.dtls_role, &agreed.remote.fingerprints);
            if let (Some(_), Some(channels)) = (self.carrier, self.negotiator.data_channels()) {
                self.associate(&channels);
            }
        }
        if has_moved {
            self.expect_replacement(now);
        }
    }

    fn start_dtls(&mut self, now: Instant, role: DtlsRole, fingerprints: &[CertificateHash]) {
        let Some(connection) = self.dtls_connection(role, fingerprints, None) else {
            return;
        };
        for mut early in self.transports.current.secure(connection) {
            self.receive_dtls(now, &mut early.payload);
        }
    }

    /// A connection that shakes hands; `None` if there can't be any. `timeout`: how long it may take, if that is
    /// not as usual.
    pub(super) fn dtls_connection(
        &mut self,
        role: DtlsRole,
        fingerprints: &[CertificateHash],
        timeout: Option<Duration>,
    ) -> Option<Connection> {
        // No description can be made without a certificate, so there is one by now.
        let certificate = self.certificate.as_ref()?;
        let fingerprints = fingerprints.iter();
        let fingerprints = fingerprints.filter_map(|hash| Fingerprint::parse(&hash.algorithm, &hash.value).ok());
        let peer = PeerVerification::Fingerprints(fingerprints.collect());
        let mut config = dtls::Config::with_provider(self.provider, certificate.clone(), peer);
        config.mtu = self.mtu;
        // ICE has shown that the peer receives what we send.
        config.cookies = dtls::Cookies::Off;
        config.srtp_profiles = SRTP_PROFILES.to_vec();
        config.versions = self.dtls.versions;
        config.groups.clone_from(&self.dtls.groups);
        config.key_log.clone_from(&self.dtls.key_log);
        config.handshake_timeout = timeout.unwrap_or(config.handshake_timeout);
        let rng = self.rng.fork();
        let connection = match role {
            DtlsRole::Client => Connection::client(config, rng, INNER_ADDRESS),
            DtlsRole::Server => Connection::server(config, rng, INNER_ADDRESS),
        };
        connection
            .map_err(|error| self.finish(CloseReason::DtlsConfiguration(error)))
            .ok()
    }

    /// Data channels are agreed on.
    fn associate(&mut self, agreed: &DataChannels) {
        let current = &self.transports.current;
        if current.id != Some(agreed.transport) {
            return;
        }
        let carrier = Carrier {
            transport: agreed.transport,
            association: current.association,
            remote_port: agreed.remote_port,
        };
        if self.carrier != Some(carrier) {
            if self.carrier.replace(carrier).is_some() {
                self.channels.new_association(self.rng.fork());
            }
            // RFC 8832 §6: the DTLS client's channels have even ids.
            self.channels.set_role(match current.dtls_role {
                DtlsRole::Client => Parity::Even,
                DtlsRole::Server => Parity::Odd,
            });
            self.channels.set_remote_port(agreed.remote_port);
            self.connect_channels();
        }
        // What has no bound is zero in SDP (RFC 8841 §6).
        let max_message_size = agreed.max_message_size.unwrap_or(0);
        self.channels.set_remote_max_message_size(Some(max_message_size));
    }

    /// The association begins as soon as DTLS stands.
    pub(super) fn connect_channels(&mut self) {
        let security = &self.transports.current.security;
        let Some(connection) = security.connection().filter(|connection| connection.is_connected()) else {
            return;
        };
        if self.carrier.is_some() {
            let overhead = connection.record_prefix() + connection.record_suffix();
            self.channels.set_mtu(self.mtu.saturating_sub(overhead));
            self.channels.connect();
        }
    }

    /// No exchange is under way any more. `refused`: the peer has said no to data channels.
    fn settle(&mut self, refused: bool) {
        if self.negotiator.data_channels().is_none() && (refused || self.carrier.is_some()) {
            self.carrier = None;
            self.channels.new_association(self.rng.fork());
            // The next channel asks for them again.
            self.negotiator.stop_data_channels();
        }
        let keys: Vec<_> = self.negotiator.live_keys().collect();
        self.transports.retain(keys.iter().copied());
        if let Some(reason) = self.parting.take() {
            self.finish(reason);
        }
    }

    /// The peer has ended DTLS or SCTP. That is the end of the connection, unless we have offered to
    /// give both up and it has agreed, which its answer will tell.
    pub(super) fn lose(&mut self, reason: CloseReason) {
        let offered = |id| self.negotiator.section_of(id).is_some();
        if self.transports.current.id.is_some_and(offered) {
            self.finish(reason);
        } else {
            self.parting.get_or_insert(reason);
        }
    }
}
