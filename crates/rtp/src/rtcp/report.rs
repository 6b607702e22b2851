//! Reports of what was sent and what was received (RFC 3550 §6.4).

use super::raw::{HEADER_LEN, RECEIVER_REPORT, RawPacket, RtcpError, SENDER_REPORT};
use super::write::{self, BuildError, WriteRtcp};
use crate::NtpTime;
use crate::bytes::{self, Writer};

/// The most report blocks in one packet.
pub(crate) const REPORTS_MAX: usize = 31;

const BLOCK_LEN: usize = 24;
const SENDER_INFO_LEN: usize = 20;
const SSRC_LEN: usize = 4;

/// How a source is received (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReportBlock {
    /// The source that it is about.
    pub ssrc: u32,
    /// Packets lost since the last report, in 1/256 of those that were expected.
    pub fraction_lost: u8,
    /// Packets lost since the beginning: 24 bits with a sign, since duplicates count as received. What is beyond these
    /// is written as the nearest that is possible.
    pub cumulative_lost: i32,
    /// The highest sequence number received, with its cycles in the upper 16 bits.
    pub extended_highest_sequence: u32,
    /// How much arrival times vary, in units of the RTP timestamp.
    pub jitter: u32,
    /// The middle 32 bits of the NTP time in the last sender report; 0 if there was none.
    pub last_sender_report: u32,
    /// How long ago that came, in units of 1/65,536 seconds; 0 if there was none.
    pub delay_since_last_sender_report: u32,
}

impl ReportBlock {
    const CUMULATIVE_LOST_MIN: i32 = -0x80_0000;
    const CUMULATIVE_LOST_MAX: i32 = 0x7f_ffff;

    #[inline]
    fn of(block: &[u8; BLOCK_LEN]) -> Self {
        let [ssrc, lost, highest, jitter, last, delay] = bytes::words(block);
        Self {
            ssrc,
            fraction_lost: (lost >> 24) as u8,
            cumulative_lost: bytes::signed24(lost),
            extended_highest_sequence: highest,
            jitter,
            last_sender_report: last,
            delay_since_last_sender_report: delay,
        }
    }

    fn write(&self, out: &mut Writer<'_>) {
        let lost = self
            .cumulative_lost
            .clamp(Self::CUMULATIVE_LOST_MIN, Self::CUMULATIVE_LOST_MAX)
            .cast_unsigned();
        out.put_u32(self.ssrc);
        out.put_u32(u32::from(self.fraction_lost) << 24 | lost & 0x00ff_ffff);
        out.put_u32(self.extended_highest_sequence);
        out.put_u32(self.jitter);
        out.put_u32(self.last_sender_report);
        out.put_u32(self.delay_since_last_sender_report);
    }
}

/// What a sender has sent (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SenderInfo {
    /// When the report was sent.
    pub ntp_time: NtpTime,
    /// The RTP timestamp of that moment.
    pub rtp_timestamp: u32,
    /// Packets sent since the beginning.
    pub packet_count: u32,
    /// Bytes of payload sent since the beginning, without headers and padding.
    pub octet_count: u32,
}

/// SR: what its sender has sent, and how it receives others.
///
/// ```
/// use pollrtc_rtp::NtpTime;
/// use pollrtc_rtp::rtcp::{Compound, ReportBlock, RtcpPacket, SenderInfo, SenderReportBuilder, WriteRtcp};
///
/// let info = SenderInfo { ntp_time: NtpTime(1 << 32), rtp_timestamp: 90_000, packet_count: 3, octet_count: 3_000 };
/// let reports = [ReportBlock { ssrc: 7, cumulative_lost: -1, ..ReportBlock::default() }];
/// let mut buf = [0; 52];
/// SenderReportBuilder { ssrc: 1, info, reports: &reports }.write_to(&mut buf)?;
///
/// let compound = Compound::parse(&buf).expect("it was just written");
/// let Some(Ok(RtcpPacket::SenderReport(report))) = compound.packets().next() else { panic!() };
/// assert_eq!(report.info(), info);
/// assert!(report.reports().eq(reports));
/// # Ok::<(), pollrtc_rtp::rtcp::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport<'d> {
    ssrc: u32,
    info: SenderInfo,
    reports: &'d [[u8; BLOCK_LEN]],
    extension: &'d [u8],
}

