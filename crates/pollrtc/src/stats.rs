//! Numbers.

use core::time::Duration;

use pollrtc_crypto::NamedGroup;
use pollrtc_dtls::{CipherSuite, SrtpProfile, Version};
use pollrtc_ice::Path;

use crate::DtlsRole;

/// What both sides of DTLS agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DtlsParameters {
    /// Which side we are.
    pub role: DtlsRole,
    /// The version that both speak.
    pub version: Version,
    /// What encrypts and authenticates.
    pub cipher_suite: CipherSuite,
    /// The group of the ephemeral keys.
    pub group: NamedGroup,
    /// Whether the client had to say hello twice, since it sent no public key of that group
    /// (RFC 8446 §4.1.4).
    pub hello_was_retried: bool,
    /// What would protect media.
    pub srtp_profile: Option<SrtpProfile>,
}

/// What a connection has negotiated, and what it has sent, received and dropped, layer by layer.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Where packets go now.
    pub path: Option<Path>,
    /// The last round-trip time that a connectivity check measured.
    pub round_trip_time: Option<Duration>,
    /// What DTLS agreed on, once its handshake is done.
    pub security: Option<DtlsParameters>,
    /// RTP and RTCP packets that came although no media was negotiated.
    pub dropped_media: u64,
    /// Packets from the peer that belong to no protocol that we know (RFC 9443).
    pub dropped_unknown: u64,
    /// DTLS packets that came before the peer's description, beyond those that were kept for it.
    pub dropped_early: u64,
    /// The ICE agent's counters.
    pub ice: pollrtc_ice::Stats,
    /// The DTLS connection's counters.
    pub dtls: pollrtc_dtls::Stats,
    /// The counters of the data channels and their SCTP association.
    pub channels: pollrtc_sctp::channel::DataChannelsStats,
}
