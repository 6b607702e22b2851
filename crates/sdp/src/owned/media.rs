//! Changes of media sections as a whole.
//!
//! An offer or answer never loses a section: one that is not needed any more is refused with port
//! zero (RFC 3264 §8.2). Removing is for programs that make descriptions of other kinds.

use alloc::vec::Vec;

use super::edit::new_line;
use super::{OwnedSession, Place};
use crate::fields::MediaLine;
use crate::media::Media;
use crate::writer::WriteError;

impl OwnedSession {
    /// Replaces the `m=` line of media section `index`.
    pub fn set_media_line(&mut self, index: usize, media: &MediaLine<'_>) -> Result<(), WriteError> {
        let line = new_line(b'm', |line| line.display(media))?;
        self.set_line(Place::Media(index), &line)
    }

    /// Adds a media section at the end; its index is the number of sections before.
    pub fn push_media(&mut self, media: &MediaLine<'_>) -> Result<(), WriteError> {
        self.insert_media(self.starts.len(), media)
    }

    /// Adds a media section that has this index then.
    pub fn insert_media(&mut self, index: usize, media: &MediaLine<'_>) -> Result<(), WriteError> {
        let at = self.start_of(index)?;
        let line = new_line(b'm', |line| line.display(media))?;
        self.insert(at, &line);
        // If the line before had no end, it has got one.
        let added = self.text.get(at..).unwrap_or_default();
        let line_end = added.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.starts.insert(index, at.saturating_add(line_end));
        Ok(())
    }

    /// Adds a copy of another description's media section at the end, with the line ends that this
    /// description has.
    pub fn push_section(&mut self, media: &Media<'_>) {
        let end = self.text.len();
        for line in lines_of(media) {
            self.insert(self.text.len(), &line);
        }
        self.index_from(end);
    }

    /// Puts a copy of another description's media section in the place of section `index`.
    pub fn replace_section(&mut self, index: usize, media: &Media<'_>) -> Result<(), WriteError> {
        let range = self.range(Place::Media(index))?;
        let rest = self.text.split_off(range.end);
        let starts = self.starts.split_off(index.saturating_add(1));
        self.text.truncate(range.start);
        self.starts.truncate(index);
        self.push_section(media);
        let end = self.text.len();
        let moved = |start: usize| start.saturating_sub(range.end).saturating_add(end);
        self.starts.extend(starts.into_iter().map(moved));
        self.text.extend_from_slice(&rest);
        Ok(())
    }

    /// Removes media section `index`.
    pub fn remove_section(&mut self, index: usize) -> Result<(), WriteError> {
        let range = self.range(Place::Media(index))?;
        self.splice(range, b"");
        self.starts.remove(index);
        Ok(())
    }

    /// Where the section of this index starts, or would start if it is one more than there are.
    fn start_of(&self, index: usize) -> Result<usize, WriteError> {
        match index.checked_sub(self.starts.len()) {
            Some(0) => Ok(self.text.len()),
            _ => Ok(self.range(Place::Media(index))?.start),
        }
    }
}

/// The lines of a section, without their line ends.
fn lines_of(media: &Media<'_>) -> impl Iterator<Item = Vec<u8>> {
    media.lines().map(|line| {
        let letter = u8::try_from(line.letter).unwrap_or(b'?');
        [&[letter, b'='], line.value].concat()
    })
}
