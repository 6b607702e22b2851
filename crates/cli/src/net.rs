//! The machine's own addresses.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// Where packets to `target` leave from; nothing is sent to find that out.
pub(crate) fn address_towards(target: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr = if target.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(target).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified()).then_some(address)
}

/// The addresses that peers on this machine and in its networks reach us on: loopback, and where
/// the way to the Internet begins.
pub(crate) fn own_addresses() -> Vec<IpAddr> {
    // A documentation address (RFC 5737): only its route is asked for.
    let outward = address_towards((Ipv4Addr::new(203, 0, 113, 1), 9).into());
    let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
    let mut addresses: Vec<_> = outward.into_iter().chain([loopback]).collect();
    addresses.dedup();
    addresses
}
