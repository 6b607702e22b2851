//! Which mids there are, without an allocation.

/// A set of mids as offsets into the text, in `N` slots (a power of two) of which half may be taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mids<'a, const N: usize> {
    text: &'a [u8],
    slots: [Slot; N],
    inserted: usize,
}

/// Where a mid starts, and how long it is; empty if it has no length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    offset: u32,
    length: u16,
    /// Part of the hash, so that almost no two different mids are compared byte by byte.
    tag: u8,
    bundled: bool,
}

impl Slot {
    const EMPTY: Slot = Slot {
        offset: 0,
        length: 0,
        tag: 0,
        bundled: false,
    };

    /// Whether a BUNDLE group has named this mid already.
    pub(crate) fn is_bundled(&self) -> bool {
        self.bundled
    }

    pub(crate) fn bundle(&mut self) {
        self.bundled = true;
    }
}

impl<'a, const N: usize> Mids<'a, N> {
    pub(crate) const CAPACITY: usize = N / 2;

    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            slots: [Slot::EMPTY; N],
            inserted: 0,
        }
    }

    /// How many were given to [`insert`](Self::insert).
    pub(crate) fn len(&self) -> usize {
        self.inserted
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
                *slot = Slot {
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

    pub(crate) fn find(&mut self, mid: &[u8]) -> Option<&mut Slot> {
        self.slot(mid).filter(|slot| slot.length != 0)
    }

    /// The slot that holds `mid`, or else the one where it would go.
    fn slot(&mut self, mid: &[u8]) -> Option<&mut Slot> {
        let hash = hash(mid);
        let start = usize::try_from(hash).unwrap_or(0) & N.wrapping_sub(1);
        let matches = |slot: &Slot| {
            let start = usize::try_from(slot.offset).unwrap_or(usize::MAX);
            slot.length == 0
                || (slot.tag == tag(hash)
                    && usize::from(slot.length) == mid.len()
                    && self.text.get(start..).is_some_and(|text| text.starts_with(mid)))
        };
        let (before, after) = self.slots.split_at_checked(start)?;
        let index = match after.iter().position(matches) {
            Some(index) => index.checked_add(start)?,
            None => before.iter().position(matches)?,
        };
        self.slots.get_mut(index)
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
