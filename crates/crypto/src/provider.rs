//! What a DTLS stack asks of a cryptographic library.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::{self, Debug};

use ctutils::CtEq;
use zeroize::Zeroizing;

use crate::public_key::{KeyKind, PublicKey};
use crate::{CryptoError, Rng};

/// Authenticated encryption (RFC 5116). All have 12-byte nonces and 16-byte tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AeadAlgorithm {
    /// AES-128 in Galois/counter mode, 16-byte key.
    Aes128Gcm,
    /// AES-256 in Galois/counter mode, 32-byte key.
    Aes256Gcm,
    /// ChaCha20-Poly1305 (RFC 8439), 32-byte key.
    ChaCha20Poly1305,
}

impl AeadAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::Aes128Gcm, Self::Aes256Gcm, Self::ChaCha20Poly1305];

    /// Bytes of a key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => 32,
        }
    }

    /// Bytes of a tag.
    pub const TAG_LEN: usize = 16;
    /// Bytes of a nonce.
    pub const NONCE_LEN: usize = 12;
}

/// Encryption with the keystream of a block cipher in counter mode (NIST SP 800-38A §6.5), which
/// SRTP calls AES-CM (RFC 3711 §4.1.1, RFC 6188 §2). It does not authenticate anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CtrAlgorithm {
    /// AES-128 in counter mode, 16-byte key.
    Aes128Ctr,
    /// AES-256 in counter mode, 32-byte key.
    Aes256Ctr,
}

impl CtrAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 2] = [Self::Aes128Ctr, Self::Aes256Ctr];
    /// Bytes of the counter's first value.
    pub const COUNTER_LEN: usize = 16;

    /// Bytes of a key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128Ctr => 16,
            Self::Aes256Ctr => 32,
        }
    }
}

/// Hash functions, as they occur in cipher suites and certificate fingerprints.
///
/// ```
/// # use pollrtc_crypto::HashAlgorithm;
/// assert_eq!(HashAlgorithm::from_name("SHA-256"), Some(HashAlgorithm::Sha256)); // as in a=fingerprint
/// assert_eq!(HashAlgorithm::Sha256.output_len(), 32);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// SHA-1: only to compare legacy fingerprints with, never by our own choice.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 5] = [Self::Sha1, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Bytes of a digest.
    pub const fn output_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The longest [`output_len`](Self::output_len).
    pub const MAX_OUTPUT_LEN: usize = 64;

    /// The name of the hash in the registry that certificate fingerprints take theirs from (RFC 8122 §5).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha-1",
            Self::Sha224 => "sha-224",
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    /// The algorithm of that [`name`](Self::name), in upper or lower case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }
}

/// Groups for ephemeral key exchange, with their TLS code points (RFC 8446 §4.2.7).
///
/// ```
/// # use pollrtc_crypto::NamedGroup;
/// assert_eq!(NamedGroup::from_name("x25519"), Some(NamedGroup::X25519));
/// assert_eq!(NamedGroup::X25519MlKem768.public_key_len(), 1216);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u16)]
pub enum NamedGroup {
    /// NIST P-256; public keys are 65-byte uncompressed points.
    Secp256r1 = 0x0017,
    /// NIST P-384; public keys are 97-byte uncompressed points.
    Secp384r1 = 0x0018,
    /// X25519 (RFC 7748); public keys are 32 bytes.
    X25519 = 0x001d,
    /// ML-KEM-768 (FIPS 203) together with X25519 (draft-ietf-tls-ecdhe-mlkem §3): safe as long as
    /// either is. For TLS 1.3 and later only.
    X25519MlKem768 = 0x11ec,
}

impl NamedGroup {
    /// Every group, by preference.
    pub const ALL: [Self; 4] = [Self::X25519MlKem768, Self::X25519, Self::Secp256r1, Self::Secp384r1];

