//! A packet comes in: is it for us, and who takes its chunks (RFC 9260 §8.4, §8.5).

use alloc::string::String;
use core::ops::ControlFlow;

use super::tcb::Reply;
use super::{Association, State};
use crate::wire::{Cause, Chunk, Packet, cause, kind, verify_checksum};
use crate::{CloseReason, Event};

/// The T bit of ABORT and SHUTDOWN COMPLETE: the tag is the receiver's peer's.
const REFLECTED: u8 = 1;
/// Beyond this many events that nobody takes, a peer can't cause more, except messages, which the
/// window bounds.
pub(super) const MAX_EVENTS: usize = 4096;
/// The most that is kept of the reason in an ABORT.
const MAX_REASON: usize = 256;

impl Association {
    pub(super) fn receive(&mut self, bytes: &mut [u8]) {
        if bytes.len() < crate::wire::HEADER_LEN {
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
            if self.take_chunk(&chunk).is_break() {
                break;
            }
        }
        if had_data {
            self.after_data();
        }
        self.progress();
    }

    /// Looks at the verification tag, by the rules of the packet's first chunk, and takes the
    /// chunks that set up or tear down.
    fn admit(&mut self, packet: &Packet<'_>, first: &Chunk<'_>) -> ControlFlow<(), FirstTaken> {
        let tag = packet.verification_tag();
        let known = self.tcb.as_ref().map(|tcb| (tcb.local_tag, tcb.peer_tag));
        match first.kind() {
            kind::INIT => {
                self.on_init(packet, first);
                ControlFlow::Break(())
            }
            kind::COOKIE_ECHO => match self.on_cookie_echo(tag, first.value()) {
                true => ControlFlow::Continue(FirstTaken(true)),
                false => ControlFlow::Break(()),
            },
            kind::ABORT | kind::SHUTDOWN_COMPLETE => {
                // §8.5.1 B, C: our own tag, or with the T bit the peer's.
                let reflected = first.flags() & REFLECTED != 0;
                let local = known.map_or(self.local_tag, |(local, _)| local);
                let ours = match reflected {
                    false => tag == local,
                    true => known.is_some_and(|(_, peer)| tag == peer),
                };
                let alive = !matches!(self.state, State::Idle | State::Closed);
                match ours && alive {
                    true => ControlFlow::Continue(FirstTaken(false)),
                    false => self.refuse_tag(),
                }
            }
            kind::INIT_ACK if known.is_none() => {
                if self.state != State::CookieWait || tag != self.local_tag {
                    return self.refuse_tag();
                }
                self.on_init_ack(packet, first);
                ControlFlow::Break(())
            }
            // §8.4 (5), §8.5.1 E: whoever waits for us to end shall not wait.
            kind::SHUTDOWN_ACK if known.is_none() || matches!(self.state, State::CookieEchoed { .. }) => {
                self.outbox.reply(Reply::ShutdownComplete { tag, reflected: true });
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

    fn take_chunk(&mut self, chunk: &Chunk<'_>) -> ControlFlow<()> {
        match chunk.kind() {
            kind::DATA => return self.on_data(chunk),
            kind::SACK => self.on_sack(chunk),
            kind::COOKIE_ACK => self.on_cookie_ack(),
            kind::HEARTBEAT => self.on_heartbeat(chunk.value()),
            kind::HEARTBEAT_ACK => self.on_heartbeat_ack(chunk.value()),
            kind::FORWARD_TSN => self.on_forward_tsn(chunk),
            kind::RE_CONFIG => self.on_reconfig(chunk.value()),
            kind::SHUTDOWN => self.on_shutdown(chunk.value()),
            kind::SHUTDOWN_ACK => self.on_shutdown_ack(),
            kind::SHUTDOWN_COMPLETE => {
                self.on_shutdown_complete();
                return ControlFlow::Break(());
            }
            kind::ERROR => self.on_error(chunk.value()),
            kind::ABORT => {
                self.on_abort(chunk.value());
                return ControlFlow::Break(());
            }
            // §6.10: these stand alone; §5.1: a cookie comes first.
            kind::INIT | kind::INIT_ACK | kind::COOKIE_ECHO => {
                self.stats.dropped_handshake += 1;
                return ControlFlow::Break(());
            }
            kind::PAD => {}
            _ => return self.on_unknown(chunk),
        }
        match self.state {
            State::Closed => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn on_unknown(&mut self, chunk: &Chunk<'_>) -> ControlFlow<()> {
        self.stats.unknown_chunks += 1;
        let action = chunk.unknown_action();
        if action.report {
            let mut echo = alloc::vec![chunk.kind(), chunk.flags()];
            let len = u16::try_from(chunk.value().len() + 4).unwrap_or(u16::MAX);
            echo.extend_from_slice(&len.to_be_bytes());
            // What is too long to be echoed as a whole is echoed in part (§3.3.10.6 asks for all,
            // but an answer must not be larger than what it answers).
            echo.extend(chunk.value().iter().take(64));
            self.outbox.cause(cause::UNRECOGNIZED_CHUNK_TYPE, &echo);
        }
        match action.stop {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn on_abort(&mut self, value: &[u8]) {
        if self.expects_restart() && self.tcb.is_some() {
            return self.begin_anew();
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

    fn on_error(&mut self, value: &[u8]) {
        for error in Cause::all(value).take(4) {
            if error.code == cause::STALE_COOKIE && matches!(self.state, State::CookieEchoed { .. }) {
                self.on_stale_cookie();
                continue;
            }
            if self.events.len() < MAX_EVENTS {
                self.events.push_back(Event::PeerError { code: error.code });
            }
        }
    }

    /// The peer broke the protocol: tells it so and ends.
    pub(super) fn violation(&mut self, what: &'static str) {
        self.abort_with(cause::PROTOCOL_VIOLATION, what.as_bytes());
        self.close_with(CloseReason::ProtocolViolation(what));
    }

    /// Sends an ABORT with one cause, if a peer is known.
    pub(super) fn abort_with(&mut self, code: u16, information: &[u8]) {
        if let Some(tcb) = &self.tcb {
            // The last word may push out answers to strangers.
            self.outbox.replies.clear();
            self.outbox.reply(Reply::Abort {
                tag: tcb.peer_tag,
                code,
                information: information.iter().copied().take(MAX_REASON).collect(),
            });
        }
    }
}

/// Whether the first chunk has been taken already.
struct FirstTaken(bool);
