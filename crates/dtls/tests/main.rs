//! The connection through its public API, in virtual time.

mod handshake;
mod support;
