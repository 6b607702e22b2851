//! Trickle: candidates that are found after the description was sent (RFC 8838).
//!
//! A candidate is an address at which a peer may be reached. Those of your sockets are known at once. Those that a STUN
//! server tells, and those of an interface that comes up later, are not.
//!
//! # Without trickle
//!
//! Wait for [`Event::GatheringComplete`](crate::Event::GatheringComplete), or for as long as you care to, and send
//! [`local_description`](crate::PeerConnection::local_description), which then holds them all. Where there is no STUN server
//! to ask there is nothing to wait for.
//!
//! ```
//! # use pollrtc::{Config, Instant, PeerConnection};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut peer = PeerConnection::new(Config::default());
//! peer.add_local_address(Instant::ZERO, "192.0.2.1:4000".parse()?)?;
//! peer.create_data_channel("chat")?;
//! let offer = peer.offer(Instant::ZERO)?;
//! assert!(peer.is_gathering_complete() && offer.contains("192.0.2.1 4000"));
//! # Ok(())
//! # }
//! ```
//!
//! # With it
//!
//! Send the description at once, then each [`Event::Candidate`](crate::Event::Candidate) as it comes; the other side gives
//! it to [`add_remote_candidate`](crate::PeerConnection::add_remote_candidate). The fields of an
//! [`IceCandidate`](crate::IceCandidate) are those of the JSON that browsers make of theirs: `candidate`, `sdpMid`,
//! `sdpMLineIndex`, `usernameFragment`.
//!
//! ```
//! # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guide/support.rs")); }
//! # use support::Pair;
//! use std::time::Duration;
//! use pollrtc::{Config, ConnectionState, Event, StateMachine};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let Pair { mut net, alice, bob } = Pair::new(Config::default(), Config::default());
//! # let (first, second) = ("192.0.2.1:4000".parse()?, "192.0.2.1:4001".parse()?);
//! # net.with(alice, |peer, now| peer.remove_local_address(now, first));
//! // The signaling between the two takes 30 ms.
//! for (from, to) in [(alice, bob), (bob, alice)] {
//!     net.signal(
//!         from,
//!         to,
//!         Duration::from_millis(30),
//!         |peer| loop {
//!             match peer.poll_event()? {
//!                 Event::Candidate(candidate) => break Some(candidate),
//!                 _ => {} // the application's other events
//!             }
//!         },
//!         |peer, now, candidate| {
//!             if let Err(error) = peer.add_remote_candidate(now, &candidate) {
//!                 println!("a candidate less: {error}"); // no reason to give up
//!             }
//!         },
//!     );
//! }
//! # net[alice].create_data_channel("chat")?;
//! let offer = net.with(alice, |peer, now| peer.offer(now))?; // Alice has no network yet
//! # assert!(!offer.contains("a=candidate"));
//! # let answer = net.with(bob, |peer, now| peer.accept_offer(now, &offer))?;
//! # net.with(alice, |peer, now| peer.accept_answer(now, &answer))?;
//! # net.advance(Duration::from_secs(1));
//! # net.bind(alice, second);
//! net.with(alice, |peer, now| peer.add_local_address(now, second))?; // now she has
//! assert!(net.run_until(|net| net[bob].connection_state() == ConnectionState::Connected, Duration::from_secs(5)));
//! # Ok(())
//! # }
//! ```
//!
//! Signaling need not keep order: a candidate that overtakes the description that it belongs to is kept for it. One of
//! another time, from before a restart, does no harm.
//!
//! # The end of candidates
//!
//! When [`Event::GatheringComplete`](crate::Event::GatheringComplete) comes, tell the other side that no more will come: an
//! empty text as candidate. Taken in, it lets a connection that has no way left fail at once instead of in the end.
//!
//! # Names instead of addresses
//!
//! Browsers hide the addresses of their host behind names such as `5ac5….local`, unless the page may use the microphone. Such
//! a candidate makes an [`Event::ResolveMdns`](crate::Event::ResolveMdns). Who can't resolve it by multicast DNS ignores
//! it: a peer that can be reached from there at all sends checks itself, and these tell its address.
