//! Stream reset (RFC 6525) as the association does it: with what is queued, sent and received.

use alloc::vec::Vec;

use super::reconfiguration::{RequestOutcome, RequestVerdict};
use super::state::{Phase, State};
use super::{Association, MAX_EVENTS};
use crate::serial::extend;
use crate::wire::{OutgoingReset, Parameters, Reconfig, ReconfigResponse};
use crate::{Event, ResetError, Streams};

impl Association {
    /// Resets streams on which we send: what waits on them is sent first, then their numbers begin
    /// anew and the peer is told that nothing more belongs to what was before. One
    /// [`Event::OutgoingReset`] follows for each. Streams that are being reset already are left
    /// alone.
    pub fn reset_streams(&mut self, streams: &[u16]) -> Result<(), ResetError> {
        let Some(tcb) = self.state.tcb_mut().filter(|tcb| tcb.is_established()) else {
            return Err(ResetError::NotConnected);
        };
        if !tcb.reconfiguration.is_supported() {
            return Err(ResetError::Unsupported);
        }
        for stream in streams {
            tcb.reconfiguration.reset(*stream);
            self.queue.forget_refusal(*stream);
        }
        self.progress();
        Ok(())
    }

    pub(super) fn is_resetting(&self, stream: u16) -> bool {
        let tcb = self.state.tcb();
        tcb.is_some_and(|tcb| tcb.reconfiguration.is_resetting(stream))
    }

    /// Asks for the streams whose data has arrived.
    pub(super) fn begin_reset(&mut self) {
        if let State::Associated(tcb) = &mut self.state
            && tcb.reconfiguration.has_waiting()
        {
            let (last, acknowledged) = (tcb.sender.last_tsn(), tcb.sender.cumulative_tsn_ack());
            tcb.reconfiguration.begin_request(&self.queue, last, acknowledged);
        }
    }

    pub(super) fn handle_reconfig(&mut self, value: &[u8]) {
        let phase = self.state.tcb().map(|tcb| &tcb.phase);
        if !matches!(phase, Some(Phase::Established | Phase::ShutdownPending)) {
            self.stats.dropped_unexpected += 1;
            return;
        }
        for parameter in Parameters::new(value).take(2) {
            match Reconfig::parse(&parameter) {
                Some(Reconfig::OutgoingReset(request)) => self.handle_reset_request(&request),
                Some(Reconfig::OtherRequest { sequence }) => {
                    if let Some(tcb) = self.state.tcb_mut() {
                        tcb.reconfiguration.handle_other_request(sequence);
                    }
                }
                Some(Reconfig::Response(response)) => self.handle_reset_response(response),
                None => self.stats.dropped_malformed += 1,
            }
        }
    }

    fn handle_reset_request(&mut self, request: &OutgoingReset<'_>) {
        let crowded = self.events.len() >= MAX_EVENTS;
        let Some(tcb) = self.state.tcb_mut() else { return };
        let received = tcb.receiver.cumulative_tsn();
        let last_tsn = extend(received, request.last_tsn);
        match tcb.reconfiguration.handle_request(request, last_tsn, received, crowded) {
            RequestVerdict::Ignore => {}
            RequestVerdict::Perform(streams) => self.perform_reset(streams),
            RequestVerdict::Defer(streams) => tcb.receiver.defer_reset(last_tsn, streams),
        }
    }

    /// A request of the peer's that waited for DATA may be ready.
    pub(super) fn perform_deferred_reset(&mut self) {
        let crowded = self.events.len() >= MAX_EVENTS;
        let Some(tcb) = self.state.tcb_mut() else { return };
        let received = tcb.receiver.cumulative_tsn();
        if let Some(streams) = tcb.reconfiguration.take_deferred(received, crowded) {
            self.perform_reset(streams);
        }
    }

    /// The peer's streams begin anew, all if none is named.
    fn perform_reset(&mut self, streams: Vec<u16>) {
        let Some(tcb) = self.state.tcb_mut() else { return };
        let all = streams.is_empty().then_some(Streams::All);
        for streams in all.into_iter().chain(streams.into_iter().map(Streams::One)) {
            tcb.receiver.reset(streams);
            self.events.push_back(Event::IncomingReset(streams));
        }
        tcb.receiver.end_deferral(&mut self.events);
    }

    fn handle_reset_response(&mut self, response: ReconfigResponse) {
        let Some(tcb) = self.state.tcb_mut() else { return };
        let rto = self.path.rto();
        match tcb.reconfiguration.handle_response(response, self.now, rto) {
            None => {}
            Some(RequestOutcome::InProgress) => self.path.clear_errors(),
            Some(RequestOutcome::Finished { streams, performed }) => {
                self.finish_reset(&streams, performed);
                let result = if performed { Ok(()) } else { Err(ResetError::Refused) };
                for stream in streams {
                    self.events.push_back(Event::OutgoingReset { stream, result });
                }
            }
        }
    }

    /// The peer uses a stream anew that we asked to reset, so it has done what we asked for: its
    /// answer was lost or is on its way. Gives all streams of the request, in place of their
    /// [`Event::OutgoingReset`].
    pub(crate) fn prove_reset(&mut self, stream: u16) -> Vec<u16> {
        let tcb = self.state.tcb_mut();
        let proven = tcb.and_then(|tcb| tcb.reconfiguration.prove_performed(stream));
        let Some(streams) = proven else {
            return Vec::new();
        };
        self.finish_reset(&streams, true);
        streams
    }

    /// It is known what became of a request of ours.
    fn finish_reset(&mut self, streams: &[u16], performed: bool) {
        self.path.clear_errors();
        if performed {
            streams.iter().for_each(|stream| self.queue.forget(*stream));
        }
        self.begin_reset();
    }
}
