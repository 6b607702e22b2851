//! Where an association stands, and what it knows of its peer there (RFC 9260 §4, §14).

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;
use pollrtc_core::Instant;

use super::cookie::Cookie;
use super::heartbeat::Heartbeat;
use super::receiver::Receiver;
use super::reconfiguration::Reconfiguration;
use super::sender::Sender;
use super::timer::Repeated;
use crate::Config;
use crate::wire::{PacketWriter, cause, chunk_header, kind, padded, parameter_header};

/// Where the association stands (RFC 9260 §4).
#[derive(Debug)]
pub(super) enum State {
    /// CLOSED, before anything has happened: a peer may connect.
    Idle,
    /// COOKIE-WAIT, with the INIT.
    CookieWait(Repeated),
    /// All states in which the peer's tag is known.
    Associated(Box<Tcb>),
    /// CLOSED, for good.
    Closed,
}

impl State {
    pub(super) fn tcb(&self) -> Option<&Tcb> {
        match self {
            Self::Associated(tcb) => Some(tcb),
            _ => None,
        }
    }

    pub(super) fn tcb_mut(&mut self) -> Option<&mut Tcb> {
        match self {
            Self::Associated(tcb) => Some(tcb),
            _ => None,
        }
    }

    /// The next moment at which a timer runs out; the end of time if none runs.
    pub(super) fn deadline(&self) -> Instant {
        match self {
            Self::Idle | Self::Closed => Instant::FAR_FUTURE,
            Self::CookieWait(init) => init.deadline(),
            Self::Associated(tcb) => tcb.deadline(),
        }
    }
}

/// The transmission control block: what there is once both tags are known.
#[derive(Debug)]
pub(super) struct Tcb {
    pub(super) local_tag: u32,
    pub(super) peer_tag: u32,
    pub(super) outbound_streams: u16,
    pub(super) phase: Phase,
    pub(super) sender: Sender,
    pub(super) receiver: Receiver,
    pub(super) reconfiguration: Reconfiguration,
    pub(super) heartbeat: Heartbeat,
    pub(super) answers: Answers,
}

/// The states of RFC 9260 §4 that have a TCB.
#[derive(Debug)]
pub(super) enum Phase {
    CookieEchoed {
        cookie: Bytes,
        echo: Repeated,
    },
    Established,
    ShutdownPending,
    /// With the SHUTDOWN.
    ShutdownSent(Repeated),
    ShutdownReceived,
    /// With the SHUTDOWN ACK.
    ShutdownAckSent(Repeated),
}

impl Tcb {
    /// A cookie's content serves for both sides: the one that sealed it, and the one that got the
    /// same from an INIT ACK.
    pub(super) fn new(config: &Config, max_packet: usize, cookie: &Cookie, phase: Phase) -> Self {
        Self {
            local_tag: cookie.local_tag,
            peer_tag: cookie.peer_tag,
            outbound_streams: cookie.outbound_streams,
            phase,
            sender: Sender::new(config, max_packet, cookie),
            receiver: Receiver::new(config, cookie),
            reconfiguration: Reconfiguration::new(cookie),
            heartbeat: Heartbeat::new(config.heartbeat_interval),
            answers: Answers::default(),
        }
    }

    pub(super) fn tags(&self) -> (u32, u32) {
        (self.local_tag, self.peer_tag)
    }

    pub(super) fn is_cookie_echoed(&self) -> bool {
        matches!(self.phase, Phase::CookieEchoed { .. })
    }

    pub(super) fn is_established(&self) -> bool {
        matches!(self.phase, Phase::Established)
    }

    /// Whether there is nothing to tell the peer, where no message waits: most connections, most of the time, and seen
    /// without the beginning of a packet.
    pub(super) fn is_at_rest(&self) -> bool {
        matches!(self.phase, Phase::Established)
            && self.sender.is_at_rest()
            && !self.receiver.is_sack_due()
            && self.answers.is_empty()
            && !self.heartbeat.is_due()
            && !self.reconfiguration.is_due()
    }

