//! Two machines, a link between them, and a clock that only we move.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "each test file uses what it needs"
)]

mod tester;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use pollrtc_core::{Headroom, InnerProtocol, Instant};
use pollrtc_crypto::Rng;
use pollrtc_sctp::channel::{ChannelConfig, ChannelEvent, DataChannels, Parity};
use pollrtc_sctp::{Association, Config, Event, SendOptions, Streams};
pub use tester::Tester;

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub fn rng(seed: u8) -> Rng {
    Rng::from_seed([seed; 32])
}

/// Sequence numbers that wrap soon.
pub fn config() -> Config {
    Config::new().with_initial_tsn(Some(0xFFFF_FFF0))
}

/// The same, for links so bad that nine attempts to connect may fail.
pub fn patient() -> Config {
    config().with_max_retransmits(None).with_max_init_retransmits(None)
}

/// What the link does to packets, by chance.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinkFaults {
    /// Of 1000 packets, how many are lost, doubled, held up.
    pub loss: u32,
    pub duplication: u32,
    pub reordering: u32,
}

pub struct Side<M: InnerProtocol> {
    pub machine: M,
    pub events: Vec<M::Event>,
    /// Packets on their way to this side.
    inbox: VecDeque<(Instant, u64, Vec<u8>)>,
    pub sent: usize,
    /// The nth packets from now on that this side sends and that don't arrive.
    pub lose: Vec<usize>,
    /// What becomes of this side's packets before they leave.
    pub rewrite: fn(Vec<u8>) -> Vec<u8>,
    /// Whether the application takes events.
    pub reading: bool,
    /// Until when it does nothing at all: what comes waits in its socket.
    pub busy_until: Instant,
    /// All that this side sent, if kept.
    pub wire: Vec<Vec<u8>>,
}

pub struct Pair<M: InnerProtocol> {
    pub now: Instant,
    pub latency: Duration,
    /// How much longer a packet takes at most that is held up.
    pub jitter: Duration,
    pub faults: LinkFaults,
    pub a: Side<M>,
    pub b: Side<M>,
    rng: Rng,
    counter: u64,
}

impl<M: InnerProtocol> Side<M> {
    fn new(machine: M) -> Self {
        Self {
            machine,
            events: Vec::new(),
            inbox: VecDeque::new(),
            sent: 0,
            lose: Vec::new(),
            rewrite: |packet| packet,
            reading: true,
            busy_until: Instant::ZERO,
            wire: Vec::new(),
        }
    }

    fn next(&self) -> Option<Instant> {
        let arrival = self.inbox.front().map(|(at, ..)| *at);
        let next = [arrival, self.machine.poll_timeout()].into_iter().flatten().min()?;
        Some(next.max(self.busy_until))
    }

    fn read(&mut self) {
        while self.reading
            && let Some(event) = self.machine.poll_event()
        {
            self.events.push(event);
        }
    }

    pub fn take_events(&mut self) -> Vec<M::Event> {
        std::mem::take(&mut self.events)
    }
}

impl<M: InnerProtocol> Pair<M> {
    pub fn of(a: M, b: M) -> Self {
        Self {
            now: Instant::from_millis(1000),
            latency: ms(10),
            jitter: ms(10),
            faults: LinkFaults::default(),
            a: Side::new(a),
            b: Side::new(b),
            rng: rng(77),
            counter: 0,
        }
    }

