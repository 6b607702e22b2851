//! The configuration of a connection.

use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use pollrtc_crypto::{Certificate, NamedGroup, Provider, Rng};
use pollrtc_dtls::{ConnectionIdPolicy, DEFAULT_GROUPS, KeyLog, Versions};
use pollrtc_jsep::rtp::{MediaKind, RtpCapabilities};
use pollrtc_jsep::{BundlePolicy, DtlsRole};
use pollrtc_rtp::NtpTime;
use pollrtc_sdp::attribute::Direction;

use crate::router_id::RouterId;

/// RFC 7675 §5.1: consent lasts no longer.
pub(crate) const MAX_FAILED_TIMEOUT: Duration = Duration::from_secs(30);

/// What a [`PeerConnection`](crate::PeerConnection) is made from. Change what you need of
/// `Config::default()`, or of [`Config::new`] where there is no operating system.
///
/// ```
/// use pollrtc::{Config, PeerConnection};
/// let config = Config::default().with_stun_servers(["192.0.2.5:3478".parse().unwrap()]);
/// let peer = PeerConnection::new(config);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The cryptographic library.
    pub provider: &'static dyn Provider,
    /// Where randomness starts from.
    pub entropy: Entropy,
    /// The certificate that the peer will recognise us by. `None` makes a fresh one, at the cost of
    /// a key generation and a signature; a server gives the same to all its connections.
    pub certificate: Option<Certificate>,
    /// STUN servers to learn server-reflexive candidates from.
    pub stun_servers: Vec<SocketAddr>,
    /// An ICE lite agent (RFC 8445 §2.5) only answers checks: for servers on public addresses.
    pub ice_lite: bool,
    /// Our DTLS role where the peer leaves us the choice. `Client` starts the handshake without
    /// waiting for the peer, and is what RFC 8842 §5.3 recommends.
    pub preferred_dtls_role: DtlsRole,
    /// The versions of DTLS that are spoken; of two, the newer one is preferred.
    pub dtls_versions: Versions,
    /// Groups for DTLS's key exchange by preference; those that the provider lacks are left out. By default
    /// X25519MLKEM768, which withstands quantum computers, is the first.
    pub dtls_groups: Vec<NamedGroup>,
    /// How long a peer that is to begin DTLS may take for it once ICE has found a path. By default 25 s, in
    /// which a client repeats its ClientHello five times at least.
    pub dtls_hello_timeout: Duration,
    /// After how long a silence of the peer the connection counts as
    /// [`Disconnected`](crate::ConnectionState::Disconnected). By default 7.5 s, which a lost packet or two don't reach.
    pub disconnected_timeout: Duration,
    /// After how long a silence of the peer the connection [`Failed`](crate::ConnectionState::Failed): then nothing is
    /// sent any more, and only an ICE restart brings it back. By default 30 s, which is also the most: so long lasts the
    /// peer's consent (RFC 7675 §5.1).
    pub failed_timeout: Duration,
    /// How long a connection that has [`Failed`](crate::ConnectionState::Failed) waits for an ICE restart before it
    /// ends with [`CloseReason::Ice`](crate::CloseReason::Ice). Each offer that is set meanwhile, by either
    /// side, has this time again. By default 30 s; [`Duration::MAX`] to wait for ever.
    ///
    /// What a phone in a lift needs: it is away for a minute, then has another address. Its page sees `disconnected` or
    /// `failed`, and restarts ICE over your signaling, as soon as that is back. Data channels, and messages that
    /// wait on them, live on in the connection that waits: give this two minutes where reconnecting costs more than the
    /// memory of those who never come back.
    pub close_timeout: Duration,
    /// Whether DTLS speaks connection ids (RFC 9146, RFC 9147 §9), and which ones we want to be sent: for what stands
    /// between the peers and tells connections apart by them. By default it does not, as browsers don't: ICE follows
    /// a peer whose address changes.
    pub dtls_connection_ids: Option<ConnectionIdPolicy>,
    /// Gets the secrets of the connection, for tools that decrypt captures: lines as in the files that
    /// `SSLKEYLOGFILE` names (RFC 9850). Nobody does unless told.
    pub key_log: Option<KeyLog>,
    /// Which sections of our offers have a transport of their own, for peers that don't bundle (RFC 9429 §4.1.1). By default
    /// the first one of each kind has. All browsers bundle; [`MaxBundle`](BundlePolicy::MaxBundle) spares them the
    /// candidates, and suits peers that take an offer for one transport only, whose ICE credentials are the same all over.
    pub bundle_policy: BundlePolicy,
    /// The codecs and header extensions of audio that are agreed on. By default there are none, and audio is refused.
    /// Redundant data (RED) and forward error correction are not taken apart yet, and never agreed on.
    pub audio: RtpCapabilities,
    /// The same for video.
    pub video: RtpCapabilities,
    /// What we do in the sections of media that the peer's offers bring, unless
    /// [`set_direction`](crate::PeerConnection::set_direction) says otherwise in time. By default we receive, as W3C
    /// WebRTC §4.4.1.5 has it; [`Direction::SendRecv`] suits who sends something back in each of them.
    pub offered_direction: Direction,
    /// How many incoming streams of media each transport may have, retransmissions among them; of more, the one that
    /// was silent for longest is forgotten. By default 256.
    pub max_incoming_streams: usize,
    /// How many packets of media may wait to be sent. By default 1,024.
    pub max_queued_packets: usize,
    /// How many bytes of packets are kept of the [frames](crate::PeerConnection::write_frame) that were sent, for as long as the
    /// peer may ask for them again, a second at most. By default 2 MiB; zero keeps none, and answers no such request.
    pub frame_history: usize,
    /// What the time is in the world at [`Instant::ZERO`](pollrtc_core::Instant::ZERO), for sender reports
    /// (RFC 3550 §6.4.1): receivers play streams of several connections in step by it. By default it is not known, and
    /// zero.
    pub ntp_origin: NtpTime,
    /// The largest message that we take, in bytes; told to the peer in SDP (RFC 8841 §6). It may be longer than
    /// the [receive window](Self::receive_window), which it does not fill before it is whole. Zero counts as 1; no channel
    /// that the peer opens fits into so little.
    pub max_message_size: usize,
    /// How many bytes may wait to be sent over all channels before `send` refuses more; also the longest message that
    /// can be sent. Messages of fewer than 192 bytes count as if they had so many between them, as that is what it costs
    /// to keep one.
    pub max_buffered_amount: usize,
    /// How many bytes of messages may have left, in whole or in part, and not be acknowledged up to the last one; beyond
    /// that the next message waits. By default 16 MiB, more than one connection needs on any path; a peer that never
    /// acknowledges its first packet makes us hold so many. A message counts 192 bytes more than it has, and one may
    /// always be under way.
    pub max_outstanding: usize,
    /// How many received bytes may be held for delivery and reassembly, besides one message of
    /// [`max_message_size`](Self::max_message_size) that is on its way. Raised to 1,500 if it is less (RFC 9260 §3.3.2),
    /// and lowered to 4 GiB if it is more.
    pub receive_window: usize,
    /// How many bytes one UDP datagram may hold; less than 576 count as 576. The buffers that you give to `poll_transmit` must hold
    /// [`longest_datagram`](pollrtc_core::StateMachine::longest_datagram), which is a little more: a packet that was
    /// made for another path may have to leave as fragments of IP.
    pub mtu: usize,
    /// How many datagrams of equal size one `poll_transmit` may write, for drivers with generic
    /// segmentation offload; 1 where there is none, for which zero counts too.
    pub max_segments: usize,
    /// The router that the connection is for, where several share one address:
    /// [`Router::with_id`](crate::Router::with_id).
    pub router_id: Option<RouterId>,
}

