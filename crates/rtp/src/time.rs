//! The wall clock of senders.

/// A time of NTP (RFC 5905 §6, RFC 3550 §4): seconds since 1900 above 32 bits of their fraction. It wraps in 2036.
///
/// ```
/// use pollrtc_rtp::NtpTime;
/// let time = NtpTime(0x0001_0002_8000_0000);
/// assert_eq!(time.seconds(), 0x0001_0002);
/// assert_eq!(time.compact(), 0x0002_8000);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// The whole seconds.
    #[inline]
    pub const fn seconds(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The fraction, in units of 2^-32 seconds.
    #[inline]
    pub const fn fraction(self) -> u32 {
        self.0 as u32
    }

    /// The middle 32 bits, in units of 1/65,536 seconds: the form in which reports name a time (RFC 3550 §6.4.1).
    #[inline]
    pub const fn compact(self) -> u32 {
        (self.0 >> 16) as u32
    }
}
