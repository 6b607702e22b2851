//! Records of all forms in one datagram (RFC 9147 §4.1): the first byte of each tells its form.

use core::ops::Range;

use super::record::{CidHeader, HEADER_LEN, Header, RecordError, TLS12_CID};
use super::unified::UnifiedHeader;

/// The header of a record of either form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnyHeader {
    /// Every record of DTLS 1.2 without a connection id, and the plain ones of DTLS 1.3.
    Classic(Header),
    /// Encrypted records of DTLS 1.2 with a connection id.
    Cid(CidHeader),
    /// Encrypted records of DTLS 1.3.
    Unified(UnifiedHeader),
}

impl AnyHeader {
    /// Reads the front of `bytes`, which end where the datagram does. The first byte tells the form
    /// (RFC 9147 §4.1). A record with a connection id can't be delimited: see
    /// [`parse_with_id`](Self::parse_with_id).
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        Self::parse_with_id(bytes, 0)
    }

    /// The same, for records whose connection id, if they have one, has this length.
    pub fn parse_with_id(bytes: &[u8], id_len: u8) -> Result<Self, RecordError> {
        match bytes.first() {
            Some(byte) if UnifiedHeader::is_first_byte(*byte) => {
                UnifiedHeader::parse_with_id(bytes, id_len).map(Self::Unified)
            }
            Some(&TLS12_CID) => CidHeader::parse(bytes, id_len).map(Self::Cid),
            _ => Header::parse(bytes).map(Self::Classic),
        }
    }

    /// Where in the record its connection id is, if it has one.
    pub fn connection_id(&self) -> Option<Range<usize>> {
        let (start, length) = match self {
            Self::Classic(_) => return None,
            Self::Cid(header) => (CidHeader::CONNECTION_ID_AT, usize::from(header.connection_id_len)),
            Self::Unified(header) => (1, usize::from(header.connection_id_len)),
        };
        (length > 0).then(|| start..start.saturating_add(length))
    }

    /// Bytes of the whole record.
    pub fn record_len(&self) -> usize {
        match self {
            Self::Classic(header) => HEADER_LEN.saturating_add(usize::from(header.length)),
            Self::Cid(header) => header.record_len(),
            Self::Unified(header) => header.record_len(),
        }
    }
}

/// The connection id of the first record of `datagram` that has one, if ids have this length: for
/// servers that look the connection up before they know anything else. Whoever sent the datagram may
/// have made it up.
///
/// ```
/// use pollrtc_dtls::wire::datagram::connection_id;
/// // Under DTLS 1.3, then under DTLS 1.2 behind a plain record.
/// let datagram = b"\x3funique\x12\x34\x00\x11\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10";
/// assert_eq!(connection_id(datagram, 6), Some(&b"unique"[..]));
/// let datagram = b"\x14\xfe\xfd\0\0\0\0\0\0\0\x04\0\x01\x01\x19\xfe\xfd\0\x01\0\0\0\0\0\0unique\0\0";
/// assert_eq!(connection_id(datagram, 6), Some(&b"unique"[..]));
/// assert_eq!(connection_id(b"no DTLS", 6), None);
/// ```
pub fn connection_id(datagram: &[u8], id_len: u8) -> Option<&[u8]> {
    let mut rest = datagram;
    loop {
        let header = AnyHeader::parse_with_id(rest, id_len).ok()?;
        if let Some(range) = header.connection_id() {
            return rest.get(range);
        }
        rest = rest.get(header.record_len()..)?;
    }
}

/// The first record of `datagram`, header included, and what follows it.
pub fn split_first_mut(datagram: &mut [u8]) -> Result<(AnyHeader, &mut [u8], &mut [u8]), RecordError> {
    split_first_mut_with_id(datagram, 0)
}

/// The same, where records may have a connection id of this length.
pub fn split_first_mut_with_id(
    datagram: &mut [u8],
    id_len: u8,
) -> Result<(AnyHeader, &mut [u8], &mut [u8]), RecordError> {
    let header = AnyHeader::parse_with_id(datagram, id_len)?;
    let (record, rest) = datagram
        .split_at_mut_checked(header.record_len())
        .ok_or(RecordError::Short)?;
    Ok((header, record, rest))
}
