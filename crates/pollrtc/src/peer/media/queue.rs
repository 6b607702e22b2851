//! Packets that wait to be sent.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use pollrtc_rtp::{Rewrite, SharedPacket};

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
        }
    }

    pub(super) fn rewrite(&self) -> Rewrite<'_> {
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

    pub(super) fn pop(&mut self) -> Option<Queued> {
        self.resends.pop_front().or_else(|| self.packets.pop_front())
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
