//! When a packet was sent, in 24 bits.

use super::value::{HeaderExtension, put};
use crate::extension::Extension;
use crate::time::NtpTime;

/// When a packet was sent: 6 bits of seconds above 18 of their fraction, so that it wraps after 64 seconds.
///
/// ```
/// use pollrtc_rtp::{AbsSendTime, HeaderExtension, NtpTime};
/// let time = AbsSendTime::from_ntp(NtpTime(65 << 32 | 1 << 31));
/// assert_eq!(time, AbsSendTime(1 << 18 | 1 << 17)); // one and a half
/// assert_eq!(AbsSendTime::parse(&time.to_bytes()), Some(time));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AbsSendTime(pub u32);

impl AbsSendTime {
    /// The part of a time that it can tell.
    pub const fn from_ntp(time: NtpTime) -> Self {
        Self((time.0 >> 14) as u32 & 0x00ff_ffff)
    }

    /// Its low 24 bits.
    pub const fn to_bytes(self) -> [u8; 3] {
        let [_, b0, b1, b2] = self.0.to_be_bytes();
        [b0, b1, b2]
    }
}

impl HeaderExtension<'_> for AbsSendTime {
    const KIND: Extension = Extension::AbsSendTime;

    #[inline]
    fn parse(value: &[u8]) -> Option<Self> {
        let &[b0, b1, b2] = value else { return None };
        Some(Self(u32::from_be_bytes([0, b0, b1, b2])))
    }

    fn encoded_len(&self) -> usize {
        3
    }

    fn write_to(&self, buf: &mut [u8]) -> Option<usize> {
        put(&self.to_bytes(), buf)
    }
}
