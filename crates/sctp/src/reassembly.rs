//! From DATA chunks to messages: fragments are joined, streams are put in order.
//!
//! What comes in sequence is appended to the one message that is in the making; what comes beyond a
//! gap waits in a map until its message is whole (it is then delivered at once if its stream allows)
//! or the gap is filled. Each fragment is looked at a constant number of times.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use bytes::Bytes;

use crate::serial::{FIRST_SSN, extend_ssn};
use crate::wire::Data;
use crate::{Event, Streams};

/// What holding one fragment or message costs besides its bytes; many tiny ones count as if they
/// were this long, so that the window bounds memory and not only payload.
const ENTRY_COST: usize = 128;

#[derive(Debug)]
pub(crate) struct Reassembly {
    /// The message that is being received in sequence.
    partial: Option<Partial>,
    /// Fragments beyond a gap, by TSN.
    fragments: BTreeMap<u64, Fragment>,
    /// The next sequence number of each ordered stream that was used.
    streams: BTreeMap<u16, u64>,
    /// Whole messages whose turn in their stream has not come, by stream and sequence number; `None` for one that was
    /// too large to keep.
    waiting: BTreeMap<(u16, u64), (u32, Option<Bytes>)>,
    /// The peer resets streams once all has come that it sent before.
    deferred: Option<Deferred>,
    /// A FORWARD TSN may have taken the beginning of a message whose rest still comes.
    beginnings_may_miss: bool,
    /// Capacity for the next message in fragments: messages of one sender are often alike.
    size_hint: usize,
    window: usize,
    max_message: usize,
    /// Waiting for the rest of a message, or for its turn in its stream.
    held: Held,
    /// Waiting for the application.
    undelivered: Held,
}

#[derive(Clone, Copy, Debug, Default)]
struct Held {
    bytes: usize,
    entries: usize,
}

impl Held {
    fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.entries += 1;
    }

    fn remove(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.entries = self.entries.saturating_sub(1);
    }

    fn cost(&self) -> usize {
        self.bytes.max(self.entries * ENTRY_COST)
    }
}

/// Which message a fragment belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    stream: u16,
    unordered: bool,
    ssn: u16,
    ppid: u32,
}

impl Identity {
    fn of(data: &Data<'_>) -> Self {
        Self {
            stream: data.stream,
            unordered: data.unordered,
            ssn: data.ssn,
            ppid: data.ppid,
        }
    }

    /// The same message; the PPID is the first fragment's to tell.
    fn joins(&self, other: &Self) -> bool {
        self.stream == other.stream && self.unordered == other.unordered && (self.unordered || self.ssn == other.ssn)
    }
}

#[derive(Debug)]
struct Partial {
    identity: Identity,
    next_tsn: u64,
    bytes: Vec<u8>,
    /// It outgrew the limit; nothing of it is kept.
    too_large: bool,
}

#[derive(Debug)]
struct Fragment {
    identity: Identity,
    beginning: bool,
    ending: bool,
    payload: Bytes,
    /// At either edge of a run of neighbouring fragments of one message: the other edge's TSN.
    other_edge: u64,
}

/// A reset of streams that waits (RFC 6525 §5.2.2 E2): what comes behind it belongs to their next life.
#[derive(Debug)]
struct Deferred {
    /// The last TSN before it.
    last_tsn: u64,
    /// Ascending; none means all.
    streams: Vec<u16>,
    /// Whole messages of the next life, in the order in which they became whole.
    messages: Vec<(Identity, Option<Bytes>)>,
    /// Sequence numbers up to which the peer gave up ordered messages of the next life.
    skipped: BTreeMap<u16, u16>,
}

impl Deferred {
    fn names(&self, stream: u16) -> bool {
        self.streams.is_empty() || self.streams.binary_search(&stream).is_ok()
    }
}

/// What became of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is part of a message, or is one.
    Kept,
    /// It belongs to nothing.
    Dropped,
    /// It contradicts what came before (RFC 9260 §6.9).
    Violation(&'static str),
}

impl Reassembly {
    pub(crate) fn new(window: u32, max_message: usize) -> Self {
        Self {
            partial: None,
            fragments: BTreeMap::new(),
            streams: BTreeMap::new(),
            waiting: BTreeMap::new(),
            deferred: None,
            beginnings_may_miss: false,
            size_hint: 0,
            window: window as usize,
            max_message,
            held: Held::default(),
            undelivered: Held::default(),
        }
    }

    /// What fills the window. The message that is being received in sequence does not: its own limit bounds it, and
    /// while it comes the peer can't send what would empty the window otherwise, so that a message may be longer than the
    /// window, and comes no slower for it.
    fn cost(&self) -> usize {
        let mut held = self.held;
        if let Some(partial) = &self.partial {
            held.remove(partial.bytes.len());
        }
        held.cost() + self.undelivered.cost()
    }

