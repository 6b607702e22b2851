//! Messages that have not been begun: one queue per stream, and whose turn it is.

use alloc::collections::binary_heap::PeekMut;
use alloc::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;

use bytes::Bytes;
use pollrtc_core::Instant;

/// A message that waits.
#[derive(Clone, Debug)]
pub(crate) struct QueuedMessage {
    pub(crate) data: Bytes,
    pub(crate) ppid: u32,
    pub(crate) ordered: bool,
    /// Whether its bytes are the user's, and so part of the buffered amount.
    pub(crate) counted: bool,
    pub(crate) policy: Policy,
}

/// Bytes that left a stream's queue for good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dequeued {
    pub(crate) stream: u16,
    pub(crate) len: usize,
    pub(crate) counted: bool,
}

/// When to give up (RFC 7496).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(crate) expires: Instant,
    pub(crate) max_retransmits: u16,
}

impl Policy {
    pub(crate) const RELIABLE: Self = Self {
        expires: Instant::FAR_FUTURE,
        max_retransmits: u16::MAX,
    };

    /// Whether its time is limited.
    fn is_limited(&self) -> bool {
        self.expires != Instant::FAR_FUTURE
    }

    pub(crate) fn expired(&self, now: Instant) -> bool {
        has_passed(self.expires, now)
    }

    /// Whether a chunk that was sent so many times may not be sent again.
    pub(crate) fn is_used_up(&self, transmissions: u16) -> bool {
        self.max_retransmits != u16::MAX && transmissions > self.max_retransmits
    }
}

/// Whether a deadline has passed; the end of time never does.
pub(crate) fn has_passed(deadline: Instant, now: Instant) -> bool {
    deadline != Instant::FAR_FUTURE && deadline <= now
}

/// Fair queueing among streams, weighted by priority: the stream that has had least for its weight
/// goes next. A message, once begun, goes on to its end (RFC 9260 §6.9: its TSNs are consecutive).
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    streams: BTreeMap<u16, OutStream>,
    ready: BinaryHeap<Reverse<(u64, u16)>>,
    virtual_time: u64,
    /// Bytes of the user's that have not left, and how many messages have not been begun, the user's or not.
    buffered: usize,
    messages: usize,
    /// Streams on which a message was refused for want of room, in turn, with its length.
    refused: VecDeque<(u16, usize)>,
    /// Messages whose time is limited: until when, and their number and stream.
    lifetimes: BTreeSet<(Instant, u64, u16)>,
    /// Messages whose time begins when the time is told next: how much they have, and their number and stream.
    unstamped: Vec<(Duration, u64, u16)>,
    /// How many messages were queued, and how many were put back in front of others.
    pushed: u64,
    put_back: u64,
}

#[derive(Debug, Default)]
struct OutStream {
    /// With the numbers of the messages, ascending.
    queue: VecDeque<(u64, QueuedMessage)>,
    /// Bytes that have not left, and those of them that count.
    waiting: usize,
    buffered: usize,
    low_threshold: usize,
    /// The news that little is left has not been taken yet.
    low_pending: bool,
    next_ssn: u16,
    weight: u16,
    /// Virtual time at which the stream's next message is due.
    due: u64,
}

/// The number of the first message; lower ones are those of messages that were put back.
const FIRST_NUMBER: u64 = 1 << 63;
/// What one byte costs a stream of weight 1.
const COST: u64 = 1 << 16;
/// What each message costs besides its bytes, in the order of turns.
const MESSAGE_COST: usize = 16;
/// What holding a message costs at least, however short it is: many short ones count as if they were this long, so that a
/// limit bounds memory and not only payload.
const HELD_COST: usize = 192;

impl SendQueue {
    /// Queues a message, which is given up when this time has passed.
    pub(crate) fn push(&mut self, stream: u16, weight: u16, message: QueuedMessage, lifetime: Option<Duration>) {
        let entry = self.streams.entry(stream).or_default();
        entry.weight = weight.max(1);
        entry.waiting += message.data.len();
        if message.counted {
            entry.buffered += message.data.len();
            self.buffered += message.data.len();
        }
        let number = FIRST_NUMBER + self.pushed;
        self.pushed += 1;
        if let Some(lifetime) = lifetime {
            self.unstamped.push((lifetime, number, stream));
        }
        let was_idle = entry.queue.is_empty();
        self.messages += 1;
        entry.queue.push_back((number, message));
        if was_idle {
            entry.due = entry.due.max(self.virtual_time);
            self.ready.push(Reverse((entry.due, stream)));
        }
    }

