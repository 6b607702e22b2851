//! Bytes in, views out: records, handshake messages and extensions, without time or state.
//!
//! Parsers borrow and never allocate. Handshake messages are written into a growing buffer
//! ([`Writer`]), since a flight keeps them until the peer has answered.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

pub mod ack;
mod codes;
pub mod datagram;
pub mod extensions;
pub mod handshake;
mod parse;
pub mod record;
pub mod unified;
pub mod v13;
mod writer;

pub use codes::{
    AlertDescription, AlertLevel, Authentication, CipherSuite, ContentType, ExtensionType, HandshakeType, SrtpProfile,
    Version,
};
pub use parse::{Codes, ParseError};
pub use writer::Writer;
