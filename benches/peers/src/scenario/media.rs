//! Video between whole peers, with all the feedback that each library gives; and from one peer to many.

use std::time::{Duration, Instant};

use super::{Effort, median};
use crate::alloc::snapshot;
use crate::cpu;
use crate::peer::{Options, Peer};
use crate::sim::Sim;
use crate::table::Metric;

pub(crate) struct Media {
    shape: Shape,
    packets: u64,
    repetitions: usize,
}

#[derive(Clone, Copy)]
enum Shape {
    /// So many streams from one peer to the other, in turn.
    Call { streams: usize },
    /// A server that has one stream from one peer and sends it to so many others.
    Forward { receivers: usize },
}

/// With a header and its extensions about 1200 bytes.
const PAYLOAD: usize = 1160;
/// How far away each peer is.
const DELAY: Duration = Duration::from_millis(5);
/// So much time passes, and so many packets are sent in it.
const TICK: Duration = Duration::from_millis(5);
const PACKETS_PER_TICK: u64 = 50;

impl Media {
    pub(crate) fn all(effort: Effort) -> impl Iterator<Item = Self> {
        let cases = [
            (Shape::Call { streams: 1 }, effort.or(20_000, 200_000)),
            (Shape::Call { streams: 5 }, effort.or(20_000, 200_000)),
            (Shape::Call { streams: 100 }, effort.or(20_000, 200_000)),
            (Shape::Forward { receivers: 50 }, effort.or(1_000, 5_000)),
        ];
        cases.into_iter().map(move |(shape, packets)| Self {
            shape,
            packets,
            repetitions: effort.or(1, 5),
        })
    }

    pub(crate) fn name(&self) -> String {
        match self.shape {
            Shape::Call { streams: 1 } => "video".to_owned(),
            Shape::Call { streams } => format!("video, {streams} streams"),
            Shape::Forward { receivers } => format!("video, forwarded 1 to {receivers}"),
        }
    }

    pub(crate) fn run<P: Peer>(&self) -> Result<Vec<Metric>, String> {
        match self.shape {
            Shape::Call { streams } => self.call::<P>(streams),
            Shape::Forward { receivers } => self.forward::<P>(receivers),
        }
    }

    fn call<P: Peer>(&self, streams: usize) -> Result<Vec<Metric>, String> {
        let outcomes = (0..self.repetitions)
            .map(|_| call::<P>(streams, self.packets))
            .collect::<Result<Vec<Call>, String>>()?;
        let of = |value: &dyn Fn(&Call) -> f64| median(outcomes.iter().map(value).collect());
        Ok(vec![
            Metric::less("sender, CPU per packet", of(&|call| call.cpu[0]), "ns"),
            Metric::less("receiver, CPU per packet", of(&|call| call.cpu[1]), "ns"),
            Metric::less("sender, allocations per packet", of(&|call| call.allocations[0]), ""),
            Metric::less("receiver, allocations per packet", of(&|call| call.allocations[1]), ""),
            Metric::less("feedback datagrams per packet", of(&|call| call.feedback), ""),
            Metric::more("delivered", of(&|call| call.delivered), ""),
        ])
    }

    fn forward<P: Peer>(&self, receivers: usize) -> Result<Vec<Metric>, String> {
        let outcomes = (0..self.repetitions)
            .map(|_| forward::<P>(receivers, self.packets))
            .collect::<Result<Vec<Forward>, String>>()?;
        let of = |value: &dyn Fn(&Forward) -> f64| median(outcomes.iter().map(value).collect());
        Ok(vec![
            Metric::less("server, CPU per outgoing packet", of(&|each| each.cpu), "ns"),
            Metric::less(
                "server, allocations per outgoing packet",
                of(&|each| each.allocations),
                "",
            ),
            Metric::more("delivered", of(&|each| each.delivered), ""),
        ])
    }
}

fn connected<P: Peer>(number: u32, now: Instant, streams: usize) -> Result<Sim<P>, String> {
    let options = Options {
        video: streams,
        ..Options::default()
    };
    let mut sim = Sim::<P>::new(number, now, DELAY, &options);
    sim.connect()?;
    sim.run_until(sim.now + Duration::from_millis(500));
    sim.reset_counts();
    Ok(sim)
}

/// Each per packet, after the first fifth: of the sender and of the receiver.
struct Call {
    cpu: [f64; 2],
    allocations: [f64; 2],
    feedback: f64,
    delivered: f64,
}

