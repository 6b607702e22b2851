//! What the handles and the driver's task share.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pollrtc::{Clock, PeerId, Received, Router, RouterId};
use tokio::sync::{Notify, oneshot};

use crate::media::Inbox;

/// One router with its sockets. Kept alive by the handles; the driver holds on to the cores only.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) core: Arc<Core>,
    /// Its number, where there are several.
    pub(crate) router_id: Option<RouterId>,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) max_segments: usize,
}

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) clock: Clock,
    /// Tells the driver that there is something to send, or a sooner timeout.
    pub(crate) wake: Notify,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) router: Router,
    /// Whom to tell that something happened to a connection.
    pub(crate) listeners: HashMap<PeerId, Arc<Notify>>,
    /// The media of those who want it.
    pub(crate) inboxes: HashMap<PeerId, Inbox>,
    /// Connections that nobody holds any more: gone once their farewell is sent.
    pub(crate) leaving: Vec<PeerId>,
    /// No handle is left.
    pub(crate) abandoned: bool,
    /// New connections are closed at once.
    pub(crate) is_closing: bool,
    /// Who waits until all that there is to send is sent.
    pub(crate) flushes: Vec<oneshot::Sender<()>>,
}

impl State {
    /// Keeps media that came with a datagram, for those who want it.
    pub(crate) fn keep(&mut self, received: Option<(PeerId, Received<'_>)>) {
        let Some((id, Received::Rtp { stream, packet })) = received else {
            return;
        };
        if let Some(inbox) = self.inboxes.get_mut(&id) {
            inbox.push(stream, &packet);
            if let Some(listener) = self.listeners.get(&id) {
                listener.notify_waiters();
            }
        }
    }
}

impl Core {
    pub(crate) fn new(clock: Clock, router: Router) -> Self {
        Self {
            clock,
            wake: Notify::new(),
            state: Mutex::new(State {
                router,
                listeners: HashMap::new(),
                inboxes: HashMap::new(),
                leaving: Vec::new(),
                abandoned: false,
                is_closing: false,
                flushes: Vec::new(),
            }),
        }
    }

    /// Closes all connections. The receiver hears when the peers are told.
    pub(crate) fn close(&self) -> oneshot::Receiver<()> {
        let now = self.clock.now();
        let (flush, flushed) = oneshot::channel();
        let mut state = self.lock();
        state.is_closing = true;
        let ids: Vec<PeerId> = state.router.peers().map(|(id, _)| id).collect();
        for id in ids {
            if let Some(mut peer) = state.router.peer_mut(id) {
                peer.close(now);
            }
        }
        state.flushes.push(flush);
        drop(state);
        self.wake.notify_one();
        flushed
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // The state machines hold their invariants across panics of the application's closures.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.core.lock().abandoned = true;
        self.core.wake.notify_one();
    }
}