    pub fn with_faults(mut self, faults: LinkFaults, seed: u64) -> Self {
        self.faults = faults;
        let mut bytes = [3; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        self.rng = Rng::from_seed(bytes);
        self
    }

    /// Takes what both want to send and puts it on its way.
    pub fn flush(&mut self) {
        let mut buf = [0; 2000];
        loop {
            let mut quiet = true;
            for from_a in [true, false] {
                let (from, to) = match from_a {
                    true => (&mut self.a, &mut self.b),
                    false => (&mut self.b, &mut self.a),
                };
                if from.busy_until > self.now {
                    continue;
                }
                from.read();
                while let Some(len) = from.machine.write_body(self.now, &mut buf, Headroom::NONE) {
                    quiet = false;
                    from.sent += 1;
                    let packet = (from.rewrite)(buf[..len].to_vec());
                    from.wire.push(packet.clone());
                    let hit = from.lose.contains(&0);
                    from.lose.retain(|n| *n != 0);
                    from.lose.iter_mut().for_each(|n| *n -= 1);
                    let mut chance = |permille| self.rng.below(1000) < permille;
                    if hit || chance(self.faults.loss) {
                        continue;
                    }
                    let copies = 1 + usize::from(chance(self.faults.duplication));
                    for _ in 0..copies {
                        let mut delay = self.latency;
                        if self.faults.reordering > 0 && self.rng.below(1000) < self.faults.reordering {
                            delay += Duration::from_micros(self.rng.below(self.jitter.as_micros() as u32).into());
                        }
                        let at = self.now + delay;
                        self.counter += 1;
                        let place = to.inbox.partition_point(|(other, ..)| *other <= at);
                        to.inbox.insert(place, (at, self.counter, packet.clone()));
                    }
                }
                from.read();
            }
            if quiet {
                return;
            }
        }
    }

    /// The next moment at which something happens.
    fn next(&self) -> Option<Instant> {
        [self.a.next(), self.b.next()].into_iter().flatten().min()
    }

    /// Lets the next thing happen, if it does before `deadline`.
    pub fn step(&mut self, deadline: Instant) -> bool {
        self.flush();
        let Some(next) = self.next().filter(|next| *next <= deadline) else {
            self.now = self.now.max(deadline);
            return false;
        };
        self.now = self.now.max(next);
        let now = self.now;
        for side in [&mut self.a, &mut self.b] {
            if side.busy_until > now {
                continue;
            }
            while side.inbox.front().is_some_and(|(at, ..)| *at <= now) {
                let (_, _, mut packet) = side.inbox.pop_front().unwrap();
                side.machine.handle_body(now, &mut packet);
                side.read();
            }
            if side.machine.poll_timeout().is_some_and(|at| at <= now) {
                side.machine.handle_timeout(now);
                let again = side.machine.poll_timeout();
                assert!(again.is_none_or(|again| again > now), "a timer that is always due");
            }
        }
        true
    }

    pub fn run_for(&mut self, duration: Duration) {
        let deadline = self.now + duration;
        while self.step(deadline) {}
    }

    /// Runs until `done`; panics if that takes more than `limit`.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) {
        let deadline = self.now + limit;
        loop {
            self.flush();
            if done(self) {
                return;
            }
            assert!(self.step(deadline), "not done after {limit:?}");
        }
    }

    /// Forgets what is on its way.
    pub fn drop_in_flight(&mut self) {
        self.a.inbox.clear();
        self.b.inbox.clear();
    }
}

pub type Associations = Pair<Association>;

impl Pair<Association> {
    pub fn new(config_a: Config, config_b: Config) -> Self {
        let a = Association::new(config_a, rng(1));
        let b = Association::new(config_b, rng(2));
        Self::of(a, b)
    }

    /// Connected, with nothing left to say.
    pub fn connected() -> Self {
        let mut pair = Self::new(config(), config());
        pair.connect();
        pair
    }

    pub fn connect(&mut self) {
        self.a.machine.connect();
        self.run_until(ms(60_000), |pair| {
            pair.a.events.contains(&Event::Connected) && pair.b.events.contains(&Event::Connected)
        });
        self.run_for(ms(300));
        self.a.take_events();
        self.b.take_events();
        self.a.sent = 0;
        self.b.sent = 0;
        self.a.wire.clear();
        self.b.wire.clear();
    }

    pub fn send(&mut self, stream: u16, data: impl Into<Bytes>) {
        self.send_with(stream, data, SendOptions::default());
    }

    pub fn send_with(&mut self, stream: u16, data: impl Into<Bytes>, options: SendOptions) {
        self.a.machine.send(stream, 51, data.into(), options).unwrap();
    }
}

