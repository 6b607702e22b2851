//! The lines of a description, before anything is known of what they mean.

use crate::scan;

/// One line, without its line end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawLine<'a> {
    pub(crate) bytes: &'a [u8],
    /// Where the line starts in the text that was split.
    pub(crate) start: usize,
    /// Where the next line starts.
    pub(crate) end: usize,
}

/// Splits a text at line feeds; a carriage return before the line feed belongs to the line end
/// (RFC 8866 §5: CRLF ends a line, a lone LF is to be accepted too).
#[derive(Debug, Clone)]
pub(crate) struct RawLines<'a> {
    rest: &'a [u8],
    start: usize,
}

impl<'a> RawLines<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { rest: text, start: 0 }
    }

    /// Where the next line starts.
    pub(crate) fn position(&self) -> usize {
        self.start
    }
}

impl<'a> Iterator for RawLines<'a> {
    type Item = RawLine<'a>;

    #[inline]
    fn next(&mut self) -> Option<RawLine<'a>> {
        let start = self.start;
        let (line, rest) = match scan::find(self.rest, b'\n').and_then(|end| self.rest.split_at_checked(end)) {
            Some((line, [_, rest @ ..])) => (line, rest),
            _ if self.rest.is_empty() => return None,
            _ => (self.rest, &[][..]),
        };
        self.start = start.wrapping_add(self.rest.len().wrapping_sub(rest.len()));
        self.rest = rest;
        Some(RawLine {
            bytes: match line {
                [line @ .., b'\r'] => line,
                line => line,
            },
            start,
            end: self.start,
        })
    }
}

/// The text up to its first line end.
#[inline]
pub(crate) fn first_line(text: &[u8]) -> &[u8] {
    RawLines::new(text).next().map_or(&[], |line| line.bytes)
}

/// One line of a description: its letter and its value, as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The lower-case letter before `=`.
    pub letter: char,
    /// What follows `=`, up to the line end.
    pub value: &'a [u8],
}

/// The lines of a description or of a section of it, in order; see
/// [`Session::lines`](crate::Session::lines).
#[derive(Debug, Clone)]
pub struct Lines<'a>(RawLines<'a>);

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self(RawLines::new(text))
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    #[inline]
    fn next(&mut self) -> Option<Line<'a>> {
        loop {
            // What has no letter is a blank line: the parser lets nothing else pass.
            if let [letter, b'=', value @ ..] = self.0.next()?.bytes {
                return Some(Line {
                    letter: char::from(*letter),
                    value,
                });
            }
        }
    }
}
