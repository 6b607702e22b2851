//! A packet comes in: is it for us, and who takes its chunks (RFC 9260 §8.4, §8.5).

use alloc::string::String;
use core::ops::ControlFlow;

use super::receiver::DataError;
use super::replies::Reply;
use super::state::{State, Tcb};
use super::{Association, MAX_EVENTS, MAX_REASON};
use crate::wire::{
    Cause, Chunk, Data, ForwardTsn, HEADER_LEN, Packet, Sack, TAG_REFLECTED, cause, kind, verify_checksum,
};
use crate::{CloseReason, Event};

impl Association {
    pub(super) fn handle_packet(&mut self, bytes: &mut [u8]) {
        if bytes.len() < HEADER_LEN {
            self.stats.dropped_malformed += 1;
            return;
        }
        if !verify_checksum(bytes) {
            self.stats.dropped_checksum += 1;
            return;
        }
        let len = bytes.len() as u64;
        let Ok(packet) = Packet::parse(bytes) else {
            self.stats.dropped_malformed += 1;
            return;
        };
        if packet.source_port() != self.config.remote_port || packet.destination_port() != self.config.local_port {
            self.stats.dropped_port += 1;
            return;
        }
        let mut chunks = packet.chunks();
        let Some(Ok(first)) = chunks.clone().next() else {
            self.stats.dropped_malformed += 1;
            return;
        };
        match self.admit(&packet, &first) {
            ControlFlow::Continue(FirstTaken(skipped)) => {
                self.stats.packets_received += 1;
                self.stats.bytes_received += len;
                if skipped {
                    chunks.next();
                }
            }
            ControlFlow::Break(()) => return,
        }
        let mut had_data = false;
        for chunk in chunks {
            let Ok(chunk) = chunk else {
                self.stats.dropped_malformed += 1;
                break;
            };
            had_data |= chunk.kind() == kind::DATA;
            if self.handle_chunk(&chunk).is_break() {
                break;
            }
        }
        if had_data && let Some(tcb) = self.state.tcb_mut() {
            // §9.2: whoever has asked to end repeats it with each DATA that still comes.
            let shutting_down = tcb.repeat_shutdown();
            tcb.receiver.handle_end_of_packet(self.now, shutting_down);
        }
        self.progress();
    }

    /// Looks at the verification tag, by the rules of the packet's first chunk, and takes the
    /// chunks that set up or tear down.
    fn admit(&mut self, packet: &Packet<'_>, first: &Chunk<'_>) -> ControlFlow<(), FirstTaken> {
        let tag = packet.verification_tag();
        let known = self.state.tcb().map(Tcb::tags);
        match first.kind() {
            kind::INIT => {
                self.handle_init(packet, first);
                ControlFlow::Break(())
            }
            kind::COOKIE_ECHO => match self.handle_cookie_echo(tag, first.value()) {
                true => ControlFlow::Continue(FirstTaken(true)),
                false => ControlFlow::Break(()),
            },
            kind::ABORT | kind::SHUTDOWN_COMPLETE => {
                // §8.5.1 B, C: our own tag, or with the T bit the peer's.
                let reflected = first.flags() & TAG_REFLECTED != 0;
                let local = known.map_or(self.local_tag, |(local, _)| local);
                let ours = match reflected {
                    false => tag == local,
                    true => known.is_some_and(|(_, peer)| tag == peer),
                };
                let alive = matches!(self.state, State::CookieWait(_) | State::Associated(_));
                match ours && alive {
                    true => ControlFlow::Continue(FirstTaken(false)),
                    false => self.refuse_tag(),
                }
            }
            kind::INIT_ACK if known.is_none() => {
                if !matches!(self.state, State::CookieWait(_)) || tag != self.local_tag {
                    return self.refuse_tag();
                }
                self.handle_init_ack(packet, first);
                ControlFlow::Break(())
            }
            // §8.4 (5), §8.5.1 E: whoever waits for us to end shall not wait.
            kind::SHUTDOWN_ACK if self.state.tcb().is_none_or(Tcb::is_cookie_echoed) => {
                self.replies.push(Reply::ShutdownComplete { tag, reflected: true });
                self.stats.dropped_out_of_the_blue += 1;
                ControlFlow::Break(())
            }
            _ => match known {
                // §8.4: answering strangers only helps them to find us; under DTLS there are none.
                None => {
                    self.stats.dropped_out_of_the_blue += 1;
                    ControlFlow::Break(())
                }
                Some((local, _)) if local != tag => self.refuse_tag(),
                Some(_) => ControlFlow::Continue(FirstTaken(false)),
            },
        }
    }

