//! One connection. What it is made of, from the outside in:
//!
//! - [`connection`]: the state, and the verbs that drive it;
//! - [`signaling`], [`channels`], [`transceivers`], [`media`]: what an application does with it;
//! - [`agreement`]: what descriptions bring about; [`trickle`]: what the peer was told of our candidates;
//! - [`packets`]: the way of a packet, and how what one layer finds out moves the others; [`replacement`]: a peer that
//!   goes on with another end of its transport;
//! - [`transports`]: all transports by id; [`transport`]: one of them, with [`dtls`] on the path that ICE finds;
//!   [`flows`]: the streams that their agents ask for;
//! - [`sctp`]: the association of the data channels, over one of them;
//! - [`rest`]: how a layer that has nothing to say is not asked again;
//! - [`state`], [`lifecycle`]: how far it is, and how it ends; [`duplicate`] and [`digest`]: what a router asks.

mod agreement;
mod channels;
mod connection;
mod digest;
mod dtls;
mod duplicate;
mod flows;
mod lifecycle;
mod media;
mod packets;
mod replacement;
mod rest;
mod sctp;
mod signaling;
mod state;
mod transceivers;
mod transport;
mod transports;
mod trickle;

pub use connection::PeerConnection;
pub(crate) use digest::DescriptionDigest;
pub(crate) use duplicate::Progress;
pub use signaling::CandidateError;
