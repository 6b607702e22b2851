//! The sending half of a connection: what is not acknowledged, when it is sent again, and how much may be under way
//! (RFC 9293 §3.8, RFC 6298, RFC 5681, RFC 6582).

use core::time::Duration;
use std::collections::VecDeque;

use pollrtc_core::Instant;

/// A stream of bytes on its way out. Sequence number 0 is the SYN, 1 the first byte, and the FIN follows the last one.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    /// The longest payload of a segment.
    segment_size: usize,
    /// The oldest sequence number that is not acknowledged.
    unacknowledged: u64,
    /// The next one to send, and the end of what was ever sent.
    next: u64,
    sent_up_to: u64,
    /// What is not acknowledged and what was not sent yet.
    buffer: VecDeque<u8>,
    /// The sequence number behind the buffer.
    written_up_to: u64,
    /// Nothing follows the buffer.
    finished: bool,
    congestion_window: u64,
    slow_start_threshold: u64,
    duplicate_acknowledgements: u32,
    /// The end of what had been sent when a loss was found; until then more of it is no news.
    recovery: Option<u64>,
    round_trip: Option<RoundTrip>,
    timeout: Duration,
    /// A sequence number, and when what ends there was sent for the first time.
    timed: Option<(u64, Instant)>,
    retransmit_at: Option<Instant>,
    /// Timeouts since something was acknowledged.
    expiries: u32,
    /// Since when nothing has been acknowledged although something is under way.
    stalled_since: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct RoundTrip {
    smoothed: Duration,
    variance: Duration,
}

/// A piece of the stream.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) sequence: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) fin: bool,
}

impl Sender {
    /// Begins with the SYN under way.
    pub(super) fn new(now: Instant, segment_size: usize) -> Self {
        let window = (INITIAL_WINDOW * segment_size) as u64;
        Self {
            segment_size,
            unacknowledged: 0,
            next: 1,
            sent_up_to: 1,
            buffer: VecDeque::new(),
            written_up_to: 1,
            finished: false,
            congestion_window: window,
            slow_start_threshold: u64::MAX,
            duplicate_acknowledgements: 0,
            recovery: None,
            round_trip: None,
            timeout: TIMEOUT_INITIAL,
            timed: Some((1, now)),
            retransmit_at: Some(now + TIMEOUT_INITIAL),
            expiries: 0,
            stalled_since: Some(now),
        }
    }

    /// How many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }

    /// Something was written at some time.
    pub(super) fn has_written(&self) -> bool {
        self.written_up_to > 1
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.buffer.extend(bytes);
        self.written_up_to += bytes.len() as u64;
    }

    /// Nothing more will be written.
    pub(super) fn finish(&mut self) {
        self.finished = true;
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// All of it, the FIN included, is with the other side.
    pub(super) fn is_done(&self) -> bool {
        self.finished && self.unacknowledged == self.end()
    }

    pub(super) fn syn_is_acknowledged(&self) -> bool {
        self.unacknowledged > 0
    }

    pub(super) fn next_sequence(&self) -> u64 {
        self.next
    }

    pub(super) fn retransmit_at(&self) -> Option<Instant> {
        self.retransmit_at
    }

    /// Nothing has been acknowledged for so long that the other side must be gone (RFC 9293 §3.8.3, R2).
    pub(super) fn has_stalled(&self, now: Instant) -> bool {
        self.stalled_since.is_some_and(|since| now - since >= GIVE_UP_AFTER)
    }

    /// The other side takes segments of this size at most, or the path does.
    pub(super) fn limit_segment_size(&mut self, bytes: usize) -> bool {
        let bytes = bytes.max(SEGMENT_SIZE_LEAST);
        let smaller = bytes < self.segment_size;
        if smaller {
            self.segment_size = bytes;
        }
        smaller
    }

    /// What was sent was too long for the path and is gone: sends it again.
    pub(super) fn go_back(&mut self) {
        self.next = self.unacknowledged.max(1);
        self.timed = None;
    }

    /// The next piece that may be sent now.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Piece> {
        let under_way = self.next - self.unacknowledged;
        if !self.syn_is_acknowledged() || self.next >= self.end() || under_way >= self.congestion_window {
            return None;
        }
        let piece = self.piece_at(self.next);
        self.next += piece.len();
        if self.next > self.sent_up_to {
            self.sent_up_to = self.next;
            self.timed.get_or_insert((self.next, now));
        }
        self.retransmit_at.get_or_insert(now + self.timeout);
        self.stalled_since.get_or_insert(now);
        Some(piece)
    }

    /// An acknowledgement came. Gives a piece to send again at once, where it shows that one was lost.
    pub(super) fn handle_acknowledgement(&mut self, now: Instant, up_to: u64, carries_data: bool) -> Option<Piece> {
        if up_to > self.sent_up_to {
            return None;
        }
        if up_to <= self.unacknowledged {
            let duplicate = up_to == self.unacknowledged && self.unacknowledged < self.sent_up_to && !carries_data;
            return self.handle_duplicate(duplicate && self.syn_is_acknowledged());
        }
        let first = self.first_byte();
        let news = up_to - self.unacknowledged;
        let bytes = up_to.saturating_sub(first).min(self.buffer.len() as u64);
        self.buffer.drain(..bytes as usize);
        self.unacknowledged = up_to;
        self.next = self.next.max(up_to);
        self.measure(now, up_to);
        self.expiries = 0;
        self.duplicate_acknowledgements = 0;
        let outstanding = up_to < self.sent_up_to;
        self.retransmit_at = outstanding.then(|| now + self.timeout);
        self.stalled_since = outstanding.then_some(now);
        match self.recovery {
            // RFC 6582 §3.2 step 3: the next hole.
            Some(end) if up_to < end => {
                let segment = self.segment_size as u64;
                self.congestion_window = self.congestion_window.saturating_sub(news).max(segment) + segment;
                return Some(self.piece_at(up_to));
            }
            Some(_) => {
                self.recovery = None;
                self.congestion_window = self.slow_start_threshold;
            }
            None => self.open_window(news),
        }
        None
    }

