//! The connection as its caller sees it: one file for each of its concerns.

mod acknowledgements;
mod agreement;
mod early;
mod end;
mod event;
mod failure;
mod hellos;
mod ids;
mod machine;
mod messages;
mod post_handshake;
mod records;
mod send;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::fmt;

use pollrtc_core::Instant;
use pollrtc_crypto::Rng;

use crate::acks::Acks;
use crate::admission::{Role, Stage};
use crate::client_hellos::ClientHellos;
use crate::config::Config;
use crate::connection_ids::ConnectionIds;
use crate::error::ConfigError;
use crate::flight::{Flight, MIN_MTU};
use crate::handshake::{Context, CookieKeys, Established};
use crate::negotiation::{ClientHandshake, Secrets, ServerHandshake};
use crate::outbox::Outbox;
use crate::reassembly::Reassembler;
use crate::records::RecordLayer;
use crate::stats::Stats;
use crate::wire::Version;
use early::EarlyRecords;
use failure::UnauthenticatedFailure;

pub use event::{Event, State};

/// One DTLS connection, client or server.
///
/// It is an [`InnerProtocol`](pollrtc_core::InnerProtocol), which sees no addresses: datagrams go in with `handle_body`,
/// which gives back the application's data decrypted in place, and come out of `write_body`. Alone on a socket it is
/// [`Standalone`](pollrtc_core::Standalone).
///
/// ```
/// # #[cfg(feature = "aws-lc-rs")] {
/// use pollrtc_dtls::{Certificate, Config, Connection, HashAlgorithm, Headroom, InnerProtocol, Instant, PeerVerification, Rng, default_provider};
///
/// let mut rng = Rng::from_os();
/// let ours = Certificate::generate(default_provider(), &mut rng).unwrap();
/// let theirs = Certificate::generate(default_provider(), &mut rng).unwrap();
/// let knows = |peer: &Certificate| PeerVerification::Fingerprints(vec![peer.fingerprint(HashAlgorithm::Sha256)]);
///
/// let mut client = Connection::client(Config::new(ours.clone(), knows(&theirs)), rng.fork()).unwrap();
/// let mut server = Connection::server(Config::new(theirs, knows(&ours)), rng.fork()).unwrap();
///
/// let (now, mut buf) = (Instant::ZERO, [0; 1500]);
/// while !(client.is_connected() && server.is_connected()) {
///     while let Some(len) = client.write_body(now, &mut buf, Headroom::NONE) {
///         server.handle_body(now, &mut buf[..len]);
///     }
///     while let Some(len) = server.write_body(now, &mut buf, Headroom::NONE) {
///         client.handle_body(now, &mut buf[..len]);
///     }
/// }
///
/// client.send(b"hello").unwrap();
/// let len = client.write_body(now, &mut buf, Headroom::NONE).unwrap();
/// let mut received = server.handle_body(now, &mut buf[..len]);
/// assert_eq!(received.next().unwrap(), b"hello");
/// # }
/// ```
pub struct Connection {
    config: Arc<Config>,
    role: Role,
    rng: Rng,
    mtu: usize,
    /// The latest time that any call told.
    now: Instant,
    phase: Phase,
    records: RecordLayer,
    reassembler: Reassembler,
    /// As a server: what is known of ClientHellos beside the one that is put together.
    hellos: ClientHellos,
    flight: Flight,
    acks: Acks,
    outbox: Outbox,
    early: EarlyRecords,
    events: VecDeque<Event>,
    handshake_deadline: Option<Instant>,
    /// What may be why the handshake does not go on.
    failure: UnauthenticatedFailure,
    /// When the keys of epochs before the newest are forgotten.
    previous_epochs_until: Option<Instant>,
    /// Whether something in the datagram at hand proved to be the peer's.
    is_authentic: bool,
    stats: Stats,
}

/// A phase and the data that only it has.
enum Phase {
    Listening(CookieKeys),
    Client(ClientHandshake),
    /// As long as the client has not answered, another ClientHello may take the place of the first.
    Server(ServerHandshake, CookieKeys),
    Connected(Established<Secrets>),
    Closed,
}

