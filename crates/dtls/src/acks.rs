//! What we acknowledge, and when (RFC 9147 §7.1).

use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_core::Instant;

use crate::records::RecordLayer;
use crate::wire::ack::{Ack, RECORD_NUMBER_LEN, RecordNumber};
use crate::wire::{ContentType, Writer};

/// The newest records only: an acknowledgement always fits into a datagram, and the peer sends again
/// what is not named.
const MAX_NUMBERS: usize = 32;

/// The records of the peer's current flight that have come.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    numbers: Vec<RecordNumber>,
    due: Option<Instant>,
}

impl Acks {
    /// A record whose handshake messages were handled or are kept, now or earlier.
    pub(crate) fn note(&mut self, number: RecordNumber) {
        if self.numbers.contains(&number) {
            return;
        }
        if self.numbers.len() >= MAX_NUMBERS {
            self.numbers.remove(0);
        }
        self.numbers.push(number);
    }

    /// Tells the peer now.
    pub(crate) fn hurry(&mut self, now: Instant) {
        self.due = Some(now);
    }

    /// Tells the peer after a while, if nothing else is said until then.
    pub(crate) fn schedule(&mut self, now: Instant, delay: Duration) {
        self.due.get_or_insert(now + delay);
    }

    /// What we say ourselves tells the peer that its flight has come.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// When there is something to tell.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due.filter(|_| !self.numbers.is_empty())
    }

    /// Writes an acknowledgement if it is time and fits. RFC 9147 §7: under the newest keys that we
    /// have.
    pub(crate) fn poll(&mut self, now: Instant, records: &mut RecordLayer, datagram: &mut [u8]) -> Option<usize> {
        if self.deadline().is_none_or(|due| now < due) {
            return None;
        }
        let epoch = records.write_epoch();
        let (prefix, suffix) = (records.prefix_len(epoch), records.suffix_len(epoch));
        let room = datagram.len().checked_sub(prefix + suffix + 2)? / RECORD_NUMBER_LEN;
        if room == 0 {
            return None;
        }
        let first = self.numbers.len().saturating_sub(room);
        let mut newest = self.numbers.get(first..)?.to_vec();
        newest.sort_unstable();
        let mut writer = Writer::new();
        Ack::write(&mut writer, newest);
        let content = writer.into_bytes();
        datagram
            .get_mut(prefix..prefix + content.len())?
            .copy_from_slice(&content);
        self.due = None;
        records.write(epoch, ContentType::Ack, datagram, content.len()).ok()
    }
}
