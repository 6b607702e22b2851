//! ML-KEM-768.

use alloc::vec::Vec;

use ::ml_kem::ml_kem_768::{DecapsulationKey, EncapsulationKey};
use ::ml_kem::{Decapsulate, Encapsulate, Generate, KeyExport, TryKeyInit};
use zeroize::Zeroizing;

use crate::hybrid::MlKem768;
use crate::{CryptoError, Rng};

impl MlKem768 for DecapsulationKey {
    fn generate(rng: &mut Rng) -> Result<Self, CryptoError> {
        Ok(Self::generate_from_rng(rng.as_crypto_rng()))
    }

    fn encapsulation_key(&self, out: &mut Vec<u8>) -> Result<(), CryptoError> {
        out.extend_from_slice(&self.encapsulation_key().to_bytes());
        Ok(())
    }

    fn decapsulate(self, ciphertext: &[u8], secret: &mut Vec<u8>) -> Result<(), CryptoError> {
        let shared = self
            .decapsulate_slice(ciphertext)
            .map_err(|_| CryptoError::InvalidKey)?;
        secret.extend_from_slice(&*Zeroizing::new(<[u8; 32]>::from(shared)));
        Ok(())
    }

    fn encapsulate(
        encapsulation_key: &[u8],
        rng: &mut Rng,
        ciphertext: &mut Vec<u8>,
        secret: &mut Vec<u8>,
    ) -> Result<(), CryptoError> {
        let key = EncapsulationKey::new_from_slice(encapsulation_key).map_err(|_| CryptoError::InvalidKey)?;
        let (sealed, shared) = key.encapsulate_with_rng(rng.as_crypto_rng());
        ciphertext.extend_from_slice(&sealed);
        secret.extend_from_slice(&*Zeroizing::new(<[u8; 32]>::from(shared)));
        Ok(())
    }
}
