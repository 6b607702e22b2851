//! One connection: the five verbs, and what an application does with its channels.

mod agreement;
mod duplicate;
mod packets;
mod replacement;
mod signaling;
mod transport;

use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use pollrtc_core::{Datagram, Instant, StateMachine, Transmit};
use pollrtc_crypto::{Certificate, HashAlgorithm, NamedGroup, Provider, Rng};
use pollrtc_dtls::{KeyLog, Versions};
use pollrtc_ice as ice;
use pollrtc_sctp::channel::{
    ChannelConfig, ChannelId, ChannelInfo, ChannelInit, ChannelSendError, ChannelState, DataChannels, Message,
    OpenError,
};

use pollrtc_sdp::negotiation::{self, BundlePolicy, CertificateHash, Negotiator, SignalingState};

use crate::{CloseReason, Config, ConnectionState, Event, Stats};
use agreement::Carrier;
use transport::Transports;

pub(crate) use duplicate::DescriptionDigest;
pub use signaling::CandidateError;

/// A WebRTC connection to one peer.
///
/// Make one, give it the local addresses of your sockets, exchange descriptions over your
/// signaling, and drive it with the five verbs of [`StateMachine`].
///
/// ```
/// use pollrtc::{Config, Instant, PeerConnection};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let now = Instant::ZERO;
/// let mut alice = PeerConnection::new(Config::default());
/// alice.add_local_address(now, "192.0.2.1:4000".parse()?)?;
/// let channel = alice.create_data_channel("chat")?;
/// let offer = alice.offer(now)?;
///
/// let mut bob = PeerConnection::new(Config::default());
/// bob.add_local_address(now, "192.0.2.2:5000".parse()?)?;
/// let answer = bob.accept_offer(now, &offer)?;
/// alice.accept_answer(now, &answer)?;
/// # let _ = channel;
/// # Ok(())
/// # }
/// ```
pub struct PeerConnection {
    provider: &'static dyn Provider,
    rng: Rng,
    /// `None` if none could be made.
    certificate: Option<Certificate>,
    dtls: DtlsOptions,
    mtu: usize,
    max_segments: usize,

    negotiator: Negotiator,
    /// The candidates in our last description that took effect.
    described: BTreeSet<String>,

    transports: Transports,
    channels: DataChannels,
    /// What the channels' association runs over, once data channels are agreed on.
    carrier: Option<Carrier>,
    /// Of the remote description that is agreed on.
    description_digest: Option<DescriptionDigest>,
    /// Whether nothing but ICE may be sent.
    held_back: bool,

    events: VecDeque<Event>,
    reported_state: ConnectionState,
    /// The peer has ended what we have offered to give up; the connection ends with it if the offer
    /// comes to nothing.
    parting: Option<CloseReason>,
    ending: Option<Ending>,
    /// The latest time seen.
    now: Instant,
    stats: Stats,
}

/// How DTLS shakes hands.
struct DtlsOptions {
    versions: Versions,
    groups: Vec<NamedGroup>,
    hello_timeout: Duration,
    key_log: Option<KeyLog>,
}

/// What every IPv4 host takes (RFC 1122 §3.3.2); the handshakes fit.
const LEAST_MTU: usize = 576;

/// The connection is over; what is left is to tell both sides.
#[derive(Debug)]
struct Ending {
    reason: CloseReason,
    reported: bool,
}

