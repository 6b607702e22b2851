//! What happens when timers run out, and heartbeats (RFC 9260 §8).

use core::time::Duration;

use super::tcb::Tcb;
use super::timers::Timer;
use super::{Association, State};
use crate::CloseReason;
use crate::send_queue::SendQueue;

/// The longest heartbeat that is answered; the answer must not be larger than a packet.
const MAX_HEARTBEAT: usize = 400;

impl Association {
    pub(super) fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Connect => self.on_connect_timer(),
            Timer::Shutdown => self.on_shutdown_timer(),
            Timer::Retransmit => self.on_retransmit_timer(),
            Timer::Sack => {
                if let Some(tcb) = &mut self.tcb {
                    tcb.acknowledgement.due = true;
                }
            }
            Timer::Heartbeat => self.on_heartbeat_timer(),
            Timer::Reconfig => self.on_reconfig_timer(),
            Timer::Reorder => self.detect_losses(),
            Timer::Probe => self.on_probe_timer(),
            // The next packet gives it up before it looks at any window.
            Timer::Lifetime => {}
        }
    }

    /// INIT or COOKIE ECHO was not answered (§5.1): the same again, later and later.
    fn on_connect_timer(&mut self) {
        match self.state {
            State::CookieWait => self.outbox.init = true,
            State::CookieEchoed { .. } => {
                self.outbox.cookie_echo = true;
                // What left with the first COOKIE ECHO leaves with this one again.
                if let Some(tcb) = self.tcb.as_deref_mut() {
                    tcb.outstanding.mark_all_lost();
                    tcb.loss.on_timeout(&tcb.outstanding);
                }
            }
            _ => return,
        }
        self.handshake_sent = None; // Karn's rule.
        self.rtt.back_off();
        self.unanswered += 1;
        let limit = self.config.max_init_retransmits;
        if limit.is_some_and(|limit| self.unanswered > limit) {
            self.close_with(CloseReason::ConnectTimeout);
        }
    }

    /// Data was not acknowledged (§6.3.3).
    fn on_retransmit_timer(&mut self) {
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        if !tcb.outstanding.has_chunks() {
            return;
        }
        self.stats.timeouts += 1;
        let new_data = Self::has_new_data_for_peer(tcb, &self.queue, self.max_packet);
        // A probe into a closed window (§6.1 A) says nothing about congestion.
        if tcb.peer_window > 0 {
            tcb.congestion.on_timeout();
        }
        // A peer that was busy for a moment answers late. What can be sent again is, and a duplicate does
        // no harm; but what can't would be given up for good, unsent rest and all. While there is
        // something new to ask with, the answer to that tells what is lost (RFC 3758 §3.5 leaves the
        // moment to us).
        if new_data {
            tcb.outstanding.mark_repairable_lost();
        } else {
            tcb.outstanding.mark_all_lost();
        }
        tcb.loss.on_timeout(&tcb.outstanding);
        tcb.force_packet = true;
        self.outbox.forward_tsn = tcb.outstanding.forward_tsn_needed();
        self.timers.stop(Timer::Probe);
        self.timers.stop(Timer::Reorder);
        self.rtt.back_off();
        self.timers.set(Timer::Retransmit, self.now + self.rtt.rto());
        self.count_unanswered();
    }

    /// Nothing was heard of the last packets for two round trips: sends one more, so that an answer
    /// tells what is missing (RFC 8985 §7.3).
    fn on_probe_timer(&mut self) {
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        if tcb.outstanding.in_flight() == 0 || tcb.loss.probing {
            return;
        }
        if !Self::has_new_data_for_peer(tcb, &self.queue, self.max_packet) {
            // What may not be sent again waits for the retransmission timer, or for what is sent next.
            let Some(last) = tcb.outstanding.last_in_flight(self.now) else {
                return;
            };
            tcb.outstanding.mark_lost(last);
            tcb.loss.probe_resent = true;
        }
        self.stats.probes += 1;
        tcb.loss.probing = true;
        tcb.force_packet = true;
        self.timers.set(Timer::Retransmit, self.now + self.rtt.rto());
    }

    /// Whether a packet of new data could be sent and the peer has room for it.
    fn has_new_data_for_peer(tcb: &Tcb, queue: &SendQueue, max_packet: usize) -> bool {
        let waits = tcb.outstanding.unsent_len().is_some() || !queue.is_empty();
        waits && tcb.peer_room() >= max_packet
    }

    /// One more transmission without an answer (§8.1).
    pub(super) fn count_unanswered(&mut self) {
        self.unanswered += 1;
        let limit = self.config.max_retransmits;
        if limit.is_some_and(|limit| self.unanswered > limit) {
            self.abort_with(0, &[]);
            self.close_with(CloseReason::Timeout);
        }
    }

    /// The path was quiet for a while: is the peer there (§8.3)?
    fn on_heartbeat_timer(&mut self) {
        let Some(tcb) = self.tcb.as_deref() else {
            return;
        };
        if !tcb.outstanding.has_chunks() {
            if self.heartbeat.take().is_some() {
                self.count_unanswered();
            }
            if self.state == State::Closed {
                return;
            }
            let nonce = self.rng.u64();
            self.outbox.heartbeat = Some(nonce);
        }
        self.rearm_heartbeat();
    }

    pub(super) fn rearm_heartbeat(&mut self) {
        if let Some(interval) = self.config.heartbeat_interval {
            let wait = interval.max(Duration::from_millis(1)) + self.rtt.rto();
            self.timers.set(Timer::Heartbeat, self.now + wait);
        }
    }

    pub(super) fn on_heartbeat(&mut self, value: &[u8]) {
        if matches!(self.state, State::CookieEchoed { .. }) {
            self.stats.dropped_unexpected += 1;
            return;
        }
        // §3.3.5: what the peer wants back is one parameter.
        if value.len() < 4 || value.len() > MAX_HEARTBEAT {
            self.stats.dropped_malformed += 1;
            return;
        }
        self.outbox.heartbeat_ack = Some(value.to_vec());
    }

    pub(super) fn on_heartbeat_ack(&mut self, value: &[u8]) {
        let nonce = value
            .split_first_chunk::<4>()
            .and_then(|(_, nonce)| nonce.first_chunk::<8>())
            .map(|nonce| u64::from_be_bytes(*nonce));
        match self.heartbeat {
            Some((expected, sent)) if Some(expected) == nonce => {
                self.heartbeat = None;
                self.unanswered = 0;
                self.rtt.measure(self.now, self.now - sent);
            }
            _ => self.stats.dropped_unexpected += 1,
        }
    }
}
