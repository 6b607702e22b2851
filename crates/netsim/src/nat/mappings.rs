//! A NAT's table in the terms of RFC 4787 and RFC 5382: mappings, and who may send in by them.

use core::net::SocketAddr;
use std::collections::BTreeMap;

use pollrtc_core::Instant;

use super::lifetime::TcpState;
use super::pool::Pool;
use super::ports::PortChooser;
use super::{Dependence, Lifetimes, Mapping, Nat, Refresh, Scope, SimultaneousOpen};
use crate::packet::{Direction, Flags, Transport};
use crate::rng::Rng;
use crate::stats::DropReason;

/// The mappings of one transport protocol. A pure function of what passes, the time and its generator.
#[derive(Clone, Debug)]
pub(super) struct Mappings {
    transport: Transport,
    mapping: Dependence,
    filtering: Dependence,
    lifetimes: Lifetimes,
    refresh: Refresh,
    simultaneous_open: SimultaneousOpen,
    ports: PortChooser,
    by_internal: BTreeMap<(SocketAddr, Scope), SocketAddr>,
    by_external: BTreeMap<SocketAddr, Entry>,
    sweep_at: usize,
}

#[derive(Clone, Debug)]
struct Entry {
    internal: SocketAddr,
    scope: Scope,
    expires: Instant,
    /// Who may send in, and until when.
    permitted: BTreeMap<Scope, Instant>,
    /// Of TCP: the connections that go by this mapping, and until when each is remembered.
    connections: BTreeMap<SocketAddr, (TcpState, Instant)>,
}

impl Mappings {
    pub(super) fn new(
        nat: &Nat,
        transport: Transport,
        (mapping, filtering): (Dependence, Dependence),
        rng: Rng,
    ) -> Self {
        Self {
            transport,
            mapping,
            filtering,
            lifetimes: nat.lifetimes,
            refresh: nat.refresh,
            simultaneous_open: nat.simultaneous_open,
            ports: PortChooser::new(nat.ports, nat.parity_kept, rng),
            by_internal: BTreeMap::new(),
            by_external: BTreeMap::new(),
            sweep_at: SWEEP_AT,
        }
    }

    /// The outside address from which `internal` speaks to `remote`; opens the filter for the answer.
    pub(super) fn outbound(
        &mut self,
        now: Instant,
        pool: &mut Pool,
        (internal, remote): (SocketAddr, SocketAddr),
        flags: Option<Flags>,
    ) -> Result<SocketAddr, DropReason> {
        let key = (internal, Scope::of(self.mapping, remote));
        let live = self.live(now, key);
        if let Some(flags) = flags
            && !flags.syn
        {
            // A segment of a connection whose beginning was not seen, or that is forgotten.
            let external = live.ok_or(DropReason::NoMapping)?;
            let connection = self.by_external.get(&external).and_then(|e| e.connections.get(&remote));
            connection
                .filter(|(_, expires)| *expires > now)
                .ok_or(DropReason::NoMapping)?;
        }
        let external = match live {
            Some(external) => external,
            None => self.allocate(now, pool, key, remote)?,
        };
        self.pass(now, external, remote, Direction::Outbound, flags);
        Ok(external)
    }

    /// The inside address for which this is.
    pub(super) fn inbound(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        external: SocketAddr,
        flags: Option<Flags>,
    ) -> Result<SocketAddr, DropReason> {
        let internal = self.internal_of(now, external, remote)?;
        if let Some(flags) = flags {
            let connections = self.by_external.get(&external).map(|entry| &entry.connections);
            let known = connections.and_then(|connections| connections.get(&remote));
            let known = known.filter(|(_, expires)| *expires > now);
            let begins = flags.syn && !flags.ack;
            let crosses_ours = begins && known.is_some_and(|(state, _)| state.awaits_answer());
            if (known.is_none() && !begins) || (crosses_ours && self.simultaneous_open == SimultaneousOpen::Dropped) {
                return Err(DropReason::Filtered);
            }
        }
        // RFC 4787 REQ-6 leaves it open whether what comes in refreshes too.
        if flags.is_some() || self.refresh == Refresh::Both {
            self.pass(now, external, remote, Direction::Inbound, flags);
        }
        Ok(internal)
    }