impl PeerConnection {
    /// A connection that has not begun.
    pub fn new(config: Config) -> Self {
        let mut rng = config.entropy.rng();
        let certificate = match config.certificate {
            Some(certificate) => Some(certificate),
            None => Certificate::generate(config.provider, &mut rng).ok(),
        };
        let fingerprint = certificate.as_ref().map(|certificate| {
            let fingerprint = certificate.fingerprint(HashAlgorithm::Sha256).to_string();
            let (algorithm, value) = fingerprint.split_once(' ').unwrap_or_default();
            CertificateHash::new(algorithm, value)
        });
        let ice_config = ice::Config {
            lite: config.ice_lite,
            stun_servers: config.stun_servers,
            ..ice::Config::default()
        };
        let defaults = ChannelConfig::default();
        let channel_config = ChannelConfig {
            association: pollrtc_sctp::Config {
                max_message_size: config.max_message_size,
                receive_window: u32::try_from(config.receive_window).unwrap_or(u32::MAX),
                send_buffer: config.max_buffered_amount,
                // ICE's consent checks watch over the peer (RFC 7675).
                heartbeat_interval: None,
                ..defaults.association
            },
            ..defaults
        };
        let negotiation = negotiation::Config {
            // Of all sections that a peer may offer, one is taken: it has a transport of its own where
            // the peer does not bundle, and shares that of its group where it does.
            bundle_policy: BundlePolicy::Balanced,
            preferred_dtls_role: config.preferred_dtls_role,
            ice_lite: config.ice_lite,
            // RFC 8841 §6.1: zero would promise to take any size.
            max_message_size: (config.max_message_size as u64).max(1),
            ..negotiation::Config::new(rng.u64())
        };
        Self {
            provider: config.provider,
            certificate,
            dtls: DtlsOptions {
                versions: config.dtls_versions,
                groups: config.dtls_groups,
                hello_timeout: config.dtls_hello_timeout,
                key_log: config.key_log,
            },
            mtu: config.mtu.max(LEAST_MTU),
            max_segments: config.max_segments.max(1),
            negotiator: Negotiator::new(negotiation),
            described: BTreeSet::new(),
            transports: Transports::new(ice_config, rng.fork(), fingerprint),
            channels: DataChannels::new(channel_config, rng.fork(), packets::INNER_ADDRESS),
            carrier: None,
            description_digest: None,
            held_back: false,
            events: VecDeque::new(),
            reported_state: ConnectionState::New,
            parting: None,
            ending: None,
            now: Instant::ZERO,
            stats: Stats::default(),
            rng,
        }
    }

    /// A data channel of ours; it opens when the connection does, or soon after. A label is enough,
    /// [`ChannelInit`] says more. The first one needs an offer, if the peer does not make one.
    ///
    /// # Errors
    ///
    /// If the label or protocol is too long, the id is taken, the connection has ended, or
    /// [all channels are being closed](Self::close_data_channels).
    pub fn create_data_channel(&mut self, init: impl Into<ChannelInit>) -> Result<ChannelId, OpenError> {
        let channel = self.channels.open(init.into())?;
        self.negotiator.add_data_channels();
        self.transports.gather(self.now);
        Ok(channel)
    }

    /// Closes all data channels, and gives their section up with the next description: the peer is
    /// told with an [`offer`](Self::offer). Once it has agreed, the transport is closed, with
    /// whatever had not arrived until then, while this connection stays: the next channel and offer
    /// bring a new section with a transport of its own.
    pub fn close_data_channels(&mut self) {
        let exchange_under_way = self.negotiator.signaling_state() != SignalingState::Stable;
        let described = exchange_under_way || self.negotiator.data_channels().is_some();
        self.negotiator.stop_data_channels();
        if described {
            self.channels.close_all();
        } else {
            self.channels.new_association(self.rng.fork());
        }
    }

    /// Sends a message on an open channel. It waits inside until the peer has room.
    ///
    /// # Errors
    ///
    /// If the channel is not open, the message is larger than the peer takes, or too much waits
    /// already: then wait for [`Event::BufferedAmountLow`]. Nothing is queued then.
    pub fn send(&mut self, channel: ChannelId, message: impl Into<Message>) -> Result<(), ChannelSendError> {
        self.channels.send(channel, message)
    }

    /// Closes a channel, once what was sent on it has arrived.
    pub fn close_channel(&mut self, channel: ChannelId) {
        self.channels.close(channel);
    }

    /// How many bytes wait to be sent on a channel (W3C WebRTC §6.2, `bufferedAmount`).
    pub fn buffered_amount(&self, channel: ChannelId) -> usize {
        self.channels.buffered_amount(channel)
    }

    /// At how many waiting bytes [`Event::BufferedAmountLow`] comes; zero unless told.
    pub fn set_buffered_amount_low_threshold(&mut self, channel: ChannelId, bytes: usize) {
        self.channels.set_buffered_amount_low_threshold(channel, bytes);
    }

    /// What is known of a channel: label, protocol, order, reliability. `None` once it is closed.
    pub fn channel_info(&self, channel: ChannelId) -> Option<&ChannelInfo> {
        self.channels.info(channel)
    }

