//! `a=rid`: restrictions on one of a section's RTP streams (RFC 8851).

use core::fmt;

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::{cut, opt, recognize, value};
use nom::multi::many0_count;
use nom::sequence::preceded;

use super::InvalidAttribute;
use crate::error::Field;
use crate::grammar::{Fault, Parsed, bytes_where, digits, field, number_u8, reject, space, whole};

/// `a=rid`: an RTP stream's name, and what it is restricted to (RFC 8851 §10).
///
/// ```
/// use pollrtc_sdp::attribute::{Attribute, Rid, RidDirection};
///
/// let Ok(Attribute::Rid(rid)) = Attribute::parse("rid", Some(b"hi send pt=97,98;max-width=1280;max-fps")) else { panic!() };
/// assert_eq!((rid.id, rid.direction), ("hi", RidDirection::Send));
/// assert_eq!(rid.payload_types().collect::<Vec<_>>(), [97, 98]);
/// assert_eq!(rid.restrictions().collect::<Vec<_>>(), [("max-width", Some("1280")), ("max-fps", None)]);
///
/// let low = Rid::new("lo", RidDirection::Send).with_parameters("max-width=320").unwrap();
/// assert_eq!(low.to_string(), "lo send max-width=320");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rid<'a> {
    /// Letters, digits, `-` and `_`; unique in the section.
    pub id: &'a str,
    /// Whether the writer sends or receives the stream.
    pub direction: RidDirection,
    /// As they came, payload types first.
    parameters: &'a str,
}

impl<'a> Rid<'a> {
    /// A stream without restrictions.
    pub fn new(id: &'a str, direction: RidDirection) -> Self {
        Self {
            id,
            direction,
            parameters: "",
        }
    }

    /// The same stream with payload types and restrictions as RFC 8851 §10 writes them:
    /// `pt=97,98;max-width=1280`.
    pub fn with_parameters(self, parameters: &'a str) -> Result<Self, InvalidAttribute> {
        if !parameters.is_empty() {
            whole(parameters, parameter_list).map_err(|fault| InvalidAttribute::new(fault, parameters.len()))?;
        }
        Ok(Self { parameters, ..self })
    }

    /// The payload types that the stream may have; none named means any of the section.
    pub fn payload_types(&self) -> impl Iterator<Item = u8> + Clone + use<'a> {
        let list = match self.parameters.strip_prefix("pt=") {
            Some(list) => list.split(';').next().unwrap_or_default(),
            None => "",
        };
        list.split(',').filter_map(|payload_type| payload_type.parse().ok())
    }

    /// Names and values of the restrictions, in order (RFC 8851 §5). One without a value says that
    /// the writer understands it.
    pub fn restrictions(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + Clone + use<'a> {
        let payload_types_first = usize::from(self.parameters.starts_with("pt="));
        self.parameters
            .split(';')
            .skip(payload_types_first)
            .filter(|parameter| !parameter.is_empty())
            .map(|parameter| match parameter.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (parameter, None),
            })
    }

    /// The value of the restriction `name`, such as `max-width`.
    pub fn restriction(&self, name: &str) -> Option<&'a str> {
        self.restrictions()
            .find(|(each, _)| *each == name)
            .and_then(|(_, value)| value)
    }

    /// Payload types and restrictions as they came.
    pub fn parameters(&self) -> &'a str {
        self.parameters
    }

    pub(crate) fn parse(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| {
            let (input, id) = field(Field::Rid, rid_id).parse(input)?;
            let (input, direction) = field(Field::RidDirection, preceded(space, direction)).parse(input)?;
            let (input, parameters) = opt(preceded(space, cut(parameter_list))).parse(input)?;
            Ok((
                input,
                Self {
                    id,
                    direction,
                    parameters: parameters.unwrap_or_default(),
                },
            ))
        })
    }
}

impl fmt::Display for Rid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.direction)?;
        if self.parameters.is_empty() {
            Ok(())
        } else {
            write!(f, " {}", self.parameters)
        }
    }
}

/// Whether the writer of an `a=rid` sends or receives the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RidDirection {
    /// It sends.
    Send,
    /// It receives.
    Recv,
}

impl RidDirection {
    /// The name as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            RidDirection::Send => "send",
            RidDirection::Recv => "recv",
        }
    }

    /// The same stream's direction seen from the other side.
    pub fn reversed(self) -> Self {
        match self {
            RidDirection::Send => RidDirection::Recv,
            RidDirection::Recv => RidDirection::Send,
        }
    }
}

impl fmt::Display for RidDirection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// RFC 8851 §10 `rid-id`.
pub(super) fn rid_id(input: &str) -> Parsed<'_, &str> {
    bytes_where(input, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
    })
}

fn direction(input: &str) -> Parsed<'_, RidDirection> {
    alt((
        value(RidDirection::Send, tag("send")),
        value(RidDirection::Recv, tag("recv")),
    ))
    .parse(input)
}

/// RFC 8851 §10 `rid-pt-param-list` and `rid-param-list`.
fn parameter_list(input: &str) -> Parsed<'_, &str> {
    let more = || many0_count(preceded(tag(";"), restriction));
    let list = alt((recognize((formats, more())), recognize((restriction, more()))));
    field(Field::RidRestriction, list).parse(input)
}

fn formats(input: &str) -> Parsed<'_, &str> {
    let format = || number_u8(0..=127);
    recognize((tag("pt="), format(), many0_count(preceded(tag(","), format())))).parse(input)
}

/// RFC 8851 §10 `rid-param`: the known ones have numbers, others any text without semicolons.
fn restriction(input: &str) -> Parsed<'_, &str> {
    let (rest, name) = bytes_where(input, |byte| byte.is_ascii_alphanumeric() || byte == b'-')?;
    let Some(after) = rest.strip_prefix('=') else {
        return if matches!(name, "depend" | "pt") {
            reject(input)
        } else {
            Ok((rest, name))
        };
    };
    let (rest, _) = match name {
        "max-width" | "max-height" | "max-fps" | "max-fs" | "max-br" | "max-pps" => digits(after)?,
        "max-bpp" => recognize((digits, tag("."), digits)).parse(after)?,
        "depend" => recognize((rid_id, many0_count(preceded(tag(","), rid_id)))).parse(after)?,
        "pt" => return reject(input),
        _ => opt(|text| bytes_where(text, |byte| matches!(byte, b' '..=b':' | b'<'..=b'~')))
            .parse(after)
            .map(|(rest, value)| (rest, value.unwrap_or_default()))?,
    };
    Ok((rest, name))
}