    pub(super) fn may_send_data(&self) -> bool {
        matches!(
            self.phase,
            Phase::CookieEchoed { .. } | Phase::Established | Phase::ShutdownPending | Phase::ShutdownReceived
        )
    }

    pub(super) fn takes_sacks(&self) -> bool {
        matches!(
            self.phase,
            Phase::Established | Phase::ShutdownPending | Phase::ShutdownReceived
        )
    }

    /// Also from who has asked to end: dcsctp asks while something is missing still that it sends again.
    pub(super) fn takes_data(&self) -> bool {
        matches!(
            self.phase,
            Phase::Established | Phase::ShutdownPending | Phase::ShutdownSent(_) | Phase::ShutdownReceived
        )
    }

    /// Has a SHUTDOWN of ours sent again. True if there was one.
    pub(super) fn repeat_shutdown(&mut self) -> bool {
        match &mut self.phase {
            Phase::ShutdownSent(shutdown) => {
                shutdown.send_now();
                true
            }
            _ => false,
        }
    }

    fn deadline(&self) -> Instant {
        let repeated = match &self.phase {
            Phase::CookieEchoed { echo, .. } => echo.deadline(),
            Phase::ShutdownSent(chunk) | Phase::ShutdownAckSent(chunk) => chunk.deadline(),
            Phase::Established | Phase::ShutdownPending | Phase::ShutdownReceived => Instant::FAR_FUTURE,
        };
        repeated
            .min(self.sender.deadline())
            .min(self.receiver.deadline())
            .min(self.reconfiguration.deadline())
            .min(self.heartbeat.deadline())
    }
}

/// How many bytes of error causes may wait.
const MAX_CAUSES: usize = 256;
/// How much of a chunk of unknown type is told back. RFC 9260 §3.3.10.6 asks for all of it, but an answer must not
/// be larger than what it answers.
const MAX_ECHOED_CHUNK: usize = 64;

/// Answers to what the peer sent that have no place of their own.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) cookie_ack: bool,
    /// Error causes, each padded.
    causes: Vec<u8>,
}

impl Answers {
    fn is_empty(&self) -> bool {
        !self.cookie_ack && self.causes.is_empty()
    }

    /// Queues an error cause; drops it if too many wait or it is too long (an answer must not be
    /// larger than what it answers).
    pub(super) fn add_cause(&mut self, code: u16, information: &[u8]) {
        let Some(header) = parameter_header(code, information.len()) else {
            return;
        };
        if self.causes.len() + padded(header.len() + information.len()) > MAX_CAUSES {
            return;
        }
        self.causes.extend_from_slice(&header);
        self.causes.extend_from_slice(information);
        self.causes.resize(padded(self.causes.len()), 0);
    }

    /// Queues the cause that names a chunk of unknown type.
    pub(super) fn add_unrecognized_chunk(&mut self, chunk_kind: u8, flags: u8, value: &[u8]) {
        if let Some(header) = chunk_header(chunk_kind, flags, value.len()) {
            let echo: Vec<u8> = header
                .iter()
                .chain(value.iter().take(MAX_ECHOED_CHUNK))
                .copied()
                .collect();
            self.add_cause(cause::UNRECOGNIZED_CHUNK_TYPE, &echo);
        }
    }

    pub(super) fn write_causes(&mut self, packet: &mut PacketWriter<'_>) {
        if !self.causes.is_empty() && packet.chunk(kind::ERROR, 0, |body| body.put(&self.causes)) {
            self.causes.clear();
        }
    }

    pub(super) fn write_cookie_ack(&mut self, packet: &mut PacketWriter<'_>) {
        if self.cookie_ack && packet.chunk(kind::COOKIE_ACK, 0, |_| ()) {
            self.cookie_ack = false;
        }
    }
}
