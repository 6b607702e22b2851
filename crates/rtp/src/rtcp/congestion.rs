//! When packets arrived, by their streams (RFC 8888).

pub use pollrtc_core::Ecn;

use super::raw::{HEADER_LEN, RawPacket, RtcpError, TRANSPORT_FEEDBACK};
use super::write::{self, BuildError, WriteRtcp};
use crate::bytes::{self, Writer};

pub(crate) const FORMAT: u8 = 11;
const SSRC_LEN: usize = 4;
const TIMESTAMP_LEN: usize = 4;
const STREAM_HEADER_LEN: usize = 8;
const METRIC_LEN: usize = 2;
/// RFC 8888 §3.1: a quarter of all sequence numbers.
const METRICS_MAX: usize = 16_384;

const RECEIVED: u16 = 0x8000;
const OFFSET_MAX: u16 = 0x1ffd;
const OFFSET_BEYOND: u16 = 0x1ffe;
const OFFSET_UNKNOWN: u16 = 0x1fff;

/// How long before the time of the report a packet arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArrivalOffset {
    /// In units of 1/1,024 seconds: up to 8,189. What is above is written as [`Beyond`](Self::Beyond).
    Before(u16),
    /// Longer than can be said, which is 8 seconds.
    Beyond,
    /// Nobody knows, or it came after that time.
    Unknown,
}

/// What became of a packet on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PacketMetric {
    /// It has not been received.
    NotReceived,
    /// It was received.
    Received {
        /// How its datagram was marked.
        ecn: Option<Ecn>,
        /// When.
        offset: ArrivalOffset,
    },
}

impl PacketMetric {
    fn of(metric: [u8; METRIC_LEN]) -> Self {
        let metric = u16::from_be_bytes(metric);
        if metric & RECEIVED == 0 {
            return Self::NotReceived;
        }
        Self::Received {
            ecn: Ecn::from_bits((metric >> 13) as u8),
            offset: match metric & OFFSET_UNKNOWN {
                OFFSET_UNKNOWN => ArrivalOffset::Unknown,
                OFFSET_BEYOND => ArrivalOffset::Beyond,
                offset => ArrivalOffset::Before(offset),
            },
        }
    }

    fn bits(self) -> u16 {
        let Self::Received { ecn, offset } = self else {
            return 0;
        };
        let ecn = ecn.map_or(0, |ecn| ecn as u16);
        let offset = match offset {
            ArrivalOffset::Before(offset @ ..=OFFSET_MAX) => offset,
            ArrivalOffset::Before(_) | ArrivalOffset::Beyond => OFFSET_BEYOND,
            ArrivalOffset::Unknown => OFFSET_UNKNOWN,
        };
        RECEIVED | ecn << 13 | offset
    }
}

/// The packets of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamMetrics<'d> {
    ssrc: u32,
    begin_sequence: u16,
    metrics: &'d [[u8; METRIC_LEN]],
}

impl<'d> StreamMetrics<'d> {
    /// The stream.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The first packet's sequence number.
    pub const fn begin_sequence(&self) -> u16 {
        self.begin_sequence
    }

    /// Sequence numbers, with what became of each packet.
    pub fn metrics(&self) -> impl Iterator<Item = (u16, PacketMetric)> + Clone + use<'d> {
        let begin = self.begin_sequence;
        let metrics = self.metrics.iter().map(|metric| PacketMetric::of(*metric));
        // As many as 16 bits can count.
        (0..)
            .zip(metrics)
            .map(move |(place, metric)| (begin.wrapping_add(place), metric))
    }

    /// The report on one stream in front, and what is behind it.
    fn split(bytes: &'d [u8]) -> Option<(Self, &'d [u8])> {
        let (fields, rest) = bytes::take::<STREAM_HEADER_LEN>(bytes)?;
        let [ssrc, range] = bytes::words(&fields);
        // RFC 8888 §3.1: an odd number of metrics is followed by two zeros.
        let count = range as u16;
        let (metrics, behind) = rest.split_at_checked(padded_len(count.into()))?;
        let (metrics, _) = metrics.as_chunks::<METRIC_LEN>();
        let stream = Self {
            ssrc,
            begin_sequence: (range >> 16) as u16,
            metrics: metrics.get(..usize::from(count))?,
        };
        Some((stream, behind))
    }
}

/// The bytes of so many metrics, in whole words.
fn padded_len(metrics: usize) -> usize {
    metrics.div_ceil(2).saturating_mul(4)
}

/// Congestion control feedback (CCFB): which packets of each stream arrived, when, and how they were marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CongestionControlFeedback<'d> {
    sender_ssrc: u32,
    /// Whole reports, one for each stream.
    streams: &'d [u8],
    report_timestamp: u32,
}

