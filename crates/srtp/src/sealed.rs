//! What was sealed of a stream: no keystream is used for two packets.

use alloc::boxed::Box;
use alloc::vec;

use crate::index::HALF_ROUND;
use crate::window::{Known, Window};
use crate::{Config, ProtectError};

/// What is known of a stream: where it is for ever, and what was sealed of its newest indices as long as it has a memory.
#[derive(Debug)]
pub(crate) struct Sealed {
    /// One above the highest index that was sealed; 0 before the first.
    next: u64,
    memory: Option<Memory>,
}

/// Which of the newest indices of a stream were sealed, and with what result.
#[derive(Debug)]
pub(crate) struct Memory {
    window: Window,
    /// Of each of the newest indices the first bytes of the tag, in a ring. The tag is a function of the key, the index and
    /// the bytes: a packet that is sealed again has the same one exactly if it has the same bytes, or once in 2^32 times.
    /// What the ring holds of another index is as good as another tag.
    tags: Box<[u32]>,
}

/// What becomes of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    First,
    /// It was sealed, and this is what is known of its tag.
    Again(u32),
}

impl Sealed {
    /// A stream of which all indices below `next` count as sealed.
    pub(crate) const fn from_next(next: u64) -> Self {
        Self { next, memory: None }
    }

    pub(crate) const fn newest(&self) -> Option<u64> {
        self.next.checked_sub(1)
    }

    pub(crate) const fn has_memory(&self) -> bool {
        self.memory.is_some()
    }

    /// Gives the memory away. What was sealed counts as sealed; what was left out can't be sealed any more.
    pub(crate) const fn take_memory(&mut self) -> Option<Memory> {
        self.memory.take()
    }

    /// Takes a memory, whosever it was.
    pub(crate) fn remember(&mut self, mut memory: Memory) {
        memory.window.restart(self.next);
        memory.tags.fill(0);
        self.memory = Some(memory);
    }

    pub(crate) fn use_of(&self, index: u64) -> Result<Use, ProtectError> {
        let Some(newest) = self.newest() else {
            return is_first(index).map(|()| Use::First);
        };
        if index > newest {
            return match index - newest < HALF_ROUND {
                true => Ok(Use::First),
                false => Err(ProtectError::Jump { index, newest }),
            };
        }
        let too_old = ProtectError::TooOld { index, newest };
        let memory = self.memory.as_ref().ok_or(too_old)?;
        match memory.window.look_up(index) {
            Known::Newest | Known::Late => Ok(Use::First),
            Known::Before => Ok(Use::Again(
                memory.tags.get(memory.place(index)).copied().unwrap_or_default(),
            )),
            Known::Unknown => Err(too_old),
        }
    }

    pub(crate) fn insert(&mut self, index: u64, tag: u32) {
        self.next = self.next.max(index + 1);
        let Some(memory) = &mut self.memory else { return };
        memory.window.insert(index);
        let place = memory.place(index);
        if let Some(place) = memory.tags.get_mut(place) {
            *place = tag;
        }
    }
}

impl Memory {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            window: Window::new(config.rtp_window),
            tags: vec![0; config.repeatable].into_boxed_slice(),
        }
    }

    fn place(&self, index: u64) -> usize {
        index as usize & (self.tags.len() - 1)
    }
}

/// RFC 3711 §3.3.1: a stream begins in the lower half of the first round.
pub(crate) const fn is_first(index: u64) -> Result<(), ProtectError> {
    match index < HALF_ROUND {
        true => Ok(()),
        false => Err(ProtectError::FirstIndex(index)),
    }
}
