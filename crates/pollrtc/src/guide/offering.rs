//! Offering: which side says what.
//!
//! A connection begins with two texts, which travel by your own signaling: HTTP, a WebSocket, a chat, a sheet of paper. One
//! side makes an offer, the other one an answer. Which of them offers has nothing to do with which is a server, or behind a
//! NAT: offer where you know first that there is something to connect for.
//!
//! ```
//! # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guide/support.rs")); }
//! # use support::Pair;
//! # use pollrtc::{Config, Event, StateMachine};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let Pair { mut net, alice, bob } = Pair::new(Config::default(), Config::default());
//! // Without a channel a fresh connection has nothing to offer: make one first.
//! let chat = net[alice].create_data_channel("chat")?;
//! let offer = net.with(alice, |peer, now| peer.offer(now))?;
//! // The offer travels to Bob, and his answer back.
//! let answer = net.with(bob, |peer, now| peer.accept_offer(now, &offer))?;
//! net.with(alice, |peer, now| peer.accept_answer(now, &answer))?;
//!
//! let is_open = |event| matches!(event, Some(Event::ChannelOpen { channel, incoming: false }) if channel == chat);
//! assert!(net.run_until(|net| is_open(net[alice].poll_event()), std::time::Duration::from_secs(5)));
//! # Ok(())
//! # }
//! ```
//!
//! The answering side hears of the channel by an [`Event::ChannelOpen`](crate::Event::ChannelOpen) that is `incoming`, and
//! asks [`channel_info`](crate::PeerConnection::channel_info) for its label. A channel that both sides make by themselves,
//! with an id that they have agreed on, is made with [`ChannelInit::with_negotiated_id`](crate::ChannelInit::with_negotiated_id).
//!
//! # Both at once
//!
//! Later exchanges, for a restart or for the first channel, may be begun by either side, and so by both at once. Then one
//! of them has to give way. Agree beforehand which, as it fits: the client, whoever joined last. W3C calls that one polite.
//!
//! ```
//! # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guide/support.rs")); }
//! # use support::Pair;
//! use pollrtc::{Config, Instant, NegotiationError, PeerConnection, SignalingState};
//!
//! /// The answer to an offer that has come, or `None` if ours goes before it.
//! fn on_offer(peer: &mut PeerConnection, now: Instant, offer: &str, is_polite: bool) -> Result<Option<String>, NegotiationError> {
//!     if !is_polite && peer.signaling_state() == SignalingState::HaveLocalOffer {
//!         return Ok(None);
//!     }
//!     peer.accept_offer(now, offer).map(Some) // takes our own offer back, if there is one
//! }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let Pair { mut net, alice, bob } = Pair::new(Config::default(), Config::default());
//! # net[alice].create_data_channel("a")?;
//! # net[bob].create_data_channel("b")?;
//!
//! let from_alice = net.with(alice, |peer, now| peer.offer(now))?;
//! let from_bob = net.with(bob, |peer, now| peer.offer(now))?; // at the same time
//! assert_eq!(net.with(alice, |peer, now| on_offer(peer, now, &from_bob, false))?, None);
//! let answer = net.with(bob, |peer, now| on_offer(peer, now, &from_alice, true))?.ok_or("Bob gives way")?;
//! net.with(alice, |peer, now| peer.accept_answer(now, &answer))?;
//! # assert_eq!(net[alice].signaling_state(), SignalingState::Stable);
//! # assert!(!net[bob].negotiation_needed(), "one section has the channels of both");
//! # Ok(())
//! # }
//! ```
//!
//! Who gave way asks [`negotiation_needed`](crate::PeerConnection::negotiation_needed) afterwards, and offers again if
//! their own wish was not part of what the other side offered.
//!
//! # Offers that are wrong
//!
//! An offer comes from a stranger. If it can't be taken, [`accept_offer`](crate::PeerConnection::accept_offer) says why, with
//! line and column where it is a matter of syntax, and the connection is what it was: a working one goes on working. What
//! could be read in spite of its faults is told by [`remote_findings`](crate::PeerConnection::remote_findings).
//!
//! ```
//! use pollrtc::{Config, Instant, PeerConnection, SignalingState};
//!
//! let mut peer = PeerConnection::new(Config::default());
//! for nonsense in ["", "hello", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=application x"] {
//!     let refused = peer.accept_offer(Instant::ZERO, nonsense);
//!     println!("400 Bad Request: {}", refused.unwrap_err());
//!     assert_eq!(peer.signaling_state(), SignalingState::Stable);
//! }
//! ```
//!
//! An offer is a secret of both sides: it has the password of ICE and the fingerprint by which the other side is known. Who can
//! change it on its way can take the other side's place. So signaling needs TLS, and a word on who may call whom.
