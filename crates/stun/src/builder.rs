//! Writing a message into the caller's buffer (RFC 8489 §5, §14).
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use core::net::SocketAddr;

use thiserror::Error;

use crate::address;
use crate::attribute::AttributeType;
use crate::header::{Class, HEADER_LEN, MAGIC_COOKIE, Method, TransactionId, message_type};
use crate::integrity::{IntegrityKey, IntegrityKeySha256};
use crate::message::{ATTRIBUTE_HEADER_LEN, FINGERPRINT_MASK};

/// Writes one message, attribute by attribute, in the order of the calls.
///
/// Nothing fails before [`finish`](Self::finish), which tells the first thing that went wrong, or
/// how many bytes the message has. Nothing allocates.
///
/// ```
/// use pollrtc_stun::{BuildError, Builder, Class, Method, TransactionId};
///
/// let mut buf = [0; 20];
/// let id = TransactionId([1; 12]);
/// assert_eq!(Builder::new(&mut buf, Class::Request, Method::BINDING, id).finish(), Ok(20));
///
/// let too_long = Builder::new(&mut buf, Class::Request, Method::BINDING, id).priority(1).finish();
/// assert_eq!(too_long, Err(BuildError::BufferTooSmall { needed: 28 }));
/// ```
#[derive(Debug)]
pub struct Builder<'b> {
    buf: &'b mut [u8],
    /// Length so far, also of what no longer fitted.
    len: usize,
    padding: u8,
    id: TransactionId,
    last: Closing,
    error: Option<BuildError>,
}

/// Why there is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BuildError {
    /// The buffer must have at least this many bytes.
    #[error("the message needs a buffer of {needed} bytes")]
    BufferTooSmall {
        /// Bytes of the message.
        needed: usize,
    },
    /// A value is longer than its attribute may be (RFC 8489 §14.3, §14.8 to §14.14).
    #[error("{kind:?} takes at most {limit} bytes")]
    ValueTooLong {
        /// The attribute.
        kind: AttributeType,
        /// What its value may have.
        limit: usize,
    },
    /// The attributes together have more bytes than the header can announce.
    #[error("a message takes at most 65532 bytes of attributes")]
    MessageTooLong,
    /// An error code must lie in 300 to 699.
    #[error("{0} is not an error code: 300 to 699")]
    ErrorCode(u16),
    /// An attribute was put behind one that closes the message: the receiver would ignore it
    /// (RFC 8489 §9, §14.7).
    #[error("{0:?} comes too late: the receiver would ignore it")]
    OutOfOrder(AttributeType),
}

impl<'b> Builder<'b> {
    /// A message without attributes.
    #[inline]
    pub fn new(buf: &'b mut [u8], class: Class, method: Method, id: TransactionId) -> Self {
        if let Some(header) = buf.first_chunk_mut::<HEADER_LEN>() {
            let [t0, t1] = message_type(class, method).to_be_bytes();
            let [c0, c1, c2, c3] = MAGIC_COOKIE.to_be_bytes();
            let (head, tail) = header.split_at_mut(8);
            head.copy_from_slice(&[t0, t1, 0, 0, c0, c1, c2, c3]);
            tail.copy_from_slice(&id.0);
        }
        Self {
            buf,
            len: HEADER_LEN,
            padding: 0,
            id,
            last: Closing::Nothing,
            error: None,
        }
    }

    /// Pads the attributes that follow with this byte. RFC 8489 §14 wants zeros, which is what
    /// there is without this call; RFC 5769 has messages with spaces.
    #[must_use]
    pub fn padding(self, byte: u8) -> Self {
        Self { padding: byte, ..self }
    }

    /// Any attribute, by type and value. Those that are computed over the message have methods of
    /// their own.
    #[must_use]
    #[inline]
    pub fn attribute(mut self, kind: AttributeType, value: &[u8]) -> Self {
        self.put(kind, &[value]);
        self
    }

    /// USERNAME; at most 508 bytes.
    #[must_use]
    #[inline]
    pub fn username(self, username: &str) -> Self {
        self.text(AttributeType::USERNAME, username)
    }

    /// USERNAME as ICE makes it: the receiver's ufrag, ":", the sender's (RFC 8445 §7.2.2).
    #[must_use]
    #[inline]
    pub fn ice_username(mut self, receiver_ufrag: &str, sender_ufrag: &str) -> Self {
        let parts = [receiver_ufrag.as_bytes(), b":", sender_ufrag.as_bytes()];
        self.limit(AttributeType::USERNAME, total(&parts));
        self.put(AttributeType::USERNAME, &parts);
        self
    }

    /// PRIORITY.
    #[must_use]
    #[inline]
    pub fn priority(self, priority: u32) -> Self {
        self.attribute(AttributeType::PRIORITY, &priority.to_be_bytes())
    }

