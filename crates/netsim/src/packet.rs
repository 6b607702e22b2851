//! What travels.

use core::net::SocketAddr;

use pollrtc_core::Ecn;

/// A UDP header (RFC 768) and an IPv4 header without options (RFC 791), in bytes.
const UDP_HEADER: usize = 8;
const IPV4_HEADER: usize = 20;
/// An IPv6 header without extensions (RFC 8200).
const IPV6_HEADER: usize = 40;
/// Hops before a datagram that goes in circles is dropped: the usual initial TTL.
const HOP_LIMIT: u8 = 64;

/// One UDP datagram on its way.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) ecn: Option<Ecn>,
    pub(crate) hops_left: u8,
    pub(crate) payload: Vec<u8>,
}

impl Packet {
    pub(crate) fn new(source: SocketAddr, destination: SocketAddr, payload: Vec<u8>) -> Self {
        Self {
            source,
            destination,
            ecn: None,
            hops_left: HOP_LIMIT,
            payload,
        }
    }

    /// Its size on the wire with the headers of UDP and IP: what bandwidth and MTU count.
    pub(crate) fn wire_len(&self) -> usize {
        let ip = if self.destination.is_ipv4() {
            IPV4_HEADER
        } else {
            IPV6_HEADER
        };
        ip + UDP_HEADER + self.payload.len()
    }
}
