//! Encrypted records of DTLS 1.2: one epoch, which begins in each direction with ChangeCipherSpec and
//! never ends, since we don't renegotiate.

use alloc::boxed::Box;
use core::ops::Range;

use pollrtc_crypto::{AeadAlgorithm, AeadKey, CryptoError, Provider};
use zeroize::Zeroizing;

use super::{ENCRYPTED_EPOCH, EXPLICIT_NONCE_LEN, FORGERY_LIMIT, OpenError, RESERVED_FOR_ALERTS, TAG_LEN, WriteError};
use crate::replay::ReplayWindow;
use crate::wire::record::{HEADER_LEN, Header, SEQUENCE_LIMIT, epoch_and_sequence};
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
    pub(super) fn install_sealer(&mut self, keys: Keys) {
        self.sealer = Some(Sealer::new(keys));
    }

    /// The peer's next epoch may be read once it has announced it.
    pub(super) fn install_opener(&mut self, keys: Keys) {
        let opener = Opener::new(keys);
        self.opener = match self.opener {
            Reading::Announced => Reading::Encrypted(opener),
            _ => Reading::Ready(opener),
        };
    }

    /// See [`RecordLayer::announce`](super::RecordLayer::announce).
    pub(super) fn announce(&mut self) -> bool {
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
pub(super) mod tests {
    use super::*;

    pub(in crate::records) fn keys() -> Keys {
        let provider = pollrtc_crypto::rust_crypto::PROVIDER;
        Keys::new(provider, AeadAlgorithm::Aes128Gcm, &[1; 16], &[2; 4]).unwrap()
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
}
