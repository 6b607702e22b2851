//! Frames as an application sends them.

use pollrtc_core::Instant;
use pollrtc_rtp::Format;

/// A frame to be sent, see [`PeerConnection::write_frame`](crate::PeerConnection::write_frame): what an encoder made, or what
/// stands in a file.
///
/// ```
/// use pollrtc::rtp::Format;
/// use pollrtc::{Frame, Instant};
///
/// let picture = [0x10, 0x02, 0x00]; // the beginning of one of VP8
/// let frame = Frame::new(&picture, Instant::from_millis(40)).with_format(Format(0));
/// assert_eq!(frame.timestamp, None); // it follows from the time
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame<'f> {
    /// Its bytes, in the form that the table of [`rtp::payload`](pollrtc_rtp::payload) shows: of H.264 and H.265 NAL units
    /// with start codes, of AV1 OBUs with sizes.
    pub bytes: &'f [u8],
    /// In which format: a place in the list of those that the stream's transceiver has agreed on, the first one unless said
    /// otherwise.
    pub format: Format,
    /// When it was captured, or is to be played, on the time line of the connection. Receivers play frames of all streams
    /// as far from each other as these times are.
    pub captured: Instant,
    /// The timestamp that its packets have, in units of the codec's clock. `None` makes it of [`captured`](Self::captured).
    pub timestamp: Option<u32>,
    /// Who can read its bytes.
    pub contents: FrameContents,
}

/// Who can read the bytes of a frame.
///
/// ```
/// use pollrtc::{Frame, FrameContents, Instant};
///
/// let frame = Frame::new(b"ciphertext", Instant::ZERO).encrypted(true);
/// assert_eq!(frame.contents, FrameContents::Encrypted { is_keyframe: true });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameContents {
    /// Everybody on its way: it is as the codec makes it, and cut as the codec's payload format has it.
    #[default]
    Plain,
    /// Only who has the keys: it is encrypted from end to end, and cut anywhere. Where it begins and ends, and whether it is
    /// a key frame, is told by the dependency descriptor alone, which must have been agreed on.
    Encrypted {
        /// Whether it can be decoded without others.
        is_keyframe: bool,
    },
}

impl<'f> Frame<'f> {
    /// A frame in the first format of its stream.
    pub const fn new(bytes: &'f [u8], captured: Instant) -> Self {
        Self {
            bytes,
            format: Format(0),
            captured,
            timestamp: None,
            contents: FrameContents::Plain,
        }
    }

    /// The same in another [`format`](Self::format).
    #[must_use]
    pub const fn with_format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// The same with this [`timestamp`](Self::timestamp).
    #[must_use]
    pub const fn with_timestamp(self, timestamp: u32) -> Self {
        Self {
            timestamp: Some(timestamp),
            ..self
        }
    }

    /// The same, encrypted from end to end.
    #[must_use]
    pub const fn encrypted(self, is_keyframe: bool) -> Self {
        Self {
            contents: FrameContents::Encrypted { is_keyframe },
            ..self
        }
    }
}
