//! The certificate that a peer shows in its handshakes.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::der::{element, tag};
use crate::{CryptoError, Fingerprint, HashAlgorithm, Provider, Rng, SignatureScheme, SigningKey, public_key_info};

/// An X.509 certificate and its private key. Clones share both.
///
/// Peers of a session know each other by the hash of the certificate in their descriptions, so
/// nobody but ourselves has to sign it:
///
/// ```
/// # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
/// use pollrtc_crypto::{Certificate, HashAlgorithm, Rng, default_provider};
///
/// let mut rng = Rng::from_seed([7; 32]);
/// let certificate = Certificate::generate(default_provider(), &mut rng).unwrap();
/// let fingerprint = certificate.fingerprint(HashAlgorithm::Sha256);
/// assert!(fingerprint.matches(certificate.der()));
/// # }
/// ```
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    key: Arc<dyn SigningKey>,
    authorities: Vec<Vec<u8>>,
}

impl Certificate {
    /// A fresh key (ECDSA with P-256) and a certificate for it, signed by itself.
    pub fn generate(provider: &dyn Provider, rng: &mut Rng) -> Result<Self, CryptoError> {
        let key = provider.generate_signing_key(rng)?;
        Self::self_signed(key, rng)
    }

    /// A certificate for this key, signed by itself. Its serial number and name are random, so
    /// that they tell nothing and no two are the same; it is valid from 2020 on without an end.
    ///
    /// # Errors
    ///
    /// [`CryptoError::Unsupported`] if the key can't sign with ECDSA.
    pub fn self_signed(key: Arc<dyn SigningKey>, rng: &mut Rng) -> Result<Self, CryptoError> {
        let (scheme, algorithm) = key
            .schemes()
            .iter()
            .find_map(|scheme| Some((*scheme, signature_algorithm(*scheme)?)))
            .ok_or(CryptoError::Unsupported)?;

        let to_be_signed = to_be_signed(&algorithm, key.public_key_info(), rng);
        let signature = key.sign(scheme, &to_be_signed, rng)?;
        let signature = element(tag::BIT_STRING, &[&NO_UNUSED_BITS, &signature]);
        let der = element(tag::SEQUENCE, &[&to_be_signed, &algorithm, &signature]);
        Ok(Self::new(der, key, Vec::new()))
    }

    /// A certificate made elsewhere, given as DER, and its key.
    ///
    /// # Errors
    ///
    /// [`CryptoError::InvalidKey`] if the bytes are no certificate, or one of another key.
    pub fn from_der(certificate_der: &[u8], key: Arc<dyn SigningKey>) -> Result<Self, CryptoError> {
        if public_key_info(certificate_der)? != key.public_key_info() {
            return Err(CryptoError::InvalidKey);
        }
        Ok(Self::new(certificate_der.to_vec(), key, Vec::new()))
    }

    /// This certificate, shown together with the certificates (in DER) of the authorities that stand for it,
    /// each signed by the next: for peers that trust an authority and know no fingerprint.
    pub fn with_authorities(&self, authorities: Vec<Vec<u8>>) -> Self {
        Self::new(self.0.der.clone(), self.0.key.clone(), authorities)
    }

    fn new(der: Vec<u8>, key: Arc<dyn SigningKey>, authorities: Vec<Vec<u8>>) -> Self {
        Self(Arc::new(Inner { der, key, authorities }))
    }

    /// The DER of the certificate.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The chain that is shown to peers: the certificate itself, then its [authorities](Self::with_authorities).
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        core::iter::once(&self.0.der)
            .chain(&self.0.authorities)
            .map(|der| &der[..])
    }

    /// The private key of the certificate.
    pub fn key(&self) -> &Arc<dyn SigningKey> {
        &self.0.key
    }

    /// The hash of the certificate, as descriptions carry it.
    pub fn fingerprint(&self, algorithm: HashAlgorithm) -> Fingerprint {
        Fingerprint::of(algorithm, &self.0.der)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.fingerprint(HashAlgorithm::Sha256))
    }
}

/// The part of a certificate that is signed (RFC 5280 §4.1.2), with nothing in it that is optional.
fn to_be_signed(signature_algorithm: &[u8], public_key_info: &[u8], rng: &mut Rng) -> Vec<u8> {
    let version = element(tag::INTEGER, &[&[VERSION_3]]);
    let version = element(tag::CONTEXT_0, &[&version]);

    // RFC 5280 §4.1.2.2: positive; with this bit set it is, and has no zeros in front.
    let mut serial_number: [u8; 16] = rng.array();
    serial_number[0] = serial_number[0] & 0x7f | 0x40;
    let serial_number = element(tag::INTEGER, &[&serial_number]);

    let name = common_name(rng);
    // RFC 5280 §4.1.2.5: UTCTime up to 2049, then GeneralizedTime, of which the last means that
    // there is no end. Fixed, since we have no clock and peers don't look.
    let validity = element(
        tag::SEQUENCE,
        &[
            &element(tag::UTC_TIME, &[b"200101000000Z"]),
            &element(tag::GENERALIZED_TIME, &[b"99991231235959Z"]),
        ],
    );
    element(
        tag::SEQUENCE,
        &[
            &version,
            &serial_number,
            signature_algorithm,
            &name, // of who signed
            &validity,
            &name, // of whose key it is
            public_key_info,
        ],
    )
}

/// A name (RFC 5280 §4.1.2.4) that consists of 16 random hexadecimal digits.
fn common_name(rng: &mut Rng) -> Vec<u8> {
    let digits = rng
        .array::<16>()
        .map(|byte| b"0123456789abcdef"[usize::from(byte & 0x0f)]);
    let attribute = element(tag::SEQUENCE, &[COMMON_NAME, &element(tag::UTF8_STRING, &[&digits])]);
    element(tag::SEQUENCE, &[&element(tag::SET, &[&attribute])])
}

/// The AlgorithmIdentifier of a scheme that we sign certificates with (RFC 5758 §3.2).
fn signature_algorithm(scheme: SignatureScheme) -> Option<Vec<u8>> {
    let identifier = match scheme {
        SignatureScheme::EcdsaSecp256r1Sha256 => ECDSA_WITH_SHA256,
        SignatureScheme::EcdsaSecp384r1Sha384 => ECDSA_WITH_SHA384,
        _ => return None,
    };
    Some(element(tag::SEQUENCE, &[identifier]))
}

/// The number of version 3, counted from 0. Version 1 would do, but some peers don't take it.
const VERSION_3: u8 = 2;
/// The count of unused bits that a bit string of whole bytes starts with.
const NO_UNUSED_BITS: [u8; 1] = [0];
/// The object identifier of a common name: 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
/// The object identifier of ECDSA with SHA-256: 1.2.840.10045.4.3.2.
const ECDSA_WITH_SHA256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// The object identifier of ECDSA with SHA-384: 1.2.840.10045.4.3.3.
const ECDSA_WITH_SHA384: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
