//! The bit rate that a receiver believes in (draft-alvestrand-rmcat-remb-03).

use super::raw::{HEADER_LEN, PAYLOAD_FEEDBACK, RawPacket, RtcpError};
use super::tmmbr::{scaled, unscaled};
use super::write::{self, BuildError, WriteRtcp};
use crate::bytes;

/// The format of feedback that applications have given a meaning (RFC 4585 §6.4).
pub(crate) const FORMAT: u8 = 15;
const NAME: [u8; 4] = *b"REMB";
/// Who sends it, a source that is not used, the name, count and bit rate.
const FIELDS_LEN: usize = 16;
const MANTISSA_BITS: u32 = 18;

/// Whether feedback of an application is this one.
pub(crate) fn is_remb(raw: RawPacket<'_>) -> bool {
    raw.body.get(8..12) == Some(&NAME)
}

/// REMB: the bit rate that a receiver believes it can get, of some streams together.
///
/// ```
/// use pollrtc_rtp::rtcp::{Compound, RembBuilder, RtcpPacket, WriteRtcp};
///
/// let mut buf = [0; 24];
/// assert_eq!(RembBuilder { sender_ssrc: 1, bitrate: 2_500_000, ssrcs: &[7] }.write_to(&mut buf), Ok(24));
///
/// let compound = Compound::parse(&buf).expect("it was just written");
/// let Some(Ok(RtcpPacket::Remb(remb))) = compound.packets().next() else { panic!() };
/// assert_eq!(remb.bitrate(), 2_500_000);
/// assert!(remb.ssrcs().eq([7]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remb<'d> {
    sender_ssrc: u32,
    bitrate: u64,
    ssrcs: &'d [[u8; 4]],
}

impl<'d> Remb<'d> {
    pub(crate) fn of(raw: RawPacket<'d>) -> Result<Self, RtcpError> {
        let (fields, rest) = raw.fields::<FIELDS_LEN>()?;
        let [sender_ssrc, _, _, estimate] = bytes::words(&fields);
        let count = usize::from((estimate >> 24) as u8);
        let (ssrcs, _) = rest.as_chunks::<4>();
        let ssrcs = ssrcs.get(..count).ok_or(RtcpError::Short {
            needed: count.saturating_mul(4).saturating_add(FIELDS_LEN),
            len: raw.body.len(),
        })?;
        Ok(Self {
            sender_ssrc,
            bitrate: scaled(estimate & 0x3_ffff, estimate >> 18 & 0x3f),
            ssrcs,
        })
    }

    /// Who sends it.
    pub const fn sender_ssrc(&self) -> u32 {
        self.sender_ssrc
    }

    /// Bits per second, of all the streams together; `u64::MAX` also for what is above.
    pub const fn bitrate(&self) -> u64 {
        self.bitrate
    }

    /// The streams.
    pub fn ssrcs(&self) -> impl ExactSizeIterator<Item = u32> + Clone + use<'d> {
        self.ssrcs.iter().map(|ssrc| u32::from_be_bytes(*ssrc))
    }
}

/// A REMB to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RembBuilder<'b> {
    /// Who sends it.
    pub sender_ssrc: u32,
    /// Bits per second, of all the streams together. Written with 18 significant bits, rounded down.
    pub bitrate: u64,
    /// The streams: at most 255.
    pub ssrcs: &'b [u32],
}

impl WriteRtcp for RembBuilder<'_> {
    fn encoded_len(&self) -> usize {
        let ssrcs = self.ssrcs.len().saturating_mul(4);
        ssrcs.saturating_add(HEADER_LEN + FIELDS_LEN)
    }

    fn write_to(&self, buf: &mut [u8]) -> Result<usize, BuildError> {
        let count = u8::try_from(self.ssrcs.len()).map_err(|_| BuildError::TooMany {
            count: self.ssrcs.len(),
            limit: u8::MAX.into(),
        })?;
        let (mantissa, exponent) = unscaled(self.bitrate, MANTISSA_BITS);
        write::packet(buf, FORMAT, PAYLOAD_FEEDBACK, self.encoded_len(), |out| {
            out.put_u32(self.sender_ssrc);
            out.put_u32(0);
            out.put(&NAME);
            out.put_u32(u32::from(count) << 24 | exponent << 18 | mantissa);
            self.ssrcs.iter().for_each(|ssrc| out.put_u32(*ssrc));
        })
    }
}
