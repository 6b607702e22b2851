//! A packet goes out: control chunks first, then an acknowledgement, then DATA (RFC 9260 §6.1,
//! §6.10).

use core::time::Duration;

use pollrtc_core::Instant;

use super::Association;
use super::replies::Reply;
use super::sender::Source;
use super::state::{Phase, State, Tcb};
use crate::MIN_MAX_PACKET;
use crate::config::round_packet;
use crate::wire::{CHUNK_HEADER_LEN, HEADER_LEN, PacketWriter, Shutdown, TAG_REFLECTED, cause, kind};

impl Association {
    /// Writes the next packet into `buf`, which is as long as the path takes.
    pub(super) fn write_packet(&mut self, buf: &mut [u8]) -> Option<usize> {
        if buf.len() < MIN_MAX_PACKET {
            return None;
        }
        let room = buf.len();
        self.needed_room = None;
        self.set_max_packet(round_packet(room.min(self.config.max_packet)));
        if let Some(reply) = self.replies.front() {
            let len = self.write_reply(buf, reply)?;
            self.replies.pop();
            return Some(len);
        }
        if let State::Associated(tcb) = &mut self.state
            && self.queue.is_empty()
            && tcb.is_at_rest()
        {
            tcb.sender.note_rest();
            return None;
        }
        match &self.state {
            State::Idle | State::Closed => None,
            State::CookieWait(_) => {
                // §8.5.1 A: the peer's tag is not known.
                let mut packet = self.packet(buf, 0)?;
                self.write_due_init(&mut packet).then(|| packet.finish())
            }
            State::Associated(tcb) => {
                let packet = self.packet(buf, tcb.peer_tag)?;
                let len = self.write_chunks(packet);
                if len.is_none() {
                    self.note_needed_room(room);
                }
                len
            }
        }
    }

    /// Nothing was written: perhaps since it can't be made to fit.
    fn note_needed_room(&mut self, room: usize) {
        let Some(tcb) = self.state.tcb_mut() else { return };
        self.needed_room = match &tcb.phase {
            Phase::CookieEchoed { cookie, echo } => {
                let needed = HEADER_LEN + CHUNK_HEADER_LEN + cookie.len().next_multiple_of(4);
                (echo.is_due() && needed > room).then_some(needed)
            }
            _ => tcb.sender.needed_room(self.now, room),
        };
    }

    fn set_max_packet(&mut self, max_packet: usize) {
        if max_packet == self.max_packet {
            return;
        }
        self.max_packet = max_packet;
        if let Some(tcb) = self.state.tcb_mut() {
            tcb.sender.set_max_packet(max_packet);
        }
    }

    fn packet<'b>(&self, buf: &'b mut [u8], tag: u32) -> Option<PacketWriter<'b>> {
        PacketWriter::new(buf, self.config.local_port, self.config.remote_port, tag)
    }

    fn write_reply(&self, buf: &mut [u8], reply: &Reply) -> Option<usize> {
        let tag = match reply {
            Reply::InitAck { cookie, .. } => cookie.peer_tag,
            Reply::Abort { tag, .. } | Reply::ShutdownComplete { tag, .. } | Reply::StaleCookie { tag, .. } => *tag,
        };
        let mut packet = self.packet(buf, tag)?;
        let written = match reply {
            Reply::InitAck { cookie, unrecognized } => self.write_init_ack(&mut packet, cookie, unrecognized),
            Reply::Abort { code, information, .. } => packet.chunk(kind::ABORT, 0, |body| {
                if *code != 0 {
                    body.put_parameter(*code, &[information]);
                }
            }),
            Reply::ShutdownComplete { reflected, .. } => {
                let flags = if *reflected { TAG_REFLECTED } else { 0 };
                packet.chunk(kind::SHUTDOWN_COMPLETE, flags, |_| ())
            }
            Reply::StaleCookie { microseconds, .. } => packet.chunk(kind::ERROR, 0, |body| {
                body.put_parameter(cause::STALE_COOKIE, &[&microseconds.to_be_bytes()]);
            }),
        };
        written.then(|| packet.finish())
    }

    /// Everything that a known peer is told.
    fn write_chunks(&mut self, packet: PacketWriter<'_>) -> Option<usize> {
        let State::Associated(tcb) = &mut self.state else {
            return None;
        };
        let (now, rto) = (self.now, self.path.rto());
        let mut packet = packet.limited_to(self.max_packet);
        let echoing = tcb.is_cookie_echoed();
        if echoing && !write_cookie_echo(&mut packet, tcb, now, rto) {
            return None;
        }
        // A packet that had to be longer than the limit holds nothing else.
        packet = packet.limited_to(self.max_packet);
        tcb.answers.write_causes(&mut packet);
        if !echoing {
            tcb.answers.write_cookie_ack(&mut packet);
            tcb.heartbeat.write(&mut packet, now);
            tcb.reconfiguration.write(&mut packet, now, rto);
            write_shutdown(&mut packet, tcb, now, rto);
            let has_company =
                tcb.receiver.has_unacknowledged() && tcb.may_send_data() && tcb.sender.has_data_for_window(&self.queue);
            tcb.receiver.write_sack(&mut packet, has_company, &mut self.stats);
            tcb.sender.write_forward_tsn(&mut packet, now, &self.path);
        }
        if tcb.may_send_data() {
            let mut source = Source {
                queue: &mut self.queue,
                events: &mut self.events,
                stats: &mut self.stats,
            };
            let sent = tcb
                .sender
                .write_data(&mut packet, now, &self.path, echoing, &mut source);
            if sent && !echoing {
                tcb.heartbeat.rearm(now, rto);
                self.begin_reset();
            }
        }
        if packet.is_empty()
            && let State::Associated(tcb) = &mut self.state
        {
            // What was given up on the way to finding nothing to send is news itself.
            tcb.sender.write_forward_tsn(&mut packet, now, &self.path);
        }
        (!packet.is_empty()).then(|| packet.finish())
    }
}

/// Until the peer has answered it, nothing leaves but the COOKIE ECHO and what is bundled with
/// it (§5.1 C).
fn write_cookie_echo(packet: &mut PacketWriter<'_>, tcb: &mut Tcb, now: Instant, rto: Duration) -> bool {
    let Phase::CookieEchoed { cookie, echo } = &mut tcb.phase else {
        return false;
    };
    if !echo.is_due() {
        return false;
    }
    if cookie.len() + CHUNK_HEADER_LEN > packet.room() {
        packet.lift_limit(); // It can't be cut.
    }
    let written = packet.chunk(kind::COOKIE_ECHO, 0, |body| body.put(cookie));
    if written {
        echo.note_written(now, rto);
    }
    written
}

fn write_shutdown(packet: &mut PacketWriter<'_>, tcb: &mut Tcb, now: Instant, rto: Duration) {
    let cumulative = tcb.receiver.cumulative_tsn() as u32;
    let (chunk, written) = match &mut tcb.phase {
        Phase::ShutdownSent(chunk) if chunk.is_due() => {
            let shutdown = Shutdown {
                cumulative_tsn_ack: cumulative,
            };
            (chunk, shutdown.write(packet))
        }
        Phase::ShutdownAckSent(chunk) if chunk.is_due() => (chunk, packet.chunk(kind::SHUTDOWN_ACK, 0, |_| ())),
        _ => return,
    };
    if written {
        chunk.note_written(now, rto);
    }
}
