//! The lines that are only checked for their form, since nothing of WebRTC depends on them: text,
//! URI, e-mail address, phone number, repeat times, zones and keys.

use nom::Parser;
use nom::bytes::complete::tag;
use nom::combinator::{opt, recognize, verify};
use nom::multi::{many0_count, many1_count};
use nom::sequence::preceded;

use crate::error::{ErrorKind, Field};
use crate::grammar::{Fault, Parsed, complete, digits, field, space};

/// `s=`, `i=`: any text, but not nothing. Its encoding is `a=charset`'s business.
pub(crate) fn text(value: &[u8], field: Field) -> Result<(), Fault> {
    require(!value.is_empty(), value, field)
}

/// `u=`: the characters of a URI reference (RFC 3986 §2), and two hexadecimal digits after each `%`.
pub(crate) fn uri(value: &[u8]) -> Result<(), Fault> {
    require(is_uri(value), value, Field::Uri)
}

fn is_uri(value: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(byte);
    let mut escapes = value.split(|byte| *byte == b'%').skip(1);
    !value.is_empty()
        && value.iter().all(allowed)
        && escapes
            .all(|escape| matches!(escape, [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()))
}

/// `e=`: an address, alone, with a comment in parentheses behind it, or in angle brackets behind a
/// name (RFC 8866 §5.6 and §9 `email-address`).
pub(crate) fn email(value: &[u8]) -> Result<(), Fault> {
    let fits = match named(value) {
        Some((name, address)) => name.ends_with(b" ") && is_safe(name) && is_address(address),
        None => {
            let (address, commented) = without_comment(value);
            is_address(address.trim_ascii_end()) && (!commented || address.ends_with(b" "))
        }
    };
    require(fits, value, Field::Email)
}

/// RFC 5322 §3.4.1 `addr-spec`, as far as it can be told from other text: something on either side of
/// an `@`, and no space outside of quotes.
fn is_address(value: &[u8]) -> bool {
    let Some(at) = value.iter().rposition(|byte| *byte == b'@') else {
        return false;
    };
    let (local, domain) = value.split_at_checked(at).unwrap_or_default();
    let plain = |part: &[u8]| {
        part.iter()
            .all(|byte| !byte.is_ascii_control() && !b" ()<>,;".contains(byte))
    };
    let quoted = local.len() > 2 && local.starts_with(b"\"") && local.ends_with(b"\"");
    !local.is_empty() && (quoted || plain(local)) && domain.len() > 1 && plain(domain)
}

/// `p=`: a number, alone, with a comment in parentheses behind it, or in angle brackets behind a name
/// (RFC 8866 §5.6 and §9 `phone-number`).
pub(crate) fn phone(value: &[u8]) -> Result<(), Fault> {
    let fits = match named(value) {
        Some((name, number)) => is_safe(name) && is_phone(number),
        None => is_phone(without_comment(value).0.trim_ascii_end()),
    };
    require(fits, value, Field::Phone)
}

fn is_phone(number: &[u8]) -> bool {
    match number.strip_prefix(b"+").unwrap_or(number) {
        [first, rest @ ..] => {
            first.is_ascii_digit()
                && !rest.is_empty()
                && rest
                    .iter()
                    .all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'-'))
        }
        [] => false,
    }
}

/// `name<address>`: the name and the address.
fn named(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let value = value.strip_suffix(b">")?;
    let start = value.iter().position(|byte| *byte == b'<')?;
    let (name, address) = value.split_at_checked(start)?;
    Some((name, address.get(1..)?)).filter(|(name, _)| !name.is_empty())
}

/// What stands before a comment in parentheses, and whether there is one.
fn without_comment(value: &[u8]) -> (&[u8], bool) {
    let comment = value.strip_suffix(b")").and_then(|value| {
        let start = value.iter().position(|byte| *byte == b'(')?;
        let (before, comment) = value.split_at_checked(start)?;
        let text = comment.get(1..)?;
        (!text.is_empty() && is_safe(text)).then_some(before)
    });
    comment.map_or((value, false), |before| (before, true))
}

/// RFC 8866 §9 `email-safe`.
fn is_safe(text: &[u8]) -> bool {
    text.iter().all(|byte| !b"()<>".contains(byte))
}

/// `r=`: an interval, a duration and at least one offset (RFC 8866 §5.10).
pub(crate) fn repeat(value: &[u8]) -> Result<(), Fault> {
    let interval = verify(typed_time, |text: &str| !text.starts_with('0'));
    let offsets = many1_count(preceded(space, typed_time));
    complete(
        value,
        field(Field::RepeatTime, (interval, preceded(space, typed_time), offsets)),
    )
    .map(drop)
}

/// `z=`: pairs of a time and an offset, which may be negative (RFC 8866 §5.11).
pub(crate) fn zones(value: &[u8]) -> Result<(), Fault> {
    let pair = |input| (digits, space, opt(tag("-")), typed_time).parse(input);
    complete(value, |input| {
        let (input, _) = field(Field::ZoneAdjustment, pair).parse(input)?;
        let (input, _) = many0_count(preceded(space, pair)).parse(input)?;
        Ok((input, ()))
    })
}

/// RFC 8866 §9 `typed-time`: digits and a unit.
fn typed_time(input: &str) -> Parsed<'_, &str> {
    recognize((digits, opt(nom::character::complete::one_of("dhms")))).parse(input)
}

/// `k=`: accepted so that old files parse, and otherwise ignored (RFC 8866 §5.12: not to be used).
pub(crate) fn key(value: &[u8]) -> Result<(), Fault> {
    let fits = match value {
        b"prompt" => true,
        [b'c', b'l', b'e', b'a', b'r', b':', key @ ..] => !key.is_empty(),
        [b'b', b'a', b's', b'e', b'6', b'4', b':', key @ ..] => is_base64(key),
        [b'u', b'r', b'i', b':', key @ ..] => is_uri(key),
        _ => false,
    };
    require(fits, value, Field::Key)
}

fn is_base64(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let characters = text.iter().rev().skip(padding);
    text.len().is_multiple_of(4)
        && padding <= 2
        && characters
            .into_iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

fn require(fits: bool, value: &[u8], field: Field) -> Result<(), Fault> {
    if fits {
        Ok(())
    } else {
        Err(Fault::new(ErrorKind::Invalid(field), value))
    }
}
