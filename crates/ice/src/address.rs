//! What kind of address one is, and which ones may be paired.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The same address as other parts of the agent know it: an IPv4 address that a dual-stack socket
/// shows as IPv4-mapped IPv6 becomes IPv4 again (RFC 8445 §5.1.1.1 bans the mapped form), and flow
/// labels and scope ids, which differ between sockets, go.
pub(crate) fn normalised(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// How far an address reaches. Addresses of different scopes can't talk to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// This host.
    Loopback,
    /// This link.
    Link,
    /// Further, as far as the address alone tells.
    Wide,
}

pub(crate) fn scope(ip: IpAddr) -> Scope {
    match ip {
        _ if ip.is_loopback() => Scope::Loopback,
        IpAddr::V4(v4) if v4.is_link_local() => Scope::Link,
        IpAddr::V6(v6) if is_v6_link_local(v6) => Scope::Link,
        _ => Scope::Wide,
    }
}

fn is_v6_link_local(ip: Ipv6Addr) -> bool {
    (ip.segments()[0] & 0xffc0) == 0xfe80
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
            IpAddr::V6(v6) => {
                let site_local = (v6.segments()[0] & 0xffc0) == 0xfec0;
                let v4_compatible = v6.segments()[..6] == [0; 6] && !v6.is_loopback();
                site_local || v4_compatible
            }
        }
}

/// RFC 8445 §6.1.2.2: same address family; a link-local address only with its kind. The same goes
/// for loopback: a peer can't make this host probe its own services unless the caller gave a
/// loopback address to talk from.
pub(crate) fn may_pair(local: SocketAddr, remote: SocketAddr) -> bool {
    local.is_ipv4() == remote.is_ipv4() && scope(local.ip()) == scope(remote.ip())
}
