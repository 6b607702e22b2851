//! Encrypted records of DTLS 1.2: one epoch, which begins in each direction with ChangeCipherSpec and
//! never ends, since we don't renegotiate.

use alloc::boxed::Box;
use core::ops::Range;

use pollrtc_crypto::{AeadAlgorithm, AeadKey, CryptoError, Provider};
use zeroize::Zeroizing;

use super::error::{OpenError, WriteError};
use super::limits::{ENCRYPTED_EPOCH, EXPLICIT_NONCE_LEN, FORGERY_LIMIT, MAX_ID_LEN, RESERVED_FOR_ALERTS, TAG_LEN};
use crate::replay::ReplayWindow;
use crate::wire::record::{CidHeader, HEADER_LEN, Header, SEQUENCE_LIMIT, TLS12_CID, epoch_and_sequence};
use crate::wire::{ContentType, Version};

/// What protects records beyond epoch 0.
#[derive(Default)]
pub(super) struct Protection {
    sealer: Option<Sealer>,
    opener: Reading,
}

/// The peer's epoch.
#[derive(Default)]
enum Reading {
    /// Plain, and its keys are not known yet.
    #[default]
    Plain,
    /// Plain; the peer has announced that its next epoch begins.
    Announced,
    /// Plain; the keys are known and wait for the announcement.
    Ready(Opener),
    /// Encrypted.
    Encrypted(Opener),
}

impl Protection {
    /// Our next epoch may be used from here on.
    pub(super) fn install_sealer(&mut self, keys: Keys12) {
        self.sealer = Some(Sealer::new(keys));
    }

    /// The peer's next epoch may be read once it has announced it.
    pub(super) fn install_opener(&mut self, keys: Keys12) {
        let opener = Opener::new(keys);
        self.opener = match self.opener {
            Reading::Announced => Reading::Encrypted(opener),
            _ => Reading::Ready(opener),
        };
    }

    /// See [`RecordLayer::handle_change_cipher_spec`](super::RecordLayer::handle_change_cipher_spec).
    pub(super) fn handle_change_cipher_spec(&mut self) -> bool {
        let (reading, is_new) = match core::mem::take(&mut self.opener) {
            Reading::Plain => (Reading::Announced, true),
            Reading::Ready(opener) => (Reading::Encrypted(opener), true),
            other => (other, false),
        };
        self.opener = reading;
        is_new
    }

    /// The keys for what we write, once there are any.
    pub(super) fn sealer(&self) -> Option<&Sealer> {
        self.sealer.as_ref()
    }

    /// The same, to write with.
    pub(super) fn sealer_mut(&mut self) -> Option<&mut Sealer> {
        self.sealer.as_mut()
    }

    /// The keys for the peer's records, once its encrypted epoch has begun.
    pub(super) fn opener(&mut self) -> Option<&mut Opener> {
        match &mut self.opener {
            Reading::Encrypted(opener) => Some(opener),
            _ => None,
        }
    }
}

/// The connection id of a record that has one.
pub(super) fn id_of<'r>(header: &CidHeader, record: &'r [u8]) -> &'r [u8] {
    record
        .get(CidHeader::CONNECTION_ID_AT..)
        .and_then(|rest| rest.get(..usize::from(header.connection_id_len)))
        .unwrap_or_default()
}

/// The keys of one direction.
pub(crate) struct Keys12 {
    key: Box<dyn AeadKey>,
    iv: Zeroizing<[u8; 12]>,
    explicit_nonce: bool,
}

impl Keys12 {
    /// `iv` has the length that [`iv_len`] tells.
    pub(crate) fn new(
        provider: &dyn Provider,
        algorithm: AeadAlgorithm,
        key: &[u8],
        iv: &[u8],
    ) -> Result<Self, CryptoError> {
        let mut padded = Zeroizing::new([0; 12]);
        padded
            .get_mut(..iv.len())
            .ok_or(CryptoError::InvalidKey)?
            .copy_from_slice(iv);
        Ok(Self {
            key: provider.aead(algorithm, key)?,
            iv: padded,
            explicit_nonce: has_explicit_nonce(algorithm),
        })
    }

