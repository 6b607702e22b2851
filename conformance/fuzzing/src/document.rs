//! Changes of an SDP document, held against a list of lines that is changed in the plainest way.

use arbitrary::{Arbitrary, Unstructured};
use pollrtc_sdp::attribute::{Attribute, RawAttribute};
use pollrtc_sdp::{Bandwidth, Connection, MediaLine, OwnedSession, Parser, Place, Profile, Session};

/// The bytes before the first NUL are a description, those behind it a script of changes.
pub fn sdp_document(data: &[u8]) {
    let (text, script) = data.split_at(data.iter().position(|byte| *byte == 0).unwrap_or(data.len()));
    let Ok(session) = Parser::new().profile(Profile::Lenient).parse(text) else {
        return;
    };
    let mut document = OwnedSession::from(session);
    let mut model = Model::new(text);
    let mut script = Unstructured::new(script);
    while !script.is_empty() && document.as_bytes().len() < 100_000 {
        let Ok(change) = Change::arbitrary(&mut script) else {
            return;
        };
        change.apply(&mut document, &mut model);
        assert_eq!(document.as_bytes(), model.text(), "{change:?}");
        check_index(&document, &model);
    }
}

/// What the index says is what is found without it.
fn check_index(document: &OwnedSession, model: &Model) {
    let session = document.as_session();
    let sections = model.sections();
    assert_eq!(session.media_count(), sections - 1);
    for (index, media) in session.media().enumerate() {
        assert_eq!(document.media(index).expect("it is there").as_bytes(), media.as_bytes());
        assert_eq!(media.as_bytes(), model.section_text(index + 1));
    }
    assert!(document.media(sections - 1).is_none());
}

#[derive(Debug, Arbitrary)]
enum Change {
    Push(u8, Name, Value),
    Insert(u8, u8, Name, Value),
    Set(u8, Name, Value),
    Replace(u8, u8, Name, Value),
    Remove(u8, u8),
    RemoveNamed(u8, Name),
    RetainShort(u8),
    Connection(u8),
    Bandwidth(u8, bool, u8),
    RemoveBandwidth(u8, bool),
    RemoveLines(u8, u8),
    SessionName(Value),
    Information(u8, Value),
    MediaLine(u8, u16),
    InsertMedia(u8, u16),
    CopyMedia(u8),
    ReplaceMedia(u8, u8),
    RemoveMedia(u8),
}

/// Names without a type, so that any value suits them, in two cases of letters.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Name {
    X,
    Y,
    UpperX,
}

impl Name {
    fn as_str(self) -> &'static str {
        match self {
            Name::X => "x",
            Name::Y => "y",
            Name::UpperX => "X",
        }
    }
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Value {
    None,
    Short(u8),
    Long,
    Injected,
}

impl Value {
    fn text(self) -> Option<String> {
        match self {
            Value::None => None,
            Value::Short(number) => Some(number.to_string()),
            Value::Long => Some("long ".repeat(20)),
            Value::Injected => Some("x\r\na=ice-lite".to_owned()),
        }
    }
}

