//! What a forwarder says of a packet that leaves.

use crate::Format;

/// How a packet leaves. It has no SSRC and no payload type: those are the sender's.
///
/// ```
/// # use pollrtc_rtp::{Format, Patch, Rewrite};
/// let rewrite = Rewrite {
///     sequence: 7,
///     timestamp: 90_000,
///     marker: true,
///     format: Format(0),
///     patch: Patch::None,
///     descriptor: None,
///     frame_number: None,
/// };
/// # let _ = rewrite;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewrite<'r> {
    /// The outgoing sequence number with its rollovers above it, 48 bits: SRTP must not guess. A stream's first one
    /// is below 2^15 (RFC 3711 §3.3.1), and none is written twice unless the bytes are the same.
    pub sequence: u64,
    /// The outgoing timestamp.
    pub timestamp: u32,
    /// The marker bit.
    pub marker: bool,
    /// How the payload is coded, in the list of the sender.
    pub format: Format,
    /// What changes inside of the payload.
    pub patch: Patch,
    /// The dependency descriptor to write instead of the one that came; `None` writes none.
    pub descriptor: Option<&'r [u8]>,
    /// The frame number to write into that descriptor, where frames are to be counted on over a switch of streams.
    pub frame_number: Option<u16>,
}

/// Numbers inside of a payload that must have no gaps where layers were left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Patch {
    /// The payload leaves as it came.
    #[default]
    None,
    /// Of a VP8 payload descriptor (RFC 7741 §4.2).
    Vp8 {
        /// PictureID, 15 bits.
        picture_id: u16,
        /// TL0PICIDX.
        tl0_picture_index: u8,
        /// KEYIDX, 5 bits.
        key_index: u8,
    },
    /// Of a VP9 payload descriptor (RFC 9628 §4.2).
    Vp9 {
        /// Picture ID, 15 bits.
        picture_id: u16,
    },
}
