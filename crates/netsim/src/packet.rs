//! What travels.

use core::net::{IpAddr, SocketAddr};

use pollrtc_core::{Ecn, Protocol};

use crate::icmp::IcmpError;

/// A UDP header (RFC 768), a TCP header without options (RFC 9293 §3.1) and an IPv4 header without options
/// (RFC 791), in bytes.
pub(crate) const UDP_HEADER: usize = 8;
pub(crate) const TCP_HEADER: usize = 20;
pub(crate) const IPV4_HEADER: usize = 20;
/// An IPv6 header without extensions (RFC 8200).
pub(crate) const IPV6_HEADER: usize = 40;
/// An ICMP header (RFC 792, RFC 4443 §2.1), and what it quotes of the transport header.
const ICMP_HEADER: usize = 8;
const ICMP_QUOTE: usize = 8;
/// Hops before a datagram that goes in circles is dropped: the usual initial TTL.
const HOP_LIMIT: u8 = 64;

/// One IP packet on its way. Its addresses are those on the wire: without a scope.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) ecn: Option<Ecn>,
    pub(crate) hops_left: u8,
    pub(crate) content: Content,
    pub(crate) payload: Vec<u8>,
}

/// What an IP packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Udp,
    Tcp(Box<Segment>),
    /// The ports of the packet's addresses are 0.
    Icmp(Box<Complaint>),
}

/// The transport protocols: what has ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

impl Transport {
    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::Udp => Protocol::Udp,
            Self::Tcp => Protocol::Tcp,
        }
    }
}

impl From<Protocol> for Transport {
    fn from(protocol: Protocol) -> Self {
        if protocol.is_stream() { Self::Tcp } else { Self::Udp }
    }
}

/// The header of a TCP segment. Sequence numbers count from zero in each direction and do not wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) flags: Flags,
    pub(crate) sequence: u64,
    /// Counts if [`Flags::ack`] is set.
    pub(crate) acknowledgement: u64,
    /// The longest payload that the sender of a SYN takes (RFC 9293 §3.7.1).
    pub(crate) largest: u16,
}

/// The control bits of TCP (RFC 9293 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) syn: bool,
    pub(crate) ack: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
}

/// An ICMP error and the packet that it is about, as that packet was where the error was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) error: IcmpError,
    pub(crate) transport: Transport,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
}

/// Through a gateway, from inside or from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Outbound,
    Inbound,
}

impl Packet {
    /// A UDP datagram.
    pub(crate) fn new(source: SocketAddr, destination: SocketAddr, payload: Vec<u8>) -> Self {
        Self {
            source,
            destination,
            ecn: None,
            hops_left: HOP_LIMIT,
            content: Content::Udp,
            payload,
        }
    }

    pub(crate) fn tcp(source: SocketAddr, destination: SocketAddr, segment: Segment, payload: Vec<u8>) -> Self {
        Self {
            content: Content::Tcp(Box::new(segment)),
            ..Self::new(source, destination, payload)
        }
    }

    /// What `reporter` says of `about` to its sender; `None` if nothing may be said, since that was an error itself
    /// (RFC 1122 §3.2.2) or comes from nobody.
    pub(crate) fn complaint(reporter: IpAddr, error: IcmpError, about: &Self) -> Option<Self> {
        let transport = about.transport()?;
        let (source, destination) = (about.source, about.destination);
        if source.ip().is_unspecified() || destination.ip().is_multicast() {
            return None;
        }
        Some(Self {
            content: Content::Icmp(Box::new(Complaint {
                error,
                transport,
                source,
                destination,
            })),
            ..Self::new(
                SocketAddr::new(reporter, 0),
                SocketAddr::new(source.ip(), 0),
                Vec::new(),
            )
        })
    }

    /// `None` for ICMP.
    pub(crate) fn transport(&self) -> Option<Transport> {
        match self.content {
            Content::Udp => Some(Transport::Udp),
            Content::Tcp(_) => Some(Transport::Tcp),
            Content::Icmp(_) => None,
        }
    }

    /// The control bits, if it is a TCP segment.
    pub(crate) fn flags(&self) -> Option<Flags> {
        match &self.content {
            Content::Tcp(segment) => Some(segment.flags),
            Content::Udp | Content::Icmp(_) => None,
        }
    }

    pub(crate) fn is_icmp(&self) -> bool {
        matches!(self.content, Content::Icmp(_))
    }

    /// Its size on the wire with all headers: what bandwidth and MTU count.
    pub(crate) fn wire_len(&self) -> usize {
        let ip = ip_header(self.destination.ip());
        let transport = match self.content {
            Content::Udp => UDP_HEADER,
            Content::Tcp(_) => TCP_HEADER,
            Content::Icmp(_) => ICMP_HEADER + ip + ICMP_QUOTE,
        };
        ip + transport + self.payload.len()
    }
}

/// How long the IP header of a packet to this address is.
pub(crate) fn ip_header(destination: IpAddr) -> usize {
    if destination.is_ipv4() {
        IPV4_HEADER
    } else {
        IPV6_HEADER
    }
}