impl<'d> SenderReport<'d> {
    #[inline]
    pub(crate) fn of(raw: RawPacket<'d>) -> Result<Self, RtcpError> {
        let (fields, rest) = raw.fields::<{ SSRC_LEN + SENDER_INFO_LEN }>()?;
        let [ssrc, seconds, fraction, rtp_timestamp, packet_count, octet_count] = bytes::words(&fields);
        let (reports, extension) = raw.counted(rest)?;
        Ok(Self {
            ssrc,
            info: SenderInfo {
                ntp_time: NtpTime(u64::from(seconds) << 32 | u64::from(fraction)),
                rtp_timestamp,
                packet_count,
                octet_count,
            },
            reports,
            extension,
        })
    }

    /// Who sends it.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// What it has sent.
    pub const fn info(&self) -> SenderInfo {
        self.info
    }

    /// How it receives others: at most 31.
    pub fn reports(&self) -> impl ExactSizeIterator<Item = ReportBlock> + Clone + use<'d> {
        self.reports.iter().map(ReportBlock::of)
    }

    /// What a profile has put behind the reports (RFC 3550 §6.4.3).
    pub const fn extension(&self) -> &'d [u8] {
        self.extension
    }
}

/// RR: how its sender receives others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverReport<'d> {
    ssrc: u32,
    reports: &'d [[u8; BLOCK_LEN]],
    extension: &'d [u8],
}

impl<'d> ReceiverReport<'d> {
    #[inline]
    pub(crate) fn of(raw: RawPacket<'d>) -> Result<Self, RtcpError> {
        let (fields, rest) = raw.fields::<SSRC_LEN>()?;
        let (reports, extension) = raw.counted(rest)?;
        Ok(Self {
            ssrc: u32::from_be_bytes(fields),
            reports,
            extension,
        })
    }

    /// Who sends it.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// How it receives others: at most 31.
    pub fn reports(&self) -> impl ExactSizeIterator<Item = ReportBlock> + Clone + use<'d> {
        self.reports.iter().map(ReportBlock::of)
    }

    /// What a profile has put behind the reports (RFC 3550 §6.4.3).
    pub const fn extension(&self) -> &'d [u8] {
        self.extension
    }
}

/// An SR to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReportBuilder<'b> {
    /// Who sends it.
    pub ssrc: u32,
    /// What it has sent.
    pub info: SenderInfo,
    /// How it receives others: at most 31. [`CompoundBuilder::push_reports`](super::CompoundBuilder::push_reports)
    /// takes more.
    pub reports: &'b [ReportBlock],
}

impl WriteRtcp for SenderReportBuilder<'_> {
    fn encoded_len(&self) -> usize {
        reports_len(self.reports).saturating_add(SENDER_INFO_LEN)
    }

    fn write_to(&self, buf: &mut [u8]) -> Result<usize, BuildError> {
        let count = write::count(self.reports.len())?;
        write::packet(buf, count, SENDER_REPORT, self.encoded_len(), |out| {
            out.put_u32(self.ssrc);
            out.put_u64(self.info.ntp_time.0);
            out.put_u32(self.info.rtp_timestamp);
            out.put_u32(self.info.packet_count);
            out.put_u32(self.info.octet_count);
            self.reports.iter().for_each(|report| report.write(out));
        })
    }
}

/// An RR to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverReportBuilder<'b> {
    /// Who sends it.
    pub ssrc: u32,
    /// How it receives others: at most 31. [`CompoundBuilder::push_reports`](super::CompoundBuilder::push_reports)
    /// takes more.
    pub reports: &'b [ReportBlock],
}

impl WriteRtcp for ReceiverReportBuilder<'_> {
    fn encoded_len(&self) -> usize {
        reports_len(self.reports)
    }

    fn write_to(&self, buf: &mut [u8]) -> Result<usize, BuildError> {
        let count = write::count(self.reports.len())?;
        write::packet(buf, count, RECEIVER_REPORT, self.encoded_len(), |out| {
            out.put_u32(self.ssrc);
            self.reports.iter().for_each(|report| report.write(out));
        })
    }
}

/// The length of a report without anything of what was sent.
const fn reports_len(reports: &[ReportBlock]) -> usize {
    BLOCK_LEN
        .saturating_mul(reports.len())
        .saturating_add(HEADER_LEN + SSRC_LEN)
}
