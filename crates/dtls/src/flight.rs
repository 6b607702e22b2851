//! Flights: what one side sends until the other answers, cut into datagrams and sent again when the
//! answer does not come (RFC 6347 §4.2.4, RFC 9147 §5.8). Where the peer acknowledges records, only
//! what it lacks is sent again.

mod sent;

use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_core::Instant;

use crate::records::{APPLICATION_EPOCH, HANDSHAKE_EPOCH, RecordLayer};
use crate::wire::ack::RecordNumber;
use crate::wire::handshake::{Fragment, HEADER_LEN};
use crate::wire::{ContentType, HandshakeType};
use sent::{Received, SentRecords};

/// The smallest datagram that a fragment of a handshake message is cut for.
pub(crate) const MIN_MTU: usize = 64;

/// The shortest time to wait for an answer, when the round-trip time is known: signatures and
/// schedulers take time too.
const RTO_MIN: Duration = Duration::from_millis(50);
/// The longest wait when the round-trip time is known, also of a flight that was sent again and again: who
/// measures it sees that the path is there, so a longer silence saves the network nothing. RFC 9147 §5.8.2
/// would go on to 60 s; libwebrtc stops here as well.
const RTO_MAX: Duration = Duration::from_secs(3);

/// One message of a flight.
#[derive(Debug)]
pub(crate) enum Item {
    /// A whole handshake message, header and body, for records of an epoch.
    Handshake { epoch: u16, message: Vec<u8> },
    /// The announcement that the next message has a new epoch.
    ChangeCipherSpec,
}

/// What the peer does after a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Its own next flight. Without it we send again.
    Expected,
    /// It says that all has come, and nothing else. Without that we send again.
    Acknowledgement,
    /// Nothing: it is the last flight, and we send again only if the peer does.
    None,
}

/// What an acknowledgement says about a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acknowledged {
    /// Nothing.
    Nothing,
    /// Something is still missing.
    Partly,
    /// All has come.
    Completely,
}

/// The newest flight and its timer.
#[derive(Debug)]
pub(crate) struct Flight {
    items: Vec<Part>,
    answer: Answer,
    progress: Progress,
    sent: SentRecords,
    initial_rto: Duration,
    max_rto: Duration,
    rto: Duration,
    /// How often this flight was sent again because no answer came.
    timeouts: u32,
    last_sent: Instant,
    /// When to send again what the peer told us that it lacks.
    repair: Option<Instant>,
    /// Whether the caller has had this flight sent again since the timer was set.
    is_repeated_on_demand: bool,
}

#[derive(Debug)]
struct Part {
    item: Item,
    received: Received,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// The next byte to send is the first that the peer lacks, from `offset` of the body of item
    /// number `item` on.
    Sending { item: usize, offset: usize },
    /// All is sent; if nothing comes, it is sent again.
    Waiting,
    /// All is sent, or there is nothing.
    Resting,
}

impl Flight {
    pub(crate) fn new(initial_rto: Duration, max_rto: Duration) -> Self {
        let initial_rto = initial_rto.max(Duration::from_millis(1));
        Self {
            items: Vec::new(),
            answer: Answer::None,
            progress: Progress::Resting,
            sent: SentRecords::default(),
            initial_rto,
            max_rto: max_rto.max(initial_rto),
            rto: initial_rto,
            timeouts: 0,
            last_sent: Instant::ZERO,
            repair: None,
            is_repeated_on_demand: false,
        }
    }

    /// A new flight takes the place of the old one, which the peer has answered.
    pub(crate) fn start(&mut self, items: Vec<Item>, answer: Answer) {
        // RFC 6347 §4.2.4.1 and RFC 9147 §5.8.2 advise to keep a backed-off timer until a flight got
        // through without loss. There are three flights at most, so that saves the network nothing
        // worth the seconds that it costs; browsers begin anew as well.
        self.timeouts = 0;
        self.rto = self.initial_rto;
        self.is_repeated_on_demand = false;
        self.items = items
            .into_iter()
            .map(|item| Part {
                item,
                received: Received::default(),
            })
            .collect();
        self.answer = answer;
        self.sent.clear();
        self.restart();
    }

