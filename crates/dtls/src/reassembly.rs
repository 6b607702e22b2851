//! Handshake messages out of fragments, in any order and with any overlap, in bounded memory.
//!
//! Nothing here is authenticated yet, so a stranger's fragment must cost little and must not lock
//! the real peer's out: what disagrees about a message's kind, length or bytes replaces what was there
//! (the peer sends its whole flight again), and what lies ahead gives way to what comes next.

use alloc::vec::Vec;

use crate::wire::HandshakeType;
use crate::wire::handshake::{Fragment, HEADER_LEN};

/// How many messages ahead of the next one are kept. No flight has more than six.
const WINDOW: u32 = 7;

/// A whole message.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: HandshakeType,
    pub(crate) message_seq: u16,
    /// Header and body as if it had come in one fragment: the form that the transcript hashes
    /// (RFC 6347 §4.2.6).
    pub(crate) bytes: Vec<u8>,
}

impl Message {
    pub(crate) fn body(&self) -> &[u8] {
        self.bytes.get(HEADER_LEN..).unwrap_or_default()
    }
}

/// What became of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// It was new, or added nothing to a message that is still incomplete.
    Kept,
    /// It contradicts what had come of its message, and takes its place.
    Replaced,
    /// It belongs to a message that was already handled: the peer sends its flight again. `last`
    /// if it ends the newest of them.
    Repeated { last: bool },
    /// Too far ahead.
    Refused,
    /// Too large, alone or together with what came before.
    TooLong,
}

#[derive(Debug)]
pub(crate) struct Reassembler {
    /// Beyond all numbers, once they are used up.
    next: u32,
    partial: Vec<Partial>,
    /// Bytes of messages that were handed on, which the handshake keeps for its transcript.
    taken: usize,
    limit: usize,
}

impl Reassembler {
    /// `limit` bounds the bytes of all messages of a handshake together, complete or not.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            next: 0,
            partial: Vec::new(),
            taken: 0,
            limit,
        }
    }

    /// Takes a fragment that came in a record of `epoch`.
    pub(crate) fn insert(&mut self, epoch: u16, fragment: &Fragment<'_>) -> Inserted {
        let message_seq = u32::from(fragment.message_seq);
        let Some(ahead) = message_seq.checked_sub(self.next) else {
            let newest = message_seq + 1 == self.next;
            return Inserted::Repeated {
                last: newest && fragment.is_last(),
            };
        };
        if ahead >= WINDOW {
            return Inserted::Refused;
        }
        // An empty piece of a message that is not empty tells nothing, and nothing is kept of it
        // (CVE-2015-0206, CVE-2016-2179).
        if fragment.body.is_empty() && fragment.length != 0 {
            return Inserted::Kept;
        }
        let known = self
            .partial
            .iter()
            .position(|partial| partial.message_seq == fragment.message_seq);
        let mut inserted = Inserted::Kept;
        if let Some(index) = known {
            if let Some(partial) = self.partial.get_mut(index)
                && partial.agrees_with(epoch, fragment)
            {
                partial.add(fragment);
                return Inserted::Kept;
            }
            self.partial.swap_remove(index);
            inserted = Inserted::Replaced;
        }
        if !self.make_room(fragment) {
            return Inserted::TooLong;
        }
        let mut partial = Partial::new(epoch, fragment);
        partial.add(fragment);
        self.partial.push(partial);
        inserted
    }

    /// The next message, if it is complete.
    pub(crate) fn pop(&mut self) -> Option<Message> {
        self.take(u16::try_from(self.next).ok()?)
    }

    /// A complete message of this kind, whatever its number; the next one follows it. For a server
    /// that waits for a ClientHello: the first or, after a HelloVerifyRequest, the second.
    pub(crate) fn pop_any(&mut self, kind: HandshakeType) -> Option<Message> {
        let message_seq = self
            .partial
            .iter()
            .filter(|partial| partial.kind == kind && partial.is_complete())
            .map(|partial| partial.message_seq)
            .min()?;
        self.take(message_seq)
    }

    /// Forgets everything and waits for `next`.
    pub(crate) fn restart(&mut self, next: u32) {
        self.next = next;
        self.partial = Vec::new();
        self.taken = 0;
    }

    /// Whether what waits belongs to another message.
    pub(crate) fn contradicts(&self, epoch: u16, fragment: &Fragment<'_>) -> bool {
        let is_same =
            |partial: &Partial| partial.message_seq == fragment.message_seq && partial.agrees_with(epoch, fragment);
        !self.partial.is_empty() && !self.partial.iter().any(is_same)
    }

    /// Whether something of this epoch waits that goes on where the last message ended.
    pub(crate) fn has_any_of(&self, epoch: u16) -> bool {
        self.partial.iter().any(|partial| partial.epoch == epoch)
    }

    /// Forgets what came in other epochs than the one whose turn it is.
    pub(crate) fn keep_only(&mut self, epoch: u16) {
        self.partial.retain(|partial| partial.epoch == epoch);
    }

    /// The handshake is over: what was handed on is not kept any more.
    pub(crate) fn forget_taken(&mut self) {
        self.taken = 0;
        self.partial.shrink_to_fit();
    }

    /// Whether something has come that follows what has not.
    pub(crate) fn has_gap(&self) -> bool {
        let mut partial = self.partial.iter();
        partial.any(|partial| u32::from(partial.message_seq) != self.next || !partial.seen.is_empty())
    }

    /// Whether nothing waits for its rest or for its turn.
    pub(crate) fn is_empty(&self) -> bool {
        self.partial.is_empty()
    }

    /// The memory that all messages may take, complete or not.
    pub(crate) fn memory(&self) -> usize {
        let partial = self.partial.iter().map(|partial| Partial::cost(partial.length));
        self.taken + partial.sum::<usize>()
    }

    /// The number of the message that comes next; 2^16 if none can.
    pub(crate) fn next_message_seq(&self) -> u32 {
        self.next
    }

    fn take(&mut self, message_seq: u16) -> Option<Message> {
        let index = self
            .partial
            .iter()
            .position(|partial| partial.message_seq == message_seq && partial.is_complete())?;
        let partial = self.partial.swap_remove(index);
        self.next = u32::from(message_seq) + 1;
        self.taken += partial.bytes.len();
        Some(partial.into_message())
    }

    /// Makes room for a message, at the cost of those that come later.
    fn make_room(&mut self, fragment: &Fragment<'_>) -> bool {
        let wanted = Partial::cost(fragment.length);
        if wanted > self.limit {
            return false;
        }
        loop {
            if self.memory() + wanted <= self.limit {
                return true;
            }
            let furthest = self
                .partial
                .iter()
                .enumerate()
                .max_by_key(|(_, partial)| partial.message_seq)
                .filter(|(_, partial)| partial.message_seq > fragment.message_seq);
            match furthest {
                Some((index, _)) => drop(self.partial.swap_remove(index)),
                None => return false,
            }
        }
    }
}

