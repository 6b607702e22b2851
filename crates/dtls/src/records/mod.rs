//! The record layer: epochs, sequence numbers, keys.
//!
//! Epoch 0 is plain and the same in both versions; what protects the others is not.

mod error;
mod limits;
mod plain;
mod v12;
mod v13;

use alloc::boxed::Box;
use alloc::vec::Vec;

pub(crate) use error::{OpenError, WriteError};
pub(crate) use limits::{
    APPLICATION_EPOCH, ENCRYPTED_EPOCH, HANDSHAKE_EPOCH, MAX_ID_LEN, MAX_PREFIX_LEN, MAX_SUFFIX_LEN,
};
pub(crate) use v12::{Keys12, OpenedWithId, Opener, iv_len};
pub(crate) use v13::{Keys13, Opened};

use crate::connection_ids::ConnectionIds;
use crate::wire::ack::RecordNumber;
use crate::wire::record::{CidHeader, HEADER_LEN, MAX_PLAINTEXT_LEN};
use crate::wire::unified::{FULL_HEADER_LEN, UnifiedHeader};
use crate::wire::{ContentType, Version};

/// Both directions and all epochs.
#[derive(Default)]
pub(crate) struct RecordLayer {
    plain: plain::PlainWriter,
    /// What epoch 0 claims; a first ClientHello goes out as DTLS 1.0, like every browser's.
    plain_version: Option<Version>,
    v12: v12::Protection,
    v13: v13::Protection,
    limits: SizeLimits,
    /// `None` where they are not spoken, which is what costs nothing.
    pub(crate) ids: Option<Box<ConnectionIds>>,
}

/// The longest plaintexts of encrypted records (RFC 8449 §4); in DTLS 1.3 the content type counts.
#[derive(Clone, Copy, Debug)]
struct SizeLimits {
    write: usize,
    read: usize,
}

impl Default for SizeLimits {
    fn default() -> Self {
        Self {
            write: MAX_PLAINTEXT_LEN + 1,
            read: MAX_PLAINTEXT_LEN + 1,
        }
    }
}

impl RecordLayer {
    /// One that may have connection ids.
    pub(crate) fn with_ids(ids: Option<Box<ConnectionIds>>) -> Self {
        Self { ids, ..Self::default() }
    }

    /// Fixes the version that plain records claim.
    pub(crate) fn set_plain_version(&mut self, version: Version) {
        self.plain_version = Some(version);
    }

    /// Fixes how long the plaintexts of encrypted records may be.
    pub(crate) fn set_size_limits(&mut self, write: usize, read: usize) {
        self.limits = SizeLimits { write, read };
    }

    /// The most bytes that a record of ours may carry.
    pub(crate) fn max_content(&self, epoch: u16) -> usize {
        match epoch {
            0 => MAX_PLAINTEXT_LEN,
            ENCRYPTED_EPOCH if self.peer_id().is_empty() => self.limits.write.min(MAX_PLAINTEXT_LEN),
            // RFC 9146 §5: with the true type, no more than a plaintext may have.
            ENCRYPTED_EPOCH => self.limits.write.min(MAX_PLAINTEXT_LEN).saturating_sub(1),
            _ => self.limits.write.saturating_sub(1).min(MAX_PLAINTEXT_LEN),
        }
    }

    /// DTLS 1.2: the most bytes that a record of the peer may carry.
    pub(crate) fn max_received(&self) -> usize {
        self.limits.read.min(MAX_PLAINTEXT_LEN)
    }

    /// Forgets all keys, for a handshake that begins anew.
    pub(crate) fn forget_keys(&mut self) {
        self.v12 = v12::Protection::default();
        self.v13 = v13::Protection::default();
        if let Some(ids) = &mut self.ids {
            ids.restart();
        }
    }

