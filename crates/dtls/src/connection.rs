//! The connection as its caller sees it.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use pollrtc_core::{Datagram, Instant, StateMachine, Transmit};
use pollrtc_crypto::Rng;

use crate::acks::Acks;
use crate::config::Config;
use crate::error::{CloseReason, ExportError, HandshakeError, SendError};
use crate::flight::Flight;
use crate::handshake::{Client, Context, Established, Secrets, Server, Welcome};
use crate::outbox::Outbox;
use crate::reassembly::Reassembler;
use crate::received::ApplicationData;
use crate::records::{MAX_PREFIX_LEN, MAX_SUFFIX_LEN, RecordLayer, WriteError};
use crate::stats::Stats;
use crate::v13::KeyUpdateRequest;
use crate::wire::record::MAX_PLAINTEXT_LEN;
use crate::wire::{AlertDescription, AlertLevel, CipherSuite, ContentType, SrtpProfile, Version};

/// The smallest datagram that a fragment of a handshake message is cut for.
const MIN_MTU: usize = 64;

/// Bytes of ClientHellos that are kept beside the one that is answered.
const MAX_RIVALS: usize = 4096;

/// What the application should know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The handshake is complete, the peer is who it should be, and data may flow.
    Connected {
        /// The version that both speak.
        version: Version,
        /// What encrypts and authenticates.
        cipher_suite: CipherSuite,
        /// The SRTP profile, if both have one in common.
        srtp_profile: Option<SrtpProfile>,
    },
    /// Application data that overtook the end of the handshake on the network and had to wait for
    /// it. All later data comes out of [`handle_datagram`](StateMachine::handle_datagram) itself.
    ApplicationData(Vec<u8>),
    /// As a server: a ClientHello came that we can't agree with. It was refused with an alert, and we
    /// wait for another one, since anyone could have sent this one.
    ClientHelloRefused(HandshakeError),
    /// The connection is over; nothing follows.
    Closed(CloseReason),
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// A server that has no acceptable ClientHello yet.
    Listening,
    /// The handshake is under way.
    Connecting,
    /// Data may flow.
    Connected,
    /// It is over.
    Closed,
}

/// One DTLS connection, client or server.
///
/// It is a [`StateMachine`]: datagrams go in with `handle_datagram`, which gives back the
/// application's data decrypted in place, and come out of `poll_transmit`.
///
/// ```
/// # #[cfg(feature = "aws-lc-rs")] {
/// use pollrtc_core::{Datagram, Instant, StateMachine};
/// use pollrtc_crypto::{Certificate, HashAlgorithm, Rng, default_provider};
/// use pollrtc_dtls::{Config, Connection, PeerVerification};
///
/// let mut rng = Rng::from_os();
/// let ours = Certificate::generate(default_provider(), &mut rng).unwrap();
/// let theirs = Certificate::generate(default_provider(), &mut rng).unwrap();
/// let knows = |peer: &Certificate| PeerVerification::Fingerprints(vec![peer.fingerprint(HashAlgorithm::Sha256)]);
///
/// let (a, b) = ("192.0.2.1:4000".parse().unwrap(), "192.0.2.2:4000".parse().unwrap());
/// let mut client = Connection::client(Config::new(ours.clone(), knows(&theirs)), rng.fork(), b);
/// let mut server = Connection::server(Config::new(theirs, knows(&ours)), rng.fork(), a);
///
/// let (now, mut buf) = (Instant::ZERO, [0; 1500]);
/// while !(client.is_connected() && server.is_connected()) {
///     while let Some(transmit) = client.poll_transmit(now, &mut buf) {
///         server.handle_datagram(now, Datagram::udp(a, &mut buf[..transmit.len]));
///     }
///     while let Some(transmit) = server.poll_transmit(now, &mut buf) {
///         client.handle_datagram(now, Datagram::udp(b, &mut buf[..transmit.len]));
///     }
/// }
///
/// client.send(b"hello").unwrap();
/// let transmit = client.poll_transmit(now, &mut buf).unwrap();
/// let mut received = server.handle_datagram(now, Datagram::udp(a, &mut buf[..transmit.len]));
/// assert_eq!(received.next().unwrap(), b"hello");
/// # }
/// ```
pub struct Connection {
    pub(crate) config: Arc<Config>,
    pub(crate) is_client: bool,
    pub(crate) rng: Rng,
    remote: SocketAddr,
    mtu: usize,
    /// The latest time that any call told.
    pub(crate) now: Instant,
    pub(crate) phase: Phase,
    pub(crate) records: RecordLayer,
    pub(crate) reassembler: Reassembler,
    /// Pieces of ClientHellos that come after the first.
    pub(crate) rivals: Reassembler,
    pub(crate) flight: Flight,
    pub(crate) acks: Acks,
    pub(crate) outbox: Outbox,
    pub(crate) held: Held,
    pub(crate) events: VecDeque<Event>,
    pub(crate) handshake_deadline: Option<Instant>,
    /// When the keys of epochs before the newest are forgotten.
    pub(crate) previous_epochs_until: Option<Instant>,
    pub(crate) stats: Stats,
}