#[derive(Debug)]
struct Partial {
    kind: HandshakeType,
    message_seq: u16,
    epoch: u16,
    length: u32,
    /// Header and body; grows with what comes.
    bytes: Vec<u8>,
    /// One bit per byte of the body; empty while the fragments came in order.
    seen: Vec<u64>,
    /// The body's first bytes without a gap, while `seen` is empty; else how many bits are set.
    received: usize,
}

impl Partial {
    fn new(epoch: u16, fragment: &Fragment<'_>) -> Self {
        let [_, l0, l1, l2] = fragment.length.to_be_bytes();
        let [s0, s1] = fragment.message_seq.to_be_bytes();
        let header = [fragment.kind.0, l0, l1, l2, s0, s1, 0, 0, 0, l0, l1, l2];
        let mut bytes = Vec::with_capacity(HEADER_LEN + fragment.body.len());
        bytes.extend_from_slice(&header);
        Self {
            kind: fragment.kind,
            message_seq: fragment.message_seq,
            epoch,
            length: fragment.length,
            bytes,
            seen: Vec::new(),
            received: 0,
        }
    }

    /// The memory that a message of this length may take, with its bits and bookkeeping.
    fn cost(length: u32) -> usize {
        let length = length as usize;
        size_of::<Self>() + HEADER_LEN + length + length / 8 + 8
    }

    /// Whether a fragment is of the same message. A message that is complete stays as it is.
    fn agrees_with(&self, epoch: u16, fragment: &Fragment<'_>) -> bool {
        let is_same = (self.kind, self.length, self.epoch) == (fragment.kind, fragment.length, epoch);
        is_same && (self.is_complete() || self.overlap_agrees(fragment))
    }

    /// Whether the bytes that are here already are those of the fragment.
    fn overlap_agrees(&self, fragment: &Fragment<'_>) -> bool {
        let start = fragment.offset as usize;
        let known = self.bytes.get(HEADER_LEN + start..).unwrap_or_default();
        let mut pairs = (start..).zip(known.iter().zip(fragment.body));
        pairs.all(|(position, (known, new))| known == new || !self.has(position))
    }

    /// Whether a byte of the body is here.
    fn has(&self, position: usize) -> bool {
        match self.seen.get(position / 64) {
            Some(word) => *word & (1 << (position % 64)) != 0,
            None => self.seen.is_empty() && position < self.received,
        }
    }

    fn is_complete(&self) -> bool {
        self.received == self.length as usize
    }

    fn into_message(self) -> Message {
        Message {
            kind: self.kind,
            message_seq: self.message_seq,
            bytes: self.bytes,
        }
    }

    /// Takes what is new in a fragment of the same message.
    fn add(&mut self, fragment: &Fragment<'_>) {
        let start = fragment.offset as usize;
        let end = start + fragment.body.len();
        if self.is_complete() {
            return;
        }
        if self.seen.is_empty() {
            if start <= self.received {
                let known = self.received - start;
                let new = fragment.body.get(known..).unwrap_or_default();
                self.bytes.extend_from_slice(new);
                self.received += new.len();
                return;
            }
            self.start_marking();
        }
        if self.bytes.len() < HEADER_LEN + end {
            self.bytes.resize(HEADER_LEN + end, 0);
        }
        let room = self.bytes.get_mut(HEADER_LEN + start..HEADER_LEN + end);
        for ((position, byte), slot) in (start..end).zip(fragment.body).zip(room.unwrap_or_default()) {
            let bit = 1u64 << (position % 64);
            if let Some(word) = self.seen.get_mut(position / 64)
                && *word & bit == 0
            {
                *word |= bit;
                *slot = *byte;
                self.received += 1;
            }
        }
    }

    /// From "the first `received` bytes" to one bit per byte.
    fn start_marking(&mut self) {
        self.seen = alloc::vec![0; (self.length as usize).div_ceil(64)];
        for position in 0..self.received {
            if let Some(word) = self.seen.get_mut(position / 64) {
                *word |= 1 << (position % 64);
            }
        }
    }
}
