//! Signing with Ed25519.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use ::aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use ::aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use zeroize::Zeroizing;

use crate::{CryptoError, Rng, SignatureScheme, SigningKey};

pub(super) struct Key {
    key: Ed25519KeyPair,
    public_key_info: Box<[u8]>,
}

impl Key {
    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Arc<dyn SigningKey>, CryptoError> {
        // The public key is not always there to be checked against (RFC 8410 §7).
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| CryptoError::InvalidKey)?;
        let info: PublicKeyX509Der<'_> = key.public_key().as_der().map_err(|_| CryptoError::InvalidKey)?;
        Ok(Arc::new(Self {
            public_key_info: info.as_ref().into(),
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
        Ok(signature.as_ref().to_vec())
    }

    fn public_key_info(&self) -> &[u8] {
        &self.public_key_info
    }

    fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        let document = self.key.to_pkcs8v1().expect("a valid key can be written");
        Zeroizing::new(document.as_ref().to_vec())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(Ed25519)")
    }
}
