//! Messages that have not been begun: one queue per stream, and whose turn it is.

use alloc::collections::{BTreeMap, BinaryHeap, VecDeque};
use core::cmp::Reverse;

use bytes::Bytes;
use pollrtc_core::Instant;

/// A message that waits.
#[derive(Clone, Debug)]
pub(crate) struct QueuedMessage {
    pub(crate) data: Bytes,
    pub(crate) ppid: u32,
    pub(crate) ordered: bool,
    pub(crate) policy: Policy,
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

    pub(crate) fn expired(&self, now: Instant) -> bool {
        self.expires != Instant::FAR_FUTURE && self.expires <= now
    }
}

/// Fair queueing among streams, weighted by priority: the stream that has had least for its weight
/// goes next. A message, once begun, goes on to its end (RFC 9260 §6.9: its TSNs are consecutive).
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    streams: BTreeMap<u16, OutStream>,
    ready: BinaryHeap<Reverse<(u64, u16)>>,
    virtual_time: u64,
    buffered: usize,
}

#[derive(Debug, Default)]
struct OutStream {
    queue: VecDeque<QueuedMessage>,
    buffered: usize,
    low_threshold: usize,
    next_ssn: u16,
    weight: u16,
    /// Virtual time at which the stream's next message is due.
    due: u64,
}

/// What one byte costs a stream of weight 1.
const COST: u64 = 1 << 16;
/// What each message costs besides its bytes.
const MESSAGE_COST: usize = 16;

impl SendQueue {
    pub(crate) fn push(&mut self, stream: u16, weight: u16, message: QueuedMessage) {
        let entry = self.streams.entry(stream).or_default();
        entry.weight = weight.max(1);
        entry.buffered += message.data.len();
        self.buffered += message.data.len();
        let was_idle = entry.queue.is_empty();
        entry.queue.push_back(message);
        if was_idle {
            entry.due = entry.due.max(self.virtual_time);
            self.ready.push(Reverse((entry.due, stream)));
        }
    }

    /// The length of the message whose turn it is.
    pub(crate) fn peek_len(&self) -> Option<usize> {
        let Reverse((_, stream)) = self.ready.peek()?;
        let front = self.streams.get(stream)?.queue.front()?;
        Some(front.data.len())
    }

    /// Whether the message whose turn it is has run out of time.
    pub(crate) fn front_expired(&self, now: Instant) -> bool {
        let front = self.ready.peek().and_then(|Reverse((_, stream))| {
            let stream = self.streams.get(stream)?;
            stream.queue.front()
        });
        front.is_some_and(|message| message.policy.expired(now))
    }

    /// Takes the message whose turn it is, with its stream and, if it is ordered, its stream
    /// sequence number. Its bytes still count as buffered, see [`sent`](Self::sent).
    pub(crate) fn begin_next(&mut self) -> Option<(u16, u16, QueuedMessage)> {
        let (stream, message) = self.pop()?;
        let entry = self.streams.get_mut(&stream)?;
        let ssn = entry.next_ssn;
        if message.ordered {
            entry.next_ssn = ssn.wrapping_add(1);
        }
        Some((stream, ssn, message))
    }

    /// Throws away the message whose turn it is; no sequence number is used up.
    pub(crate) fn drop_next(&mut self) -> Option<(u16, usize)> {
        let (stream, message) = self.pop()?;
        Some((stream, message.data.len()))
    }

    fn pop(&mut self) -> Option<(u16, QueuedMessage)> {
        let Reverse((due, stream)) = self.ready.pop()?;
        self.virtual_time = due;
        let entry = self.streams.get_mut(&stream)?;
        let message = entry.queue.pop_front()?;
        let cost = (message.data.len() + MESSAGE_COST) as u64 * COST / u64::from(entry.weight);
        entry.due = due.saturating_add(cost);
        if !entry.queue.is_empty() {
            self.ready.push(Reverse((entry.due, stream)));
        }
        Some((stream, message))
    }

    /// Bytes of a message left for the network, or were given up. True if what waits on the stream
    /// fell to its threshold by that.
    pub(crate) fn sent(&mut self, stream: u16, len: usize) -> bool {
        self.buffered = self.buffered.saturating_sub(len);
        let Some(entry) = self.streams.get_mut(&stream) else {
            return false;
        };
        let before = entry.buffered;
        entry.buffered = before.saturating_sub(len);
        before > entry.low_threshold && entry.buffered <= entry.low_threshold
    }

    pub(crate) fn set_low_threshold(&mut self, stream: u16, threshold: usize) {
        self.streams.entry(stream).or_default().low_threshold = threshold;
    }

    pub(crate) fn buffered(&self) -> usize {
        self.buffered
    }

    pub(crate) fn buffered_on(&self, stream: u16) -> usize {
        self.streams.get(&stream).map_or(0, |entry| entry.buffered)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Whether everything of a stream has been begun and left.
    pub(crate) fn is_drained(&self, stream: u16) -> bool {
        self.buffered_on(stream) == 0
    }

    /// Forgets all about a stream: after a reset, its numbers begin anew.
    pub(crate) fn forget(&mut self, stream: u16) {
        if let Some(entry) = self.streams.remove(&stream) {
            self.buffered = self.buffered.saturating_sub(entry.buffered);
            if !entry.queue.is_empty() {
                self.ready.retain(|Reverse((_, other))| *other != stream);
            }
        }
    }

    /// Streams on which something waits and that are not below `limit`.
    pub(crate) fn streams_from(&self, limit: u16) -> impl Iterator<Item = u16> + '_ {
        self.streams.range(limit..).map(|(stream, _)| *stream)
    }

    /// A new life with the peer: sequence numbers begin anew, what waits still waits.
    pub(crate) fn restart(&mut self) {
        self.buffered = 0;
        for entry in self.streams.values_mut() {
            entry.next_ssn = 0;
            entry.buffered = entry.queue.iter().map(|message| message.data.len()).sum();
            self.buffered += entry.buffered;
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
