//! NAT boxes in the terms of RFC 4787: the settings. What they do is in [`gateway`].

mod flows;
mod gateway;
mod lifetime;
mod mappings;
mod nat64;
mod pool;
mod ports;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;

use pollrtc_core::{Instant, Protocol};

pub(crate) use gateway::{Translator, Way};
pub(crate) use lifetime::{Lifetimes, TcpState};
pub use nat64::nat64_address;

/// On how much of the outside address a NAT's decision depends (RFC 4787 §4.1 for mapping, §5 for
/// filtering).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dependence {
    /// On nothing: the same for all of the outside.
    EndpointIndependent,
    /// On its IP address.
    AddressDependent,
    /// On its IP address and port.
    AddressAndPortDependent,
}

/// Which outside port a new mapping gets (RFC 4787 §4.2). Ports under 1024 stay under 1024 and the
/// others above (REQ-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortPolicy {
    /// The inside port if it is free, else a random one. Never one that is in use (REQ-3: no
    /// overloading).
    Preserve,
    /// One after the other.
    Sequential,
    /// Any.
    Random,
}

/// What happens to datagrams from inside to the NAT's own outside address (RFC 4787 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hairpinning {
    /// Dropped, as many home routers do.
    Off,
    /// Turned around; the receiver sees the sender's outside address (REQ-9).
    ExternalSource,
    /// Turned around; the receiver sees the sender's inside address, which breaks many protocols.
    InternalSource,
}

/// Which datagrams keep a mapping alive (RFC 4787 §4.3, REQ-6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refresh {
    /// Those from inside.
    Outbound,
    /// Those that pass in either direction.
    Both,
}

/// Which outside address an inside host gets where there are several (RFC 4787 §4.1, REQ-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pooling {
    /// Always the same one.
    Paired,
    /// A random one for each mapping.
    Arbitrary,
}

/// What becomes of what comes from outside and is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unsolicited {
    /// It is dropped (RFC 5382 REQ-4 asks for that, for as long as the inside may still want to connect).
    Dropped,
    /// It is answered with ICMP: port unreachable. A NAT with a connection table ([`Nat::linux`]) has then noted the
    /// flow: what the inside sends later to that same outside address gets another port, so that a mapping which looks
    /// endpoint-independent is so only towards those who did not send too early.
    Refused,
}

/// Whether TCP connections that both sides open at the same time come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SimultaneousOpen {
    /// They do (RFC 5382 REQ-2).
    Supported,
    /// A SYN from outside is dropped, also where the inside has sent one to there.
    Dropped,
}

/// A NAT's settings. Start from a preset and change what differs.
///
/// ```
/// use std::time::Duration;
/// use pollrtc_netsim::{Hairpinning, Nat};
///
/// let nat = Nat::port_restricted("203.0.113.1".parse()?)
///     .hairpinning(Hairpinning::ExternalSource)
///     .timeout(Duration::from_secs(30));
/// # let _ = nat;
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
///
/// UDP and TCP have tables and ports of their own, of the same kind unless [`tcp`](Self::tcp) says otherwise. ICMP
/// errors are translated back to whom they concern (RFC 5508 REQ-4, REQ-5), and refresh nothing.
#[derive(Clone, Debug)]
pub struct Nat {
    external: Vec<IpAddr>,
    kind: Kind,
    tcp: Option<(Dependence, Dependence)>,
    ports: PortPolicy,
    parity_kept: bool,
    pooling: Pooling,
    lifetimes: Lifetimes,
    refresh: Refresh,
    hairpinning: Hairpinning,
    unsolicited: Unsolicited,
    simultaneous_open: SimultaneousOpen,
    nat64_prefix: Option<Ipv6Addr>,
}

/// How a NAT remembers.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A table of mappings, in the terms of RFC 4787.
    Mappings { mapping: Dependence, filtering: Dependence },
    /// A table of flows, as Linux has it.
    Flows,
}

impl Nat {
    /// A NAT of the given kinds with this outside address. It preserves ports, does not hairpin, drops what is
    /// unsolicited and keeps mappings for five minutes after the last datagram from inside.
    pub fn new(external: IpAddr, mapping: Dependence, filtering: Dependence) -> Self {
        Self {
            external: vec![external],
            kind: Kind::Mappings { mapping, filtering },
            tcp: None,
            ports: PortPolicy::Preserve,
            parity_kept: false,
            pooling: Pooling::Paired,
            lifetimes: Lifetimes::RFC,
            refresh: Refresh::Outbound,
            hairpinning: Hairpinning::Off,
            unsolicited: Unsolicited::Dropped,
            simultaneous_open: SimultaneousOpen::Supported,
            nat64_prefix: None,
        }
    }