impl Change {
    fn apply(&self, document: &mut OwnedSession, model: &mut Model) {
        match *self {
            Change::Push(at, name, value) => {
                let attribute = value.text();
                let result = document.push_attribute(place(at), raw(name, &attribute));
                model.edit(at, &attribute, result.is_ok(), |model, section| {
                    let line = model.last(section);
                    model.insert(line, &written(name, &attribute));
                    true
                });
            }
            Change::Insert(at, index, name, value) => {
                let attribute = value.text();
                let result = document.insert_attribute(place(at), index.into(), raw(name, &attribute));
                model.edit(at, &attribute, result.is_ok(), |model, section| {
                    let attributes = model.find(section, |line| listed(line).is_some());
                    let line = match attributes.get(usize::from(index)) {
                        Some(line) => *line,
                        None if attributes.len() == usize::from(index) => model.last(section),
                        None => return false,
                    };
                    model.insert(line, &written(name, &attribute));
                    true
                });
            }
            Change::Set(at, name, value) => {
                let attribute = value.text();
                let result = document.set_attribute(place(at), raw(name, &attribute));
                model.edit(at, &attribute, result.is_ok(), |model, section| {
                    let same = model.find(section, |line| is_named(line, name));
                    match same.first() {
                        Some(line) => model.lines[*line].0 = written(name, &attribute),
                        None => model.insert(model.last(section), &written(name, &attribute)),
                    }
                    true
                });
            }
            Change::Replace(at, index, name, value) => {
                let attribute = value.text();
                let result = document.replace_attribute(place(at), index.into(), raw(name, &attribute));
                model.edit(at, &attribute, result.is_ok(), |model, section| {
                    let attributes = model.find(section, |line| listed(line).is_some());
                    let Some(line) = attributes.get(usize::from(index)) else {
                        return false;
                    };
                    model.lines[*line].0 = written(name, &attribute);
                    true
                });
            }
            Change::Remove(at, index) => {
                let result = document.remove_attribute(place(at), index.into());
                model.edit(at, &None, result.is_ok(), |model, section| {
                    let attributes = model.find(section, |line| listed(line).is_some());
                    attributes
                        .get(usize::from(index))
                        .map(|line| model.lines.remove(*line))
                        .is_some()
                });
            }
            Change::RemoveNamed(at, name) => {
                let result = document.remove_attributes(place(at), name.as_str());
                model.remove(at, result.ok(), |line| is_named(line, name));
            }
            Change::RetainShort(at) => {
                let keep = |attribute: &RawAttribute<'_>| attribute.value.is_none_or(|value| value.len() < 10);
                let result = document.retain_attributes(place(at), keep);
                model.remove(at, result.ok(), |line| {
                    listed(line).is_some_and(|(_, value)| value.is_some_and(|value| value.len() >= 10))
                });
            }
            Change::Connection(at) => {
                let result = document.set_connection(place(at), &Connection::UNSPECIFIED);
                model.edit(at, &None, result.is_ok(), |model, section| {
                    model.set(section, b"c=IN IP4 0.0.0.0", |line| line.starts_with(b"c="), b"btrzka");
                    true
                });
            }
            Change::Bandwidth(at, total, number) => {
                let (kind, value) = (kind(total), number.to_string());
                let bandwidth = Bandwidth { kind, value: &value };
                let result = document.set_bandwidth(place(at), &bandwidth);
                model.edit(at, &None, result.is_ok(), |model, section| {
                    let (head, line) = (format!("b={kind}:"), format!("b={kind}:{value}"));
                    model.set(
                        section,
                        line.as_bytes(),
                        |line| line.starts_with(head.as_bytes()),
                        b"trzka",
                    );
                    true
                });
            }
            Change::RemoveBandwidth(at, total) => {
                let head = format!("b={}:", kind(total));
                let result = document.remove_bandwidths(place(at), kind(total));
                model.remove(at, result.ok(), |line| line.starts_with(head.as_bytes()));
            }
            Change::RemoveLines(at, letter) => {
                let letters = b"iuepcbrzka";
                let letter = letters[usize::from(letter) % letters.len()];
                let result = document.remove_lines(place(at), letter.into());
                model.remove(at, result.ok(), |line| line.starts_with(&[letter, b'=']));
            }
            Change::SessionName(value) => {
                let name = value.text();
                let text = name.as_deref().unwrap_or("-");
                let result = document.set_name(text);
                model.edit(0, &name, result.is_ok(), |model, section| {
                    let line = format!("s={text}");
                    model.set(section, line.as_bytes(), |line| line.starts_with(b"s="), b"iuepcbtrzka");
                    true
                });
            }
            Change::Information(at, value) => {
                let information = value.text();
                let text = information.as_deref().unwrap_or("-");
                let result = document.set_information(place(at), text);
                model.edit(at, &information, result.is_ok(), |model, section| {
                    let line = format!("i={text}");
                    model.set(section, line.as_bytes(), |line| line.starts_with(b"i="), b"uepcbtrzka");
                    true
                });
            }
            Change::MediaLine(at, port) => {
                let result = document.set_media_line(at.into(), &MediaLine::data_channel(port));
                model.edit(at.saturating_add(1), &None, result.is_ok(), |model, section| {
                    let head = model.find(section, |line| line.starts_with(b"m="))[0];
                    model.lines[head].0 = data_channel(port);
                    true
                });
            }
            Change::InsertMedia(index, port) => {
                let result = document.insert_media(index.into(), &MediaLine::data_channel(port));
                let fits = usize::from(index) < model.sections();
                assert_eq!(result.is_ok(), fits);
                if fits {
                    let start = model.start(usize::from(index) + 1);
                    model.insert(start, &data_channel(port));
                }
            }
            Change::CopyMedia(port) => {
                let text = other(port);
                let session = Session::parse(&text).expect("it is well-formed");
                document.push_section(&session.media().next().expect("it has one"));
                model.paste(model.lines.len(), &text);
            }
            Change::ReplaceMedia(index, port) => {
                let text = other(port);
                let session = Session::parse(&text).expect("it is well-formed");
                let media = session.media().next().expect("it has one");
                let result = document.replace_section(index.into(), &media);
                model.edit(index.saturating_add(1), &None, result.is_ok(), |model, section| {
                    let start = model.start(section);
                    model.lines.drain(start..model.start(section + 1));
                    model.paste(start, &text);
                    true
                });
            }
            Change::RemoveMedia(index) => {
                let result = document.remove_section(index.into());
                model.edit(index.saturating_add(1), &None, result.is_ok(), |model, section| {
                    model.lines.drain(model.start(section)..model.start(section + 1));
                    true
                });
            }
        }
    }
}

