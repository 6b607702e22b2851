//! When what a packet shows was captured.

use super::value::{HeaderExtension, put};
use crate::extension::Extension;
use crate::time::NtpTime;

/// When what a packet shows was captured, on the clock of whoever captured it.
///
/// ```
/// use pollrtc_rtp::{AbsCaptureTime, HeaderExtension, NtpTime};
/// let time = AbsCaptureTime { captured: NtpTime(5 << 32), clock_offset: Some(-1 << 31) };
/// let mut buf = [0; 16];
/// assert_eq!(time.write_to(&mut buf), Some(16));
/// assert_eq!(AbsCaptureTime::parse(&buf), Some(time));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AbsCaptureTime {
    /// The time of the first sample or of the picture.
    pub captured: NtpTime,
    /// What to add to it for the time on the sender's clock, in units of 2^-32 seconds, if the sender knows.
    pub clock_offset: Option<i64>,
}

impl HeaderExtension<'_> for AbsCaptureTime {
    const KIND: Extension = Extension::AbsCaptureTime;

    fn parse(value: &[u8]) -> Option<Self> {
        let (captured, rest) = value.split_first_chunk::<8>()?;
        Some(Self {
            captured: NtpTime(u64::from_be_bytes(*captured)),
            clock_offset: match rest {
                [] => None,
                _ => Some(i64::from_be_bytes(rest.try_into().ok()?)),
            },
        })
    }

    fn encoded_len(&self) -> usize {
        if self.clock_offset.is_some() { 16 } else { 8 }
    }

    fn write_to(&self, buf: &mut [u8]) -> Option<usize> {
        let place = buf.get_mut(..self.encoded_len())?;
        let captured = put(&self.captured.0.to_be_bytes(), place)?;
        if let Some(offset) = self.clock_offset {
            put(&offset.to_be_bytes(), place.get_mut(captured..)?)?;
        }
        Some(self.encoded_len())
    }
}
