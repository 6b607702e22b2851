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
        self.index();
        Ok(())
    }

    /// Adds a copy of another description's media section at the end, with the line ends that this
    /// description has.
    pub fn push_section(&mut self, media: &Media<'_>) {
        let mut at = self.text.len();
        for line in lines_of(media) {
            self.insert(at, &line);
            at = self.text.len();
        }
        self.index();
    }

    /// Puts a copy of another description's media section in the place of section `index`.
    pub fn replace_section(&mut self, index: usize, media: &Media<'_>) -> Result<(), WriteError> {
        let range = self.range(Place::Media(index))?;
        let rest = self.text.split_off(range.end);
        self.text.truncate(range.start);
        self.push_section(media);
        self.text.extend_from_slice(&rest);
        self.index();
        Ok(())
    }

    /// Removes media section `index`.
    pub fn remove_section(&mut self, index: usize) -> Result<(), WriteError> {
        let range = self.range(Place::Media(index))?;
        self.text.drain(range);
        self.index();
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