    /// The first connection id that we want to be sent, empty if we want none; `None` where ids are not
    /// spoken.
    pub(crate) fn own_id(&self) -> Option<&[u8]> {
        self.ids.as_ref().map(|ids| ids.offer())
    }

    /// The length of ours.
    pub(crate) fn own_id_len(&self) -> u8 {
        self.ids.as_ref().map_or(0, |ids| ids.len())
    }

    /// The connection id in our encrypted records; empty for none.
    pub(crate) fn peer_id(&self) -> &[u8] {
        self.ids.as_ref().map_or(&[], |ids| ids.theirs())
    }

    /// The peer's hello: the connection id that it wants, if it speaks of ids at all.
    pub(crate) fn agree_ids(&mut self, theirs: Option<&[u8]>) {
        if let Some(ids) = &mut self.ids {
            ids.agree(theirs);
        }
    }

    /// A record of the peer, with this connection id, proved genuine.
    fn note(ids: &mut Option<Box<ConnectionIds>>, number: RecordNumber, id: &[u8]) {
        if let Some(ids) = ids {
            ids.note(number, id);
        }
    }

    /// DTLS 1.2: our next epoch may be used from here on.
    pub(crate) fn install_sealer(&mut self, keys: Keys12) {
        self.v12.install_sealer(keys);
    }

    /// DTLS 1.2: the peer's next epoch may be read once it has announced it.
    pub(crate) fn install_opener(&mut self, keys: Keys12) {
        self.v12.install_opener(keys);
    }

    /// DTLS 1.2: the peer's ChangeCipherSpec, which announces its next epoch and no more. Keys come from the handshake
    /// alone, so one that comes too early does no harm (CVE-2014-0224). `false` if it says nothing
    /// new.
    pub(crate) fn handle_change_cipher_spec(&mut self) -> bool {
        self.v12.handle_change_cipher_spec()
    }

    /// DTLS 1.2: the keys for the peer's records, once its encrypted epoch has begun.
    pub(crate) fn opener(&mut self) -> Option<&mut Opener> {
        self.v12.opener()
    }

    /// DTLS 1.2: decrypts a record with a connection id in place.
    pub(crate) fn open_with_id(&mut self, header: &CidHeader, record: &mut [u8]) -> Result<OpenedWithId, OpenError> {
        let opener = self.v12.opener().ok_or(OpenError::Malformed)?;
        let opened = opener.open_with_id(header, record)?;
        let number = RecordNumber {
            epoch: header.epoch.into(),
            sequence: header.sequence,
        };
        Self::note(&mut self.ids, number, v12::id_of(header, record));
        Ok(opened)
    }

    /// DTLS 1.3: this epoch of ours may be used from here on.
    pub(crate) fn install_sealer13(&mut self, epoch: u16, keys: Keys13) {
        self.v13.install_sealer(epoch, keys);
    }

    /// DTLS 1.3: this epoch of the peer may be read from here on, and those before it as long as
    /// its two bits tell it from them.
    pub(crate) fn install_opener13(&mut self, epoch: u16, keys: Keys13) {
        self.v13.install_opener(epoch, keys);
    }

    /// DTLS 1.3: epochs of the peer before this one can't be read any more.
    pub(crate) fn forget_openers13_before(&mut self, epoch: u16) {
        self.v13.forget_openers_before(epoch);
    }

    /// DTLS 1.3: nothing of ours is left to send under the handshake's keys.
    pub(crate) fn end_handshake_writing(&mut self) {
        self.v13.end_handshake_writing();
    }

    /// DTLS 1.3: whether records with this header can be read.
    pub(crate) fn can_open13(&self, header: &UnifiedHeader) -> bool {
        self.v13.can_open(header)
    }

    /// DTLS 1.3: decrypts in place.
    pub(crate) fn open13(&mut self, header: &UnifiedHeader, record: &mut [u8]) -> Result<Opened, OpenError> {
        let opened = self.v13.open(header, record, self.limits.read)?;
        if self.ids.is_some() {
            let id = record
                .get(1..=usize::from(header.connection_id_len))
                .unwrap_or_default();
            Self::note(&mut self.ids, opened.number, id);
        }
        Ok(opened)
    }

