//! What every provider must do alike: known answers of the standards, what has to be refused, and
//! that each understands the others.

mod aead;
mod ctr;
mod hash;
#[path = "../support/hex.rs"]
mod hex;
mod hkdf;
mod key_exchange;
#[path = "../support/providers.rs"]
mod providers;
mod record_number;
mod signature;
mod srtp;
