//! Extended reports (RFC 3611), of which WebRTC uses those that give a receiver its round-trip time.

use super::raw::{EXTENDED_REPORT, HEADER_LEN, RawPacket, RtcpError};
use super::write::{self, BuildError, WriteRtcp};
use crate::NtpTime;
use crate::bytes::{self, Writer};

const RECEIVER_REFERENCE_TIME: u8 = 4;
const LAST_REPORTS: u8 = 5;
const BLOCK_HEADER_LEN: usize = 4;
const REFERENCE_TIME_LEN: usize = 8;
const LAST_REPORT_LEN: usize = 12;
const SSRC_LEN: usize = 4;

/// When the last reference time of a receiver came (RFC 3611 §4.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LastReport {
    /// The receiver.
    pub ssrc: u32,
    /// The middle 32 bits of the time that it named; 0 if it named none.
    pub last_receiver_report: u32,
    /// How long ago that came, in units of 1/65,536 seconds; 0 if it did not.
    pub delay_since_last_receiver_report: u32,
}

impl LastReport {
    fn of(bytes: &[u8; LAST_REPORT_LEN]) -> Self {
        let [ssrc, last, delay] = bytes::words(bytes);
        Self {
            ssrc,
            last_receiver_report: last,
            delay_since_last_receiver_report: delay,
        }
    }

    fn write(&self, out: &mut Writer<'_>) {
        out.put_u32(self.ssrc);
        out.put_u32(self.last_receiver_report);
        out.put_u32(self.delay_since_last_receiver_report);
    }
}

/// One block of an extended report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum XrBlock<'d> {
    /// RRTR: the time of a receiver (RFC 3611 §4.4).
    ReceiverReferenceTime(NtpTime),
    /// DLRR: when such times came (RFC 3611 §4.5).
    LastReports(LastReports<'d>),
    /// Any other, and those whose length is not what their type has.
    Unknown {
        /// The block type.
        block_type: u8,
        /// The second byte, whose meaning depends on the type.
        type_specific: u8,
        /// What follows the first four bytes.
        content: &'d [u8],
    },
}

/// The entries of a DLRR block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastReports<'d>(&'d [[u8; LAST_REPORT_LEN]]);

impl<'d> LastReports<'d> {
    /// One for each receiver.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = LastReport> + Clone + use<'d> {
        self.0.iter().map(LastReport::of)
    }
}

impl<'d> XrBlock<'d> {
    /// The block in front, and what is behind it (RFC 3611 §3).
    fn split(bytes: &'d [u8]) -> Option<(Self, &'d [u8])> {
        let ([block_type, type_specific, l0, l1], rest) = bytes::take::<BLOCK_HEADER_LEN>(bytes)?;
        let len = usize::from(u16::from_be_bytes([l0, l1])).saturating_mul(4);
        let (content, behind) = rest.split_at_checked(len)?;
        let block = match (block_type, content.as_chunks::<LAST_REPORT_LEN>(), content.len()) {
            (RECEIVER_REFERENCE_TIME, _, REFERENCE_TIME_LEN) => {
                let [seconds, fraction] = bytes::words(content);
                Self::ReceiverReferenceTime(NtpTime(u64::from(seconds) << 32 | u64::from(fraction)))
            }
            (LAST_REPORTS, (reports, []), _) => Self::LastReports(LastReports(reports)),
            _ => Self::Unknown {
                block_type,
                type_specific,
                content,
            },
        };
        Some((block, behind))
    }
}

/// XR: extended reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedReport<'d> {
    ssrc: u32,
    /// Whole blocks.
    blocks: &'d [u8],
}

impl<'d> ExtendedReport<'d> {
    pub(crate) fn of(raw: RawPacket<'d>) -> Result<Self, RtcpError> {
        let (ssrc, blocks) = raw.fields::<SSRC_LEN>()?;
        let mut rest = Blocks(blocks);
        while rest.next().is_some() {}
        if !rest.0.is_empty() {
            return Err(RtcpError::Entries { len: raw.body.len() });
        }
        Ok(Self {
            ssrc: u32::from_be_bytes(ssrc),
            blocks,
        })
    }