impl Config {
    /// The defaults, with this cryptographic library and this entropy.
    pub fn new(provider: &'static dyn Provider, seed: [u8; 32]) -> Self {
        Self {
            provider,
            entropy: Entropy::Seed(seed),
            certificate: None,
            stun_servers: Vec::new(),
            ice_lite: false,
            preferred_dtls_role: DtlsRole::Client,
            dtls_versions: Versions::default(),
            dtls_groups: DEFAULT_GROUPS.to_vec(),
            dtls_hello_timeout: Duration::from_secs(25),
            disconnected_timeout: Duration::from_millis(7500),
            failed_timeout: MAX_FAILED_TIMEOUT,
            close_timeout: Duration::from_secs(30),
            dtls_connection_ids: None,
            key_log: None,
            bundle_policy: BundlePolicy::Balanced,
            audio: RtpCapabilities::none(MediaKind::Audio),
            video: RtpCapabilities::none(MediaKind::Video),
            offered_direction: Direction::RecvOnly,
            max_incoming_streams: 256,
            max_queued_packets: 1024,
            frame_history: 2 * 1024 * 1024,
            ntp_origin: NtpTime::default(),
            max_message_size: 256 * 1024,
            max_buffered_amount: 16 * 1024 * 1024,
            max_outstanding: 16 * 1024 * 1024,
            receive_window: 2 * 1024 * 1024,
            mtu: 1200,
            max_segments: 1,
            router_id: None,
        }
    }

