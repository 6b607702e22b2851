//! The network as its user sees it: building it, reaching its hosts, letting time pass.

mod attached;
mod drive;
mod flights;
mod interceptor;
mod signaling;
mod signals;
mod streams;
mod transit;

use core::net::SocketAddr;
use core::ops::{Index, IndexMut};
use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

use pollrtc_core::{Instant, StateMachine, normalise};

pub use attached::Attached;
pub use drive::Deadline;
pub use interceptor::{InFlight, Verdict};

use crate::firewall::Firewall;
use crate::host::{Host, HostState, Slot};
use crate::link::Link;
use crate::nat::{Mapping, Nat};
use crate::packet::Packet;
use crate::stats::{DropReason, Stats, Traffic};
use crate::topology::{Device, PortId, Topology, Zone};
use crate::trace::{Trace, TraceEvent};

/// A network in virtual time. See the [crate's page](crate) for the whole picture.
///
/// Time stands still except in [`step`](Self::step), [`run_until`](Self::run_until) and
/// [`advance`](Self::advance), which jump from one moment at which something happens to the next.
/// There, each machine is driven as the contract asks: after each datagram and each timeout,
/// `poll_transmit` until it gives `None`, then `poll_timeout`. Events are left in the machine, for the
/// test to take. Several datagrams in one transmit (GSO) travel one by one.
///
/// ```
/// use pollrtc_netsim::{Network, Socket};
///
/// let mut net = Network::new(42);
/// let a = net.host("192.0.2.1:5000".parse()?, Socket::new());
/// let b = net.host("[2001:db8::1]:5000".parse()?, Socket::new());
/// net.bind(b, "192.0.2.2:5000".parse()?); // a second address
///
/// net[a].send("192.0.2.2:5000".parse()?, b"ping");
/// net.step();
/// assert_eq!(net[b].recv().unwrap().payload, b"ping");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub struct Network {
    now: Instant,
    topology: Topology,
    hosts: Vec<HostState>,
    /// Hosts on which the caller has had its hands since they were last polled.
    touched: Vec<usize>,
    wakes: BTreeSet<(Instant, usize)>,
    /// The same for hosts whose streams have a timer.
    stream_wakes: BTreeSet<(Instant, usize)>,
    signals: signals::Signals,
    flights: flights::Flights,
    interceptor: Option<interceptor::Interceptor>,
    log: Log,
    /// What the machines write into.
    buffer: Vec<u8>,
}

/// Building.
impl Network {
    /// An empty Internet at time zero. The seed decides all chance in it.
    pub fn new(seed: u64) -> Self {
        Self {
            now: Instant::ZERO,
            topology: Topology::new(seed),
            hosts: Vec::new(),
            touched: Vec::new(),
            wakes: BTreeSet::new(),
            stream_wakes: BTreeSet::new(),
            signals: signals::Signals::default(),
            flights: flights::Flights::default(),
            interceptor: None,
            log: Log::default(),
            buffer: vec![0; BUFFER],
        }
    }

