//! Signing with RSA.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use ::aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use ::aws_lc_rs::rand::SystemRandom;
use ::aws_lc_rs::rsa::KeyPair;
use ::aws_lc_rs::signature::{self, KeyPair as _, RsaEncoding};
use zeroize::Zeroizing;

use crate::{CryptoError, Rng, SignatureScheme, SigningKey};

pub(super) struct Key {
    key: KeyPair,
    public_key_info: Box<[u8]>,
}

impl Key {
    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Arc<dyn SigningKey>, CryptoError> {
        let key = KeyPair::from_pkcs8(der).map_err(|_| CryptoError::InvalidKey)?;
        let info: PublicKeyX509Der<'_> = key.public_key().as_der().map_err(|_| CryptoError::InvalidKey)?;
        Ok(Arc::new(Self {
            public_key_info: info.as_ref().into(),
            key,
        }))
    }
}

impl SigningKey for Key {
    fn schemes(&self) -> &[SignatureScheme] {
        SignatureScheme::RSA
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8], _rng: &mut Rng) -> Result<Vec<u8>, CryptoError> {
        let encoding: &'static dyn RsaEncoding = match scheme {
            SignatureScheme::RsaPssRsaeSha256 => &signature::RSA_PSS_SHA256,
            SignatureScheme::RsaPssRsaeSha384 => &signature::RSA_PSS_SHA384,
            SignatureScheme::RsaPssRsaeSha512 => &signature::RSA_PSS_SHA512,
            SignatureScheme::RsaPkcs1Sha256 => &signature::RSA_PKCS1_SHA256,
            SignatureScheme::RsaPkcs1Sha384 => &signature::RSA_PKCS1_SHA384,
            SignatureScheme::RsaPkcs1Sha512 => &signature::RSA_PKCS1_SHA512,
            _ => return Err(CryptoError::Unsupported),
        };
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(encoding, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| CryptoError::Unsupported)?;
        Ok(signature)
    }

    fn public_key_info(&self) -> &[u8] {
        &self.public_key_info
    }

    fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        let document: Pkcs8V1Der<'_> = self.key.as_der().expect("a valid key can be written");
        Zeroizing::new(document.as_ref().to_vec())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(Rsa)")
    }
}
