//! Packets that need no association: answers to who has none (yet, or any more).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::cookie::Cookie;

/// A packet of its own, with a tag of its own.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    InitAck {
        cookie: Cookie,
        /// Parameters that we did not know, each padded.
        unrecognized: Vec<u8>,
    },
    Abort {
        tag: u32,
        /// The cause; 0 for none.
        code: u16,
        information: Vec<u8>,
    },
    ShutdownComplete {
        tag: u32,
        /// The tag is the one that the peer used, since we know no other (T bit).
        reflected: bool,
    },
    StaleCookie {
        tag: u32,
        microseconds: u32,
    },
}

/// How many replies may wait; a flood of INITs gains nothing by more.
const MAX_REPLIES: usize = 4;

/// The replies that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Replies(VecDeque<Reply>);

impl Replies {
    /// Queues a reply, unless too many wait.
    pub(super) fn push(&mut self, reply: Reply) {
        if self.0.len() < MAX_REPLIES {
            self.0.push_back(reply);
        }
    }

    /// Queues the last reply of an association, which pushes out answers to strangers.
    pub(super) fn push_last(&mut self, reply: Reply) {
        self.0.clear();
        self.0.push_back(reply);
    }

    pub(super) fn front(&self) -> Option<&Reply> {
        self.0.front()
    }

    pub(super) fn pop(&mut self) {
        self.0.pop_front();
        if self.0.is_empty() {
            self.0 = VecDeque::new();
        }
    }
}
