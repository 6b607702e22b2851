//! Public keys as certificates carry them (RFC 5280 §4.1, RFC 5480 §2, RFC 3279 §2.3.1).

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use crate::CryptoError;
use crate::der::{Reader, tag};

/// Contents of object identifiers.
mod oid {
    /// A key of an elliptic curve: 1.2.840.10045.2.1.
    pub(super) const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    /// The curve P-256: 1.2.840.10045.3.1.7.
    pub(super) const SECP256R1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    /// The curve P-384: 1.3.132.0.34.
    pub(super) const SECP384R1: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
    /// A key of RSA: 1.2.840.113549.1.1.1.
    pub(super) const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    /// A key of Ed25519: 1.3.101.112.
    pub(super) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
}

/// The key in a certificate, given as DER: its SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), also
/// DER, as [`Provider::verify`](crate::Provider::verify) takes it.
///
/// The certificate's own signature, names and dates are not looked at: peers of a session know
/// each other's certificate by its [`Fingerprint`](crate::Fingerprint), not by who signed it.
///
/// ```
/// # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
/// use pollrtc_crypto::{Certificate, Rng, default_provider, public_key_info};
///
/// let mut rng = Rng::from_seed([7; 32]);
/// let certificate = Certificate::generate(default_provider(), &mut rng).unwrap();
/// let key = public_key_info(certificate.der()).unwrap();
/// assert_eq!(key, certificate.key().public_key_info());
/// # }
/// ```
///
/// # Errors
///
/// [`CryptoError::InvalidKey`] if the bytes are no certificate.
pub fn public_key_info(certificate_der: &[u8]) -> Result<&[u8], CryptoError> {
    let mut outermost = Reader::new(certificate_der);
    let mut certificate = outermost.enter(tag::SEQUENCE)?;
    outermost.finish()?;

    let mut to_be_signed = certificate.enter(tag::SEQUENCE)?;
    certificate.expect(tag::SEQUENCE)?; // the algorithm of the signature
    certificate.expect(tag::BIT_STRING)?; // the signature
    certificate.finish()?;

    // Version 1 is not written (RFC 5280 §4.1.2.1).
    if to_be_signed.is_next(tag::CONTEXT_0) {
        to_be_signed.expect(tag::CONTEXT_0)?;
    }
    to_be_signed.expect(tag::INTEGER)?; // serial number
    to_be_signed.expect(tag::SEQUENCE)?; // the algorithm of the signature, once more
    to_be_signed.expect(tag::SEQUENCE)?; // issuer
    to_be_signed.expect(tag::SEQUENCE)?; // validity
    to_be_signed.expect(tag::SEQUENCE)?; // subject
    let key = to_be_signed.expect(tag::SEQUENCE)?;
    Ok(key.whole)
}

/// The key inside of a SubjectPublicKeyInfo, not yet checked.
pub(crate) struct PublicKey<'a> {
    pub(crate) kind: KeyKind,
    /// The key itself: for elliptic curves the point as in SEC 1 §2.3.3, for RSA the DER of an RSAPublicKey (RFC
    /// 8017 §A.1.1), for Ed25519 its 32 bytes.
    pub(crate) key: &'a [u8],
}

/// The algorithm that a key is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    P256,
    P384,
    Rsa,
    Ed25519,
}

impl<'a> PublicKey<'a> {
    /// Reads the DER of a SubjectPublicKeyInfo.
    pub(crate) fn from_info(info_der: &'a [u8]) -> Result<Self, CryptoError> {
        let mut outermost = Reader::new(info_der);
        let mut info = outermost.enter(tag::SEQUENCE)?;
        outermost.finish()?;
        let mut algorithm = info.enter(tag::SEQUENCE)?;
        let bits = info.expect(tag::BIT_STRING)?.content;
        info.finish()?;

        // Keys fill whole bytes: the count of unused bits that comes first is 0.
        let Some((0, key)) = bits.split_first() else {
            return Err(CryptoError::InvalidKey);
        };
        let kind = match algorithm.expect(tag::OBJECT_IDENTIFIER)?.content {
            oid::RSA_ENCRYPTION => KeyKind::Rsa,
            // RFC 8410 §3: without parameters.
            oid::ED25519 => {
                algorithm.finish()?;
                KeyKind::Ed25519
            }
            oid::EC_PUBLIC_KEY => match algorithm.expect(tag::OBJECT_IDENTIFIER)?.content {
                oid::SECP256R1 => KeyKind::P256,
                oid::SECP384R1 => KeyKind::P384,
                _ => return Err(CryptoError::Unsupported),
            },
            _ => return Err(CryptoError::Unsupported),
        };
        // Only the uncompressed form of points is offered to peers (RFC 8422 §5.1.2).
        let is_point = matches!(kind, KeyKind::P256 | KeyKind::P384);
        if is_point && key.first() != Some(&0x04) {
            return Err(CryptoError::InvalidKey);
        }
        Ok(Self { kind, key })
    }
}
