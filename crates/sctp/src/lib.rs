//! SCTP (RFC 9260) and data channels (RFC 8831, RFC 8832) as sans-IO state machines.
//!
//! - [`Association`] is SCTP itself: handshake, streams, ordered and unordered messages of any size,
//!   partial reliability (RFC 3758), stream reset (RFC 6525), congestion control.
//! - [`channel::DataChannels`] speaks the channel establishment protocol (RFC 8832) on top of it.
//! - [`wire`] is the bytes, allocation-free.
//!
//! Nothing that comes from the network gives an `Err`: what does not belong is dropped and counted by
//! reason in `stats()`, what ends the association is an event that says why. An `Err` is always about
//! what the caller asked for, and nothing has happened then.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod association;
pub mod channel;
mod config;
mod congestion;
mod error;
mod event;
mod loss;
mod outstanding;
mod reassembly;
mod received;
mod rto;
mod send_queue;
mod serial;
mod stats;
pub mod wire;
mod work;

pub use association::{Association, AssociationState};
pub use config::{Config, DEFAULT_MAX_PACKET, MIN_MAX_PACKET, Reliability, SendOptions};
pub use error::{CloseReason, ResetError, SendError};
pub use event::{Event, Streams};
pub use stats::Stats;
// What the API and the examples speak of besides.
pub use pollrtc_core::{Headroom, InnerProtocol, Instant};
pub use pollrtc_crypto::Rng;
