//! The view over a message: checked once, then read freely (RFC 8489 §5, §14).
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use core::net::SocketAddr;
use core::str::from_utf8;

use thiserror::Error;

use crate::address;
use crate::attribute::{Attribute, AttributeType, decode_error_code, decode_u32, decode_u64};
use crate::header::{Class, HEADER_LEN, MAGIC_COOKIE, Method, TransactionId, class_of, method_of};
use crate::integrity::{IntegrityKey, IntegrityKeySha256};

/// A STUN message: a view over the bytes of a datagram.
///
/// [`parse`](Self::parse) checks the structure in one pass and notes where the attributes are that
/// ICE reads on every check; no accessor can fail, panic or allocate.
///
/// Only attributes that count are seen: nothing that follows MESSAGE-INTEGRITY but
/// MESSAGE-INTEGRITY-SHA256 and FINGERPRINT, nothing that follows FINGERPRINT, since anybody on the
/// way could have added it (RFC 8489 §9, §14.7). Of several attributes of one type the first is
/// taken. A value that is not what its definition says is as good as absent for the accessors;
/// [`attributes`](Self::attributes) shows it as [`Attribute::Malformed`].
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    message_type: u16,
    id: TransactionId,
    username: Option<&'a [u8]>,
    xor_mapped_address: Option<&'a [u8]>,
    error_code: Option<&'a [u8]>,
    ice_controlled: Option<u64>,
    ice_controlling: Option<u64>,
    priority: Option<u32>,
    nomination: Option<u32>,
    use_candidate: bool,
    has_unknown: bool,
    integrity: Option<Computed<'a>>,
    integrity_sha256: Option<Computed<'a>>,
    fingerprint: Option<Computed<'a>>,
}

/// Why bytes are not a STUN message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    /// Shorter than a header.
    #[error("{len} bytes are too few for a header of 20")]
    TooShort {
        /// Bytes that there are.
        len: usize,
    },
    /// The first two bits or the magic cookie say that it is something else.
    #[error("not STUN: the first bits or the magic cookie differ")]
    NotStun,
    /// The length in the header is not a multiple of 4, or not what follows the header.
    #[error("the header announces {announced} bytes of attributes, {present} are there")]
    Length {
        /// What the header says.
        announced: usize,
        /// What is there.
        present: usize,
    },
    /// The attribute at this offset goes, with its padding, past the end.
    #[error("the attribute at byte {offset} goes past the end of the message")]
    Attribute {
        /// Where its type lies.
        offset: usize,
    },
}

