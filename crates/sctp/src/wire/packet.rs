//! The common header and the walk over chunks.

use super::crc::crc32c;
use super::{padded, take_u16, take_u32};

/// Bytes of the common header (RFC 9260 §3.1).
pub const HEADER_LEN: usize = 12;
/// Bytes of a chunk before its value (RFC 9260 §3.2).
pub const CHUNK_HEADER_LEN: usize = 4;

pub(super) const CHECKSUM_AT: core::ops::Range<usize> = 8..12;

/// Why bytes are no SCTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Shorter than the common header.
    #[error("{0} bytes are less than the common header's {HEADER_LEN}")]
    TooShort(usize),
    /// A chunk says that it is shorter than its own header, or longer than what is left.
    #[error("the chunk {left} bytes before the end claims a length of {claimed}")]
    ChunkLength {
        /// Bytes left in the packet where the chunk begins.
        left: usize,
        /// What its length field says.
        claimed: usize,
    },
}

/// CRC32c over a packet whose checksum field is zero, as it goes on the wire (RFC 9260 §6.8,
/// appendix A: the reflected remainder with its lowest byte first).
pub fn checksum(packet: &[u8]) -> [u8; 4] {
    crc32c(packet).to_le_bytes()
}

/// Checks a packet's CRC32c. The field is zeroed for the sum and put back, so that the sum runs
/// over the packet in one go; hence the `mut`.
pub fn verify_checksum(packet: &mut [u8]) -> bool {
    let Some(field) = packet.get_mut(CHECKSUM_AT) else {
        return false;
    };
    let mut sent = [0; 4];
    sent.copy_from_slice(field);
    field.fill(0);
    let right = checksum(packet) == sent;
    if let Some(field) = packet.get_mut(CHECKSUM_AT) {
        field.copy_from_slice(&sent);
    }
    right
}

/// A packet: common header and chunks.
///
/// ```
/// use pollrtc_sctp::wire::{Packet, PacketWriter, kind};
///
/// let mut buf = [0; 64];
/// let mut writer = PacketWriter::new(&mut buf, 5000, 5000, 0x1234_5678).unwrap();
/// writer.chunk(kind::COOKIE_ACK, 0, |_| ());
/// let len = writer.finish();
///
/// let packet = Packet::parse(&buf[..len]).unwrap();
/// assert_eq!(packet.verification_tag(), 0x1234_5678);
/// assert_eq!(packet.chunks().next().unwrap().unwrap().kind(), kind::COOKIE_ACK);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    source_port: u16,
    destination_port: u16,
    verification_tag: u32,
    body: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads the common header. The checksum is not looked at, see [`verify_checksum`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        Self::read(bytes).ok_or(ParseError::TooShort(bytes.len()))
    }

    /// The common header of a packet, without its checksum.
    pub(super) fn header(source_port: u16, destination_port: u16, verification_tag: u32) -> [u8; HEADER_LEN] {
        let mut header = [0; HEADER_LEN];
        let fields = source_port
            .to_be_bytes()
            .into_iter()
            .chain(destination_port.to_be_bytes())
            .chain(verification_tag.to_be_bytes());
        header.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        header
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (source_port, rest) = take_u16(bytes)?;
        let (destination_port, rest) = take_u16(rest)?;
        let (verification_tag, rest) = take_u32(rest)?;
        let (_checksum, body) = take_u32(rest)?;
        Some(Self {
            source_port,
            destination_port,
            verification_tag,
            body,
        })
    }

    /// The sender's port.
    pub fn source_port(&self) -> u16 {
        self.source_port
    }

    /// The receiver's port.
    pub fn destination_port(&self) -> u16 {
        self.destination_port
    }

    /// The tag that the receiver chose for itself; zero only with INIT.
    pub fn verification_tag(&self) -> u32 {
        self.verification_tag
    }

    /// The chunks in their order.
    pub fn chunks(&self) -> Chunks<'a> {
        Chunks { rest: self.body }
    }
}

/// Where a chunk's flags stand.
pub(super) const FLAGS_AT: usize = 1;

/// One chunk, not yet told apart by its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    kind: u8,
    flags: u8,
    value: &'a [u8],
}

/// What to do with a chunk or parameter of unknown type: its two highest bits say (RFC 9260 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownAction {
    /// Nothing after it may be processed.
    pub stop: bool,
    /// The sender is told.
    pub report: bool,
}

impl<'a> Chunk<'a> {
    /// Its type, one of [`kind`](super::kind) or unknown.
    pub fn kind(&self) -> u8 {
        self.kind
    }

    /// Its flags.
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// What stands after the chunk header, without padding.
    pub fn value(&self) -> &'a [u8] {
        self.value
    }

    /// What to do if its type is unknown.
    pub fn unknown_action(&self) -> UnknownAction {
        UnknownAction {
            stop: self.kind & 0x80 == 0,
            report: self.kind & 0x40 != 0,
        }
    }
}

/// Walks over the chunks of a packet; ends after the first one that does not fit.
#[derive(Clone, Debug)]
pub struct Chunks<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<Chunk<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let left = self.rest.len();
        let taken = take_chunk(self.rest);
        // The last chunk's padding may be missing; no rule makes a receiver refuse that.
        self.rest = match taken {
            Ok(chunk) => self
                .rest
                .get(padded(chunk.value.len()).saturating_add(CHUNK_HEADER_LEN)..)
                .unwrap_or(&[]),
            Err(_) => &[],
        };
        Some(taken.map_err(|claimed| ParseError::ChunkLength { left, claimed }))
    }
}

/// What stands before a chunk's value (RFC 9260 §3.2); `None` if the value is too long for any chunk.
pub(crate) fn chunk_header(kind: u8, flags: u8, value_len: usize) -> Option<[u8; CHUNK_HEADER_LEN]> {
    let len = u16::try_from(value_len.saturating_add(CHUNK_HEADER_LEN)).ok()?;
    let [high, low] = len.to_be_bytes();
    Some([kind, flags, high, low])
}

fn take_chunk(bytes: &[u8]) -> Result<Chunk<'_>, usize> {
    let Some(([kind, flags, high, low], rest)) = bytes.split_first_chunk() else {
        return Err(0);
    };
    let claimed = usize::from(u16::from_be_bytes([*high, *low]));
    let value = claimed
        .checked_sub(CHUNK_HEADER_LEN)
        .and_then(|len| rest.get(..len))
        .ok_or(claimed)?;
    Ok(Chunk {
        kind: *kind,
        flags: *flags,
        value,
    })
}