    /// "Full cone": endpoint-independent mapping and filtering.
    pub fn full_cone(external: IpAddr) -> Self {
        use Dependence::EndpointIndependent;
        Self::new(external, EndpointIndependent, EndpointIndependent)
    }

    /// "Address-restricted cone": endpoint-independent mapping, address-dependent filtering.
    pub fn address_restricted(external: IpAddr) -> Self {
        use Dependence::{AddressDependent, EndpointIndependent};
        Self::new(external, EndpointIndependent, AddressDependent)
    }

    /// "Port-restricted cone": endpoint-independent mapping, address-and-port-dependent filtering.
    pub fn port_restricted(external: IpAddr) -> Self {
        use Dependence::{AddressAndPortDependent, EndpointIndependent};
        Self::new(external, EndpointIndependent, AddressAndPortDependent)
    }

    /// "Symmetric": address-and-port-dependent mapping and filtering, random ports.
    pub fn symmetric(external: IpAddr) -> Self {
        use Dependence::AddressAndPortDependent;
        Self::new(external, AddressAndPortDependent, AddressAndPortDependent).port_policy(PortPolicy::Random)
    }

    /// A Linux router that masquerades, as most homes have it, with a rule that drops what is unsolicited.
    ///
    /// It has no mappings but flows, each a 5-tuple. A new one takes the outside port that the same inside socket has
    /// already towards others, else the inside port, wherever that makes a 5-tuple which is free, and else a random
    /// one: so it looks like a port-restricted NAT, but two inside sockets may share an outside port (port overloading,
    /// which RFC 4787 REQ-3 forbids) until both talk to the same outside address. A UDP flow lives for 30 s after each
    /// datagram; for 120 s once it was answered and is two seconds old. What passes refreshes, in either direction.
    ///
    /// ```
    /// use pollrtc_netsim::{Nat, Network, Socket};
    ///
    /// let mut net = Network::new(1);
    /// let home = net.nat(Nat::linux("203.0.113.1".parse()?));
    /// let phone = net.host_in(home, "192.168.1.2:5000".parse()?, Socket::new());
    /// let laptop = net.host_in(home, "192.168.1.3:5000".parse()?, Socket::new());
    /// net.host("198.51.100.1:9".parse()?, Socket::new());
    /// net.host("198.51.100.2:9".parse()?, Socket::new());
    /// net[phone].send("198.51.100.1:9".parse()?, b"hello");
    /// net[laptop].send("198.51.100.2:9".parse()?, b"hello");
    /// net.step();
    ///
    /// let outside: Vec<_> = net.mappings(home).iter().map(|flow| flow.external.to_string()).collect();
    /// assert_eq!(outside, ["203.0.113.1:5000", "203.0.113.1:5000"]);
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn linux(external: IpAddr) -> Self {
        Self {
            kind: Kind::Flows,
            lifetimes: Lifetimes::LINUX,
            refresh: Refresh::Both,
            ..Self::port_restricted(external)
        }
    }

    /// A [Linux](Self::linux) router without a rule against what is unsolicited: a peer that sends too early makes it
    /// choose another port ([`Unsolicited::Refused`]).
    pub fn port_open(external: IpAddr) -> Self {
        Self::linux(external).unsolicited(Unsolicited::Refused)
    }

    /// A NAT64 (RFC 6146) with this outside IPv4 address: the hosts behind it have IPv6 alone, and reach the IPv4
    /// Internet by addresses of the well-known prefix `64:ff9b::/96` ([`nat64_address`]). What they send to other IPv6
    /// addresses passes as it is, in both directions: put a [`Firewall`](crate::Firewall) behind it if that shall not
    /// be. Mapping is endpoint-independent, filtering address-dependent.
    ///
    /// ```
    /// use pollrtc_netsim::{Nat, Network, Socket, nat64_address};
    ///
    /// let mut net = Network::new(1);
    /// let cellular = net.nat(Nat::nat64("203.0.113.1".parse()?));
    /// let phone = net.host_in(cellular, "[2001:db8:1::2]:5000".parse()?, Socket::new());
    /// let server = net.host("198.51.100.1:3478".parse()?, Socket::new());
    /// net[phone].send((nat64_address("198.51.100.1".parse()?), 3478).into(), b"hello");
    /// net.step();
    /// assert_eq!(net[server].recv().unwrap().source, "203.0.113.1:5000".parse()?);
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn nat64(external: Ipv4Addr) -> Self {
        Self {
            nat64_prefix: Some(nat64::WELL_KNOWN_PREFIX),
            ..Self::address_restricted(IpAddr::V4(external))
        }
    }