impl<'a> Message<'a> {
    /// Checks that the whole of `bytes` is one STUN message.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let Some((header, body)) = bytes.split_first_chunk::<HEADER_LEN>() else {
            return Err(ParseError::TooShort { len: bytes.len() });
        };
        let &[t0, t1, l0, l1, c0, c1, c2, c3, ref id @ ..] = header;
        if t0 > 0x3f || u32::from_be_bytes([c0, c1, c2, c3]) != MAGIC_COOKIE {
            return Err(ParseError::NotStun);
        }
        let (announced, present) = (usize::from(u16::from_be_bytes([l0, l1])), body.len());
        if announced != present || !present.is_multiple_of(4) {
            return Err(ParseError::Length { announced, present });
        }
        let mut message = Self {
            bytes,
            message_type: u16::from_be_bytes([t0, t1]),
            id: TransactionId(*id),
            username: None,
            xor_mapped_address: None,
            error_code: None,
            ice_controlled: None,
            ice_controlling: None,
            priority: None,
            nomination: None,
            use_candidate: false,
            has_unknown: false,
            integrity: None,
            integrity_sha256: None,
            fingerprint: None,
        };
        let mut rest = body;
        let mut counting = Counting::Everything;
        while !rest.is_empty() {
            let offset = bytes.len().saturating_sub(rest.len());
            let Some((kind, value, tail)) = split_attribute(rest) else {
                return Err(ParseError::Attribute { offset });
            };
            rest = tail;
            message.note(kind, value, offset, &mut counting);
        }
        Ok(message)
    }

    /// Whether it asks, tells, grants or refuses.
    #[inline]
    pub fn class(&self) -> Class {
        class_of(self.message_type)
    }

    /// What it is about.
    #[inline]
    pub fn method(&self) -> Method {
        method_of(self.message_type)
    }

    /// Which transaction it belongs to.
    #[inline]
    pub fn transaction_id(&self) -> TransactionId {
        self.id
    }

    /// The bytes that it is a view of.
    #[inline]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// USERNAME, if it is text.
    #[inline]
    pub fn username(&self) -> Option<&'a str> {
        from_utf8(self.username?).ok()
    }

    /// PRIORITY: that of the peer-reflexive candidate that the check may find (RFC 8445 §7.1.1).
    #[inline]
    pub fn priority(&self) -> Option<u32> {
        self.priority
    }

    /// USE-CANDIDATE: the controlling agent nominates (RFC 8445 §7.1.2).
    #[inline]
    pub fn use_candidate(&self) -> bool {
        self.use_candidate
    }

    /// ICE-CONTROLLED with the sender's tie-breaker.
    #[inline]
    pub fn ice_controlled(&self) -> Option<u64> {
        self.ice_controlled
    }

    /// ICE-CONTROLLING with the sender's tie-breaker.
    #[inline]
    pub fn ice_controlling(&self) -> Option<u64> {
        self.ice_controlling
    }

    /// NOMINATION, in the draft's type (0x0030) or libwebrtc's (0xc001).
    #[inline]
    pub fn nomination(&self) -> Option<u32> {
        self.nomination
    }

    /// XOR-MAPPED-ADDRESS.
    #[inline]
    pub fn xor_mapped_address(&self) -> Option<SocketAddr> {
        address::decode_xor(self.xor_mapped_address?, self.id)
    }

    /// ERROR-CODE: code and reason phrase. Of a phrase that is not text, the part that is.
    pub fn error_code(&self) -> Option<(u16, &'a str)> {
        decode_error_code(self.error_code?)
    }

    /// The first attribute of this type, among those that count.
    pub fn attribute(&self, kind: AttributeType) -> Option<Attribute<'a>> {
        let raw = self.raw_attributes().find(|raw| raw.kind == kind)?;
        Some(Attribute::decode(kind, raw.value, self.id))
    }

    /// The attributes that count, in order, with their values read.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes {
            raw: self.raw_attributes(),
            id: self.id,
        }
    }

    /// The attributes that count, in order, as types and bytes.
    pub fn raw_attributes(&self) -> RawAttributes<'a> {
        RawAttributes {
            rest: self.bytes.get(HEADER_LEN..).unwrap_or_default(),
            counting: Counting::Everything,
        }
    }

    /// The types of the attributes that must be understood and are not known here, for a 420
    /// (RFC 8489 §6.3.1).
    #[inline]
    pub fn unknown_comprehension_required(&self) -> UnknownComprehensionRequired<'a> {
        let mut attributes = self.raw_attributes();
        if !self.has_unknown {
            attributes.rest = &[];
        }
        UnknownComprehensionRequired(attributes)
    }

    /// Whether there is a MESSAGE-INTEGRITY, right or wrong.
    #[inline]
    pub fn has_integrity(&self) -> bool {
        self.integrity.is_some()
    }

    /// Whether there is a MESSAGE-INTEGRITY and `key` made it (RFC 8489 §14.5). Constant time.
    #[must_use]
    pub fn verify_integrity(&self, key: &IntegrityKey) -> bool {
        self.integrity.is_some_and(|computed| {
            let Ok(tag) = computed.value.try_into() else {
                return false;
            };
            computed.with_parts(self.bytes, |parts| key.verify(parts, tag))
        })
    }

    /// Whether there is a MESSAGE-INTEGRITY-SHA256, right or wrong.
    #[inline]
    pub fn has_integrity_sha256(&self) -> bool {
        self.integrity_sha256.is_some()
    }

    /// Whether there is a MESSAGE-INTEGRITY-SHA256 and `key` made it (RFC 8489 §14.6). A shortened
    /// tag is not accepted: that is for usages that say so, and none here does. Constant time.
    #[must_use]
    pub fn verify_integrity_sha256(&self, key: &IntegrityKeySha256) -> bool {
        self.integrity_sha256.is_some_and(|computed| {
            let Ok(tag) = computed.value.try_into() else {
                return false;
            };
            computed.with_parts(self.bytes, |parts| key.verify(parts, tag))
        })
    }

    /// Whether FINGERPRINT is right; `None` if there is none. One that is not the last attribute is
    /// wrong (RFC 8489 §14.7).
    #[must_use]
    pub fn verify_fingerprint(&self) -> Option<bool> {
        let computed = self.fingerprint?;
        let covered = self.bytes.get(..computed.offset).unwrap_or_default();
        let is_last = computed.end() == self.bytes.len();
        let value = decode_u32(computed.value);
        Some(is_last && value == Some(crc32fast::hash(covered) ^ FINGERPRINT_MASK))
    }

    /// Remembers an attribute if it counts: the same rule as [`Counting::admit`], in the one look at
    /// the type that reading takes.
    #[inline]
    fn note(&mut self, kind: AttributeType, value: &'a [u8], offset: usize, counting: &mut Counting) {
        let computed = Computed { offset, value };
        match kind {
            AttributeType::MESSAGE_INTEGRITY => {
                if counting.advance(Counting::AfterIntegrity) {
                    self.integrity = Some(computed);
                }
            }
            AttributeType::MESSAGE_INTEGRITY_SHA256 => {
                if counting.advance(Counting::AfterIntegritySha256) {
                    self.integrity_sha256 = Some(computed);
                }
            }
            AttributeType::FINGERPRINT => {
                if counting.advance(Counting::Nothing) {
                    self.fingerprint = Some(computed);
                }
            }
            _ if *counting != Counting::Everything => {}
            AttributeType::USERNAME => first(&mut self.username, Some(value)),
            AttributeType::PRIORITY => first(&mut self.priority, decode_u32(value)),
            AttributeType::USE_CANDIDATE => self.use_candidate |= value.is_empty(),
            AttributeType::ICE_CONTROLLED => first(&mut self.ice_controlled, decode_u64(value)),
            AttributeType::ICE_CONTROLLING => first(&mut self.ice_controlling, decode_u64(value)),
            AttributeType::NOMINATION | AttributeType::GOOG_NOMINATION => {
                first(&mut self.nomination, decode_u32(value));
            }
            AttributeType::XOR_MAPPED_ADDRESS => first(&mut self.xor_mapped_address, Some(value)),
            AttributeType::ERROR_CODE => first(&mut self.error_code, Some(value)),
            _ => self.has_unknown |= kind.is_comprehension_required() && !kind.is_known(),
        }
    }
}

