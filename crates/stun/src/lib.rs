//! STUN (RFC 8489) with the attributes of ICE (RFC 8445): a message view and builder that never
//! allocate, client transactions, a client and a binding server.
//!
//! - [`Message`] is a checked view over a datagram: one pass, then accessors that can't fail.
//! - [`Builder`] writes a message into the caller's buffer; what goes wrong is told once, by
//!   [`finish`](Builder::finish).
//! - [`IntegrityKey`] is a password, keyed once, for MESSAGE-INTEGRITY.
//! - [`ClientTransaction`] says when a request is to be sent again and when to give up.
//! - [`Client`] asks a server for the reflexive address; [`BindingServer`] answers such requests.
//!   Both are state machines ([`pollrtc_core::StateMachine`]).
//!
//! # What an error means
//!
//! A [`ParseError`] means that the bytes are not a STUN message; a [`BuildError`] that the caller
//! asked for a message that can't be. The state machines give no errors at all: what comes from the
//! network and does not belong is dropped and counted by reason, and what ends a request is an event.
//!
//! # Features
//!
//! `std` (default) passes `std` on to the crates below. Without it the crate is `no_std`; only the
//! binding server's queue needs `alloc`.
//!
//! ```
//! use pollrtc_stun::{Builder, Class, IntegrityKey, Message, Method, TransactionId};
//!
//! let key = IntegrityKey::short_term("VOkJxbRl1RmTxUk/WvJxBt");
//! let mut buf = [0; 128];
//! let len = Builder::new(&mut buf, Class::Request, Method::BINDING, TransactionId([7; 12]))
//!     .username("evtj:h6vY")
//!     .priority(1_845_494_271)
//!     .ice_controlling(0x1122_3344_5566_7788)
//!     .message_integrity(&key)
//!     .fingerprint()
//!     .finish()?;
//!
//! let message = Message::parse(&buf[..len])?;
//! assert_eq!(message.username(), Some("evtj:h6vY"));
//! assert!(message.verify_integrity(&key));
//! assert_eq!(message.verify_fingerprint(), Some(true));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod address;
mod attribute;
mod builder;
mod client;
mod error_code;
mod header;
mod integrity;
mod message;
mod server;
mod transaction;

pub use attribute::{Attribute, AttributeType, AttributeTypes};
pub use builder::{BuildError, Builder};
pub use client::{Client, ClientConfig, ClientEvent, ClientStats, RequestFailure};
pub use error_code::ErrorCode;
pub use header::{Class, Method, TransactionId, is_stun};
pub use integrity::{IntegrityKey, IntegrityKeySha256};
pub use message::{Attributes, Message, ParseError, RawAttribute, RawAttributes, UnknownComprehensionRequired};
pub use server::{BindingServer, ServerConfig, ServerStats};
pub use transaction::{ClientTransaction, Retransmission, TimeoutAction};
// What the API and the examples speak of besides.
pub use pollrtc_core::{Datagram, Flow, Instant, StateMachine, Transmit};
pub use pollrtc_crypto::Rng;
