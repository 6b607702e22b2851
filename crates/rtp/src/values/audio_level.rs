//! How loud a packet's sound is (RFC 6464).

use super::value::{HeaderExtension, put};
use crate::extension::Extension;

/// How loud a packet's sound is.
///
/// ```
/// use pollrtc_rtp::{AudioLevel, HeaderExtension};
/// let level = AudioLevel::parse(&[0x85]).ok_or("malformed")?;
/// assert_eq!(level, AudioLevel { is_voice: true, level: 5 });
/// assert_eq!(level.to_bytes(), [0x85]);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AudioLevel {
    /// Whether the sender believes that it is speech; false also if it does not look.
    pub is_voice: bool,
    /// Decibels below the loudest possible: 0 to 127, which is silence. More is written as 127.
    pub level: u8,
}

impl AudioLevel {
    const VOICE: u8 = 0x80;
    const LEVEL: u8 = 0x7f;

    /// RFC 6464 §3.
    pub const fn to_bytes(self) -> [u8; 1] {
        let level = if self.level > Self::LEVEL {
            Self::LEVEL
        } else {
            self.level
        };
        [if self.is_voice { Self::VOICE | level } else { level }]
    }
}

impl HeaderExtension<'_> for AudioLevel {
    const KIND: Extension = Extension::AudioLevel;

    #[inline]
    fn parse(value: &[u8]) -> Option<Self> {
        // RFC 6464 §3: in the two-byte form some write another byte, of no meaning.
        let byte = value.first()?;
        Some(Self {
            is_voice: byte & Self::VOICE != 0,
            level: byte & Self::LEVEL,
        })
    }

    fn encoded_len(&self) -> usize {
        1
    }

    fn write_to(&self, buf: &mut [u8]) -> Option<usize> {
        put(&self.to_bytes(), buf)
    }
}
