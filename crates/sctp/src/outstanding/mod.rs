//! What was sent and is not yet acknowledged for good.
//!
//! Chunks stand in a ring indexed by their distance from the cumulative TSN ack; each refers to its
//! message by number, so a fragment is a few plain words and the message's bytes are held once.

mod abandon;
mod ranges;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use pollrtc_core::Instant;
use ranges::{subtract, unite};

use crate::send_queue::{Dequeued, Policy, QueuedMessage};
use crate::serial::extend;
use crate::wire::{DATA_HEADER_LEN, DataHeader, Sack, padded};
use crate::work;

#[derive(Debug)]
pub(crate) struct Outstanding {
    /// Everything up to here is acknowledged.
    cumulative: u64,
    /// The first is TSN `cumulative + 1`.
    chunks: VecDeque<SentChunk>,
    messages: VecDeque<SentMessage>,
    /// The number of the first of `messages`.
    first_message: u64,
    /// The last message has bytes that were never sent, from this offset on.
    unfinished: Option<usize>,
    /// Chunks to send again, ascending; entries whose chunk is not `Lost` any more are stale.
    lost: VecDeque<u64>,
    /// Something was lost that `lost` has no place for at its end: it has to be made anew.
    lost_is_stale: bool,
    /// What the messages cost that are held here, and how much of it there may be.
    held: usize,
    max_held: usize,
    /// What the peer said to have beyond the cumulative TSN ack: inclusive ranges, ascending, disjoint.
    acked: Vec<(u64, u64)>,
    /// Room for the blocks of one SACK, and for what `acked` becomes by it.
    listed: Vec<(u64, u64)>,
    united: Vec<(u64, u64)>,
    /// Bytes on the wire of the chunks that are `InFlight`, and bytes of payload of those that are that or `Unheard`.
    in_flight: usize,
    payload_in_flight: usize,
    /// Everything up to here is acknowledged or given up (RFC 3758 §3.5: Advanced.Peer.Ack.Point).
    advanced: u64,
    abandoned: Abandoned,
}

/// How many chunks may be outstanding. A gap block reaches four times as far (RFC 9260 §3.3.4); what one SACK may cost
/// decides.
pub(crate) const MAX_CHUNKS: usize = 16_384;
/// What holding a message costs besides its bytes: it, its first chunk, and what counts its references.
const MESSAGE_COST: usize = 192;
/// How many messages are let go of at a time, since that takes long, and how many by each that is begun.
const RELEASED_AT_ONCE: usize = 512;
const RELEASED_PER_MESSAGE: usize = 2;
/// How many chunks count as thrown away by one SACK; the next ones tell of the rest.
const MAX_RENEGED: usize = 1024;
/// How many gap blocks of one SACK are looked at: as many as fit into a packet of 8 KiB, which no receiver is known to
/// fill. A list that is cut short says nothing of what lies above it.
const MAX_BLOCKS: usize = 2048;

/// What was abandoned (RFC 3758).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Abandoned {
    pub(crate) messages: u64,
    /// Bytes that will never be sent.
    pub(crate) unsent: Option<Dequeued>,
}

#[derive(Clone, Copy, Debug)]
struct SentChunk {
    message: u64,
    offset: u32,
    len: u16,
    transmissions: u16,
    state: ChunkState,
    /// How many SACKs left it out that listed it before.
    missed: u8,
    sent_at: Instant,
}

/// SACKs after which a chunk that the peer had, and that they leave out, counts as thrown away (RFC
/// 9260 §6.2.1 D iii, §7.2.4).
const MISS_INDICATIONS: u8 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChunkState {
    InFlight,
    /// It has been on its way for longer than a packet takes, and no SACK has come as far as it in its list: it has
    /// arrived or is lost, and fills the path no more.
    Unheard,
    Lost,
    Acked,
    Abandoned,
}

