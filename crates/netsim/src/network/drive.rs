//! Letting time pass: which moment comes next, and driving the machines by the contract.

use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use core::time::Duration;
use std::collections::BTreeSet;

use pollrtc_core::{Departure, Instant, Protocol, SendId, Transmit};

use super::Network;
use crate::host::{HostState, unscoped};
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
        let stream_wake = self.stream_wakes.first().map(|(wake, _)| *wake);
        let arrival = self.flights.next_arrival();
        let signal = self.signals.next_due();
        let next = [wake, stream_wake, arrival, signal].into_iter().flatten().min()?;
        Some(next.max(self.now))
    }

    fn set_now(&mut self, now: Instant) {
        if now > self.now {
            self.now = now;
            self.flights.moment_passed();
        }
    }

    /// What happens at this moment: first what arrives, then whose streams wait for an answer, then who wakes.
    fn play(&mut self, moment: Instant) {
        self.set_now(moment);
        while let Some((stage, packet)) = self.flights.pop_due(moment) {
            self.transit(stage, packet);
        }
        while let Some((host, signal)) = self.signals.pop_due(moment) {
            signal(&mut *self.hosts[host].node, moment);
            self.pump(host);
        }
        // Each is woken once, so that one that wants to be woken again right now lets the caller take
        // its events first.
        let later = (moment + Duration::from_nanos(1), 0);
        let rest = self.stream_wakes.split_off(&later);
        for (_, host) in core::mem::replace(&mut self.stream_wakes, rest) {
            self.hosts[host].stream_wake = None;
            self.hosts[host].stack.handle_timeout(moment);
            self.pump(host);
        }
        let rest = self.wakes.split_off(&later);
        for (_, host) in core::mem::replace(&mut self.wakes, rest) {
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

    /// Tells a machine what its streams have for it and takes all that it has to send, then notes when it wants to be
    /// woken.
    pub(super) fn pump(&mut self, host: usize) {
        let mut buffer = core::mem::take(&mut self.buffer);
        let mut burst = 0u32;
        loop {
            let before = burst;
            while let Some(upcall) = self.hosts[host].stack.upcalls.pop_front() {
                burst += 1;
                self.tell(host, upcall);
            }
            while let Some(transmit) = self.hosts[host].node.poll_transmit(self.now, &mut buffer) {
                burst += 1;
                self.check_burst(host, "poll_transmit", burst);
                self.hosts[host].check(&transmit, buffer.len());
                match transmit.flow.protocol() {
                    Protocol::Udp => self.send_datagrams(host, &transmit, &buffer),
                    _ => self.send_frame(host, &transmit, &buffer),
                }
            }
            // After what is to be sent on a stream comes that it is to be closed.
            while let Some(request) = self.hosts[host].node.poll_flow() {
                burst += 1;
                self.check_burst(host, "poll_flow", burst);
                self.carry_out(host, request);
            }
            if burst == before {
                break;
            }
        }
        self.buffer = buffer;
        self.send_segments(host);
        self.take_signals(host);
        self.note_wake(host);
    }

    fn check_burst(&self, host: usize, verb: &str, burst: u32) {
        if burst > BURST_MAX {
            let state = &self.hosts[host];
            panic!(
                "{} ({}) busy-loops: {verb} gave {burst} in a row at {} without input or time passing (law 3)",
                state.name,
                state.node.type_name(),
                self.now,
            );
        }
    }

    fn send_datagrams(&mut self, host: usize, transmit: &Transmit, buffer: &[u8]) {
        let source = self.hosts[host].source_of(&transmit.flow);
        let from = source.map(|(source, _)| source);
        let from = unscoped(from.or(transmit.flow.local()).unwrap_or(UNKNOWN_SOURCE));
        let destination = unscoped(transmit.flow.remote());
        for (number, payload) in (0..).zip(transmit.datagrams(buffer)) {
            let mut packet = Packet::new(from, destination, payload.to_vec());
            packet.ecn = transmit.ecn;
            self.count_traffic_sent(host, payload.len());
            let departure = match source {
                Some((_, port)) => {
                    self.depart(host, port, packet);
                    Departure::Sent(self.now)
                }
                None => {
                    self.drop_at_host(host, DropReason::NotLocal, &packet);
                    Departure::Dropped
                }
            };
            if let Some(SendId(first)) = transmit.id {
                let id = SendId(first.wrapping_add(number));
                self.hosts[host].node.handle_sent(id, departure);
            }
        }
    }

    pub(super) fn count_traffic_sent(&mut self, host: usize, len: usize) {
        let traffic = &mut self.hosts[host].traffic;
        traffic.sent += 1;
        traffic.sent_bytes += len as u64;
    }

    /// A host has sent this, and it goes no further than that.
    pub(super) fn drop_at_host(&mut self, host: usize, reason: DropReason, packet: &Packet) {
        self.count_sent(host, packet);
        let name = &self.hosts[host].name;
        self.log.dropped(self.now, name, reason, packet);
    }

    pub(super) fn count_sent(&mut self, host: usize, packet: &Packet) {
        self.log.stats.sent += 1;
        self.log
            .record(self.now, &self.hosts[host].name, TraceEvent::Sent, packet);
    }

    fn note_wake(&mut self, host: usize) {
        let state = &mut self.hosts[host];
        let wake = state.node.poll_timeout();
        if wake != state.wake {
            move_wake(&mut self.wakes, host, &mut state.wake, wake);
        }
        let wake = state.stack.poll_timeout();
        if wake != state.stream_wake {
            move_wake(&mut self.stream_wakes, host, &mut state.stream_wake, wake);
        }
    }
}

fn move_wake(wakes: &mut BTreeSet<(Instant, usize)>, host: usize, known: &mut Option<Instant>, wake: Option<Instant>) {
    if let Some(old) = *known {
        wakes.remove(&(old, host));
    }
    wakes.extend(wake.map(|wake| (wake, host)));
    *known = wake;
}

impl HostState {
    /// What no machine may ask for, whatever its peer says: the last paragraph of the laws.
    fn check(&self, transmit: &Transmit, room: usize) {
        let Transmit {
            flow,
            len,
            segment_size,
            ..
        } = *transmit;
        let fault = match segment_size {
            _ if len == 0 => "is empty",
            _ if len > room => "is longer than the buffer",
            Some(_) if flow.protocol().is_stream() => "has segments on a stream",
            Some(size) if size.get() > len => "has a segment size above its length",
            _ if flow.remote().port() == 0 => "goes to port 0",
            _ => return,
        };
        panic!(
            "{} ({}): a transmit {fault}: {transmit:?}",
            self.name,
            self.node.type_name()
        );
    }
}

/// More than any window or pacing allows in one go.
const BURST_MAX: u32 = 100_000;

/// Stands in a trace for the source of a datagram that has none.
pub(super) const UNKNOWN_SOURCE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
