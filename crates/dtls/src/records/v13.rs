//! Encrypted records of DTLS 1.3 (RFC 9147 §4): several epochs side by side, encrypted numbers.

use alloc::boxed::Box;
use core::ops::Range;

use pollrtc_crypto::{AeadAlgorithm, AeadKey, CryptoError, Provider, RecordNumberKey};
use zeroize::Zeroizing;

use super::error::{OpenError, WriteError};
use super::limits::{APPLICATION_EPOCH, FORGERY_LIMIT, HANDSHAKE_EPOCH, MAX_SUFFIX_LEN, RESERVED_FOR_ALERTS, TAG_LEN};
use crate::replay::ReplayWindow;
use crate::wire::ContentType;
use crate::wire::ack::RecordNumber;
use crate::wire::unified::{FULL_HEADER_LEN, MIN_CIPHERTEXT_LEN, UnifiedHeader, nearest};

/// No more records than this are written with one key: RFC 8446 §5.5 allows AES-GCM 2^24.5.
const RECORDS_PER_KEY: u64 = 1 << 24;
/// After this many records the next key is due (RFC 9147 §4.5.3): early enough for the peer to agree.
const KEY_UPDATE_DUE: u64 = RECORDS_PER_KEY / 2;

/// What protects records beyond epoch 0.
#[derive(Default)]
pub(super) struct Protection {
    handshake: Option<Sealer>,
    application: Option<Sealer>,
    /// By the two low bits of their epoch, which is all that a record tells.
    openers: [Option<Opener>; 4],
}

impl Protection {
    pub(super) fn install_sealer(&mut self, epoch: u16, keys: Keys13) {
        let sealer = Some(Sealer {
            keys,
            epoch,
            next_sequence: 0,
        });
        match epoch {
            HANDSHAKE_EPOCH => self.handshake = sealer,
            _ => self.application = sealer,
        }
    }

    pub(super) fn install_opener(&mut self, epoch: u16, keys: Keys13) {
        // RFC 9147 §8: the epoch before stays readable, for what was sent before the change; the one
        // before that is over.
        if let Some(over) = epoch.checked_sub(2).filter(|over| *over >= APPLICATION_EPOCH)
            && let Some(slot) = self.openers.get_mut(usize::from(over & 3))
        {
            *slot = None;
        }
        if let Some(slot) = self.openers.get_mut(usize::from(epoch & 3)) {
            *slot = Some(Opener::new(epoch, keys));
        }
    }

    pub(super) fn forget_openers_before(&mut self, epoch: u16) {
        for slot in &mut self.openers {
            slot.take_if(|opener| opener.epoch < epoch);
        }
    }

    pub(super) fn end_handshake_writing(&mut self) {
        self.handshake = None;
    }

    pub(super) fn can_open(&self, header: &UnifiedHeader) -> bool {
        matches!(self.openers.get(usize::from(header.epoch_bits)), Some(Some(_)))
    }

    pub(super) fn open(
        &mut self,
        header: &UnifiedHeader,
        record: &mut [u8],
        limit: usize,
    ) -> Result<Opened, OpenError> {
        match self.openers.get_mut(usize::from(header.epoch_bits)) {
            Some(Some(opener)) => opener.open(header, record, limit),
            _ => Err(OpenError::Malformed),
        }
    }

    pub(super) fn write_epoch(&self) -> Option<u16> {
        let newest = self.application.as_ref().or(self.handshake.as_ref());
        newest.map(|sealer| sealer.epoch)
    }

    pub(super) fn next_sequence(&self, epoch: u16) -> u64 {
        self.sealer(epoch).map_or(0, |sealer| sealer.next_sequence)
    }

    pub(super) fn wants_key_update(&self) -> bool {
        matches!(&self.application, Some(sealer) if sealer.next_sequence >= KEY_UPDATE_DUE)
    }

    pub(super) fn is_exhausted(&self) -> bool {
        let limit = RECORDS_PER_KEY - RESERVED_FOR_ALERTS;
        matches!(&self.application, Some(sealer) if sealer.next_sequence >= limit)
    }

    pub(super) fn seal(
        &mut self,
        epoch: u16,
        id: &[u8],
        content_type: ContentType,
        record: &mut [u8],
        content_len: usize,
    ) -> Result<usize, WriteError> {
        let sealers = [self.application.as_mut(), self.handshake.as_mut()];
        let sealer = sealers.into_iter().flatten().find(|sealer| sealer.epoch == epoch);
        sealer
            .ok_or(WriteError::Crypto)?
            .seal(id, content_type, record, content_len)
    }

