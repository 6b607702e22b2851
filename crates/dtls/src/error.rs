//! How connections end, and what callers can do wrong.

use pollrtc_crypto::CryptoError;

use crate::wire::{AlertDescription, HandshakeType};

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// A message that can't be parsed.
    #[error("the peer's {0} can't be parsed")]
    Malformed(HandshakeType),
    /// A message that has no place at this point.
    #[error("the peer's {0} came out of turn")]
    Unexpected(HandshakeType),
    /// A message that takes more than [`Config::max_reassembly`](crate::Config::max_reassembly) bytes, alone
    /// or together with those before it: a long chain of certificates, most likely.
    #[error("the peer's {0} takes more memory than it may")]
    TooLong(HandshakeType),
    /// No version in common.
    #[error("no version of DTLS in common")]
    Version,
    /// The server claims to speak less than it does: somebody changed the ClientHello.
    #[error("the version was downgraded on the way")]
    Downgrade,
    /// No cipher suite in common.
    #[error("no cipher suite in common")]
    CipherSuite,
    /// No group for key exchange in common.
    #[error("no group for key exchange in common")]
    Group,
    /// No signature scheme in common.
    #[error("no signature scheme in common")]
    SignatureScheme,
    /// The peer has no extended master secret (RFC 7627), without which one handshake could be
    /// passed off as another.
    #[error("the peer does not offer the extended master secret")]
    ExtendedMasterSecret,
    /// A field that contradicts the negotiation.
    #[error("the peer's {0} has a field that was not negotiated or is out of range")]
    IllegalParameter(HandshakeType),
    /// No protocol of the application in common (RFC 7301).
    #[error("no protocol of the application in common")]
    ApplicationProtocol,
    /// The server sent an extension that we did not ask for.
    #[error("the server answers an extension that it was not asked")]
    UnsolicitedExtension,
    /// An extension is not there that DTLS 1.3 does not do without.
    #[error("the peer left out an extension that must be there")]
    MissingExtension,
    /// The peer showed no certificate.
    #[error("the peer showed no certificate")]
    NoCertificate,
    /// The client of a DTLS 1.3 handshake showed no certificate.
    #[error("the client showed no certificate")]
    CertificateRequired,
    /// The certificate is not the one that the session description announced.
    #[error("the peer's certificate is not the expected one")]
    CertificateMismatch,
    /// The caller refused the certificate, and said what the peer is told.
    #[error("the peer's certificate was refused: {0}")]
    CertificateRefused(AlertDescription),
    /// The certificate's key is of a kind that we can't use.
    #[error("the peer's certificate has a key that can't be used")]
    UnsupportedCertificate,
    /// A signature does not match: the peer does not have the key of its certificate.
    #[error("the peer's signature is wrong")]
    Signature,
    /// The peer's Finished does not match: somebody changed the handshake.
    #[error("the peer saw another handshake than we did")]
    Finished,
    /// The cryptographic provider failed on our side.
    #[error("the cryptographic provider failed")]
    Provider,
}

impl HandshakeError {
    /// What we tell the peer.
    pub(crate) fn alert(self) -> AlertDescription {
        match self {
            Self::Malformed(_) => AlertDescription::DECODE_ERROR,
            Self::Unexpected(_) => AlertDescription::UNEXPECTED_MESSAGE,
            Self::Version => AlertDescription::PROTOCOL_VERSION,
            Self::CipherSuite
            | Self::Group
            | Self::SignatureScheme
            | Self::ExtendedMasterSecret
            | Self::NoCertificate => AlertDescription::HANDSHAKE_FAILURE,
            Self::Downgrade | Self::IllegalParameter(_) | Self::TooLong(_) => AlertDescription::ILLEGAL_PARAMETER,
            Self::ApplicationProtocol => AlertDescription::NO_APPLICATION_PROTOCOL,
            Self::UnsolicitedExtension => AlertDescription::UNSUPPORTED_EXTENSION,
            Self::MissingExtension => AlertDescription::MISSING_EXTENSION,
            Self::CertificateRequired => AlertDescription::CERTIFICATE_REQUIRED,
            Self::CertificateMismatch => AlertDescription::BAD_CERTIFICATE,
            Self::CertificateRefused(alert) => alert,
            Self::UnsupportedCertificate => AlertDescription::UNSUPPORTED_CERTIFICATE,
            Self::Signature | Self::Finished => AlertDescription::DECRYPT_ERROR,
            Self::Provider => AlertDescription::INTERNAL_ERROR,
        }
    }
}

impl From<CryptoError> for HandshakeError {
    fn from(_: CryptoError) -> Self {
        Self::Provider
    }
}

