//! The contract that every pollrtc state machine keeps.
//!
//! A state machine here does no I/O and reads no clock. The caller owns the sockets, the time and
//! the threads, and drives the machine with five verbs ([`StateMachine`]):
//!
//! - [`handle_datagram`](StateMachine::handle_datagram): bytes that came,
//! - [`handle_timeout`](StateMachine::handle_timeout): time passed,
//! - [`poll_transmit`](StateMachine::poll_transmit): bytes to send, written into the caller's buffer,
//! - [`poll_event`](StateMachine::poll_event): what the application should know,
//! - [`poll_timeout`](StateMachine::poll_timeout): when to call `handle_timeout` at the latest.
//!
//! Three more do nothing unless a machine needs them, for what is not a datagram:
//!
//! - [`handle_sent`](StateMachine::handle_sent): when a transmit left, or that it was dropped,
//! - [`handle_flow`](StateMachine::handle_flow): a stream opened or closed, the network complains,
//! - [`poll_flow`](StateMachine::poll_flow): streams to open and to close.
//!
//! Where bytes travel is a [`Flow`]: a local address, a remote one, and a protocol.
//!
//! # The seven laws
//!
//! 1. **Any order is legal.** No call has to follow another; nothing breaks if a caller drains late
//!    or never.
//! 2. **Nothing panics**, whatever the bytes, the times (also backwards, also far ahead), the flows
//!    and the sizes of buffers.
//! 3. **Quiet means quiet.** Once `poll_transmit`, `poll_event` and `poll_flow` gave `None`, nothing changes
//!    before input or the time of `poll_timeout`; after `handle_timeout(now)` the next timeout lies
//!    after `now`, or there is output to take.
//! 4. **Bounded.** Whatever a peer or a stranger sends, memory stays under a bound that the
//!    configuration states; work per datagram is linear in its length.
//! 5. **Deterministic.** Same inputs and same seed give the same outputs.
//! 6. **Network input is never an `Err`.** What is malformed, forged, replayed or out of place is
//!    dropped and counted; what ends a connection is an event that says why. `Err` is for the
//!    caller's own mistakes.
//! 7. **No allocation in the steady state** of the data path beyond the message that is handed to
//!    the application; parsers never allocate.
//!
//! Every transmit has a length, a segment size (on UDP only) that is neither zero nor above it, a
//! port, and a local address that the machine was given.
//!
//! The `laws` module (feature `laws`) puts any implementor through laws 1 to 5 in one line of test.
//!
//! # Features
//!
//! `std` (default) adds [`Clock`]; without it the crate is `no_std` and needs no `alloc`.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(feature = "std"), no_std)]

mod datagram;
mod flow;
mod framing;
mod inner;
mod machine;
mod time;

#[cfg(feature = "laws")]
pub mod laws;

pub use datagram::{Datagram, Ecn, Transmit};
pub use flow::{Departure, Flow, FlowEvent, FlowRequest, Protocol, RequestId, SendId, ServerName, normalise};
pub use framing::{Deframer, Delimiters, Framing, FramingError};
pub use inner::{Headroom, InnerProtocol, Standalone};
pub use machine::StateMachine;
#[cfg(feature = "std")]
pub use time::Clock;
pub use time::Instant;
