//! The rules that several lines and attributes share, as `nom` parsers over a value's text.

use core::ops::RangeInclusive;

use nom::Parser;
use nom::error::{ErrorKind as NomKind, ParseError as NomError};

use crate::error::{ErrorKind, Field};
use crate::scan;

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

/// Writes texts one after the other, without the way through formatting that `write!` takes.
pub(crate) fn write_texts(f: &mut core::fmt::Formatter<'_>, texts: &[&str]) -> core::fmt::Result {
    texts.iter().try_for_each(|text| f.write_str(text))
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
    split(input, scan::visible_length(input.as_bytes()))
}

pub(crate) fn digits(input: &str) -> Parsed<'_, &str> {
    bytes_where(input, |byte| byte.is_ascii_digit())
}

/// A decimal number within `range`.
#[inline]
pub(crate) fn number(range: RangeInclusive<u64>) -> impl FnMut(&str) -> Parsed<'_, u64> {
    move |input| {
        let digits = input
            .bytes()
            .map(|byte| byte.wrapping_sub(b'0'))
            .take_while(|digit| *digit <= 9);
        let (number, length) = digits.clone().fold((0_u64, 0_usize), |(number, length), digit| {
            let number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
            (number, length.wrapping_add(1))
        });
        let number = match length {
            ..=DIGITS_OF_64_BITS => number,
            _ => saturated(digits),
        };
        match input.split_at_checked(length) {
            Some((_, rest)) if length > 0 && range.contains(&number) => Ok((rest, number)),
            _ => reject(input),
        }
    }
}

/// So many fit, whatever they are.
const DIGITS_OF_64_BITS: usize = 19;

/// The number of many digits, of which some may be zeroes in front. More than 64 bits hold stays the
/// largest number, which is in no range but those without an end.
#[cold]
fn saturated(digits: impl Iterator<Item = u8>) -> u64 {
    digits.fold(0, |number: u64, digit| {
        number.saturating_mul(10).saturating_add(u64::from(digit))
    })
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
    let mut classes = 0;
    let (rest, text) = bytes_where(input, |byte| {
        let class = classes_of(byte) & (ADDRESS | COLON | HOST_NAME);
        classes |= class;
        class != 0
    })?;
    let fits = match () {
        () if classes & COLON != 0 => text.parse::<core::net::Ipv6Addr>().is_ok(),
        () if classes & HOST_NAME != 0 => true,
        () => is_ipv4(text.as_bytes()),
    };
    if fits { Ok((rest, text)) } else { reject(input) }
}

/// Whether digits and dots are an IPv4 address: as `Ipv4Addr` reads them, without making one.
fn is_ipv4(text: &[u8]) -> bool {
    let (mut dots, mut has_digits, mut octet) = (0_u32, false, 0_u32);
    for byte in text {
        if *byte == b'.' {
            if !has_digits || dots == 3 {
                return false;
            }
            (dots, has_digits, octet) = (dots.wrapping_add(1), false, 0);
            continue;
        }
        // No zeroes in front of others.
        if has_digits && octet == 0 {
            return false;
        }
        octet = octet.wrapping_mul(10).wrapping_add(u32::from(byte.wrapping_sub(b'0')));
        if octet > 255 {
            return false;
        }
        has_digits = true;
    }
    dots == 3 && has_digits
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
    split(input, end)
}

/// The first `length` bytes, at least one.
#[inline]
fn split(input: &str, length: usize) -> Parsed<'_, &str> {
    match input.split_at_checked(length) {
        Some((text, rest)) if length > 0 => Ok((rest, text)),
        _ => reject(input),
    }
}

/// RFC 8866 §9 `token-char`.
#[inline]
pub(crate) fn is_token(byte: u8) -> bool {
    classes_of(byte) & TOKEN != 0
}

#[inline]
pub(crate) fn is_ice_char(byte: u8) -> bool {
    classes_of(byte) & ICE != 0
}

/// Hexadecimal digits and colons.
#[inline]
pub(crate) fn is_hash_char(byte: u8) -> bool {
    classes_of(byte) & (HEX | COLON) != 0
}

/// How many bytes at the start are token characters.
#[inline]
pub(crate) fn token_length(text: &[u8]) -> usize {
    text.iter().position(|byte| !is_token(*byte)).unwrap_or(text.len())
}

/// What a byte can be part of.
#[inline]
fn classes_of(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(0)
}

const TOKEN: u8 = 1;
const ICE: u8 = 2;
/// Of an IPv4 address; with [`COLON`] of an IPv6 address.
const ADDRESS: u8 = 4;
const COLON: u8 = 8;
/// Of a host name, but of no IPv4 address.
const HOST_NAME: u8 = 16;
const HEX: u8 = 32;

/// As a table: most bytes go through it, and comparing with ranges costs three times as much.
static CLASSES: [u8; 256] = {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let table = with([0; 256], letters, TOKEN | ICE | HOST_NAME);
    let table = with(table, b"0123456789", TOKEN | ICE | ADDRESS);
    let table = with(table, b"!#$%&'*+-.^_`{|}~", TOKEN);
    let table = with(table, b"+/", ICE);
    let table = with(table, b".", ADDRESS);
    let table = with(table, b":", COLON);
    let table = with(table, b"-_", HOST_NAME);
    with(table, b"0123456789ABCDEFabcdef", HEX)
};

const fn with(mut table: [u8; 256], mut bytes: &[u8], classes: u8) -> [u8; 256] {
    while let [byte, rest @ ..] = bytes {
        if let Some((_, from)) = table.split_at_mut_checked(*byte as usize)
            && let [entry, ..] = from
        {
            *entry |= classes;
        }
        bytes = rest;
    }
    table
}

/// `split_once(' ')`, without the set-up that searching for any character costs: words are a few
/// bytes long.
#[inline]
pub(crate) fn split_at_space(text: &str) -> Option<(&str, &str)> {
    let (before, after) = text.split_at_checked(text.bytes().position(|byte| byte == b' ')?)?;
    Some((before, after.get(1..)?))
}

/// What stands between spaces.
#[inline]
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> + Clone {
    let mut rest = text;
    let words = core::iter::from_fn(move || {
        let (word, behind) = split_at_space(rest).unwrap_or((rest, ""));
        let ended = rest.is_empty();
        rest = behind;
        (!ended).then_some(word)
    });
    words.filter(|word| !word.is_empty())
}

/// All that is left, at least one byte.
pub(crate) fn some_text(input: &str) -> Parsed<'_, &str> {
    if input.is_empty() { reject(input) } else { rest(input) }
}

/// All that is left.
pub(crate) fn rest(input: &str) -> Parsed<'_, &str> {
    nom::combinator::rest.parse(input)
}
