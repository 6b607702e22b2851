//! Datagrams that are ready to go and are sent once: application data, alerts, cookies.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Alerts and cookies that wait at the same time. More come only from a flood, which needs no answer.
const MAX_REPLIES: usize = 4;

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    datagrams: VecDeque<Vec<u8>>,
    bytes: usize,
    replies: usize,
}

impl Outbox {
    /// Bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    /// Queues a datagram of the application, whose bound the caller has checked.
    pub(crate) fn push(&mut self, datagram: Vec<u8>) {
        self.bytes += datagram.len();
        self.datagrams.push_back(datagram);
    }

    /// Queues an answer to something that came; dropped if several wait already.
    pub(crate) fn reply(&mut self, datagram: Vec<u8>) {
        if self.replies < MAX_REPLIES {
            self.replies += 1;
            self.push(datagram);
        }
    }

    /// Writes the next datagram, if there is one and it fits.
    pub(crate) fn write(&mut self, buf: &mut [u8]) -> Option<usize> {
        let room = buf.get_mut(..self.datagrams.front()?.len())?;
        let datagram = self.datagrams.pop_front()?;
        room.copy_from_slice(&datagram);
        self.bytes -= datagram.len();
        if self.datagrams.is_empty() {
            self.replies = 0;
        }
        Some(datagram.len())
    }
}