    fn sealer(&self, epoch: u16) -> Option<&Sealer> {
        let mut sealers = [&self.application, &self.handshake].into_iter().flatten();
        sealers.find(|sealer| sealer.epoch == epoch)
    }
}

/// The keys of one direction and epoch.
pub(crate) struct Keys13 {
    key: Box<dyn AeadKey>,
    iv: Zeroizing<[u8; 12]>,
    number_key: Box<dyn RecordNumberKey>,
}

impl Keys13 {
    pub(crate) fn new(
        provider: &dyn Provider,
        algorithm: AeadAlgorithm,
        key: &[u8],
        iv: [u8; 12],
        number_key: &[u8],
    ) -> Result<Self, CryptoError> {
        Ok(Self {
            key: provider.aead(algorithm, key)?,
            iv: Zeroizing::new(iv),
            number_key: provider.record_number_key(algorithm, number_key)?,
        })
    }

    /// RFC 8446 §5.3: the IV, with the number XORed in. The epoch has keys of its own and is not part
    /// of it (RFC 9147 §4).
    fn nonce(&self, sequence: u64) -> [u8; 12] {
        let mut nonce = *self.iv;
        let [_, _, _, _, low @ ..] = &mut nonce;
        for (byte, number) in low.iter_mut().zip(sequence.to_be_bytes()) {
            *byte ^= number;
        }
        nonce
    }

    /// RFC 9147 §4.2.3: hides a record's number, or shows it.
    fn mask(&self, number: &mut [u8], ciphertext: &[u8]) -> Option<()> {
        let mask = self.number_key.mask(ciphertext.first_chunk::<MIN_CIPHERTEXT_LEN>()?);
        for (byte, mask) in number.iter_mut().zip(mask) {
            *byte ^= mask;
        }
        Some(())
    }
}

/// Our side of an epoch.
struct Sealer {
    keys: Keys13,
    epoch: u16,
    next_sequence: u64,
}

impl Sealer {
    /// Encrypts in place the content that stands behind the header, which has the connection id that the
    /// peer wants, if any. Every call uses up a number, also a failing one, so that no nonce occurs
    /// twice.
    fn seal(
        &mut self,
        id: &[u8],
        content_type: ContentType,
        record: &mut [u8],
        content_len: usize,
    ) -> Result<usize, WriteError> {
        let length = content_len + MAX_SUFFIX_LEN;
        let short = WriteError::BufferTooShort;
        let header_len = FULL_HEADER_LEN + id.len();
        let (head, rest) = record.split_at_mut_checked(header_len).ok_or(short)?;
        let (ciphertext, _) = rest.split_at_mut_checked(length).ok_or(short)?;
        let (inner, tag_room) = ciphertext.split_last_chunk_mut::<TAG_LEN>().ok_or(short)?;
        let wire_length = u16::try_from(length).map_err(|_| short)?;

        let sequence = self.next_sequence;
        if sequence >= RECORDS_PER_KEY {
            return Err(WriteError::SequenceExhausted);
        }
        self.next_sequence += 1;

        // RFC 9147 §4: the true type stands behind the content.
        *inner.last_mut().ok_or(short)? = content_type as u8;
        match id.is_empty() {
            true => head.copy_from_slice(&UnifiedHeader::full(self.epoch, sequence, wire_length)),
            false => UnifiedHeader::write_with_id(head, id, self.epoch, sequence, wire_length).ok_or(short)?,
        }
        *tag_room = self
            .keys
            .key
            .seal(&self.keys.nonce(sequence), head, inner)
            .map_err(|_| WriteError::Crypto)?;
        let [.., n0, n1, _, _] = head else { return Err(short) };
        let mut number = [*n0, *n1];
        self.keys.mask(&mut number, ciphertext).ok_or(WriteError::Crypto)?;
        [*n0, *n1] = number;
        Ok(header_len + length)
    }
}

/// A record of the peer, decrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    /// `None` for a type that we don't speak.
    pub(crate) content_type: Option<ContentType>,
    /// Where in the record the content is.
    pub(crate) content: Range<usize>,
    pub(crate) number: RecordNumber,
}

/// The peer's side of an epoch.
struct Opener {
    keys: Keys13,
    epoch: u16,
    window: ReplayWindow,
    forgeries: u64,
}

impl Opener {
    fn new(epoch: u16, keys: Keys13) -> Self {
        Self {
            keys,
            epoch,
            window: ReplayWindow::default(),
            forgeries: 0,
        }
    }