    /// The name of the group in the registry of TLS's groups (RFC 8446 §11).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secp256r1 => "secp256r1",
            Self::Secp384r1 => "secp384r1",
            Self::X25519 => "x25519",
            Self::X25519MlKem768 => "X25519MLKEM768",
        }
    }

    /// The group of that [`name`](Self::name), in upper or lower case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|group| group.name().eq_ignore_ascii_case(name))
    }

    /// Bytes of the public key of whoever speaks first: the client, in TLS 1.3.
    pub const fn public_key_len(self) -> usize {
        match self {
            Self::Secp256r1 => 65,
            Self::Secp384r1 => 97,
            Self::X25519 => 32,
            Self::X25519MlKem768 => 1184 + 32,
        }
    }

    /// Bytes of the [answer](Provider::answer_key_exchange) to such a public key.
    pub const fn answer_len(self) -> usize {
        match self {
            Self::Secp256r1 | Self::Secp384r1 | Self::X25519 => self.public_key_len(),
            Self::X25519MlKem768 => 1088 + 32,
        }
    }

    /// The curve of an ECDSA key, given as the DER of its SubjectPublicKeyInfo; other keys have none.
    pub fn of_key(subject_public_key_info: &[u8]) -> Option<Self> {
        match PublicKey::from_info(subject_public_key_info).ok()?.kind {
            KeyKind::P256 => Some(Self::Secp256r1),
            KeyKind::P384 => Some(Self::Secp384r1),
            KeyKind::Rsa | KeyKind::Ed25519 => None,
        }
    }

    /// Whether the answer is a public key of the same form as the first, so that neither side has
    /// to know the other's when it makes its own. TLS 1.2 has no other groups.
    pub const fn is_diffie_hellman(self) -> bool {
        !matches!(self, Self::X25519MlKem768)
    }

    /// Whether the bytes have the length and the form of a public key, which for points is the
    /// uncompressed one (RFC 8422 §5.4.1). They may be no point of the curve even so.
    #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
    pub(crate) fn has_public_key_form(self, public_key: &[u8]) -> bool {
        let is_point = matches!(self, Self::Secp256r1 | Self::Secp384r1);
        public_key.len() == self.public_key_len() && (!is_point || public_key.first() == Some(&0x04))
    }
}

/// Signature algorithms, with their TLS code points (RFC 8446 §4.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u16)]
pub enum SignatureScheme {
    /// ECDSA with P-256 and SHA-256 (in TLS 1.2: any curve with SHA-256; ours is P-256).
    EcdsaSecp256r1Sha256 = 0x0403,
    /// ECDSA with P-384 and SHA-384.
    EcdsaSecp384r1Sha384 = 0x0503,
    /// RSASSA-PSS with SHA-256 and an rsaEncryption key.
    RsaPssRsaeSha256 = 0x0804,
    /// RSASSA-PSS with SHA-384 and an rsaEncryption key.
    RsaPssRsaeSha384 = 0x0805,
    /// RSASSA-PSS with SHA-512 and an rsaEncryption key.
    RsaPssRsaeSha512 = 0x0806,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1Sha256 = 0x0401,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaPkcs1Sha384 = 0x0501,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaPkcs1Sha512 = 0x0601,
    /// Ed25519 (RFC 8032).
    Ed25519 = 0x0807,
}

impl SignatureScheme {
    /// Every scheme, by preference.
    pub const ALL: [Self; 9] = [
        Self::EcdsaSecp256r1Sha256,
        Self::EcdsaSecp384r1Sha384,
        Self::Ed25519,
        Self::RsaPssRsaeSha256,
        Self::RsaPssRsaeSha384,
        Self::RsaPssRsaeSha512,
        Self::RsaPkcs1Sha256,
        Self::RsaPkcs1Sha384,
        Self::RsaPkcs1Sha512,
    ];
    /// The schemes of RSA keys, by preference.
    #[cfg(feature = "aws-lc-rs")]
    pub(crate) const RSA: &[Self] = Self::ALL.split_at(3).1;

    /// Whether the key, given as the DER of its SubjectPublicKeyInfo, is of the kind and on the
    /// curve that the scheme names. TLS 1.3 asks for it (RFC 8446 §4.2.3); in 1.2 a scheme names
    /// no curve, only the hash.
    pub fn is_for_key(self, subject_public_key_info: &[u8]) -> bool {
        let Ok(PublicKey { kind, key }) = PublicKey::from_info(subject_public_key_info) else {
            return false;
        };
        let expected = match self {
            Self::EcdsaSecp256r1Sha256 => KeyKind::P256,
            Self::EcdsaSecp384r1Sha384 => KeyKind::P384,
            Self::RsaPssRsaeSha256 | Self::RsaPssRsaeSha384 | Self::RsaPssRsaeSha512 => KeyKind::Rsa,
            Self::RsaPkcs1Sha256 | Self::RsaPkcs1Sha384 | Self::RsaPkcs1Sha512 => KeyKind::Rsa,
            Self::Ed25519 => KeyKind::Ed25519,
        };
        kind == expected && !key.is_empty()
    }
}

