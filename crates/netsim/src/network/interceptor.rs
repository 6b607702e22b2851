//! Who looks at what hosts send.

use core::net::SocketAddr;

use pollrtc_core::{Instant, Protocol};

/// A packet that a host sends, as the interceptor sees it: a UDP datagram, or a TCP segment. (ICMP is not shown.)
#[derive(Debug)]
#[non_exhaustive]
pub struct InFlight<'p> {
    /// When.
    pub at: Instant,
    /// UDP or TCP.
    pub protocol: Protocol,
    /// From which of the host's addresses, before any NAT.
    pub source: SocketAddr,
    /// Where to.
    pub destination: SocketAddr,
    /// Its bytes, which may be changed; of a segment, not their number.
    pub payload: &'p mut Vec<u8>,
}

/// What an interceptor decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let it travel.
    Pass,
    /// Let it vanish.
    Drop,
}

pub(super) type Interceptor = Box<dyn FnMut(InFlight<'_>) -> Verdict>;