    /// USE-CANDIDATE.
    #[must_use]
    #[inline]
    pub fn use_candidate(self) -> Self {
        self.attribute(AttributeType::USE_CANDIDATE, &[])
    }

    /// ICE-CONTROLLED.
    #[must_use]
    #[inline]
    pub fn ice_controlled(self, tie_breaker: u64) -> Self {
        self.attribute(AttributeType::ICE_CONTROLLED, &tie_breaker.to_be_bytes())
    }

    /// ICE-CONTROLLING.
    #[must_use]
    #[inline]
    pub fn ice_controlling(self, tie_breaker: u64) -> Self {
        self.attribute(AttributeType::ICE_CONTROLLING, &tie_breaker.to_be_bytes())
    }

    /// XOR-MAPPED-ADDRESS.
    #[must_use]
    #[inline]
    pub fn xor_mapped_address(self, address: SocketAddr) -> Self {
        let masked = address::xor(address, self.id);
        self.plain_address(AttributeType::XOR_MAPPED_ADDRESS, masked)
    }

    /// MAPPED-ADDRESS, for clients of RFC 3489.
    #[must_use]
    pub fn mapped_address(self, address: SocketAddr) -> Self {
        self.plain_address(AttributeType::MAPPED_ADDRESS, address)
    }

    /// SOFTWARE; at most 508 bytes.
    #[must_use]
    pub fn software(self, software: &str) -> Self {
        self.text(AttributeType::SOFTWARE, software)
    }

    /// REALM; at most 508 bytes.
    #[must_use]
    pub fn realm(self, realm: &str) -> Self {
        self.text(AttributeType::REALM, realm)
    }

    /// NONCE; at most 508 bytes.
    #[must_use]
    pub fn nonce(self, nonce: &str) -> Self {
        self.text(AttributeType::NONCE, nonce)
    }

    /// ERROR-CODE; the reason at most 508 bytes. See [`ErrorCode`](crate::ErrorCode) for both.
    #[must_use]
    pub fn error_code(mut self, code: u16, reason: &str) -> Self {
        if !(300..=699).contains(&code) {
            self.fail(BuildError::ErrorCode(code));
        }
        // RFC 8489 §14.8: the hundreds apart from the rest, each in a byte.
        let (class, number) = ((code / 100) as u8, (code % 100) as u8);
        self.limit(AttributeType::ERROR_CODE, reason.len());
        self.put(AttributeType::ERROR_CODE, &[&[0, 0, class, number], reason.as_bytes()]);
        self
    }

    /// UNKNOWN-ATTRIBUTES.
    #[must_use]
    pub fn unknown_attributes(mut self, types: impl IntoIterator<Item = AttributeType>) -> Self {
        let start = self.len;
        self.put(AttributeType::UNKNOWN_ATTRIBUTES, &[]);
        for kind in types {
            self.append(&kind.0.to_be_bytes());
        }
        self.close_attribute(start);
        self
    }

    /// MESSAGE-INTEGRITY over all that was put before (RFC 8489 §14.5).
    #[must_use]
    #[inline]
    pub fn message_integrity(mut self, key: &IntegrityKey) -> Self {
        let tag = key.sign(&[self.covered(20)]);
        self.put(AttributeType::MESSAGE_INTEGRITY, &[&tag]);
        self
    }

    /// MESSAGE-INTEGRITY-SHA256 over all that was put before (RFC 8489 §14.6).
    #[must_use]
    pub fn message_integrity_sha256(mut self, key: &IntegrityKeySha256) -> Self {
        let tag = key.sign(&[self.covered(32)]);
        self.put(AttributeType::MESSAGE_INTEGRITY_SHA256, &[&tag]);
        self
    }

    /// FINGERPRINT over all that was put before (RFC 8489 §14.7). Nothing can follow.
    #[must_use]
    #[inline]
    pub fn fingerprint(mut self) -> Self {
        let crc = crc32fast::hash(self.covered(4));
        let value = (crc ^ FINGERPRINT_MASK).to_be_bytes();
        self.put(AttributeType::FINGERPRINT, &[&value]);
        self
    }

