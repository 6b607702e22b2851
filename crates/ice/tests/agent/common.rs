//! Two agents (or one and a forger) on a wire of fixed delay, in virtual time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use pollrtc_core::{Datagram, Instant, StateMachine};
use pollrtc_crypto::Rng;
use pollrtc_ice::{Agent, Candidate, Config, Event, Path, Received, Role, State};

pub(crate) const A: usize = 0;
pub(crate) const B: usize = 1;

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) fn agent(role: Role, seed: u8) -> Agent {
    Agent::new(Config::default(), role, Rng::from_seed([seed; 32]))
}

#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

/// Decides on a packet: whether it passes.
pub(crate) type Filter = Box<dyn FnMut(Instant, &Packet) -> bool>;

pub(crate) struct Pair {
    pub(crate) agents: [Agent; 2],
    pub(crate) now: Instant,
    pub(crate) one_way: Duration,
    pub(crate) filter: Filter,
    /// When each side has its machine running; before that, packets to it are lost.
    pub(crate) starts: [Instant; 2],
    pub(crate) first_path: [Option<Instant>; 2],
    pub(crate) first_completed: [Option<Instant>; 2],
    pub(crate) events: [Vec<Event>; 2],
    pub(crate) data: [Vec<Vec<u8>>; 2],
    pub(crate) sent: [Vec<(Instant, Packet)>; 2],
    wire: VecDeque<(Instant, usize, Packet)>,
}

impl Pair {
    pub(crate) fn new(a: Agent, b: Agent, rtt: Duration) -> Self {
        Self {
            agents: [a, b],
            now: Instant::ZERO,
            one_way: rtt / 2,
            filter: Box::new(|_, _| true),
            starts: [Instant::ZERO; 2],
            first_path: [None; 2],
            first_completed: [None; 2],
            events: [const { Vec::new() }; 2],
            data: [const { Vec::new() }; 2],
            sent: [const { Vec::new() }; 2],
            wire: VecDeque::new(),
        }
    }

    /// Controlling and controlled, with so many addresses each.
    pub(crate) fn with_addresses(counts: [usize; 2], rtt: Duration) -> Self {
        let mut pair = Self::new(agent(Role::Controlling, 1), agent(Role::Controlled, 2), rtt);
        for side in [A, B] {
            for index in 0..counts[side] {
                let local = host(side, index);
                pair.agents[side].add_local_address(Instant::ZERO, local).unwrap();
            }
        }
        pair
    }

    /// Both sides learn all of the other at once.
    pub(crate) fn signal(&mut self) {
        for side in [A, B] {
            self.signal_to(side);
        }
    }

    /// `side` learns all of the other.
    pub(crate) fn signal_to(&mut self, side: usize) {
        let now = self.now;
        let credentials = self.agents[1 - side].local_credentials().clone();
        let candidates: Vec<Candidate> = self.agents[1 - side].local_candidates().cloned().collect();
        self.agents[side].set_remote_credentials(now, credentials).unwrap();
        for candidate in candidates {
            self.agents[side].add_remote_candidate(now, candidate);
        }
        self.agents[side].end_of_remote_candidates(now);
    }

    /// Takes what both have to say at this time.
    pub(crate) fn drain(&mut self) {
        let mut buf = [0; 1500];
        for side in [A, B] {
            if self.now < self.starts[side] {
                continue;
            }
            while let Some(transmit) = self.agents[side].poll_transmit(self.now, &mut buf) {
                let packet = Packet {
                    from: transmit.source.unwrap(),
                    to: transmit.destination,
                    bytes: buf[..transmit.len].to_vec(),
                };
                self.sent[side].push((self.now, packet.clone()));
                if (self.filter)(self.now, &packet) {
                    self.wire.push_back((self.now + self.one_way, 1 - side, packet));
                }
            }
            while let Some(event) = self.agents[side].poll_event() {
                self.events[side].push(event);
            }
            if self.agents[side].path().is_some() {
                self.first_path[side].get_or_insert(self.now);
            }
            if self.agents[side].state() == State::Completed {
                self.first_completed[side].get_or_insert(self.now);
            }
        }
    }

    /// Data from one side to the other, over its path.
    pub(crate) fn send(&mut self, side: usize, bytes: &[u8]) {
        let path = self.agents[side].path().expect("there is a path");
        let packet = Packet {
            from: path.local,
            to: path.remote,
            bytes: bytes.to_vec(),
        };
        if (self.filter)(self.now, &packet) {
            self.wire.push_back((self.now + self.one_way, 1 - side, packet));
        }
    }

    pub(crate) fn deliver(&mut self, side: usize, packet: &Packet) {
        let mut bytes = packet.bytes.clone();
        let datagram = Datagram::udp(packet.from, &mut bytes).received_on(packet.to);
        if let Received::Data { payload, .. } = self.agents[side].handle_datagram(self.now, datagram) {
            self.data[side].push(payload.to_vec());
        }
    }

    /// The next thing that happens, if it happens until `deadline`.
    pub(crate) fn step(&mut self, deadline: Instant) -> bool {
        self.drain();
        let timeouts = [A, B].map(|side| self.agents[side].poll_timeout().map(|at| at.max(self.starts[side])));
        let arrival = self.wire.front().map(|(at, ..)| *at);
        let Some(next) = timeouts.into_iter().flatten().chain(arrival).min() else {
            self.now = self.now.max(deadline);
            return false;
        };
        if next > deadline {
            self.now = self.now.max(deadline);
            return false;
        }
        self.now = self.now.max(next);
        while self.wire.front().is_some_and(|(at, ..)| *at <= self.now) {
            let Some((_, to, packet)) = self.wire.pop_front() else {
                break;
            };
            if self.now >= self.starts[to] {
                self.deliver(to, &packet);
            }
        }
        for side in [A, B] {
            if self.now >= self.starts[side] && self.agents[side].poll_timeout().is_some_and(|at| at <= self.now) {
                self.agents[side].handle_timeout(self.now);
                let quiet = self.agents[side].poll_timeout().is_none_or(|at| at > self.now);
                assert!(quiet, "a timeout that is handled is over");
            }
        }
        self.drain();
        true
    }

    pub(crate) fn run_until(&mut self, deadline: Instant) {
        while self.step(deadline) {}
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        self.run_until(self.now + duration);
    }

    pub(crate) fn run_until_both(&mut self, state: State, deadline: Instant) -> bool {
        loop {
            if self.agents.iter().all(|agent| agent.state() == state) {
                return true;
            }
            if !self.step(deadline) {
                return self.agents.iter().all(|agent| agent.state() == state);
            }
        }
    }

    pub(crate) fn packets(&self) -> usize {
        self.sent[A].len() + self.sent[B].len()
    }

    pub(crate) fn path(&self, side: usize) -> Path {
        self.agents[side].path().expect("there is a path")
    }

    pub(crate) fn states(&self, side: usize) -> Vec<State> {
        self.events[side]
            .iter()
            .filter_map(|event| match event {
                Event::StateChanged(state) => Some(*state),
                _ => None,
            })
            .collect()
    }
}

pub(crate) fn host(side: usize, index: usize) -> SocketAddr {
    let port = 5000 + u16::try_from(index).unwrap();
    SocketAddr::from(([10, side as u8 + 1, index as u8, 1], port))
}

/// Only packets between these two addresses pass.
pub(crate) fn only_between(a: SocketAddr, b: SocketAddr) -> Filter {
    Box::new(move |_, packet| (packet.from, packet.to) == (a, b) || (packet.from, packet.to) == (b, a))
}
