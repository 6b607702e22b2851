//! Typed views of the chunks that have more than a value, and beside each how it is written.

use super::packet::{FLAGS_AT, chunk_header};
use super::{Body, CHUNK_HEADER_LEN, Chunk, PacketWriter, Parameters, padded, take_u16, take_u32};

/// Chunk types.
pub mod kind {
    /// Payload data (RFC 9260 §3.3.1).
    pub const DATA: u8 = 0;
    /// Initiation (RFC 9260 §3.3.2).
    pub const INIT: u8 = 1;
    /// Initiation acknowledgement (RFC 9260 §3.3.3).
    pub const INIT_ACK: u8 = 2;
    /// Selective acknowledgement (RFC 9260 §3.3.4).
    pub const SACK: u8 = 3;
    /// Heartbeat request (RFC 9260 §3.3.5).
    pub const HEARTBEAT: u8 = 4;
    /// Heartbeat acknowledgement (RFC 9260 §3.3.6).
    pub const HEARTBEAT_ACK: u8 = 5;
    /// Abort (RFC 9260 §3.3.7).
    pub const ABORT: u8 = 6;
    /// Shutdown (RFC 9260 §3.3.8).
    pub const SHUTDOWN: u8 = 7;
    /// Shutdown acknowledgement (RFC 9260 §3.3.9).
    pub const SHUTDOWN_ACK: u8 = 8;
    /// Operation error (RFC 9260 §3.3.10).
    pub const ERROR: u8 = 9;
    /// State cookie (RFC 9260 §3.3.11).
    pub const COOKIE_ECHO: u8 = 10;
    /// Cookie acknowledgement (RFC 9260 §3.3.12).
    pub const COOKIE_ACK: u8 = 11;
    /// Shutdown complete (RFC 9260 §3.3.13).
    pub const SHUTDOWN_COMPLETE: u8 = 14;
    /// Stream reconfiguration (RFC 6525 §3.1).
    pub const RE_CONFIG: u8 = 130;
    /// Padding (RFC 4820 §3).
    pub const PAD: u8 = 132;
    /// Forward cumulative TSN (RFC 3758 §3.2).
    pub const FORWARD_TSN: u8 = 192;
}

/// Flags of DATA (RFC 9260 §3.3.1; I bit: RFC 7053 §3).
mod data_flag {
    pub(super) const ENDING: u8 = 0x01;
    pub(super) const BEGINNING: u8 = 0x02;
    pub(super) const UNORDERED: u8 = 0x04;
    pub(super) const IMMEDIATE: u8 = 0x08;
}

/// Flag of ABORT and SHUTDOWN COMPLETE (T bit): the packet's tag is the one that its receiver's peer expects, since
/// the sender knows no other (RFC 9260 §8.5.1 B, C).
pub const TAG_REFLECTED: u8 = 1;

/// A DATA chunk (RFC 9260 §3.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// The receiver shall acknowledge at once (I bit).
    pub immediate: bool,
    /// Outside of the stream's order (U bit).
    pub unordered: bool,
    /// First fragment of its message (B bit).
    pub beginning: bool,
    /// Last fragment of its message (E bit).
    pub ending: bool,
    /// Transmission sequence number.
    pub tsn: u32,
    /// Stream identifier.
    pub stream: u16,
    /// Stream sequence number, meaningless if unordered.
    pub ssn: u16,
    /// Payload protocol identifier.
    pub ppid: u32,
    /// User data.
    pub payload: &'a [u8],
}

impl<'a> Data<'a> {
    /// Reads a chunk of kind DATA; `None` if it is shorter than its header.
    pub fn parse(chunk: &Chunk<'a>) -> Option<Self> {
        let (tsn, rest) = take_u32(chunk.value())?;
        let (stream, rest) = take_u16(rest)?;
        let (ssn, rest) = take_u16(rest)?;
        let (ppid, payload) = take_u32(rest)?;
        let flags = chunk.flags();
        Some(Self {
            immediate: flags & data_flag::IMMEDIATE != 0,
            unordered: flags & data_flag::UNORDERED != 0,
            beginning: flags & data_flag::BEGINNING != 0,
            ending: flags & data_flag::ENDING != 0,
            tsn,
            stream,
            ssn,
            ppid,
            payload,
        })
    }
}

/// Bytes of a DATA chunk before its payload (RFC 9260 §3.3.1).
pub const DATA_HEADER_LEN: usize = 16;

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

