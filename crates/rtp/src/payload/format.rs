//! Which payload format a stream has.

use crate::payload::av1::{self, Av1Payload};
use crate::payload::h264::{self, H264Payload};
use crate::payload::h265::{self, H265DecodingOrder, H265Payload};
use crate::payload::kinds::{FrameMarks, PayloadError};
use crate::payload::vp8::Vp8Payload;
use crate::payload::vp9::{self, Vp9Payload};

/// How the payloads of a stream are coded.
///
/// ```
/// use pollrtc_rtp::payload::PayloadFormat;
///
/// let marks = PayloadFormat::Vp8.marks(&[0x10, 0x00, 1])?;
/// assert!(marks.starts_frame && marks.is_keyframe);
/// # Ok::<(), pollrtc_rtp::payload::PayloadError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PayloadFormat {
    /// Each packet is a frame: Opus, PCMU, PCMA, G.722, comfort noise, telephone events.
    Whole,
    /// VP8 (RFC 7741).
    Vp8,
    /// VP9 (RFC 9628).
    Vp9,
    /// H.264 (RFC 6184) of packetization mode 0 or 1.
    H264,
    /// H.265 (RFC 7798).
    H265(H265DecodingOrder),
    /// AV1.
    Av1,
    /// Frames that are encrypted from end to end, of whatever codec, without any header of a payload format.
    Opaque,
}

impl PayloadFormat {
    /// What a payload says of its packet's place in its frame: what a forwarder asks that has no dependency descriptor.
    /// Opaque payloads say nothing.
    ///
    /// # Errors
    ///
    /// If the payload is malformed.
    pub fn marks(self, payload: &[u8]) -> Result<FrameMarks, PayloadError> {
        match self {
            Self::Whole => Ok(FrameMarks {
                starts_frame: true,
                ends_frame: true,
                is_keyframe: true,
                ..FrameMarks::default()
            }),
            Self::Vp8 => Vp8Payload::parse(payload).map(|parsed| parsed.marks()),
            Self::Vp9 => Vp9Payload::parse(payload).map(|parsed| parsed.marks()),
            Self::H264 => H264Payload::parse(payload).map(|parsed| parsed.marks()),
            Self::H265(order) => H265Payload::parse(payload, order).map(|parsed| parsed.marks()),
            Self::Av1 => Av1Payload::parse(payload).map(|parsed| parsed.marks()),
            Self::Opaque => Ok(FrameMarks::default()),
        }
    }

    /// Whether a frame, as an encoder gives it, is a key frame: what the bytes of its first header say (RFC 6386 §9.1 for
    /// VP8, the VP9 bitstream specification §6.2), or which NAL units or OBUs it has. All audio is. Of opaque frames
    /// nobody knows.
    pub fn is_keyframe(self, frame: &[u8]) -> bool {
        match self {
            Self::Whole => true,
            Self::Vp8 => frame.first().is_some_and(|first| first & 0x01 == 0),
            Self::Vp9 => vp9::is_keyframe(frame),
            Self::H264 => h264::is_keyframe(frame),
            Self::H265(_) => h265::is_keyframe(frame),
            Self::Av1 => av1::is_keyframe(frame),
            Self::Opaque => false,
        }
    }
}
