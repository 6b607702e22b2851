//! A ready driver that runs pollrtc peers on tokio.
//!
//! An [`Endpoint`] owns UDP sockets and a task that drives any number of connections on them, with
//! segmentation offload (GSO, GRO) and ECN where the system has them. A [`Peer`] is a handle to one
//! of the connections.
//!
//! ```no_run
//! use pollrtc_tokio::Endpoint;
//! use pollrtc_tokio::pollrtc::{Config, Event};
//!
//! # async fn run(offer: String, send_answer: impl Fn(String)) -> Result<(), Box<dyn std::error::Error>> {
//! let endpoint = Endpoint::bind(&["192.0.2.1:0".parse()?])?;
//! let peer = endpoint.peer(Config::default());
//! send_answer(peer.accept_offer(&offer).await?);
//! while let Some(event) = peer.next_event().await {
//!     if let Event::Message { channel, data } = event {
//!         // Waits while the peer is slow. Refused if the channel is closed by now, or the peer takes no message of
//!         // this length.
//!         let _ = peer.send(channel, data).await;
//!     }
//! }
//! endpoint.close().await; // says goodbye to all peers that are left
//! # Ok(())
//! # }
//! ```
//!
//! # How a connection ends
//!
//! Whatever becomes of the peer, [`Peer::next_event`] comes to `None`, and [`Peer::send`] comes back: after
//! [`Event::Closed`](pollrtc::Event::Closed), which tells why. A peer that vanishes is noticed in
//! [`Config::failed_timeout`](pollrtc::Config::failed_timeout), and waited for until
//! [`Config::close_timeout`](pollrtc::Config::close_timeout) has passed as well. Dropping a [`Peer`] closes its
//! connection; [`Endpoint::close`] closes all, and waits until the goodbyes are sent.
//!
//! # Bounds
//!
//! Nothing is queued between the connections and their handles: an event stays in its connection
//! until [`Peer::next_event`] takes it. Who does not take their messages lets their peer's window
//! close, and slows down nobody else. Only of media, which does not wait, packets are queued for
//! [`Peer::next_packet`], within bounds.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod channel;
mod driver;
mod endpoint;
mod flows;
mod media;
mod peer;
mod port;
mod shared;
mod socket;
mod streams;

pub use channel::{ByteStream, Channel};
pub use endpoint::Endpoint;
pub use media::MediaPacket;
pub use peer::Peer;
/// The connections that are driven here.
pub use pollrtc;
pub use streams::{Incoming, StreamLimits, Streams};
