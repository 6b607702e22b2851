//! What a connection has negotiated and counted.

use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_crypto::NamedGroup;
use pollrtc_dtls::{CipherSuite, SrtpProfile, Version};
use pollrtc_ice::{Path, State as IceState};
use pollrtc_jsep::{DtlsRole, TransportId};

/// What both sides of DTLS agreed on.
///
/// ```
/// use pollrtc::{NamedGroup, PeerConnection};
///
/// fn withstands_quantum_computers(peer: &PeerConnection) -> bool {
///     let stats = peer.stats();
///     let security = stats.data_transport().and_then(|transport| transport.security);
///     security.is_some_and(|security| security.group == NamedGroup::X25519MlKem768)
/// }
/// # assert!(!withstands_quantum_computers(&PeerConnection::new(pollrtc::Config::default())));
/// ```
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
///
/// ```
/// use pollrtc::{Config, DtlsState, PeerConnection};
///
/// let peer = PeerConnection::new(Config::default());
/// assert!(peer.stats().transports.iter().all(|transport| transport.dtls_state == DtlsState::New));
/// ```
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
///
/// ```
/// use pollrtc::{Config, PeerConnection};
///
/// let stats = PeerConnection::new(Config::default()).stats();
/// println!("{} datagrams were of no use", stats.dropped_unknown + stats.dropped_early + stats.dropped_media);
/// ```
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
///
/// ```
/// use pollrtc::{PeerConnection, TransportStats};
///
/// fn show(transport: &TransportStats) -> String {
///     format!("{:?} by {:?}, {:?} there and back", transport.ice_state, transport.path, transport.round_trip_time)
/// }
///
/// fn show_all(peer: &PeerConnection) -> Vec<String> {
///     peer.stats().transports.iter().map(show).collect()
/// }
/// ```
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
    /// What came and left of media, as long as there are keys for it.
    pub media: Option<MediaStats>,
}

/// The media of one transport: what SRTP has counted, and what was authentic and of no use all the same.
///
/// ```
/// use pollrtc::{PeerConnection, TransportStats};
///
/// fn forged(transport: &TransportStats) -> u64 {
///     transport.media.map_or(0, |media| media.inbound.dropped_unauthentic)
/// }
/// # assert_eq!(pollrtc::PeerConnection::new(pollrtc::Config::default()).stats().transports.iter().map(forged).sum::<u64>(), 0);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct MediaStats {
    /// What came, under the keys of now.
    pub inbound: pollrtc_srtp::InboundStats,
    /// What left, under the keys of now.
    pub outbound: pollrtc_srtp::OutboundStats,
    /// Packets that nothing assigns to a section, or whose payload type was not agreed on.
    pub dropped_unassigned: u64,
    /// Packets that came before: on their own, or as a retransmission.
    pub dropped_duplicates: u64,
    /// Packets of padding alone, with which a peer probes the path.
    pub dropped_empty: u64,
}
