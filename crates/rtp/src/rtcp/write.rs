//! Writing one packet into the caller's buffer.

use super::raw::HEADER_LEN;
use crate::bytes::Writer;

/// Why nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The buffer must have at least this many bytes.
    #[error("a buffer of {needed} bytes is needed")]
    BufferTooSmall {
        /// Bytes of all that is to be written.
        needed: usize,
    },
    /// The header counts up to this many entries: put the others into another packet.
    #[error("{count} entries, where a packet has at most {limit}")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A text, or the packet, is longer than its length can say.
    #[error("{len} bytes, where at most {limit} are possible")]
    TooLong {
        /// How many there are.
        len: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A value is above what its field has bits for.
    #[error("{value} is above {limit}")]
    OutOfRange {
        /// The value.
        value: u32,
        /// The greatest one.
        limit: u32,
    },
    /// RTCP has whole words: the data must have a multiple of four bytes.
    #[error("{len} bytes are no whole words")]
    Unaligned {
        /// How many bytes it has.
        len: usize,
    },
    /// A compound begins with a report (RFC 3550 §6.1), unless it is of reduced size.
    #[error("a compound begins with a sender or receiver report")]
    NoReport,
    /// A compound has the canonical name of its sender (RFC 3550 §6.1), unless it is of reduced size.
    #[error("a compound has a source description with a CNAME")]
    NoCname,
}

/// A packet to be written. A type of your own goes into a [`CompoundBuilder`](super::CompoundBuilder) as well.
pub trait WriteRtcp {
    /// The bytes of the whole packet, header included: a multiple of four.
    fn encoded_len(&self) -> usize;

    /// Writes the packet to the front of `buf`; how many bytes it has.
    ///
    /// # Errors
    ///
    /// If it has no room there, or no packet can have this content; `buf` is as it was.
    fn write_to(&self, buf: &mut [u8]) -> Result<usize, BuildError>;
}

/// The most words that a packet can announce behind its header.
const WORDS_MAX: usize = u16::MAX as usize;

/// Writes a header for `len` bytes in all, and lets `body` write what follows; zeros fill the last word.
#[inline]
pub(crate) fn packet(
    buf: &mut [u8],
    count: u8,
    packet_type: u8,
    len: usize,
    body: impl FnOnce(&mut Writer<'_>),
) -> Result<usize, BuildError> {
    let limit = WORDS_MAX.saturating_mul(4).saturating_add(HEADER_LEN);
    let words = match (len / 4).checked_sub(1).map(u16::try_from) {
        Some(Ok(words)) => words,
        _ => return Err(BuildError::TooLong { len, limit }),
    };
    let place = buf.get_mut(..len).ok_or(BuildError::BufferTooSmall { needed: len })?;
    let mut out = Writer::new(place);
    out.put(&[0x80 | count & 0x1f, packet_type]);
    out.put_u16(words);
    body(&mut out);
    debug_assert!(out.len() <= len, "a body of {} bytes in a packet of {len}", out.len());
    out.fill_to(len);
    Ok(len)
}

/// The count in a header, which has five bits.
#[inline]
pub(crate) fn count(entries: usize) -> Result<u8, BuildError> {
    match u8::try_from(entries) {
        Ok(count @ 0..=31) => Ok(count),
        _ => Err(BuildError::TooMany {
            count: entries,
            limit: 31,
        }),
    }
}
