//! A description that owns its text and can be changed.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use core::str::FromStr;

use crate::attribute::{Attribute, RawAttribute, split_attribute};
use crate::error::{Letter, ParseError};
use crate::fields::{self, Connection, MediaLine, Origin};
use crate::grammar::is_token;
use crate::line::RawLines;
use crate::parser::Parser;
use crate::session::Session;
use crate::writer::{LineWriter, WriteError};

/// Which part of a description a change is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// What stands before the first `m=`.
    Session,
    /// The media section of this index, counted from 0.
    Media(usize),
}

/// A description that owns its text.
///
/// It is its text: what came is kept byte for byte, line ends and unknown attributes included, and
/// a change touches the lines that it is about and no others. [`as_session`](Self::as_session)
/// gives the typed view. `Display` is the text.
///
/// ```
/// use pollrtc_sdp::attribute::Attribute;
/// use pollrtc_sdp::{OwnedSession, Place};
///
/// let mut session: OwnedSession =
///     "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=x-vendor:1\r\n".parse()?;
/// session.push_attribute(Place::Media(0), Attribute::Mid("a"))?;
/// assert_eq!(session.as_session().media().next().unwrap().mid(), Some("a"));
/// assert!(session.to_string().ends_with("a=x-vendor:1\r\na=mid:a\r\n"));
///
/// let injection = session.push_attribute(Place::Session, Attribute::Mid("a\r\na=ice-lite"));
/// assert!(injection.is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OwnedSession {
    text: Vec<u8>,
}

impl OwnedSession {
    /// Checks a text in the profile [`Jsep`](crate::Profile::Jsep) and keeps a copy of it.
    pub fn parse<T: AsRef<[u8]> + ?Sized>(text: &T) -> Result<Self, ParseError> {
        Parser::new().parse(text).map(Self::from)
    }

    pub(crate) fn from_checked(text: Vec<u8>) -> Self {
        Self { text }
    }

