//! Building a packet in the caller's buffer.

use super::packet::{CHECKSUM_AT, CHUNK_HEADER_LEN, HEADER_LEN, Packet, checksum, chunk_header};
use super::padded;
use super::parameters::parameter_header;

/// A packet that grows chunk by chunk in the caller's buffer. What does not fit is not begun.
///
/// See [`Packet`](super::Packet) for an example.
#[derive(Debug)]
pub struct PacketWriter<'b> {
    pub(super) buf: &'b mut [u8],
    pub(super) len: usize,
    pub(super) limit: usize,
    /// Where the flags of the DATA chunk written last stand.
    pub(super) last_data_flags: Option<usize>,
}

impl<'b> PacketWriter<'b> {
    /// A packet with nothing but its header; `None` if not even that fits.
    pub fn new(buf: &'b mut [u8], source_port: u16, destination_port: u16, verification_tag: u32) -> Option<Self> {
        let header = buf.first_chunk_mut::<HEADER_LEN>()?;
        *header = Packet::header(source_port, destination_port, verification_tag);
        Some(Self {
            limit: buf.len(),
            buf,
            len: HEADER_LEN,
            last_data_flags: None,
        })
    }

    /// The same, never longer than `limit` bytes.
    #[must_use]
    pub fn limited_to(self, limit: usize) -> Self {
        Self {
            limit: limit.min(self.buf.len()),
            ..self
        }
    }

    /// Lets the packet grow to the end of the buffer, whatever [`limited_to`](Self::limited_to) said.
    pub fn lift_limit(&mut self) {
        self.limit = self.buf.len();
    }

    /// Bytes left for further chunks, their headers included.
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.len)
    }

    /// Bytes written, the header included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no chunk has been written.
    pub fn is_empty(&self) -> bool {
        self.len == HEADER_LEN
    }

    /// Adds a chunk whose body `build` writes; leaves the packet as it was, and tells so, if that
    /// does not fit.
    pub fn chunk(&mut self, kind: u8, flags: u8, build: impl FnOnce(&mut Body<'_>)) -> bool {
        let start = self.len;
        let Some(space) = self.buf.get_mut(start..self.limit) else {
            return false;
        };
        let mut body = Body {
            space,
            len: CHUNK_HEADER_LEN,
            overflow: false,
        };
        build(&mut body);
        let len = body.len;
        body.pad();
        if body.overflow {
            return false;
        }
        let end = body.len;
        let Some(bytes) = chunk_header(kind, flags, len.saturating_sub(CHUNK_HEADER_LEN)) else {
            return false;
        };
        let Some(header) = body.space.first_chunk_mut() else {
            return false;
        };
        *header = bytes;
        self.len = start.saturating_add(end);
        true
    }

    /// Writes the checksum and gives the packet's length.
    pub fn finish(self) -> usize {
        let Some(packet) = self.buf.get_mut(..self.len) else {
            return 0;
        };
        let sum = checksum(packet);
        if let Some(field) = packet.get_mut(CHECKSUM_AT) {
            field.copy_from_slice(&sum);
        }
        self.len
    }
}

/// A chunk's body while it is being written.
#[derive(Debug)]
pub struct Body<'c> {
    space: &'c mut [u8],
    len: usize,
    overflow: bool,
}

impl Body<'_> {
    /// Appends bytes.
    pub fn put(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        match self.space.get_mut(self.len..end) {
            Some(to) => {
                to.copy_from_slice(bytes);
                self.len = end;
            }
            None => self.overflow = true,
        }
    }

    /// Appends a number.
    pub fn put_u16(&mut self, number: u16) {
        self.put(&number.to_be_bytes());
    }

    /// Appends a number.
    pub fn put_u32(&mut self, number: u32) {
        self.put(&number.to_be_bytes());
    }

    /// Appends a parameter or error cause, padded from the one before.
    pub fn put_parameter(&mut self, kind: u16, parts: &[&[u8]]) {
        self.pad();
        let len = parts.iter().fold(0usize, |sum, part| sum.saturating_add(part.len()));
        let Some(header) = parameter_header(kind, len) else {
            self.overflow = true;
            return;
        };
        self.put(&header);
        parts.iter().for_each(|part| self.put(part));
    }

    /// Pads with zeros to a multiple of four, as each parameter but the last must be.
    pub fn pad(&mut self) {
        let missing = padded(self.len).saturating_sub(self.len);
        if let Some(zeros) = [0; 3].get(..missing) {
            self.put(zeros);
        }
    }

    /// Bytes that can still be appended.
    pub fn room(&self) -> usize {
        self.space.len().saturating_sub(self.len)
    }
}
