//! Clocks of broadcasting equipment: `a=ts-refclk` and `a=mediaclk` (RFC 7273).

use core::fmt;

use nom::Parser;
use nom::bytes::complete::tag;
use nom::combinator::opt;
use nom::sequence::delimited;

use crate::error::Field;
use crate::grammar::{Fault, field, rest, space, token, visible, whole};

/// `a=ts-refclk`: the clock that timestamps refer to (RFC 7273 §4.8).
///
/// ```
/// use pollrtc_sdp::attribute::{Attribute, TsRefClk};
///
/// let value = b"ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:37";
/// let Ok(Attribute::TsRefClk(clock)) = Attribute::parse("ts-refclk", Some(value)) else { panic!() };
/// assert_eq!(clock, TsRefClk { source: "ptp", parameter: "=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:37" });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TsRefClk<'a> {
    /// `ntp`, `ptp`, `gps`, `gal`, `glonass`, `local`, `private` or another token.
    pub source: &'a str,
    /// What follows, `=` or `:` included; empty if nothing does.
    pub parameter: &'a str,
}

impl<'a> TsRefClk<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| {
            let (input, source) = field(Field::ClockSource, token).parse(input)?;
            let (input, parameter) = rest(input)?;
            Ok((input, Self { source, parameter }))
        })
    }
}

impl fmt::Display for TsRefClk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.source, self.parameter)
    }
}

/// `a=mediaclk`: how RTP timestamps relate to that clock (RFC 7273 §5.4).
///
/// ```
/// use pollrtc_sdp::attribute::{Attribute, MediaClk};
///
/// let Ok(Attribute::MediaClk(clock)) = Attribute::parse("mediaclk", Some(b"direct=963214424 rate=1000/1001")) else { panic!() };
/// assert_eq!(clock, MediaClk { id: None, source: "direct", parameter: "=963214424 rate=1000/1001" });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MediaClk<'a> {
    /// What follows `id=`.
    pub id: Option<&'a str>,
    /// `sender`, `direct`, `IEEE1722` or another token.
    pub source: &'a str,
    /// What follows, `=` included; empty if nothing does.
    pub parameter: &'a str,
}

impl<'a> MediaClk<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| {
            let (input, id) = opt(delimited(tag("id="), visible, space)).parse(input)?;
            let (input, source) = field(Field::MediaClock, token).parse(input)?;
            let (input, parameter) = rest(input)?;
            Ok((input, Self { id, source, parameter }))
        })
    }
}

impl fmt::Display for MediaClk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(id) = self.id {
            write!(f, "id={id} ")?;
        }
        write!(f, "{}{}", self.source, self.parameter)
    }
}
