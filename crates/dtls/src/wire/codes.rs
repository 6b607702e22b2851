//! Code points: the registries of TLS and DTLS as far as this crate speaks them.

use core::fmt;

use pollrtc_crypto::{AeadAlgorithm, CtrAlgorithm, HashAlgorithm, SignatureScheme, SrtpTransform};

/// A protocol version as it stands on the wire: DTLS counts downwards (RFC 6347 §4.1).
///
/// ```
/// # use pollrtc_dtls::Version;
/// assert_eq!(Version::DTLS_1_3.to_string(), "DTLS 1.3");
/// assert!(Version::DTLS_1_3.is_dtls());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version(pub u16);

impl Version {
    /// DTLS 1.0, which survives as the version of the first record and of HelloVerifyRequest.
    pub const DTLS_1_0: Self = Self(0xfeff);
    /// DTLS 1.2.
    pub const DTLS_1_2: Self = Self(0xfefd);
    /// DTLS 1.3.
    pub const DTLS_1_3: Self = Self(0xfefc);

    /// Whether it is some DTLS: the major byte is 254.
    pub const fn is_dtls(self) -> bool {
        self.0 >> 8 == 0xfe
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::DTLS_1_0 => f.write_str("DTLS 1.0"),
            Self::DTLS_1_2 => f.write_str("DTLS 1.2"),
            Self::DTLS_1_3 => f.write_str("DTLS 1.3"),
            Self(other) => write!(f, "version {other:#06x}"),
        }
    }
}

/// What a record carries (RFC 5246 §6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ContentType {
    /// The one byte that says that the sender's next record has a new epoch.
    ChangeCipherSpec = 20,
    /// A level and a description.
    Alert = 21,
    /// Fragments of handshake messages.
    Handshake = 22,
    /// The application's bytes.
    ApplicationData = 23,
    /// Which records with handshake messages have come (RFC 9147 §7).
    Ack = 26,
}

impl ContentType {
    /// From its code point; `None` for what this crate does not speak.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            20 => Some(Self::ChangeCipherSpec),
            21 => Some(Self::Alert),
            22 => Some(Self::Handshake),
            23 => Some(Self::ApplicationData),
            26 => Some(Self::Ack),
            _ => None,
        }
    }
}

/// The kind of a handshake message (RFC 5246 §7.4, RFC 6347 §4.3.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HandshakeType(pub u8);

impl HandshakeType {
    /// A server that wants to renegotiate; refused.
    pub const HELLO_REQUEST: Self = Self(0);
    /// The client's offer.
    pub const CLIENT_HELLO: Self = Self(1);
    /// The server's choice.
    pub const SERVER_HELLO: Self = Self(2);
    /// The server's cookie.
    pub const HELLO_VERIFY_REQUEST: Self = Self(3);
    /// A session ticket, which we never ask for.
    pub const NEW_SESSION_TICKET: Self = Self(4);
    /// What the server answers to extensions, encrypted (RFC 8446 §4.3.1).
    pub const ENCRYPTED_EXTENSIONS: Self = Self(8);
    /// The sender asks for connection ids (RFC 9147 §9).
    pub const REQUEST_CONNECTION_ID: Self = Self(9);
    /// Connection ids that the sender takes from here on (RFC 9147 §9).
    pub const NEW_CONNECTION_ID: Self = Self(10);
    /// A certificate chain.
    pub const CERTIFICATE: Self = Self(11);
    /// The server's ephemeral key, signed.
    pub const SERVER_KEY_EXCHANGE: Self = Self(12);
    /// The server wants the client's certificate.
    pub const CERTIFICATE_REQUEST: Self = Self(13);
    /// End of the server's first flight.
    pub const SERVER_HELLO_DONE: Self = Self(14);
    /// The client's proof that its certificate is its own.
    pub const CERTIFICATE_VERIFY: Self = Self(15);
    /// The client's ephemeral key.
    pub const CLIENT_KEY_EXCHANGE: Self = Self(16);
    /// The proof that both saw the same handshake.
    pub const FINISHED: Self = Self(20);
    /// The sender's next records have new keys (RFC 8446 §4.6.3).
    pub const KEY_UPDATE: Self = Self(24);
    /// Stands for the first ClientHello in the transcript, never on the wire (RFC 8446 §4.4.1).
    pub const MESSAGE_HASH: Self = Self(254);
}

