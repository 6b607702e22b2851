//! Hosts: any state machine, driven by the contract.

use core::any::{Any, type_name};
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use pollrtc_core::{Datagram, Instant, StateMachine, Transmit};

use crate::stats::Traffic;
use crate::topology::PortId;

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
    pub(crate) traffic: Traffic,
    /// Under which time the host stands in the list of those to wake.
    pub(crate) wake: Option<Instant>,
    /// The caller has had its hands on the machine since it was last polled.
    pub(crate) touched: bool,
    pub(crate) restlessness: Restlessness,
}

impl HostState {
    pub(crate) fn port_of(&self, socket: SocketAddr) -> Option<PortId> {
        let found = self.sockets.iter().find(|(bound, _)| *bound == socket);
        found.map(|(_, port)| *port)
    }

    /// The socket from which a transmit leaves: the one that it names, else the first one of the
    /// destination's family.
    pub(crate) fn source_of(&self, transmit: &Transmit) -> Option<(SocketAddr, PortId)> {
        let wanted = |bound: &SocketAddr| match transmit.flow.local() {
            Some(source) => *bound == source,
            None => bound.is_ipv4() == transmit.flow.remote().is_ipv4(),
        };
        self.sockets.iter().find(|(bound, _)| wanted(bound)).copied()
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
