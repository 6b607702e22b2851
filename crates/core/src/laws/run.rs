//! Runs one script on one machine and checks the laws on the way.

use core::fmt::{self, Debug};
use core::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use core::num::NonZeroUsize;
use core::time::Duration;
use std::boxed::Box;
use std::collections::VecDeque;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::script::{Local, Origin, Script, Step, Way};
use super::{Laws, Node};
use crate::{
    Datagram, Departure, Ecn, Flow, FlowEvent, FlowRequest, Instant, Protocol, RequestId, SendId, StateMachine,
    Transmit, normalise,
};

/// More outputs than this in one drain count as endless.
const DRAIN_LIMIT: usize = 20_000;
/// How many datagrams are kept for replays, and may be under way.
const HISTORY: usize = 256;
/// How many flows and requests are remembered.
const FLOWS: usize = 32;
/// An address that means something on one link only.
const NEIGHBOUR: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9);
/// A local address that a machine was not given.
const UNHEARD_OF: ([u8; 4], u16) = ([203, 0, 113, 7], 5000);
/// Where a stranger sends from.
const STRANGER: ([u8; 4], u16) = ([198, 51, 100, 9], 7000);

impl<M> Laws<M>
where
    M: StateMachine + 'static,
    M::Event: Debug,
{
    /// Runs one script, given as bytes: what [`check`](Self::check) prints, or what a fuzzer makes.
    ///
    /// # Panics
    ///
    /// If a law is broken.
    pub fn run(&self, script: &[u8]) {
        let first = log_of(self, script);
        let second = log_of(self, script);
        if let Some(at) = (0..first.len().max(second.len())).find(|&i| first.get(i) != second.get(i)) {
            panic!(
                "law 5, deterministic: output {at} differs between two runs of one script: {:?} and then {:?}",
                first.get(at),
                second.get(at)
            );
        }
    }

    /// Runs one script on one machine instead of two, at half the cost: all laws but the fifth. For a fuzzer, which
    /// finds machines that are not deterministic with some of its inputs as well as with all.
    ///
    /// # Panics
    ///
    /// If a law is broken.
    pub fn run_once(&self, script: &[u8]) {
        run(self, script, Log::Off);
    }
}

/// Something that the machine gave out. It becomes text only where two runs differ: for each datagram, that would
/// take longer than the run.
#[derive(PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "requests for flows are rare")]
enum Output {
    Transmit {
        now: Instant,
        flow: Flow,
        ecn: Option<Ecn>,
        datagram: Vec<u8>,
    },
    /// What a datagram yielded, as who walked it tells.
    Received {
        now: Instant,
        flow: Flow,
        told: String,
    },
    /// As `Debug` shows it, since it need not be comparable.
    Event(String),
    Flow(FlowRequest),
}

impl Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transmit {
                now,
                flow,
                ecn,
                datagram,
            } => write!(f, "{now:?} -> {flow} {ecn:?} {datagram:02x?}"),
            Self::Received { now, flow, told } => write!(f, "{now:?} <- {flow} {told}"),
            Self::Event(event) => f.write_str(event),
            Self::Flow(request) => write!(f, "{request:?}"),
        }
    }
}

/// What the machine gave out, in order.
fn log_of<M>(laws: &Laws<M>, script: &[u8]) -> Vec<Output>
where
    M: StateMachine + 'static,
    M::Event: Debug,
{
    run(laws, script, Log::Kept(Vec::new())).into_outputs()
}

fn run<M>(laws: &Laws<M>, script: &[u8], log: Log) -> Log
where
    M: StateMachine + 'static,
    M::Event: Debug,
{
    let mut run = Run {
        laws,
        machine: (laws.make)(),
        peer: laws.make_peer.as_ref().map(|make| make()),
        now: Instant::from_millis(1_000),
        skew: Duration::ZERO,
        to_machine: VecDeque::new(),
        to_peer: VecDeque::new(),
        way: Way::default(),
        reached: vec![normalise(laws.address)],
        requests: VecDeque::new(),
        flows: VecDeque::new(),
        sent: VecDeque::new(),
        history: VecDeque::new(),
        lose_next: false,
        buf: vec![0; 65_536],
        log,
    };
    for step in Script(script) {
        run.step(step);
        run.check_memory();
    }
    run.quiesce();
    run.log
}