impl fmt::Debug for HandshakeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for HandshakeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::HELLO_REQUEST => "HelloRequest",
            Self::CLIENT_HELLO => "ClientHello",
            Self::SERVER_HELLO => "ServerHello",
            Self::HELLO_VERIFY_REQUEST => "HelloVerifyRequest",
            Self::NEW_SESSION_TICKET => "NewSessionTicket",
            Self::ENCRYPTED_EXTENSIONS => "EncryptedExtensions",
            Self::REQUEST_CONNECTION_ID => "RequestConnectionId",
            Self::NEW_CONNECTION_ID => "NewConnectionId",
            Self::CERTIFICATE => "Certificate",
            Self::SERVER_KEY_EXCHANGE => "ServerKeyExchange",
            Self::CERTIFICATE_REQUEST => "CertificateRequest",
            Self::SERVER_HELLO_DONE => "ServerHelloDone",
            Self::CERTIFICATE_VERIFY => "CertificateVerify",
            Self::CLIENT_KEY_EXCHANGE => "ClientKeyExchange",
            Self::FINISHED => "Finished",
            Self::KEY_UPDATE => "KeyUpdate",
            Self::MESSAGE_HASH => "message_hash",
            Self(other) => return write!(f, "handshake message {other}"),
        };
        f.write_str(name)
    }
}

/// The kind of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExtensionType(pub u16);

impl ExtensionType {
    /// The name by which the client asks for the server (RFC 6066 §3).
    pub const SERVER_NAME: Self = Self(0);
    /// Groups for key exchange (RFC 8422 §5.1.1).
    pub const SUPPORTED_GROUPS: Self = Self(10);
    /// How points are written (RFC 8422 §5.1.2).
    pub const EC_POINT_FORMATS: Self = Self(11);
    /// What the sender can verify (RFC 5246 §7.4.1.4.1).
    pub const SIGNATURE_ALGORITHMS: Self = Self(13);
    /// SRTP keys from this handshake (RFC 5764 §4.1.1).
    pub const USE_SRTP: Self = Self(14);
    /// Protocols of the application, by preference (RFC 7301 §3.1).
    pub const ALPN: Self = Self(16);
    /// Bytes that make a ClientHello longer (RFC 7685).
    pub const PADDING: Self = Self(21);
    /// The master secret covers the handshake (RFC 7627).
    pub const EXTENDED_MASTER_SECRET: Self = Self(23);
    /// The longest record that the sender takes (RFC 8449 §4).
    pub const RECORD_SIZE_LIMIT: Self = Self(28);
    /// Sessions to resume, which we never do (RFC 8446 §4.2.11).
    pub const PRE_SHARED_KEY: Self = Self(41);
    /// Data before the handshake, which we never take (RFC 8446 §4.2.10).
    pub const EARLY_DATA: Self = Self(42);
    /// The real list of versions, or the server's choice (RFC 8446 §4.2.1).
    pub const SUPPORTED_VERSIONS: Self = Self(43);
    /// What HelloRetryRequest gave, to be sent back (RFC 8446 §4.2.2).
    pub const COOKIE: Self = Self(44);
    /// Which session tickets are of use (RFC 8446 §4.2.9).
    pub const PSK_KEY_EXCHANGE_MODES: Self = Self(45);
    /// Whose certificates are welcome (RFC 8446 §4.2.4).
    pub const CERTIFICATE_AUTHORITIES: Self = Self(47);
    /// Public keys for key exchange (RFC 8446 §4.2.8).
    pub const KEY_SHARE: Self = Self(51);
    /// The connection id that the sender wants to be sent (RFC 9146 §3).
    pub const CONNECTION_ID: Self = Self(54);
    /// Ties renegotiations to what was before; always empty here (RFC 5746 §3.2).
    pub const RENEGOTIATION_INFO: Self = Self(0xff01);
}