    /// The peer has answered and nothing of ours is left to say.
    pub(crate) fn finish(&mut self) {
        self.items = Vec::new();
        self.sent.clear();
        self.progress = Progress::Resting;
    }

    /// The peer seems to answer: sends it again only if the peer asks for it, not by itself.
    pub(crate) fn rest(&mut self) {
        if self.progress == Progress::Waiting {
            self.progress = Progress::Resting;
        }
    }

    /// How long to wait for an answer now.
    pub(crate) fn rto(&self) -> Duration {
        self.rto
    }

    /// How long to wait for an answer at first.
    pub(crate) fn initial_rto(&self) -> Duration {
        self.initial_rto
    }

    /// Whether there is a flight that the peer has not answered.
    pub(crate) fn is_pending(&self) -> bool {
        !self.items.is_empty()
    }

    /// Whether the peer has still to say that this flight has come.
    pub(crate) fn awaits_acknowledgement(&self) -> bool {
        self.answer == Answer::Acknowledgement && !self.items.is_empty()
    }

    /// RFC 9147 §5.8.2: one and a half round trips, where the round-trip time is known. A timer that
    /// runs is set as if that had been known before.
    pub(crate) fn set_round_trip_time(&mut self, round_trip_time: Duration) {
        let wait = round_trip_time.saturating_mul(3) / 2;
        self.initial_rto = wait.clamp(RTO_MIN, RTO_MAX);
        self.max_rto = self.max_rto.min(RTO_MAX).max(self.initial_rto);
        self.back_off();
    }

    /// Twice as long for each time that no answer came.
    fn back_off(&mut self) {
        let factor = 1u32.checked_shl(self.timeouts).unwrap_or(u32::MAX);
        self.rto = self.initial_rto.saturating_mul(factor).min(self.max_rto);
    }

    /// How long to wait for the rest of the peer's flight before telling it what has come
    /// (RFC 9147 §7.1).
    pub(crate) fn ack_delay(&self) -> Duration {
        self.rto / 4
    }

