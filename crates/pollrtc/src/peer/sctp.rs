//! SCTP with the data channels on top of it, and the DTLS association that it runs over.

use pollrtc_core::{Flow, InnerProtocol, Instant, Transmit};
use pollrtc_crypto::Rng;
use pollrtc_jsep::{self as jsep, DtlsRole, TransportId};
use pollrtc_sctp::AssociationState;
use pollrtc_sctp::channel::{ChannelConfig, DataChannels, Parity};

use super::dtls::DtlsTransport;
use super::rest::Rested;

/// SCTP's packets are as long as a multiple of this, where they are full: checksum and cipher are fastest then.
const PACKET_UNIT: usize = 16;
/// Bytes that every host puts together again from fragments (RFC 8200 §5), of which IP and UDP take some.
const REASSEMBLED_BY_ALL: usize = 1500 - 48;

/// SCTP over DTLS (W3C WebRTC §6.1.1, `RTCSctpTransport`).
pub(super) struct SctpTransport {
    pub(super) channels: Rested<DataChannels>,
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
            channels: Rested::new(DataChannels::new(config, rng)),
            underlying: None,
            mtu,
            max_segments,
        }
    }

    /// How long the longest datagram with a packet in it is: packets that SCTP can't cut again may be longer than the
    /// path takes at once.
    pub(super) fn longest_datagram(&self) -> usize {
        self.mtu.max(REASSEMBLED_BY_ALL)
    }

    /// The transport that carries it.
    pub(super) fn transport(&self) -> Option<TransportId> {
        self.underlying.map(|underlying| underlying.transport)
    }

    /// Whether it is this transport that carries it.
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
        if dtls.is_connected() {
            self.channels.connect();
        }
    }

    /// Whether the peer has ended the association, which goes on over its new end.
    pub(super) fn has_lost_association(&self) -> bool {
        self.underlying.is_some() && self.channels.association().state() == AssociationState::New
    }

    /// A packet that DTLS has decrypted.
    pub(super) fn handle_packet(&mut self, now: Instant, packet: &mut [u8]) {
        self.channels.handle_body(now, packet);
    }

    /// Packets, each sealed in place: one, or a train of equal ones for segmentation offload.
    pub(super) fn poll_transmit(
        &mut self,
        now: Instant,
        flow: Flow,
        dtls: &mut DtlsTransport,
        buf: &mut [u8],
    ) -> Option<Transmit> {
        let headroom = dtls
            .connection()
            .filter(|connection| connection.is_connected())?
            .headroom();
        let room = self.mtu.min(buf.len()).saturating_sub(headroom.total()) & !(PACKET_UNIT - 1);
        let (mut len, mut segment) = (0, 0);
        for index in 0..self.max_segments {
            let Some(slot) = buf.get_mut(len..len + headroom.total() + room) else {
                break;
            };
            let Some(packet_len) = self.channels.write_body(now, slot, headroom) else {
                break;
            };
            let Ok(record_len) = dtls.connection_mut()?.write_record(slot, packet_len) else {
                break;
            };
            if index == 0 {
                segment = record_len;
            }
            len += record_len;
            // What follows a packet that is not full may be longer.
            if packet_len < room {
                break;
            }
        }
        if len == 0
            && let Some(needed) = self.channels.needed_room()
            && headroom.total() + needed <= REASSEMBLED_BY_ALL
        {
            // SCTP can't cut it again, so IP has to.
            let slot = buf.get_mut(..headroom.total() + needed)?;
            let packet_len = self.channels.write_body(now, slot, headroom)?;
            len = dtls.connection_mut()?.write_record(slot, packet_len).ok()?;
            segment = len;
        }
        if len == 0 && buf.len() >= self.mtu && self.channels.needed_room().is_none() {
            self.channels.note_quiet();
        }
        (len > 0).then(|| Transmit::new(flow, len).in_segments(segment))
    }
}