/// Lines, each with its line end.
struct Model {
    lines: Vec<(Vec<u8>, &'static [u8])>,
}

impl Model {
    fn new(text: &[u8]) -> Self {
        let line = |line: &[u8]| match line.strip_suffix(b"\r\n") {
            Some(content) => (content.to_vec(), &b"\r\n"[..]),
            None => match line.strip_suffix(b"\n") {
                Some(content) => (content.to_vec(), &b"\n"[..]),
                None => (line.to_vec(), &b""[..]),
            },
        };
        let lines = text.split_inclusive(|byte| *byte == b'\n').map(line).collect();
        Self { lines }
    }

    fn text(&self) -> Vec<u8> {
        self.lines
            .iter()
            .flat_map(|(line, end)| [line, *end].concat())
            .collect()
    }

    /// How many there are, the session's included.
    fn sections(&self) -> usize {
        1 + self.lines.iter().filter(|(line, _)| line.starts_with(b"m=")).count()
    }

    /// The first line of a section, of which 0 is the session's; or behind the last.
    fn start(&self, section: usize) -> usize {
        let mut heads = (0..self.lines.len()).filter(|line| self.lines[*line].0.starts_with(b"m="));
        match section {
            0 => 0,
            section => heads.nth(section - 1).unwrap_or(self.lines.len()),
        }
    }

    fn section_text(&self, section: usize) -> Vec<u8> {
        let lines = &self.lines[self.start(section)..self.start(section + 1)];
        lines.iter().flat_map(|(line, end)| [line, *end].concat()).collect()
    }

    /// The lines of a section that `wanted` wants.
    fn find(&self, section: usize, wanted: impl Fn(&[u8]) -> bool) -> Vec<usize> {
        let section = self.start(section)..self.start(section + 1);
        section.filter(|line| wanted(&self.lines[*line].0)).collect()
    }

    /// Where a line would follow the last of a section that is not blank.
    fn last(&self, section: usize) -> usize {
        self.find(section, |line| !line.is_empty())
            .last()
            .expect("a section has a line")
            + 1
    }

