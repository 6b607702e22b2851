//! Interactive Connectivity Establishment (RFC 8445) as a sans-IO state machine: two peers find a
//! way to each other through whatever lies between, and keep checking that it is there and wanted.
//!
//! - [`Agent`] is the state machine, full or [lite](Config::lite).
//! - [`Candidate`] is one address to try, as signalling carries it.
//! - [`local_ufrag`] tells which agent behind a shared socket a check is for, and [`Pacer`] whose turn it is to ask.
//!
//! Trickled candidates (RFC 8838), consent freshness (RFC 7675), patience before failing (RFC 8863),
//! fair treatment of IPv4 and IPv6 (RFC 8421), candidates behind multicast DNS names, and restarts
//! without an interruption are part of it. Relays (TURN) and TCP candidates are not yet.
//!
//! # What an error means
//!
//! `Err` is the caller's own mistake: an address that nobody can reach, credentials of the wrong
//! length, a line that is no candidate. What comes from the network never gives one: what is
//! malformed, forged, repeated or out of place is dropped and counted in [`Stats`] by reason, and
//! an end is an [`Event::StateChanged`] that says why.
//!
//! # Where this agent decides for itself
//!
//! - Checks start 5 ms apart (the least that RFC 8445 §14.2 allows) instead of 50.
//! - A check that the peer triggers while ours is in progress waits up to 25 ms for the answer.
//! - The best pair that works is nominated at once if none of higher priority is left, else after
//!   twice its round-trip time and 50 ms.
//! - Ordinary checks end with the first pair that works, except those of higher priority.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod address;
mod agent;
mod base;
mod candidate;
mod checklist;
mod config;
mod consent;
mod context;
mod control;
mod credentials;
mod event;
mod events;
mod fallback;
mod gathering;
mod generations;
mod keys;
mod kind;
mod nomination;
mod outbox;
mod pacing;
mod pair;
mod priority;
mod remotes;
mod requests;
mod session;
mod stats;
mod tag;
mod transaction;
mod ufrag;

pub use agent::Agent;
pub use base::AddressError;
pub use candidate::{Candidate, CandidateError};
pub use config::{Config, Timing};
pub use credentials::{Credentials, CredentialsError};
pub use event::{AddressValidation, Event, FailureReason, Path, Received, Role, State};
pub use kind::CandidateKind;
pub use pacing::Pacer;
pub use stats::Stats;
pub use tag::UfragTag;
pub use ufrag::local_ufrag;
