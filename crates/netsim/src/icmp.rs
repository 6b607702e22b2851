//! What the network says of packets that it can't deliver.

use core::fmt;

/// An ICMP error (RFC 792, RFC 4443). The machine that sent the packet hears of it as
/// [`FlowEvent::Unreachable`](pollrtc_core::FlowEvent::Unreachable) or
/// [`FlowEvent::TooBig`](pollrtc_core::FlowEvent::TooBig).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IcmpError {
    /// The host has no socket on that port.
    PortUnreachable,
    /// Nobody has that address.
    HostUnreachable,
    /// A firewall forbids it.
    Prohibited,
    /// The packet is larger than a link's MTU.
    TooBig {
        /// The largest IP packet that the link takes, in bytes.
        mtu: u16,
    },
}

impl fmt::Display for IcmpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortUnreachable => write!(f, "port unreachable"),
            Self::HostUnreachable => write!(f, "host unreachable"),
            Self::Prohibited => write!(f, "administratively prohibited"),
            Self::TooBig { mtu } => write!(f, "packet too big, MTU {mtu}"),
        }
    }
}
