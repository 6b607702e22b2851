//! Where the parts of a packet lie: found once, with all checks.

use crate::{Extension, ExtensionMap};

/// Why bytes are no RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The fixed header has 12 bytes (RFC 3550 §5.1).
    #[error("{0} bytes are shorter than an RTP header")]
    Short(usize),
    /// The packet is longer than its offsets can say.
    #[error("{0} bytes are more than a datagram can have")]
    Long(usize),
    /// Only version 2 is known.
    #[error("version {0} instead of 2")]
    Version(u8),
    /// The list of contributing sources or the header extension ends behind the packet.
    #[error("the header has {needed} bytes, the packet {len}")]
    Header {
        /// How long the header says it is.
        needed: usize,
        /// How long the packet is.
        len: usize,
    },
    /// The padding is longer than the payload, or has no length.
    #[error("{padding} bytes of padding behind {payload} bytes")]
    Padding {
        /// How long the padding says it is.
        padding: usize,
        /// How many bytes there are for it.
        payload: usize,
    },
}

/// The fixed header (RFC 3550 §5.1).
const HEADER: usize = 12;
/// The profile of extensions with headers of one byte (RFC 8285 §4.2).
const ONE_BYTE: u16 = 0xbede;
/// The profile of extensions with headers of two bytes, its low four bits aside (RFC 8285 §4.3).
const TWO_BYTES: u16 = 0x1000;

/// Offsets into a packet that was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) payload: u16,
    pub(crate) payload_end: u16,
    /// Where each meaning lies; a length of zero with an offset of zero says nowhere.
    extensions: [Element; Extension::INDEXED],
}

/// One header extension's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Element {
    /// From the packet's start: never zero.
    offset: u16,
    len: u8,
    id: u8,
}

impl Layout {
    pub(crate) fn of(bytes: &[u8], extensions: &ExtensionMap) -> Result<Self, ParseError> {
        let len = u16::try_from(bytes.len()).map_err(|_| ParseError::Long(bytes.len()))?;
        let Some((&[first, ..], _)) = bytes.split_first_chunk::<HEADER>() else {
            return Err(ParseError::Short(bytes.len()));
        };
        if first >> 6 != 2 {
            return Err(ParseError::Version(first >> 6));
        }
        let has_padding = first & 0x20 != 0;
        let has_extension = first & 0x10 != 0;
        let sources = usize::from(first & 0x0f);

        let mut layout = Self::default();
        let mut at = HEADER + 4 * sources;
        if has_extension {
            let Some(&[p0, p1, l0, l1]) = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) else {
                let needed = at + 4;
                return Err(ParseError::Header {
                    needed,
                    len: bytes.len(),
                });
            };
            let (begin, words) = (at + 4, usize::from(u16::from_be_bytes([l0, l1])));
            at = begin + 4 * words;
            if let Some(block) = bytes.get(begin..at) {
                layout.index(begin, block, u16::from_be_bytes([p0, p1]), extensions);
            }
        }
        let payload = bytes.get(at..).ok_or(ParseError::Header {
            needed: at,
            len: bytes.len(),
        })?;
        // RFC 3550 §5.1: the last byte of the padding counts all of it, itself included.
        let padding = match payload.last() {
            Some(count) if has_padding => usize::from(*count),
            _ => 0,
        };
        if padding > payload.len() || (has_padding && padding == 0) {
            return Err(ParseError::Padding {
                padding,
                payload: payload.len(),
            });
        }
        // No offset is above `len`, which fits.
        layout.payload = u16::try_from(at).unwrap_or(len);
        layout.payload_end = u16::try_from(bytes.len() - padding).unwrap_or(len);
        Ok(layout)
    }

    /// Where the value of an extension lies.
    pub(crate) fn extension(&self, of: Extension) -> Option<core::ops::Range<usize>> {
        let element = self.extensions.get(of.place())?;
        let is_it = match of {
            Extension::Other(id) => element.id == id,
            _ => true,
        };
        let begin = usize::from(element.offset);
        (begin > 0 && is_it).then(|| begin..begin + usize::from(element.len))
    }

    /// RFC 8285 §4.2, §4.3. What is cut off ends the list, and costs nothing but itself (RFC 8285 §4.1.2 would have
    /// the whole block ignored; peers that get a length wrong still want their sound heard).
    fn index(&mut self, begin: usize, block: &[u8], profile: u16, map: &ExtensionMap) {
        let mut at = 0;
        while let Some(&head) = block.get(at) {
            // Padding between elements.
            if head == 0 {
                at += 1;
                continue;
            }
            let (id, header, len) = if profile == ONE_BYTE {
                (head >> 4, 1, usize::from(head & 0x0f) + 1)
            } else if profile & 0xfff0 == TWO_BYTES {
                let Some(&len) = block.get(at + 1) else { return };
                (head, 2, usize::from(len))
            } else {
                return; // another profile's own (RFC 3550 §5.3.1)
            };
            // RFC 8285 §4.2: number 15 ends the list. Number 0 with a length is padding as well.
            if profile == ONE_BYTE && id == 15 {
                return;
            }
            let value = at + header;
            if value + len > block.len() {
                return;
            }
            if let Some(meaning) = map.get(id)
                && let Some(element) = self.extensions.get_mut(meaning.place())
                && let (Ok(offset), Ok(len)) = (u16::try_from(begin + value), u8::try_from(len))
            {
                *element = Element { offset, len, id };
            }
            at = value + len;
        }
    }
}
