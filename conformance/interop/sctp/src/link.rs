//! Two endpoints and the link between them, in virtual time.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use pollrtc_crypto::Rng;

use crate::stack::{Name, Stack};

/// How long a packet takes, and of 1000 packets how many are lost, doubled, and held up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) latency: Duration,
    /// How much longer a packet takes at most that is held up.
    pub(crate) jitter: Duration,
    pub(crate) loss: u32,
    pub(crate) duplication: u32,
    pub(crate) reordering: u32,
}

impl Weather {
    /// Round trips from a room to a satellite, without and with jitter, and from no loss to a bad radio link. Each
    /// cell of the grid comes once in so many seeds.
    pub(crate) const GRID: u64 = 18;

    pub(crate) fn of(seed: u64) -> Self {
        let latency = Duration::from_millis([1, 10, 100][(seed % 3) as usize]);
        let loss = [0, 20, 50][(seed / 3 % 3) as usize];
        let jittery = seed / 9 % 2 == 1;
        Self {
            latency,
            jitter: latency,
            loss,
            duplication: if loss == 50 { 20 } else { 0 },
            reordering: if jittery { 200 } else { 0 },
        }
    }
}

pub(crate) struct Side {
    pub(crate) name: Name,
    pub(crate) stack: Box<dyn Stack>,
    /// Packets on their way to it.
    inbox: VecDeque<(Duration, Bytes)>,
    /// The messages that came.
    pub(crate) messages: Vec<(u16, Bytes)>,
}

pub(crate) struct Link {
    pub(crate) sides: [Side; 2],
    pub(crate) now: Duration,
    pub(crate) weather: Weather,
    rng: Rng,
    /// Whether each packet is printed.
    dump: bool,
}

impl Link {
    pub(crate) fn new(names: [Name; 2], weather: Weather, seed: u64, dump: bool) -> Self {
        let side = |server: bool| Side {
            name: names[usize::from(server)],
            stack: names[usize::from(server)].endpoint(server),
            inbox: VecDeque::new(),
            messages: Vec::new(),
        };
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut link = Self {
            sides: [side(false), side(true)],
            now: Duration::ZERO,
            weather,
            rng: Rng::from_seed(bytes),
            dump,
        };
        link.sides
            .iter_mut()
            .for_each(|side| side.stack.advance(Duration::ZERO));
        link
    }

    /// Takes what both want to send, puts it on its way, and takes the messages that came.
    fn flush(&mut self) {
        for from in 0..2 {
            for packet in self.sides[from].stack.output() {
                if self.dump {
                    print_packet(self.now, from, &packet);
                }
                let mut chance = |permille| self.rng.below(1000) < permille;
                if chance(self.weather.loss) {
                    continue;
                }
                for _ in 0..1 + u32::from(chance(self.weather.duplication)) {
                    let mut at = self.now + self.weather.latency;
                    if self.rng.below(1000) < self.weather.reordering {
                        let jitter = self.weather.jitter.as_micros() as u32;
                        at += Duration::from_micros(self.rng.below(jitter).into());
                    }
                    let inbox = &mut self.sides[1 - from].inbox;
                    let place = inbox.partition_point(|(other, _)| *other <= at);
                    inbox.insert(place, (at, packet.clone()));
                }
            }
            let side = &mut self.sides[from];
            side.messages.extend(std::iter::from_fn(|| side.stack.receive()));
        }
    }

    /// Lets the next thing happen, or time pass to `end`; false once that is reached.
    fn step(&mut self, end: Duration) -> bool {
        self.flush();
        let arrivals = self.sides.iter().filter_map(|side| Some(side.inbox.front()?.0));
        let timeouts = self.sides.iter().filter_map(|side| side.stack.timeout());
        let next = arrivals.chain(timeouts).min().unwrap_or(end).min(end);
        // A timeout that has passed is one that its stack looks at when time moves.
        self.now = next.max(self.now + Duration::from_micros(1));
        for side in &mut self.sides {
            side.stack.advance(self.now);
        }
        for side in &mut self.sides {
            while side.inbox.front().is_some_and(|(at, _)| *at <= self.now)
                && let Some((_, packet)) = side.inbox.pop_front()
            {
                side.stack.input(packet);
            }
        }
        self.flush();
        self.now < end
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.step(end) {}
    }

    /// Runs until `done`; false if that takes longer than `limit`.
    pub(crate) fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&mut [Side; 2]) -> bool) -> bool {
        let end = self.now + limit;
        loop {
            if done(&mut self.sides) {
                return true;
            }
            if !self.step(end) {
                return done(&mut self.sides);
            }
        }
    }
}

fn print_packet(now: Duration, from: usize, packet: &[u8]) {
    use pollrtc_sctp::wire::{Data, Packet, Sack, kind};
    let arrow = ["client >", "< server"][from];
    print!("{now:?} {arrow}");
    if let Ok(packet) = Packet::parse(packet) {
        for chunk in packet.chunks().map_while(Result::ok) {
            match (chunk.kind(), Data::parse(&chunk), Sack::parse(&chunk)) {
                (kind::DATA, Some(data), _) => {
                    print!(" DATA({:#x} stream {} ssn {})", data.tsn, data.stream, data.ssn);
                }
                (kind::SACK, _, Some(sack)) => {
                    let gaps = sack.gap_blocks().len();
                    print!(
                        " SACK({:#x} window {} gaps {gaps})",
                        sack.cumulative_tsn_ack, sack.a_rwnd
                    );
                }
                (other, ..) => print!(" {other}{:02x?}", chunk.value()),
            }
        }
    }
    println!();
}
