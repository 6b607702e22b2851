//! Two connections and the wire between them.

pub(crate) mod cipher;
pub(crate) mod watched;
pub(crate) mod wire;

use std::net::SocketAddr;
use std::time::Duration;

use pollrtc_core::{Headroom, InnerProtocol, Instant};
use pollrtc_crypto::{Certificate, HashAlgorithm, Provider, Rng, default_provider};
use pollrtc_dtls::{Config, Connection, Cookies, Event, PeerVerification, SrtpProfile, Versions};

pub(crate) const CLIENT: &str = "192.0.2.1:4000";

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn rng(seed: u8) -> Rng {
    Rng::from_seed([seed; 32])
}

pub(crate) fn certificate(seed: u8) -> Certificate {
    Certificate::generate(default_provider(), &mut rng(seed)).unwrap()
}

/// A server of DTLS 1.2 that takes anyone and has heard of nobody yet.
pub(crate) fn waiting_server() -> Connection {
    server_of(Versions::Dtls12)
}

/// The same with these versions.
pub(crate) fn server_of(versions: Versions) -> Connection {
    let mut config = Config::new(certificate(1), PeerVerification::AcceptAny);
    config.versions = versions;
    config.cookies = Cookies::Off;
    Connection::server(config, rng(1)).unwrap()
}

/// A client of DTLS 1.2 that takes anyone, knows one SRTP profile and has sent its ClientHello.
pub(crate) fn waiting_client() -> Connection {
    let mut config = Config::new(certificate(1), PeerVerification::AcceptAny);
    config.versions = Versions::Dtls12;
    config.srtp_profiles = vec![SrtpProfile::AeadAes128Gcm];
    let mut client = Connection::client(config, rng(1)).unwrap();
    drain(&mut client, Instant::from_millis(1));
    client
}

/// All events that wait.
pub(crate) fn events(connection: &mut Connection) -> Vec<Event> {
    std::iter::from_fn(|| connection.poll_event()).collect()
}

/// Verification by the SHA-256 fingerprint of this certificate.
pub(crate) fn only(certificate: &Certificate) -> PeerVerification {
    PeerVerification::Fingerprints(vec![certificate.fingerprint(HashAlgorithm::Sha256)])
}

/// What both sides are made of; tests change it before [`Pair::new`].
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) client: Config,
    pub(crate) server: Config,
}

impl Setup {
    /// Two that know each other and speak DTLS 1.2 alone.
    pub(crate) fn new() -> Self {
        Self::with_provider(default_provider()).speaking(Versions::Dtls12)
    }

    /// Two that know each other and speak DTLS 1.3 alone.
    pub(crate) fn v13() -> Self {
        Self::with_provider(default_provider()).speaking(Versions::Dtls13)
    }

    /// Both restricted to these versions.
    pub(crate) fn speaking(mut self, versions: Versions) -> Self {
        (self.client.versions, self.server.versions) = (versions, versions);
        self
    }

    pub(crate) fn with_provider(provider: &'static dyn Provider) -> Self {
        let generate = |seed| Certificate::generate(provider, &mut rng(seed)).unwrap();
        let (a, b) = (generate(1), generate(2));
        let mut server = Config::with_provider(provider, b.clone(), only(&a));
        // As behind ICE.
        server.cookies = Cookies::Off;
        Self {
            client: Config::with_provider(provider, a, only(&b)),
            server,
        }
    }

    pub(crate) fn server_certificate(&self) -> Certificate {
        self.server.certificates[0].clone()
    }

    pub(crate) fn pair(self) -> Pair {
        Pair {
            client: Connection::client(self.client, rng(3)).unwrap(),
            server: Connection::server(self.server, rng(4)).unwrap(),
            now: Instant::from_millis(1000),
        }
    }
}

