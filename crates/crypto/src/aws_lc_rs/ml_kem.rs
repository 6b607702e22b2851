//! ML-KEM-768.

use alloc::vec::Vec;

use ::aws_lc_rs::kem::{Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_768};

use crate::hybrid::MlKem768;
use crate::{CryptoError, Rng};

impl MlKem768 for DecapsulationKey {
    fn generate(_rng: &mut Rng) -> Result<Self, CryptoError> {
        Self::generate(&ML_KEM_768).map_err(|_| CryptoError::Unsupported)
    }

    fn encapsulation_key(&self, out: &mut Vec<u8>) -> Result<(), CryptoError> {
        let key = self.encapsulation_key().map_err(|_| CryptoError::Unsupported)?;
        let bytes = key.key_bytes().map_err(|_| CryptoError::Unsupported)?;
        out.extend_from_slice(bytes.as_ref());
        Ok(())
    }

    fn decapsulate(self, ciphertext: &[u8], secret: &mut Vec<u8>) -> Result<(), CryptoError> {
        let shared =
            DecapsulationKey::decapsulate(&self, Ciphertext::from(ciphertext)).map_err(|_| CryptoError::InvalidKey)?;
        secret.extend_from_slice(shared.as_ref());
        Ok(())
    }

    fn encapsulate(
        encapsulation_key: &[u8],
        _rng: &mut Rng,
        ciphertext: &mut Vec<u8>,
        secret: &mut Vec<u8>,
    ) -> Result<(), CryptoError> {
        let key = EncapsulationKey::new(&ML_KEM_768, encapsulation_key).map_err(|_| CryptoError::InvalidKey)?;
        let (sealed, shared) = key.encapsulate().map_err(|_| CryptoError::InvalidKey)?;
        ciphertext.extend_from_slice(sealed.as_ref());
        secret.extend_from_slice(shared.as_ref());
        Ok(())
    }
}
