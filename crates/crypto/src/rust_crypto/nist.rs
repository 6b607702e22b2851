//! Key exchange and signatures on NIST's curves.

/// Makes a module for one curve. The crates of the curves share their generic parts; to be generic
/// over these would take more bounds than there is code.
macro_rules! nist_curve {
    ($(#[$doc:meta])* $curve:ident, $group:expr, $scheme:expr) => {
        $(#[$doc])*
        pub(super) mod $curve {
            use alloc::boxed::Box;
            use alloc::sync::Arc;
            use alloc::vec::Vec;
            use core::fmt;

            use $curve::PublicKey;
            use $curve::ecdh::EphemeralSecret;
            use $curve::ecdsa::signature::RandomizedSigner;
            use $curve::ecdsa::signature::hazmat::PrehashVerifier;
            use $curve::ecdsa::{self, DerSignature, VerifyingKey};
            use $curve::elliptic_curve::Generate;
            use $curve::elliptic_curve::sec1::ToSec1Point;
            use $curve::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
            use zeroize::Zeroizing;

            use crate::{
                CryptoError, KeyExchange, NamedGroup, Rng, SignatureScheme, SigningKey,
            };

            const GROUP: NamedGroup = $group;
            const SCHEME: SignatureScheme = $scheme;

            pub(crate) struct Exchange {
                secret: EphemeralSecret,
                public_key: Box<[u8]>,
            }

            impl Exchange {
                pub(crate) fn generate(rng: &mut Rng) -> Self {
                    let secret = EphemeralSecret::generate_from_rng(rng.as_crypto_rng());
                    let public_key = secret.public_key().to_sec1_point(false);
                    Self {
                        public_key: public_key.as_bytes().into(),
                        secret,
                    }
                }
            }

            impl KeyExchange for Exchange {
                fn group(&self) -> NamedGroup {
                    GROUP
                }

                fn public_key(&self) -> &[u8] {
                    &self.public_key
                }

                fn complete(
                    self: Box<Self>,
                    peer_public_key: &[u8],
                ) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
                    if !GROUP.has_public_key_form(peer_public_key) {
                        return Err(CryptoError::InvalidKey);
                    }
                    let peer = PublicKey::from_sec1_bytes(peer_public_key)
                        .map_err(|_| CryptoError::InvalidKey)?;
                    let secret = self.secret.diffie_hellman(&peer);
                    Ok(Zeroizing::new(secret.raw_secret_bytes().to_vec()))
                }
            }

            pub(crate) struct EcdsaKey {
                key: ecdsa::SigningKey,
                public_key_info: Box<[u8]>,
            }

            impl EcdsaKey {
                pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Arc<dyn SigningKey>, CryptoError> {
                    let key = ecdsa::SigningKey::from_pkcs8_der(der)
                        .map_err(|_| CryptoError::InvalidKey)?;
                    Self::shared(key)
                }

                pub(crate) fn shared(key: ecdsa::SigningKey) -> Result<Arc<dyn SigningKey>, CryptoError> {
                    let info = key
                        .verifying_key()
                        .to_public_key_der()
                        .map_err(|_| CryptoError::InvalidKey)?;
                    Ok(Arc::new(Self {
                        public_key_info: info.as_bytes().into(),
                        key,
                    }))
                }
            }

            impl SigningKey for EcdsaKey {
                fn schemes(&self) -> &[SignatureScheme] {
                    &[SCHEME]
                }

                /// RFC 6979 with randomness added (§3.6): neither a bad generator nor a fault
                /// while signing gives the key away.
                fn sign(
                    &self,
                    scheme: SignatureScheme,
                    message: &[u8],
                    rng: &mut Rng,
                ) -> Result<Vec<u8>, CryptoError> {
                    if scheme != SCHEME {
                        return Err(CryptoError::Unsupported);
                    }
                    let signature: DerSignature = self
                        .key
                        .try_sign_with_rng(rng.as_crypto_rng(), message)
                        .map_err(|_| CryptoError::Unsupported)?;
                    Ok(signature.as_bytes().to_vec())
                }

                fn public_key_info(&self) -> &[u8] {
                    &self.public_key_info
                }

                fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
                    let document = self.key.to_pkcs8_der().expect("a valid key can be written");
                    Zeroizing::new(document.as_bytes().to_vec())
                }
            }

            impl fmt::Debug for EcdsaKey {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, "SigningKey({SCHEME:?})")
                }
            }

            /// Checks the signature over a digest with a point of the curve.
            pub(crate) fn verify(
                point: &[u8],
                digest: &[u8],
                signature: &[u8],
            ) -> Result<(), CryptoError> {
                let key =
                    VerifyingKey::from_sec1_bytes(point).map_err(|_| CryptoError::InvalidKey)?;
                let signature =
                    DerSignature::from_bytes(signature).map_err(|_| CryptoError::Authentication)?;
                key.verify_prehash(digest, &signature)
                    .map_err(|_| CryptoError::Authentication)
            }
        }
    };
}

nist_curve! {
    /// P-256.
    p256, NamedGroup::Secp256r1, SignatureScheme::EcdsaSecp256r1Sha256
}

nist_curve! {
    /// P-384.
    p384, NamedGroup::Secp384r1, SignatureScheme::EcdsaSecp384r1Sha384
}
