//! Data channels agreed in SDP: `a=dcmap` and `a=dcsa` (RFC 8864).

use core::fmt;

use nom::Parser;
use nom::bytes::complete::tag;
use nom::combinator::{opt, recognize};
use nom::multi::many0_count;
use nom::sequence::{delimited, preceded};

use crate::error::Field;
use crate::grammar::{Fault, Parsed, bytes_where, field, number_u16, rest, space, token, whole};

/// `a=dcmap`: a data channel that both sides open without DCEP (RFC 8864 §5.1).
///
/// ```
/// use pollrtc_sdp::attribute::Attribute;
///
/// let value = br#"3 label="Label; 1";ordered=false;max-retr=5;priority=128"#;
/// let Ok(Attribute::DcMap(channel)) = Attribute::parse("dcmap", Some(value)) else { panic!() };
/// assert_eq!((channel.stream, channel.label(), channel.ordered()), (3, "Label; 1", false));
/// assert_eq!((channel.max_retransmits(), channel.max_lifetime(), channel.priority()), (Some(5), None, Some(128)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DcMap<'a> {
    /// The SCTP stream.
    pub stream: u16,
    /// The options as they came.
    options: &'a str,
}

impl<'a> DcMap<'a> {
    /// A channel over this stream: ordered, reliable, without a label.
    pub fn new(stream: u16) -> Self {
        Self { stream, options: "" }
    }

    /// The same channel with options as RFC 8864 §5.1.1 writes them: `ordered=false;max-retr=5`.
    pub fn with_options(self, options: &'a str) -> Result<Self, super::InvalidAttribute> {
        if !options.is_empty() {
            whole(options, option_list).map_err(|fault| super::InvalidAttribute::new(fault, options.len()))?;
        }
        Ok(Self { options, ..self })
    }

    /// Names and values in order, quotation marks included.
    pub fn options(&self) -> impl Iterator<Item = (&'a str, &'a str)> + Clone + use<'a> {
        let mut rest = self.options;
        core::iter::from_fn(move || {
            let (name, after) = rest.split_once('=')?;
            let (behind, value) = option_value(after).ok()?;
            rest = behind.strip_prefix(';').unwrap_or(behind);
            Some((name, value))
        })
    }

    /// The value of an option, without quotation marks.
    pub fn option(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.options().find(|(each, _)| *each == name)?;
        Some(
            value
                .strip_prefix('"')
                .and_then(|value| value.strip_suffix('"'))
                .unwrap_or(value),
        )
    }

    /// The label; bytes that can't stand in it are written `%09` (see [`unescape`]).
    pub fn label(&self) -> &'a str {
        self.option("label").unwrap_or_default()
    }

    /// The subprotocol; bytes that can't stand in it are written `%09` (see [`unescape`]).
    pub fn subprotocol(&self) -> &'a str {
        self.option("subprotocol").unwrap_or_default()
    }

    /// Whether messages arrive in order; they do if the attribute says nothing (RFC 8864 §5.1.7).
    pub fn ordered(&self) -> bool {
        self.option("ordered") != Some("false")
    }

    /// How often a message is sent again.
    pub fn max_retransmits(&self) -> Option<u32> {
        self.option("max-retr")?.parse().ok()
    }

    /// For how many milliseconds a message is sent and sent again.
    pub fn max_lifetime(&self) -> Option<u32> {
        self.option("max-time")?.parse().ok()
    }

    /// RFC 8831 §6.4's priority; 256 is normal, which is meant if the attribute says nothing.
    pub fn priority(&self) -> Option<u16> {
        self.option("priority")?.parse().ok()
    }

    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| {
            let (input, stream) = field(Field::DataChannelStream, number_u16(0..=u16::MAX)).parse(input)?;
            let (input, options) = opt(preceded(space, option_list)).parse(input)?;
            Ok((
                input,
                Self {
                    stream,
                    options: options.unwrap_or_default(),
                },
            ))
        })
    }
}

/// The bytes that a label or a subprotocol stands for (RFC 8864 §5.1.1 `escaped-char`).
///
/// ```
/// assert_eq!(pollrtc_sdp::attribute::unescape("foo%09bar").collect::<Vec<_>>(), b"foo\tbar");
/// ```
pub fn unescape(text: &str) -> impl Iterator<Item = u8> + Clone + '_ {
    let mut rest = text.as_bytes();
    core::iter::from_fn(move || {
        let (byte, after) = match rest {
            [b'%', high, low, after @ ..] => match (hexadecimal(*high), hexadecimal(*low)) {
                (Some(high), Some(low)) => ((high << 4) | low, after),
                _ => (b'%', rest.get(1..)?),
            },
            [byte, after @ ..] => (*byte, after),
            [] => return None,
        };
        rest = after;
        Some(byte)
    })
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// RFC 8864 §5.1.1 `dcmap-opt`s.
fn option_list(input: &str) -> Parsed<'_, &str> {
    let option = || (token_before_equals, tag("="), option_value);
    let list = recognize((option(), many0_count(preceded(tag(";"), option()))));
    field(Field::DataChannelOption, list).parse(input)
}

fn token_before_equals(input: &str) -> Parsed<'_, &str> {
    bytes_where(input, |byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn option_value(input: &str) -> Parsed<'_, &str> {
    let quoted = |input| bytes_where(input, |byte| matches!(byte, b' '..=b'~') && byte != b'"');
    if input.starts_with('"') {
        recognize(delimited(tag("\""), opt(quoted), tag("\""))).parse(input)
    } else {
        bytes_where(input, |byte| {
            matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b';')
        })
    }
}

impl fmt::Display for DcMap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.stream)?;
        if self.options.is_empty() {
            Ok(())
        } else {
            write!(f, " {}", self.options)
        }
    }
}

/// `a=dcsa`: an attribute of a data channel's subprotocol (RFC 8864 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DcSa<'a> {
    /// The SCTP stream.
    pub stream: u16,
    /// The attribute's name.
    pub attribute: &'a str,
    /// What follows its colon.
    pub value: Option<&'a str>,
}

impl<'a> DcSa<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| {
            let (input, stream) = field(Field::DataChannelStream, number_u16(0..=u16::MAX)).parse(input)?;
            let (input, attribute) = field(Field::AttributeName, preceded(space, token)).parse(input)?;
            let (input, value) = opt(preceded(tag(":"), rest)).parse(input)?;
            Ok((
                input,
                Self {
                    stream,
                    attribute,
                    value,
                },
            ))
        })
    }
}

impl fmt::Display for DcSa<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.stream, self.attribute)?;
        self.value.map_or(Ok(()), |value| write!(f, ":{value}"))
    }
}