    /// The same with these [connection ids](Self::dtls_connection_ids).
    #[must_use]
    pub fn with_dtls_connection_ids(self, policy: impl Into<Option<ConnectionIdPolicy>>) -> Self {
        let dtls_connection_ids = policy.into();
        Self {
            dtls_connection_ids,
            ..self
        }
    }

    /// The same with another [`entropy`](Self::entropy).
    #[must_use]
    pub fn with_entropy(self, entropy: Entropy) -> Self {
        Self { entropy, ..self }
    }

    /// The same with this [`certificate`](Self::certificate).
    #[must_use]
    pub fn with_certificate(self, certificate: impl Into<Option<Certificate>>) -> Self {
        let certificate = certificate.into();
        Self { certificate, ..self }
    }

    /// The same with these [`stun_servers`](Self::stun_servers).
    #[must_use]
    pub fn with_stun_servers(self, servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        let stun_servers = servers.into_iter().collect();
        Self { stun_servers, ..self }
    }

    /// The same as an [ICE-lite](Self::ice_lite) agent, or not.
    #[must_use]
    pub fn with_ice_lite(self, ice_lite: bool) -> Self {
        Self { ice_lite, ..self }
    }

    /// The same with another [`preferred_dtls_role`](Self::preferred_dtls_role).
    #[must_use]
    pub fn with_preferred_dtls_role(self, preferred_dtls_role: DtlsRole) -> Self {
        Self {
            preferred_dtls_role,
            ..self
        }
    }

    /// The same with these [`dtls_versions`](Self::dtls_versions).
    #[must_use]
    pub fn with_dtls_versions(self, dtls_versions: Versions) -> Self {
        Self { dtls_versions, ..self }
    }

    /// The same with these [`dtls_groups`](Self::dtls_groups).
    #[must_use]
    pub fn with_dtls_groups(self, groups: impl IntoIterator<Item = NamedGroup>) -> Self {
        let dtls_groups = groups.into_iter().collect();
        Self { dtls_groups, ..self }
    }

    /// The same with another [`dtls_hello_timeout`](Self::dtls_hello_timeout).
    #[must_use]
    pub fn with_dtls_hello_timeout(self, dtls_hello_timeout: Duration) -> Self {
        Self {
            dtls_hello_timeout,
            ..self
        }
    }

    /// The same with another [`disconnected_timeout`](Self::disconnected_timeout).
    #[must_use]
    pub fn with_disconnected_timeout(self, disconnected_timeout: Duration) -> Self {
        Self {
            disconnected_timeout,
            ..self
        }
    }

    /// The same with another [`failed_timeout`](Self::failed_timeout).
    #[must_use]
    pub fn with_failed_timeout(self, failed_timeout: Duration) -> Self {
        Self { failed_timeout, ..self }
    }

    /// The same with another [`close_timeout`](Self::close_timeout).
    #[must_use]
    pub fn with_close_timeout(self, close_timeout: Duration) -> Self {
        Self { close_timeout, ..self }
    }

    /// The same with this [`key_log`](Self::key_log).
    #[must_use]
    pub fn with_key_log(self, key_log: impl Into<Option<KeyLog>>) -> Self {
        let key_log = key_log.into();
        Self { key_log, ..self }
    }

    /// The same with another [`bundle_policy`](Self::bundle_policy).
    #[must_use]
    pub fn with_bundle_policy(self, bundle_policy: BundlePolicy) -> Self {
        Self { bundle_policy, ..self }
    }

    /// The same with these capabilities for [`audio`](Self::audio).
    #[must_use]
    pub fn with_audio(self, audio: RtpCapabilities) -> Self {
        Self { audio, ..self }
    }

    /// The same with these capabilities for [`video`](Self::video).
    #[must_use]
    pub fn with_video(self, video: RtpCapabilities) -> Self {
        Self { video, ..self }
    }