    /// The same NAT64 with a prefix of its network (RFC 6052 §2.2), of which the first 96 bits count.
    #[must_use]
    pub fn nat64_prefix(self, prefix: Ipv6Addr) -> Self {
        Self {
            nat64_prefix: Some(prefix),
            ..self
        }
    }

    /// One more outside address, of either family. Without one of a datagram's family the NAT has no
    /// route for it.
    #[must_use]
    pub fn external(mut self, address: IpAddr) -> Self {
        self.external.push(address);
        self
    }

    /// The kinds of mapping and filtering for TCP (RFC 5382 REQ-1, REQ-3), where they are not those for UDP.
    #[must_use]
    pub fn tcp(self, mapping: Dependence, filtering: Dependence) -> Self {
        Self {
            tcp: Some((mapping, filtering)),
            ..self
        }
    }

    /// How outside ports are chosen.
    #[must_use]
    pub fn port_policy(self, ports: PortPolicy) -> Self {
        Self { ports, ..self }
    }

    /// Even inside ports get even outside ports and odd ones odd (RFC 4787 §4.2.2, REQ-4).
    #[must_use]
    pub fn keep_port_parity(self) -> Self {
        Self {
            parity_kept: true,
            ..self
        }
    }

    /// How outside addresses are chosen.
    #[must_use]
    pub fn pooling(self, pooling: Pooling) -> Self {
        Self { pooling, ..self }
    }

    /// How long a mapping for UDP lives without being refreshed (REQ-5: at least two minutes, better five;
    /// in the field also 30 seconds).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.lifetimes.udp = timeout;
        self.lifetimes.udp_stream = timeout;
        self
    }

    /// How long a TCP connection may be idle before it is forgotten: once it is established, and while it opens or
    /// closes. RFC 5382 REQ-5 asks for two hours and four minutes, and for four minutes, which are the default.
    #[must_use]
    pub fn tcp_timeouts(mut self, established: Duration, transitory: Duration) -> Self {
        self.lifetimes.tcp_established = established;
        self.lifetimes.tcp_transitory = transitory;
        self
    }

    /// Which datagrams refresh a mapping for UDP.
    #[must_use]
    pub fn refresh(self, refresh: Refresh) -> Self {
        Self { refresh, ..self }
    }

    /// Whether and how it hairpins.
    #[must_use]
    pub fn hairpinning(self, hairpinning: Hairpinning) -> Self {
        Self { hairpinning, ..self }
    }

    /// What becomes of what is unsolicited.
    #[must_use]
    pub fn unsolicited(self, unsolicited: Unsolicited) -> Self {
        Self { unsolicited, ..self }
    }

    /// Whether TCP connections may be opened by both sides at once.
    #[must_use]
    pub fn simultaneous_open(self, simultaneous_open: SimultaneousOpen) -> Self {
        Self {
            simultaneous_open,
            ..self
        }
    }

    pub(crate) fn addresses(&self) -> &[IpAddr] {
        &self.external
    }

    /// Whether it passes packets to and from IPv6 addresses as they are.
    pub(crate) fn is_nat64(&self) -> bool {
        self.nat64_prefix.is_some()
    }
}

/// A live mapping of a NAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mapping {
    /// UDP or TCP.
    pub protocol: Protocol,
    /// The inside address.
    pub internal: SocketAddr,
    /// The outside address that stands for it.
    pub external: SocketAddr,
    /// The one outside address that it is for, where it is a flow ([`Nat::linux`]).
    pub remote: Option<SocketAddr>,
    /// When it ends unless refreshed.
    pub expires: Instant,
}

/// The part of an outside address that a decision depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Any,
    Address(IpAddr),
    Endpoint(SocketAddr),
}

impl Scope {
    pub(crate) fn of(dependence: Dependence, outside: SocketAddr) -> Self {
        match dependence {
            Dependence::EndpointIndependent => Self::Any,
            Dependence::AddressDependent => Self::Address(outside.ip()),
            Dependence::AddressAndPortDependent => Self::Endpoint(outside),
        }
    }
}
