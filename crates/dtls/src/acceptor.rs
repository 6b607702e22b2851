//! What comes before a connection, at a server that anyone may reach.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use pollrtc_core::{Datagram, Flow, Headroom, InnerProtocol, Instant, Transmit};
use pollrtc_crypto::{HmacSha256, Rng};

use crate::config::{Config, Cookies};
use crate::connection::{Connection, State};
use crate::error::ConfigError;
use crate::handshake::CookieKeys;
use crate::negotiation::has_valid_cookie;
use crate::reassembly::{Message, Reassembler};
use crate::wire::handshake::{Fragment, fragments};
use crate::wire::record::{Header, records};
use crate::wire::{ContentType, HandshakeType};

/// For so long a key makes cookies; those of the key before still count.
const COOKIE_KEY_LIFETIME: Duration = Duration::from_secs(60);
/// How many ClientHellos in several datagrams may be incomplete at the same time, whoever sends them.
const MAX_INCOMPLETE: usize = 32;
/// Bytes of one of them, at most.
const MAX_HELLO: usize = 4096;

/// Makes connections of those clients that prove their address (RFC 6347 §4.2.1, RFC 9147 §5.1), for a server
/// with one socket and any number of clients.
///
/// It gets what comes from addresses that have no connection yet. A ClientHello without a cookie is answered
/// with one, and nothing is kept of it; one that brings its cookie back becomes a [`Connection`], which has
/// taken it already. So nobody can make the server work or keep anything in the name of another, nor have it
/// send more than the name's owner said. ClientHellos that are too long for one datagram, as those with
/// post-quantum keys are, are put together in a fixed amount of memory, where a flood puts the oldest out.
///
/// ```
/// # #[cfg(feature = "aws-lc-rs")] {
/// use std::collections::HashMap;
/// use pollrtc_dtls::{Accepted, Acceptor, Certificate, ClientCertificates, Config, Connection, Datagram, Flow, Headroom, InnerProtocol, Instant, PeerVerification, Rng, Standalone, StateMachine, default_provider};
///
/// let mut rng = Rng::from_os();
/// let certificate = Certificate::generate(default_provider(), &mut rng).unwrap();
/// let mut config = Config::new(certificate, PeerVerification::AcceptAny);
/// config.client_certificates = ClientCertificates::NotRequested;
/// let mut acceptor = Acceptor::new(config, rng.fork()).unwrap();
/// let mut connections: HashMap<Flow, Standalone<Connection>> = HashMap::new();
/// # let client_address = "192.0.2.1:4000".parse().unwrap();
/// # let config = Config::new(None, PeerVerification::AcceptAny);
/// # let mut client = Connection::client(config, rng.fork()).unwrap();
/// # let (now, mut buf, mut answer) = (Instant::ZERO, [0; 1500], [0; 1500]);
/// # for _ in 0..4 {
/// #     while let Some(len) = client.write_body(now, &mut buf, Headroom::NONE) {
/// #         let datagram = Datagram::udp(client_address, &mut buf[..len]);
///
/// // A datagram has come:
/// let flow = datagram.flow;
/// if let Some(connection) = connections.get_mut(&flow) {
///     connection.handle_datagram(now, datagram);
/// } else {
///     match acceptor.handle_datagram(now, datagram, &mut answer) {
///         Accepted::Answer(transmit) => {
///             // Send `answer[..transmit.len]` to `transmit.flow.remote()`.
/// #             client.handle_body(now, &mut answer[..transmit.len]);
///         }
///         Accepted::Connection(connection) => {
///             connections.insert(flow, Standalone::new(*connection, flow));
///         }
///         Accepted::Nothing => {}
///     }
/// }
/// #     }
/// #     for connection in connections.values_mut() {
/// #         while let Some(transmit) = connection.poll_transmit(now, &mut buf) {
/// #             client.handle_body(now, &mut buf[..transmit.len]);
/// #         }
/// #     }
/// # }
/// # assert!(client.is_connected());
/// # }
/// ```
pub struct Acceptor {
    config: Arc<Config>,
    /// The same for clients that have no valid cookie yet: they get no connection id.
    without_cookie: Arc<Config>,
    rng: Rng,
    cookie_key: Arc<HmacSha256>,
    previous_cookie_key: Option<Arc<HmacSha256>>,
    /// When the next key begins.
    key_ends: Option<Instant>,
    incomplete: VecDeque<Incomplete>,
}

/// A ClientHello of which something has come.
struct Incomplete {
    flow: Flow,
    pieces: Reassembler,
}

