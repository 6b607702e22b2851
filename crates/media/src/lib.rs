//! What media needs between packets and a connection: plain structs that know no socket, no connection and no clock.
//!
//! - A stream that is received: [`Reception`] counts what reports tell. One that is sent: [`Transmission`].
//!   [`RoundTrip`] measures from the answers, and [`RtcpTiming`] says when reports and feedback leave.
//! - A stream that is forwarded: [`History`] keeps the last packets of publishers, a [`Forwarder`] for each
//!   subscription says what leaves and under which names.
//! - A stream that is played or recorded: [`Frames`] puts its packets in order and its frames together.
//! - What is lost: a [`NackList`] says what to ask for and when, [`Resends`] which requests are answered, [`wrap_rtx`] and
//!   [`unwrap_rtx`] make retransmissions and packets of each other, [`KeyframeRequests`] make one request of many.
//! - How the path is: [`TransportArrivals`] and [`StreamArrivals`] tell a sender when its packets came, [`Departures`] makes
//!   fates of packets of what a receiver tells.
//! - What comes by no connection: [`Upstream`].
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

mod arrivals;
mod clock;
mod departures;
mod formats;
mod forwarder;
mod frames;
mod history;
mod keyframe;
mod nack;
mod reception;
mod remote_clock;
mod resend;
mod round_trip;
mod rtx;
mod sequence;
mod timing;
mod transmission;
mod upstream;

pub use arrivals::{ArrivalReport, FeedbackConfig, StreamArrivals, StreamReport, TransportArrivals};
pub use clock::{ClockPair, NtpClock};
pub use departures::{DepartureStats, Departures, Fate, Outcome, RemoteTime};
pub use formats::{Codec, FormatMap};
pub use forwarder::{ALL_LAYERS, Content, Forwarder, ForwarderConfig, ForwarderStats, Verdict};
pub use frames::{Frames, FramesConfig, FramesStats, ReceivedFrame};
pub use history::{History, HistoryConfig};
pub use keyframe::{KeyframeConfig, KeyframeRequest, KeyframeRequests, ReceivedFirs};
pub use nack::{NackConfig, NackList, NackStats};
pub use reception::{Arrival, Facts, Reception, ReceptionStats};
pub use remote_clock::RemoteClock;
pub use resend::{Refusal, ResendStats, Resends};
pub use round_trip::{ReferenceTimes, RoundTrip};
pub use rtx::{OriginalNames, RtxNames, RtxNumbers, unwrap_rtx, wrap_rtx};
pub use timing::{RtcpDue, RtcpProfile, RtcpTiming, RtcpTimingConfig};
pub use transmission::Transmission;
pub use upstream::{PayloadTypes, Upstream, UpstreamConfig, UpstreamStats};
