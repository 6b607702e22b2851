//! The publisher's clock, and the world's.

use core::time::Duration;

use pollrtc_core::Instant;
use pollrtc_rtp::NtpTime;

const NANOS: u64 = 1_000_000_000;

/// Which RTP timestamp belongs to which instant of ours: two readings of one moment.
///
/// ```
/// use pollrtc_core::Instant;
/// use pollrtc_media::ClockPair;
/// let clock = ClockPair { timestamp: 90_000, at: Instant::from_millis(1_000) };
/// assert_eq!(clock.timestamp_at(Instant::from_millis(1_500), 90_000), 135_000);
/// assert_eq!(clock.instant_of(45_000, 90_000), Instant::from_millis(500));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockPair {
    /// The RTP timestamp, in units of the codec's clock.
    pub timestamp: u32,
    /// The instant that it stands for.
    pub at: Instant,
}

impl ClockPair {
    /// The timestamp of an instant, before or after `at`, for a clock of `clock_rate` hertz.
    pub fn timestamp_at(self, at: Instant, clock_rate: u32) -> u32 {
        let forth = ticks(at - self.at, clock_rate);
        let back = ticks(self.at - at, clock_rate);
        self.timestamp.wrapping_add(forth).wrapping_sub(back)
    }

    /// The instant of a timestamp: the nearest one, since timestamps wrap.
    pub fn instant_of(self, timestamp: u32, clock_rate: u32) -> Instant {
        let distance = timestamp.wrapping_sub(self.timestamp).cast_signed();
        let duration = duration_of(distance.unsigned_abs(), clock_rate);
        if distance < 0 {
            self.at - duration
        } else {
            self.at + duration
        }
    }
}

/// How many ticks of a clock a duration has, modulo 2^32.
pub(crate) fn ticks(duration: Duration, clock_rate: u32) -> u32 {
    let ticks = duration.as_nanos() * u128::from(clock_rate) / u128::from(NANOS);
    ticks as u32 // wraps, as timestamps do
}

/// How long so many ticks of a clock take. A clock that stands still takes no time.
pub(crate) fn duration_of(ticks: u32, clock_rate: u32) -> Duration {
    let nanos = (u64::from(ticks) * NANOS).checked_div(u64::from(clock_rate));
    Duration::from_nanos(nanos.unwrap_or_default())
}

/// What time of the world our instants are. A machine that does not know takes any origin: round trips come out right
/// all the same, and so does playing sound and picture of one source together.
///
/// ```
/// use pollrtc_core::Instant;
/// use pollrtc_media::NtpClock;
/// use pollrtc_rtp::NtpTime;
/// let clock = NtpClock::new(NtpTime(1 << 32));
/// assert_eq!(clock.at(Instant::from_millis(500)), NtpTime((1 << 32) + (1 << 31)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NtpClock {
    zero: NtpTime,
}

impl NtpClock {
    /// Seconds from 1900 to 1970.
    const UNIX_EPOCH: u64 = 2_208_988_800;

    /// A clock that shows the time that came so long after the beginning of 1970 at [`Instant::ZERO`].
    ///
    /// ```
    /// use core::time::Duration;
    /// use pollrtc_core::Instant;
    /// use pollrtc_media::NtpClock;
    /// let clock = NtpClock::from_unix(Duration::from_millis(1_500));
    /// assert_eq!(clock.at(Instant::ZERO).0, (2_208_988_801 << 32) + (1 << 31));
    /// ```
    pub fn from_unix(since_epoch: Duration) -> Self {
        Self::new(after(NtpTime(Self::UNIX_EPOCH << 32), since_epoch))
    }

    /// A clock that shows `zero` at [`Instant::ZERO`].
    pub const fn new(zero: NtpTime) -> Self {
        Self { zero }
    }

    /// The time of the world at an instant.
    pub fn at(self, instant: Instant) -> NtpTime {
        after(self.zero, instant.since_origin())
    }
}

/// Wraps in 2036, as the format does.
fn after(time: NtpTime, duration: Duration) -> NtpTime {
    let fraction = (u64::from(duration.subsec_nanos()) << 32) / NANOS;
    let seconds = duration.as_secs() << 32;
    NtpTime(time.0.wrapping_add(seconds).wrapping_add(fraction))
}

/// A duration in the units of reports, 1/65,536 s (RFC 3550 §6.4.1), as long as that goes: 18 hours.
pub(crate) fn compact_duration(duration: Duration) -> u32 {
    u32::try_from((duration.as_nanos() << 16) / u128::from(NANOS)).unwrap_or(u32::MAX)
}

/// The other way round.
pub(crate) fn from_compact_duration(units: u32) -> Duration {
    Duration::from_nanos((u64::from(units) * NANOS) >> 16)
}