/// Iterator over the attributes of a message; see [`Message::attributes`].
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    raw: RawAttributes<'a>,
    id: TransactionId,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let RawAttribute { kind, value } = self.raw.next()?;
        Some(Attribute::decode(kind, value, self.id))
    }
}

/// An attribute as it lies on the wire, without its padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawAttribute<'a> {
    /// Its type.
    pub kind: AttributeType,
    /// Its bytes.
    pub value: &'a [u8],
}

/// Iterator over the attributes of a message; see [`Message::raw_attributes`].
#[derive(Clone, Debug)]
pub struct RawAttributes<'a> {
    rest: &'a [u8],
    counting: Counting,
}

impl<'a> Iterator for RawAttributes<'a> {
    type Item = RawAttribute<'a>;

    fn next(&mut self) -> Option<RawAttribute<'a>> {
        loop {
            let (kind, value, rest) = split_attribute(self.rest)?;
            self.rest = rest;
            if self.counting.admit(kind) {
                return Some(RawAttribute { kind, value });
            }
        }
    }
}

/// Iterator over types; see [`Message::unknown_comprehension_required`].
#[derive(Clone, Debug)]
pub struct UnknownComprehensionRequired<'a>(RawAttributes<'a>);

impl Iterator for UnknownComprehensionRequired<'_> {
    type Item = AttributeType;

    fn next(&mut self) -> Option<AttributeType> {
        self.0
            .by_ref()
            .map(|raw| raw.kind)
            .find(|kind| kind.is_comprehension_required() && !kind.is_known())
    }
}

