//! Sources that leave (RFC 3550 §6.6).

use super::raw::{GOODBYE, HEADER_LEN, RawPacket, RtcpError};
use super::write::{self, BuildError, WriteRtcp};

/// BYE: sources that send no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goodbye<'d> {
    sources: &'d [[u8; 4]],
    reason: Option<&'d [u8]>,
}

impl<'d> Goodbye<'d> {
    pub(crate) fn of(raw: RawPacket<'d>) -> Result<Self, RtcpError> {
        let (sources, behind) = raw.counted(raw.body)?;
        let reason = match behind.split_first() {
            None | Some((0, _)) => None,
            Some((len, text)) => Some(text.get(..usize::from(*len)).ok_or(RtcpError::Short {
                needed: raw.body.len().saturating_sub(text.len()).saturating_add((*len).into()),
                len: raw.body.len(),
            })?),
        };
        Ok(Self { sources, reason })
    }

    /// Who leaves: at most 31, and none is useless, but allowed.
    pub fn sources(&self) -> impl ExactSizeIterator<Item = u32> + Clone + use<'d> {
        self.sources.iter().map(|source| u32::from_be_bytes(*source))
    }

    /// Why; should be UTF-8. Never empty.
    pub const fn reason(&self) -> Option<&'d [u8]> {
        self.reason
    }
}

/// A BYE to be written.
///
/// ```
/// use pollrtc_rtp::rtcp::{GoodbyeBuilder, WriteRtcp};
/// let mut buf = [0; 16];
/// assert_eq!(GoodbyeBuilder { sources: &[7], reason: "over" }.write_to(&mut buf), Ok(16));
/// assert_eq!(buf, *b"\x81\xcb\0\x03\0\0\0\x07\x04over\0\0\0");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoodbyeBuilder<'b> {
    /// Who leaves: at most 31.
    pub sources: &'b [u32],
    /// Why: at most 255 bytes. Empty for no reason.
    pub reason: &'b str,
}

impl WriteRtcp for GoodbyeBuilder<'_> {
    fn encoded_len(&self) -> usize {
        let reason = match self.reason.len() {
            0 => 0,
            len => len.saturating_add(1).checked_next_multiple_of(4).unwrap_or(usize::MAX),
        };
        let sources = self.sources.len().saturating_mul(4);
        HEADER_LEN.saturating_add(sources).saturating_add(reason)
    }

    fn write_to(&self, buf: &mut [u8]) -> Result<usize, BuildError> {
        let count = write::count(self.sources.len())?;
        let reason_len = u8::try_from(self.reason.len()).map_err(|_| BuildError::TooLong {
            len: self.reason.len(),
            limit: u8::MAX.into(),
        })?;
        write::packet(buf, count, GOODBYE, self.encoded_len(), |out| {
            self.sources.iter().for_each(|source| out.put_u32(*source));
            if reason_len > 0 {
                out.put_u8(reason_len);
                out.put(self.reason.as_bytes());
            }
        })
    }
}
