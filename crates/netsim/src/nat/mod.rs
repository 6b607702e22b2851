//! NAT boxes in the terms of RFC 4787: the settings. What they do is in [`translator`].

mod ports;
mod translator;

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use pollrtc_core::Instant;

pub(crate) use translator::{Outbound, Translator};

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

/// What a datagram from outside that is not let in leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unsolicited {
    /// Nothing.
    Forgotten,
    /// An entry in the connection table, as on a Linux router that masquerades but does not drop
    /// unsolicited UDP. A later datagram from inside to that same outside address then gets another
    /// port, so the mapping is endpoint-independent only towards those who did not send too early.
    Remembered,
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
#[derive(Clone, Debug)]
pub struct Nat {
    external: Vec<IpAddr>,
    mapping: Dependence,
    filtering: Dependence,
    ports: PortPolicy,
    parity_kept: bool,
    pooling: Pooling,
    timeout: Duration,
    refresh: Refresh,
    hairpinning: Hairpinning,
    unsolicited: Unsolicited,
}

impl Nat {
    /// A NAT of the given kinds with this outside address. It preserves ports, does not hairpin and
    /// keeps mappings for five minutes after the last datagram from inside.
    pub fn new(external: IpAddr, mapping: Dependence, filtering: Dependence) -> Self {
        Self {
            external: vec![external],
            mapping,
            filtering,
            ports: PortPolicy::Preserve,
            parity_kept: false,
            pooling: Pooling::Paired,
            timeout: TIMEOUT,
            refresh: Refresh::Outbound,
            hairpinning: Hairpinning::Off,
            unsolicited: Unsolicited::Forgotten,
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

    /// A Linux router that masquerades and has no rule against unsolicited UDP: port-restricted,
    /// until a peer sends too early ([`Unsolicited::Remembered`]).
    pub fn port_open(external: IpAddr) -> Self {
        Self::port_restricted(external).unsolicited(Unsolicited::Remembered)
    }

    /// One more outside address, of either family. Without one of a datagram's family the NAT has no
    /// route for it.
    #[must_use]
    pub fn external(mut self, address: IpAddr) -> Self {
        self.external.push(address);
        self
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

    /// How long a mapping lives without being refreshed (REQ-5: at least two minutes, better five;
    /// in the field also 30 seconds).
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Which datagrams refresh a mapping.
    #[must_use]
    pub fn refresh(self, refresh: Refresh) -> Self {
        Self { refresh, ..self }
    }

    /// Whether and how it hairpins.
    #[must_use]
    pub fn hairpinning(self, hairpinning: Hairpinning) -> Self {
        Self { hairpinning, ..self }
    }

    /// What unsolicited datagrams leave behind.
    #[must_use]
    pub fn unsolicited(self, unsolicited: Unsolicited) -> Self {
        Self { unsolicited, ..self }
    }

    pub(crate) fn addresses(&self) -> &[IpAddr] {
        &self.external
    }
}

/// RFC 4787 REQ-5 c).
const TIMEOUT: Duration = Duration::from_secs(300);

/// A live mapping of a NAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mapping {
    /// The inside address.
    pub internal: SocketAddr,
    /// The outside address that stands for it.
    pub external: SocketAddr,
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
