//! What packets are protected with.

use pollrtc_crypto::{AeadKey, CryptoError, CtrKey, RecordNumberKey};

use crate::mix::Mix;

/// A keystream, and a checksum over the ciphertext for a tag.
pub(crate) struct Aead(pub(crate) Mix);

impl Aead {
    fn with_nonce(&self, nonce: &[u8; 12]) -> Mix {
        let mut mix = self.0.clone();
        mix.update(nonce);
        mix
    }

    fn tag(mut mix: Mix, aad: &[u8], ciphertext: &[u8]) -> [u8; 16] {
        mix.framed(aad);
        mix.framed(ciphertext);
        let mut tag = [0; 16];
        mix.write(&mut tag);
        tag
    }
}

impl AeadKey for Aead {
    fn seal(&self, nonce: &[u8; 12], aad: &[u8], in_out: &mut [u8]) -> Result<[u8; 16], CryptoError> {
        let mix = self.with_nonce(nonce);
        mix.mask(in_out);
        Ok(Self::tag(mix, aad, in_out))
    }

    fn open(&self, nonce: &[u8; 12], aad: &[u8], in_out: &mut [u8], tag: &[u8; 16]) -> Result<(), CryptoError> {
        let mix = self.with_nonce(nonce);
        if Self::tag(mix.clone(), aad, in_out) != *tag {
            // What is in there now must not be used: make it useless.
            in_out.fill(0xa5);
            return Err(CryptoError::Authentication);
        }
        mix.mask(in_out);
        Ok(())
    }
}

pub(crate) struct RecordNumber(pub(crate) Mix);

impl RecordNumberKey for RecordNumber {
    fn mask(&self, ciphertext: &[u8; 16]) -> [u8; 2] {
        let mut mix = self.0.clone();
        mix.update(ciphertext);
        let mut mask = [0; 2];
        mix.write(&mut mask);
        mask
    }
}

pub(crate) struct Ctr(pub(crate) Mix);

impl CtrKey for Ctr {
    fn apply_keystream(&self, counter: &[u8; 16], in_out: &mut [u8]) {
        let first = u128::from_be_bytes(*counter);
        for (number, block) in (0u128..).zip(in_out.chunks_mut(16)) {
            let mut mix = self.0.clone();
            mix.update(&first.wrapping_add(number).to_be_bytes());
            mix.mask(block);
        }
    }
}
