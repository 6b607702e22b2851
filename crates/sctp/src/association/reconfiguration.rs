//! Stream reset (RFC 6525): our request, the peer's, and how each is answered.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_core::Instant;

use super::cookie::Cookie;
use super::timer::Timer;
use crate::send_queue::SendQueue;
use crate::wire::{OutgoingReset, PacketWriter, Reconfig, ReconfigResponse, ReconfigResult};

/// How many streams one request names at most.
const MAX_STREAMS: usize = 100;
/// A chunk holds at most two parameters (RFC 6525 §3.1), so more answers never wait.
const MAX_RESPONSES: usize = 2;

#[derive(Debug)]
pub(super) struct Reconfiguration {
    is_supported: bool,
    /// Streams that the user wants to be reset and that wait for their data to leave; then for this TSN
    /// to be acknowledged.
    waiting: BTreeMap<u16, Option<u64>>,
    /// The number of our next request.
    next_request: u32,
    /// Our request that is not answered.
    request: Option<Request>,
    /// Our request is not answered in time (§5.1.1).
    timer: Timer,
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

/// What became of our request.
#[derive(Debug)]
pub(super) enum RequestOutcome {
    /// The peer works on it.
    InProgress,
    /// It is done or refused, for these streams.
    Finished { streams: Vec<u16>, performed: bool },
}

/// What is to be done about a request of the peer's for these streams; none means all.
#[derive(Debug)]
pub(super) enum RequestVerdict {
    /// Nothing: it is no news.
    Ignore,
    /// They are reset now.
    Perform(Vec<u16>),
    /// They are reset later: see [`Reconfiguration::take_deferred`].
    Defer(Vec<u16>),
}

impl Reconfiguration {
    pub(super) fn new(cookie: &Cookie) -> Self {
        Self {
            is_supported: cookie.capabilities.reconfig,
            waiting: BTreeMap::new(),
            next_request: cookie.local_tsn,
            request: None,
            timer: Timer::default(),
            expected: cookie.peer_tsn,
            answered: ReconfigResult::NothingToDo,
            responses: VecDeque::new(),
            deferred: None,
        }
    }

    /// Whether the peer knows stream reset.
    pub(super) fn is_supported(&self) -> bool {
        self.is_supported
    }

    // Our request.

    /// A stream is to be reset, once its data has arrived.
    pub(super) fn reset(&mut self, stream: u16) {
        if !self.is_resetting(stream) {
            self.waiting.insert(stream, None);
        }
    }

    pub(super) fn is_resetting(&self, stream: u16) -> bool {
        let request = self.request.as_ref();
        self.waiting.contains_key(&stream) || request.is_some_and(|request| request.streams.contains(&stream))
    }

