//! What is known of an attribute by its name.

use super::typed::Name;
use crate::scan;

impl Name {
    /// Names are compared as they are (RFC 8866 §9: tokens, and §5.13 does not fold case).
    #[inline]
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        Self::with_head(scan::word(name), name)
    }

    /// Splits an attribute whose name is a known one and stands there as it should: alone, or before
    /// a colon and a value.
    #[inline(always)]
    pub(crate) fn split(attribute: &[u8]) -> Option<(Self, Option<&[u8]>)> {
        // Most names end within the word that the attribute begins with, and are looked up as such.
        let head = scan::word(attribute);
        if let Some(length) = scan::find_in_word(head, b':') {
            let (name, value) = attribute.split_at_checked(length)?;
            let rest = u64::MAX.wrapping_shl(length.wrapping_mul(8) as u32);
            return Some((Self::with_head(head & !rest, name)?, value.get(1..)));
        }
        match scan::find(attribute, b':') {
            Some(colon) => {
                let (name, value) = attribute.split_at_checked(colon)?;
                Some((Self::with_head(head, name)?, value.get(1..)))
            }
            None => Some((Self::with_head(head, attribute)?, None)),
        }
    }

    /// The name whose first eight bytes are `head`. Most have no more, and need no other look.
    #[inline(always)]
    fn with_head(head: u64, name: &[u8]) -> Option<Self> {
        let slot = SLOTS.get(slot(head, name.len()))?;
        let known = slot.name?;
        let same = slot.head == head && usize::from(slot.length) == name.len();
        (same && (name.len() <= 8 || known.as_bytes() == name)).then_some(known)
    }

    /// The name, whatever the case of its letters.
    pub(crate) fn of_any_case(name: &[u8]) -> Option<Self> {
        let mut folded = [0; LONGEST];
        let folded = folded.get_mut(..name.len())?;
        folded.copy_from_slice(name);
        folded.make_ascii_lowercase();
        Self::of(folded)
    }

    /// The name that stands for all those of which one section may have only one together.
    pub(crate) fn exclusive(self) -> Name {
        match self {
            Name::SendOnly | Name::RecvOnly | Name::Inactive => Name::SendRecv,
            name => name,
        }
    }

    /// The bit that stands for [`exclusive`](Self::exclusive) in a set of names.
    #[inline]
    pub(crate) fn bit(self) -> u128 {
        const { assert!(Name::COUNT <= 128) };
        1_u128.wrapping_shl(self.exclusive() as u32)
    }
}

/// Where an attribute has a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usage {
    Session,
    Media,
    Both,
}

/// Whether one section may hold several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    Once,
    Several,
}

/// One look-up in a table finds the only name that it can be.
static SLOTS: [Slot; SLOT_COUNT] = {
    let mut slots = [Slot {
        head: 0,
        length: 0,
        name: None,
    }; SLOT_COUNT];
    let mut rest: &[Name] = &Name::ALL;
    while let [name, tail @ ..] = rest {
        let head = scan::word(name.as_bytes());
        let (_, from) = slots.split_at_mut(slot(head, name.as_bytes().len()));
        let [slot, ..] = from else { panic!() };
        assert!(
            slot.name.is_none(),
            "two names have the same slot: change the hash's factor"
        );
        *slot = Slot {
            head,
            length: name.as_bytes().len() as u8,
            name: Some(*name),
        };
        rest = tail;
    }
    slots
};

#[derive(Clone, Copy)]
struct Slot {
    /// The name's first eight bytes.
    head: u64,
    length: u8,
    name: Option<Name>,
}

/// Longer than every name that we know.
const LONGEST: usize = 32;

const SLOT_COUNT: usize = 256;

/// First eight bytes and length tell all known names apart.
#[inline]
const fn slot(head: u64, length: usize) -> usize {
    let [.., mix] = head.wrapping_add(length as u64).wrapping_mul(FACTOR).to_le_bytes();
    mix as usize
}

/// Found by trying.
const FACTOR: u64 = 0x63c3_26a4_dcf5_05eb;
