//! `a=simulcast`: one source in several encodings (RFC 8853).

use core::fmt;

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::{opt, recognize};
use nom::multi::many0_count;
use nom::sequence::preceded;

use super::InvalidAttribute;
use super::rid::rid_id;
use crate::error::Field;
use crate::grammar::{Fault, Parsed, field, space, whole};

/// `a=simulcast`: the encodings that the writer sends, and those that it receives (RFC 8853 §5.1).
///
/// ```
/// use pollrtc_sdp::attribute::Attribute;
///
/// let Ok(Attribute::Simulcast(simulcast)) = Attribute::parse("simulcast", Some(b"send 1,~4;2 recv hi")) else { panic!() };
/// let streams: Vec<Vec<_>> = simulcast
///     .send
///     .unwrap()
///     .streams()
///     .map(|stream| stream.alternatives().map(|rid| (rid.id, rid.paused)).collect())
///     .collect();
/// assert_eq!(streams, [vec![("1", false), ("4", true)], vec![("2", false)]]);
/// assert_eq!(simulcast.recv.unwrap().rids().count(), 1);
/// ```
///
/// RFC 8853 §5.1 has an attribute that does not follow the grammar ignored; it never makes a
/// description invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Simulcast<'a> {
    /// What the writer sends, the most preferred first.
    pub send: Option<SimulcastList<'a>>,
    /// What the writer receives, the most preferred first.
    pub recv: Option<SimulcastList<'a>>,
}

impl<'a> Simulcast<'a> {
    /// The form of draft 3, which old peers write: ` send rid=1;2`. Ours is RFC 8853's.
    pub(super) fn parse_draft(text: &'a str) -> Result<Self, Fault> {
        whole(text.trim_ascii_start(), |input| directions("rid=", input))
    }

    pub(crate) fn parse(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| directions("", input))
    }
}

/// RFC 8853 §5.1 `sc-value`, with `prefix` before each list.
fn directions<'a>(prefix: &'static str, input: &'a str) -> Parsed<'a, Simulcast<'a>> {
    let sends = |input| preceded(tag("send "), list(prefix)).parse(input);
    let receives = |input| preceded(tag("recv "), list(prefix)).parse(input);
    let send_first = (sends, opt(preceded(space, receives))).map(|(send, recv)| Simulcast { send: Some(send), recv });
    let recv_first = (receives, opt(preceded(space, sends))).map(|(recv, send)| Simulcast { send, recv: Some(recv) });
    field(Field::Simulcast, alt((send_first, recv_first))).parse(input)
}

fn list<'a>(prefix: &'static str) -> impl Parser<&'a str, Output = SimulcastList<'a>, Error = Fault> {
    preceded(tag(prefix), stream_list).map(SimulcastList)
}

/// RFC 8853 §5.1 `sc-str-list`.
fn stream_list(input: &str) -> Parsed<'_, &str> {
    let rid = |input| recognize((opt(tag("~")), rid_id)).parse(input);
    let stream = |input| recognize((rid, many0_count(preceded(tag(","), rid)))).parse(input);
    recognize((stream, many0_count(preceded(tag(";"), stream)))).parse(input)
}

impl fmt::Display for Simulcast<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.send, self.recv) {
            (Some(send), Some(recv)) => write!(f, "send {send} recv {recv}"),
            (Some(send), None) => write!(f, "send {send}"),
            (None, Some(recv)) => write!(f, "recv {recv}"),
            (None, None) => Ok(()),
        }
    }
}

/// The streams of one direction (RFC 8853 §5.1 `sc-str-list`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SimulcastList<'a>(&'a str);

impl<'a> SimulcastList<'a> {
    /// Reads a list such as `1,~4;2`.
    pub fn parse(text: &'a str) -> Result<Self, InvalidAttribute> {
        whole(text, field(Field::Simulcast, stream_list))
            .map(Self)
            .map_err(|fault| InvalidAttribute::new(fault, text.len()))
    }

    /// The streams, the most preferred first.
    pub fn streams(&self) -> impl Iterator<Item = SimulcastStream<'a>> + Clone + use<'a> {
        self.0.split(';').map(SimulcastStream)
    }

    /// The rids of all streams and alternatives.
    pub fn rids(&self) -> impl Iterator<Item = SimulcastRid<'a>> + Clone + use<'a> {
        self.0.split([';', ',']).map(SimulcastRid::of)
    }

    /// The text as it came.
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

impl fmt::Display for SimulcastList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// One stream: the formats that it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SimulcastStream<'a>(&'a str);

impl<'a> SimulcastStream<'a> {
    /// The rids of its alternatives, the most preferred first; mostly there is one.
    pub fn alternatives(&self) -> impl Iterator<Item = SimulcastRid<'a>> + Clone + use<'a> {
        self.0.split(',').map(SimulcastRid::of)
    }
}

/// A format of a simulcast stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SimulcastRid<'a> {
    /// The id of an `a=rid` of the same section.
    pub id: &'a str,
    /// Whether the stream is paused from the start (`~`).
    pub paused: bool,
}

impl<'a> SimulcastRid<'a> {
    fn of(text: &'a str) -> Self {
        match text.strip_prefix('~') {
            Some(id) => Self { id, paused: true },
            None => Self {
                id: text,
                paused: false,
            },
        }
    }
}
