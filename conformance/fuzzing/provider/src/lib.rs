//! A provider whose cryptography keeps nothing secret: for fuzzing alone.
//!
//! A handshake with real cryptography takes milliseconds, and a fuzzer that runs whole connections spends them
//! on arithmetic that others have tested better. Here every primitive is a stand-in of a few multiplications
//! (see `mix`) which keeps what protocols build on:
//!
//! - keys, nonces, tags, digests, public keys, secrets and certificates have the lengths and forms of the
//!   real ones, and what has another is refused with the same errors;
//! - what one side sealed the other opens, and with any byte of it changed it does not;
//! - both sides of a key exchange have the same secret, and with any byte of a public key changed they have not;
//!   some points are not on the curve, and X25519's zero gives no secret;
//! - a signature is right for one key, one scheme and one message;
//! - everything is a function of the seed of the [`Rng`].
//!
//! Anybody can forge all of it. That real cryptography is used rightly is for the tests with real providers
//! to show.

mod key_exchange;
mod mix;
mod records;
mod signature;

use std::sync::Arc;

use pollrtc_crypto::{
    AeadAlgorithm, AeadKey, CryptoError, CtrAlgorithm, CtrKey, HashAlgorithm, HashContext, HmacKey, KeyExchange,
    KeyExchangeAnswer, NamedGroup, Provider, RecordNumberKey, Rng, SignatureScheme, SigningKey,
};

use key_exchange::Exchange;
use mix::{Domain, Mix};
use records::{Aead, Ctr, RecordNumber};
use signature::Key;

/// The provider of stand-ins.
pub static PROVIDER: &dyn Provider = &StandIns;

#[derive(Debug)]
struct StandIns;

impl Provider for StandIns {
    fn aead(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
        let keyed = keyed(Domain::Aead, algorithm as u8, key, algorithm.key_len())?;
        Ok(Box::new(Aead(keyed)))
    }

    fn record_number_key(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Result<Box<dyn RecordNumberKey>, CryptoError> {
        let keyed = keyed(Domain::RecordNumber, algorithm as u8, key, algorithm.key_len())?;
        Ok(Box::new(RecordNumber(keyed)))
    }

    fn ctr(&self, algorithm: CtrAlgorithm, key: &[u8]) -> Result<Box<dyn CtrKey>, CryptoError> {
        let keyed = keyed(Domain::Ctr, algorithm as u8, key, algorithm.key_len())?;
        Ok(Box::new(Ctr(keyed)))
    }

    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>, CryptoError> {
        Ok(Box::new(Hash(algorithm, Mix::new(Domain::Hash, algorithm as u8))))
    }

    fn hmac(&self, algorithm: HashAlgorithm, key: &[u8]) -> Result<Box<dyn HmacKey>, CryptoError> {
        let mut keyed = Mix::new(Domain::Hmac, algorithm as u8);
        keyed.framed(key);
        Ok(Box::new(Hmac(algorithm, keyed)))
    }

    fn groups(&self) -> &'static [NamedGroup] {
        &NamedGroup::ALL
    }

    fn key_exchange(&self, group: NamedGroup, rng: &mut Rng) -> Result<Box<dyn KeyExchange>, CryptoError> {
        Ok(Box::new(Exchange::new(group, rng)))
    }

    fn answer_key_exchange(
        &self,
        group: NamedGroup,
        peer_public_key: &[u8],
        rng: &mut Rng,
    ) -> Result<KeyExchangeAnswer, CryptoError> {
        key_exchange::answer(group, peer_public_key, rng)
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
        signature::verify(scheme, subject_public_key_info, message, signature)
    }

    fn generate_signing_key(&self, rng: &mut Rng) -> Result<Arc<dyn SigningKey>, CryptoError> {
        Ok(Arc::new(Key::generate(rng)))
    }

    fn signing_key_from_pkcs8(&self, der: &[u8]) -> Result<Arc<dyn SigningKey>, CryptoError> {
        Ok(Arc::new(Key::from_pkcs8(der)?))
    }
}

/// What a key of the right length makes of the mixture.
fn keyed(domain: Domain, algorithm: u8, key: &[u8], length: usize) -> Result<Mix, CryptoError> {
    if key.len() != length {
        return Err(CryptoError::InvalidKey);
    }
    let mut keyed = Mix::new(domain, algorithm);
    keyed.update(key);
    Ok(keyed)
}

struct Hash(HashAlgorithm, Mix);

impl HashContext for Hash {
    fn update(&mut self, bytes: &[u8]) {
        self.1.update(bytes);
    }

    fn finish(&self, out: &mut [u8; HashAlgorithm::MAX_OUTPUT_LEN]) -> usize {
        let length = self.0.output_len();
        self.1.write(&mut out[..length]);
        length
    }

    fn fork(&self) -> Box<dyn HashContext> {
        Box::new(Self(self.0, self.1.clone()))
    }
}

struct Hmac(HashAlgorithm, Mix);

impl HmacKey for Hmac {
    fn sign(&self, parts: &[&[u8]], out: &mut [u8; HashAlgorithm::MAX_OUTPUT_LEN]) -> usize {
        let mut mix = self.1.clone();
        parts.iter().for_each(|part| mix.update(part));
        let length = self.0.output_len();
        mix.write(&mut out[..length]);
        length
    }
}
