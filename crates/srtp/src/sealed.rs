//! What was sealed of a stream: no keystream is used for two packets.

use alloc::boxed::Box;
use alloc::vec;

use crate::ProtectError;
use crate::index::HALF_ROUND;
use crate::window::{Known, Window};

/// The indices of a stream that were sealed, and of the newest of them with what result.
#[derive(Debug)]
pub(crate) struct Sealed {
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
    pub(crate) fn new(window: Window, repeatable: usize) -> Self {
        Self {
            window,
            tags: vec![0; repeatable].into_boxed_slice(),
        }
    }

    pub(crate) const fn newest(&self) -> Option<u64> {
        self.window.newest()
    }

    pub(crate) fn use_of(&self, index: u64) -> Result<Use, ProtectError> {
        let Some(newest) = self.newest() else {
            return is_first(index).map(|()| Use::First);
        };
        match self.window.look_up(index) {
            Known::Newest if index - newest >= HALF_ROUND => Err(ProtectError::Jump { index, newest }),
            Known::Newest | Known::Late => Ok(Use::First),
            Known::Before => Ok(Use::Again(
                self.tags.get(self.place(index)).copied().unwrap_or_default(),
            )),
            Known::Unknown => Err(ProtectError::TooOld { index, newest }),
        }
    }

    pub(crate) fn insert(&mut self, index: u64, tag: u32) {
        self.window.insert(index);
        let place = self.place(index);
        if let Some(place) = self.tags.get_mut(place) {
            *place = tag;
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
