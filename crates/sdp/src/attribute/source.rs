//! Who sends: `a=msid` (RFC 8830), `a=ssrc` and `a=ssrc-group` (RFC 5576).

use core::fmt;

use nom::Parser;
use nom::bytes::complete::tag;
use nom::combinator::{cut, opt, recognize};
use nom::multi::many0_count;
use nom::sequence::preceded;

use crate::error::Field;
use crate::grammar::{Fault, Parsed, field, number_u32, reject, rest, space, token, whole, write_texts};

/// `a=msid`: the stream that a section's media belongs to (RFC 8830 §2).
///
/// ```
/// use pollrtc_sdp::attribute::{Attribute, Msid};
///
/// let Ok(Attribute::Msid(msid)) = Attribute::parse("msid", Some(b"- {9ad4bd7b-7f5b-4a5c}")) else { panic!() };
/// assert_eq!(msid, Msid { stream: "-", track: Some("{9ad4bd7b-7f5b-4a5c}") });
/// assert_eq!(msid.stream_id(), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Msid<'a> {
    /// The stream's id, 1 to 64 token characters; `-` is no stream.
    pub stream: &'a str,
    /// The track's id ("appdata"), 1 to 64 token characters. RFC 9429 §5.8.2: of no meaning.
    pub track: Option<&'a str>,
}

impl<'a> Msid<'a> {
    /// The stream's id, unless it is `-`: the track is in no stream then (RFC 9429 §5.2.1).
    pub fn stream_id(&self) -> Option<&'a str> {
        (self.stream != "-").then_some(self.stream)
    }

    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| {
            let (input, stream) = field(Field::Msid, identifier).parse(input)?;
            let (input, track) = opt(preceded(space, cut(field(Field::Msid, identifier)))).parse(input)?;
            Ok((input, Self { stream, track }))
        })
    }
}

/// RFC 8830 §2 `identifier`.
fn identifier(input: &str) -> Parsed<'_, &str> {
    let (rest, text) = token(input)?;
    if text.len() <= 64 {
        Ok((rest, text))
    } else {
        reject(input)
    }
}

impl fmt::Display for Msid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.stream)?;
        self.track.map_or(Ok(()), |track| write_texts(f, &[" ", track]))
    }
}

/// `a=msid-semantic`, of a draft that expired: read whatever it says, never needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MsidSemantic<'a>(&'a str);

impl<'a> MsidSemantic<'a> {
    /// The token, which is `WMS`.
    pub fn semantic(&self) -> &'a str {
        self.words().next().unwrap_or_default()
    }

    /// The streams that it names; `*` is all.
    pub fn streams(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        self.words().skip(1)
    }

    /// As it came: Chrome has a space before the token, Firefox too, others not.
    pub fn as_str(&self) -> &'a str {
        self.0
    }

    fn words(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        self.0.split(' ').filter(|word| !word.is_empty())
    }

    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        Ok(Self(text))
    }
}

impl fmt::Display for MsidSemantic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// `a=ssrc`: something about an RTP source (RFC 5576 §4.1).
///
/// ```
/// use pollrtc_sdp::attribute::{Attribute, Ssrc};
///
/// let Ok(Attribute::Ssrc(ssrc)) = Attribute::parse("ssrc", Some(b"1112854129 cname:9h25drs5kRC+DqfJ")) else { panic!() };
/// assert_eq!(ssrc, Ssrc { ssrc: 1_112_854_129, attribute: "cname", value: Some("9h25drs5kRC+DqfJ") });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ssrc<'a> {
    /// The source.
    pub ssrc: u32,
    /// The name of what is said: `cname`, and before RFC 8830 `msid`, `mslabel` and `label`.
    pub attribute: &'a str,
    /// What follows its colon.
    pub value: Option<&'a str>,
}

impl<'a> Ssrc<'a> {
    /// The stream and the track, in descriptions that say so for each source (the form before
    /// RFC 8830, plan B).
    pub fn msid(&self) -> Option<Msid<'a>> {
        match (self.attribute, self.value) {
            ("msid", Some(value)) => Msid::parse(value.trim_ascii_end()).ok(),
            _ => None,
        }
    }

    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| {
            let (input, ssrc) = field(Field::Ssrc, number_u32(0..=u32::MAX)).parse(input)?;
            let (input, attribute) = field(Field::SourceAttribute, preceded(space, token)).parse(input)?;
            let (input, value) = opt(preceded(tag(":"), rest)).parse(input)?;
            Ok((input, Self { ssrc, attribute, value }))
        })
    }
}

impl fmt::Display for Ssrc<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.ssrc)?;
        write_texts(f, &[" ", self.attribute])?;
        self.value.map_or(Ok(()), |value| write_texts(f, &[":", value]))
    }
}

/// `a=ssrc-group`: RTP sources that belong together (RFC 5576 §4.2).
///
/// ```
/// use pollrtc_sdp::attribute::{Attribute, SsrcGroup};
///
/// let Ok(Attribute::SsrcGroup(group)) = Attribute::parse("ssrc-group", Some(b"FID 1112854129 1154699093")) else { panic!() };
/// assert_eq!(group.semantics, "FID");
/// assert_eq!(group.ssrcs().collect::<Vec<_>>(), [1_112_854_129, 1_154_699_093]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SsrcGroup<'a> {
    /// `FID` (RFC 4588: a source and its retransmissions), `FEC-FR` (RFC 5956), `SIM` (simulcast
    /// layers before RFC 8853) or another token.
    pub semantics: &'a str,
    ssrcs: &'a str,
}

impl<'a> SsrcGroup<'a> {
    /// The sources in order; none is legal.
    pub fn ssrcs(&self) -> impl Iterator<Item = u32> + Clone + use<'a> {
        self.ssrcs.split(' ').filter_map(|ssrc| ssrc.parse().ok())
    }

    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| {
            let (input, semantics) = field(Field::SsrcGroupSemantics, token).parse(input)?;
            let (input, ssrcs) = field(Field::Ssrc, recognize(many0_count(listed_ssrc))).parse(input)?;
            Ok((
                input,
                Self {
                    semantics,
                    ssrcs: ssrcs.strip_prefix(' ').unwrap_or(ssrcs),
                },
            ))
        })
    }
}

fn listed_ssrc(input: &str) -> Parsed<'_, u32> {
    preceded(space, number_u32(0..=u32::MAX)).parse(input)
}

impl fmt::Display for SsrcGroup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.semantics)?;
        if self.ssrcs.is_empty() {
            Ok(())
        } else {
            write!(f, " {}", self.ssrcs)
        }
    }
}
