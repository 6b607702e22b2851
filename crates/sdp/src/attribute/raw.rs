//! An attribute as it came.

use core::fmt;

use super::Name;
use crate::grammar;

/// An attribute as it came: `a=<name>` or `a=<name>:<value>` (RFC 8866 §5.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RawAttribute<'a> {
    /// The name, a token.
    pub name: &'a str,
    /// What follows the first colon, if there is one. Any bytes but NUL, CR and LF.
    pub value: Option<&'a [u8]>,
}

impl<'a> RawAttribute<'a> {
    /// The value as text; `None` if there is no value or it is not UTF-8.
    pub fn text(&self) -> Option<&'a str> {
        self.value.and_then(|value| core::str::from_utf8(value).ok())
    }

    /// Splits the value of an `a=` line that the parser has let pass.
    #[inline]
    pub(crate) fn split(attribute: &'a [u8]) -> Option<Self> {
        if let Some((known, value)) = Name::split(attribute) {
            let name = known.as_str();
            return Some(Self { name, value });
        }
        let (name, value) = split(attribute);
        Some(Self {
            name: grammar::utf8(name).ok()?,
            value,
        })
    }
}

impl fmt::Display for RawAttribute<'_> {
    /// `name` or `name:value`; bytes that are not UTF-8 are shown as U+FFFD.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        let Some(value) = self.value else { return Ok(()) };
        f.write_str(":")?;
        grammar::write_lossy(f, value)
    }
}

/// The value behind this name, if that is how the attribute's name is written.
#[inline]
pub(crate) fn value_of(name: Name, attribute: &[u8], any_case: bool) -> Option<Option<&[u8]>> {
    match attribute.strip_prefix(name.as_bytes()) {
        Some([b':', value @ ..]) => Some(Some(value)),
        Some(rest) if rest.trim_ascii_end().is_empty() => Some(None),
        _ if any_case => {
            let (written, value) = split(attribute);
            written.eq_ignore_ascii_case(name.as_bytes()).then_some(value)
        }
        _ => None,
    }
}

/// Name and value; the name may be anything.
#[inline]
pub(crate) fn split(attribute: &[u8]) -> (&[u8], Option<&[u8]>) {
    match attribute.split_at_checked(grammar::token_length(attribute)) {
        // Names are tokens, with rare exceptions in what the lenient profile accepts.
        Some((name, [b':', value @ ..])) => (name, Some(value)),
        Some((name, [])) => (name, None),
        _ => split_at_colon(attribute),
    }
}

#[cold]
fn split_at_colon(attribute: &[u8]) -> (&[u8], Option<&[u8]>) {
    match attribute
        .iter()
        .position(|byte| *byte == b':')
        .and_then(|colon| attribute.split_at_checked(colon))
    {
        Some((name, value)) => (name, value.get(1..)),
        // Some stacks end lines with a space.
        None => (attribute.trim_ascii_end(), None),
    }
}