    /// RFC 5288 §3: salt and explicit part, which is epoch and sequence number and so never repeats
    /// nor is random (CVE-2026-26014). RFC 7905 §2: the whole IV, with the same number XORed in.
    fn nonce(&self, number: [u8; 8]) -> [u8; 12] {
        let mut nonce = *self.iv;
        let [_, _, _, _, low @ ..] = &mut nonce;
        for (byte, number) in low.iter_mut().zip(number) {
            *byte = if self.explicit_nonce { number } else { *byte ^ number };
        }
        nonce
    }

    fn explicit_nonce_len(&self) -> usize {
        if self.explicit_nonce { EXPLICIT_NONCE_LEN } else { 0 }
    }
}

/// Bytes of the IV that the key schedule gives: GCM's salt, or ChaCha20-Poly1305's whole nonce.
pub(crate) fn iv_len(algorithm: AeadAlgorithm) -> usize {
    if has_explicit_nonce(algorithm) { 4 } else { 12 }
}

fn has_explicit_nonce(algorithm: AeadAlgorithm) -> bool {
    algorithm != AeadAlgorithm::ChaCha20Poly1305
}

/// RFC 5246 §6.2.3.3: number, type, version and length of the plaintext.
fn additional_data(number: [u8; 8], content_type: ContentType, version: Version, length: u16) -> [u8; 13] {
    let [n0, n1, n2, n3, n4, n5, n6, n7] = number;
    let [v0, v1] = version.0.to_be_bytes();
    let [l0, l1] = length.to_be_bytes();
    let kind = content_type as u8;
    [n0, n1, n2, n3, n4, n5, n6, n7, kind, v0, v1, l0, l1]
}

/// RFC 9146 §5.3: what is authenticated beside the content of a record with a connection id.
struct AdditionalDataWithId {
    bytes: [u8; Self::FIXED_LEN + MAX_ID_LEN],
    length: usize,
}

impl AdditionalDataWithId {
    /// Everything but the id.
    const FIXED_LEN: usize = 8 + 3 + 2 + 8 + 2;
    /// Stands where records without an id have their number.
    const SEQUENCE_PLACEHOLDER: [u8; 8] = [0xff; 8];

    /// `length` is that of the plaintext with the true type and the padding.
    fn new(number: [u8; 8], version: Version, id: &[u8], length: u16) -> Self {
        let id_len = u8::try_from(id.len()).unwrap_or(u8::MAX);
        let mut data = Self {
            bytes: [0; Self::FIXED_LEN + MAX_ID_LEN],
            length: 0,
        };
        data.push(&Self::SEQUENCE_PLACEHOLDER);
        data.push(&[TLS12_CID, id_len, TLS12_CID]);
        data.push(&version.0.to_be_bytes());
        data.push(&number);
        data.push(id);
        data.push(&length.to_be_bytes());
        data
    }

