//! What is known of an attribute by its name.

use super::direction::Direction;
use super::table::attribute_table;
use crate::scan;

/// Makes the enum of names from the table.
macro_rules! names {
    (
        indexed { $($(#[$idoc:meta])* $i:ident($itype:ty): $itext:literal, $iusage:ident $irepeat:ident, $iparse:expr;)* }
        flags { $($(#[$fdoc:meta])* $f:ident: $ftext:literal, $fusage:ident;)* }
        others { $($(#[$odoc:meta])* $o:ident($otype:ty): $otext:literal, $ousage:ident $orepeat:ident, $oparse:expr;)* }
    ) => {
        /// The name of an attribute that has a typed form.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub(crate) enum Name { $($i,)* $($f,)* SendRecv, SendOnly, RecvOnly, Inactive, $($o,)* }

        impl Name {
            pub(crate) const ALL: [Name; Name::COUNT] = [
                $(Name::$i,)* $(Name::$f,)*
                Name::SendRecv, Name::SendOnly, Name::RecvOnly, Name::Inactive,
                $(Name::$o,)*
            ];
            pub(crate) const COUNT: usize = Name::INDEXED + [$($otext,)*].len();
            /// How many names a section's index has; they come first.
            pub(crate) const INDEXED: usize = [$($itext,)* $($ftext,)*].len() + 4;

            /// The name as it is written.
            #[inline]
            pub(crate) const fn as_bytes(self) -> &'static [u8] {
                self.as_str().as_bytes()
            }

            /// The name as it is written.
            #[inline]
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Name::$i => $itext,)*
                    $(Name::$f => $ftext,)*
                    Name::SendRecv => Direction::SendRecv.as_str(),
                    Name::SendOnly => Direction::SendOnly.as_str(),
                    Name::RecvOnly => Direction::RecvOnly.as_str(),
                    Name::Inactive => Direction::Inactive.as_str(),
                    $(Name::$o => $otext,)*
                }
            }

            /// Where the attribute has a meaning.
            #[inline]
            pub(crate) fn usage(self) -> Usage {
                match self {
                    $(Name::$i => Usage::$iusage,)*
                    $(Name::$f => Usage::$fusage,)*
                    Name::SendRecv | Name::SendOnly | Name::RecvOnly | Name::Inactive => Usage::Both,
                    $(Name::$o => Usage::$ousage,)*
                }
            }

            /// Whether one section may hold several.
            #[inline]
            pub(crate) fn repeat(self) -> Repeat {
                match self {
                    $(Name::$i => Repeat::$irepeat,)*
                    $(Name::$f => Repeat::Once,)*
                    Name::SendRecv | Name::SendOnly | Name::RecvOnly | Name::Inactive => Repeat::Once,
                    $(Name::$o => Repeat::$orepeat,)*
                }
            }

            /// Whether the attribute has no value.
            #[inline]
            pub(crate) fn is_flag(self) -> bool {
                matches!(
                    self,
                    $(Name::$f)|* | Name::SendRecv | Name::SendOnly | Name::RecvOnly | Name::Inactive
                )
            }

        }
    };
}

attribute_table!(names);

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

/// One look-up in a table finds the only name that it can be.
static SLOTS: [NameSlot; SLOT_COUNT] = {
    let mut slots = [NameSlot {
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
        *slot = NameSlot {
            head,
            length: name.as_bytes().len() as u8,
            name: Some(*name),
        };
        rest = tail;
    }
    slots
};

#[derive(Clone, Copy)]
struct NameSlot {
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
