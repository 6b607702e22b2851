//! What crossed the wire.

mod pcapng;
mod protocol;
mod record;
mod text;

use core::fmt;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use pollrtc_core::Instant;

pub use record::{Carried, TraceEvent, TraceRecord};

use crate::packet::Packet;

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
