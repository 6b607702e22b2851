//! A NAT at work: its table of mappings, and what becomes of a datagram in each direction.

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeMap;

use pollrtc_core::Instant;

use super::ports::PortChooser;
use super::{Hairpinning, Mapping, Nat, Pooling, Refresh, Scope, Unsolicited};
use crate::rng::Rng;
use crate::stats::DropReason;

/// A NAT in use. A pure function of what passes, the time and its generator.
#[derive(Clone, Debug)]
pub(crate) struct Translator {
    nat: Nat,
    ports: PortChooser,
    rng: Rng,
    by_internal: BTreeMap<(SocketAddr, Scope), SocketAddr>,
    by_external: BTreeMap<SocketAddr, Entry>,
    /// Which outside address an inside host was given.
    paired: BTreeMap<IpAddr, IpAddr>,
    /// Who sent to which of our addresses without being asked, and until when it is remembered.
    unsolicited: BTreeMap<(SocketAddr, SocketAddr), Instant>,
    sweep_at: usize,
}

#[derive(Clone, Debug)]
struct Entry {
    internal: SocketAddr,
    scope: Scope,
    expires: Instant,
    /// Who may send in, and until when.
    permitted: BTreeMap<Scope, Instant>,
}

/// Where a datagram from inside goes on, and with which addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outbound {
    /// To the outside.
    Forward { source: SocketAddr },
    /// Back to the inside.
    Hairpin {
        source: SocketAddr,
        destination: SocketAddr,
    },
}

impl Translator {
    pub(crate) fn new(nat: Nat, mut rng: Rng) -> Self {
        let ports = Rng::new(rng.next_u64());
        Self {
            ports: PortChooser::new(nat.ports, nat.parity_kept, ports),
            nat,
            rng,
            by_internal: BTreeMap::new(),
            by_external: BTreeMap::new(),
            paired: BTreeMap::new(),
            unsolicited: BTreeMap::new(),
            sweep_at: SWEEP_AT,
        }
    }

    /// A datagram from inside.
    pub(crate) fn outbound(
        &mut self,
        now: Instant,
        internal: SocketAddr,
        remote: SocketAddr,
    ) -> Result<Outbound, DropReason> {
        if !self.nat.external.contains(&remote.ip()) {
            let source = self.translate_out(now, internal, remote)?;
            return Ok(Outbound::Forward { source });
        }
        // RFC 4787 §6: as if it had gone out and come back in.
        if self.nat.hairpinning == Hairpinning::Off {
            return Err(DropReason::HairpinRefused);
        }
        let external = self.translate_out(now, internal, remote)?;
        let destination = self.inbound(now, external, remote)?;
        let source = match self.nat.hairpinning {
            Hairpinning::InternalSource => internal,
            _ => external,
        };
        Ok(Outbound::Hairpin { source, destination })
    }

    /// A datagram from outside: the inside address that it is for.
    pub(crate) fn inbound(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        external: SocketAddr,
    ) -> Result<SocketAddr, DropReason> {
        let scope = Scope::of(self.nat.filtering, remote);
        let expires = now + self.nat.timeout;
        let reason = match self.by_external.get_mut(&external) {
            Some(entry) if entry.expires > now => match entry.permitted.get_mut(&scope) {
                Some(permission) if *permission > now => {
                    // RFC 4787 REQ-6 leaves it open whether what comes in refreshes too.
                    if self.nat.refresh == Refresh::Both {
                        entry.expires = expires;
                        *permission = expires;
                    }
                    return Ok(entry.internal);
                }
                _ => DropReason::Filtered,
            },
            _ => DropReason::NoMapping,
        };
        self.remember_unsolicited(now, remote, external);
        Err(reason)
    }

    /// The mappings that are alive.
    pub(crate) fn mappings(&self, now: Instant) -> impl Iterator<Item = Mapping> {
        let live = move |(_, entry): &(&SocketAddr, &Entry)| entry.expires > now;
        self.by_external.iter().filter(live).map(|(external, entry)| Mapping {
            internal: entry.internal,
            external: *external,
            expires: entry.expires,
        })
    }

    /// Forgets everything, as after a restart.
    pub(crate) fn flush(&mut self) {
        self.by_internal.clear();
        self.by_external.clear();
        self.paired.clear();
        self.unsolicited.clear();
    }