struct Run<'l, M: StateMachine> {
    laws: &'l Laws<M>,
    machine: M,
    peer: Option<Box<dyn Node>>,
    /// The latest time that anyone was told.
    now: Instant,
    /// How far back the next call's time lies.
    skew: Duration,
    /// Each with the machine's address on its way.
    to_machine: VecDeque<(Vec<u8>, SocketAddr)>,
    to_peer: VecDeque<(Vec<u8>, SocketAddr)>,
    /// How the peer's datagrams arrive.
    way: Way,
    /// The local addresses that datagrams were said to have come to.
    reached: Vec<SocketAddr>,
    /// Streams that the machine asked for.
    requests: VecDeque<FlowRequest>,
    /// Flows that the machine used, or has heard of.
    flows: VecDeque<Flow>,
    /// Transmits whose fate the machine wants to hear.
    sent: VecDeque<SendId>,
    /// What was delivered to the machine, for replays and mutations.
    history: VecDeque<Vec<u8>>,
    lose_next: bool,
    buf: Vec<u8>,
    log: Log,
}

/// What is kept of the outputs. To copy datagrams and to write events as text takes longer than the run.
enum Log {
    Kept(Vec<Output>),
    Off,
}

impl Log {
    fn push(&mut self, output: impl FnOnce() -> Output) {
        if let Self::Kept(outputs) = self {
            outputs.push(output());
        }
    }

    fn into_outputs(self) -> Vec<Output> {
        match self {
            Self::Kept(outputs) => outputs,
            Self::Off => Vec::new(),
        }
    }
}

