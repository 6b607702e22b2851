//! Messages that come, whole or in parts.

use alloc::vec::Vec;

use bytes::Bytes;

use super::message::Payload;
use super::{ChannelCloseReason, ChannelEvent, ChannelId, DataChannels, Message, MessageKind, Queued};
use crate::wire::dcep;

impl DataChannels {
    pub(super) fn handle_message(&mut self, stream: u16, ppid: u32, data: Bytes) {
        if ppid == dcep::PPID {
            self.association.release(data.len());
            self.handle_establishment(stream, &data);
            return;
        }
        let Some(id) = self.table.on_stream(stream) else {
            self.stats.dropped_no_channel += 1;
            self.association.release(data.len());
            return;
        };
        let (Some(payload), Some(channel)) = (Payload::from_ppid(ppid), self.table.get_mut(id)) else {
            self.stats.dropped_kind += 1;
            self.association.release(data.len());
            return;
        };
        if !channel.receives {
            self.stats.dropped_closed += 1;
            self.association.release(data.len());
            return;
        }
        // RFC 8832 §6: any message shows that the peer knows the channel.
        channel.known_to_peer = true;
        let len = data.len();
        match payload {
            Payload::Empty(kind) => self.deliver(id, Message::new(kind, Bytes::new()), len),
            Payload::Whole(kind) if channel.parts.is_empty() => self.deliver(id, Message::new(kind, data), len),
            Payload::Whole(kind) => self.handle_part(id, &data, Some(kind)),
            Payload::Part => self.handle_part(id, &data, None),
        }
    }

    /// A piece of a message in the deprecated way of parts; the last one tells the kind. The bytes
    /// count against the receive window until the application takes the whole.
    fn handle_part(&mut self, id: ChannelId, data: &[u8], last: Option<MessageKind>) {
        let config = self.association.config();
        let (max, window) = (config.max_message_size, config.receive_window as usize);
        let Some(channel) = self.table.get_mut(id) else {
            return;
        };
        let len = channel.parts.len() + data.len();
        // A window full of beginnings would never be emptied.
        let crowded = last.is_none() && self.part_bytes + data.len() >= window;
        if len > max || crowded {
            self.association.release(data.len());
            self.handle_too_large(id);
            return;
        }
        channel.parts.extend_from_slice(data);
        match last {
            None => {
                self.part_bytes += data.len();
                self.association.release(0);
            }
            Some(kind) => {
                self.part_bytes -= len - data.len();
                let mut whole = core::mem::take(&mut channel.parts);
                whole.shrink_to_fit();
                self.deliver(id, Message::new(kind, whole.into()), len);
            }
        }
    }

    /// Queues a message that fills so much of the receive window.
    fn deliver(&mut self, id: ChannelId, data: Message, unread: usize) {
        if let Some(channel) = self.table.get_mut(id) {
            channel.stats.messages_received += 1;
            channel.stats.bytes_received += data.len() as u64;
        }
        let unread = Some(u32::try_from(unread).unwrap_or(u32::MAX));
        if self.inboxes.contains(id) {
            return self.keep(id, data, unread);
        }
        self.events.push_back(Queued {
            event: ChannelEvent::Message { channel: id, data },
            unread,
        });
    }

    /// A message is gone, so what follows it has lost its place: nothing more is delivered.
    pub(super) fn handle_too_large(&mut self, id: ChannelId) {
        self.stop_receiving(id);
        self.begin_closing(id, ChannelCloseReason::MessageTooLarge);
    }

    /// Whatever still comes is dropped, and so is a message of which only parts have come.
    pub(super) fn stop_receiving(&mut self, id: ChannelId) {
        if let Some(channel) = self.table.get_mut(id) {
            channel.receives = false;
        }
        self.drop_parts(id);
    }

    /// A message of which only parts have come is dropped.
    pub(super) fn drop_parts(&mut self, id: ChannelId) {
        if let Some(channel) = self.table.get_mut(id) {
            let parts: Vec<u8> = core::mem::take(&mut channel.parts);
            self.part_bytes -= parts.len();
            self.association.release_bytes(parts.len());
        }
    }
}