impl Connection {
    /// A client, which speaks first: its ClientHello comes out of the first `write_body`.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration.
    pub fn client(config: impl Into<Arc<Config>>, rng: Rng) -> Result<Self, ConfigError> {
        let config = config.into();
        config.check_client()?;
        let mut connection = Self::new(config, rng, Role::Client);
        let client = ClientHandshake::start(&mut connection.context());
        connection.phase = Phase::Client(client);
        Ok(connection)
    }

    /// A server, which waits for a ClientHello. One that has many clients on a socket lets an
    /// [`Acceptor`](crate::Acceptor) make it.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration.
    pub fn server(config: impl Into<Arc<Config>>, rng: Rng) -> Result<Self, ConfigError> {
        let config = config.into();
        config.check_server()?;
        let mut connection = Self::new(config, rng, Role::Server);
        let keys = CookieKeys::new(&connection.config, &mut connection.rng);
        connection.phase = Phase::Listening(keys);
        Ok(connection)
    }

    /// A server with cookies that somebody else's keys make; the configuration is checked.
    pub(crate) fn listening(config: Arc<Config>, rng: Rng, keys: CookieKeys) -> Self {
        let mut connection = Self::new(config, rng, Role::Server);
        connection.phase = Phase::Listening(keys);
        connection
    }

    fn new(config: Arc<Config>, mut rng: Rng, role: Role) -> Self {
        let ids = config.connection_ids.as_ref();
        let ids = ids.map(|policy| Box::new(ConnectionIds::new(policy, &mut rng)));
        Self {
            mtu: config.mtu.max(MIN_MTU),
            flight: Flight::new(config.initial_rto, config.max_rto),
            reassembler: Reassembler::new(config.max_reassembly),
            hellos: ClientHellos::new(),
            config,
            role,
            rng,
            now: Instant::ZERO,
            phase: Phase::Closed,
            records: RecordLayer::with_ids(ids),
            acks: Acks::default(),
            outbox: Outbox::default(),
            early: EarlyRecords::default(),
            events: VecDeque::new(),
            handshake_deadline: None,
            failure: UnauthenticatedFailure::default(),
            previous_epochs_until: None,
            is_authentic: false,
            stats: Stats::default(),
        }
    }

    /// Where the connection stands.
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Listening(_) => State::Listening,
            Phase::Client(_) | Phase::Server(..) => State::Connecting,
            Phase::Connected(_) => State::Connected,
            Phase::Closed => State::Closed,
        }
    }

    /// Whether data may flow.
    pub fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Connected(_))
    }

    /// How far the connection is, for what records count.
    fn stage(&self) -> Stage {
        match &self.phase {
            Phase::Listening(_) => Stage::Listening,
            Phase::Client(client) => match client.version() {
                Some(version) => Stage::Handshaking(Role::Client, version),
                None => Stage::Offering {
                    has_13: self.config.speaks(Version::DTLS_1_3),
                },
            },
            Phase::Server(server, _) => Stage::Handshaking(Role::Server, server.version()),
            Phase::Connected(established) => Stage::Connected(established.secrets.version()),
            Phase::Closed => Stage::Closed,
        }
    }

    /// Bytes that are kept because of what the peer (or anyone who pretends to be it) sent: handshake
    /// messages, its certificate, records that came too early. Never more than 40 KiB beyond
    /// [`Config::max_reassembly`], so 104 KiB by default.
    pub fn memory(&self) -> usize {
        let certificate = match &self.phase {
            Phase::Connected(established) => established.peer_certificate.len(),
            _ => 0,
        };
        let early = self.events.iter().map(|event| match event {
            Event::ApplicationData(data) => data.len(),
            _ => 0,
        });
        let ids = self.records.ids.as_ref().map_or(0, |ids| ids.memory());
        self.reassembler.memory()
            + self.hellos.memory()
            + self.early.memory()
            + certificate
            + ids
            + early.sum::<usize>()
    }

    /// What was counted.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Time never runs backwards in here.
    pub(crate) fn advance_time(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// What a handshake works with.
    pub(crate) fn context(&mut self) -> Context<'_> {
        Context {
            config: &self.config,
            rng: &mut self.rng,
            records: &mut self.records,
            flight: &mut self.flight,
            acks: &mut self.acks,
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("state", &self.state())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}
