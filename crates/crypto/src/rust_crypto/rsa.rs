//! Checking signatures of RSA keys (RFC 8017 §8). Nothing here has a secret.

use core::ops::RangeInclusive;

use rsa::{BoxedUint, PublicKey};
use sha2::{Sha256, Sha384, Sha512};

use crate::der::{Reader, tag};
use crate::{CryptoError, SignatureScheme};

/// Bits of a modulus: the same as with aws-lc-rs. Shorter ones are broken, longer ones take long.
const KEY_BITS: RangeInclusive<usize> = 2048..=8192;

/// Checks a signature with the DER of an RSAPublicKey (RFC 8017 §A.1.1).
pub(super) fn verify(scheme: SignatureScheme, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
    let key = public_key(key)?;
    let verified = match scheme {
        SignatureScheme::RsaPssRsaeSha256 => key.pss_verify::<Sha256>(message, signature),
        SignatureScheme::RsaPssRsaeSha384 => key.pss_verify::<Sha384>(message, signature),
        SignatureScheme::RsaPssRsaeSha512 => key.pss_verify::<Sha512>(message, signature),
        SignatureScheme::RsaPkcs1Sha256 => key.pkcs1v15_verify::<Sha256>(message, signature),
        SignatureScheme::RsaPkcs1Sha384 => key.pkcs1v15_verify::<Sha384>(message, signature),
        SignatureScheme::RsaPkcs1Sha512 => key.pkcs1v15_verify::<Sha512>(message, signature),
        SignatureScheme::EcdsaSecp256r1Sha256 | SignatureScheme::EcdsaSecp384r1Sha384 | SignatureScheme::Ed25519 => {
            return Err(CryptoError::InvalidKey);
        }
    };
    verified.map_err(|_| CryptoError::Authentication)
}

fn public_key(der: &[u8]) -> Result<PublicKey, CryptoError> {
    let mut outermost = Reader::new(der);
    let mut key = outermost.enter(tag::SEQUENCE)?;
    outermost.finish()?;
    let (modulus, exponent) = (positive_integer(&mut key)?, positive_integer(&mut key)?);
    key.finish()?;
    PublicKey::new_with_size_limits(modulus, exponent, KEY_BITS).map_err(|_| CryptoError::InvalidKey)
}

/// X.690 §8.3: a first bit that is set would make it negative, hence a zero may stand before it.
fn positive_integer(reader: &mut Reader<'_>) -> Result<BoxedUint, CryptoError> {
    match reader.expect(tag::INTEGER)?.content {
        [] | [0x80..=0xff, ..] | [0] | [0, 0..=0x7f, ..] => Err(CryptoError::InvalidKey),
        [0, digits @ ..] | digits => Ok(BoxedUint::from_be_slice_vartime(digits)),
    }
}
