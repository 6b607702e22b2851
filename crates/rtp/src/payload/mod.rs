//! Payload formats: what a codec puts between the RTP header and its own bytes.
//!
//! **Views** read one payload: [`Vp8Payload`], [`Vp9Payload`], [`H264Payload`], [`H265Payload`], [`Av1Payload`] and
//! [`OpusToc`] are `Copy`, borrow from the packet and are checked once, when they are made. Each tells whether a key
//! frame begins in it and which layer it belongs to, which is what a forwarder asks; [`apply_patch`] renumbers in
//! place what a forwarder has to renumber.
//!
//! **Packetizers** make the payloads of a frame, one after the other, into the caller's buffer; all are [`Packetize`].
//! A [`FramePacketizer`] picks the right one for the frames of a stream. A [`Depacketizer`] puts frames together again from packets that come in order, in the form that decoders take.
//!
//! | format | views | packetizer | frames |
//! |---|---|---|---|
//! | Opus (RFC 7587) | [`OpusToc`] | [`WholePacketizer`] | a packet |
//! | PCMU, PCMA, G.722 (RFC 3551), telephone events (RFC 4733) | | [`WholePacketizer`] | a packet |
//! | VP8 (RFC 7741) | [`Vp8Payload`] | [`Vp8Packetizer`] | as encoders give and decoders take them |
//! | VP9 (RFC 9628) | [`Vp9Payload`] | [`Vp9Packetizer`] | the layers of a picture, one behind the other |
//! | H.264 (RFC 6184) | [`H264Payload`] | [`H264Packetizer`] | NAL units with start codes (Annex B) |
//! | H.265 (RFC 7798) | [`H265Payload`] | [`H265Packetizer`] | NAL units with start codes (Annex B) |
//! | AV1 (AOM, v1.0.0) | [`Av1Payload`] | [`Av1Packetizer`] | OBUs with sizes, without temporal delimiters |
//! | encrypted from end to end | | [`OpaquePacketizer`] | as they are |
//!
//! Bytes that came from the network never make anything here panic; what is malformed is a [`PayloadError`].
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod av1;
#[cfg(feature = "alloc")]
mod depacketizer;
mod format;
mod h264;
mod h265;
mod kinds;
mod nal;
mod opus;
mod packetizer;
mod patch;
mod picture;
mod reader;
mod stream;
mod vp8;
mod vp9;
mod whole;

pub use av1::{AV1_TEMPORAL_DELIMITER, Av1Packetizer, Av1Payload};
#[cfg(feature = "alloc")]
pub use depacketizer::{Depacketizer, DepacketizerLimits, DepacketizerStats, Frame, PayloadPacket};
pub use format::PayloadFormat;
pub use h264::{H264Aggregate, H264Fragment, H264Mode, H264Packetizer, H264Payload};
pub use h265::{H265Aggregate, H265DecodingOrder, H265Fragment, H265NalUnit, H265Packetizer, H265Payload};
pub use kinds::{FrameMarks, Layer, PayloadError};
pub use opus::{OpusBandwidth, OpusMode, OpusToc};
pub use packetizer::{Packetize, PacketizeError, Written};
pub use patch::apply_patch;
pub use picture::PictureId;
pub use stream::{FramePacketizer, Payloads};
pub use vp8::{Vp8Descriptor, Vp8Packetizer, Vp8Payload, Vp8TemporalLayer};
pub use vp9::{Vp9Descriptor, Vp9Layer, Vp9Packetizer, Vp9Payload, Vp9Picture, Vp9References, Vp9Scalability};
pub use whole::{OpaquePacketizer, WholePacketizer};
