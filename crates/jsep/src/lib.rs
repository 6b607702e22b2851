#![doc = "Offer and answer as pure state (RFC 9429, RFC 3264): descriptions in, agreements out."]
//!
//! A [`Negotiator`] knows nothing of time, keys or sockets. It writes our descriptions from what the
//! caller tells about its transports, checks the peer's, and says in [`Effect`]s what has to happen.
//! An error changes nothing, and two negotiators with the same history are equal.
//!
//! ```
//! use pollrtc_jsep::{CertificateHash, Config, Effect, HashFunction, LocalTransport, Negotiator, TransportKey};
//!
//! // What the ICE agent and the certificate give for each transport.
//! let transport = |key: TransportKey| LocalTransport {
//!     ufrag: format!("uf{}g{}", key.transport, key.generation),
//!     pwd: "of-no-use-without-a-transport".replace('-', "/"),
//!     fingerprints: CertificateHash::new(HashFunction::Sha256, &[0xab; 32]).into_iter().collect(),
//!     ..LocalTransport::default()
//! };
//! let mut alice = Negotiator::new(Config::new(1));
//! let mut bob = Negotiator::new(Config::new(2));
//!
//! alice.add_data_channels();
//! let offer = alice.create_offer(transport)?;
//! alice.set_local(&offer)?;
//! bob.set_remote(&offer)?;
//! let answer = bob.create_answer(transport)?;
//! bob.set_local(&answer)?;
//! let effects = alice.set_remote(&answer)?;
//! assert!(effects.iter().any(|effect| matches!(effect, Effect::DataChannels(_))));
//! # Ok::<(), pollrtc_jsep::NegotiationError>(())
//! ```
//!
//! # Map
//!
//! [`Negotiator::create_offer`] and [`Negotiator::create_answer`] decide what each section is and
//! write it; [`Negotiator::set_local`] and [`Negotiator::set_remote`] move the state, agree, and
//! compare before and after for their effects. All state is in memory that grows with what was
//! described and added, never with how often. [`rtp`] negotiates what a section of media carries:
//! codecs, header extensions and layers.
#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod agree;
mod answer;
mod bundle;
mod candidate;
mod candidates;
mod config;
mod description;
mod effect;
mod error;
mod line;
mod needed;
mod offer;
mod read;
pub mod rtp;
mod section;
mod signaling;
mod state;
mod tolerance;
mod transceiver;
mod transceivers;
mod transport;
mod write;

pub use candidate::RemoteCandidate;
pub use config::{BundlePolicy, Config, Reassociation, RtcpMuxPolicy};
pub use description::{Description, SdpKind, SignalingState};
pub use effect::{DataChannels, Effect};
pub use error::{Deviation, NegotiationError, RejectReason};
pub use state::Negotiator;
pub use transceiver::{Transceiver, TransceiverId, TransceiverInit};
pub use transport::{
    CertificateHash, DtlsRole, HashFunction, IceRole, LocalTransport, RemoteTransport, Transport, TransportId,
    TransportKey,
};
// What the API and the examples speak of besides.
pub use pollrtc_sdp as sdp;
