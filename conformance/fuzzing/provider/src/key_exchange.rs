//! Key exchange: the secret is a checksum of both public keys.

use pollrtc_crypto::{CryptoError, KeyExchange, KeyExchangeAnswer, NamedGroup, Rng};
use zeroize::Zeroizing;

use crate::mix::{Domain, Mix};

pub(crate) struct Exchange {
    group: NamedGroup,
    public_key: Vec<u8>,
}

impl Exchange {
    pub(crate) fn new(group: NamedGroup, rng: &mut Rng) -> Self {
        Self {
            group,
            public_key: fresh(group, group.public_key_len(), rng),
        }
    }
}

impl KeyExchange for Exchange {
    fn group(&self) -> NamedGroup {
        self.group
    }

    fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn complete(self: Box<Self>, peer_public_key: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        check(self.group, self.group.answer_len(), peer_public_key)?;
        Ok(secret(self.group, &self.public_key, peer_public_key))
    }
}

pub(crate) fn answer(
    group: NamedGroup,
    peer_public_key: &[u8],
    rng: &mut Rng,
) -> Result<KeyExchangeAnswer, CryptoError> {
    check(group, group.public_key_len(), peer_public_key)?;
    let public_key = fresh(group, group.answer_len(), rng);
    let secret = secret(group, peer_public_key, &public_key);
    Ok(KeyExchangeAnswer { public_key, secret })
}

/// A public key of the group, or an answer to one.
fn fresh(group: NamedGroup, length: usize, rng: &mut Rng) -> Vec<u8> {
    let mut mix = Mix::new(Domain::PublicKey, 0);
    mix.update(&rng.array::<32>());
    let mut public_key = vec![0; length];
    mix.write(&mut public_key);
    if is_point(group) {
        public_key[0] = UNCOMPRESSED;
        put_on_curve(&mut public_key);
    }
    public_key
}

fn is_point(group: NamedGroup) -> bool {
    matches!(group, NamedGroup::Secp256r1 | NamedGroup::Secp384r1)
}

/// Changes the last byte so that the XOR of all is 0: what stands in for the equation of a curve.
pub(crate) fn put_on_curve(point: &mut [u8]) {
    let sum = point.iter().fold(0, |sum, byte| sum ^ byte);
    if let Some(last) = point.last_mut() {
        *last ^= sum;
    }
}

/// What a real key exchange refuses, too: other lengths and forms, points off the curve, and keys of X25519 that
/// give no secret.
fn check(group: NamedGroup, length: usize, public_key: &[u8]) -> Result<(), CryptoError> {
    let has_form = public_key.len() == length && (!is_point(group) || is_on_curve(public_key));
    let gives_secret = match group {
        NamedGroup::X25519 | NamedGroup::X25519MlKem768 => {
            let x25519 = public_key.last_chunk::<32>();
            x25519.is_some_and(|x25519| *x25519 != [0; 32])
        }
        _ => true,
    };
    match has_form && gives_secret {
        true => Ok(()),
        false => Err(CryptoError::InvalidKey),
    }
}

pub(crate) fn is_on_curve(point: &[u8]) -> bool {
    point.first() == Some(&UNCOMPRESSED) && point.iter().fold(0, |sum, byte| sum ^ byte) == 0
}

/// The same whichever comes first, as both sides see themselves as the first.
fn secret(group: NamedGroup, one: &[u8], other: &[u8]) -> Zeroizing<Vec<u8>> {
    let [one, other] = [one, other].map(|public_key| {
        let mut mix = Mix::new(Domain::SharedSecret, 0);
        mix.update(public_key);
        mix.finish()
    });
    let mut mix = Mix::new(Domain::SharedSecret, 1);
    mix.update(&one.wrapping_add(other).to_le_bytes());
    let length = match group {
        NamedGroup::Secp384r1 => 48,
        NamedGroup::X25519MlKem768 => 64,
        _ => 32,
    };
    let mut secret = Zeroizing::new(vec![0; length]);
    mix.write(&mut secret);
    secret
}

/// What an uncompressed point starts with (SEC 1 §2.3.3).
const UNCOMPRESSED: u8 = 4;
