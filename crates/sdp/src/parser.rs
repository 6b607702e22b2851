//! The one pass that checks a description.

mod groups;
mod repeats;
mod streams;

use nom::Offset;

use crate::attribute::{Attribute, Name, Repeat, Usage};
use crate::error::{ErrorKind, Field, Finding, Letter, Limit, ParseError};
use crate::fields::{self, Connection, MediaLine};
use crate::fragment::Fragment;
use crate::grammar::{self, Fault, token_length};
use crate::line::{RawLine, RawLines};
use crate::mids::{FEW, Mids};
use crate::profile::{Level, Limits, Profile, Reading, Verdict, Weight};
use crate::section::Section;
use crate::session::Session;
use streams::Streams;

/// Reads descriptions, with a profile and limits of the caller's choice.
///
/// ```
/// use pollrtc_sdp::{Parser, Profile};
///
/// let text = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=\r\nt=0 0\r\n";
/// let mut findings = Vec::new();
/// let parser = Parser::new().profile(Profile::Lenient);
/// let session = parser.parse_with(text, |finding| findings.push(finding.to_string()))?;
/// assert_eq!(session.media_count(), 0);
/// assert_eq!(findings, ["line 3, column 3: write text, or `-`, as the session name"]);
/// # Ok::<(), pollrtc_sdp::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parser {
    profile: Profile,
    limits: Limits,
    structure_only: bool,
    form: Form,
}

/// What kind of text a pass is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Form {
    #[default]
    Description,
    /// RFC 8840 §9: what may stand behind a description's `t=`, and no line but `a=` and `m=`.
    Fragment,
}

impl Parser {
    /// The profile [`Jsep`](Profile::Jsep) and the default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// How strict to be.
    pub fn profile(self, profile: Profile) -> Self {
        Self { profile, ..self }
    }

    /// How much to accept.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Leaves the values of attributes unchecked, and the mids that groups name: for programs that
    /// only pass descriptions on. Typed accessors then treat what is malformed as absent.
    pub fn structure_only(self) -> Self {
        Self {
            structure_only: true,
            ..self
        }
    }

    /// Checks a description; nothing is allocated, nothing copied.
    pub fn parse<'a, T: AsRef<[u8]> + ?Sized>(&self, text: &'a T) -> Result<Session<'a>, ParseError> {
        self.parse_with(text, |_| {})
    }

    /// Checks a description and tells the caller each deviation that the profile tolerates.
    pub fn parse_with<'a, T: AsRef<[u8]> + ?Sized>(
        &self,
        text: &'a T,
        mut findings: impl FnMut(Finding),
    ) -> Result<Session<'a>, ParseError> {
        self.parse_weighing(text, |finding, _| findings(finding))
    }

    /// The same, with the name of the attribute that a finding is about if its section can't do without
    /// it, as [`Profile::Interop`] says. Before the first section that is all sections that don't have
    /// one of their own.
    pub fn parse_weighing<'a, T: AsRef<[u8]> + ?Sized>(
        &self,
        text: &'a T,
        mut findings: impl FnMut(Finding, Option<&'static str>),
    ) -> Result<Session<'a>, ParseError> {
        let text = text.as_ref();
        self.check_bytes(text)?;
        let mut findings = |finding, name: Option<Name>| findings(finding, name.map(Name::as_str));
        Pass::new(*self, text, &mut findings).run()
    }

    /// Checks a fragment of a description, as it comes with candidates that are trickled; nothing is
    /// allocated, nothing copied.
    pub fn parse_fragment<'a, T: AsRef<[u8]> + ?Sized>(&self, text: &'a T) -> Result<Fragment<'a>, ParseError> {
        self.parse_fragment_with(text, |_| {})
    }

    /// Checks a fragment and tells the caller each deviation that the profile tolerates.
    pub fn parse_fragment_with<'a, T: AsRef<[u8]> + ?Sized>(
        &self,
        text: &'a T,
        findings: impl FnMut(Finding),
    ) -> Result<Fragment<'a>, ParseError> {
        let form = Form::Fragment;
        Self { form, ..*self }.parse_with(text, findings).map(Fragment::new)
    }

    /// Whether names of attributes are matched whatever the case of their letters: RFC 8866 §9 has
    /// them as tokens whose case counts, RFC 8840 §9.2 wants receivers to ignore it.
    fn folds_names(&self) -> bool {
        self.reading().folds_names()
    }

    /// How the accessors of what is parsed read.
    fn reading(&self) -> Reading {
        match self.form {
            Form::Description => self.profile.reading(),
            Form::Fragment => Reading::Lenient,
        }
    }

    /// What can be said of the bytes without a look at lines: how many, and that none is a NUL nor a
    /// carriage return that does not end a line.
    fn check_bytes(&self, text: &[u8]) -> Result<(), ParseError> {
        if u32::try_from(text.len()).is_ok_and(|length| length <= self.limits.bytes) {
            // Without branches and over all of the text, so that it compiles to a few vector
            // instructions; the search for the place is for the unhappy path.
            let next = text.get(1..).unwrap_or_default();
            let bad = text
                .iter()
                .zip(next)
                .fold(text.ends_with(b"\r") | text.ends_with(&[0]), |bad, (byte, next)| {
                    bad | (*byte == 0) | ((*byte == b'\r') & (*next != b'\n'))
                });
            return if bad { Err(locate_bad_byte(text)) } else { Ok(()) };
        }
        let kind = ErrorKind::TooLarge {
            limit: Limit::Bytes,
            maximum: self.limits.bytes,
        };
        Err(locate(
            kind,
            text,
            usize::try_from(self.limits.bytes).unwrap_or(usize::MAX),
        ))
    }
}