impl DataHeader {
    /// The header on the wire, before so much payload; `None` if that is too much for any chunk.
    pub(super) fn bytes(&self, payload_len: usize) -> Option<[u8; DATA_HEADER_LEN]> {
        let mut flags = 0;
        for (is_set, flag) in [
            (self.unordered, data_flag::UNORDERED),
            (self.beginning, data_flag::BEGINNING),
            (self.ending, data_flag::ENDING),
        ] {
            flags |= u8::from(is_set).wrapping_mul(flag);
        }
        let fields_len = DATA_HEADER_LEN.saturating_sub(CHUNK_HEADER_LEN);
        let [kind, flags, len_high, len_low] = chunk_header(kind::DATA, flags, payload_len.saturating_add(fields_len))?;
        let [tsn_0, tsn_1, tsn_2, tsn_3] = self.tsn.to_be_bytes();
        let [stream_high, stream_low] = self.stream.to_be_bytes();
        let [ssn_high, ssn_low] = self.ssn.to_be_bytes();
        let [ppid_0, ppid_1, ppid_2, ppid_3] = self.ppid.to_be_bytes();
        Some([
            kind,
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
        ])
    }
}

impl PacketWriter<'_> {
    /// Adds a DATA chunk; like [`chunk`](Self::chunk), for the busiest kind.
    pub fn data(&mut self, header: &DataHeader, payload: &[u8]) -> bool {
        let start = self.len;
        let end = start.saturating_add(padded(payload.len().saturating_add(DATA_HEADER_LEN)));
        if end > self.limit {
            return false;
        }
        let Some(bytes) = header.bytes(payload.len()) else {
            return false;
        };
        let Some((head, body)) = self
            .buf
            .get_mut(start..end)
            .and_then(|space| space.split_first_chunk_mut())
        else {
            return false;
        };
        *head = bytes;
        let Some((space, padding)) = body.split_at_mut_checked(payload.len()) else {
            return false;
        };
        space.copy_from_slice(payload);
        padding.fill(0);
        self.last_data_flags = Some(start.saturating_add(FLAGS_AT));
        self.len = end;
        true
    }

    /// Asks for an immediate SACK (I bit, RFC 7053) in the DATA chunk written last, if any.
    pub fn ask_for_immediate_sack(&mut self) {
        if let Some(flags) = self.last_data_flags.and_then(|position| self.buf.get_mut(position)) {
            *flags |= data_flag::IMMEDIATE;
        }
    }
}

/// An INIT or INIT ACK chunk (RFC 9260 §3.3.2, §3.3.3).
#[derive(Clone, Debug)]
pub struct Init<'a> {
    /// The tag that its receiver must put into every packet from now on.
    pub initiate_tag: u32,
    /// The sender's receive window in bytes.
    pub a_rwnd: u32,
    /// How many streams the sender wants to send on.
    pub outbound_streams: u16,
    /// How many streams the sender accepts.
    pub inbound_streams: u16,
    /// The first TSN that the sender will use.
    pub initial_tsn: u32,
    /// The optional parameters.
    pub parameters: Parameters<'a>,
}

impl<'a> Init<'a> {
    /// Reads a chunk of kind INIT or INIT ACK; `None` if it is too short.
    pub fn parse(chunk: &Chunk<'a>) -> Option<Self> {
        let (initiate_tag, rest) = take_u32(chunk.value())?;
        let (a_rwnd, rest) = take_u32(rest)?;
        let (outbound_streams, rest) = take_u16(rest)?;
        let (inbound_streams, rest) = take_u16(rest)?;
        let (initial_tsn, rest) = take_u32(rest)?;
        Some(Self {
            initiate_tag,
            a_rwnd,
            outbound_streams,
            inbound_streams,
            initial_tsn,
            parameters: Parameters::new(rest),
        })
    }

    /// Writes what stands before the parameters.
    pub fn write_fields(&self, body: &mut Body<'_>) {
        body.put_u32(self.initiate_tag);
        body.put_u32(self.a_rwnd);
        body.put_u16(self.outbound_streams);
        body.put_u16(self.inbound_streams);
        body.put_u32(self.initial_tsn);
    }
}

/// A SACK chunk (RFC 9260 §3.3.4).
#[derive(Clone, Copy, Debug)]
pub struct Sack<'a> {
    /// The last TSN before the first gap.
    pub cumulative_tsn_ack: u32,
    /// The receiver's window in bytes.
    pub a_rwnd: u32,
    gaps: &'a [[u8; 4]],
    duplicates: &'a [[u8; 4]],
}

impl<'a> Sack<'a> {
    /// Reads a chunk of kind SACK; `None` if its counts and its length disagree.
    pub fn parse(chunk: &Chunk<'a>) -> Option<Self> {
        let (cumulative_tsn_ack, rest) = take_u32(chunk.value())?;
        let (a_rwnd, rest) = take_u32(rest)?;
        let (gap_count, rest) = take_u16(rest)?;
        let (duplicate_count, rest) = take_u16(rest)?;
        let (blocks, tail) = rest.as_chunks::<4>();
        let (gaps, duplicates) = blocks.split_at_checked(usize::from(gap_count))?;
        if !tail.is_empty() || duplicates.len() != usize::from(duplicate_count) {
            return None;
        }
        Some(Self {
            cumulative_tsn_ack,
            a_rwnd,
            gaps,
            duplicates,
        })
    }

