//! Cryptography behind pollrtc: what DTLS, SRTP, STUN and SCTP need, as traits with two
//! implementations.
//!
//! - [`Provider`] is what DTLS and SRTP ask for: AEAD, counter mode, hashes, HMAC, key exchange,
//!   signatures. Feature `aws-lc-rs` (default) and feature `rust-crypto` (`no_std`) bring one each.
//! - [`Rng`] is the one source of randomness of every state machine: seeded by the operating
//!   system, or by the caller who wants the same run twice.
//! - `Certificate` and `Fingerprint` (RFC 8122) are how peers name each other in SDP.
//! - [`SrtpKeyDerivation`] makes the keys of SRTP's packets out of those that DTLS agreed upon, and
//!   [`SrtpTransform`] names what they are for.
//! - `HmacSha1` and `HmacSha256` are keyed once and used for every STUN message and SCTP cookie.
//!
//! Keys and secrets are wiped when dropped, compared in constant time and never printed.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "aws-lc-rs")]
pub mod aws_lc_rs;
mod certificate;
mod der;
mod error;
mod fingerprint;
mod hkdf;
mod hmac;
#[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
mod hybrid;
mod provider;
mod public_key;
mod rng;
#[cfg(feature = "rust-crypto")]
pub mod rust_crypto;
mod srtp;

pub use certificate::Certificate;
pub use error::CryptoError;
pub use fingerprint::{Fingerprint, FingerprintError};
pub use hkdf::{Hkdf, Secret};
pub use hmac::{HmacSha1, HmacSha256};
pub use provider::{
    AeadAlgorithm, AeadKey, CtrAlgorithm, CtrKey, HashAlgorithm, HashContext, HmacKey, KeyExchange, KeyExchangeAnswer,
    NamedGroup, Provider, RecordNumberKey, SignatureScheme, SigningKey,
};
pub use public_key::public_key_info;
pub use rng::Rng;
pub use srtp::{SrtpKeyDerivation, SrtpKeyLabel, SrtpTransform};

/// The provider to take where nothing speaks for another: aws-lc-rs, else RustCrypto.
///
/// ```
/// # use pollrtc_crypto::{Certificate, Rng, default_provider};
/// let certificate = Certificate::generate(default_provider(), &mut Rng::from_os())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
pub fn default_provider() -> &'static dyn Provider {
    #[cfg(feature = "aws-lc-rs")]
    return aws_lc_rs::PROVIDER;
    #[cfg(not(feature = "aws-lc-rs"))]
    return rust_crypto::PROVIDER;
}
