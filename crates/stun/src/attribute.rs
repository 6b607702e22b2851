//! Attributes: their types and their typed values (RFC 8489 §14, RFC 8445 §16.1).
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use core::fmt;
use core::net::SocketAddr;
use core::str::from_utf8;

use crate::address;
use crate::header::TransactionId;

/// The type of an attribute. Any number is legal; the constants name those that are known here.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeType(pub u16);

impl AttributeType {
    /// Whether a message that has this attribute can't be processed by who does not know it
    /// (RFC 8489 §14): types below 0x8000.
    pub const fn is_comprehension_required(self) -> bool {
        self.0 < 0x8000
    }
}

/// Declares the known types: the constant, its number, and its name in the RFC for `Debug`.
macro_rules! known_types {
    ($($(#[$doc:meta])* $constant:ident = $number:literal, $name:literal;)*) => {
        impl AttributeType {
            $($(#[$doc])* pub const $constant: Self = Self($number);)*

            /// Whether the type has a constant here.
            pub const fn is_known(self) -> bool {
                matches!(self.0, $($number)|*)
            }
        }

        impl fmt::Debug for AttributeType {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    $($number => f.write_str($name),)*
                    number => write!(f, "AttributeType({number:#06x})"),
                }
            }
        }
    };
}

known_types! {
    /// RFC 8489 §14.1
    MAPPED_ADDRESS = 0x0001, "MAPPED-ADDRESS";
    /// RFC 8489 §14.3
    USERNAME = 0x0006, "USERNAME";
    /// RFC 8489 §14.5
    MESSAGE_INTEGRITY = 0x0008, "MESSAGE-INTEGRITY";
    /// RFC 8489 §14.8
    ERROR_CODE = 0x0009, "ERROR-CODE";
    /// RFC 8489 §14.13
    UNKNOWN_ATTRIBUTES = 0x000a, "UNKNOWN-ATTRIBUTES";
    /// RFC 8489 §14.9
    REALM = 0x0014, "REALM";
    /// RFC 8489 §14.10
    NONCE = 0x0015, "NONCE";
    /// RFC 8489 §14.6
    MESSAGE_INTEGRITY_SHA256 = 0x001c, "MESSAGE-INTEGRITY-SHA256";
    /// RFC 8489 §14.12
    PASSWORD_ALGORITHM = 0x001d, "PASSWORD-ALGORITHM";
    /// RFC 8489 §14.4
    USERHASH = 0x001e, "USERHASH";
    /// RFC 8489 §14.2
    XOR_MAPPED_ADDRESS = 0x0020, "XOR-MAPPED-ADDRESS";
    /// RFC 8445 §7.1.1
    PRIORITY = 0x0024, "PRIORITY";
    /// RFC 8445 §7.1.2
    USE_CANDIDATE = 0x0025, "USE-CANDIDATE";
    /// draft-thatcher-ice-renomination §4
    NOMINATION = 0x0030, "NOMINATION";
    /// RFC 8489 §14.11
    PASSWORD_ALGORITHMS = 0x8002, "PASSWORD-ALGORITHMS";
    /// RFC 8489 §14.16
    ALTERNATE_DOMAIN = 0x8003, "ALTERNATE-DOMAIN";
    /// RFC 8489 §14.14
    SOFTWARE = 0x8022, "SOFTWARE";
    /// RFC 8489 §14.15
    ALTERNATE_SERVER = 0x8023, "ALTERNATE-SERVER";
    /// RFC 8489 §14.7
    FINGERPRINT = 0x8028, "FINGERPRINT";
    /// RFC 8445 §7.1.3
    ICE_CONTROLLED = 0x8029, "ICE-CONTROLLED";
    /// RFC 8445 §7.1.3
    ICE_CONTROLLING = 0x802a, "ICE-CONTROLLING";
    /// NOMINATION as libwebrtc sends it.
    GOOG_NOMINATION = 0xc001, "GOOG-NOMINATION";
    /// The sender's network and its cost, as libwebrtc sends it.
    GOOG_NETWORK_INFO = 0xc057, "GOOG-NETWORK-INFO";
}

/// An attribute with its value read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attribute<'a> {
    /// The sender's address as the server saw it, in the clear.
    MappedAddress(SocketAddr),
    /// The sender's address as the server saw it.
    XorMappedAddress(SocketAddr),
    /// Whose password signs the message; in ICE, receiver's and sender's ufrag with ":" between.
    Username(&'a str),
    /// SHA-256 of user name and realm.
    UserHash(&'a [u8; 32]),
    /// HMAC-SHA1 over what comes before.
    MessageIntegrity(&'a [u8; 20]),
    /// HMAC-SHA256 over what comes before, 16 to 32 bytes of it.
    MessageIntegritySha256(&'a [u8]),
    /// CRC-32 over what comes before, masked.
    Fingerprint(u32),
    /// Why a request was refused.
    ErrorCode {
        /// 300 to 699.
        code: u16,
        /// For people.
        reason: &'a str,
    },
    /// The attributes that the server did not know.
    UnknownAttributes(AttributeTypes<'a>),
    /// The realm of long-term credentials.
    Realm(&'a str),
    /// The nonce of long-term credentials.
    Nonce(&'a str),
    /// The algorithms that the server offers, as a list in its wire form.
    PasswordAlgorithms(&'a [u8]),
    /// The algorithm that the client took, in its wire form.
    PasswordAlgorithm(&'a [u8]),
    /// What the sender runs.
    Software(&'a str),
    /// Another server to ask.
    AlternateServer(SocketAddr),
    /// The name under which the other server is known.
    AlternateDomain(&'a str),
    /// The priority of the peer-reflexive candidate that the check may find.
    Priority(u32),
    /// The controlling agent nominates the pair.
    UseCandidate,
    /// The sender is controlled; its tie-breaker.
    IceControlled(u64),
    /// The sender is controlling; its tie-breaker.
    IceControlling(u64),
    /// Which nomination of the controlling agent this is; the highest counts.
    Nomination(u32),
    /// The sender's network.
    NetworkInfo {
        /// Its number at the sender.
        id: u16,
        /// What it costs: 0 (Ethernet) to 999 (unknown).
        cost: u16,
    },
    /// An attribute that is not known here.
    Other {
        /// Its type.
        kind: AttributeType,
        /// Its bytes.
        value: &'a [u8],
    },
    /// A known attribute whose value is not what its definition says.
    Malformed {
        /// Its type.
        kind: AttributeType,
        /// Its bytes.
        value: &'a [u8],
    },
}

impl<'a> Attribute<'a> {
    /// Reads the value of an attribute of type `kind` in a message with this transaction id.
    pub fn decode(kind: AttributeType, value: &'a [u8], id: TransactionId) -> Self {
        if !kind.is_known() {
            return Self::Other { kind, value };
        }
        Self::decode_known(kind, value, id).unwrap_or(Self::Malformed { kind, value })
    }

    fn decode_known(kind: AttributeType, value: &'a [u8], id: TransactionId) -> Option<Self> {
        Some(match kind {
            AttributeType::MAPPED_ADDRESS => Self::MappedAddress(address::decode(value)?),
            AttributeType::XOR_MAPPED_ADDRESS => Self::XorMappedAddress(address::decode_xor(value, id)?),
            AttributeType::USERNAME => Self::Username(from_utf8(value).ok()?),
            AttributeType::USERHASH => Self::UserHash(value.try_into().ok()?),
            AttributeType::MESSAGE_INTEGRITY => Self::MessageIntegrity(value.try_into().ok()?),
            AttributeType::MESSAGE_INTEGRITY_SHA256 => {
                let whole = matches!(value.len(), 16 | 20 | 24 | 28 | 32);
                Self::MessageIntegritySha256(whole.then_some(value)?)
            }
            AttributeType::FINGERPRINT => Self::Fingerprint(decode_u32(value)?),
            AttributeType::ERROR_CODE => {
                let (code, reason) = decode_error_code(value)?;
                Self::ErrorCode { code, reason }
            }
            AttributeType::UNKNOWN_ATTRIBUTES => {
                let (types, []) = value.as_chunks() else {
                    return None;
                };
                Self::UnknownAttributes(AttributeTypes(types))
            }
            AttributeType::REALM => Self::Realm(from_utf8(value).ok()?),
            AttributeType::NONCE => Self::Nonce(from_utf8(value).ok()?),
            AttributeType::PASSWORD_ALGORITHMS => Self::PasswordAlgorithms(value),
            AttributeType::PASSWORD_ALGORITHM => Self::PasswordAlgorithm(value),
            AttributeType::SOFTWARE => Self::Software(from_utf8(value).ok()?),
            AttributeType::ALTERNATE_SERVER => Self::AlternateServer(address::decode(value)?),
            AttributeType::ALTERNATE_DOMAIN => Self::AlternateDomain(from_utf8(value).ok()?),
            AttributeType::PRIORITY => Self::Priority(decode_u32(value)?),
            AttributeType::USE_CANDIDATE => value.is_empty().then_some(Self::UseCandidate)?,
            AttributeType::ICE_CONTROLLED => Self::IceControlled(decode_u64(value)?),
            AttributeType::ICE_CONTROLLING => Self::IceControlling(decode_u64(value)?),
            AttributeType::NOMINATION | AttributeType::GOOG_NOMINATION => Self::Nomination(decode_u32(value)?),
            AttributeType::GOOG_NETWORK_INFO => {
                let &[i0, i1, c0, c1] = <&[u8; 4]>::try_from(value).ok()?;
                Self::NetworkInfo {
                    id: u16::from_be_bytes([i0, i1]),
                    cost: u16::from_be_bytes([c0, c1]),
                }
            }
            _ => Self::Other { kind, value },
        })
    }
}

/// The list in UNKNOWN-ATTRIBUTES.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributeTypes<'a>(&'a [[u8; 2]]);

impl Iterator for AttributeTypes<'_> {
    type Item = AttributeType;

    fn next(&mut self) -> Option<AttributeType> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(AttributeType(u16::from_be_bytes(*first)))
    }
}

#[inline]
pub(crate) fn decode_u32(value: &[u8]) -> Option<u32> {
    value.try_into().ok().map(u32::from_be_bytes)
}

#[inline]
pub(crate) fn decode_u64(value: &[u8]) -> Option<u64> {
    value.try_into().ok().map(u64::from_be_bytes)
}

pub(crate) fn decode_error_code(value: &[u8]) -> Option<(u16, &str)> {
    let (&[_, _, class, number], reason) = value.split_first_chunk::<4>()?;
    // RFC 8489 §14.8: all bits before the three of the class are reserved and ignored.
    let class = u16::from(class & 0b111);
    if !(3..=6).contains(&class) || number > 99 {
        return None;
    }
    let code = class.wrapping_mul(100).wrapping_add(u16::from(number));
    // The phrase is for people only: what is not text in it must not hide the code.
    let reason = match from_utf8(reason) {
        Ok(reason) => reason,
        Err(broken) => reason
            .get(..broken.valid_up_to())
            .and_then(|valid| from_utf8(valid).ok())
            .unwrap_or_default(),
    };
    Some((code, reason))
}
