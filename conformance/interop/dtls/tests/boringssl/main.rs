//! BoringSSL, in process and in virtual time.

mod handshake;
mod keys;
mod loss;
mod negotiation;
mod records;
