//! The addresses of NAT64 (RFC 6052).

use core::net::{Ipv4Addr, Ipv6Addr};

/// The IPv6 address by which a host behind a NAT64 with the well-known prefix `64:ff9b::/96` reaches an IPv4 address
/// (RFC 6052 §2.1): what DNS64 gives for a name, and what a host makes of an address that it was told as IPv4
/// (RFC 8305 §7.1).
///
/// ```
/// use pollrtc_netsim::nat64_address;
///
/// assert_eq!(nat64_address("192.0.2.33".parse()?), "64:ff9b::192.0.2.33".parse::<std::net::Ipv6Addr>()?);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn nat64_address(address: Ipv4Addr) -> Ipv6Addr {
    embed(WELL_KNOWN_PREFIX, address)
}

/// RFC 6052 §2.1.
pub(crate) const WELL_KNOWN_PREFIX: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);
const PREFIX_BYTES: usize = 12;

/// RFC 6052 §2.2: behind a prefix of 96 bits stand the 32 of the IPv4 address.
pub(super) fn embed(prefix: Ipv6Addr, address: Ipv4Addr) -> Ipv6Addr {
    let mut octets = prefix.octets();
    octets[PREFIX_BYTES..].copy_from_slice(&address.octets());
    octets.into()
}

/// The IPv4 address behind the prefix; `None` if the address has another one.
pub(super) fn extract(prefix: Ipv6Addr, address: Ipv6Addr) -> Option<Ipv4Addr> {
    let (octets, prefix) = (address.octets(), prefix.octets());
    let (start, rest) = octets.split_at(PREFIX_BYTES);
    let embedded: [u8; 4] = rest.try_into().ok()?;
    (start == &prefix[..PREFIX_BYTES]).then(|| embedded.into())
}