impl<M> Run<'_, M>
where
    M: StateMachine + 'static,
    M::Event: Debug,
{
    fn step(&mut self, step: Step) {
        match step {
            Step::Wait(duration) => self.now += duration,
            Step::Backwards(duration) => self.skew = duration,
            Step::Timeout => {
                let now = self.time();
                self.machine.handle_timeout(now);
            }
            Step::NextTimeout => self.next_timeout(),
            Step::Transmit { buffer } => {
                let now = self.time();
                self.transmit(now, buffer);
            }
            Step::Event => {
                self.event();
            }
            Step::Flow => {
                self.flow_request();
            }
            Step::FlowNews { kind, pick, mtu } => self.flow_news(kind, pick, mtu),
            Step::Departure { back, dropped } => {
                let id = self.sent.iter().rev().nth(usize::from(back)).copied();
                let departure = match dropped {
                    true => Departure::Dropped,
                    false => Departure::Sent(self.now),
                };
                self.machine.handle_sent(id.unwrap_or(SendId(back.into())), departure);
            }
            Step::Exchanged(way) => self.way = way,
            Step::Quiesce => self.quiesce(),
            Step::Exchange { datagrams } => self.exchange(datagrams),
            Step::Lose => self.lose_next = true,
            Step::Replay { back, times } => {
                let Some(bytes) = self.history.iter().rev().nth(usize::from(back)).cloned() else {
                    return;
                };
                for _ in 0..times {
                    self.deliver(bytes.clone(), Way::default(), self.laws.address);
                }
            }
            Step::Mutated { pick, edits, cut, way } => {
                if let Some(bytes) = self.mutated(pick, &edits, cut) {
                    self.deliver(bytes, way, self.laws.address);
                }
            }
            Step::Noise { bytes, way } => self.deliver(bytes, way, self.laws.address),
            Step::Verb { pick, argument } => {
                let now = self.time();
                if let Some(verb) = self.laws.verbs.get(usize::from(pick) % self.laws.verbs.len().max(1)) {
                    verb(&mut self.machine, now, argument);
                }
            }
        }
    }

    /// The time for the next call, once set back if the script says so.
    fn time(&mut self) -> Instant {
        self.now - core::mem::take(&mut self.skew)
    }

    fn source(&self, origin: Origin) -> SocketAddr {
        let peer = self.laws.peer_address;
        match origin {
            Origin::Peer => peer,
            Origin::Stranger => SocketAddr::from(STRANGER),
            Origin::PeersHost => SocketAddr::new(peer.ip(), peer.port() ^ 1),
            Origin::Neighbour { link } => SocketAddr::V6(SocketAddrV6::new(NEIGHBOUR, 7000, 0, link.into())),
            Origin::Nobody { kind: 0 } => SocketAddr::new(peer.ip(), 0),
            Origin::Nobody { kind: 1 } => SocketAddr::from(([0, 0, 0, 0], 7000)),
            Origin::Nobody { kind: 2 } => SocketAddr::from(([224, 0, 0, 251], 5353)),
            Origin::Nobody { .. } => SocketAddr::from(([255; 4], 7000)),
        }
    }

    /// The flow of a datagram that reaches the machine at `address`, or elsewhere if its way says so.
    fn flow(&self, way: Way, address: SocketAddr) -> Flow {
        let local = match way.local {
            Local::Given => Some(address),
            Local::Unsaid => None,
            Local::Other => Some(SocketAddr::from(UNHEARD_OF)),
            Local::Unspecified => Some(SocketAddr::from(([0, 0, 0, 0], address.port()))),
        };
        let protocol = if way.stream { Protocol::Tcp } else { Protocol::Udp };
        Flow::new(protocol, local, self.source(way.source))
    }

    fn deliver(&mut self, mut bytes: Vec<u8>, way: Way, address: SocketAddr) {
        let now = self.time();
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(bytes.clone());
        let flow = self.flow(way, address);
        if let Some(local) = flow.local().filter(|local| !self.reached.contains(local)) {
            self.reached.push(local);
        }
        self.remember(flow);
        let datagram = Datagram::new(flow, &mut bytes)
            .with_ecn(way.ecn)
            .arrived_at(way.arrived.map(|ago| now - ago));
        let told = (self.laws.walk)(self.machine.handle_datagram(now, datagram));
        self.log.push(|| Output::Received { now, flow, told });
    }

    fn remember(&mut self, flow: Flow) {
        if !self.flows.contains(&flow) {
            if self.flows.len() == FLOWS {
                self.flows.pop_front();
            }
            self.flows.push_back(flow);
        }
    }

    fn flow_request(&mut self) -> bool {
        let Some(request) = self.machine.poll_flow() else {
            return false;
        };
        self.log.push(|| Output::Flow(request));
        if let FlowRequest::Open { protocol, to, .. } = request {
            assert!(
                protocol.is_stream(),
                "a request to open a flow without connections: {request:?}"
            );
            assert!(to.port() != 0, "a request to open a stream to port 0: {request:?}");
        }
        if self.requests.len() < FLOWS {
            self.requests.push_back(request);
        }
        true
    }

    fn flow_news(&mut self, kind: u8, pick: u8, mtu: u16) {
        let now = self.time();
        let pick = usize::from(pick);
        let known = self.flows.get(pick % self.flows.len().max(1)).copied();
        let flow = known.unwrap_or_else(|| self.flow(Way::default(), self.laws.address));
        let event = match kind % 8 {
            0..=1 => {
                let request = self.requests.remove(pick % self.requests.len().max(1));
                let (id, flow) = match request {
                    Some(FlowRequest::Open { id, to, protocol, .. }) => {
                        (Some(id), Flow::new(protocol, Some(self.laws.address), to))
                    }
                    // Nobody asked: a listener's, or the answer to what was never a question.
                    _ if kind < 32 => (None, Flow::new(Protocol::Tcp, flow.local(), flow.remote())),
                    _ => (Some(RequestId(pick as u64)), flow),
                };
                self.remember(flow);
                match kind % 8 {
                    0 => FlowEvent::Opened { id, flow },
                    _ => FlowEvent::Failed {
                        id: id.unwrap_or(RequestId(pick as u64)),
                    },
                }
            }
            2 => FlowEvent::Closed(flow),
            3 => FlowEvent::Blocked(flow),
            4 => FlowEvent::Writable(flow),
            5..=6 => FlowEvent::Unreachable(flow),
            _ => FlowEvent::TooBig { flow, mtu },
        };
        self.machine.handle_flow(now, event);
    }

    fn mutated(&self, pick: u8, edits: &[(u8, u8)], cut: Option<u8>) -> Option<Vec<u8>> {
        let known = self.laws.samples.len() + self.history.len();
        let index = usize::from(pick).checked_rem(known)?;
        let known = self.laws.samples.iter().chain(&self.history).nth(index)?;
        let mut bytes = known.clone();
        for (at, value) in edits {
            let len = bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(usize::from(*at) % len) {
                *byte = *value;
            }
        }
        if let Some(cut) = cut {
            bytes.truncate(usize::from(cut));
        }
        Some(bytes)
    }

    fn transmit(&mut self, now: Instant, buffer: usize) -> Option<Transmit> {
        let longest = self.machine.longest_datagram();
        let transmit = self.machine.poll_transmit(now, &mut self.buf[..buffer])?;
        self.check_transmit(&transmit, buffer, longest);
        self.remember(transmit.flow);
        if let Some(id) = transmit.id {
            if self.sent.len() == HISTORY {
                self.sent.pop_front();
            }
            self.sent.push_back(id);
        }
        let (from, to) = (transmit.flow.local(), transmit.flow.remote());
        for datagram in transmit.datagrams(&self.buf) {
            self.log.push(|| Output::Transmit {
                now,
                flow: transmit.flow,
                ecn: transmit.ecn,
                datagram: datagram.to_vec(),
            });
            let lost = core::mem::take(&mut self.lose_next);
            if to == self.laws.peer_address && !lost && self.to_peer.len() < HISTORY {
                let from = from.unwrap_or(self.laws.address);
                self.to_peer.push_back((datagram.to_vec(), from));
            }
        }
        Some(transmit)
    }

    fn check_transmit(&self, transmit: &Transmit, buffer: usize, longest: usize) {
        let Transmit { flow, len, .. } = *transmit;
        assert!(
            len <= buffer,
            "law 2: a transmit of {len} bytes in a buffer of {buffer}"
        );
        assert!(len > 0, "a transmit of length 0 for {flow}");
        assert!(flow.remote().port() != 0, "a transmit to port 0: {flow}");
        let segment = transmit.segment_size.map_or(len, NonZeroUsize::get);
        assert!(segment <= len, "a transmit of {len} bytes in segments of {segment}");
        assert!(
            transmit.segment_size.is_none() || !flow.protocol().is_stream(),
            "a transmit in segments on a stream: {flow}"
        );
        assert!(
            segment <= longest,
            "a datagram of {segment} bytes, where the longest was to have {longest}"
        );
        if let Some(local) = flow.local() {
            let given = self.laws.locals.as_ref().unwrap_or(&self.reached);
            assert!(
                given.contains(&local),
                "a transmit from {local}, which the machine was not given"
            );
        }
    }

    fn event(&mut self) -> bool {
        let Some(event) = self.machine.poll_event() else {
            return false;
        };
        self.log.push(|| Output::Event(format!("{event:?}")));
        true
    }

    /// Takes all output; true if there was any. Buffers are as long as they need to be, in turn with long ones.
    fn drain(&mut self, now: Instant) -> bool {
        for outputs in 0..DRAIN_LIMIT {
            let longest = self.machine.longest_datagram().min(self.buf.len());
            let buffer = if outputs % 2 == 0 { longest } else { self.buf.len() };
            let transmitted = self.transmit(now, buffer).is_some();
            if transmitted || self.event() || self.flow_request() {
                continue;
            }
            assert!(
                self.transmit(now, self.buf.len()).is_none(),
                "law 3, quiet: nothing to send in a buffer of {longest} bytes, the longest datagram, but in a longer one"
            );
            return outputs > 0;
        }
        panic!("law 4, bounded: more than {DRAIN_LIMIT} outputs in one drain");
    }

    fn next_timeout(&mut self) {
        self.drain(self.now);
        let Some(deadline) = self.machine.poll_timeout() else {
            return;
        };
        self.now = self.now.max(deadline);
        self.machine.handle_timeout(self.now);
        let next = self.machine.poll_timeout();
        let output = self.drain(self.now);
        if let Some(next) = next.filter(|next| *next <= self.now && !output) {
            panic!(
                "law 3, no busy loop: handle_timeout({:?}) gave no output and left the timeout at {next:?}",
                self.now
            );
        }
    }

    /// Law 3: drained means quiet until the deadline.
    fn quiesce(&mut self) {
        self.drain(self.now);
        // What was due already may be told first: a caller that is late does this.
        self.machine.handle_timeout(self.now);
        self.drain(self.now);
        let deadline = self.machine.poll_timeout();
        if let Some(deadline) = deadline {
            assert!(
                deadline > self.now,
                "law 3, no busy loop: drained at {:?}, and the timeout is still {deadline:?}",
                self.now
            );
        }
        let still = match deadline {
            Some(deadline) => self.now + (deadline - self.now) / 2,
            None => self.now + Duration::from_secs(3600),
        };
        let output = self.drain(still);
        assert!(
            !output,
            "law 3, quiet: drained at {:?}, deadline {deadline:?}, but output at {still:?}",
            self.now
        );
        assert_eq!(
            self.machine.poll_timeout(),
            deadline,
            "law 3, quiet: the timeout moved with nothing happening between {:?} and {still:?}",
            self.now
        );
        self.now = still;
    }

    /// Carries datagrams between the machine and its peer, each side drained as a driver does.
    fn exchange(&mut self, datagrams: u8) {
        for _ in 0..datagrams {
            self.drain(self.now);
            self.peer_turn();
            let Some((bytes, address)) = self.to_machine.pop_front() else {
                return;
            };
            self.deliver(bytes, self.way, address);
        }
    }

    fn peer_turn(&mut self) {
        let Some(peer) = &mut self.peer else { return };
        if peer.deadline().is_some_and(|deadline| deadline <= self.now) {
            peer.timeout(self.now);
        }
        while let Some((mut bytes, from)) = self.to_peer.pop_front() {
            peer.deliver(
                self.now,
                Datagram::udp(from, &mut bytes).received_on(self.laws.peer_address),
            );
        }
        for _ in 0..DRAIN_LIMIT {
            let Some(transmit) = peer.transmit(self.now, &mut self.buf) else {
                break;
            };
            for datagram in transmit.datagrams(&self.buf) {
                let lost = core::mem::take(&mut self.lose_next);
                if !lost && self.to_machine.len() < HISTORY {
                    self.to_machine.push_back((datagram.to_vec(), transmit.flow.remote()));
                }
            }
        }
        for _ in 0..DRAIN_LIMIT {
            if !peer.event() {
                break;
            }
        }
    }

    fn check_memory(&self) {
        let Some((measure, bound)) = &self.laws.memory else {
            return;
        };
        let held = measure(&self.machine);
        assert!(
            held <= *bound,
            "law 4, bounded: the machine holds {held} bytes, the bound is {bound}"
        );
    }
}
