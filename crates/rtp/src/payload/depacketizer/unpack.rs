//! What a depacketizer asks of each format.

use alloc::vec::Vec;

use crate::payload::kinds::{FrameMarks, PayloadError};

/// Puts the payloads of a format back together. Who calls it has them in order, and knows where packets are missing.
pub(crate) trait Unpack {
    /// Appends to a frame what one payload has of it, and tells what it says of itself. After an error the frame is not
    /// used.
    fn unpack(&mut self, payload: &[u8], frame: &mut FrameBuffer) -> Result<FrameMarks, PayloadError>;

    /// Whether nothing is missing, as far as payloads tell, when the frame ends here.
    fn is_whole(&self) -> bool {
        true
    }

    /// A new frame begins, whatever became of the one before.
    fn restart(&mut self) {}
}

/// The bytes of a frame so far, never more than a limit.
#[derive(Clone, Debug)]
pub(crate) struct FrameBuffer {
    bytes: Vec<u8>,
    limit: usize,
    is_too_long: bool,
}

impl FrameBuffer {
    /// Takes the memory of a frame that is not needed any more.
    pub(crate) fn new(mut bytes: Vec<u8>, limit: usize) -> Self {
        bytes.clear();
        Self {
            bytes,
            limit,
            is_too_long: false,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there was more than the limit allows; then the rest of it is not here.
    pub(crate) const fn is_too_long(&self) -> bool {
        self.is_too_long
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) {
        if self.is_too_long || bytes.len() > self.limit.saturating_sub(self.bytes.len()) {
            self.is_too_long = true;
            return;
        }
        // Vectors grow by doubling; this one not beyond its limit.
        let needed = self.bytes.len().saturating_add(bytes.len());
        if needed > self.bytes.capacity() {
            let room = needed.max(2 * self.bytes.capacity()).min(self.limit);
            self.bytes.reserve_exact(room.saturating_sub(self.bytes.len()));
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Puts bytes in front of those from `at` on.
    pub(crate) fn insert(&mut self, at: usize, bytes: &[u8]) {
        let end = self.bytes.len();
        self.append(bytes);
        if let Some(tail) = self.bytes.get_mut(at.min(end)..)
            && !self.is_too_long
        {
            tail.rotate_right(bytes.len());
        }
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    pub(crate) fn tail(&self, from: usize) -> &[u8] {
        self.bytes.get(from..).unwrap_or_default()
    }

    pub(crate) fn byte_mut(&mut self, at: usize) -> Option<&mut u8> {
        self.bytes.get_mut(at)
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}
