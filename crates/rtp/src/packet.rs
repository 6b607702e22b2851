//! The view of one packet.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use crate::bytes;
use crate::element::{Elements, ExtensionElement, ExtensionForm};
use crate::extension::{Extension, ExtensionMap};
use crate::layout::{EXTENSION_HEADER_LEN, FIXED_LEN, Layout, ParseError, SOURCE_LEN};
use crate::stream::Origin;
use crate::values::HeaderExtension;

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
    #[inline]
    pub fn parse(bytes: &'d [u8], extensions: &ExtensionMap, origin: Origin) -> Result<Self, ParseError> {
        let layout = Layout::of(bytes, extensions)?;
        Ok(Self { bytes, layout, origin })
    }

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
    #[inline]
    pub fn payload(&self) -> &'d [u8] {
        let range = usize::from(self.layout.payload)..usize::from(self.layout.payload_end);
        self.bytes.get(range).unwrap_or_default()
    }

    /// How many bytes of padding follow the payload.
    #[inline]
    pub fn padding(&self) -> usize {
        self.bytes.len().saturating_sub(usize::from(self.layout.payload_end))
    }

    /// The marker bit, which often ends a frame.
    #[inline]
    pub fn marker(&self) -> bool {
        self.byte(1) & 0x80 != 0
    }

    /// The payload type, as the connection that it came by numbers formats. [`Origin::format`] means the same
    /// everywhere.
    #[inline]
    pub fn payload_type(&self) -> u8 {
        self.byte(1) & 0x7f
    }

    /// The sequence number.
    #[inline]
    pub fn sequence_number(&self) -> u16 {
        let [word, ..] = self.fixed();
        word as u16
    }

    /// The timestamp, in units of the codec's clock.
    #[inline]
    pub fn timestamp(&self) -> u32 {
        let [_, timestamp, _] = self.fixed();
        timestamp
    }

    /// The synchronisation source.
    #[inline]
    pub fn ssrc(&self) -> u32 {
        let [.., ssrc] = self.fixed();
        ssrc
    }

    /// The contributing sources (RFC 3550 §5.1): at most 15.
    pub fn contributing_sources(&self) -> impl ExactSizeIterator<Item = u32> + Clone + use<'d> {
        let (sources, _) = self
            .bytes
            .get(FIXED_LEN..)
            .unwrap_or_default()
            .as_chunks::<SOURCE_LEN>();
        let sources = sources.get(..usize::from(self.byte(0) & 0x0f)).unwrap_or_default();
        sources.iter().map(|source| u32::from_be_bytes(*source))
    }

    /// The bytes of a header extension, if the packet has one. Of several with one meaning the last.
    #[inline]
    pub fn extension(&self, of: Extension) -> Option<&'d [u8]> {
        self.bytes.get(self.layout.extension(of)?)
    }

    /// What a header extension says, if the packet has one, and it is well-formed.
    ///
    /// ```
    /// use pollrtc_rtp::{AudioLevel, Extension, ExtensionMap, Origin, RtpPacket};
    /// let mut map = ExtensionMap::new();
    /// map.insert(3, Extension::AudioLevel);
    /// let bytes = [0x90, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1, 0x30, 0x85, 0, 0];
    /// let packet = RtpPacket::parse(&bytes, &map, Origin::default())?;
    /// assert_eq!(packet.header_extension(), Some(AudioLevel { is_voice: true, level: 5 }));
    /// # Ok::<(), pollrtc_rtp::ParseError>(())
    /// ```
    #[inline]
    pub fn header_extension<T: HeaderExtension<'d>>(&self) -> Option<T> {
        T::parse(self.extension(T::KIND)?)
    }

    /// All header extensions by their numbers, in the order in which they lie in the packet, also those whose numbers
    /// mean nothing here. None if the extension is not made of elements.
    pub fn extension_elements(&self) -> impl Iterator<Item = ExtensionElement<'d>> + Clone + use<'d> {
        let elements = || {
            let has_extension = self.byte(0) & 0x10 != 0;
            let sources = SOURCE_LEN.saturating_mul((self.byte(0) & 0x0f).into());
            let header = self.bytes.get(FIXED_LEN..self.layout.payload.into())?;
            let (&[p0, p1, _, _], block) = header.get(sources..)?.split_first_chunk::<EXTENSION_HEADER_LEN>()?;
            let form = ExtensionForm::of_profile(u16::from_be_bytes([p0, p1]))?;
            has_extension.then(|| Elements::of(form, block))
        };
        elements().into_iter().flatten()
    }

    /// A byte of the header, which was found to be there.
    #[inline]
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or_default()
    }

    /// The fixed header, as words.
    #[inline]
    fn fixed(&self) -> [u32; FIXED_LEN / 4] {
        bytes::words(self.bytes)
    }
}
