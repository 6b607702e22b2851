//! Who sources are (RFC 3550 §6.5).

use super::raw::{HEADER_LEN, RawPacket, RtcpError, SOURCE_DESCRIPTION};
use super::write::{self, BuildError, WriteRtcp};
use crate::bytes;

/// What an item says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SdesType(pub u8);

impl SdesType {
    /// The canonical name: the same for all streams of an endpoint (RFC 7022).
    pub const CNAME: Self = Self(1);
    /// The user's name.
    pub const NAME: Self = Self(2);
    /// An email address.
    pub const EMAIL: Self = Self(3);
    /// A telephone number.
    pub const PHONE: Self = Self(4);
    /// Where the user is.
    pub const LOC: Self = Self(5);
    /// The name of the program.
    pub const TOOL: Self = Self(6);
    /// A note on the state of the source.
    pub const NOTE: Self = Self(7);
    /// Of an application: a prefix and a value.
    pub const PRIV: Self = Self(8);
    /// The layer of a simulcast (RFC 8852 §4.1).
    pub const RTP_STREAM_ID: Self = Self(12);
    /// The layer that a stream repairs (RFC 8852 §4.2).
    pub const REPAIRED_RTP_STREAM_ID: Self = Self(13);
    /// The section that a stream belongs to (RFC 9143 §15.2).
    pub const MID: Self = Self(15);
}

/// One thing that is said of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SdesItem<'d> {
    /// What it is.
    pub kind: SdesType,
    /// Its text, which should be UTF-8: at most 255 bytes.
    pub value: &'d [u8],
}

impl<'d> SdesItem<'d> {
    /// A canonical name.
    pub const fn cname(name: &'d str) -> Self {
        Self {
            kind: SdesType::CNAME,
            value: name.as_bytes(),
        }
    }

    /// Prefix and value of a PRIV item (RFC 3550 §6.5.8); `None` of any other, and of one whose prefix is longer than
    /// it is.
    pub fn private(&self) -> Option<(&'d [u8], &'d [u8])> {
        let (&len, rest) = self.value.split_first()?;
        match self.kind {
            SdesType::PRIV => rest.split_at_checked(len.into()),
            _ => None,
        }
    }
}

/// What is said of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SdesChunk<'d> {
    ssrc: u32,
    /// Items, one behind the other, each of which was found to be whole.
    items: &'d [u8],
}

impl<'d> SdesChunk<'d> {
    /// The source.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// What is said of it.
    pub fn items(&self) -> impl Iterator<Item = SdesItem<'d>> + Clone + use<'d> {
        Items(self.items)
    }

    /// The chunk in front, and what is behind it: items up to a zero, and more zeros up to the end of a word.
    #[inline]
    fn split(bytes: &'d [u8]) -> Option<(Self, &'d [u8])> {
        let (ssrc, behind) = bytes::take::<4>(bytes)?;
        let mut rest = Items(behind);
        while rest.next().is_some() {}
        let [0, ..] = rest.0 else { return None };
        let len = behind.len().checked_sub(rest.0.len())?;
        let chunk = Self {
            ssrc: u32::from_be_bytes(ssrc),
            items: behind.get(..len)?,
        };
        let end = len.checked_add(1)?.checked_next_multiple_of(4)?;
        Some((chunk, behind.get(end..)?))
    }
}

/// What is left to read. Stops at a zero, and at an item that is cut off.
#[derive(Clone)]
struct Items<'d>(&'d [u8]);

impl<'d> Iterator for Items<'d> {
    type Item = SdesItem<'d>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let [kind @ 1..=255, len, rest @ ..] = self.0 else {
            return None;
        };
        let (value, rest) = rest.split_at_checked(usize::from(*len))?;
        self.0 = rest;
        Some(SdesItem {
            kind: SdesType(*kind),
            value,
        })
    }
}

