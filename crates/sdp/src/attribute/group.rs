//! Groups of media sections (RFC 5888, RFC 9143).

use core::fmt;

use nom::Parser;
use nom::combinator::recognize;
use nom::multi::many0_count;
use nom::sequence::preceded;

use crate::error::Field;
use crate::grammar::{Fault, field, space, token, whole, words};

/// `a=group`: media sections that belong together, by their mids (RFC 5888 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Group<'a> {
    /// `BUNDLE`, `LS` or another token.
    pub semantics: &'a str,
    mids: &'a str,
}

impl<'a> Group<'a> {
    /// The mids in order; none is legal (RFC 9143 §7.3.2).
    pub fn mids(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        words(self.mids)
    }

    /// Whether the sections of this group share one transport (RFC 9143).
    pub fn is_bundle(&self) -> bool {
        self.semantics == "BUNDLE"
    }

    /// Whether `mid` is in the group.
    pub fn contains(&self, mid: &str) -> bool {
        self.mids().any(|each| each == mid)
    }

    pub(super) fn parse_text(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| {
            let (input, semantics) = field(Field::GroupSemantics, token).parse(input)?;
            let mids = recognize(many0_count(preceded(space, token)));
            let (input, mids) = field(Field::Mid, mids).parse(input)?;
            Ok((
                input,
                Self {
                    semantics,
                    mids: mids.strip_prefix(' ').unwrap_or(mids),
                },
            ))
        })
    }
}

impl fmt::Display for Group<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.semantics)?;
        if self.mids.is_empty() {
            Ok(())
        } else {
            write!(f, " {}", self.mids)
        }
    }
}