/// A phase and the data that only it has.
pub(crate) enum Phase {
    Listening(Welcome),
    Client(Client),
    /// As long as the client has not answered, another ClientHello may take the place of the first.
    Server(Server, Welcome),
    Connected(Established),
    Closed,
}

/// Records of the next epoch that came before their time.
#[derive(Default)]
pub(crate) struct Held {
    records: Vec<Vec<u8>>,
    bytes: usize,
}

impl Held {
    /// As much as a few large datagrams may hold.
    const MAX_RECORDS: usize = 16;
    const MAX_BYTES: usize = 8 * 1024;

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// `false` if there is no room.
    pub(crate) fn push(&mut self, record: &[u8]) -> bool {
        let fits = self.records.len() < Self::MAX_RECORDS && self.bytes + record.len() <= Self::MAX_BYTES;
        if fits {
            self.bytes += record.len();
            self.records.push(record.to_vec());
        }
        fits
    }

    /// Everything, in the order in which it came.
    pub(crate) fn take(&mut self) -> Vec<Vec<u8>> {
        self.bytes = 0;
        core::mem::take(&mut self.records)
    }
}

impl Connection {
    /// A client, which speaks first: its ClientHello comes out of the first `poll_transmit`.
    pub fn client(config: impl Into<Arc<Config>>, rng: Rng, remote: SocketAddr) -> Self {
        let mut connection = Self::new(config.into(), rng, remote);
        connection.is_client = true;
        let client = Client::start(&mut connection.context());
        connection.phase = Phase::Client(client);
        connection
    }

    /// A server, which waits for a ClientHello.
    pub fn server(config: impl Into<Arc<Config>>, rng: Rng, remote: SocketAddr) -> Self {
        let mut connection = Self::new(config.into(), rng, remote);
        let welcome = Welcome::new(&connection.config, &mut connection.rng, remote);
        connection.phase = Phase::Listening(welcome);
        connection
    }

