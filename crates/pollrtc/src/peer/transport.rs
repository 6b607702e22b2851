//! The way of a packet: ICE below, DTLS on its path, SCTP inside DTLS.
//!
//! In: a datagram goes to the ICE agent, which keeps what is STUN and refuses strangers; what is
//! DTLS goes to the DTLS connection, which decrypts it in place; what comes out is an SCTP packet.
//! Out: the other way round, each layer writing into the caller's own buffer.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use pollrtc_core::{Datagram, Instant, StateMachine, Transmit};
use pollrtc_dtls::{self as dtls, Connection, PeerVerification, SrtpProfile};
use pollrtc_ice::{self as ice, Role};
use pollrtc_sctp as sctp;
use pollrtc_sctp::channel::{ChannelEvent, Parity};

use super::{Ending, PeerConnection};
use crate::{CloseReason, DtlsRole, Event};

/// DTLS and SCTP have no addresses of their own: ICE's path says where packets go.
pub(super) const INNER_ADDRESS: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));

/// What we could protect media with. Agreed on even where there are only data channels, as browsers
/// do: some peers (aiortc) give a connection up that has no profile (RFC 5764 §4.1).
const SRTP_PROFILES: [SrtpProfile; 3] = [
    SrtpProfile::AeadAes128Gcm,
    SrtpProfile::AeadAes256Gcm,
    SrtpProfile::Aes128CmHmacSha1_80,
];

/// The cause with which a peer closes its connection (RFC 9260 §3.3.10.12).
const USER_INITIATED_ABORT: u16 = 12;

/// How many datagrams wait for the description that tells the peer's fingerprint.
const EARLY_DATAGRAMS: usize = 8;

/// The DTLS connection, which can't exist before the peer's fingerprint is known.
#[derive(Debug)]
pub(super) enum Security {
    /// Waiting for the peer's description. A peer that has ours already may be quicker than its
    /// answer on our signaling: its first flight is kept, within bounds.
    Waiting { early: VecDeque<Vec<u8>> },
    /// Shaking hands, connected or closed.
    Running(Box<Connection>),
}

impl Default for Security {
    fn default() -> Self {
        Self::Waiting { early: VecDeque::new() }
    }
}

impl Security {
    pub(super) fn is_connected(&self) -> bool {
        self.connection().is_some_and(Connection::is_connected)
    }

    pub(super) fn stats(&self) -> dtls::Stats {
        self.connection().map(Connection::stats).unwrap_or_default()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if let Self::Running(connection) = self {
            connection.handle_timeout(now);
        }
    }

    fn transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        match self {
            Self::Waiting { .. } => None,
            Self::Running(connection) => connection.poll_transmit(now, buf),
        }
    }

    fn close(&mut self, now: Instant) {
        if let Self::Running(connection) = self {
            connection.close(now);
        }
    }

    fn connection(&self) -> Option<&Connection> {
        match self {
            Self::Waiting { .. } => None,
            Self::Running(connection) => Some(connection),
        }
    }
}

impl PeerConnection {
    /// A datagram goes up through the layers.
    pub(super) fn receive(&mut self, now: Instant, datagram: Datagram<'_>) {
        let ice::Received::Data { payload, .. } = self.ice.handle_datagram(now, datagram) else {
            return;
        };
        // RFC 9443 §3: the first byte tells the protocol.
        match payload.first() {
            Some(20..=63) => self.receive_dtls(now, payload),
            Some(128..=191) => self.stats.dropped_media += 1,
            _ => self.stats.dropped_unknown += 1,
        }
    }

    fn receive_dtls(&mut self, now: Instant, payload: &mut [u8]) {
        match &mut self.security {
            Security::Waiting { early } if early.len() < EARLY_DATAGRAMS && payload.len() <= self.mtu.max(1500) => {
                early.push_back(payload.to_vec());
            }
            Security::Waiting { .. } => self.stats.dropped_early += 1,
            Security::Running(connection) => {
                for packet in connection.handle_datagram(now, Datagram::udp(INNER_ADDRESS, payload)) {
                    self.channels.handle_datagram(now, Datagram::udp(INNER_ADDRESS, packet));
                }
            }
        }
    }

