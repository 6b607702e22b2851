//! Data and its acknowledgement, in either direction (RFC 9260 §6, RFC 3758).

use core::ops::ControlFlow;

use super::tcb::Tcb;
use super::timers::Timer;
use super::transmit::note_left;
use super::{Association, State};
use crate::CloseReason;
use crate::loss::LossDetector;
use crate::outstanding::{Acked, SackError, round_trip};
use crate::reassembly::Taken;
use crate::received::Place;
use crate::serial::extend;
use crate::wire::{Chunk, Data, ForwardTsn, Sack, cause};

impl Association {
    // What the peer sends.

    pub(super) fn on_data(&mut self, chunk: &Chunk<'_>) -> ControlFlow<()> {
        let Some(data) = Data::parse(chunk) else {
            self.stats.dropped_malformed += 1;
            return ControlFlow::Break(());
        };
        self.imply_cookie_ack();
        let receiving = self.may_receive_data();
        let Some(tcb) = self.tcb.as_deref_mut().filter(|_| receiving) else {
            self.stats.dropped_unexpected += 1;
            return ControlFlow::Break(());
        };
        self.stats.chunks_received += 1;
        if data.payload.is_empty() {
            // §6.2: an empty chunk is an error that ends the association.
            self.abort_with(cause::NO_USER_DATA, &data.tsn.to_be_bytes());
            self.close_with(CloseReason::ProtocolViolation("a DATA chunk is empty"));
            return ControlFlow::Break(());
        }
        let tsn = extend(tcb.received.cumulative(), data.tsn);
        tcb.acknowledgement.due |= data.immediate;
        let place = tcb.received.place(tsn);
        match place {
            Place::Duplicate => {
                tcb.acknowledgement.note_duplicate(data.tsn);
                self.stats.duplicates_received += 1;
                return ControlFlow::Continue(());
            }
            Place::OutOfReach => {
                self.stats.dropped_data += 1;
                tcb.acknowledgement.due = true;
                return ControlFlow::Continue(());
            }
            Place::Next | Place::Beyond => {}
        }
        let next = place == Place::Next;
        if !tcb.reassembly.has_room(data.payload.len(), next) {
            self.stats.dropped_data += 1;
            tcb.acknowledgement.due = true;
            if next && tcb.reassembly.is_stuck() {
                self.abort_with(cause::OUT_OF_RESOURCE, &[]);
                self.close_with(CloseReason::OutOfResource);
                return ControlFlow::Break(());
            }
            return ControlFlow::Continue(());
        }
        if data.stream >= tcb.inbound_streams {
            // §6.5: it counts as received, its payload does not.
            let information = [data.stream.to_be_bytes(), [0, 0]].concat();
            self.outbox.cause(cause::INVALID_STREAM_IDENTIFIER, &information);
            tcb.note_received(tsn, place);
            return ControlFlow::Continue(());
        }
        tcb.note_received(tsn, place);
        let mut taken = match place {
            Place::Next => tcb.reassembly.next(tsn, &data, &mut self.events),
            _ => tcb.reassembly.beyond(tsn, &data, &mut self.events),
        };
        if next && tcb.received.cumulative() > tsn && !matches!(taken, Taken::Violation(_)) {
            let cumulative = tcb.received.cumulative();
            taken = tcb.reassembly.absorb(cumulative, &mut self.events);
        }
        match taken {
            Taken::Kept => {}
            Taken::Orphan => self.stats.dropped_fragments += 1,
            Taken::Violation(what) => {
                self.violation(what);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// Also from who has asked to end: dcsctp asks while something is missing still that it sends again.
    fn may_receive_data(&self) -> bool {
        matches!(
            self.state,
            State::Established | State::ShutdownPending | State::ShutdownSent | State::ShutdownReceived
        )
    }

    /// Who sends DATA or SACK under the right tag has taken our cookie, and the COOKIE ACK that
    /// said so was lost or overtaken.
    fn imply_cookie_ack(&mut self) {
        if matches!(self.state, State::CookieEchoed { .. }) {
            self.established();
        }
    }

    /// A packet with DATA has come: when to acknowledge (§6.2).
    pub(super) fn after_data(&mut self) {
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        let first = !core::mem::replace(&mut tcb.acknowledgement.begun, true);
        tcb.acknowledgement.packets += 1;
        if first || tcb.acknowledgement.packets >= 2 || tcb.received.has_gaps() {
            tcb.acknowledgement.due = true;
        } else if !self.timers.is_running(Timer::Sack) {
            self.timers.set(Timer::Sack, self.now + self.config.sack_delay);
        }
        // §9.2: whoever has asked to end repeats it with each DATA that still comes.
        if self.state == State::ShutdownSent {
            self.outbox.shutdown = true;
            tcb.acknowledgement.due = true;
        }
    }

    pub(super) fn on_forward_tsn(&mut self, chunk: &Chunk<'_>) {
        let receiving = self.may_receive_data();
        // RFC 3758 §3.3 has it only between two that announced it.
        let agreed = |tcb: &&mut Tcb| receiving && tcb.capabilities.forward_tsn;
        let Some(tcb) = self.tcb.as_deref_mut().filter(agreed) else {
            self.stats.dropped_unexpected += 1;
            return;
        };
        let Some(forward) = ForwardTsn::parse(chunk) else {
            self.stats.dropped_malformed += 1;
            return;
        };
        // Old or not, the sender wants to know where we are (RFC 3758 §3.6).
        tcb.acknowledgement.due = true;
        let cumulative = extend(tcb.received.cumulative(), forward.new_cumulative_tsn);
        if cumulative <= tcb.received.cumulative() {
            return;
        }
        tcb.received.advance_to(cumulative);
        tcb.reassembly.forward(cumulative, forward.streams(), &mut self.events);
        let taken = tcb.reassembly.absorb(tcb.received.cumulative(), &mut self.events);
        if let Taken::Violation(what) = taken {
            self.violation(what);
        }
    }

    // What the peer got.

    pub(super) fn on_sack(&mut self, chunk: &Chunk<'_>) {
        let Some(sack) = Sack::parse(chunk) else {
            self.stats.dropped_malformed += 1;
            return;
        };
        self.imply_cookie_ack();
        let sending = matches!(
            self.state,
            State::Established | State::ShutdownPending | State::ShutdownReceived
        );
        let Some(tcb) = self.tcb.as_deref_mut().filter(|_| sending) else {
            self.stats.dropped_unexpected += 1;
            return;
        };
        self.stats.sacks_received += 1;
        match tcb.outstanding.on_sack(&sack) {
            Ok(acked) => {
                tcb.peer_window = sack.a_rwnd;
                if sack.duplicates().len() > 0 {
                    tcb.loss.on_duplicate_reported(self.now, &self.rtt);
                }
                // §6.1 A: a peer that answers with a closed window is there.
                if sack.a_rwnd == 0 {
                    self.unanswered = 0;
                }
                self.after_ack(&acked);
            }
            Err(SackError::Old | SackError::Impossible) => self.stats.dropped_sack += 1,
        }
    }

    pub(super) fn on_cumulative_ack(&mut self, tsn: u32) {
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        match tcb.outstanding.on_cumulative_ack(tsn) {
            Ok(acked) => self.after_ack(&acked),
            Err(SackError::Old | SackError::Impossible) => self.stats.dropped_sack += 1,
        }
    }

    fn after_ack(&mut self, acked: &Acked) {
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        if acked.bytes > 0 {
            self.unanswered = 0;
        }
        if let Some(rtt) = round_trip(acked, self.now) {
            self.rtt.measure(self.now, rtt);
        }
        tcb.loss.on_ack(acked, self.now, &self.rtt);
        tcb.congestion
            .on_ack(acked.bytes, acked.in_flight_before, tcb.outstanding.cumulative());
        // §6.3.2 R2, R3.
        if !tcb.outstanding.has_chunks() {
            self.timers.stop(Timer::Retransmit);
            self.timers.stop(Timer::Probe);
        } else if acked.advanced {
            self.timers.set(Timer::Retransmit, self.now + self.rtt.rto());
        }
        self.detect_losses();
        self.offer_forward_tsn();
        self.rearm_probe();
    }

    pub(super) fn detect_losses(&mut self) {
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        let may_abandon = tcb.capabilities.forward_tsn;
        let verdict = tcb.loss.detect(&mut tcb.outstanding, self.now, &self.rtt, may_abandon);
        match verdict.again_at {
            // What is due already has been looked at.
            Some(at) if at > self.now => self.timers.set(Timer::Reorder, at),
            _ => self.timers.stop(Timer::Reorder),
        }
        if verdict.lost && tcb.congestion.on_loss(tcb.outstanding.next_tsn() - 1) {
            self.stats.fast_recoveries += 1;
            tcb.loss.on_recovery();
            // §7.2.4 3: the first packet leaves whatever the window says.
            tcb.force_packet = true;
        }
    }

    /// Has the peer skip what was given up (RFC 3758 §3.5 C), unless it was told a moment ago.
    pub(super) fn offer_forward_tsn(&mut self) {
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        if !tcb.outstanding.forward_tsn_needed() {
            self.outbox.forward_tsn = false;
            return;
        }
        let (told, at) = tcb.forwarded;
        let patience = self.rtt.srtt().unwrap_or(self.rtt.rto()) * 3 / 2;
        let news = tcb.outstanding.advanced() != told;
        if news || self.now - at >= patience {
            self.outbox.forward_tsn = true;
        }
    }

    /// Waits for the acknowledgement of the last packets for two round trips, then asks (RFC 8985
    /// §7.2).
    pub(super) fn rearm_probe(&mut self) {
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        let wanted = tcb.outstanding.in_flight() > 0
            && !tcb.loss.probing
            && !tcb.outstanding.has_lost()
            && self.state != State::Idle;
        match self.rtt.srtt().filter(|_| wanted) {
            Some(srtt) => {
                let at = tcb.last_data_sent + LossDetector::probe_delay(srtt);
                // Late, if acknowledgements keep coming: then the next one will tell.
                let at = at.max(self.now + srtt / 2);
                self.timers.set(Timer::Probe, at);
            }
            None => self.timers.stop(Timer::Probe),
        }
    }

    /// Tells the application what fell below its threshold when messages were given up.
    pub(super) fn account_given_up(&mut self) {
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        let given_up = tcb.outstanding.take_given_up();
        self.stats.messages_abandoned += given_up.messages;
        if let Some(left) = given_up.unsent {
            note_left(&mut self.queue, &mut self.events, left);
        }
    }
}

impl Tcb {
    fn note_received(&mut self, tsn: u64, place: Place) {
        match place {
            Place::Next => {
                // A gap that is filled is worth an acknowledgement of its own (§6.7).
                self.acknowledgement.due |= self.received.has_gaps();
                self.received.advance_to(tsn);
            }
            _ => self.received.insert(tsn),
        }
    }

    /// The window opened. The peer hears of it at once if it had (nearly) nothing left, or if half
    /// of the window came back (§6.2).
    pub(super) fn announce_window(&mut self, window: u32) {
        let left = self.reassembly.window_left();
        let told = self.acknowledgement.advertised;
        let opened = left.saturating_sub(told);
        if opened >= window / 2 || (told < WINDOW_IS_SMALL && left >= WINDOW_IS_SMALL) {
            self.acknowledgement.due = true;
        }
    }
}

/// A window below two packets can stop a sender.
const WINDOW_IS_SMALL: u32 = 3000;