    /// The typed view.
    pub fn as_session(&self) -> Session<'_> {
        Session::of_checked(&self.text, false)
    }

    /// The text, byte for byte.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The text, byte for byte.
    pub fn into_bytes(self) -> Vec<u8> {
        self.text
    }

    /// Replaces `o=`.
    pub fn set_origin(&mut self, origin: &Origin<'_>) -> Result<(), WriteError> {
        let range = self.section(Place::Session)?;
        let line = self.new_line(b'o', |line| line.display(origin))?;
        let at = self
            .find(range.clone(), |bytes| bytes.starts_with(b"o="))
            .unwrap_or(range.start..range.start);
        self.splice(at, &line)
    }

    /// Replaces the `m=` line of media section `index`.
    pub fn set_media_line(&mut self, index: usize, media: &MediaLine<'_>) -> Result<(), WriteError> {
        let range = self.section(Place::Media(index))?;
        let line = self.new_line(b'm', |line| line.display(media))?;
        let head = self
            .find(range.clone(), |bytes| bytes.starts_with(b"m="))
            .unwrap_or(range.start..range.start);
        self.splice(head, &line)
    }

    /// Replaces the first `c=` of a place, or adds one where it belongs: before `b=`, `t=`, `k=`
    /// and `a=`.
    pub fn set_connection(&mut self, place: Place, connection: &Connection<'_>) -> Result<(), WriteError> {
        let range = self.section(place)?;
        let line = self.new_line(b'c', |line| line.display(connection))?;
        let at = self
            .find(range.clone(), |bytes| bytes.starts_with(b"c="))
            .unwrap_or_else(|| {
                let after = self.find(range.clone(), |bytes| {
                    matches!(bytes, [b'b' | b't' | b'k' | b'a', b'=', ..])
                });
                let start = after.map_or(range.end, |after| after.start);
                start..start
            });
        self.splice(at, &line)
    }

    /// Adds an attribute as the last line of a place.
    pub fn push_attribute(&mut self, place: Place, attribute: Attribute<'_>) -> Result<(), WriteError> {
        let end = self.section(place)?.end;
        let line = self.attribute_line(attribute)?;
        self.splice(end..end, &line)
    }

    /// Replaces the first attribute of the same name, or adds it as the last line of the place.
    pub fn set_attribute(&mut self, place: Place, attribute: Attribute<'_>) -> Result<(), WriteError> {
        let range = self.section(place)?;
        let line = self.attribute_line(attribute)?;
        let name = name_of_line(&line).unwrap_or_default();
        let at = self
            .find(range.clone(), |bytes| name_of_line(bytes) == Some(name))
            .unwrap_or(range.end..range.end);
        self.splice(at, &line)
    }

    /// Removes all attributes of this name, and says how many there were.
    pub fn remove_attributes(&mut self, place: Place, name: &str) -> Result<usize, WriteError> {
        let range = self.section(place)?;
        let mut kept = Vec::with_capacity(self.text.len());
        let mut removed = 0_usize;
        for line in RawLines::new(&self.text) {
            if range.contains(&line.start) && name_of_line(line.bytes) == Some(name.as_bytes()) {
                removed = removed.saturating_add(1);
            } else {
                kept.extend_from_slice(self.text.get(line.start..line.end).unwrap_or_default());
            }
        }
        self.text = kept;
        Ok(removed)
    }

    /// Adds a media section at the end; its index is the number of sections before.
    pub fn push_media(&mut self, media: &MediaLine<'_>) -> Result<(), WriteError> {
        let line = self.new_line(b'm', |line| line.display(media))?;
        let end = self.text.len();
        self.splice(end..end, &line)
    }

    /// The bytes of a place.
    fn section(&self, place: Place) -> Result<Range<usize>, WriteError> {
        let mut starts = RawLines::new(&self.text)
            .filter(|line| line.bytes.starts_with(b"m="))
            .map(|line| line.start);
        let length = self.text.len();
        match place {
            Place::Session => Ok(0..starts.next().unwrap_or(length)),
            Place::Media(index) => {
                let start = starts.by_ref().nth(index);
                let count = || self.as_session().media_count();
                let start = start.ok_or_else(|| WriteError::NoSuchSection { count: count() })?;
                Ok(start..starts.next().unwrap_or(length))
            }
        }
    }

    /// The first line within `range` that `wanted` wants, with its line end.
    fn find(&self, range: Range<usize>, wanted: impl Fn(&[u8]) -> bool) -> Option<Range<usize>> {
        RawLines::new(&self.text)
            .find(|line| range.contains(&line.start) && wanted(line.bytes))
            .map(|line| line.start..line.end)
    }

    fn attribute_line(&self, attribute: Attribute<'_>) -> Result<Vec<u8>, WriteError> {
        let line = self.new_line(b'a', |line| match attribute {
            Attribute::Other(RawAttribute { name, value }) => {
                line.push(name.as_bytes());
                if let Some(value) = value {
                    line.push(b":");
                    line.push(value);
                }
            }
            attribute => line.display(&attribute),
        })?;
        let content = line.strip_prefix(b"a=").unwrap_or(&line).trim_ascii_end();
        let (name, value) = split_attribute(content);
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return Err(WriteError::InvalidName);
        }
        if let Ok(name) = core::str::from_utf8(name) {
            Attribute::parse(name, value)?;
        }
        Ok(line)
    }

    /// A line with the line end that the text has.
    fn new_line(&self, letter: u8, fill: impl FnOnce(&mut LineWriter<'_>)) -> Result<Vec<u8>, WriteError> {
        let mut text = Vec::with_capacity(64);
        let mut line = LineWriter::start(&mut text, letter);
        fill(&mut line);
        line.end(self.line_end())?;
        let value = text.get(2..).unwrap_or_default().trim_ascii_end();
        fields::check(letter, value).map_err(|fault| WriteError::InvalidLine {
            letter: Letter(letter),
            kind: fault.kind,
        })?;
        Ok(text)
    }

    fn line_end(&self) -> &'static [u8] {
        let first = self.text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if first.ends_with(b"\r") { b"\r\n" } else { b"\n" }
    }

    fn splice(&mut self, at: Range<usize>, line: &[u8]) -> Result<(), WriteError> {
        let mut at = at;
        if at.start == self.text.len() && !self.text.ends_with(b"\n") {
            self.text.extend_from_slice(self.line_end());
            at = self.text.len()..self.text.len();
        }
        self.text.splice(at, line.iter().copied());
        Ok(())
    }
}

fn name_of_line(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"a=")
        .map(|attribute| split_attribute(attribute.trim_ascii_end()).0)
}

impl From<Session<'_>> for OwnedSession {
    fn from(session: Session<'_>) -> Self {
        Self::from_checked(session.as_bytes().to_vec())
    }
}

impl FromStr for OwnedSession {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl fmt::Display for OwnedSession {
    /// The text; bytes that are not UTF-8 are shown as U+FFFD, and
    /// [`as_bytes`](OwnedSession::as_bytes) has them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.text.utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_str("\u{fffd}")?;
            }
        }
        Ok(())
    }
}
