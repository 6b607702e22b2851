//! The attributes of RFC 8839 other than the candidate.

use core::fmt;

use nom::combinator::recognize;
use nom::multi::many0_count;
use nom::sequence::preceded;

use crate::error::Field;
use crate::grammar::{Fault, field, host, ice_chars, number_u16, number_u32, space, token, visible, whole};

/// RFC 8839 §5.4: enough that it can't be guessed, not so much that it fills a packet.
pub(super) fn ufrag(text: &str) -> Result<&str, Fault> {
    whole(text, field(Field::IceUfrag, ice_chars(4..=256)))
}

/// RFC 8839 §5.4.
pub(super) fn pwd(text: &str) -> Result<&str, Fault> {
    whole(text, field(Field::IcePwd, ice_chars(22..=256)))
}

/// What can be a credential although RFC 8839 has no such characters, or not as few or many.
pub(super) fn salvage(text: &str) -> Option<&str> {
    whole(text, visible).ok()
}

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
        self.0.split(' ')
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

    /// As it came: tags joined by single spaces.
    pub fn as_str(&self) -> &'a str {
        self.0
    }

    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        let tags = recognize((token, many0_count(preceded(space, token))));
        whole(text, field(Field::IceOptions, tags)).map(Self)
    }
}

impl fmt::Display for IceOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
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
