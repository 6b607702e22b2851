//! Numbers that wrap on the wire, and don't here.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use core::num::NonZeroU32;
use core::time::Duration;

/// The number nearest to `near` whose low `BITS` bits are those of `value`. Of two that are equally near the lower one.
///
/// Some have no number above or below in 64 bits: there it wraps.
///
/// ```
/// use pollrtc_rtp::unwrap_near;
/// assert_eq!(unwrap_near::<16>(65_535, 0), 65_536);
/// assert_eq!(unwrap_near::<16>(65_536, 65_535), 65_535);
/// assert_eq!(unwrap_near::<7>(0, 127), -1);
/// ```
#[inline]
pub const fn unwrap_near<const BITS: u32>(near: i64, value: u32) -> i64 {
    const { assert!(BITS >= 1 && BITS <= 32) };
    let unused = const { 64_u32.saturating_sub(BITS) };
    let ahead = (value as i64).wrapping_sub(near);
    // The low bits of the difference, as a number with a sign.
    near.wrapping_add(ahead << unused >> unused)
}

/// Follows a number of `BITS` bits over its wraps: each is taken for the one that is nearest to the one before it.
///
/// ```
/// use pollrtc_rtp::Unwrapper;
/// let mut picture_ids = Unwrapper::<15>::new();
/// assert_eq!(picture_ids.unwrap(32_767), 32_767);
/// assert_eq!(picture_ids.unwrap(1), 32_769);
/// assert_eq!(picture_ids.unwrap(32_767), 32_767); // late
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unwrapper<const BITS: u32> {
    last: Option<i64>,
}

/// Follows sequence numbers.
pub type SequenceUnwrapper = Unwrapper<16>;
/// Follows RTP timestamps.
pub type TimestampUnwrapper = Unwrapper<32>;
/// Follows picture ids of 15 bits (RFC 7741 §4.2).
pub type PictureIdUnwrapper = Unwrapper<15>;
/// Follows reference times of transport-wide feedback and [`AbsSendTime`](crate::AbsSendTime).
pub type Time24Unwrapper = Unwrapper<24>;

impl<const BITS: u32> Unwrapper<BITS> {
    /// Nothing has come yet: the first number stands for itself.
    pub const fn new() -> Self {
        Self { last: None }
    }

    /// The number that comes next.
    #[inline]
    pub const fn unwrap(&mut self, value: u32) -> i64 {
        let unwrapped = self.peek(value);
        self.last = Some(unwrapped);
        unwrapped
    }

    /// What [`unwrap`](Self::unwrap) would say, without following.
    #[inline]
    pub const fn peek(&self, value: u32) -> i64 {
        match self.last {
            Some(last) => unwrap_near::<BITS>(last, value),
            None => value as i64 & const { (1_i64 << BITS).wrapping_sub(1) },
        }
    }

    /// The last number.
    pub const fn last(&self) -> Option<i64> {
        self.last
    }
}

/// A sequence number with its rollovers above it: it never wraps, and can be compared (RFC 3550 §6.4.1).
///
/// ```
/// use pollrtc_rtp::ExtendedSequenceNumber;
/// let highest = ExtendedSequenceNumber(65_530);
/// let next = highest.nearest(3);
/// assert_eq!(next, ExtendedSequenceNumber(65_539));
/// assert_eq!((next.sequence_number(), next.rollovers()), (3, 1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtendedSequenceNumber(pub i64);

impl ExtendedSequenceNumber {
    /// What is on the wire.
    pub const fn sequence_number(self) -> u16 {
        self.0 as u16
    }

    /// How often it has wrapped since the stream's first packet; negative before that.
    pub const fn rollovers(self) -> i64 {
        self.0 >> 16
    }

    /// The one that is nearest to this one, of those that are `sequence_number` on the wire.
    pub const fn nearest(self, sequence_number: u16) -> Self {
        Self(unwrap_near::<16>(self.0, sequence_number as u32))
    }
}

/// A timestamp that never wraps, with the clock that it counts.
///
/// ```
/// use core::num::NonZeroU32;
/// use core::time::Duration;
/// use pollrtc_rtp::ExtendedTimestamp;
///
/// let clock_rate = NonZeroU32::new(90_000).ok_or("zero")?;
/// let first = ExtendedTimestamp { ticks: 4_294_967_000, clock_rate };
/// let second = first.nearest(8_704);
/// assert_eq!(second.since(first), Some(Duration::from_millis(100)));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExtendedTimestamp {
    /// The low 32 bits are on the wire.
    pub ticks: i64,
    /// Ticks in a second.
    pub clock_rate: NonZeroU32,
}

impl ExtendedTimestamp {
    /// What is on the wire.
    pub const fn timestamp(self) -> u32 {
        self.ticks as u32
    }

    /// The one that is nearest to this one, of those that are `timestamp` on the wire.
    pub const fn nearest(self, timestamp: u32) -> Self {
        Self {
            ticks: unwrap_near::<32>(self.ticks, timestamp),
            ..self
        }
    }

    /// The time from an earlier one of the same clock to this one; `None` if it is of another clock, or later.
    pub fn since(self, earlier: Self) -> Option<Duration> {
        let ticks = u64::try_from(self.ticks.checked_sub(earlier.ticks)?).ok()?;
        let rate = u64::from(self.clock_rate.get());
        let (seconds, rest) = (ticks.checked_div(rate)?, ticks.checked_rem(rate)?);
        let nanos = rest.checked_mul(1_000_000_000)?.checked_div(rate)?;
        let duration = Duration::from_secs(seconds).checked_add(Duration::from_nanos(nanos));
        duration.filter(|_| self.clock_rate == earlier.clock_rate)
    }
}
