//! The sending half: DATA that leaves, what the peer says of it, and what is given up (RFC 9260 §6, RFC 3758,
//! RFC 8985).

use alloc::collections::VecDeque;

use pollrtc_core::Instant;

use super::cookie::Cookie;
use super::path::Path;
use super::timer::Timer;
use crate::congestion::Congestion;
use crate::loss::LossDetector;
use crate::outstanding::{Acked, Outstanding, SackError, round_trip};
use crate::send_queue::{Dequeued, QueuedMessage, SendQueue, has_passed};
use crate::serial::begin;
use crate::wire::{DATA_HEADER_LEN, ForwardTsn, HEADER_LEN, PacketWriter, Sack};
use crate::{Config, Event, Stats};

/// The least payload to begin or continue a message with that does not fit into the packet's rest.
const MIN_FRAGMENT: usize = 256;
/// How many streams one FORWARD TSN names.
const MAX_SKIPPED_STREAMS: usize = 100;

#[derive(Debug)]
pub(super) struct Sender {
    outstanding: Outstanding,
    congestion: Congestion,
    loss: LossDetector,
    /// The window that the peer told last.
    peer_window: u32,
    /// Whether the peer knows FORWARD TSN.
    may_abandon: bool,
    /// The longest packet that the path takes.
    max_packet: usize,
    /// The next packet leaves whatever the congestion window says.
    force_packet: bool,
    last_data_sent: Instant,
    /// The last FORWARD TSN: up to where, and when.
    forwarded: (u32, Instant),
    forward_tsn_due: bool,
    /// Data is not acknowledged (RFC 9260 §6.3, T3-rtx).
    retransmit: Timer,
    /// A chunk may be lost by now (RFC 8985 §6.3).
    reorder: Timer,
    /// The last packets may be lost (RFC 8985 §7).
    probe: Timer,
    /// A message that can't leave now is to be given up (RFC 3758): the next packet does so before it looks
    /// at any window.
    lifetime: Timer,
}

/// Why no more DATA went into a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Drained,
    PacketFull,
    WindowFull,
}

impl Sender {
    pub(super) fn new(config: &Config, max_packet: usize, cookie: &Cookie) -> Self {
        Self {
            outstanding: Outstanding::new(begin(cookie.local_tsn), config.max_outstanding),
            congestion: Congestion::new(max_packet, config.initial_window, cookie.peer_window),
            loss: LossDetector::default(),
            peer_window: cookie.peer_window,
            may_abandon: cookie.capabilities.forward_tsn,
            max_packet,
            force_packet: false,
            last_data_sent: Instant::ZERO,
            forwarded: (cookie.local_tsn.wrapping_sub(1), Instant::ZERO),
            forward_tsn_due: false,
            retransmit: Timer::default(),
            reorder: Timer::default(),
            probe: Timer::default(),
            lifetime: Timer::default(),
        }
    }

    pub(super) fn set_max_packet(&mut self, max_packet: usize) {
        self.max_packet = max_packet;
        self.congestion.set_mtu(max_packet);
    }

    pub(super) fn congestion_window(&self) -> usize {
        self.congestion.window()
    }

    /// Whether nothing that was begun awaits an acknowledgement or has not left.
    pub(super) fn is_empty(&self) -> bool {
        self.outstanding.is_empty()
    }

    /// Whether nothing is on the way, is to be told, or is to be given up; where no message waits there is nothing to
    /// send then.
    pub(super) fn is_at_rest(&self) -> bool {
        self.outstanding.is_at_rest() && !self.forward_tsn_due && !self.lifetime.is_running()
    }

    /// Nothing more can leave now, for want of data.
    pub(super) fn note_rest(&mut self) {
        self.congestion.on_sent(0);
        self.outstanding.release_more();
    }

    /// Whether some DATA is not acknowledged.
    pub(super) fn has_chunks(&self) -> bool {
        self.outstanding.has_chunks()
    }

    /// Gives back what was begun, whole. There is nothing to be done with it any more.
    pub(super) fn take_messages(&mut self) -> impl DoubleEndedIterator<Item = (u16, QueuedMessage)> {
        self.outstanding.take_messages()
    }

