//! Deployment: ports, NATs, timeouts, DTLS, memory.
//!
//! # Ports
//!
//! A server needs one UDP port, whichever you like, for any number of peers: a [`Router`](super::router) behind one socket.
//! Let the firewall pass UDP to it, both ways, with a timeout of idle flows above 30 s; nothing else. Give each address that
//! the machine can be reached on to [`add_local_address`](crate::PeerConnection::add_local_address), IPv6 as well: a socket
//! that is bound to `0.0.0.0` has all addresses of the machine's interfaces, and none itself.
//!
//! A client needs no open port.
//!
//! # Behind a 1:1 NAT
//!
//! Clouds often give a machine a private address and translate a public one to it, port by port. Such a NAT changes
//! nothing else, so that the connection itself need not know. Its description has to tell it: beside, or instead of, each
//! private candidate one with the public address. Bind to the port that is forwarded, and write it in before the description
//! is sent:
//!
//! ```
//! # use pollrtc::{Config, Instant, PeerConnection};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (private, public) = ("10.0.0.5", "198.51.100.7");
//! let mut peer = PeerConnection::new(Config::default().with_ice_lite(true)); // see below
//! peer.add_local_address(Instant::ZERO, format!("{private}:5000").parse()?)?;
//! peer.create_data_channel("chat")?;
//! let offer = peer.offer(Instant::ZERO)?.replace(private, public);
//! assert!(offer.contains("198.51.100.7 5000 typ host") && !offer.contains(private));
//! # Ok(())
//! # }
//! ```
//!
//! (With real addresses replace candidate by candidate: the text of one address may be part of another's.) Or configure a
//! [STUN server](crate::Config::stun_servers), which tells the public address; it costs a round trip before the description is
//! complete, unless candidates [trickle](super::trickle).
//!
//! # ICE lite
//!
//! A server that everybody can reach directly need not search: [`Config::ice_lite`](crate::Config::ice_lite) makes an agent
//! that answers the checks of its peers and sends none (RFC 8445 §2.5). It spares a server some packets and timers. It has
//! its price: the peer alone decides on the path, whether it still lives shows in nothing but its own checks, and two lite agents
//! never connect. A full agent works on public addresses as well, and is the default.
//!
//! Peers that both are behind NATs which give each connection another port (*symmetric* ones) need a relay, TURN, which
//! this crate does not have yet.
//!
//! # Timeouts
//!
//! | what | after | then |
//! |---|---|---|
//! | no path is found | 39.5 s | [`Failed`](crate::ConnectionState::Failed) |
//! | the peer does not begin DTLS | [`dtls_hello_timeout`](crate::Config::dtls_hello_timeout), 25 s | [`Closed`](crate::Event::Closed) |
//! | nothing is heard of a peer | [`disconnected_timeout`](crate::Config::disconnected_timeout), 7.5 s | [`Disconnected`](crate::ConnectionState::Disconnected): it may come back by itself |
//! | still nothing | [`failed_timeout`](crate::Config::failed_timeout), 30 s, the most that RFC 7675 §5.1 allows | [`Failed`](crate::ConnectionState::Failed): only a [restart](super::restart) brings it back |
//! | no restart has | [`close_timeout`](crate::Config::close_timeout), 30 s more | [`Closed`](crate::Event::Closed) |
//!
//! A phone in a lift is away for a minute, and comes out with another address. Three things let it go on where it was:
//! the server waits (`close_timeout`), the client restarts as soon as it has a network again, and your signaling can be
//! reached then too and finds the same connection by a name of yours.
//!
//! ```
//! use std::time::Duration;
//! use pollrtc::Config;
//!
//! // Channels, and what waits on them, are kept for two minutes after the connection has failed.
//! let patient = Config::default().with_close_timeout(Duration::from_secs(120));
//! // Whoever is silent for ten seconds is gone: for a game, where reconnecting costs nothing.
//! let hasty = Config::default().with_failed_timeout(Duration::from_secs(10)).with_close_timeout(Duration::ZERO);
//! # let _ = (patient, hasty);
//! ```
//!
//! # DTLS
//!
//! Both versions are spoken, and 1.3 is preferred where the peer has it. The key exchange that is preferred then is
//! X25519MLKEM768, which withstands quantum computers. Its first flight is two datagrams long; a peer that can't put them
//! together, as old stacks can't, needs other [groups](crate::Config::dtls_groups), or
//! [1.2 alone](crate::Versions::Dtls12).
//!
//! ```
//! use pollrtc::{Config, NamedGroup, Versions};
//!
//! let strict = Config::default().with_dtls_versions(Versions::Dtls13);
//! let small = Config::default().with_dtls_groups([NamedGroup::X25519, NamedGroup::Secp256r1]);
//! # let _ = (strict, small);
//! ```
//!
//! Give all connections of a server [one certificate](crate::Config::certificate), as in the [router's](super::router)
//! example. Where to look what was agreed on: [`DtlsParameters`](crate::DtlsParameters). To read a capture in Wireshark:
//! [`key_log`](crate::Config::key_log).
//!
//! # Memory
//!
//! What one peer can make you hold is bounded by the configuration, whatever it sends and does not acknowledge:
//!
//! | | at most | by default |
//! |---|---|---|
//! | messages that came and that you have not taken, parts of messages | twice [`receive_window`](crate::Config::receive_window), and one message of [`max_message_size`](crate::Config::max_message_size) | 4.25 MiB |
//! | what you have sent and what has not left | [`max_buffered_amount`](crate::Config::max_buffered_amount), twice as much if it is many short messages | 16 MiB |
//! | what has left and is not acknowledged | [`max_outstanding`](crate::Config::max_outstanding), and one message | 16 MiB |
//! | all else | | half a MiB |
//!
//! An idle connection takes some 30 KiB.
//! Most peers fill none of it. For a server of many, whose messages are small, less is enough; and it is up to you how many
//! connections there are, as only you know whose offer is answered.
//!
//! ```
//! use pollrtc::Config;
//!
//! let config = Config::default()
//!     .with_max_message_size(16 * 1024)
//!     .with_receive_window(128 * 1024)
//!     .with_max_buffered_amount(256 * 1024)
//!     .with_max_outstanding(1024 * 1024);
//! # let _ = pollrtc::PeerConnection::new(config);
//! ```
