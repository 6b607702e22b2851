//! How media is to be shown and paced: the attributes of RFC 8866 §6 that have a number, and
//! `a=imageattr` (RFC 6236).

use core::fmt;

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::{opt, recognize, value};
use nom::multi::many0_count;
use nom::sequence::{delimited, preceded};

use crate::error::Field;
use crate::grammar::{Fault, Parsed, bytes_where, digits, field, number_u8, reject, space, whole};

/// A number above zero that may have a fraction, as it was written: `a=ptime`, `a=maxptime`
/// (milliseconds; RFC 8866 §6.4, §6.5) and `a=framerate` (§6.13).
///
/// ```
/// use pollrtc_sdp::attribute::{Attribute, Decimal};
///
/// let Ok(Attribute::Ptime(ptime)) = Attribute::parse("ptime", Some(b"0.125")) else { panic!() };
/// assert_eq!((ptime.as_str(), ptime.to_f64()), ("0.125", 0.125));
/// assert_eq!(Decimal::parse("20").unwrap().to_f64(), 20.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal<'a>(&'a str);

impl<'a> Decimal<'a> {
    /// Reads a number.
    pub fn parse(text: &'a str) -> Result<Self, super::InvalidAttribute> {
        Self::parse_as(Field::Decimal, text).map_err(|fault| super::InvalidAttribute::new(fault, text.len()))
    }

    /// The number.
    pub fn to_f64(&self) -> f64 {
        self.0.parse().unwrap_or(0.0)
    }

    /// The number as it was written.
    pub fn as_str(&self) -> &'a str {
        self.0
    }

    pub(super) fn parse_as(name: Field, text: &'a str) -> Result<Self, Fault> {
        whole(text, field(name, decimal)).map(Self)
    }
}

/// RFC 8866 §9 `non-zero-int-or-real`; cameras end fractions with zeroes, which changes nothing.
fn decimal(input: &str) -> Parsed<'_, &str> {
    let (rest, text) = recognize((digits, opt((tag("."), digits)))).parse(input)?;
    if text.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
        Ok((rest, text))
    } else {
        reject(input)
    }
}

impl fmt::Display for Decimal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// `a=imageattr`: the image sizes that the writer can send and receive (RFC 6236 §3.1).
///
/// ```
/// use pollrtc_sdp::attribute::Attribute;
///
/// let value = b"97 send [x=800,y=640,sar=1.1,q=0.6] [x=480,y=320] recv *";
/// let Ok(Attribute::ImageAttr(image)) = Attribute::parse("imageattr", Some(value)) else { panic!() };
/// assert_eq!(image.payload_type, Some(97));
/// let sent: Vec<_> = image.send.unwrap().sets().map(|set| (set.get("x"), set.get("q"))).collect();
/// assert_eq!(sent, [(Some("800"), Some("0.6")), (Some("480"), None)]);
/// assert!(image.recv.unwrap().is_any());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImageAttr<'a> {
    /// The payload type, or `None` for `*`: all of the section.
    pub payload_type: Option<u8>,
    /// What the writer can send.
    pub send: Option<ImageSets<'a>>,
    /// What the writer can receive.
    pub recv: Option<ImageSets<'a>>,
}

impl<'a> ImageAttr<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        whole(text, field(Field::ImageAttr, image_attr))
    }
}

fn image_attr(input: &str) -> Parsed<'_, ImageAttr<'_>> {
    let all = value(None, tag("*"));
    let (input, payload_type) = alt((all, number_u8(0..=127).map(Some))).parse(input)?;
    let sets = |name| preceded((spaces, tag(name), spaces), image_sets);
    let send_first = (sets("send"), opt(sets("recv"))).map(|(send, recv)| (Some(send), recv));
    let recv_first = (sets("recv"), opt(sets("send"))).map(|(recv, send)| (send, Some(recv)));
    let (input, (send, recv)) = alt((send_first, recv_first)).parse(input)?;
    Ok((
        input,
        ImageAttr {
            payload_type,
            send,
            recv,
        },
    ))
}

/// RFC 6236 §3.1.1 `attr-list`.
fn image_sets(input: &str) -> Parsed<'_, ImageSets<'_>> {
    let sets = (image_set, many0_count(preceded(spaces, image_set)));
    recognize(alt((tag("*"), recognize(sets)))).map(ImageSets).parse(input)
}

/// RFC 6236 §3.1.1 `set`, of whatever keys.
fn image_set(input: &str) -> Parsed<'_, &str> {
    recognize((
        tag("["),
        key_value,
        many0_count(preceded(tag(","), key_value)),
        tag("]"),
    ))
    .parse(input)
}

fn key_value(input: &str) -> Parsed<'_, &str> {
    let key = |input| {
        bytes_where(input, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
        })
    };
    let plain = |input| bytes_where(input, |byte| is_visible(byte) && byte != b',');
    let range = delimited(tag("["), |input| bytes_where(input, is_visible), tag("]"));
    recognize((key, tag("="), alt((range, plain)))).parse(input)
}

/// Visible ASCII but brackets.
fn is_visible(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'[' | b']')
}

fn spaces(input: &str) -> Parsed<'_, &str> {
    recognize(preceded(space, many0_count(space))).parse(input)
}

impl fmt::Display for ImageAttr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.payload_type {
            Some(payload_type) => write!(f, "{payload_type}")?,
            None => f.write_str("*")?,
        }
        if let Some(send) = self.send {
            write!(f, " send {send}")?;
        }
        self.recv.map_or(Ok(()), |recv| write!(f, " recv {recv}"))
    }
}

/// The image sizes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImageSets<'a>(&'a str);

impl<'a> ImageSets<'a> {
    /// Whether any size will do (`*`).
    pub fn is_any(&self) -> bool {
        self.0 == "*"
    }

    /// The sets in order; none where any size will do.
    pub fn sets(&self) -> impl Iterator<Item = ImageSet<'a>> + Clone + use<'a> {
        self.0
            .split(' ')
            .filter_map(|set| set.strip_prefix('[')?.strip_suffix(']'))
            .map(ImageSet)
    }

    /// The text as it came.
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

impl fmt::Display for ImageSets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A range of image sizes: `x`, `y`, and maybe `sar`, `par` and `q`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImageSet<'a>(&'a str);

impl<'a> ImageSet<'a> {
    /// The value of a key as it came: `800`, `[320:16:640]`, `[0.8,1.1]`.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.entries().find(|(each, _)| *each == key).map(|(_, value)| value)
    }

    /// Keys and values in order.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, &'a str)> + Clone + use<'a> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (key, after) = rest.split_once('=')?;
            // A comma within brackets belongs to the value.
            let closing = if after.starts_with('[') { after.find(']')? } else { 0 };
            let end = after
                .get(closing..)?
                .find(',')
                .map_or(after.len(), |comma| comma.saturating_add(closing));
            let (value, more) = after.split_at_checked(end)?;
            rest = more.strip_prefix(',').unwrap_or(more);
            Some((key, value))
        })
    }
}
