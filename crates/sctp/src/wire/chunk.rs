//! Typed views of the chunks that have more than a value.

use super::{Chunk, Parameters, take_u16, take_u32};

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
            immediate: flags & 0x08 != 0,
            unordered: flags & 0x04 != 0,
            beginning: flags & 0x02 != 0,
            ending: flags & 0x01 != 0,
            tsn,
            stream,
            ssn,
            ppid,
            payload,
        })
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

    /// The ordered streams of what is skipped, each with its highest skipped sequence number.
    pub fn streams(&self) -> impl ExactSizeIterator<Item = (u16, u16)> + Clone + 'a {
        self.streams
            .iter()
            .map(|[a, b, c, d]| (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])))
    }
}
