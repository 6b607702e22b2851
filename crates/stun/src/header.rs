//! The header: what a message is and which transaction it belongs to (RFC 8489 §5).
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use core::fmt;

use pollrtc_crypto::Rng;

/// Whether a datagram looks like STUN, for telling it from DTLS, RTP and TURN channels on the same
/// port (RFC 7983 §7): room for a header, two zero bits, and the magic cookie.
///
/// Cheap and without a promise: [`Message::parse`](crate::Message::parse) decides.
///
/// ```
/// assert!(pollrtc_stun::is_stun(b"\x00\x01\x00\x00\x21\x12\xa4\x42transaction."));
/// assert!(!pollrtc_stun::is_stun(b"\x16\xfe\xfd a DTLS record, longer than 20 bytes"));
/// ```
#[inline]
#[must_use]
pub fn is_stun(datagram: &[u8]) -> bool {
    matches!(
        datagram.first_chunk::<HEADER_LEN>(),
        Some([0..=0x3f, _, _, _, 0x21, 0x12, 0xa4, 0x42, ..])
    )
}

/// The class of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Asks for a response.
    Request,
    /// Asks for nothing.
    Indication,
    /// The request was granted.
    SuccessResponse,
    /// The request was refused; ERROR-CODE says why.
    ErrorResponse,
}

/// The method of a message: 12 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Method(u16);

impl Method {
    /// Binding: what is my address, seen from where you are? (RFC 8489 §3)
    pub const BINDING: Self = Self(0x001);

    /// The method with this number; `None` beyond 0xfff.
    pub const fn from_u16(number: u16) -> Option<Self> {
        if number <= 0xfff { Some(Self(number)) } else { None }
    }

    /// Its number.
    pub const fn as_u16(self) -> u16 {
        self.0
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::BINDING => f.write_str("BINDING"),
            Self(number) => write!(f, "Method({number:#05x})"),
        }
    }
}

/// What a request and its response have in common: 96 random bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub [u8; 12]);

impl TransactionId {
    /// A fresh one. RFC 8489 §5: drawn uniformly by a cryptographic generator, since it is all that
    /// protects an unauthenticated request from a stranger's answer.
    pub fn random(rng: &mut Rng) -> Self {
        Self(rng.array())
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransactionId(")?;
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}

/// The 14 bits of class and method. RFC 8489 §5: the two bits of the class lie at positions 4 and 8,
/// between those of the method.
pub(crate) const fn message_type(class: Class, method: Method) -> u16 {
    let class = match class {
        Class::Request => 0x000,
        Class::Indication => 0x010,
        Class::SuccessResponse => 0x100,
        Class::ErrorResponse => 0x110,
    };
    let Method(m) = method;
    class | (m & 0x00f) | ((m & 0x070) << 1) | ((m & 0xf80) << 2)
}

pub(crate) const fn class_of(message_type: u16) -> Class {
    match message_type & 0x110 {
        0x000 => Class::Request,
        0x010 => Class::Indication,
        0x100 => Class::SuccessResponse,
        _ => Class::ErrorResponse,
    }
}

pub(crate) const fn method_of(message_type: u16) -> Method {
    Method((message_type & 0x000f) | ((message_type & 0x00e0) >> 1) | ((message_type & 0x3e00) >> 2))
}

pub(crate) const HEADER_LEN: usize = 20;
pub(crate) const MAGIC_COOKIE: u32 = 0x2112_a442;