    fn open(&mut self, header: &UnifiedHeader, record: &mut [u8], limit: usize) -> Result<Opened, OpenError> {
        let (head, ciphertext) = record
            .split_at_mut_checked(header.header_len)
            .ok_or(OpenError::Malformed)?;
        let number_at = 1 + usize::from(header.connection_id_len);
        let number = head
            .get_mut(number_at..number_at + header.sequence_len)
            .ok_or(OpenError::Malformed)?;
        self.keys.mask(number, ciphertext).ok_or(OpenError::Malformed)?;
        let low = number.iter().fold(0u16, |low, byte| low << 8 | u16::from(*byte));
        let bits = if header.sequence_len == 1 { 8 } else { 16 };
        let sequence = nearest(self.window.next_expected(), low, bits);
        if !self.window.is_new(sequence) {
            return Err(OpenError::Replayed);
        }

        let (inner, tag) = ciphertext
            .split_last_chunk_mut::<TAG_LEN>()
            .ok_or(OpenError::Malformed)?;
        if self
            .keys
            .key
            .open(&self.keys.nonce(sequence), head, inner, tag)
            .is_err()
        {
            self.forgeries += 1;
            return Err(match self.forgeries >= FORGERY_LIMIT {
                true => OpenError::TooManyForgeries,
                false => OpenError::Forged,
            });
        }
        self.window.mark(sequence);

        // RFC 8446 §5.4, RFC 8449 §4: type and padding count.
        if inner.len() > limit {
            return Err(OpenError::TooLong);
        }
        // RFC 8446 §5.4: zeros may follow the type.
        let end = inner.iter().rposition(|byte| *byte != 0).ok_or(OpenError::Malformed)?;
        let content_type = inner.get(end).copied().and_then(ContentType::from_code);
        Ok(Opened {
            content_type,
            content: header.header_len..header.header_len + end,
            number: RecordNumber {
                epoch: self.epoch.into(),
                sequence,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;
    use quickcheck::quickcheck;

    const ALGORITHMS: [AeadAlgorithm; 3] = [
        AeadAlgorithm::Aes128Gcm,
        AeadAlgorithm::Aes256Gcm,
        AeadAlgorithm::ChaCha20Poly1305,
    ];

    fn keys(algorithm: AeadAlgorithm) -> Keys13 {
        let provider = pollrtc_crypto::rust_crypto::PROVIDER;
        let key = vec![1; algorithm.key_len()];
        Keys13::new(provider, algorithm, &key, [2; 12], &key).unwrap()
    }

    fn pair(algorithm: AeadAlgorithm, epoch: u16, next_sequence: u64) -> (Sealer, Opener) {
        let sealer = Sealer {
            keys: keys(algorithm),
            epoch,
            next_sequence,
        };
        (sealer, Opener::new(epoch, keys(algorithm)))
    }

    fn seal(sealer: &mut Sealer, content: &[u8]) -> Vec<u8> {
        let mut record = vec![0; FULL_HEADER_LEN];
        record.extend_from_slice(content);
        record.extend([0; MAX_SUFFIX_LEN]);
        let length = sealer
            .seal(&[], ContentType::ApplicationData, &mut record, content.len())
            .unwrap();
        assert_eq!(length, record.len());
        record
    }

    fn open(opener: &mut Opener, mut record: Vec<u8>) -> Result<(Vec<u8>, u64), OpenError> {
        let header = UnifiedHeader::parse(&record).unwrap();
        let opened = opener.open(&header, &mut record, (1 << 14) + 1)?;
        Ok((record[opened.content].to_vec(), opened.number.sequence))
    }

    #[test]
    fn any_order_is_read_with_every_cipher_and_nothing_twice() {
        for algorithm in ALGORITHMS {
            let (mut sealer, mut opener) = pair(algorithm, 7, 65_500);
            opener.window.mark(65_499);
            let mut records: Vec<_> = (0..100u8).map(|n| seal(&mut sealer, &[n; 9])).collect();
            records.reverse();
            for (n, record) in records.into_iter().enumerate() {
                let expected = (vec![99 - n as u8; 9], 65_599 - n as u64);
                assert_eq!(open(&mut opener, record.clone()), Ok(expected));
                assert_eq!(open(&mut opener, record), Err(OpenError::Replayed));
            }
        }
    }

    #[test]
    fn numbers_on_the_wire_tell_nothing() {
        let (mut sealer, _) = pair(AeadAlgorithm::Aes128Gcm, 3, 0);
        let shown: Vec<_> = (0..64)
            .map(|_| seal(&mut sealer, b"same"))
            .map(|record| u16::from_be_bytes([record[1], record[2]]))
            .collect();
        assert!(shown.iter().filter(|shown| **shown < 64).count() < 4);
    }

    #[test]
    fn short_headers_are_read_too() {
        // What our own sealer does not write: eight bits of number, no length.
        let keys = keys(AeadAlgorithm::Aes128Gcm);
        for (flags, length) in [(0x23, None), (0x27, Some(28u16))] {
            let mut head = vec![flags, 5];
            head.extend(length.iter().flat_map(|length| length.to_be_bytes()));
            let mut inner = b"hello\x17\0\0\0\0\0\0".to_vec();
            let tag = keys.key.seal(&keys.nonce(5), &head, &mut inner).unwrap();
            inner.extend(tag);
            let (_, number) = head.split_at_mut(1);
            keys.mask(&mut number[..1], &inner).unwrap();
            let (_, mut opener) = pair(AeadAlgorithm::Aes128Gcm, 3, 0);
            assert_eq!(open(&mut opener, [head, inner].concat()), Ok((b"hello".to_vec(), 5)));
        }
    }

    #[test]
    fn a_key_ends_before_its_limit_and_the_next_is_asked_for_in_time() {
        let protection = |next_sequence| Protection {
            application: Some(pair(AeadAlgorithm::Aes128Gcm, 3, next_sequence).0),
            ..Protection::default()
        };
        assert!(!protection(KEY_UPDATE_DUE - 1).wants_key_update());
        assert!(protection(KEY_UPDATE_DUE).wants_key_update());
        assert!(!protection(RECORDS_PER_KEY - RESERVED_FOR_ALERTS - 1).is_exhausted());
        assert!(protection(RECORDS_PER_KEY - RESERVED_FOR_ALERTS).is_exhausted());
        let mut last = protection(RECORDS_PER_KEY);
        let mut record = [0; 64];
        let result = last.seal(3, &[], ContentType::Alert, &mut record, 2);
        assert_eq!(result, Err(WriteError::SequenceExhausted));
    }

    #[test]
    fn a_key_survives_only_so_many_forgeries() {
        let (mut sealer, mut opener) = pair(AeadAlgorithm::Aes128Gcm, 3, 0);
        opener.forgeries = FORGERY_LIMIT - 2;
        let mut record = seal(&mut sealer, b"x");
        *record.last_mut().unwrap() ^= 1;
        assert_eq!(open(&mut opener, record.clone()), Err(OpenError::Forged));
        assert_eq!(open(&mut opener, record), Err(OpenError::TooManyForgeries));
    }

    #[test]
    fn the_epoch_before_stays_readable_and_the_one_before_that_does_not() {
        let keys = |epoch: u16| {
            let provider = pollrtc_crypto::rust_crypto::PROVIDER;
            Keys13::new(
                provider,
                AeadAlgorithm::Aes128Gcm,
                &[epoch as u8; 16],
                [2; 12],
                &[3; 16],
            )
            .unwrap()
        };
        let mut protection = Protection::default();
        for epoch in 2..8 {
            protection.install_opener(epoch, keys(epoch));
        }
        let opens = (2..8).map(|epoch| {
            let mut sealer = Sealer {
                keys: keys(epoch),
                epoch,
                next_sequence: 0,
            };
            let mut record = seal(&mut sealer, b"x");
            let header = UnifiedHeader::parse(&record).unwrap();
            protection.open(&header, &mut record, (1 << 14) + 1).is_ok()
        });
        assert_eq!(opens.collect::<Vec<_>>(), [false, false, false, false, true, true]);
    }

    quickcheck! {
        /// For every record and every flipped bit: it is dropped, and the true one is still read.
        fn any_flipped_bit_is_noticed(content: Vec<u8>, bit: usize) -> bool {
            let (mut sealer, mut opener) = pair(AeadAlgorithm::ChaCha20Poly1305, 3, 0);
            let record = seal(&mut sealer, &content);
            let mut spoilt = record.clone();
            let bit = bit % ((record.len() - FULL_HEADER_LEN) * 8) + FULL_HEADER_LEN * 8;
            spoilt[bit / 8] ^= 1 << (bit % 8);
            open(&mut opener, spoilt).is_err() && open(&mut opener, record) == Ok((content, 0))
        }
    }
}
