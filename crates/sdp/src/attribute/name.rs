//! What is known of an attribute by its name.

use super::typed::Name;

impl Name {
    /// Names are compared as they are (RFC 8866 §9: tokens, and §5.13 does not fold case).
    #[inline]
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        let slot = SLOTS.get(hash(name)).copied().flatten()?;
        (slot.as_bytes() == name).then_some(slot)
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

/// What a malformed one means for the description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// It is refused (RFC 9429 §5.8).
    Vital,
    /// The attribute alone is ignored, because its RFC says so (RFC 8851 §6.2.2, RFC 8853 §5.1) or
    /// because what it is about can be done without it; only the strictest profile refuses it.
    Optional,
    /// No profile refuses it: nothing here depends on it.
    Idle,
}

/// One look-up in a table finds the only name that it can be.
static SLOTS: [Option<Name>; SLOT_COUNT] = {
    let mut slots = [None; SLOT_COUNT];
    let mut rest: &[Name] = &Name::ALL;
    while let [name, tail @ ..] = rest {
        let (_, from) = slots.split_at_mut(hash(name.as_bytes()));
        let [slot, ..] = from else { panic!() };
        assert!(
            slot.is_none(),
            "two names have the same slot: change the hash's factors"
        );
        *slot = Some(*name);
        rest = tail;
    }
    slots
};

/// Longer than every name that we know.
const LONGEST: usize = 32;

const SLOT_COUNT: usize = 256;

/// Length, first, middle and last byte tell all known names apart.
#[inline]
const fn hash(name: &[u8]) -> usize {
    let ([first, ..], [.., last]) = (name, name) else {
        return 0;
    };
    let (_, half) = name.split_at(name.len() / 2);
    let [middle, ..] = half else { return 0 };
    let mix = (*first as usize).wrapping_mul(A) ^ (*middle as usize).wrapping_mul(B) ^ (*last as usize).wrapping_mul(C);
    mix.wrapping_add(name.len().wrapping_mul(D)) & (SLOT_COUNT - 1)
}

/// Found by trying.
const A: usize = 45;
const B: usize = 26;
const C: usize = 45;
const D: usize = 25;
