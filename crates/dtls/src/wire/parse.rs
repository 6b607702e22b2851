//! What parsers of handshake messages are made of: vectors, lists of code points, and why parsing fails.

use nom::Parser;
use nom::bytes::complete::take;
use nom::combinator::{all_consuming, map};
use nom::error::{ErrorKind, ParseError as NomError};
use nom::multi::length_data;
use nom::number::complete::{be_u8, be_u16, be_u24};

use super::codes::Version;

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// A length points beyond the end, or bytes follow where none should.
    #[error("a length does not match the bytes that are there")]
    Length,
    /// A value that its field does not allow.
    #[error("a field has a value that it can't have")]
    Value,
    /// The same extension twice (RFC 5246 §7.4.1.4).
    #[error("an extension occurs twice")]
    DuplicateExtension,
    /// More extensions than [`MAX_EXTENSIONS`](super::extensions::MAX_EXTENSIONS).
    #[error("too many extensions")]
    TooManyExtensions,
}

impl<'a> NomError<&'a [u8]> for ParseError {
    fn from_error_kind(_input: &'a [u8], kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Verify => Self::Value,
            _ => Self::Length,
        }
    }

    fn append(_input: &'a [u8], _kind: ErrorKind, other: Self) -> Self {
        other
    }
}

pub(super) type Parsed<'a, T> = nom::IResult<&'a [u8], T, ParseError>;

/// Runs a parser that must take everything.
pub(super) fn complete<'a, T>(
    parser: impl Parser<&'a [u8], Output = T, Error = ParseError>,
    bytes: &'a [u8],
) -> Result<T, ParseError> {
    match all_consuming(parser).parse(bytes) {
        Ok((_, value)) => Ok(value),
        Err(nom::Err::Error(error) | nom::Err::Failure(error)) => Err(error),
        Err(nom::Err::Incomplete(_)) => Err(ParseError::Length),
    }
}

pub(super) fn opaque8(input: &[u8]) -> Parsed<'_, &[u8]> {
    length_data(be_u8).parse(input)
}

pub(super) fn opaque16(input: &[u8]) -> Parsed<'_, &[u8]> {
    length_data(be_u16).parse(input)
}

pub(super) fn opaque24(input: &[u8]) -> Parsed<'_, &[u8]> {
    length_data(be_u24).parse(input)
}

/// The random of a hello: 32 bytes.
pub(super) fn random(input: &[u8]) -> Parsed<'_, &[u8; 32]> {
    let (rest, bytes) = take(32usize).parse(input)?;
    match bytes.first_chunk::<32>() {
        Some(random) => Ok((rest, random)),
        None => Err(nom::Err::Error(ParseError::Length)),
    }
}

pub(super) fn version(input: &[u8]) -> Parsed<'_, Version> {
    map(be_u16, Version).parse(input)
}

/// A list of 16-bit code points, checked to have an even length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Codes<'a>(&'a [u8]);

impl<'a> Codes<'a> {
    /// A list of at least one.
    pub(super) fn parse16(input: &'a [u8]) -> Parsed<'a, Self> {
        Self::checked(opaque16(input)?)
    }

    /// A list of at least one, with a one-byte length.
    pub(super) fn parse8(input: &'a [u8]) -> Parsed<'a, Self> {
        Self::checked(opaque8(input)?)
    }

    fn checked((rest, bytes): (&'a [u8], &'a [u8])) -> Parsed<'a, Self> {
        if bytes.is_empty() || !bytes.len().is_multiple_of(2) {
            return Err(nom::Err::Error(ParseError::Length));
        }
        Ok((rest, Self(bytes)))
    }

    /// The code points in their order.
    pub fn iter(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.0
            .chunks_exact(2)
            .filter_map(|pair| pair.first_chunk::<2>().map(|pair| u16::from_be_bytes(*pair)))
    }

    /// Whether `code` is among them.
    pub fn contains(&self, code: u16) -> bool {
        self.iter().any(|candidate| candidate == code)
    }
}

impl core::fmt::Debug for Codes<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter().map(Hex)).finish()
    }
}

struct Hex(u16);

impl core::fmt::Debug for Hex {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}
