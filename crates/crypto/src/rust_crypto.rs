//! The provider on RustCrypto's crates: in Rust alone, without `std`, for targets where no C
//! compiler goes. All randomness comes from the [`Rng`] that the caller gives, so the same seed
//! makes the same run.
//!
//! It checks RSA signatures and makes none: what RustCrypto's `rsa` does with private keys is under
//! an advisory (RUSTSEC-2023-0071), what it does with public ones has no secret that could leak. An
//! own certificate with an RSA key needs the provider on aws-lc-rs.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use ::ctr::CtrCore;
use ::ctr::flavors::Ctr128BE;
use ::ml_kem::ml_kem_768::DecapsulationKey;
use aes::cipher::{BlockCipherEncrypt, InnerIvInit, StreamCipherCore};
use aes::{Aes128, Aes256};
use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::{AeadInOut, Aes128Gcm, Aes256Gcm, KeyInit};
use chacha20poly1305::ChaCha20Poly1305;
use hmac::{Hmac, Mac};
use p256::elliptic_curve::Generate;
use sha1::Sha1;
use sha2::digest::Digest;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use x25519_dalek::{EphemeralSecret, PublicKey as X25519PublicKey};
use zeroize::Zeroizing;

use crate::provider::copy_to_front;
use crate::public_key::{KeyKind, PublicKey};
use crate::{
    AeadAlgorithm, AeadKey, CryptoError, CtrAlgorithm, CtrKey, HashAlgorithm, HashContext, HmacKey, KeyExchange,
    KeyExchangeAnswer, NamedGroup, Provider, RecordNumberKey, Rng, SignatureScheme, SigningKey, hybrid,
};

mod ed25519;
mod ml_kem;
mod nist;
mod record_number;
mod rsa;

/// The provider on RustCrypto's crates.
pub static PROVIDER: &dyn Provider = &RustCrypto;

#[derive(Debug)]
struct RustCrypto;

impl Provider for RustCrypto {
    fn aead(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
        match algorithm {
            AeadAlgorithm::Aes128Gcm => aead::<Aes128Gcm>(key),
            AeadAlgorithm::Aes256Gcm => aead::<Aes256Gcm>(key),
            AeadAlgorithm::ChaCha20Poly1305 => aead::<ChaCha20Poly1305>(key),
        }
    }

    fn record_number_key(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Result<Box<dyn RecordNumberKey>, CryptoError> {
        record_number::key(algorithm, key)
    }

    fn ctr(&self, algorithm: CtrAlgorithm, key: &[u8]) -> Result<Box<dyn CtrKey>, CryptoError> {
        match algorithm {
            CtrAlgorithm::Aes128Ctr => ctr::<Aes128>(key),
            CtrAlgorithm::Aes256Ctr => ctr::<Aes256>(key),
        }
    }

    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>, CryptoError> {
        Ok(match algorithm {
            HashAlgorithm::Sha1 => Box::new(Hash(Sha1::new())),
            HashAlgorithm::Sha224 => Box::new(Hash(Sha224::new())),
            HashAlgorithm::Sha256 => Box::new(Hash(Sha256::new())),
            HashAlgorithm::Sha384 => Box::new(Hash(Sha384::new())),
            HashAlgorithm::Sha512 => Box::new(Hash(Sha512::new())),
        })
    }

    fn hmac(&self, algorithm: HashAlgorithm, key: &[u8]) -> Result<Box<dyn HmacKey>, CryptoError> {
        match algorithm {
            HashAlgorithm::Sha1 => keyed::<Hmac<Sha1>>(key),
            HashAlgorithm::Sha224 => keyed::<Hmac<Sha224>>(key),
            HashAlgorithm::Sha256 => keyed::<Hmac<Sha256>>(key),
            HashAlgorithm::Sha384 => keyed::<Hmac<Sha384>>(key),
            HashAlgorithm::Sha512 => keyed::<Hmac<Sha512>>(key),
        }
    }

    fn groups(&self) -> &'static [NamedGroup] {
        &NamedGroup::ALL
    }

