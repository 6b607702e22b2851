//! Time without a clock.

use core::fmt;
use core::ops::{Add, AddAssign, Sub};
use core::time::Duration;

/// A point in time: nanoseconds since an origin that the caller picks.
///
/// All arithmetic saturates, so no time that a caller can give makes a state machine panic: 2^64
/// nanoseconds are 584 years. Use the same origin for everything that belongs to one machine.
///
/// ```
/// use core::time::Duration;
/// use pollrtc_core::Instant;
///
/// let start = Instant::ZERO;
/// let later = start + Duration::from_millis(20);
/// assert_eq!(later - start, Duration::from_millis(20));
/// assert_eq!(start - later, Duration::ZERO); // saturates
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The origin.
    pub const ZERO: Self = Self(0);
    /// The end of time.
    pub const FAR_FUTURE: Self = Self(u64::MAX);

    /// This many nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// This many milliseconds after the origin.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time since the origin.
    pub const fn since_origin(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// Time since `earlier`; zero if `earlier` is later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }
}

impl Sub for Instant {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.saturating_since(earlier)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.since_origin())
    }
}

/// Seconds since the origin, with six decimals: `12.345678`.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, rest) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        write!(f, "{seconds}.{:06}", rest / 1000)
    }
}

/// The system's monotonic clock, as [`Instant`]s from the moment at which it was made.
///
/// ```
/// let clock = pollrtc_core::Clock::new();
/// let now = clock.now();
/// assert_eq!(clock.until(Some(now)), Some(core::time::Duration::from_micros(1))); // due: the shortest wait
/// assert_eq!(clock.until(None), None); // nothing to wait for
/// ```
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
}

#[cfg(feature = "std")]
impl Clock {
    /// A clock whose origin is now.
    #[expect(
        clippy::new_without_default,
        reason = "a clock that is made by accident has an accidental origin"
    )]
    pub fn new() -> Self {
        Self {
            origin: std::time::Instant::now(),
        }
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.from_std(std::time::Instant::now())
    }

    /// How long to wait for `deadline`, in the form that `set_read_timeout` and its kin take: never
    /// zero, since they refuse it.
    pub fn until(&self, deadline: Option<Instant>) -> Option<Duration> {
        let now = self.now();
        deadline.map(|deadline| (deadline - now).max(Duration::from_micros(1)))
    }

    /// The system's instant as ours; what lies before the origin becomes the origin.
    pub fn from_std(&self, instant: std::time::Instant) -> Instant {
        Instant::ZERO + instant.saturating_duration_since(self.origin)
    }

    /// Our instant as the system's; `None` if the system can't represent it.
    pub fn to_std(&self, instant: Instant) -> Option<std::time::Instant> {
        self.origin.checked_add(instant.since_origin())
    }
}
