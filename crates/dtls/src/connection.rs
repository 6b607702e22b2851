//! The connection as its caller sees it.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use pollrtc_core::{Datagram, Instant, StateMachine, Transmit};
use pollrtc_crypto::{NamedGroup, Rng};

use crate::acks::Acks;
use crate::client_hellos::ClientHellos;
use crate::config::Config;
use crate::connection_ids::ConnectionIds;
use crate::error::{CloseReason, ConfigError, ConnectionIdError, ExportError, HandshakeError, SendError};
use crate::flight::Flight;
use crate::handshake::{Client, Context, Established, Listener, Secrets, Server};
use crate::outbox::Outbox;
use crate::reassembly::Reassembler;
use crate::received::ApplicationData;
use crate::records::{MAX_SUFFIX_LEN, RecordLayer, WriteError};
use crate::stats::Stats;
use crate::v13::KeyUpdateRequest;
use crate::wire::record::MAX_PLAINTEXT_LEN;
use crate::wire::v13::ConnectionIdUsage;
use crate::wire::{AlertDescription, AlertLevel, CipherSuite, ContentType, SrtpProfile, Version};

/// The smallest datagram that a fragment of a handshake message is cut for.
const MIN_MTU: usize = 64;

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
        /// Whether the peer proved that it has the key of a certificate that
        /// [`Config::peer`] named or took. Not if that accepts anyone, or if the peer showed no certificate.
        is_peer_authenticated: bool,
    },
    /// The peer's newest record came from another address than those before. It proves nothing but that
    /// somebody passed on what the peer sent: see [`Connection::set_remote`]. Only where the peer's
    /// records have a connection id.
    PeerAddressChanged(SocketAddr),
    /// Other connection ids of ours are valid than before: see [`Connection::connection_ids`].
    ConnectionIdsChanged,
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
/// let mut client = Connection::client(Config::new(ours.clone(), knows(&theirs)), rng.fork(), b).unwrap();
/// let mut server = Connection::server(Config::new(theirs, knows(&ours)), rng.fork(), a).unwrap();
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
    /// Where the peer's newest record came from, where connection ids tell which one that is.
    pub(crate) heard_from: SocketAddr,
    mtu: usize,
    /// The latest time that any call told.
    pub(crate) now: Instant,
    pub(crate) phase: Phase,
    pub(crate) records: RecordLayer,
    pub(crate) reassembler: Reassembler,
    /// As a server: what is known of ClientHellos beside the one that is put together.
    pub(crate) hellos: ClientHellos,
    pub(crate) flight: Flight,
    pub(crate) acks: Acks,
    pub(crate) outbox: Outbox,
    pub(crate) held: Held,
    pub(crate) events: VecDeque<Event>,
    pub(crate) handshake_deadline: Option<Instant>,
    /// Until when a server waits for a ClientHello.
    client_hello_deadline: Option<Instant>,
    /// Why the last ClientHello was refused, at a server that still waits for another one.
    pub(crate) refusal: Option<HandshakeError>,
    /// What may be why the handshake does not go on.
    pub(crate) suspicion: Option<Suspicion>,
    /// When the keys of epochs before the newest are forgotten.
    pub(crate) previous_epochs_until: Option<Instant>,
    pub(crate) stats: Stats,
}

/// A phase and the data that only it has.
pub(crate) enum Phase {
    Listening(Listener),
    Client(Client),
    /// As long as the client has not answered, another ClientHello may take the place of the first.
    Server(Server, Listener),
    Connected(Established),
    Closed,
}

/// What anyone may have sent that would explain why a handshake does not go on: believed when it has not
/// gone on for a while, and forgotten when it does.
pub(crate) struct Suspicion {
    reason: CloseReason,
    /// When it is believed; `None` for when the handshake's time is over.
    deadline: Option<Instant>,
}

