//! Media as a connection gives and takes it.

use pollrtc_jsep::{TransceiverId, TransportId};
use pollrtc_rtp::payload::PacketizeError;
use pollrtc_rtp::rtcp::Compound;
use pollrtc_rtp::{RtpPacket, StreamKey};

/// What a datagram held for the caller right away: a view into the caller's own buffer.
///
/// What else a datagram brings about are events.
///
/// ```
/// use pollrtc::{Config, Datagram, Instant, PeerConnection, Received, StateMachine};
///
/// let mut peer = PeerConnection::new(Config::default());
/// let mut bytes = [0x80; 20];
/// let datagram = Datagram::udp("192.0.2.1:5000".parse().unwrap(), &mut bytes);
/// assert_eq!(peer.handle_datagram(Instant::ZERO, datagram), Received::Nothing);
/// ```
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

/// Names one incoming stream of a connection: one SSRC with its retransmissions, which never changes its meaning. A
/// number, counted from zero in each connection; [`PeerConnection::incoming`](crate::PeerConnection::incoming) tells what
/// it stands for.
///
/// ```
/// use pollrtc::Incoming;
///
/// // Who publishes what, as a forwarder keeps it.
/// let mut published = std::collections::BTreeMap::new();
/// published.insert(Incoming(0), "the microphone");
/// assert!(published.contains_key(&Incoming(0)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incoming(pub u32);

/// What an [`Incoming`] stands for.
///
/// ```
/// use pollrtc::{Incoming, PeerConnection};
///
/// fn is_lowest(peer: &PeerConnection, stream: Incoming) -> bool {
///     peer.incoming(stream).is_some_and(|info| info.layer == 0)
/// }
/// # assert!(!is_lowest(&PeerConnection::new(pollrtc::Config::default()), Incoming(0)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IncomingInfo {
    /// The transceiver that receives it.
    pub transceiver: TransceiverId,
    /// Which of its simulcast layers (RFC 8853) it is, from zero in the order of the description.
    pub layer: usize,
    /// The name by which its packets are known outside of the connection.
    pub key: StreamKey,
}

/// Names one outgoing stream of a connection: one SSRC with its retransmissions. A number, counted from zero in each
/// connection.
///
/// ```
/// use pollrtc::Outgoing;
///
/// // Who is to get what, as a forwarder keeps it.
/// let mut subscriptions = std::collections::BTreeMap::new();
/// subscriptions.insert(Outgoing(0), "the camera of the one who speaks");
/// assert!(subscriptions.contains_key(&Outgoing(0)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outgoing(pub u32);

/// Why a packet can't be written, queued or sent again. Nothing was sent, and nothing has changed.
///
/// ```
/// use pollrtc::WriteError;
///
/// assert_eq!(WriteError::NotNegotiated.to_string(), "no such stream is negotiated");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// No such stream is negotiated, or not to be sent: there is nobody who would take the packet.
    #[error("no such stream is negotiated")]
    NotNegotiated,
    /// There is no path yet, or no keys: [`Event::Secured`](crate::Event::Secured) tells when there are.
    #[error("the transport is not connected")]
    NotReady,
    /// The stream has no format in this place.
    #[error("the stream has no such format")]
    UnknownFormat,
    /// The packet does not fit into the buffer.
    #[error("{needed} bytes are needed")]
    TooLong {
        /// How many bytes it takes.
        needed: usize,
    },
    /// Nothing can be sealed under this number (RFC 3711 §9.1): it is taken, or too far from those before, or the first of
    /// its stream and above 2^15.
    #[error("no packet can have the sequence number {sequence} here")]
    Sequence {
        /// The number, with its rollovers.
        sequence: u64,
    },
    /// The frame can't be sent in this format.
    #[error("the frame can't be sent: {0}")]
    Frame(PacketizeError),
    /// The frame has more packets than may ever wait.
    #[error("the frame has more than {packets} packets")]
    LongFrame {
        /// How many it may have: [`Config::max_queued_packets`](crate::Config::max_queued_packets).
        packets: usize,
    },
    /// The frame is encrypted, and no dependency descriptor was agreed on that could tell what it is.
    #[error("no dependency descriptor was agreed on")]
    NoDescriptor,
    /// As many packets wait as there may.
    #[error("too many packets wait to be sent")]
    Full,
}
