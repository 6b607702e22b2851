//! What connections cost that have nothing to do: consent checks, heartbeats, timers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use super::Effort;
use crate::alloc::snapshot;
use crate::cpu;
use crate::peer::{Options, Peer};
use crate::sim::Sim;
use crate::table::Metric;

pub(crate) struct Idle {
    pairs: u32,
    seconds: u32,
}

/// Pairs begin spread over this time, so that their timers don't march in step.
const SPREAD: Duration = Duration::from_millis(2500);
const SETTLED_AFTER: Duration = Duration::from_secs(70);

impl Idle {
    pub(crate) fn all(effort: Effort) -> impl Iterator<Item = Self> {
        let cases = [(1, 600), (100, 30), (1000, 30)];
        let wanted = cases.into_iter().take(effort.or(2, 3));
        wanted.map(|(pairs, seconds)| Self { pairs, seconds })
    }

    pub(crate) fn name(&self) -> String {
        format!("idle, {} pairs", self.pairs)
    }

    pub(crate) fn run<P: Peer>(&self) -> Result<Vec<Metric>, String> {
        let base = Instant::now();
        let mut pairs = Vec::new();
        for number in 0..self.pairs {
            let begins = base + SPREAD * number / self.pairs;
            let mut sim = Sim::<P>::new(number, begins, Duration::from_millis(10), &Options::default());
            sim.connect()?;
            sim.run_until(base + SETTLED_AFTER);
            sim.reset_counts();
            pairs.push(sim);
        }
        let end = base + SETTLED_AFTER + Duration::from_secs(self.seconds.into());
        let event = |(index, sim): (usize, &Sim<P>)| sim.next_event().map(|at| Reverse((at, index)));
        let mut schedule: BinaryHeap<Reverse<(Instant, usize)>> = pairs.iter().enumerate().filter_map(event).collect();

        let (allocations, start) = (snapshot().calls, cpu::now());
        while let Some(Reverse((at, index))) = schedule.pop().filter(|Reverse((at, _))| *at <= end) {
            let sim = &mut pairs[index];
            sim.now = sim.now.max(at);
            sim.settle();
            schedule.extend(sim.next_event().map(|next| Reverse((next.max(sim.now), index))));
        }
        let cpu = cpu::since(start);
        let allocations = snapshot().calls - allocations;

        let peer_seconds = f64::from(2 * self.pairs * self.seconds);
        let wakeups: u64 = pairs.iter().map(|sim| sim.total().wakeups).sum();
        let datagrams: u64 = pairs.iter().map(|sim| sim.total().datagrams).sum();
        Ok(vec![
            Metric::less("CPU per peer and second", cpu as f64 / 1e3 / peer_seconds, "us"),
            Metric::less("timer wakeups per peer and second", wakeups as f64 / peer_seconds, ""),
            Metric::less("datagrams per peer and second", datagrams as f64 / peer_seconds, ""),
            Metric::less("allocations per peer and second", allocations as f64 / peer_seconds, ""),
        ])
    }
}
