//! Packets of media on their way from the driver to the application.

use std::collections::VecDeque;

use pollrtc::rtp::Pool;
use pollrtc::{Incoming, RtpPacket, SharedPacket};

/// How many packets wait for an application that does not take them; those that come then are dropped.
const WAITING: usize = 1024;
/// How many packets one connection's application may hold, in histories above all: about 5 MB.
const HELD: usize = 4096;

/// A packet of media that came, see [`Peer::next_packet`](crate::Peer::next_packet).
#[derive(Clone, Debug)]
pub struct MediaPacket {
    /// The stream that it belongs to.
    pub stream: Incoming,
    /// The packet.
    pub packet: SharedPacket,
}

/// The packets of one connection that were not taken yet.
#[derive(Debug)]
pub(crate) struct Inbox {
    waiting: VecDeque<MediaPacket>,
    pool: Pool,
    dropped: u64,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            pool: Pool::new(HELD),
            dropped: 0,
        }
    }

    pub(crate) fn push(&mut self, stream: Incoming, packet: &RtpPacket<'_>) {
        let packet = match self.waiting.len() {
            0..WAITING => self.pool.share(packet),
            _ => None,
        };
        match packet {
            Some(packet) => self.waiting.push_back(MediaPacket { stream, packet }),
            None => self.dropped += 1,
        }
    }

    pub(crate) fn pop(&mut self) -> Option<MediaPacket> {
        self.waiting.pop_front()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }
}
