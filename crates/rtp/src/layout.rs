//! Where the parts of a packet lie: found once, with all checks.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use crate::element::{Elements, ExtensionForm};
use crate::extension::{Extension, ExtensionMap};

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
pub(crate) const FIXED_LEN: usize = 12;
/// The first byte: version, padding, extension, and how many contributing sources there are.
const PADDING_BIT: u8 = 0x20;
const EXTENSION_BIT: u8 = 0x10;
const SOURCE_COUNT: u8 = 0x0f;
/// A contributing source.
pub(crate) const SOURCE_LEN: usize = 4;
/// The profile and the length of a header extension (RFC 3550 §5.3.1).
pub(crate) const EXTENSION_HEADER_LEN: usize = 4;

/// Offsets into a packet that was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) payload: u16,
    pub(crate) payload_end: u16,
    /// Where each meaning lies; an offset of zero says nowhere.
    extensions: [Element; Extension::INDEXED],
}

/// One header extension's value: its offset from the packet's start, which is never zero, in the upper 16 bits, then its
/// length and its number, eight bits each. One word, since it is read soon after it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Element(u32);

impl Element {
    /// A header lies in the first 64 KiB, and a value has a length of eight bits.
    #[inline]
    const fn new(offset: usize, len: usize, id: u8) -> Self {
        Self((offset as u32) << 16 | (len as u32 & 0xff) << 8 | id as u32)
    }

    #[inline]
    const fn offset(self) -> usize {
        (self.0 >> 16) as usize
    }

    #[inline]
    const fn len(self) -> usize {
        (self.0 >> 8 & 0xff) as usize
    }

    #[inline]
    const fn id(self) -> u8 {
        self.0 as u8
    }
}

impl Layout {
    #[inline]
    pub(crate) fn of(bytes: &[u8], extensions: &ExtensionMap) -> Result<Self, ParseError> {
        let len = bytes.len();
        let end = u16::try_from(len).map_err(|_| ParseError::Long(len))?;
        let Some((&[first, ..], behind)) = bytes.split_first_chunk::<FIXED_LEN>() else {
            return Err(ParseError::Short(len));
        };
        if first >> 6 != 2 {
            return Err(ParseError::Version(first >> 6));
        }

        let mut layout = Self::default();
        let sources = SOURCE_LEN.saturating_mul((first & SOURCE_COUNT).into());
        let mut header = FIXED_LEN.saturating_add(sources);
        let mut rest = behind
            .get(sources..)
            .ok_or(ParseError::Header { needed: header, len })?;
        if first & EXTENSION_BIT != 0 {
            let begin = header.saturating_add(EXTENSION_HEADER_LEN);
            let short = |needed| ParseError::Header { needed, len };
            let (&[p0, p1, l0, l1], behind) = rest.split_first_chunk().ok_or(short(begin))?;
            let block_len = usize::from(u16::from_be_bytes([l0, l1])).saturating_mul(4);
            header = begin.saturating_add(block_len);
            let (block, payload) = behind.split_at_checked(block_len).ok_or(short(header))?;
            rest = payload;
            if let Some(form) = ExtensionForm::of_profile(u16::from_be_bytes([p0, p1])) {
                layout.index(header, Elements::of(form, block), extensions);
            }
        }
        // RFC 3550 §5.1: the last byte of the padding counts all of it, itself included.
        let padding = match rest.last() {
            _ if first & PADDING_BIT == 0 => 0,
            Some(count @ 1..) if usize::from(*count) <= rest.len() => u16::from(*count),
            count => {
                return Err(ParseError::Padding {
                    padding: count.copied().unwrap_or_default().into(),
                    payload: rest.len(),
                });
            }
        };
        // Neither is above `end`.
        layout.payload = header as u16;
        layout.payload_end = end.saturating_sub(padding);
        Ok(layout)
    }

    /// Where the value of an extension lies.
    #[inline]
    pub(crate) fn extension(&self, of: Extension) -> Option<core::ops::Range<usize>> {
        let element = self.extensions.get(of.place())?;
        let is_it = match of {
            Extension::Other(id) => element.id() == id,
            _ => true,
        };
        let begin = element.offset();
        (begin > 0 && is_it).then(|| begin..begin.saturating_add(element.len()))
    }

    /// Remembers where the elements lie that mean something; `header` is where the last one ends.
    #[inline]
    fn index(&mut self, header: usize, mut elements: Elements<'_>, map: &ExtensionMap) {
        while let Some(element) = elements.next() {
            if let Some(place) = self.extensions.get_mut(map.place(element.id)) {
                let end = header.saturating_sub(elements.left());
                let len = element.value.len();
                *place = Element::new(end.saturating_sub(len), len, element.id);
            }
        }
    }
}
