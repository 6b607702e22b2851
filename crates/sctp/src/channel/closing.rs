//! Channels that we have closed and whose peer does not close its side.

use alloc::collections::{BTreeSet, VecDeque};
use core::time::Duration;

use pollrtc_core::Instant;

use super::types::ChannelId;

/// Channels of which our direction is reset and the peer's is not.
#[derive(Debug)]
pub(super) struct HalfClosed {
    /// [`ChannelConfig::close_timeout`](super::ChannelConfig::close_timeout).
    timeout: Duration,
    /// Until when each is waited for, and how many messages had come when that was set. In the order of their times.
    waiting: VecDeque<(Instant, ChannelId, u64)>,
    /// Streams that were given up, and that the peer may still reset.
    given_up: BTreeSet<u16>,
}

impl HalfClosed {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            waiting: VecDeque::new(),
            given_up: BTreeSet::new(),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiting.front().map(|(deadline, ..)| *deadline)
    }

    /// The first channel whose time has passed, with how many messages had come.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(ChannelId, u64)> {
        self.deadline().filter(|deadline| *deadline <= now)?;
        let (_, id, messages) = self.waiting.pop_front()?;
        Some((id, messages))
    }

    /// The peer has until so long from now, and so many messages have come.
    pub(super) fn wait_for(&mut self, id: ChannelId, now: Instant, messages: u64) {
        let deadline = now + self.timeout;
        if deadline != Instant::FAR_FUTURE {
            self.waiting.push_back((deadline, id, messages));
        }
    }

    /// Gives up a stream.
    pub(super) fn give_up(&mut self, stream: u16) {
        self.given_up.insert(stream);
    }

    /// The peer has reset a stream. True if it was given up, and can be used again now.
    pub(super) fn take_given_up(&mut self, stream: u16) -> bool {
        self.given_up.remove(&stream)
    }

    /// Streams that were given up.
    pub(super) fn given_up(&self) -> impl Iterator<Item = u16> {
        self.given_up.iter().copied()
    }

    /// Channels that are closed by now are no longer waited for.
    pub(super) fn forget_finished(&mut self, is_finished: impl Fn(ChannelId) -> bool) {
        while self.waiting.front().is_some_and(|(_, id, _)| is_finished(*id)) {
            self.waiting.pop_front();
        }
    }

    /// There is another association, of which nothing was given up: the streams that were.
    pub(super) fn clear(&mut self) -> BTreeSet<u16> {
        self.waiting.clear();
        core::mem::take(&mut self.given_up)
    }
}
