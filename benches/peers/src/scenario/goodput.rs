//! What gets through a link with delay and loss, in virtual time, with each library's defaults.

use std::time::Duration;

use super::bulk::{Outcome, Transfer, cpu_limit};
use super::{Effort, MIB, median};
use crate::peer::Peer;
use crate::table::Metric;

pub(crate) struct Goodput {
    rtt: Duration,
    loss: f64,
    bytes: usize,
    seeds: u64,
    cpu_limit: Duration,
}

impl Goodput {
    pub(crate) fn all(effort: Effort) -> impl Iterator<Item = Self> {
        let bytes = effort.or(8 << 20, 32 << 20);
        let cases = [
            (20, 0.0, bytes),
            (100, 0.0, bytes),
            (20, 0.01, bytes),
            (100, 0.01, bytes / 4),
        ];
        cases.into_iter().map(move |(rtt, loss, bytes)| Self {
            rtt: Duration::from_millis(rtt),
            loss,
            bytes,
            seeds: if loss == 0.0 { 1 } else { effort.or(1, 5) },
            cpu_limit: cpu_limit(effort),
        })
    }

    pub(crate) fn name(&self) -> String {
        format!("goodput, RTT {} ms, {} % loss", self.rtt.as_millis(), self.loss * 100.0)
    }

    pub(crate) fn run<P: Peer>(&self) -> Result<Vec<Metric>, String> {
        let outcomes = (1..=self.seeds)
            .map(|seed| {
                let transfer = Transfer {
                    message: 16_384,
                    bytes: self.bytes,
                    in_flight: None,
                    max_buffered: 1 << 20,
                    drained_each: false,
                    rtt: self.rtt,
                    loss: self.loss,
                    seed,
                    cpu_limit: self.cpu_limit,
                };
                transfer.run::<P>()
            })
            .collect::<Result<Vec<Outcome>, String>>()?;
        let of = |value: &dyn Fn(&Outcome) -> f64| median(outcomes.iter().map(value).collect());
        let mib = |outcome: &Outcome| outcome.bytes as f64 / MIB;
        Ok(vec![
            Metric::more("goodput", of(&|o| mib(o) / o.virtual_time.as_secs_f64()), "MiB/s"),
            Metric::less("CPU, both peers", of(&|o| o.cpu() as f64 / 1e6 / mib(o)), "ms/MiB"),
            Metric::less("wire bytes per payload byte", of(&Outcome::overhead), ""),
        ])
    }
}
