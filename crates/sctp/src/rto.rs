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
    min: Duration,
    max: Duration,
    min_rtt: Duration,
    min_rtt_since: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Measured {
    srtt: Duration,
    rttvar: Duration,
}

impl RttEstimator {
    pub(crate) fn new(initial: Duration, min: Duration, max: Duration) -> Self {
        let max = max.max(GRANULARITY);
        let min = min.clamp(GRANULARITY, max);
        Self {
            measured: None,
            rto: initial.clamp(min, max),
            min,
            max,
            min_rtt: Duration::MAX,
            min_rtt_since: Instant::ZERO,
        }
    }

    /// A round trip of something that was sent once (Karn's rule is the caller's).
    pub(crate) fn measure(&mut self, now: Instant, rtt: Duration) {
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
    fn timeout_stays_between_its_bounds() {
        let mut rtt = RttEstimator::new(ms(1000), ms(400), ms(3000));
        rtt.measure(Instant::ZERO, ms(1));
        assert_eq!(rtt.rto(), ms(400));
        (0..10).for_each(|_| rtt.back_off());
        assert_eq!(rtt.rto(), ms(3000));
    }
}
