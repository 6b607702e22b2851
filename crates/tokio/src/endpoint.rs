//! What the handles and the driver's task share.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pollrtc::{Clock, Config, PeerConnection, PeerId, Router};
use tokio::sync::Notify;

use crate::Peer;
use crate::driver::Driver;
use crate::socket::Socket;

/// UDP sockets and the connections on them, driven by a task of its own. Cheap to clone; the task
/// ends once all clones and all [`Peer`]s are gone.
#[derive(Clone, Debug)]
pub struct Endpoint {
    shared: Arc<Shared>,
}

/// Kept alive by the handles; the driver holds on to the core only.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) core: Arc<Core>,
    addresses: Vec<SocketAddr>,
    max_segments: usize,
}

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) clock: Clock,
    /// Tells the driver that there is something to send, or a sooner timeout.
    pub(crate) wake: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) router: Router,
    /// Whom to tell that something happened to a connection.
    pub(crate) listeners: HashMap<PeerId, Arc<Notify>>,
    /// Connections that nobody holds any more: gone once their farewell is sent.
    pub(crate) leaving: Vec<PeerId>,
    /// No handle is left.
    pub(crate) abandoned: bool,
}

impl Endpoint {
    /// Opens a UDP socket on each address, and starts the task that drives them. Port 0 lets the
    /// system choose. Each address is a host candidate of each peer, so it must be one that the
    /// machine has, not a wildcard.
    ///
    /// # Errors
    ///
    /// If there is no address, one is a wildcard, or a socket can't be opened.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn bind(addresses: &[SocketAddr]) -> io::Result<Self> {
        let refuse = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        if addresses.is_empty() {
            return refuse("an endpoint needs an address to bind to");
        }
        if addresses.iter().any(|address| address.ip().is_unspecified()) {
            return refuse("bind to the machine's own addresses, a wildcard is not a candidate");
        }
        let sockets = addresses
            .iter()
            .map(|address| Socket::bind(*address))
            .collect::<io::Result<Vec<_>>>()?;
        let core = Arc::new(Core {
            clock: Clock::new(),
            wake: Notify::new(),
            state: Mutex::default(),
        });
        let shared = Shared {
            core: Arc::clone(&core),
            addresses: sockets.iter().map(Socket::local_addr).collect(),
            max_segments: sockets.iter().map(Socket::max_segments).min().unwrap_or(1),
        };
        tokio::spawn(Driver::new(core, sockets).run());
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// A new connection, with this endpoint's addresses as host candidates.
    /// [`Config::max_segments`] is set to what the system can offload.
    pub fn peer(&self, config: Config) -> Peer {
        let mut connection = PeerConnection::new(config.with_max_segments(self.shared.max_segments));
        let now = self.shared.core.clock.now();
        for address in &self.shared.addresses {
            // Refused only by a lite agent that has one of this family already (RFC 8445 §5.2).
            let _ = connection.add_local_address(now, *address);
        }
        let changed = Arc::new(Notify::new());
        let mut state = self.shared.core.lock();
        let id = state.router.insert(connection);
        state.listeners.insert(id, Arc::clone(&changed));
        drop(state);
        self.shared.core.wake.notify_one();
        Peer::new(Arc::clone(&self.shared), id, changed)
    }

    /// The addresses of the sockets.
    pub fn local_addresses(&self) -> &[SocketAddr] {
        &self.shared.addresses
    }

    /// How many connections there are, those that are just saying goodbye included.
    pub fn len(&self) -> usize {
        self.shared.core.lock().router.len()
    }

    /// True if there is no connection.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Core {
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