impl<'a> Session<'a> {
    /// Checks a description, in the profile [`Jsep`](crate::Profile::Jsep) and with the default
    /// limits; [`Parser`] has others.
    pub fn parse<T: AsRef<[u8]> + ?Sized>(text: &'a T) -> Result<Self, ParseError> {
        Parser::new().parse(text)
    }
}

impl<'a> Fragment<'a> {
    /// Reads a fragment in the profile [`Interop`](Profile::Interop) and with the default limits: a
    /// malformed line costs what it is about. Nothing is allocated, nothing copied.
    pub fn parse<T: AsRef<[u8]> + ?Sized>(text: &'a T) -> Result<Self, ParseError> {
        Parser::new().profile(Profile::Interop).parse_fragment(text)
    }
}

/// The error for the first byte that may not stand in a description (RFC 8866 §9 `byte-string`).
#[cold]
fn locate_bad_byte(text: &[u8]) -> ParseError {
    let next = text.iter().skip(1).chain(&[0]);
    for (offset, (byte, next)) in text.iter().zip(next).enumerate() {
        match (byte, next) {
            (0, _) => return locate(ErrorKind::Nul, text, offset),
            (b'\r', b'\n') => {}
            (b'\r', _) => return locate(ErrorKind::BareCarriageReturn, text, offset),
            _ => {}
        }
    }
    locate(ErrorKind::MalformedLine, text, text.len())
}

/// An error at `offset`, with the line and column counted from the start.
#[cold]
fn locate(kind: ErrorKind, text: &[u8], offset: usize) -> ParseError {
    let (before, _) = text.split_at_checked(offset).unwrap_or((text, &[]));
    let line_feeds = before.iter().filter(|byte| **byte == b'\n').count();
    let line_start = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at.saturating_add(1));
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    ParseError::new(
        kind,
        number(line_feeds.saturating_add(1)),
        number(before.len().saturating_sub(line_start).saturating_add(1)),
        number(before.len()),
    )
}

