//! The bytes of SCTP (RFC 9260 §3), stream reset (RFC 6525), partial reliability (RFC 3758) and the
//! channel establishment protocol (RFC 8832).
//!
//! Views borrow from the packet, are validated when they are made and can't fail after; writers
//! fill the caller's buffer. Nothing here allocates or knows of time or state.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

mod causes;
mod chunk;
mod crc;
pub mod dcep;
mod packet;
mod parameters;
mod reconfig;
mod writer;

pub use causes::{Cause, cause};
pub use chunk::{DATA_HEADER_LEN, Data, DataHeader, ForwardTsn, Init, Sack, Shutdown, TAG_REFLECTED, kind};
pub(crate) use packet::chunk_header;
pub use packet::{
    CHUNK_HEADER_LEN, Chunk, Chunks, HEADER_LEN, Packet, ParseError, UnknownAction, checksum, verify_checksum,
};
pub(crate) use parameters::parameter_header;
pub use parameters::{Parameter, Parameters, parameter};
pub use reconfig::{OutgoingReset, Reconfig, ReconfigResponse, ReconfigResult};
pub use writer::{Body, PacketWriter};

/// The next multiple of four, to which chunks and parameters are padded (RFC 9260 §3.2).
pub const fn padded(len: usize) -> usize {
    len.saturating_add(3) & !3
}

/// Reads a big-endian number off the front.
fn take_u16(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (head, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*head), rest))
}

/// Reads a big-endian number off the front.
fn take_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (head, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*head), rest))
}
