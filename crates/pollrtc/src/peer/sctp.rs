//! SCTP with the data channels on top of it, and the DTLS association that it runs over.

use pollrtc_core::{Datagram, Instant, StateMachine, Transmit};
use pollrtc_crypto::Rng;
use pollrtc_dtls::Connection;
use pollrtc_jsep::{self as jsep, DtlsRole, TransportId};
use pollrtc_sctp::AssociationState;
use pollrtc_sctp::channel::{ChannelConfig, DataChannels, Parity};

use super::dtls::{DtlsTransport, INNER_ADDRESS};

/// SCTP over DTLS (W3C WebRTC §6.1.1, `RTCSctpTransport`).
pub(super) struct SctpTransport {
    pub(super) channels: DataChannels,
    /// What the association runs over, once data channels are agreed on.
    underlying: Option<Underlying>,
    /// How long one datagram may be, and how many of them one transmit.
    mtu: usize,
    max_segments: usize,
}

/// What an association runs over; other values mean another association (RFC 9429 §5.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Underlying {
    transport: TransportId,
    /// Of DTLS.
    association: u32,
    remote_port: u16,
}

impl SctpTransport {
    pub(super) fn new(config: ChannelConfig, rng: Rng, mtu: usize, max_segments: usize) -> Self {
        Self {
            channels: DataChannels::new(config, rng, INNER_ADDRESS),
            underlying: None,
            mtu,
            max_segments,
        }
    }

    /// Which transport carries it.
    pub(super) fn transport(&self) -> Option<TransportId> {
        self.underlying.map(|underlying| underlying.transport)
    }

    /// Whether this transport carries it.
    pub(super) fn is_on(&self, transport: Option<TransportId>) -> bool {
        transport.is_some() && self.transport() == transport
    }

    /// Data channels are agreed on. True if they run over something new, over which they are to be connected.
    pub(super) fn agree(&mut self, agreed: &jsep::DataChannels, dtls: &DtlsTransport, rng: &mut Rng) -> bool {
        let underlying = Underlying {
            transport: agreed.transport,
            association: dtls.association,
            remote_port: agreed.remote_port,
        };
        let is_new = self.underlying != Some(underlying);
        if is_new {
            if self.underlying.replace(underlying).is_some() {
                self.channels.new_association(rng.fork());
            }
            // RFC 8832 §6: the DTLS client's channels have even ids.
            self.channels.set_role(match dtls.role {
                DtlsRole::Client => Parity::Even,
                DtlsRole::Server => Parity::Odd,
            });
            self.channels.set_remote_port(agreed.remote_port);
        }
        // What has no bound is zero in SDP (RFC 8841 §6).
        let max_message_size = agreed.max_message_size.unwrap_or(0);
        self.channels.set_remote_max_message_size(Some(max_message_size));
        is_new
    }

    /// There are no data channels any more, or the peer wants none. False if there never were any.
    pub(super) fn give_up(&mut self, rng: &mut Rng) {
        self.underlying = None;
        self.channels.new_association(rng.fork());
    }

    /// The association begins as soon as DTLS stands.
    pub(super) fn connect(&mut self, dtls: &DtlsTransport) {
        let connection = dtls.connection().filter(|connection| connection.is_connected());
        if let Some(connection) = connection {
            let overhead = connection.record_prefix() + connection.record_suffix();
            self.channels.set_mtu(self.mtu.saturating_sub(overhead));
            self.channels.connect();
        }
    }

    /// Whether the peer has ended the association, which goes on over its new end.
    pub(super) fn has_lost_association(&self) -> bool {
        self.underlying.is_some() && self.channels.association().state() == AssociationState::New
    }

    /// A packet that DTLS has decrypted.
    pub(super) fn handle_packet(&mut self, now: Instant, packet: &mut [u8]) {
        self.channels.handle_datagram(now, Datagram::udp(INNER_ADDRESS, packet));
    }

    /// Packets, each sealed in place: one, or a train of equal ones for segmentation offload. Where they go is the
    /// caller's to say.
    pub(super) fn poll_transmit(
        &mut self,
        now: Instant,
        connection: &mut Connection,
        buf: &mut [u8],
    ) -> Option<Transmit> {
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
}