    /// Who sends it.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The blocks, in order.
    pub fn blocks(&self) -> impl Iterator<Item = XrBlock<'d>> + Clone + use<'d> {
        Blocks(self.blocks)
    }
}

/// What is left to read.
#[derive(Clone)]
struct Blocks<'d>(&'d [u8]);

impl<'d> Iterator for Blocks<'d> {
    type Item = XrBlock<'d>;

    fn next(&mut self) -> Option<Self::Item> {
        let (block, rest) = XrBlock::split(self.0)?;
        self.0 = rest;
        Some(block)
    }
}

/// An XR to be written.
///
/// ```
/// use pollrtc_rtp::NtpTime;
/// use pollrtc_rtp::rtcp::{Compound, ExtendedReportBuilder, RtcpPacket, WriteRtcp, XrBlock, XrBlockBuilder};
///
/// let blocks = [XrBlockBuilder::ReceiverReferenceTime(NtpTime(9))];
/// let mut buf = [0; 20];
/// ExtendedReportBuilder { ssrc: 7, blocks: &blocks }.write_to(&mut buf)?;
///
/// let compound = Compound::parse(&buf).expect("it was just written");
/// let Some(Ok(RtcpPacket::ExtendedReport(report))) = compound.packets().next() else { panic!() };
/// assert!(report.blocks().eq([XrBlock::ReceiverReferenceTime(NtpTime(9))]));
/// # Ok::<(), pollrtc_rtp::rtcp::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedReportBuilder<'b> {
    /// Who sends it.
    pub ssrc: u32,
    /// The blocks, in order.
    pub blocks: &'b [XrBlockBuilder<'b>],
}

/// One block to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum XrBlockBuilder<'b> {
    /// RRTR.
    ReceiverReferenceTime(NtpTime),
    /// DLRR: at most 21,845.
    LastReports(&'b [LastReport]),
}

impl XrBlockBuilder<'_> {
    fn content_len(&self) -> usize {
        match self {
            Self::ReceiverReferenceTime(_) => REFERENCE_TIME_LEN,
            Self::LastReports(reports) => LAST_REPORT_LEN.saturating_mul(reports.len()),
        }
    }

    /// How many words the content has, if a block can have so many.
    fn words(&self) -> Result<u16, BuildError> {
        let len = self.content_len();
        u16::try_from(len / 4).map_err(|_| BuildError::TooLong {
            len,
            limit: usize::from(u16::MAX).saturating_mul(4),
        })
    }

    fn write(&self, out: &mut Writer<'_>) {
        let words = self.words().unwrap_or(u16::MAX);
        match self {
            Self::ReceiverReferenceTime(time) => {
                out.put(&[RECEIVER_REFERENCE_TIME, 0]);
                out.put_u16(words);
                out.put_u64(time.0);
            }
            Self::LastReports(reports) => {
                out.put(&[LAST_REPORTS, 0]);
                out.put_u16(words);
                reports.iter().for_each(|report| report.write(out));
            }
        }
    }
}

impl WriteRtcp for ExtendedReportBuilder<'_> {
    fn encoded_len(&self) -> usize {
        let blocks = self
            .blocks
            .iter()
            .map(|block| block.content_len().saturating_add(BLOCK_HEADER_LEN));
        blocks.fold(HEADER_LEN + SSRC_LEN, usize::saturating_add)
    }

    fn write_to(&self, buf: &mut [u8]) -> Result<usize, BuildError> {
        self.blocks.iter().try_for_each(|block| block.words().map(|_| ()))?;
        write::packet(buf, 0, EXTENDED_REPORT, self.encoded_len(), |out| {
            out.put_u32(self.ssrc);
            self.blocks.iter().for_each(|block| block.write(out));
        })
    }
}
