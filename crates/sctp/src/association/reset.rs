//! Stream reset (RFC 6525).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::receive::MAX_EVENTS;
use super::timers::Timer;
use super::{Association, State};
use crate::serial::extend;
use crate::wire::{OutgoingReset, PacketWriter, Parameters, Reconfig, ReconfigResponse, ReconfigResult, kind};
use crate::{Event, ResetError, Streams};

/// How many streams one request names at most.
const MAX_STREAMS: usize = 100;
/// A chunk holds at most two parameters (RFC 6525 §3.1), so more answers never wait.
const MAX_RESPONSES: usize = 2;

#[derive(Debug)]
pub(super) struct Reconfiguration {
    /// The number of our next request.
    next_request: u32,
    /// Our request that is not answered.
    request: Option<Request>,
    /// The number of the peer's next request.
    expected: u32,
    /// How we answered its last one.
    answered: ReconfigResult,
    responses: VecDeque<ReconfigResponse>,
    /// A request of the peer that waits for DATA that was sent before it.
    deferred: Option<Deferred>,
}

#[derive(Debug)]
struct Request {
    sequence: u32,
    streams: Vec<u16>,
    last_tsn: u32,
    due: bool,
    /// It has left at least once.
    sent: bool,
}

#[derive(Debug)]
struct Deferred {
    sequence: u32,
    last_tsn: u64,
    /// None means all.
    streams: Vec<u16>,
}

impl Reconfiguration {
    pub(super) fn new(local_tsn: u32, peer_tsn: u32) -> Self {
        Self {
            next_request: local_tsn,
            request: None,
            expected: peer_tsn,
            answered: ReconfigResult::NothingToDo,
            responses: VecDeque::new(),
            deferred: None,
        }
    }

    fn respond(&mut self, sequence: u32, result: ReconfigResult) {
        if self.responses.len() >= MAX_RESPONSES {
            self.responses.pop_front();
        }
        self.responses.push_back(ReconfigResponse { sequence, result });
    }

    pub(super) fn is_due(&self) -> bool {
        !self.responses.is_empty() || self.request.as_ref().is_some_and(|request| request.due)
    }
}

impl Association {
    /// Resets streams on which we send: what waits on them is sent first, then their numbers begin
    /// anew and the peer is told that nothing more belongs to what was before. One
    /// [`Event::OutgoingReset`] follows for each. Streams that are being reset already are left
    /// alone.
    pub fn reset_streams(&mut self, streams: &[u16]) -> Result<(), ResetError> {
        let Some(tcb) = self.tcb.as_ref().filter(|_| self.state == State::Established) else {
            return Err(ResetError::NotConnected);
        };
        if !tcb.capabilities.reconfig {
            return Err(ResetError::Unsupported);
        }
        for stream in streams {
            if !self.is_resetting(*stream) {
                self.resetting.insert(*stream, None);
            }
        }
        self.progress();
        Ok(())
    }

    pub(super) fn is_resetting(&self, stream: u16) -> bool {
        self.resetting.contains_key(&stream)
            || self.tcb.as_ref().is_some_and(|tcb| {
                let request = tcb.reconfiguration.request.as_ref();
                request.is_some_and(|request| request.streams.contains(&stream))
            })
    }

    /// Asks for the streams whose data has arrived, one request at a time (§5.1.1). A request that comes
    /// before the data can only be answered by "in progress", and usrsctp goes on to answer so until it
    /// gets something else.
    pub(super) fn begin_reset(&mut self) {
        if self.resetting.is_empty() {
            return;
        }
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        if tcb.reconfiguration.request.is_some() {
            return;
        }
        let (last_sent, acknowledged) = (tcb.outstanding.next_tsn() - 1, tcb.outstanding.cumulative());
        let mut ready = Vec::new();
        self.resetting.retain(|stream, awaited| {
            if awaited.is_none() && self.queue.is_drained(*stream) {
                *awaited = Some(last_sent);
            }
            let arrived = awaited.is_some_and(|tsn| tsn <= acknowledged);
            let take = ready.len() < MAX_STREAMS && arrived;
            if take {
                ready.push(*stream);
            }
            !take
        });
        if ready.is_empty() {
            return;
        }
        let sequence = tcb.reconfiguration.next_request;
        tcb.reconfiguration.next_request = sequence.wrapping_add(1);
        tcb.reconfiguration.request = Some(Request {
            sequence,
            streams: ready,
            last_tsn: (tcb.outstanding.next_tsn() - 1) as u32,
            due: true,
            sent: false,
        });
    }

