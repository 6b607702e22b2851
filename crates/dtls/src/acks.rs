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
    /// Whether something came that can't be read yet, which is worth telling even if nothing else came.
    has_unreadable: bool,
    pace: Pace,
}

/// When to tell the peer.
#[derive(Clone, Copy, Debug, Default)]
enum Pace {
    /// There is nothing new.
    #[default]
    Never,
    /// At once: it waits only to be polled.
    Now,
    /// A while after something came.
    Soon(Instant),
    /// A little while after something came that follows what has not.
    Sooner(Instant),
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
    pub(crate) fn send_now(&mut self) {
        self.pace = Pace::Now;
    }

    /// Tells the peer after a while, if nothing else is said until then: the rest of its flight may
    /// be on its way.
    pub(crate) fn schedule(&mut self, now: Instant) {
        if matches!(self.pace, Pace::Never) {
            self.pace = Pace::Soon(now);
        }
    }

    /// Tells the peer after a little while that something is missing: packets that overtake each other
    /// do so by milliseconds.
    pub(crate) fn schedule_gap(&mut self, now: Instant) {
        if matches!(self.pace, Pace::Never | Pace::Soon(_)) {
            self.pace = Pace::Sooner(now);
        }
    }

    /// A record whose keys are still to come: if they don't come soon, the peer is told that what has them is
    /// missing (RFC 9147 §7.1).
    pub(crate) fn note_unreadable(&mut self, now: Instant) {
        self.has_unreadable = true;
        self.schedule_gap(now);
    }

    /// The keys have come.
    pub(crate) fn forget_unreadable(&mut self) {
        self.has_unreadable = false;
    }

    fn has_news(&self) -> bool {
        self.has_unreadable || !self.numbers.is_empty()
    }

    /// What we say ourselves tells the peer that its flight has come.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Tells the peer if it is time.
    pub(crate) fn handle_timeout(&mut self, now: Instant, delay: Duration) {
        if self.deadline(delay).is_some_and(|due| due <= now) {
            self.pace = Pace::Now;
        }
    }

    /// When there is something to tell, if a while is `delay`.
    pub(crate) fn deadline(&self, delay: Duration) -> Option<Instant> {
        match self.pace {
            _ if !self.has_news() => None,
            Pace::Never | Pace::Now => None,
            Pace::Soon(since) => Some(since + delay),
            Pace::Sooner(since) => Some(since + delay / 4),
        }
    }

    /// Writes an acknowledgement if it is time and fits. RFC 9147 §7: under the newest keys that we
    /// have.
    pub(crate) fn write(
        &mut self,
        now: Instant,
        delay: Duration,
        records: &mut RecordLayer,
        datagram: &mut [u8],
    ) -> Option<usize> {
        self.handle_timeout(now, delay);
        if !matches!(self.pace, Pace::Now) || !self.has_news() {
            return None;
        }
        let epoch = records.write_epoch();
        let (prefix, suffix) = (records.prefix_len(epoch), records.suffix_len(epoch));
        let most = datagram
            .len()
            .checked_sub(prefix + suffix)?
            .min(records.max_content(epoch));
        let room = most.saturating_sub(2) / RECORD_NUMBER_LEN;
        if room == 0 && !self.numbers.is_empty() {
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
        self.pace = Pace::Never;
        self.has_unreadable = false;
        records.write(epoch, ContentType::Ack, datagram, content.len()).ok()
    }
}
