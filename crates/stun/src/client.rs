//! Asking a server for the reflexive address (RFC 8489 §6, §12).

use core::net::SocketAddr;
use core::time::Duration;

use pollrtc_core::{Datagram, Flow, Instant, StateMachine, Transmit};
use pollrtc_crypto::Rng;
use thiserror::Error;

use crate::attribute::{Attribute, AttributeType};
use crate::builder::Builder;
use crate::header::{Class, Method, TransactionId};
use crate::message::Message;
use crate::transaction::{ClientTransaction, Retransmission, TimeoutAction};

/// What a [`Client`] sends and how long it tries.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ClientConfig {
    /// How long and how often a request is sent.
    pub retransmission: Retransmission,
    /// Whether requests carry a FINGERPRINT and responses must: for a socket on which other
    /// protocols speak too (RFC 8489 §7).
    pub fingerprint: bool,
    /// What SOFTWARE says; at most 508 bytes, what is longer is left out.
    pub software: Option<&'static str>,
}

impl ClientConfig {
    /// The same with other times; [`Retransmission::RELIABLE`] on a stream.
    #[must_use]
    pub fn with_retransmission(self, retransmission: Retransmission) -> Self {
        Self { retransmission, ..self }
    }

    /// The same with [FINGERPRINT](Self::fingerprint).
    #[must_use]
    pub fn with_fingerprint(self) -> Self {
        Self {
            fingerprint: true,
            ..self
        }
    }

    /// The same with [SOFTWARE](Self::software).
    #[must_use]
    pub fn with_software(self, software: &'static str) -> Self {
        Self {
            software: Some(software),
            ..self
        }
    }
}

/// A client of a STUN server: asks for the address under which the server sees the other end of a flow.
///
/// The first request leaves with the first `poll_transmit`; each request ends in one
/// [`ClientEvent`], of which the latest is kept. [`request`](Self::request) asks again.
///
/// ```
/// use pollrtc_stun::{BindingServer, Client, ClientConfig, ClientEvent, Datagram, Flow, Instant, Rng, ServerConfig, StateMachine};
///
/// let (ours, theirs) = ("192.0.2.1:5000".parse()?, "198.51.100.1:3478".parse()?);
/// let mut client = Client::new(ClientConfig::default(), Flow::udp(theirs), Rng::from_seed([7; 32]));
/// let mut server = BindingServer::new(ServerConfig::default());
///
/// let (now, mut buf) = (Instant::ZERO, [0; 1500]);
/// let request = client.poll_transmit(now, &mut buf).unwrap();
/// server.handle_datagram(now, Datagram::udp(ours, &mut buf[..request.len]));
/// let response = server.poll_transmit(now, &mut buf).unwrap();
/// client.handle_datagram(now, Datagram::udp(theirs, &mut buf[..response.len]));
///
/// let Some(ClientEvent::MappedAddress { address, .. }) = client.poll_event() else { panic!() };
/// assert_eq!(address, ours);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    flow: Flow,
    rng: Rng,
    state: State,
    event: Option<ClientEvent>,
    stats: ClientStats,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// The server sees us at this address.
    MappedAddress {
        /// The reflexive address.
        address: SocketAddr,
        /// How long the answer took, if the request was sent once.
        round_trip_time: Option<Duration>,
    },
    /// The request failed.
    Failed(RequestFailure),
}

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestFailure {
    /// No response came.
    #[error("the server did not answer")]
    TimedOut,
    /// The server said no, with this error code.
    #[error("the server refused with error {0}")]
    Refused(u16),
    /// The response can't be understood: it requires attributes that are not known here, or lacks
    /// the one that it is about.
    #[error("the server's answer can't be understood")]
    NotUnderstood,
}

/// What a [`Client`] has sent, and what it dropped and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientStats {
    /// Requests sent, retransmissions among them.
    pub requests_sent: u64,
    /// Responses that ended a request.
    pub responses: u64,
    /// Dropped: not from the server, or not by this flow.
    pub dropped_other_source: u64,
    /// Dropped: not a STUN message.
    pub dropped_malformed: u64,
    /// Dropped: not a response to a request that is under way.
    pub dropped_unexpected: u64,
    /// Dropped: FINGERPRINT is wrong, or missing where it is required.
    pub dropped_fingerprint: u64,
}

impl Client {
    /// A client that wants to ask the server at the other end of `flow`. The generator draws the transaction ids.
    pub fn new(config: ClientConfig, flow: Flow, mut rng: Rng) -> Self {
        let id = TransactionId::random(&mut rng);
        Self {
            config,
            flow,
            rng,
            state: State::Ready { id },
            event: None,
            stats: ClientStats::default(),
        }
    }

    /// Asks again, with a new transaction: to learn of a new address, or to keep a NAT's binding
    /// open. A request that is under way is given up without an event.
    pub fn request(&mut self) {
        let id = TransactionId::random(&mut self.rng);
        self.state = State::Ready { id };
    }

