//! The record layer: epochs, sequence numbers, keys.
//!
//! Epoch 0 is plain; epoch 1 begins in each direction with ChangeCipherSpec and never ends, since
//! we don't renegotiate.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use pollrtc_crypto::{AeadAlgorithm, AeadKey, CryptoError, Provider};
use zeroize::Zeroizing;

use crate::replay::ReplayWindow;
use crate::wire::record::{HEADER_LEN, Header, SEQUENCE_LIMIT, epoch_and_sequence};
use crate::wire::{ContentType, Version};

/// The only epoch with keys.
pub(crate) const ENCRYPTED_EPOCH: u16 = 1;
/// The longest [`Sealer::prefix_len`].
pub(crate) const MAX_PREFIX_LEN: usize = HEADER_LEN + EXPLICIT_NONCE_LEN;
/// What every record gains at its end.
pub(crate) const SUFFIX_LEN: usize = AeadAlgorithm::TAG_LEN;

const EXPLICIT_NONCE_LEN: usize = 8;
/// RFC 9147 §4.5.3: a key must not survive this many forgeries. DTLS 1.2 names no limit, but its
/// ciphers are the same.
const FORGERY_LIMIT: u64 = 1 << 36;
/// Sequence numbers that only alerts may use, so that even a worn-out connection can say so.
const RESERVED_FOR_ALERTS: u64 = 16;

/// Both directions and both epochs.
#[derive(Default)]
pub(crate) struct RecordLayer {
    plain: PlainWriter,
    /// What epoch 0 claims; a first ClientHello goes out as DTLS 1.0, like every browser's.
    plain_version: Option<Version>,
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

impl RecordLayer {
    /// Fixes the version that plain records claim.
    pub(crate) fn set_plain_version(&mut self, version: Version) {
        self.plain_version = Some(version);
    }

    /// Our next epoch may be used from here on.
    pub(crate) fn install_sealer(&mut self, keys: Keys) {
        self.sealer = Some(Sealer::new(keys));
    }

    /// The peer's next epoch may be read once it has announced it.
    pub(crate) fn install_opener(&mut self, keys: Keys) {
        let opener = Opener::new(keys);
        self.opener = match self.opener {
            Reading::Announced => Reading::Encrypted(opener),
            _ => Reading::Ready(opener),
        };
    }

    /// The peer's ChangeCipherSpec: a mere announcement. Keys come from the handshake alone, so one
    /// that comes too early does no harm (CVE-2014-0224). `false` if it says nothing new.
    pub(crate) fn announce(&mut self) -> bool {
        let (reading, is_new) = match core::mem::take(&mut self.opener) {
            Reading::Plain => (Reading::Announced, true),
            Reading::Ready(opener) => (Reading::Encrypted(opener), true),
            other => (other, false),
        };
        self.opener = reading;
        is_new
    }

    /// The keys for the peer's records, once its encrypted epoch has begun.
    pub(crate) fn opener(&mut self) -> Option<&mut Opener> {
        match &mut self.opener {
            Reading::Encrypted(opener) => Some(opener),
            _ => None,
        }
    }

    /// The epoch of what we write outside of flights.
    pub(crate) fn write_epoch(&self) -> u16 {
        match self.sealer {
            Some(_) => ENCRYPTED_EPOCH,
            None => 0,
        }
    }

    /// Whether application data may no longer be written.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.sealer.as_ref().is_some_and(Sealer::is_exhausted)
    }

    /// Bytes of a record before its content.
    pub(crate) fn prefix_len(&self, epoch: u16) -> usize {
        match (&self.sealer, epoch) {
            (Some(sealer), ENCRYPTED_EPOCH) => sealer.prefix_len(),
            _ => HEADER_LEN,
        }
    }

    /// Bytes of a record after its content.
    pub(crate) fn suffix_len(&self, epoch: u16) -> usize {
        match (&self.sealer, epoch) {
            (Some(_), ENCRYPTED_EPOCH) => SUFFIX_LEN,
            _ => 0,
        }
    }

    /// Completes a record in place, its content standing behind [`prefix_len`](Self::prefix_len)
    /// bytes.
    pub(crate) fn write(
        &mut self,
        epoch: u16,
        content_type: ContentType,
        record: &mut [u8],
        content_len: usize,
    ) -> Result<usize, WriteError> {
        match (&mut self.sealer, epoch) {
            (Some(sealer), ENCRYPTED_EPOCH) => sealer.seal(content_type, record, content_len),
            (_, 0) => {
                let version = self.plain_version.unwrap_or(Version::DTLS_1_0);
                self.plain.finish(content_type, version, record, content_len)
            }
            _ => Err(WriteError::Crypto),
        }
    }

    /// A record of its own, for what is not part of a flight.
    pub(crate) fn write_alone(
        &mut self,
        epoch: u16,
        content_type: ContentType,
        content: &[u8],
    ) -> Result<Vec<u8>, WriteError> {
        let start = self.prefix_len(epoch);
        let mut record = alloc::vec![0; start + content.len() + self.suffix_len(epoch)];
        if let Some(room) = record.get_mut(start..start + content.len()) {
            room.copy_from_slice(content);
        }
        let length = self.write(epoch, content_type, &mut record, content.len())?;
        record.truncate(length);
        Ok(record)
    }
}

/// The keys of one direction.
pub(crate) struct Keys {
    key: Box<dyn AeadKey>,
    iv: Zeroizing<[u8; 12]>,
    explicit_nonce: bool,
}

