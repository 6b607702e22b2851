//! Signatures: checksums of the key, the scheme and the message.

use std::fmt;

use pollrtc_crypto::{CryptoError, NamedGroup, Rng, SignatureScheme, SigningKey};
use zeroize::Zeroizing;

use crate::key_exchange::{is_on_curve, put_on_curve};
use crate::mix::{Domain, Mix};

/// What the SubjectPublicKeyInfo of a key on P-256 starts with (RFC 5480 §2): all but the point.
const P256_INFO: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Bytes of a signature: those of most of ECDSA's on P-256.
const SIGNATURE_LEN: usize = 71;

/// A key that calls itself one of ECDSA on P-256. Private and public are the same.
pub(crate) struct Key {
    public_key_info: Vec<u8>,
}

impl Key {
    pub(crate) fn generate(rng: &mut Rng) -> Self {
        let mut point = [0; 65];
        rng.fill(&mut point);
        point[0] = 4;
        put_on_curve(&mut point);
        Self {
            public_key_info: [&P256_INFO[..], &point].concat(),
        }
    }

    /// What [`to_pkcs8`](SigningKey::to_pkcs8) has written.
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, CryptoError> {
        match der.strip_prefix(&P256_INFO) {
            Some(point) if point.len() == 65 && is_on_curve(point) => Ok(Self {
                public_key_info: der.to_vec(),
            }),
            _ => Err(CryptoError::InvalidKey),
        }
    }
}

impl SigningKey for Key {
    fn schemes(&self) -> &[SignatureScheme] {
        &[SignatureScheme::EcdsaSecp256r1Sha256]
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8], _rng: &mut Rng) -> Result<Vec<u8>, CryptoError> {
        match self.schemes().contains(&scheme) {
            true => Ok(signature(scheme, &self.public_key_info, message).to_vec()),
            false => Err(CryptoError::Unsupported),
        }
    }

    fn public_key_info(&self) -> &[u8] {
        &self.public_key_info
    }

    fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.public_key_info.clone())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(of a stand-in)")
    }
}

pub(crate) fn verify(
    scheme: SignatureScheme,
    public_key_info: &[u8],
    message: &[u8],
    given: &[u8],
) -> Result<(), CryptoError> {
    // In DTLS 1.2 ECDSA's schemes name no curve (RFC 5246 §7.4.1.4.1).
    let is_ecdsa = matches!(
        scheme,
        SignatureScheme::EcdsaSecp256r1Sha256 | SignatureScheme::EcdsaSecp384r1Sha384
    );
    let on_curve = NamedGroup::of_key(public_key_info).map(|curve| {
        let point = public_key_info.len().saturating_sub(curve.public_key_len());
        is_on_curve(&public_key_info[point..])
    });
    match on_curve {
        Some(is_on_curve) if is_ecdsa && is_on_curve => {}
        None if scheme.is_for_key(public_key_info) => {}
        _ => return Err(CryptoError::InvalidKey),
    }
    match signature(scheme, public_key_info, message) == *given {
        true => Ok(()),
        false => Err(CryptoError::Authentication),
    }
}

fn signature(scheme: SignatureScheme, public_key_info: &[u8], message: &[u8]) -> [u8; SIGNATURE_LEN] {
    let mut mix = Mix::new(Domain::Signature, 0);
    mix.update(&(scheme as u16).to_be_bytes());
    mix.framed(public_key_info);
    mix.framed(message);
    let mut signature = [0; SIGNATURE_LEN];
    mix.write(&mut signature);
    signature
}
