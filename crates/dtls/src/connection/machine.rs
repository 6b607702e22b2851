//! The verbs of every protocol, and the timers behind them.

use core::time::Duration;

use pollrtc_core::{Headroom, InnerProtocol, Instant};

use super::{Connection, Event, Phase};
use crate::error::CloseReason;
use crate::flight::MIN_MTU;
use crate::received::ApplicationData;
use crate::records::MAX_SUFFIX_LEN;

impl Connection {
    /// The most bytes of a datagram with handshake messages, from the next one on. Values below 64
    /// count as 64.
    pub fn set_mtu(&mut self, mtu: usize) {
        self.mtu = mtu.max(MIN_MTU);
    }

    /// How long a packet takes to the peer and back, as far as the caller knows, from ICE for
    /// example: we wait one and a half times as long for the answer to a flight, but at least 50 ms, and
    /// twice as long each time, but at most 3 s. Timers that run change too.
    pub fn set_round_trip_time(&mut self, round_trip_time: Duration) {
        self.flight.set_round_trip_time(round_trip_time);
    }

    /// As a server: until when a ClientHello has to come that can be answered. Without this a server waits as
    /// long as it is there; so say it when the peer can send one, as soon as ICE has found a path, say.
    /// When it is too late the connection ends with the reason for which the last hello was refused, or with
    /// [`CloseReason::NoClientHello`]. Once there is a hello, [`Config::handshake_timeout`](crate::Config::handshake_timeout) counts instead.
    pub fn set_client_hello_deadline(&mut self, deadline: Instant) {
        self.hellos.set_deadline(deadline);
    }

    /// Sends the flight that waits for the peer's answer again now, instead of when its timer runs out,
    /// for callers that have reason to think that the peer could not take it: ICE hears of a peer that
    /// answers checks only now, say, and may have dropped a ClientHello before. `false` if no flight
    /// waits, or if this one was repeated so already since its timer was set: it does no more than double
    /// what the network has to carry, and the timer is not doubled for it (RFC 9147 §5.8).
    pub fn repeat_flight(&mut self, now: Instant) -> bool {
        self.advance_time(now);
        let is_repeated = self.flight.repeat_on_demand();
        self.stats.flights_resent += u64::from(is_repeated);
        is_repeated
    }

    /// Until when a ClientHello has to come.
    fn client_hello_deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Listening(_) => self.hellos.deadline(),
            _ => None,
        }
    }

    /// The most bytes of a datagram with handshake messages. A connection id makes even the smallest longer.
    fn handshake_datagram_len(&self) -> usize {
        self.mtu.max(MIN_MTU + self.records.peer_id().len())
    }
}

impl InnerProtocol for Connection {
    type Event = Event;
    type Received<'d> = ApplicationData<'d>;

    fn handle_body<'d>(&mut self, now: Instant, body: &'d mut [u8]) -> ApplicationData<'d> {
        self.advance_time(now);
        self.handle_records(body)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.advance_time(now);
        let now = self.now;
        let is_over = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if is_over(self.failure.deadline()) {
            return self.give_up();
        }
        if is_over(self.client_hello_deadline()) {
            let reason = self
                .hellos
                .refusal()
                .map_or(CloseReason::NoClientHello, CloseReason::Handshake);
            return self.end(reason, None);
        }
        if is_over(self.handshake_deadline) {
            self.handshake_deadline = None;
            // Whoever said hello has not answered our HelloRetryRequest; somebody else may say hello.
            if matches!(self.phase, Phase::Listening(_)) {
                self.hellos.set_requested(self.now, None);
                return self.flight.finish();
            }
            // A peer that sends data has our last flight, even if it never says so.
            if !self.is_connected() || self.stats.received == 0 {
                return self.give_up();
            }
            self.flight.finish();
        }
        self.acks.handle_timeout(self.now, self.flight.ack_delay());
        if self.flight.handle_timeout(self.now) {
            self.stats.flights_resent += 1;
        }
    }

    fn write_body(&mut self, now: Instant, buf: &mut [u8], headroom: Headroom) -> Option<usize> {
        self.advance_time(now);
        let body = headroom.body(buf)?;
        let limit = self.handshake_datagram_len().min(body.len());
        let datagram = body.get_mut(..limit)?;
        let ack_delay = self.flight.ack_delay();
        if let Some(len) = self.acks.write(self.now, ack_delay, &mut self.records, datagram) {
            return Some(len);
        }
        if let Some(len) = self.flight.write(self.now, &mut self.records, datagram) {
            if matches!(self.phase, Phase::Client(_)) && self.handshake_deadline.is_none() {
                self.handshake_deadline = Some(self.now + self.config.handshake_timeout);
            }
            return Some(len);
        }
        self.outbox.write(body)
    }

    /// A record of [`max_payload`](Connection::max_payload) bytes, which [`send`](Connection::send) may queue, or a
    /// datagram of the handshake.
    fn longest_body(&self) -> usize {
        let record = self.records.max_prefix_len() + self.max_payload() + MAX_SUFFIX_LEN;
        record.max(self.handshake_datagram_len())
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let ack_deadline = self.acks.deadline(self.flight.ack_delay());
        let deadlines = [
            self.flight.deadline(),
            ack_deadline,
            self.handshake_deadline,
            self.failure.deadline(),
            self.client_hello_deadline(),
        ];
        // A deadline at the end of time never comes.
        let due = deadlines.into_iter().flatten().min();
        due.filter(|due| *due < Instant::FAR_FUTURE)
    }
}
