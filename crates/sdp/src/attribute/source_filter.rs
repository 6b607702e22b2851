//! `a=source-filter` (RFC 4570).

use core::fmt;

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::{opt, recognize, value};
use nom::multi::many0_count;
use nom::sequence::preceded;

use crate::error::Field;
use crate::grammar::{Fault, field, space, token, visible, whole};

/// `a=source-filter`: from whom packets are welcome, or from whom not (RFC 4570 §3).
///
/// ```
/// use pollrtc_sdp::attribute::Attribute;
///
/// let value = b" incl IN IP4 233.252.0.1 192.0.2.1 192.0.2.2";
/// let Ok(Attribute::SourceFilter(filter)) = Attribute::parse("source-filter", Some(value)) else { panic!() };
/// assert_eq!((filter.includes, filter.destination), (true, "233.252.0.1"));
/// assert_eq!(filter.sources().collect::<Vec<_>>(), ["192.0.2.1", "192.0.2.2"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SourceFilter<'a> {
    /// Whether only the listed sources may send (`incl`), or all but them (`excl`).
    pub includes: bool,
    /// `IN`.
    pub network_type: &'a str,
    /// `IP4`, `IP6` or `*`.
    pub address_type: &'a str,
    /// An address of a `c=` line, or `*`.
    pub destination: &'a str,
    sources: &'a str,
}

impl<'a> SourceFilter<'a> {
    /// The addresses or names of the sources, at least one.
    pub fn sources(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        self.sources.split(' ')
    }

    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        let filter = |input| {
            // RFC 4570 Appendix A wants a space behind the colon; not all write it.
            let (input, _) = opt(space).parse(input)?;
            let (input, includes) = alt((value(true, tag("incl")), value(false, tag("excl")))).parse(input)?;
            let (input, network_type) = preceded(space, token).parse(input)?;
            let (input, address_type) = preceded(space, token).parse(input)?;
            let (input, destination) = preceded(space, visible).parse(input)?;
            let list = recognize((visible, many0_count(preceded(space, visible))));
            let (input, sources) = preceded(space, list).parse(input)?;
            Ok((
                input,
                Self {
                    includes,
                    network_type,
                    address_type,
                    destination,
                    sources,
                },
            ))
        };
        whole(text, field(Field::SourceFilter, filter))
    }
}

impl fmt::Display for SourceFilter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            network_type,
            address_type,
            destination,
            sources,
            ..
        } = self;
        let mode = if self.includes { "incl" } else { "excl" };
        write!(f, " {mode} {network_type} {address_type} {destination} {sources}")
    }
}