    /// Whether streams wait to be reset that no request names yet.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Asks for the streams whose data has arrived, one request at a time (§5.1.1). A request that comes
    /// before the data can only be answered by "in progress", and usrsctp goes on to answer so until it
    /// gets something else.
    pub(super) fn begin_request(&mut self, queue: &SendQueue, last_tsn: u64, acknowledged: u64) {
        if self.waiting.is_empty() || self.request.is_some() {
            return;
        }
        let mut ready = Vec::new();
        self.waiting.retain(|stream, awaited| {
            if awaited.is_none() && queue.is_drained(*stream) {
                *awaited = Some(last_tsn);
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
        let sequence = self.next_request;
        self.next_request = sequence.wrapping_add(1);
        self.request = Some(Request {
            sequence,
            streams: ready,
            last_tsn: last_tsn as u32,
            due: true,
            sent: false,
        });
    }

    /// The answer to a request of ours; `None` if there was no such request.
    pub(super) fn handle_response(
        &mut self,
        response: ReconfigResponse,
        now: Instant,
        rto: Duration,
    ) -> Option<RequestOutcome> {
        let ours = |request: &mut Request| request.sequence == response.sequence;
        if response.result == ReconfigResult::InProgress {
            self.request
                .as_mut()
                .filter(|request| request.sequence == response.sequence)?;
            self.timer.set(now + rto);
            return Some(RequestOutcome::InProgress);
        }
        let request = self.request.take_if(ours)?;
        self.timer.stop();
        Some(RequestOutcome::Finished {
            streams: request.streams,
            performed: matches!(response.result, ReconfigResult::Performed | ReconfigResult::NothingToDo),
        })
    }

    /// The peer uses a stream anew that we asked to reset, so it has done what we asked for: its
    /// answer was lost or is on its way. Gives all streams of the request.
    pub(super) fn prove_performed(&mut self, stream: u16) -> Option<Vec<u16>> {
        let proven = |request: &mut Request| request.sent && request.streams.contains(&stream);
        let request = self.request.take_if(proven)?;
        self.timer.stop();
        Some(request.streams)
    }

    pub(super) fn deadline(&self) -> Instant {
        self.timer.deadline()
    }

    /// The request was not answered: again, with the same number (§5.1.1). True if so.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> bool {
        let due = self.timer.take_due(now);
        match self.request.as_mut().filter(|_| due) {
            Some(request) => {
                request.due = true;
                true
            }
            None => false,
        }
    }

    // The peer's requests.

    /// The peer resets streams on which it sends.
    /// `received`: the TSN up to which all has come. `crowded`: nobody takes events.
    pub(super) fn handle_request(
        &mut self,
        request: &OutgoingReset<'_>,
        last_tsn: u64,
        received: u64,
        crowded: bool,
    ) -> RequestVerdict {
        let sequence = request.request_sequence;
        self.replace_deferred(sequence);
        if !self.is_expected(sequence) {
            return RequestVerdict::Ignore;
        }
        let streams: Vec<u16> = request.streams().collect();
        // §5.2.2 E3: not before all that was sent before has come. Nor while nobody takes events.
        if last_tsn > received || crowded {
            self.respond(sequence, ReconfigResult::InProgress);
            self.deferred = Some(Deferred {
                sequence,
                last_tsn,
                streams: streams.clone(),
            });
            return RequestVerdict::Defer(streams);
        }
        self.deferred = None;
        self.finish(sequence, ReconfigResult::Performed);
        RequestVerdict::Perform(streams)
    }

    /// A request that waited for DATA may be ready. Gives its streams; none means all. The answer leaves
    /// unasked, which saves the peer from asking again.
    pub(super) fn take_deferred(&mut self, received: u64, crowded: bool) -> Option<Vec<u16>> {
        let ready = |deferred: &mut Deferred| deferred.last_tsn <= received && !crowded;
        let Deferred { sequence, streams, .. } = self.deferred.take_if(ready)?;
        self.finish(sequence, ReconfigResult::Performed);
        Some(streams)
    }

    /// Resets of what we send, of all numbers, and more streams: a data channel needs none of it.
    pub(super) fn handle_other_request(&mut self, sequence: u32) {
        if self.is_expected(sequence) {
            self.finish(sequence, ReconfigResult::Denied);
        }
    }

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

    fn respond(&mut self, sequence: u32, result: ReconfigResult) {
        if self.responses.len() >= MAX_RESPONSES {
            self.responses.pop_front();
        }
        self.responses.push_back(ReconfigResponse { sequence, result });
    }

    // What leaves.

    /// Whether a request or an answer to one is to be sent.
    pub(super) fn is_due(&self) -> bool {
        !self.responses.is_empty() || self.request.as_ref().is_some_and(|request| request.due)
    }

    pub(super) fn write(&mut self, packet: &mut PacketWriter<'_>, now: Instant, rto: Duration) {
        while let Some(response) = self.responses.front() {
            if !response.write(packet) {
                return;
            }
            self.responses.pop_front();
        }
        let answers = self.expected.wrapping_sub(1);
        if let Some(request) = self.request.as_mut().filter(|request| request.due)
            && Reconfig::write_outgoing_reset(packet, request.sequence, answers, request.last_tsn, &request.streams)
        {
            request.due = false;
            request.sent = true;
            self.timer.set(now + rto);
        }
    }
}
