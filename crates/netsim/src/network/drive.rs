//! Letting time pass: which moment comes next, and driving the machines by the contract.

use core::time::Duration;

use pollrtc_core::{Instant, Protocol};

use super::Network;
use crate::packet::Packet;
use crate::stats::DropReason;
use crate::trace::TraceEvent;

/// Until when to go on: a [`Duration`] counts from now, an [`Instant`] is that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// This long from now.
    In(Duration),
    /// At this time.
    At(Instant),
}

impl From<Duration> for Deadline {
    fn from(duration: Duration) -> Self {
        Self::In(duration)
    }
}

impl From<Instant> for Deadline {
    fn from(instant: Instant) -> Self {
        Self::At(instant)
    }
}

/// Time.
impl Network {
    /// Goes on until `condition` holds or the deadline has come; tells whether it holds. The condition
    /// is looked at first, and again after each moment at which something happened; it may take events
    /// and act on hosts.
    ///
    /// # Panics
    /// If a machine busy-loops, as [`step`](Self::step).
    pub fn run_until(&mut self, mut condition: impl FnMut(&mut Self) -> bool, deadline: impl Into<Deadline>) -> bool {
        let deadline = match deadline.into() {
            Deadline::In(duration) => self.now + duration,
            Deadline::At(instant) => instant,
        };
        loop {
            if condition(self) {
                return true;
            }
            match self.next_moment() {
                Some(moment) if moment <= deadline => self.play(moment),
                _ => break,
            }
        }
        self.set_now(deadline.max(self.now));
        condition(self)
    }

    /// Goes to the next moment at which something happens and lets it happen; false if nothing ever
    /// will.
    ///
    /// # Panics
    /// If a machine busy-loops: sends without end, or asks to be woken over and over at the same time
    /// and does nothing then (law 3 of the contract), or if hosts answer each other without end over
    /// links that take no time.
    pub fn step(&mut self) -> bool {
        let next = self.next_moment();
        next.map(|moment| self.play(moment)).is_some()
    }

    /// Notes that the caller has had its hands on a machine.
    pub(super) fn touch(&mut self, host: usize) {
        if let Some(state) = self.hosts.get_mut(host)
            && !state.touched
        {
            state.touched = true;
            self.touched.push(host);
        }
    }

    fn next_moment(&mut self) -> Option<Instant> {
        while let Some(host) = self.touched.pop() {
            self.hosts[host].touched = false;
            self.pump(host);
        }
        let wake = self.wakes.first().map(|(wake, _)| *wake);
        let arrival = self.flights.next_arrival();
        let next = wake.into_iter().chain(arrival).min()?;
        Some(next.max(self.now))
    }

    fn set_now(&mut self, now: Instant) {
        if now > self.now {
            self.now = now;
            self.flights.moment_passed();
        }
    }

    /// What happens at this moment: first what arrives, then who wakes.
    fn play(&mut self, moment: Instant) {
        self.set_now(moment);
        while let Some((stage, packet)) = self.flights.pop_due(moment) {
            self.transit(stage, packet);
        }
        // Each is woken once, so that one that wants to be woken again right now lets the caller take
        // its events first.
        let later = self.wakes.split_off(&(moment + Duration::from_nanos(1), 0));
        let due = core::mem::replace(&mut self.wakes, later);
        for (_, host) in due {
            self.hosts[host].wake = None;
            self.wake(host);
        }
    }

    fn wake(&mut self, host: usize) {
        let sent_before = self.hosts[host].traffic.sent;
        self.hosts[host].node.handle_timeout(self.now);
        self.pump(host);
        let state = &mut self.hosts[host];
        if state.traffic.sent != sent_before {
            state.restlessness.reset();
        } else if state.restlessness.idle_wake(self.now) {
            panic!(
                "{} ({}) busy-loops: at {} its poll_timeout is {:?} after handle_timeout was called \
                 over and over and it has nothing to send (law 3). If it has events waiting, take \
                 them in run_until's condition.",
                state.name,
                state.node.type_name(),
                self.now,
                state.node.poll_timeout(),
            );
        }
    }

    /// Takes all that a machine has to send, then notes when it wants to be woken.
    pub(super) fn pump(&mut self, host: usize) {
        let mut buffer = core::mem::take(&mut self.buffer);
        let mut burst = 0u32;
        while let Some(transmit) = self.hosts[host].node.poll_transmit(self.now, &mut buffer) {
            burst += 1;
            if burst > BURST_MAX {
                let state = &self.hosts[host];
                panic!(
                    "{} ({}) busy-loops: poll_transmit gave {burst} datagrams at {} without input or \
                     time passing (law 3)",
                    state.name,
                    state.node.type_name(),
                    self.now,
                );
            }
            let source = self.hosts[host].source_of(&transmit);
            for payload in transmit.datagrams(&buffer) {
                let from = source.map(|(source, _)| source);
                let from = from.or(transmit.flow.local()).unwrap_or(UNKNOWN_SOURCE);
                let mut packet = Packet::new(from, transmit.flow.remote(), payload.to_vec());
                packet.ecn = transmit.ecn;
                let reason = match (transmit.flow.protocol(), source) {
                    (Protocol::Udp, Some((_, port))) => {
                        self.count_sent(host, &packet);
                        self.depart(port, packet);
                        continue;
                    }
                    (Protocol::Udp, None) => DropReason::NotLocal,
                    _ => DropReason::NotUdp,
                };
                self.count_sent(host, &packet);
                let name = &self.hosts[host].name;
                self.log.dropped(self.now, name, reason, &packet);
            }
        }
        self.buffer = buffer;
        self.note_wake(host);
    }

    fn count_sent(&mut self, host: usize, packet: &Packet) {
        let state = &mut self.hosts[host];
        state.traffic.sent += 1;
        state.traffic.sent_bytes += packet.payload.len() as u64;
        self.log.stats.sent += 1;
        self.log.record(self.now, &state.name, TraceEvent::Sent, packet);
    }

    fn note_wake(&mut self, host: usize) {
        let state = &mut self.hosts[host];
        let wake = state.node.poll_timeout();
        if wake != state.wake {
            if let Some(old) = state.wake {
                self.wakes.remove(&(old, host));
            }
            if let Some(new) = wake {
                self.wakes.insert((new, host));
            }
            state.wake = wake;
        }
    }
}

/// More than any window or pacing allows in one go.
const BURST_MAX: u32 = 100_000;

/// Stands in a trace for the source of a datagram that has none.
const UNKNOWN_SOURCE: core::net::SocketAddr =
    core::net::SocketAddr::V4(core::net::SocketAddrV4::new(core::net::Ipv4Addr::UNSPECIFIED, 0));
