//! Bases: the local addresses that checks and data leave from, and that the peer's packets reach.

use alloc::vec::Vec;
use core::net::SocketAddr;

use pollrtc_core::{Flow, Protocol};

use crate::address::{Reach, is_same, is_same_link, is_unusable, lacks_link, on_link_of, reach};
use crate::candidate::Candidate;
use crate::kind::CandidateKind;
use crate::priority::{candidate_priority, local_preference};

/// A local address and what its candidates are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) protocol: Protocol,
    pub(crate) address: SocketAddr,
    /// Which one it is of its family and reach.
    pub(crate) rank: u16,
    pub(crate) local_preference: u16,
    pub(crate) foundation: u16,
}

/// Why an address can't be a local one.
///
/// ```
/// # use pollrtc_ice::{AddressError, Agent, Config, Instant, Role};
/// # let mut agent = Agent::new(Config::default(), Role::Controlling, pollrtc_ice::Rng::from_seed([1; 32]));
/// let wildcard = "0.0.0.0:5000".parse().unwrap();
/// assert_eq!(agent.add_local_address(Instant::ZERO, wildcard), Err(AddressError::Unusable(wildcard)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Nobody can be reached there: unspecified (bind to an interface's own address, or give that
    /// address here), multicast, deprecated, port 0.
    #[error("{0} is not an address that a peer could send to")]
    Unusable(SocketAddr),
    /// A link-local IPv6 address (RFC 4291 §2.5.6) exists on every link: give it with the scope id of its interface, as
    /// the system does.
    #[error("{0} is link-local and does not say on which link: its scope id is missing")]
    ScopeMissing(SocketAddr),
    /// [`Config::max_candidates`](crate::Config::max_candidates) is reached.
    #[error("there are as many local addresses as the configuration allows")]
    TooMany,
    /// A lite agent has one address of each family (RFC 8445 §5.2).
    #[error("a lite agent has one address of each family")]
    LiteHasOne,
}

impl Base {
    /// From here to there.
    pub(crate) fn flow_to(&self, remote: SocketAddr) -> Flow {
        let remote = on_link_of(remote, self.address);
        Flow::new(self.protocol, Some(self.address), remote)
    }

    /// Whether a flow leaves from here.
    pub(crate) fn has(&self, flow: Flow) -> bool {
        flow.local() == Some(self.address) && flow.protocol() == self.protocol
    }

    /// The priority of its host candidate.
    pub(crate) fn host_priority(&self) -> u32 {
        candidate_priority(CandidateKind::Host, self.local_preference)
    }

    /// RFC 8445 §7.1.1: what the candidate would be worth that the peer finds by a check from here.
    pub(crate) fn peer_reflexive_priority(&self) -> u32 {
        candidate_priority(CandidateKind::PeerReflexive, self.local_preference)
    }

    /// The candidate that it is by itself.
    pub(crate) fn host_candidate(&self) -> Candidate {
        let foundation = self.foundation.into();
        Candidate::local(
            CandidateKind::Host,
            self.address,
            None,
            foundation,
            self.local_preference,
        )
    }

    /// Its candidate at the address that a server saw.
    pub(crate) fn server_reflexive_candidate(&self, mapped: SocketAddr, server: usize) -> Candidate {
        // One foundation for each base address and server (RFC 8445 §5.1.1.3).
        let number = u32::try_from(server).unwrap_or(u32::MAX).min(0xfffe);
        let foundation = (u32::from(self.foundation) << 16) + 1 + number;
        let preference = local_preference(self.address, self.rank, server);
        let kind = CandidateKind::ServerReflexive;
        Candidate::local(kind, mapped, Some(self.address), foundation, preference)
    }
}

/// The bases in use.
#[derive(Debug)]
pub(crate) struct Bases {
    list: Vec<Base>,
    limit: usize,
    /// RFC 8445 §5.2: a lite agent has one address of each family.
    one_of_each_family: bool,
}

