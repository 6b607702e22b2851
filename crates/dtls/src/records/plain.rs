//! Records of epoch 0, which nothing protects.

use super::error::WriteError;
use crate::wire::record::{HEADER_LEN, Header, SEQUENCE_LIMIT};
use crate::wire::{ContentType, Version};

/// Our side of epoch 0.
#[derive(Debug, Default)]
pub(crate) struct PlainWriter {
    pub(super) next_sequence: u64,
}

impl PlainWriter {
    /// Completes a record whose content already stands behind the room for its header.
    pub(crate) fn finish(
        &mut self,
        content_type: ContentType,
        version: Version,
        record: &mut [u8],
        content_len: usize,
    ) -> Result<usize, WriteError> {
        if self.next_sequence >= SEQUENCE_LIMIT {
            return Err(WriteError::SequenceExhausted);
        }
        let header = Header {
            content_type,
            version,
            epoch: 0,
            sequence: self.next_sequence,
            length: u16::try_from(content_len).map_err(|_| WriteError::BufferTooShort)?,
        };
        let room = record
            .first_chunk_mut::<HEADER_LEN>()
            .ok_or(WriteError::BufferTooShort)?;
        *room = header.to_bytes();
        self.next_sequence += 1;
        Ok(HEADER_LEN + content_len)
    }
}