    /// Whether a message may be queued where so many bytes may wait at most. Whoever is refused is told of room
    /// later ([`poll_writable`](Self::poll_writable)), and until then nobody else takes it away.
    pub(crate) fn admit(&mut self, stream: u16, len: usize, limit: usize) -> bool {
        let is_turn = self.refused.front().is_none_or(|(first, _)| *first == stream);
        if is_turn && self.has_room(len, limit) {
            return true;
        }
        match self.refused.iter_mut().find(|(refused, _)| *refused == stream) {
            // Several may send on one stream: the shortest fits first, and the others are refused once more.
            Some((_, wanted)) => *wanted = len.min(*wanted),
            None => self.refused.push_back((stream, len)),
        }
        false
    }

    /// The next stream on which a message was refused that fits now.
    pub(crate) fn poll_writable(&mut self, limit: usize) -> Option<u16> {
        let (stream, wanted) = *self.refused.front()?;
        if !self.has_room(wanted, limit) {
            return None;
        }
        self.refused.pop_front();
        Some(stream)
    }

    /// Whether a message of this length fits. An empty one needs room too.
    fn has_room(&self, len: usize, limit: usize) -> bool {
        let held = self.held();
        held == 0 && len <= limit || len.max(1) <= limit.saturating_sub(held)
    }

    /// How long a message may be that is admitted now.
    pub(crate) fn room(&self, limit: usize) -> usize {
        match self.refused.is_empty() {
            true => limit.saturating_sub(self.held()),
            false => 0,
        }
    }

    /// It is `now`: the time of messages begins that were queued since that was told last.
    pub(crate) fn stamp(&mut self, now: Instant) {
        if self.unstamped.is_empty() {
            return;
        }
        for (lifetime, number, stream) in self.unstamped.drain(..) {
            let Some(entry) = self.streams.get_mut(&stream) else {
                continue;
            };
            let Ok(position) = entry.queue.binary_search_by_key(&number, |(number, _)| *number) else {
                continue;
            };
            if let Some((_, message)) = entry.queue.get_mut(position) {
                message.policy.expires = now + lifetime;
                if message.policy.is_limited() {
                    self.lifetimes.insert((message.policy.expires, number, stream));
                }
            }
        }
    }

    /// Puts a message back that had left, in front of its stream's others. The amounts are right again after a
    /// [`restart`](Self::restart).
    pub(crate) fn put_back(&mut self, stream: u16, message: QueuedMessage) {
        self.put_back += 1;
        let number = FIRST_NUMBER - self.put_back;
        if message.policy.is_limited() {
            self.lifetimes.insert((message.policy.expires, number, stream));
        }
        let entry = self.streams.entry(stream).or_default();
        entry.weight = entry.weight.max(1);
        let was_idle = entry.queue.is_empty();
        self.messages += 1;
        entry.queue.push_front((number, message));
        if was_idle {
            self.ready.push(Reverse((entry.due, stream)));
        }
    }

    /// The length of the message whose turn it is.
    pub(crate) fn peek_len(&self) -> Option<usize> {
        let Reverse((_, stream)) = self.ready.peek()?;
        let (_, front) = self.streams.get(stream)?.queue.front()?;
        Some(front.data.len())
    }

    /// When the first message runs out of time, wherever it waits; the end of time for never.
    pub(crate) fn first_expires(&self) -> Instant {
        let first = self.lifetimes.first();
        first.map_or(Instant::FAR_FUTURE, |(expires, ..)| *expires)
    }

    /// Takes the message whose turn it is, with its stream and, if it is ordered, its stream
    /// sequence number. Its bytes still count as buffered, see [`note_dequeued`](Self::note_dequeued).
    pub(crate) fn begin_next(&mut self) -> Option<(u16, u16, QueuedMessage)> {
        let mut turn = self.ready.peek_mut()?;
        let Reverse((due, stream)) = *turn;
        self.virtual_time = due;
        let Some(entry) = self.streams.get_mut(&stream) else {
            PeekMut::pop(turn);
            return None;
        };
        let Some((number, message)) = entry.queue.pop_front() else {
            PeekMut::pop(turn);
            return None;
        };
        self.messages -= 1;
        let cost = (message.data.len() + MESSAGE_COST) as u64 * COST / u64::from(entry.weight);
        entry.due = due.saturating_add(cost);
        match entry.queue.is_empty() {
            true => _ = PeekMut::pop(turn),
            false => *turn = Reverse((entry.due, stream)),
        }
        if message.policy.is_limited() {
            self.lifetimes.remove(&(message.policy.expires, number, stream));
        }
        let ssn = entry.next_ssn;
        if message.ordered {
            entry.next_ssn = ssn.wrapping_add(1);
        }
        Some((stream, ssn, message))
    }

