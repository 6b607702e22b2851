//! A gateway that forwards without translating, or refuses to.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use pollrtc_core::Instant;

use crate::nat::{Dependence, Scope};
use crate::stats::DropReason;

/// A firewall in front of a zone. The hosts behind it have addresses that the outside can route to.
///
/// ```
/// use pollrtc_netsim::{Firewall, Network, Socket};
///
/// let mut net = Network::new(1);
/// let office = net.firewall(Firewall::block_udp());
/// let inside = net.host_in(office, "198.51.100.2:5000".parse()?, Socket::new());
/// let outside = net.host("192.0.2.1:5000".parse()?, Socket::new());
///
/// net[inside].send("192.0.2.1:5000".parse()?, b"let me out");
/// net.advance(std::time::Duration::from_secs(1));
/// assert!(net[outside].recv().is_none());
/// assert_eq!(net.stats().blocked, 1);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Firewall {
    policy: Policy,
    allowed: Vec<SocketAddr>,
    timeout: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Policy {
    Block,
    Stateful(Dependence),
}

impl Firewall {
    /// Lets no UDP through, in neither direction.
    pub fn block_udp() -> Self {
        Self {
            policy: Policy::Block,
            allowed: Vec::new(),
            timeout: PINHOLE_TIMEOUT,
        }
    }

    /// Lets everything out, and in only answers: datagrams from exactly the address and port that the
    /// inside sent to, up to two minutes after it last did. What home routers do for IPv6.
    pub fn stateful() -> Self {
        Self::filtering(Dependence::AddressAndPortDependent)
    }

    /// The same with one of RFC 4787's kinds of filter.
    pub fn filtering(dependence: Dependence) -> Self {
        Self {
            policy: Policy::Stateful(dependence),
            ..Self::block_udp()
        }
    }

    /// Always lets datagrams to and from this outside address through.
    #[must_use]
    pub fn allow(mut self, outside: SocketAddr) -> Self {
        self.allowed.push(outside);
        self
    }

    /// How long after the last datagram out an answer may come in; two minutes unless set.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
}

/// RFC 4787 REQ-5 for NATs, RFC 6092 REC-14 for firewalls: not under two minutes.
const PINHOLE_TIMEOUT: Duration = Duration::from_secs(120);
/// Expired pinholes are swept out when there are this many.
const SWEEP_AT: usize = 4096;

/// A firewall in use.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    firewall: Firewall,
    pinholes: BTreeMap<(SocketAddr, Scope), Instant>,
}

impl Filter {
    pub(crate) fn new(firewall: Firewall) -> Self {
        Self {
            firewall,
            pinholes: BTreeMap::new(),
        }
    }

    pub(crate) fn outbound(&mut self, now: Instant, inside: SocketAddr, outside: SocketAddr) -> Result<(), DropReason> {
        if self.firewall.allowed.contains(&outside) {
            return Ok(());
        }
        let Policy::Stateful(dependence) = self.firewall.policy else {
            return Err(DropReason::Blocked);
        };
        if self.pinholes.len() >= SWEEP_AT {
            self.pinholes.retain(|_, expires| *expires > now);
        }
        let pinhole = (inside, Scope::of(dependence, outside));
        self.pinholes.insert(pinhole, now + self.firewall.timeout);
        Ok(())
    }

    pub(crate) fn inbound(&mut self, now: Instant, outside: SocketAddr, inside: SocketAddr) -> Result<(), DropReason> {
        if self.firewall.allowed.contains(&outside) {
            return Ok(());
        }
        let Policy::Stateful(dependence) = self.firewall.policy else {
            return Err(DropReason::Blocked);
        };
        let pinhole = (inside, Scope::of(dependence, outside));
        let open = self.pinholes.get(&pinhole);
        open.filter(|expires| **expires > now)
            .map(|_| ())
            .ok_or(DropReason::Filtered)
    }
}
