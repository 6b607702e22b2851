//! The connection through its public API, in virtual time.

mod attacks;
mod fragmentation;
mod handshake;
mod openssl;
mod records;
mod retransmission;
mod support;
