//! A NAT's table as Linux has it (`nf_conntrack`, `nf_nat_core`): flows, each of which is a 5-tuple and has an outside
//! port to itself only where another flow would be the same.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use pollrtc_core::Instant;

use super::lifetime::TcpState;
use super::pool::Pool;
use super::ports::PortChooser;
use super::{Lifetimes, Mapping, Nat, Unsolicited};
use crate::packet::{Direction, Flags, Transport};
use crate::rng::Rng;
use crate::stats::DropReason;

/// The flows of one transport protocol. A pure function of what passes, the time and its generator.
#[derive(Clone, Debug)]
pub(super) struct Flows {
    transport: Transport,
    lifetimes: Lifetimes,
    unsolicited: Unsolicited,
    ports: PortChooser,
    /// The outside address of each flow, by inside address and remote.
    by_internal: BTreeMap<(SocketAddr, SocketAddr), SocketAddr>,
    /// By outside address and remote: what an answer looks like.
    by_external: BTreeMap<(SocketAddr, SocketAddr), Entry>,
    created: u64,
    sweep_at: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// `None` for what came from outside without being asked for, and ended at the NAT itself.
    internal: Option<SocketAddr>,
    since: Instant,
    /// Which one in a row.
    number: u64,
    expires: Instant,
    answered: bool,
    connection: TcpState,
}

impl Flows {
    pub(super) fn new(nat: &Nat, transport: Transport, rng: Rng) -> Self {
        Self {
            transport,
            lifetimes: nat.lifetimes,
            unsolicited: nat.unsolicited,
            ports: PortChooser::new(nat.ports, nat.parity_kept, rng),
            by_internal: BTreeMap::new(),
            by_external: BTreeMap::new(),
            created: 0,
            sweep_at: SWEEP_AT,
        }
    }

    /// The outside address from which `internal` speaks to `remote`.
    pub(super) fn outbound(
        &mut self,
        now: Instant,
        pool: &mut Pool,
        (internal, remote): (SocketAddr, SocketAddr),
        flags: Option<Flags>,
    ) -> Result<SocketAddr, DropReason> {
        let known = self.external_of(now, internal, remote);
        let external = match known {
            Some(external) => external,
            None if flags.is_some_and(|flags| flags.rst) => return Err(DropReason::NoMapping),
            None => self.allocate(now, pool, internal, remote)?,
        };
        if let Some(entry) = self.by_external.get_mut(&(external, remote)) {
            if known.is_none() && flags.is_some_and(|flags| !flags.syn) {
                // `nf_conntrack_tcp_loose`: a connection may be picked up in its middle.
                entry.connection = TcpState::PICKED_UP;
            }
            entry.pass(now, &self.lifetimes, Direction::Outbound, flags);
        }
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
        let entry = self.by_external.get_mut(&(external, remote));
        if let Some(entry) = entry.filter(|entry| entry.expires > now) {
            entry.pass(now, &self.lifetimes, Direction::Inbound, flags);
            return entry.internal.ok_or(DropReason::Filtered);
        }
        if self.unsolicited == Unsolicited::Refused {
            self.insert(now, None, (external, remote));
        }
        Err(DropReason::NoMapping)
    }

    /// Who stands behind this outside address towards `remote`. Refreshes nothing.
    pub(super) fn internal_of(
        &self,
        now: Instant,
        external: SocketAddr,
        remote: SocketAddr,
    ) -> Result<SocketAddr, DropReason> {
        let entry = self.by_external.get(&(external, remote));
        let entry = entry.filter(|entry| entry.expires > now);
        entry.and_then(|entry| entry.internal).ok_or(DropReason::NoMapping)
    }

    /// By which outside address `internal` is known to `remote`. Refreshes nothing.
    pub(super) fn external_of(&self, now: Instant, internal: SocketAddr, remote: SocketAddr) -> Option<SocketAddr> {
        let external = *self.by_internal.get(&(internal, remote))?;
        let entry = self.by_external.get(&(external, remote))?;
        (entry.expires > now && entry.internal == Some(internal)).then_some(external)
    }

    /// The flows that are alive.
    pub(super) fn live_ones(&self, now: Instant) -> impl Iterator<Item = Mapping> {
        self.by_external.iter().filter_map(move |((external, remote), entry)| {
            let internal = entry.internal.filter(|_| entry.expires > now)?;
            Some(Mapping {
                protocol: self.transport.protocol(),
                internal,
                external: *external,
                remote: Some(*remote),
                expires: entry.expires,
            })
        })
    }

