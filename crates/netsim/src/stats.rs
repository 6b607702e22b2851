//! What happened to packets, in numbers.

use core::fmt;

/// Why a packet did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// Lost at random on a link.
    Loss,
    /// A link's queue was full.
    QueueFull,
    /// Larger than a link's MTU, or than UDP allows.
    MtuExceeded,
    /// Nobody has the destination's IP address.
    NoRoute,
    /// The destination has no socket on that port.
    NoSocket,
    /// A host sent from an address where it has no socket (or has none of the destination's family).
    NotLocal,
    /// A host sent on a stream that is not open.
    NoStream,
    /// A host sent on a stream whose buffer was full.
    StreamFull,
    /// A host sent on a stream what can't be a frame there.
    NotAFrame,
    /// A NAT has no mapping for the destination.
    NoMapping,
    /// A NAT's or firewall's filter lets only those in whom the inside has sent to.
    Filtered,
    /// A NAT does not hairpin.
    HairpinRefused,
    /// A NAT has no port left.
    PortsExhausted,
    /// A firewall forbids it.
    Blocked,
    /// The interceptor dropped it ([`Network::intercept`](crate::Network::intercept)).
    Intercepted,
    /// It went in circles.
    HopLimit,
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loss => "lost",
            Self::QueueFull => "queue full",
            Self::MtuExceeded => "larger than the MTU",
            Self::NoRoute => "no route",
            Self::NoSocket => "no socket on that port",
            Self::NotLocal => "sent from an address that the host has not bound",
            Self::NoStream => "no such stream is open",
            Self::StreamFull => "stream full",
            Self::NotAFrame => "not a frame of that stream",
            Self::NoMapping => "no mapping",
            Self::Filtered => "filtered",
            Self::HairpinRefused => "hairpin refused",
            Self::PortsExhausted => "no port left",
            Self::Blocked => "blocked by firewall",
            Self::Intercepted => "intercepted",
            Self::HopLimit => "hop limit",
        })
    }
}

/// What a [`Network`](crate::Network) did so far, in packets: UDP datagrams and TCP segments. ICMP errors are counted
/// apart. Each packet that was sent, or duplicated on its way, is received or dropped in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Sent by hosts.
    pub sent: u64,
    /// Delivered to hosts.
    pub received: u64,
    /// Rewritten by a NAT (once for each NAT on the way).
    pub translated: u64,
    /// Duplicated by a link.
    pub duplicated: u64,
    /// Held back by a link so that later ones overtake.
    pub reordered: u64,
    /// Damaged by a link.
    pub corrupted: u64,
    /// Dropped: [`DropReason::Loss`].
    pub lost: u64,
    /// Dropped: [`DropReason::QueueFull`].
    pub queue_full: u64,
    /// Dropped: [`DropReason::MtuExceeded`].
    pub mtu_exceeded: u64,
    /// Dropped: [`DropReason::NoRoute`].
    pub no_route: u64,
    /// Dropped: [`DropReason::NoSocket`].
    pub no_socket: u64,
    /// Dropped: [`DropReason::NotLocal`].
    pub not_local: u64,
    /// Dropped: [`DropReason::NoStream`].
    pub no_stream: u64,
    /// Dropped: [`DropReason::StreamFull`].
    pub stream_full: u64,
    /// Dropped: [`DropReason::NotAFrame`].
    pub not_a_frame: u64,
    /// Dropped: [`DropReason::NoMapping`].
    pub no_mapping: u64,
    /// Dropped: [`DropReason::Filtered`].
    pub filtered: u64,
    /// Dropped: [`DropReason::HairpinRefused`].
    pub hairpin_refused: u64,
    /// Dropped: [`DropReason::PortsExhausted`].
    pub ports_exhausted: u64,
    /// Dropped: [`DropReason::Blocked`].
    pub blocked: u64,
    /// Dropped: [`DropReason::Intercepted`].
    pub intercepted: u64,
    /// Dropped: [`DropReason::HopLimit`].
    pub hop_limit: u64,
    /// ICMP errors that were sent, by hosts and gateways.
    pub icmp_sent: u64,
    /// ICMP errors that reached the host that they were for.
    pub icmp_received: u64,
    /// ICMP errors that were dropped, for whatever reason.
    pub icmp_dropped: u64,
}

impl Stats {
    /// How many were dropped, for whatever reason.
    pub fn dropped(&self) -> u64 {
        [
            self.lost,
            self.queue_full,
            self.mtu_exceeded,
            self.no_route,
            self.no_socket,
            self.not_local,
            self.no_stream,
            self.stream_full,
            self.not_a_frame,
            self.no_mapping,
            self.filtered,
            self.hairpin_refused,
            self.ports_exhausted,
            self.blocked,
            self.intercepted,
            self.hop_limit,
        ]
        .iter()
        .sum()
    }

    pub(crate) fn count_drop(&mut self, reason: DropReason) {
        let counter = match reason {
            DropReason::Loss => &mut self.lost,
            DropReason::QueueFull => &mut self.queue_full,
            DropReason::MtuExceeded => &mut self.mtu_exceeded,
            DropReason::NoRoute => &mut self.no_route,
            DropReason::NoSocket => &mut self.no_socket,
            DropReason::NotLocal => &mut self.not_local,
            DropReason::NoStream => &mut self.no_stream,
            DropReason::StreamFull => &mut self.stream_full,
            DropReason::NotAFrame => &mut self.not_a_frame,
            DropReason::NoMapping => &mut self.no_mapping,
            DropReason::Filtered => &mut self.filtered,
            DropReason::HairpinRefused => &mut self.hairpin_refused,
            DropReason::PortsExhausted => &mut self.ports_exhausted,
            DropReason::Blocked => &mut self.blocked,
            DropReason::Intercepted => &mut self.intercepted,
            DropReason::HopLimit => &mut self.hop_limit,
        };
        *counter += 1;
    }
}

/// What one host's machine sent and received: UDP datagrams and frames on streams, without headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Datagrams and frames sent, whether or not they arrived.
    pub sent: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Datagrams and frames received.
    pub received: u64,
    /// Bytes received.
    pub received_bytes: u64,
}
