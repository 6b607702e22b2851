//! The task that drives all connections of an endpoint.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use pollrtc::{Instant, StateMachine, Transmit};
use tokio::time::sleep_until;

use crate::endpoint::Core;
use crate::socket::{Buffers, MAX_TRAIN, Socket};

/// Batches that are received before what they caused is sent: acknowledgements must not wait long.
const BATCHES_PER_TURN: usize = 4;

pub(crate) struct Driver {
    core: Arc<Core>,
    sockets: Vec<Socket>,
    incoming: Buffers,
    outgoing: Vec<u8>,
    /// What is in `outgoing` and waits for room in this socket.
    blocked: Option<(usize, Transmit)>,
}

impl Driver {
    pub(crate) fn new(core: Arc<Core>, sockets: Vec<Socket>) -> Self {
        Self {
            core,
            sockets,
            incoming: Buffers::new(),
            outgoing: vec![0; MAX_TRAIN],
            blocked: None,
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
        for socket in &self.sockets {
            for _ in 0..BATCHES_PER_TURN {
                let mut state = None;
                let more = socket.receive(&mut self.incoming, |datagram| {
                    let state = state.get_or_insert_with(|| self.core.lock());
                    state.router.handle_datagram(now, datagram);
                });
                if !more {
                    break;
                }
            }
        }
    }

    /// Sends what there is to send, until a socket has no room.
    fn transmit(&mut self) {
        self.core.lock().router.handle_timeout(self.core.clock.now());
        loop {
            let next = self.blocked.take().or_else(|| {
                let now = self.core.clock.now();
                let transmit = self.core.lock().router.poll_transmit(now, &mut self.outgoing)?;
                Some((self.socket_for(&transmit), transmit))
            });
            let Some((socket, transmit)) = next else {
                return;
            };
            if self.sockets[socket].send(&transmit, &self.outgoing).is_err() {
                self.blocked = Some((socket, transmit));
                return;
            }
        }
    }

    /// The socket that a transmit names, else the first that speaks its protocol.
    fn socket_for(&self, transmit: &Transmit) -> usize {
        let by = |fits: &dyn Fn(&Socket) -> bool| self.sockets.iter().position(fits);
        transmit
            .flow
            .local()
            .and_then(|source| by(&|socket| socket.local_addr() == source))
            .or_else(|| {
                let v4 = transmit.flow.remote().is_ipv4();
                by(&|socket| socket.local_addr().is_ipv4() == v4)
            })
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
        if self.blocked.is_none() {
            for id in std::mem::take(&mut state.leaving) {
                state.router.remove(id);
            }
            if state.abandoned {
                return None;
            }
        }
        Some(state.router.poll_timeout().unwrap_or(Instant::FAR_FUTURE))
    }

    async fn wait(&self, deadline: Instant) {
        let timer = async {
            match self.core.clock.to_std(deadline) {
                Some(at) if deadline != Instant::FAR_FUTURE => sleep_until(at.into()).await,
                _ => std::future::pending().await,
            }
        };
        let room = async {
            match self.blocked {
                Some((socket, _)) => self.sockets[socket].writable().await,
                None => std::future::pending().await,
            }
        };
        let arrival = poll_fn(|cx| {
            let mut sockets = self.sockets.iter();
            if sockets.any(|socket| socket.poll_readable(cx).is_ready()) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        tokio::select! {
            () = arrival => {}
            () = self.core.wake.notified() => {}
            () = room => {}
            () = timer => {}
        }
    }
}