impl Bases {
    pub(crate) fn new(limit: usize, one_of_each_family: bool) -> Self {
        Self {
            list: Vec::new(),
            limit,
            one_of_each_family,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn iter(&self) -> core::slice::Iter<'_, Base> {
        self.list.iter()
    }

    pub(crate) fn find(&self, protocol: Protocol, address: SocketAddr) -> Option<&Base> {
        self.list
            .iter()
            .find(|base| base.address == address && base.protocol == protocol)
    }

    /// Where a flow leaves from.
    pub(crate) fn of(&self, flow: Flow) -> Option<&Base> {
        self.list.iter().find(|base| base.has(flow))
    }

    /// Another base than the flow's own, under whose address the peer saw what came by this flow.
    pub(crate) fn seen_instead(&self, flow: Flow, mapped: SocketAddr) -> Option<&Base> {
        let is_own = flow.local().is_some_and(|own| is_same(own, mapped));
        self.with_address(mapped)
            .filter(|base| !is_own && base.protocol == flow.protocol())
    }

    /// The base with this address, as a server or the peer tells it: without its link.
    pub(crate) fn with_address(&self, address: SocketAddr) -> Option<&Base> {
        self.list.iter().find(|base| is_same(base.address, address))
    }

    pub(crate) fn add(&mut self, protocol: Protocol, address: SocketAddr) -> Result<Base, AddressError> {
        if is_unusable(address) {
            return Err(AddressError::Unusable(address));
        }
        if lacks_link(address) {
            return Err(AddressError::ScopeMissing(address));
        }
        let of_family = |base: &&Base| base.address.is_ipv4() == address.is_ipv4();
        if self.list.len() >= self.limit {
            return Err(AddressError::TooMany);
        }
        if self.one_of_each_family && self.list.iter().any(|base| of_family(&base)) {
            return Err(AddressError::LiteHasOne);
        }
        // The least rank that no other address of its family and kind has: unique priorities.
        // Loopback comes after all that reaches further.
        let lowest = match reach(address.ip()) {
            Reach::Host => 1024,
            Reach::Link | Reach::Wide => 0,
        };
        let taken = |rank: u16| self.list.iter().filter(of_family).any(|base| base.rank == rank);
        let rank = (lowest..u16::MAX).find(|rank| !taken(*rank)).unwrap_or(u16::MAX);
        let base = Base {
            protocol,
            address,
            rank,
            local_preference: local_preference(address, rank, 0),
            foundation: self.foundation_of(protocol, address),
        };
        self.list.push(base);
        Ok(base)
    }

    /// RFC 8445 §5.1.1.3: same type, protocol and IP address, same foundation.
    fn foundation_of(&self, protocol: Protocol, address: SocketAddr) -> u16 {
        let is_alike = |base: &&Base| {
            base.protocol == protocol && base.address.ip() == address.ip() && is_same_link(base.address, address)
        };
        let used = |foundation: u16| self.list.iter().any(|base| base.foundation == foundation);
        match self.list.iter().find(is_alike) {
            Some(base) => base.foundation,
            None => (1..u16::MAX).find(|foundation| !used(*foundation)).unwrap_or(u16::MAX),
        }
    }

    pub(crate) fn remove(&mut self, protocol: Protocol, address: SocketAddr) -> Option<Base> {
        let is_it = |base: &Base| base.address == address && base.protocol == protocol;
        let at = self.list.iter().position(is_it)?;
        Some(self.list.remove(at))
    }

    /// The flow that a datagram came by, with the base that it reached and both ends' links: the base that the caller
    /// says; without that the only one, else the one that already talks to this remote address on the `path`,
    /// else the first of its family. `None`: it reached none of ours.
    pub(crate) fn complete(&self, flow: Flow, path: Option<Flow>) -> Option<Flow> {
        let remote = flow.remote();
        let mut may_be = self
            .list
            .iter()
            .filter(|base| base.protocol == flow.protocol() && is_same_link(base.address, remote));
        let base = match flow.local() {
            // What a socket that is bound to all addresses tells is its port.
            Some(local) if local.ip().is_unspecified() => {
                may_be.find(|base| base.address.port() == local.port() && base.address.is_ipv4() == remote.is_ipv4())
            }
            // Some systems tell which address was reached, and not on which link.
            Some(local) => may_be.find(|base| is_same(base.address, local)),
            None => path
                .filter(|path| path.remote() == remote)
                .and_then(|path| self.of(path))
                .or_else(|| may_be.find(|base| base.address.is_ipv4() == remote.is_ipv4())),
        }?;
        Some(base.flow_to(remote))
    }
}
