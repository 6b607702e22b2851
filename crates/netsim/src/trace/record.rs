//! One thing that happened to one packet.

use core::net::SocketAddr;
use std::sync::Arc;

use pollrtc_core::{Ecn, Instant, Protocol};

use crate::icmp::IcmpError;
use crate::packet::Content;
use crate::stats::DropReason;

/// One thing that happened to a packet. Its [`Display`](core::fmt::Display) is one line of text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceRecord {
    /// When.
    pub at: Instant,
    /// Where: the name of a host, of a gateway or, for what was injected, of a zone.
    pub place: Arc<str>,
    /// What.
    pub event: TraceEvent,
    /// Which protocol it is of.
    pub carried: Carried,
    /// Its source, as it is now.
    pub source: SocketAddr,
    /// Its destination, as it is now.
    pub destination: SocketAddr,
    /// Its ECN mark.
    pub ecn: Option<Ecn>,
    /// Its bytes, as they are now.
    pub payload: Vec<u8>,
}

/// What an IP packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Carried {
    /// A UDP datagram.
    Udp,
    /// A TCP segment. Sequence numbers count from zero, the SYN.
    #[non_exhaustive]
    Tcp {
        /// The control bit SYN.
        syn: bool,
        /// The control bit ACK.
        ack: bool,
        /// The control bit FIN.
        fin: bool,
        /// The control bit RST.
        rst: bool,
        /// The sequence number.
        sequence: u64,
        /// The acknowledgement number, if ACK is set.
        acknowledgement: u64,
    },
    /// An ICMP error; the ports of the record's addresses are 0.
    #[non_exhaustive]
    Icmp {
        /// What is wrong.
        error: IcmpError,
        /// The protocol of the packet that it is about.
        protocol: Protocol,
        /// The source of that packet.
        source: SocketAddr,
        /// The destination of that packet.
        destination: SocketAddr,
    },
}

impl From<&Content> for Carried {
    fn from(content: &Content) -> Self {
        match content {
            Content::Udp => Self::Udp,
            Content::Tcp(segment) => Self::Tcp {
                syn: segment.flags.syn,
                ack: segment.flags.ack,
                fin: segment.flags.fin,
                rst: segment.flags.rst,
                sequence: segment.sequence,
                acknowledgement: segment.acknowledgement,
            },
            Content::Icmp(complaint) => Self::Icmp {
                error: complaint.error,
                protocol: complaint.transport.protocol(),
                source: complaint.source,
                destination: complaint.destination,
            },
        }
    }
}

/// What happened to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceEvent {
    /// A host sent it; or it is ICMP, of whomever.
    Sent,
    /// A host received it.
    Received,
    /// A NAT rewrote its addresses; these are the old ones.
    Translated {
        /// The source before.
        source: SocketAddr,
        /// The destination before.
        destination: SocketAddr,
    },
    /// It was dropped.
    Dropped(DropReason),
}
