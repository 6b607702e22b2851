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