    /// The last TSN that was used.
    pub(super) fn last_tsn(&self) -> u64 {
        self.outstanding.next_tsn() - 1
    }

    /// The TSN up to which all is acknowledged.
    pub(super) fn cumulative_tsn_ack(&self) -> u64 {
        self.outstanding.cumulative()
    }

    /// Bytes of payload that the peer has room for.
    fn peer_room(&self) -> usize {
        (self.peer_window as usize).saturating_sub(self.outstanding.payload_in_flight())
    }

    /// Whether a packet of new data could be sent and the peer has room for it.
    fn has_new_data_for_peer(&self, queue: &SendQueue) -> bool {
        let waits = self.outstanding.unsent_len().is_some() || !queue.is_empty();
        waits && self.peer_room() >= self.max_packet && !self.outstanding.is_full()
    }

    /// Whether DATA waits and the congestion window has room for it.
    pub(super) fn has_data_for_window(&mut self, queue: &SendQueue) -> bool {
        let waits = !queue.is_empty() || self.outstanding.unsent_len().is_some() || self.outstanding.has_lost();
        waits && self.outstanding.in_flight() < self.congestion.window()
    }

    /// How long a packet has to be for what is to be sent again next, if that is more than `room`: it was cut for
    /// a path that took more, and can't be cut again.
    pub(super) fn needed_room(&mut self, now: Instant, room: usize) -> Option<usize> {
        let (_, len) = self.outstanding.next_lost(now, self.may_abandon)?;
        Some(len + HEADER_LEN).filter(|needed| *needed > room)
    }

    // What the peer got.

    pub(super) fn handle_sack(&mut self, sack: &Sack<'_>, now: Instant, path: &mut Path, stats: &mut Stats) {
        match self.outstanding.handle_sack(sack) {
            Ok(acked) => {
                self.peer_window = sack.a_rwnd;
                if sack.duplicates().len() > 0 {
                    self.loss.on_duplicate_reported(now, path.rtt());
                }
                // §6.1 A: a peer that answers with a closed window is there.
                if sack.a_rwnd == 0 {
                    path.clear_errors();
                }
                self.handle_ack(&acked, now, path, stats);
            }
            Err(SackError::Old | SackError::Impossible) => stats.dropped_sack += 1,
        }
    }

    /// The cumulative TSN ack of a SHUTDOWN.
    pub(super) fn handle_cumulative_tsn_ack(&mut self, tsn: u32, now: Instant, path: &mut Path, stats: &mut Stats) {
        match self.outstanding.handle_cumulative_tsn_ack(tsn) {
            Ok(acked) => self.handle_ack(&acked, now, path, stats),
            Err(SackError::Old | SackError::Impossible) => stats.dropped_sack += 1,
        }
    }

    fn handle_ack(&mut self, acked: &Acked, now: Instant, path: &mut Path, stats: &mut Stats) {
        if acked.bytes > 0 {
            path.clear_errors();
        }
        if let Some(rtt) = round_trip(acked, now) {
            path.measure(now, rtt);
        }
        self.loss.on_ack(acked, now, path.rtt());
        self.congestion
            .on_ack(acked.bytes, acked.in_flight_before, self.outstanding.cumulative());
        // §6.3.2 R2, R3.
        if !self.outstanding.has_chunks() {
            self.retransmit.stop();
            self.probe.stop();
        } else if acked.advanced {
            self.retransmit.set(now + path.rto());
        }
        self.detect_losses(now, path, stats);
        self.offer_forward_tsn(now, path);
        self.rearm_probe(now, path);
    }

    fn detect_losses(&mut self, now: Instant, path: &Path, stats: &mut Stats) {
        let verdict = self
            .loss
            .detect(&mut self.outstanding, now, path.rtt(), self.may_abandon);
        match verdict.again_at {
            // What is due already has been looked at.
            Some(at) if at > now => self.reorder.set(at),
            _ => self.reorder.stop(),
        }
        if verdict.lost && self.congestion.on_loss(self.outstanding.next_tsn() - 1) {
            stats.fast_recoveries += 1;
            self.loss.on_recovery();
            // §7.2.4 3: the first packet leaves whatever the window says.
            self.force_packet = true;
        }
    }