/// The state of a pass: what has been seen, and where it is.
struct Pass<'a, 'f> {
    parser: Parser,
    text: &'a [u8],
    findings: &'f mut dyn FnMut(Finding, Option<Name>),
    level: Level,
    /// The line that is being checked.
    line: u32,
    line_start: usize,
    /// How far into the order of the section's lines the pass has come; see [`rank`].
    rank: u8,
    /// One bit for each letter that the section has had.
    letters: u32,
    /// One bit for each known attribute that the section has had.
    names: u128,
    attributes: u32,
    candidates: u32,
    media_count: u32,
    session_has_connection: bool,
    /// `names` of the session.
    session_names: u128,
    /// The number of the first line that is not the session's.
    session_lines: u32,
    session: Section<'a>,
    /// Where the first `m=` stands.
    media_start: usize,
    /// Where the section starts.
    section_start: usize,
    section_line: u32,
    streams: Streams,
    /// The whole, if all of it is UTF-8: then no value has to be looked at for it.
    utf8: Option<&'a str>,
    mids: Mids<'a, FEW>,
}

impl<'a, 'f> Pass<'a, 'f> {
    fn new(parser: Parser, text: &'a [u8], findings: &'f mut dyn FnMut(Finding, Option<Name>)) -> Self {
        Self {
            parser,
            text,
            findings,
            level: Level::Session,
            line: 0,
            line_start: 0,
            rank: 0,
            letters: 0,
            names: 0,
            attributes: 0,
            candidates: 0,
            media_count: 0,
            session_has_connection: false,
            session_names: 0,
            session_lines: 0,
            session: Section::new(parser.reading()),
            media_start: text.len(),
            section_start: 0,
            section_line: 1,
            streams: Streams::default(),
            utf8: match parser.structure_only {
                true => None,
                false => core::str::from_utf8(text).ok(),
            },
            mids: Mids::new(text),
        }
    }

