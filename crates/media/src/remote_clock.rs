//! The clock by which a peer stamps its sender reports.

use core::time::Duration;

use pollrtc_core::Instant;
use pollrtc_rtp::NtpTime;
use pollrtc_rtp::rtcp::SenderInfo;

use crate::ClockPair;

/// The least delay is looked for in this time and the one before it: clocks drift apart by some milliseconds meanwhile.
const WINDOW: Duration = Duration::from_secs(30);
/// What a report is later than this by more than the others is no delay: the peer's clock was set.
const LATEST: i64 = 5_000_000_000;

/// How the clock of one peer goes, which stamps the sender reports of all its streams (RFC 3550 §6.4.1): it turns the
/// reports into [`ClockPair`]s on one time line, so that sound and picture, and the layers of a simulcast, stay together
/// however much the reports are delayed.
///
/// Of reports the one that was delayed least tells how far the clocks are apart. No instant is later than the report's
/// own arrival.
///
/// ```
/// use pollrtc_core::Instant;
/// use pollrtc_media::{ClockPair, RemoteClock};
/// use pollrtc_rtp::NtpTime;
/// use pollrtc_rtp::rtcp::SenderInfo;
/// let mut clock = RemoteClock::default();
/// let report = |seconds: u64, rtp_timestamp| SenderInfo { ntp_time: NtpTime(seconds << 32), rtp_timestamp, ..SenderInfo::default() };
/// clock.handle_sender_report(Instant::from_millis(10_000), &report(100, 0));
/// // A second later by the peer's clock; it was 70 ms longer on its way.
/// let video = clock.handle_sender_report(Instant::from_millis(11_070), &report(101, 90_000));
/// assert_eq!(video, ClockPair { timestamp: 90_000, at: Instant::from_millis(11_000) });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct RemoteClock {
    origin: Option<Origin>,
}

#[derive(Clone, Copy, Debug)]
struct Origin {
    /// The first report: its time on both clocks.
    ntp: NtpTime,
    at: Instant,
    /// By how many nanoseconds reports were delayed longer than that, at the least: in this window, and in the one before.
    least: i64,
    least_before: i64,
    window: Instant,
}

impl RemoteClock {
    /// Takes what a sender report says, when it comes: the stream's timestamp, and the instant of ours that it stands for.
    pub fn handle_sender_report(&mut self, now: Instant, info: &SenderInfo) -> ClockPair {
        let origin = self.origin.get_or_insert_with(|| Origin::new(now, info.ntp_time));
        let mut elapsed = origin.elapsed(info.ntp_time);
        let here = nanos(now - origin.at).saturating_sub(nanos(origin.at - now));
        let mut delay = here.saturating_sub(elapsed);
        if delay.saturating_sub(origin.least()) > LATEST {
            *origin = Origin::new(now, info.ntp_time);
            (elapsed, delay) = (0, 0);
        }
        if now - origin.window > WINDOW {
            origin.least_before = origin.least;
            origin.least = delay;
            origin.window = now;
        }
        origin.least = origin.least.min(delay);
        let since = elapsed.saturating_add(origin.least());
        let distance = Duration::from_nanos(since.unsigned_abs());
        let at = if since < 0 {
            origin.at - distance
        } else {
            origin.at + distance
        };
        ClockPair {
            timestamp: info.rtp_timestamp,
            at: at.min(now),
        }
    }
}

impl Origin {
    const fn new(at: Instant, ntp: NtpTime) -> Self {
        Self {
            ntp,
            at,
            least: 0,
            least_before: 0,
            window: at,
        }
    }

    /// Nanoseconds from the first report to another one, by the peer's clock, which wraps in 2036.
    fn elapsed(&self, ntp: NtpTime) -> i64 {
        let units = ntp.0.wrapping_sub(self.ntp.0).cast_signed();
        let nanos = (i128::from(units) * 1_000_000_000) >> 32;
        i64::try_from(nanos).unwrap_or_default() // 68 years have room
    }

    fn least(&self) -> i64 {
        self.least.min(self.least_before)
    }
}

/// A duration of less than 292 years.
fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