    /// Has the peer skip what was given up (RFC 3758 §3.5 C), unless it was told a moment ago.
    fn offer_forward_tsn(&mut self, now: Instant, path: &Path) {
        if !self.outstanding.forward_tsn_needed() {
            self.forward_tsn_due = false;
            return;
        }
        let (told, at) = self.forwarded;
        let patience = path.rtt().srtt().unwrap_or(path.rto()) * 3 / 2;
        let news = self.outstanding.advanced() != told;
        if news || now - at >= patience {
            self.forward_tsn_due = true;
        }
    }

    // Timers.

    pub(super) fn deadline(&self) -> Instant {
        self.retransmit
            .deadline()
            .min(self.reorder.deadline())
            .min(self.probe.deadline())
            .min(self.lifetime.deadline())
    }

    /// True if data was not acknowledged in time, for the count of errors.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        path: &mut Path,
        queue: &SendQueue,
        stats: &mut Stats,
    ) -> bool {
        let unanswered = self.retransmit.take_due(now) && self.handle_retransmit_timeout(now, path, queue, stats);
        if self.reorder.take_due(now) {
            self.detect_losses(now, path, stats);
        }
        if self.probe.take_due(now) {
            self.handle_probe_timeout(now, path, queue, stats);
        }
        self.lifetime.take_due(now);
        unanswered
    }

    /// Data was not acknowledged (§6.3.3).
    fn handle_retransmit_timeout(
        &mut self,
        now: Instant,
        path: &mut Path,
        queue: &SendQueue,
        stats: &mut Stats,
    ) -> bool {
        if !self.outstanding.has_chunks() {
            return false;
        }
        stats.timeouts += 1;
        let new_data = self.has_new_data_for_peer(queue);
        // A probe into a closed window (§6.1 A) says nothing about congestion.
        if self.peer_window > 0 {
            self.congestion.on_timeout();
        }
        // A peer that was busy for a moment answers late. What can be sent again is, and a duplicate does
        // no harm; but what can't would be given up for good, unsent rest and all. While there is
        // something new to ask with, the answer to that tells what is lost (RFC 3758 §3.5 leaves the
        // moment to us).
        if new_data {
            self.outstanding.mark_repairable_lost();
        } else {
            self.outstanding.mark_all_lost();
        }
        self.loss.on_timeout(&self.outstanding);
        self.force_packet = true;
        self.forward_tsn_due = self.outstanding.forward_tsn_needed();
        self.probe.stop();
        self.reorder.stop();
        path.back_off();
        self.retransmit.set(now + path.rto());
        true
    }

    /// Nothing was heard of the last packets for two round trips: sends one more, so that an answer
    /// tells what is missing (RFC 8985 §7.3).
    fn handle_probe_timeout(&mut self, now: Instant, path: &Path, queue: &SendQueue, stats: &mut Stats) {
        if self.outstanding.payload_in_flight() == 0 || self.loss.probing {
            return;
        }
        if !self.has_new_data_for_peer(queue) {
            // What may not be sent again waits for the retransmission timer, or for what is sent next.
            let Some(last) = self.outstanding.last_in_flight(now) else {
                return;
            };
            self.outstanding.mark_lost(last);
            self.loss.probe_resent = true;
        }
        stats.probes += 1;
        self.loss.probing = true;
        self.force_packet = true;
        self.retransmit.set(now + path.rto());
    }

    /// Waits for the acknowledgement of the last packets for two round trips, then asks (RFC 8985
    /// §7.2).
    fn rearm_probe(&mut self, now: Instant, path: &Path) {
        let wanted = self.outstanding.payload_in_flight() > 0 && !self.loss.probing && !self.outstanding.has_lost();
        match path.rtt().srtt().filter(|_| wanted) {
            Some(srtt) => {
                let at = self.last_data_sent + LossDetector::probe_delay(srtt);
                // Late, if acknowledgements keep coming: then the next one will tell.
                self.probe.set(at.max(now + srtt / 2));
            }
            None => self.probe.stop(),
        }
    }

    /// COOKIE ECHO is sent again, and what left with it leaves with it again (§5.1).
    pub(super) fn resend_all(&mut self) {
        self.outstanding.mark_all_lost();
        self.loss.on_timeout(&self.outstanding);
    }

    /// The association stands: what left with the COOKIE ECHO is watched over from now on.
    pub(super) fn handle_established(&mut self, now: Instant, path: &Path) {
        if self.outstanding.has_chunks() {
            self.retransmit.set(now + path.rto());
        }
    }

    /// Packets take another path from now on. What is on its way may need as long as on one that is not known.
    pub(super) fn handle_path_change(&mut self, now: Instant, path: &Path) {
        self.loss.on_path_change();
        self.congestion.on_path_change();
        if self.retransmit.is_running() {
            self.retransmit.set(now + path.rto());
        }
        self.reorder.stop();
        self.rearm_probe(now, path);
    }

    /// The path carries packets. What was sent into the time in which it did not, and was not answered, is sent again
    /// now; there is no need to wait as long as the last wait was in vain. True if something was not answered.
    pub(super) fn handle_path_alive(&mut self, now: Instant) -> bool {
        let unanswered = self.congestion.has_timed_out() && self.retransmit.is_running();
        if unanswered {
            self.retransmit.set(now);
        }
        unanswered
    }

    // What leaves.

    pub(super) fn write_forward_tsn(&mut self, packet: &mut PacketWriter<'_>, now: Instant, path: &Path) {
        if !self.forward_tsn_due {
            return;
        }
        let (up_to, streams) = self.outstanding.forward_tsn(MAX_SKIPPED_STREAMS);
        if ForwardTsn::write(packet, up_to, &streams) {
            self.forward_tsn_due = false;
            self.forwarded = (up_to, now);
            // RFC 3758 §3.5 C5: the timer watches over it.
            if !self.retransmit.is_running() {
                self.retransmit.set(now + path.rto());
            }
        }
    }

    /// Fills a packet with DATA. True if some left. `echoing`: behind a COOKIE ECHO, over which T1 watches.
    pub(super) fn write_data(
        &mut self,
        packet: &mut PacketWriter<'_>,
        now: Instant,
        path: &Path,
        echoing: bool,
        source: &mut Source<'_>,
    ) -> bool {
        if !self.outstanding.has_chunks() && !source.queue.is_empty() {
            let idle = (now - self.last_data_sent).as_nanos() / path.rto().as_nanos().max(1);
            self.congestion.on_idle(u32::try_from(idle).unwrap_or(u32::MAX));
        }
        let before = source.stats.chunks_sent;
        let mut stop = self.write_lost(packet, now, source.stats);
        if stop == Stop::Drained {
            stop = self.write_new(packet, now, source);
        }
        if stop != Stop::PacketFull {
            self.congestion.on_sent(self.outstanding.in_flight());
        }
        self.account_abandoned(source);
        self.watch_lifetime(stop);
        if self.outstanding.forward_tsn_needed() && self.outstanding.advanced() != self.forwarded.0 {
            // Something was given up just now; the news follows in the next packet.
            self.forward_tsn_due = true;
        }
        if source.stats.chunks_sent == before {
            return false;
        }
        self.force_packet = false;
        self.last_data_sent = now;
        // RFC 7053 §4: whoever can't go on does not want to wait for an acknowledgement.
        if stop != Stop::PacketFull {
            packet.ask_for_immediate_sack();
        }
        if !echoing {
            if !self.retransmit.is_running() {
                self.retransmit.set(now + path.rto());
            }
            self.rearm_probe(now, path);
        }
        true
    }

    /// Tells the application what fell below its threshold when messages were given up.
    fn account_abandoned(&mut self, source: &mut Source<'_>) {
        let abandoned = self.outstanding.take_abandoned();
        source.stats.messages_abandoned += abandoned.messages;
        if let Some(unsent) = abandoned.unsent {
            source.note_dequeued(unsent);
        }
    }

    /// What was begun and can't leave now may have to be given up while it waits.
    fn watch_lifetime(&mut self, stop: Stop) {
        let expires = match stop {
            Stop::WindowFull if self.outstanding.has_lost() => match self.may_abandon {
                true => self.outstanding.lost_expires(),
                false => Instant::FAR_FUTURE,
            },
            Stop::WindowFull if self.outstanding.unsent_len().is_some() => match self.may_abandon {
                true => self.outstanding.unfinished_expires(),
                false => Instant::FAR_FUTURE,
            },
            Stop::WindowFull | Stop::Drained | Stop::PacketFull => Instant::FAR_FUTURE,
        };
        self.lifetime.set(expires);
    }

    /// §6.1 C: what was lost goes before what is new.
    fn write_lost(&mut self, packet: &mut PacketWriter<'_>, now: Instant, stats: &mut Stats) -> Stop {
        while let Some((tsn, len)) = self.outstanding.next_lost(now, self.may_abandon) {
            if !self.force_packet && self.outstanding.in_flight() >= self.congestion.window() {
                return Stop::WindowFull;
            }
            if len > packet.room() {
                return Stop::PacketFull;
            }
            self.loss.on_resent(tsn, now, &self.outstanding);
            let Some((header, payload)) = self.outstanding.resend(now, tsn) else {
                return Stop::PacketFull;
            };
            packet.data(&header, payload);
            stats.chunks_sent += 1;
            stats.chunks_retransmitted += 1;
        }
        Stop::Drained
    }

    fn write_new(&mut self, packet: &mut PacketWriter<'_>, now: Instant, source: &mut Source<'_>) -> Stop {
        let largest = self.max_packet - HEADER_LEN - DATA_HEADER_LEN;
        loop {
            if self.may_abandon && has_passed(self.outstanding.unfinished_expires(), now) {
                self.outstanding.abandon_unfinished();
                self.account_abandoned(source);
                continue;
            }
            let begun = self.outstanding.unsent_len();
            let len = match begun {
                Some(len) => len,
                None => {
                    source.drop_expired(now);
                    match source.queue.peek_len() {
                        Some(len) => len,
                        None => return Stop::Drained,
                    }
                }
            };
            if !self.force_packet && self.outstanding.in_flight() >= self.congestion.window() {
                return Stop::WindowFull;
            }
            // What the peer does not acknowledge for good fills our memory.
            while self.outstanding.is_full() {
                if !self.outstanding.release_more() {
                    return Stop::WindowFull;
                }
            }
            let room = packet.room().saturating_sub(DATA_HEADER_LEN);
            let fragment = if len <= room {
                len
            } else if begun.is_none() && len <= largest {
                return Stop::PacketFull; // It fits into a packet of its own, whole.
            } else if room >= MIN_FRAGMENT {
                room & !3
            } else {
                return Stop::PacketFull;
            };
            // §6.1 A: nothing beyond the peer's window, but for one probe.
            if fragment > self.peer_room() && self.outstanding.payload_in_flight() > 0 {
                return Stop::WindowFull;
            }
            if begun.is_none()
                && let Some((stream, ssn, message)) = source.queue.begin_next()
            {
                self.outstanding.begin(stream, ssn, message);
            }
            let left = self.outstanding.leaving(fragment);
            let Some((header, payload)) = self.outstanding.send_fragment(now, fragment) else {
                return Stop::PacketFull;
            };
            packet.data(&header, payload);
            source.stats.chunks_sent += 1;
            if let Some(left) = left {
                source.note_dequeued(left);
            }
        }
    }
}

/// Where new messages come from, and who is told that they have left.
pub(super) struct Source<'a> {
    pub(super) queue: &'a mut SendQueue,
    pub(super) events: &'a mut VecDeque<Event>,
    pub(super) stats: &'a mut Stats,
}

impl Source<'_> {
    /// Bytes have left a stream's queue; tells the application if little is left.
    fn note_dequeued(&mut self, dequeued: Dequeued) {
        if self.queue.note_dequeued(dequeued) {
            self.events.push_back(Event::BufferedAmountLow {
                stream: dequeued.stream,
            });
        }
    }

    /// Messages whose time has passed before they were begun.
    pub(super) fn drop_expired(&mut self, now: Instant) {
        while let Some(dropped) = self.queue.drop_expired(now) {
            self.stats.messages_abandoned += 1;
            self.note_dequeued(dropped);
        }
    }
}
