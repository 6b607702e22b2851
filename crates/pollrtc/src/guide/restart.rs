//! Restart: a peer that changes its network, or loses it for a while.
//!
//! Most of this needs nothing of you. Datagrams that get lost are repeated; a NAT that gives a peer another port is followed; a
//! path that dies is left for another one, if the peers know of one. A *restart* is for when all that both know of each
//! other's addresses is of no use any more: a phone that goes from Wi-Fi to its mobile network, a laptop that wakes
//! elsewhere. It is an exchange of descriptions like the first one. The connection stays, with its channels and the messages
//! that wait.
//!
//! ```
//! # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guide/support.rs")); }
//! # use support::Pair;
//! use std::time::Duration;
//! use pollrtc::{Config, ConnectionState, Event, StateMachine};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (Pair { mut net, alice, bob }, chat, _) = Pair::connected(Config::default(), Config::default());
//! # let (wifi, mobile) = ("192.0.2.1:4000".parse()?, "203.0.113.9:7000".parse()?);
//! # net.unbind(alice, wifi);
//! // Alice has left the Wi-Fi. What she says meanwhile waits.
//! net.with(alice, |peer, now| peer.remove_local_address(now, wifi));
//! net[alice].send(chat, "are you still there?")?;
//! # net.advance(Duration::from_secs(10));
//! # assert_ne!(net[alice].connection_state(), ConnectionState::Connected);
//! # net.bind(alice, mobile);
//!
//! // The mobile network is there: the new address, and an offer with it.
//! net.with(alice, |peer, now| peer.add_local_address(now, mobile))?;
//! net[alice].restart_ice();
//! let offer = net.with(alice, |peer, now| peer.offer(now))?;
//! let answer = net.with(bob, |peer, now| peer.accept_offer(now, &offer))?; // as any other offer
//! net.with(alice, |peer, now| peer.accept_answer(now, &answer))?;
//!
//! let is_message = |event| matches!(event, Some(Event::Message { data, .. }) if data.as_text() == Some("are you still there?"));
//! assert!(net.run_until(|net| is_message(net[bob].poll_event()), Duration::from_secs(30)));
//! # Ok(())
//! # }
//! ```
//!
//! # Who restarts, and when
//!
//! Either side may, whenever it thinks fit: the one whose network has changed, as soon as it knows; and who sees
//! [`Disconnected`](crate::ConnectionState::Disconnected) for some seconds, or [`Failed`](crate::ConnectionState::Failed).
//! A server that does not offer leaves it to its clients: a page listens to `connectionstatechange` and to the browser's
//! `online`, and calls `restartIce()`.
//!
//! Both sides at once is what [polite and impolite](super::offering#both-at-once) are for.