    fn key_exchange(&self, group: NamedGroup, rng: &mut Rng) -> Result<Box<dyn KeyExchange>, CryptoError> {
        Ok(match group {
            NamedGroup::Secp256r1 => Box::new(nist::p256::Exchange::generate(rng)),
            NamedGroup::Secp384r1 => Box::new(nist::p384::Exchange::generate(rng)),
            NamedGroup::X25519 => Box::new(X25519Exchange::generate(rng)),
            NamedGroup::X25519MlKem768 => hybrid::key_exchange::<DecapsulationKey>(self, rng)?,
        })
    }

    fn answer_key_exchange(
        &self,
        group: NamedGroup,
        peer_public_key: &[u8],
        rng: &mut Rng,
    ) -> Result<KeyExchangeAnswer, CryptoError> {
        hybrid::answer_key_exchange::<DecapsulationKey>(self, group, peer_public_key, rng)
    }

    fn signature_schemes(&self) -> &'static [SignatureScheme] {
        &SignatureScheme::ALL
    }

    fn verify(
        &self,
        scheme: SignatureScheme,
        subject_public_key_info: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        let PublicKey { kind, key } = PublicKey::from_info(subject_public_key_info)?;
        // The scheme names the hash, the key its own curve (RFC 5246 §7.4.1.4.1).
        let (sha256, sha384);
        let digest: &[u8] = match scheme {
            SignatureScheme::EcdsaSecp256r1Sha256 => {
                sha256 = Sha256::digest(message);
                &sha256
            }
            SignatureScheme::EcdsaSecp384r1Sha384 => {
                sha384 = Sha384::digest(message);
                &sha384
            }
            SignatureScheme::Ed25519 if kind == KeyKind::Ed25519 => return ed25519::verify(key, message, signature),
            SignatureScheme::Ed25519 => return Err(CryptoError::InvalidKey),
            _ if kind == KeyKind::Rsa => return rsa::verify(scheme, key, message, signature),
            _ => return Err(CryptoError::InvalidKey),
        };
        match kind {
            KeyKind::P256 => nist::p256::verify(key, digest, signature),
            KeyKind::P384 => nist::p384::verify(key, digest, signature),
            KeyKind::Rsa | KeyKind::Ed25519 => Err(CryptoError::InvalidKey),
        }
    }

    fn generate_signing_key(&self, rng: &mut Rng) -> Result<Arc<dyn SigningKey>, CryptoError> {
        let key = p256::ecdsa::SigningKey::generate_from_rng(rng.as_crypto_rng());
        nist::p256::EcdsaKey::shared(key)
    }

    fn signing_key_from_pkcs8(&self, der: &[u8]) -> Result<Arc<dyn SigningKey>, CryptoError> {
        nist::p256::EcdsaKey::from_pkcs8(der)
            .or_else(|_| nist::p384::EcdsaKey::from_pkcs8(der))
            .or_else(|_| ed25519::Key::from_pkcs8(der))
    }
}

struct Aead<C>(C);

