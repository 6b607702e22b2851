//! What the caller decides.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv4Addr;
use core::num::NonZeroU8;
use core::time::Duration;

use pollrtc_crypto::{Certificate, Fingerprint, HashAlgorithm, NamedGroup, Provider, Rng, SignatureScheme};
use zeroize::Zeroizing;

use crate::error::{ConfigError, HandshakeError};
use crate::wire::{AlertDescription, CipherSuite, SrtpProfile, Version};

/// The groups that are spoken unless told otherwise: X25519MLKEM768 (DTLS 1.3 only), X25519, P-256, P-384.
pub const DEFAULT_GROUPS: [NamedGroup; 4] = [
    NamedGroup::X25519MlKem768,
    NamedGroup::X25519,
    NamedGroup::Secp256r1,
    NamedGroup::Secp384r1,
];

/// How a [`Connection`](crate::Connection) behaves. One configuration may serve many connections
/// (it is shared as an `Arc`).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Our certificates with their keys, by preference: the peer is shown the first that it can verify.
    /// Both roles show one. A server can't do without; a client that has none is anonymous, and it
    /// depends on the server whether that will do.
    pub certificates: Vec<Certificate>,
    /// Who does the cryptography.
    pub provider: &'static dyn Provider,
    /// Whom to talk to.
    pub peer: PeerVerification,
    /// SRTP profiles by preference (RFC 5764); none means that SRTP is not negotiated. A handshake
    /// without a common profile succeeds and says so in [`Event::Connected`](crate::Event::Connected).
    pub srtp_profiles: Vec<SrtpProfile>,
    /// Protocols of the application by preference (RFC 7301), such as `b"webrtc"` (RFC 8833); none
    /// means that none is negotiated. A server with protocols refuses clients that offer none of them.
    pub application_protocols: Vec<Vec<u8>>,
    /// As a client: the name of the server that we want to talk to (RFC 6066 §3), for servers that have
    /// several: a DNS name in ASCII without a dot at its end, never an address. Default: none is told.
    pub server_name: Option<String>,
    /// As a client of DTLS 1.3: whether servers may send session tickets, as browsers let them (RFC 8446
    /// §4.2.9). We resume nothing, so tickets are acknowledged and forgotten; but a ClientHello that
    /// looks like others is not singled out. Default: they may not.
    pub session_tickets: bool,
    /// The longest plaintext of a record that we take (RFC 8449), for devices with little memory: 64 to
    /// 16384 bytes, and in DTLS 1.3 one more for the content type. Default: as long as may be. What the
    /// peer takes is always respected.
    pub record_size_limit: Option<u16>,
    /// The versions that are spoken; of two, the newer one is preferred. Default: both.
    pub versions: Versions,
    /// Cipher suites by preference, of both versions. A version without any is not spoken.
    pub cipher_suites: Vec<CipherSuite>,
    /// Groups for key exchange by preference; those that the provider lacks are left out. Default:
    /// [`DEFAULT_GROUPS`]. In DTLS 1.2 a client's groups also say on which curves the server's ECDSA key may
    /// be (RFC 8422 §5.1).
    pub groups: Vec<NamedGroup>,
    /// What the peer may sign with, by preference; what the provider lacks is left out. Default: all
    /// that the provider has. What we sign with is up to the [key](pollrtc_crypto::SigningKey::schemes)
    /// of the certificate.
    pub signature_schemes: Vec<SignatureScheme>,
    /// The most bytes of a datagram that carries handshake messages: UDP payload, without IP and
    /// UDP headers. Default 1200.
    pub mtu: usize,
    /// How long to wait for the answer to a flight before it is sent again, doubled each time, as
    /// long as [`set_round_trip_time`](crate::Connection::set_round_trip_time) says nothing better.
    /// Default 400 ms (RFC 9147 §5.8.2).
    pub initial_rto: Duration,
    /// Where the doubling ends, and 3 s at the latest where the round-trip time is known. Default 60 s (RFC
    /// 6347 §4.2.4.1).
    pub max_rto: Duration,
    /// How long a handshake may take, from its first datagram. Default 60 s.
    pub handshake_timeout: Duration,
    /// Bytes of handshake messages that a peer may send in one handshake. Default 64 KiB. What does not fit
    /// ends a handshake ([`HandshakeError::TooLong`]): at once where only the peer can have sent it, and
    /// when its time is over where it could have been anyone.
    pub max_reassembly: usize,
    /// Bytes of outgoing datagrams that [`send`](crate::Connection::send) may queue. Default 64 KiB.
    pub max_send_queue: usize,
    /// Whether a server asks clients to prove their address. Default: it does; whoever knows the address
    /// already, as ICE does, switches it off.
    pub cookies: Cookies,
    /// Whether a server asks clients who they are.
    pub client_certificates: ClientCertificates,
    /// Whether connection ids are spoken (RFC 9146, RFC 9147 §9), by which a server finds the connection
    /// of a client whose address has changed, and which ones we want to be sent. Default: they are not,
    /// since WebRTC has ICE for that.
    pub connection_ids: Option<ConnectionIdPolicy>,
    /// Gets the secrets of each connection, for tools that decrypt captures. Default: nobody does.
    pub key_log: Option<KeyLog>,
}

