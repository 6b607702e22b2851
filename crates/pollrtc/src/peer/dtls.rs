//! DTLS on one transport: what it is made from, and how far it is.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_core::{Headroom, InnerProtocol, Instant};
use pollrtc_crypto::{Certificate, Fingerprint, HashAlgorithm, NamedGroup, Provider, Rng};
use pollrtc_dtls::{
    self as dtls, CloseReason, ConfigError, Connection, ConnectionIdPolicy, Cookies, KeyLog, PeerVerification,
    SrtpProfile, Versions,
};
use pollrtc_jsep::{CertificateHash, DtlsRole, HashFunction};

use super::rest::Rested;
use crate::stats::{DtlsParameters, DtlsState};

/// What we could protect media with. Agreed on even where there are only data channels, as browsers
/// do: some peers (aiortc) give a connection up that has no profile (RFC 5764 §4.1).
const SRTP_PROFILES: [SrtpProfile; 3] = [
    SrtpProfile::AeadAes128Gcm,
    SrtpProfile::AeadAes256Gcm,
    SrtpProfile::Aes128CmHmacSha1_80,
];

/// How many datagrams wait for the description that tells the peer's fingerprint, on each transport.
const EARLY_DATAGRAMS: usize = 8;

/// What the DTLS connections of all transports are made from.
pub(super) struct DtlsSettings {
    pub(super) provider: &'static dyn Provider,
    /// `None` if none could be made.
    pub(super) certificate: Option<Certificate>,
    pub(super) versions: Versions,
    pub(super) groups: Vec<NamedGroup>,
    /// How long a peer that is to begin may take for it once there is a path.
    pub(super) hello_timeout: Duration,
    pub(super) connection_ids: Option<ConnectionIdPolicy>,
    pub(super) key_log: Option<KeyLog>,
    pub(super) mtu: usize,
}

impl DtlsSettings {
    /// What descriptions say of our certificate.
    pub(super) fn fingerprint(&self) -> Option<CertificateHash> {
        let fingerprint = self.certificate.as_ref()?.fingerprint(HashAlgorithm::Sha256);
        CertificateHash::new(HashFunction::Sha256, fingerprint.digest())
    }

    /// A connection that shakes hands; `None` if there is no certificate. `timeout`: how long the handshake may
    /// take, if that is not as usual.
    pub(super) fn connection(
        &self,
        rng: Rng,
        role: DtlsRole,
        fingerprints: &[CertificateHash],
        timeout: Option<Duration>,
    ) -> Result<Option<Connection>, ConfigError> {
        // No description can be made without a certificate, so there is one by now.
        let Some(certificate) = self.certificate.clone() else {
            return Ok(None);
        };
        let fingerprints = fingerprints.iter();
        let fingerprints = fingerprints.filter_map(|hash| {
            let algorithm = HashAlgorithm::from_name(hash.function().name())?;
            Fingerprint::from_digest(algorithm, hash.bytes())
        });
        let peer = PeerVerification::Fingerprints(fingerprints.collect());
        let mut config = dtls::Config::with_provider(self.provider, certificate, peer);
        config.mtu = self.mtu;
        // ICE has shown that the peer receives what we send.
        config.cookies = Cookies::Off;
        config.srtp_profiles = SRTP_PROFILES.to_vec();
        config.versions = self.versions;
        config.groups.clone_from(&self.groups);
        config.connection_ids.clone_from(&self.connection_ids);
        config.key_log.clone_from(&self.key_log);
        config.handshake_timeout = timeout.unwrap_or(config.handshake_timeout);
        match role {
            DtlsRole::Client => Connection::client(config, rng),
            DtlsRole::Server => Connection::server(config, rng),
        }
        .map(Some)
    }
}

/// DTLS on one transport (W3C WebRTC §5.5, `RTCDtlsTransport`).
#[derive(Debug)]
pub(super) struct DtlsTransport {
    /// Which side we are, and which association of this transport that is.
    pub(super) role: DtlsRole,
    pub(super) association: u32,
    progress: Progress,
    /// The round-trip time that the connection was told of.
    round_trip_time: Option<Duration>,
    /// Whether there was a path on which to shake hands.
    has_begun: bool,
    /// Whether the handshake was done when the connection was touched last.
    was_connected: bool,
}

