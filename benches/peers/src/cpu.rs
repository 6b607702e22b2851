//! CPU time of this thread: what other programs do on the machine is not in it.

use std::sync::OnceLock;

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of CPU time that this thread has used.
#[inline]
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Nanoseconds of CPU time since `start`, without what reading the clock takes.
#[inline]
pub(crate) fn since(start: u64) -> u64 {
    (now() - start).saturating_sub(cost_of_reading())
}

fn cost_of_reading() -> u64 {
    static COST: OnceLock<u64> = OnceLock::new();
    *COST.get_or_init(|| {
        let mut samples: Vec<u64> = (0..2001)
            .map(|_| {
                let start = now();
                now() - start
            })
            .collect();
        samples.sort_unstable();
        samples[samples.len() / 2]
    })
}
