//! DTLS 1.3 (RFC 9147) and 1.2 (RFC 6347) as a sans-IO state machine, client and server, with DTLS-SRTP
//! (RFC 5764).
//!
//! A [`Connection`] owns no socket, no clock and no thread. Datagrams go in with `handle_datagram`,
//! which gives back the application's data decrypted in the caller's own buffer, and come out of
//! `poll_transmit`; [`Connection::seal`] encrypts a payload where it stands, so that sending costs no
//! copy either. See [`pollrtc_core::StateMachine`] for the contract.
//!
//! # Who is at the other end
//!
//! [`Config::peer`] says whom to talk to: in WebRTC, whoever has the certificate whose fingerprint
//! the session description named. Both sides show a certificate and prove that they have its key;
//! before that no key is derived, no data is handed over and none can be sent.
//!
//! # What is an error and what is not
//!
//! Whatever comes from the network is never an `Err`: what is malformed, forged, replayed or out of
//! place is dropped and counted in [`Connection::stats`], and what ends the connection is
//! [`Event::Closed`] with its [`CloseReason`]. Nothing that a stranger could have sent ends an
//! established connection, and neither alerts nor ClientHellos of strangers end a handshake. `Err`
//! means that the caller asked for what can't be done now: see [`SendError`] and [`ExportError`].
//!
//! # Code map
//!
//! [`wire`] knows bytes only. Records, fragments, flights, acknowledgements and timers are one engine,
//! which asks no version; `handshake` is what both versions share, and where the peer's hello decides
//! which one it is; `v12` and `v13` are the two of them, next to each other.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod acks;
mod config;
mod connection;
mod error;
mod flight;
mod handshake;
mod inbound;
mod outbox;
mod reassembly;
mod received;
mod records;
mod replay;
mod stats;
mod v12;
mod v13;
pub mod wire;

pub use config::{CertificateCheck, ClientCertificates, Config, Cookies, KeyLog, PeerVerification, Versions};
pub use connection::{Connection, Event, State};
pub use error::{CloseReason, ExportError, HandshakeError, SendError};
pub use received::ApplicationData;
pub use stats::Stats;
pub use v13::KeyUpdateRequest;
pub use wire::{AlertDescription, CipherSuite, SrtpProfile, Version};
