//! What a connection holds that has nothing to do.

use std::time::{Duration, Instant};

use super::{Effort, KIB};
use crate::alloc::snapshot;
use crate::peer::{Options, Peer};
use crate::sim::Sim;
use crate::table::Metric;

pub(crate) struct Memory {
    pairs: u32,
}

impl Memory {
    pub(crate) fn new(effort: Effort) -> Self {
        Self {
            pairs: effort.or(20, 50),
        }
    }

    pub(crate) fn name(&self) -> String {
        "memory, idle for 60 s".into()
    }

    pub(crate) fn run<P: Peer>(&self) -> Result<Vec<Metric>, String> {
        // What is made once is made before.
        drop(self.idle_pair::<P>(0)?);
        let before = snapshot().live;
        let pairs = (1..=self.pairs)
            .map(|number| self.idle_pair::<P>(number))
            .collect::<Result<Vec<Sim<P>>, String>>()?;
        let own = pairs.capacity() * size_of::<Sim<P>>() + pairs.iter().map(Sim::own_heap).sum::<usize>();
        let heap = (snapshot().live - before - own as i64) as f64 / f64::from(2 * self.pairs);
        let inline = size_of::<P>() as f64;
        Ok(vec![
            Metric::less("heap per peer", heap / KIB, "KiB"),
            Metric::less("heap and struct per peer", (heap + inline) / KIB, "KiB"),
        ])
    }

    fn idle_pair<P: Peer>(&self, number: u32) -> Result<Sim<P>, String> {
        let delay = Duration::from_millis(10);
        let mut sim = Sim::<P>::new(number, Instant::now(), delay, &Options::default());
        sim.connect()?;
        sim.run_until(sim.now + Duration::from_secs(60));
        Ok(sim)
    }
}