    /// Bytes that the peer may still send.
    pub(crate) fn window_left(&self) -> u32 {
        u32::try_from(self.window.saturating_sub(self.cost())).unwrap_or(u32::MAX)
    }

    /// Whether there is room for a chunk. One that is next in sequence may finish what fills the
    /// window, so it is refused only if the application is what keeps the window full.
    pub(crate) fn has_room(&self, len: usize, next: bool) -> bool {
        let partial = self.partial.as_ref().map_or(0, |partial| partial.bytes.len());
        let cost = self.cost() + len;
        cost <= self.window
            || (next
                && self.undelivered.cost() < self.window
                && cost + partial <= self.max_message.saturating_add(self.window).saturating_add(ENTRY_COST))
    }

    /// Whether a window that is full holds nothing that could be delivered: only giving up helps.
    pub(crate) fn is_stuck(&self) -> bool {
        self.undelivered.entries == 0
    }

    /// Bytes that count against the window.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held.bytes + self.undelivered.bytes
    }

    /// Whether a message has begun and not ended.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.partial.is_some() || !self.fragments.is_empty()
    }

    /// Those of them that wait for the rest of a message, or for its turn.
    pub(crate) fn reassembling(&self) -> usize {
        self.held.bytes
    }

    /// Bytes of messages that the application will never take.
    pub(crate) fn release_bytes(&mut self, len: usize) {
        self.undelivered.bytes = self.undelivered.bytes.saturating_sub(len);
    }

    /// What waited for the application when the peer began anew still waits.
    pub(crate) fn inherit(&mut self, before: &Self) {
        self.undelivered = before.undelivered;
    }

    /// The application took a message.
    pub(crate) fn release(&mut self, len: usize) {
        self.undelivered.remove(len);
    }

    /// Takes a chunk that is next in sequence.
    pub(crate) fn handle_next(&mut self, tsn: u64, data: &Data<'_>, events: &mut VecDeque<Event>) -> Outcome {
        if data.beginning && data.ending && self.partial.is_none() {
            let message = self.within_limit(data.payload.len()).then_some(data.payload);
            let message = message.map(Bytes::copy_from_slice);
            self.deliver(tsn, Identity::of(data), message, events);
            return Outcome::Kept;
        }
        let identity = Identity::of(data);
        self.append(tsn, identity, data.beginning, data.ending, data.payload, events)
    }

    /// The cumulative TSN moved over fragments that waited: they are in sequence now.
    pub(crate) fn absorb(&mut self, cumulative: u64, events: &mut VecDeque<Event>) -> Outcome {
        while let Some(entry) = self.fragments.first_entry()
            && *entry.key() <= cumulative
        {
            let (tsn, fragment) = entry.remove_entry();
            self.held.remove(fragment.payload.len());
            let Fragment {
                identity,
                beginning,
                ending,
                payload,
                ..
            } = fragment;
            match self.append(tsn, identity, beginning, ending, &payload, events) {
                Outcome::Violation(what) => return Outcome::Violation(what),
                Outcome::Kept | Outcome::Dropped => {}
            }
        }
        Outcome::Kept
    }

    fn append(
        &mut self,
        tsn: u64,
        identity: Identity,
        beginning: bool,
        ending: bool,
        payload: &[u8],
        events: &mut VecDeque<Event>,
    ) -> Outcome {
        if beginning {
            if self.partial.is_some() {
                return Outcome::Violation("a message begins before the one before it has ended");
            }
            let capacity = self.size_hint.max(payload.len());
            self.held.entries += 1;
            self.partial = Some(Partial {
                identity,
                next_tsn: tsn,
                bytes: Vec::with_capacity(if ending { payload.len() } else { capacity }),
                too_large: false,
            });
        }
        let Some(partial) = self
            .partial
            .as_mut()
            .filter(|partial| partial.next_tsn == tsn && partial.identity.joins(&identity))
        else {
            return match self.beginnings_may_miss && self.partial.is_none() {
                true => Outcome::Dropped,
                false => Outcome::Violation("a fragment does not continue the message before it"),
            };
        };
        self.beginnings_may_miss = false;
        partial.next_tsn = tsn + 1;
        if partial.bytes.len() + payload.len() > self.max_message || partial.too_large {
            self.held.bytes -= partial.bytes.len();
            partial.bytes = Vec::new();
            partial.too_large = true;
        } else {
            partial.bytes.extend_from_slice(payload);
            self.held.bytes += payload.len();
        }
        if ending && let Some(partial) = self.partial.take() {
            self.held.remove(partial.bytes.len());
            self.size_hint = partial.bytes.len();
            let mut bytes = partial.bytes;
            if bytes.len() < bytes.capacity() / 2 {
                bytes.shrink_to_fit();
            }
            let message = (!partial.too_large).then(|| Bytes::from(bytes));
            self.deliver(tsn, partial.identity, message, events);
        }
        Outcome::Kept
    }

    /// Takes a chunk beyond a gap.
    pub(crate) fn handle_beyond(&mut self, tsn: u64, data: &Data<'_>, events: &mut VecDeque<Event>) -> Outcome {
        let identity = Identity::of(data);
        if data.beginning && data.ending {
            let message = self.within_limit(data.payload.len()).then_some(data.payload);
            let message = message.map(Bytes::copy_from_slice);
            self.deliver(tsn, identity, message, events);
            return Outcome::Kept;
        }
        let (mut first, mut last) = (tsn, tsn);
        if let Some(left) = self.fragments.get(&(tsn - 1)) {
            if left.ending != data.beginning || !(left.ending || left.identity.joins(&identity)) {
                return Outcome::Violation("a fragment does not continue the message before it");
            }
            if !left.ending {
                first = left.other_edge;
            }
        }
        if let Some(right) = self.fragments.get(&(tsn + 1)) {
            if right.beginning != data.ending || !(data.ending || right.identity.joins(&identity)) {
                return Outcome::Violation("a message begins before the one before it has ended");
            }
            if !data.ending {
                last = right.other_edge;
            }
        }
        self.held.add(data.payload.len());
        self.fragments.insert(
            tsn,
            Fragment {
                identity,
                beginning: data.beginning,
                ending: data.ending,
                payload: Bytes::copy_from_slice(data.payload),
                other_edge: if first == tsn { last } else { first },
            },
        );
        let begun = self.set_edge(first, last).is_some_and(|edge| edge.beginning);
        let ended = self.set_edge(last, first).is_some_and(|edge| edge.ending);
        if begun && ended {
            self.join(first, last, events);
        }
        Outcome::Kept
    }

    fn set_edge(&mut self, at: u64, other: u64) -> Option<&Fragment> {
        let fragment = self.fragments.get_mut(&at)?;
        fragment.other_edge = other;
        Some(fragment)
    }

    /// All fragments of a message are there.
    fn join(&mut self, first: u64, last: u64, events: &mut VecDeque<Event>) {
        let Some(identity) = self.fragments.get(&first).map(|first| first.identity) else {
            return;
        };
        let run = || first..=last;
        let size = self
            .fragments
            .range(run())
            .map(|(_, fragment)| fragment.payload.len())
            .sum();
        let fits = self.within_limit(size);
        let mut bytes = Vec::with_capacity(if fits { size } else { 0 });
        for tsn in run() {
            if let Some(fragment) = self.fragments.remove(&tsn) {
                self.held.remove(fragment.payload.len());
                if fits {
                    bytes.extend_from_slice(&fragment.payload);
                }
            }
        }
        self.deliver(last, identity, fits.then(|| Bytes::from(bytes)), events);
    }

    fn within_limit(&self, size: usize) -> bool {
        size <= self.max_message
    }

    /// Hands a whole message over that ends with this TSN: now, when its stream is there, or when its stream has begun
    /// anew.
    fn deliver(&mut self, last: u64, identity: Identity, message: Option<Bytes>, events: &mut VecDeque<Event>) {
        if let Some(deferred) = &mut self.deferred
            && last > deferred.last_tsn
            && deferred.names(identity.stream)
        {
            self.held.add(message.as_ref().map_or(0, Bytes::len));
            deferred.messages.push((identity, message));
            return;
        }
        self.deliver_in_turn(identity, message, events);
    }

    fn deliver_in_turn(&mut self, identity: Identity, message: Option<Bytes>, events: &mut VecDeque<Event>) {
        let Identity {
            stream,
            unordered,
            ssn,
            ppid,
        } = identity;
        if unordered {
            self.hand_over(stream, ppid, message, events);
            return;
        }
        let next = self.streams.entry(stream).or_insert(FIRST_SSN);
        let ssn = extend_ssn(*next, ssn);
        if ssn > *next {
            self.held.add(message.as_ref().map_or(0, Bytes::len));
            if let Some((_, replaced)) = self.waiting.insert((stream, ssn), (ppid, message)) {
                self.held.remove(replaced.map_or(0, |replaced| replaced.len()));
            }
            return;
        }
        if ssn < *next {
            return; // Its number has passed; a peer that counts right does not do that.
        }
        *next += 1;
        self.hand_over(stream, ppid, message, events);
        if !self.waiting.is_empty() {
            self.deliver_waiting(stream, events);
        }
    }

    fn deliver_waiting(&mut self, stream: u16, events: &mut VecDeque<Event>) {
        while let Some(next) = self.streams.get_mut(&stream)
            && let Some((ppid, message)) = self.waiting.remove(&(stream, *next))
        {
            *next += 1;
            self.held.remove(message.as_ref().map_or(0, Bytes::len));
            self.hand_over(stream, ppid, message, events);
        }
    }

    fn hand_over(&mut self, stream: u16, ppid: u32, message: Option<Bytes>, events: &mut VecDeque<Event>) {
        self.undelivered.add(message.as_ref().map_or(0, Bytes::len));
        events.push_back(match message {
            Some(data) => Event::Message { stream, ppid, data },
            None => Event::MessageTooLarge { stream },
        });
    }

    /// The peer gave up everything up to `cumulative` (RFC 3758 §3.6), on these ordered streams up
    /// to these sequence numbers.
    pub(crate) fn skip(
        &mut self,
        cumulative: u64,
        skipped: impl Iterator<Item = (u16, u16)>,
        events: &mut VecDeque<Event>,
    ) {
        if let Some(partial) = self.partial.take_if(|partial| partial.next_tsn <= cumulative) {
            self.held.remove(partial.bytes.len());
        }
        self.beginnings_may_miss = true;
        while let Some(entry) = self.fragments.first_entry()
            && *entry.key() <= cumulative
        {
            self.held.remove(entry.remove().payload.len());
        }
        // The run that the cut went through has a new edge, which no longer begins a message.
        if let Some(first) = self.fragments.get(&(cumulative + 1))
            && !first.beginning
        {
            let last = self.run_end(cumulative + 1);
            self.set_edge(cumulative + 1, last);
            self.set_edge(last, cumulative + 1);
        }
        for (stream, ssn) in skipped {
            self.skip_in_stream(cumulative, stream, ssn, events);
        }
    }

    fn skip_in_stream(&mut self, cumulative: u64, stream: u16, ssn: u16, events: &mut VecDeque<Event>) {
        let next = self.streams.get(&stream).copied();
        let extended = extend_ssn(next.unwrap_or(FIRST_SSN), ssn);
        // A number that has passed, or the first one of all, behind a reset that waits: it is the next life's.
        if next.is_none_or(|next| extended < next)
            && let Some(deferred) = &mut self.deferred
            && cumulative > deferred.last_tsn
            && deferred.names(stream)
        {
            deferred.skipped.insert(stream, ssn);
            return;
        }
        if next.is_some_and(|next| extended < next) {
            return;
        }
        self.streams.insert(stream, extended + 1);
        if self.waiting.is_empty() {
            return;
        }
        // Whole messages that waited for what is given up now are delivered in their order.
        while let Some((&key, _)) = self.waiting.range((stream, 0)..=(stream, extended)).next()
            && let Some((ppid, message)) = self.waiting.remove(&key)
        {
            self.held.remove(message.as_ref().map_or(0, Bytes::len));
            self.hand_over(stream, ppid, message, events);
        }
        self.deliver_waiting(stream, events);
    }

    fn run_end(&self, first: u64) -> u64 {
        let mut last = first;
        for (tsn, fragment) in self.fragments.range(first..) {
            if *tsn > last + 1 || (*tsn > first && fragment.beginning) {
                break;
            }
            last = *tsn;
            if fragment.ending {
                break;
            }
        }
        last
    }

    /// The peer resets these streams (none means all) once all has come up to `last_tsn`: what it sends behind that
    /// waits until then. Replaces a reset that waits.
    pub(crate) fn defer_reset(&mut self, last_tsn: u64, mut streams: Vec<u16>) {
        streams.sort_unstable();
        let before = self.deferred.take();
        let (messages, skipped) = before.map_or_else(Default::default, |before| (before.messages, before.skipped));
        self.deferred = Some(Deferred {
            last_tsn,
            streams,
            messages,
            skipped,
        });
    }

    /// The peer's streams begin anew (RFC 6525 §5.2.2).
    pub(crate) fn reset(&mut self, streams: Streams) {
        let (first, last) = match streams {
            Streams::All => (0, u16::MAX),
            Streams::One(stream) => (stream, stream),
        };
        match streams {
            Streams::All => self.streams.clear(),
            Streams::One(stream) => {
                self.streams.remove(&stream);
            }
        }
        while let Some((&key, _)) = self.waiting.range((first, 0)..=(last, u64::MAX)).next()
            && let Some((_, message)) = self.waiting.remove(&key)
        {
            self.held.remove(message.map_or(0, |message| message.len()));
        }
    }

    /// A reset that waited has been done: what waited behind it follows.
    pub(crate) fn end_deferral(&mut self, events: &mut VecDeque<Event>) {
        let Some(deferred) = self.deferred.take() else { return };
        for (identity, message) in deferred.messages {
            self.held.remove(message.as_ref().map_or(0, Bytes::len));
            self.deliver_in_turn(identity, message, events);
        }
        for (stream, ssn) in deferred.skipped {
            self.skip_in_stream(0, stream, ssn, events);
        }
    }
}
