//! The task that drives the connections of one router.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::Poll;

use pollrtc::{Datagram, Departure, Instant, SendId, StateMachine, Transmit};
use tokio::time::sleep_until;

use crate::endpoint::Core;
use crate::socket::{Buffers, MAX_TRAIN, Socket};
use crate::streams::{Incoming, Streams};

/// Batches that are received before what they caused is sent: acknowledgements must not wait long.
const BATCHES_PER_TURN: usize = 4;
/// Frames of streams that are taken before what they caused is sent.
const FRAMES_PER_TURN: usize = 64;
/// How many bytes wait for one socket that is full; what comes on top is dropped, as a full network would.
const WAITING_BYTES: usize = 4 * MAX_TRAIN;

pub(crate) struct Driver {
    core: Arc<Core>,
    /// Those of all routers, by their numbers.
    cores: Arc<[Arc<Core>]>,
    ports: Vec<Port>,
    streams: Streams,
    incoming: Buffers,
    outgoing: Vec<u8>,
}

/// A socket, and what waits until it has room, so that the others need not.
struct Port {
    socket: Socket,
    waiting: VecDeque<(Transmit, Vec<u8>)>,
    waiting_bytes: usize,
}

/// What has become of a transmit so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Sent,
    Waiting,
    Dropped,
}

impl Driver {
    pub(crate) fn new(core: Arc<Core>, cores: Arc<[Arc<Core>]>, sockets: Vec<Socket>) -> Self {
        let port = |socket| Port {
            socket,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
        };
        Self {
            core,
            cores,
            ports: sockets.into_iter().map(port).collect(),
            streams: Streams::new(),
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
                    state.router.handle_datagram(now, datagram);
                });
                if !more {
                    break;
                }
            }
        }
        for _ in 0..FRAMES_PER_TURN {
            let Some(incoming) = self.streams.try_next() else { break };
            let router = &mut self.core.lock().router;
            match incoming {
                Incoming::Event(event) => router.handle_flow(now, event),
                Incoming::Frame { flow, mut bytes } => _ = router.handle_datagram(now, Datagram::new(flow, &mut bytes)),
            }
        }
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
                other.lock().router.handle_misdirected(now, &mut datagram);
                other.wake.notify_one();
            }
        }
    }

    /// Sends what there is to send. What finds its socket full waits, which holds up no other.
    fn transmit(&mut self) {
        let now = self.core.clock.now();
        self.core.lock().router.handle_timeout(now);
        loop {
            let request = self.core.lock().router.poll_flow();
            let Some(request) = request else { break };
            self.streams.request(request);
        }
        for port in &mut self.ports {
            port.flush(|id| self.core.lock().router.handle_sent(id, Departure::Sent(now)));
        }
        loop {
            let now = self.core.clock.now();
            let Some(transmit) = self.core.lock().router.poll_transmit(now, &mut self.outgoing) else {
                return;
            };
            let fate = match transmit.flow.protocol().is_stream() {
                true => self.send_on_stream(&transmit),
                false => {
                    let port = self.port_for(&transmit);
                    self.ports[port].send(&transmit, &self.outgoing)
                }
            };
            let departure = match fate {
                Fate::Sent => Departure::Sent(self.core.clock.now()),
                Fate::Dropped => Departure::Dropped,
                Fate::Waiting => continue,
            };
            if transmit.id.is_some() {
                let mut state = self.core.lock();
                ids(&transmit).for_each(|id| state.router.handle_sent(id, departure));
            }
        }
    }

    /// A frame is sent whole or dropped whole.
    fn send_on_stream(&mut self, transmit: &Transmit) -> Fate {
        let frame = self.outgoing.get(..transmit.len).unwrap_or_default();
        match self.streams.send(transmit.flow, frame) {
            true => Fate::Sent,
            false => Fate::Dropped,
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
        for id in std::mem::take(&mut state.leaving) {
            state.router.remove(id);
        }
        if state.abandoned && self.ports.iter().all(|port| port.waiting.is_empty()) {
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
                is_any_ready |= !port.waiting.is_empty() && port.socket.poll_writable(cx).is_ready();
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

impl Port {
    /// Sends a datagram or a train, behind what waits.
    fn send(&mut self, transmit: &Transmit, buf: &[u8]) -> Fate {
        if self.waiting.is_empty() && self.socket.send(transmit, buf).is_ok() {
            return Fate::Sent;
        }
        if self.waiting_bytes + transmit.len > WAITING_BYTES {
            return Fate::Dropped;
        }
        let bytes = buf.get(..transmit.len).unwrap_or(buf).to_vec();
        self.waiting_bytes += bytes.len();
        self.waiting.push_back((*transmit, bytes));
        Fate::Waiting
    }

    /// Sends what waits, as far as there is room.
    fn flush(&mut self, mut sent: impl FnMut(SendId)) {
        while let Some((transmit, bytes)) = self.waiting.front() {
            if self.socket.send(transmit, bytes).is_err() {
                return;
            }
            ids(transmit).for_each(&mut sent);
            self.waiting_bytes -= bytes.len();
            self.waiting.pop_front();
        }
    }
}

/// Those of the datagrams of a train, if somebody wants to hear of them.
fn ids(transmit: &Transmit) -> impl Iterator<Item = SendId> + use<> {
    let segment = transmit.segment_size.map_or(transmit.len.max(1), NonZeroUsize::get);
    let count = transmit.len.div_ceil(segment) as u64;
    let first = transmit.id;
    (0..count).filter_map(move |number| Some(SendId(first?.0 + number)))
}