/// A client, a server, and what time it is.
pub(crate) struct Pair {
    pub(crate) client: Connection,
    pub(crate) server: Connection,
    pub(crate) now: Instant,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Setup::new().pair()
    }

    /// Connected with DTLS 1.2, all events taken.
    pub(crate) fn connected() -> Self {
        Self::new().connect()
    }

    /// Connected with DTLS 1.3, all events taken.
    pub(crate) fn connected13() -> Self {
        Setup::v13().pair().connect()
    }

    /// Connected, all events taken.
    pub(crate) fn connect(self) -> Self {
        let mut pair = self;
        pair.settle();
        assert!(pair.client.is_connected() && pair.server.is_connected());
        pair.client_events();
        pair.server_events();
        pair
    }

    /// Delivers everything at once until nobody has anything more to say.
    pub(crate) fn settle(&mut self) {
        loop {
            let (from_client, from_server) = (self.client_sends(), self.server_sends());
            if from_client.is_empty() && from_server.is_empty() {
                return;
            }
            for datagram in from_client {
                self.server_gets(&datagram);
            }
            for datagram in from_server {
                self.client_gets(&datagram);
            }
        }
    }

    /// Lets time pass until everything that was sent is acknowledged.
    pub(crate) fn rest(&mut self) {
        for _ in 0..6 {
            self.settle();
            self.wait(millis(100));
        }
        self.settle();
    }

    /// Lets time pass until both are connected; `wire` makes of each datagram (of the
    /// client or not) those that arrive.
    /// Gives up after this many datagrams.
    pub(crate) fn connect_over(&mut self, limit: usize, mut wire: impl FnMut(bool, Vec<u8>) -> Vec<Vec<u8>>) {
        let mut count = 0;
        while !(self.client.is_connected() && self.server.is_connected()) && count < limit {
            let (from_client, from_server) = (self.client_sends(), self.server_sends());
            count += from_client.len() + from_server.len();
            if from_client.is_empty() && from_server.is_empty() {
                let next = [self.client.poll_timeout(), self.server.poll_timeout()];
                match next.into_iter().flatten().min() {
                    Some(next) => self.now = next.max(self.now),
                    None => return,
                }
                self.client.handle_timeout(self.now);
                self.server.handle_timeout(self.now);
            }
            for datagram in from_client.into_iter().flat_map(|datagram| wire(true, datagram)) {
                self.server_gets(&datagram);
            }
            for datagram in from_server.into_iter().flat_map(|datagram| wire(false, datagram)) {
                self.client_gets(&datagram);
            }
        }
    }

    /// Everything that the client has to send now.
    pub(crate) fn client_sends(&mut self) -> Vec<Vec<u8>> {
        drain(&mut self.client, self.now)
    }

    /// Everything that the server has to send now.
    pub(crate) fn server_sends(&mut self) -> Vec<Vec<u8>> {
        drain(&mut self.server, self.now)
    }

    /// One datagram arrives at the client; what the application gets of it.
    pub(crate) fn client_gets(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        deliver(&mut self.client, self.now, datagram)
    }

    /// One datagram arrives at the server; what the application gets of it.
    pub(crate) fn server_gets(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        deliver(&mut self.server, self.now, datagram)
    }

    pub(crate) fn client_events(&mut self) -> Vec<Event> {
        events(&mut self.client)
    }

    pub(crate) fn server_events(&mut self) -> Vec<Event> {
        events(&mut self.server)
    }

    /// Time passes for both.
    pub(crate) fn wait(&mut self, duration: Duration) {
        self.now += duration;
        self.client.handle_timeout(self.now);
        self.server.handle_timeout(self.now);
    }
}

pub(crate) fn drain(connection: &mut Connection, now: Instant) -> Vec<Vec<u8>> {
    let mut buf = [0; 2048];
    let mut datagrams = Vec::new();
    while let Some(length) = connection.write_body(now, &mut buf, Headroom::NONE) {
        datagrams.push(buf[..length].to_vec());
    }
    datagrams
}

pub(crate) fn deliver(connection: &mut Connection, now: Instant, datagram: &[u8]) -> Vec<Vec<u8>> {
    let mut datagram = datagram.to_vec();
    connection
        .handle_body(now, &mut datagram)
        .map(|payload| payload.to_vec())
        .collect()
}
