//! Encrypted records that came before their keys.

use alloc::vec::Vec;

/// Records of the next epoch that came before their time.
#[derive(Default)]
pub(super) struct EarlyRecords {
    records: Vec<Vec<u8>>,
    bytes: usize,
}

impl EarlyRecords {
    /// As much as a few large datagrams may hold.
    const MAX_RECORDS: usize = 16;
    const MAX_BYTES: usize = 8 * 1024;

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Keeps one; `false` if there is no room.
    pub(super) fn push(&mut self, record: &[u8]) -> bool {
        let fits = self.records.len() < Self::MAX_RECORDS && self.bytes + record.len() <= Self::MAX_BYTES;
        if fits {
            self.bytes += record.len();
            self.records.push(record.to_vec());
        }
        fits
    }

    /// Bytes that are kept.
    pub(super) fn memory(&self) -> usize {
        self.bytes
    }

    /// Everything, in the order in which it came.
    pub(super) fn take(&mut self) -> Vec<Vec<u8>> {
        self.bytes = 0;
        core::mem::take(&mut self.records)
    }
}