    fn new(config: Arc<Config>, rng: Rng, remote: SocketAddr) -> Self {
        Self {
            mtu: config.mtu.max(MIN_MTU),
            flight: Flight::new(config.initial_rto, config.max_rto),
            reassembler: Reassembler::new(config.max_reassembly),
            rivals: Reassembler::new(MAX_RIVALS),
            config,
            is_client: false,
            rng,
            remote,
            now: Instant::ZERO,
            phase: Phase::Closed,
            records: RecordLayer::default(),
            acks: Acks::default(),
            outbox: Outbox::default(),
            held: Held::default(),
            events: VecDeque::new(),
            handshake_deadline: None,
            previous_epochs_until: None,
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

    /// The peer's address, to which everything is sent.
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// From here on, send to this address: the path has changed.
    pub fn set_remote(&mut self, remote: SocketAddr) {
        self.remote = remote;
    }

    /// Bytes of a record before the payload: where the payload stands for [`seal`](Self::seal).
    /// Before the handshake is complete it is the most that it can be.
    pub fn record_prefix(&self) -> usize {
        match &self.phase {
            Phase::Connected(established) => self.records.prefix_len(established.application_epoch()),
            _ => MAX_PREFIX_LEN,
        }
    }

    /// Bytes of a record after the payload. Before the handshake is complete it is the most that it
    /// can be.
    pub fn record_suffix(&self) -> usize {
        match &self.phase {
            Phase::Connected(established) => self.records.suffix_len(established.application_epoch()),
            _ => MAX_SUFFIX_LEN,
        }
    }

    /// Encrypts in place the payload that stands at `buf[record_prefix()..][..payload_len]`, and
    /// gives back the length of the datagram, which begins at `buf[0]`. Nothing is copied, queued
    /// or allocated; the caller sends it.
    pub fn seal(&mut self, buf: &mut [u8], payload_len: usize) -> Result<usize, SendError> {
        let epoch = self.check_sendable(payload_len)?;
        let sealed = self
            .records
            .write(epoch, ContentType::ApplicationData, buf, payload_len);
        self.sent(sealed)
    }

    /// Encrypts a copy of the payload and queues it for `poll_transmit`.
    pub fn send(&mut self, payload: &[u8]) -> Result<(), SendError> {
        let epoch = self.check_sendable(payload.len())?;
        let datagram_len = self.record_prefix() + payload.len() + self.record_suffix();
        if self.outbox.len() + datagram_len > self.config.max_send_queue {
            return Err(SendError::QueueFull);
        }
        let sealed = self.records.write_alone(epoch, ContentType::ApplicationData, payload);
        let datagram = self.sent(sealed)?;
        self.outbox.push(datagram);
        Ok(())
    }

    /// Says goodbye and ends the connection.
    pub fn close(&mut self, now: Instant) {
        self.close_with(now, AlertLevel::Warning, AlertDescription::CLOSE_NOTIFY);
    }

    /// Ends the connection with a fatal alert, for reasons that only the caller knows.
    pub fn abort(&mut self, now: Instant, alert: AlertDescription) {
        self.close_with(now, AlertLevel::Fatal, alert);
    }

    fn close_with(&mut self, now: Instant, level: AlertLevel, description: AlertDescription) {
        self.advance_time(now);
        let alert = match self.phase {
            Phase::Listening(_) => None,
            _ => Some((level, description)),
        };
        self.end(CloseReason::Local, alert);
    }

    /// Keys for others, such as SRTP, which both ends derive alike (RFC 5705, RFC 8446 §7.5). In DTLS
    /// 1.2 no context and an empty one give different keys.
    pub fn export_keying_material(
        &self,
        label: &str,
        context: Option<&[u8]>,
        out: &mut [u8],
    ) -> Result<(), ExportError> {
        let Phase::Connected(established) = &self.phase else {
            return Err(ExportError::NotConnected);
        };
        established.export(self.config.provider, label, context, out)
    }

    /// The SRTP profile, once connected, if both have one in common.
    pub fn srtp_profile(&self) -> Option<SrtpProfile> {
        match &self.phase {
            Phase::Connected(established) => established.agreed.srtp_profile,
            _ => None,
        }
    }

    /// The protocol of the application (RFC 7301), once connected, if one was negotiated.
    pub fn application_protocol(&self) -> Option<&[u8]> {
        match &self.phase {
            Phase::Connected(established) => established.agreed.application_protocol.as_deref(),
            _ => None,
        }
    }

    /// The most bytes that one record can carry to this peer (RFC 8449), once connected.
    pub fn max_payload(&self) -> usize {
        match &self.phase {
            Phase::Connected(established) => self.records.max_content(established.application_epoch()),
            _ => MAX_PLAINTEXT_LEN,
        }
    }

    /// The cipher suite, once connected.
    pub fn cipher_suite(&self) -> Option<CipherSuite> {
        match &self.phase {
            Phase::Connected(established) => Some(established.cipher_suite()),
            _ => None,
        }
    }

    /// The DER of the peer's certificate, once connected; an anonymous client has none.
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        match &self.phase {
            Phase::Connected(established) => {
                Some(&established.peer_certificate[..]).filter(|certificate| !certificate.is_empty())
            }
            _ => None,
        }
    }

    /// New keys for what we send, in DTLS 1.3 (RFC 9147 §8), and if [requested](KeyUpdateRequest) for
    /// what the peer sends too. It happens by itself in time before a key is worn out. In DTLS 1.2 and
    /// before the handshake is complete it does nothing.
    ///
    /// # Errors
    ///
    /// [`SendError::SequenceExhausted`] if there were 2^16 epochs or messages already.
    pub fn update_keys(&mut self, request: KeyUpdateRequest) -> Result<(), SendError> {
        if let Phase::Connected(established) = &mut self.phase
            && let Secrets::V13(secrets) = &mut established.secrets
        {
            if !secrets.can_update() {
                return Err(SendError::SequenceExhausted);
            }
            secrets.want_update(request);
            secrets.update(&mut self.flight);
        }
        Ok(())
    }

    /// The most bytes of a datagram with handshake messages, from the next one on. Values below 64
    /// count as 64.
    pub fn set_mtu(&mut self, mtu: usize) {
        self.mtu = mtu.max(MIN_MTU);
    }

    /// How long a packet takes to the peer and back, as far as the caller knows, from ICE for
    /// example: we wait one and a half times as long for the answer to a flight, but at least 50 ms
    /// and at first at most 3 s. Timers that run change too.
    pub fn set_round_trip_time(&mut self, round_trip_time: Duration) {
        self.flight.set_round_trip_time(round_trip_time);
    }

    /// Bytes that are kept because of what the peer (or anyone who pretends to be it) sent: handshake
    /// messages, its certificate, records that came too early. Never more than 40 KiB beyond
    /// [`Config::max_reassembly`], so 64 KiB by default.
    pub fn memory(&self) -> usize {
        let certificate = match &self.phase {
            Phase::Connected(established) => established.peer_certificate.len(),
            _ => 0,
        };
        let early = self.events.iter().map(|event| match event {
            Event::ApplicationData(data) => data.len(),
            _ => 0,
        });
        self.reassembler.memory() + self.rivals.memory() + self.held.bytes + certificate + early.sum::<usize>()
    }

    /// What was counted.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// The epoch to send in.
    fn check_sendable(&self, payload_len: usize) -> Result<u16, SendError> {
        match &self.phase {
            Phase::Connected(_) if payload_len > self.max_payload() => Err(SendError::TooLong),
            Phase::Connected(established) => Ok(established.application_epoch()),
            Phase::Closed => Err(SendError::Closed),
            _ => Err(SendError::NotConnected),
        }
    }

    /// Counts an application record, and ends the connection when no more may follow.
    fn sent<T>(&mut self, sealed: Result<T, WriteError>) -> Result<T, SendError> {
        if self.records.is_exhausted() {
            self.end(
                CloseReason::SequenceExhausted,
                Some((AlertLevel::Warning, AlertDescription::CLOSE_NOTIFY)),
            );
            return Err(SendError::SequenceExhausted);
        }
        let record = sealed.map_err(|error| match error {
            WriteError::BufferTooShort => SendError::BufferTooShort,
            WriteError::SequenceExhausted => SendError::SequenceExhausted,
            WriteError::Crypto => SendError::Provider,
        })?;
        self.stats.sent += 1;
        if self.records.wants_key_update() {
            // Without new ones, the old ones last for as long again.
            let _ = self.update_keys(KeyUpdateRequest::NotRequested);
        }
        Ok(record)
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
            outbox: &mut self.outbox,
        }
    }

