//! What happens when timers run out.

use super::Association;
use super::sender::Source;
use super::state::{State, Tcb};
use crate::CloseReason;

impl Association {
    /// Does what is due.
    pub(super) fn handle_timeouts(&mut self) {
        self.drop_expired();
        if self.state.deadline() > self.now {
            return;
        }
        self.handle_connect_timeout();
        self.handle_shutdown_timeout();
        let State::Associated(tcb) = &mut self.state else {
            return;
        };
        let (path, stats) = (&mut self.path, &mut self.stats);
        if tcb.sender.handle_timeout(self.now, path, &self.queue, stats) {
            self.count_error();
        }
        if let State::Associated(tcb) = &mut self.state {
            tcb.receiver.handle_timeout(self.now);
            if tcb.heartbeat.take_due(self.now) {
                self.handle_heartbeat_timeout();
            }
        }
        if let State::Associated(tcb) = &mut self.state
            && tcb.reconfiguration.handle_timeout(self.now)
        {
            self.path.back_off();
            self.count_error();
        }
    }

    /// Messages that were not begun are given up when their time has passed (RFC 3758 §4.1).
    fn drop_expired(&mut self) {
        if self.queue.first_expires() > self.now {
            return;
        }
        let mut source = Source {
            queue: &mut self.queue,
            events: &mut self.events,
            stats: &mut self.stats,
        };
        source.drop_expired(self.now);
        // A reset or the end may have waited for them.
        self.progress();
    }

    /// The path was quiet for a while: is the peer there (§8.3)?
    fn handle_heartbeat_timeout(&mut self) {
        let busy = |tcb: &mut Tcb| tcb.sender.has_chunks();
        let is_busy = self.state.tcb_mut().is_some_and(busy);
        if !is_busy && self.state.tcb_mut().is_some_and(|tcb| tcb.heartbeat.give_up_waiting()) {
            self.count_error();
        }
        let Some(tcb) = self.state.tcb_mut() else { return };
        if !is_busy {
            tcb.heartbeat.send(self.rng.u64());
        }
        tcb.heartbeat.rearm(self.now, self.path.rto());
    }

    /// One more transmission without an answer (§8.1).
    fn count_error(&mut self) {
        if self.path.count_error(self.config.max_retransmits) {
            self.queue_abort(0, &[]);
            self.close_with(CloseReason::Timeout);
        }
    }
}