    /// DTLS 1.3: whether so many records are written with one key that the next is due.
    pub(crate) fn wants_key_update(&self) -> bool {
        self.v13.wants_key_update()
    }

    /// The epoch of what we write outside of flights: the newest that we have keys for.
    pub(crate) fn write_epoch(&self) -> u16 {
        match (self.v13.write_epoch(), self.v12.sealer()) {
            (Some(epoch), _) => epoch,
            (None, Some(_)) => ENCRYPTED_EPOCH,
            (None, None) => 0,
        }
    }

    /// Whether application data may no longer be written.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.v12.sealer().is_some_and(v12::Sealer::is_exhausted) || self.v13.is_exhausted()
    }

    /// Bytes of a record before its content.
    pub(crate) fn prefix_len(&self, epoch: u16) -> usize {
        match (epoch, self.v12.sealer()) {
            (0, _) => HEADER_LEN,
            (ENCRYPTED_EPOCH, Some(sealer)) => sealer.prefix_len() + self.peer_id().len(),
            (ENCRYPTED_EPOCH, None) => self.max_prefix_len(),
            _ => FULL_HEADER_LEN + self.peer_id().len(),
        }
    }

    /// The longest that it can be, as long as it is not known.
    pub(crate) fn max_prefix_len(&self) -> usize {
        match self.ids {
            Some(_) => MAX_PREFIX_LEN + MAX_ID_LEN,
            None => MAX_PREFIX_LEN,
        }
    }

    /// Bytes of a record after its content.
    pub(crate) fn suffix_len(&self, epoch: u16) -> usize {
        match epoch {
            0 => 0,
            ENCRYPTED_EPOCH if self.peer_id().is_empty() => limits::TAG_LEN,
            _ => MAX_SUFFIX_LEN,
        }
    }

    /// The number of the next record of an epoch.
    pub(crate) fn next_number(&self, epoch: u16) -> RecordNumber {
        let sequence = match epoch {
            0 => self.plain.next_sequence,
            ENCRYPTED_EPOCH => self.v12.sealer().map_or(0, v12::Sealer::next_sequence),
            _ => self.v13.next_sequence(epoch),
        };
        RecordNumber {
            epoch: epoch.into(),
            sequence,
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
        match (epoch, self.v12.sealer_mut()) {
            (0, _) => {
                let version = self.plain_version.unwrap_or(Version::DTLS_1_0);
                self.plain.finish(content_type, version, record, content_len)
            }
            (ENCRYPTED_EPOCH, Some(sealer)) => {
                let id = self.ids.as_ref().map_or(&[][..], |ids| ids.theirs());
                match id.is_empty() {
                    true => sealer.seal(content_type, record, content_len),
                    false => sealer.seal_with_id(id, content_type, record, content_len),
                }
            }
            _ => {
                let id = self.ids.as_ref().map_or(&[][..], |ids| ids.theirs());
                self.v13.seal(epoch, id, content_type, record, content_len)
            }
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

#[cfg(test)]
mod tests {
    use super::limits::RESERVED_FOR_ALERTS;
    use super::*;
    use crate::wire::record::SEQUENCE_LIMIT;

    fn layer(next_sequence: u64) -> RecordLayer {
        RecordLayer {
            v12: v12::Protection::with_next_sequence(next_sequence),
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
    fn plain_numbers_end_too() {
        let mut records = RecordLayer::default();
        records.plain.next_sequence = SEQUENCE_LIMIT - 1;
        let mut write = || records.write_alone(0, ContentType::Alert, b"x").map(|_| ());
        assert_eq!(write(), Ok(()));
        assert_eq!(write(), Err(WriteError::SequenceExhausted));
    }
}
