//! Writes descriptions, and lets nothing be smuggled into them.

use alloc::vec::Vec;
use core::fmt;

use crate::attribute::{Attribute, InvalidAttribute, RawAttribute};
use crate::error::{ErrorKind, Letter, ParseError};
use crate::fields::{Bandwidth, Connection, MediaLine, Origin};
use crate::media::Media;
use crate::owned::OwnedSession;

/// Writes a description line by line, in the order of RFC 8866.
///
/// ```
/// use pollrtc_sdp::attribute::{Attribute, Setup};
/// use pollrtc_sdp::{Connection, MediaLine, Origin, Writer};
///
/// let mut writer = Writer::new(&Origin::with_id("4611731400430051336", "2"));
/// writer.group("BUNDLE", ["0"]);
/// writer
///     .media(&MediaLine::data_channel(9))
///     .connection(&Connection::UNSPECIFIED)
///     .attribute(Attribute::IceUfrag("EsAw"))
///     .attribute(Attribute::IcePwd("P2uYro0UCOQ4zxjKXaWCBui1"))
///     .attribute(Attribute::Setup(Setup::ActPass))
///     .attribute(Attribute::Mid("0"))
///     .attribute(Attribute::SctpPort(5000))
///     .attribute(Attribute::MaxMessageSize(262_144));
/// let offer = writer.finish()?;
/// assert!(offer.to_string().starts_with("v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm="));
/// # Ok::<(), pollrtc_sdp::WriteError>(())
/// ```
///
/// Errors wait for [`finish`](Self::finish), so that lines can be chained. It checks the whole
/// again as the parser does: what is written can be read.
#[derive(Debug, Clone)]
pub struct Writer {
    text: Vec<u8>,
    /// Whether `t=` stands, after which only attributes and media sections may follow.
    timed: bool,
    error: Option<WriteError>,
}

impl Writer {
    /// Starts a description with `v=0`, this `o=` and `s=-`; `t=0 0` follows before the first
    /// attribute or media section.
    pub fn new(origin: &Origin<'_>) -> Self {
        let mut writer = Self {
            text: Vec::with_capacity(1_024),
            timed: false,
            error: None,
        };
        writer.line(b'v', &"0").line(b'o', origin).line(b's', &"-");
        writer
    }

    /// `c=`: of the session before its attributes, of a media section after its `m=`.
    pub fn connection(&mut self, connection: &Connection<'_>) -> &mut Self {
        self.line(b'c', connection)
    }

    /// `b=`, after `c=`.
    pub fn bandwidth(&mut self, bandwidth: &Bandwidth<'_>) -> &mut Self {
        self.line(b'b', bandwidth)
    }

    /// `a=`.
    pub fn attribute(&mut self, attribute: Attribute<'_>) -> &mut Self {
        self.time();
        self.bytes_line(b'a', |line| line.attribute(&attribute))
    }

    /// `a=name:value` as text, for attributes that have no type here or whose text is at hand.
    pub fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.raw(&RawAttribute {
            name,
            value: Some(value.as_bytes()),
        })
    }

    /// The same without the text in one piece: `format_args!("{} {}", ..)`.
    pub fn formatted(&mut self, name: &str, value: fmt::Arguments<'_>) -> &mut Self {
        self.time();
        self.bytes_line(b'a', |line| {
            line.push(name.as_bytes());
            line.push(b":");
            line.display(&value);
        })
    }

    /// `a=name`.
    pub fn flag(&mut self, name: &str) -> &mut Self {
        self.raw(&RawAttribute { name, value: None })
    }

    /// An attribute as it came, byte for byte.
    pub fn raw(&mut self, attribute: &RawAttribute<'_>) -> &mut Self {
        self.attribute(Attribute::Other(*attribute))
    }

    /// `a=group` with these mids; of the session.
    pub fn group<'m>(&mut self, semantics: &str, mids: impl IntoIterator<Item = &'m str>) -> &mut Self {
        self.time();
        self.bytes_line(b'a', |line| {
            line.push(b"group:");
            line.push(semantics.as_bytes());
            for mid in mids {
                line.push(b" ");
                line.push(mid.as_bytes());
            }
        })
    }

    /// `m=`: starts a media section.
    pub fn media(&mut self, media: &MediaLine<'_>) -> &mut Self {
        self.time();
        self.line(b'm', media)
    }

    /// A media section that refuses the peer's `media`: the same kind, protocol and formats at port
    /// zero, a `c=` line, and the mid (RFC 3264 §6, RFC 9429 §5.3.1).
    pub fn rejected(&mut self, media: &Media<'_>) -> &mut Self {
        self.media(&MediaLine {
            port: 0,
            port_count: None,
            ..media.line()
        })
        .connection(&Connection::UNSPECIFIED);
        match media.mid() {
            Some(mid) => self.attribute(Attribute::Mid(mid)),
            None => self,
        }
    }

    /// The peer's `media` section as it came, line by line. Only `k=` is left out: keys are not to be
    /// written (RFC 8866 §5.12, RFC 9429 §5.2.1).
    pub fn copy(&mut self, media: &Media<'_>) -> &mut Self {
        self.time();
        for line in media.lines().filter(|line| line.letter != 'k') {
            self.bytes_line(u8::try_from(line.letter).unwrap_or(b'?'), |copy| copy.push(line.value));
        }
        self
    }

    /// The description, if all of it was well-formed.
    pub fn finish(mut self) -> Result<OwnedSession, WriteError> {
        self.time();
        match self.error {
            Some(error) => Err(error),
            None => Ok(OwnedSession::from_written(self.text)?),
        }
    }

    fn time(&mut self) {
        if !self.timed {
            self.timed = true;
            self.line(b't', &"0 0");
        }
    }

    fn line(&mut self, letter: u8, value: &dyn fmt::Display) -> &mut Self {
        self.bytes_line(letter, |line| line.display(value))
    }

    fn bytes_line(&mut self, letter: u8, fill: impl FnOnce(&mut LineWriter<'_>)) -> &mut Self {
        let mut line = LineWriter::start(&mut self.text, letter);
        fill(&mut line);
        if let Err(error) = line.end(b"\r\n") {
            self.error.get_or_insert(error);
        }
        self
    }
}

