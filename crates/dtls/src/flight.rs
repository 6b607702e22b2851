//! Flights: what one side sends until the other answers, cut into datagrams and sent again when the
//! answer does not come (RFC 6347 §4.2.4).

use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_core::Instant;

use crate::records::RecordLayer;
use crate::wire::handshake::{Fragment, HEADER_LEN};
use crate::wire::record::MAX_PLAINTEXT_LEN;
use crate::wire::{ContentType, HandshakeType};

/// The shortest time to wait for an answer, when the round-trip time is known: signatures and
/// schedulers take time too.
const RTO_MIN: Duration = Duration::from_millis(50);
/// The longest first wait that a measured round-trip time may ask for.
const INITIAL_RTO_MAX: Duration = Duration::from_secs(3);

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
    /// Without an answer we send again.
    Expected,
    /// It is the last flight: we send again only if the peer does.
    None,
}

/// The newest flight and its timer.
#[derive(Debug)]
pub(crate) struct Flight {
    items: Vec<Item>,
    answer: Answer,
    progress: Progress,
    initial_rto: Duration,
    max_rto: Duration,
    rto: Duration,
    /// Whether this flight went out more than once.
    resent: bool,
    last_sent: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// The next byte to send is at `offset` of the body of item number `item`.
    Sending { item: usize, offset: usize },
    /// All is sent; at `deadline` it is sent again.
    Waiting { deadline: Instant },
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
            initial_rto,
            max_rto: max_rto.max(initial_rto),
            rto: initial_rto,
            resent: false,
            last_sent: Instant::ZERO,
        }
    }

    /// A new flight takes the place of the old one, which the peer has answered.
    pub(crate) fn start(&mut self, items: Vec<Item>, answer: Answer) {
        // RFC 6347 §4.2.4.1: a backed-off timer stays until a flight got through without loss.
        if !self.resent {
            self.rto = self.initial_rto;
        }
        self.items = items;
        self.answer = answer;
        self.resent = false;
        self.progress = Progress::Sending { item: 0, offset: 0 };
    }

    /// The peer has answered and nothing of ours is left to say.
    pub(crate) fn finish(&mut self) {
        self.items.clear();
        self.progress = Progress::Resting;
    }

    /// RFC 9147 §5.8.2: one and a half round trips, where the round-trip time is known.
    pub(crate) fn set_round_trip_time(&mut self, round_trip_time: Duration) {
        let wait = round_trip_time.saturating_mul(3) / 2;
        let fresh = self.rto == self.initial_rto;
        self.initial_rto = wait.clamp(RTO_MIN, INITIAL_RTO_MAX);
        self.max_rto = self.max_rto.max(self.initial_rto);
        if fresh {
            self.rto = self.initial_rto;
        }
    }

    /// When to send again if no answer comes.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.progress {
            Progress::Waiting { deadline } => Some(deadline),
            _ => None,
        }
    }

    /// Sends again if it is time; tells whether it is.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return false;
        }
        self.rto = self.rto.saturating_mul(2).min(self.max_rto);
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
        if self.items.is_empty() || matches!(self.progress, Progress::Sending { .. }) {
            return false;
        }
        self.restart();
        true
    }

    fn restart(&mut self) {
        self.resent = true;
        self.progress = Progress::Sending { item: 0, offset: 0 };
    }

    /// Fills one datagram; `None` if there is nothing to send or not enough room.
    pub(crate) fn pack(&mut self, now: Instant, records: &mut RecordLayer, datagram: &mut [u8]) -> Option<usize> {
        let mut written = 0;
        while let Progress::Sending { item, offset } = self.progress {
            let Some(next) = self.items.get(item) else {
                self.last_sent = now;
                self.progress = match self.answer {
                    Answer::Expected => Progress::Waiting {
                        deadline: now + self.rto,
                    },
                    Answer::None => Progress::Resting,
                };
                break;
            };
            let room = datagram.get_mut(written..).unwrap_or_default();
            let Some((length, sent)) = next.write_record(offset, records, room) else {
                break;
            };
            written += length;
            self.progress = match sent {
                Sent::Whole => Progress::Sending {
                    item: item + 1,
                    offset: 0,
                },
                Sent::UpTo(offset) => Progress::Sending { item, offset },
            };
        }
        (written > 0).then_some(written)
    }
}

/// How much of an item is sent.
enum Sent {
    Whole,
    UpTo(usize),
}

impl Item {
    /// Writes one record with as much of this item as there is room for.
    fn write_record(&self, offset: usize, records: &mut RecordLayer, room: &mut [u8]) -> Option<(usize, Sent)> {
        match self {
            Self::ChangeCipherSpec => {
                let prefix = records.prefix_len(0);
                *room.get_mut(prefix)? = 1;
                let length = records.write(0, ContentType::ChangeCipherSpec, room, 1).ok()?;
                Some((length, Sent::Whole))
            }
            Self::Handshake { epoch, message } => {
                let (header, body) = message.split_first_chunk::<HEADER_LEN>()?;
                let rest = body.get(offset..)?;
                let prefix = records.prefix_len(*epoch);
                let overhead = prefix + HEADER_LEN + records.suffix_len(*epoch);
                let fits = room.len().checked_sub(overhead)?.min(MAX_PLAINTEXT_LEN - HEADER_LEN);
                let part = rest.get(..rest.len().min(fits))?;
                if part.is_empty() && !rest.is_empty() {
                    return None;
                }
                let content = room.get_mut(prefix..prefix + HEADER_LEN + part.len())?;
                let (head, content) = content.split_first_chunk_mut::<HEADER_LEN>()?;
                *head = fragment_header(header, offset, part);
                content.copy_from_slice(part);
                let content_len = HEADER_LEN + part.len();
                let length = records.write(*epoch, ContentType::Handshake, room, content_len).ok()?;
                let sent = match offset + part.len() == body.len() {
                    true => Sent::Whole,
                    false => Sent::UpTo(offset + part.len()),
                };
                Some((length, sent))
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
