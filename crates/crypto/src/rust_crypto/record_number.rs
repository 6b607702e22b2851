//! Masks for the numbers of records (RFC 9147 §4.2.3).

use alloc::boxed::Box;

use aes::cipher::{Block, BlockCipherEncrypt, KeyInit, KeyIvInit, StreamCipherCore};
use aes::{Aes128, Aes256};
use chacha20::variants::Ietf;
use chacha20::{ChaChaCore, R20};
use zeroize::Zeroizing;

use crate::{AeadAlgorithm, CryptoError, RecordNumberKey};

pub(super) fn key(algorithm: AeadAlgorithm, key: &[u8]) -> Result<Box<dyn RecordNumberKey>, CryptoError> {
    let invalid = |_| CryptoError::InvalidKey;
    Ok(match algorithm {
        AeadAlgorithm::Aes128Gcm => Box::new(Aes(Aes128::new_from_slice(key).map_err(invalid)?)),
        AeadAlgorithm::Aes256Gcm => Box::new(Aes(Aes256::new_from_slice(key).map_err(invalid)?)),
        AeadAlgorithm::ChaCha20Poly1305 => {
            let key = key.try_into().map_err(|_| CryptoError::InvalidKey)?;
            Box::new(ChaCha20(Zeroizing::new(key)))
        }
    })
}

struct Aes<C>(C);

impl<C: BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16> + Send + Sync> RecordNumberKey for Aes<C> {
    fn mask(&self, ciphertext: &[u8; 16]) -> [u8; 2] {
        let mut block: Block<C> = (*ciphertext).into();
        self.0.encrypt_block(&mut block);
        [block[0], block[1]]
    }
}

struct ChaCha20(Zeroizing<[u8; 32]>);

impl RecordNumberKey for ChaCha20 {
    /// The first four bytes are the counter of the block, the others the nonce.
    fn mask(&self, ciphertext: &[u8; 16]) -> [u8; 2] {
        let [c0, c1, c2, c3, nonce @ ..] = ciphertext;
        let mut cipher = ChaChaCore::<R20, Ietf>::new((&*self.0).into(), nonce.into());
        cipher.set_block_pos(u32::from_le_bytes([*c0, *c1, *c2, *c3]));
        let mut block = Block::<ChaChaCore<R20, Ietf>>::default();
        cipher.write_keystream_block(&mut block);
        [block[0], block[1]]
    }
}
