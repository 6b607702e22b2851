//! A packet goes out: control chunks first, then an acknowledgement, then DATA (RFC 9260 §6.1,
//! §6.10).

use alloc::collections::VecDeque;

use pollrtc_core::Instant;

use super::tcb::{Reply, Tcb};
use super::timers::Timer;
use super::{Association, State};
use crate::Event;
use crate::send_queue::{Left, SendQueue, has_passed};
use crate::wire::{DATA_HEADER_LEN, HEADER_LEN, PacketWriter, cause, kind};

/// The least payload to begin or continue a message with that does not fit into the packet's rest.
const MIN_FRAGMENT: usize = 256;
/// How many streams one FORWARD TSN names.
const MAX_SKIPPED_STREAMS: usize = 100;

/// Why no more DATA went into a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Drained,
    PacketFull,
    WindowFull,
}

impl Association {
    pub(super) fn write_packet(&mut self, buf: &mut [u8]) -> Option<usize> {
        if buf.len() < self.max_packet {
            return None;
        }
        if let Some(reply) = self.outbox.replies.pop_front() {
            return self.write_reply(buf, &reply);
        }
        if self.outbox.init {
            return self.write_first_init(buf);
        }
        let tcb = self.tcb.as_deref()?;
        let mut packet = self.packet(buf, tcb.peer_tag)?.limited_to(self.max_packet);
        let echoing = matches!(self.state, State::CookieEchoed { .. });
        if echoing && !self.write_cookie_echo(&mut packet) {
            return None;
        }
        self.write_control(&mut packet, echoing);
        if !echoing {
            self.write_sack(&mut packet);
            self.write_forward_tsn(&mut packet);
        }
        // A packet that had to be longer than the limit holds nothing else.
        if self.may_send_data() && packet.len() <= self.max_packet {
            packet = packet.limited_to(self.max_packet);
            self.write_data(&mut packet);
        }
        if packet.is_empty() {
            // What was given up on the way to finding nothing to send is news itself.
            self.write_forward_tsn(&mut packet);
        }
        if packet.is_empty() {
            return None;
        }
        Some(packet.finish())
    }

