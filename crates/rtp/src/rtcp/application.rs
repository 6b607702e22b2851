//! Packets of applications (RFC 3550 §6.7).

use super::raw::{APPLICATION_DEFINED, HEADER_LEN, RawPacket, RtcpError};
use super::write::{self, BuildError, WriteRtcp};
use crate::bytes;

/// APP: what an application has given a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApplicationDefined<'d> {
    subtype: u8,
    ssrc: u32,
    name: [u8; 4],
    data: &'d [u8],
}

impl<'d> ApplicationDefined<'d> {
    pub(crate) fn of(raw: RawPacket<'d>) -> Result<Self, RtcpError> {
        let (fields, data) = raw.fields::<8>()?;
        let [ssrc, name] = bytes::words(&fields);
        Ok(Self {
            subtype: raw.count,
            ssrc,
            name: name.to_be_bytes(),
            data,
        })
    }

    /// Five bits whose meaning depends on the name.
    pub const fn subtype(&self) -> u8 {
        self.subtype
    }

    /// Who sends it.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Which application's it is: four ASCII characters.
    pub const fn name(&self) -> [u8; 4] {
        self.name
    }

    /// What it says.
    pub const fn data(&self) -> &'d [u8] {
        self.data
    }
}

/// An APP to be written.
///
/// ```
/// use pollrtc_rtp::rtcp::{ApplicationDefinedBuilder, WriteRtcp};
/// let packet = ApplicationDefinedBuilder { subtype: 1, ssrc: 7, name: *b"TEST", data: b"data" };
/// let mut buf = [0; 16];
/// assert_eq!(packet.write_to(&mut buf), Ok(16));
/// assert_eq!(buf, *b"\x81\xcc\0\x03\0\0\0\x07TESTdata");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApplicationDefinedBuilder<'b> {
    /// 0 to 31.
    pub subtype: u8,
    /// Who sends it.
    pub ssrc: u32,
    /// Which application's it is: four ASCII characters.
    pub name: [u8; 4],
    /// What it says: whole words.
    pub data: &'b [u8],
}

impl WriteRtcp for ApplicationDefinedBuilder<'_> {
    fn encoded_len(&self) -> usize {
        self.data.len().saturating_add(HEADER_LEN + 8)
    }

    fn write_to(&self, buf: &mut [u8]) -> Result<usize, BuildError> {
        if self.subtype > 31 {
            return Err(BuildError::OutOfRange {
                value: self.subtype.into(),
                limit: 31,
            });
        }
        if !self.data.len().is_multiple_of(4) {
            return Err(BuildError::Unaligned { len: self.data.len() });
        }
        write::packet(buf, self.subtype, APPLICATION_DEFINED, self.encoded_len(), |out| {
            out.put_u32(self.ssrc);
            out.put(&self.name);
            out.put(self.data);
        })
    }
}
