//! Ed25519 (RFC 8032).

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use zeroize::Zeroizing;

use crate::{CryptoError, Rng, SignatureScheme, SigningKey};

pub(super) struct Key {
    key: ed25519_dalek::SigningKey,
    public_key_info: Box<[u8]>,
}

impl Key {
    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Arc<dyn SigningKey>, CryptoError> {
        let key = ed25519_dalek::SigningKey::from_pkcs8_der(der).map_err(|_| CryptoError::InvalidKey)?;
        let info = key
            .verifying_key()
            .to_public_key_der()
            .map_err(|_| CryptoError::InvalidKey)?;
        Ok(Arc::new(Self {
            public_key_info: info.as_bytes().into(),
            key,
        }))
    }
}

impl SigningKey for Key {
    fn schemes(&self) -> &[SignatureScheme] {
        &[SignatureScheme::Ed25519]
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8], _rng: &mut Rng) -> Result<Vec<u8>, CryptoError> {
        if scheme != SignatureScheme::Ed25519 {
            return Err(CryptoError::Unsupported);
        }
        let signature = self.key.try_sign(message).map_err(|_| CryptoError::Unsupported)?;
        Ok(signature.to_bytes().to_vec())
    }

    fn public_key_info(&self) -> &[u8] {
        &self.public_key_info
    }

    fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        // Without the public key in it: the form of RFC 5208, which everybody reads.
        let pair = ed25519_dalek::pkcs8::KeypairBytes {
            secret_key: self.key.to_bytes(),
            public_key: None,
        };
        let document = pair.to_pkcs8_der().expect("a valid key can be written");
        Zeroizing::new(document.as_bytes().to_vec())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(Ed25519)")
    }
}

/// Checks a signature with the 32 bytes of a public key.
pub(super) fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
    let key = key.try_into().map_err(|_| CryptoError::InvalidKey)?;
    let key = VerifyingKey::from_bytes(key).map_err(|_| CryptoError::InvalidKey)?;
    let signature = Signature::from_slice(signature).map_err(|_| CryptoError::Authentication)?;
    key.verify_strict(message, &signature)
        .map_err(|_| CryptoError::Authentication)
}