/// How long a handshake has to go on when an alert says that the peer has given up, at least. Longer where
/// it takes longer to send a flight three times again.
const ALERT_PATIENCE: Duration = Duration::from_secs(3);

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
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration.
    pub fn client(config: impl Into<Arc<Config>>, rng: Rng, remote: SocketAddr) -> Result<Self, ConfigError> {
        let config = config.into();
        config.check(true)?;
        let mut connection = Self::new(config, rng, remote);
        connection.is_client = true;
        let client = Client::start(&mut connection.context());
        connection.phase = Phase::Client(client);
        Ok(connection)
    }

    /// A server, which waits for a ClientHello. One that has many clients on a socket lets an
    /// [`Acceptor`](crate::Acceptor) make it.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration.
    pub fn server(config: impl Into<Arc<Config>>, rng: Rng, remote: SocketAddr) -> Result<Self, ConfigError> {
        let config = config.into();
        config.check(false)?;
        let mut connection = Self::new(config, rng, remote);
        let listener = Listener::new(&connection.config, &mut connection.rng, remote);
        connection.phase = Phase::Listening(listener);
        Ok(connection)
    }

    /// A server whose cookies somebody else has made; the configuration is checked.
    pub(crate) fn listening(config: Arc<Config>, rng: Rng, remote: SocketAddr, listener: Listener) -> Self {
        let mut connection = Self::new(config, rng, remote);
        connection.phase = Phase::Listening(listener);
        connection
    }

    fn new(config: Arc<Config>, mut rng: Rng, remote: SocketAddr) -> Self {
        let ids = config.connection_ids.as_ref();
        let ids = ids.map(|policy| Box::new(ConnectionIds::new(policy, &mut rng)));
        Self {
            mtu: config.mtu.max(MIN_MTU),
            flight: Flight::new(config.initial_rto, config.max_rto),
            reassembler: Reassembler::new(config.max_reassembly),
            hellos: ClientHellos::new(),
            config,
            is_client: false,
            rng,
            remote,
            heard_from: remote,
            now: Instant::ZERO,
            phase: Phase::Closed,
            records: RecordLayer::with_ids(ids),
            acks: Acks::default(),
            outbox: Outbox::default(),
            held: Held::default(),
            events: VecDeque::new(),
            handshake_deadline: None,
            client_hello_deadline: None,
            refusal: None,
            suspicion: None,
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

    /// From here on, send to this address: the path has changed. If the peer has given us connection
    /// ids to spare, we go on with the next one, so that nobody can follow us by it.
    ///
    /// With connection ids a peer may be heard from another address ([`Event::PeerAddressChanged`]), and
    /// nothing is sent there before this is called. Whoever can see the peer's datagrams can send them
    /// on from any address, so find out first whether the peer receives what is sent there, or somebody
    /// will be flooded who never asked for anything (RFC 9146 §6): [`seal`](Self::seal) something that
    /// the peer has to answer and that nobody can guess, such as a random number, send that to the new
    /// address, no more of it than came from there, and call this when the answer comes.
    pub fn set_remote(&mut self, remote: SocketAddr) {
        if remote != self.remote {
            self.use_next_connection_id();
        }
        self.remote = remote;
        self.heard_from = remote;
    }

    /// The connection ids that the peer's records may have: what a server finds this connection by
    /// ([`connection_id`](crate::connection_id)). There is one from the beginning, if
    /// [`Config::connection_ids`] wants any; when they change [`Event::ConnectionIdsChanged`] says so,
    /// before the peer can use new ones. None when the connection has ended.
    pub fn connection_ids(&self) -> impl Iterator<Item = &[u8]> {
        self.records.ids.iter().flat_map(|ids| ids.ours())
    }

    /// The connection id that our records have; empty if the peer wants none.
    pub fn peer_connection_id(&self) -> &[u8] {
        self.records.peer_id()
    }

    /// How many other connection ids the peer has given us to use.
    pub fn spare_connection_ids(&self) -> usize {
        self.records.ids.as_ref().map_or(0, |ids| ids.spares())
    }

    /// Goes on with the next connection id that the peer has given us, so that nobody can follow us by
    /// the old one to where we are going (RFC 9147 §9). `false` if there is none.
    pub fn use_next_connection_id(&mut self) -> bool {
        self.records.ids.as_mut().is_some_and(|ids| ids.use_next())
    }

    /// Makes new connection ids of ours valid and tells the peer (RFC 9147 §9).
    ///
    /// # Errors
    ///
    /// Nothing changes if there is one.
    pub fn issue_connection_ids(&mut self, count: u8, usage: ConnectionIdUsage) -> Result<(), ConnectionIdError> {
        self.check_ids_can_change()?;
        let ids = self.records.ids.as_mut().filter(|ids| ids.may_issue());
        let (Some(ids), Some(policy)) = (ids, &self.config.connection_ids) else {
            return Err(ConnectionIdError::NotNegotiated);
        };
        if !ids.issue(policy, &mut self.rng, count, usage) {
            return Err(ConnectionIdError::TooMany);
        }
        if count > 0 {
            self.tell_ids_changed();
        }
        self.proceed();
        Ok(())
    }

    /// Asks the peer for so many connection ids (RFC 9147 §9), to be used on paths to come. It may give
    /// fewer.
    ///
    /// # Errors
    ///
    /// Nothing changes if there is one.
    pub fn request_connection_ids(&mut self, count: u8) -> Result<(), ConnectionIdError> {
        self.check_ids_can_change()?;
        let ids = self.records.ids.as_mut().filter(|ids| ids.may_request());
        if !ids.ok_or(ConnectionIdError::NotNegotiated)?.request(count) {
            return Err(ConnectionIdError::Pending);
        }
        self.proceed();
        Ok(())
    }

    fn check_ids_can_change(&self) -> Result<(), ConnectionIdError> {
        match &self.phase {
            Phase::Connected(established) => match &established.secrets {
                Secrets::V12(_) => Err(ConnectionIdError::NotNegotiated),
                Secrets::V13(secrets) if !secrets.can_speak() => Err(ConnectionIdError::SequenceExhausted),
                Secrets::V13(_) => Ok(()),
            },
            _ => Err(ConnectionIdError::NotConnected),
        }
    }

    /// Tells the application to look at its table.
    pub(crate) fn tell_ids_changed(&mut self) {
        if !self.events.contains(&Event::ConnectionIdsChanged) {
            self.events.push_back(Event::ConnectionIdsChanged);
        }
    }

    /// Sends what waits for an acknowledgement of something else, if it waits no longer.
    pub(crate) fn proceed(&mut self) {
        if let Phase::Connected(established) = &mut self.phase
            && let Secrets::V13(secrets) = &mut established.secrets
        {
            secrets.proceed(self.records.ids.as_deref_mut(), &mut self.flight);
        }
    }

    /// Bytes of a record before the payload: where the payload stands for [`seal`](Self::seal).
    /// Before the handshake is complete it is the most that it can be; with connection ids it may change
    /// later, when one of another length takes the place of the one in use.
    pub fn record_prefix(&self) -> usize {
        match &self.phase {
            Phase::Connected(established) => self.records.prefix_len(established.application_epoch()),
            _ => self.records.max_prefix_len(),
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

    /// As a server: the name by which the client asked for us (RFC 6066 §3), once connected. It is what
    /// the client says, in plain, and proves nothing.
    pub fn server_name(&self) -> Option<&str> {
        match &self.phase {
            Phase::Connected(established) => established.agreed.server_name.as_deref(),
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

    /// The version, as soon as both hellos have settled it.
    pub fn version(&self) -> Option<Version> {
        match &self.phase {
            Phase::Client(client) => client.version(),
            Phase::Server(server, _) => Some(server.version()),
            Phase::Connected(established) => Some(established.version()),
            Phase::Listening(_) | Phase::Closed => None,
        }
    }

    /// The cipher suite, once connected.
    pub fn cipher_suite(&self) -> Option<CipherSuite> {
        match &self.phase {
            Phase::Connected(established) => Some(established.cipher_suite()),
            _ => None,
        }
    }

    /// The group of the ephemeral keys, once connected.
    pub fn group(&self) -> Option<NamedGroup> {
        match &self.phase {
            Phase::Connected(established) => Some(established.group),
            _ => None,
        }
    }

    /// Whether the client had to say hello twice, for another public key or a cookie of DTLS 1.3 (RFC 8446
    /// §4.1.4); known once connected.
    pub fn hello_was_retried(&self) -> bool {
        matches!(&self.phase, Phase::Connected(established) if established.retried)
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
            self.proceed();
        }
        Ok(())
    }

    /// The most bytes of a datagram with handshake messages, from the next one on. Values below 64
    /// count as 64.
    pub fn set_mtu(&mut self, mtu: usize) {
        self.mtu = mtu.max(MIN_MTU);
    }

    /// How long a packet takes to the peer and back, as far as the caller knows, from ICE for
    /// example: we wait one and a half times as long for the answer to a flight, but at least 50 ms, and
    /// twice as long each time, but at most 3 s. Timers that run change too.
    pub fn set_round_trip_time(&mut self, round_trip_time: Duration) {
        self.flight.set_round_trip_time(round_trip_time);
    }

    /// As a server: until when a ClientHello has to come that can be answered. Without this a server waits as
    /// long as it is there; so say it when the peer can send one, as soon as ICE has found a path, say.
    /// When it is too late the connection ends with the reason for which the last hello was refused, or with
    /// [`CloseReason::NoClientHello`]. Once there is a hello, [`Config::handshake_timeout`] counts instead.
    pub fn set_client_hello_deadline(&mut self, deadline: Instant) {
        self.client_hello_deadline = Some(deadline);
    }

    /// Sends the flight that waits for the peer's answer again now, instead of when its timer runs out,
    /// for callers that have reason to think that the peer could not take it: ICE hears of a peer that
    /// answers checks only now, say, and may have dropped a ClientHello before. `false` if no flight
    /// waits, or if this one was repeated so already since its timer was set: it does no more than double
    /// what the network has to carry, and the timer is not doubled for it (RFC 9147 §5.8).
    pub fn repeat_flight(&mut self, now: Instant) -> bool {
        self.advance_time(now);
        let is_repeated = self.flight.repeat_on_demand();
        self.stats.flights_resent += u64::from(is_repeated);
        is_repeated
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
        self.reassembler.memory() + self.hellos.memory() + self.held.bytes + certificate + ids + early.sum::<usize>()
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

    /// The handshake's time is over, or that of what may be why it does not go on.
    fn give_up(&mut self) {
        let reason = self
            .suspicion
            .take()
            .map_or(CloseReason::Timeout, |suspicion| suspicion.reason);
        let alert = match reason {
            CloseReason::Handshake(error) => Some((AlertLevel::Fatal, error.alert())),
            _ => None,
        };
        self.end(reason, alert);
    }

    /// When a suspicion is believed, if that is before the handshake's time is over.
    fn believed_at(&self) -> Option<Instant> {
        self.suspicion.as_ref()?.deadline
    }

    /// Until when a ClientHello has to come.
    fn hello_due(&self) -> Option<Instant> {
        match self.phase {
            Phase::Listening(_) => self.client_hello_deadline,
            _ => None,
        }
    }

    fn miss_client_hello(&mut self) {
        let reason = self.refusal.map_or(CloseReason::NoClientHello, CloseReason::Handshake);
        self.end(reason, None);
    }

    /// Something that may be why the handshake will not go on, which its end tells if nothing else does.
    pub(crate) fn suspect(&mut self, reason: CloseReason) {
        self.suspicion.get_or_insert(Suspicion { reason, deadline: None });
    }

    /// An alert that anyone can have sent says that the peer has given up. If so, nothing follows.
    pub(crate) fn suspect_end(&mut self, reason: CloseReason) {
        let deadline = self.believed_at().unwrap_or(self.now + self.alert_patience());
        self.suspicion = Some(Suspicion {
            reason,
            deadline: Some(deadline),
        });
    }

    /// The peer, or somebody else, says something that a peer that has given up would not: it gets as much
    /// time again.
    pub(crate) fn put_off_end(&mut self) {
        let deadline = self.now + self.alert_patience();
        if let Some(Suspicion {
            deadline: Some(believed_at),
            ..
        }) = &mut self.suspicion
        {
            *believed_at = deadline;
        }
    }

    fn alert_patience(&self) -> Duration {
        ALERT_PATIENCE.max(self.flight.rto().saturating_mul(3))
    }

    /// The handshake goes on: whatever was suspected is not so.
    pub(crate) fn progress(&mut self) {
        self.suspicion = None;
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
        self.hellos.forget_other();
        self.held = Held::default();
        self.handshake_deadline = None;
        self.client_hello_deadline = None;
        self.suspicion = None;
        self.events.push_back(Event::Closed(reason));
    }
}

impl StateMachine for Connection {
    type Event = Event;
    type Received<'d> = ApplicationData<'d>;

    fn handle_datagram<'d>(&mut self, now: Instant, datagram: Datagram<'d>) -> ApplicationData<'d> {
        self.advance_time(now);
        self.receive(datagram.flow.remote(), datagram.payload)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.advance_time(now);
        let now = self.now;
        let is_over = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if is_over(self.believed_at()) {
            return self.give_up();
        }
        if is_over(self.hello_due()) {
            return self.miss_client_hello();
        }
        if is_over(self.handshake_deadline) {
            self.handshake_deadline = None;
            // Whoever said hello has not answered our HelloRetryRequest; somebody else may say hello.
            if matches!(self.phase, Phase::Listening(_)) {
                self.hellos.set_requested(self.now, None);
                return self.flight.finish();
            }
            // A peer that sends data has our last flight, even if it never says so.
            if !self.is_connected() || self.stats.received == 0 {
                return self.give_up();
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
        let limit = self.mtu.max(MIN_MTU + self.records.peer_id().len()).min(buf.len());
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
        let deadlines = [
            self.flight.deadline(),
            ack_deadline,
            self.handshake_deadline,
            self.believed_at(),
            self.hello_due(),
        ];
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