impl Config {
    /// Good defaults with the default provider, for this certificate (or `None`) and this peer. More
    /// certificates go into [`certificates`](Self::certificates).
    #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
    pub fn new(certificate: impl Into<Option<Certificate>>, peer: PeerVerification) -> Self {
        Self::with_provider(pollrtc_crypto::default_provider(), certificate, peer)
    }

    /// The same with another provider.
    pub fn with_provider(
        provider: &'static dyn Provider,
        certificate: impl Into<Option<Certificate>>,
        peer: PeerVerification,
    ) -> Self {
        Self {
            certificates: certificate.into().into_iter().collect(),
            provider,
            peer,
            srtp_profiles: Vec::new(),
            application_protocols: Vec::new(),
            server_name: None,
            session_tickets: false,
            record_size_limit: None,
            versions: Versions::default(),
            cipher_suites: CipherSuite::ALL.to_vec(),
            groups: DEFAULT_GROUPS.to_vec(),
            signature_schemes: provider.signature_schemes().to_vec(),
            mtu: 1200,
            initial_rto: Duration::from_millis(400),
            max_rto: Duration::from_secs(60),
            handshake_timeout: Duration::from_secs(60),
            max_reassembly: 64 * 1024,
            max_send_queue: 65_536,
            cookies: Cookies::Required,
            client_certificates: ClientCertificates::Required,
            connection_ids: None,
            key_log: None,
        }
    }
}

impl Config {
    /// Whether clients can be made of it.
    pub(crate) fn check_client(&self) -> Result<(), ConfigError> {
        self.check()
    }

    /// Whether servers can be made of it.
    pub(crate) fn check_server(&self) -> Result<(), ConfigError> {
        self.check()?;
        match self.certificates.is_empty() {
            true => Err(ConfigError::NoCertificate),
            false => Ok(()),
        }
    }

    /// Whether it is good for either role.
    fn check(&self) -> Result<(), ConfigError> {
        let (v12, v13) = (self.speaks(Version::DTLS_1_2), self.speaks(Version::DTLS_1_3));
        if !v12 && !v13 {
            return Err(ConfigError::CipherSuites);
        }
        if !self.known_groups().any(|group| v13 || group.is_diffie_hellman()) {
            return Err(ConfigError::Groups);
        }
        if self.known_signature_schemes().next().is_none() {
            return Err(ConfigError::SignatureSchemes);
        }
        if matches!(&self.peer, PeerVerification::Fingerprints(fingerprints) if fingerprints.is_empty()) {
            return Err(ConfigError::NoFingerprint);
        }
        let limits = 64..=16_384 + u16::from(v13);
        if let Some(limit) = self.record_size_limit.filter(|limit| !limits.contains(limit)) {
            return Err(ConfigError::RecordSizeLimit(limit));
        }
        let names = || self.application_protocols.iter().map(Vec::len);
        if names().any(|length| length == 0 || length > 255) || names().map(|length| 1 + length).sum::<usize>() > 65_535
        {
            return Err(ConfigError::ApplicationProtocols);
        }
        if self.server_name.as_deref().is_some_and(|name| !is_host_name(name)) {
            return Err(ConfigError::ServerName);
        }
        let is_endless = self.initial_rto.is_zero() || self.handshake_timeout.is_zero();
        if is_endless || self.initial_rto > self.max_rto {
            return Err(ConfigError::Timers);
        }
        Ok(())
    }

