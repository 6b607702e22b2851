//! Messages one way as fast as they go, sender and receiver on one core.

use std::time::{Duration, Instant};

use super::{Effort, KIB, MIB, median};
use crate::alloc::snapshot;
use crate::cpu;
use crate::peer::{Options, Peer};
use crate::sim::{Rng, Sim};
use crate::table::Metric;

pub(crate) struct Bulk {
    message: usize,
    bytes: usize,
    /// How many bytes may be sent and not delivered.
    in_flight: usize,
    /// Whether output is taken after each datagram.
    drained_each: bool,
    repetitions: usize,
    cpu_limit: Duration,
}

impl Bulk {
    pub(crate) fn all(effort: Effort) -> impl Iterator<Item = Self> {
        let large = effort.or(32 << 20, 256 << 20);
        let cases = [
            (16_384, large, 32 << 10, false),
            (16_384, large, 128 << 10, false),
            (16_384, large, 1 << 20, false),
            (16_384, large, 4 << 20, false),
            (16_384, large / 2, 128 << 10, true),
            (1024, large / 4, 128 << 10, false),
            (64, large / 64, 128 << 10, false),
        ];
        cases
            .into_iter()
            .map(move |(message, bytes, in_flight, drained_each)| Self {
                message,
                bytes,
                in_flight,
                drained_each,
                repetitions: effort.or(1, 3),
                cpu_limit: cpu_limit(effort),
            })
    }

    pub(crate) fn name(&self) -> String {
        let drained = if self.drained_each {
            ", drained per datagram"
        } else {
            ""
        };
        format!(
            "bulk {} B, {} KiB in flight{drained}",
            self.message,
            self.in_flight >> 10
        )
    }

    pub(crate) fn run<P: Peer>(&self) -> Result<Vec<Metric>, String> {
        let transfer = Transfer {
            message: self.message,
            bytes: self.bytes,
            in_flight: Some(self.in_flight),
            max_buffered: self.in_flight,
            drained_each: self.drained_each,
            rtt: Duration::ZERO,
            loss: 0.0,
            seed: 1,
            cpu_limit: self.cpu_limit,
        };
        let outcomes = (0..self.repetitions)
            .map(|_| transfer.run::<P>())
            .collect::<Result<Vec<Outcome>, String>>()?;
        let of = |value: &dyn Fn(&Outcome) -> f64| median(outcomes.iter().map(value).collect());
        let mib = |outcome: &Outcome| outcome.bytes as f64 / MIB;
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        let mut metrics = vec![
            Metric::more("both peers on one core", of(&|o| mib(o) / seconds(o.cpu())), "MiB/s"),
            Metric::more("sender alone", of(&|o| mib(o) / seconds(o.sides[0].cpu)), "MiB/s"),
            Metric::more("receiver alone", of(&|o| mib(o) / seconds(o.sides[1].cpu)), "MiB/s"),
        ];
        if self.message < 16_384 {
            let rate = |o: &Outcome| o.messages as f64 / seconds(o.cpu());
            metrics.push(Metric::more("messages per second", of(&rate), "/s"));
        }
        metrics.extend([
            Metric::less("CPU per datagram", of(&|o| o.cpu() as f64 / o.datagrams() as f64), "ns"),
            Metric::less("allocations per datagram", of(&|o| o.allocations), ""),
            Metric::less("allocations per message", of(&|o| o.allocations_per_message), ""),
            Metric::less("allocated bytes per datagram", of(&|o| o.allocated), "B"),
            Metric::less("most heap above idle", of(&|o| o.most_heap as f64 / KIB), "KiB"),
            Metric::less("wire bytes per payload byte", of(&Outcome::overhead), ""),
        ]);
        Ok(metrics)
    }
}

/// Messages from the first peer to the second.
pub(super) struct Transfer {
    pub(super) message: usize,
    pub(super) bytes: usize,
    /// How many bytes may be sent and not delivered, if we know better than the library.
    pub(super) in_flight: Option<usize>,
    pub(super) max_buffered: usize,
    pub(super) drained_each: bool,
    pub(super) rtt: Duration,
    pub(super) loss: f64,
    pub(super) seed: u64,
    /// Who needs more CPU time than this is stopped, and what came so far counts.
    pub(super) cpu_limit: Duration,
}