impl Side<Association> {
    /// The messages that came, with their streams.
    pub fn messages(&self) -> Vec<(u16, Bytes)> {
        let message = |event: &Event| match event {
            Event::Message { stream, data, .. } => Some((*stream, data.clone())),
            _ => None,
        };
        self.events.iter().filter_map(message).collect()
    }
}

/// A message that tells which one it is, and where it was cut if it was.
pub fn numbered(number: usize, len: usize) -> Bytes {
    let mut bytes: Vec<u8> = (0..len).map(|at| (at * 7 + number) as u8).collect();
    let head = (number as u32).to_be_bytes();
    let shared = len.min(4);
    bytes[..shared].copy_from_slice(&head[4 - shared..]);
    bytes.into()
}

pub type Channels = Pair<DataChannels>;

impl Pair<DataChannels> {
    /// Two peers, `a` the DTLS client, not connected.
    pub fn channels() -> Self {
        let config = || ChannelConfig::new().with_association(patient());
        Self::channels_with(config(), config())
    }

    pub fn channels_with(config_a: ChannelConfig, config_b: ChannelConfig) -> Self {
        let mut a = DataChannels::new(config_a, rng(1));
        let mut b = DataChannels::new(config_b, rng(2));
        a.set_role(Parity::Even);
        b.set_role(Parity::Odd);
        Self::of(a, b)
    }

    pub fn connect_both(&mut self) {
        self.a.machine.connect();
        self.b.machine.connect();
    }

    pub fn connected_channels() -> Self {
        let mut pair = Self::channels();
        pair.connect_both();
        pair.run_until(ms(10_000), |pair| {
            pair.a.events.contains(&ChannelEvent::Connected) && pair.b.events.contains(&ChannelEvent::Connected)
        });
        pair.run_for(ms(300));
        pair.a.take_events();
        pair.b.take_events();
        pair
    }
}

/// Data channels whose peer is a bare association, which can say anything.
pub struct RawPeer {
    pub channels: DataChannels,
    pub peer: Association,
    pub now: Instant,
}

impl RawPeer {
    pub fn new() -> Self {
        Self::with(ChannelConfig::default())
    }

    pub fn with(own: ChannelConfig) -> Self {
        let mut channels = DataChannels::new(own, rng(1));
        channels.set_role(Parity::Even);
        channels.connect();
        let peer = Association::new(config(), rng(2));
        let mut raw = Self {
            channels,
            peer,
            now: Instant::from_millis(1000),
        };
        raw.exchange();
        while raw.channels.poll_event().is_some() {}
        while raw.peer.poll_event().is_some() {}
        raw
    }

    pub fn exchange(&mut self) {
        let mut buf = [0; 1500];
        for _ in 0..20 {
            self.now += ms(50);
            self.channels.handle_timeout(self.now);
            self.peer.handle_timeout(self.now);
            while let Some(len) = self.channels.write_body(self.now, &mut buf, Headroom::NONE) {
                self.peer.handle_body(self.now, &mut buf[..len]);
            }
            while let Some(len) = self.peer.write_body(self.now, &mut buf, Headroom::NONE) {
                self.channels.handle_body(self.now, &mut buf[..len]);
            }
        }
    }

    pub fn say(&mut self, stream: u16, ppid: u32, bytes: &[u8]) {
        let data = Bytes::copy_from_slice(bytes);
        self.peer.send(stream, ppid, data, SendOptions::default()).unwrap();
        self.exchange();
    }

    pub fn open(&mut self, stream: u16) {
        self.say(stream, 50, &[3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, b'x']);
    }

    pub fn events(&mut self) -> Vec<ChannelEvent> {
        std::iter::from_fn(|| self.channels.poll_event()).collect()
    }

    pub fn resets(&mut self) -> Vec<u16> {
        std::iter::from_fn(|| self.peer.poll_event())
            .filter_map(|event| match event {
                Event::IncomingReset(Streams::One(stream)) => Some(stream),
                Event::Closed(reason) => panic!("{reason}"),
                _ => None,
            })
            .collect()
    }
}