    /// Time is over for an acknowledgement; `true` if the SYN has to be sent again, the rest [polls](Self::poll).
    pub(super) fn handle_timeout(&mut self, now: Instant) -> bool {
        if self.retransmit_at.is_none_or(|due| due > now) {
            return false;
        }
        self.expiries += 1;
        self.timeout = (self.timeout * 2).min(TIMEOUT_MAX);
        self.retransmit_at = Some(now + self.timeout);
        self.timed = None; // Karn's algorithm (RFC 6298 §3)
        if !self.syn_is_acknowledged() {
            return true;
        }
        // RFC 5681 §3.1.
        let segment = self.segment_size as u64;
        self.slow_start_threshold = ((self.sent_up_to - self.unacknowledged) / 2).max(2 * segment);
        self.congestion_window = segment;
        self.recovery = None;
        self.duplicate_acknowledgements = 0;
        self.next = self.unacknowledged.max(1);
        if self.expiries >= BLACK_HOLE_AFTER {
            // RFC 4821 §7.7: perhaps it is too long for the path, and nobody says so.
            self.segment_size = (self.segment_size / 2).max(SEGMENT_SIZE_LEAST);
        }
        false
    }

    fn handle_duplicate(&mut self, duplicate: bool) -> Option<Piece> {
        if !duplicate {
            return None;
        }
        let segment = self.segment_size as u64;
        self.duplicate_acknowledgements += 1;
        if self.recovery.is_some() {
            self.congestion_window += segment;
            return None;
        }
        if self.duplicate_acknowledgements < DUPLICATES_MEAN_LOSS {
            return None;
        }
        self.slow_start_threshold = ((self.sent_up_to - self.unacknowledged) / 2).max(2 * segment);
        self.congestion_window = self.slow_start_threshold + u64::from(DUPLICATES_MEAN_LOSS) * segment;
        self.recovery = Some(self.sent_up_to);
        self.timed = None;
        Some(self.piece_at(self.unacknowledged))
    }

    fn open_window(&mut self, acknowledged: u64) {
        let segment = self.segment_size as u64;
        self.congestion_window += if self.congestion_window < self.slow_start_threshold {
            acknowledged.min(2 * segment)
        } else {
            (segment * segment / self.congestion_window).max(1)
        };
    }

    /// RFC 6298 §2.
    fn measure(&mut self, now: Instant, up_to: u64) {
        let Some((_, sent)) = self.timed.take_if(|(end, _)| *end <= up_to) else {
            // No sample, but news: what was doubled meanwhile is no longer called for (RFC 6298 §5.7).
            self.timeout = self.round_trip.map_or(self.timeout, RoundTrip::timeout);
            return;
        };
        let sample = now - sent;
        let round_trip = match self.round_trip {
            None => RoundTrip {
                smoothed: sample,
                variance: sample / 2,
            },
            Some(RoundTrip { smoothed, variance }) => RoundTrip {
                smoothed: smoothed * 7 / 8 + sample / 8,
                variance: variance * 3 / 4 + smoothed.abs_diff(sample) / 4,
            },
        };
        self.timeout = round_trip.timeout();
        self.round_trip = Some(round_trip);
    }

    fn piece_at(&self, sequence: u64) -> Piece {
        let skip = (sequence - self.first_byte()) as usize;
        let len = (self.buffer.len() - skip).min(self.segment_size);
        let bytes: Vec<u8> = self.buffer.range(skip..skip + len).copied().collect();
        Piece {
            fin: self.finished && skip + len == self.buffer.len(),
            sequence,
            bytes,
        }
    }

    /// The sequence number of the buffer's front.
    fn first_byte(&self) -> u64 {
        self.written_up_to - self.buffer.len() as u64
    }

    /// The sequence number behind all that is to be sent.
    fn end(&self) -> u64 {
        self.written_up_to + u64::from(self.finished)
    }
}

impl RoundTrip {
    fn timeout(self) -> Duration {
        (self.smoothed + self.variance * 4).max(TIMEOUT_MIN)
    }
}

impl Piece {
    fn len(&self) -> u64 {
        self.bytes.len() as u64 + u64::from(self.fin)
    }
}

/// In segments (RFC 6928).
const INITIAL_WINDOW: usize = 10;
/// RFC 6298 §2.1; the least and the longest are those of Linux.
const TIMEOUT_INITIAL: Duration = Duration::from_secs(1);
const TIMEOUT_MIN: Duration = Duration::from_millis(200);
const TIMEOUT_MAX: Duration = Duration::from_secs(120);
/// RFC 5681 §3.2.
const DUPLICATES_MEAN_LOSS: u32 = 3;
const BLACK_HOLE_AFTER: u32 = 3;
const SEGMENT_SIZE_LEAST: usize = 216;
/// RFC 9293 §3.8.3: R2 is at least 100 s.
const GIVE_UP_AFTER: Duration = Duration::from_secs(100);
