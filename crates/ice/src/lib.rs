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
//! - The first pair that works is nominated at once. One of higher priority holds that up only until it was asked, and for
//!   one round trip: some peers send nothing before they are nominated.
//! - Ordinary checks end with the first pair that works, except those of higher priority.
//! - While nothing works, and while a nomination is not answered, a pair is asked by a fresh check each 250 ms, six times
//!   beside the retransmissions; so is the selected pair when a consent check is not answered in time.
//! - A few pairs from each local address are [kept alive](Config::max_backup_pairs) beside the selected one. If it answers
//!   no more and one of them does, the controlling side nominates that, without a restart; if the controlling side does not,
//!   the controlled one goes there by itself. For that the selected pair is asked after [a second of
//!   silence](Timing::failover).
//! - No IP address gets more than [50 checks a second](Config::max_checks_per_address), whatever a peer signals.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod address;
mod agent;
mod backups;
mod base;
mod budget;
mod candidate;
mod checklist;
mod config;
mod consent;
mod context;
mod control;
mod credentials;
mod event;
mod events;
mod failover;
mod gathering;
mod generations;
mod keys;
mod kind;
mod liveness;
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
// What the API and the examples speak of besides.
pub use pollrtc_core::{Datagram, Flow, Instant, StateMachine, Transmit};
pub use pollrtc_crypto::Rng;
pub use pollrtc_stun as stun;