    /// Whether a version is on and has a cipher suite.
    pub(crate) fn speaks(&self, version: Version) -> bool {
        let is_on = match version {
            Version::DTLS_1_2 => self.versions != Versions::Dtls13,
            Version::DTLS_1_3 => self.versions != Versions::Dtls12,
            _ => false,
        };
        is_on && self.cipher_suites.iter().any(|suite| suite.version() == version)
    }

    /// The groups that we speak, by preference.
    pub(crate) fn known_groups(&self) -> impl Iterator<Item = NamedGroup> {
        let known = self.provider.groups();
        self.groups.iter().copied().filter(|group| known.contains(group))
    }

    /// What the peer may sign with, by preference.
    pub(crate) fn known_signature_schemes(&self) -> impl Iterator<Item = SignatureScheme> {
        let known = self.provider.signature_schemes();
        let ours = self.signature_schemes.iter().copied();
        ours.filter(|scheme| known.contains(scheme))
    }

    /// Tells a secret to whoever wants to know.
    pub(crate) fn log_secret(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        let Some(KeyLog(log)) = &self.key_log else { return };
        let mut line = Zeroizing::new(String::with_capacity(label.len() + 2 * (32 + secret.len()) + 2));
        line.push_str(label);
        for bytes in [&client_random[..], secret] {
            line.push(' ');
            for byte in bytes {
                line.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
            }
        }
        log(&line);
    }
}

/// RFC 6066 §3: a DNS name in ASCII, without a dot at its end, and not an address.
fn is_host_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&part.len()) && part.bytes().all(is_known)
    };
    name.len() <= 253 && name.split('.').all(is_part) && name.parse::<Ipv4Addr>().is_err()
}

/// Which connection ids we want to be sent. A connection makes its first one when it is made, and others
/// when it is asked for more; all have the same length, so that
/// [`connection_id`](crate::connection_id) finds them in a datagram.
///
/// Who watches the network sees them, and can follow a connection by them from one address to another
/// (RFC 9146 §8). In DTLS 1.3 they can be changed.
///
/// ```
/// # use pollrtc_dtls::ConnectionIdPolicy;
/// let policy = ConnectionIdPolicy::Random { length: 8.try_into()? };
/// # let _ = policy;
/// # Ok::<(), std::num::TryFromIntError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConnectionIdPolicy {
    /// None: we send with the peer's, and are found by our address. For clients.
    SendOnly,
    /// Random ones. Eight bytes are enough for any number of connections.
    Random {
        /// Bytes of an id.
        length: NonZeroU8,
    },
    /// The caller's own, which may say which machine of several is to get a datagram.
    Chosen {
        /// Bytes of an id.
        length: NonZeroU8,
        /// Makes them.
        chooser: ConnectionIdChooser,
    },
}

impl ConnectionIdPolicy {
    /// A new one, if we want any.
    pub(crate) fn choose(&self, rng: &mut Rng) -> Option<Box<[u8]>> {
        let (Self::Random { length } | Self::Chosen { length, .. }) = self else {
            return None;
        };
        let mut id = vec![0; usize::from(length.get())];
        rng.fill(&mut id);
        if let Self::Chosen { chooser, .. } = self {
            (chooser.0)(&mut id);
        }
        Some(id.into())
    }
}

/// Makes a connection id: it gets random bytes and changes those that should not be. No two connections
/// of a server should have the same one, nor one connection the same one twice.
pub type ChooseConnectionId = dyn Fn(&mut [u8]) + Send + Sync;

/// Holds a [`ChooseConnectionId`].
///
/// ```
/// # use std::sync::Arc;
/// # use pollrtc_dtls::{ConnectionIdChooser, ConnectionIdPolicy};
/// /// Which of several machines a load balancer is to send to.
/// const MACHINE: u8 = 3;
/// let chooser = ConnectionIdChooser(Arc::new(|id: &mut [u8]| id[0] = MACHINE));
/// let policy = ConnectionIdPolicy::Chosen { length: 8.try_into()?, chooser };
/// # let _ = policy;
/// # Ok::<(), std::num::TryFromIntError>(())
/// ```
#[derive(Clone)]
pub struct ConnectionIdChooser(pub Arc<ChooseConnectionId>);

