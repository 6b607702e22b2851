//! Records of DTLS 1.2 and the plain ones of 1.3 (RFC 6347 §4.1, RFC 9147 §4): fixed layout, so plain
//! slice reads.

use super::{ContentType, Version};

/// Bytes before the content of a record.
pub const HEADER_LEN: usize = 13;
/// The most that a record may carry before encryption (RFC 5246 §6.2.1).
pub const MAX_PLAINTEXT_LEN: usize = 1 << 14;
/// The most that a record may carry after encryption (RFC 5246 §6.2.3).
pub const MAX_CIPHERTEXT_LEN: usize = MAX_PLAINTEXT_LEN + 2048;
/// The first sequence number that does not exist.
pub const SEQUENCE_LIMIT: u64 = 1 << 48;

/// The content type of encrypted records of DTLS 1.2 with a connection id (RFC 9146 §4). The real one
/// stands inside.
pub const TLS12_CID: u8 = 25;

/// Why a datagram, or the rest of one, holds no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Fewer bytes than a header has, or than its length says.
    #[error("the record is cut short")]
    Short,
    /// A length above [`MAX_CIPHERTEXT_LEN`].
    #[error("the record is too long")]
    Long,
    /// Not a content type that this crate speaks.
    #[error("the content type is unknown")]
    ContentType,
    /// The major version is not that of DTLS.
    #[error("the version is not DTLS")]
    Version,
}

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it carries.
    pub content_type: ContentType,
    /// The version, which says little before the handshake has settled it.
    pub version: Version,
    /// Counts changes of keys.
    pub epoch: u16,
    /// Counts records within the epoch; 48 bits.
    pub sequence: u64,
    /// Bytes that follow.
    pub length: u16,
}

impl Header {
    /// Reads the front of `bytes`, and checks that the content is all there.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        let Some((&[kind, v0, v1, e0, e1, s0, s1, s2, s3, s4, s5, l0, l1], content)) =
            bytes.split_first_chunk::<HEADER_LEN>()
        else {
            return Err(RecordError::Short);
        };
        let header = Self {
            content_type: ContentType::from_code(kind).ok_or(RecordError::ContentType)?,
            version: Version(u16::from_be_bytes([v0, v1])),
            epoch: u16::from_be_bytes([e0, e1]),
            sequence: u64::from_be_bytes([0, 0, s0, s1, s2, s3, s4, s5]),
            length: u16::from_be_bytes([l0, l1]),
        };
        if !header.version.is_dtls() {
            return Err(RecordError::Version);
        }
        if usize::from(header.length) > MAX_CIPHERTEXT_LEN {
            return Err(RecordError::Long);
        }
        if content.len() < usize::from(header.length) {
            return Err(RecordError::Short);
        }
        Ok(header)
    }

    /// As on the wire. Of the sequence number the low 48 bits are written.
    pub fn to_bytes(self) -> [u8; HEADER_LEN] {
        let [v0, v1] = self.version.0.to_be_bytes();
        let [e0, e1] = self.epoch.to_be_bytes();
        let [_, _, s0, s1, s2, s3, s4, s5] = self.sequence.to_be_bytes();
        let [l0, l1] = self.length.to_be_bytes();
        let kind = self.content_type as u8;
        [kind, v0, v1, e0, e1, s0, s1, s2, s3, s4, s5, l0, l1]
    }

    /// Epoch and sequence number as one number: what nonces and additional data are made of.
    pub fn epoch_and_sequence(self) -> [u8; 8] {
        epoch_and_sequence(self.epoch, self.sequence)
    }
}

/// Epoch and sequence number as the eight bytes that nonces and additional data are made of.
pub fn epoch_and_sequence(epoch: u16, sequence: u64) -> [u8; 8] {
    let [e0, e1] = epoch.to_be_bytes();
    let [_, _, s0, s1, s2, s3, s4, s5] = sequence.to_be_bytes();
    [e0, e1, s0, s1, s2, s3, s4, s5]
}

/// The header of an encrypted record of DTLS 1.2 with a connection id (RFC 9146 §4), which stands
/// between the sequence number and the length.
///
/// ```
/// use pollrtc_dtls::wire::Version;
/// use pollrtc_dtls::wire::record::CidHeader;
/// let mut record = vec![25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 7];
/// record.extend(b"an id\x00\x03abc");
/// let header = CidHeader::parse(&record, 5).unwrap();
/// assert_eq!((header.version, header.epoch, header.sequence), (Version::DTLS_1_2, 1, 7));
/// assert_eq!((header.header_len(), header.record_len()), (18, record.len()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CidHeader {
    /// The version.
    pub version: Version,
    /// Counts changes of keys.
    pub epoch: u16,
    /// Counts records within the epoch; 48 bits.
    pub sequence: u64,
    /// Bytes of the connection id, which begins at [`CONNECTION_ID_AT`](Self::CONNECTION_ID_AT).
    pub connection_id_len: u8,
    /// Bytes that follow.
    pub length: u16,
}

