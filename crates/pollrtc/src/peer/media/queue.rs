//! Packets that wait to be sent.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use pollrtc_rtp::{Rewrite, SharedPacket};

use super::frames;
use crate::stream::Outgoing;

/// In the order in which they leave. What was lost leaves before what is new.
#[derive(Debug)]
pub(super) struct Queue {
    resends: VecDeque<Queued>,
    packets: VecDeque<Queued>,
    /// How many may wait in each.
    limit: usize,
}

/// A packet, and how it leaves.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) to: Outgoing,
    pub(super) packet: SharedPacket,
    rewrite: Rewrite<'static>,
    descriptor: Option<Vec<u8>>,
    pub(super) is_resend: bool,
    /// Whether it is a packet of a frame, which leaves as it is.
    pub(super) is_of_frame: bool,
}

impl Queued {
    pub(super) fn new(to: Outgoing, packet: &SharedPacket, rewrite: &Rewrite<'_>, is_resend: bool) -> Self {
        Self {
            to,
            packet: packet.clone(),
            rewrite: Rewrite {
                descriptor: None,
                ..*rewrite
            },
            descriptor: rewrite.descriptor.map(<[u8]>::to_vec),
            is_resend,
            is_of_frame: false,
        }
    }

    /// A packet of a frame, which says itself how it leaves.
    pub(super) fn of_frame(to: Outgoing, packet: SharedPacket) -> Self {
        let rewrite = Rewrite {
            descriptor: None,
            ..frames::rewrite(&packet)
        };
        Self {
            to,
            rewrite,
            packet,
            descriptor: None,
            is_resend: false,
            is_of_frame: true,
        }
    }

    /// The same, once more.
    pub(super) fn again(self) -> Self {
        Self {
            is_resend: true,
            ..self
        }
    }

    pub(super) fn rewrite(&self) -> Rewrite<'_> {
        if self.is_of_frame {
            return frames::rewrite(&self.packet);
        }
        Rewrite {
            descriptor: self.descriptor.as_deref(),
            ..self.rewrite
        }
    }
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            resends: VecDeque::new(),
            packets: VecDeque::new(),
            limit,
        }
    }

    /// False if there is no room.
    pub(super) fn push(&mut self, queued: Queued) -> bool {
        let queue = match queued.is_resend {
            true => &mut self.resends,
            false => &mut self.packets,
        };
        let has_room = queue.len() < self.limit;
        if has_room {
            queue.push_back(queued);
        }
        has_room
    }

    /// How many more new packets may wait.
    pub(super) fn room(&self) -> usize {
        self.limit.saturating_sub(self.packets.len())
    }

    /// How many packets may wait where none does.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn pop(&mut self) -> Option<Queued> {
        self.resends.pop_front().or_else(|| self.packets.pop_front())
    }

    /// One that was popped last could not leave yet: it is the next again.
    pub(super) fn put_back(&mut self, queued: Queued) {
        match queued.is_resend {
            true => self.resends.push_front(queued),
            false => self.packets.push_front(queued),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.resends.is_empty() && self.packets.is_empty()
    }

    /// How many wait for this stream.
    pub(super) fn len_of(&self, to: Outgoing) -> usize {
        let all = self.resends.iter().chain(&self.packets);
        all.filter(|queued| queued.to == to).count()
    }
}
