//! Closing: how to end without losing the last words, and how a lost peer ends.
//!
//! [`close`](crate::PeerConnection::close) ends the connection at once. The other side is told; what waits to be sent is lost,
//! and what is on its way may be. That is right for a hang-up. Whoever has last words closes the channel first:
//! [`close_channel`](crate::PeerConnection::close_channel) lets all arrive that was sent on it, and when
//! [`Event::ChannelClosed`](crate::Event::ChannelClosed) comes, it has.
//!
//! ```
//! # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guide/support.rs")); }
//! # use support::Pair;
//! use pollrtc::{CloseReason, Config, Event, StateMachine};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (mut pair, chat, _) = Pair::connected(Config::default(), Config::default());
//! # let lossy = pollrtc_netsim::Link::new().latency(std::time::Duration::from_millis(20)).loss(0.05);
//! # pair.net.set_link(pollrtc_netsim::Zone::INTERNET, lossy);
//! # let alice = &mut pair.net[pair.alice];
//! for index in 0..1000 {
//!     alice.send(chat, format!("message {index}"))?;
//! }
//! alice.close_channel(chat);
//! // In the loop that takes events:
//! # let (mut came, mut reason) = (0, None);
//! # pair.until(|pair| {
//! # let now = pair.net.now();
//! # while let Some(event) = pair.net[pair.alice].poll_event() {
//! # let alice = &mut pair.net[pair.alice];
//! match event {
//!     Event::ChannelClosed { channel, .. } if channel == chat => alice.close(now),
//!     Event::Closed(reason) => println!("the end: {reason}"),
//!     _ => {}
//! }
//! # }
//! # while let Some(event) = pair.net[pair.bob].poll_event() {
//! #     match event {
//! #         Event::Message { .. } => came += 1,
//! #         Event::Closed(why) => reason = Some(why),
//! #         _ => {}
//! #     }
//! # }
//! # reason.is_some()
//! # });
//! # assert_eq!(came, 1000);
//! # assert!(matches!(reason, Some(CloseReason::Remote)), "{reason:?}");
//! # Ok(())
//! # }
//! ```
//!
//! That a message has arrived does not say that the other application has read it. If that counts, have it say so, in a
//! message of its own.
//!
//! # The goodbye
//!
//! After `close` the goodbye is still to be sent: drain [`poll_transmit`](crate::StateMachine::poll_transmit) once more before
//! the connection is dropped. It is a single datagram and may get lost; then the other side learns of the end as that of a peer
//! that is gone. `pollrtc_tokio::Endpoint::close` does so for all connections of a server, as it should when it is told to stop.
//!
//! # The last event
//!
//! Whichever way a connection ends, by either side, by a fault, by silence, its last event is
//! [`Event::Closed`](crate::Event::Closed). Drop it then, or take it out of its router: nothing comes of it any more. So a
//! program that stays until then stays for no peer's sake for ever:
//!
//! ```
//! # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guide/support.rs")); }
//! # use support::Pair;
//! use pollrtc::{CloseReason, Config, ConnectionState, Event, StateMachine};
//!
//! # let (mut pair, _, _) = Pair::connected(Config::default(), Config::default());
//! # pair.net.unbind(pair.alice, "192.0.2.1:4000".parse().unwrap());
//! // Alice's machine has lost its power. What Bob hears of it:
//! let mut told = Vec::new();
//! # pair.until(|pair| {
//! # let bob = pair.bob;
//! # let net = &mut pair.net;
//! while let Some(event) = net[bob].poll_event() {
//!     told.push(event);
//! }
//! # matches!(told.last(), Some(Event::Closed(_)))
//! # });
//! assert!(matches!(
//!     told[..],
//!     [
//!         Event::ConnectionStateChanged(ConnectionState::Disconnected),
//!         Event::ConnectionStateChanged(ConnectionState::Failed), // from here on a restart would help
//!         ..,
//!         Event::Closed(CloseReason::Ice(_)),
//!     ]
//! ));
//! ```
//!
//! How long each takes is up to the [configuration](super::deployment#timeouts).