impl CidHeader {
    /// Where the connection id begins.
    pub const CONNECTION_ID_AT: usize = HEADER_LEN - 2;

    /// Reads the front of `bytes`, and checks that the content is all there. The id counts as content
    /// for how long that may be.
    pub fn parse(bytes: &[u8], id_len: u8) -> Result<Self, RecordError> {
        let Some((&[kind, v0, v1, e0, e1, s0, s1, s2, s3, s4, s5], rest)) =
            bytes.split_first_chunk::<{ Self::CONNECTION_ID_AT }>()
        else {
            return Err(RecordError::Short);
        };
        if kind != TLS12_CID || id_len == 0 {
            return Err(RecordError::ContentType);
        }
        let Some([l0, l1, content @ ..]) = rest.get(usize::from(id_len)..) else {
            return Err(RecordError::Short);
        };
        let header = Self {
            version: Version(u16::from_be_bytes([v0, v1])),
            epoch: u16::from_be_bytes([e0, e1]),
            sequence: u64::from_be_bytes([0, 0, s0, s1, s2, s3, s4, s5]),
            connection_id_len: id_len,
            length: u16::from_be_bytes([*l0, *l1]),
        };
        if !header.version.is_dtls() {
            return Err(RecordError::Version);
        }
        if usize::from(header.length).saturating_add(usize::from(id_len)) > MAX_CIPHERTEXT_LEN {
            return Err(RecordError::Long);
        }
        if content.len() < usize::from(header.length) {
            return Err(RecordError::Short);
        }
        Ok(header)
    }

    /// Bytes before the content.
    pub fn header_len(&self) -> usize {
        HEADER_LEN.saturating_add(usize::from(self.connection_id_len))
    }

    /// Bytes of the whole record.
    pub fn record_len(&self) -> usize {
        self.header_len().saturating_add(usize::from(self.length))
    }

    /// Writes the header with this id into exactly as many bytes. `None`, and nothing is written, if
    /// they are not.
    pub fn write(&self, header: &mut [u8], connection_id: &[u8]) -> Option<()> {
        let (front, rest) = header.split_first_chunk_mut::<{ Self::CONNECTION_ID_AT }>()?;
        let (id, length) = rest.split_last_chunk_mut::<2>()?;
        if id.len() != connection_id.len() || id.len() != usize::from(self.connection_id_len) {
            return None;
        }
        let [v0, v1] = self.version.0.to_be_bytes();
        let [n0, n1, n2, n3, n4, n5, n6, n7] = self.epoch_and_sequence();
        *front = [TLS12_CID, v0, v1, n0, n1, n2, n3, n4, n5, n6, n7];
        id.copy_from_slice(connection_id);
        *length = self.length.to_be_bytes();
        Some(())
    }

    /// Epoch and sequence number as one number: what nonces and additional data are made of.
    pub fn epoch_and_sequence(&self) -> [u8; 8] {
        epoch_and_sequence(self.epoch, self.sequence)
    }
}

/// A header and its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The header.
    pub header: Header,
    /// The content, encrypted or not.
    pub fragment: &'a [u8],
}

/// The records of a datagram; ends after the first that is not well-formed.
///
/// ```
/// use pollrtc_dtls::wire::{ContentType, record};
/// let datagram = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 7, 0, 2, 1, 0]; // a close_notify
/// let records: Vec<_> = record::records(&datagram).collect::<Result<_, _>>().unwrap();
/// assert_eq!(records[0].header.content_type, ContentType::Alert);
/// assert_eq!(records[0].header.sequence, 7);
/// assert_eq!(records[0].fragment, [1, 0]);
/// ```
pub fn records(datagram: &[u8]) -> Records<'_> {
    Records { rest: datagram }
}

/// See [`records`].
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let bytes = core::mem::take(&mut self.rest);
        let header = match Header::parse(bytes) {
            Ok(header) => header,
            Err(error) => return Some(Err(error)),
        };
        let (_, content) = bytes.split_first_chunk::<HEADER_LEN>()?;
        let (fragment, rest) = content.split_at_checked(usize::from(header.length))?;
        self.rest = rest;
        Some(Ok(Record { header, fragment }))
    }
}
