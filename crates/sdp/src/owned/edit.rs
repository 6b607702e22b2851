//! Changes of lines: one is replaced, added or removed, all others stay as they are.

use alloc::vec::Vec;
use core::ops::Range;

use super::{OwnedSession, Place};
use crate::attribute::{Attribute, RawAttribute, split_attribute};
use crate::error::{ErrorKind, Letter};
use crate::fields::{self, Bandwidth, Connection, Origin, Timing};
use crate::grammar::is_token;
use crate::line::{RawLine, RawLines};
use crate::parser::rank;
use crate::profile::Level;
use crate::writer::{LineWriter, WriteError};

impl OwnedSession {
    /// Replaces `o=`.
    pub fn set_origin(&mut self, origin: &Origin<'_>) -> Result<(), WriteError> {
        let line = new_line(b'o', |line| line.display(origin))?;
        self.set_line(Place::Session, &line)
    }

    /// Replaces `s=`.
    pub fn set_name<T: AsRef<[u8]> + ?Sized>(&mut self, name: &T) -> Result<(), WriteError> {
        let line = new_line(b's', |line| line.push(name.as_ref()))?;
        self.set_line(Place::Session, &line)
    }

    /// Replaces `i=` of a place, or adds it where it belongs.
    pub fn set_information<T: AsRef<[u8]> + ?Sized>(&mut self, place: Place, text: &T) -> Result<(), WriteError> {
        let line = new_line(b'i', |line| line.push(text.as_ref()))?;
        self.set_line(place, &line)
    }

    /// Replaces the first `c=` of a place, or adds one where it belongs.
    pub fn set_connection(&mut self, place: Place, connection: &Connection<'_>) -> Result<(), WriteError> {
        let line = new_line(b'c', |line| line.display(connection))?;
        self.set_line(place, &line)
    }

    /// Replaces the first `b=` of a place that is of the same kind, or adds one behind the others.
    pub fn set_bandwidth(&mut self, place: Place, bandwidth: &Bandwidth<'_>) -> Result<(), WriteError> {
        let range = self.range(place)?;
        let line = new_line(b'b', |line| line.display(bandwidth))?;
        let same = |other: &[u8]| bandwidth_kind(other).is_some_and(|kind| kind == bandwidth.kind.as_bytes());
        match self.find(range, same) {
            Some(old) => self.replace(old, &line),
            None => self.insert_in_order(place, &line)?,
        }
        Ok(())
    }

    /// Removes all `b=` of this kind, such as `AS`, and says how many there were.
    pub fn remove_bandwidths(&mut self, place: Place, kind: &str) -> Result<usize, WriteError> {
        self.retain(place, |line| bandwidth_kind(line) != Some(kind.as_bytes()))
    }

    /// Replaces all `t=`, and the `r=` and `z=` that belong to them, by this one.
    pub fn set_timing(&mut self, timing: &Timing<'_>) -> Result<(), WriteError> {
        let line = new_line(b't', |line| line.display(timing))?;
        self.retain(Place::Session, |line| !matches!(line, [b't' | b'r' | b'z', b'=', ..]))?;
        self.insert_in_order(Place::Session, &line)
    }

    /// Removes all lines with this letter (`i`, `u`, `e`, `p`, `c`, `b`, `r`, `z`, `k` or `a`), and
    /// says how many there were. The other lines are those that a description must have.
    pub fn remove_lines(&mut self, place: Place, letter: char) -> Result<usize, WriteError> {
        let Some(letter) = u8::try_from(letter)
            .ok()
            .filter(|letter| b"iuepcbrzka".contains(letter))
        else {
            return Err(WriteError::NotRemovable(letter));
        };
        self.retain(place, |line| !line.starts_with(&[letter, b'=']))
    }

    /// Adds an attribute as the last line of a place.
    pub fn push_attribute(&mut self, place: Place, attribute: Attribute<'_>) -> Result<(), WriteError> {
        self.range(place)?;
        let line = attribute_line(attribute)?;
        self.insert_in_order(place, &line)
    }

