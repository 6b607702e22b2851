//! `a=depend` (RFC 5583).

use core::fmt;

use crate::error::Field;
use crate::grammar::{Fault, field, reject, whole};

/// `a=depend`: formats that can't be decoded without others (RFC 5583 §5.2.2).
///
/// ```
/// use pollrtc_sdp::attribute::Attribute;
///
/// let Ok(Attribute::Depend(depend)) = Attribute::parse("depend", Some(b"96 lay L1:98,99; 97 mdc")) else { panic!() };
/// assert_eq!(depend.entries().collect::<Vec<_>>(), [("96", "lay", Some("L1:98,99")), ("97", "mdc", None)]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Depend<'a>(&'a str);

impl<'a> Depend<'a> {
    /// For each format its kind of dependency and what it depends on: mids with formats.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, &'a str, Option<&'a str>)> + Clone + use<'a> {
        self.0.split(';').filter_map(|entry| {
            let (format, tag) = entry.trim_ascii().split_once(' ')?;
            match tag.split_once(' ') {
                Some((kind, on)) => Some((format, kind, Some(on))),
                None => Some((format, tag, None)),
            }
        })
    }

    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        let depend = Self(text);
        if !text.is_empty() && depend.entries().count() == text.split(';').count() {
            Ok(depend)
        } else {
            whole(text, field(Field::Dependency, reject))
        }
    }
}

impl fmt::Display for Depend<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