    /// Whether a channel connects, is open, closes or is closed.
    pub fn channel_state(&self, channel: ChannelId) -> ChannelState {
        self.channels.state(channel)
    }

    /// Answers [`Event::ResolveMdns`]; `None` if the name has no address.
    pub fn resolve_mdns(&mut self, now: Instant, name: &str, address: Option<IpAddr>) {
        self.now = self.now.max(now);
        self.transports.current.ice.mdns_resolved(now, name, address);
    }

    /// Whether the peers can talk.
    pub fn connection_state(&self) -> ConnectionState {
        if self.ending.is_some() {
            return ConnectionState::Closed;
        }
        // W3C WebRTC §4.3.3, with one transport.
        let current = &self.transports.current;
        match (current.ice.state(), current.security.is_connected()) {
            (ice::State::Closed, _) => ConnectionState::Closed,
            (ice::State::Failed(_), _) => ConnectionState::Failed,
            (ice::State::Disconnected, _) => ConnectionState::Disconnected,
            (ice::State::New, _) => ConnectionState::New,
            (ice::State::Connected | ice::State::Completed, true) => ConnectionState::Connected,
            (ice::State::Checking | ice::State::Connected | ice::State::Completed, _) => ConnectionState::Connecting,
        }
    }

    /// What was negotiated, and what was sent, received and dropped.
    pub fn stats(&self) -> Stats {
        let current = &self.transports.current;
        Stats {
            path: current.ice.path(),
            round_trip_time: current.ice.round_trip_time(),
            ice: current.ice.stats(),
            security: current.parameters(),
            dtls: current.security.stats(),
            channels: self.channels.stats(),
            ..self.stats
        }
    }

    /// Ends the connection: channels close, the peer is told, [`Event::Closed`] follows. Drain
    /// [`poll_transmit`](StateMachine::poll_transmit) once more for the farewell.
    pub fn close(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.end(CloseReason::Local);
    }

    /// The ufrag half of STUN usernames that are meant for this connection.
    pub(crate) fn local_ufrag(&self) -> &str {
        &self.transports.current.ice.local_credentials().ufrag
    }

    /// The longest datagram that `poll_transmit` writes, a train of segments aside.
    pub(crate) fn mtu(&self) -> usize {
        self.mtu
    }

    /// How well ICE knows a remote address.
    pub(crate) fn acquaintance(&self, address: SocketAddr) -> ice::Acquaintance {
        self.transports.current.ice.acquaintance(address)
    }

    fn next_event(&mut self) -> Option<Event> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        let state = self.connection_state();
        if state != self.reported_state {
            self.reported_state = state;
            return Some(Event::ConnectionStateChanged(state));
        }
        if let Some(event) = self.next_ice_event() {
            return Some(event);
        }
        if let Some(event) = self.next_channel_event() {
            return Some(event);
        }
        // The channels may just have told that the association is over.
        let state = self.connection_state();
        if state != self.reported_state {
            self.reported_state = state;
            return Some(Event::ConnectionStateChanged(state));
        }
        let ending = self.ending.as_mut().filter(|ending| !ending.reported)?;
        ending.reported = true;
        Some(Event::Closed(ending.reason.clone()))
    }
}

/// Where it stands; never the descriptions, which hold passwords, nor the messages that wait.
impl core::fmt::Debug for PeerConnection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PeerConnection")
            .field("connection_state", &self.connection_state())
            .field("signaling_state", &self.negotiator.signaling_state())
            .field("ice", &self.transports.current.ice)
            .finish_non_exhaustive()
    }
}

impl StateMachine for PeerConnection {
    type Event = Event;
    type Received<'d> = ();

    fn handle_datagram(&mut self, now: Instant, datagram: Datagram<'_>) {
        self.now = self.now.max(now);
        self.receive(now, datagram);
        self.advance();
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.transports.current.ice.handle_timeout(now);
        self.transports.current.security.handle_timeout(now);
        if let Some(replacing) = self.transports.current.replacing() {
            replacing.handle_timeout(now);
        }
        self.channels.handle_timeout(now);
        self.advance();
    }

    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.now = self.now.max(now);
        self.transmit(now, buf)
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.advance();
        self.next_event()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.next_timeout()
    }
}
