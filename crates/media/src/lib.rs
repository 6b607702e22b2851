//! What media needs between packets and a connection: plain structs that know no socket, no connection and no clock.
//!
//! - A stream that is received: [`Reception`] counts what reports tell. One that is sent: [`Transmission`].
//!   [`RoundTrip`] measures from the answers.
//! - A stream that is forwarded: [`History`] keeps the last packets of publishers, a [`Forwarder`] for each
//!   subscription says what leaves and under which names.
//!
//! Each takes the time with what it is told, so that it runs the same in a test, in a simulation and on a server. What
//! came from the network never gives an `Err`: what is out of place is dropped, and counted. All is `Send`, bounded,
//! and asks no allocator per packet once it is warm.
#![no_std]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

extern crate alloc;

mod clock;
mod formats;
mod forwarder;
mod history;
mod reception;
mod round_trip;
mod sequence;
mod transmission;

pub use clock::{ClockPair, NtpClock, NtpTime};
pub use formats::{Codec, FormatMap};
pub use forwarder::{Forwarder, ForwarderConfig, ForwarderStats, Verdict};
pub use history::{History, HistoryConfig};
pub use reception::{Arrival, Facts, Reception, ReceptionReport, ReceptionStats};
pub use round_trip::{ReferenceAnswer, ReferenceTimes, RoundTrip};
pub use transmission::{SenderReport, Transmission};
