//! The receiving half: DATA that comes, and when and how it is acknowledged (RFC 9260 §6.2, RFC 3758 §3.6).

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_core::Instant;

use super::cookie::Cookie;
use super::timer::Timer;
use crate::reassembly::{Outcome, Reassembly};
use crate::received::{Position, ReceivedTsns};
use crate::serial::{begin, extend};
use crate::wire::{Data, ForwardTsn, PacketWriter, Sack};
use crate::{Config, Event, Stats, Streams};

/// How many duplicates to report.
const MAX_DUPLICATES: usize = 32;
/// A window below two packets can stop a sender.
const SMALL_WINDOW: u32 = 3000;

#[derive(Debug)]
pub(super) struct Receiver {
    inbound_streams: u16,
    received: ReceivedTsns,
    reassembly: Reassembly,
    /// Whether the peer may say FORWARD TSN.
    takes_forward_tsn: bool,
    /// [`Config::receive_window`].
    window: u32,
    /// The window that we told last.
    advertised: u32,
    /// A SACK has to leave now.
    sack_due: bool,
    /// SACKs that were due when other packets came before they had left.
    waiting: WaitingSacks,
    /// Some DATA of the packet that is being taken has been looked at.
    in_packet: bool,
    /// How many packets came in a row without a gap or a pause, and when the last one did.
    in_a_row: u32,
    last_packet: Instant,
    /// Packets with DATA since the last SACK.
    packets: u32,
    /// The first DATA has come.
    begun: bool,
    /// TSNs that came again.
    duplicates: Vec<u32>,
    sack_delay: Duration,
    /// An acknowledgement has waited long enough (§6.2).
    sack_timer: Timer,
}

/// What DATA does beyond being taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DataError {
    /// The stream does not exist. The chunk counts as received, its payload does not (§6.5).
    InvalidStream,
    /// The chunk is empty, which ends the association (§6.2).
    Empty,
    /// The window is full of what can't be delivered.
    OutOfResource,
    /// The chunk contradicts what came before (§6.9).
    Violation(&'static str),
}

impl Receiver {
    pub(super) fn new(config: &Config, cookie: &Cookie) -> Self {
        Self {
            inbound_streams: cookie.inbound_streams,
            received: ReceivedTsns::new(begin(cookie.peer_tsn)),
            reassembly: Reassembly::new(config.receive_window, config.max_message_size),
            takes_forward_tsn: cookie.capabilities.forward_tsn,
            window: config.receive_window,
            advertised: config.receive_window,
            sack_due: false,
            waiting: WaitingSacks::default(),
            in_packet: false,
            in_a_row: 0,
            last_packet: Instant::ZERO,
            packets: 0,
            begun: false,
            duplicates: Vec::new(),
            sack_delay: config.sack_delay,
            sack_timer: Timer::default(),
        }
    }

    /// What waited for the application when the peer began anew still waits.
    pub(super) fn inherit(&mut self, before: &Self) {
        self.reassembly.inherit(&before.reassembly);
        self.advertised = self.reassembly.window_left();
    }

    /// The TSN up to which all has come.
    pub(super) fn cumulative_tsn(&self) -> u64 {
        self.received.cumulative()
    }

    /// Bytes that count against the window.
    pub(super) fn held_bytes(&self) -> usize {
        self.reassembly.held_bytes()
    }

    /// Those of them that wait for the rest of a message, or for its turn.
    pub(super) fn reassembling(&self) -> usize {
        self.reassembly.reassembling()
    }

    /// Whether something that was sent has not come yet.
    pub(super) fn is_data_missing(&self) -> bool {
        self.received.has_gaps() || self.reassembly.is_unfinished()
    }

    // What comes.