/// An attribute whose value is computed over what comes before it.
#[derive(Clone, Copy, Debug)]
struct Computed<'a> {
    offset: usize,
    value: &'a [u8],
}

impl Computed<'_> {
    fn end(&self) -> usize {
        let value_end = self.offset.saturating_add(ATTRIBUTE_HEADER_LEN);
        value_end.saturating_add(self.value.len())
    }

    /// What a tag is over: the message up to the attribute, with the length in the header as if the
    /// message ended behind the attribute (RFC 8489 §14.5).
    fn with_parts<R>(&self, bytes: &[u8], f: impl FnOnce(&[&[u8]]) -> R) -> R {
        let covered = bytes.get(..self.offset).unwrap_or_default();
        let length = self.end().saturating_sub(HEADER_LEN);
        let length = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        // As a whole block of the hash where there is one: the hash takes such without buffering.
        if let Some((block, rest)) = covered.split_first_chunk::<64>() {
            let mut block = *block;
            let [_, _, l0, l1, ..] = &mut block;
            [*l0, *l1] = length;
            return f(&[&block, rest]);
        }
        let (kind, rest) = covered.split_at_checked(2).unwrap_or_default();
        f(&[kind, &length, rest.get(2..).unwrap_or_default()])
    }
}

/// Which attributes still count (RFC 8489 §9, §14.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Counting {
    Everything,
    AfterIntegrity,
    AfterIntegritySha256,
    Nothing,
}

impl Counting {
    /// Whether an attribute of this type counts here.
    #[inline]
    fn admit(&mut self, kind: AttributeType) -> bool {
        match kind {
            AttributeType::MESSAGE_INTEGRITY => self.advance(Self::AfterIntegrity),
            AttributeType::MESSAGE_INTEGRITY_SHA256 => self.advance(Self::AfterIntegritySha256),
            AttributeType::FINGERPRINT => self.advance(Self::Nothing),
            _ => *self == Self::Everything,
        }
    }

    /// Goes on to `next` if that narrows what counts.
    #[inline]
    fn advance(&mut self, next: Self) -> bool {
        let advanced = *self < next;
        if advanced {
            *self = next;
        }
        advanced
    }
}

/// Type, value and what comes behind the padding.
#[inline]
fn split_attribute(bytes: &[u8]) -> Option<(AttributeType, &[u8], &[u8])> {
    let (&[t0, t1, l0, l1], rest) = bytes.split_first_chunk::<ATTRIBUTE_HEADER_LEN>()?;
    let len = usize::from(u16::from_be_bytes([l0, l1]));
    let (padded, rest) = rest.split_at_checked(len.next_multiple_of(4))?;
    let kind = AttributeType(u16::from_be_bytes([t0, t1]));
    Some((kind, padded.get(..len)?, rest))
}

/// RFC 8489 §14: of several attributes of one type the first counts.
#[inline]
fn first<T>(slot: &mut Option<T>, value: Option<T>) {
    if slot.is_none() {
        *slot = value;
    }
}

pub(crate) const ATTRIBUTE_HEADER_LEN: usize = 4;
/// RFC 8489 §14.7: so that a CRC-32 that another protocol put at the end is not taken for ours.
pub(crate) const FINGERPRINT_MASK: u32 = 0x5354_554e;
