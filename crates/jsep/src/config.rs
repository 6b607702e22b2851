//! What the caller decides once.

use alloc::format;
use alloc::string::String;

use super::DtlsRole;
use crate::rtp::{MediaKind, RtpCapabilities};
use pollrtc_sdp::attribute::DEFAULT_SCTP_PORT;
use pollrtc_sdp::{Limits, Parser, Profile};

/// What a [`Negotiator`](super::Negotiator) is made with.
///
/// ```
/// use pollrtc_jsep::{BundlePolicy, Config};
///
/// let config = Config { bundle_policy: BundlePolicy::MaxBundle, ..Config::new(4_611_731_400_430_051_336) };
/// assert_eq!(config.sctp_port, 5000);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Random; of its 64 bits the last is not used (RFC 9429 §5.2.1).
    pub session_id: u64,
    /// How eagerly sections share one transport.
    pub bundle_policy: BundlePolicy,
    /// Whether RTCP may need a component of its own.
    pub rtcp_mux_policy: RtcpMuxPolicy,
    /// What we are in DTLS if the peer leaves it to us; RFC 9429 §5.3.1 recommends the client.
    pub preferred_dtls_role: DtlsRole,
    /// What becomes of a peer that asks for another DTLS association over a transport.
    pub reassociation: Reassociation,
    /// Whether our agent is an ICE-lite one; RFC 9429 has full agents only.
    pub ice_lite: bool,
    /// What we can do with `m=audio`; nothing by default.
    pub audio: RtpCapabilities,
    /// What we can do with `m=video`; nothing by default.
    pub video: RtpCapabilities,
    /// The canonical name of what we send (RFC 3550 §6.5.1), which our descriptions tell with the sources that they name
    /// (RFC 5576 §6.1). By default made of [`session_id`](Self::session_id); RFC 7022 §4.2 wants 96 random bits.
    pub cname: String,
    /// Our SCTP port.
    pub sctp_port: u16,
    /// The largest message that we accept, in bytes; zero has no bound (RFC 8841 §6).
    pub max_message_size: u64,
    /// How strict the parser is with the peer's descriptions; [`Profile::Interop`] by default.
    pub profile: Profile,
    /// How large they may be.
    pub limits: Limits,
    /// How many candidates of the peer's are taken per description and its time; more are ignored.
    pub candidates_maximum: usize,
}

impl Config {
    /// The defaults of RFC 9429, data channels only.
    pub fn new(session_id: u64) -> Self {
        Self {
            session_id,
            bundle_policy: BundlePolicy::default(),
            rtcp_mux_policy: RtcpMuxPolicy::default(),
            preferred_dtls_role: DtlsRole::Client,
            reassociation: Reassociation::default(),
            ice_lite: false,
            audio: RtpCapabilities::none(MediaKind::Audio),
            video: RtpCapabilities::none(MediaKind::Video),
            cname: format!("{session_id:x}"),
            sctp_port: DEFAULT_SCTP_PORT,
            max_message_size: 262_144,
            profile: Profile::Interop,
            limits: Limits {
                media_sections: 1_000,
                ..Limits::default()
            },
            candidates_maximum: 1_000,
        }
    }

    pub(super) fn parser(&self) -> Parser {
        Parser::new().profile(self.profile).limits(self.limits)
    }
}

/// How eagerly sections share one transport (RFC 9429 §4.1.1).
///
/// ```
/// use pollrtc_jsep::{BundlePolicy, Config};
///
/// let config = Config { bundle_policy: BundlePolicy::MaxCompat, ..Config::new(1) };
/// assert_ne!(config.bundle_policy, BundlePolicy::default());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum BundlePolicy {
    /// The first section of each kind has a transport of its own to fall back on.
    #[default]
    Balanced,
    /// Each section has one.
    MaxCompat,
    /// Only the first has one.
    MaxBundle,
}

/// Whether RTCP may need a component of its own (RFC 9429 §4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum RtcpMuxPolicy {
    /// Never: a section without `a=rtcp-mux` is rejected, unless it is bundled or had it before.
    #[default]
    Require,
    /// A peer without multiplexing is served too; its transport needs a second ICE component.
    Negotiate,
}

/// What becomes of a peer that asks for another DTLS association over a transport that has one
/// (RFC 8842 §5.5): another certificate or another `tls-id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Reassociation {
    /// It gets it, if ICE restarts too (RFC 9429 §5.11).
    #[default]
    WithIceRestart,
    /// Its description is refused.
    Refuse,
}
