//! The machine's own addresses, and names for addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};

/// Documentation addresses (RFC 5737, RFC 3849): only the route to them is asked for.
const OUTWARD: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];
const LOOPBACKS: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Where packets to `target` leave from; nothing is sent to find that out.
pub(crate) fn address_towards(target: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr = if target.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(target).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified()).then_some(address)
}

/// The addresses that peers on this machine and in its networks reach us on: where the ways to the Internet begin,
/// and loopback, of IPv4 and IPv6 as far as the machine has them.
pub(crate) fn own_addresses() -> Vec<IpAddr> {
    let outward = OUTWARD.iter().filter_map(|ip| address_towards((*ip, 9).into()));
    let loopback = LOOPBACKS.into_iter().filter(|ip| is_here(*ip));
    distinct(outward.chain(loopback))
}

/// The addresses to bind to for those that were asked for: all of the machine's where a wildcard was.
pub(crate) fn expanded(asked: &[IpAddr]) -> io::Result<Vec<IpAddr>> {
    let mut addresses = Vec::new();
    for ip in asked {
        if ip.is_unspecified() {
            let of_family = |other: &IpAddr| other.is_ipv4() == ip.is_ipv4();
            addresses.extend(interface_addresses()?.into_iter().filter(of_family));
        } else {
            addresses.push(*ip);
        }
    }
    Ok(distinct(addresses.into_iter()))
}

/// The addresses of all interfaces that are up, but for those that mean nothing beyond a link.
pub(crate) fn interface_addresses() -> io::Result<Vec<IpAddr>> {
    let interfaces = if_addrs::get_if_addrs()?;
    let addresses = interfaces.into_iter().filter(|interface| interface.is_oper_up());
    let addresses = addresses.map(|interface| interface.ip());
    Ok(distinct(addresses.filter(|ip| !is_link_local(*ip) && is_here(*ip))))
}

/// What another machine in one of our networks can reach us on.
pub(crate) fn is_reachable_from_elsewhere(ip: IpAddr) -> bool {
    !ip.is_loopback() && !ip.is_unspecified() && !is_link_local(ip)
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Whether a socket can be bound to it: an IPv6 address that is still being checked for duplicates is not ready.
fn is_here(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

fn distinct(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut distinct = Vec::new();
    for address in addresses {
        if !distinct.contains(&address) {
            distinct.push(address);
        }
    }
    distinct
}

/// The addresses of `HOST:PORT`, where the host is an address or a name.
pub(crate) fn resolve(host_and_port: &str) -> io::Result<Vec<SocketAddr>> {
    let explain = |error: io::Error| io::Error::new(error.kind(), format!("{host_and_port}: {error}"));
    let found: Vec<_> = host_and_port.to_socket_addrs().map_err(explain)?.collect();
    if found.is_empty() {
        let error = io::Error::new(io::ErrorKind::NotFound, "no address has this name");
        return Err(explain(error));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_the_addresses_of_its_family() {
        let all = expanded(&[Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::LOCALHOST.into()]).unwrap();
        assert_eq!(
            all.iter().filter(|ip| **ip == LOOPBACKS[0]).count(),
            1,
            "once, though it was asked for twice: {all:?}"
        );
        assert!(all.iter().all(|ip| ip.is_ipv4() && !ip.is_unspecified()), "{all:?}");
    }

    #[test]
    fn own_addresses_can_all_be_bound_to() {
        let own = own_addresses();
        assert!(own.contains(&LOOPBACKS[0]), "{own:?}");
        assert!(own.iter().all(|ip| is_here(*ip)), "{own:?}");
    }

    #[test]
    fn names_are_resolved_and_what_is_none_is_named() {
        assert!(
            resolve("localhost:8080")
                .unwrap()
                .iter()
                .all(|at| at.ip().is_loopback())
        );
        assert!(resolve("localhost").unwrap_err().to_string().starts_with("localhost: "));
    }
}
