//! The way of a packet: ICE below, DTLS on its path, SCTP inside DTLS.
//!
//! In: a datagram goes to the ICE agent, which keeps what is STUN and refuses strangers; what is
//! DTLS goes to the DTLS connection, which decrypts it in place; what comes out is an SCTP packet.
//! Out: the other way round, each layer writing into the caller's own buffer.

use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use pollrtc_core::{Datagram, Flow, Instant, StateMachine, Transmit};
use pollrtc_dtls as dtls;
use pollrtc_ice as ice;
use pollrtc_sctp as sctp;
use pollrtc_sctp::channel::ChannelEvent;

use super::transport::{EarlyDatagram, Security, line_of};
use super::{Ending, PeerConnection};
use crate::{CloseReason, Event};

/// DTLS and SCTP have no addresses of their own: ICE's path says where packets go.
pub(super) const INNER_ADDRESS: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));

/// The cause with which a peer closes its connection (RFC 9260 §3.3.10.12).
const USER_INITIATED_ABORT: u16 = 12;

/// How many datagrams wait for the description that tells the peer's fingerprint.
const EARLY_DATAGRAMS: usize = 8;

impl PeerConnection {
    /// A datagram goes up through the layers.
    pub(super) fn receive(&mut self, now: Instant, datagram: Datagram<'_>) {
        let current = &mut self.transports.current;
        let ice::Received::Data { remote, payload, .. } = current.ice.handle_datagram(now, datagram) else {
            return;
        };
        // RFC 9443 §3: the first byte tells the protocol.
        match payload.first() {
            Some(20..=63) if current.security.connection().is_none() => self.keep_early(remote, payload),
            Some(20..=63) => self.receive_dtls(now, payload),
            Some(128..=191) => self.stats.dropped_media += 1,
            _ => self.stats.dropped_unknown += 1,
        }
    }

    pub(super) fn receive_dtls(&mut self, now: Instant, payload: &mut [u8]) {
        self.receive_replacement(now, payload);
        let Security::Running(connection) = &mut self.transports.current.security else {
            return;
        };
        for packet in connection.handle_datagram(now, Datagram::udp(INNER_ADDRESS, payload)) {
            self.channels.handle_datagram(now, Datagram::udp(INNER_ADDRESS, packet));
        }
    }

    /// A datagram that can't be read before the peer's description has come. If several answer our offer from
    /// one address, the latest one's are kept: a peer asks again if its answer was lost.
    fn keep_early(&mut self, remote: SocketAddr, payload: &[u8]) {
        let current = &mut self.transports.current;
        let Security::Waiting { early } = &mut current.security else {
            return;
        };
        let ufrag = current.ice.early_ufrag(remote).unwrap_or_default();
        early.retain(|kept| *kept.ufrag == *ufrag);
        if early.len() < EARLY_DATAGRAMS && payload.len() <= self.mtu.max(1500) {
            early.push_back(EarlyDatagram {
                ufrag: ufrag.into(),
                payload: payload.to_vec(),
            });
        } else {
            self.stats.dropped_early += 1;
        }
    }

