//! Headers of encrypted records of DTLS 1.3 (RFC 9147 §4): two to five bytes, and a connection id where
//! one was agreed upon.

use super::record::{MAX_PLAINTEXT_LEN, RecordError};

/// The most that a record may carry after encryption (RFC 8446 §5.2).
pub const MAX_CIPHERTEXT_LEN: usize = MAX_PLAINTEXT_LEN + 256;
/// The fewest bytes after encryption: fewer give no mask for the number (RFC 9147 §4.2.3).
pub const MIN_CIPHERTEXT_LEN: usize = 16;
/// Bytes of the header that we write beside the connection id: number of 16 bits, and length.
pub const FULL_HEADER_LEN: usize = 5;

const FIXED: u8 = 0b0010_0000;
const FIXED_MASK: u8 = 0b1110_0000;
const CONNECTION_ID: u8 = 0b0001_0000;
const LONG_SEQUENCE: u8 = 0b0000_1000;
const LENGTH: u8 = 0b0000_0100;
const EPOCH_MASK: u8 = 0b0000_0011;

/// Where in a record is what.
///
/// ```
/// use pollrtc_dtls::wire::unified::UnifiedHeader;
/// let mut record = vec![0x2f, 0xab, 0xcd, 0, 17];
/// record.extend([7; 17]);
/// let header = UnifiedHeader::parse(&record).unwrap();
/// assert_eq!((header.epoch_bits, header.header_len, header.ciphertext_len), (3, 5, 17));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnifiedHeader {
    /// The low two bits of the epoch.
    pub epoch_bits: u8,
    /// Bytes of the connection id, which begins at the second byte; 0 if there is none.
    pub connection_id_len: u8,
    /// Bytes of the record's number, which follows the connection id: 1 or 2.
    pub sequence_len: usize,
    /// Bytes before the ciphertext.
    pub header_len: usize,
    /// Bytes of the ciphertext. Without a length of its own the record ends where the datagram does.
    pub ciphertext_len: usize,
}

impl UnifiedHeader {
    /// Whether a record with this first byte has such a header.
    pub const fn is_first_byte(byte: u8) -> bool {
        byte & FIXED_MASK == FIXED
    }

    /// Reads the front of `bytes`, which end where the datagram does, and checks that the ciphertext
    /// is all there. A record with a connection id can't be delimited: see
    /// [`parse_with_id`](Self::parse_with_id).
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        Self::parse_with_id(bytes, 0)
    }

    /// The same, for records whose connection id, if they have one, has this length. Of those with one
    /// the ciphertext has at least [`MIN_CIPHERTEXT_LEN`] bytes.
    pub fn parse_with_id(bytes: &[u8], id_len: u8) -> Result<Self, RecordError> {
        let Some((&flags, rest)) = bytes.split_first() else {
            return Err(RecordError::Short);
        };
        let has_id = flags & CONNECTION_ID != 0;
        if !Self::is_first_byte(flags) || has_id && id_len == 0 {
            return Err(RecordError::ContentType);
        }
        let connection_id_len = if has_id { id_len } else { 0 };
        let rest = rest.get(usize::from(connection_id_len)..).ok_or(RecordError::Short)?;
        let sequence_len = if flags & LONG_SEQUENCE == 0 { 1usize } else { 2 };
        let after_sequence = rest.get(sequence_len..).ok_or(RecordError::Short)?;
        let (length_len, ciphertext_len) = match (flags & LENGTH, after_sequence) {
            (0, ciphertext) => (0usize, ciphertext.len()),
            (_, [high, low, ciphertext @ ..]) => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                if ciphertext.len() < length {
                    return Err(RecordError::Short);
                }
                (2, length)
            }
            _ => return Err(RecordError::Short),
        };
        if ciphertext_len > MAX_CIPHERTEXT_LEN {
            return Err(RecordError::Long);
        }
        if has_id && ciphertext_len < MIN_CIPHERTEXT_LEN {
            return Err(RecordError::Short);
        }
        let before_length = 1usize
            .saturating_add(usize::from(connection_id_len))
            .saturating_add(sequence_len);
        Ok(Self {
            epoch_bits: flags & EPOCH_MASK,
            connection_id_len,
            sequence_len,
            header_len: before_length.saturating_add(length_len),
            ciphertext_len,
        })
    }

    /// Bytes of the whole record.
    pub fn record_len(&self) -> usize {
        self.header_len.saturating_add(self.ciphertext_len)
    }

    /// The header that we write, its number not yet encrypted.
    pub fn full(epoch: u16, sequence: u64, ciphertext_len: u16) -> [u8; FULL_HEADER_LEN] {
        let [_, epoch] = epoch.to_be_bytes();
        let [.., s0, s1] = sequence.to_be_bytes();
        let [l0, l1] = ciphertext_len.to_be_bytes();
        [FIXED | LONG_SEQUENCE | LENGTH | (epoch & EPOCH_MASK), s0, s1, l0, l1]
    }

    /// Writes the same with a connection id, which must not be empty, into exactly as many bytes.
    /// `None`, and nothing is written, if they are not.
    pub fn write_with_id(
        header: &mut [u8],
        connection_id: &[u8],
        epoch: u16,
        sequence: u64,
        ciphertext_len: u16,
    ) -> Option<()> {
        let [flags, number_and_length @ ..] = Self::full(epoch, sequence, ciphertext_len);
        let (first, rest) = header.split_first_mut()?;
        let (id, end) = rest.split_last_chunk_mut::<{ FULL_HEADER_LEN - 1 }>()?;
        if connection_id.is_empty() || id.len() != connection_id.len() {
            return None;
        }
        *first = flags | CONNECTION_ID;
        id.copy_from_slice(connection_id);
        *end = number_and_length;
        Some(())
    }
}

/// The number that ends in these low bits and is nearest to the one that is `expected`
/// (RFC 9147 §4.2.2); `bits` is 8 or 16.
///
/// ```
/// use pollrtc_dtls::wire::unified::nearest;
/// assert_eq!(nearest(0x1_0003, 0xfffe, 16), 0xfffe);
/// assert_eq!(nearest(0xfffe, 0x0001, 16), 0x1_0001);
/// assert_eq!(nearest(0, 0xff, 8), 0xff);
/// ```
pub fn nearest(expected: u64, low: u16, bits: u32) -> u64 {
    let span = 1u64.checked_shl(bits).unwrap_or(u64::MAX);
    let mask = span.saturating_sub(1);
    let same = (expected & !mask) | (u64::from(low) & mask);
    let candidates = [same, same.saturating_add(span), same.checked_sub(span).unwrap_or(same)];
    candidates
        .into_iter()
        .min_by_key(|candidate| candidate.abs_diff(expected))
        .unwrap_or(same)
}