impl fmt::Debug for ConnectionIdChooser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionIdChooser(..)")
    }
}

/// Takes lines of the key log: `LABEL CLIENT_RANDOM SECRET` in hexadecimal, as in the files that
/// `SSLKEYLOGFILE` names (RFC 9850), without the end of line.
///
/// ```
/// # use std::sync::{Arc, Mutex};
/// # use pollrtc_dtls::KeyLog;
/// let lines = Arc::new(Mutex::new(Vec::new()));
/// let taken = lines.clone();
/// let log = KeyLog(Arc::new(move |line| taken.lock().unwrap().push(line.to_owned())));
/// (log.0)("CLIENT_RANDOM 00 00");
/// assert_eq!(lines.lock().unwrap().len(), 1);
/// ```
#[derive(Clone)]
pub struct KeyLog(pub Arc<dyn Fn(&str) + Send + Sync>);

impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyLog(..)")
    }
}

/// Which versions of DTLS are spoken.
///
/// ```
/// # use pollrtc_dtls::Versions;
/// assert_eq!(Versions::default(), Versions::Both);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Versions {
    /// DTLS 1.3 where the peer speaks it too, else 1.2.
    #[default]
    Both,
    /// DTLS 1.2 alone (RFC 6347).
    Dtls12,
    /// DTLS 1.3 alone (RFC 9147).
    Dtls13,
}

/// Whether a server answers a first ClientHello with a request to say it again with a cookie:
/// HelloVerifyRequest (RFC 6347 §4.2.1) or HelloRetryRequest (RFC 9147 §5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cookies {
    /// Answer at once: something else, such as ICE, has shown that the peer receives what we send. Without
    /// that a server sends many times the bytes of a forged ClientHello to whose address it has.
    Off,
    /// Ask first: for a server that anyone may reach (RFC 9147 §5.1). It costs a round trip.
    #[default]
    Required,
}

/// Whether a server asks clients for a certificate. Between the peers of a session both know each
/// other; a server for everybody may not care.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// Clients without a certificate are refused.
    #[default]
    Required,
    /// Clients may show one; if they do, it must be the right one.
    Optional,
    /// Clients are not asked.
    NotRequested,
}

/// Says of the DER of a certificate whether its owner is the right peer, and if not, with which alert
/// the peer is told so.
pub type CertificateCheck = dyn Fn(&[u8]) -> Result<(), AlertDescription> + Send + Sync;

/// Which certificates a peer may show. It must in any case prove that it has the key.
#[derive(Clone)]
pub enum PeerVerification {
    /// One of those that the session description named. Of several hash functions only the
    /// strongest counts (RFC 8122 §5).
    Fingerprints(Vec<Fingerprint>),
    /// Those (in DER) for which the function says `Ok`.
    Callback(Arc<CertificateCheck>),
    /// Anyone at all. The connection is then encrypted, but to whom is unknown.
    AcceptAny,
}

impl PeerVerification {
    /// Whether this certificate will do.
    pub(crate) fn check(&self, certificate: &[u8]) -> Result<(), HandshakeError> {
        let is_expected = match self {
            Self::Fingerprints(fingerprints) => {
                let strongest = fingerprints.iter().map(strength).max();
                fingerprints
                    .iter()
                    .filter(|fingerprint| Some(strength(fingerprint)) == strongest)
                    .any(|fingerprint| fingerprint.matches(certificate))
            }
            Self::Callback(check) => return check(certificate).map_err(HandshakeError::CertificateRefused),
            Self::AcceptAny => true,
        };
        match is_expected {
            true => Ok(()),
            false => Err(HandshakeError::CertificateMismatch),
        }
    }
}

fn strength(fingerprint: &Fingerprint) -> usize {
    match fingerprint.algorithm() {
        HashAlgorithm::Sha1 => 0,
        other => other.output_len(),
    }
}

impl fmt::Debug for PeerVerification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fingerprints(fingerprints) => f.debug_tuple("Fingerprints").field(fingerprints).finish(),
            Self::Callback(_) => f.write_str("Callback(..)"),
            Self::AcceptAny => f.write_str("AcceptAny"),
        }
    }
}