    /// Answers with an alert, encrypted if our encrypted epoch has begun.
    pub(crate) fn alert(&mut self, level: AlertLevel, description: AlertDescription) {
        if let Some(record) = self.alert_record(level, description) {
            self.outbox.reply(record);
        }
    }

    fn alert_record(&mut self, level: AlertLevel, description: AlertDescription) -> Option<Vec<u8>> {
        let epoch = self.records.write_epoch();
        let content = [level as u8, description.0];
        self.records.write_alone(epoch, ContentType::Alert, &content).ok()
    }

    /// The end: tells both sides why, wipes all keys and forgets everything that is not on its way.
    pub(crate) fn end(&mut self, reason: CloseReason, alert: Option<(AlertLevel, AlertDescription)>) {
        if !matches!(self.phase, Phase::Closed) {
            self.finish(reason, alert);
        }
    }

    /// The end, for a phase that is already over.
    pub(crate) fn finish(&mut self, reason: CloseReason, alert: Option<(AlertLevel, AlertDescription)>) {
        if let Some(record) = alert.and_then(|(level, description)| self.alert_record(level, description)) {
            self.outbox.push(record);
        }
        self.phase = Phase::Closed;
        self.records = RecordLayer::default();
        self.flight.finish();
        self.acks.clear();
        self.reassembler.restart(0);
        self.rivals.restart(0);
        self.held = Held::default();
        self.handshake_deadline = None;
        self.events.push_back(Event::Closed(reason));
    }
}

