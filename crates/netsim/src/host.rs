//! Hosts: any state machine, driven by the contract.

use core::any::{Any, type_name};
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::sync::Arc;

use pollrtc_core::{Datagram, Departure, Flow, FlowEvent, FlowRequest, Instant, SendId, StateMachine, Transmit};

use crate::stats::Traffic;
use crate::tcp::Stack;
use crate::topology::{PortId, is_link_local};

/// The handle of a host: `network[host]` is its state machine.
pub struct Host<M> {
    pub(crate) index: usize,
    machine: PhantomData<fn() -> M>,
}

impl<M> Host<M> {
    pub(crate) fn new(index: usize) -> Self {
        Self {
            index,
            machine: PhantomData,
        }
    }
}

// Derived, these would ask the same of `M`.
impl<M> Clone for Host<M> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<M> Copy for Host<M> {}
impl<M> PartialEq for Host<M> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}
impl<M> Eq for Host<M> {}
impl<M> Hash for Host<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.index.hash(state);
    }
}
impl<M> fmt::Debug for Host<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Host({}: {})", self.index, type_name::<M>())
    }
}

/// What is done with what [`StateMachine::handle_datagram`] gives back.
pub(crate) type OnReceived<M> = Box<dyn for<'d> FnMut(&mut M, Instant, <M as StateMachine>::Received<'d>)>;

/// A machine with its type and what it hands out.
pub(crate) struct Slot<M: StateMachine> {
    pub(crate) machine: M,
    pub(crate) on_received: Option<OnReceived<M>>,
}