    /// When to send again if no answer comes.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let again = self.last_sent + self.rto;
        match self.progress {
            Progress::Waiting => Some(self.repair.map_or(again, |repair| repair.min(again))),
            Progress::Sending { .. } | Progress::Resting => None,
        }
    }

    /// Sends again if it is time; tells whether it is.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return false;
        }
        if now >= self.last_sent + self.rto {
            self.timeouts = self.timeouts.saturating_add(1);
            self.back_off();
            self.is_repeated_on_demand = false;
        }
        if self.is_all_received() {
            self.forget_received();
        }
        self.restart();
        true
    }

    /// The caller has reason to think that the peer did not get this flight: sends it again, if it is
    /// out and waits, but once per timeout at most. The timer begins anew and is as long as before: the
    /// network has lost nothing (RFC 9147 §5.8.2 doubles it for what is sent again because it ran out).
    pub(crate) fn repeat_on_demand(&mut self) -> bool {
        if self.progress != Progress::Waiting || self.is_repeated_on_demand {
            return false;
        }
        self.is_repeated_on_demand = true;
        if self.is_all_received() {
            self.forget_received();
        }
        self.restart();
        true
    }

    /// The peer repeats what this flight answers, so it did not get all of it. Not more often than
    /// four times per timeout, since repeats in epoch 0 may be anyone's.
    pub(crate) fn handle_unauthenticated_repeat(&mut self, now: Instant) -> bool {
        now >= self.last_sent + self.rto / 4 && self.handle_repeat()
    }

    /// The peer proves that it did not get all of this flight.
    pub(crate) fn handle_repeat(&mut self) -> bool {
        let is_sending = matches!(self.progress, Progress::Sending { .. });
        let is_whole = self.items.iter().all(|part| part.received == Received::default());
        if self.items.is_empty() || is_sending && is_whole {
            return false;
        }
        // Whatever acknowledgements say, which somebody else may have sent.
        self.forget_received();
        self.restart();
        true
    }

    fn forget_received(&mut self) {
        let parts = self.items.iter_mut();
        parts.for_each(|part| part.received = Received::default());
    }

    /// Goes on waiting for the answer, though all has come: anyone could have said so.
    pub(crate) fn keep_waiting(&mut self) {
        if self.progress == Progress::Resting && !self.items.is_empty() {
            self.progress = Progress::Waiting;
        }
    }

    /// RFC 9147 §7.1: an acknowledgement of nothing says that something came that can't be read without what
    /// is missing. Anyone may have sent it, so the flight goes no more often than four times per timeout.
    pub(crate) fn handle_empty_ack(&mut self, now: Instant) {
        if self.repair.is_none() && !self.items.is_empty() {
            self.repair = Some(now.max(self.last_sent + self.rto / 4));
        }
    }

    /// RFC 9147 §7.2: what has come is not sent again, and what has not is sent again soon. Not at
    /// once, since peers may acknowledge one record after the other. During the handshake, records of
    /// later epochs than that of the acknowledgement don't count (RFC 9147 §7).
    pub(crate) fn handle_ack(
        &mut self,
        now: Instant,
        epoch: u64,
        numbers: impl Iterator<Item = RecordNumber>,
    ) -> Acknowledged {
        let is_over = epoch >= u64::from(APPLICATION_EPOCH);
        let is_news = self.take_ack(numbers.filter(|number| is_over || number.epoch <= epoch));
        if self.items.is_empty() {
            return Acknowledged::Nothing;
        }
        if self.is_all_received() {
            self.progress = Progress::Resting;
            return Acknowledged::Completely;
        }
        if is_news && self.repair.is_none() {
            self.repair = Some(now + self.rto / 8);
        }
        Acknowledged::Partly
    }

    /// Tells whether it said anything new.
    fn take_ack(&mut self, numbers: impl Iterator<Item = RecordNumber>) -> bool {
        let mut is_news = false;
        for number in numbers.take(sent::MAX_RECORDS) {
            for (item, range) in self.sent.carried(number) {
                if let Some(part) = self.items.get_mut(item) {
                    is_news |= part.received.add(range);
                }
            }
        }
        is_news
    }

    fn is_all_received(&self) -> bool {
        self.items.iter().all(|part| part.next_missing(0).is_none())
    }

    fn restart(&mut self) {
        self.repair = None;
        self.progress = Progress::Sending { item: 0, offset: 0 };
    }

    /// Fills one datagram; `None` if there is nothing to send or not enough room.
    pub(crate) fn write(&mut self, now: Instant, records: &mut RecordLayer, datagram: &mut [u8]) -> Option<usize> {
        let mut written = 0;
        while matches!(self.progress, Progress::Sending { .. }) {
            let Some((item, offset)) = self.next_to_send() else {
                self.last_sent = now;
                self.progress = match self.answer {
                    Answer::Expected | Answer::Acknowledgement => Progress::Waiting,
                    Answer::None => Progress::Resting,
                };
                break;
            };
            let room = datagram.get_mut(written..).unwrap_or_default();
            let Some(length) = self.write_record(item, offset, records, room) else {
                break;
            };
            written += length;
        }
        (written > 0).then_some(written)
    }

    /// The item to go on with, and where in its body.
    fn next_to_send(&self) -> Option<(usize, usize)> {
        let Progress::Sending { item, offset } = self.progress else {
            return None;
        };
        let mut rest = self.items.iter().enumerate().skip(item);
        rest.find_map(|(index, part)| {
            let from = if index == item { offset } else { 0 };
            part.next_missing(from).map(|(start, _)| (index, start))
        })
    }

    /// Writes one record with as much as there is room for, and moves on.
    fn write_record(
        &mut self,
        item: usize,
        offset: usize,
        records: &mut RecordLayer,
        room: &mut [u8],
    ) -> Option<usize> {
        let epoch = match &self.items.get(item)?.item {
            Item::Handshake { epoch, .. } => *epoch,
            Item::ChangeCipherSpec => {
                let prefix = records.prefix_len(0);
                *room.get_mut(prefix)? = 1;
                let length = records.write(0, ContentType::ChangeCipherSpec, room, 1).ok()?;
                self.progress = Progress::Sending {
                    item: item + 1,
                    offset: 0,
                };
                return Some(length);
            }
        };
        let number = records.next_number(epoch);
        let (prefix, suffix) = (records.prefix_len(epoch), records.suffix_len(epoch));
        let limit = room.len().checked_sub(prefix + suffix)?.min(records.max_content(epoch));
        let content = room.get_mut(prefix..prefix + limit)?;

        let before = self.progress;
        let mut content_len = 0;
        let mut next = Some((item, offset));
        while let Some((item, offset)) = next {
            let Some((length, end)) = self.write_fragment(epoch, item, offset, content.get_mut(content_len..)?) else {
                break;
            };
            self.sent.add(number, item, offset..end);
            content_len += length;
            // One past the end of an empty body, which has no byte to send.
            let offset = end.max(offset + usize::from(end == offset));
            self.progress = Progress::Sending { item, offset };
            // Encrypted records cost bytes, so messages share them; plain ones stay alone, as most
            // stacks send them.
            next = self.next_to_send().filter(|_| epoch >= HANDSHAKE_EPOCH);
        }
        if content_len == 0 {
            self.progress = before;
            return None;
        }
        match records.write(epoch, ContentType::Handshake, room, content_len) {
            Ok(length) => Some(length),
            Err(_) => {
                // Keys that are gone: nothing can be said any more.
                self.progress = Progress::Resting;
                None
            }
        }
    }

    /// Writes what the peer lacks of a message from `offset` on, as far as there is room. Tells how
    /// many bytes were written and where in the body it ends.
    fn write_fragment(&self, epoch: u16, item: usize, offset: usize, room: &mut [u8]) -> Option<(usize, usize)> {
        let part = self.items.get(item)?;
        let Item::Handshake { epoch: own, message } = &part.item else {
            return None;
        };
        if *own != epoch {
            return None;
        }
        let (start, end) = part.next_missing(offset)?;
        let (header, body) = message.split_first_chunk::<HEADER_LEN>()?;
        let fits = room.len().checked_sub(HEADER_LEN)?.min(end - start);
        if fits == 0 && end > start {
            return None;
        }
        let bytes = body.get(start..start + fits)?;
        let (head, content) = room.split_first_chunk_mut::<HEADER_LEN>()?;
        *head = fragment_header(header, start, bytes);
        content.get_mut(..fits)?.copy_from_slice(bytes);
        Some((HEADER_LEN + fits, start + fits))
    }
}

impl Part {
    /// The first range of the body from `offset` on that the peer lacks. An empty body is one empty
    /// range.
    fn next_missing(&self, offset: usize) -> Option<(usize, usize)> {
        match &self.item {
            Item::ChangeCipherSpec => (offset == 0).then_some((0, 0)),
            Item::Handshake { message, .. } => {
                let length = message.len().saturating_sub(HEADER_LEN);
                self.received.next_missing(offset, length)
            }
        }
    }
}

/// The header of a whole message, narrowed to a part of its body.
fn fragment_header(header: &[u8; HEADER_LEN], offset: usize, part: &[u8]) -> [u8; HEADER_LEN] {
    let [kind, l0, l1, l2, s0, s1, ..] = *header;
    Fragment {
        kind: HandshakeType(kind),
        length: u32::from_be_bytes([0, l0, l1, l2]),
        message_seq: u16::from_be_bytes([s0, s1]),
        offset: u32::try_from(offset).unwrap_or(u32::MAX),
        body: part,
    }
    .header()
}