    fn push(&mut self, part: &[u8]) {
        let end = self.length + part.len();
        if let Some(room) = self.bytes.get_mut(self.length..end) {
            room.copy_from_slice(part);
            self.length = end;
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Our side of epoch 1.
pub(crate) struct Sealer {
    keys: Keys12,
    next_sequence: u64,
}

impl Sealer {
    pub(crate) fn new(keys: Keys12) -> Self {
        Self { keys, next_sequence: 0 }
    }

    /// Bytes before the content: header and, where the cipher has one, explicit nonce.
    pub(crate) fn prefix_len(&self) -> usize {
        HEADER_LEN + self.keys.explicit_nonce_len()
    }

    /// The number of the next record.
    pub(super) fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Whether application data may no longer be sent.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.next_sequence >= SEQUENCE_LIMIT - RESERVED_FOR_ALERTS
    }

    /// Encrypts in place the content that stands behind [`prefix_len`](Self::prefix_len) bytes.
    /// Every call uses up a number, also a failing one, so that no nonce occurs twice.
    pub(crate) fn seal(
        &mut self,
        content_type: ContentType,
        record: &mut [u8],
        content_len: usize,
    ) -> Result<usize, WriteError> {
        let explicit_len = self.keys.explicit_nonce_len();
        let (head, rest) = record
            .split_first_chunk_mut::<HEADER_LEN>()
            .ok_or(WriteError::BufferTooShort)?;
        let (explicit, rest) = rest
            .split_at_mut_checked(explicit_len)
            .ok_or(WriteError::BufferTooShort)?;
        let (content, rest) = rest
            .split_at_mut_checked(content_len)
            .ok_or(WriteError::BufferTooShort)?;
        let tag_room = rest.first_chunk_mut::<TAG_LEN>().ok_or(WriteError::BufferTooShort)?;
        let plaintext_len = u16::try_from(content_len).map_err(|_| WriteError::BufferTooShort)?;
        let length = explicit_len + content_len + TAG_LEN;
        let length = u16::try_from(length).map_err(|_| WriteError::BufferTooShort)?;

        let sequence = self.next_sequence;
        if sequence >= SEQUENCE_LIMIT {
            return Err(WriteError::SequenceExhausted);
        }
        self.next_sequence += 1;

        let version = Version::DTLS_1_2;
        let number = epoch_and_sequence(ENCRYPTED_EPOCH, sequence);
        let additional = additional_data(number, content_type, version, plaintext_len);
        let tag = self
            .keys
            .key
            .seal(&self.keys.nonce(number), &additional, content)
            .map_err(|_| WriteError::Crypto)?;
        *tag_room = tag;
        explicit.copy_from_slice(number.get(..explicit_len).unwrap_or_default());
        *head = Header {
            content_type,
            version,
            epoch: ENCRYPTED_EPOCH,
            sequence,
            length,
        }
        .to_bytes();
        Ok(HEADER_LEN + usize::from(length))
    }

    /// The same for a peer that wants a connection id (RFC 9146 §4), which stands before the length; the
    /// true type stands behind the content.
    pub(crate) fn seal_with_id(
        &mut self,
        id: &[u8],
        content_type: ContentType,
        record: &mut [u8],
        content_len: usize,
    ) -> Result<usize, WriteError> {
        let short = WriteError::BufferTooShort;
        let explicit_len = self.keys.explicit_nonce_len();
        let inner_len = content_len + 1;
        let (head, rest) = record.split_at_mut_checked(HEADER_LEN + id.len()).ok_or(short)?;
        let (explicit, rest) = rest.split_at_mut_checked(explicit_len).ok_or(short)?;
        let (inner, rest) = rest.split_at_mut_checked(inner_len).ok_or(short)?;
        let tag_room = rest.first_chunk_mut::<TAG_LEN>().ok_or(short)?;
        let plaintext_len = u16::try_from(inner_len).map_err(|_| short)?;
        let length = u16::try_from(explicit_len + inner_len + TAG_LEN).map_err(|_| short)?;

        let sequence = self.next_sequence;
        if sequence >= SEQUENCE_LIMIT {
            return Err(WriteError::SequenceExhausted);
        }
        self.next_sequence += 1;

        let header = CidHeader {
            version: Version::DTLS_1_2,
            epoch: ENCRYPTED_EPOCH,
            sequence,
            connection_id_len: u8::try_from(id.len()).map_err(|_| short)?,
            length,
        };
        let number = header.epoch_and_sequence();
        let additional = AdditionalDataWithId::new(number, header.version, id, plaintext_len);
        *inner.last_mut().ok_or(short)? = content_type as u8;
        *tag_room = self
            .keys
            .key
            .seal(&self.keys.nonce(number), additional.as_bytes(), inner)
            .map_err(|_| WriteError::Crypto)?;
        explicit.copy_from_slice(number.get(..explicit_len).unwrap_or_default());
        header.write(head, id).ok_or(short)?;
        Ok(header.record_len())
    }
}

/// A record with a connection id, decrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenedWithId {
    /// `None` for a type that we don't speak.
    pub(crate) content_type: Option<ContentType>,
    /// Where in the record the content is.
    pub(crate) content: Range<usize>,
    /// Bytes of the content with its type and the padding.
    pub(crate) inner_len: usize,
}

/// The peer's side of epoch 1.
pub(crate) struct Opener {
    keys: Keys12,
    window: ReplayWindow,
    forgeries: u64,
}

impl Opener {
    pub(crate) fn new(keys: Keys12) -> Self {
        Self {
            keys,
            window: ReplayWindow::default(),
            forgeries: 0,
        }
    }