/// The same with the type forgotten: the verbs of the contract without its associated types.
pub(crate) trait Node: Any {
    fn handle_datagram(&mut self, now: Instant, datagram: Datagram<'_>);
    fn handle_timeout(&mut self, now: Instant);
    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit>;
    fn poll_timeout(&self) -> Option<Instant>;
    fn handle_sent(&mut self, id: SendId, departure: Departure);
    fn handle_flow(&mut self, now: Instant, event: FlowEvent);
    fn poll_flow(&mut self) -> Option<FlowRequest>;
    fn type_name(&self) -> &'static str;
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

impl<M: StateMachine + 'static> Node for Slot<M> {
    fn handle_datagram(&mut self, now: Instant, datagram: Datagram<'_>) {
        let received = self.machine.handle_datagram(now, datagram);
        if let Some(on_received) = &mut self.on_received {
            on_received(&mut self.machine, now, received);
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.machine.handle_timeout(now);
    }

    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.machine.poll_transmit(now, buf)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.machine.poll_timeout()
    }

    fn handle_sent(&mut self, id: SendId, departure: Departure) {
        self.machine.handle_sent(id, departure);
    }

    fn handle_flow(&mut self, now: Instant, event: FlowEvent) {
        self.machine.handle_flow(now, event);
    }

    fn poll_flow(&mut self) -> Option<FlowRequest> {
        self.machine.poll_flow()
    }

    fn type_name(&self) -> &'static str {
        type_name::<M>()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// A host in the network.
pub(crate) struct HostState {
    pub(crate) name: Arc<str>,
    pub(crate) node: Box<dyn Node>,
    /// In the order in which they were bound: the first of a family is the default source.
    pub(crate) sockets: Vec<(SocketAddr, PortId)>,
    /// By which scope the host knows the links on which it has a link-local address.
    scopes: Vec<(PortId, u32)>,
    pub(crate) stack: Stack,
    pub(crate) traffic: Traffic,
    /// Under which time the host stands in the list of those to wake.
    pub(crate) wake: Option<Instant>,
    /// And in that of those whose streams have a timer.
    pub(crate) stream_wake: Option<Instant>,
    /// The caller has had its hands on the machine since it was last polled.
    pub(crate) touched: bool,
    pub(crate) restlessness: Restlessness,
}

impl HostState {
    pub(crate) fn new(name: Arc<str>, node: Box<dyn Node>) -> Self {
        Self {
            name,
            node,
            sockets: Vec::new(),
            scopes: Vec::new(),
            stack: Stack::new(),
            traffic: Traffic::default(),
            wake: None,
            stream_wake: None,
            touched: false,
            restlessness: Restlessness::default(),
        }
    }

    pub(crate) fn port_of(&self, socket: SocketAddr) -> Option<PortId> {
        let found = self.sockets.iter().find(|(bound, _)| *bound == socket);
        found.map(|(_, port)| *port)
    }

    /// By which port the host has the IP address of this socket.
    pub(crate) fn port_of_address(&self, socket: SocketAddr) -> Option<PortId> {
        let same = |bound: &SocketAddr| bound.ip() == socket.ip() && scope(*bound) == scope(socket);
        let found = self.sockets.iter().find(|(bound, _)| same(bound));
        found.map(|(_, port)| *port)
    }

    /// Notes by which scope the host knows a link.
    ///
    /// # Panics
    /// If the address is link-local and names no link, or another one than before, or a link of another port.
    pub(crate) fn note_scope(&mut self, socket: SocketAddr, port: PortId) {
        if !is_link_local(socket.ip()) {
            return;
        }
        let scope = scope(socket);
        assert!(
            scope != 0,
            "{socket} is link-local and has to name its link, as in [fe80::1%2]:5000"
        );
        let known = self.scopes.iter().find(|known| known.0 == port || known.1 == scope);
        match known {
            Some(known) => assert!(
                *known == (port, scope),
                "{} knows that link, or another one, by scope {scope} already ({socket})",
                self.name
            ),
            None => self.scopes.push((port, scope)),
        }
    }

    /// An address on the wire as the host knows it: with the scope of the link, where it is link-local.
    pub(crate) fn scoped(&self, port: PortId, address: SocketAddr) -> SocketAddr {
        match address {
            SocketAddr::V6(mut address) if is_link_local((*address.ip()).into()) => {
                let known = self.scopes.iter().find(|(of, _)| *of == port);
                address.set_scope_id(known.map_or(0, |(_, scope)| *scope));
                address.into()
            }
            _ => address,
        }
    }

    /// The socket from which something leaves: the one that the flow names, else the first one of the
    /// destination's family, and on its link.
    pub(crate) fn source_of(&self, flow: &Flow) -> Option<(SocketAddr, PortId)> {
        let wanted = |bound: &SocketAddr, port: PortId| match flow.local() {
            Some(source) => *bound == source && self.leads_to(port, flow.remote()),
            None => bound.is_ipv4() == flow.remote().is_ipv4() && self.leads_to(port, flow.remote()),
        };
        self.sockets.iter().find(|(bound, port)| wanted(bound, *port)).copied()
    }

    /// The address from which a stream to `to` is opened; with any port.
    pub(crate) fn base_for(&self, from: Option<IpAddr>, to: SocketAddr) -> Option<(SocketAddr, PortId)> {
        let wanted = |bound: &SocketAddr, port: PortId| {
            from.is_none_or(|from| bound.ip() == from) && bound.is_ipv4() == to.is_ipv4() && self.leads_to(port, to)
        };
        self.sockets.iter().find(|(bound, port)| wanted(bound, *port)).copied()
    }

    /// Whether a link-local address is on the link of this port. To others every port leads, as far as is known here.
    fn leads_to(&self, port: PortId, remote: SocketAddr) -> bool {
        match remote {
            SocketAddr::V6(remote) if remote.scope_id() != 0 => self.scopes.contains(&(port, remote.scope_id())),
            _ => true,
        }
    }
}

fn scope(address: SocketAddr) -> u32 {
    match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(address) => address.scope_id(),
    }
}

/// A host's address as it stands on the wire: the scope is the host's own affair.
pub(crate) fn unscoped(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(mut address) if address.scope_id() != 0 => {
            address.set_scope_id(0);
            address.into()
        }
        _ => address,
    }
}

/// Notices a machine that keeps asking for time and does nothing with it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Restlessness {
    since: Instant,
    idle_wakes: u32,
}

impl Restlessness {
    /// Something happened: all is well.
    pub(crate) fn reset(&mut self) {
        self.idle_wakes = 0;
    }

    /// A wake that sent nothing; true if there have been too many.
    pub(crate) fn idle_wake(&mut self, now: Instant) -> bool {
        if now - self.since > RESTLESS_WINDOW {
            *self = Self {
                since: now,
                idle_wakes: 0,
            };
        }
        self.idle_wakes += 1;
        self.idle_wakes > IDLE_WAKES_MAX
    }
}

const RESTLESS_WINDOW: Duration = Duration::from_millis(1);
/// More timers than any protocol needs within a millisecond.
const IDLE_WAKES_MAX: u32 = 1000;
