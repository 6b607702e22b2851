//! Writing one packet into the caller's buffer.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use crate::bytes::Writer;
use crate::element::{ExtensionElement, ExtensionForm};
use crate::layout::{EXTENSION_HEADER_LEN, FIXED_LEN, SOURCE_LEN};

/// Why no packet was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The buffer must have at least this many bytes.
    #[error("a buffer of {needed} bytes is needed")]
    BufferTooSmall {
        /// Bytes of all that is to be written.
        needed: usize,
    },
    /// A packet has at most 65,535 bytes.
    #[error("a packet of {0} bytes")]
    TooLong(usize),
    /// Payload types have seven bits.
    #[error("payload type {0} is above 127")]
    PayloadType(u8),
    /// A packet has at most 15 contributing sources.
    #[error("{0} contributing sources are more than 15")]
    ContributingSources(usize),
    /// A header extension has a number from 1 to 255, without 15.
    #[error("{0} is no number of a header extension")]
    ExtensionId(u8),
    /// A header extension has at most 255 bytes.
    #[error("header extension {id} has {len} bytes, more than 255")]
    ExtensionTooLong {
        /// Its number.
        id: u8,
        /// Its length.
        len: usize,
    },
    /// The two-byte form is needed, and was not agreed on: the number is above 14, or the value has no byte or more
    /// than 16 (RFC 8285 §4.2).
    #[error("header extension {id} of {len} bytes needs the two-byte form")]
    TwoByteForm {
        /// Its number.
        id: u8,
        /// Its length.
        len: usize,
    },
}

/// In which forms header extensions may be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ExtensionForms {
    /// The one-byte form alone: `extmap-allow-mixed` was not agreed on (RFC 8285 §6).
    #[default]
    OneByte,
    /// Each packet in the shorter form that it can have.
    Mixed,
}

/// A packet to be written.
///
/// ```
/// use pollrtc_rtp::{AudioLevel, ExtensionElement, RtpPacketBuilder};
///
/// let level = AudioLevel { is_voice: true, level: 5 }.to_bytes();
/// let packet = RtpPacketBuilder {
///     payload_type: 111,
///     sequence_number: 7,
///     timestamp: 960,
///     ssrc: 0xcafe_babe,
///     extensions: &[ExtensionElement { id: 3, value: &level }],
///     payload: b"sound",
///     ..RtpPacketBuilder::default()
/// };
/// let mut buf = [0; 1_200];
/// let len = packet.write_to(&mut buf)?;
/// assert_eq!(len, packet.encoded_len());
/// assert_eq!(buf[12..len], *b"\xbe\xde\0\x01\x30\x85\0\0sound");
/// # Ok::<(), pollrtc_rtp::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RtpPacketBuilder<'b> {
    /// The marker bit, which often ends a frame.
    pub marker: bool,
    /// The payload type: 0 to 127.
    pub payload_type: u8,
    /// The sequence number.
    pub sequence_number: u16,
    /// The timestamp, in units of the codec's clock.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: u32,
    /// The contributing sources: at most 15.
    pub contributing_sources: &'b [u32],
    /// Header extensions, in order.
    pub extensions: &'b [ExtensionElement<'b>],
    /// In which forms these may be written.
    pub forms: ExtensionForms,
    /// The payload.
    pub payload: &'b [u8],
    /// Bytes of padding behind it; 0 for none.
    pub padding: u8,
}