    /// What one layer found out moves the others.
    pub(super) fn advance(&mut self) {
        let Security::Running(connection) = &mut self.security else {
            return;
        };
        let rtt = self.ice.round_trip_time();
        if let Some(rtt) = rtt.filter(|_| rtt != self.known_rtt) {
            self.known_rtt = Some(rtt);
            connection.set_round_trip_time(rtt);
            self.channels.set_round_trip_time(rtt);
        }
        while let Some(event) = connection.poll_event() {
            match event {
                dtls::Event::Connected {
                    version, cipher_suite, ..
                } => {
                    self.events.push_back(Event::Secured { version, cipher_suite });
                    let overhead = connection.record_prefix() + connection.record_suffix();
                    self.channels.set_mtu(self.mtu.saturating_sub(overhead));
                    self.channels.connect();
                }
                // It overtook the end of the handshake.
                dtls::Event::ApplicationData(mut packet) => {
                    self.channels
                        .handle_datagram(self.now, Datagram::udp(INNER_ADDRESS, &mut packet));
                }
                dtls::Event::Closed(reason) => {
                    // Channels end with the transport that carries them (RFC 8261 §6).
                    self.channels.transport_closed();
                    self.negotiator.close();
                    let reason = match reason {
                        dtls::CloseReason::Remote => CloseReason::Remote,
                        other => CloseReason::Dtls(other),
                    };
                    self.ending.get_or_insert(Ending {
                        reason,
                        reported: false,
                    });
                }
                _ => {}
            }
        }
    }