/// SDES: who sources are.
///
/// ```
/// use pollrtc_rtp::rtcp::{
///     Compound, RtcpPacket, SdesChunkBuilder, SdesItem, SdesType, SourceDescriptionBuilder, WriteRtcp,
/// };
///
/// let items = [SdesItem::cname("anna")];
/// let chunks = [SdesChunkBuilder { ssrc: 5, items: &items }];
/// let mut buf = [0; 16];
/// assert_eq!(SourceDescriptionBuilder { chunks: &chunks }.write_to(&mut buf), Ok(16));
///
/// let compound = Compound::parse(&buf).expect("it was just written");
/// let Some(Ok(RtcpPacket::SourceDescription(description))) = compound.packets().next() else { panic!() };
/// assert_eq!(description.find(5, SdesType::CNAME), Some(&b"anna"[..]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceDescription<'d> {
    /// As many whole chunks as are counted.
    chunks: &'d [u8],
    count: u8,
}

impl<'d> SourceDescription<'d> {
    #[inline]
    pub(crate) fn of(raw: RawPacket<'d>) -> Result<Self, RtcpError> {
        let mut rest = raw.body;
        for _ in 0..raw.count {
            let at = raw.body.len().saturating_sub(rest.len());
            let (_, behind) = SdesChunk::split(rest).ok_or(RtcpError::Chunk { at })?;
            rest = behind;
        }
        Ok(Self {
            chunks: raw.body,
            count: raw.count,
        })
    }

    /// The sources, with what is said of each: at most 31.
    pub fn chunks(&self) -> impl Iterator<Item = SdesChunk<'d>> + Clone + use<'d> {
        let mut rest = self.chunks;
        (0..self.count).map_while(move |_| {
            let (chunk, behind) = SdesChunk::split(rest)?;
            rest = behind;
            Some(chunk)
        })
    }

    /// What is said of one source in one respect.
    pub fn find(&self, ssrc: u32, kind: SdesType) -> Option<&'d [u8]> {
        let mut items = self.chunks().filter(|chunk| chunk.ssrc == ssrc);
        items
            .find_map(|chunk| chunk.items().find(|item| item.kind == kind))
            .map(|item| item.value)
    }
}

/// An SDES to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceDescriptionBuilder<'b> {
    /// The sources: at most 31.
    pub chunks: &'b [SdesChunkBuilder<'b>],
}

/// What is to be said of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SdesChunkBuilder<'b> {
    /// The source.
    pub ssrc: u32,
    /// What is said of it. An item of type 0 would end the list, and is refused.
    pub items: &'b [SdesItem<'b>],
}

const VALUE_MAX: usize = u8::MAX as usize;
const SSRC_LEN: usize = 4;
const ITEM_HEADER_LEN: usize = 2;

impl SdesChunkBuilder<'_> {
    fn encoded_len(&self) -> usize {
        let items = self
            .items
            .iter()
            .map(|item| item.value.len().saturating_add(ITEM_HEADER_LEN));
        let len = items.fold(SSRC_LEN, usize::saturating_add);
        // RFC 3550 §6.5: at least one zero ends the list.
        len.saturating_add(1).checked_next_multiple_of(4).unwrap_or(usize::MAX)
    }

    fn check(&self) -> Result<(), BuildError> {
        self.items
            .iter()
            .try_for_each(|item| match (item.kind, item.value.len()) {
                (SdesType(0), _) => Err(BuildError::OutOfRange { value: 0, limit: 255 }),
                (_, len @ 256..) => Err(BuildError::TooLong { len, limit: VALUE_MAX }),
                _ => Ok(()),
            })
    }
}

impl WriteRtcp for SourceDescriptionBuilder<'_> {
    fn encoded_len(&self) -> usize {
        let chunks = self.chunks.iter().map(SdesChunkBuilder::encoded_len);
        chunks.fold(HEADER_LEN, usize::saturating_add)
    }

    fn write_to(&self, buf: &mut [u8]) -> Result<usize, BuildError> {
        let count = write::count(self.chunks.len())?;
        self.chunks.iter().try_for_each(SdesChunkBuilder::check)?;
        write::packet(buf, count, SOURCE_DESCRIPTION, self.encoded_len(), |out| {
            for chunk in self.chunks {
                let end = out.len().saturating_add(chunk.encoded_len());
                out.put_u32(chunk.ssrc);
                for item in chunk.items {
                    out.put(&[item.kind.0, u8::try_from(item.value.len()).unwrap_or(u8::MAX)]);
                    out.put(item.value);
                }
                out.fill_to(end);
            }
        })
    }
}
