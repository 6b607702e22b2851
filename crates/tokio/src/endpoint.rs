//! Sockets, and the connections on them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use pollrtc::media::NtpClock;
use pollrtc::{Clock, Config, Instant, NtpTime, PeerConnection, Router, RouterId};
use tokio::sync::Notify;

use crate::Peer;
use crate::driver::Driver;
use crate::shared::{Core, Shared};
use crate::socket::{Sharing, Socket};

/// How long goodbyes wait for sockets that are full.
const FLUSH_PATIENCE: Duration = Duration::from_secs(1);

/// UDP sockets and the connections on them, driven by a task of its own, or by several. Cheap to clone; the
/// tasks end once all clones and all [`Peer`]s are gone.
#[derive(Clone, Debug)]
pub struct Endpoint {
    shards: Arc<[Arc<Shared>]>,
    addresses: Arc<[SocketAddr]>,
    /// Counts the peers, which the shards get in turn.
    turn: Arc<AtomicUsize>,
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
        Self::bind_sharded(addresses, 1)
    }

    /// The same with several routers, each with a task and sockets of its own, so that a runtime of several threads works
    /// on as many cores; peers are given to them in turn. Where the port is 0 each router has ports of its own. Where it is
    /// not, they share it (SO_REUSEPORT, on Unix): the system spreads datagrams over them by their addresses, and what comes
    /// to the wrong one is handed on.
    ///
    /// # Errors
    ///
    /// As with [`bind`](Self::bind); if there are more than 4096 routers, or none; and where the system can't share
    /// ports.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn bind_sharded(addresses: &[SocketAddr], routers: usize) -> io::Result<Self> {
        let refuse = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        if addresses.is_empty() {
            return refuse("an endpoint needs an address to bind to");
        }
        if addresses.iter().any(|address| address.ip().is_unspecified()) {
            return refuse("bind to the machine's own addresses, a wildcard is not a candidate");
        }
        let ids = (0..routers).map(|number| RouterId::new(u16::try_from(number).ok()?));
        let Some(ids) = ids.collect::<Option<Vec<RouterId>>>().filter(|ids| !ids.is_empty()) else {
            return refuse("an endpoint has between 1 and 4096 routers");
        };
        let sharing = if routers > 1 {
            Sharing::Shared
        } else {
            Sharing::Exclusive
        };
        let open = |_: &RouterId| {
            addresses
                .iter()
                .map(|address| Socket::bind(*address, sharing))
                .collect()
        };
        let sockets = ids.iter().map(open).collect::<io::Result<Vec<Vec<Socket>>>>()?;
        let clock = Clock::new();
        let core = |id: &RouterId| {
            let router = if routers > 1 {
                Router::with_id(*id)
            } else {
                Router::new()
            };
            Arc::new(Core::new(clock, router))
        };
        let cores: Arc<[Arc<Core>]> = ids.iter().map(core).collect();
        let mut all = Vec::new();
        let mut shards = Vec::new();
        for ((core, sockets), id) in cores.iter().zip(sockets).zip(ids) {
            let addresses: Vec<SocketAddr> = sockets.iter().map(Socket::local_addr).collect();
            all.extend(
                addresses
                    .iter()
                    .copied()
                    .filter(|address| !all.contains(address))
                    .collect::<Vec<_>>(),
            );
            shards.push(Arc::new(Shared {
                core: Arc::clone(core),
                router_id: (routers > 1).then_some(id),
                addresses,
                max_segments: sockets.iter().map(Socket::max_segments).min().unwrap_or(1),
            }));
            tokio::spawn(Driver::new(Arc::clone(core), Arc::clone(&cores), sockets).run());
        }
        Ok(Self {
            shards: shards.into(),
            addresses: all.into(),
            turn: Arc::default(),
        })
    }

    /// A new connection, with this endpoint's addresses as host candidates (those of one of its routers).
    /// [`Config::max_segments`] is set to what the system can offload, and [`Config::ntp_origin`], unless it is set, to the
    /// system's time.
    ///
    /// One socket speaks with one socket about one connection: a second one between the same two ends with
    /// [`CloseReason::AddressInUse`](pollrtc::CloseReason::AddressInUse) and leaves the first in peace. Where a program
    /// needs several with the same other side, open several channels, or bind an endpoint for each.
    pub fn peer(&self, config: Config) -> Peer {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let shared = &self.shards[turn % self.shards.len()];
        let mut config = config.with_max_segments(shared.max_segments);
        config.router_id = shared.router_id;
        if config.ntp_origin == NtpTime::default() {
            config.ntp_origin = ntp_origin(shared.core.clock.now());
        }
        let mut connection = PeerConnection::new(config);
        let now = shared.core.clock.now();
        for address in &shared.addresses {
            // Refused only by a lite agent that has one of this family already (RFC 8445 §5.2).
            let _ = connection.add_local_address(now, *address);
        }
        let changed = Arc::new(Notify::new());
        let mut state = shared.core.lock();
        if state.is_closing {
            connection.close(now);
        }
        let id = state.router.insert(connection);
        state.listeners.insert(id, Arc::clone(&changed));
        drop(state);
        shared.core.wake.notify_one();
        Peer::new(Arc::clone(shared), id, changed)
    }

    /// Closes all connections, also those that are made later, and waits until what tells the peers is sent: a second at
    /// most, if a socket is full. The handles get [`Event::Closed`](pollrtc::Event::Closed). Messages that wait to be sent
    /// are lost, so have the other side say what it has got, where that counts.
    pub async fn close(&self) {
        let flushed: Vec<_> = self.shards.iter().map(|shared| shared.core.close()).collect();
        let all = async {
            for flushed in flushed {
                // An error only if the task has ended, which has sent all then.
                let _ = flushed.await;
            }
        };
        let _ = tokio::time::timeout(FLUSH_PATIENCE, all).await;
    }

    /// The addresses of the sockets.
    pub fn local_addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// How many connections there are, those that are just saying goodbye included.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shared| shared.core.lock().router.len()).sum()
    }

    /// True if there is no connection.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What the time was in the world when the clock stood at zero; it is `now` there.
fn ntp_origin(now: Instant) -> NtpTime {
    // A system that does not know the time has it before 1970.
    let since_epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    NtpClock::from_unix(since_epoch.saturating_sub(now.since_origin())).at(Instant::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_reports_shows_the_systems_time() {
        let now = Instant::from_millis(90_000);
        let shown = NtpClock::new(ntp_origin(now)).at(now);
        let since_epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        let wanted = NtpClock::from_unix(since_epoch).at(Instant::ZERO);
        assert!(wanted.seconds() - shown.seconds() <= 1, "{shown:?} {wanted:?}");
    }
}
