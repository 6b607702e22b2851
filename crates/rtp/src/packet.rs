//! The view of one packet.

use crate::layout::{Layout, ParseError};
use crate::{Extension, ExtensionMap, Origin};

/// One RTP packet: a view of bytes that were checked once. Reading from it can't fail.
///
/// The bytes are plain: SRTP has decrypted them, and RTX was unwrapped.
///
/// ```
/// # use pollrtc_rtp::{ExtensionMap, Origin, RtpPacket};
/// let bytes = [0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, b'x'];
/// let packet = RtpPacket::parse(&bytes, &ExtensionMap::new(), Origin::default())?;
/// assert_eq!(packet.payload(), b"x");
/// # Ok::<(), pollrtc_rtp::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpPacket<'d> {
    bytes: &'d [u8],
    layout: Layout,
    /// What is known of it beside its bytes.
    pub origin: Origin,
}

impl<'d> RtpPacket<'d> {
    /// Checks the bytes of a packet (RFC 3550 §5.1), and finds the header extensions that `extensions` knows.
    ///
    /// # Errors
    ///
    /// If it is no RTP packet of version 2, or its header or padding is longer than it is.
    pub fn parse(bytes: &'d [u8], extensions: &ExtensionMap, origin: Origin) -> Result<Self, ParseError> {
        let layout = Layout::of(bytes, extensions)?;
        Ok(Self { bytes, layout, origin })
    }

    #[cfg(feature = "alloc")]
    pub(crate) const fn from_parts(bytes: &'d [u8], layout: Layout, origin: Origin) -> Self {
        Self { bytes, layout, origin }
    }

    #[cfg(feature = "alloc")]
    pub(crate) const fn layout(&self) -> Layout {
        self.layout
    }

    /// The whole packet.
    pub const fn as_bytes(&self) -> &'d [u8] {
        self.bytes
    }

    /// The payload, without padding.
    pub fn payload(&self) -> &'d [u8] {
        let range = usize::from(self.layout.payload)..usize::from(self.layout.payload_end);
        self.bytes.get(range).unwrap_or_default()
    }

    /// How many bytes of padding follow the payload.
    pub fn padding(&self) -> usize {
        self.bytes.len().saturating_sub(usize::from(self.layout.payload_end))
    }

    /// The marker bit, which often ends a frame.
    pub fn marker(&self) -> bool {
        self.byte(1) & 0x80 != 0
    }

    /// The payload type, as the connection that it came by numbers formats. [`Origin::format`] means the same
    /// everywhere.
    pub fn payload_type(&self) -> u8 {
        self.byte(1) & 0x7f
    }

    /// The sequence number.
    pub fn sequence_number(&self) -> u16 {
        u16::from_be_bytes([self.byte(2), self.byte(3)])
    }

    /// The timestamp, in units of the codec's clock.
    pub fn timestamp(&self) -> u32 {
        self.word(4)
    }

    /// The synchronisation source.
    pub fn ssrc(&self) -> u32 {
        self.word(8)
    }

    /// The contributing sources (RFC 3550 §5.1).
    pub fn contributing_sources(&self) -> impl Iterator<Item = u32> + use<'_> {
        (0..usize::from(self.byte(0) & 0x0f)).map(|index| self.word(12 + 4 * index))
    }

    /// The value of a header extension, if the packet has one. Of several with one meaning the last.
    pub fn extension(&self, of: Extension) -> Option<&'d [u8]> {
        self.bytes.get(self.layout.extension(of)?)
    }

    /// A byte of the header, which was found to be there.
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or_default()
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_be_bytes([0, 1, 2, 3].map(|offset| self.byte(at + offset)))
    }
}
