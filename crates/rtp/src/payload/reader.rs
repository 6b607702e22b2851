//! Bytes that are read one field after the other.

use crate::payload::kinds::PayloadError;

/// What is left of a payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'d> {
    rest: &'d [u8],
}

impl<'d> Reader<'d> {
    pub(crate) const fn new(bytes: &'d [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn rest(self) -> &'d [u8] {
        self.rest
    }

    pub(crate) fn byte(&mut self, field: &'static str) -> Result<u8, PayloadError> {
        let (first, rest) = self.rest.split_first().ok_or(PayloadError::Truncated(field))?;
        self.rest = rest;
        Ok(*first)
    }

    pub(crate) fn word(&mut self, field: &'static str) -> Result<u16, PayloadError> {
        let (first, rest) = self.rest.split_first_chunk().ok_or(PayloadError::Truncated(field))?;
        self.rest = rest;
        Ok(u16::from_be_bytes(*first))
    }

    pub(crate) fn take(&mut self, len: usize, field: &'static str) -> Result<&'d [u8], PayloadError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(PayloadError::Truncated(field))?;
        self.rest = rest;
        Ok(taken)
    }
}

/// What is left of a buffer that is written to. What does not fit is a length of `None` in the end.
#[derive(Debug)]
pub(crate) struct Writer<'b> {
    bytes: &'b mut [u8],
    len: usize,
}

impl<'b> Writer<'b> {
    pub(crate) const fn new(bytes: &'b mut [u8]) -> Self {
        Self { bytes, len: 0 }
    }

    pub(crate) fn byte(&mut self, value: u8) {
        self.slice(&[value]);
    }

    pub(crate) fn word(&mut self, value: u16) {
        self.slice(&value.to_be_bytes());
    }

    pub(crate) fn slice(&mut self, value: &[u8]) {
        let end = self.len.saturating_add(value.len());
        if let Some(place) = self.bytes.get_mut(self.len..end) {
            place.copy_from_slice(value);
        }
        self.len = end;
    }

    /// How many bytes were written; `None` if the buffer was too short for them.
    pub(crate) fn finish(self) -> Option<usize> {
        (self.len <= self.bytes.len()).then_some(self.len)
    }
}