    fn packet<'b>(&self, buf: &'b mut [u8], tag: u32) -> Option<PacketWriter<'b>> {
        PacketWriter::new(buf, self.config.local_port, self.config.remote_port, tag)
    }

    fn write_reply(&self, buf: &mut [u8], reply: &Reply) -> Option<usize> {
        let mut packet;
        match reply {
            Reply::InitAck { cookie, unrecognized } => {
                packet = self.packet(buf, cookie.peer_tag)?;
                self.write_init_ack(&mut packet, cookie, unrecognized);
            }
            Reply::Abort { tag, code, information } => {
                packet = self.packet(buf, *tag)?;
                packet.chunk(kind::ABORT, 0, |body| {
                    if *code != 0 {
                        body.put_parameter(*code, &[information]);
                    }
                });
            }
            Reply::ShutdownComplete { tag, reflected } => {
                packet = self.packet(buf, *tag)?;
                packet.chunk(kind::SHUTDOWN_COMPLETE, u8::from(*reflected), |_| ());
            }
            Reply::StaleCookie { tag, microseconds } => {
                packet = self.packet(buf, *tag)?;
                packet.chunk(kind::ERROR, 0, |body| {
                    body.put_parameter(cause::STALE_COOKIE, &[&microseconds.to_be_bytes()]);
                });
            }
        }
        Some(packet.finish())
    }

    fn write_first_init(&mut self, buf: &mut [u8]) -> Option<usize> {
        // §8.5.1 A: the peer's tag is not known.
        let mut packet = self.packet(buf, 0)?;
        self.write_init(&mut packet);
        let len = packet.finish();
        self.outbox.init = false;
        self.start_connect_timer();
        Some(len)
    }

    fn start_connect_timer(&mut self) {
        if self.unanswered == 0 {
            self.handshake_sent = Some(self.now);
        }
        self.timers.set(Timer::Connect, self.now + self.rtt.rto());
    }

    /// Until the peer has answered it, nothing leaves but the COOKIE ECHO and what is bundled with
    /// it (§5.1 C).
    fn write_cookie_echo(&mut self, packet: &mut PacketWriter<'_>) -> bool {
        let State::CookieEchoed { cookie } = &self.state else {
            return false;
        };
        if !self.outbox.cookie_echo {
            return false;
        }
        if cookie.len() + 4 > packet.room() {
            packet.lift_limit(); // It can't be cut.
        }
        packet.chunk(kind::COOKIE_ECHO, 0, |body| body.put(cookie));
        self.outbox.cookie_echo = false;
        self.start_connect_timer();
        true
    }

    fn write_control(&mut self, packet: &mut PacketWriter<'_>, echoing: bool) {
        if !self.outbox.causes.is_empty() {
            let causes = core::mem::take(&mut self.outbox.causes);
            packet.chunk(kind::ERROR, 0, |body| body.put(&causes));
        }
        if echoing {
            return;
        }
        if core::mem::take(&mut self.outbox.cookie_ack) {
            packet.chunk(kind::COOKIE_ACK, 0, |_| ());
        }
        if let Some(information) = self.outbox.heartbeat_ack.take() {
            packet.chunk(kind::HEARTBEAT_ACK, 0, |body| body.put(&information));
        }
        if let Some(nonce) = self.outbox.heartbeat.take() {
            packet.chunk(kind::HEARTBEAT, 0, |body| {
                body.put_parameter(HEARTBEAT_INFO, &[&nonce.to_be_bytes()]);
            });
            self.heartbeat = Some((nonce, self.now));
        }
        let reconfig = self.tcb.as_ref().is_some_and(|tcb| tcb.reconfiguration.is_due());
        if reconfig {
            self.write_reconfig(packet);
        }
        if core::mem::take(&mut self.outbox.shutdown_ack) {
            packet.chunk(kind::SHUTDOWN_ACK, 0, |_| ());
            self.timers.set(Timer::Shutdown, self.now + self.rtt.rto());
        }
        if core::mem::take(&mut self.outbox.shutdown)
            && let Some(tcb) = &self.tcb
        {
            let cumulative = tcb.received.cumulative() as u32;
            packet.chunk(kind::SHUTDOWN, 0, |body| body.put_u32(cumulative));
            self.timers.set(Timer::Shutdown, self.now + self.rtt.rto());
        }
    }

    /// An acknowledgement that is due, or one that has company (§6.2).
    fn write_sack(&mut self, packet: &mut PacketWriter<'_>) {
        let has_company = self.may_send_data() && self.has_data_for_window();
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        let acknowledgement = &mut tcb.acknowledgement;
        let rides = acknowledgement.packets > 0 && has_company;
        if !acknowledgement.due && !rides {
            return;
        }
        let window = tcb.reassembly.window_left();
        let cumulative = tcb.received.cumulative();
        let ranges = tcb.received.ranges();
        let duplicates = &acknowledgement.duplicates;
        let room = packet.room().saturating_sub(16) / 4;
        let gaps = ranges.len().min(room);
        let repeated = duplicates.len().min(room - gaps);
        let written = packet.chunk(kind::SACK, 0, |body| {
            body.put_u32(cumulative as u32);
            body.put_u32(window);
            body.put_u16(gaps as u16);
            body.put_u16(repeated as u16);
            for (start, end) in ranges.iter().take(gaps) {
                body.put_u16((start - cumulative) as u16);
                body.put_u16((end - cumulative) as u16);
            }
            duplicates.iter().take(repeated).for_each(|tsn| body.put_u32(*tsn));
        });
        if written {
            acknowledgement.due = false;
            acknowledgement.packets = 0;
            acknowledgement.duplicates.clear();
            acknowledgement.advertised = window;
            self.timers.stop(Timer::Sack);
            self.stats.sacks_sent += 1;
        }
    }

    fn write_forward_tsn(&mut self, packet: &mut PacketWriter<'_>) {
        let Some(tcb) = self.tcb.as_deref_mut().filter(|_| self.outbox.forward_tsn) else {
            return;
        };
        self.outbox.forward_tsn = false;
        let (up_to, streams) = tcb.outstanding.forward_tsn(MAX_SKIPPED_STREAMS);
        let written = packet.chunk(kind::FORWARD_TSN, 0, |body| {
            body.put_u32(up_to);
            for (stream, ssn) in &streams {
                body.put_u16(*stream);
                body.put_u16(*ssn);
            }
        });
        if written {
            tcb.forwarded = (up_to, self.now);
            // RFC 3758 §3.5 C5: the timer watches over it.
            if !self.timers.is_running(Timer::Retransmit) {
                self.timers.set(Timer::Retransmit, self.now + self.rtt.rto());
            }
        }
    }

    fn may_send_data(&self) -> bool {
        matches!(
            self.state,
            State::CookieEchoed { .. } | State::Established | State::ShutdownPending | State::ShutdownReceived
        )
    }

    /// Whether DATA waits and the congestion window has room for it.
    fn has_data_for_window(&mut self) -> bool {
        let queued = !self.queue.is_empty();
        self.tcb.as_deref_mut().is_some_and(|tcb| {
            let waits = queued || tcb.outstanding.unsent_len().is_some() || tcb.outstanding.has_lost();
            waits && tcb.outstanding.in_flight() < tcb.congestion.window()
        })
    }

    fn write_data(&mut self, packet: &mut PacketWriter<'_>) {
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        if !tcb.outstanding.has_chunks() && !self.queue.is_empty() {
            let idle = (self.now - tcb.last_data_sent).as_nanos() / self.rtt.rto().as_nanos().max(1);
            tcb.congestion.on_idle(u32::try_from(idle).unwrap_or(u32::MAX));
        }
        let before = self.stats.chunks_sent;
        let mut stop = Self::write_lost(tcb, &mut self.stats, packet, self.now);
        if stop == Stop::Drained {
            stop = self.write_new(packet);
        }
        if stop != Stop::PacketFull
            && let Some(tcb) = self.tcb.as_deref_mut()
        {
            tcb.congestion.on_sent(tcb.outstanding.in_flight());
        }
        self.account_given_up();
        self.watch_lifetime(stop);
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        if tcb.outstanding.forward_tsn_needed() && tcb.outstanding.advanced() != tcb.forwarded.0 {
            // Something was given up just now; the news follows in the next packet.
            self.outbox.forward_tsn = true;
        }
        if self.stats.chunks_sent == before {
            return;
        }
        tcb.force_packet = false;
        tcb.last_data_sent = self.now;
        // RFC 7053 §4: whoever can't go on does not want to wait for an acknowledgement.
        if stop != Stop::PacketFull {
            packet.ask_for_immediate_sack();
        }
        if matches!(self.state, State::CookieEchoed { .. }) {
            return; // T1 watches over it.
        }
        if !self.timers.is_running(Timer::Retransmit) {
            self.timers.set(Timer::Retransmit, self.now + self.rtt.rto());
        }
        self.rearm_probe();
        self.rearm_heartbeat();
        if !self.resetting.is_empty() {
            self.begin_reset();
        }
    }

    /// What can't leave now may have to be given up while it waits.
    fn watch_lifetime(&mut self, stop: Stop) {
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        let forward_tsn = tcb.capabilities.forward_tsn;
        let expires = match stop {
            Stop::Drained | Stop::PacketFull => Instant::FAR_FUTURE,
            Stop::WindowFull if tcb.outstanding.has_lost() => {
                if forward_tsn {
                    tcb.outstanding.lost_expires()
                } else {
                    Instant::FAR_FUTURE
                }
            }
            Stop::WindowFull if tcb.outstanding.unsent_len().is_some() => {
                if forward_tsn {
                    tcb.outstanding.unfinished_expires()
                } else {
                    Instant::FAR_FUTURE
                }
            }
            Stop::WindowFull => self.queue.front_expires(),
        };
        self.timers.set(Timer::Lifetime, expires);
    }

    /// §6.1 C: what was lost goes before what is new.
    fn write_lost(tcb: &mut Tcb, stats: &mut crate::Stats, packet: &mut PacketWriter<'_>, now: Instant) -> Stop {
        let may_abandon = tcb.capabilities.forward_tsn;
        while let Some((tsn, len)) = tcb.outstanding.next_lost(now, may_abandon) {
            if !tcb.force_packet && tcb.outstanding.in_flight() >= tcb.congestion.window() {
                return Stop::WindowFull;
            }
            if len > packet.room() {
                if !packet.is_empty() {
                    return Stop::PacketFull;
                }
                // It was cut for a larger MTU and can't be cut again: it goes alone.
                packet.lift_limit();
            }
            let Some((header, payload)) = tcb.outstanding.resend(now, tsn) else {
                return Stop::PacketFull;
            };
            packet.data(&header, payload);
            tcb.loss.on_resent(tsn, now);
            stats.chunks_sent += 1;
            stats.chunks_retransmitted += 1;
        }
        Stop::Drained
    }

    fn write_new(&mut self, packet: &mut PacketWriter<'_>) -> Stop {
        let now = self.now;
        let largest = self.max_packet - HEADER_LEN - DATA_HEADER_LEN;
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return Stop::Drained;
        };
        loop {
            if tcb.capabilities.forward_tsn && has_passed(tcb.outstanding.unfinished_expires(), now) {
                tcb.outstanding.abandon_unfinished();
                let given_up = tcb.outstanding.take_given_up();
                self.stats.messages_abandoned += given_up.messages;
                if let Some(left) = given_up.unsent {
                    note_left(&mut self.queue, &mut self.events, left);
                }
                continue;
            }
            let begun = tcb.outstanding.unsent_len();
            let len = match begun {
                Some(len) => len,
                None => {
                    while has_passed(self.queue.front_expires(), now) {
                        let Some(left) = self.queue.drop_next() else {
                            break;
                        };
                        self.stats.messages_abandoned += 1;
                        note_left(&mut self.queue, &mut self.events, left);
                    }
                    match self.queue.peek_len() {
                        Some(len) => len,
                        None => return Stop::Drained,
                    }
                }
            };
            if !tcb.force_packet && tcb.outstanding.in_flight() >= tcb.congestion.window() {
                return Stop::WindowFull;
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
            if fragment > tcb.peer_room() && tcb.outstanding.in_flight() > 0 {
                return Stop::WindowFull;
            }
            if begun.is_none()
                && let Some((stream, ssn, message)) = self.queue.begin_next()
            {
                tcb.outstanding.begin(stream, ssn, message);
            }
            let left = tcb.outstanding.leaving(fragment);
            let Some((header, payload)) = tcb.outstanding.send_fragment(now, fragment) else {
                return Stop::PacketFull;
            };
            packet.data(&header, payload);
            self.stats.chunks_sent += 1;
            if let Some(left) = left {
                note_left(&mut self.queue, &mut self.events, left);
            }
        }
    }
}

/// Bytes have left a stream's queue; tells the application if little is left.
pub(super) fn note_left(queue: &mut SendQueue, events: &mut VecDeque<Event>, left: Left) {
    if queue.sent(left) {
        events.push_back(Event::BufferedAmountLow { stream: left.stream });
    }
}

/// The one parameter of HEARTBEAT (RFC 9260 §3.3.5).
const HEARTBEAT_INFO: u16 = 1;
