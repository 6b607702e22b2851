//! The view of one compound RTCP packet.

use super::packet::RtcpPacket;
use super::raw::{HEADER_LEN, RECEIVER_REPORT, RawPacket, RtcpError, SENDER_REPORT};

/// Why bytes are no RTCP, or why reading ends before they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompoundError {
    /// There are fewer bytes than a header has.
    #[error("no room for a header at byte {at} of {len}")]
    Short {
        /// Where the header begins.
        at: usize,
        /// How many bytes there are.
        len: usize,
    },
    /// Only version 2 is known.
    #[error("version {version} instead of 2 at byte {at}")]
    Version {
        /// Where the packet begins.
        at: usize,
        /// What its header says.
        version: u8,
    },
    /// RTCP has 192 to 223 here (RFC 5761 §4).
    #[error("no RTCP packet at byte {at}: type {packet_type}")]
    PacketType {
        /// Where the packet begins.
        at: usize,
        /// What its header says.
        packet_type: u8,
    },
    /// The packet is longer than the datagram.
    #[error("the packet at byte {at} needs {needed} bytes, the datagram has {len}")]
    Length {
        /// Where the packet begins.
        at: usize,
        /// How long the datagram must be.
        needed: usize,
        /// How long it is.
        len: usize,
    },
}

/// RTCP packets, one behind the other (RFC 3550 §6.1), also of reduced size, without a report in front (RFC 5506).
/// Lengths and versions were checked once.
///
/// ```
/// use pollrtc_rtp::rtcp::{Compound, RtcpPacket};
/// let receiver_report = [0x80, 201, 0, 1, 0, 0, 0, 7];
/// let compound = Compound::parse(&receiver_report)?;
/// for packet in compound.packets() {
///     match packet {
///         Ok(RtcpPacket::ReceiverReport(report)) => assert_eq!(report.ssrc(), 7),
///         other => panic!("{other:?}"),
///     }
/// }
/// # Ok::<(), pollrtc_rtp::rtcp::CompoundError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compound<'d> {
    /// Whole packets.
    bytes: &'d [u8],
    /// Why what was behind them is left out.
    ended_by: Option<CompoundError>,
}

impl<'d> Compound<'d> {
    /// Finds the packets of a compound (RFC 3550 §A.2). One whose header makes no sense ends it, since nobody knows
    /// where the next would begin; those before it stay, and [`ended_by`](Self::ended_by) says what was wrong.
    ///
    /// # Errors
    ///
    /// If not even the first packet is one.
    #[inline]
    pub fn parse(bytes: &'d [u8]) -> Result<Self, CompoundError> {
        let mut at = 0;
        let ended_by = loop {
            match packet_end(bytes, at) {
                Ok(end) if end == bytes.len() => break None,
                Ok(end) => at = end,
                Err(error) if at == 0 => return Err(error),
                Err(error) => break Some(error),
            }
        };
        let whole = match ended_by {
            None => bytes,
            Some(_) => bytes.get(..at).unwrap_or_default(),
        };
        Ok(Self { bytes: whole, ended_by })
    }

    /// All whole packets.
    pub const fn as_bytes(&self) -> &'d [u8] {
        self.bytes
    }

    /// What was wrong behind the last packet; `None` if all bytes were packets.
    pub const fn ended_by(&self) -> Option<CompoundError> {
        self.ended_by
    }

    /// True if no report comes first, as RFC 5506 §3.4 allows where it was agreed on.
    pub const fn is_reduced_size(&self) -> bool {
        !matches!(self.bytes, [_, SENDER_REPORT | RECEIVER_REPORT, ..])
    }

    /// The packets, in order; each is checked as it is reached. Types that nobody knows are
    /// [`Unknown`](RtcpPacket::Unknown), and what has a wrong content is an error that costs nothing but itself.
    pub fn packets(&self) -> impl Iterator<Item = Result<RtcpPacket<'d>, RtcpError>> + Clone + use<'d> {
        self.raw_packets().map(|raw| raw.and_then(RtcpPacket::of))
    }

    /// The packets by their headers alone, in order.
    ///
    /// The error is of the padding.
    pub fn raw_packets(&self) -> impl Iterator<Item = Result<RawPacket<'d>, RtcpError>> + Clone + use<'d> {
        RawPackets(self.bytes)
    }
}

/// What is left to read: whole packets.
#[derive(Clone)]
struct RawPackets<'d>(&'d [u8]);

impl<'d> Iterator for RawPackets<'d> {
    type Item = Result<RawPacket<'d>, RtcpError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let [_, _, l0, l1, ..] = *self.0 else { return None };
        let (packet, rest) = self.0.split_at_checked(packet_len(l0, l1))?;
        self.0 = rest;
        Some(RawPacket::of(packet))
    }
}

/// RFC 3550 §6.4.1: the length counts words, less one.
#[inline]
fn packet_len(l0: u8, l1: u8) -> usize {
    usize::from(u16::from_be_bytes([l0, l1]))
        .saturating_add(1)
        .saturating_mul(4)
}

/// Where the packet ends that begins at `at`.
#[inline]
fn packet_end(bytes: &[u8], at: usize) -> Result<usize, CompoundError> {
    let len = bytes.len();
    let Some(&[first, packet_type, l0, l1]) = bytes.get(at..).and_then(|rest| rest.first_chunk::<HEADER_LEN>()) else {
        return Err(CompoundError::Short { at, len });
    };
    if first >> 6 != 2 {
        let version = first >> 6;
        return Err(CompoundError::Version { at, version });
    }
    if !matches!(packet_type, 192..=223) {
        return Err(CompoundError::PacketType { at, packet_type });
    }
    match at.saturating_add(packet_len(l0, l1)) {
        needed if needed > len => Err(CompoundError::Length { at, needed, len }),
        end => Ok(end),
    }
}