/// Whether an alert ends the connection (RFC 5246 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum AlertLevel {
    /// The connection may go on.
    Warning = 1,
    /// The connection is over.
    Fatal = 2,
}

/// What an alert says (RFC 5246 §7.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AlertDescription(pub u8);

impl AlertDescription {
    /// The sender closes.
    pub const CLOSE_NOTIFY: Self = Self(0);
    /// A message that has no place here.
    pub const UNEXPECTED_MESSAGE: Self = Self(10);
    /// A record that can't be authenticated.
    pub const BAD_RECORD_MAC: Self = Self(20);
    /// A record that is too long.
    pub const RECORD_OVERFLOW: Self = Self(22);
    /// Compressed data that can't be read; from times when there was compression.
    pub const DECOMPRESSION_FAILURE: Self = Self(30);
    /// Nothing in common.
    pub const HANDSHAKE_FAILURE: Self = Self(40);
    /// The certificate is not the one expected.
    pub const BAD_CERTIFICATE: Self = Self(42);
    /// The certificate has a key that we can't use.
    pub const UNSUPPORTED_CERTIFICATE: Self = Self(43);
    /// The certificate will not do for a reason that has no alert of its own.
    pub const CERTIFICATE_UNKNOWN: Self = Self(46);
    /// A field out of range or against the negotiation.
    pub const ILLEGAL_PARAMETER: Self = Self(47);
    /// A message that can't be parsed.
    pub const DECODE_ERROR: Self = Self(50);
    /// A signature or a Finished that does not match.
    pub const DECRYPT_ERROR: Self = Self(51);
    /// More connection ids than anyone needs (RFC 9147 §9).
    pub const TOO_MANY_CIDS_REQUESTED: Self = Self(52);
    /// No version in common.
    pub const PROTOCOL_VERSION: Self = Self(70);
    /// Security demands more than the peer offers.
    pub const INSUFFICIENT_SECURITY: Self = Self(71);
    /// Our own fault.
    pub const INTERNAL_ERROR: Self = Self(80);
    /// The handshake is refused for a reason outside of the protocol.
    pub const USER_CANCELED: Self = Self(90);
    /// No renegotiation here.
    pub const NO_RENEGOTIATION: Self = Self(100);
    /// An extension that must be there is not.
    pub const MISSING_EXTENSION: Self = Self(109);
    /// No protocol of the application in common.
    pub const NO_APPLICATION_PROTOCOL: Self = Self(120);
    /// An extension that was not asked for.
    pub const UNSUPPORTED_EXTENSION: Self = Self(110);
    /// The client showed no certificate.
    pub const CERTIFICATE_REQUIRED: Self = Self(116);
}

impl fmt::Debug for AlertDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for AlertDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            22 => "record_overflow",
            30 => "decompression_failure",
            40 => "handshake_failure",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            52 => "too_many_cids_requested",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            90 => "user_canceled",
            100 => "no_renegotiation",
            109 => "missing_extension",
            110 => "unsupported_extension",
            120 => "no_application_protocol",
            116 => "certificate_required",
            other => return write!(f, "alert {other}"),
        };
        f.write_str(name)
    }
}

/// Which kind of key signs in a cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Authentication {
    /// An elliptic curve key.
    Ecdsa,
    /// An RSA key.
    Rsa,
}

impl Authentication {
    /// The kind of key that makes signatures of this scheme.
    pub const fn of(scheme: SignatureScheme) -> Self {
        match scheme {
            // RFC 8422 §5.10: Ed25519 goes with the suites of ECDSA.
            SignatureScheme::EcdsaSecp256r1Sha256
            | SignatureScheme::EcdsaSecp384r1Sha384
            | SignatureScheme::Ed25519 => Self::Ecdsa,
            _ => Self::Rsa,
        }
    }
}