    /// Who stands behind this outside address towards `remote`, if that may send in. Refreshes nothing.
    pub(super) fn internal_of(
        &self,
        now: Instant,
        external: SocketAddr,
        remote: SocketAddr,
    ) -> Result<SocketAddr, DropReason> {
        let entry = self.by_external.get(&external).filter(|entry| entry.expires > now);
        let entry = entry.ok_or(DropReason::NoMapping)?;
        let permission = entry.permitted.get(&Scope::of(self.filtering, remote));
        permission
            .filter(|expires| **expires > now)
            .map(|_| entry.internal)
            .ok_or(DropReason::Filtered)
    }

    /// By which outside address `internal` is known to `remote`. Refreshes nothing.
    pub(super) fn external_of(&self, now: Instant, internal: SocketAddr, remote: SocketAddr) -> Option<SocketAddr> {
        self.live(now, (internal, Scope::of(self.mapping, remote)))
    }

    /// The mappings that are alive.
    pub(super) fn live_ones(&self, now: Instant) -> impl Iterator<Item = Mapping> {
        let live = move |(_, entry): &(&SocketAddr, &Entry)| entry.expires > now;
        self.by_external.iter().filter(live).map(|(external, entry)| Mapping {
            protocol: self.transport.protocol(),
            internal: entry.internal,
            external: *external,
            remote: None,
            expires: entry.expires,
        })
    }

    /// Forgets everything, as after a restart.
    pub(super) fn flush(&mut self) {
        self.by_internal.clear();
        self.by_external.clear();
    }

    /// Something passes by this mapping and refreshes it.
    fn pass(
        &mut self,
        now: Instant,
        external: SocketAddr,
        remote: SocketAddr,
        direction: Direction,
        flags: Option<Flags>,
    ) {
        let Some(entry) = self.by_external.get_mut(&external) else {
            return;
        };
        let scope = Scope::of(self.filtering, remote);
        if entry.permitted.len() >= SWEEP_AT {
            entry.permitted.retain(|_, expires| *expires > now);
        }
        let Some(flags) = flags else {
            let expires = now + self.lifetimes.udp;
            entry.expires = expires; // REQ-6: what goes out always refreshes.
            entry.permitted.insert(scope, expires);
            return;
        };
        if entry.connections.len() >= SWEEP_AT {
            entry.connections.retain(|_, (_, expires)| *expires > now);
        }
        let (state, expires) = entry.connections.entry(remote).or_default();
        state.note(direction, flags);
        *expires = now + self.lifetimes.of(state);
        // The mapping lives as long as any of its connections.
        let latest = |of: &dyn Fn(&SocketAddr) -> bool| {
            let those = entry.connections.iter().filter(|(remote, _)| of(remote));
            those.map(|(_, (_, expires))| *expires).max().unwrap_or(now)
        };
        let permission = latest(&|other| Scope::of(self.filtering, *other) == scope);
        entry.expires = latest(&|_| true);
        entry.permitted.insert(scope, permission);
    }

    fn live(&self, now: Instant, key: (SocketAddr, Scope)) -> Option<SocketAddr> {
        let external = self.by_internal.get(&key)?;
        let entry = self.by_external.get(external)?;
        (entry.expires > now).then_some(*external)
    }

    fn allocate(
        &mut self,
        now: Instant,
        pool: &mut Pool,
        (internal, scope): (SocketAddr, Scope),
        remote: SocketAddr,
    ) -> Result<SocketAddr, DropReason> {
        if self.by_external.len() >= self.sweep_at {
            self.sweep(now);
        }
        let address = pool.address_for(internal, remote)?;
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
            expires: now,
            permitted: BTreeMap::new(),
            connections: BTreeMap::new(),
        };
        self.by_external.insert(external, entry);
        Ok(external)
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
}

/// Tables are swept of what has expired when they are this long.
const SWEEP_AT: usize = 1024;