/// One line in the making, at the end of a text. What would end it early is refused, and the line
/// not written.
pub(crate) struct LineWriter<'t> {
    text: &'t mut Vec<u8>,
    letter: u8,
    start: usize,
    failed: bool,
}

impl<'t> LineWriter<'t> {
    pub(crate) fn start(text: &'t mut Vec<u8>, letter: u8) -> Self {
        let start = text.len();
        text.extend([letter, b'=']);
        Self {
            text,
            letter,
            start,
            failed: false,
        }
    }

    pub(crate) fn push(&mut self, value: &[u8]) {
        self.text.extend_from_slice(value);
    }

    pub(crate) fn display(&mut self, value: &dyn fmt::Display) {
        // The only error there can be is one of the value's own `Display`, and ours have none.
        let written = fmt::write(self, format_args!("{value}"));
        self.failed |= written.is_err();
    }

    /// Name and value; what has no type as it came, byte for byte.
    pub(crate) fn attribute(&mut self, attribute: &Attribute<'_>) {
        let (name, value) = attribute.parts();
        self.push(name.as_bytes());
        if let Attribute::Other(RawAttribute { value: Some(value), .. }) = attribute {
            self.push(b":");
            self.push(value);
        }
        if let Some(value) = value {
            self.push(b":");
            self.display(value);
        }
    }

    pub(crate) fn end(self, line_end: &[u8]) -> Result<(), WriteError> {
        let line = self.text.get(self.start..).unwrap_or_default();
        // RFC 8866 §9 `byte-string`.
        let breaks = line
            .iter()
            .fold(false, |breaks, byte| breaks | matches!(byte, b'\r' | b'\n' | 0));
        if self.failed || breaks {
            self.text.truncate(self.start);
            return Err(WriteError::Injection(Letter(self.letter)));
        }
        self.text.extend_from_slice(line_end);
        Ok(())
    }
}

impl fmt::Write for LineWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

/// Why a description or a change of it was refused; nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A value holds CR, LF or NUL, which would start a line of its own.
    #[error("remove carriage return, line feed and NUL from the value of `{0}=`")]
    Injection(Letter),
    /// What was written is no description.
    #[error(transparent)]
    Invalid(#[from] ParseError),
    /// A line's value does not have the form that RFC 8866 gives it.
    #[error("`{letter}=`: {kind}")]
    InvalidLine {
        /// The line's letter.
        letter: Letter,
        /// What is wrong with it.
        kind: ErrorKind,
    },
    /// The attribute's value does not have the form that its RFC gives it.
    #[error(transparent)]
    InvalidAttribute(#[from] InvalidAttribute),
    /// The attribute's name is no token.
    #[error("write a token as the attribute's name")]
    InvalidName,
    /// There is no such media section.
    #[error("there are only {count} media sections")]
    NoSuchSection {
        /// How many there are.
        count: usize,
    },
    /// There is no such attribute.
    #[error("there are only {count} attributes")]
    NoSuchAttribute {
        /// How many there are.
        count: usize,
    },
    /// Lines with this letter can't be removed: there are none, or a description needs one.
    #[error("lines with the letter {0:?} can't be removed, only replaced")]
    NotRemovable(char),
}
