//! Which of its outside addresses a NAT gives to whom.

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeMap;

use super::Pooling;
use crate::rng::Rng;
use crate::stats::DropReason;

/// The outside addresses of a NAT.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    external: Vec<IpAddr>,
    pooling: Pooling,
    rng: Rng,
    /// Which outside address an inside host was given.
    paired: BTreeMap<IpAddr, IpAddr>,
}

impl Pool {
    pub(super) fn new(external: Vec<IpAddr>, pooling: Pooling, rng: Rng) -> Self {
        Self {
            external,
            pooling,
            rng,
            paired: BTreeMap::new(),
        }
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.external.contains(&address)
    }

    /// The outside address from which `internal` gets a port, to speak to `remote`.
    pub(super) fn address_for(&mut self, internal: SocketAddr, remote: SocketAddr) -> Result<IpAddr, DropReason> {
        if let Some(address) = self.paired.get(&internal.ip()) {
            return Ok(*address);
        }
        let of_family = |address: &&IpAddr| address.is_ipv4() == remote.is_ipv4();
        let candidates: Vec<IpAddr> = self.external.iter().filter(of_family).copied().collect();
        let index = match self.pooling {
            Pooling::Paired => self.paired.len() % candidates.len().max(1),
            Pooling::Arbitrary => self.rng.below(candidates.len() as u64) as usize,
        };
        let address = *candidates.get(index).ok_or(DropReason::NoRoute)?;
        if self.pooling == Pooling::Paired {
            self.paired.insert(internal.ip(), address);
        }
        Ok(address)
    }

    pub(super) fn flush(&mut self) {
        self.paired.clear();
    }
}