/// The cipher suites that this crate speaks: those of DTLS 1.3 (RFC 8446 §B.4), and of DTLS 1.2 those
/// with ephemeral elliptic curve keys and authenticated encryption (RFC 5289, RFC 7905).
///
/// ```
/// # use pollrtc_dtls::CipherSuite;
/// assert_eq!(CipherSuite::Aes128GcmSha256.to_string(), "TLS_AES_128_GCM_SHA256");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u16)]
pub enum CipherSuite {
    /// TLS_AES_128_GCM_SHA256, of DTLS 1.3.
    Aes128GcmSha256 = 0x1301,
    /// TLS_AES_256_GCM_SHA384, of DTLS 1.3.
    Aes256GcmSha384 = 0x1302,
    /// TLS_CHACHA20_POLY1305_SHA256, of DTLS 1.3.
    ChaCha20Poly1305Sha256 = 0x1303,
    /// TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, which every WebRTC endpoint has (RFC 8827 §6.5).
    EcdheEcdsaAes128GcmSha256 = 0xc02b,
    /// TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384.
    EcdheEcdsaAes256GcmSha384 = 0xc02c,
    /// TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256.
    EcdheEcdsaChaCha20Poly1305Sha256 = 0xcca9,
    /// TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256.
    EcdheRsaAes128GcmSha256 = 0xc02f,
    /// TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384.
    EcdheRsaAes256GcmSha384 = 0xc030,
    /// TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256.
    EcdheRsaChaCha20Poly1305Sha256 = 0xcca8,
}

impl CipherSuite {
    /// All of them, by preference.
    pub const ALL: [Self; 9] = [
        Self::Aes128GcmSha256,
        Self::ChaCha20Poly1305Sha256,
        Self::Aes256GcmSha384,
        Self::EcdheEcdsaAes128GcmSha256,
        Self::EcdheRsaAes128GcmSha256,
        Self::EcdheEcdsaChaCha20Poly1305Sha256,
        Self::EcdheRsaChaCha20Poly1305Sha256,
        Self::EcdheEcdsaAes256GcmSha384,
        Self::EcdheRsaAes256GcmSha384,
    ];

    /// From its code point.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.code() == code)
    }

    /// Its code point.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The name in IANA's registry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes128GcmSha256 => "TLS_AES_128_GCM_SHA256",
            Self::Aes256GcmSha384 => "TLS_AES_256_GCM_SHA384",
            Self::ChaCha20Poly1305Sha256 => "TLS_CHACHA20_POLY1305_SHA256",
            Self::EcdheEcdsaAes128GcmSha256 => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            Self::EcdheEcdsaAes256GcmSha384 => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            Self::EcdheEcdsaChaCha20Poly1305Sha256 => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            Self::EcdheRsaAes128GcmSha256 => "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            Self::EcdheRsaAes256GcmSha384 => "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            Self::EcdheRsaChaCha20Poly1305Sha256 => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        }
    }

    /// The version that it is of.
    pub const fn version(self) -> Version {
        match self {
            Self::Aes128GcmSha256 | Self::Aes256GcmSha384 | Self::ChaCha20Poly1305Sha256 => Version::DTLS_1_3,
            _ => Version::DTLS_1_2,
        }
    }

    /// What encrypts its records.
    pub const fn aead(self) -> AeadAlgorithm {
        match self {
            Self::Aes128GcmSha256 | Self::EcdheEcdsaAes128GcmSha256 | Self::EcdheRsaAes128GcmSha256 => {
                AeadAlgorithm::Aes128Gcm
            }
            Self::Aes256GcmSha384 | Self::EcdheEcdsaAes256GcmSha384 | Self::EcdheRsaAes256GcmSha384 => {
                AeadAlgorithm::Aes256Gcm
            }
            Self::ChaCha20Poly1305Sha256
            | Self::EcdheEcdsaChaCha20Poly1305Sha256
            | Self::EcdheRsaChaCha20Poly1305Sha256 => AeadAlgorithm::ChaCha20Poly1305,
        }
    }

    /// The hash of its pseudorandom function and transcript.
    pub const fn hash(self) -> HashAlgorithm {
        match self {
            Self::Aes256GcmSha384 | Self::EcdheEcdsaAes256GcmSha384 | Self::EcdheRsaAes256GcmSha384 => {
                HashAlgorithm::Sha384
            }
            _ => HashAlgorithm::Sha256,
        }
    }

    /// The kind of the server's key; in DTLS 1.3 the cipher suite does not tell.
    pub const fn authentication(self) -> Option<Authentication> {
        match self {
            Self::Aes128GcmSha256 | Self::Aes256GcmSha384 | Self::ChaCha20Poly1305Sha256 => None,
            Self::EcdheEcdsaAes128GcmSha256
            | Self::EcdheEcdsaAes256GcmSha384
            | Self::EcdheEcdsaChaCha20Poly1305Sha256 => Some(Authentication::Ecdsa),
            Self::EcdheRsaAes128GcmSha256 | Self::EcdheRsaAes256GcmSha384 | Self::EcdheRsaChaCha20Poly1305Sha256 => {
                Some(Authentication::Rsa)
            }
        }
    }
}

