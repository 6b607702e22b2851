//! The task that drives the connections of one router.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

use pollrtc::{Instant, PeerId, StateMachine, Transmit};
use tokio::sync::oneshot;
use tokio::time::sleep_until;

use crate::flows;
use crate::port::Port;
use crate::shared::Core;
use crate::socket::{Buffers, MAX_TRAIN, Socket};
use crate::streams::Streams;

/// Batches that are received before what they caused is sent: acknowledgements must not wait long.
const BATCHES_PER_TURN: usize = 4;

pub(crate) struct Driver {
    core: Arc<Core>,
    /// Those of all routers, by their numbers.
    cores: Arc<[Arc<Core>]>,
    ports: Vec<Port>,
    streams: Streams,
    /// Who waits until the ports have sent what they have.
    flushes: Vec<oneshot::Sender<()>>,
    /// Connections that nobody held any more before this turn has sent what they had to say.
    leaving: Vec<PeerId>,
    incoming: Buffers,
    outgoing: Vec<u8>,
}

impl Driver {
    pub(crate) fn new(core: Arc<Core>, cores: Arc<[Arc<Core>]>, sockets: Vec<Socket>) -> Self {
        Self {
            core,
            cores,
            ports: sockets.into_iter().map(Port::new).collect(),
            streams: Streams::new(),
            flushes: Vec::new(),
            leaving: Vec::new(),
            incoming: Buffers::new(),
            outgoing: vec![0; MAX_TRAIN],
        }
    }

    /// Until no handle is left.
    pub(crate) async fn run(mut self) {
        loop {
            self.receive();
            self.transmit();
            let Some(deadline) = self.settle() else {
                return;
            };
            self.wait(deadline).await;
        }
    }

    /// Takes what has arrived, a few batches at most.
    fn receive(&mut self) {
        let now = self.core.clock.now();
        for port in &self.ports {
            for _ in 0..BATCHES_PER_TURN {
                let mut state = None;
                let more = port.socket.receive(&mut self.incoming, |datagram| {
                    let state = state.get_or_insert_with(|| self.core.lock());
                    let received = state.router.handle_datagram(now, datagram);
                    state.keep(received);
                });
                if !more {
                    break;
                }
            }
        }
        flows::take_incoming(&mut self.streams, &mut self.core.lock().router, now);
        if self.cores.len() > 1 {
            self.hand_on(now);
        }
    }

    /// Gives other routers what is theirs. Never holds two locks at a time.
    fn hand_on(&self, now: Instant) {
        loop {
            let next = self.core.lock().router.poll_misdirected();
            let Some((router, mut datagram)) = next else {
                return;
            };
            if let Some(other) = self.cores.get(usize::from(router.number())) {
                let mut state = other.lock();
                let received = state.router.handle_misdirected(now, &mut datagram);
                state.keep(received);
                drop(state);
                other.wake.notify_one();
            }
        }
    }

    /// Sends what there is to send. What finds its socket full waits, which holds up no other.
    fn transmit(&mut self) {
        // Those who ask or leave later may mean what comes later.
        let mut state = self.core.lock();
        self.flushes.append(&mut state.flushes);
        self.leaving.append(&mut state.leaving);
        drop(state);
        self.transmit_all();
        if !self.has_waiting() {
            for flushed in self.flushes.drain(..) {
                // Who does not wait any more need not know.
                let _ = flushed.send(());
            }
        }
    }

    fn has_waiting(&self) -> bool {
        self.ports.iter().any(Port::has_waiting)
    }

    fn transmit_all(&mut self) {
        let now = self.core.clock.now();
        self.core.lock().router.handle_timeout(now);
        flows::carry_out_requests(&mut self.streams, &mut self.core.lock().router);
        for port in &mut self.ports {
            port.flush(now, |id, departure| self.core.lock().router.handle_sent(id, departure));
        }
        loop {
            let now = self.core.clock.now();
            let Some(transmit) = self.core.lock().router.poll_transmit(now, &mut self.outgoing) else {
                return;
            };
            if transmit.flow.protocol().is_stream() {
                let router = &mut self.core.lock().router;
                flows::send_frame(&mut self.streams, router, now, &transmit, &self.outgoing);
                continue;
            }
            let port = self.port_for(&transmit);
            self.ports[port].send(now, &transmit, &self.outgoing, |id, departure| {
                self.core.lock().router.handle_sent(id, departure);
            });
        }
    }

    /// The port that a transmit names, else the first that speaks its protocol.
    fn port_for(&self, transmit: &Transmit) -> usize {
        let by = |fits: &dyn Fn(SocketAddr) -> bool| self.ports.iter().position(|port| fits(port.socket.local_addr()));
        let flow = transmit.flow;
        flow.local()
            .and_then(|source| by(&|local| local == source))
            .or_else(|| by(&|local| local.is_ipv4() == flow.remote().is_ipv4()))
            .unwrap_or(0)
    }

    /// Tells whom something happened to, and forgets who has left; when to go on at the latest, or
    /// `None` if there is nobody left to work for.
    fn settle(&mut self) -> Option<Instant> {
        let mut state = self.core.lock();
        while let Some(id) = state.router.poll_ready() {
            if let Some(listener) = state.listeners.get(&id) {
                listener.notify_waiters();
            }
        }
        for id in self.leaving.drain(..) {
            state.router.remove(id);
        }
        if state.abandoned && state.leaving.is_empty() && !self.has_waiting() {
            return None;
        }
        Some(state.router.poll_timeout().unwrap_or(Instant::FAR_FUTURE))
    }

    async fn wait(&mut self, deadline: Instant) {
        let Self {
            core, ports, streams, ..
        } = self;
        let timer = async {
            match core.clock.to_std(deadline) {
                Some(at) if deadline != Instant::FAR_FUTURE => sleep_until(at.into()).await,
                _ => std::future::pending().await,
            }
        };
        let ready = poll_fn(|cx| {
            let mut is_any_ready = false;
            is_any_ready |= streams.poll_ready(cx).is_ready();
            for port in ports.iter() {
                is_any_ready |= port.socket.poll_readable(cx).is_ready();
                is_any_ready |= port.has_waiting() && port.socket.poll_writable(cx).is_ready();
            }
            if is_any_ready { Poll::Ready(()) } else { Poll::Pending }
        });
        tokio::select! {
            () = ready => {}
            () = core.wake.notified() => {}
            () = timer => {}
        }
    }
}