    /// A host on the Internet with one socket; what the machine sends without naming a source leaves
    /// from there.
    ///
    /// # Panics
    /// If another host or NAT has the IP address.
    pub fn host<M: StateMachine + 'static>(&mut self, socket: SocketAddr, machine: M) -> Host<M> {
        self.host_in(Zone::INTERNET, socket, machine)
    }

    /// A host in a zone.
    ///
    /// # Panics
    /// If another host of the zone, or its NAT, has the IP address.
    pub fn host_in<M: StateMachine + 'static>(&mut self, zone: Zone, socket: SocketAddr, machine: M) -> Host<M> {
        let host = Host::new(self.hosts.len());
        let node = Box::new(Slot {
            machine,
            on_received: None,
        });
        let name = format!("host{}", host.index).into();
        self.hosts.push(HostState::new(name, node));
        self.bind_in(zone, host, socket);
        self.touch(host.index);
        host
    }

    /// One more socket for a host, on the Internet: another port, another address, another family.
    ///
    /// # Panics
    /// If another host has the IP address, or this host has the socket already.
    pub fn bind<M: StateMachine + 'static>(&mut self, host: Host<M>, socket: SocketAddr) {
        self.bind_in(Zone::INTERNET, host, socket);
    }

    /// One more socket for a host, in a zone: a host in several zones is multihomed.
    ///
    /// A link-local address names its link by a scope of the host's choice, as in `[fe80::1%2]:5000`; the same address
    /// in two zones is two sockets. Link-local addresses do not get out of their zone.
    ///
    /// # Panics
    /// If another host of the zone has the IP address, or this host has the socket already, or a link-local address has
    /// no scope or not the one that its link has.
    pub fn bind_in<M: StateMachine + 'static>(&mut self, zone: Zone, host: Host<M>, socket: SocketAddr) {
        let socket = normalise(socket);
        let state = &mut self.hosts[host.index];
        let port = self.topology.host_port(host.index, zone, &state.name);
        let taken = state.port_of(socket).is_some();
        assert!(!taken, "{} has {socket} already", state.name);
        state.note_scope(socket, port);
        self.topology.announce(socket.ip(), port);
        state.sockets.push((socket, port));
    }

    /// Takes a socket away from a host, as when an interface goes down. Does nothing if it has not.
    pub fn unbind<M: StateMachine + 'static>(&mut self, host: Host<M>, socket: SocketAddr) {
        let socket = normalise(socket);
        let state = &mut self.hosts[host.index];
        let Some(port) = state.port_of(socket) else {
            return;
        };
        state.sockets.retain(|(bound, _)| *bound != socket);
        let same_address = |(bound, other): &(SocketAddr, PortId)| bound.ip() == socket.ip() && *other == port;
        if !state.sockets.iter().any(same_address) {
            self.topology.withdraw(socket.ip(), port);
        }
    }

    /// A NAT on the Internet; gives the zone behind it.
    ///
    /// # Panics
    /// If another host or NAT has one of its outside addresses.
    pub fn nat(&mut self, nat: Nat) -> Zone {
        self.nat_in(Zone::INTERNET, nat)
    }

    /// A NAT in a zone, with outside addresses of that zone; gives the zone behind it. A NAT behind a
    /// NAT is what carriers do (CGN).
    ///
    /// # Panics
    /// If another host or NAT of the zone has one of its outside addresses.
    pub fn nat_in(&mut self, zone: Zone, nat: Nat) -> Zone {
        self.topology.add_nat(zone, nat)
    }

    /// A firewall on the Internet; gives the zone behind it.
    pub fn firewall(&mut self, firewall: Firewall) -> Zone {
        self.firewall_in(Zone::INTERNET, firewall)
    }

    /// A firewall in a zone; gives the zone behind it.
    pub fn firewall_in(&mut self, zone: Zone, firewall: Firewall) -> Zone {
        self.topology.add_firewall(zone, firewall)
    }

    /// From now on who sends to an address in this zone that nobody has is told by ICMP (host unreachable), as a router
    /// does. Without it, such packets vanish.
    pub fn report_unreachable(&mut self, zone: Zone) {
        self.topology.zone_mut(zone).reports_unreachable = true;
    }

    /// Names a host or a gateway, for traces and messages.
    pub fn set_name(&mut self, what: impl Into<Attached>, name: &str) {
        what.into().set_name(self, &name.into());
    }
}

/// Links.
impl Network {
    /// What lies between any two that are attached to this zone (each direction of each pair for
    /// itself: they share neither bandwidth nor chance). May be changed at any time.
    pub fn set_link(&mut self, zone: Zone, link: Link) {
        self.topology.set_zone_link(zone, link);
    }

    /// The same for one direction of one pair; from then on [`set_link`](Self::set_link) leaves it
    /// alone. A zone stands for its gateway.
    ///
    /// # Panics
    /// If no zone has both.
    pub fn set_path(&mut self, from: impl Into<Attached>, to: impl Into<Attached>, link: Link) {
        let (starts, ends) = (from.into().ports(self), to.into().ports(self));
        let zone_of = |port: PortId| self.topology.ports[port.0].zone;
        let all = starts.iter().flat_map(|start| ends.iter().map(|end| (*start, *end)));
        let paths: Vec<_> = all.filter(|(a, b)| zone_of(*a) == zone_of(*b)).collect();
        assert!(!paths.is_empty(), "no zone has both ends of that path");
        for (start, end) in paths {
            self.topology.set_path(start, end, link);
        }
    }

    /// What all that a host or gateway sends goes through first: the way from it to its zone, on each
    /// of its interfaces. (A zone stands for its gateway, and its uplink leads outward.)
    pub fn set_uplink(&mut self, from: impl Into<Attached>, link: Link) {
        for port in from.into().plugs(self) {
            self.topology.set_uplink(port, link);
        }
    }

    /// What all that a host or gateway receives goes through last: the way from its zone to it. (A
    /// zone stands for its gateway, and its downlink comes from outside.)
    pub fn set_downlink(&mut self, to: impl Into<Attached>, link: Link) {
        for port in to.into().plugs(self) {
            self.topology.set_downlink(port, link);
        }
    }
}

