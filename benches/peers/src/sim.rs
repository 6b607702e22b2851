//! Two peers, one link in memory, one virtual clock.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::cpu;
use crate::peer::{Drained, Options, Peer};

/// How often a deadline may lie in the past after it was served, before we give in to it.
const STUBBORN_DEADLINES: u32 = 4;
/// How many datagrams a peer is fed in a row, as a driver gets them from one call to the system.
const BURST: usize = 32;
/// A deadline this far ahead means that nothing will happen any more.
const NEVER: Duration = Duration::from_secs(3600);
const CONNECT_LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Sim<P: Peer> {
    pub(crate) now: Instant,
    /// How long a datagram is on its way.
    pub(crate) delay: Duration,
    /// The share of datagrams that get lost.
    pub(crate) loss: f64,
    pub(crate) rng: Rng,
    /// Whether CPU time is counted.
    pub(crate) metered: bool,
    pub(crate) sides: [Side<P>; 2],
    /// Whether output is taken after each datagram.
    drained_each: bool,
    /// Whether there is no channel to wait for.
    is_media: bool,
}

pub(crate) struct Side<P: Peer> {
    peer: P,
    pub(crate) drained: Drained<P>,
    /// What is on its way to this peer, and when it arrives.
    wire: VecDeque<(Instant, P::Datagram)>,
    deadline: Option<Instant>,
    pub(crate) counts: Counts,
}

/// What a peer has done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Datagrams that it sent, and their bytes.
    pub(crate) datagrams: u64,
    pub(crate) bytes: u64,
    /// Nanoseconds inside the library.
    pub(crate) cpu: u64,
    /// How often a timer had to wake it.
    pub(crate) wakeups: u64,
}

impl<P: Peer> Sim<P> {
    /// The `number` tells pairs apart, in their addresses and their luck.
    pub(crate) fn new(number: u32, now: Instant, delay: Duration, options: &Options) -> Self {
        let (a, b) = P::pair(now, [address(number, 1), address(number, 2)], options);
        Self {
            now,
            delay,
            loss: 0.0,
            rng: Rng::new(u64::from(number)),
            metered: false,
            sides: [Side::new(a, now), Side::new(b, now)],
            drained_each: options.drained_each || !P::BATCHES,
            is_media: options.video > 0,
        }
    }

    /// Runs until the channel is open on both sides. Gives the virtual time taken.
    pub(crate) fn connect(&mut self) -> Result<Duration, String> {
        let start = self.now;
        for side in 0..2 {
            self.timed(side, |sim| sim.drain(side));
            self.ship(side);
        }
        loop {
            self.settle();
            let elapsed = self.now - start;
            let open = |side: &Side<P>| side.drained.connected && (self.is_media || side.drained.channel_open);
            if self.sides.iter().all(open) {
                return Ok(elapsed);
            }
            if elapsed > CONNECT_LIMIT || !self.advance() {
                return Err(format!("not connected after {elapsed:?} of virtual time"));
            }
        }
    }

    /// Sends from the first peer, if it takes more.
    pub(crate) fn send(&mut self, message: &[u8]) -> bool {
        let taken = self.sides[0].peer.send(self.now, message);
        if self.drained_each {
            self.drain(0);
        }
        taken
    }

    /// Sends a packet from the first peer.
    pub(crate) fn send_packet(&mut self, stream: usize, packet: &P::Packet) {
        let Side { peer, drained, .. } = &mut self.sides[0];
        peer.send_packet(self.now, stream, packet, drained);
        if self.drained_each {
            self.drain(0);
        }
    }

    /// Takes a peer's output until it has no more to say now; serves its timers.
    pub(crate) fn drain(&mut self, side: usize) {
        let (now, side) = (self.now, &mut self.sides[side]);
        side.deadline = side.peer.drain(now, &mut side.drained);
        let mut served = 0;
        while side.deadline.is_some_and(|deadline| deadline <= now) {
            if served == STUBBORN_DEADLINES {
                side.deadline = Some(now + Duration::from_millis(1));
                break;
            }
            served += 1;
            side.counts.wakeups += 1;
            side.peer.timeout(now);
            side.deadline = side.peer.drain(now, &mut side.drained);
        }
    }

    /// Puts on the wire what a peer gave out.
    pub(crate) fn ship(&mut self, side: usize) {
        let arrival = self.now + self.delay;
        let [a, b] = &mut self.sides;
        let (from, to) = if side == 0 { (a, b) } else { (b, a) };
        for output in from.drained.output.drain(..) {
            P::datagrams(output, |datagram| {
                from.counts.datagrams += 1;
                from.counts.bytes += datagram.as_ref().len() as u64;
                if self.loss == 0.0 || self.rng.unit() >= self.loss {
                    to.wire.push_back((arrival, datagram));
                }
            });
        }
    }

