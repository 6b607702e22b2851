//! Messages of channels whose reader takes them apart from all other events.

use alloc::collections::{BTreeMap, VecDeque};

use super::message::Message;
use super::types::ChannelId;

/// The messages of detached channels, also of those that are closed already.
#[derive(Debug, Default)]
pub(super) struct Inboxes(BTreeMap<ChannelId, Inbox>);

/// A message, and how much of the receive window it fills.
pub(super) type Unread = (Message, Option<u32>);

#[derive(Debug)]
enum Inbox {
    /// Messages that wait.
    Kept(VecDeque<Unread>),
    /// Nobody wants any.
    Discarded,
}

impl Inboxes {
    pub(super) fn contains(&self, id: ChannelId) -> bool {
        self.0.contains_key(&id)
    }

    /// A channel is detached, on which these have come before.
    pub(super) fn detach(&mut self, id: ChannelId, waiting: VecDeque<Unread>) {
        self.0.insert(id, Inbox::Kept(waiting));
    }

    /// Nobody wants what comes on a channel.
    pub(super) fn discard(&mut self, id: ChannelId) {
        self.0.insert(id, Inbox::Discarded);
    }

    /// A message has come for a detached channel. It is given back if nobody wants it.
    pub(super) fn push(&mut self, id: ChannelId, message: Unread) -> Result<(), Unread> {
        match self.0.get_mut(&id) {
            Some(Inbox::Kept(messages)) => messages.push_back(message),
            Some(Inbox::Discarded) | None => return Err(message),
        }
        Ok(())
    }

    /// The next message of a channel. `is_closed`: no further one comes.
    pub(super) fn pop(&mut self, id: ChannelId, is_closed: bool) -> Option<Unread> {
        let Inbox::Kept(messages) = self.0.get_mut(&id)? else {
            return None;
        };
        let next = messages.pop_front();
        if messages.is_empty() && is_closed {
            self.0.remove(&id);
        }
        next
    }

    /// Bytes of messages that wait.
    pub(super) fn bytes(&self) -> usize {
        let kept = self.0.values().map(|inbox| match inbox {
            Inbox::Kept(messages) => messages.iter().map(|(message, _)| message.len()).sum(),
            Inbox::Discarded => 0,
        });
        kept.sum()
    }

    /// Those that wait have filled the window of an association that is gone.
    pub(super) fn forget_windows(&mut self) {
        for inbox in self.0.values_mut() {
            if let Inbox::Kept(messages) = inbox {
                messages.iter_mut().for_each(|(_, unread)| *unread = None);
            }
        }
    }

    /// A channel is closed: what has come on it may still be taken.
    pub(super) fn finish(&mut self, id: ChannelId) {
        let is_done = match self.0.get(&id) {
            Some(Inbox::Kept(messages)) => messages.is_empty(),
            Some(Inbox::Discarded) => true,
            None => false,
        };
        if is_done {
            self.0.remove(&id);
        }
    }
}