    fn run(mut self) -> Result<Session<'a>, ParseError> {
        for line in RawLines::new(self.text) {
            self.line = self.line.saturating_add(1);
            self.line_start = line.start;
            if self.line > self.parser.limits.lines {
                return self.too_large(Limit::Lines, self.parser.limits.lines);
            }
            self.line(&line)?;
        }
        match self.text {
            [] | [.., b'\n'] => {
                self.line = self.line.saturating_add(1);
                self.line_start = self.text.len();
            }
            _ => self.report(ErrorKind::MissingLineEnd, self.text.len())?,
        }
        self.end_section(self.text.len())?;
        let (session_text, media_text) = self.text.split_at_checked(self.media_start).unwrap_or((self.text, &[]));
        let session = self.session.with_text(session_text);
        if !self.parser.structure_only && self.parser.form == Form::Description {
            self.check_mids(&session, media_text)?;
        }
        let media_count = usize::try_from(self.media_count).unwrap_or(usize::MAX);
        Ok(Session::new(self.text, session, media_text, media_count))
    }

    #[inline]
    fn line(&mut self, line: &RawLine<'a>) -> Result<(), ParseError> {
        let [letter, b'=', value @ ..] = line.bytes else {
            return self.malformed_line(line);
        };
        if *letter == b'a' {
            return self.attribute(value, line);
        }
        self.other_line(*letter, value, line)
    }

    #[cold]
    fn malformed_line(&mut self, line: &RawLine<'a>) -> Result<(), ParseError> {
        let second = line.start.saturating_add(1);
        match line.bytes {
            _ if self.needs_version() => self.report(ErrorKind::Missing(Letter(b'v')), line.start),
            [] => self.report(ErrorKind::BlankLine, line.start),
            [b'a'..=b'z', ..] => self.report(ErrorKind::MalformedLine, second),
            _ => self.report(ErrorKind::MalformedLine, line.start),
        }
    }

    /// `a=`, nine of ten lines.
    #[inline]
    fn attribute(&mut self, attribute: &'a [u8], line: &RawLine<'a>) -> Result<(), ParseError> {
        self.attributes = self.attributes.wrapping_add(1);
        if self.attributes > self.parser.limits.attributes {
            return self.too_large(Limit::Attributes, self.parser.limits.attributes);
        }
        if self.rank != RANK_ATTRIBUTE {
            self.place(b'a', line)?;
            self.rank = RANK_ATTRIBUTE;
        }
        match Name::split(attribute) {
            Some((name, value)) => self.known_attribute(name, value, line),
            None => self.other_attribute(attribute, line),
        }
    }

    /// An attribute whose name is none that we know, or not written as it should be.
    #[inline(never)]
    fn other_attribute(&mut self, attribute: &'a [u8], line: &RawLine<'a>) -> Result<(), ParseError> {
        let (name, value) = match attribute.split_at_checked(token_length(attribute)) {
            Some((name @ [_, ..], [])) => (name, None),
            Some((name @ [_, ..], [b':', value @ ..])) => (name, Some(value)),
            Some((name @ [_, ..], rest)) if rest.trim_ascii().is_empty() => {
                self.report(
                    ErrorKind::TrailingSpace,
                    line.start.saturating_add(2).saturating_add(name.len()),
                )?;
                (name, None)
            }
            _ => return self.bad_name(line),
        };
        if self.parser.structure_only && self.level == Level::Media {
            return Ok(());
        }
        match self.name(name, line)? {
            Some(known) => self.known_attribute(known, value, line),
            None => Ok(()),
        }
    }

    /// The attribute's name, if we know it. RFC 8866 §9 has names as tokens, whose case counts; the
    /// lenient profile takes what old equipment writes.
    #[inline]
    fn name(&mut self, name: &[u8], line: &RawLine<'a>) -> Result<Option<Name>, ParseError> {
        let known = Name::of(name);
        if known.is_some() || !self.parser.folds_names() {
            return Ok(known);
        }
        let folded = Name::of_any_case(name);
        if folded.is_some() && self.parser.form == Form::Description {
            self.report(ErrorKind::NameCase, line.start.saturating_add(2))?;
        }
        Ok(folded)
    }

    #[inline]
    fn known_attribute(&mut self, name: Name, value: Option<&'a [u8]>, line: &RawLine<'a>) -> Result<(), ParseError> {
        if self.level == Level::Session {
            self.session.note(name, line);
        }
        match self.parser.structure_only {
            true => Ok(()),
            false => self.check_attribute(name, value, line),
        }
    }

    #[inline(never)]
    fn check_attribute(&mut self, name: Name, value: Option<&'a [u8]>, line: &RawLine<'a>) -> Result<(), ParseError> {
        let misplaced = match name.usage() {
            Usage::Both => false,
            Usage::Session => self.level == Level::Media,
            Usage::Media => self.level == Level::Session,
        };
        if misplaced {
            self.report(ErrorKind::MisplacedAttribute, line.start)?;
        }
        let bit = name.bit();
        let repeated = name.repeat() == Repeat::Once && self.names & bit != 0;
        if repeated {
            self.report(ErrorKind::RepeatedAttribute, line.start)?;
        }
        self.names |= bit;
        if value.is_some_and(|value| value.ends_with(b" ")) {
            self.report(
                ErrorKind::TrailingSpace,
                line.start.saturating_add(line.bytes.trim_ascii_end().len()),
            )?;
        }
        if name == Name::Candidate {
            self.candidates = self.candidates.saturating_add(1);
            if self.candidates > self.parser.limits.candidates {
                return self.too_large(Limit::Candidates, self.parser.limits.candidates);
            }
        }
        let end = line.start.saturating_add(line.bytes.len());
        match self.value(name, value, end) {
            Ok(None) if name == Name::Mid && self.level == Level::Media && !repeated => {
                self.mid(value.unwrap_or_default().trim_ascii_end(), line)
            }
            Ok(None) => Ok(()),
            Ok(Some(kind)) => self.report(kind, end.saturating_sub(value.map_or(0, <[u8]>::len))),
            Err(fault) => {
                let vital = !misplaced && Weight::of(name) == Weight::Vital;
                let finding = self.error(fault.kind, end.saturating_sub(fault.remaining));
                self.malformed(name, value, finding, vital)
            }
        }
    }

    /// An attribute whose value is not as it should be.
    #[cold]
    fn malformed(
        &mut self,
        name: Name,
        value: Option<&'a [u8]>,
        finding: Finding,
        vital: bool,
    ) -> Result<(), ParseError> {
        let profile = self.parser.profile;
        if Attribute::salvage(name, value, profile.reading()).is_some() {
            (self.findings)(finding, None);
            return Ok(());
        }
        match profile.verdict_of_malformed(name, finding.kind(), self.level) {
            Verdict::Reject => return Err(finding),
            Verdict::Tolerate => (self.findings)(finding, profile.loses_sections().then_some(name).filter(|_| vital)),
            Verdict::Accept => {}
        }
        Ok(())
    }

    /// Checks the value of an attribute, which ends at `end`.
    #[inline]
    fn value(&mut self, name: Name, value: Option<&'a [u8]>, end: usize) -> Result<Option<ErrorKind>, Fault> {
        let Some(value) = value else {
            return match name.is_flag() {
                true => Ok(None),
                false => Err(Fault::new(ErrorKind::MissingValue, b"")),
            };
        };
        if name.is_flag() {
            return Err(Fault::new(ErrorKind::UnexpectedValue, value));
        }
        let start = end.saturating_sub(value.len());
        let text = match self.utf8.and_then(|text| text.get(start..end)) {
            Some(text) => text,
            None => grammar::utf8(value)?,
        };
        // Some stacks end lines with a space. The parser tells of it; nothing can hide behind it.
        let trimmed = text.trim_ascii_end();
        self.streams
            .check(name, trimmed)
            .map_err(|fault| fault.before(text.len().saturating_sub(trimmed.len())))
    }

    fn mid(&mut self, mid: &[u8], line: &RawLine<'a>) -> Result<(), ParseError> {
        if self.parser.form == Form::Fragment {
            return Ok(());
        }
        let offset = line.start.saturating_add("a=mid:".len());
        if self.mids.insert(mid, offset) {
            Ok(())
        } else {
            self.report(ErrorKind::DuplicateMid, offset)
        }
    }

    #[cold]
    fn bad_name(&mut self, line: &RawLine<'a>) -> Result<(), ParseError> {
        let spaced = line.bytes.starts_with(b"a= ");
        let kind = if spaced {
            ErrorKind::SpaceAroundEquals
        } else {
            ErrorKind::Invalid(Field::AttributeName)
        };
        self.report(kind, line.start.saturating_add(2))
    }

    /// Everything but attributes.
    fn other_line(&mut self, letter: u8, value: &'a [u8], line: &RawLine<'a>) -> Result<(), ParseError> {
        if letter == b'm' {
            self.start_media(line)?;
        } else if !self.place(letter, line)? {
            return Ok(());
        }
        // RFC 8866 §5: no white space beside `=`; only text may begin or end with it.
        let is_text = matches!(letter, b's' | b'i' | b'u' | b'e' | b'p' | b'k');
        if value.starts_with(b" ") && !matches!(letter, b's' | b'i') {
            self.report(ErrorKind::SpaceAroundEquals, line.start.saturating_add(2))?;
        }
        let trimmed = if is_text { value } else { value.trim_ascii_end() };
        let end = line.start.saturating_add(2).saturating_add(trimmed.len());
        if trimmed.len() < value.len() {
            self.report(ErrorKind::TrailingSpace, end)?;
        }
        match letter {
            b'm' => self.media_line(trimmed, end),
            b'c' => self.connection(trimmed, end),
            _ => fields::check(letter, trimmed).or_else(|fault| self.fault(fault, end)),
        }
    }

    /// Reads a `c=` line, and says what only the letter of the RFC minds in one that can be read.
    fn connection(&mut self, value: &'a [u8], end: usize) -> Result<(), ParseError> {
        let connection = match Connection::parse(value) {
            Ok(connection) => connection,
            Err(fault) => return self.fault(fault, end),
        };
        match connection.check_use() {
            Ok(()) => Ok(()),
            Err(kind) => {
                let at = value.offset(connection.address.as_bytes());
                self.report(kind, end.saturating_sub(value.len()).saturating_add(at))
            }
        }
    }

    fn start_media(&mut self, line: &RawLine<'a>) -> Result<(), ParseError> {
        if self.level == Level::Session {
            self.media_start = line.start;
        }
        if self.needs_version() {
            return self.report(ErrorKind::Missing(Letter(b'v')), line.start);
        }
        self.end_section(line.start)?;
        self.streams = self.streams.next_section(self.names, self.level);
        (self.section_start, self.section_line) = (line.start, self.line);
        self.level = Level::Media;
        (self.rank, self.letters, self.names) = (0, 0, 0);
        (self.attributes, self.candidates) = (0, 0);
        self.media_count = self.media_count.saturating_add(1);
        let maximum = self.parser.limits.media_sections.min(Limits::MEDIA_SECTIONS_MAXIMUM);
        if self.media_count > maximum {
            return self.too_large(Limit::MediaSections, maximum);
        }
        Ok(())
    }

    fn media_line(&mut self, value: &'a [u8], end: usize) -> Result<(), ParseError> {
        match MediaLine::parse(value) {
            // Without its head a media section can't be told from another: no profile skips it.
            Err(fault) => Err(self.error(fault.kind, end.saturating_sub(fault.remaining))),
            Ok(media) => {
                let list = end.saturating_sub(media.format_list.len());
                let place = |format| list.saturating_add(media.format_list.offset(format));
                let survey = media.survey();
                self.streams.formats(&media, survey.payload_types);
                if let Some(format) = survey.odd {
                    self.report(ErrorKind::FormatNotToken, place(format))?;
                }
                match survey.repeated {
                    Some(format) => self.report(ErrorKind::DuplicateFormat, place(format)),
                    None => Ok(()),
                }
            }
        }
    }

    /// Whether the line may stand here (RFC 8866 §5); `false` if it has to be skipped.
    fn place(&mut self, letter: u8, line: &RawLine<'_>) -> Result<bool, ParseError> {
        if letter != b'v' && self.needs_version() {
            self.report(ErrorKind::Missing(Letter(b'v')), line.start)?;
        }
        if letter != b'a' && self.parser.form == Form::Fragment {
            self.report(ErrorKind::NotInFragment(Letter(letter)), line.start)?;
            return Ok(false);
        }
        let Some(rank) = rank(self.level, letter) else {
            let kind = match letter {
                b'o' | b's' | b'u' | b'e' | b'p' | b't' | b'r' | b'z' | b'v' => ErrorKind::Misplaced(Letter(letter)),
                b'a'..=b'z' => ErrorKind::UnknownLine(Letter(letter)),
                _ => ErrorKind::MalformedLine,
            };
            self.report(kind, line.start)?;
            return Ok(false);
        };
        // RFC 8866 §5.10: repeat times belong to the time line before them.
        let orphaned = matches!(letter, b'r' | b'z') && self.letters & bit(b't') == 0;
        if rank < self.rank || orphaned {
            self.report(ErrorKind::Misplaced(Letter(letter)), line.start)?;
        }
        let may_repeat = matches!(letter, b'e' | b'p' | b'b' | b't' | b'r' | b'z' | b'a')
            || (letter == b'c' && self.level == Level::Media);
        if self.letters & bit(letter) != 0 && !may_repeat {
            self.report(ErrorKind::Repeated(Letter(letter)), line.start)?;
        }
        self.letters |= bit(letter);
        self.rank = self.rank.max(rank);
        Ok(true)
    }

    /// Whether this is the line where the version has to stand.
    fn needs_version(&self) -> bool {
        self.line == 1 && self.parser.form == Form::Description
    }

    /// Whether the section that ends here had all it needs.
    fn end_section(&mut self, end: usize) -> Result<(), ParseError> {
        if self.parser.form == Form::Fragment {
            return self.end_fragment_section(end);
        }
        let has_connection = self.letters & bit(b'c') != 0;
        self.check_streams(end)?;
        match self.level {
            Level::Session => {
                for letter in [b'v', b'o', b's', b't'] {
                    if self.letters & bit(letter) == 0 {
                        self.report(ErrorKind::Missing(Letter(letter)), end)?;
                    }
                }
                self.session_has_connection = has_connection;
                self.session_lines = self.line;
                Ok(())
            }
            Level::Media if has_connection || self.session_has_connection => Ok(()),
            Level::Media => self.report(ErrorKind::Missing(Letter(b'c')), end),
        }
    }

    /// RFC 8840 §4.4: each section names the one that it is about, and credentials at either level
    /// say of which generation the candidates are.
    fn end_fragment_section(&mut self, end: usize) -> Result<(), ParseError> {
        if self.level == Level::Session {
            self.session_names = self.names;
            self.session_lines = self.line;
            return Ok(());
        }
        if self.parser.structure_only {
            return Ok(());
        }
        let has = |names: u128, name: Name| names & name.bit() != 0;
        if !has(self.names, Name::Mid) {
            self.report(ErrorKind::MissingMid, end)?;
        }
        let names = self.names | self.session_names;
        if self.candidates > 0 && !(has(names, Name::IceUfrag) && has(names, Name::IcePwd)) {
            self.report(ErrorKind::MissingCredentials, end)?;
        }
        Ok(())
    }

    /// A fault in a value that ends at `end`.
    #[cold]
    fn fault(&mut self, fault: Fault, end: usize) -> Result<(), ParseError> {
        self.report(fault.kind, end.saturating_sub(fault.remaining))
    }

    #[cold]
    fn report(&mut self, kind: ErrorKind, offset: usize) -> Result<(), ParseError> {
        let error = self.error(kind, offset);
        match self.parser.profile.verdict(kind, self.level) {
            Verdict::Reject => return Err(error),
            // Of two sections with one mid the second is none that can be named.
            Verdict::Tolerate => {
                let vital = kind == ErrorKind::DuplicateMid && self.parser.profile.loses_sections();
                (self.findings)(error, vital.then_some(Name::Mid));
            }
            Verdict::Accept => {}
        }
        Ok(())
    }

    fn error(&self, kind: ErrorKind, offset: usize) -> ParseError {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let column = number(offset.saturating_sub(self.line_start).saturating_add(1));
        ParseError::new(kind, self.line.max(1), column, number(offset))
    }

    #[cold]
    fn too_large<T>(&self, limit: Limit, maximum: u32) -> Result<T, ParseError> {
        Err(locate(
            ErrorKind::TooLarge { limit, maximum },
            self.text,
            self.line_start,
        ))
    }
}

/// Where a line's letter stands in the order of RFC 8866 §5, or `None` if it may not stand at this
/// level at all. Attributes come last at both levels.
pub(crate) fn rank(level: Level, letter: u8) -> Option<u8> {
    Some(match (level, letter) {
        (Level::Session, b'v') => 1,
        (Level::Session, b'o') => 2,
        (Level::Session, b's') => 3,
        (_, b'i') => 4,
        (Level::Session, b'u') => 5,
        (Level::Session, b'e') => 6,
        (Level::Session, b'p') => 7,
        (_, b'c') => 8,
        (_, b'b') => 9,
        (Level::Session, b't' | b'r' | b'z') => 10,
        (_, b'k') => 11,
        (_, b'a') => RANK_ATTRIBUTE,
        _ => return None,
    })
}

const RANK_ATTRIBUTE: u8 = 12;

fn bit(letter: u8) -> u32 {
    1_u32.wrapping_shl(u32::from(letter & 31))
}
