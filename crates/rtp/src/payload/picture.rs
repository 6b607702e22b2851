//! Numbers of pictures, as VP8 and VP9 have them.

use crate::bytes::Writer;
use crate::payload::kinds::PayloadError;
use crate::payload::reader::Reader;

/// A number of pictures that has 7 or 15 bits on the wire (RFC 7741 §4.2, RFC 9628 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PictureId {
    /// 7 bits, in one byte.
    Short(u8),
    /// 15 bits, in two bytes.
    Long(u16),
}

impl PictureId {
    /// The number.
    pub const fn value(self) -> u16 {
        match self {
            Self::Short(id) => (id & 0x7f) as u16,
            Self::Long(id) => id & 0x7fff,
        }
    }

    /// How many bits it has: 7 or 15.
    pub const fn bits(self) -> u32 {
        match self {
            Self::Short(_) => 7,
            Self::Long(_) => 15,
        }
    }

    /// The number of the picture after this one, of the same length: it wraps to 0.
    pub const fn next(self) -> Self {
        match self {
            Self::Short(id) => Self::Short(id.wrapping_add(1) & 0x7f),
            Self::Long(id) => Self::Long(id.wrapping_add(1) & 0x7fff),
        }
    }

    /// M says how many bits there are.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, PayloadError> {
        let first = reader.byte("picture id")?;
        if first & 0x80 == 0 {
            return Ok(Self::Short(first));
        }
        let second = reader.byte("picture id")?;
        Ok(Self::Long(u16::from_be_bytes([first & 0x7f, second])))
    }

    pub(crate) fn write(self, writer: &mut Writer<'_>) {
        match self {
            Self::Short(id) => writer.put_u8(id & 0x7f),
            Self::Long(id) => writer.put_u16(id | 0x8000),
        }
    }

    /// Writes another number over the one at the beginning of `bytes`, with as many bits; what follows it.
    pub(crate) fn overwrite(bytes: &mut [u8], number: u16) -> Option<&mut [u8]> {
        let (first, rest) = bytes.split_first_mut()?;
        let [high, low] = (number | 0x8000).to_be_bytes();
        if *first & 0x80 == 0 {
            *first = low & 0x7f;
            return Some(rest);
        }
        let (second, rest) = rest.split_first_mut()?;
        (*first, *second) = (high, low);
        Some(rest)
    }
}
