//! Media as a connection gives and takes it.

use pollrtc_jsep::TransportId;
use pollrtc_rtp::{Compound, RtpPacket};

/// What a datagram held for the caller right away: a view into the caller's own buffer.
///
/// Nothing of media is negotiated yet, so that it is always [`Nothing`](Self::Nothing); what else a datagram brings about
/// are events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received<'d> {
    /// Nothing of media.
    Nothing,
    /// One packet of a stream. It may come before the event that announces the stream.
    Rtp {
        /// The stream.
        stream: Incoming,
        /// The packet, decrypted.
        packet: RtpPacket<'d>,
    },
    /// Control packets, which have been acted on already; for those who watch.
    Rtcp {
        /// The transport that they came by.
        transport: TransportId,
        /// The packets, decrypted.
        compound: Compound<'d>,
    },
}

/// Names what receives the media of one section (W3C WebRTC §5.3, `RTCRtpReceiver`): a number, counted from zero in
/// each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiverId(pub u32);

/// Names one incoming stream of a connection: one SSRC with its retransmissions, which never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incoming {
    /// The receiver that it belongs to.
    pub receiver: ReceiverId,
    /// Which of its simulcast layers (RFC 8853) that is, from zero in the order of the description.
    pub layer: u8,
}

/// Names one outgoing stream of a connection: one SSRC with its retransmissions. A number, counted from zero in each
/// connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outgoing(pub u32);

/// Why a packet can't be written, queued or sent again. Nothing was sent, and nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// No such stream is negotiated: there is nobody who would take the packet.
    #[error("no such stream is negotiated")]
    NotNegotiated,
}