    /// Throws away a message whose time has passed; no sequence number is used up.
    pub(crate) fn drop_expired(&mut self, now: Instant) -> Option<Dequeued> {
        self.lifetimes.first().filter(|(expires, ..)| *expires <= now)?;
        let (_, number, stream) = self.lifetimes.pop_first()?;
        let queue = &mut self.streams.get_mut(&stream)?.queue;
        let position = queue.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        let (_, message) = queue.remove(position)?;
        self.messages -= 1;
        if queue.is_empty() {
            self.ready.retain(|Reverse((_, other))| *other != stream);
        }
        Some(Dequeued {
            stream,
            len: message.data.len(),
            counted: message.counted,
        })
    }

    /// Bytes of a message left for the network, or were given up. True if what waits on the stream
    /// fell to its threshold by that.
    pub(crate) fn note_dequeued(&mut self, dequeued: Dequeued) -> bool {
        let Some(entry) = self.streams.get_mut(&dequeued.stream) else {
            return false;
        };
        entry.waiting = entry.waiting.saturating_sub(dequeued.len);
        if !dequeued.counted {
            return false;
        }
        self.buffered = self.buffered.saturating_sub(dequeued.len);
        let before = entry.buffered;
        entry.buffered = before.saturating_sub(dequeued.len);
        let low = before > entry.low_threshold && entry.buffered <= entry.low_threshold;
        low && !core::mem::replace(&mut entry.low_pending, true)
    }

    /// The application knows that little is left of a stream.
    pub(crate) fn note_told(&mut self, stream: u16) {
        if let Some(entry) = self.streams.get_mut(&stream) {
            entry.low_pending = false;
        }
    }

    pub(crate) fn set_low_threshold(&mut self, stream: u16, threshold: usize) {
        self.streams.entry(stream).or_default().low_threshold = threshold;
    }

    /// What counts against the limit.
    pub(crate) fn held(&self) -> usize {
        self.buffered.max(self.messages * HELD_COST)
    }

    pub(crate) fn buffered_on(&self, stream: u16) -> usize {
        self.streams.get(&stream).map_or(0, |entry| entry.buffered)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Whether everything of a stream has been begun and left.
    pub(crate) fn is_drained(&self, stream: u16) -> bool {
        self.streams.get(&stream).is_none_or(|entry| entry.waiting == 0)
    }

    /// Forgets all about a stream: after a reset, its numbers begin anew.
    pub(crate) fn forget(&mut self, stream: u16) {
        self.forget_refusal(stream);
        if let Some(entry) = self.streams.remove(&stream) {
            self.buffered = self.buffered.saturating_sub(entry.buffered);
            self.messages -= entry.queue.len();
            if !entry.queue.is_empty() {
                self.ready.retain(|Reverse((_, other))| *other != stream);
                self.lifetimes.retain(|(.., other)| *other != stream);
            }
        }
    }

    /// Nothing more is sent on a stream: its turn is the next one's.
    pub(crate) fn forget_refusal(&mut self, stream: u16) {
        self.refused.retain(|(refused, _)| *refused != stream);
    }

    /// Forgets all streams that are not below `limit`.
    pub(crate) fn forget_from(&mut self, limit: u16) {
        while let Some((&stream, _)) = self.streams.range(limit..).next() {
            self.forget(stream);
        }
        self.refused.retain(|(refused, _)| *refused < limit);
    }

    /// A new life with the peer: sequence numbers begin anew, what waits still waits.
    pub(crate) fn restart(&mut self) {
        self.buffered = 0;
        for entry in self.streams.values_mut() {
            entry.next_ssn = 0;
            entry.waiting = entry.queue.iter().map(|(_, message)| message.data.len()).sum();
            let counted = entry.queue.iter().filter(|(_, message)| message.counted);
            entry.buffered = counted.map(|(_, message)| message.data.len()).sum();
            self.buffered += entry.buffered;
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
