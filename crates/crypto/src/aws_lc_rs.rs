//! The provider on aws-lc-rs: the fast one, where there is a C compiler.
//!
//! It draws its own randomness from the operating system: keys and signatures differ from run to
//! run even if the [`Rng`] is seeded.
//!
//! # Where it is not the fastest
//!
//! AWS-LC has AES-GCM for processors with VAES and AVX-512, and for those with neither, but not for those that
//! have VAES alone: Intel's Alder Lake and what followed it, AMD's Zen 3. There ring, with BoringSSL's code
//! for them, takes 1.6 times less per record of 1200 bytes. There is no feature here that takes ring's AEAD
//! in its place: it would be a second library of C and assembler, with a build and advisories of its own, for
//! a fraction of a microsecond per packet on some processors, until AWS-LC has that code too. Who needs it
//! today does not depend on us: [`Provider`] is a trait, and one that answers [`Provider::aead`] with ring's
//! keys where `is_x86_feature_detected!` says `vaes` and not `avx512f`, and hands everything else on to
//! [`PROVIDER`], is a page.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use ::aws_lc_rs::aead::quic::{self, HeaderProtectionKey};
use ::aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use ::aws_lc_rs::agreement::{self, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ::aws_lc_rs::cipher::{self, EncryptingKey, EncryptionContext, UnboundCipherKey};
use ::aws_lc_rs::encoding::AsDer;
use ::aws_lc_rs::kem::DecapsulationKey;
use ::aws_lc_rs::rand::SystemRandom;
use ::aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair, ParsedPublicKey, VerificationAlgorithm,
};
use ::aws_lc_rs::{digest, hmac};
use zeroize::Zeroizing;

use crate::provider::copy_to_front;
use crate::public_key::{KeyKind, PublicKey};
use crate::{
    AeadAlgorithm, AeadKey, CryptoError, CtrAlgorithm, CtrKey, HashAlgorithm, HashContext, HmacKey, KeyExchange,
    KeyExchangeAnswer, NamedGroup, Provider, RecordNumberKey, Rng, SignatureScheme, SigningKey, hybrid,
};

mod ed25519;
mod ml_kem;
mod rsa;

/// The provider on aws-lc-rs.
pub static PROVIDER: &dyn Provider = &AwsLcRs;

#[derive(Debug)]
struct AwsLcRs;

impl Provider for AwsLcRs {
    fn aead(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
        let algorithm = match algorithm {
            AeadAlgorithm::Aes128Gcm => &aead::AES_128_GCM,
            AeadAlgorithm::Aes256Gcm => &aead::AES_256_GCM,
            AeadAlgorithm::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        };
        let key = UnboundKey::new(algorithm, key).map_err(|_| CryptoError::InvalidKey)?;
        Ok(Box::new(Aead(LessSafeKey::new(key))))
    }

    fn record_number_key(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Result<Box<dyn RecordNumberKey>, CryptoError> {
        // QUIC hides its numbers in the same way (RFC 9001 §5.4.3).
        let algorithm = match algorithm {
            AeadAlgorithm::Aes128Gcm => &quic::AES_128,
            AeadAlgorithm::Aes256Gcm => &quic::AES_256,
            AeadAlgorithm::ChaCha20Poly1305 => &quic::CHACHA20,
        };
        let key = HeaderProtectionKey::new(algorithm, key).map_err(|_| CryptoError::InvalidKey)?;
        Ok(Box::new(RecordNumber(key)))
    }

    fn ctr(&self, algorithm: CtrAlgorithm, key: &[u8]) -> Result<Box<dyn CtrKey>, CryptoError> {
        let algorithm = match algorithm {
            CtrAlgorithm::Aes128Ctr => &cipher::AES_128,
            CtrAlgorithm::Aes256Ctr => &cipher::AES_256,
        };
        let key = UnboundCipherKey::new(algorithm, key).map_err(|_| CryptoError::InvalidKey)?;
        let key = EncryptingKey::ctr(key).map_err(|_| CryptoError::InvalidKey)?;
        Ok(Box::new(Ctr(key)))
    }

    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>, CryptoError> {
        let algorithm = match algorithm {
            HashAlgorithm::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            HashAlgorithm::Sha224 => &digest::SHA224,
            HashAlgorithm::Sha256 => &digest::SHA256,
            HashAlgorithm::Sha384 => &digest::SHA384,
            HashAlgorithm::Sha512 => &digest::SHA512,
        };
        Ok(Box::new(Hash(digest::Context::new(algorithm))))
    }

    fn hmac(&self, algorithm: HashAlgorithm, key: &[u8]) -> Result<Box<dyn HmacKey>, CryptoError> {
        let algorithm = match algorithm {
            HashAlgorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            HashAlgorithm::Sha224 => hmac::HMAC_SHA224,
            HashAlgorithm::Sha256 => hmac::HMAC_SHA256,
            HashAlgorithm::Sha384 => hmac::HMAC_SHA384,
            HashAlgorithm::Sha512 => hmac::HMAC_SHA512,
        };
        Ok(Box::new(Hmac(hmac::Key::new(algorithm, key))))
    }

    fn groups(&self) -> &'static [NamedGroup] {
        &NamedGroup::ALL
    }