    /// Forgets everything, as after a restart.
    pub(super) fn flush(&mut self) {
        self.by_internal.clear();
        self.by_external.clear();
    }

    fn allocate(
        &mut self,
        now: Instant,
        pool: &mut Pool,
        internal: SocketAddr,
        remote: SocketAddr,
    ) -> Result<SocketAddr, DropReason> {
        let external = match self.shared(now, internal, remote) {
            Some(external) => external,
            None => {
                let address = pool.address_for(internal, remote)?;
                let flows = &self.by_external;
                let free = |port| !is_taken(flows, now, (SocketAddr::new(address, port), remote));
                let port = self.ports.choose(internal.port(), free);
                SocketAddr::new(address, port.ok_or(DropReason::PortsExhausted)?)
            }
        };
        self.insert(now, Some(internal), (external, remote));
        self.by_internal.insert((internal, remote), external);
        Ok(external)
    }

    /// The outside address that `internal` has in its youngest flow, where that is free towards `remote` as well
    /// (`find_appropriate_src`).
    fn shared(&self, now: Instant, internal: SocketAddr, remote: SocketAddr) -> Option<SocketAddr> {
        let flows = self.by_internal.range((internal, LEAST)..);
        let own = flows.take_while(|((source, _), _)| *source == internal);
        let live = own.filter_map(|((_, other), external)| {
            let entry = self.by_external.get(&(*external, *other))?;
            (entry.expires > now && entry.internal == Some(internal) && external.is_ipv4() == remote.is_ipv4())
                .then_some((entry.number, *external))
        });
        let (_, external) = live.max_by_key(|(number, _)| *number)?;
        (!is_taken(&self.by_external, now, (external, remote))).then_some(external)
    }

    fn insert(&mut self, now: Instant, internal: Option<SocketAddr>, key: (SocketAddr, SocketAddr)) {
        if self.by_external.len() >= self.sweep_at {
            self.sweep(now);
        }
        if internal.is_none() && self.by_external.len() >= UNSOLICITED_MAX {
            return;
        }
        self.created += 1;
        let lifetime = match self.transport {
            Transport::Udp => self.lifetimes.udp,
            // What the NAT itself refused is closed; what passes sets its own time.
            Transport::Tcp => CLOSED,
        };
        let entry = Entry {
            internal,
            since: now,
            number: self.created,
            expires: now + lifetime,
            answered: false,
            connection: TcpState::default(),
        };
        self.by_external.insert(key, entry);
    }

    fn sweep(&mut self, now: Instant) {
        self.by_external.retain(|_, entry| entry.expires > now);
        let flows = &self.by_external;
        self.by_internal.retain(|(internal, remote), external| {
            let entry = flows.get(&(*external, *remote));
            entry.is_some_and(|entry| entry.internal == Some(*internal))
        });
        self.sweep_at = (2 * self.by_external.len()).max(SWEEP_AT);
    }
}

impl Entry {
    /// Something passes, in either direction.
    fn pass(&mut self, now: Instant, lifetimes: &Lifetimes, direction: Direction, flags: Option<Flags>) {
        if let Some(flags) = flags {
            self.connection.note(direction, flags);
            self.expires = match self.internal {
                Some(_) => now + lifetimes.of(&self.connection),
                None => now + CLOSED,
            };
            return;
        }
        // `nf_conntrack_udp_packet`: what was answered, and is still in use after two seconds, is a stream.
        let is_stream = self.answered && now > self.since + STREAM_AFTER;
        self.expires = now + if is_stream { lifetimes.udp_stream } else { lifetimes.udp };
        self.answered |= direction == Direction::Inbound && self.internal.is_some();
    }
}

/// Whether an answer from there to here would already mean another flow.
fn is_taken(flows: &BTreeMap<(SocketAddr, SocketAddr), Entry>, now: Instant, key: (SocketAddr, SocketAddr)) -> bool {
    flows.get(&key).is_some_and(|entry| entry.expires > now)
}

const STREAM_AFTER: Duration = Duration::from_secs(2);
/// `nf_conntrack_tcp_timeout_close`.
const CLOSED: Duration = Duration::from_secs(10);
/// The table is swept of what has expired when it is this long.
const SWEEP_AT: usize = 1024;
/// Strangers get no further entries in a table of this length.
const UNSOLICITED_MAX: usize = 262_144;
/// No address sorts before this one.
const LEAST: SocketAddr = SocketAddr::new(core::net::IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED), 0);
