//! Requests for a picture that needs no other.

use super::raw::{HEADER_LEN, PAYLOAD_FEEDBACK, RawPacket, RtcpError};
use super::write::{self, BuildError, WriteRtcp};
use crate::bytes;

pub(crate) const PICTURE_LOSS: u8 = 1;
pub(crate) const FULL_INTRA: u8 = 4;
const ENTRY_LEN: usize = 8;

/// PLI: pictures were lost (RFC 4585 §6.3.1). View and builder in one, since it is of fixed size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PictureLossIndication {
    /// Who sends it.
    pub sender_ssrc: u32,
    /// Whose pictures they were.
    pub media_ssrc: u32,
}

impl PictureLossIndication {
    pub(crate) fn of(raw: RawPacket<'_>) -> Result<Self, RtcpError> {
        // RFC 4585 §6.3.1.2: nothing follows; what does is not looked at.
        let (sender_ssrc, media_ssrc, _) = raw.feedback()?;
        Ok(Self {
            sender_ssrc,
            media_ssrc,
        })
    }
}

impl WriteRtcp for PictureLossIndication {
    fn encoded_len(&self) -> usize {
        HEADER_LEN + 8
    }

    fn write_to(&self, buf: &mut [u8]) -> Result<usize, BuildError> {
        write::packet(buf, PICTURE_LOSS, PAYLOAD_FEEDBACK, self.encoded_len(), |out| {
            out.put_u32(self.sender_ssrc);
            out.put_u32(self.media_ssrc);
        })
    }
}

/// One source in a [`FullIntraRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FirEntry {
    /// Whose picture is wanted.
    pub ssrc: u32,
    /// Counts the requests from one sender to this source: one that comes again with the same number is a repetition,
    /// and asks for nothing more (RFC 5104 §4.3.1.2).
    pub sequence_number: u8,
}

/// FIR: whole pictures are wanted (RFC 5104 §4.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullIntraRequest<'d> {
    sender_ssrc: u32,
    entries: &'d [[u8; ENTRY_LEN]],
}

impl<'d> FullIntraRequest<'d> {
    pub(crate) fn of(raw: RawPacket<'d>) -> Result<Self, RtcpError> {
        // RFC 5104 §4.3.1.2: the source is in the entries, and the field for it is not used.
        let (sender_ssrc, _, entries) = raw.feedback()?;
        let entries = raw.entries(entries)?;
        Ok(Self { sender_ssrc, entries })
    }

    /// Who sends it.
    pub const fn sender_ssrc(&self) -> u32 {
        self.sender_ssrc
    }

    /// Whose pictures are wanted.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = FirEntry> + Clone + use<'d> {
        self.entries.iter().map(|entry| {
            let [ssrc, sequence] = bytes::words(entry);
            FirEntry {
                ssrc,
                sequence_number: (sequence >> 24) as u8,
            }
        })
    }
}

/// A FIR to be written.
///
/// ```
/// use pollrtc_rtp::rtcp::{FirEntry, FullIntraRequestBuilder, WriteRtcp};
/// let entries = [FirEntry { ssrc: 9, sequence_number: 3 }];
/// let mut buf = [0; 20];
/// assert_eq!(FullIntraRequestBuilder { sender_ssrc: 1, entries: &entries }.write_to(&mut buf), Ok(20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullIntraRequestBuilder<'b> {
    /// Who sends it.
    pub sender_ssrc: u32,
    /// Whose pictures are wanted.
    pub entries: &'b [FirEntry],
}

impl WriteRtcp for FullIntraRequestBuilder<'_> {
    fn encoded_len(&self) -> usize {
        let entries = self.entries.len().saturating_mul(ENTRY_LEN);
        entries.saturating_add(HEADER_LEN + 8)
    }

    fn write_to(&self, buf: &mut [u8]) -> Result<usize, BuildError> {
        write::packet(buf, FULL_INTRA, PAYLOAD_FEEDBACK, self.encoded_len(), |out| {
            out.put_u32(self.sender_ssrc);
            out.put_u32(0);
            for entry in self.entries {
                out.put_u32(entry.ssrc);
                out.put_u32(u32::from(entry.sequence_number) << 24);
            }
        })
    }
}