    fn key_exchange(&self, group: NamedGroup, rng: &mut Rng) -> Result<Box<dyn KeyExchange>, CryptoError> {
        let Some(algorithm) = agreement(group) else {
            return hybrid::key_exchange::<DecapsulationKey>(self, rng);
        };
        let private_key =
            EphemeralPrivateKey::generate(algorithm, &SystemRandom::new()).map_err(|_| CryptoError::Unsupported)?;
        let public_key = private_key.compute_public_key().map_err(|_| CryptoError::Unsupported)?;
        Ok(Box::new(Exchange {
            group,
            algorithm,
            private_key,
            public_key,
        }))
    }

    fn answer_key_exchange(
        &self,
        group: NamedGroup,
        peer_public_key: &[u8],
        rng: &mut Rng,
    ) -> Result<KeyExchangeAnswer, CryptoError> {
        hybrid::answer_key_exchange::<DecapsulationKey>(self, group, peer_public_key, rng)
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
        let PublicKey { kind, key } = PublicKey::from_info(subject_public_key_info)?;
        let algorithm = verification(scheme, kind).ok_or(CryptoError::InvalidKey)?;
        ParsedPublicKey::new(algorithm, key)
            .map_err(|_| CryptoError::InvalidKey)?
            .verify_sig(message, signature)
            .map_err(|_| CryptoError::Authentication)
    }

    fn generate_signing_key(&self, _rng: &mut Rng) -> Result<Arc<dyn SigningKey>, CryptoError> {
        let key =
            EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| CryptoError::Unsupported)?;
        EcdsaKey::shared(key, SignatureScheme::EcdsaSecp256r1Sha256)
    }

    fn signing_key_from_pkcs8(&self, der: &[u8]) -> Result<Arc<dyn SigningKey>, CryptoError> {
        const CURVES: [(&EcdsaSigningAlgorithm, SignatureScheme); 2] = [
            (
                &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
                SignatureScheme::EcdsaSecp256r1Sha256,
            ),
            (
                &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
                SignatureScheme::EcdsaSecp384r1Sha384,
            ),
        ];
        let ecdsa = CURVES
            .into_iter()
            .find_map(|(curve, scheme)| Some((EcdsaKeyPair::from_pkcs8(curve, der).ok()?, scheme)));
        match ecdsa {
            Some((key, scheme)) => EcdsaKey::shared(key, scheme),
            None => ed25519::Key::from_pkcs8(der).or_else(|_| rsa::Key::from_pkcs8(der)),
        }
    }
}

struct Aead(LessSafeKey);

impl AeadKey for Aead {
    fn seal(&self, nonce: &[u8; 12], aad: &[u8], in_out: &mut [u8]) -> Result<[u8; 16], CryptoError> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        // Fails only for more bytes than one nonce can cover, far more than any record has.
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(aad), in_out)
            .map_err(|_| CryptoError::Unsupported)?;
        tag.as_ref().try_into().map_err(|_| CryptoError::Unsupported)
    }

    fn open(&self, nonce: &[u8; 12], aad: &[u8], in_out: &mut [u8], tag: &[u8; 16]) -> Result<(), CryptoError> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        self.0
            .open_in_place_separate_tag(nonce, Aad::from(aad), tag, in_out)
            .map(|_| ())
            .map_err(|_| CryptoError::Authentication)
    }
}

struct Ctr(EncryptingKey);

impl CtrKey for Ctr {
    fn apply_keystream(&self, counter: &[u8; 16], in_out: &mut [u8]) {
        let counter = EncryptionContext::Iv128(counter.into());
        let encrypted = self.0.less_safe_encrypt(in_out, counter);
        encrypted.expect("counter mode takes any number of bytes");
    }
}

struct RecordNumber(HeaderProtectionKey);

impl RecordNumberKey for RecordNumber {
    fn mask(&self, ciphertext: &[u8; 16]) -> [u8; 2] {
        let [first, second, ..] = self.0.new_mask(ciphertext).expect("a sample has 16 bytes");
        [first, second]
    }
}

struct Hash(digest::Context);

impl HashContext for Hash {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self, out: &mut [u8; HashAlgorithm::MAX_OUTPUT_LEN]) -> usize {
        copy_to_front(self.0.clone().finish().as_ref(), out)
    }

    fn fork(&self) -> Box<dyn HashContext> {
        Box::new(Self(self.0.clone()))
    }
}

