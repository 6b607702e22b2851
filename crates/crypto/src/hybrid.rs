//! X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem): what both providers make of their two parts.

use alloc::boxed::Box;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::{CryptoError, KeyExchange, KeyExchangeAnswer, NamedGroup, Provider, Rng};

/// Bytes of an encapsulation key of ML-KEM-768 (FIPS 203 §8).
const ENCAPSULATION_KEY_LEN: usize = 1184;
/// Bytes of a ciphertext of ML-KEM-768.
const CIPHERTEXT_LEN: usize = 1088;
/// Bytes of the secret of either part.
const SECRET_LEN: usize = 32;

/// ML-KEM-768, as a provider has it.
pub(crate) trait MlKem768: Sized + Send + Sync + 'static {
    /// A fresh decapsulation key.
    fn generate(rng: &mut Rng) -> Result<Self, CryptoError>;

    /// Appends the encapsulation key.
    fn encapsulation_key(&self, out: &mut Vec<u8>) -> Result<(), CryptoError>;

    /// Appends the secret in a ciphertext of the right length. One that was tampered with gives a
    /// secret that nobody else has (FIPS 203 §6.3), and so a handshake that fails.
    fn decapsulate(self, ciphertext: &[u8], secret: &mut Vec<u8>) -> Result<(), CryptoError>;

    /// Appends a ciphertext for that key, and the secret in it; refuses keys of another length and
    /// such that are not reduced (FIPS 203 §7.2).
    fn encapsulate(
        encapsulation_key: &[u8],
        rng: &mut Rng,
        ciphertext: &mut Vec<u8>,
        secret: &mut Vec<u8>,
    ) -> Result<(), CryptoError>;
}

/// The side that speaks first.
struct Hybrid<K> {
    ml_kem: K,
    x25519: Box<dyn KeyExchange>,
    public_key: Vec<u8>,
}

/// A fresh key of both parts.
pub(crate) fn key_exchange<K: MlKem768>(
    provider: &dyn Provider,
    rng: &mut Rng,
) -> Result<Box<dyn KeyExchange>, CryptoError> {
    let ml_kem = K::generate(rng)?;
    let x25519 = provider.key_exchange(NamedGroup::X25519, rng)?;
    // §3.1.1: the encapsulation key comes first.
    let mut public_key = Vec::with_capacity(NamedGroup::X25519MlKem768.public_key_len());
    ml_kem.encapsulation_key(&mut public_key)?;
    public_key.extend_from_slice(x25519.public_key());
    Ok(Box::new(Hybrid {
        ml_kem,
        x25519,
        public_key,
    }))
}

/// The answer to a public key of any group. In groups other than this one a fresh key of ours does.
pub(crate) fn answer_key_exchange<K: MlKem768>(
    provider: &dyn Provider,
    group: NamedGroup,
    peer_public_key: &[u8],
    rng: &mut Rng,
) -> Result<KeyExchangeAnswer, CryptoError> {
    if !group.is_diffie_hellman() {
        return answer::<K>(provider, peer_public_key, rng);
    }
    let ours = provider.key_exchange(group, rng)?;
    Ok(KeyExchangeAnswer {
        public_key: ours.public_key().to_vec(),
        secret: ours.complete(peer_public_key)?,
    })
}

/// The answer to a key of [`key_exchange`].
fn answer<K: MlKem768>(
    provider: &dyn Provider,
    peer_public_key: &[u8],
    rng: &mut Rng,
) -> Result<KeyExchangeAnswer, CryptoError> {
    if peer_public_key.len() != NamedGroup::X25519MlKem768.public_key_len() {
        return Err(CryptoError::InvalidKey);
    }
    let (encapsulation_key, x25519_key) = peer_public_key.split_at(ENCAPSULATION_KEY_LEN);
    let mut public_key = Vec::with_capacity(NamedGroup::X25519MlKem768.answer_len());
    let mut secret = room_for_secrets();
    K::encapsulate(encapsulation_key, rng, &mut public_key, &mut secret)?;
    let x25519 = provider.answer_key_exchange(NamedGroup::X25519, x25519_key, rng)?;
    // §3.1.2 and §3.1.3: ML-KEM comes first here too.
    public_key.extend_from_slice(&x25519.public_key);
    secret.extend_from_slice(&x25519.secret);
    Ok(KeyExchangeAnswer { public_key, secret })
}

impl<K: MlKem768> KeyExchange for Hybrid<K> {
    fn group(&self) -> NamedGroup {
        NamedGroup::X25519MlKem768
    }

    fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn complete(self: Box<Self>, peer_public_key: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        if peer_public_key.len() != NamedGroup::X25519MlKem768.answer_len() {
            return Err(CryptoError::InvalidKey);
        }
        let (ciphertext, x25519_key) = peer_public_key.split_at(CIPHERTEXT_LEN);
        let mut secret = room_for_secrets();
        self.ml_kem.decapsulate(ciphertext, &mut secret)?;
        secret.extend_from_slice(&self.x25519.complete(x25519_key)?);
        Ok(secret)
    }
}

/// Room for both secrets, so that no copy stays behind when it grows.
fn room_for_secrets() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(2 * SECRET_LEN))
}
