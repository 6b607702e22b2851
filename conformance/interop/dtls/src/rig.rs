//! Our end, another stack's end, and the network between them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use boring::ssl::SslVersion;
use pollrtc_core::{Flow, Standalone};
use pollrtc_crypto::Rng;
use pollrtc_dtls::{Config, Connection, Cookies, Event, Versions};
use pollrtc_netsim::{Host, Link, Network, Zone};

use crate::boringssl::{Boringssl, Options};
use crate::identity::{Identity, KeyKind};

/// Which role is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Client,
    Server,
}

impl Role {
    pub const BOTH: [Self; 2] = [Self::Client, Self::Server];
}

/// The label of DTLS-SRTP (RFC 5764 §4.2).
pub const EXPORTER: &str = "EXTRACTOR-dtls_srtp";

const OURS: &str = "192.0.2.1:4000";
const THEIRS: &str = "198.51.100.1:5000";
/// Longer than any timer with all its doublings.
const PATIENCE: Duration = Duration::from_secs(300);

/// Everything that a test may want to be different.
#[derive(Clone)]
pub struct Setup {
    pub role: Role,
    pub ours: Config,
    pub theirs: Options,
    pub link: Link,
    pub seed: u64,
}

impl Setup {
    /// Two that know each other and speak DTLS 1.3, 10 ms apart.
    pub fn new(role: Role) -> Self {
        Self::with_keys(role, KeyKind::P256, KeyKind::P256)
    }

    /// The same with certificates of these kinds: ours and theirs.
    pub fn with_keys(role: Role, ours: KeyKind, theirs: KeyKind) -> Self {
        let (ours, theirs) = (Identity::new(ours), Identity::new(theirs));
        let mut config = Config::new(ours.ours(), theirs.only());
        config.cookies = Cookies::Off;
        config.handshake_timeout = PATIENCE;
        Self {
            role,
            ours: config,
            theirs: Options::new(&theirs, &ours),
            link: Link::new().latency(Duration::from_millis(10)),
            seed: 1,
        }
    }

    /// Both with DTLS 1.2 alone.
    pub fn v12(mut self) -> Self {
        self.ours.versions = Versions::Dtls12;
        self.theirs.versions = [SslVersion::DTLS1_2; 2];
        self
    }

    /// Both with DTLS 1.3 alone.
    pub fn v13(mut self) -> Self {
        self.ours.versions = Versions::Dtls13;
        self.theirs.versions = [SslVersion::DTLS1_3; 2];
        self
    }

    pub fn rig(self) -> Rig {
        Rig::new(self)
    }
}

/// Both ends on the network.
pub struct Rig {
    pub net: Network,
    pub ours: Host<Standalone<Connection>>,
    pub theirs: Host<Boringssl>,
    received: Rc<RefCell<Vec<Vec<u8>>>>,
}

impl Rig {
    fn new(setup: Setup) -> Self {
        let (own, peer) = (OURS.parse().unwrap(), THEIRS.parse().unwrap());
        let rng = Rng::from_seed([setup.seed as u8; 32]);
        let (connection, boringssl) = match setup.role {
            Role::Client => (
                Connection::client(setup.ours, rng).unwrap(),
                Boringssl::server(&setup.theirs, own),
            ),
            Role::Server => (
                Connection::server(setup.ours, rng).unwrap(),
                Boringssl::client(&setup.theirs, own),
            ),
        };
        let mut net = Network::new(setup.seed);
        net.set_link(Zone::INTERNET, setup.link);
        let ours = net.host(own, Standalone::new(connection, Flow::udp(peer)));
        let theirs = net.host(peer, boringssl);
        let received = Rc::<RefCell<Vec<Vec<u8>>>>::default();
        let log = received.clone();
        net.on_received(ours, move |_, _, payloads| {
            log.borrow_mut()
                .extend(payloads.into_iter().flatten().map(|payload| payload.to_vec()));
        });
        Self {
            net,
            ours,
            theirs,
            received,
        }
    }

    /// Lets time pass until `done`, or panics with what both say.
    pub fn run_until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let end = self.net.now() + PATIENCE;
        while !done(self) {
            let is_over = self.net.now() >= end || !self.net.step();
            if is_over && !done(self) {
                let (ours, theirs) = (&self.net[self.ours], &self.net[self.theirs]);
                panic!("{what}: ours {ours:?}, theirs {:?}", theirs.failure());
            }
        }
    }

    /// Lets time pass until both are connected.
    pub fn connect(mut self) -> Self {
        self.run_until("connected", |rig| {
            rig.net[rig.ours].inner.is_connected() && rig.net[rig.theirs].is_connected()
        });
        self
    }

    /// What came for our application since this was asked last; also what overtook the end of the
    /// handshake.
    pub fn received(&mut self) -> Vec<Vec<u8>> {
        let mut received = Vec::new();
        let ours = self.ours;
        while let Some(event) = self
            .net
            .with(ours, |connection, _| pollrtc_core::StateMachine::poll_event(connection))
        {
            if let Event::ApplicationData(data) = event {
                received.push(data);
            }
        }
        received.append(&mut self.received.borrow_mut());
        received
    }

    /// What came for theirs.
    pub fn received_by_theirs(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.net[self.theirs].received)
    }

    /// Sends these bytes both ways, and waits until they have come.
    pub fn exchange(&mut self, payload: &[u8]) {
        self.net[self.ours].inner.send(payload).unwrap();
        let mut arrived = Vec::new();
        self.run_until("their data", |rig| {
            arrived.append(&mut rig.received_by_theirs());
            !arrived.is_empty()
        });
        assert_eq!(arrived, [payload]);
        self.net[self.theirs].send(payload);
        let mut arrived = Vec::new();
        self.run_until("our data", |rig| {
            arrived.append(&mut rig.received());
            !arrived.is_empty()
        });
        assert_eq!(arrived, [payload]);
    }

    /// Data goes both ways, and keys for others are the same.
    pub fn talk(&mut self) {
        for length in [1, 100, 1100] {
            self.exchange(&vec![0x5a; length]);
        }
        for context in [None, Some(&b"context"[..])] {
            let mut key = [0; 60];
            self.net[self.ours]
                .inner
                .export_keying_material(EXPORTER, context, &mut key)
                .unwrap();
            assert_eq!(key, self.net[self.theirs].export(EXPORTER, context));
        }
    }

    /// Nothing that they sent failed to decrypt.
    pub fn assert_nothing_forged(&self) {
        assert_eq!(self.net[self.ours].inner.stats().forged_records, 0);
    }

    /// We send close_notify, and it is heard.
    pub fn close(mut self) {
        let ours = self.ours;
        self.net.with(ours, |connection, now| connection.inner.close(now));
        self.run_until("their end", |rig| rig.net[rig.theirs].is_closed_by_peer);
    }

    /// They say goodbye, and it is heard.
    pub fn be_closed(mut self) {
        self.net[self.theirs].close();
        self.run_until("our end", |rig| {
            rig.net[rig.ours].inner.state() == pollrtc_dtls::State::Closed
        });
    }
}
