//! Within which limits to delay playout.

use super::value::{HeaderExtension, put};
use crate::extension::Extension;

/// Within which limits a receiver is to delay playout, from capture to display.
///
/// ```
/// use pollrtc_rtp::{HeaderExtension, PlayoutDelay};
/// let delay = PlayoutDelay { min: 0, max: 40 };
/// assert_eq!(delay.to_bytes(), [0, 0, 40]);
/// assert_eq!(PlayoutDelay::parse(&[0, 0, 40]), Some(delay));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlayoutDelay {
    /// In units of 10 ms: 0 to 4,095. More is written as that.
    pub min: u16,
    /// In units of 10 ms: 0 to 4,095, and not below `min`.
    pub max: u16,
}

impl PlayoutDelay {
    const LIMIT: u16 = 0x0fff;

    /// 12 bits each.
    pub const fn to_bytes(self) -> [u8; 3] {
        let min = if self.min > Self::LIMIT { Self::LIMIT } else { self.min };
        let max = if self.max > Self::LIMIT { Self::LIMIT } else { self.max };
        let [_, b0, b1, b2] = ((min as u32) << 12 | max as u32).to_be_bytes();
        [b0, b1, b2]
    }
}

impl HeaderExtension<'_> for PlayoutDelay {
    const KIND: Extension = Extension::PlayoutDelay;

    fn parse(value: &[u8]) -> Option<Self> {
        let &[b0, b1, b2] = value else { return None };
        let min = u16::from_be_bytes([b0, b1]) >> 4;
        let max = u16::from_be_bytes([b1, b2]) & Self::LIMIT;
        (min <= max).then_some(Self { min, max })
    }

    fn encoded_len(&self) -> usize {
        3
    }

    fn write_to(&self, buf: &mut [u8]) -> Option<usize> {
        put(&self.to_bytes(), buf)
    }
}
