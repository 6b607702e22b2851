//! WebRTC peer connections as sans-IO, poll-based state machines.
//!
//! A [`PeerConnection`] does the work of a browser's `RTCPeerConnection` (SDP, ICE, DTLS, SCTP, data
//! channels) without a socket, a clock or a thread. You bring those, in any runtime, and drive it
//! with the five verbs of [`StateMachine`]. A [`Router`] does the same for many connections behind
//! one socket.
//!
//! # An echo peer on a blocking socket
//!
//! ```no_run
//! use std::io::ErrorKind::{TimedOut, WouldBlock};
//!
//! use pollrtc::{Clock, Config, Datagram, Event, PeerConnection, StateMachine};
//!
//! fn echo(socket: std::net::UdpSocket, offer: &str, send_answer: impl Fn(String)) -> Result<(), Box<dyn std::error::Error>> {
//!     let clock = Clock::new();
//!     let config = Config::default();
//!     let longest = config.max_message_size;
//!     let mut peer = PeerConnection::new(config);
//!     peer.add_local_address(clock.now(), socket.local_addr()?)?;
//!     send_answer(peer.accept_offer(clock.now(), offer)?);
//!
//!     let mut buf = vec![0; 65_536];
//!     loop {
//!         // As long as a message could not be sent back, none is taken: whoever floods us has to wait.
//!         while peer.send_room() >= longest
//!             && let Some(event) = peer.poll_event()
//!         {
//!             match event {
//!                 // Refused if its channel is closed by now, or the other side takes no message of this length.
//!                 Event::Message { channel, data } => _ = peer.send(channel, data),
//!                 Event::Closed(reason) => {
//!                     eprintln!("closed: {reason}");
//!                     return Ok(());
//!                 }
//!                 _ => {}
//!             }
//!         }
//!         while let Some(transmit) = peer.poll_transmit(clock.now(), &mut buf) {
//!             // What can't be sent is lost, as datagrams may be: not every candidate of the peer's can be reached.
//!             let _ = socket.send_to(&buf[..transmit.len], transmit.flow.remote());
//!         }
//!         socket.set_read_timeout(clock.until(peer.poll_timeout()))?;
//!         match socket.recv_from(&mut buf) {
//!             Ok((len, from)) => _ = peer.handle_datagram(clock.now(), Datagram::udp(from, &mut buf[..len])),
//!             Err(error) if matches!(error.kind(), TimedOut | WouldBlock) => {}
//!             Err(error) => return Err(error.into()),
//!         }
//!         peer.handle_timeout(clock.now());
//!     }
//! }
//! ```
//!
//! The [guide] goes on from here.
//!
//! # Errors
//!
//! An `Err` is always the caller's own mistake, and changes nothing. What comes from the network is
//! never an `Err`: bad packets are dropped and counted in [`PeerConnection::stats`], and what ends
//! the connection is [`Event::Closed`] with its reason.
//!
//! # Features
//!
//! - `std` (default): [`Clock`]. Without it the crate is `no_std` + `alloc`.
//! - `aws-lc-rs` (default): cryptography by aws-lc-rs.
//! - `rust-crypto`: cryptography by RustCrypto, also without `std`.
//! - `getrandom`: randomness from the operating system where `aws-lc-rs` is off.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod config;
mod event;
mod flow_requests;
mod frame;
pub mod guide;
mod peer;
mod router;
mod router_id;
mod stats;
mod stream;

pub use bytes::Bytes;
pub use config::{Config, Entropy};
pub use event::{CloseReason, ConnectionState, Event, IceCandidate};
pub use frame::{Frame, FrameContents};
pub use peer::{CandidateError, PeerConnection};
#[cfg(feature = "std")]
pub use pollrtc_core::Clock;
pub use pollrtc_core::{
    Datagram, Deframer, Departure, Ecn, Flow, FlowEvent, FlowRequest, Framing, Instant, Protocol, RequestId, SendId,
    ServerName, StateMachine, Transmit,
};
#[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
pub use pollrtc_crypto::default_provider;
pub use pollrtc_crypto::{Certificate, Fingerprint, HashAlgorithm, NamedGroup, Provider, Rng};
pub use pollrtc_dtls::{
    CipherSuite, CloseReason as DtlsCloseReason, ConfigError as DtlsConfigError, ConnectionIdChooser,
    ConnectionIdPolicy, KeyLog, SrtpProfile, Stats as DtlsStats, Version, Versions,
};
pub use pollrtc_ice::{
    AddressError, CandidateError as IceCandidateError, FailureReason as IceFailureReason, Path, State as IceState,
    Stats as IceStats,
};
pub use pollrtc_jsep::Deviation;
pub use pollrtc_jsep::rtp::{Codec, HeaderExtension, MediaKind, RtpCapabilities};
pub use pollrtc_jsep::{
    BundlePolicy, Description as SessionDescription, DtlsRole, NegotiationError, RejectReason, RemoteCandidate,
    SdpKind, SignalingState, Transceiver, TransceiverId, TransceiverInit, TransportId,
};
/// What forwards, keeps and counts packets, outside of any connection.
pub use pollrtc_media as media;
pub use pollrtc_media::{ClockPair, FormatMap};
/// Packets and payloads.
pub use pollrtc_rtp as rtp;
pub use pollrtc_rtp::{Compound, Missing, NtpTime, Origin, Rewrite, RtpPacket, SharedPacket, StreamKey};
pub use pollrtc_sctp::channel::{
    ChannelCloseReason, ChannelId, ChannelInfo, ChannelInit, ChannelSendError, ChannelState, DataChannelsStats,
    Message, MessageKind, OpenError,
};
pub use pollrtc_sctp::{CloseReason as SctpCloseReason, Reliability};
pub use pollrtc_sdp::Finding;
pub use pollrtc_sdp::attribute::Direction;
pub use pollrtc_srtp::{InboundStats as SrtpInboundStats, OutboundStats as SrtpOutboundStats};
pub use router::{OwnedDatagram, PeerId, PeerMut, Router, RouterStats};
pub use router_id::RouterId;
pub use stats::{DtlsParameters, DtlsState, MediaStats, Stats, TransportStats};
pub use stream::{Incoming, IncomingInfo, Outgoing, Received, WriteError};
