//! The key derivation of TLS 1.3 (RFC 5869), on the HMAC of a provider.

use alloc::boxed::Box;
use core::fmt;

use zeroize::Zeroizing;

use crate::{CryptoError, HashAlgorithm, HmacKey, Provider};

/// A secret of at most 64 bytes, such as the output of a hash; wiped when dropped.
///
/// It stands in one place for as long as it lives: what moves is a pointer to it, so that no copy of it stays
/// behind wherever it was before.
#[derive(Clone)]
pub struct Secret {
    bytes: Box<Zeroizing<[u8; HashAlgorithm::MAX_OUTPUT_LEN]>>,
    length: usize,
}

impl Secret {
    /// A secret of as many zeros as the hash has bytes: what TLS 1.3 puts where there is no secret (RFC 8446
    /// §7.1).
    pub fn zeros(algorithm: HashAlgorithm) -> Self {
        Self::with_len(algorithm.output_len())
    }

    /// A secret of so many zeros, at most 64, to be filled in.
    pub fn with_len(length: usize) -> Self {
        Self {
            bytes: Box::new(Zeroizing::new([0; HashAlgorithm::MAX_OUTPUT_LEN])),
            length: length.min(HashAlgorithm::MAX_OUTPUT_LEN),
        }
    }

    /// The bytes of the secret.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The bytes of the secret, to be filled in.
    pub fn as_bytes_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.length).unwrap_or_default()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Derives keys from a secret (RFC 5869 §2.3), which is scheduled once.
///
/// ```
/// # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
/// use pollrtc_crypto::{HashAlgorithm, Hkdf, default_provider};
///
/// let (provider, hash) = (default_provider(), HashAlgorithm::Sha256);
/// let secret = Hkdf::extract(provider, hash, b"salt", b"shared secret").unwrap();
/// let hkdf = Hkdf::new(provider, hash, secret.as_bytes()).unwrap();
/// let mut key = [0; 16];
/// hkdf.expand(&[b"what ", b"for"], &mut key).unwrap();
/// # }
/// ```
pub struct Hkdf {
    key: Box<dyn HmacKey>,
}

impl Hkdf {
    /// RFC 5869 §2.2: one secret out of a salt and what both sides agreed upon.
    pub fn extract(
        provider: &dyn Provider,
        algorithm: HashAlgorithm,
        salt: &[u8],
        input: &[u8],
    ) -> Result<Secret, CryptoError> {
        let key = provider.hmac(algorithm, salt)?;
        let mut secret = Secret::zeros(algorithm);
        key.sign(&[input], &mut secret.bytes);
        Ok(secret)
    }

    /// A derivation from this secret.
    pub fn new(provider: &dyn Provider, algorithm: HashAlgorithm, secret: &[u8]) -> Result<Self, CryptoError> {
        Ok(Self {
            key: provider.hmac(algorithm, secret)?,
        })
    }

    /// RFC 5869 §2.3: fills `out` for a purpose, whose description may come in up to eight parts.
    ///
    /// # Errors
    ///
    /// [`CryptoError::Unsupported`] if there are more parts, or if `out` is longer than 255 outputs
    /// of the hash.
    pub fn expand(&self, info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError> {
        // Each block is made of the one before, and the first of nothing.
        let mut block = Zeroizing::new([0; HashAlgorithm::MAX_OUTPUT_LEN]);
        let mut next = Zeroizing::new([0; HashAlgorithm::MAX_OUTPUT_LEN]);
        let (mut rest, mut counter, mut length) = (out, 0u8, 0);
        while !rest.is_empty() {
            counter = counter.checked_add(1).ok_or(CryptoError::Unsupported)?;
            let number = [counter];
            let mut parts: [&[u8]; MAX_INFO_PARTS + 2] = [&[]; MAX_INFO_PARTS + 2];
            let (first, parts_after) = parts.split_first_mut().ok_or(CryptoError::Unsupported)?;
            *first = block.get(..length).unwrap_or_default();
            let room = parts_after.get_mut(..info.len() + 1).ok_or(CryptoError::Unsupported)?;
            let (last, room) = room.split_last_mut().ok_or(CryptoError::Unsupported)?;
            room.copy_from_slice(info);
            *last = &number;

            length = self.key.sign(&parts, &mut next);
            let taken = length.min(rest.len());
            let (now, later) = core::mem::take(&mut rest).split_at_mut(taken);
            now.copy_from_slice(next.get(..taken).unwrap_or_default());
            rest = later;
            block.copy_from_slice(&*next);
        }
        Ok(())
    }
}

impl fmt::Debug for Hkdf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hkdf(..)")
    }
}

const MAX_INFO_PARTS: usize = 8;
