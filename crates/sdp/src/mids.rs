//! Which mids there are, without an allocation: a small table for almost all descriptions, a sorted
//! list for those with many sections.

/// Slots of the table that every pass has, of which half may be taken.
pub(crate) const FEW: usize = 128;

/// A set of mids as offsets into the text, in `N` slots (a power of two) of which half may be taken.
/// For small `N` only: mids that were made to collide cost `N` steps each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mids<'a, const N: usize> {
    text: &'a [u8],
    slots: [MidSlot; N],
    inserted: usize,
}

/// Where a mid starts, and how long it is; empty if it has no length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MidSlot {
    offset: u32,
    length: u16,
    /// Part of the hash, so that almost no two different mids are compared byte by byte.
    tag: u8,
    bundled: bool,
}

impl MidSlot {
    const EMPTY: MidSlot = MidSlot {
        offset: 0,
        length: 0,
        tag: 0,
        bundled: false,
    };

    fn bundle(&mut self) -> Bundling {
        if core::mem::replace(&mut self.bundled, true) {
            Bundling::Again
        } else {
            Bundling::First
        }
    }

    fn text<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        let start = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(usize::from(self.length));
        text.get(start..end).unwrap_or_default()
    }
}

impl<'a, const N: usize> Mids<'a, N> {
    pub(crate) const CAPACITY: usize = N / 2;

    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            slots: [MidSlot::EMPTY; N],
            inserted: 0,
        }
    }

    /// How many were given to [`insert`](Self::insert).
    pub(crate) fn len(&self) -> usize {
        self.inserted
    }

    /// Whether this mid has been put into a bundle before.
    pub(crate) fn bundle(&mut self, mid: &[u8]) -> Bundling {
        self.find(mid).map_or(Bundling::Unknown, MidSlot::bundle)
    }

    pub(crate) fn contains(&mut self, mid: &[u8]) -> bool {
        self.find(mid).is_some()
    }

    /// Whether some were given for which there was no room.
    pub(crate) fn is_full(&self) -> bool {
        self.inserted > Self::CAPACITY
    }

    /// Takes up a mid that stands at `offset`; `false` if it is there already. Without room it does
    /// nothing.
    pub(crate) fn insert(&mut self, mid: &[u8], offset: usize) -> bool {
        self.inserted = self.inserted.saturating_add(1);
        if self.is_full() {
            return true;
        }
        let (Ok(offset), Ok(length)) = (u32::try_from(offset), u16::try_from(mid.len())) else {
            return true;
        };
        let tag = tag(hash(mid));
        match self.slot(mid) {
            Some(slot) if slot.length == 0 => {
                *slot = MidSlot {
                    offset,
                    length,
                    tag,
                    bundled: false,
                };
                true
            }
            Some(_) => false,
            None => true,
        }
    }

    fn find(&mut self, mid: &[u8]) -> Option<&mut MidSlot> {
        self.slot(mid).filter(|slot| slot.length != 0)
    }

    /// The slot that holds `mid`, or else the one where it would go.
    fn slot(&mut self, mid: &[u8]) -> Option<&mut MidSlot> {
        let hash = hash(mid);
        let start = usize::try_from(hash).unwrap_or(0) & N.wrapping_sub(1);
        let matches = |slot: &MidSlot| {
            slot.length == 0
                || (slot.tag == tag(hash) && usize::from(slot.length) == mid.len() && slot.text(self.text) == mid)
        };
        let (before, after) = self.slots.split_at_checked(start)?;
        let index = match after.iter().position(matches) {
            Some(index) => index.checked_add(start)?,
            None => before.iter().position(matches)?,
        };
        self.slots.get_mut(index)
    }
}

/// What [`Mids::bundle`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bundling {
    /// No media section has this mid.
    Unknown,
    /// The mid is in a bundle now.
    First,
    /// The mid was in a bundle before.
    Again,
}

/// Up to `N` mids in order, so that each look-up costs the logarithm of their number whatever the
/// mids are.
#[derive(Debug)]
pub(crate) struct SortedMids<'a, const N: usize> {
    text: &'a [u8],
    slots: [MidSlot; N],
    length: usize,
}

impl<'a, const N: usize> SortedMids<'a, N> {
    /// From the mids and their offsets in `text`; those beyond `N` are left out.
    pub(crate) fn new(text: &'a [u8], mids: impl Iterator<Item = (&'a [u8], usize)>) -> Self {
        let mut all = Self {
            text,
            slots: [MidSlot::EMPTY; N],
            length: 0,
        };
        for (slot, (mid, offset)) in all.slots.iter_mut().zip(mids) {
            slot.offset = u32::try_from(offset).unwrap_or(u32::MAX);
            slot.length = u16::try_from(mid.len()).unwrap_or(u16::MAX);
            all.length = all.length.saturating_add(1);
        }
        let taken = all.slots.get_mut(..all.length).unwrap_or_default();
        // Of equal mids that which stands first comes first.
        taken.sort_unstable_by(|a, b| a.text(text).cmp(b.text(text)).then(a.offset.cmp(&b.offset)));
        all
    }

    /// Whether some mid is there more than once.
    pub(crate) fn repeat(&self) -> bool {
        let taken = self.slots.get(..self.length).unwrap_or_default();
        taken
            .iter()
            .zip(taken.iter().skip(1))
            .any(|(mid, next)| mid.text(self.text) == next.text(self.text))
    }

    /// Where the first section with this mid has it.
    pub(crate) fn first_offset(&mut self, mid: &[u8]) -> Option<u32> {
        self.find(mid).map(|slot| slot.offset)
    }

    /// Whether this mid has been put into a bundle before.
    pub(crate) fn bundle(&mut self, mid: &[u8]) -> Bundling {
        self.find(mid).map_or(Bundling::Unknown, MidSlot::bundle)
    }

    fn find(&mut self, mid: &[u8]) -> Option<&mut MidSlot> {
        let text = self.text;
        let taken = self.slots.get_mut(..self.length)?;
        let at = taken.partition_point(|slot| slot.text(text) < mid);
        taken.get_mut(at).filter(|slot| slot.text(text) == mid)
    }
}

/// FNV-1a: short keys, no tables.
fn hash(mid: &[u8]) -> u32 {
    mid.iter().fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

fn tag(hash: u32) -> u8 {
    hash.to_be_bytes()[0]
}