fn aead<C>(key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError>
where
    C: AeadInOut<NonceSize = U12, TagSize = U16> + KeyInit + Send + Sync + 'static,
{
    let cipher = C::new_from_slice(key).map_err(|_| CryptoError::InvalidKey)?;
    Ok(Box::new(Aead(cipher)))
}

impl<C> AeadKey for Aead<C>
where
    C: AeadInOut<NonceSize = U12, TagSize = U16> + Send + Sync,
{
    fn seal(&self, nonce: &[u8; 12], aad: &[u8], in_out: &mut [u8]) -> Result<[u8; 16], CryptoError> {
        // Fails only for more bytes than one nonce can cover, far more than any record has.
        self.0
            .encrypt_inout_detached(nonce.into(), aad, in_out.into())
            .map(Into::into)
            .map_err(|_| CryptoError::Unsupported)
    }

    fn open(&self, nonce: &[u8; 12], aad: &[u8], in_out: &mut [u8], tag: &[u8; 16]) -> Result<(), CryptoError> {
        self.0
            .decrypt_inout_detached(nonce.into(), aad, in_out.into(), tag.into())
            .map_err(|_| CryptoError::Authentication)
    }
}

struct Ctr<C>(C);

fn ctr<C>(key: &[u8]) -> Result<Box<dyn CtrKey>, CryptoError>
where
    C: BlockCipherEncrypt<BlockSize = U16> + KeyInit + Send + Sync + 'static,
{
    let cipher = C::new_from_slice(key).map_err(|_| CryptoError::InvalidKey)?;
    Ok(Box::new(Ctr(cipher)))
}

impl<C: BlockCipherEncrypt<BlockSize = U16> + Send + Sync> CtrKey for Ctr<C> {
    fn apply_keystream(&self, counter: &[u8; 16], in_out: &mut [u8]) {
        // The schedule of the key stays where it is: what is made anew is the counter.
        let core = CtrCore::<&C, Ctr128BE>::inner_iv_init(&self.0, counter.into());
        core.apply_keystream_partial(in_out.into());
    }
}

struct Hash<D>(D);

impl<D: Digest + Clone + Send + Sync + 'static> HashContext for Hash<D> {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self, out: &mut [u8; HashAlgorithm::MAX_OUTPUT_LEN]) -> usize {
        copy_to_front(&self.0.clone().finalize(), out)
    }

    fn fork(&self) -> Box<dyn HashContext> {
        Box::new(Self(self.0.clone()))
    }
}

struct Keyed<M>(M);

fn keyed<M: Mac + KeyInit + Clone + Send + Sync + 'static>(key: &[u8]) -> Result<Box<dyn HmacKey>, CryptoError> {
    let mac = <M as KeyInit>::new_from_slice(key).map_err(|_| CryptoError::InvalidKey)?;
    Ok(Box::new(Keyed(mac)))
}

impl<M: Mac + Clone + Send + Sync> HmacKey for Keyed<M> {
    fn sign(&self, parts: &[&[u8]], out: &mut [u8; HashAlgorithm::MAX_OUTPUT_LEN]) -> usize {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        copy_to_front(&mac.finalize().into_bytes(), out)
    }
}

struct X25519Exchange {
    secret: EphemeralSecret,
    public_key: X25519PublicKey,
}

impl X25519Exchange {
    fn generate(rng: &mut Rng) -> Self {
        let secret = EphemeralSecret::random_from_rng(rng.as_crypto_rng());
        Self {
            public_key: X25519PublicKey::from(&secret),
            secret,
        }
    }
}

impl KeyExchange for X25519Exchange {
    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }

    fn public_key(&self) -> &[u8] {
        self.public_key.as_bytes()
    }

    fn complete(self: Box<Self>, peer_public_key: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let peer: [u8; 32] = peer_public_key.try_into().map_err(|_| CryptoError::InvalidKey)?;
        let secret = self.secret.diffie_hellman(&X25519PublicKey::from(peer));
        // RFC 7748 §6.1: peers whose point has a small order choose the secret for us: all zeros.
        if !secret.was_contributory() {
            return Err(CryptoError::InvalidKey);
        }
        Ok(Zeroizing::new(secret.as_bytes().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::ZeroizeOnDrop;

    /// Compiles only if all that holds a secret wipes it when it is dropped.
    #[test]
    fn keys_are_wiped_when_they_are_dropped() {
        fn is_wiped<T: ZeroizeOnDrop>() {}
        is_wiped::<chacha20::ChaCha20Rng>();
        is_wiped::<Aes128Gcm>();
        is_wiped::<Aes256Gcm>();
        is_wiped::<ChaCha20Poly1305>();
        is_wiped::<aes::Aes128>();
        is_wiped::<aes::Aes256>();
        // What HMAC keeps.
        is_wiped::<Sha256>();
        is_wiped::<Sha384>();
        is_wiped::<EphemeralSecret>();
        is_wiped::<::p256::ecdh::EphemeralSecret>();
        is_wiped::<::p384::ecdh::EphemeralSecret>();
        is_wiped::<DecapsulationKey>();
        is_wiped::<::p256::ecdsa::SigningKey>();
        is_wiped::<::p384::ecdsa::SigningKey>();
        is_wiped::<ed25519_dalek::SigningKey>();
        is_wiped::<Zeroizing<Vec<u8>>>();
    }
}
