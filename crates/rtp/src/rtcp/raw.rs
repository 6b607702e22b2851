//! One packet by its header, and what may be wrong with its content.

use crate::bytes;

/// Packet types (RFC 3550 §12.1, RFC 4585 §6.1, RFC 3611 §2).
pub(crate) const SENDER_REPORT: u8 = 200;
pub(crate) const RECEIVER_REPORT: u8 = 201;
pub(crate) const SOURCE_DESCRIPTION: u8 = 202;
pub(crate) const GOODBYE: u8 = 203;
pub(crate) const APPLICATION_DEFINED: u8 = 204;
pub(crate) const TRANSPORT_FEEDBACK: u8 = 205;
pub(crate) const PAYLOAD_FEEDBACK: u8 = 206;
pub(crate) const EXTENDED_REPORT: u8 = 207;

/// The bytes of a packet's header.
pub(crate) const HEADER_LEN: usize = 4;

/// One packet of a compound, by its header (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawPacket<'d> {
    /// The report count, or the format of a feedback message: 5 bits.
    pub count: u8,
    /// The packet type: 200 for a sender report, 205 for transport feedback...
    pub packet_type: u8,
    /// What follows the first four bytes, without padding.
    pub body: &'d [u8],
}

/// Why the content of a packet makes no sense. It costs this packet alone; its length is known, so that reading goes on
/// behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RtcpError {
    /// The padding has no length, or is longer than what it pads (RFC 3550 §6.4.1).
    #[error("{padding} bytes of padding in a body of {len}")]
    Padding {
        /// How long the padding says it is.
        padding: usize,
        /// How long the body is, padding included.
        len: usize,
    },
    /// The body is shorter than its fields, or than what it counts.
    #[error("a body of {len} bytes, where {needed} are needed")]
    Short {
        /// How long it must be.
        needed: usize,
        /// How long it is.
        len: usize,
    },
    /// The body does not end where an entry does.
    #[error("a body of {len} bytes ends within an entry")]
    Entries {
        /// How long it is.
        len: usize,
    },
    /// A chunk of a source description does not end with a zero (RFC 3550 §6.5).
    #[error("the chunk at byte {at} of the body has no end")]
    Chunk {
        /// Where it begins.
        at: usize,
    },
    /// A chunk of transport-wide feedback repeats a status not even once.
    #[error("the status chunk at byte {at} stands for no packet")]
    EmptyRun {
        /// Where it is.
        at: usize,
    },
}

impl<'d> RawPacket<'d> {
    /// A packet whose length is right: takes its padding off. Some pad to whole words like libwebrtc, by one to three
    /// bytes, and in the middle of a compound, so RFC 3550 §6.4.1 is not held against them.
    #[inline]
    pub(crate) fn of(packet: &'d [u8]) -> Result<Self, RtcpError> {
        let ([first, packet_type, _, _], padded) = bytes::take::<HEADER_LEN>(packet).ok_or(RtcpError::Short {
            needed: HEADER_LEN,
            len: packet.len(),
        })?;
        let padding = match (first & 0x20, padded.last()) {
            (0, _) => Some(0),
            (_, None | Some(0)) => None,
            (_, Some(count)) => Some(usize::from(*count)),
        };
        let body = padding
            .and_then(|padding| padded.len().checked_sub(padding))
            .and_then(|end| padded.get(..end))
            .ok_or(RtcpError::Padding {
                padding: padded.last().copied().unwrap_or_default().into(),
                len: padded.len(),
            })?;
        Ok(Self {
            count: first & 0x1f,
            packet_type,
            body,
        })
    }

    /// The first `N` bytes of the body, and the rest.
    #[inline]
    pub(crate) fn fields<const N: usize>(self) -> Result<([u8; N], &'d [u8]), RtcpError> {
        bytes::take::<N>(self.body).ok_or(RtcpError::Short {
            needed: N,
            len: self.body.len(),
        })
    }

    /// What feedback messages begin with (RFC 4585 §6.1): who sends it, whom it is about; and the rest.
    #[inline]
    pub(crate) fn feedback(self) -> Result<(u32, u32, &'d [u8]), RtcpError> {
        let (fields, rest) = self.fields::<8>()?;
        let [sender, media] = bytes::words(&fields);
        Ok((sender, media, rest))
    }

    /// A part of the body as entries of one size, all of it.
    #[inline]
    pub(crate) fn entries<const N: usize>(self, part: &'d [u8]) -> Result<&'d [[u8; N]], RtcpError> {
        match part.as_chunks::<N>() {
            (entries, []) => Ok(entries),
            _ => Err(RtcpError::Entries { len: self.body.len() }),
        }
    }

    /// As many entries as the header counts, and what is behind them.
    #[inline]
    pub(crate) fn counted<const N: usize>(self, part: &'d [u8]) -> Result<(&'d [[u8; N]], &'d [u8]), RtcpError> {
        let len = N.saturating_mul(self.count.into());
        let (counted, behind) = part.split_at_checked(len).ok_or(RtcpError::Short {
            needed: self.body.len().saturating_sub(part.len()).saturating_add(len),
            len: self.body.len(),
        })?;
        Ok((counted.as_chunks::<N>().0, behind))
    }
}
