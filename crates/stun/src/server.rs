//! Answering binding requests (RFC 8489 §6.3.1, §12).

use alloc::collections::VecDeque;
use core::convert::Infallible;

use pollrtc_core::{Datagram, Flow, Instant, StateMachine, Transmit};

use crate::attribute::AttributeType;
use crate::builder::{BuildError, Builder};
use crate::error_code::ErrorCode;
use crate::header::{Class, Method, TransactionId};
use crate::message::Message;

/// How a [`BindingServer`] answers.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    /// How many answers may wait to be sent; what comes beyond is dropped.
    pub max_queued: usize,
    /// What SOFTWARE says, where the answer has room for it.
    pub software: Option<&'static str>,
}

impl ServerConfig {
    /// The same with so many [answers](Self::max_queued) that may wait.
    #[must_use]
    pub fn with_max_queued(self, max_queued: usize) -> Self {
        Self { max_queued, ..self }
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

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            max_queued: 64,
            software: None,
        }
    }
}

/// A STUN server for the binding method, without credentials: tells each client under which address
/// it is seen.
///
/// It keeps nothing about anyone: a repeated request is answered afresh, with the same answer
/// (RFC 8489 §6.3.1). Anyone can write somebody else's address on a request, so an answer is never
/// more than three times as long as the request. See [`Client`](crate::Client) for an example.
#[derive(Debug)]
pub struct BindingServer {
    config: ServerConfig,
    queue: VecDeque<Answer>,
    stats: ServerStats,
}

/// What a [`BindingServer`] did, and what it dropped and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerStats {
    /// Requests that got or will get their address.
    pub granted: u64,
    /// Requests that got or will get a 420: they have attributes that are not known here.
    pub refused_unknown_attribute: u64,
    /// Binding indications, which ask for nothing.
    pub indications: u64,
    /// Dropped: not a STUN message.
    pub dropped_malformed: u64,
    /// Dropped: FINGERPRINT is wrong.
    pub dropped_fingerprint: u64,
    /// Dropped: a response, or another method than binding.
    pub dropped_unexpected: u64,
    /// Dropped: the source is no address that can be answered.
    pub dropped_source: u64,
    /// Dropped: too many answers wait to be sent.
    pub dropped_queue_full: u64,
}

impl BindingServer {
    /// A server with an empty queue.
    pub fn new(config: ServerConfig) -> Self {
        Self {
            config,
            queue: VecDeque::new(),
            stats: ServerStats::default(),
        }
    }

    /// How many answers wait to be sent.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Counters since the beginning.
    pub fn stats(&self) -> ServerStats {
        self.stats
    }
}

impl StateMachine for BindingServer {
    type Event = Infallible;
    type Received<'d> = ();

    fn handle_datagram(&mut self, _now: Instant, datagram: Datagram<'_>) {
        let Ok(message) = Message::parse(datagram.payload) else {
            self.stats.dropped_malformed += 1;
            return;
        };
        let fingerprint = message.verify_fingerprint();
        if fingerprint == Some(false) {
            self.stats.dropped_fingerprint += 1;
            return;
        }
        match (message.class(), message.method()) {
            (Class::Request, Method::BINDING) => {}
            (Class::Indication, Method::BINDING) => {
                self.stats.indications += 1;
                return;
            }
            _ => {
                self.stats.dropped_unexpected += 1;
                return;
            }
        }
        if !datagram.flow.is_answerable() {
            self.stats.dropped_source += 1;
            return;
        }
        if self.queue.len() >= self.config.max_queued {
            self.stats.dropped_queue_full += 1;
            return;
        }
        let unknown = UnknownTypes::of(&message);
        if unknown.is_empty() {
            self.stats.granted += 1;
        } else {
            self.stats.refused_unknown_attribute += 1;
        }
        self.queue.push_back(Answer {
            // RFC 8489 §6.3.1.2: the answer leaves from where the request arrived.
            flow: datagram.flow,
            id: message.transaction_id(),
            unknown,
            fingerprint: fingerprint.is_some(),
            max_len: message.as_bytes().len().saturating_mul(AMPLIFICATION_LIMIT),
        });
    }

    fn handle_timeout(&mut self, _now: Instant) {}

    fn poll_transmit(&mut self, _now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        let answer = self.queue.front()?;
        let len = answer.write(self.config.software, buf)?;
        let transmit = Transmit::new(answer.flow, len);
        self.queue.pop_front();
        Some(transmit)
    }

    fn poll_event(&mut self) -> Option<Infallible> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

/// An answer that waits to be sent, as little of it as says everything.
#[derive(Debug)]
struct Answer {
    flow: Flow,
    id: TransactionId,
    unknown: UnknownTypes,
    fingerprint: bool,
    max_len: usize,
}

impl Answer {
    /// Writes the answer; `None` if it does not fit into `buf`.
    fn write(&self, software: Option<&str>, buf: &mut [u8]) -> Option<usize> {
        // SOFTWARE is a courtesy: it goes where it would make the answer too long, or is too long itself.
        match self.build(software, buf) {
            Ok(len) if len <= self.max_len => Some(len),
            Err(BuildError::BufferTooSmall { needed }) if needed <= self.max_len => None,
            _ => self.build(None, buf).ok(),
        }
    }

    fn build(&self, software: Option<&str>, buf: &mut [u8]) -> Result<usize, BuildError> {
        let mut builder = if self.unknown.is_empty() {
            Builder::new(buf, Class::SuccessResponse, Method::BINDING, self.id).xor_mapped_address(self.flow.remote())
        } else {
            let code = ErrorCode::UNKNOWN_ATTRIBUTE;
            Builder::new(buf, Class::ErrorResponse, Method::BINDING, self.id)
                .error_code(code, ErrorCode::reason(code))
                .unknown_attributes(self.unknown.iter())
        };
        if let Some(software) = software {
            builder = builder.software(software);
        }
        if self.fingerprint {
            builder = builder.fingerprint();
        }
        builder.finish()
    }
}

/// The first few distinct types that are not known here: enough to tell the client what to leave
/// out, and a bound for what a stranger can make us keep.
#[derive(Debug, Default)]
struct UnknownTypes {
    types: [AttributeType; Self::MAX],
    len: usize,
}

impl UnknownTypes {
    const MAX: usize = 16;

    fn of(message: &Message<'_>) -> Self {
        let mut unknown = Self::default();
        for kind in message.unknown_comprehension_required() {
            if unknown.iter().any(|known| known == kind) {
                continue;
            }
            let Some(slot) = unknown.types.get_mut(unknown.len) else {
                break;
            };
            *slot = kind;
            unknown.len += 1;
        }
        unknown
    }

    fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn iter(&self) -> impl Iterator<Item = AttributeType> {
        self.types.iter().copied().take(self.len)
    }
}

/// An answer is at most this many times as long as its request.
const AMPLIFICATION_LIMIT: usize = 3;