/// The DTLS connection can't exist before the peer's fingerprint is known.
#[derive(Debug)]
enum Progress {
    /// Waiting for the peer's description. A peer that has ours already may be quicker than its
    /// answer on our signaling: its first flight is kept, within bounds.
    Waiting { early: VecDeque<EarlyDatagram> },
    /// Shaking hands or connected.
    Running(Rested<Box<Connection>>),
    /// Closed or failed; the connection may still have something to say.
    Ended(Rested<Box<Connection>>, DtlsState),
}

/// A datagram that came before the peer's description.
#[derive(Debug)]
struct EarlyDatagram {
    /// What its sender calls itself in ICE; empty if it does not say.
    ufrag: Box<str>,
    payload: Vec<u8>,
}

impl DtlsTransport {
    pub(super) fn new() -> Self {
        Self {
            role: DtlsRole::Client,
            association: 0,
            progress: Progress::Waiting { early: VecDeque::new() },
            round_trip_time: None,
            has_begun: false,
            was_connected: false,
        }
    }

    pub(super) fn state(&self) -> DtlsState {
        match &self.progress {
            Progress::Ended(_, state) => *state,
            Progress::Running(_) if self.is_connected() => DtlsState::Connected,
            Progress::Running(_) if self.has_begun => DtlsState::Connecting,
            Progress::Running(_) | Progress::Waiting { .. } => DtlsState::New,
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        match &self.progress {
            Progress::Waiting { .. } => false,
            Progress::Running(connection) | Progress::Ended(connection, _) if connection.is_untouched() => {
                debug_assert_eq!(self.was_connected, connection.is_connected());
                self.was_connected
            }
            Progress::Running(connection) | Progress::Ended(connection, _) => connection.is_connected(),
        }
    }

    /// Whether the connection was touched since this was asked last.
    pub(super) fn take_touched(&mut self) -> bool {
        let (Progress::Running(connection) | Progress::Ended(connection, _)) = &mut self.progress else {
            return false;
        };
        let is_touched = connection.take_touched();
        if is_touched {
            self.was_connected = connection.is_connected();
        }
        is_touched
    }

    /// Before this, it has nothing to send and nothing to do; zero if that is not known.
    pub(super) fn quiet_until(&self) -> Instant {
        match &self.progress {
            Progress::Waiting { .. } => Instant::FAR_FUTURE,
            Progress::Running(connection) | Progress::Ended(connection, _) => connection.quiet_until(),
        }
    }

    /// What was agreed on, once the handshake is done.
    pub(super) fn parameters(&self) -> Option<DtlsParameters> {
        let connection = self.connection()?;
        Some(DtlsParameters {
            role: self.role,
            version: connection.version()?,
            cipher_suite: connection.cipher_suite()?,
            group: connection.group()?,
            hello_was_retried: connection.hello_was_retried(),
            srtp_profile: connection.srtp_profile(),
        })
    }

    pub(super) fn stats(&self) -> dtls::Stats {
        self.connection().map(Connection::stats).unwrap_or_default()
    }

    pub(super) fn connection(&self) -> Option<&Connection> {
        match &self.progress {
            Progress::Waiting { .. } => None,
            Progress::Running(connection) | Progress::Ended(connection, _) => Some(connection),
        }
    }

    /// The connection, to act on.
    pub(super) fn connection_mut(&mut self) -> Option<&mut Connection> {
        Some(self.rested_mut()?)
    }

    fn rested_mut(&mut self) -> Option<&mut Rested<Box<Connection>>> {
        match &mut self.progress {
            Progress::Waiting { .. } => None,
            Progress::Running(connection) | Progress::Ended(connection, _) => Some(connection),
        }
    }

    /// Keeps a datagram that can't be read before the peer's description has come; false if there is no room. If
    /// several answer our offer from one address, the latest one's are kept: a peer asks again if its answer was lost.
    pub(super) fn keep_early(&mut self, ufrag: &str, payload: &[u8], longest: usize) -> bool {
        let Progress::Waiting { early } = &mut self.progress else {
            return false;
        };
        early.retain(|kept| *kept.ufrag == *ufrag);
        let has_room = early.len() < EARLY_DATAGRAMS && payload.len() <= longest;
        if has_room {
            early.push_back(EarlyDatagram {
                ufrag: ufrag.into(),
                payload: payload.to_vec(),
            });
        }
        has_room
    }

    /// The connection begins, in the place of another one if there is one; what came early from the peer of this
    /// ufrag, whose description it is.
    pub(super) fn begin(
        &mut self,
        connection: Connection,
        peers_ufrag: Option<&str>,
    ) -> impl Iterator<Item = Vec<u8>> + use<> {
        self.round_trip_time = None;
        self.has_begun = false;
        let before = core::mem::replace(&mut self.progress, Progress::Running(Rested::new(Box::new(connection))));
        let mut early = match before {
            Progress::Waiting { early } => early,
            Progress::Running(_) | Progress::Ended(..) => VecDeque::new(),
        };
        early.retain(|datagram| datagram.ufrag.is_empty() || peers_ufrag.is_none_or(|ufrag| *ufrag == *datagram.ufrag));
        early.into_iter().map(|datagram| datagram.payload)
    }

    /// A connection whose handshake is done takes the place of this one.
    pub(super) fn replace(&mut self, connection: Box<Connection>) {
        self.round_trip_time = None;
        self.progress = Progress::Running(Rested::new(connection));
    }

    /// There is a path: from now on the peer may begin. True for the first time with each connection.
    pub(super) fn handle_path(&mut self, hello_deadline: Instant) {
        if let Progress::Running(connection) = &mut self.progress
            && !core::mem::replace(&mut self.has_begun, true)
        {
            connection.set_client_hello_deadline(hello_deadline);
        }
    }

    /// The round-trip time that ICE measured sets the first retransmission timer. True if it is news.
    pub(super) fn handle_round_trip_time(&mut self, round_trip_time: Duration) -> bool {
        let Progress::Running(connection) = &mut self.progress else {
            return false;
        };
        if self.round_trip_time == Some(round_trip_time) {
            return false;
        }
        self.round_trip_time = Some(round_trip_time);
        connection.set_round_trip_time(round_trip_time);
        true
    }

    /// The path has changed: its round-trip time is to be told again.
    pub(super) fn forget_round_trip_time(&mut self) {
        self.round_trip_time = None;
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if let Some(connection) = self.rested_mut() {
            connection.handle_timeout(now);
        }
    }

    /// Whether there may be events.
    pub(super) fn has_news(&self) -> bool {
        match &self.progress {
            Progress::Waiting { .. } => false,
            Progress::Running(connection) | Progress::Ended(connection, _) => connection.has_news(),
        }
    }

    /// Writes the next datagram of the handshake, or an alert, of which none is longer than `longest`; tells how long it
    /// is.
    pub(super) fn write(&mut self, now: Instant, buf: &mut [u8], longest: usize) -> Option<usize> {
        let connection = self.rested_mut().filter(|connection| !connection.is_quiet(now))?;
        let len = connection.write_body(now, buf, Headroom::NONE);
        if len.is_none() && buf.len() >= longest {
            connection.note_quiet();
        }
        len
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.progress {
            Progress::Waiting { .. } => None,
            Progress::Running(connection) | Progress::Ended(connection, _) => connection.poll_timeout(),
        }
    }

    pub(super) fn poll_event(&mut self) -> Option<dtls::Event> {
        let event = self.rested_mut()?.poll_event()?;
        if let dtls::Event::Closed(reason) = &event {
            let state = match reason {
                CloseReason::Local | CloseReason::Remote => DtlsState::Closed,
                _ => DtlsState::Failed,
            };
            self.progress = match core::mem::replace(&mut self.progress, Progress::Waiting { early: VecDeque::new() }) {
                Progress::Running(connection) | Progress::Ended(connection, _) => Progress::Ended(connection, state),
                waiting @ Progress::Waiting { .. } => waiting,
            };
        }
        Some(event)
    }

    /// Says so to the peer.
    pub(super) fn close(&mut self, now: Instant) {
        if let Some(connection) = self.connection_mut() {
            connection.close(now);
        }
    }
}
