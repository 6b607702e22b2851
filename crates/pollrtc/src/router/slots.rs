//! Where connections live, and what they are called.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// A connection inside a [`Router`](crate::Router). Never used twice.
///
/// ```
/// use pollrtc::{Config, PeerConnection, Router};
///
/// let mut router = Router::new();
/// let first = router.insert(PeerConnection::new(Config::default()));
/// router.remove(first);
/// let second = router.insert(PeerConnection::new(Config::default()));
/// assert_ne!(first, second); // and the first one's id finds nobody
/// assert!(router.peer(first).is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId {
    index: u32,
    generation: u32,
}

impl PeerId {
    /// The slot that it lives in: small numbers, used again.
    pub(super) fn index(self) -> u32 {
        self.index
    }
}

/// A generational arena: a slot keeps its number, and each that moves in has another generation, so that
/// the id of one that has left finds nobody.
#[derive(Debug)]
pub(super) struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    /// In a place of its own, so that the slots are few bytes, and nobody moves when they become more.
    occupant: Option<Box<T>>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slots<T> {
    pub(super) fn insert(&mut self, occupant: T) -> PeerId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                occupant: None,
            });
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 peers")
        });
        let slot = &mut self.slots[index as usize];
        slot.occupant = Some(Box::new(occupant));
        PeerId {
            index,
            generation: slot.generation,
        }
    }

    pub(super) fn remove(&mut self, id: PeerId) -> Option<T> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.generation != id.generation {
            return None;
        }
        let occupant = slot.occupant.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.index);
        Some(*occupant)
    }

    pub(super) fn get(&self, id: PeerId) -> Option<&T> {
        let slot = self.slots.get(id.index as usize)?;
        slot.occupant.as_deref().filter(|_| slot.generation == id.generation)
    }

    pub(super) fn get_mut(&mut self, id: PeerId) -> Option<&mut T> {
        let slot = self.slots.get_mut(id.index as usize)?;
        slot.occupant
            .as_deref_mut()
            .filter(|_| slot.generation == id.generation)
    }

    /// Who lives in a slot now, if anybody does.
    pub(super) fn at(&self, index: u32) -> Option<(PeerId, &T)> {
        let slot = self.slots.get(index as usize)?;
        let id = PeerId {
            index,
            generation: slot.generation,
        };
        Some((id, slot.occupant.as_deref()?))
    }

    pub(super) fn at_mut(&mut self, index: u32) -> Option<(PeerId, &mut T)> {
        let slot = self.slots.get_mut(index as usize)?;
        let id = PeerId {
            index,
            generation: slot.generation,
        };
        Some((id, slot.occupant.as_deref_mut()?))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PeerId, &T)> {
        self.slots.iter().zip(0..).filter_map(|(slot, index)| {
            let id = PeerId {
                index,
                generation: slot.generation,
            };
            Some((id, slot.occupant.as_deref()?))
        })
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