impl<'d> CongestionControlFeedback<'d> {
    pub(crate) fn of(raw: RawPacket<'d>) -> Result<Self, RtcpError> {
        let len = raw.body.len();
        let (sender_ssrc, rest) = raw.fields::<SSRC_LEN>()?;
        let (streams, report_timestamp) = rest.split_last_chunk::<TIMESTAMP_LEN>().ok_or(RtcpError::Short {
            needed: SSRC_LEN + TIMESTAMP_LEN,
            len,
        })?;
        let mut left = Streams(streams);
        while left.next().is_some() {}
        if !left.0.is_empty() {
            return Err(RtcpError::Entries { len });
        }
        Ok(Self {
            sender_ssrc: u32::from_be_bytes(sender_ssrc),
            streams,
            report_timestamp: u32::from_be_bytes(*report_timestamp),
        })
    }

    /// Who sends it.
    pub const fn sender_ssrc(&self) -> u32 {
        self.sender_ssrc
    }

    /// The time that offsets are counted from: the middle 32 bits of an NTP time, on the clock of sender reports.
    pub const fn report_timestamp(&self) -> u32 {
        self.report_timestamp
    }

    /// The streams.
    pub fn streams(&self) -> impl Iterator<Item = StreamMetrics<'d>> + Clone + use<'d> {
        Streams(self.streams)
    }
}

/// What is left to read.
#[derive(Clone)]
struct Streams<'d>(&'d [u8]);

impl<'d> Iterator for Streams<'d> {
    type Item = StreamMetrics<'d>;

    fn next(&mut self) -> Option<Self::Item> {
        let (stream, rest) = StreamMetrics::split(self.0)?;
        self.0 = rest;
        Some(stream)
    }
}

/// The packets of one stream, to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamMetricsBuilder<'b> {
    /// The stream.
    pub ssrc: u32,
    /// The first packet's sequence number.
    pub begin_sequence: u16,
    /// What became of it and of those behind it: at most 16,384.
    pub metrics: &'b [PacketMetric],
}

impl StreamMetricsBuilder<'_> {
    fn encoded_len(&self) -> usize {
        padded_len(self.metrics.len()).saturating_add(STREAM_HEADER_LEN)
    }

    fn count(&self) -> Result<u16, BuildError> {
        match u16::try_from(self.metrics.len()) {
            Ok(count) if self.metrics.len() <= METRICS_MAX => Ok(count),
            _ => Err(BuildError::TooMany {
                count: self.metrics.len(),
                limit: METRICS_MAX,
            }),
        }
    }

    fn write(&self, out: &mut Writer<'_>) {
        let end = out.len().saturating_add(self.encoded_len());
        out.put_u32(self.ssrc);
        out.put_u16(self.begin_sequence);
        out.put_u16(self.count().unwrap_or_default());
        self.metrics.iter().for_each(|metric| out.put_u16(metric.bits()));
        out.fill_to(end);
    }
}

/// A [`CongestionControlFeedback`] to be written.
///
/// ```
/// use pollrtc_rtp::rtcp::{
///     ArrivalOffset, Compound, CongestionControlFeedbackBuilder, PacketMetric, RtcpPacket, StreamMetricsBuilder,
///     WriteRtcp,
/// };
///
/// let metrics = [PacketMetric::Received { ecn: None, offset: ArrivalOffset::Before(512) }, PacketMetric::NotReceived];
/// let streams = [StreamMetricsBuilder { ssrc: 7, begin_sequence: 65_535, metrics: &metrics }];
/// let feedback = CongestionControlFeedbackBuilder { sender_ssrc: 1, streams: &streams, report_timestamp: 9 };
/// let mut buf = [0; 24];
/// assert_eq!(feedback.write_to(&mut buf), Ok(24));
///
/// let compound = Compound::parse(&buf).expect("it was just written");
/// let Some(Ok(RtcpPacket::CongestionControlFeedback(feedback))) = compound.packets().next() else { panic!() };
/// let stream = feedback.streams().next().expect("there is one");
/// assert!(stream.metrics().eq([(65_535, metrics[0]), (0, metrics[1])]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CongestionControlFeedbackBuilder<'b> {
    /// Who sends it.
    pub sender_ssrc: u32,
    /// The streams.
    pub streams: &'b [StreamMetricsBuilder<'b>],
    /// The time that offsets are counted from: the middle 32 bits of an NTP time, on the clock of sender reports.
    pub report_timestamp: u32,
}

impl WriteRtcp for CongestionControlFeedbackBuilder<'_> {
    fn encoded_len(&self) -> usize {
        let streams = self.streams.iter().map(StreamMetricsBuilder::encoded_len);
        streams.fold(HEADER_LEN + SSRC_LEN + TIMESTAMP_LEN, usize::saturating_add)
    }

    fn write_to(&self, buf: &mut [u8]) -> Result<usize, BuildError> {
        self.streams.iter().try_for_each(|stream| stream.count().map(|_| ()))?;
        write::packet(buf, FORMAT, TRANSPORT_FEEDBACK, self.encoded_len(), |out| {
            out.put_u32(self.sender_ssrc);
            self.streams.iter().for_each(|stream| stream.write(out));
            out.put_u32(self.report_timestamp);
        })
    }
}