    pub(super) fn on_reconfig(&mut self, value: &[u8]) {
        if !matches!(self.state, State::Established | State::ShutdownPending) {
            self.stats.dropped_unexpected += 1;
            return;
        }
        for parameter in Parameters::new(value).take(2) {
            match Reconfig::parse(&parameter) {
                Some(Reconfig::OutgoingReset(request)) => self.on_reset_request(&request),
                Some(Reconfig::OtherRequest { sequence }) => self.on_other_request(sequence),
                Some(Reconfig::Response(response)) => self.on_response(response),
                None => self.stats.dropped_malformed += 1,
            }
        }
    }

    fn on_reset_request(&mut self, request: &OutgoingReset<'_>) {
        let crowded = self.events.len() >= MAX_EVENTS;
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        let reconfiguration = &mut tcb.reconfiguration;
        let sequence = request.request_sequence;
        reconfiguration.replace_deferred(sequence);
        if !reconfiguration.is_expected(sequence) {
            return;
        }
        let last_tsn = extend(tcb.received.cumulative(), request.last_tsn);
        // §5.2.2 E3: not before all that was sent before has come. Nor while nobody takes events.
        if last_tsn > tcb.received.cumulative() || crowded {
            reconfiguration.respond(sequence, ReconfigResult::InProgress);
            reconfiguration.deferred = Some(Deferred {
                sequence,
                last_tsn,
                streams: request.streams().collect(),
            });
            return;
        }
        let streams = request.streams().collect();
        self.perform_reset(sequence, streams);
    }

    fn perform_reset(&mut self, sequence: u32, streams: Vec<u16>) {
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        if streams.is_empty() {
            tcb.reassembly.reset(Streams::All);
            self.events.push_back(Event::IncomingReset(Streams::All));
        }
        for stream in streams {
            tcb.reassembly.reset(Streams::One(stream));
            self.events.push_back(Event::IncomingReset(Streams::One(stream)));
        }
        tcb.reconfiguration.deferred = None;
        tcb.reconfiguration.finish(sequence, ReconfigResult::Performed);
    }

    /// A request that waited for DATA may be ready. The answer leaves unasked, which saves the peer
    /// from asking again.
    pub(super) fn perform_deferred_reset(&mut self) {
        let crowded = self.events.len() >= MAX_EVENTS;
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        let cumulative = tcb.received.cumulative();
        let ready = tcb
            .reconfiguration
            .deferred
            .take_if(|deferred| deferred.last_tsn <= cumulative && !crowded);
        if let Some(Deferred { sequence, streams, .. }) = ready {
            self.perform_reset(sequence, streams);
        }
    }

    /// Resets of what we send, of all numbers, and more streams: a data channel needs none of it.
    fn on_other_request(&mut self, sequence: u32) {
        if let Some(tcb) = self.tcb.as_deref_mut()
            && tcb.reconfiguration.is_expected(sequence)
        {
            tcb.reconfiguration.finish(sequence, ReconfigResult::Denied);
        }
    }

    fn on_response(&mut self, response: ReconfigResponse) {
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        let ours = |request: &mut Request| request.sequence == response.sequence;
        if response.result == ReconfigResult::InProgress {
            if tcb.reconfiguration.request.as_mut().is_some_and(ours) {
                self.unanswered = 0;
                self.timers.set(Timer::Reconfig, self.now + self.rtt.rto());
            }
            return;
        }
        let Some(request) = tcb.reconfiguration.request.take_if(ours) else {
            return;
        };
        let done = matches!(response.result, ReconfigResult::Performed | ReconfigResult::NothingToDo);
        let result = if done { Ok(()) } else { Err(ResetError::Refused) };
        for stream in self.finish_request(request, result) {
            self.events.push_back(Event::OutgoingReset { stream, result });
        }
    }

