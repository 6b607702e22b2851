//! The rules that several lines and attributes share, as `nom` parsers over a value's text.

use core::ops::RangeInclusive;

use nom::Parser;
use nom::error::{ErrorKind as NomKind, ParseError as NomError};

use crate::error::{ErrorKind, Field};

/// What is wrong in a value: the kind, and how much of the value follows the point where the field
/// starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: ErrorKind,
    pub(crate) remaining: usize,
}

impl Fault {
    pub(crate) fn new(kind: ErrorKind, rest: &[u8]) -> Self {
        Self {
            kind,
            remaining: rest.len(),
        }
    }

    /// The same fault in a text that has `more` bytes behind.
    pub(crate) fn before(self, more: usize) -> Self {
        Self {
            remaining: self.remaining.saturating_add(more),
            ..self
        }
    }
}

impl NomError<&str> for Fault {
    fn from_error_kind(input: &str, _: NomKind) -> Self {
        Fault::new(ErrorKind::TrailingText, input.as_bytes())
    }

    fn append(_: &str, _: NomKind, other: Self) -> Self {
        other
    }
}

pub(crate) type Parsed<'a, T> = nom::IResult<&'a str, T, Fault>;

/// Names the field that `parser` reads: whatever goes wrong inside is that field's fault.
#[inline]
pub(crate) fn field<'a, O>(
    field: Field,
    mut parser: impl Parser<&'a str, Output = O, Error = Fault>,
) -> impl FnMut(&'a str) -> Parsed<'a, O> {
    move |input| {
        parser
            .parse(input)
            .map_err(|_| nom::Err::Error(Fault::new(ErrorKind::Invalid(field), input.as_bytes())))
    }
}

/// A space and then a field, named as [`field`] does; without the space it is this field that is
/// missing.
pub(crate) fn next<'a, O>(
    name: Field,
    parser: impl Parser<&'a str, Output = O, Error = Fault>,
) -> impl FnMut(&'a str) -> Parsed<'a, O> {
    let mut named = field(name, parser);
    move |input| {
        let (input, _) = field(name, space).parse(input)?;
        named(input)
    }
}

/// Runs `parser` over the whole value and turns nom's result into ours.
pub(crate) fn complete<'a, O>(
    value: &'a [u8],
    parser: impl Parser<&'a str, Output = O, Error = Fault>,
) -> Result<O, Fault> {
    whole(utf8(value)?, parser)
}

/// The same for a value that is known to be text.
#[inline]
pub(crate) fn whole<'a, O>(
    text: &'a str,
    mut parser: impl Parser<&'a str, Output = O, Error = Fault>,
) -> Result<O, Fault> {
    match parser.parse(text) {
        Ok(("", output)) => Ok(output),
        Ok((rest, _)) => Err(Fault::new(ErrorKind::TrailingText, rest.as_bytes())),
        Err(nom::Err::Error(fault) | nom::Err::Failure(fault)) => Err(fault),
        Err(nom::Err::Incomplete(_)) => Err(Fault::new(ErrorKind::TrailingText, b"")),
    }
}

pub(crate) fn utf8(value: &[u8]) -> Result<&str, Fault> {
    core::str::from_utf8(value).map_err(|error| Fault {
        kind: ErrorKind::Invalid(Field::Text),
        remaining: value.len().saturating_sub(error.valid_up_to()),
    })
}

/// Shows text; bytes that are not UTF-8 as U+FFFD.
pub(crate) fn write_lossy(f: &mut core::fmt::Formatter<'_>, text: &[u8]) -> core::fmt::Result {
    for chunk in text.utf8_chunks() {
        f.write_str(chunk.valid())?;
        if !chunk.invalid().is_empty() {
            f.write_str("\u{fffd}")?;
        }
    }
    Ok(())
}

/// Exactly one space, as RFC 8866's grammar has it between fields.
#[inline]
pub(crate) fn space(input: &str) -> Parsed<'_, &str> {
    match input.strip_prefix(' ') {
        Some(rest) => Ok((rest, " ")),
        None => reject(input),
    }
}

#[inline]
pub(crate) fn token(input: &str) -> Parsed<'_, &str> {
    bytes_where(input, is_token)
}

/// RFC 8839 §5.1: letters, digits, `+` and `/`.
pub(crate) fn ice_chars(length: RangeInclusive<usize>) -> impl FnMut(&str) -> Parsed<'_, &str> {
    move |input| {
        let (rest, text) = bytes_where(input, is_ice_char)?;
        if length.contains(&text.len()) {
            Ok((rest, text))
        } else {
            reject(input)
        }
    }
}

/// Visible characters, RFC 8866's `non-ws-string`.
#[inline]
pub(crate) fn visible(input: &str) -> Parsed<'_, &str> {
    bytes_where(input, |byte| byte > b' ' && byte != 0x7f)
}