    pub(super) fn transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        if let Some(transmit) = self.ice.poll_transmit(now, buf) {
            return Some(transmit);
        }
        let transmit = self.transmit_on_path(now, buf);
        if transmit.is_none() && self.ending.is_some() && buf.len() >= self.mtu {
            // All farewells are out.
            self.ice.close();
        }
        transmit
    }

    fn transmit_on_path(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        let path = self.ice.path()?;
        let on_path = |transmit| Transmit {
            source: Some(path.local),
            destination: path.remote,
            ..transmit
        };
        if let Some(transmit) = self.security.transmit(now, buf) {
            return Some(on_path(transmit));
        }
        if let Some(transmit) = self.transmit_channels(now, buf) {
            return Some(on_path(transmit));
        }
        if self.ending.is_some() {
            // The association's farewell is out; now DTLS may say its own.
            self.security.close(now);
        }
        self.security.transmit(now, buf).map(on_path)
    }

    /// SCTP packets, each sealed in place: one, or a train of equal ones for segmentation offload.
    fn transmit_channels(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        let Security::Running(connection) = &mut self.security else {
            return None;
        };
        if !connection.is_connected() {
            return None;
        }
        let (prefix, suffix) = (connection.record_prefix(), connection.record_suffix());
        let (mut len, mut segment) = (0, self.mtu);
        for index in 0..self.max_segments {
            let room = buf.len().saturating_sub(len).min(segment);
            let Some(slot) = buf.get_mut(len..len + room) else {
                break;
            };
            let Some(body) = room.checked_sub(suffix).and_then(|end| slot.get_mut(prefix..end)) else {
                break;
            };
            let Some(packet) = self.channels.poll_transmit(now, body) else {
                break;
            };
            let Ok(sealed) = connection.seal(slot, packet.len) else {
                break;
            };
            if index == 0 {
                segment = sealed;
            }
            len += sealed;
            if sealed < segment {
                break;
            }
        }
        let train = len > segment;
        (len > 0).then(|| Transmit {
            segment_size: train.then_some(segment),
            ..Transmit::udp(INNER_ADDRESS, len)
        })
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let security = self.security.connection().and_then(StateMachine::poll_timeout);
        [self.ice.poll_timeout(), security, self.channels.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Offer and answer agree: everything that waited for it begins.
    pub(super) fn apply_agreement(&mut self, now: Instant, role: Role) {
        self.begin_generation(now);
        let Some(agreement) = self.negotiator.agreement().cloned() else {
            // The peer wants no data channels.
            self.channels.transport_closed();
            return;
        };
        let remote = agreement.remote;
        if self.security.connection().is_none() {
            // RFC 8445 §6.1.1: a full agent controls a lite one; of equals, the offerer.
            self.ice.set_role(match (self.ice_lite, agreement.remote_ice_lite) {
                (false, true) => Role::Controlling,
                (true, false) => Role::Controlled,
                _ => role,
            });
        }
        self.ice.set_remote_lite(agreement.remote_ice_lite);
        // The parser has checked their lengths, which is all that can be wrong with them.
        let _ = self.ice.set_remote_credentials(now, remote.credentials);
        for candidate in remote.candidates {
            self.ice.add_remote_candidate(now, candidate);
        }
        if remote.end_of_candidates {
            self.ice.end_of_remote_candidates(now);
        }
        self.channels.set_remote_port(remote.sctp.port);
        self.channels.set_remote_max_message_size(remote.sctp.max_message_size);
        if self.security.connection().is_none() {
            // RFC 8832 §6: the DTLS client's channels have even ids.
            self.channels.set_role(match agreement.dtls_role {
                DtlsRole::Client => Parity::Even,
                DtlsRole::Server => Parity::Odd,
            });
            self.start_dtls(now, agreement.dtls_role, remote.fingerprints);
        }
        self.advance();
    }

    fn start_dtls(&mut self, now: Instant, role: DtlsRole, fingerprints: Vec<pollrtc_crypto::Fingerprint>) {
        // No description can be made without a certificate, so there is one by now.
        let Ok(certificate) = self.certificate() else { return };
        let peer = PeerVerification::Fingerprints(fingerprints);
        let mut config = dtls::Config::with_provider(self.provider, certificate.clone(), peer);
        config.mtu = self.mtu;
        config.srtp_profiles = SRTP_PROFILES.to_vec();
        let rng = self.rng.fork();
        let connection = match role {
            DtlsRole::Client => Connection::client(config, rng, INNER_ADDRESS),
            DtlsRole::Server => Connection::server(config, rng, INNER_ADDRESS),
        };
        let before = core::mem::replace(&mut self.security, Security::Running(Box::new(connection)));
        let Security::Waiting { early } = before else { return };
        for mut payload in early {
            self.receive_dtls(now, &mut payload);
        }
    }

    /// Ends the connection from this side.
    pub(super) fn end(&mut self, reason: CloseReason) {
        if self.ending.is_some() {
            return;
        }
        self.ending = Some(Ending {
            reason,
            reported: false,
        });
        self.negotiator.close();
        self.channels.abort("");
    }

    pub(super) fn next_ice_event(&mut self) -> Option<Event> {
        loop {
            return Some(match self.ice.poll_event()? {
                ice::Event::Candidate(candidate) => {
                    // Before there is a description, the first one will hold it; a description that
                    // holds it needs no trickling.
                    let line = candidate.to_string();
                    if self.negotiator.data_section().is_none() || self.signalled_in_description(&line) {
                        continue;
                    }
                    Event::Candidate(self.signalled(&line))
                }
                ice::Event::GatheringComplete => Event::GatheringComplete,
                ice::Event::PathChanged(path) => Event::PathChanged(path),
                ice::Event::ResolveMdns { name } => Event::ResolveMdns { name },
                // Told as the connection's state.
                _ => continue,
            });
        }
    }

    pub(super) fn next_channel_event(&mut self) -> Option<Event> {
        loop {
            return Some(match self.channels.poll_event()? {
                ChannelEvent::Opened { channel, incoming } => Event::ChannelOpen { channel, incoming },
                ChannelEvent::Message { channel, data } => Event::Message { channel, data },
                ChannelEvent::BufferedAmountLow { channel } => Event::BufferedAmountLow { channel },
                ChannelEvent::Closing { channel } => Event::ChannelClosing { channel },
                ChannelEvent::Closed { channel, reason } => Event::ChannelClosed { channel, reason },
                ChannelEvent::Disconnected(reason) => {
                    self.end(match reason {
                        sctp::CloseReason::Shutdown => CloseReason::Remote,
                        sctp::CloseReason::PeerAborted {
                            code: USER_INITIATED_ABORT,
                            ..
                        } => CloseReason::Remote,
                        other => CloseReason::Sctp(other),
                    });
                    continue;
                }
                _ => continue,
            });
        }
    }
}
