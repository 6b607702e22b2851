//! The state of a connection, and the verbs that drive it.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;

use pollrtc_core::{Datagram, Departure, FlowEvent, FlowRequest, Instant, SendId, StateMachine, Transmit};
use pollrtc_crypto::{Certificate, Rng};
use pollrtc_ice as ice;
use pollrtc_jsep::rtp::{Codec, Role, RtpCapabilities};
use pollrtc_jsep::{self as jsep, Negotiator};
use pollrtc_media::NtpClock;
use pollrtc_sctp::channel::ChannelConfig;
use pollrtc_sdp::attribute::Direction;

use super::digest::{DescriptionDigest, digest_of};
use super::dtls::DtlsSettings;
use super::lifecycle::Lifecycle;
use super::media::{Media, MediaSettings};
use super::rest::earliest;
use super::sctp::SctpTransport;
use super::state;
use super::transports::Transports;
use super::trickle::Trickle;
use crate::config::{Config, MAX_FAILED_TIMEOUT};
use crate::event::{CloseReason, ConnectionState, Event};
use crate::router_id::RouterId;
use crate::stats::{Stats, TransportStats};
use crate::stream::Received;

/// What every IPv4 host takes (RFC 1122 §3.3.2); the handshakes fit.
const LEAST_MTU: usize = 576;

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
    /// The latest time seen.
    pub(super) now: Instant,
    pub(super) rng: Rng,
    pub(super) negotiator: Negotiator,
    pub(super) trickle: Trickle,
    pub(super) dtls: DtlsSettings,
    pub(super) transports: Transports,
    pub(super) sctp: SctpTransport,
    pub(super) media: Media,
    /// Our direction in transceivers that the peer's offers make.
    pub(super) offered_direction: Direction,
    pub(super) lifecycle: Lifecycle,
    pub(super) events: VecDeque<Event>,
    pub(super) dropped: Dropped,
    /// Of the remote description that is agreed on.
    pub(super) description_digest: Option<DescriptionDigest>,
    /// Whether more than ICE may be sent.
    pub(super) is_dtls_allowed: bool,
}

/// What came and was of no use.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    /// Media, although none was negotiated.
    pub(super) media: u64,
    /// Packets of a protocol that does not belong there.
    pub(super) unknown: u64,
    /// DTLS that came before the peer's description, beyond what is kept for it.
    pub(super) early: u64,
}

impl PeerConnection {
    /// A connection that has not begun.
    pub fn new(config: Config) -> Self {
        let mut rng = config.entropy.rng();
        let certificate = match config.certificate {
            Some(certificate) => Some(certificate),
            None => Certificate::generate(config.provider, &mut rng).ok(),
        };
        let mtu = config.mtu.max(LEAST_MTU);
        let dtls = DtlsSettings {
            provider: config.provider,
            certificate,
            versions: config.dtls_versions,
            groups: config.dtls_groups,
            hello_timeout: config.dtls_hello_timeout,
            connection_ids: config.dtls_connection_ids,
            key_log: config.key_log,
            mtu,
        };
        let mut ice_config = ice::Config::default()
            .with_stun_servers(config.stun_servers)
            .with_mtu(mtu);
        ice_config.lite = config.ice_lite;
        ice_config.timing.disconnect = config.disconnected_timeout;
        ice_config.timing.consent_expiry = config.failed_timeout.min(MAX_FAILED_TIMEOUT);
        ice_config.ufrag_tag = config.router_id.map(RouterId::tag);
        let mut channel_config = ChannelConfig::new();
        let association = &mut channel_config.association;
        // Of that, the path says what is left for SCTP.
        association.max_packet = config.mtu;
        association.max_message_size = config.max_message_size;
        association.receive_window = u32::try_from(config.receive_window).unwrap_or(u32::MAX);
        association.send_buffer = config.max_buffered_amount;
        association.max_outstanding = config.max_outstanding;
        // ICE's consent checks watch over the peer (RFC 7675).
        association.heartbeat_interval = None;
        let media = MediaSettings {
            cname: cname(&mut rng),
            clock: NtpClock::new(config.ntp_origin),
            max_streams: config.max_incoming_streams,
            max_queued: config.max_queued_packets,
            mtu,
            frame_history: config.frame_history,
        };
        let negotiation = jsep::Config {
            // A section that the peer does not bundle has a transport of its own, unless told otherwise.
            bundle_policy: config.bundle_policy,
            preferred_dtls_role: config.preferred_dtls_role,
            ice_lite: config.ice_lite,
            audio: carried(config.audio),
            video: carried(config.video),
            // RFC 8841 §6.1: zero would promise to take any size.
            max_message_size: (config.max_message_size as u64).max(1),
            cname: media.cname.clone(),
            ..jsep::Config::new(rng.u64())
        };
        let mut transports = Transports::new(ice_config, rng.fork(), dtls.fingerprint());
        // The first one gathers from the start, so that the first description has candidates.
        transports.gather(Instant::ZERO);
        Self {
            now: Instant::ZERO,
            negotiator: Negotiator::new(negotiation),
            trickle: Trickle::default(),
            dtls,
            transports,
            sctp: SctpTransport::new(channel_config, rng.fork(), mtu, config.max_segments.max(1)),
            media: Media::new(media, rng.fork()),
            offered_direction: config.offered_direction,
            lifecycle: Lifecycle::new(config.close_timeout),
            events: VecDeque::new(),
            dropped: Dropped::default(),
            description_digest: None,
            is_dtls_allowed: true,
            rng,
        }
    }