    /// Runs what belongs to one peer, on its account.
    pub(crate) fn timed<R>(&mut self, side: usize, work: impl FnOnce(&mut Self) -> R) -> R {
        if !self.metered {
            return work(self);
        }
        let start = cpu::now();
        let result = work(self);
        self.sides[side].counts.cpu += cpu::since(start);
        result
    }

    /// Feeds a peer one burst of what has arrived, or serves its timer. `false` if neither is due.
    pub(crate) fn step(&mut self, side: usize) -> bool {
        let timer = self.sides[side].deadline.is_some_and(|deadline| deadline <= self.now);
        if !timer && !self.sides[side].has_arrivals(self.now) {
            return false;
        }
        self.timed(side, |sim| {
            let mut fed = 0;
            while fed < BURST {
                let Some(datagram) = sim.sides[side].arrival(sim.now) else {
                    break;
                };
                let Side { peer, drained, .. } = &mut sim.sides[side];
                peer.receive(sim.now, datagram, drained);
                fed += 1;
                if sim.drained_each {
                    sim.drain(side);
                }
            }
            if fed == 0 {
                sim.sides[side].counts.wakeups += 1;
                sim.sides[side].peer.timeout(sim.now);
            }
            if fed == 0 || !sim.drained_each {
                sim.drain(side);
            }
        });
        self.ship(side);
        true
    }

    /// All that is due now, on both sides.
    pub(crate) fn settle(&mut self) {
        while self.step(0) | self.step(1) {}
    }

    pub(crate) fn next_event(&self) -> Option<Instant> {
        self.sides
            .iter()
            .flat_map(|side| [side.deadline, side.wire.front().map(|(arrival, _)| *arrival)])
            .flatten()
            .min()
    }

    /// Goes on to what happens next. `false` if nothing will.
    pub(crate) fn advance(&mut self) -> bool {
        match self.next_event() {
            Some(next) if next < self.now + NEVER => {
                self.now = self.now.max(next);
                true
            }
            _ => false,
        }
    }

    pub(crate) fn run_until(&mut self, end: Instant) {
        loop {
            self.settle();
            match self.next_event() {
                Some(next) if next <= end => self.now = self.now.max(next),
                _ => break,
            }
        }
        self.now = self.now.max(end);
    }

    /// Forgets what was counted.
    pub(crate) fn reset_counts(&mut self) {
        for side in &mut self.sides {
            side.counts = Counts::default();
            side.drained.messages = 0;
            side.drained.bytes = 0;
            side.drained.packets_received = 0;
        }
    }

    /// What both have done together.
    pub(crate) fn total(&self) -> Counts {
        let [a, b] = [self.sides[0].counts, self.sides[1].counts];
        Counts {
            datagrams: a.datagrams + b.datagrams,
            bytes: a.bytes + b.bytes,
            cpu: a.cpu + b.cpu,
            wakeups: a.wakeups + b.wakeups,
        }
    }

    /// Heap that the simulation holds for this pair, apart from the peers' own.
    pub(crate) fn own_heap(&self) -> usize {
        let of = |side: &Side<P>| {
            side.drained.output.capacity() * size_of::<P::Output>()
                + side.wire.capacity() * size_of::<(Instant, P::Datagram)>()
        };
        self.sides.iter().map(of).sum()
    }
}

impl<P: Peer> Side<P> {
    fn new(peer: P, now: Instant) -> Self {
        Self {
            peer,
            drained: Drained::default(),
            wire: VecDeque::new(),
            deadline: Some(now),
            counts: Counts::default(),
        }
    }

    fn has_arrivals(&self, now: Instant) -> bool {
        self.wire.front().is_some_and(|(arrival, _)| *arrival <= now)
    }

    fn arrival(&mut self, now: Instant) -> Option<P::Datagram> {
        if !self.has_arrivals(now) {
            return None;
        }
        self.wire.pop_front().map(|(_, datagram)| datagram)
    }
}

fn address(number: u32, side: u8) -> SocketAddr {
    let [_, _, high, low] = number.to_be_bytes();
    SocketAddr::from(([10, side, high, low], 5000))
}

/// xorshift64: the same luck for every library.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(0x9e37_79b9_7f4a_7c15 ^ seed.wrapping_add(1).wrapping_mul(0x1234_5678_9abc))
    }

    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}