/// A cryptographic library. Providers are stateless; get one with `default_provider()` or name
/// `aws_lc_rs::PROVIDER` or `rust_crypto::PROVIDER`.
///
/// ```
/// # use pollrtc_crypto::{HashAlgorithm, NamedGroup, default_provider};
/// let provider = default_provider();
/// assert!(provider.groups().contains(&NamedGroup::X25519));
/// let mut hash = provider.hash(HashAlgorithm::Sha256)?;
/// hash.update(b"abc");
/// let mut digest = [0; HashAlgorithm::MAX_OUTPUT_LEN];
/// assert_eq!(hash.finish(&mut digest), 32);
/// assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);
/// # Ok::<(), pollrtc_crypto::CryptoError>(())
/// ```
pub trait Provider: Debug + Send + Sync {
    /// A key for authenticated encryption, scheduled once and used for many records.
    fn aead(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError>;

    /// A key for the numbers of encrypted records (RFC 9147 §4.2.3). It has as many bytes as the
    /// key of the AEAD, whose cipher it is for.
    fn record_number_key(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Result<Box<dyn RecordNumberKey>, CryptoError>;

    /// A key for a keystream, scheduled once and used for many packets.
    fn ctr(&self, algorithm: CtrAlgorithm, key: &[u8]) -> Result<Box<dyn CtrKey>, CryptoError>;

    /// A running hash.
    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>, CryptoError>;

    /// An HMAC key (RFC 2104), scheduled once and used for many messages.
    fn hmac(&self, algorithm: HashAlgorithm, key: &[u8]) -> Result<Box<dyn HmacKey>, CryptoError>;

    /// The groups of [`key_exchange`](Self::key_exchange), by preference.
    fn groups(&self) -> &'static [NamedGroup];

    /// A fresh ephemeral key. Providers that can't be seeded ignore `rng`.
    fn key_exchange(&self, group: NamedGroup, rng: &mut Rng) -> Result<Box<dyn KeyExchange>, CryptoError>;

    /// Answers a peer's public key with our own and tells the secret that both now have: the server's
    /// side in TLS 1.3. For [Diffie-Hellman](NamedGroup::is_diffie_hellman) groups it is the same
    /// as a [`key_exchange`](Self::key_exchange) completed with that key.
    ///
    /// # Errors
    ///
    /// [`CryptoError::InvalidKey`] if the public key is none of the group.
    fn answer_key_exchange(
        &self,
        group: NamedGroup,
        peer_public_key: &[u8],
        rng: &mut Rng,
    ) -> Result<KeyExchangeAnswer, CryptoError>;

    /// The schemes of [`verify`](Self::verify), by preference.
    fn signature_schemes(&self) -> &'static [SignatureScheme];

    /// Checks a signature over `message` with the public key of a certificate, given as the DER of
    /// its SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
    fn verify(
        &self,
        scheme: SignatureScheme,
        subject_public_key_info: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError>;

    /// A fresh ECDSA P-256 signing key.
    fn generate_signing_key(&self, rng: &mut Rng) -> Result<Arc<dyn SigningKey>, CryptoError>;

    /// A signing key from the DER of its PKCS#8 form (RFC 5958): ECDSA on P-256 or P-384, Ed25519,
    /// or RSA where the provider signs with it.
    fn signing_key_from_pkcs8(&self, der: &[u8]) -> Result<Arc<dyn SigningKey>, CryptoError>;
}

/// A scheduled AEAD key. Nonces must never repeat under one key; the caller sees to it.
pub trait AeadKey: Send + Sync {
    /// Encrypts `in_out` in place and gives back the tag.
    fn seal(&self, nonce: &[u8; 12], aad: &[u8], in_out: &mut [u8]) -> Result<[u8; 16], CryptoError>;

    /// Checks `tag` and decrypts `in_out` in place; on error the content of `in_out` is
    /// unspecified and must not be used.
    fn open(&self, nonce: &[u8; 12], aad: &[u8], in_out: &mut [u8], tag: &[u8; 16]) -> Result<(), CryptoError>;
}

/// A scheduled key for a keystream. No value of the counter may occur twice under one key; the
/// caller sees to it.
pub trait CtrKey: Send + Sync {
    /// Adds the keystream to `in_out` (XOR), which encrypts and decrypts alike. Its first block is
    /// that of `counter`; from block to block this goes up by one, as a big-endian number of 128 bits.
    fn apply_keystream(&self, counter: &[u8; 16], in_out: &mut [u8]);
}

/// A scheduled key that hides the numbers of records.
pub trait RecordNumberKey: Send + Sync {
    /// The mask to XOR the number with, from the first 16 bytes of the record's ciphertext.
    fn mask(&self, ciphertext: &[u8; 16]) -> [u8; 2];
}

/// A running hash, such as the transcript of a handshake.
pub trait HashContext: Send + Sync {
    /// Adds bytes to what is hashed.
    fn update(&mut self, bytes: &[u8]);
    /// The digest of what was taken so far; more can follow. Writes
    /// [`HashAlgorithm::output_len`] bytes to the front of `out`, which holds at least as many, and returns how many.
    fn finish(&self, out: &mut [u8; HashAlgorithm::MAX_OUTPUT_LEN]) -> usize;
    /// A hash of its own that has taken the same bytes.
    fn fork(&self) -> Box<dyn HashContext>;
}

/// A scheduled HMAC key: what it makes of the hash is kept, and each message goes on from there.
pub trait HmacKey: Send + Sync {
    /// The MAC over the parts as if they were one. Returns its length, which is
    /// [`HashAlgorithm::output_len`].
    fn sign(&self, parts: &[&[u8]], out: &mut [u8; HashAlgorithm::MAX_OUTPUT_LEN]) -> usize;
}

impl dyn HmacKey {
    /// Checks a tag over the parts, which is the first `N` bytes of the MAC (RFC 2104 §5), in time that does
    /// not depend on how much of it is right. SRTP has tags of 10 and of 4 bytes (RFC 3711 §4.2.1): the
    /// length is in the type, so that nothing that comes in can make it shorter. Below 4 it does not
    /// compile.
    ///
    /// ```
    /// # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
    /// use pollrtc_crypto::{HashAlgorithm, default_provider};
    ///
    /// let key = default_provider().hmac(HashAlgorithm::Sha1, &[7; 20]).unwrap();
    /// let mut mac = [0; HashAlgorithm::MAX_OUTPUT_LEN];
    /// key.sign(&[b"packet", b"rollover counter"], &mut mac);
    /// let tag: &[u8; 10] = mac.first_chunk().unwrap();
    /// assert!(key.verify(&[b"packet", b"rollover counter"], tag).is_ok());
    /// assert!(key.verify(&[b"packet", b"another counter!"], tag).is_err());
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`CryptoError::Authentication`] if it is another tag, or longer than the MAC.
    pub fn verify<const N: usize>(&self, parts: &[&[u8]], tag: &[u8; N]) -> Result<(), CryptoError> {
        const { assert!(N >= MIN_TAG_LEN, "a tag so short is as good as none") };
        let mut mac = [0; HashAlgorithm::MAX_OUTPUT_LEN];
        let length = self.sign(parts, &mut mac);
        let expected = mac.get(..length).and_then(|mac| mac.first_chunk::<N>());
        match expected {
            Some(expected) if expected.ct_eq(tag).to_bool() => Ok(()),
            _ => Err(CryptoError::Authentication),
        }
    }
}

/// Bytes of the shortest tag that any protocol takes: SRTP's with 32 bits (RFC 3711 §5.2).
pub(crate) const MIN_TAG_LEN: usize = 4;

/// An ephemeral private key that waits for the peer's public key.
pub trait KeyExchange: Send + Sync {
    /// The group of the key.
    fn group(&self) -> NamedGroup;
    /// Our public key, as it goes on the wire.
    fn public_key(&self) -> &[u8];
    /// The shared secret, from the peer's public key or, in groups that are not
    /// [Diffie-Hellman](NamedGroup::is_diffie_hellman), the peer's answer to ours. Refuses points off
    /// the curve and all-zero results (RFC 7748 §6.1).
    fn complete(self: Box<Self>, peer_public_key: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError>;
}

/// The answer that [`Provider::answer_key_exchange`] gives.
pub struct KeyExchangeAnswer {
    /// Our public key, as it goes on the wire.
    pub public_key: Vec<u8>,
    /// The shared secret.
    pub secret: Zeroizing<Vec<u8>>,
}

impl Debug for KeyExchangeAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyExchangeAnswer(..)")
    }
}

/// A long-term private key that signs handshakes and certificates.
pub trait SigningKey: Debug + Send + Sync {
    /// The schemes that it can sign with, by preference.
    fn schemes(&self) -> &[SignatureScheme];
    /// Signs; ECDSA signatures are DER (RFC 3279 §2.2.3).
    fn sign(&self, scheme: SignatureScheme, message: &[u8], rng: &mut Rng) -> Result<Vec<u8>, CryptoError>;
    /// The DER of its SubjectPublicKeyInfo.
    fn public_key_info(&self) -> &[u8];
    /// The DER of its PKCS#8 form, for storing.
    fn to_pkcs8(&self) -> Zeroizing<Vec<u8>>;
}

/// Writes a digest to the front of `out` and gives its length.
#[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
pub(crate) fn copy_to_front(digest: &[u8], out: &mut [u8; HashAlgorithm::MAX_OUTPUT_LEN]) -> usize {
    out[..digest.len()].copy_from_slice(digest);
    digest.len()
}