    /// The same with another [`offered_direction`](Self::offered_direction).
    #[must_use]
    pub fn with_offered_direction(self, offered_direction: Direction) -> Self {
        Self {
            offered_direction,
            ..self
        }
    }

    /// The same with another [`max_incoming_streams`](Self::max_incoming_streams).
    #[must_use]
    pub fn with_max_incoming_streams(self, max_incoming_streams: usize) -> Self {
        Self {
            max_incoming_streams,
            ..self
        }
    }

    /// The same with another [`max_queued_packets`](Self::max_queued_packets).
    #[must_use]
    pub fn with_max_queued_packets(self, max_queued_packets: usize) -> Self {
        Self {
            max_queued_packets,
            ..self
        }
    }

    /// The same with another [`frame_history`](Self::frame_history), in bytes.
    #[must_use]
    pub fn with_frame_history(self, frame_history: usize) -> Self {
        Self { frame_history, ..self }
    }

    /// The same with another [`ntp_origin`](Self::ntp_origin).
    #[must_use]
    pub fn with_ntp_origin(self, ntp_origin: NtpTime) -> Self {
        Self { ntp_origin, ..self }
    }

    /// The same with another [`max_message_size`](Self::max_message_size), in bytes.
    #[must_use]
    pub fn with_max_message_size(self, max_message_size: usize) -> Self {
        Self {
            max_message_size,
            ..self
        }
    }

    /// The same with another [`max_buffered_amount`](Self::max_buffered_amount), in bytes.
    #[must_use]
    pub fn with_max_buffered_amount(self, max_buffered_amount: usize) -> Self {
        Self {
            max_buffered_amount,
            ..self
        }
    }

    /// The same with another [`max_outstanding`](Self::max_outstanding), in bytes.
    #[must_use]
    pub fn with_max_outstanding(self, max_outstanding: usize) -> Self {
        Self {
            max_outstanding,
            ..self
        }
    }

    /// The same with another [`receive_window`](Self::receive_window), in bytes.
    #[must_use]
    pub fn with_receive_window(self, receive_window: usize) -> Self {
        Self { receive_window, ..self }
    }

    /// The same with another [`mtu`](Self::mtu), in bytes.
    #[must_use]
    pub fn with_mtu(self, mtu: usize) -> Self {
        Self { mtu, ..self }
    }

    /// The same for a router with this [`router_id`](Self::router_id).
    #[must_use]
    pub fn with_router_id(self, router_id: RouterId) -> Self {
        Self {
            router_id: Some(router_id),
            ..self
        }
    }

    /// The same with another [`max_segments`](Self::max_segments).
    #[must_use]
    pub fn with_max_segments(self, max_segments: usize) -> Self {
        Self { max_segments, ..self }
    }
}

#[cfg(any(feature = "aws-lc-rs", all(feature = "rust-crypto", feature = "getrandom")))]
impl Default for Config {
    /// The default provider, randomness from the operating system and a fresh certificate.
    fn default() -> Self {
        Self {
            entropy: Entropy::Os,
            ..Self::new(pollrtc_crypto::default_provider(), [0; 32])
        }
    }
}

/// Where a connection's randomness starts from.
///
/// ```
/// use pollrtc::{Config, Entropy, PeerConnection};
///
/// // For a test: the same run each time, where the provider is RustCrypto's.
/// let peer = PeerConnection::new(Config::default().with_entropy(Entropy::Seed([7; 32])));
/// # let _ = peer;
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum Entropy {
    /// The operating system, asked anew by each connection.
    #[cfg(any(feature = "aws-lc-rs", feature = "getrandom"))]
    Os,
    /// 32 bytes of true entropy that no other connection has; or the same bytes twice for the same
    /// run twice, in tests and simulations (with the RustCrypto provider: aws-lc-rs draws its own).
    Seed([u8; 32]),
}

impl Entropy {
    pub(crate) fn rng(self) -> Rng {
        match self {
            #[cfg(any(feature = "aws-lc-rs", feature = "getrandom"))]
            Self::Os => Rng::from_os(),
            Self::Seed(seed) => Rng::from_seed(seed),
        }
    }
}

/// Tells the kind, never the seed.
impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            #[cfg(any(feature = "aws-lc-rs", feature = "getrandom"))]
            Self::Os => "Os",
            Self::Seed(_) => "Seed(..)",
        })
    }
}
