//! Packets that are to be sent again (RFC 4585 §6.2.1).

use super::raw::{HEADER_LEN, RawPacket, RtcpError, TRANSPORT_FEEDBACK};
use super::write::{self, BuildError, WriteRtcp};
use crate::Missing;

pub(crate) const FORMAT: u8 = 1;
const ENTRY_LEN: usize = 4;

/// Generic NACK: packets that its sender lacks.
///
/// ```
/// use pollrtc_rtp::Missing;
/// use pollrtc_rtp::rtcp::{Compound, GenericNackBuilder, RtcpPacket, WriteRtcp};
///
/// let missing = Missing::pack([9, 11, 400].into_iter());
/// let mut buf = [0; 20];
/// assert_eq!(GenericNackBuilder { sender_ssrc: 1, media_ssrc: 2, missing }.write_to(&mut buf), Ok(20));
///
/// let compound = Compound::parse(&buf).expect("it was just written");
/// let Some(Ok(RtcpPacket::GenericNack(nack))) = compound.packets().next() else { panic!() };
/// assert!(nack.sequence_numbers().eq([9, 11, 400]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenericNack<'d> {
    sender_ssrc: u32,
    media_ssrc: u32,
    missing: &'d [[u8; ENTRY_LEN]],
}

impl<'d> GenericNack<'d> {
    pub(crate) fn of(raw: RawPacket<'d>) -> Result<Self, RtcpError> {
        let (sender_ssrc, media_ssrc, entries) = raw.feedback()?;
        let missing = raw.entries(entries)?;
        Ok(Self {
            sender_ssrc,
            media_ssrc,
            missing,
        })
    }

    /// Who sends it.
    pub const fn sender_ssrc(&self) -> u32 {
        self.sender_ssrc
    }

    /// Whose packets they are.
    pub const fn media_ssrc(&self) -> u32 {
        self.media_ssrc
    }

    /// The packets, up to 17 in each entry.
    pub fn missing(&self) -> impl ExactSizeIterator<Item = Missing> + Clone + use<'d> {
        self.missing.iter().map(|&[p0, p1, b0, b1]| Missing {
            first: u16::from_be_bytes([p0, p1]),
            following: u16::from_be_bytes([b0, b1]),
        })
    }

    /// The packets, in the order in which they are named.
    pub fn sequence_numbers(&self) -> impl Iterator<Item = u16> + Clone + use<'d> {
        self.missing().flat_map(Missing::sequence_numbers)
    }
}

/// A generic NACK to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenericNackBuilder<I> {
    /// Who sends it.
    pub sender_ssrc: u32,
    /// Whose packets they are.
    pub media_ssrc: u32,
    /// The packets: [`Missing::pack`] makes entries of numbers. Each takes four bytes.
    pub missing: I,
}

impl<I: Iterator<Item = Missing> + Clone> WriteRtcp for GenericNackBuilder<I> {
    fn encoded_len(&self) -> usize {
        let entries = self.missing.clone().count();
        ENTRY_LEN.saturating_mul(entries).saturating_add(HEADER_LEN + 8)
    }

    fn write_to(&self, buf: &mut [u8]) -> Result<usize, BuildError> {
        write::packet(buf, FORMAT, TRANSPORT_FEEDBACK, self.encoded_len(), |out| {
            out.put_u32(self.sender_ssrc);
            out.put_u32(self.media_ssrc);
            for Missing { first, following } in self.missing.clone() {
                out.put_u16(first);
                out.put_u16(following);
            }
        })
    }
}
