//! A description that owns its text and can be changed.

use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::str::FromStr;

use crate::error::ParseError;
use crate::grammar::write_lossy;
use crate::line::RawLines;
use crate::media::Media;
use crate::parser::Parser;
use crate::profile::{Profile, Reading};
use crate::session::Session;

mod edit;
mod media;

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
/// It is its text, and an index of where the media sections start: what came is kept byte for byte,
/// line ends and unknown attributes included, and a change touches the lines that it is about and no
/// others. [`as_session`](Self::as_session) gives the typed view. `Display` is the text.
///
/// A line that is replaced keeps its line end; one that is added has that of the line before it. A
/// change is checked for the form of its own line and refused as a whole if that is wrong;
/// [`Session::parse`] of [`as_bytes`](Self::as_bytes) checks the description again, for what lines
/// mean together.
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
#[derive(Clone)]
pub struct OwnedSession {
    text: Vec<u8>,
    /// Where each `m=` stands in the text, in order.
    starts: Vec<usize>,
    /// How far what is malformed is understood.
    reading: Reading,
}

impl OwnedSession {
    /// Checks a text in the profile [`Jsep`](crate::Profile::Jsep) and keeps a copy of it. A text
    /// that was read by another [`Parser`] is kept with `OwnedSession::from(session)`.
    pub fn parse<T: AsRef<[u8]> + ?Sized>(text: &T) -> Result<Self, ParseError> {
        Parser::new().parse(text).map(Self::from)
    }

    /// From a text and what was read of it.
    fn new(text: Vec<u8>, session: &Session<'_>) -> Self {
        let mut owned = Self {
            text,
            starts: Vec::with_capacity(session.media_count()),
            reading: session.section().reading(),
        };
        owned.index_from(0);
        owned
    }

    /// From a text that the writer made.
    pub(crate) fn from_written(text: Vec<u8>) -> Result<Self, ParseError> {
        let count = Parser::new().parse(&text)?.media_count();
        let mut owned = Self {
            text,
            starts: Vec::with_capacity(count),
            reading: Profile::default().reading(),
        };
        owned.index_from(0);
        Ok(owned)
    }

    /// The typed view.
    pub fn as_session(&self) -> Session<'_> {
        let media_start = self.starts.first().copied().unwrap_or(self.text.len());
        Session::of_checked(&self.text, media_start, self.starts.len(), self.reading)
    }

    /// The media section of this index, without a look at those before.
    pub fn media(&self, index: usize) -> Option<Media<'_>> {
        let start = *self.starts.get(index)?;
        self.as_session().media_from(self.text.get(start..)?)
    }

    /// The text, byte for byte.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The text, byte for byte.
    pub fn into_bytes(self) -> Vec<u8> {
        self.text
    }

    /// Finds the media sections of what was added at the end.
    fn index_from(&mut self, end: usize) {
        let added = self.text.get(end..).unwrap_or_default();
        let heads = RawLines::new(added).filter(|line| line.bytes.starts_with(b"m="));
        self.starts.extend(heads.map(|line| line.start.saturating_add(end)));
    }
}

/// Descriptions are equal if their texts are.
impl PartialEq for OwnedSession {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for OwnedSession {}

impl Hash for OwnedSession {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for OwnedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedSession").field(&format_args!("{self}")).finish()
    }
}

impl From<Session<'_>> for OwnedSession {
    fn from(session: Session<'_>) -> Self {
        Self::new(session.as_bytes().to_vec(), &session)
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
        write_lossy(f, &self.text)
    }
}
