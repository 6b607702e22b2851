//! DTLS 1.3.

mod handshake;
mod keys;
mod loss;
mod retry;