#[derive(Debug)]
struct SentMessage {
    data: Bytes,
    stream: u16,
    ssn: u16,
    ppid: u32,
    ordered: bool,
    counted: bool,
    policy: Policy,
    first: u64,
    /// The TSN of its last fragment; of the last so far while it is unfinished.
    last: u64,
}

impl SentChunk {
    fn wire_len(&self) -> usize {
        DATA_HEADER_LEN + padded(self.len.into())
    }

    /// Whether news of it may come.
    fn is_awaited(&self) -> bool {
        matches!(self.state, ChunkState::InFlight | ChunkState::Unheard)
    }
}

/// A chunk of the ring as loss detection sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InFlight {
    pub(crate) sent_at: Instant,
    pub(crate) transmissions: u16,
}

/// What a SACK told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Acked {
    /// Bytes on the wire that are acknowledged for the first time.
    pub(crate) bytes: usize,
    /// Bytes on the wire that were in flight before.
    pub(crate) in_flight_before: usize,
    /// The cumulative TSN ack moved.
    pub(crate) advanced: bool,
    /// The highest TSN acknowledged for the first time.
    pub(crate) highest: Option<u64>,
    /// Something that is acknowledged for the first time was sent more than once.
    pub(crate) resent: bool,
    /// Of the newly acknowledged chunks, the one sent last: when, and whether only once.
    pub(crate) newest: Option<InFlight>,
    /// The lowest newly acknowledged TSN among those that were sent only once.
    pub(crate) lowest_sent_once: Option<u64>,
}

/// Why a SACK was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SackError {
    /// It is older than one that came before (RFC 9260 §6.2.1 D i).
    Old,
    /// It acknowledges what was never sent, or its blocks are out of order.
    Impossible,
}

impl Outstanding {
    /// The first chunk will have TSN `initial`; messages may be begun until those held cost `max_held`.
    pub(crate) fn new(initial: u64, max_held: usize) -> Self {
        Self {
            cumulative: initial - 1,
            chunks: VecDeque::new(),
            messages: VecDeque::new(),
            first_message: 0,
            unfinished: None,
            lost: VecDeque::new(),
            lost_is_stale: false,
            held: 0,
            max_held,
            acked: Vec::new(),
            listed: Vec::new(),
            united: Vec::new(),
            in_flight: 0,
            payload_in_flight: 0,
            advanced: initial - 1,
            abandoned: Abandoned::default(),
        }
    }

    pub(crate) fn cumulative(&self) -> u64 {
        self.cumulative
    }

    pub(crate) fn next_tsn(&self) -> u64 {
        self.cumulative + 1 + self.chunks.len() as u64
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.unfinished.is_none()
    }

