//! As much of ASN.1's distinguished encoding rules (X.690) as certificates and their keys need:
//! elements with one-byte tags and definite lengths.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use alloc::vec::Vec;

use crate::CryptoError;

/// The tags that occur in certificates.
pub(crate) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(crate) const UTF8_STRING: u8 = 0x0c;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
    /// `[0] EXPLICIT`, the version of a certificate.
    pub(crate) const CONTEXT_0: u8 = 0xa0;
}

/// Reads elements one after another.
#[derive(Clone)]
pub(crate) struct Reader<'a>(&'a [u8]);

/// An element of the encoding.
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// The element itself: tag, length and content.
    pub(crate) whole: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next element, of any tag.
    pub(crate) fn next(&mut self) -> Result<Element<'a>, CryptoError> {
        self.split_element().ok_or(CryptoError::InvalidKey)
    }

    /// The next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Element<'a>, CryptoError> {
        let element = self.next()?;
        if element.tag == tag {
            Ok(element)
        } else {
            Err(CryptoError::InvalidKey)
        }
    }

    /// The elements inside of the next one, which must have this tag.
    pub(crate) fn enter(&mut self, tag: u8) -> Result<Self, CryptoError> {
        self.expect(tag).map(|element| Self(element.content))
    }

    /// Whether the next element has this tag.
    pub(crate) fn is_next(&self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// Refuses what is left over.
    pub(crate) fn finish(&self) -> Result<(), CryptoError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(CryptoError::InvalidKey)
        }
    }

    fn split_element(&mut self) -> Option<Element<'a>> {
        let whole = self.0;
        let (&tag, rest) = whole.split_first()?;
        // X.690 §8.1.2.4: tag numbers above 30 go on in further bytes. None that we read does.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, rest) = split_length(rest)?;
        let (content, rest) = rest.split_at_checked(length)?;
        let (whole, _) = whole.split_at_checked(whole.len().checked_sub(rest.len())?)?;
        self.0 = rest;
        Some(Element { tag, content, whole })
    }
}

/// Splits off a length. X.690 §10.1 wants it definite and in as few bytes as will do.
fn split_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((usize::from(first), rest));
    }
    let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
    // More than 3 bytes would tell of more than 16 MiB; no byte, of an indefinite length.
    if digits.is_empty() || digits.len() > 3 || digits.first() == Some(&0) {
        return None;
    }
    let length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
    (length >= 0x80).then_some((length, rest))
}

/// An element with this content, given in parts. Content longer than 65535 bytes is cut off in
/// its length; nothing that we write comes near.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [.., high, low] = content.len().to_be_bytes();
    let mut bytes = Vec::with_capacity(content.len().saturating_add(4));
    bytes.push(tag);
    match (high, low) {
        (0, 0..=0x7f) => bytes.push(low),
        (0, _) => bytes.extend([0x81, low]),
        _ => bytes.extend([0x82, high, low]),
    }
    bytes.extend(content);
    bytes
}
