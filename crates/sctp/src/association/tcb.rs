//! What is known of a peer with which we agreed on tags (RFC 9260 §14).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use pollrtc_core::Instant;

use super::cookie::{Capabilities, Cookie};
use super::reset::Reconfiguration;
use crate::Config;
use crate::congestion::Congestion;
use crate::loss::LossDetector;
use crate::outstanding::Outstanding;
use crate::reassembly::Reassembly;
use crate::received::ReceivedTsns;
use crate::serial::begin;

/// The transmission control block.
#[derive(Debug)]
pub(super) struct Tcb {
    pub(super) local_tag: u32,
    pub(super) peer_tag: u32,
    pub(super) outbound_streams: u16,
    pub(super) inbound_streams: u16,
    pub(super) capabilities: Capabilities,

    // Sending.
    pub(super) outstanding: Outstanding,
    pub(super) congestion: Congestion,
    pub(super) loss: LossDetector,
    /// The window that the peer told last.
    pub(super) peer_window: u32,
    /// The next packet leaves whatever the congestion window says.
    pub(super) force_packet: bool,
    pub(super) last_data_sent: Instant,
    /// The last FORWARD TSN: up to where, and when.
    pub(super) forwarded: (u32, Instant),

    // Receiving.
    pub(super) received: ReceivedTsns,
    pub(super) reassembly: Reassembly,
    pub(super) acknowledgement: Acknowledgement,

    pub(super) reconfiguration: Reconfiguration,
}

/// When to send a SACK and what it says besides the TSNs (RFC 9260 §6.2).
#[derive(Debug, Default)]
pub(super) struct Acknowledgement {
    /// Packets with DATA since the last SACK.
    pub(super) packets: u32,
    /// A SACK has to leave now.
    pub(super) due: bool,
    /// The first DATA has come.
    pub(super) begun: bool,
    /// TSNs that came again.
    pub(super) duplicates: Vec<u32>,
    /// The window that we told last.
    pub(super) advertised: u32,
}

/// How many duplicates to report.
const MAX_DUPLICATES: usize = 32;

impl Acknowledgement {
    pub(super) fn note_duplicate(&mut self, tsn: u32) {
        if self.duplicates.len() < MAX_DUPLICATES {
            self.duplicates.push(tsn);
        }
        self.due = true;
    }
}

impl Tcb {
    /// A cookie's content serves for both sides: the one that sealed it, and the one that got the
    /// same from an INIT ACK.
    pub(super) fn new(config: &Config, max_packet: usize, cookie: &Cookie) -> Self {
        Self {
            local_tag: cookie.local_tag,
            peer_tag: cookie.peer_tag,
            outbound_streams: cookie.outbound_streams,
            inbound_streams: cookie.inbound_streams,
            capabilities: cookie.capabilities,
            outstanding: Outstanding::new(begin(cookie.local_tsn)),
            congestion: Congestion::new(max_packet, config.initial_window, cookie.peer_window),
            loss: LossDetector::default(),
            peer_window: cookie.peer_window,
            force_packet: false,
            last_data_sent: Instant::ZERO,
            forwarded: (cookie.local_tsn.wrapping_sub(1), Instant::ZERO),
            received: ReceivedTsns::new(begin(cookie.peer_tsn)),
            reassembly: Reassembly::new(config.receive_window, config.max_message_size),
            acknowledgement: Acknowledgement {
                advertised: config.receive_window,
                ..Acknowledgement::default()
            },
            reconfiguration: Reconfiguration::new(cookie.local_tsn, cookie.peer_tsn),
        }
    }

    /// Bytes of payload that the peer has room for.
    pub(super) fn peer_room(&self) -> usize {
        (self.peer_window as usize).saturating_sub(self.outstanding.payload_in_flight())
    }
}

/// Control chunks that wait to be written into the next packet.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) init: bool,
    pub(super) cookie_echo: bool,
    pub(super) cookie_ack: bool,
    pub(super) shutdown: bool,
    pub(super) shutdown_ack: bool,
    /// The nonce of a heartbeat to send.
    pub(super) heartbeat: Option<u64>,
    /// The information of a heartbeat to answer.
    pub(super) heartbeat_ack: Option<Vec<u8>>,
    /// Error causes, each padded.
    pub(super) causes: Vec<u8>,
    pub(super) forward_tsn: bool,
    /// Packets that need no association.
    pub(super) replies: VecDeque<Reply>,
}

/// A packet of its own, with a tag of its own.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    InitAck {
        cookie: Cookie,
        /// Parameters that we did not know, each padded.
        unrecognized: Vec<u8>,
    },
    Abort {
        tag: u32,
        code: u16,
        information: Vec<u8>,
    },
    ShutdownComplete {
        tag: u32,
        /// The tag is the one that the peer used, since we know no other (T bit).
        reflected: bool,
    },
    StaleCookie {
        tag: u32,
        microseconds: u32,
    },
}

/// How many replies may wait; a flood of INITs gains nothing by more.
const MAX_REPLIES: usize = 4;
/// How many bytes of error causes may wait.
const MAX_CAUSES: usize = 256;

impl Outbox {
    pub(super) fn reply(&mut self, reply: Reply) {
        if self.replies.len() < MAX_REPLIES {
            self.replies.push_back(reply);
        }
    }

    /// Queues an error cause; drops it if too many wait or it is too long (an answer must not be
    /// larger than what it answers).
    pub(super) fn cause(&mut self, code: u16, information: &[u8]) {
        let len = information.len() + 4;
        let padded_len = crate::wire::padded(len);
        let Ok(wire_len) = u16::try_from(len) else {
            return;
        };
        if self.causes.len() + padded_len > MAX_CAUSES {
            return;
        }
        self.causes.extend_from_slice(&code.to_be_bytes());
        self.causes.extend_from_slice(&wire_len.to_be_bytes());
        self.causes.extend_from_slice(information);
        self.causes.resize(crate::wire::padded(self.causes.len()), 0);
    }

    /// Nothing of an association is sent any more; what stands for itself still is.
    pub(super) fn clear_association(&mut self) {
        let replies = core::mem::take(&mut self.replies);
        *self = Self {
            replies,
            ..Self::default()
        };
    }
}