    /// Whether it is empty, and nothing was given up that was not [asked for](Self::take_abandoned).
    pub(crate) fn is_at_rest(&self) -> bool {
        self.is_empty() && self.abandoned.messages == 0 && self.abandoned.unsent.is_none()
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(crate) fn payload_in_flight(&self) -> usize {
        self.payload_in_flight
    }

    pub(crate) fn has_chunks(&self) -> bool {
        !self.chunks.is_empty()
    }

    fn index(&self, tsn: u64) -> Option<usize> {
        usize::try_from(tsn.checked_sub(self.cumulative + 1)?).ok()
    }

    fn chunk(&self, tsn: u64) -> Option<&SentChunk> {
        self.chunks.get(self.index(tsn)?)
    }

    /// The chunk, if it is in flight, or was and nothing has been heard of it.
    pub(crate) fn in_flight_chunk(&self, tsn: u64) -> Option<InFlight> {
        let chunk = self.chunk(tsn)?;
        chunk.is_awaited().then_some(InFlight {
            sent_at: chunk.sent_at,
            transmissions: chunk.transmissions,
        })
    }

    // Sending what is new.

    /// Whether nothing may be sent for the first time: what is held already is enough.
    pub(crate) fn is_full(&self) -> bool {
        let begun = self.unfinished.is_some() || self.messages.is_empty();
        self.chunks.len() >= MAX_CHUNKS || (self.held >= self.max_held && !begun)
    }

    /// Begins a message whose first fragment is sent next.
    pub(crate) fn begin(&mut self, stream: u16, ssn: u16, message: QueuedMessage) {
        self.release_finished(RELEASED_PER_MESSAGE);
        let first = self.next_tsn();
        self.held += message.data.len() + MESSAGE_COST;
        self.messages.push_back(SentMessage {
            data: message.data,
            stream,
            ssn,
            ppid: message.ppid,
            ordered: message.ordered,
            counted: message.counted,
            policy: message.policy,
            first,
            last: first,
        });
        self.unfinished = Some(0);
    }

    /// The bytes of the begun message that were never sent.
    pub(crate) fn unsent_len(&self) -> Option<usize> {
        let offset = self.unfinished?;
        Some(self.messages.back()?.data.len() - offset)
    }

    /// When the begun message runs out of time; the end of time for never.
    pub(crate) fn unfinished_expires(&self) -> Instant {
        let message = self.messages.back().filter(|_| self.unfinished.is_some());
        message.map_or(Instant::FAR_FUTURE, |message| message.policy.expires)
    }

    /// When the message of the lowest lost TSN runs out of time; the end of time for never.
    pub(crate) fn lost_expires(&mut self) -> Instant {
        let first = self.first_lost();
        first
            .and_then(|(_, chunk)| self.message(chunk.message))
            .map_or(Instant::FAR_FUTURE, |message| message.policy.expires)
    }

    /// Gives the next `len` bytes of the begun message a TSN. Returns the chunk for the wire.
    pub(crate) fn send_fragment(&mut self, now: Instant, len: usize) -> Option<(DataHeader, &[u8])> {
        let offset = self.unfinished?;
        let tsn = self.next_tsn();
        let message = self.messages.back_mut()?;
        let end = (offset + len).min(message.data.len());
        let chunk = SentChunk {
            message: self.first_message + self.messages.len() as u64 - 1,
            offset: u32::try_from(offset).ok()?,
            len: u16::try_from(end - offset).ok()?,
            transmissions: 1,
            state: ChunkState::InFlight,
            missed: 0,
            sent_at: now,
        };
        let message = self.messages.back_mut()?;
        message.last = tsn;
        self.unfinished = (end < message.data.len()).then_some(end);
        self.in_flight += chunk.wire_len();
        self.payload_in_flight += usize::from(chunk.len);
        self.chunks.push_back(chunk);
        self.on_wire(tsn)
    }

    /// What it means for the buffered amount that `len` bytes of the message begun last leave.
    pub(crate) fn leaving(&self, len: usize) -> Option<Dequeued> {
        let message = self.messages.back()?;
        Some(Dequeued {
            stream: message.stream,
            len,
            counted: message.counted,
        })
    }

    fn message(&self, number: u64) -> Option<&SentMessage> {
        let index = usize::try_from(number.checked_sub(self.first_message)?).ok()?;
        self.messages.get(index)
    }

    fn on_wire(&self, tsn: u64) -> Option<(DataHeader, &[u8])> {
        let chunk = self.chunk(tsn)?;
        let message = self.message(chunk.message)?;
        let start = chunk.offset as usize;
        let end = start + usize::from(chunk.len);
        let header = DataHeader {
            unordered: !message.ordered,
            beginning: start == 0,
            ending: end == message.data.len(),
            tsn: tsn as u32,
            stream: message.stream,
            ssn: if message.ordered { message.ssn } else { 0 },
            ppid: message.ppid,
        };
        Some((header, message.data.get(start..end)?))
    }

    /// Gives back all messages with their streams, whole, as if none of them had been begun.
    pub(crate) fn take_messages(&mut self) -> impl DoubleEndedIterator<Item = (u16, QueuedMessage)> {
        let messages = core::mem::take(&mut self.messages);
        messages
            .into_iter()
            .filter(|message| !message.data.is_empty())
            .map(|message| {
                let queued = QueuedMessage {
                    data: message.data,
                    ppid: message.ppid,
                    ordered: message.ordered,
                    counted: message.counted,
                    policy: message.policy,
                };
                (message.stream, queued)
            })
    }

    // Sending again.

    /// The lowest TSN to send again, with its length on the wire. What should rather be given up
    /// by its message's policy is given up on the way, if `may_abandon`.
    pub(crate) fn next_lost(&mut self, now: Instant, may_abandon: bool) -> Option<(u64, usize)> {
        loop {
            let (tsn, chunk) = self.first_lost()?;
            if !may_abandon || !self.would_be_abandoned(&chunk, now) {
                return Some((tsn, chunk.wire_len()));
            }
            self.abandon(chunk.message);
        }
    }

    /// Whether a chunk, if it is lost, would be given up and not sent again.
    fn would_be_abandoned(&self, chunk: &SentChunk, now: Instant) -> bool {
        self.message(chunk.message).is_some_and(|message| {
            let policy = &message.policy;
            policy.expired(now) || policy.is_used_up(chunk.transmissions)
        })
    }

    /// Sends a lost chunk again. Returns it for the wire.
    pub(crate) fn resend(&mut self, now: Instant, tsn: u64) -> Option<(DataHeader, &[u8])> {
        let index = self.index(tsn)?;
        let chunk = self.chunks.get_mut(index)?;
        if chunk.state != ChunkState::Lost {
            return None;
        }
        chunk.state = ChunkState::InFlight;
        chunk.transmissions = chunk.transmissions.saturating_add(1);
        chunk.sent_at = now;
        self.in_flight += chunk.wire_len();
        self.payload_in_flight += usize::from(chunk.len);
        if self.lost.front() == Some(&tsn) {
            self.lost.pop_front();
        }
        self.on_wire(tsn)
    }

    /// Marks a chunk that is in flight as lost.
    pub(crate) fn mark_lost(&mut self, tsn: u64) {
        let Some(index) = self.index(tsn) else { return };
        let Some(chunk) = self.chunks.get_mut(index) else {
            return;
        };
        if !chunk.is_awaited() {
            return;
        }
        work::count(1);
        land(chunk, &mut self.in_flight, &mut self.payload_in_flight);
        chunk.state = ChunkState::Lost;
        self.queue_lost(tsn);
    }

    /// A chunk that is in flight has left the path, one way or the other.
    pub(crate) fn mark_unheard(&mut self, tsn: u64) {
        let Some(chunk) = self.index(tsn).and_then(|index| self.chunks.get_mut(index)) else {
            return;
        };
        if chunk.state == ChunkState::InFlight {
            chunk.state = ChunkState::Unheard;
            self.in_flight -= chunk.wire_len();
        }
    }

    fn queue_lost(&mut self, tsn: u64) {
        // Losses are found in ascending order, but for what is lost a second time.
        match self.lost.back().is_none_or(|last| *last < tsn) {
            true => self.lost.push_back(tsn),
            false => self.lost_is_stale = true,
        }
    }

    /// Makes `lost` anew from the chunks.
    fn recount_lost(&mut self) {
        self.lost_is_stale = false;
        work::count(self.chunks.len());
        self.lost.clear();
        let lost = (self.cumulative + 1..).zip(&self.chunks);
        let lost = lost.filter(|(_, chunk)| chunk.state == ChunkState::Lost);
        self.lost.extend(lost.map(|(tsn, _)| tsn));
    }

    /// Everything in flight counts as lost (RFC 9260 §6.3.3 E3).
    pub(crate) fn mark_all_lost(&mut self) {
        self.mark_lost_where(|_, _| true);
    }

    /// The same, but for what may not be sent again.
    pub(crate) fn mark_repairable_lost(&mut self) {
        self.mark_lost_where(|chunk, policy| !policy.is_used_up(chunk.transmissions));
    }

    fn mark_lost_where(&mut self, is_lost: impl Fn(&SentChunk, &Policy) -> bool) {
        for chunk in &mut self.chunks {
            if chunk.is_awaited() {
                let message = chunk.message.checked_sub(self.first_message);
                let message = message.and_then(|index| self.messages.get(usize::try_from(index).ok()?));
                if message.is_none_or(|message| is_lost(chunk, &message.policy)) {
                    land(chunk, &mut self.in_flight, &mut self.payload_in_flight);
                    chunk.state = ChunkState::Lost;
                }
            }
        }
        self.recount_lost();
    }

    /// Whether a chunk is in flight for the last time: if it is lost, its message is.
    pub(crate) fn is_last_copy(&self, tsn: u64) -> bool {
        let message = |chunk: &SentChunk| Some(self.message(chunk.message)?.policy.is_used_up(chunk.transmissions));
        self.chunk(tsn).and_then(message).unwrap_or(false)
    }

    /// The highest TSN in flight, for a tail loss probe; none if its message must not be sent again.
    /// Looks back over what is acknowledged.
    pub(crate) fn last_in_flight(&self, now: Instant) -> Option<u64> {
        let (from_end, chunk) = self
            .chunks
            .iter()
            .rev()
            .enumerate()
            .find(|(_, chunk)| chunk.is_awaited())?;
        let tsn = self.next_tsn() - 1 - from_end as u64;
        (!self.would_be_abandoned(chunk, now)).then_some(tsn)
    }

    /// Whether something has to be sent again.
    pub(crate) fn has_lost(&mut self) -> bool {
        self.first_lost().is_some()
    }

    fn first_lost(&mut self) -> Option<(u64, SentChunk)> {
        if self.lost_is_stale {
            self.recount_lost();
        }
        loop {
            let tsn = *self.lost.front()?;
            match self.chunk(tsn) {
                Some(chunk) if chunk.state == ChunkState::Lost => return Some((tsn, *chunk)),
                _ => self.lost.pop_front(),
            };
        }
    }

    // Acknowledgement.

    /// Takes a SACK, all of it or nothing.
    pub(crate) fn handle_sack(&mut self, sack: &Sack<'_>) -> Result<Acked, SackError> {
        let cumulative = extend(self.cumulative, sack.cumulative_tsn_ack);
        if cumulative < self.cumulative {
            return Err(SackError::Old);
        }
        let highest_sent = self.next_tsn() - 1;
        if cumulative > highest_sent {
            return Err(SackError::Impossible);
        }
        let mut previous_end = 0;
        for (start, end) in gap_blocks(sack) {
            work::count(1);
            // Blocks that touch or repeat are harmless, blocks that contradict are not.
            if start <= previous_end || end < start || cumulative + u64::from(end) > highest_sent {
                return Err(SackError::Impossible);
            }
            previous_end = end;
        }
        let mut acked = Acked {
            in_flight_before: self.in_flight,
            advanced: cumulative > self.cumulative,
            ..Acked::default()
        };
        if sack.gap_blocks().len() == 0 {
            self.forget_acked_to(cumulative);
            self.advance_to(cumulative, &mut acked);
            if !self.acked.is_empty() && self.renege_head(None) {
                self.recount_acked();
            }
            return Ok(acked);
        }
        let thrown_away = self.take_gap_blocks(cumulative, sack, &mut acked);
        self.advance_to(cumulative, &mut acked);
        let first_listed = sack.gap_blocks().next().map(|(start, _)| cumulative + u64::from(start));
        if self.renege_head(first_listed) || thrown_away {
            self.recount_acked();
        }
        Ok(acked)
    }

    /// A cumulative ack without gap blocks, as SHUTDOWN has it.
    pub(crate) fn handle_cumulative_tsn_ack(&mut self, wire: u32) -> Result<Acked, SackError> {
        let cumulative = extend(self.cumulative, wire);
        if cumulative < self.cumulative {
            return Err(SackError::Old);
        }
        if cumulative >= self.next_tsn() {
            return Err(SackError::Impossible);
        }
        let mut acked = Acked {
            in_flight_before: self.in_flight,
            advanced: cumulative > self.cumulative,
            ..Acked::default()
        };
        self.advance_to(cumulative, &mut acked);
        Ok(acked)
    }

    /// Adds the blocks to what is known to be there. What they leave out says little: the peer lists
    /// as many blocks as it likes or as fit, and SACKs overtake each other. So nothing is said of what
    /// lies above the last block, and of what lies below it a SACK with news from above is one miss
    /// indication (§6.2.1 D iii, §7.2.4). True if something counts as thrown away by that.
    fn take_gap_blocks(&mut self, cumulative: u64, sack: &Sack<'_>, acked: &mut Acked) -> bool {
        let mut listed = core::mem::take(&mut self.listed);
        listed.clear();
        listed
            .extend(gap_blocks(sack).map(|(start, end)| (cumulative + u64::from(start), cumulative + u64::from(end))));
        self.forget_acked_to(cumulative);
        let before = core::mem::take(&mut self.acked);
        subtract(&listed, &before, u64::MAX, |tsn| self.acknowledge(tsn, acked));
        let mut thrown_away = 0;
        if let (Some((_, last)), Some(news)) = (listed.last(), acked.highest) {
            subtract(&before, &listed, news.min(*last), |tsn| {
                thrown_away += usize::from(self.miss(tsn, thrown_away < MAX_RENEGED));
            });
        }
        unite(&before, &listed, &mut self.united);
        self.acked = core::mem::replace(&mut self.united, before);
        self.listed = listed;
        thrown_away > 0
    }

    /// What the cumulative ack covers is no longer a block.
    fn forget_acked_to(&mut self, cumulative: u64) {
        if self.acked.first().is_none_or(|(start, _)| *start > cumulative) {
            return;
        }
        let covered = self.acked.partition_point(|(_, end)| *end <= cumulative);
        work::count(covered);
        self.acked.drain(..covered);
        if let Some((start, _)) = self.acked.first_mut() {
            *start = (*start).max(cumulative + 1);
        }
    }

    /// A miss indication for a chunk that the peer had. True if it counts as thrown away now, if it `may`.
    fn miss(&mut self, tsn: u64, may: bool) -> bool {
        work::count(1);
        let Some(chunk) = self.index(tsn).and_then(|index| self.chunks.get_mut(index)) else {
            return false;
        };
        chunk.missed = chunk.missed.saturating_add(1);
        let thrown_away = may && chunk.missed >= MISS_INDICATIONS;
        if thrown_away {
            self.renege(tsn);
        }
        thrown_away
    }

    /// The cumulative ack has stopped before something that the peer had: it has thrown it away, and
    /// with it all that follows up to the first block that it lists. True if it has.
    fn renege_head(&mut self, first_listed: Option<u64>) -> bool {
        let mut tsn = self.cumulative + 1;
        let most = tsn + MAX_RENEGED as u64;
        while tsn < most
            && first_listed.is_none_or(|listed| tsn < listed)
            && self.chunk(tsn).is_some_and(|chunk| chunk.state == ChunkState::Acked)
        {
            self.renege(tsn);
            tsn += 1;
        }
        tsn > self.cumulative + 1
    }

    /// Makes `acked` anew from the chunks.
    fn recount_acked(&mut self) {
        work::count(self.chunks.len());
        self.acked.clear();
        for (tsn, chunk) in (self.cumulative + 1..).zip(&self.chunks) {
            match self.acked.last_mut() {
                _ if chunk.state != ChunkState::Acked => {}
                Some((_, end)) if *end + 1 == tsn => *end = tsn,
                _ => self.acked.push((tsn, tsn)),
            }
        }
    }

    fn acknowledge(&mut self, tsn: u64, acked: &mut Acked) {
        let Some(index) = self.index(tsn) else { return };
        self.acknowledge_at(index, tsn, acked);
    }

    fn acknowledge_at(&mut self, index: usize, tsn: u64, acked: &mut Acked) {
        work::count(1);
        let Some(chunk) = self.chunks.get_mut(index) else {
            return;
        };
        match chunk.state {
            ChunkState::InFlight | ChunkState::Unheard => land(chunk, &mut self.in_flight, &mut self.payload_in_flight),
            ChunkState::Lost => {}
            ChunkState::Acked | ChunkState::Abandoned => return,
        }
        chunk.state = ChunkState::Acked;
        acked.bytes += chunk.wire_len();
        if chunk.transmissions > 1 {
            acked.resent = true;
        } else {
            let lowest = acked.lowest_sent_once.map_or(tsn, |lowest| lowest.min(tsn));
            acked.lowest_sent_once = Some(lowest);
        }
        acked.highest = acked.highest.max(Some(tsn));
        if acked.newest.is_none_or(|newest| newest.sent_at <= chunk.sent_at) {
            acked.newest = Some(InFlight {
                sent_at: chunk.sent_at,
                transmissions: chunk.transmissions,
            });
        }
    }

    fn renege(&mut self, tsn: u64) {
        work::count(1);
        let Some(index) = self.index(tsn) else { return };
        if let Some(chunk) = self.chunks.get_mut(index)
            && chunk.state == ChunkState::Acked
        {
            chunk.state = ChunkState::Lost;
            chunk.missed = 0;
            self.queue_lost(tsn);
        }
    }

    fn advance_to(&mut self, cumulative: u64, acked: &mut Acked) {
        while self.cumulative < cumulative {
            self.acknowledge_at(0, self.cumulative + 1, acked);
            self.chunks.pop_front();
            self.cumulative += 1;
        }
        self.release_finished(RELEASED_AT_ONCE);
        // Stale entries must not pile up in front.
        while self.lost.front().is_some_and(|tsn| *tsn <= cumulative) {
            work::count(1);
            self.lost.pop_front();
        }
        self.advance_over_abandoned();
    }

    /// Lets go of messages that have arrived, or were given up, for good. They are not used any more, so that it does not
    /// matter when.
    fn release_finished(&mut self, most: usize) {
        let unfinished = usize::from(self.unfinished.is_some());
        for _ in 0..most.min(self.messages.len() - unfinished) {
            work::count(1);
            if self
                .messages
                .front()
                .is_none_or(|message| message.last > self.cumulative)
            {
                return;
            }
            if let Some(message) = self.messages.pop_front() {
                self.first_message += 1;
                self.held -= message.data.len() + MESSAGE_COST;
            }
        }
    }

    /// Lets go of more, if many have arrived at once; tells whether it did.
    pub(crate) fn release_more(&mut self) -> bool {
        let before = self.first_message;
        self.release_finished(RELEASED_AT_ONCE);
        self.first_message != before
    }
}

/// A chunk is awaited no more: takes it from the sums.
fn land(chunk: &SentChunk, in_flight: &mut usize, payload_in_flight: &mut usize) {
    if chunk.state == ChunkState::InFlight {
        *in_flight -= chunk.wire_len();
    }
    *payload_in_flight -= usize::from(chunk.len);
}

fn gap_blocks(sack: &Sack<'_>) -> impl Iterator<Item = (u16, u16)> {
    sack.gap_blocks().take(MAX_BLOCKS)
}

/// The round trip of what was acknowledged and sent last. None if anything that is acknowledged with
/// it was sent more than once: it may have waited for that (Karn's rule, §6.3.1 C5).
pub(crate) fn round_trip(acked: &Acked, now: Instant) -> Option<Duration> {
    let newest = acked.newest.filter(|_| !acked.resent)?;
    Some(now - newest.sent_at)
}
