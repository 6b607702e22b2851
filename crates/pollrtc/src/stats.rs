//! Numbers.

use core::time::Duration;

use pollrtc_ice::Path;

/// What a connection has negotiated, and what it has sent, received and dropped, layer by layer.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Where packets go now.
    pub path: Option<Path>,
    /// The last round-trip time that a connectivity check measured.
    pub round_trip_time: Option<Duration>,
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
