//! What a connection has negotiated and counted.

use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_crypto::NamedGroup;
use pollrtc_dtls::{CipherSuite, SrtpProfile, Version};
use pollrtc_ice::{Path, State as IceState};
use pollrtc_jsep::{DtlsRole, TransportId};

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

/// How far DTLS is on one transport (W3C WebRTC §5.5.1, `RTCDtlsTransportState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DtlsState {
    /// It waits for the peer's description, or for a path.
    New,
    /// It shakes hands.
    Connecting,
    /// The peer is who its description says.
    Connected,
    /// One side has closed it.
    Closed,
    /// It ended in any other way.
    Failed,
}

/// What a connection has negotiated, and what it has sent, received and dropped, layer by layer.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// The transports that descriptions name, by id: one, unless the peer does not bundle.
    pub transports: Vec<TransportStats>,
    /// The transport of the data channels, once they are agreed on.
    pub sctp_transport: Option<TransportId>,
    /// RTP and RTCP packets that came although no media was negotiated.
    pub dropped_media: u64,
    /// Packets from the peer that belong to no protocol that we know (RFC 9443), or that is not spoken on their
    /// transport.
    pub dropped_unknown: u64,
    /// DTLS packets that came before the peer's description, beyond those that were kept for it.
    pub dropped_early: u64,
    /// The counters of the data channels and their SCTP association.
    pub channels: pollrtc_sctp::channel::DataChannelsStats,
}

impl Stats {
    /// The transport of the data channels, or as long as there are none, the first one.
    pub fn data_transport(&self) -> Option<&TransportStats> {
        let carries_data = |transport: &&TransportStats| self.sctp_transport == Some(transport.id);
        self.transports.iter().find(carries_data).or(self.transports.first())
    }
}

/// One transport: ICE, and DTLS on the path that it found.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TransportStats {
    /// The transport, as events name it.
    pub id: TransportId,
    /// The index of the section that describes it, once that is agreed on.
    pub section: Option<usize>,
    /// Where packets go now.
    pub path: Option<Path>,
    /// The last round-trip time that a connectivity check measured.
    pub round_trip_time: Option<Duration>,
    /// How far ICE is.
    pub ice_state: IceState,
    /// The ICE agent's counters.
    pub ice: pollrtc_ice::Stats,
    /// How far DTLS is.
    pub dtls_state: DtlsState,
    /// What DTLS agreed on, once its handshake is done.
    pub security: Option<DtlsParameters>,
    /// The DTLS connection's counters.
    pub dtls: pollrtc_dtls::Stats,
}
