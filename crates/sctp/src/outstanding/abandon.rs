//! Partial reliability (RFC 3758 §3.5): what is given up, and how the peer is told to skip it.

use alloc::vec::Vec;

use bytes::Bytes;
use pollrtc_core::Instant;

use super::{Abandoned, ChunkState, Outstanding, SentChunk, land};
use crate::send_queue::Dequeued;
use crate::work;

impl Outstanding {
    /// Gives up the message that is being sent.
    pub(crate) fn abandon_unfinished(&mut self) {
        if self.unfinished.is_some() && !self.messages.is_empty() {
            self.abandon(self.first_message + self.messages.len() as u64 - 1);
        }
    }

    /// What was given up since this was asked last.
    pub(crate) fn take_abandoned(&mut self) -> Abandoned {
        core::mem::take(&mut self.abandoned)
    }

    pub(super) fn abandon(&mut self, number: u64) {
        let unsent = self.unsent_len();
        let Some(index) = number
            .checked_sub(self.first_message)
            .and_then(|index| usize::try_from(index).ok())
        else {
            return;
        };
        let is_last = index + 1 == self.messages.len();
        let next_tsn = self.next_tsn();
        let Some(message) = self.messages.get_mut(index) else {
            return;
        };
        self.abandoned.messages += 1;
        if is_last && self.unfinished.take().is_some() {
            self.abandoned.unsent = unsent.map(|len| Dequeued {
                stream: message.stream,
                len,
                counted: message.counted,
            });
            // §3.5 A3: a fragment that is never sent stands for the rest, so that the peer learns
            // that no end of the message will come.
            message.last = next_tsn;
            self.chunks.push_back(SentChunk {
                message: number,
                offset: 0,
                len: 0,
                transmissions: 0,
                state: ChunkState::Abandoned,
                missed: 0,
                sent_at: Instant::ZERO,
            });
        }
        self.held -= message.data.len();
        message.data = Bytes::new();
        let (first, last) = (message.first, message.last);
        for tsn in first.max(self.cumulative + 1)..=last {
            let Some(index) = self.index(tsn) else { continue };
            let Some(chunk) = self.chunks.get_mut(index) else {
                continue;
            };
            if chunk.is_awaited() {
                land(chunk, &mut self.in_flight, &mut self.payload_in_flight);
            }
            chunk.state = ChunkState::Abandoned;
        }
        self.advance_over_abandoned();
    }

    pub(super) fn advance_over_abandoned(&mut self) {
        self.advanced = self.advanced.max(self.cumulative);
        while self
            .chunk(self.advanced + 1)
            .is_some_and(|chunk| chunk.state == ChunkState::Abandoned)
        {
            work::count(1);
            self.advanced += 1;
        }
    }

    /// Up to where the peer may be told to skip, as it goes on the wire.
    pub(crate) fn advanced(&self) -> u32 {
        self.advanced as u32
    }

    /// Whether the peer has to be told to skip something.
    pub(crate) fn forward_tsn_needed(&self) -> bool {
        self.advanced > self.cumulative
    }

    /// What a FORWARD TSN says: up to where, and per ordered stream the highest sequence number
    /// skipped, at most `max_streams` of them (§3.5 C).
    pub(crate) fn forward_tsn(&self, max_streams: usize) -> (u32, Vec<(u16, u16)>) {
        let mut streams: Vec<(u16, u16)> = Vec::new();
        let mut up_to = self.cumulative;
        let skipped = usize::try_from(self.advanced - self.cumulative).unwrap_or(usize::MAX);
        for chunk in self.chunks.iter().take(skipped) {
            if let Some(message) = self.message(chunk.message).filter(|message| message.ordered) {
                // Messages stand in the order of their numbers, so the last one is the highest.
                match streams.binary_search_by_key(&message.stream, |(stream, _)| *stream) {
                    Ok(position) => {
                        if let Some((_, ssn)) = streams.get_mut(position) {
                            *ssn = message.ssn;
                        }
                    }
                    Err(_) if streams.len() >= max_streams => break,
                    Err(position) => streams.insert(position, (message.stream, message.ssn)),
                }
            }
            up_to += 1;
        }
        (up_to as u32, streams)
    }
}