    /// Decrypts in place; tells where in `record` (header included) the content is.
    pub(crate) fn open(&mut self, header: &Header, record: &mut [u8]) -> Result<Range<usize>, OpenError> {
        if header.version != Version::DTLS_1_2 {
            return Err(OpenError::Malformed);
        }
        if !self.window.is_new(header.sequence) {
            return Err(OpenError::Replayed);
        }
        let prefix_len = HEADER_LEN + self.keys.explicit_nonce_len();
        let (prefix, sealed) = record.split_at_mut_checked(prefix_len).ok_or(OpenError::Malformed)?;
        let (content, tag) = sealed.split_last_chunk_mut::<TAG_LEN>().ok_or(OpenError::Malformed)?;
        let length = u16::try_from(content.len()).map_err(|_| OpenError::Malformed)?;

        let number = header.epoch_and_sequence();
        let additional = additional_data(number, header.content_type, header.version, length);
        // The explicit part is the sender's choice (RFC 5288 §3); most use the record's number too.
        let explicit = prefix.last_chunk::<EXPLICIT_NONCE_LEN>();
        let nonce_input = match (self.keys.explicit_nonce, explicit) {
            (true, Some(explicit)) => *explicit,
            _ => number,
        };
        let nonce = self.keys.nonce(nonce_input);
        if self.keys.key.open(&nonce, &additional, content, tag).is_err() {
            return Err(self.count_forgery());
        }
        self.window.mark(header.sequence);
        Ok(prefix_len..prefix_len + usize::from(length))
    }

    fn count_forgery(&mut self) -> OpenError {
        self.forgeries += 1;
        match self.forgeries >= FORGERY_LIMIT {
            true => OpenError::TooManyForgeries,
            false => OpenError::Forged,
        }
    }

    /// The same for a record with a connection id.
    pub(crate) fn open_with_id(&mut self, header: &CidHeader, record: &mut [u8]) -> Result<OpenedWithId, OpenError> {
        match self.decrypt_with_id(header, record) {
            Ok(opened) => {
                self.window.mark(header.sequence);
                Ok(opened)
            }
            Err(OpenError::Forged) => Err(self.count_forgery()),
            Err(error) => Err(error),
        }
    }

    /// What a record with a connection id carries, of which nothing else is seen: it counts neither as
    /// read nor as forged. `None` for what can't be read.
    pub(crate) fn peek_with_id(&self, header: &CidHeader, record: &[u8]) -> Option<ContentType> {
        let mut copy = record.to_vec();
        self.decrypt_with_id(header, &mut copy).ok()?.content_type
    }

