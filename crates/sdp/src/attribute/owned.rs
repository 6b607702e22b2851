//! Attributes that own their text.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::{Attribute, RawAttribute};

/// An attribute that owns its text, for who keeps one longer than the description that it came in.
///
/// ```
/// use pollrtc_sdp::attribute::{Attribute, OwnedAttribute};
///
/// let kept = {
///     let text = String::from("send 1;2");
///     OwnedAttribute::from(Attribute::parse("simulcast", Some(text.as_bytes())).unwrap())
/// };
/// let Attribute::Simulcast(simulcast) = kept.as_attribute() else { panic!() };
/// assert_eq!(simulcast.send.unwrap().streams().count(), 2);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OwnedAttribute {
    name: String,
    value: Option<Vec<u8>>,
}

impl OwnedAttribute {
    /// The attribute with its meaning.
    pub fn as_attribute(&self) -> Attribute<'_> {
        let raw = self.as_raw();
        // It was an attribute when it was made, if not by the letter.
        Attribute::parse_lenient(raw.name, raw.value).unwrap_or(Attribute::Other(raw))
    }

    /// The attribute's name and text.
    pub fn as_raw(&self) -> RawAttribute<'_> {
        RawAttribute {
            name: &self.name,
            value: self.value.as_deref(),
        }
    }
}

impl From<RawAttribute<'_>> for OwnedAttribute {
    fn from(raw: RawAttribute<'_>) -> Self {
        Self {
            name: raw.name.to_string(),
            value: raw.value.map(<[u8]>::to_vec),
        }
    }
}

impl From<Attribute<'_>> for OwnedAttribute {
    fn from(attribute: Attribute<'_>) -> Self {
        if let Attribute::Other(raw) = attribute {
            return raw.into();
        }
        let text = attribute.to_string();
        match text.split_once(':') {
            Some((name, value)) => Self {
                name: name.to_string(),
                value: Some(value.as_bytes().to_vec()),
            },
            None => Self {
                name: text,
                value: None,
            },
        }
    }
}

impl fmt::Debug for OwnedAttribute {
    /// The attribute with its meaning, so that keys are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedAttribute").field(&self.as_attribute()).finish()
    }
}

impl fmt::Display for OwnedAttribute {
    /// `name` or `name:value`; bytes that are not UTF-8 are shown as U+FFFD.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_raw().fmt(f)
    }
}
