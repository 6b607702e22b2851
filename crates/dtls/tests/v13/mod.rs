//! DTLS 1.3.

mod attacks;
mod handshake;
mod hellos;
mod keys;
mod loss;
mod records;
mod retry;