impl RtpPacketBuilder<'_> {
    /// The bytes of the whole packet.
    pub fn encoded_len(&self) -> usize {
        let behind = self.payload.len().saturating_add(self.padding.into());
        self.header_len().saturating_add(behind)
    }

    /// The bytes in front of the payload.
    pub fn header_len(&self) -> usize {
        let sources = self.contributing_sources.len().saturating_mul(SOURCE_LEN);
        let extension = match self.extensions {
            [] => 0,
            _ => self.block_len(self.form()).saturating_add(EXTENSION_HEADER_LEN),
        };
        FIXED_LEN.saturating_add(sources).saturating_add(extension)
    }

    /// Writes the packet to the front of `buf`; how many bytes it has.
    ///
    /// # Errors
    ///
    /// If it has no room there, or no packet can be like this; `buf` is as it was.
    pub fn write_to(&self, buf: &mut [u8]) -> Result<usize, BuildError> {
        self.check()?;
        let needed = self.encoded_len();
        let place = buf.get_mut(..needed).ok_or(BuildError::BufferTooSmall { needed })?;
        let mut out = Writer::new(place);
        self.put_header(&mut out);
        out.put(self.payload);
        if self.padding > 0 {
            // RFC 3550 §5.1: the last byte counts all of it.
            out.fill_to(needed.saturating_sub(1));
            out.put_u8(self.padding);
        }
        Ok(needed)
    }

    /// Writes all in front of the payload to the front of `buf`, for whoever writes the payload behind it; how many
    /// bytes that is.
    ///
    /// # Errors
    ///
    /// If it has no room there, or no packet can be like this; `buf` is as it was.
    pub fn write_header(&self, buf: &mut [u8]) -> Result<usize, BuildError> {
        self.check()?;
        let needed = self.header_len();
        let place = buf.get_mut(..needed).ok_or(BuildError::BufferTooSmall { needed })?;
        self.put_header(&mut Writer::new(place));
        Ok(needed)
    }

    fn check(&self) -> Result<(), BuildError> {
        if self.payload_type > 127 {
            return Err(BuildError::PayloadType(self.payload_type));
        }
        if self.contributing_sources.len() > 15 {
            return Err(BuildError::ContributingSources(self.contributing_sources.len()));
        }
        for element in self.extensions {
            let (id, len) = (element.id, element.value.len());
            if !element.has_valid_id() {
                return Err(BuildError::ExtensionId(id));
            }
            if !ExtensionForm::TwoByte.has_room_for(element) {
                return Err(BuildError::ExtensionTooLong { id, len });
            }
            if self.forms == ExtensionForms::OneByte && !ExtensionForm::OneByte.has_room_for(element) {
                return Err(BuildError::TwoByteForm { id, len });
            }
        }
        match self.encoded_len() {
            len if len > usize::from(u16::MAX) => Err(BuildError::TooLong(len)),
            _ => Ok(()),
        }
    }

    /// RFC 8285 §4.1.2: one form for all elements of a packet.
    fn form(&self) -> ExtensionForm {
        let is_short = |element| ExtensionForm::OneByte.has_room_for(element);
        match self.extensions.iter().all(is_short) {
            true => ExtensionForm::OneByte,
            false => ExtensionForm::TwoByte,
        }
    }

    /// The bytes of all elements, with zeros up to the end of a word (RFC 8285 §4.1).
    fn block_len(&self, form: ExtensionForm) -> usize {
        let elements = self.extensions.iter();
        let lens = elements.map(|element| element.value.len().saturating_add(form.header_len()));
        let len = lens.fold(0, usize::saturating_add);
        len.checked_next_multiple_of(4).unwrap_or(usize::MAX)
    }

    /// Writes a header that was checked.
    fn put_header(&self, out: &mut Writer<'_>) {
        let padding = if self.padding > 0 { 0x20 } else { 0 };
        let extension = if self.extensions.is_empty() { 0 } else { 0x10 };
        let marker = if self.marker { 0x80 } else { 0 };
        out.put_u8(0x80 | padding | extension | self.contributing_sources.len() as u8 & 0x0f);
        out.put_u8(marker | self.payload_type);
        out.put_u16(self.sequence_number);
        out.put_u32(self.timestamp);
        out.put_u32(self.ssrc);
        self.contributing_sources.iter().for_each(|source| out.put_u32(*source));
        if !self.extensions.is_empty() {
            let form = self.form();
            let len = self.block_len(form);
            out.put_u16(form.profile());
            out.put_u16((len / 4) as u16);
            let end = out.len().saturating_add(len);
            self.extensions.iter().for_each(|element| form.write(element, out));
            out.fill_to(end);
        }
    }
}
