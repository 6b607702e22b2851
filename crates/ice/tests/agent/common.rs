//! Two agents (or one and a forger) on a wire of fixed delay, in virtual time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use pollrtc_core::{Datagram, Instant, StateMachine};
use pollrtc_crypto::Rng;
use pollrtc_ice::{Agent, Candidate, Config, Credentials, Event, Path, Received, Role, State};
use pollrtc_stun::{AttributeType, Builder, Class, IntegrityKey, Message, Method, TransactionId};

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

/// The two ends of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

pub(crate) fn way(path: Path) -> Way {
    Way {
        local: path.flow.local().expect("a path names its base"),
        remote: path.flow.remote(),
    }
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
                    from: transmit.flow.local().unwrap(),
                    to: transmit.flow.remote(),
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
        let path = self.path(side);
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

    pub(crate) fn path(&self, side: usize) -> Way {
        way(self.agents[side].path().expect("there is a path"))
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

/// A check as `from` would send it to `to`, both known by their credentials.
pub(crate) struct Check<'c> {
    pub(crate) to: &'c Credentials,
    pub(crate) from: &'c Credentials,
    pub(crate) role: Role,
    pub(crate) tie_breaker: u64,
    pub(crate) use_candidate: bool,
    pub(crate) nomination: Option<u32>,
    pub(crate) transaction: [u8; 12],
}

impl<'c> Check<'c> {
    pub(crate) fn new(to: &'c Credentials, from: &'c Credentials, role: Role) -> Self {
        Self {
            to,
            from,
            role,
            tie_breaker: 7,
            use_candidate: false,
            nomination: None,
            transaction: [9; 12],
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut buf = [0; 512];
        let key = IntegrityKey::short_term(&self.to.pwd);
        let id = TransactionId(self.transaction);
        let mut builder = Builder::new(&mut buf, Class::Request, Method::BINDING, id)
            .username(&format!("{}:{}", self.to.ufrag, self.from.ufrag))
            .priority(1_845_501_695);
        builder = match self.role {
            Role::Controlling => builder.ice_controlling(self.tie_breaker),
            Role::Controlled => builder.ice_controlled(self.tie_breaker),
        };
        if self.use_candidate {
            builder = builder.use_candidate();
        }
        if let Some(value) = self.nomination {
            builder = builder.attribute(AttributeType::NOMINATION, &value.to_be_bytes());
        }
        let len = builder.message_integrity(&key).fingerprint().finish().unwrap();
        buf[..len].to_vec()
    }
}

/// An answer to a request, signed with the answerer's password.
pub(crate) fn answer(request: &[u8], password: &str, mapped: SocketAddr) -> Vec<u8> {
    let mut buf = [0; 512];
    let len = Builder::new(&mut buf, Class::SuccessResponse, Method::BINDING, id_of(request))
        .xor_mapped_address(mapped)
        .message_integrity(&IntegrityKey::short_term(password))
        .fingerprint()
        .finish()
        .unwrap();
    buf[..len].to_vec()
}

/// An error, signed if there is a password.
pub(crate) fn refusal(request: &[u8], password: Option<&str>, code: u16) -> Vec<u8> {
    let mut buf = [0; 512];
    let mut builder =
        Builder::new(&mut buf, Class::ErrorResponse, Method::BINDING, id_of(request)).error_code(code, "");
    if let Some(password) = password {
        builder = builder.message_integrity(&IntegrityKey::short_term(password));
    }
    let len = builder.fingerprint().finish().unwrap();
    buf[..len].to_vec()
}

fn id_of(request: &[u8]) -> TransactionId {
    Message::parse(request).unwrap().transaction_id()
}

/// One agent, and a peer that the test plays by hand.
pub(crate) struct Solo {
    pub(crate) agent: Agent,
    pub(crate) now: Instant,
    pub(crate) theirs: Credentials,
}

pub(crate) const HERE: &str = "192.0.2.1:5000";
pub(crate) const THERE: &str = "192.0.2.2:6000";

impl Solo {
    /// An agent with an address and nothing known of the peer.
    pub(crate) fn unacquainted(config: Config, role: Role) -> Self {
        let mut agent = Agent::new(config, role, Rng::from_seed([1; 32]));
        agent.add_local_address(Instant::ZERO, address(HERE)).unwrap();
        Self {
            agent,
            now: Instant::ZERO,
            theirs: Credentials::new("THEIRS", "their password, long enough"),
        }
    }

    /// The same with the peer's credentials and its candidate.
    pub(crate) fn new(role: Role) -> Self {
        let mut solo = Self::unacquainted(Config::default(), role);
        solo.agent
            .set_remote_credentials(solo.now, solo.theirs.clone())
            .unwrap();
        solo.agent
            .add_remote_candidate(solo.now, Candidate::host(address(THERE)));
        solo
    }

    pub(crate) fn ours(&self) -> Credentials {
        self.agent.local_credentials().clone()
    }

    pub(crate) fn advance(&mut self, duration: Duration) {
        self.now += duration;
        self.agent.handle_timeout(self.now);
    }

    /// What the agent has to say.
    pub(crate) fn sent(&mut self) -> Vec<Packet> {
        let mut buf = [0; 1500];
        let mut sent = Vec::new();
        while let Some(transmit) = self.agent.poll_transmit(self.now, &mut buf) {
            sent.push(Packet {
                from: transmit.flow.local().unwrap(),
                to: transmit.flow.remote(),
                bytes: buf[..transmit.len].to_vec(),
            });
        }
        sent
    }

    /// The only thing that it has to say.
    pub(crate) fn only_sent(&mut self) -> Packet {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }

    /// True if it was data.
    pub(crate) fn receive_from(&mut self, from: &str, bytes: &[u8]) -> bool {
        let mut bytes = bytes.to_vec();
        let received = self
            .agent
            .handle_datagram(self.now, Datagram::udp(address(from), &mut bytes));
        matches!(received, Received::Data { .. })
    }

    pub(crate) fn receive(&mut self, bytes: &[u8]) -> bool {
        self.receive_from(THERE, bytes)
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.agent.poll_event()).collect()
    }

    /// Answers the check that waits, so that the pair works.
    pub(crate) fn connect(&mut self) {
        let request = self.only_sent();
        let answer = answer(&request.bytes, &self.theirs.pwd.clone(), request.from);
        self.receive(&answer);
        assert!(self.agent.path().is_some());
    }
}

pub(crate) fn is_request(bytes: &[u8]) -> bool {
    Message::parse(bytes).is_ok_and(|message| message.class() == Class::Request)
}

pub(crate) fn error_code(bytes: &[u8]) -> Option<u16> {
    Message::parse(bytes).ok()?.error_code().map(|(code, _)| code)
}
