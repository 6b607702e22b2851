//! How long it takes to the other end and back.

use core::time::Duration;

use alloc::vec::Vec;
use pollrtc_core::Instant;
use pollrtc_rtp::NtpTime;
use pollrtc_rtp::rtcp::LastReport;

use crate::clock::{compact_duration, from_compact_duration};

/// What is longer is no round trip, but a wrong clock, or an answer to something much older.
const LONGEST: Duration = Duration::from_secs(60);

/// The round trip to one peer, from the answers to reports: DLSR in RR and SR (RFC 3550 §6.4.1), DLRR in XR for those
/// who only receive (RFC 3611 §4.5).
///
/// ```
/// use core::time::Duration;
/// use pollrtc_media::RoundTrip;
/// use pollrtc_rtp::NtpTime;
/// let mut round_trip = RoundTrip::default();
/// let sent = NtpTime(0x5_0000_0000);
/// let now = NtpTime(0x6_8000_0000);
/// // It came back after 1.5 s, and was there for 1.25 s.
/// let measured = round_trip.handle_answer(now, sent.compact(), 0x1_4000);
/// assert_eq!(measured, Some(Duration::from_millis(250)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoundTrip {
    latest: Option<Duration>,
    smoothed: Option<Duration>,
    ignored: u64,
}

impl RoundTrip {
    /// Takes an answer that came at `now`, a time of the clock that the question was stamped with: to the report whose
    /// compact time was `last` (LSR, LRR), `delay` units of 1/65,536 s (DLSR, DLRR) after that came there. What it
    /// measures, `None` if nothing was asked yet; negative or absurd times are counted, and ignored.
    pub fn handle_answer(&mut self, now: NtpTime, last: u32, delay: u32) -> Option<Duration> {
        if last == 0 {
            return None; // RFC 3550 §6.4.1: it knows of no report
        }
        let units = now.compact().wrapping_sub(last).wrapping_sub(delay);
        let measured = from_compact_duration(units);
        if units.cast_signed() < 0 || measured > LONGEST {
            self.ignored += 1;
            return None;
        }
        self.latest = Some(measured);
        // An eighth of what is new, as RFC 6298 §2 has it.
        self.smoothed = Some(self.smoothed.map_or(measured, |smoothed| (smoothed * 7 + measured) / 8));
        Some(measured)
    }

    /// The round trip as measured last.
    pub const fn latest(&self) -> Option<Duration> {
        self.latest
    }

    /// Its moving average.
    pub const fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }

    /// How many answers made no sense.
    pub const fn ignored(&self) -> u64 {
        self.ignored
    }
}

/// Answers to those who only receive: who sent a receiver reference time (XR RRTR, RFC 3611 §4.4) is told how long ago
/// it came (XR DLRR, §4.5).
///
/// ```
/// use pollrtc_core::Instant;
/// use pollrtc_media::ReferenceTimes;
/// use pollrtc_rtp::NtpTime;
/// let mut times = ReferenceTimes::default();
/// times.handle_reference_time(Instant::from_millis(100), 0xcafe, NtpTime(7 << 32));
/// let answer = times.answers(Instant::from_millis(350)).next().ok_or("nobody asked")?;
/// assert_eq!((answer.ssrc, answer.last_receiver_report, answer.delay_since_last_receiver_report), (0xcafe, 7 << 16, 1 << 14));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ReferenceTimes {
    latest: Vec<(u32, NtpTime, Instant)>,
}

impl ReferenceTimes {
    /// How many sources are answered: who asks under more names is forgotten under the oldest.
    pub const LIMIT: usize = 16;

    /// Takes a receiver reference time.
    pub fn handle_reference_time(&mut self, now: Instant, ssrc: u32, ntp: NtpTime) {
        self.latest.retain(|(known, ..)| *known != ssrc);
        if self.latest.len() >= Self::LIMIT {
            self.latest.remove(0);
        }
        self.latest.push((ssrc, ntp, now));
    }

    /// The answers that a report may carry which leaves now.
    pub fn answers(&self, now: Instant) -> impl Iterator<Item = LastReport> + use<'_> {
        self.latest.iter().map(move |&(ssrc, ntp, at)| LastReport {
            ssrc,
            last_receiver_report: ntp.compact(),
            delay_since_last_receiver_report: compact_duration(now - at),
        })
    }
}