    /// The outside address from which `internal` speaks to `remote`; opens the filter for the answer.
    fn translate_out(
        &mut self,
        now: Instant,
        internal: SocketAddr,
        remote: SocketAddr,
    ) -> Result<SocketAddr, DropReason> {
        let external = self.mapping_for(now, internal, remote)?;
        let expires = now + self.nat.timeout;
        if let Some(entry) = self.by_external.get_mut(&external) {
            if entry.permitted.len() >= SWEEP_AT {
                entry.permitted.retain(|_, expires| *expires > now);
            }
            entry.expires = expires; // REQ-6: what goes out always refreshes.
            let scope = Scope::of(self.nat.filtering, remote);
            entry.permitted.insert(scope, expires);
        }
        Ok(external)
    }

    fn mapping_for(
        &mut self,
        now: Instant,
        internal: SocketAddr,
        remote: SocketAddr,
    ) -> Result<SocketAddr, DropReason> {
        let own = (internal, Scope::Endpoint(remote));
        if let Some(external) = self.live(now, own) {
            return Ok(external);
        }
        let shared = (internal, Scope::of(self.nat.mapping, remote));
        let external = match self.live(now, shared) {
            Some(external) => external,
            None => self.allocate(now, shared)?,
        };
        // The remote's early datagram holds this pair of addresses in the connection table: the flow
        // needs a port of its own.
        let taken = self.unsolicited.get(&(external, remote));
        if taken.is_some_and(|until| *until > now) {
            return self.allocate(now, own);
        }
        Ok(external)
    }

    fn live(&self, now: Instant, key: (SocketAddr, Scope)) -> Option<SocketAddr> {
        let external = self.by_internal.get(&key)?;
        let entry = self.by_external.get(external)?;
        (entry.expires > now).then_some(*external)
    }

    fn allocate(&mut self, now: Instant, (internal, scope): (SocketAddr, Scope)) -> Result<SocketAddr, DropReason> {
        if self.by_external.len() >= self.sweep_at {
            self.sweep(now);
        }
        let address = self.external_address(internal)?;
        let taken = &self.by_external;
        let free = |port| {
            let entry = taken.get(&SocketAddr::new(address, port));
            entry.is_none_or(|entry| entry.expires <= now)
        };
        let port = self.ports.choose(internal.port(), free);
        let external = SocketAddr::new(address, port.ok_or(DropReason::PortsExhausted)?);
        self.remove(external);
        self.by_internal.insert((internal, scope), external);
        let entry = Entry {
            internal,
            scope,
            expires: now + self.nat.timeout,
            permitted: BTreeMap::new(),
        };
        self.by_external.insert(external, entry);
        Ok(external)
    }

    fn external_address(&mut self, internal: SocketAddr) -> Result<IpAddr, DropReason> {
        if let Some(address) = self.paired.get(&internal.ip()) {
            return Ok(*address);
        }
        let of_family = |address: &&IpAddr| address.is_ipv4() == internal.is_ipv4();
        let candidates: Vec<IpAddr> = self.nat.external.iter().filter(of_family).copied().collect();
        let index = match self.nat.pooling {
            Pooling::Paired => self.paired.len() % candidates.len().max(1),
            Pooling::Arbitrary => self.rng.below(candidates.len() as u64) as usize,
        };
        let address = *candidates.get(index).ok_or(DropReason::NoRoute)?;
        if self.nat.pooling == Pooling::Paired {
            self.paired.insert(internal.ip(), address);
        }
        Ok(address)
    }

    fn sweep(&mut self, now: Instant) {
        let dead = |(external, entry): (&SocketAddr, &Entry)| (entry.expires <= now).then_some(*external);
        let dead: Vec<SocketAddr> = self.by_external.iter().filter_map(dead).collect();
        for external in dead {
            self.remove(external);
        }
        self.sweep_at = (2 * self.by_external.len()).max(SWEEP_AT);
    }

    fn remove(&mut self, external: SocketAddr) {
        if let Some(entry) = self.by_external.remove(&external) {
            let key = (entry.internal, entry.scope);
            if self.by_internal.get(&key) == Some(&external) {
                self.by_internal.remove(&key);
            }
        }
    }

    fn remember_unsolicited(&mut self, now: Instant, remote: SocketAddr, external: SocketAddr) {
        if self.nat.unsolicited == Unsolicited::Forgotten {
            return;
        }
        if self.unsolicited.len() >= SWEEP_AT {
            self.unsolicited.retain(|_, until| *until > now);
        }
        if self.unsolicited.len() < SWEEP_AT {
            let until = now + self.nat.timeout;
            self.unsolicited.insert((external, remote), until);
        }
    }
}

/// Tables are swept of what has expired when they are this long.
const SWEEP_AT: usize = 1024;
