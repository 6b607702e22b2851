//! Round-trip time and the timeout that follows from it (RFC 9260 §6.3.1).

use core::time::Duration;

use pollrtc_core::Instant;

/// How long a shortest round-trip time counts before it is measured anew.
const MIN_RTT_WINDOW: Duration = Duration::from_secs(10);
/// What timers can't tell apart (RFC 9260 §6.3.1, G).
const GRANULARITY: Duration = Duration::from_millis(1);

#[derive(Clone, Debug)]
pub(crate) struct RttEstimator {
    measured: Option<Measured>,
    rto: Duration,
    initial: Duration,
    min: Duration,
    max: Duration,
    min_rtt: Duration,
    min_rtt_since: Instant,
    /// When the path began, if it is not the first.
    path_since: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Measured {
    srtt: Duration,
    rttvar: Duration,
}

impl RttEstimator {
    pub(crate) fn new(initial: Duration, min: Duration, max: Duration) -> Self {
        Self {
            measured: None,
            rto: initial,
            initial,
            min,
            max,
            min_rtt: Duration::MAX,
            min_rtt_since: Instant::ZERO,
            path_since: None,
        }
    }

    /// Packets take another path from now on: it is measured anew (RFC 9260 §6.3.1 has all of it per
    /// path), and until then the timeout is no shorter than at first.
    pub(crate) fn handle_path_change(&mut self, now: Instant) {
        self.measured = None;
        self.rto = self.rto.max(self.initial);
        self.min_rtt = Duration::MAX;
        self.path_since = Some(now);
    }

    /// A round trip of something that was sent once (Karn's rule is the caller's).
    pub(crate) fn measure(&mut self, now: Instant, rtt: Duration) {
        if self.path_since.is_some_and(|since| rtt > now - since) {
            return; // It began on another path.
        }
        if rtt <= self.min_rtt || now - self.min_rtt_since > MIN_RTT_WINDOW {
            self.min_rtt = rtt;
            self.min_rtt_since = now;
        }
        let measured = match self.measured {
            None => Measured {
                srtt: rtt,
                rttvar: rtt / 2,
            },
            Some(Measured { srtt, rttvar }) => Measured {
                rttvar: (rttvar * 3 + srtt.abs_diff(rtt)) / 4,
                srtt: (srtt * 7 + rtt) / 8,
            },
        };
        self.measured = Some(measured);
        self.revert_back_off();
    }

    /// The timeout is what measurements say, if there are any.
    pub(crate) fn revert_back_off(&mut self) {
        let Some(measured) = self.measured else { return };
        let variance = (measured.rttvar * 4).max(GRANULARITY);
        self.rto = (measured.srtt + variance).clamp(self.min, self.max);
    }

    /// What another layer knows of the round-trip time; counts until something is measured.
    pub(crate) fn hint(&mut self, rtt: Duration) {
        if self.measured.is_none() {
            // What a first measurement would give: RTT + 4 * RTT / 2.
            self.rto = rtt.saturating_mul(3).clamp(self.min, self.max);
        }
    }

    /// Doubles the timeout (§6.3.3 E2).
    pub(crate) fn back_off(&mut self) {
        self.rto = self.rto.saturating_mul(2).min(self.max);
    }

    pub(crate) fn rto(&self) -> Duration {
        self.rto
    }

    pub(crate) fn srtt(&self) -> Option<Duration> {
        self.measured.map(|measured| measured.srtt)
    }

    /// The longest that a round trip is expected to take, as far as it is known: what the timeout
    /// would be without bounds.
    pub(crate) fn longest(&self) -> Option<Duration> {
        self.measured.map(|measured| measured.srtt + measured.rttvar * 4)
    }

    /// The shortest of the last seconds; zero if none was measured.
    pub(crate) fn min_rtt(&self) -> Duration {
        match self.measured {
            Some(_) => self.min_rtt,
            None => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn first_measurement_sets_and_later_ones_smooth() {
        let mut rtt = RttEstimator::new(ms(1000), ms(1), ms(60_000));
        assert_eq!(rtt.rto(), ms(1000));
        rtt.measure(Instant::ZERO, ms(100));
        assert_eq!((rtt.srtt(), rtt.rto()), (Some(ms(100)), ms(300)));
        rtt.measure(Instant::ZERO, ms(100));
        // rttvar = 3/4 * 50, srtt = 100.
        assert_eq!(rtt.rto(), ms(250));
    }

    #[test]
    fn another_path_is_measured_anew_without_what_began_on_the_one_before() {
        let mut rtt = RttEstimator::new(ms(1000), ms(1), ms(60_000));
        rtt.measure(Instant::from_millis(900), ms(10));
        rtt.handle_path_change(Instant::from_millis(1000));
        assert_eq!((rtt.srtt(), rtt.min_rtt(), rtt.rto()), (None, ms(0), ms(1000)));
        rtt.measure(Instant::from_millis(1020), ms(30));
        assert_eq!(rtt.srtt(), None, "it was sent 10 ms before");
        rtt.measure(Instant::from_millis(1100), ms(80));
        assert_eq!((rtt.srtt(), rtt.min_rtt(), rtt.rto()), (Some(ms(80)), ms(80), ms(240)));
    }

    #[test]
    fn timeout_stays_between_its_bounds() {
        let mut rtt = RttEstimator::new(ms(1000), ms(400), ms(3000));
        rtt.measure(Instant::ZERO, ms(1));
        assert_eq!(rtt.rto(), ms(400));
        (0..10).for_each(|_| rtt.back_off());
        assert_eq!(rtt.rto(), ms(3000));
    }
}