fn call<P: Peer>(streams: usize, packets: u64) -> Result<Call, String> {
    let mut sim = connected::<P>(1, Instant::now(), streams)?;
    let payload = [0xab; PAYLOAD];
    let mut allocations = [0; 2];
    let warm_up = packets / 5;
    let mut sent = 0;
    while sent < warm_up + packets {
        if sent == warm_up {
            sim.metered = true;
            sim.reset_counts();
            allocations = [0; 2];
        }
        let before = snapshot().calls;
        sim.timed(0, |sim| {
            for number in sent..sent + PACKETS_PER_TICK {
                let number = number as usize;
                let packet = P::packet((number / streams) as u64 + 1, (number / streams * 9) as u32, &payload);
                sim.send_packet(number % streams, &packet);
            }
            sim.drain(0);
        });
        allocations[0] += snapshot().calls - before;
        sim.ship(0);
        sent += PACKETS_PER_TICK;
        let end = sim.now + TICK;
        loop {
            for (side, allocations) in allocations.iter_mut().enumerate() {
                let before = snapshot().calls;
                while sim.step(side) {}
                *allocations += snapshot().calls - before;
            }
            match sim.next_event() {
                Some(next) if next <= end => sim.now = sim.now.max(next),
                _ => break,
            }
        }
        sim.now = end;
    }
    let each = |count: u64| count as f64 / packets as f64;
    Ok(Call {
        cpu: [0, 1].map(|side| each(sim.sides[side].counts.cpu)),
        allocations: allocations.map(each),
        feedback: each(sim.sides[1].counts.datagrams),
        delivered: each(sim.sides[1].drained.packets_received),
    })
}

/// Each per packet that leaves, after the first fifth.
struct Forward {
    cpu: f64,
    allocations: f64,
    delivered: f64,
}

fn forward<P: Peer>(receivers: usize, packets: u64) -> Result<Forward, String> {
    let now = Instant::now();
    let mut publisher = connected::<P>(0, now, 1)?;
    publisher.sides[1].drained.drops_packets = false;
    let mut room = (1..=receivers as u32)
        .map(|number| connected::<P>(number, now, 1))
        .collect::<Result<Vec<Sim<P>>, String>>()?;
    let start = room.iter().map(|sim| sim.now).chain([publisher.now]).max();
    let start = start.unwrap_or(now);
    publisher.run_until(start);
    room.iter_mut().for_each(|sim| sim.run_until(start));

    let payload = [0xab; PAYLOAD];
    let (mut cpu, mut allocations, mut forwarded) = (0, 0, 0);
    let warm_up = packets / 5;
    let mut sent = 0;
    let mut packets_here = Vec::new();
    while sent < warm_up + packets {
        let is_warm = sent >= warm_up;
        let mut metered = |work: &mut dyn FnMut()| {
            let (before, begun) = (snapshot().calls, cpu::now());
            work();
            if is_warm {
                cpu += cpu::since(begun);
                allocations += snapshot().calls - before;
            }
        };
        if sent == warm_up {
            room.iter_mut().for_each(Sim::reset_counts);
        }
        for _ in 0..10 {
            sent += 1;
            let packet = P::packet(sent, (sent * 9) as u32, &payload);
            publisher.send_packet(0, &packet);
            publisher.drain(0);
        }
        publisher.ship(0);
        let end = publisher.now + Duration::from_millis(1);
        loop {
            while publisher.step(0) {}
            metered(&mut || while publisher.step(1) {});
            packets_here.append(&mut publisher.sides[1].drained.packets);
            if is_warm {
                forwarded += packets_here.len() as u64;
            }
            if !packets_here.is_empty() {
                for sim in &mut room {
                    sim.now = publisher.now;
                    metered(&mut || {
                        for packet in &packets_here {
                            sim.send_packet(0, packet);
                        }
                        sim.drain(0);
                    });
                    sim.ship(0);
                }
                metered(&mut || packets_here.clear());
            }
            match publisher.next_event() {
                Some(next) if next <= end => publisher.now = publisher.now.max(next),
                _ => break,
            }
        }
        publisher.now = end;
        for sim in &mut room {
            loop {
                while sim.step(1) {}
                metered(&mut || while sim.step(0) {});
                match sim.next_event() {
                    Some(next) if next <= end => sim.now = sim.now.max(next),
                    _ => break,
                }
            }
            sim.now = end;
        }
    }
    let each = |count: u64| count as f64 / (forwarded * receivers as u64) as f64;
    Ok(Forward {
        cpu: each(cpu),
        allocations: each(allocations),
        delivered: each(room.iter().map(|sim| sim.sides[1].drained.packets_received).sum()),
    })
}
