//! Which format a stream's packets have, and which they leave in.

use pollrtc_rtp::Format;

/// A codec, as far as forwarding has to know it: where a picture can begin, and which numbers inside of a payload have
/// to go on without gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// Each packet can be the first one: sound, or anything whose payload is not to be looked at.
    #[default]
    Opaque,
    /// VP8 (RFC 7741).
    Vp8,
    /// VP9 (RFC 9628).
    Vp9,
    /// H.264 (RFC 6184).
    H264,
    /// H.265 (RFC 7798).
    H265,
    /// AV1 (RTP Payload Format For AV1).
    Av1,
}

/// The formats of a publisher's streams in terms of a subscriber: asked for once, and again when something is negotiated.
///
/// ```
/// use pollrtc_media::{Codec, FormatMap};
/// use pollrtc_rtp::Format;
/// let mut formats = FormatMap::new();
/// formats.insert(Format(3), Format(1), Codec::Vp8);
/// assert_eq!(formats.get(Format(3)), Some((Format(1), Codec::Vp8)));
/// assert_eq!(formats.get(Format(4)), None); // such packets are not forwarded
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FormatMap {
    entries: [Option<(Format, Codec)>; Self::LIMIT as usize],
}

impl FormatMap {
    /// Formats from this one on have no place.
    pub const LIMIT: u8 = 32;

    /// No format leaves.
    pub const fn new() -> Self {
        Self {
            entries: [None; Self::LIMIT as usize],
        }
    }

    /// Packets of the format `from` leave in the format `to`; false if there is no place for it.
    pub fn insert(&mut self, from: Format, to: Format, codec: Codec) -> bool {
        let entry = self.entries.get_mut(usize::from(from.0));
        entry.map(|entry| *entry = Some((to, codec))).is_some()
    }

    /// The format in which packets of the format `from` leave, and what they are.
    pub fn get(&self, from: Format) -> Option<(Format, Codec)> {
        self.entries.get(usize::from(from.0)).copied().flatten()
    }
}