    pub(super) fn handle_data(
        &mut self,
        data: &Data<'_>,
        events: &mut VecDeque<Event>,
        stats: &mut Stats,
    ) -> Result<(), DataError> {
        stats.chunks_received += 1;
        if data.payload.is_empty() {
            return Err(DataError::Empty);
        }
        if !core::mem::replace(&mut self.in_packet, true) && self.sack_due {
            self.set_sack_aside();
        }
        let tsn = extend(self.received.cumulative(), data.tsn);
        self.sack_due |= data.immediate;
        let position = self.received.position(tsn);
        let next = match position {
            Position::Duplicate => {
                self.note_duplicate(data.tsn);
                stats.duplicates_received += 1;
                return Ok(());
            }
            Position::OutOfReach => {
                stats.dropped_data += 1;
                self.sack_due = true;
                return Ok(());
            }
            Position::Next => true,
            Position::Beyond => false,
        };
        if !self.reassembly.has_room(data.payload.len(), next) {
            stats.dropped_data += 1;
            self.sack_due = true;
            let stuck = next && self.reassembly.is_stuck();
            return if stuck { Err(DataError::OutOfResource) } else { Ok(()) };
        }
        if next {
            // A gap that is filled is worth an acknowledgement of its own (§6.7).
            self.sack_due |= self.received.has_gaps();
            self.received.advance_to(tsn);
        } else {
            self.received.insert(tsn);
        }
        let invalid_stream = data.stream >= self.inbound_streams;
        let mut outcome = match next {
            _ if invalid_stream => Outcome::Kept,
            true => self.reassembly.handle_next(tsn, data, events),
            false => self.reassembly.handle_beyond(tsn, data, events),
        };
        if next && self.received.cumulative() > tsn && !matches!(outcome, Outcome::Violation(_)) {
            outcome = self.reassembly.absorb(self.received.cumulative(), events);
        }
        match outcome {
            Outcome::Violation(what) => return Err(DataError::Violation(what)),
            Outcome::Dropped => stats.dropped_fragments += 1,
            Outcome::Kept => {}
        }
        match invalid_stream {
            true => Err(DataError::InvalidStream),
            false => Ok(()),
        }
    }

    fn note_duplicate(&mut self, tsn: u32) {
        if self.duplicates.len() < MAX_DUPLICATES {
            self.duplicates.push(tsn);
        }
        self.sack_due = true;
    }

    /// A packet with DATA has been taken: when to acknowledge it (§6.2). At once if `at_once`.
    pub(super) fn handle_end_of_packet(&mut self, now: Instant, at_once: bool) {
        self.in_packet = false;
        let goes_on = !self.received.has_gaps() && now - self.last_packet < PAUSE;
        self.in_a_row = if goes_on { self.in_a_row.saturating_add(1) } else { 0 };
        self.last_packet = now;
        let first = !core::mem::replace(&mut self.begun, true);
        self.packets += 1;
        if at_once || first || self.packets >= 2 || self.received.has_gaps() {
            self.sack_due = true;
        } else if !self.sack_timer.is_running() {
            self.sack_timer.set(now + self.sack_delay);
        }
    }

    /// Whether FORWARD TSN may come: RFC 3758 §3.3 has it only between two that announced it.
    pub(super) fn takes_forward_tsn(&self) -> bool {
        self.takes_forward_tsn
    }

    pub(super) fn handle_forward_tsn(
        &mut self,
        forward: &ForwardTsn<'_>,
        events: &mut VecDeque<Event>,
    ) -> Result<(), DataError> {
        // Old or not, the sender wants to know where we are (RFC 3758 §3.6).
        self.sack_due = true;
        let cumulative = extend(self.received.cumulative(), forward.new_cumulative_tsn);
        if cumulative <= self.received.cumulative() {
            return Ok(());
        }
        self.received.advance_to(cumulative);
        let streams = forward.streams().filter(|(stream, _)| *stream < self.inbound_streams);
        self.reassembly.skip(cumulative, streams, events);
        match self.reassembly.absorb(self.received.cumulative(), events) {
            Outcome::Violation(what) => Err(DataError::Violation(what)),
            Outcome::Kept | Outcome::Dropped => Ok(()),
        }
    }

    /// The peer resets these streams (none means all) once all has come up to `last_tsn`.
    pub(super) fn defer_reset(&mut self, last_tsn: u64, streams: Vec<u16>) {
        self.reassembly.defer_reset(last_tsn, streams);
    }

    /// The peer's streams begin anew (RFC 6525 §5.2.2).
    pub(super) fn reset(&mut self, streams: Streams) {
        self.reassembly.reset(streams);
    }

    /// A reset that waited has been done.
    pub(super) fn end_deferral(&mut self, events: &mut VecDeque<Event>) {
        self.reassembly.end_deferral(events);
    }

    /// The application has taken a message of this length.
    pub(super) fn release(&mut self, len: usize) {
        self.reassembly.release(len);
        self.announce_window();
    }

    /// Bytes whose message the application has taken are gone after all.
    pub(super) fn release_bytes(&mut self, len: usize) {
        self.reassembly.release_bytes(len);
        self.announce_window();
    }

