//! Channels with readers of their own.

use alloc::collections::VecDeque;

use super::{ChannelEvent, ChannelId, DataChannels, Message};

impl DataChannels {
    /// From now on the messages of a channel are no events, but are taken with [`take_message`](Self::take_message), whatever
    /// else there is to take. Until they are, they count against the receive window as before.
    pub fn detach(&mut self, channel: ChannelId) {
        if self.table.get(channel).is_none() || self.inboxes.contains(channel) {
            return;
        }
        let is_its =
            |event: &ChannelEvent| matches!(event, ChannelEvent::Message { channel: of, .. } if *of == channel);
        let mut inbox = VecDeque::new();
        if self.events.iter().any(|queued| is_its(&queued.event)) {
            for queued in core::mem::take(&mut self.events) {
                match queued.event {
                    ChannelEvent::Message { channel: of, data } if of == channel => {
                        inbox.push_back((data, queued.unread));
                    }
                    _ => self.events.push_back(queued),
                }
            }
        }
        self.inboxes.detach(channel, inbox);
    }

    /// The next message of a [detached](Self::detach) channel, also when it is closed by now.
    pub fn take_message(&mut self, channel: ChannelId) -> Option<Message> {
        let is_closed = self.table.get(channel).is_none();
        let (message, unread) = self.inboxes.pop(channel, is_closed)?;
        self.release_unread(unread);
        Some(message)
    }

    /// Nobody takes the messages of a channel any more: those that have come and those that come are dropped.
    pub fn discard_messages(&mut self, channel: ChannelId) {
        self.detach(channel);
        while self.take_message(channel).is_some() {}
        if self.table.get(channel).is_some() {
            self.inboxes.discard(channel);
        }
    }

    /// A message has come for a detached channel.
    pub(super) fn keep(&mut self, channel: ChannelId, message: Message, unread: Option<u32>) {
        if let Err((_, unread)) = self.inboxes.push(channel, (message, unread)) {
            self.release_unread(unread);
        }
    }

    /// The application has taken a message that filled so much of the receive window.
    pub(super) fn release_unread(&mut self, unread: Option<u32>) {
        if let Some(unread) = unread {
            self.association.release(unread as usize);
        }
    }
}