    /// The length of the message, which is now complete in the buffer; or what went wrong first.
    #[inline]
    pub fn finish(mut self) -> Result<usize, BuildError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.len > MAX_LEN {
            return Err(BuildError::MessageTooLong);
        }
        if self.len > self.buf.len() {
            return Err(BuildError::BufferTooSmall { needed: self.len });
        }
        self.write_length(self.len);
        Ok(self.len)
    }

    #[inline]
    fn text(mut self, kind: AttributeType, text: &str) -> Self {
        self.limit(kind, text.len());
        self.attribute(kind, text.as_bytes())
    }

    #[inline]
    fn plain_address(self, kind: AttributeType, address: SocketAddr) -> Self {
        let (bytes, len) = address::encode(address);
        self.attribute(kind, bytes.get(..len).unwrap_or_default())
    }

    #[inline]
    fn limit(&mut self, kind: AttributeType, len: usize) {
        if len > TEXT_LIMIT {
            let limit = TEXT_LIMIT;
            self.fail(BuildError::ValueTooLong { kind, limit });
        }
    }

    fn fail(&mut self, error: BuildError) {
        self.error.get_or_insert(error);
    }

    /// All that was put before an attribute that is computed over it and has `value_len` bytes. The
    /// length in the header already counts that attribute (RFC 8489 §14.5, §14.7).
    #[inline]
    fn covered(&mut self, value_len: usize) -> &[u8] {
        let value_start = self.len.saturating_add(ATTRIBUTE_HEADER_LEN);
        self.write_length(value_start.saturating_add(value_len));
        self.buf.get(..self.len).unwrap_or_default()
    }

    /// An attribute whose value is these parts.
    #[inline(always)]
    fn put(&mut self, kind: AttributeType, parts: &[&[u8]]) {
        let closing = Closing::of(kind);
        if self.last > Closing::Nothing && closing <= self.last {
            self.fail(BuildError::OutOfOrder(kind));
        }
        self.last = self.last.max(closing);
        let len = total(parts);
        let Ok(announced) = u16::try_from(len) else {
            return self.fail(BuildError::MessageTooLong);
        };
        let start = self.len;
        let value_start = start.saturating_add(ATTRIBUTE_HEADER_LEN);
        self.len = value_start.saturating_add(len.next_multiple_of(4));
        let Some(room) = self.buf.get_mut(start..self.len) else {
            return;
        };
        let Some((header, mut room)) = room.split_first_chunk_mut::<ATTRIBUTE_HEADER_LEN>() else {
            return;
        };
        let ([t0, t1], [l0, l1]) = (kind.0.to_be_bytes(), announced.to_be_bytes());
        *header = [t0, t1, l0, l1];
        for part in parts {
            let Some((place, rest)) = room.split_at_mut_checked(part.len()) else {
                return;
            };
            place.copy_from_slice(part);
            room = rest;
        }
        for byte in room {
            *byte = self.padding;
        }
    }

    /// Completes an attribute at `start` whose length was not known when it was begun.
    fn close_attribute(&mut self, start: usize) {
        let value_start = start.saturating_add(ATTRIBUTE_HEADER_LEN);
        let len = self.len.saturating_sub(value_start);
        let Ok(announced) = u16::try_from(len) else {
            return self.fail(BuildError::MessageTooLong);
        };
        if let Some(field) = self.buf.get_mut(start.saturating_add(2)..value_start) {
            field.copy_from_slice(&announced.to_be_bytes());
        }
        self.pad(len);
    }

    #[inline]
    fn pad(&mut self, len: usize) {
        let padding = [self.padding; 3];
        let missing = len.next_multiple_of(4).saturating_sub(len);
        self.append(padding.get(..missing).unwrap_or_default());
    }

    /// Writes what fits and counts what does not.
    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        if let Some(room) = self.buf.get_mut(self.len..end) {
            room.copy_from_slice(bytes);
        }
        self.len = end;
    }

    /// Writes the length of a message that ends at `end` into the header.
    #[inline]
    fn write_length(&mut self, end: usize) {
        let length = u16::try_from(end.saturating_sub(HEADER_LEN)).unwrap_or(u16::MAX);
        if let Some(field) = self.buf.get_mut(2..4) {
            field.copy_from_slice(&length.to_be_bytes());
        }
    }
}

/// What has closed the message so far; nothing lower may follow (RFC 8489 §9, §14.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Closing {
    Nothing,
    Integrity,
    IntegritySha256,
    Fingerprint,
}

impl Closing {
    #[inline]
    fn of(kind: AttributeType) -> Self {
        match kind {
            AttributeType::MESSAGE_INTEGRITY => Self::Integrity,
            AttributeType::MESSAGE_INTEGRITY_SHA256 => Self::IntegritySha256,
            AttributeType::FINGERPRINT => Self::Fingerprint,
            _ => Self::Nothing,
        }
    }
}

#[inline]
fn total(parts: &[&[u8]]) -> usize {
    parts.iter().map(|part| part.len()).sum()
}

/// RFC 8489 §14.3: USERNAME has fewer than 509 bytes; the other texts have the same bound.
const TEXT_LIMIT: usize = 508;
/// The header announces 16 bits, a multiple of 4.
const MAX_LEN: usize = HEADER_LEN + 65_532;