    /// The way to the server.
    pub fn flow(&self) -> Flow {
        self.flow
    }

    /// Counters since the beginning.
    pub fn stats(&self) -> ClientStats {
        self.stats
    }

    fn write_request(&self, id: TransactionId, buf: &mut [u8]) -> Option<usize> {
        let mut builder = Builder::new(buf, Class::Request, Method::BINDING, id);
        if let Some(software) = self.config.software.filter(|text| text.len() <= 508) {
            builder = builder.software(software);
        }
        if self.config.fingerprint {
            builder = builder.fingerprint();
        }
        builder.finish().ok()
    }

    /// RFC 8489 §6.3: what has to be right before a response counts.
    fn is_fingerprint_right(&self, message: &Message<'_>) -> bool {
        message.verify_fingerprint().unwrap_or(!self.config.fingerprint)
    }
}

impl StateMachine for Client {
    type Event = ClientEvent;
    type Received<'d> = ();

    fn handle_datagram(&mut self, now: Instant, datagram: Datagram<'_>) {
        if !is_same_way(datagram.flow, self.flow) {
            self.stats.dropped_other_source += 1;
            return;
        }
        let Ok(message) = Message::parse(datagram.payload) else {
            self.stats.dropped_malformed += 1;
            return;
        };
        let State::Waiting { transaction, .. } = &self.state else {
            self.stats.dropped_unexpected += 1;
            return;
        };
        let is_answer = matches!(message.class(), Class::SuccessResponse | Class::ErrorResponse)
            && message.method() == Method::BINDING
            && message.transaction_id() == transaction.id();
        if !is_answer {
            self.stats.dropped_unexpected += 1;
            return;
        }
        if !self.is_fingerprint_right(&message) {
            self.stats.dropped_fingerprint += 1;
            return;
        }
        self.event = Some(outcome(&message, transaction.round_trip_time(now)));
        self.stats.responses += 1;
        self.state = State::Done;
    }

    fn handle_timeout(&mut self, now: Instant) {
        let State::Waiting { transaction, due } = &mut self.state else {
            return;
        };
        match transaction.handle_timeout(now) {
            TimeoutAction::Nothing => {}
            TimeoutAction::Retransmit => *due = true,
            TimeoutAction::TimedOut => {
                self.event = Some(ClientEvent::Failed(RequestFailure::TimedOut));
                self.state = State::Done;
            }
        }
    }

    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        let id = match &self.state {
            State::Ready { id } => *id,
            State::Waiting { transaction, due: true } => transaction.id(),
            _ => return None,
        };
        let len = self.write_request(id, buf)?;
        if let State::Waiting { due, .. } = &mut self.state {
            *due = false;
        } else {
            let transaction = ClientTransaction::new(now, id, self.config.retransmission);
            self.state = State::Waiting {
                transaction,
                due: false,
            };
        }
        self.stats.requests_sent += 1;
        Some(Transmit::new(self.flow, len))
    }

    fn poll_event(&mut self) -> Option<ClientEvent> {
        self.event.take()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Waiting { transaction, .. } => transaction.poll_timeout(),
            State::Ready { .. } | State::Done => None,
        }
    }
}

#[derive(Debug)]
enum State {
    /// The request wants to be sent.
    Ready { id: TransactionId },
    /// The request was sent; `due` if it wants to be sent again.
    Waiting { transaction: ClientTransaction, due: bool },
    /// The request has ended.
    Done,
}

/// Whether what came by `flow` came the `way` that we asked: a caller with one address need not name it.
fn is_same_way(flow: Flow, way: Flow) -> bool {
    let is_named_differently = flow.local().zip(way.local()).is_some_and(|(a, b)| a != b);
    !is_named_differently && flow.remote() == way.remote() && flow.protocol() == way.protocol()
}

/// What an answer to our request says (RFC 8489 §6.3.3, §6.3.4).
fn outcome(message: &Message<'_>, round_trip_time: Option<Duration>) -> ClientEvent {
    let understood = message.unknown_comprehension_required().next().is_none();
    let failure = match (message.class(), message.error_code()) {
        _ if !understood => RequestFailure::NotUnderstood,
        (Class::ErrorResponse, Some((code, _))) => RequestFailure::Refused(code),
        (Class::SuccessResponse, _) => match mapped_address(message) {
            Some(address) => {
                return ClientEvent::MappedAddress {
                    address,
                    round_trip_time,
                };
            }
            None => RequestFailure::NotUnderstood,
        },
        _ => RequestFailure::NotUnderstood,
    };
    ClientEvent::Failed(failure)
}

/// XOR-MAPPED-ADDRESS; failing that, MAPPED-ADDRESS, which is all that some old servers send.
fn mapped_address(message: &Message<'_>) -> Option<SocketAddr> {
    message
        .xor_mapped_address()
        .or_else(|| match message.attribute(AttributeType::MAPPED_ADDRESS) {
            Some(Attribute::MappedAddress(address)) => Some(address),
            _ => None,
        })
}
