//! Nested vectors, written front to back.

use alloc::vec::Vec;

/// Appends to a message; lengths of nested vectors are filled in behind their content.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes were written.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// Two bytes, high first.
    pub fn u16(&mut self, value: u16) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A vector with a one-byte length. What does not fit the length is cut off.
    pub fn vector8(&mut self, content: impl FnOnce(&mut Self)) {
        self.vector::<1>(content);
    }

    /// A vector with a two-byte length. What does not fit the length is cut off.
    pub fn vector16(&mut self, content: impl FnOnce(&mut Self)) {
        self.vector::<2>(content);
    }

    /// A vector with a three-byte length. What does not fit the length is cut off.
    pub fn vector24(&mut self, content: impl FnOnce(&mut Self)) {
        self.vector::<3>(content);
    }

    fn vector<const LENGTH_BYTES: usize>(&mut self, content: impl FnOnce(&mut Self)) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; LENGTH_BYTES]);
        let start = self.bytes.len();
        content(self);
        let limit = [0xff, 0xffff, 0xff_ffff]
            .get(LENGTH_BYTES.saturating_sub(1))
            .copied()
            .unwrap_or(0usize);
        let length = self.bytes.len().saturating_sub(start).min(limit);
        self.bytes.truncate(start.saturating_add(length));
        let [.., a, b, c] = length.to_be_bytes();
        let encoded = [a, b, c];
        if let (Some(field), Some((_, low))) = (
            self.bytes.get_mut(at..start),
            encoded.split_at_checked(3usize.saturating_sub(LENGTH_BYTES)),
        ) {
            field.copy_from_slice(low);
        }
    }
}
