//! DTLS 1.2 (RFC 6347) as a sans-IO state machine, client and server, with DTLS-SRTP (RFC 5764).
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod config;
mod connection;
mod error;
mod flight;
mod inbound;
mod outbox;
mod reassembly;
mod received;
mod records;
mod replay;
mod stats;
mod v12;
pub mod wire;

pub use config::{CertificateCheck, Config, Cookies, PeerVerification};
pub use connection::{Connection, Event, State};
pub use error::{CloseReason, ExportError, HandshakeError, SendError};
pub use received::ApplicationData;
pub use stats::Stats;
pub use wire::{AlertDescription, CipherSuite, SrtpProfile, Version};