impl Keys {
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

/// Why a record could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteError {
    /// The buffer ends too early.
    BufferTooShort,
    /// 2^48 records are written.
    SequenceExhausted,
    /// The provider refused.
    Crypto,
}

/// Our side of epoch 0.
#[derive(Debug, Default)]
pub(crate) struct PlainWriter {
    next_sequence: u64,
}

impl PlainWriter {
    /// Completes a record whose content already stands behind the room for its header.
    pub(crate) fn finish(
        &mut self,
        content_type: ContentType,
        version: Version,
        record: &mut [u8],
        content_len: usize,
    ) -> Result<usize, WriteError> {
        if self.next_sequence >= SEQUENCE_LIMIT {
            return Err(WriteError::SequenceExhausted);
        }
        let header = Header {
            content_type,
            version,
            epoch: 0,
            sequence: self.next_sequence,
            length: u16::try_from(content_len).map_err(|_| WriteError::BufferTooShort)?,
        };
        let room = record
            .first_chunk_mut::<HEADER_LEN>()
            .ok_or(WriteError::BufferTooShort)?;
        *room = header.to_bytes();
        self.next_sequence += 1;
        Ok(HEADER_LEN + content_len)
    }
}

/// Our side of epoch 1.
pub(crate) struct Sealer {
    keys: Keys,
    next_sequence: u64,
}

impl Sealer {
    pub(crate) fn new(keys: Keys) -> Self {
        Self { keys, next_sequence: 0 }
    }

    /// Bytes before the content: header and, where the cipher has one, explicit nonce.
    pub(crate) fn prefix_len(&self) -> usize {
        HEADER_LEN + self.keys.explicit_nonce_len()
    }

    /// Whether application data may still be sent.
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
        let tag_room = rest.first_chunk_mut::<SUFFIX_LEN>().ok_or(WriteError::BufferTooShort)?;
        let plaintext_len = u16::try_from(content_len).map_err(|_| WriteError::BufferTooShort)?;
        let length = explicit_len + content_len + SUFFIX_LEN;
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
}

/// Why an encrypted record is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// It was here before, or is too old to tell.
    Replayed,
    /// Too short, or not the negotiated version.
    Malformed,
    /// It does not authenticate.
    Forged,
    /// It does not authenticate, and that too often.
    TooManyForgeries,
}

/// The peer's side of epoch 1.
pub(crate) struct Opener {
    keys: Keys,
    window: ReplayWindow,
    forgeries: u64,
}

impl Opener {
    pub(crate) fn new(keys: Keys) -> Self {
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
        let (content, tag) = sealed
            .split_last_chunk_mut::<SUFFIX_LEN>()
            .ok_or(OpenError::Malformed)?;
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
            self.forgeries += 1;
            return Err(match self.forgeries >= FORGERY_LIMIT {
                true => OpenError::TooManyForgeries,
                false => OpenError::Forged,
            });
        }
        self.window.mark(header.sequence);
        Ok(prefix_len..prefix_len + usize::from(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        let provider = pollrtc_crypto::rust_crypto::PROVIDER;
        Keys::new(provider, AeadAlgorithm::Aes128Gcm, &[1; 16], &[2; 4]).unwrap()
    }

    fn layer(next_sequence: u64) -> RecordLayer {
        RecordLayer {
            sealer: Some(Sealer {
                keys: keys(),
                next_sequence,
            }),
            ..RecordLayer::default()
        }
    }

    #[test]
    fn the_last_numbers_are_kept_for_alerts_and_then_it_is_over() {
        let mut records = layer(SEQUENCE_LIMIT - RESERVED_FOR_ALERTS - 1);
        let mut write = |content_type| records.write_alone(ENCRYPTED_EPOCH, content_type, b"x").map(|_| ());
        assert_eq!(write(ContentType::ApplicationData), Ok(()));
        for _ in 0..RESERVED_FOR_ALERTS {
            assert_eq!(write(ContentType::Alert), Ok(()));
        }
        assert_eq!(write(ContentType::Alert), Err(WriteError::SequenceExhausted));
        assert!(records.is_exhausted());
        assert!(layer(SEQUENCE_LIMIT - RESERVED_FOR_ALERTS).is_exhausted());
        assert!(!layer(SEQUENCE_LIMIT - RESERVED_FOR_ALERTS - 1).is_exhausted());
    }

    #[test]
    fn a_key_survives_only_so_many_forgeries() {
        let mut opener = Opener::new(keys());
        opener.forgeries = FORGERY_LIMIT - 2;
        let mut record = layer(7).write_alone(ENCRYPTED_EPOCH, ContentType::Alert, b"x").unwrap();
        record[HEADER_LEN] ^= 1;
        let header = Header::parse(&record).unwrap();
        assert_eq!(opener.open(&header, &mut record.clone()), Err(OpenError::Forged));
        assert_eq!(
            opener.open(&header, &mut record.clone()),
            Err(OpenError::TooManyForgeries)
        );
    }

    #[test]
    fn plain_numbers_end_too() {
        let mut records = RecordLayer::default();
        records.plain.next_sequence = SEQUENCE_LIMIT - 1;
        let mut write = || records.write_alone(0, ContentType::Alert, b"x").map(|_| ());
        assert_eq!(write(), Ok(()));
        assert_eq!(write(), Err(WriteError::SequenceExhausted));
    }
}