impl StateMachine for Connection {
    type Event = Event;
    type Received<'d> = ApplicationData<'d>;

    fn handle_datagram<'d>(&mut self, now: Instant, datagram: Datagram<'d>) -> ApplicationData<'d> {
        self.advance_time(now);
        self.receive(datagram.payload)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.advance_time(now);
        if self.handshake_deadline.is_some_and(|deadline| deadline <= self.now) {
            self.handshake_deadline = None;
            // Whoever said hello has not answered our HelloRetryRequest; somebody else may say hello.
            if matches!(self.phase, Phase::Listening(_)) {
                return self.flight.finish();
            }
            // A peer that sends data has our last flight, even if it never says so.
            if !self.is_connected() || self.stats.received == 0 {
                return self.end(CloseReason::Timeout, None);
            }
            self.flight.finish();
        }
        self.acks.handle_timeout(self.now, self.flight.ack_delay());
        if self.flight.handle_timeout(self.now) {
            self.stats.flights_resent += 1;
        }
    }

    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.advance_time(now);
        let limit = self.mtu.min(buf.len());
        let datagram = buf.get_mut(..limit)?;
        if let Some(len) = self
            .acks
            .poll(self.now, self.flight.ack_delay(), &mut self.records, datagram)
        {
            return Some(Transmit::udp(self.remote, len));
        }
        if let Some(len) = self.flight.pack(self.now, &mut self.records, datagram) {
            if matches!(self.phase, Phase::Client(_)) && self.handshake_deadline.is_none() {
                self.handshake_deadline = Some(self.now + self.config.handshake_timeout);
            }
            return Some(Transmit::udp(self.remote, len));
        }
        let len = self.outbox.poll(buf)?;
        Some(Transmit::udp(self.remote, len))
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let ack_deadline = self.acks.deadline(self.flight.ack_delay());
        let deadlines = [self.flight.deadline(), ack_deadline, self.handshake_deadline];
        // A deadline at the end of time never comes.
        let due = deadlines.into_iter().flatten().min();
        due.filter(|due| *due < Instant::FAR_FUTURE)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("state", &self.state())
            .field("remote", &self.remote)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}
