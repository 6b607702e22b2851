//! The end: in good order (RFC 9260 §9.2) or at once (§9.1).

use super::tcb::Reply;
use super::timers::Timer;
use super::{Association, State};
use crate::CloseReason;
use crate::wire::cause;

impl Association {
    /// Ends the association once all that was sent is acknowledged. Nothing is taken to be sent any
    /// more. [`Event::Closed`](crate::Event::Closed) tells when it is over.
    pub fn shutdown(&mut self) {
        match self.state {
            State::Established => {
                self.state = State::ShutdownPending;
                self.progress();
            }
            State::Idle | State::CookieWait | State::CookieEchoed { .. } => {
                self.abort("closed before it was connected");
            }
            _ => {}
        }
    }

    /// Ends the association now. What was not delivered is lost; the peer is told the reason.
    pub fn abort(&mut self, reason: &str) {
        if self.state != State::Closed {
            self.abort_with(cause::USER_INITIATED_ABORT, reason.as_bytes());
            self.close_with(CloseReason::Aborted);
        }
    }

    /// Ends the association without a word: what carried its packets is gone (RFC 8841 §9.3).
    pub fn transport_closed(&mut self) {
        self.close_with(CloseReason::TransportClosed);
    }

    /// Does what had to wait for data to leave or to arrive.
    pub(super) fn progress(&mut self) {
        self.perform_deferred_reset();
        self.begin_reset();
        let all_delivered = self.queue.is_empty() && self.tcb.as_ref().is_some_and(|tcb| tcb.outstanding.is_empty());
        if !all_delivered {
            return;
        }
        match self.state {
            State::ShutdownPending => {
                self.state = State::ShutdownSent;
                self.outbox.shutdown = true;
                self.unanswered = 0;
            }
            // §9.2 has the peer ask once all of its data is acknowledged. One that asks before that
            // still gets to send what is missing.
            State::ShutdownReceived if !self.is_data_missing() => {
                self.state = State::ShutdownAckSent;
                self.outbox.shutdown_ack = true;
                self.unanswered = 0;
            }
            _ => {}
        }
    }

    fn is_data_missing(&self) -> bool {
        let tcb = self.tcb.as_ref();
        tcb.is_some_and(|tcb| tcb.received.has_gaps() || tcb.reassembly.is_unfinished())
    }

    /// SHUTDOWN: the peer has sent all it had, and got what it tells.
    pub(super) fn on_shutdown(&mut self, value: &[u8]) {
        let Some((tsn, _)) = value.split_first_chunk::<4>() else {
            self.stats.dropped_malformed += 1;
            return;
        };
        match self.state {
            State::Established | State::ShutdownPending => {
                self.state = State::ShutdownReceived;
                self.on_cumulative_ack(u32::from_be_bytes(*tsn));
            }
            State::ShutdownReceived => self.on_cumulative_ack(u32::from_be_bytes(*tsn)),
            // Both asked at once.
            State::ShutdownSent => {
                self.state = State::ShutdownAckSent;
                self.outbox.shutdown = false;
                self.outbox.shutdown_ack = true;
                self.unanswered = 0;
            }
            State::ShutdownAckSent => self.outbox.shutdown_ack = true,
            _ => self.stats.dropped_unexpected += 1,
        }
    }

    pub(super) fn on_shutdown_ack(&mut self) {
        match (&self.state, &self.tcb) {
            (State::ShutdownSent | State::ShutdownAckSent, Some(tcb)) => {
                let tag = tcb.peer_tag;
                self.outbox.replies.clear();
                self.outbox.reply(Reply::ShutdownComplete { tag, reflected: false });
                self.close_with(CloseReason::Shutdown);
            }
            _ => self.stats.dropped_unexpected += 1,
        }
    }

    pub(super) fn on_shutdown_complete(&mut self) {
        match self.state {
            State::ShutdownAckSent => self.close_with(CloseReason::Shutdown),
            _ => self.stats.dropped_unexpected += 1,
        }
    }

    /// SHUTDOWN or SHUTDOWN ACK was not answered.
    pub(super) fn on_shutdown_timer(&mut self) {
        match self.state {
            State::ShutdownSent => self.outbox.shutdown = true,
            State::ShutdownAckSent => self.outbox.shutdown_ack = true,
            _ => return,
        }
        self.timers.stop(Timer::Shutdown);
        self.rtt.back_off();
        self.unanswered += 1;
        let limit = self.config.max_retransmits.unwrap_or(MAX_SHUTDOWN_RETRANSMITS);
        if self.unanswered > limit {
            self.abort_with(cause::USER_INITIATED_ABORT, b"shutdown was not answered");
            self.close_with(CloseReason::Timeout);
        }
    }
}

/// Whoever wants to leave does not wait for ever, even where waiting for data has no limit.
const MAX_SHUTDOWN_RETRANSMITS: u32 = 10;