    /// Adds an attribute before the one that is `index`th in the place, counted from 0; with the
    /// number of attributes there it is the last.
    pub fn insert_attribute(&mut self, place: Place, index: usize, attribute: Attribute<'_>) -> Result<(), WriteError> {
        let line = attribute_line(attribute)?;
        match self.attribute(place, index) {
            Ok(at) => self.insert(at.start, &line),
            Err(WriteError::NoSuchAttribute { count }) if count == index => self.insert_in_order(place, &line)?,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Replaces the first attribute of the same name, or adds it as the last line of the place.
    pub fn set_attribute(&mut self, place: Place, attribute: Attribute<'_>) -> Result<(), WriteError> {
        let range = self.range(place)?;
        let line = attribute_line(attribute)?;
        let name = name_of_line(&line).unwrap_or_default();
        match self.find(range, |other| {
            name_of_line(other).is_some_and(|other| self.is_same_name(other, name))
        }) {
            Some(old) => self.replace(old, &line),
            None => self.insert_in_order(place, &line)?,
        }
        Ok(())
    }

    /// Replaces the attribute that is `index`th in the place, counted from 0.
    pub fn replace_attribute(
        &mut self,
        place: Place,
        index: usize,
        attribute: Attribute<'_>,
    ) -> Result<(), WriteError> {
        let old = self.attribute(place, index)?;
        let line = attribute_line(attribute)?;
        self.replace(old, &line);
        Ok(())
    }

    /// Removes the attribute that is `index`th in the place, counted from 0.
    pub fn remove_attribute(&mut self, place: Place, index: usize) -> Result<(), WriteError> {
        let line = self.attribute(place, index)?;
        self.splice(line, b"");
        Ok(())
    }

    /// Removes all attributes of this name, and says how many there were.
    pub fn remove_attributes(&mut self, place: Place, name: &str) -> Result<usize, WriteError> {
        let any_case = self.reading.folds_names();
        self.retain_attributes(place, |attribute| {
            attribute.name != name && !(any_case && attribute.name.eq_ignore_ascii_case(name))
        })
    }

    /// Keeps the attributes of a place that `keep` wants, and says how many were removed. A line whose
    /// name is no text, which the lenient profiles let pass, can't be shown to `keep`, and stays.
    pub fn retain_attributes(
        &mut self,
        place: Place,
        mut keep: impl FnMut(&RawAttribute<'_>) -> bool,
    ) -> Result<usize, WriteError> {
        self.retain(place, |line| {
            attribute_of(line).is_none_or(|attribute| keep(&attribute))
        })
    }

    /// The bytes of a place.
    pub(super) fn range(&self, place: Place) -> Result<Range<usize>, WriteError> {
        let start_of = |index: usize| self.starts.get(index).copied();
        let (start, next) = match place {
            Place::Session => (0, 0),
            Place::Media(index) => {
                let count = self.starts.len();
                let start = start_of(index).ok_or(WriteError::NoSuchSection { count })?;
                (start, index.saturating_add(1))
            }
        };
        Ok(start..start_of(next).unwrap_or(self.text.len()))
    }

    /// The lines of a range that was asked for before.
    fn lines(&self, range: &Range<usize>) -> impl Iterator<Item = RawLine<'_>> + use<'_> {
        let start = range.start;
        let section = self.text.get(range.clone()).unwrap_or_default();
        RawLines::new(section).map(move |line| RawLine {
            start: line.start.saturating_add(start),
            end: line.end.saturating_add(start),
            ..line
        })
    }

    /// The first line within `range` that `wanted` wants, with its line end.
    fn find(&self, range: Range<usize>, wanted: impl Fn(&[u8]) -> bool) -> Option<Range<usize>> {
        let line = self.lines(&range).find(|line| wanted(line.bytes))?;
        Some(line.start..line.end)
    }

    fn attribute(&self, place: Place, index: usize) -> Result<Range<usize>, WriteError> {
        let range = self.range(place)?;
        // Counted as `attributes` lists them: without those whose names are no text.
        let attributes = || self.lines(&range).filter(|line| attribute_of(line.bytes).is_some());
        match attributes().nth(index) {
            Some(line) => Ok(line.start..line.end),
            None => Err(WriteError::NoSuchAttribute {
                count: attributes().count(),
            }),
        }
    }

    fn is_same_name(&self, a: &[u8], b: &[u8]) -> bool {
        a == b || (self.reading.folds_names() && a.eq_ignore_ascii_case(b))
    }

    /// Replaces the place's first line with this letter, or adds it where it belongs.
    pub(super) fn set_line(&mut self, place: Place, line: &[u8]) -> Result<(), WriteError> {
        let range = self.range(place)?;
        let letter = line.get(..2).unwrap_or_default();
        match self.find(range, |other| other.starts_with(letter)) {
            Some(old) => self.replace(old, line),
            None => self.insert_in_order(place, line)?,
        }
        Ok(())
    }

    /// Puts another text in the place of a line's, whose line end it keeps.
    fn replace(&mut self, old: Range<usize>, line: &[u8]) {
        let bytes = self.text.get(old.clone()).unwrap_or_default();
        let line_end = bytes
            .len()
            .saturating_sub(RawLines::new(bytes).next().map_or(0, |line| line.bytes.len()));
        self.splice(old.start..old.end.saturating_sub(line_end), line);
    }

    /// Adds a line before those that the order of RFC 8866 §5 puts behind it, or as the last.
    fn insert_in_order(&mut self, place: Place, line: &[u8]) -> Result<(), WriteError> {
        let range = self.range(place)?;
        let level = match place {
            Place::Session => Level::Session,
            Place::Media(_) => Level::Media,
        };
        let rank_of = |line: &[u8]| line.first().and_then(|letter| rank(level, *letter));
        let Some(own) = rank_of(line) else {
            let letter = Letter(line.first().copied().unwrap_or_default());
            return Err(WriteError::InvalidLine {
                letter,
                kind: ErrorKind::Misplaced(letter),
            });
        };
        let behind = self.find(range.clone(), |other| rank_of(other).is_some_and(|other| other > own));
        // Blank lines at the end stay there.
        let last = || self.lines(&range).filter(|line| !line.bytes.is_empty()).last();
        let at = behind.map_or_else(|| last().map_or(range.end, |line| line.end), |behind| behind.start);
        self.insert(at, line);
        Ok(())
    }

    /// Adds a line that starts at `at`, with the line end of the line before it.
    pub(super) fn insert(&mut self, at: usize, line: &[u8]) {
        let before = self.text.get(..at).unwrap_or_default();
        let line_end = line_end_of(before);
        let mut new = Vec::with_capacity(line.len().saturating_add(4));
        if !before.is_empty() && !before.ends_with(b"\n") {
            new.extend_from_slice(line_end);
        }
        new.extend_from_slice(line);
        new.extend_from_slice(line_end);
        self.splice(at..at, &new);
    }

    /// Keeps the lines of a place that `keep` wants, and says how many were removed.
    fn retain(&mut self, place: Place, mut keep: impl FnMut(&[u8]) -> bool) -> Result<usize, WriteError> {
        let range = self.range(place)?;
        let mut kept = Vec::with_capacity(range.len());
        let mut removed = 0_usize;
        for line in self.lines(&range) {
            if keep(line.bytes) {
                kept.extend_from_slice(self.text.get(line.start..line.end).unwrap_or_default());
            } else {
                removed = removed.saturating_add(1);
            }
        }
        if removed > 0 {
            self.splice(range, &kept);
        }
        Ok(removed)
    }

    /// The one place where the text changes; sections that start behind the change move with it.
    /// What is replaced lies within one section.
    pub(super) fn splice(&mut self, at: Range<usize>, new: &[u8]) {
        let (removed, end) = (at.len(), at.end);
        for start in self.starts.iter_mut().rev().take_while(|start| **start >= end) {
            *start = start.saturating_sub(removed).saturating_add(new.len());
        }
        self.text.splice(at, new.iter().copied());
    }
}

/// A line without its line end, if its value has the form that it must have.
pub(super) fn new_line(letter: u8, fill: impl FnOnce(&mut LineWriter<'_>)) -> Result<Vec<u8>, WriteError> {
    let mut text = Vec::with_capacity(64);
    let mut line = LineWriter::start(&mut text, letter);
    fill(&mut line);
    line.end(b"")?;
    let value = text.get(2..).unwrap_or_default();
    let checked = match value {
        [b' ', ..] if !matches!(letter, b's' | b'i' | b'a') => Err(ErrorKind::SpaceAroundEquals),
        value => fields::check(letter, value).map_err(|fault| fault.kind),
    };
    match checked {
        Ok(()) => Ok(text),
        Err(kind) => Err(WriteError::InvalidLine {
            letter: Letter(letter),
            kind,
        }),
    }
}

fn attribute_line(attribute: Attribute<'_>) -> Result<Vec<u8>, WriteError> {
    let line = new_line(b'a', |line| line.attribute(&attribute))?;
    let (name, value) = split_attribute(line.strip_prefix(b"a=").unwrap_or(&line));
    if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
        return Err(WriteError::InvalidName);
    }
    if let Ok(name) = core::str::from_utf8(name) {
        Attribute::parse(name, value)?;
    }
    Ok(line)
}

/// How the last line of a text ends, or the one before if the last does not end.
fn line_end_of(text: &[u8]) -> &'static [u8] {
    let end = text.iter().rposition(|byte| *byte == b'\n');
    match end.and_then(|end| text.get(..end)) {
        Some(line) if !line.ends_with(b"\r") => b"\n",
        _ => b"\r\n",
    }
}

fn attribute_of(line: &[u8]) -> Option<RawAttribute<'_>> {
    line.strip_prefix(b"a=").and_then(RawAttribute::split)
}

fn name_of_line(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"a=").map(|attribute| split_attribute(attribute).0)
}

/// What stands before the colon of a `b=`.
fn bandwidth_kind(line: &[u8]) -> Option<&[u8]> {
    let value = line.strip_prefix(b"b=")?;
    let colon = value.iter().position(|byte| *byte == b':')?;
    value.get(..colon)
}
