//! The kinds of NATs to choose from, and which of them can't meet.

use std::net::IpAddr;

use clap::ValueEnum;
use pollrtc_netsim::{Firewall, Nat, Network, Zone};

/// What stands between a peer and the Internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NatKind {
    /// Nothing: a public address
    None,
    /// One port for all; anyone may send to it
    FullCone,
    /// One port for all; only hosts that were sent to may answer
    AddressRestricted,
    /// One port for all; only the very ports that were sent to may answer
    PortRestricted,
    /// A home router with Linux: as port-restricted, but its ports are shared
    Linux,
    /// Another port for each destination, and only that may answer
    Symmetric,
    /// A firewall that lets no UDP through
    NoUdp,
}

impl NatKind {
    /// Builds it; gives the zone behind it, whose outside address is `external`.
    pub(super) fn build(self, net: &mut Network, external: IpAddr) -> Zone {
        match self {
            Self::None => Zone::INTERNET,
            Self::FullCone => net.nat(Nat::full_cone(external)),
            Self::AddressRestricted => net.nat(Nat::address_restricted(external)),
            Self::PortRestricted => net.nat(Nat::port_restricted(external)),
            Self::Linux => net.nat(Nat::linux(external)),
            Self::Symmetric => net.nat(Nat::symmetric(external)),
            Self::NoUdp => net.firewall(Firewall::block_udp()),
        }
    }

    /// Does the peer keep its own address?
    pub(super) fn is_transparent(self) -> bool {
        matches!(self, Self::None | Self::NoUdp)
    }

    /// Only the very port that was sent to may answer (RFC 4787 §5).
    fn filters_ports(self) -> bool {
        matches!(self, Self::PortRestricted | Self::Linux | Self::Symmetric)
    }
}

/// Why two peers behind these can't meet without a relay; `None` if they can.
pub(super) fn need_for_relay(a: NatKind, b: NatKind) -> Option<&'static str> {
    if a == NatKind::NoUdp || b == NatKind::NoUdp {
        return Some("a firewall lets no UDP through");
    }
    // Each has to send to the other's port before the other's packets are let in. The port that a
    // symmetric NAT will use towards the other side is known to nobody before it is used.
    match (a, b) {
        (NatKind::Symmetric, b) if b.filters_ports() => Some(
            "A's NAT uses another port towards B than any that B could be told, and B's lets in only ports that B has sent to",
        ),
        (a, NatKind::Symmetric) if a.filters_ports() => Some(
            "B's NAT uses another port towards A than any that A could be told, and A's lets in only ports that A has sent to",
        ),
        _ => None,
    }
}