/// What became of a datagram.
#[derive(Debug)]
pub enum Accepted {
    /// Send this many bytes of the buffer: a request for a cookie, or why there will be no connection.
    Answer(Transmit),
    /// A client that has proved its address. It has to be polled.
    Connection(Box<Connection>),
    /// It is not the whole of a ClientHello, or comes from an address that no host has.
    Nothing,
}

impl Acceptor {
    /// Connections are made of this configuration; [`Config::cookies`] does not matter.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration of a server.
    pub fn new(config: impl Into<Arc<Config>>, mut rng: Rng) -> Result<Self, ConfigError> {
        let mut config = Arc::unwrap_or_clone(config.into());
        config.check_server()?;
        config.cookies = Cookies::Required;
        let without_cookie = Config {
            connection_ids: None,
            ..config.clone()
        };
        Ok(Self {
            config: Arc::new(config),
            without_cookie: Arc::new(without_cookie),
            cookie_key: CookieKeys::new_key(&mut rng),
            rng,
            previous_cookie_key: None,
            key_ends: None,
            incomplete: VecDeque::new(),
        })
    }

    /// Takes a datagram of somebody who has no connection. An answer is written into `answer`, which should
    /// have room for [`Config::mtu`] bytes.
    pub fn handle_datagram(&mut self, now: Instant, datagram: Datagram<'_>, answer: &mut [u8]) -> Accepted {
        self.change_keys(now);
        let flow = datagram.flow;
        if !flow.is_answerable() {
            return Accepted::Nothing;
        }
        let is_hello = |header: &Header| header.epoch == 0 && header.content_type == ContentType::Handshake;
        let plain = records(datagram.payload)
            .map_while(Result::ok)
            .filter(|record| is_hello(&record.header));
        for record in plain {
            for fragment in fragments(record.fragment).map_while(Result::ok) {
                if fragment.kind == HandshakeType::CLIENT_HELLO
                    && let Some(hello) = self.assemble(flow, &fragment)
                {
                    return self.handle_client_hello(now, flow, &hello, answer);
                }
            }
        }
        Accepted::Nothing
    }

    /// Bytes that are kept of ClientHellos that are not complete: at most 128 KiB.
    pub fn memory(&self) -> usize {
        self.incomplete
            .iter()
            .map(|incomplete| incomplete.pieces.memory())
            .sum()
    }

    fn change_keys(&mut self, now: Instant) {
        let ends = *self.key_ends.get_or_insert(now + COOKIE_KEY_LIFETIME);
        if now >= ends {
            let new = CookieKeys::new_key(&mut self.rng);
            let old = core::mem::replace(&mut self.cookie_key, new);
            // Of a key that ended long ago no cookie counts any more.
            self.previous_cookie_key = (now < ends + COOKIE_KEY_LIFETIME).then_some(old);
            self.key_ends = Some(now + COOKIE_KEY_LIFETIME);
        }
    }

    /// Takes a piece of a ClientHello; the whole, if this was the last.
    fn assemble(&mut self, flow: Flow, fragment: &Fragment<'_>) -> Option<Message> {
        let known = self.incomplete.iter().position(|incomplete| incomplete.flow == flow);
        let known = known.and_then(|index| self.incomplete.remove(index));
        let mut incomplete = known.unwrap_or_else(|| Incomplete {
            flow,
            pieces: Reassembler::new(MAX_HELLO),
        });
        if incomplete.pieces.contradicts(0, fragment) {
            incomplete.pieces.restart(0);
        }
        incomplete.pieces.insert(0, fragment);
        let whole = incomplete.pieces.pop_any(HandshakeType::CLIENT_HELLO);
        if whole.is_none() && !incomplete.pieces.is_empty() {
            if self.incomplete.len() >= MAX_INCOMPLETE {
                self.incomplete.pop_front();
            }
            self.incomplete.push_back(incomplete);
        }
        whole
    }

    fn handle_client_hello(&mut self, now: Instant, flow: Flow, hello: &Message, answer: &mut [u8]) -> Accepted {
        let keys = CookieKeys::shared(self.cookie_key.clone(), self.previous_cookie_key.clone(), flow.remote());
        let mut connection = Connection::listening(self.without_cookie.clone(), self.rng.fork(), keys.clone());
        if has_valid_cookie(&keys, &connection.context(), hello) {
            connection = Connection::listening(self.config.clone(), self.rng.fork(), keys.clone());
        }
        connection.advance_time(now);
        connection.handle_client_hello(keys, hello);
        match connection.state() {
            State::Connecting => Accepted::Connection(Box::new(connection)),
            _ => match connection.write_body(now, answer, Headroom::NONE) {
                Some(len) => Accepted::Answer(Transmit::new(flow, len)),
                None => Accepted::Nothing,
            },
        }
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor")
            .field("incomplete", &self.incomplete.len())
            .finish_non_exhaustive()
    }
}