struct Hmac(hmac::Key);

impl HmacKey for Hmac {
    fn sign(&self, parts: &[&[u8]], out: &mut [u8; HashAlgorithm::MAX_OUTPUT_LEN]) -> usize {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        copy_to_front(context.sign().as_ref(), out)
    }
}

struct Exchange {
    group: NamedGroup,
    algorithm: &'static agreement::Algorithm,
    private_key: EphemeralPrivateKey,
    public_key: agreement::PublicKey,
}

impl KeyExchange for Exchange {
    fn group(&self) -> NamedGroup {
        self.group
    }

    fn public_key(&self) -> &[u8] {
        self.public_key.as_ref()
    }

    fn complete(self: Box<Self>, peer_public_key: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        // Other encodings of a point would be taken too, which RFC 8422 §5.4.1 does not allow.
        if !self.group.has_public_key_form(peer_public_key) {
            return Err(CryptoError::InvalidKey);
        }
        agree_ephemeral(
            self.private_key,
            UnparsedPublicKey::new(self.algorithm, peer_public_key),
            CryptoError::InvalidKey,
            |secret| Ok(Zeroizing::new(secret.to_vec())),
        )
    }
}

struct EcdsaKey {
    key: EcdsaKeyPair,
    scheme: SignatureScheme,
    public_key_info: Box<[u8]>,
}

impl EcdsaKey {
    fn shared(key: EcdsaKeyPair, scheme: SignatureScheme) -> Result<Arc<dyn SigningKey>, CryptoError> {
        let info = key.public_key().as_der().map_err(|_| CryptoError::InvalidKey)?;
        Ok(Arc::new(Self {
            public_key_info: info.as_ref().into(),
            key,
            scheme,
        }))
    }
}

impl SigningKey for EcdsaKey {
    fn schemes(&self) -> &[SignatureScheme] {
        core::slice::from_ref(&self.scheme)
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8], _rng: &mut Rng) -> Result<Vec<u8>, CryptoError> {
        if scheme != self.scheme {
            return Err(CryptoError::Unsupported);
        }
        let signature = self
            .key
            .sign(&SystemRandom::new(), message)
            .map_err(|_| CryptoError::Unsupported)?;
        Ok(signature.as_ref().to_vec())
    }

    fn public_key_info(&self) -> &[u8] {
        &self.public_key_info
    }

    fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        let document = self.key.to_pkcs8v1().expect("a valid key can be written");
        Zeroizing::new(document.as_ref().to_vec())
    }
}

impl fmt::Debug for EcdsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?})", self.scheme)
    }
}

/// The library's name for a group; `None` for the one that is not Diffie-Hellman alone.
fn agreement(group: NamedGroup) -> Option<&'static agreement::Algorithm> {
    match group {
        NamedGroup::Secp256r1 => Some(&agreement::ECDH_P256),
        NamedGroup::Secp384r1 => Some(&agreement::ECDH_P384),
        NamedGroup::X25519 => Some(&agreement::X25519),
        NamedGroup::X25519MlKem768 => None,
    }
}

/// The algorithm of a signature: the scheme names the hash and the padding, the key its own curve (RFC 5246 §7.4.1.4.1).
fn verification(scheme: SignatureScheme, key: KeyKind) -> Option<&'static dyn VerificationAlgorithm> {
    use SignatureScheme as Scheme;
    Some(match (scheme, key) {
        (Scheme::EcdsaSecp256r1Sha256, KeyKind::P256) => &signature::ECDSA_P256_SHA256_ASN1,
        (Scheme::EcdsaSecp256r1Sha256, KeyKind::P384) => &signature::ECDSA_P384_SHA256_ASN1,
        (Scheme::EcdsaSecp384r1Sha384, KeyKind::P256) => &signature::ECDSA_P256_SHA384_ASN1,
        (Scheme::EcdsaSecp384r1Sha384, KeyKind::P384) => &signature::ECDSA_P384_SHA384_ASN1,
        (Scheme::RsaPssRsaeSha256, KeyKind::Rsa) => &signature::RSA_PSS_2048_8192_SHA256,
        (Scheme::RsaPssRsaeSha384, KeyKind::Rsa) => &signature::RSA_PSS_2048_8192_SHA384,
        (Scheme::RsaPssRsaeSha512, KeyKind::Rsa) => &signature::RSA_PSS_2048_8192_SHA512,
        (Scheme::RsaPkcs1Sha256, KeyKind::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (Scheme::RsaPkcs1Sha384, KeyKind::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (Scheme::RsaPkcs1Sha512, KeyKind::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (Scheme::Ed25519, KeyKind::Ed25519) => &signature::ED25519,
        _ => return None,
    })
}
