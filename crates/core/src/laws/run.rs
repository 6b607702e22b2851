//! Runs one script on one machine and checks the laws on the way.

use core::fmt::{self, Debug};
use core::net::SocketAddr;
use core::time::Duration;
use std::boxed::Box;
use std::collections::VecDeque;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::script::{Script, Step};
use super::{Laws, Node};
use crate::{Datagram, Instant, StateMachine, Transmit};

/// More outputs than this in one drain count as endless.
const DRAIN_LIMIT: usize = 20_000;
/// How many datagrams are kept for replays, and may be under way.
const HISTORY: usize = 256;
/// Where a stranger sends from.
const STRANGER: ([u8; 4], u16) = ([198, 51, 100, 9], 7000);

/// Something that the machine gave out. It becomes text only where two runs differ: for each datagram, that would
/// take longer than the run.
#[derive(PartialEq, Eq)]
pub(super) enum Output {
    Transmit {
        now: Instant,
        destination: SocketAddr,
        datagram: Vec<u8>,
    },
    /// As `Debug` shows it, since it need not be comparable.
    Event(String),
}

impl Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transmit {
                now,
                destination,
                datagram,
            } => write!(f, "{now:?} -> {destination} {datagram:02x?}"),
            Self::Event(event) => f.write_str(event),
        }
    }
}

/// What the machine gave out, in order.
pub(super) fn log_of<M>(laws: &Laws<M>, script: &[u8]) -> Vec<Output>
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
        history: VecDeque::new(),
        lose_next: false,
        buf: vec![0; 65_536],
        log: Vec::new(),
    };
    for step in Script(script) {
        run.step(step);
        run.check_memory();
    }
    run.quiesce();
    run.log
}

struct Run<'l, M> {
    laws: &'l Laws<M>,
    machine: M,
    peer: Option<Box<dyn Node>>,
    /// The latest time that anyone was told.
    now: Instant,
    /// How far back the next call's time lies.
    skew: Duration,
    to_machine: VecDeque<Vec<u8>>,
    to_peer: VecDeque<Vec<u8>>,
    /// What was delivered to the machine, for replays and mutations.
    history: VecDeque<Vec<u8>>,
    lose_next: bool,
    buf: Vec<u8>,
    log: Vec<Output>,
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
            Step::Quiesce => self.quiesce(),
            Step::Exchange { datagrams } => self.exchange(datagrams),
            Step::Lose => self.lose_next = true,
            Step::Replay { back, times } => {
                let Some(bytes) = self.history.iter().rev().nth(usize::from(back)).cloned() else {
                    return;
                };
                for _ in 0..times {
                    self.deliver(bytes.clone(), self.laws.peer_address);
                }
            }
            Step::Mutated {
                pick,
                edits,
                cut,
                stranger,
            } => {
                if let Some(bytes) = self.mutated(pick, &edits, cut) {
                    self.deliver(bytes, self.source(stranger));
                }
            }
            Step::Noise { bytes, stranger } => self.deliver(bytes, self.source(stranger)),
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

    fn source(&self, stranger: bool) -> SocketAddr {
        if stranger {
            SocketAddr::from(STRANGER)
        } else {
            self.laws.peer_address
        }
    }

    fn deliver(&mut self, mut bytes: Vec<u8>, source: SocketAddr) {
        let now = self.time();
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(bytes.clone());
        self.machine
            .handle_datagram(now, Datagram::udp(source, &mut bytes).received_on(self.laws.address));
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
        let transmit = self.machine.poll_transmit(now, &mut self.buf[..buffer])?;
        assert!(
            transmit.len <= buffer,
            "law 2: a transmit of {} bytes in a buffer of {buffer}",
            transmit.len
        );
        for datagram in transmit.datagrams(&self.buf) {
            self.log.push(Output::Transmit {
                now,
                destination: transmit.flow.remote(),
                datagram: datagram.to_vec(),
            });
            let lost = core::mem::take(&mut self.lose_next);
            if transmit.flow.remote() == self.laws.peer_address && !lost && self.to_peer.len() < HISTORY {
                self.to_peer.push_back(datagram.to_vec());
            }
        }
        Some(transmit)
    }

    fn event(&mut self) -> bool {
        let event = self.machine.poll_event();
        self.log
            .extend(event.iter().map(|event| Output::Event(format!("{event:?}"))));
        event.is_some()
    }

    /// Takes all output; true if there was any.
    fn drain(&mut self, now: Instant) -> bool {
        for outputs in 0..DRAIN_LIMIT {
            let transmitted = self.transmit(now, self.buf.len()).is_some();
            if !transmitted && !self.event() {
                return outputs > 0;
            }
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
            let Some(bytes) = self.to_machine.pop_front() else {
                return;
            };
            self.deliver(bytes, self.laws.peer_address);
        }
    }

    fn peer_turn(&mut self) {
        let Some(peer) = &mut self.peer else { return };
        if peer.deadline().is_some_and(|deadline| deadline <= self.now) {
            peer.timeout(self.now);
        }
        while let Some(mut bytes) = self.to_peer.pop_front() {
            peer.deliver(
                self.now,
                Datagram::udp(self.laws.address, &mut bytes).received_on(self.laws.peer_address),
            );
        }
        for _ in 0..DRAIN_LIMIT {
            let Some(transmit) = peer.transmit(self.now, &mut self.buf) else {
                break;
            };
            for datagram in transmit.datagrams(&self.buf) {
                let lost = core::mem::take(&mut self.lose_next);
                if !lost && self.to_machine.len() < HISTORY {
                    self.to_machine.push_back(datagram.to_vec());
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
