//! Transport addresses as attributes carry them (RFC 8489 §14.1, §14.2).
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::header::{MAGIC_COOKIE, TransactionId};

/// Reads the form of MAPPED-ADDRESS.
pub(crate) fn decode(value: &[u8]) -> Option<SocketAddr> {
    // The first byte is for alignment and is ignored.
    let (&[_, family, p0, p1], address) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([p0, p1]);
    let ip = match family {
        FAMILY_IPV4 => IpAddr::from(<[u8; 4]>::try_from(address).ok()?),
        FAMILY_IPV6 => IpAddr::from(<[u8; 16]>::try_from(address).ok()?),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Reads the form of XOR-MAPPED-ADDRESS.
pub(crate) fn decode_xor(value: &[u8], id: TransactionId) -> Option<SocketAddr> {
    decode(value).map(|address| xor(address, id))
}

/// Turns an address into its masked form and back.
pub(crate) fn xor(address: SocketAddr, id: TransactionId) -> SocketAddr {
    // The port and an IPv4 address are masked with the cookie, an IPv6 address with the cookie and
    // the transaction id behind it.
    let port = address.port() ^ (MAGIC_COOKIE >> 16) as u16;
    let ip = match address.ip() {
        IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() ^ MAGIC_COOKIE)),
        IpAddr::V6(ip) => {
            let mut low = [0; 16];
            if let Some(tail) = low.last_chunk_mut::<12>() {
                *tail = id.0;
            }
            let mask = (u128::from(MAGIC_COOKIE) << 96) | u128::from_be_bytes(low);
            IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() ^ mask))
        }
    };
    SocketAddr::new(ip, port)
}

/// Writes the form of MAPPED-ADDRESS: the bytes and how many of them count.
pub(crate) fn encode(address: SocketAddr) -> ([u8; 20], usize) {
    let [p0, p1] = address.port().to_be_bytes();
    match address.ip() {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            let mut bytes = [0; 20];
            if let Some(head) = bytes.first_chunk_mut::<8>() {
                *head = [0, FAMILY_IPV4, p0, p1, a, b, c, d];
            }
            (bytes, 8)
        }
        IpAddr::V6(ip) => {
            let mut bytes = [0; 20];
            if let Some((head, tail)) = bytes.split_first_chunk_mut::<4>() {
                *head = [0, FAMILY_IPV6, p0, p1];
                tail.copy_from_slice(&ip.octets());
            }
            (bytes, 20)
        }
    }
}

const FAMILY_IPV4: u8 = 1;
const FAMILY_IPV6: u8 = 2;