    /// Adds a line as line `at`.
    fn insert(&mut self, at: usize, line: &[u8]) {
        let ends = self.lines[..at].iter().rev().map(|(_, end)| *end);
        let end = ends.into_iter().find(|end| !end.is_empty()).unwrap_or(b"\r\n");
        if at > 0 && self.lines[at - 1].1.is_empty() {
            self.lines[at - 1].1 = end;
        }
        self.lines.insert(at, (line.to_vec(), end));
    }

    /// Replaces the first line of a section that `same` wants, or adds one before the first whose
    /// letter is among `behind`.
    fn set(&mut self, section: usize, line: &[u8], same: impl Fn(&[u8]) -> bool, behind: &[u8]) {
        if let Some(old) = self.find(section, same).first() {
            self.lines[*old].0 = line.to_vec();
            return;
        }
        let next = self.find(section, |other| {
            matches!(other, [letter, b'=', ..] if behind.contains(letter) && (section == 0 || b"icbka".contains(letter)))
        });
        let at = next.first().copied().unwrap_or_else(|| self.last(section));
        self.insert(at, line);
    }

    /// The lines of another's section, from line `at` on.
    fn paste(&mut self, at: usize, other: &str) {
        let section = other
            .lines()
            .skip_while(|line| !line.starts_with("m="))
            .filter(|line| !line.is_empty());
        for (index, line) in section.enumerate() {
            self.insert(at + index, line.as_bytes());
        }
    }

    /// What a change does to the section, unless there is no such section or the value would start a
    /// line of its own; the document must have come to the same end.
    fn edit(&mut self, section: u8, value: &Option<String>, done: bool, change: impl FnOnce(&mut Self, usize) -> bool) {
        let injected = value.as_ref().is_some_and(|value| value.contains('\n'));
        let section = usize::from(section);
        let possible = !injected && section < self.sections();
        assert_eq!(possible && change(self, section), done);
    }

    fn remove(&mut self, section: u8, removed: Option<usize>, unwanted: impl Fn(&[u8]) -> bool) {
        let section = usize::from(section);
        if section >= self.sections() {
            return assert_eq!(removed, None);
        }
        let lines = self.find(section, unwanted);
        lines.iter().rev().for_each(|line| drop(self.lines.remove(*line)));
        assert_eq!(removed, Some(lines.len()));
    }
}

fn place(section: u8) -> Place {
    match section {
        0 => Place::Session,
        section => Place::Media(usize::from(section) - 1),
    }
}

fn raw(name: Name, value: &Option<String>) -> Attribute<'_> {
    Attribute::Other(RawAttribute {
        name: name.as_str(),
        value: value.as_ref().map(String::as_bytes),
    })
}

fn written(name: Name, value: &Option<String>) -> Vec<u8> {
    match value {
        Some(value) => format!("a={}:{value}", name.as_str()).into_bytes(),
        None => format!("a={}", name.as_str()).into_bytes(),
    }
}

/// Name and value of an attribute. A line whose name is no text is none that a document lists: nobody
/// can be asked about it, and so it stays.
fn listed(line: &[u8]) -> Option<(&str, Option<&[u8]>)> {
    let attribute = line.strip_prefix(b"a=")?;
    let (name, value) = match attribute.iter().position(|byte| *byte == b':') {
        Some(colon) => (&attribute[..colon], Some(&attribute[colon + 1..])),
        // Some stacks end lines with a space.
        None => (attribute.trim_ascii_end(), None),
    };
    Some((std::str::from_utf8(name).ok()?, value))
}

/// Whether the line is an attribute of this name; the documents were read by the lenient profile.
fn is_named(line: &[u8], name: Name) -> bool {
    listed(line).is_some_and(|(other, _)| other.eq_ignore_ascii_case(name.as_str()))
}

fn kind(total: bool) -> &'static str {
    if total { "CT" } else { "AS" }
}

fn data_channel(port: u16) -> Vec<u8> {
    format!("m=application {port} UDP/DTLS/SCTP webrtc-datachannel").into_bytes()
}

fn other(port: u8) -> String {
    format!("v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\nm=text {port} RTP/AVP 98\nb=AS:1\n\na=x:1\na=y")
}
