//! Building a packet in the caller's buffer.

use super::{DATA_HEADER_LEN, HEADER_LEN, checksum, kind, padded};

/// A packet that grows chunk by chunk in the caller's buffer. What does not fit is not begun.
///
/// See [`Packet`](super::Packet) for an example.
#[derive(Debug)]
pub struct PacketWriter<'b> {
    buf: &'b mut [u8],
    len: usize,
    limit: usize,
    /// Where the flags of the DATA chunk written last stand.
    last_data_flags: Option<usize>,
}

/// What stands before the payload of a DATA chunk.
#[derive(Clone, Copy, Debug, Default)]
pub struct DataHeader {
    /// Outside of the stream's order.
    pub unordered: bool,
    /// First fragment of its message.
    pub beginning: bool,
    /// Last fragment of its message.
    pub ending: bool,
    /// Transmission sequence number.
    pub tsn: u32,
    /// Stream identifier.
    pub stream: u16,
    /// Stream sequence number.
    pub ssn: u16,
    /// Payload protocol identifier.
    pub ppid: u32,
}

impl<'b> PacketWriter<'b> {
    /// A packet with nothing but its header; `None` if not even that fits.
    pub fn new(buf: &'b mut [u8], source_port: u16, destination_port: u16, verification_tag: u32) -> Option<Self> {
        let header = buf.first_chunk_mut::<HEADER_LEN>()?;
        let fields = source_port
            .to_be_bytes()
            .into_iter()
            .chain(destination_port.to_be_bytes())
            .chain(verification_tag.to_be_bytes())
            .chain([0; 4]);
        header.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
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
            len: 4,
            overflow: false,
        };
        build(&mut body);
        let len = body.len;
        body.pad();
        if body.overflow {
            return false;
        }
        let end = body.len;
        let Ok(wire_len) = u16::try_from(len) else {
            return false;
        };
        let [high, low] = wire_len.to_be_bytes();
        let Some(header) = body.space.first_chunk_mut::<4>() else {
            return false;
        };
        *header = [kind, flags, high, low];
        self.len = start.saturating_add(end);
        true
    }

    /// Adds a DATA chunk; like [`chunk`](Self::chunk), for the busiest kind.
    pub fn data(&mut self, header: &DataHeader, payload: &[u8]) -> bool {
        let start = self.len;
        let len = payload.len().saturating_add(DATA_HEADER_LEN);
        let Ok(wire_len) = u16::try_from(len) else {
            return false;
        };
        let end = start.saturating_add(padded(len));
        if end > self.limit {
            return false;
        }
        let Some((head, body)) = self
            .buf
            .get_mut(start..end)
            .and_then(|space| space.split_first_chunk_mut::<DATA_HEADER_LEN>())
        else {
            return false;
        };
        let flags = u8::from(header.unordered) << 2 | u8::from(header.beginning) << 1 | u8::from(header.ending);
        let [len_high, len_low] = wire_len.to_be_bytes();
        let [tsn_0, tsn_1, tsn_2, tsn_3] = header.tsn.to_be_bytes();
        let [stream_high, stream_low] = header.stream.to_be_bytes();
        let [ssn_high, ssn_low] = header.ssn.to_be_bytes();
        let [ppid_0, ppid_1, ppid_2, ppid_3] = header.ppid.to_be_bytes();
        *head = [
            kind::DATA,
            flags,
            len_high,
            len_low,
            tsn_0,
            tsn_1,
            tsn_2,
            tsn_3,
            stream_high,
            stream_low,
            ssn_high,
            ssn_low,
            ppid_0,
            ppid_1,
            ppid_2,
            ppid_3,
        ];
        let Some((space, padding)) = body.split_at_mut_checked(payload.len()) else {
            return false;
        };
        space.copy_from_slice(payload);
        padding.fill(0);
        self.last_data_flags = Some(start.saturating_add(1));
        self.len = end;
        true
    }

    /// Asks for an immediate SACK (I bit, RFC 7053) in the DATA chunk written last, if any.
    pub fn ask_for_immediate_sack(&mut self) {
        if let Some(flags) = self.last_data_flags.and_then(|position| self.buf.get_mut(position)) {
            *flags |= 0x08;
        }
    }

    /// Writes the checksum and gives the packet's length.
    pub fn finish(self) -> usize {
        let Some(packet) = self.buf.get_mut(..self.len) else {
            return 0;
        };
        let sum = checksum(packet);
        if let Some(field) = packet.get_mut(8..12) {
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
        let len = parts.iter().fold(4usize, |sum, part| sum.saturating_add(part.len()));
        let Ok(len) = u16::try_from(len) else {
            self.overflow = true;
            return;
        };
        self.put_u16(kind);
        self.put_u16(len);
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