pub(crate) fn digits(input: &str) -> Parsed<'_, &str> {
    bytes_where(input, |byte| byte.is_ascii_digit())
}

/// A decimal number within `range`.
#[inline]
pub(crate) fn number(range: RangeInclusive<u64>) -> impl FnMut(&str) -> Parsed<'_, u64> {
    move |input| {
        let (mut number, mut length) = (0_u64, 0_usize);
        for byte in input.bytes() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            // More than 64 bits hold stays the largest number, which is in no range.
            number = number.saturating_mul(10).saturating_add(u64::from(digit));
            length = length.wrapping_add(1);
        }
        match input.get(length..) {
            Some(rest) if length > 0 && range.contains(&number) => Ok((rest, number)),
            _ => reject(input),
        }
    }
}

#[inline]
pub(crate) fn number_u8(range: RangeInclusive<u8>) -> impl FnMut(&str) -> Parsed<'_, u8> {
    move |input| {
        let (rest, number) = number(u64::from(*range.start())..=u64::from(*range.end())).parse(input)?;
        u8::try_from(number).map_or_else(|_| reject(input), |number| Ok((rest, number)))
    }
}

#[inline]
pub(crate) fn number_u16(range: RangeInclusive<u16>) -> impl FnMut(&str) -> Parsed<'_, u16> {
    move |input| {
        let (rest, number) = number(u64::from(*range.start())..=u64::from(*range.end())).parse(input)?;
        u16::try_from(number).map_or_else(|_| reject(input), |number| Ok((rest, number)))
    }
}

#[inline]
pub(crate) fn number_u32(range: RangeInclusive<u32>) -> impl FnMut(&str) -> Parsed<'_, u32> {
    move |input| {
        let (rest, number) = number(u64::from(*range.start())..=u64::from(*range.end())).parse(input)?;
        u32::try_from(number).map_or_else(|_| reject(input), |number| Ok((rest, number)))
    }
}

/// An IPv4 or IPv6 address, or what can be a host name (RFC 8866 §9 `FQDN`; underscores occur too).
/// No brackets, no zone.
#[inline]
pub(crate) fn host(input: &str) -> Parsed<'_, &str> {
    let (mut colons, mut others) = (false, false);
    let (rest, text) = bytes_where(input, |byte| match byte {
        b'0'..=b'9' | b'.' => true,
        b':' => {
            colons = true;
            true
        }
        b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' => {
            others = true;
            true
        }
        _ => false,
    })?;
    let fits = if colons {
        text.parse::<core::net::Ipv6Addr>().is_ok()
    } else {
        others || text.parse::<core::net::Ipv4Addr>().is_ok()
    };
    if fits { Ok((rest, text)) } else { reject(input) }
}

/// Fails at `input`; the enclosing [`field`] says with what.
pub(crate) fn reject<T>(input: &str) -> Parsed<'_, T> {
    Err(nom::Err::Error(Fault::new(ErrorKind::TrailingText, input.as_bytes())))
}

/// At least one byte of a class. A class has all bytes above 0x7f or none of them, so that it never
/// cuts a character in two.
#[inline]
pub(crate) fn bytes_where(input: &str, mut class: impl FnMut(u8) -> bool) -> Parsed<'_, &str> {
    let end = input.bytes().position(|byte| !class(byte)).unwrap_or(input.len());
    match input.split_at_checked(end) {
        Some((text, rest)) if end > 0 => Ok((rest, text)),
        _ => reject(input),
    }
}

/// RFC 8866 §9 `token-char`.
#[inline]
pub(crate) fn is_token(byte: u8) -> bool {
    TOKEN.get(usize::from(byte)).copied().unwrap_or(false)
}

/// As a table: each attribute's name goes through it, and comparing with ranges costs three times
/// as much.
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut rest: &[u8] = b"!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz{|}~";
    while let [byte, tail @ ..] = rest {
        if let Some((_, from)) = table.split_at_mut_checked(*byte as usize)
            && let [entry, ..] = from
        {
            *entry = true;
        }
        rest = tail;
    }
    table
};

/// How many bytes at the start are token characters.
#[inline]
pub(crate) fn token_length(text: &[u8]) -> usize {
    text.iter().position(|byte| !is_token(*byte)).unwrap_or(text.len())
}

pub(crate) fn is_ice_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// All that is left, at least one byte.
pub(crate) fn some_text(input: &str) -> Parsed<'_, &str> {
    if input.is_empty() { reject(input) } else { rest(input) }
}

/// All that is left.
pub(crate) fn rest(input: &str) -> Parsed<'_, &str> {
    nom::combinator::rest.parse(input)
}
