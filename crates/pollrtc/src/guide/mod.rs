//! How to use this crate, page by page. Nothing is here but text; each example is run by `cargo test`.
//!
//! 1. [Offering](offering): which side says what, and both sides at once.
//! 2. [Trickle](trickle): candidates that are found after the description was sent.
//! 3. [Sending](sending): messages, and what to do when the other side is slower than you.
//! 4. [Media](media): audio and video, and how to forward them.
//! 5. [Restart](restart): a peer that changes its network, or loses it for a while.
//! 6. [Closing](closing): how to end without losing the last words, and how a lost peer ends.
//! 7. [Router](router): a server with one socket and many peers, and with several cores.
//! 8. [Deployment](deployment): ports, NATs, timeouts, DTLS, and what memory it takes.
//!
//! Start with the [loop](crate#an-echo-peer-on-a-blocking-socket) that drives a connection on a socket. The pages do not
//! repeat it. Their examples run in a network that is simulated in virtual time, by the crate `pollrtc-netsim`, which
//! serves your own tests too; there `net.with(alice, |peer, now| ...)` stands for "do this to Alice's connection now".
//!
//! Three things hold on every page:
//!
//! - **An `Err` is your own mistake and changes nothing.** What a peer does wrong is counted, or ends the connection with
//!   an event. But what you were handed by a peer and pass on, such as an offer or a candidate, is your input: expect the
//!   `Err`, and let it cost no more than what it is about.
//! - **Every call takes the time**, as an [`Instant`](crate::Instant): of one clock, and never of two.
//! - **After any call there may be output.** A loop that, before it waits, polls transmits and events until there are none
//!   and then asks for the timeout can't miss anything, whatever else was called in whatever order.

pub mod closing;
pub mod deployment;
pub mod media;
pub mod offering;
pub mod restart;
pub mod router;
pub mod sending;
pub mod trickle;