    /// The peer uses a stream anew that we asked to reset, so it has done what we asked for: its
    /// answer was lost or is on its way. Gives all streams of the request, in place of their
    /// [`Event::OutgoingReset`].
    pub(crate) fn reset_is_proven(&mut self, stream: u16) -> Vec<u16> {
        let proven = |request: &mut Request| request.sent && request.streams.contains(&stream);
        let request = self
            .tcb
            .as_deref_mut()
            .and_then(|tcb| tcb.reconfiguration.request.take_if(proven));
        request.map_or_else(Vec::new, |request| self.finish_request(request, Ok(())))
    }

    /// It is known what became of a request. Gives its streams.
    fn finish_request(&mut self, request: Request, result: Result<(), ResetError>) -> Vec<u16> {
        self.timers.stop(Timer::Reconfig);
        self.unanswered = 0;
        if result.is_ok() {
            request.streams.iter().for_each(|stream| self.queue.forget(*stream));
        }
        self.begin_reset();
        request.streams
    }

    /// The request was not answered: again, with the same number (§5.1.1).
    pub(super) fn on_reconfig_timer(&mut self) {
        if let Some(tcb) = self.tcb.as_deref_mut()
            && let Some(request) = &mut tcb.reconfiguration.request
        {
            request.due = true;
            self.rtt.back_off();
            self.count_unanswered();
        }
    }

    pub(super) fn write_reconfig(&mut self, packet: &mut PacketWriter<'_>) {
        let Some(tcb) = self.tcb.as_deref_mut() else {
            return;
        };
        let reconfiguration = &mut tcb.reconfiguration;
        while let Some(response) = reconfiguration.responses.front() {
            let parameter = Reconfig::response(*response);
            if !packet.chunk(kind::RE_CONFIG, 0, |body| body.put(&parameter)) {
                return;
            }
            reconfiguration.responses.pop_front();
        }
        let answers = reconfiguration.expected.wrapping_sub(1);
        if let Some(request) = reconfiguration.request.as_mut().filter(|request| request.due) {
            let head =
                Reconfig::outgoing_reset_head(request.sequence, answers, request.last_tsn, request.streams.len());
            let written = packet.chunk(kind::RE_CONFIG, 0, |body| {
                body.put(&head);
                request.streams.iter().for_each(|id| body.put_u16(*id));
            });
            if written {
                request.due = false;
                request.sent = true;
                self.timers.set(Timer::Reconfig, self.now + self.rtt.rto());
            }
        }
    }
}

impl Reconfiguration {
    /// Whether a request is the next one. The last one is answered again, others are refused
    /// (§5.2.1).
    fn is_expected(&mut self, sequence: u32) -> bool {
        if sequence == self.expected {
            return true;
        }
        let result = match sequence == self.expected.wrapping_sub(1) {
            true => self.answered,
            false => ReconfigResult::BadSequenceNumber,
        };
        self.respond(sequence, result);
        false
    }

    /// Who was told that its request is in progress shall repeat it with the same number (§5.2.1);
    /// dcsctp, as Chromium has it, takes the next one. Then that is the request.
    fn replace_deferred(&mut self, sequence: u32) {
        let next = self.expected.wrapping_add(1);
        if sequence == next && self.deferred.take().is_some() {
            self.expected = next;
            self.answered = ReconfigResult::InProgress;
        }
    }

    fn finish(&mut self, sequence: u32, result: ReconfigResult) {
        self.expected = sequence.wrapping_add(1);
        self.answered = result;
        // What was said of it before no longer holds.
        self.responses.retain(|response| response.sequence != sequence);
        self.respond(sequence, result);
    }
}