/// Hosts.
impl Network {
    /// Calls `f` with a host's machine and the time: `net.with(a, |a, now| a.connect(now))`.
    pub fn with<M: StateMachine + 'static, R>(&mut self, host: Host<M>, f: impl FnOnce(&mut M, Instant) -> R) -> R {
        let now = self.now;
        f(&mut self[host], now)
    }

    /// What to do with what the machine's `handle_datagram` gives back; without this it is dropped.
    ///
    /// ```
    /// # use pollrtc_netsim::{Datagram, Instant, Network, StateMachine, Transmit};
    /// # #[derive(Default)]
    /// # struct Peer;
    /// # impl StateMachine for Peer {
    /// #     type Event = ();
    /// #     type Received<'d> = &'d mut [u8];
    /// #     fn handle_datagram<'d>(&mut self, _: Instant, d: Datagram<'d>) -> &'d mut [u8] { d.payload }
    /// #     fn handle_timeout(&mut self, _: Instant) {}
    /// #     fn poll_transmit(&mut self, _: Instant, _: &mut [u8]) -> Option<Transmit> { None }
    /// #     fn poll_event(&mut self) -> Option<()> { None }
    /// #     fn poll_timeout(&self) -> Option<Instant> { None }
    /// # }
    /// use std::{cell::RefCell, rc::Rc};
    ///
    /// let mut net = Network::new(1);
    /// let a = net.host("192.0.2.1:5000".parse()?, Peer::default());
    /// let got = Rc::new(RefCell::new(Vec::new()));
    /// let log = got.clone();
    /// net.on_received(a, move |_machine, now, bytes| log.borrow_mut().push((now, bytes.to_vec())));
    /// # net.inject(pollrtc_netsim::Zone::INTERNET, "192.0.2.9:9".parse()?, "192.0.2.1:5000".parse()?, b"x");
    /// # net.step();
    /// # assert_eq!(got.borrow().len(), 1);
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn on_received<M: StateMachine + 'static>(
        &mut self,
        host: Host<M>,
        on_received: impl for<'d> FnMut(&mut M, Instant, M::Received<'d>) + 'static,
    ) {
        self.slot_mut(host).on_received = Some(Box::new(on_received));
    }

    /// What a host sent and received.
    pub fn traffic<M>(&self, host: Host<M>) -> Traffic {
        self.hosts[host.index].traffic
    }

    fn slot_mut<M: StateMachine + 'static>(&mut self, host: Host<M>) -> &mut Slot<M> {
        let state = self.hosts.get_mut(host.index);
        let slot = state.and_then(|state| state.node.as_any_mut().downcast_mut());
        slot.unwrap_or_else(|| panic!("{host:?} is of another network"))
    }
}

impl<M: StateMachine + 'static> Index<Host<M>> for Network {
    type Output = M;

    fn index(&self, host: Host<M>) -> &M {
        let state = self.hosts.get(host.index);
        let slot: Option<&Slot<M>> = state.and_then(|state| state.node.as_any().downcast_ref());
        let slot = slot.unwrap_or_else(|| panic!("{host:?} is of another network"));
        &slot.machine
    }
}

/// The machine is polled again at the next step, so that what was done to it leaves at once.
impl<M: StateMachine + 'static> IndexMut<Host<M>> for Network {
    fn index_mut(&mut self, host: Host<M>) -> &mut M {
        self.touch(host.index);
        &mut self.slot_mut(host).machine
    }
}

/// Gateways.
impl Network {
    /// The live mappings of the NAT of this zone; none if its gateway is no NAT.
    pub fn mappings(&self, zone: Zone) -> Vec<Mapping> {
        let gateway = self.topology.zone(zone).gateway.as_ref();
        match gateway.map(|gateway| &gateway.device) {
            Some(Device::Nat { translator, .. }) => translator.mappings(self.now),
            _ => Vec::new(),
        }
    }

    /// Makes the NAT of this zone forget all its mappings, as a restart would; later traffic gets new
    /// ones. Does nothing if the zone's gateway is no NAT.
    pub fn flush_nat(&mut self, zone: Zone) {
        let gateway = self.topology.zone_mut(zone).gateway.as_mut();
        if let Some(Device::Nat { translator, .. }) = gateway.map(|gateway| &mut gateway.device) {
            translator.flush();
        }
    }
}

/// Looking on.
impl Network {
    /// The time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// What happened so far, in numbers.
    pub fn stats(&self) -> Stats {
        self.log.stats
    }

    /// Starts recording what crosses the wire.
    pub fn start_trace(&mut self, trace: Trace) {
        self.log.trace = Some(trace);
    }

    /// What was recorded; `None` if nothing was asked to be.
    pub fn trace(&self) -> Option<&Trace> {
        self.log.trace.as_ref()
    }
}

/// Counts and, if asked to, records.
#[derive(Default)]
struct Log {
    stats: Stats,
    trace: Option<Trace>,
}

impl Log {
    fn record(&mut self, at: Instant, place: &Arc<str>, event: TraceEvent, packet: &Packet) {
        if let Some(trace) = &mut self.trace {
            trace.record(at, place, event, packet);
        }
    }

    fn dropped(&mut self, at: Instant, place: &Arc<str>, reason: DropReason, packet: &Packet) {
        if packet.is_icmp() {
            self.stats.icmp_dropped += 1;
        } else {
            self.stats.count_drop(reason);
        }
        self.record(at, place, TraceEvent::Dropped(reason), packet);
    }
}

/// Room for the longest train of segments that the system calls allow.
const BUFFER: usize = 65_536;

/// Time.
impl Network {
    /// Goes on for this long.
    pub fn advance(&mut self, duration: Duration) {
        self.run_until(|_| false, duration);
    }
}
