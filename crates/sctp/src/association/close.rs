//! The end: in good order (RFC 9260 §9.2) or at once (§9.1).

use super::replies::Reply;
use super::state::{Phase, State};
use super::timer::Repeated;
use super::{Association, MAX_REASON};
use crate::wire::{Chunk, Shutdown, cause};
use crate::{CloseReason, Event};

/// Whoever wants to leave does not wait for ever, even where waiting for data has no limit.
const MAX_SHUTDOWN_RETRANSMITS: u32 = 10;

impl Association {
    /// Ends the association once all that was sent is acknowledged (SHUTDOWN). Nothing is taken to be sent any
    /// more. [`Event::Closed`](crate::Event::Closed) tells when it is over.
    pub fn close(&mut self) {
        match &mut self.state {
            State::Closed => {}
            State::Idle | State::CookieWait(_) => self.abort("closed before it was connected"),
            State::Associated(tcb) => match tcb.phase {
                Phase::CookieEchoed { .. } => self.abort("closed before it was connected"),
                Phase::Established => {
                    tcb.phase = Phase::ShutdownPending;
                    self.progress();
                }
                _ => {}
            },
        }
    }

    /// Ends the association now (ABORT). What was not delivered is lost; the peer is told the reason.
    pub fn abort(&mut self, reason: &str) {
        if !matches!(self.state, State::Closed) {
            self.queue_abort(cause::USER_INITIATED_ABORT, reason.as_bytes());
            self.close_with(CloseReason::Aborted);
        }
    }

    /// Ends the association without a word: what carried its packets is gone (RFC 8841 §9.3).
    pub fn handle_transport_closed(&mut self) {
        self.close_with(CloseReason::TransportClosed);
    }

    /// Does what had to wait for data to leave or to arrive.
    pub(super) fn progress(&mut self) {
        self.perform_deferred_reset();
        self.begin_reset();
        let Some(tcb) = self.state.tcb_mut() else { return };
        if !self.queue.is_empty() || !tcb.sender.is_empty() {
            return;
        }
        match tcb.phase {
            Phase::ShutdownPending => tcb.phase = Phase::ShutdownSent(Repeated::new()),
            // §9.2 has the peer ask once all of its data is acknowledged. One that asks before that
            // still gets to send what is missing.
            Phase::ShutdownReceived if !tcb.receiver.is_data_missing() => {
                tcb.phase = Phase::ShutdownAckSent(Repeated::new());
            }
            _ => return,
        }
        self.path.clear_errors();
    }

    /// SHUTDOWN: the peer has sent all it had, and got what it tells.
    pub(super) fn handle_shutdown(&mut self, chunk: &Chunk<'_>) {
        let Some(shutdown) = Shutdown::parse(chunk) else {
            self.stats.dropped_malformed += 1;
            return;
        };
        let Some(tcb) = self.state.tcb_mut() else { return };
        match &mut tcb.phase {
            Phase::Established | Phase::ShutdownPending | Phase::ShutdownReceived => {
                tcb.phase = Phase::ShutdownReceived;
                let (path, stats) = (&mut self.path, &mut self.stats);
                tcb.sender
                    .handle_cumulative_tsn_ack(shutdown.cumulative_tsn_ack, self.now, path, stats);
            }
            // Both asked at once.
            Phase::ShutdownSent(_) => {
                tcb.phase = Phase::ShutdownAckSent(Repeated::new());
                self.path.clear_errors();
            }
            Phase::ShutdownAckSent(shutdown_ack) => shutdown_ack.send_now(),
            Phase::CookieEchoed { .. } => self.stats.dropped_unexpected += 1,
        }
    }

    pub(super) fn handle_shutdown_ack(&mut self) {
        match self.state.tcb().map(|tcb| (&tcb.phase, tcb.peer_tag)) {
            Some((Phase::ShutdownSent(_) | Phase::ShutdownAckSent(_), tag)) => {
                self.replies
                    .push_last(Reply::ShutdownComplete { tag, reflected: false });
                self.close_with(CloseReason::Shutdown);
            }
            _ => self.stats.dropped_unexpected += 1,
        }
    }

    pub(super) fn handle_shutdown_complete(&mut self) {
        match self.state.tcb().map(|tcb| &tcb.phase) {
            Some(Phase::ShutdownAckSent(_)) => self.close_with(CloseReason::Shutdown),
            _ => self.stats.dropped_unexpected += 1,
        }
    }

    /// SHUTDOWN or SHUTDOWN ACK may not have been answered.
    pub(super) fn handle_shutdown_timeout(&mut self) {
        let Some(tcb) = self.state.tcb_mut() else { return };
        let (Phase::ShutdownSent(chunk) | Phase::ShutdownAckSent(chunk)) = &mut tcb.phase else {
            return;
        };
        if !chunk.handle_timeout(self.now) {
            return;
        }
        self.path.back_off();
        let limit = self.config.max_retransmits.unwrap_or(MAX_SHUTDOWN_RETRANSMITS);
        if self.path.count_error(Some(limit)) {
            self.queue_abort(cause::USER_INITIATED_ABORT, b"shutdown was not answered");
            self.close_with(CloseReason::Timeout);
        }
    }

    /// Queues an ABORT with one cause (0 for none), if a peer is known.
    pub(super) fn queue_abort(&mut self, code: u16, information: &[u8]) {
        if let Some(tcb) = self.state.tcb() {
            self.replies.push_last(Reply::Abort {
                tag: tcb.peer_tag,
                code,
                information: information.iter().copied().take(MAX_REASON).collect(),
            });
        }
    }

    /// Ends it: nothing is sent any more but what stands for itself.
    pub(super) fn close_with(&mut self, reason: CloseReason) {
        if matches!(self.state, State::Closed) {
            return;
        }
        self.state = State::Closed;
        self.queue.clear();
        self.events.push_back(Event::Closed(reason));
    }
}