impl fmt::Debug for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What SRTP does with the keys of this handshake (RFC 5764 §4.1.2, RFC 7714 §14.2).
///
/// ```
/// # use pollrtc_dtls::SrtpProfile;
/// assert_eq!(SrtpProfile::from_code(7), Some(SrtpProfile::AeadAes128Gcm));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u16)]
pub enum SrtpProfile {
    /// SRTP_AES128_CM_HMAC_SHA1_80.
    Aes128CmHmacSha1_80 = 0x0001,
    /// SRTP_AES128_CM_HMAC_SHA1_32.
    Aes128CmHmacSha1_32 = 0x0002,
    /// SRTP_AEAD_AES_128_GCM.
    AeadAes128Gcm = 0x0007,
    /// SRTP_AEAD_AES_256_GCM.
    AeadAes256Gcm = 0x0008,
}

impl SrtpProfile {
    /// Every profile.
    pub const ALL: [Self; 4] = [
        Self::Aes128CmHmacSha1_80,
        Self::Aes128CmHmacSha1_32,
        Self::AeadAes128Gcm,
        Self::AeadAes256Gcm,
    ];

    /// From its code point.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.code() == code)
    }

    /// Its code point.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// How packets are protected.
    pub const fn transform(self) -> SrtpTransform {
        let cipher = CtrAlgorithm::Aes128Ctr;
        match self {
            Self::Aes128CmHmacSha1_80 => SrtpTransform::CtrHmacSha1 { cipher, tag_len: 10 },
            Self::Aes128CmHmacSha1_32 => SrtpTransform::CtrHmacSha1 { cipher, tag_len: 4 },
            Self::AeadAes128Gcm => SrtpTransform::Aead(AeadAlgorithm::Aes128Gcm),
            Self::AeadAes256Gcm => SrtpTransform::Aead(AeadAlgorithm::Aes256Gcm),
        }
    }

    /// Bytes of a master key.
    pub const fn key_len(self) -> usize {
        self.transform().key_len()
    }

    /// Bytes of a master salt.
    pub const fn salt_len(self) -> usize {
        self.transform().salt_len()
    }
}

/// Its name in the registry (RFC 5764 §4.1.2, RFC 7714 §14.2).
impl fmt::Display for SrtpProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aes128CmHmacSha1_80 => "SRTP_AES128_CM_HMAC_SHA1_80",
            Self::Aes128CmHmacSha1_32 => "SRTP_AES128_CM_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "SRTP_AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "SRTP_AEAD_AES_256_GCM",
        })
    }
}