    /// Adds a SACK to a packet, with as many gaps and then duplicates as fit; false if not even the fields do.
    /// `gaps`: inclusive ranges of TSNs beyond the cumulative one, which are at most 65,535 away from it.
    pub(crate) fn write(
        packet: &mut PacketWriter<'_>,
        cumulative: u64,
        a_rwnd: u32,
        gaps: &[(u64, u64)],
        duplicates: &[u32],
    ) -> bool {
        let room = packet.room().saturating_sub(Self::FIELDS_LEN) / Self::ENTRY_LEN;
        let gaps = gaps.get(..room).unwrap_or(gaps);
        let room = room.saturating_sub(gaps.len());
        let duplicates = duplicates.get(..room).unwrap_or(duplicates);
        packet.chunk(kind::SACK, 0, |body| {
            body.put_u32(cumulative as u32);
            body.put_u32(a_rwnd);
            body.put_u16(gaps.len() as u16);
            body.put_u16(duplicates.len() as u16);
            for (start, end) in gaps {
                body.put_u16(start.wrapping_sub(cumulative) as u16);
                body.put_u16(end.wrapping_sub(cumulative) as u16);
            }
            duplicates.iter().for_each(|tsn| body.put_u32(*tsn));
        })
    }

    /// Bytes of a SACK without gaps and duplicates, and of each of them.
    const FIELDS_LEN: usize = 16;
    const ENTRY_LEN: usize = 4;

    /// What came beyond the gaps, as first and last offset from the cumulative TSN ack.
    pub fn gap_blocks(&self) -> impl ExactSizeIterator<Item = (u16, u16)> + Clone + 'a {
        self.gaps
            .iter()
            .map(|[a, b, c, d]| (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])))
    }

    /// TSNs that came more than once since the last SACK.
    pub fn duplicates(&self) -> impl ExactSizeIterator<Item = u32> + Clone + 'a {
        self.duplicates.iter().map(|tsn| u32::from_be_bytes(*tsn))
    }
}

/// A FORWARD TSN chunk (RFC 3758 §3.2).
#[derive(Clone, Copy, Debug)]
pub struct ForwardTsn<'a> {
    /// The receiver shall act as if everything up to here had come.
    pub new_cumulative_tsn: u32,
    streams: &'a [[u8; 4]],
}

impl<'a> ForwardTsn<'a> {
    /// Reads a chunk of kind FORWARD TSN; `None` if its length is not that of whole entries.
    pub fn parse(chunk: &Chunk<'a>) -> Option<Self> {
        let (new_cumulative_tsn, rest) = take_u32(chunk.value())?;
        let (streams, tail) = rest.as_chunks::<4>();
        tail.is_empty().then_some(Self {
            new_cumulative_tsn,
            streams,
        })
    }

    /// Adds a FORWARD TSN to a packet; false if it does not fit.
    pub(crate) fn write(packet: &mut PacketWriter<'_>, new_cumulative_tsn: u32, streams: &[(u16, u16)]) -> bool {
        packet.chunk(kind::FORWARD_TSN, 0, |body| {
            body.put_u32(new_cumulative_tsn);
            for (stream, ssn) in streams {
                body.put_u16(*stream);
                body.put_u16(*ssn);
            }
        })
    }

    /// The ordered streams of what is skipped, each with its highest skipped sequence number.
    pub fn streams(&self) -> impl ExactSizeIterator<Item = (u16, u16)> + Clone + 'a {
        self.streams
            .iter()
            .map(|[a, b, c, d]| (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])))
    }
}

/// A SHUTDOWN chunk (RFC 9260 §3.3.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// The TSN up to which all has come to its sender.
    pub cumulative_tsn_ack: u32,
}

impl Shutdown {
    /// Reads a chunk of kind SHUTDOWN; `None` if it is too short.
    pub fn parse(chunk: &Chunk<'_>) -> Option<Self> {
        let (cumulative_tsn_ack, _) = take_u32(chunk.value())?;
        Some(Self { cumulative_tsn_ack })
    }

    /// Adds a SHUTDOWN to a packet; false if it does not fit.
    pub(crate) fn write(self, packet: &mut PacketWriter<'_>) -> bool {
        packet.chunk(kind::SHUTDOWN, 0, |body| body.put_u32(self.cumulative_tsn_ack))
    }
}