pub(super) struct Outcome {
    pub(super) sides: [crate::sim::Counts; 2],
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) virtual_time: Duration,
    /// Per datagram, after the first fifth.
    allocations: f64,
    allocated: f64,
    allocations_per_message: f64,
    most_heap: i64,
}

impl Outcome {
    pub(super) fn cpu(&self) -> u64 {
        self.sides[0].cpu + self.sides[1].cpu
    }

    fn datagrams(&self) -> u64 {
        self.sides[0].datagrams + self.sides[1].datagrams
    }

    pub(super) fn overhead(&self) -> f64 {
        (self.sides[0].bytes + self.sides[1].bytes) as f64 / self.bytes as f64
    }
}

/// Enough for whoever is not hopelessly slow.
pub(super) fn cpu_limit(effort: Effort) -> Duration {
    Duration::from_secs(effort.or(5, 20))
}

impl Transfer {
    pub(super) fn run<P: Peer>(&self) -> Result<Outcome, String> {
        let options = Options {
            max_buffered: self.max_buffered,
            drained_each: self.drained_each,
            ..Options::default()
        };
        let mut sim = Sim::<P>::new(1, Instant::now(), self.rtt / 2, &options);
        sim.connect()?;
        // What is left of the handshake passes.
        sim.run_until(sim.now + Duration::from_millis(300));
        sim.loss = self.loss;
        sim.rng = Rng::new(self.seed);
        sim.metered = true;
        sim.reset_counts();

        let message: Vec<u8> = (0..self.message).map(|byte| byte as u8).collect();
        let wanted = (self.bytes / self.message) as u64;
        // Without a delay time would stand still, and timers with it.
        let tick = Duration::from_micros(u64::from(self.rtt.is_zero()));
        let (start, cpu_start) = (sim.now, cpu::now());
        let (mut warm, mut warm_datagrams, mut warm_messages) = (snapshot(), 0, 0);
        let heap = || snapshot().live - P::driver_heap() as i64;
        let (idle_heap, mut most_heap) = (heap(), 0);
        let mut sent = 0;
        loop {
            sim.timed(0, |sim| {
                while sent < wanted && self.may_send(sent - sim.sides[1].drained.messages) && sim.send(&message) {
                    sent += 1;
                }
                sim.drain(0);
            });
            sim.ship(0);
            most_heap = most_heap.max(heap() - idle_heap);
            let acted = sim.step(1) | sim.step(0);
            let delivered = sim.sides[1].drained.messages;
            if delivered >= wanted || cpu::now() - cpu_start > self.cpu_limit.as_nanos() as u64 {
                break;
            }
            if warm_messages == 0 && delivered * 5 > wanted {
                warm = snapshot();
                (warm_datagrams, warm_messages) = (sim.total().datagrams, delivered);
            }
            sim.now += tick;
            if !acted && !sim.advance() {
                return Err(format!("stalled at {delivered} of {wanted} messages"));
            }
        }
        let end = snapshot();
        let delivered = sim.sides[1].drained.messages;
        let datagrams = (sim.total().datagrams - warm_datagrams) as f64;
        Ok(Outcome {
            sides: [sim.sides[0].counts, sim.sides[1].counts],
            messages: delivered,
            bytes: sim.sides[1].drained.bytes,
            virtual_time: sim.now - start,
            allocations: (end.calls - warm.calls) as f64 / datagrams,
            allocated: (end.bytes - warm.bytes) as f64 / datagrams,
            allocations_per_message: (end.calls - warm.calls) as f64 / (delivered - warm_messages) as f64,
            most_heap,
        })
    }

    fn may_send(&self, undelivered: u64) -> bool {
        self.in_flight
            .is_none_or(|limit| (undelivered + 1) * self.message as u64 <= limit as u64)
    }
}