    /// Whether the peers can talk: one word for all transports (W3C WebRTC §4.3.3).
    pub fn connection_state(&self) -> ConnectionState {
        if self.lifecycle.has_ended() {
            return ConnectionState::Closed;
        }
        let transports = self.transports.described();
        state::connection_state(transports.map(|transport| (transport.ice.state(), transport.dtls_state())))
    }

    /// What was negotiated, and what was sent, received and dropped.
    pub fn stats(&self) -> Stats {
        Stats {
            transports: self
                .transports
                .iter()
                .filter_map(|transport| {
                    let media = self.media.stats(transport);
                    Some(TransportStats {
                        media,
                        ..transport.stats()?
                    })
                })
                .collect(),
            sctp_transport: self.sctp.transport(),
            dropped_media: self.dropped.media,
            dropped_unknown: self.dropped.unknown,
            dropped_early: self.dropped.early,
            channels: self.sctp.channels.stats(),
        }
    }

    /// Ends the connection: channels close, the peer is told, [`Event::Closed`] follows. Drain
    /// [`poll_transmit`](StateMachine::poll_transmit) once more for what tells the peer.
    pub fn close(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.end(CloseReason::Local);
    }

    /// Ends the connection from this side.
    pub(super) fn end(&mut self, reason: CloseReason) {
        if !self.lifecycle.has_ended() {
            self.finish(reason);
            self.sctp.channels.abort("");
        }
    }

    /// The connection is over, for the first reason that there is.
    pub(super) fn finish(&mut self, reason: CloseReason) {
        self.negotiator.close();
        for transport in self.transports.iter_mut() {
            transport.replacement = None;
        }
        self.lifecycle.end(reason);
    }

    /// The peer has told how to reach and recognise it, or nothing of that holds any more. Of several transports the
    /// first counts: all of them are the same peer's.
    pub(super) fn identify_peer(&mut self) {
        let agreed = self.negotiator.transports().next();
        self.description_digest = agreed.and_then(|agreed| digest_of(self.dtls.provider, &agreed.remote));
    }

    fn next_event(&mut self) -> Option<Event> {
        if let Some(event) = self.events.pop_front() {
            if self.events.is_empty() {
                // There are few after the beginning.
                self.events = VecDeque::new();
            }
            return Some(event);
        }
        if let Some(event) = self.tell_state() {
            return Some(event);
        }
        if let Some(event) = self.next_ice_event() {
            return Some(event);
        }
        if let Some(event) = self.next_channel_event() {
            return Some(event);
        }
        // The channels may just have told that the association is over.
        self.tell_state().or_else(|| self.lifecycle.tell_end())
    }

    fn tell_state(&mut self) -> Option<Event> {
        if self.lifecycle.is_told() {
            debug_assert!(self.lifecycle.tell(self.connection_state()).is_none());
            return None;
        }
        self.lifecycle.tell(self.connection_state())
    }
}

/// What can be carried. RED (RFC 2198) and forward error correction are not taken apart yet: browsers wrap each packet of video
/// in them, which hides what is to be asked for again and where key frames begin, and names what is inside by a number that
/// another peer has another one for.
fn carried(mut capabilities: RtpCapabilities) -> RtpCapabilities {
    let is_carried = |codec: &Codec| !matches!(codec.role(), Role::Redundancy | Role::Fec);
    capabilities.codecs.retain(is_carried);
    capabilities
}

/// RFC 7022 §4.2: 96 random bits, another name for each connection.
fn cname(rng: &mut Rng) -> String {
    let digits = rng.array::<12>().into_iter();
    digits.map(|byte| format!("{byte:02x}")).collect()
}

/// Where it stands; never the descriptions, which hold passwords, nor the messages that wait.
impl core::fmt::Debug for PeerConnection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PeerConnection")
            .field("connection_state", &self.connection_state())
            .field("signaling_state", &self.negotiator.signaling_state())
            .field("transports", &self.transports)
            .finish_non_exhaustive()
    }
}

impl StateMachine for PeerConnection {
    type Event = Event;
    type Received<'d> = Received<'d>;

    fn handle_datagram<'d>(&mut self, now: Instant, datagram: Datagram<'d>) -> Received<'d> {
        self.now = self.now.max(now);
        let received = self.receive(now, datagram);
        self.advance();
        received
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.transports.handle_timeout(now);
        self.sctp.channels.handle_timeout(now);
        self.media.handle_timeout(now);
        self.advance();
    }

    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.now = self.now.max(now);
        if now < self.quiet_until() {
            return None;
        }
        self.transmit(now, buf)
    }

    fn longest_datagram(&self) -> usize {
        self.longest()
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.advance();
        self.next_event()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let quiet_until = self.quiet_until();
        if quiet_until > Instant::ZERO {
            return Some(quiet_until).filter(|deadline| *deadline < Instant::FAR_FUTURE);
        }
        // With a connection that has ended its reports end.
        let media = Some(self.media.quiet_until(&self.transports)).filter(|_| !self.lifecycle.has_ended());
        earliest([
            self.transports.poll_timeout(),
            self.sctp.channels.poll_timeout(),
            self.lifecycle.poll_timeout(),
            media.filter(|at| *at > Instant::ZERO),
        ])
    }

    fn handle_sent(&mut self, id: SendId, departure: Departure) {
        self.transports.handle_sent(id, departure);
    }

    fn handle_flow(&mut self, now: Instant, event: FlowEvent) {
        self.now = self.now.max(now);
        self.transports.handle_flow(now, event);
        self.advance();
    }

    fn poll_flow(&mut self) -> Option<FlowRequest> {
        self.transports.poll_flow()
    }
}
