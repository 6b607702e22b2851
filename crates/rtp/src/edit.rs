//! Changing a packet where it lies.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use crate::extension::{Extension, ExtensionMap};
use crate::layout::{FIXED_LEN, Layout, ParseError};
use crate::packet::RtpPacket;
use crate::stream::Origin;
use crate::values::HeaderExtension;

/// One RTP packet whose fields are changed where they lie. Nothing else of it changes, nor its length.
///
/// ```
/// use pollrtc_rtp::{AudioLevel, ExtensionMap, Extension, RtpPacketMut};
/// let mut map = ExtensionMap::new();
/// map.insert(3, Extension::AudioLevel);
/// let mut bytes = [0x90, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1, 0x30, 0x85, 0, 0];
/// let mut packet = RtpPacketMut::parse(&mut bytes, &map)?;
/// packet.set_sequence_number(0x1234);
/// assert!(packet.set_header_extension(&AudioLevel { is_voice: false, level: 127 }));
/// assert_eq!(bytes, [0x90, 111, 0x12, 0x34, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1, 0x30, 127, 0, 0]);
/// # Ok::<(), pollrtc_rtp::ParseError>(())
/// ```
#[derive(Debug)]
pub struct RtpPacketMut<'d> {
    bytes: &'d mut [u8],
    layout: Layout,
}

impl<'d> RtpPacketMut<'d> {
    /// Checks the bytes of a packet, as [`RtpPacket::parse`] does.
    ///
    /// # Errors
    ///
    /// If it is no RTP packet of version 2, or its header or padding is longer than it is.
    pub fn parse(bytes: &'d mut [u8], extensions: &ExtensionMap) -> Result<Self, ParseError> {
        let layout = Layout::of(bytes, extensions)?;
        Ok(Self { bytes, layout })
    }

    /// The packet as it is now.
    pub fn view(&self, origin: Origin) -> RtpPacket<'_> {
        RtpPacket::from_parts(self.bytes, self.layout, origin)
    }

    /// The packet for as long as its bytes live.
    pub fn into_view(self, origin: Origin) -> RtpPacket<'d> {
        RtpPacket::from_parts(self.bytes, self.layout, origin)
    }

    /// Changes the marker bit.
    pub fn set_marker(&mut self, marker: bool) {
        let bit = if marker { 0x80 } else { 0 };
        self.edit(|[_, byte, ..]| *byte = *byte & 0x7f | bit);
    }

    /// Changes the payload type; of its bits the lower seven.
    pub fn set_payload_type(&mut self, payload_type: u8) {
        self.edit(|[_, byte, ..]| *byte = *byte & 0x80 | payload_type & 0x7f);
    }

    /// Changes the sequence number.
    pub fn set_sequence_number(&mut self, sequence_number: u16) {
        self.edit(|[_, _, s0, s1, ..]| [*s0, *s1] = sequence_number.to_be_bytes());
    }

    /// Changes the timestamp.
    pub fn set_timestamp(&mut self, timestamp: u32) {
        self.edit(|[_, _, _, _, t0, t1, t2, t3, ..]| [*t0, *t1, *t2, *t3] = timestamp.to_be_bytes());
    }

    /// Changes the synchronisation source.
    pub fn set_ssrc(&mut self, ssrc: u32) {
        self.edit(|[.., s0, s1, s2, s3]| [*s0, *s1, *s2, *s3] = ssrc.to_be_bytes());
    }

    /// The bytes of a header extension, if the packet has one.
    pub fn extension_mut(&mut self, of: Extension) -> Option<&mut [u8]> {
        self.bytes.get_mut(self.layout.extension(of)?)
    }

    /// Changes the value of a header extension. False, and nothing has changed, if the packet has none, or one of
    /// another length.
    pub fn set_header_extension<'v, T: HeaderExtension<'v>>(&mut self, value: &T) -> bool {
        let place = self.extension_mut(T::KIND);
        place.is_some_and(|place| place.len() == value.encoded_len() && value.write_to(place).is_some())
    }

    /// The payload, without padding.
    pub fn payload_mut(&mut self) -> &mut [u8] {
        let range = usize::from(self.layout.payload)..usize::from(self.layout.payload_end);
        self.bytes.get_mut(range).unwrap_or_default()
    }

    /// The fixed header, which was found to be there.
    fn edit(&mut self, change: impl FnOnce(&mut [u8; FIXED_LEN])) {
        if let Some(header) = self.bytes.first_chunk_mut() {
            change(header);
        }
    }
}
