//! The attributes of RFC 8839 other than the candidate.

use core::fmt;
use core::ops::RangeInclusive;

use nom::combinator::recognize;
use nom::multi::many0_count;
use nom::sequence::preceded;

use crate::error::Field;
use crate::grammar::{
    Fault, field, host, ice_chars, is_ice_char, is_token, number_u16, number_u32, space, token, visible, whole,
    write_texts,
};
use crate::profile::Reading;

/// RFC 8839 §5.4: enough that it can't be guessed, not so much that it fills a packet.
pub(super) fn ufrag(text: &str) -> Result<&str, Fault> {
    whole(text, field(Field::IceUfrag, ice_chars(UFRAG_LENGTH)))
}

/// RFC 8839 §5.4.
pub(super) fn pwd(text: &str) -> Result<&str, Fault> {
    whole(text, field(Field::IcePwd, ice_chars(PWD_LENGTH)))
}

/// libwebrtc takes four characters more; ZLMediaKit, for one, has `zlm_` and a number.
pub(super) fn salvage_ufrag(text: &str, reading: Reading) -> Option<&str> {
    salvage(text, UFRAG_LENGTH, reading)
}

/// The same.
pub(super) fn salvage_pwd(text: &str, reading: Reading) -> Option<&str> {
    salvage(text, PWD_LENGTH, reading)
}

/// What can be a credential although RFC 8839 has no such characters, or in the lenient reading not
/// as few or many.
fn salvage(text: &str, length: RangeInclusive<usize>, reading: Reading) -> Option<&str> {
    let taken = |byte: u8| is_ice_char(byte) || b"-=#_".contains(&byte);
    let fits = length.contains(&text.len()) && text.bytes().all(taken);
    (fits || reading == Reading::Lenient)
        .then(|| whole(text, visible).ok())
        .flatten()
}

/// RFC 8839 §5.4.
const UFRAG_LENGTH: RangeInclusive<usize> = 4..=256;
const PWD_LENGTH: RangeInclusive<usize> = 22..=256;

/// RFC 8839 §5.5: milliseconds between checks, at most ten digits.
pub(super) fn pacing(text: &str) -> Result<u32, Fault> {
    whole(text, field(Field::IcePacing, number_u32(0..=u32::MAX)))
}

/// `a=ice-options` (RFC 8839 §5.6).
///
/// ```
/// let session = pollrtc_sdp::Session::parse(
///     "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-options:trickle ice2\r\n",
/// ).unwrap();
/// assert!(session.ice_options().unwrap().contains("trickle"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IceOptions<'a>(&'a str);

impl<'a> IceOptions<'a> {
    /// The options' tags in order.
    pub fn tags(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        self.0.split([' ', ',']).filter(|tag| !tag.is_empty())
    }

    /// Whether candidates follow the description one by one (RFC 8840).
    pub fn trickle(&self) -> bool {
        self.contains("trickle")
    }

    /// Whether the writer follows RFC 8445 rather than the ICE before it (RFC 8445 §10).
    pub fn ice2(&self) -> bool {
        self.contains("ice2")
    }

    /// Whether the writer lets the controlling agent nominate again (libwebrtc's extension).
    pub fn renomination(&self) -> bool {
        self.contains("renomination")
    }

    /// Whether `tag` is among them.
    pub fn contains(&self, tag: &str) -> bool {
        self.tags().any(|each| each == tag)
    }

    /// As it came: tags joined by spaces, or as some write it by commas.
    pub fn as_str(&self) -> &'a str {
        self.0
    }

    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        let tags = recognize((token, many0_count(preceded(space, token))));
        whole(text, field(Field::IceOptions, tags)).map(Self)
    }

    /// libdatachannel, libjuice, OBS and sipsorcery join tags by commas.
    pub(super) fn salvage(text: &'a str) -> Option<Self> {
        let options = Self(text);
        let fits = |tag: &str| tag.bytes().all(is_token);
        (options.tags().next().is_some() && options.tags().all(fits)).then_some(options)
    }
}

impl fmt::Display for IceOptions<'_> {
    /// The tags, joined by single spaces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, tag) in self.tags().enumerate() {
            write_texts(f, &[if index == 0 { "" } else { " " }, tag])?;
        }
        Ok(())
    }
}

/// `a=remote-candidates` (RFC 8839 §5.2): what the controlling agent has selected. Read and not
/// needed for anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RemoteCandidates<'a>(&'a str);

impl<'a> RemoteCandidates<'a> {
    /// Component, address and port of each.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &'a str, u16)> + use<'a> {
        let mut words = self.0.split(' ');
        core::iter::from_fn(move || {
            let component = words.next()?.parse().ok()?;
            Some((component, words.next()?, words.next()?.parse().ok()?))
        })
    }

    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        let candidate = || (number_u16(1..=256), space, host, space, number_u16(0..=u16::MAX));
        let list = recognize((candidate(), many0_count(preceded(space, candidate()))));
        whole(text, field(Field::RemoteCandidates, list)).map(Self)
    }
}

impl fmt::Display for RemoteCandidates<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
