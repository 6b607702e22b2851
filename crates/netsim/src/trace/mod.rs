//! What crossed the wire.

mod pcapng;
mod protocol;
mod text;

use core::fmt;
use core::net::SocketAddr;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use pollrtc_core::{Ecn, Instant, Protocol};

use crate::icmp::IcmpError;
use crate::packet::{Content, Packet};
use crate::stats::DropReason;

/// A record of what hosts sent and received, what NATs rewrote, and what was dropped where and why.
///
/// Its [`Display`](fmt::Display) is one line of text per record; [`write_pcapng`](Self::write_pcapng)
/// makes a capture for Wireshark.
///
/// ```
/// use pollrtc_netsim::{Network, Socket, Trace};
///
/// let mut net = Network::new(1);
/// net.start_trace(Trace::new());
/// let a = net.host("192.0.2.1:5000".parse()?, Socket::new());
/// net.set_name(a, "alice");
/// net[a].send("192.0.2.2:6000".parse()?, b"is anybody there?");
/// net.step();
///
/// let text = net.trace().unwrap().to_string();
/// assert_eq!(
///     text,
///     "0.000000 alice sent 192.0.2.1:5000 > 192.0.2.2:6000 len 17 data\n\
///      0.000000 alice dropped 192.0.2.1:5000 > 192.0.2.2:6000 len 17 data (no route)\n"
/// );
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Trace {
    records: VecDeque<TraceRecord>,
    limit: Option<usize>,
}

/// One thing that happened to a packet. Its [`Display`](fmt::Display) is one line of text.
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

impl Trace {
    /// Keeps everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the last `limit` records.
    pub fn last(limit: usize) -> Self {
        Self {
            records: VecDeque::new(),
            limit: Some(limit),
        }
    }

    /// What was recorded, in order.
    pub fn records(&self) -> impl DoubleEndedIterator<Item = &TraceRecord> + ExactSizeIterator {
        self.records.iter()
    }

    /// Writes a capture file (pcapng) with an interface for each host and gateway, times in
    /// nanoseconds, and headers of IP, UDP, TCP and ICMP as the packets would have had. What was dropped is in
    /// it too, with the reason as a comment.
    ///
    /// A datagram that arrives is seen at its sender, at each NAT and at its receiver; to follow one
    /// side, filter in Wireshark by `frame.interface_name == "alice"`.
    pub fn write_pcapng(&self, out: impl io::Write) -> io::Result<()> {
        pcapng::write(out, self.records.iter())
    }

    pub(crate) fn record(&mut self, at: Instant, place: &Arc<str>, event: TraceEvent, packet: &Packet) {
        if self.limit == Some(0) {
            return;
        }
        if self.limit.is_some_and(|limit| self.records.len() >= limit) {
            self.records.pop_front();
        }
        self.records.push_back(TraceRecord {
            at,
            place: place.clone(),
            event,
            carried: (&packet.content).into(),
            source: packet.source,
            destination: packet.destination,
            ecn: packet.ecn,
            payload: packet.payload.clone(),
        });
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.records().try_for_each(|record| writeln!(f, "{record}"))
    }
}
