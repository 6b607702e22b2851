//! A ready driver that runs pollrtc peers on tokio.
//!
//! An [`Endpoint`] owns UDP sockets and a task that drives any number of connections on them, with
//! segmentation offload (GSO, GRO) and ECN where the system has them. A [`Peer`] is a handle to one
//! of the connections.
//!
//! ```no_run
//! use pollrtc::{Config, Event};
//! use pollrtc_tokio::Endpoint;
//!
//! # async fn run(offer: String, send_answer: impl Fn(String)) -> Result<(), Box<dyn std::error::Error>> {
//! let endpoint = Endpoint::bind(&["192.0.2.1:0".parse()?])?;
//! let peer = endpoint.peer(Config::default());
//! send_answer(peer.accept_offer(&offer).await?);
//! while let Some(event) = peer.next_event().await {
//!     if let Event::Message { channel, data } = event {
//!         peer.send(channel, data).await?; // waits while the peer is slow
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Bounds
//!
//! Nothing is queued between the connections and their handles: an event stays in its connection
//! until [`Peer::next_event`] takes it. Who does not take their messages lets their peer's window
//! close, and slows down nobody else.

mod driver;
mod endpoint;
mod peer;
mod port;
mod socket;
mod streams;

pub use endpoint::Endpoint;
pub use peer::Peer;
pub use streams::{Incoming, StreamLimits, Streams};