/// Why a connection ended.
///
/// ```
/// # use pollrtc_dtls::CloseReason;
/// assert_eq!(CloseReason::NoClientHello.to_string(), "no ClientHello came in time");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// We closed it.
    #[error("closed by us")]
    Local,
    /// The peer closed it.
    #[error("closed by the peer")]
    Remote,
    /// The peer ended it with an alert. During a handshake it may be that nobody can prove it, and that the
    /// peer said nothing more for as long as it takes to send three flights again.
    #[error("the peer ended the connection: {0}")]
    Alert(AlertDescription),
    /// The peer itself, not somebody who pretends to be it, said what makes no sense; this is what it
    /// was told.
    #[error("the peer broke the rules of the protocol: {0}")]
    Violation(AlertDescription),
    /// The handshake failed.
    #[error("the handshake failed: {0}")]
    Handshake(#[from] HandshakeError),
    /// The handshake took too long.
    #[error("the handshake did not complete in time")]
    Timeout,
    /// As a server: no ClientHello came
    /// [in time](crate::Connection::set_client_hello_deadline).
    #[error("no ClientHello came in time")]
    NoClientHello,
    /// All 2^48 records of the connection are used up.
    #[error("the connection's sequence numbers are used up")]
    SequenceExhausted,
    /// So many forged records came that the keys can't be relied on any more.
    #[error("too many forged records")]
    TooManyForgeries,
}

/// What makes a [`Config`](crate::Config) one that no connection can be made of.
///
/// ```
/// # use pollrtc_dtls::ConfigError;
/// let error = ConfigError::Groups;
/// assert_eq!(error.to_string(), "there is no group for key exchange that the provider has");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No cipher suite of a version that is spoken.
    #[error("there is no cipher suite of a version that is spoken")]
    CipherSuites,
    /// No group that the provider has, and that a version has that is spoken.
    #[error("there is no group for key exchange that the provider has")]
    Groups,
    /// No signature scheme that the provider has.
    #[error("there is no signature scheme that the provider has")]
    SignatureSchemes,
    /// A server without a certificate.
    #[error("a server needs a certificate")]
    NoCertificate,
    /// No fingerprint, so that no certificate will ever do.
    #[error("there is no fingerprint that a certificate could have")]
    NoFingerprint,
    /// Not from 64 to 16384, or 16385 where DTLS 1.3 is spoken (RFC 8449 §4).
    #[error("records can't be limited to {0} bytes")]
    RecordSizeLimit(u16),
    /// A protocol of the application that has no byte or more than 255, or more than 65535 in all (RFC 7301
    /// §3.1).
    #[error("a protocol of the application has no name, or names are too long")]
    ApplicationProtocols,
    /// Not a DNS name in ASCII without a dot at its end, or an address (RFC 6066 §3).
    #[error("the server's name is none")]
    ServerName,
    /// No time to wait for an answer, or a longer one at first than at most, or none for a handshake.
    #[error("a timer is zero, or the first is longer than the longest")]
    Timers,
}

/// Why application data was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The handshake is not complete yet.
    #[error("the handshake is not complete")]
    NotConnected,
    /// The connection has ended.
    #[error("the connection is closed")]
    Closed,
    /// More than a record can carry: 16384 bytes.
    #[error("the payload is longer than 16384 bytes")]
    TooLong,
    /// The buffer does not hold prefix, payload and suffix.
    #[error("the buffer is too short for the record")]
    BufferTooShort,
    /// [`Config::max_send_queue`](crate::Config::max_send_queue) bytes wait to be polled.
    #[error("the send queue is full")]
    QueueFull,
    /// All sequence numbers are used up; the connection ends.
    #[error("the connection's sequence numbers are used up")]
    SequenceExhausted,
    /// The cryptographic provider failed.
    #[error("the cryptographic provider failed")]
    Provider,
}

/// Why connection ids were not issued or asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionIdError {
    /// The handshake is not complete yet, or the connection has ended.
    #[error("the connection is not open")]
    NotConnected,
    /// Both sides have not agreed on ids in this direction, or with DTLS 1.2, where they never change.
    #[error("the connection has no ids in this direction that could change")]
    NotNegotiated,
    /// No more than 8 ids are valid at the same time; the oldest go when the peer uses newer ones.
    #[error("too many connection ids are valid already")]
    TooMany,
    /// What was asked for earlier has not come yet.
    #[error("an earlier request is not answered yet")]
    Pending,
    /// There were 2^16 messages already.
    #[error("the connection's message numbers are used up")]
    SequenceExhausted,
}

/// Why no keying material was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The handshake is not complete yet, or the connection has ended.
    #[error("there are no keys: the connection is not open")]
    NotConnected,
    /// One of TLS's own labels, whose output would give away keys of the connection.
    #[error("the label is reserved to TLS itself")]
    ReservedLabel,
    /// A context of more than 65535 bytes.
    #[error("the context is longer than 65535 bytes")]
    ContextTooLong,
    /// The cryptographic provider failed.
    #[error("the cryptographic provider failed")]
    Provider,
}
