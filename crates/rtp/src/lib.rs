//! RTP and RTCP (RFC 3550) on the wire.
//!
//! A packet that comes is checked once, by [`RtpPacket::parse`]; the view is `Copy`, and reading from it can't fail.
//! It knows its stream, its 48-bit index, when it arrived, its format, and its header extensions by meaning, so that
//! any connection on any thread can write it on. Who wants to keep it takes a [`SharedPacket`] out of a [`Pool`]: that
//! is the one copy. RTCP is in [`rtcp`]. Views, parsers and builders allocate nothing.
//!
//! What codecs put behind the header is in [`payload`]: views, packetizers and depacketizers. Which frames need which,
//! a [`dependency_descriptor`] tells without it.
//!
//! Bytes that came from the network never make anything here panic; what is malformed is a [`ParseError`] or an
//! [`RtcpError`](rtcp::RtcpError), which the layers above drop and count.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

mod builder;
mod bytes;
#[cfg(feature = "alloc")]
mod demux;
pub mod dependency_descriptor;
mod edit;
mod element;
mod extended;
mod extension;
mod feedback;
mod kind;
mod layout;
mod packet;
pub mod payload;
mod rewrite;
pub mod rtcp;
#[cfg(feature = "alloc")]
mod shared;
mod stream;
mod time;
mod values;

pub use builder::{BuildError, ExtensionForms, RtpPacketBuilder};
#[cfg(feature = "alloc")]
pub use demux::{Demultiplexer, DemultiplexerConfig, Layer, Route, Section, SectionId, Unrouted};
pub use edit::RtpPacketMut;
pub use element::ExtensionElement;
pub use extended::{
    ExtendedSequenceNumber, ExtendedTimestamp, PictureIdUnwrapper, SequenceUnwrapper, Time24Unwrapper,
    TimestampUnwrapper, Unwrapper, unwrap_near,
};
pub use extension::{Extension, ExtensionMap};
pub use feedback::{Missing, MissingEntries};
pub use kind::PacketKind;
pub use layout::ParseError;
pub use packet::RtpPacket;
pub use rewrite::{Patch, Rewrite};
pub use rtcp::{Compound, CompoundError, RtcpPacket};
#[cfg(feature = "alloc")]
pub use shared::{Pool, SharedPacket};
pub use stream::{Format, Origin, Source, StreamKey, Via};
pub use time::NtpTime;
pub use values::{
    AbsCaptureTime, AbsSendTime, AudioLevel, FeedbackRequest, HeaderExtension, LayerResolution, LayersError, Mid,
    PlayoutDelay, RepairedRid, Rid, Rotation, SpatialLayer, TransportSequence, VideoLayersAllocation, VideoOrientation,
};
