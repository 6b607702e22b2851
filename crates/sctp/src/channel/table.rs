//! Channels by name and by stream.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::types::{ChannelCloseReason, ChannelId, ChannelInfo, ChannelState, ChannelStats, Parity};

#[derive(Debug)]
pub(super) struct Channel {
    pub(super) info: ChannelInfo,
    pub(super) state: ChannelState,
    /// Not known before the DTLS role is.
    pub(super) stream: Option<u16>,
    /// The peer knows of the channel, so messages need not stay behind the OPEN (RFC 8832 §6).
    pub(super) known_to_peer: bool,
    /// An ACK for our OPEN may come.
    pub(super) awaits_ack: bool,
    /// Which directions are reset.
    pub(super) incoming_reset: bool,
    pub(super) outgoing_reset: bool,
    pub(super) close_reason: ChannelCloseReason,
    /// The beginning of a message in the deprecated way of parts.
    pub(super) parts: Vec<u8>,
    /// Whether messages are still taken. While we close they are, until the peer closes too.
    pub(super) receives: bool,
    pub(super) low_threshold: usize,
    /// The application has not been handed the last news yet that little is left to send.
    pub(super) low_pending: bool,
    /// The same for the news that a message fits which was refused.
    pub(super) writable_pending: bool,
    pub(super) stats: ChannelStats,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// `None`: the number can't be used any more.
    by_stream: BTreeMap<u16, Option<ChannelId>>,
    /// Numbers below these are in use, by parity.
    lowest_free: [u16; 2],
    label_bytes: usize,
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    channel: Option<Channel>,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Bytes of labels and protocols of the channels that the peer opened.
    pub(super) fn label_bytes(&self) -> usize {
        self.label_bytes
    }

    pub(super) fn insert(&mut self, channel: Channel) -> ChannelId {
        let slot = self.free.pop().unwrap_or_else(|| {
            if self.slots.is_empty() {
                // Mostly there is one channel.
                self.slots.reserve_exact(1);
            }
            self.slots.push(Slot::default());
            self.slots.len() as u32 - 1
        });
        let generation = self.slots[slot as usize].generation;
        let id = ChannelId { slot, generation };
        if let Some(stream) = channel.stream {
            self.by_stream.insert(stream, Some(id));
        }
        self.label_bytes += label_bytes(&channel);
        self.slots[slot as usize].channel = Some(channel);
        id
    }

    pub(super) fn get(&self, id: ChannelId) -> Option<&Channel> {
        let slot = self.slots.get(id.slot as usize)?;
        slot.channel.as_ref().filter(|_| slot.generation == id.generation)
    }

    pub(super) fn get_mut(&mut self, id: ChannelId) -> Option<&mut Channel> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        let current = slot.generation == id.generation;
        slot.channel.as_mut().filter(|_| current)
    }

    pub(super) fn on_stream(&self, stream: u16) -> Option<ChannelId> {
        self.by_stream.get(&stream).copied().flatten()
    }

    pub(super) fn is_taken(&self, stream: u16) -> bool {
        self.by_stream.contains_key(&stream)
    }

    /// Whose channels are all there are, by slot.
    pub(super) fn ids(&self) -> impl Iterator<Item = ChannelId> + '_ {
        (0..).zip(&self.slots).filter_map(|(slot, entry)| {
            entry.channel.as_ref().map(|_| ChannelId {
                slot,
                generation: entry.generation,
            })
        })
    }

    /// Gives a channel its stream.
    pub(super) fn assign(&mut self, id: ChannelId, stream: u16) {
        if let Some(channel) = self.get_mut(id) {
            channel.stream = Some(stream);
            self.by_stream.insert(stream, Some(id));
        }
    }

    /// The lowest stream of this parity that no channel has, below `limit`.
    pub(super) fn free_stream(&mut self, parity: Parity, limit: u16) -> Option<u16> {
        let index = usize::from(parity == Parity::Odd);
        let mut candidate = self.lowest_free[index].max(index as u16);
        while candidate < limit && self.is_taken(candidate) {
            candidate = candidate.saturating_add(2);
        }
        self.lowest_free[index] = candidate;
        (candidate < limit).then_some(candidate)
    }

    /// The stream of a channel that was removed may be used again after all.
    pub(super) fn make_reusable(&mut self, stream: u16) {
        if self.by_stream.get(&stream) == Some(&None) {
            self.by_stream.remove(&stream);
            let lowest = &mut self.lowest_free[usize::from(stream % 2)];
            *lowest = (*lowest).min(stream);
        }
    }

    /// There is another association, none of whose numbers is used. Only without any channel.
    pub(super) fn forget_streams(&mut self) {
        self.by_stream.clear();
        self.lowest_free = [0; 2];
    }

    /// Removes a channel. Its stream is free again, unless it is not `reusable`.
    pub(super) fn remove(&mut self, id: ChannelId, reusable: bool) -> Option<Channel> {
        self.get(id)?;
        let slot = self.slots.get_mut(id.slot as usize)?;
        let channel = slot.channel.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.slot);
        self.label_bytes -= label_bytes(&channel);
        if let Some(stream) = channel.stream {
            if reusable {
                self.by_stream.remove(&stream);
                let lowest = &mut self.lowest_free[usize::from(stream % 2)];
                *lowest = (*lowest).min(stream);
            } else {
                self.by_stream.insert(stream, None);
            }
        }
        Some(channel)
    }
}

fn label_bytes(channel: &Channel) -> usize {
    match channel.info.incoming {
        true => channel.info.label.len() + channel.info.protocol.len(),
        false => 0,
    }
}