    /// The window opened. The peer hears of it at once if it had (nearly) nothing left, or if half
    /// of the window came back (§6.2).
    fn announce_window(&mut self) {
        let left = self.reassembly.window_left();
        let opened = left.saturating_sub(self.advertised);
        if opened >= self.window / 2 || (self.advertised < SMALL_WINDOW && left >= SMALL_WINDOW) {
            self.sack_due = true;
        }
    }

    // Acknowledgement.

    pub(super) fn deadline(&self) -> Instant {
        self.sack_timer.deadline()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.sack_due |= self.sack_timer.take_due(now);
    }

    /// Whether DATA has come that was not acknowledged.
    pub(super) fn has_unacknowledged(&self) -> bool {
        self.packets > 0
    }

    /// Whether an acknowledgement is to be sent, with company or without.
    pub(super) fn is_sack_due(&self) -> bool {
        self.sack_due || !self.waiting.is_empty()
    }

    /// An acknowledgement is due that has not left, and the next packet is here: a driver takes what comes in batches.
    /// The peer counts SACKs, to tell losses and in slow start, so that each leaves that §6.2 asks for. Who has sent much
    /// without a loss counts bytes, and one SACK for all spares both sides the work.
    fn set_sack_aside(&mut self) {
        if self.in_a_row < STEADY && self.waiting.add(self.received.cumulative(), self.received.ranges()) {
            self.sack_due = false;
            self.packets = 0;
        }
    }

    /// An acknowledgement that is due, or one that has company: a packet leaves anyway (§6.2).
    pub(super) fn write_sack(&mut self, packet: &mut PacketWriter<'_>, has_company: bool, stats: &mut Stats) {
        let rides = self.packets > 0 && has_company;
        if !self.is_sack_due() && !rides {
            return;
        }
        let window = self.reassembly.window_left();
        if let Some((cumulative, gaps)) = self.waiting.front() {
            // The window is what it is now. The peer counts against it what this one does not acknowledge, so that it
            // thinks of it as smaller, if anything.
            if Sack::write(packet, cumulative, window, gaps, &self.duplicates) {
                self.waiting.pop();
                self.duplicates.clear();
                self.advertised = window;
                stats.sacks_sent += 1;
            }
            return;
        }
        let cumulative = self.received.cumulative();
        let gaps = self.received.ranges();
        if Sack::write(packet, cumulative, window, gaps, &self.duplicates) {
            self.sack_due = false;
            self.packets = 0;
            self.duplicates.clear();
            self.advertised = window;
            self.sack_timer.stop();
            stats.sacks_sent += 1;
        }
    }
}

/// After how many packets in a row a sender is no longer in slow start, which opens its window by a packet for each SACK
/// (RFC 9260 §7.2.1), and after what pause it may be again.
const STEADY: u32 = 2048;
const PAUSE: Duration = Duration::from_millis(500);
/// How many SACKs wait at most, and how many gaps one of them may have. Beyond that one stands for several.
const MAX_WAITING_SACKS: usize = 16;
const MAX_WAITING_GAPS: usize = 128;

/// SACKs as they were when they were due.
#[derive(Debug, Default)]
struct WaitingSacks {
    /// Cumulative TSNs, each with how many of the gaps are its own.
    sacks: VecDeque<(u64, usize)>,
    gaps: VecDeque<(u64, u64)>,
}

impl WaitingSacks {
    fn is_empty(&self) -> bool {
        self.sacks.is_empty()
    }

    /// Adds one; false if there are enough.
    fn add(&mut self, cumulative: u64, gaps: &[(u64, u64)]) -> bool {
        let has_room = self.sacks.len() < MAX_WAITING_SACKS && gaps.len() <= MAX_WAITING_GAPS;
        if has_room {
            self.sacks.push_back((cumulative, gaps.len()));
            self.gaps.extend(gaps);
        }
        has_room
    }

    /// The first one.
    fn front(&mut self) -> Option<(u64, &[(u64, u64)])> {
        let (cumulative, gaps) = *self.sacks.front()?;
        let all = self.gaps.make_contiguous();
        Some((cumulative, all.get(..gaps)?))
    }

    fn pop(&mut self) {
        if let Some((_, gaps)) = self.sacks.pop_front() {
            self.gaps.drain(..gaps);
        }
    }
}
