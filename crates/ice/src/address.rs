//! What kind of address one is, and which ones may be paired.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How far an address reaches. Addresses that reach differently far can't talk to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// This host.
    Host,
    /// This link.
    Link,
    /// Further, as far as the address alone tells.
    Wide,
}

pub(crate) fn reach(ip: IpAddr) -> Reach {
    match ip {
        _ if ip.is_loopback() => Reach::Host,
        IpAddr::V4(v4) if v4.is_link_local() => Reach::Link,
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Reach::Link,
        IpAddr::V6(v6) => translated(v6).map_or(Reach::Wide, |v4| reach(v4.into())),
        IpAddr::V4(_) => Reach::Wide,
    }
}

/// The IPv4 address that a translator or tunnel makes of an IPv6 one: NAT64 (RFC 6052 §2.1, RFC 8215) and 6to4 (RFC 3056
/// §2). Whoever can't name an address must not name it in this way either.
fn translated(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = ip.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 1, _, _, _, high, low] => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

/// An address that no packet of ours may go to, nor come from: unspecified, multicast, broadcast,
/// deprecated site-local and IPv4-compatible addresses (RFC 8445 §5.1.1.1), port 0.
pub(crate) fn is_unusable(address: SocketAddr) -> bool {
    let ip = address.ip();
    address.port() == 0
        || ip.is_unspecified()
        || ip.is_multicast()
        || match ip {
            IpAddr::V4(v4) => v4.is_broadcast() || v4.octets()[0] == 0,
            IpAddr::V6(v6) if translated(v6).is_some() => {
                translated(v6).is_some_and(|v4| is_unusable(SocketAddr::from((v4, address.port()))))
            }
            IpAddr::V6(v6) => {
                let site_local = (v6.segments()[0] & 0xffc0) == 0xfec0;
                let v4_compatible = v6.segments()[..6] == [0; 6] && !v6.is_loopback();
                site_local || v4_compatible
            }
        }
}

/// RFC 8445 §6.1.2.2: same address family; a link-local address only with its kind, and on its link. The same goes
/// for loopback: a peer can't make this host probe its own services unless the caller gave a
/// loopback address to talk from.
pub(crate) fn may_pair(local: SocketAddr, remote: SocketAddr) -> bool {
    local.is_ipv4() == remote.is_ipv4() && reach(local.ip()) == reach(remote.ip()) && is_same_link(local, remote)
}

/// Whether two addresses may lie on one link: they don't if both name one, and not the same.
pub(crate) fn is_same_link(a: SocketAddr, b: SocketAddr) -> bool {
    let (a, b) = (scope_id(a), scope_id(b));
    a == b || a == 0 || b == 0
}

/// Whether two spellings may mean one address: what is signalled, or mapped by a server, does not name the link that
/// a link-local address is on.
pub(crate) fn is_same(a: SocketAddr, b: SocketAddr) -> bool {
    (a.ip(), a.port()) == (b.ip(), b.port()) && is_same_link(a, b)
}

/// Whether it is link-local and does not say on which link: nothing can be sent from there (RFC 4007 §6).
pub(crate) fn lacks_link(address: SocketAddr) -> bool {
    is_ipv6_link_local(address) && scope_id(address) == 0
}

/// The remote address as it is seen from a base: a link-local one is on the base's link (RFC 4007 §6).
pub(crate) fn on_link_of(remote: SocketAddr, base: SocketAddr) -> SocketAddr {
    match remote {
        SocketAddr::V6(mut v6) if lacks_link(remote) => {
            v6.set_scope_id(scope_id(base));
            v6.into()
        }
        _ => remote,
    }
}

fn is_ipv6_link_local(address: SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local())
}

fn scope_id(address: SocketAddr) -> u32 {
    match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(v6) => v6.scope_id(),
    }
}
