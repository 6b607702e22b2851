//! `a=extmap`: RTP header extensions (RFC 8285 §5..8).

use core::fmt;

use nom::Parser;
use nom::bytes::complete::tag;
use nom::combinator::{cut, opt};
use nom::sequence::preceded;

use super::Direction;
use crate::error::Field;
use crate::grammar::{Fault, Parsed, field, number_u16, reject, some_text, space, token, visible, whole, write_texts};

/// `a=extmap`: the id that a header extension goes by (RFC 8285 §8).
///
/// ```
/// use pollrtc_sdp::attribute::{Attribute, Direction};
///
/// let value = b"2/sendrecv http://example.com/082005/ext.htm#xmeta short";
/// let Ok(Attribute::ExtMap(extension)) = Attribute::parse("extmap", Some(value)) else { panic!() };
/// assert_eq!((extension.id, extension.direction), (2, Some(Direction::SendRecv)));
/// assert_eq!(extension.attributes, Some("short"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExtMap<'a> {
    /// The id, from 1 to 255, of which one-byte headers can say up to 14; or from 4096 to 4351 in an offer
    /// that leaves the choice to the answerer.
    pub id: u16,
    /// Which way the extension goes, seen from the writer; both ways if it does not say.
    pub direction: Option<Direction>,
    /// The URI that names the extension.
    pub uri: &'a str,
    /// Attributes that the extension's own definition gives it.
    pub attributes: Option<&'a str>,
}

impl<'a> ExtMap<'a> {
    /// The URI of a header extension that is encrypted; the one that it hides follows (RFC 6904 §4).
    pub const ENCRYPT: &'static str = "urn:ietf:params:rtp-hdrext:encrypt";

    /// The first id of those that an offer uses if it has more extensions than ids (RFC 8285 §7).
    pub const FIRST_PROVISIONAL_ID: u16 = 4_096;

    /// Whether the answerer has to choose an id in the place of this one (RFC 8285 §7).
    pub fn is_provisional(&self) -> bool {
        self.id >= Self::FIRST_PROVISIONAL_ID
    }

    /// Whether a one-byte header can carry it: ids from 1 to 14 (RFC 8285 §4.2).
    pub fn fits_one_byte(&self) -> bool {
        (1..=14).contains(&self.id)
    }

    /// What stands in the encrypted element, if this is one (RFC 6904 §4): the same id and
    /// direction with the URI and attributes that follow.
    pub fn encrypted(&self) -> Option<ExtMap<'a>> {
        if self.uri != Self::ENCRYPT {
            return None;
        }
        let inner = self.attributes?;
        let (uri, attributes) = match inner.split_once(' ') {
            Some((uri, attributes)) => (uri, Some(attributes)),
            None => (inner, None),
        };
        Some(ExtMap {
            uri,
            attributes,
            ..*self
        })
    }

    pub(crate) fn parse(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| {
            let (input, id) = field(Field::ExtMapId, id).parse(input)?;
            let direction = field(Field::ExtMapDirection, direction);
            let (input, direction) = opt(preceded(tag("/"), cut(direction))).parse(input)?;
            let (input, uri) = field(Field::ExtMapUri, preceded(space, visible)).parse(input)?;
            let (input, attributes) = opt(preceded(space, some_text)).parse(input)?;
            Ok((
                input,
                Self {
                    id,
                    direction,
                    uri,
                    attributes,
                },
            ))
        })
    }
}

/// RFC 8285 §5 and §7: what headers can carry, and the range of offers.
fn id(input: &str) -> Parsed<'_, u16> {
    let (rest, id) = number_u16(1..=4_351).parse(input)?;
    if (256..ExtMap::FIRST_PROVISIONAL_ID).contains(&id) {
        reject(input)
    } else {
        Ok((rest, id))
    }
}

fn direction(input: &str) -> Parsed<'_, Direction> {
    let (rest, name) = token(input)?;
    Direction::named(name).map_or_else(|| reject(input), |direction| Ok((rest, direction)))
}

impl fmt::Display for ExtMap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)?;
        if let Some(direction) = self.direction {
            write!(f, "/{direction}")?;
        }
        write_texts(f, &[" ", self.uri])?;
        self.attributes
            .map_or(Ok(()), |attributes| write_texts(f, &[" ", attributes]))
    }
}