    fn decrypt_with_id(&self, header: &CidHeader, record: &mut [u8]) -> Result<OpenedWithId, OpenError> {
        if header.version != Version::DTLS_1_2 {
            return Err(OpenError::Malformed);
        }
        if !self.window.is_new(header.sequence) {
            return Err(OpenError::Replayed);
        }
        let prefix_len = header.header_len() + self.keys.explicit_nonce_len();
        let (prefix, sealed) = record.split_at_mut_checked(prefix_len).ok_or(OpenError::Malformed)?;
        let (inner, tag) = sealed.split_last_chunk_mut::<TAG_LEN>().ok_or(OpenError::Malformed)?;
        let length = u16::try_from(inner.len()).map_err(|_| OpenError::Malformed)?;

        let number = header.epoch_and_sequence();
        let additional = AdditionalDataWithId::new(number, header.version, id_of(header, prefix), length);
        let explicit = prefix.last_chunk::<EXPLICIT_NONCE_LEN>();
        let nonce_input = match (self.keys.explicit_nonce, explicit) {
            (true, Some(explicit)) => *explicit,
            _ => number,
        };
        let nonce = self.keys.nonce(nonce_input);
        let opened = self.keys.key.open(&nonce, additional.as_bytes(), inner, tag);
        opened.map_err(|_| OpenError::Forged)?;

        // RFC 9146 §4: zeros may follow the true type.
        let end = inner.iter().rposition(|byte| *byte != 0);
        Ok(OpenedWithId {
            content_type: end.and_then(|end| ContentType::from_code(*inner.get(end)?)),
            content: prefix_len..prefix_len + end.unwrap_or(0),
            inner_len: inner.len(),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    pub(in crate::records) fn keys() -> Keys12 {
        let provider = pollrtc_crypto::rust_crypto::PROVIDER;
        Keys12::new(provider, AeadAlgorithm::Aes128Gcm, &[1; 16], &[2; 4]).unwrap()
    }

    impl Protection {
        pub(in crate::records) fn with_next_sequence(next_sequence: u64) -> Self {
            Self {
                sealer: Some(Sealer {
                    keys: keys(),
                    next_sequence,
                }),
                ..Self::default()
            }
        }
    }

    #[test]
    fn a_key_survives_only_so_many_forgeries() {
        let mut opener = Opener::new(keys());
        opener.forgeries = FORGERY_LIMIT - 2;
        let mut sealer = Sealer::new(keys());
        let mut record = [0; 64];
        let length = sealer.seal(ContentType::Alert, &mut record, 1).unwrap();
        let mut record = record[..length].to_vec();
        record[HEADER_LEN] ^= 1;
        let header = Header::parse(&record).unwrap();
        assert_eq!(opener.open(&header, &mut record.clone()), Err(OpenError::Forged));
        assert_eq!(
            opener.open(&header, &mut record.clone()),
            Err(OpenError::TooManyForgeries)
        );
    }

    const ID: &[u8] = b"\x01\x02\x03";

    /// A record with an id as RFC 9146 §4 and §5.3 have it, put together by hand.
    fn by_hand(sequence: u8, mut inner: Vec<u8>) -> Vec<u8> {
        let number = [0, 1, 0, 0, 0, 0, 0, sequence];
        let mut additional = vec![0xff; 8];
        additional.extend([25, 3, 25, 0xfe, 0xfd]);
        additional.extend(number);
        additional.extend(ID);
        additional.extend([0, u8::try_from(inner.len()).unwrap()]);
        let tag = keys().key.seal(&keys().nonce(number), &additional, &mut inner).unwrap();
        let mut record = vec![25, 0xfe, 0xfd];
        record.extend(number);
        record.extend(ID);
        record.extend([0, u8::try_from(8 + inner.len() + 16).unwrap()]);
        record.extend(number);
        record.extend(inner);
        record.extend(tag);
        record
    }

    #[test]
    fn a_record_with_an_id_is_what_the_rfc_says() {
        let mut sealer = Sealer::new(keys());
        let mut record = vec![0; 13 + 3 + 8];
        record.extend(b"hello");
        record.extend([0; 17]);
        let length = sealer
            .seal_with_id(ID, ContentType::ApplicationData, &mut record, 5)
            .unwrap();
        assert_eq!(length, record.len());
        assert_eq!(record, by_hand(0, b"hello\x17".to_vec()));
    }

    #[test]
    fn zeros_may_follow_the_true_type() {
        let mut opener = Opener::new(keys());
        let cases: [(&[u8], Option<ContentType>, usize); 5] = [
            (b"\x02\x28\x15\0\0\0\0\0", Some(ContentType::Alert), 2),
            (b"\x16", Some(ContentType::Handshake), 0),
            (b"in zeros\0\0\x17\0", Some(ContentType::ApplicationData), 10),
            (b"an id in an id\x19", None, 14),
            (b"\0\0\0", None, 0),
        ];
        for (sequence, (inner, content_type, content_len)) in cases.into_iter().enumerate() {
            let mut record = by_hand(sequence as u8, inner.to_vec());
            let header = CidHeader::parse(&record, 3).unwrap();
            assert_eq!(opener.peek_with_id(&header, &record), content_type);
            let opened = opener.open_with_id(&header, &mut record).unwrap();
            let expected = OpenedWithId {
                content_type,
                content: 24..24 + content_len,
                inner_len: inner.len(),
            };
            assert_eq!(opened, expected);
            assert_eq!(record[opened.content], inner[..content_len]);
            assert_eq!(opener.open_with_id(&header, &mut record), Err(OpenError::Replayed));
        }
    }

    #[test]
    fn an_id_is_authenticated_and_forgeries_count() {
        let mut opener = Opener::new(keys());
        opener.forgeries = FORGERY_LIMIT - 2;
        let mut record = by_hand(0, b"x\x17".to_vec());
        record[CidHeader::CONNECTION_ID_AT] ^= 1;
        let header = CidHeader::parse(&record, 3).unwrap();
        assert_eq!(opener.peek_with_id(&header, &record), None);
        assert_eq!(
            opener.open_with_id(&header, &mut record.clone()),
            Err(OpenError::Forged)
        );
        assert_eq!(
            opener.open_with_id(&header, &mut record),
            Err(OpenError::TooManyForgeries)
        );
        let mut short = by_hand(1, vec![]);
        short.truncate(30);
        short[15] = 14;
        let header = CidHeader::parse(&short, 3).unwrap();
        assert_eq!(opener.open_with_id(&header, &mut short), Err(OpenError::Malformed));
    }
}