    fn refuse_tag(&mut self) -> ControlFlow<(), FirstTaken> {
        self.stats.dropped_tag += 1;
        ControlFlow::Break(())
    }

    fn handle_chunk(&mut self, chunk: &Chunk<'_>) -> ControlFlow<()> {
        match chunk.kind() {
            kind::DATA => return self.handle_data(chunk),
            kind::SACK => self.handle_sack(chunk),
            kind::COOKIE_ACK => self.handle_cookie_ack(),
            kind::HEARTBEAT => self.handle_heartbeat(chunk.value()),
            kind::HEARTBEAT_ACK => self.handle_heartbeat_ack(chunk.value()),
            kind::FORWARD_TSN => self.handle_forward_tsn(chunk),
            kind::RE_CONFIG => self.handle_reconfig(chunk.value()),
            kind::SHUTDOWN => self.handle_shutdown(chunk),
            kind::SHUTDOWN_ACK => self.handle_shutdown_ack(),
            kind::SHUTDOWN_COMPLETE => {
                self.handle_shutdown_complete();
                return ControlFlow::Break(());
            }
            kind::ERROR => self.handle_error(chunk.value()),
            kind::ABORT => {
                self.handle_abort(chunk.value());
                return ControlFlow::Break(());
            }
            // §6.10: these stand alone; §5.1: a cookie comes first.
            kind::INIT | kind::INIT_ACK | kind::COOKIE_ECHO => {
                self.stats.dropped_handshake += 1;
                return ControlFlow::Break(());
            }
            kind::PAD => {}
            _ => return self.handle_unknown(chunk),
        }
        match self.state {
            State::Closed => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn handle_unknown(&mut self, chunk: &Chunk<'_>) -> ControlFlow<()> {
        self.stats.unknown_chunks += 1;
        let action = chunk.unknown_action();
        if action.report
            && let Some(tcb) = self.state.tcb_mut()
        {
            tcb.answers
                .add_unrecognized_chunk(chunk.kind(), chunk.flags(), chunk.value());
        }
        match action.stop {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    // Data and its acknowledgement, in either direction.

    fn handle_data(&mut self, chunk: &Chunk<'_>) -> ControlFlow<()> {
        let Some(data) = Data::parse(chunk) else {
            self.stats.dropped_malformed += 1;
            return ControlFlow::Break(());
        };
        self.imply_cookie_ack();
        let Some(tcb) = self.state.tcb_mut().filter(|tcb| tcb.takes_data()) else {
            self.stats.dropped_unexpected += 1;
            return ControlFlow::Break(());
        };
        match tcb.receiver.handle_data(&data, &mut self.events, &mut self.stats) {
            Ok(()) => return ControlFlow::Continue(()),
            Err(DataError::InvalidStream) => {
                let information = [data.stream.to_be_bytes(), [0, 0]].concat();
                tcb.answers.add_cause(cause::INVALID_STREAM_IDENTIFIER, &information);
                return ControlFlow::Continue(());
            }
            Err(DataError::Empty) => {
                self.queue_abort(cause::NO_USER_DATA, &data.tsn.to_be_bytes());
                self.close_with(CloseReason::ProtocolViolation("a DATA chunk is empty"));
            }
            Err(DataError::OutOfResource) => {
                self.queue_abort(cause::OUT_OF_RESOURCE, &[]);
                self.close_with(CloseReason::OutOfResource);
            }
            Err(DataError::Violation(what)) => self.end_by_violation(what),
        }
        ControlFlow::Break(())
    }

    fn handle_forward_tsn(&mut self, chunk: &Chunk<'_>) {
        let expected = |tcb: &&mut Tcb| tcb.takes_data() && tcb.receiver.takes_forward_tsn();
        let Some(tcb) = self.state.tcb_mut().filter(expected) else {
            self.stats.dropped_unexpected += 1;
            return;
        };
        let Some(forward) = ForwardTsn::parse(chunk) else {
            self.stats.dropped_malformed += 1;
            return;
        };
        if let Err(DataError::Violation(what)) = tcb.receiver.handle_forward_tsn(&forward, &mut self.events) {
            self.end_by_violation(what);
        }
    }

    fn handle_sack(&mut self, chunk: &Chunk<'_>) {
        let Some(sack) = Sack::parse(chunk) else {
            self.stats.dropped_malformed += 1;
            return;
        };
        self.imply_cookie_ack();
        let Some(tcb) = self.state.tcb_mut().filter(|tcb| tcb.takes_sacks()) else {
            self.stats.dropped_unexpected += 1;
            return;
        };
        self.stats.sacks_received += 1;
        tcb.sender.handle_sack(&sack, self.now, &mut self.path, &mut self.stats);
    }

    // Whether the peer is there.

    fn handle_heartbeat(&mut self, value: &[u8]) {
        let Some(tcb) = self.state.tcb_mut().filter(|tcb| !tcb.is_cookie_echoed()) else {
            self.stats.dropped_unexpected += 1;
            return;
        };
        if !tcb.heartbeat.handle_heartbeat(value) {
            self.stats.dropped_malformed += 1;
        }
    }

    fn handle_heartbeat_ack(&mut self, value: &[u8]) {
        let tcb = self.state.tcb_mut();
        match tcb.and_then(|tcb| tcb.heartbeat.handle_heartbeat_ack(self.now, value)) {
            Some(round_trip) => {
                self.path.clear_errors();
                self.path.measure(self.now, round_trip);
            }
            None => self.stats.dropped_unexpected += 1,
        }
    }

    // What went wrong.

    fn handle_abort(&mut self, value: &[u8]) {
        if self.expects_restart() && self.state.tcb().is_some() {
            return self.handle_expected_restart();
        }
        let first = Cause::all(value).next();
        let reason = first
            .filter(|first| matches!(first.code, cause::USER_INITIATED_ABORT | cause::PROTOCOL_VIOLATION))
            .map_or_else(String::new, |first| {
                let text = first.information.get(..MAX_REASON).unwrap_or(first.information);
                String::from_utf8_lossy(text).into_owned()
            });
        let code = first.map_or(0, |first| first.code);
        self.close_with(CloseReason::PeerAborted { code, reason });
    }

    fn handle_error(&mut self, value: &[u8]) {
        for error in Cause::all(value).take(4) {
            if error.code == cause::STALE_COOKIE && self.state.tcb().is_some_and(Tcb::is_cookie_echoed) {
                self.handle_stale_cookie();
                continue;
            }
            if self.events.len() < MAX_EVENTS {
                self.events.push_back(Event::PeerError { code: error.code });
            }
        }
    }

    /// The peer broke the protocol: tells it so and ends.
    fn end_by_violation(&mut self, what: &'static str) {
        self.queue_abort(cause::PROTOCOL_VIOLATION, what.as_bytes());
        self.close_with(CloseReason::ProtocolViolation(what));
    }
}

/// Whether the first chunk has been taken already.
struct FirstTaken(bool);
