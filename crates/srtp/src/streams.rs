//! The streams of a context, by their SSRCs.

use alloc::vec;
use alloc::vec::Vec;

/// What is known of each stream, in constant time. The number of streams is bounded; memory grows with those that are
/// there.
///
/// A peer chooses its SSRCs, so where they lie must not be foreseen: the table multiplies them with a secret number,
/// and keeps those that meet in chains (universal hashing).
#[derive(Debug)]
pub(crate) struct Streams<T> {
    slots: Vec<Slot<T>>,
    /// The first slot of each chain; as many as a power of two, at least as many as slots.
    heads: Vec<u32>,
    /// Odd.
    multiplier: u64,
    limit: usize,
    /// Counts the times that a stream was active.
    clock: u64,
}

#[derive(Debug)]
struct Slot<T> {
    ssrc: u32,
    next: u32,
    /// When it was active last.
    active: u64,
    value: T,
}

/// The end of a chain.
const NONE: u32 = u32::MAX;

impl<T> Streams<T> {
    /// Room for `limit` streams. Whoever does not know `secret` can't make them meet in one chain.
    pub(crate) fn new(limit: usize, secret: u64) -> Self {
        Self {
            slots: Vec::new(),
            heads: vec![NONE; 4],
            multiplier: secret | 1,
            limit,
            clock: 0,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.slots.len() >= self.limit
    }

    /// Where a stream lies, until one is added.
    #[inline]
    pub(crate) fn place(&self, ssrc: u32) -> Option<usize> {
        let mut place = *self.heads.get(self.chain(ssrc))?;
        loop {
            let slot = self.slots.get(place as usize)?; // `NONE` is in no table
            if slot.ssrc == ssrc {
                return Some(place as usize);
            }
            place = slot.next;
        }
    }

    #[inline]
    pub(crate) fn at(&self, place: usize) -> Option<&T> {
        Some(&self.slots.get(place)?.value)
    }

    /// The stream in this place, which is active now.
    #[inline]
    pub(crate) fn touch(&mut self, place: usize) -> Option<&mut T> {
        self.clock += 1;
        let slot = self.slots.get_mut(place)?;
        slot.active = self.clock;
        Some(&mut slot.value)
    }

    /// The stream that was silent for longest, of those that are meant.
    pub(crate) fn oldest(&mut self, is_meant: impl Fn(&T) -> bool) -> Option<&mut T> {
        let meant = self.slots.iter_mut().filter(|slot| is_meant(&slot.value));
        Some(&mut meant.min_by_key(|slot| slot.active)?.value)
    }

    /// Adds a stream that is not there, which is active now. If all places are taken, the stream that was silent for
    /// longest gives way: true if there was one.
    pub(crate) fn insert(&mut self, ssrc: u32, value: T) -> bool {
        self.clock += 1;
        let slot = Slot {
            ssrc,
            next: NONE,
            active: self.clock,
            value,
        };
        if self.is_full() {
            self.replace(slot);
            return true;
        }
        let place = self.slots.len();
        self.slots.push(slot);
        match self.slots.len() > self.heads.len() {
            true => self.grow(),
            false => self.link(place),
        }
        false
    }

    fn replace(&mut self, slot: Slot<T>) {
        let oldest = self.slots.iter().enumerate().min_by_key(|(_, slot)| slot.active);
        let Some(place) = oldest.map(|(place, _)| place) else {
            return;
        };
        self.unlink(place);
        if let Some(old) = self.slots.get_mut(place) {
            *old = slot;
        }
        self.link(place);
    }

    fn grow(&mut self) {
        let len = self.heads.len() * 2;
        self.heads.clear();
        self.heads.resize(len, NONE);
        for place in 0..self.slots.len() {
            self.link(place);
        }
    }

    #[inline]
    fn chain(&self, ssrc: u32) -> usize {
        // The high bits of the product, which all bits of both have had a part in.
        let product = self.multiplier.wrapping_mul(u64::from(ssrc));
        (product >> 32) as usize & (self.heads.len() - 1)
    }

    fn link(&mut self, place: usize) {
        let Some(ssrc) = self.slots.get(place).map(|slot| slot.ssrc) else {
            return;
        };
        let chain = self.chain(ssrc);
        if let (Some(head), Some(slot)) = (self.heads.get_mut(chain), self.slots.get_mut(place)) {
            slot.next = core::mem::replace(head, place as u32);
        }
    }

    fn unlink(&mut self, place: usize) {
        let Some((ssrc, next)) = self.slots.get(place).map(|slot| (slot.ssrc, slot.next)) else {
            return;
        };
        let chain = self.chain(ssrc);
        let Some(head) = self.heads.get_mut(chain) else { return };
        if *head == place as u32 {
            *head = next;
            return;
        }
        let mut before = *head;
        while let Some(slot) = self.slots.get_mut(before as usize) {
            if slot.next == place as u32 {
                slot.next = next;
                return;
            }
            before = slot.next;
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use quickcheck::quickcheck;

    use super::*;

    quickcheck! {
        /// For every sequence of visits: the table has the streams that were active last, and no other.
        fn a_table_keeps_those_that_were_active_last(secret: u64, limit: u8, visits: Vec<u16>) -> bool {
            let limit = 1 + usize::from(limit % 40);
            let mut streams = Streams::new(limit, secret);
            let mut active = BTreeMap::new();
            for (time, ssrc) in visits.into_iter().enumerate() {
                let ssrc = u32::from(ssrc % 64) * 0x0101_0101;
                match streams.place(ssrc).and_then(|place| streams.touch(place)) {
                    Some(value) => assert_eq!(*value, ssrc),
                    None => {
                        let oldest = active.iter().min_by_key(|(_, time)| **time).map(|(ssrc, _)| *ssrc);
                        let gives_way = oldest.filter(|_| active.len() == limit);
                        assert_eq!(streams.insert(ssrc, ssrc), gives_way.is_some());
                        gives_way.map(|ssrc| active.remove(&ssrc));
                    }
                }
                active.insert(ssrc, time);
                assert_eq!(streams.len(), active.len());
            }
            (0..64u32).map(|ssrc| ssrc * 0x0101_0101).all(|ssrc| {
                streams.place(ssrc).and_then(|place| streams.at(place)).copied() == active.contains_key(&ssrc).then_some(ssrc)
            })
        }
    }

    /// Looking one up takes as long as its chain is, whatever SSRCs a peer picks that does not know the secret.
    #[test]
    fn ssrcs_that_somebody_picks_do_not_meet() {
        let patterns: [fn(u32) -> u32; 5] = [
            |number| number,
            |number| number << 20,
            |number| number.reverse_bits(),
            |number| number.wrapping_mul(0x9e37_79b9),
            |number| number << 8 | 0xff,
        ];
        for pattern in patterns {
            let (mut steps, mut lookups) = (0, 0);
            for secret in 1..=40u64 {
                let mut streams = Streams::new(1024, secret.wrapping_mul(0xd134_2543_de82_ef95));
                for number in 0..1024 {
                    streams.insert(pattern(number), ());
                }
                for head in streams.heads.clone() {
                    let mut place = head;
                    let mut length = 0;
                    while let Some(slot) = streams.slots.get(place as usize) {
                        length += 1;
                        steps += length;
                        place = slot.next;
                    }
                    lookups += length;
                }
            }
            assert!(steps < 3 * lookups, "{steps} steps for {lookups} lookups");
        }
    }
}
