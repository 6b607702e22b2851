//! From two new peers to a channel that is open on both sides: ICE, DTLS, SCTP, DCEP.

use std::time::{Duration, Instant};

use super::{Effort, median};
use crate::alloc::snapshot;
use crate::cpu;
use crate::peer::{Options, Peer};
use crate::sim::Sim;
use crate::table::Metric;

pub(crate) struct Handshake {
    rtt: Duration,
    shared_certificate: bool,
    repetitions: u32,
}

impl Handshake {
    pub(crate) fn all(effort: Effort) -> impl Iterator<Item = Self> {
        let cases = [(0, true, (20, 200)), (0, false, (20, 200)), (100, true, (5, 50))];
        cases
            .into_iter()
            .map(move |(rtt, shared_certificate, (quick, full))| Self {
                rtt: Duration::from_millis(rtt),
                shared_certificate,
                repetitions: effort.or(quick, full),
            })
    }

    pub(crate) fn name(&self) -> String {
        let certificates = if self.shared_certificate {
            "shared certificate"
        } else {
            "fresh certificates"
        };
        format!("handshake, RTT {} ms, {certificates}", self.rtt.as_millis())
    }

    pub(crate) fn run<P: Peer>(&self) -> Result<Vec<Metric>, String> {
        let options = Options {
            shared_certificate: self.shared_certificate,
            ..Options::default()
        };
        let mut samples: [Vec<f64>; 7] = Default::default();
        // The first one makes what is made once: the certificate, tables, thread-locals.
        Sim::<P>::new(0, Instant::now(), self.rtt / 2, &options).connect()?;
        for number in 1..=self.repetitions {
            let allocations = snapshot().calls;
            let start = cpu::now();
            let mut sim = Sim::<P>::new(number, Instant::now(), self.rtt / 2, &options);
            let building = cpu::since(start);
            sim.metered = true;
            let open_after = sim.connect()?;
            let total = sim.total();
            let sample = [
                open_after.as_secs_f64() * 1e3,
                (building + total.cpu) as f64 / 1e3,
                building as f64 / 1e3,
                (snapshot().calls - allocations) as f64,
                total.datagrams as f64,
                total.bytes as f64,
                total.wakeups as f64,
            ];
            samples.iter_mut().zip(sample).for_each(|(all, one)| all.push(one));
        }
        let [open_after, cpu, building, allocations, datagrams, bytes, wakeups] = samples.map(median);
        let mut metrics = vec![Metric::less("virtual time until open", open_after, "ms")];
        if self.rtt.is_zero() {
            metrics.extend([
                Metric::less("CPU, both peers", cpu, "us"),
                Metric::less("of it building and SDP", building, "us"),
                Metric::less("allocations, both peers", allocations, ""),
                Metric::less("bytes, both ways", bytes, "B"),
            ]);
        }
        metrics.extend([
            Metric::less("datagrams, both ways", datagrams, ""),
            Metric::less("timer wakeups, both peers", wakeups, ""),
        ]);
        Ok(metrics)
    }
}