    /// What one layer found out moves the others.
    pub(super) fn advance(&mut self) {
        let current = &mut self.transports.current;
        if let Some(path) = current.ice.path().filter(|path| current.known_path != Some(*path))
            && current.known_path.replace(path).is_some()
        {
            current.known_rtt = None;
            self.channels.handle_path_change(self.now);
            self.follow_path();
        }
        let current = &mut self.transports.current;
        if let Security::Running(connection) = &mut current.security
            && let Some(rtt) = current
                .ice
                .round_trip_time()
                .filter(|rtt| current.known_rtt != Some(*rtt))
        {
            current.known_rtt = Some(rtt);
            connection.set_round_trip_time(rtt);
            self.channels.set_round_trip_time(rtt);
        }
        if !current.expects_hello
            && current.ice.path().is_some()
            && let Security::Running(connection) = &mut current.security
        {
            current.expects_hello = true;
            connection.set_client_hello_deadline(self.now + self.dtls.hello_timeout);
        }
        if !current.peer_checked && current.ice.peer_checks() {
            current.peer_checked = true;
            // The peer has applied our description just now. Until then Firefox drops DTLS.
            if let Security::Running(connection) = &mut current.security {
                connection.repeat_flight(self.now);
            }
        }
        while let Security::Running(connection) = &mut self.transports.current.security {
            let Some(event) = connection.poll_event() else { break };
            match event {
                dtls::Event::Connected {
                    version, cipher_suite, ..
                } => {
                    self.events.push_back(Event::Secured { version, cipher_suite });
                    self.connect_channels();
                }
                // It overtook the end of the handshake.
                dtls::Event::ApplicationData(mut packet) => {
                    self.channels
                        .handle_datagram(self.now, Datagram::udp(INNER_ADDRESS, &mut packet));
                }
                // The old end of a peer that goes on with a new one.
                dtls::Event::Closed(dtls::CloseReason::Remote) if self.replace() => {
                    self.transports.current.ice.doubt_path(self.now);
                }
                dtls::Event::Closed(reason) => {
                    // Channels end with the transport that carries them (RFC 8261 §6).
                    self.channels.transport_closed();
                    self.lose(match reason {
                        dtls::CloseReason::Remote => CloseReason::Remote,
                        other => CloseReason::Dtls(other),
                    });
                }
                _ => {}
            }
        }
        self.advance_replacement();
    }

    pub(super) fn transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        if let Some(transmit) = self.transports.current.ice.poll_transmit(now, buf) {
            return Some(transmit);
        }
        if let Some(transmit) = self.transports.transmit_farewell(buf) {
            return Some(transmit);
        }
        let transmit = self.transmit_on_path(now, buf);
        if transmit.is_none() && self.ending.is_some() && buf.len() >= self.mtu {
            // All farewells are out.
            self.transports.current.ice.close();
        }
        transmit
    }

    fn transmit_on_path(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        if self.held_back {
            return None;
        }
        let path = self.transports.current.ice.path()?;
        let flow = Flow::udp(path.remote).on(path.local);
        let on_path = |transmit| Transmit { flow, ..transmit };
        if let Some(transmit) = self.transports.current.security.transmit(now, buf) {
            return Some(on_path(transmit));
        }
        let replacing = self.transports.current.replacing();
        if let Some(transmit) = replacing.and_then(|replacing| replacing.poll_transmit(now, buf)) {
            return Some(on_path(transmit));
        }
        if let Some(transmit) = self.transmit_channels(now, buf) {
            return Some(on_path(transmit));
        }
        let security = &mut self.transports.current.security;
        if self.ending.is_some() {
            // The association's farewell is out; now DTLS may say its own.
            security.close(now);
        }
        security.transmit(now, buf).map(on_path)
    }

    /// SCTP packets, each sealed in place: one, or a train of equal ones for segmentation offload.
    fn transmit_channels(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        let Security::Running(connection) = &mut self.transports.current.security else {
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
        (len > 0).then(|| Transmit::udp(INNER_ADDRESS, len).in_segments(segment))
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let current = &self.transports.current;
        let security = current.security.connection().and_then(StateMachine::poll_timeout);
        let replacement = current.replacement.as_ref();
        let replacement = replacement.and_then(|replacement| replacement.connection.as_ref()?.poll_timeout());
        [
            current.ice.poll_timeout(),
            security,
            replacement,
            self.channels.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Ends the connection from this side.
    pub(super) fn end(&mut self, reason: CloseReason) {
        if self.ending.is_none() {
            self.finish(reason);
            self.channels.abort("");
        }
    }

    /// The connection is over, for the first reason that there is.
    pub(super) fn finish(&mut self, reason: CloseReason) {
        self.negotiator.close();
        self.transports.current.replacement = None;
        self.ending.get_or_insert(Ending {
            reason,
            reported: false,
        });
    }

    pub(super) fn next_ice_event(&mut self) -> Option<Event> {
        loop {
            return Some(match self.transports.current.ice.poll_event()? {
                ice::Event::Candidate(candidate) => {
                    // Before there is a description, the first one will hold it; a description that
                    // holds it needs no trickling.
                    let line = line_of(&candidate);
                    let Some(candidate) = self.signalled(&line) else {
                        continue;
                    };
                    Event::Candidate(candidate)
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
                    self.lose(match reason {
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
