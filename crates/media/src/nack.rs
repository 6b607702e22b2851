//! Which packets to ask for again, and when.

use core::time::Duration;

use alloc::collections::VecDeque;

use pollrtc_core::Instant;
use pollrtc_rtp::{Missing, Via};

/// How long a [`NackList`] asks for what it lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NackConfig {
    /// How many packets may be missing. A gap that is wider is given up at once.
    pub packets: usize,
    /// A packet with so many newer ones is given up.
    pub newer_packets: u64,
    /// A packet that is missing for so long is given up.
    pub age: Duration,
    /// How many times one packet is asked for.
    pub tries: u8,
    /// At least so much time lies between two requests for the same packet, however short the round trip.
    pub shortest_round_trip: Duration,
    /// Repeated requests are collected for so long.
    pub batch: Duration,
}

impl Default for NackConfig {
    /// 1,000 packets, 10,000 newer ones, 3 s, 100 tries, 5 ms, 20 ms.
    fn default() -> Self {
        Self {
            packets: 1_000,
            newer_packets: 10_000,
            age: Duration::from_secs(3),
            tries: 100,
            shortest_round_trip: Duration::from_millis(5),
            batch: Duration::from_millis(20),
        }
    }
}

/// The packets that a received stream lacks, and when to ask for them (RFC 4585 §6.2.1).
///
/// A gap is asked for at once, unless the network has shown that it changes the order of packets: then after as many
/// more as were mostly enough. It is asked for again a round trip later, and given up where that makes no sense any
/// more; then only a key frame helps, and the list says so once.
///
/// ```
/// use core::time::Duration;
/// use pollrtc_core::Instant;
/// use pollrtc_media::{NackConfig, NackList};
/// use pollrtc_rtp::{Missing, Via};
/// let mut list = NackList::new(NackConfig::default());
/// list.set_round_trip(Duration::from_millis(50));
/// let now = Instant::from_millis(100);
/// list.handle_packet(now, 10, Via::Media);
/// list.handle_packet(now, 13, Via::Media);
/// assert_eq!(list.poll_missing(now), Some(Missing { first: 11, following: 0b1 }));
/// assert_eq!(list.poll_missing(now), None);
/// list.handle_packet(now, 12, Via::Rtx);
/// let later = list.poll_timeout().ok_or("one is still missing")?;
/// assert_eq!(later, Instant::from_millis(150));
/// assert_eq!(list.poll_missing(later), Some(Missing { first: 11, following: 0 }));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug)]
pub struct NackList {
    config: NackConfig,
    round_trip: Duration,
    highest: Option<u64>,
    /// In the order of their indices.
    missing: VecDeque<Entry>,
    /// How many at the end of the list have never been asked for.
    unasked: usize,
    reordering: Reordering,
    /// Before this nothing is due.
    due: Option<Instant>,
    last_batch: Option<Instant>,
    /// Where the batch that is being polled goes on.
    cursor: Option<usize>,
    needs_key_frame: bool,
    stats: NackStats,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    index: u64,
    noticed: Instant,
    asked: Option<Instant>,
    tries: u8,
}

/// What a list has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NackStats {
    /// Packets that were asked for; each time counts.
    pub asked: u64,
    /// Packets that came after they had been asked for, by whichever way.
    pub recovered: u64,
    /// Packets that were given up.
    pub given_up: u64,
}

/// A request for the first time follows the one before it no sooner.
const FIRST_BATCH: Duration = Duration::from_millis(5);
/// Whatever is configured, nobody is woken more often.
const SHORTEST_BATCH: Duration = Duration::from_millis(1);
/// A packet that others have overtaken is waited for no longer, however many others there are.
const REORDERING_TIME: Duration = Duration::from_millis(20);
/// Until one is measured.
const ROUND_TRIP_INITIAL: Duration = Duration::from_millis(100);

impl NackList {
    /// Nothing is missing.
    pub const fn new(config: NackConfig) -> Self {
        Self {
            config,
            round_trip: ROUND_TRIP_INITIAL,
            highest: None,
            missing: VecDeque::new(),
            unasked: 0,
            reordering: Reordering::new(),
            due: None,
            last_batch: None,
            cursor: None,
            needs_key_frame: false,
            stats: NackStats {
                asked: 0,
                recovered: 0,
                given_up: 0,
            },
        }
    }

    /// How long an answer takes to come.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = round_trip;
    }

    /// A packet of the stream came, by its own or by another way.
    pub fn handle_packet(&mut self, now: Instant, index: u64, via: Via) {
        let Some(highest) = self.highest else {
            self.highest = Some(index);
            return;
        };
        if index <= highest {
            self.fill(index, highest, via);
            return;
        }
        self.highest = Some(index);
        let gap = index - highest - 1;
        if gap > self.config.packets as u64 {
            // So much can't be had again: whoever wants it needs a beginning.
            self.give_up(self.missing.len() as u64 + gap);
            self.missing.clear();
        } else if gap > 0 {
            let entry = |index| Entry {
                index,
                noticed: now,
                asked: None,
                tries: 0,
            };
            self.missing.extend((highest + 1..index).map(entry));
            self.unasked += gap as usize;
            let too_many = self.missing.len().saturating_sub(self.config.packets);
            self.missing.drain(..too_many);
            self.give_up(too_many as u64);
        }
        self.unasked = self.unasked.min(self.missing.len());
        if self.unasked > 0 {
            let soonest = self.last_batch.map_or(now, |last| now.max(last + FIRST_BATCH));
            self.due = Some(self.due.map_or(soonest, |due| due.min(soonest)));
        }
    }

    /// A key frame began with this packet: what was before it is not needed any more.
    pub fn handle_key_frame(&mut self, index: u64) {
        let older = self.missing.partition_point(|entry| entry.index < index);
        self.missing.drain(..older);
        self.unasked = self.unasked.min(self.missing.len());
        self.needs_key_frame = false;
    }

    /// The next packets to ask for, as one element of a generic NACK; `None` once all that are due were told.
    pub fn poll_missing(&mut self, now: Instant) -> Option<Missing> {
        if self.cursor.is_none() {
            if self.due.is_none_or(|due| now < due) {
                return None;
            }
            self.expire(now);
            self.cursor = Some(0);
        }
        let missing = self.cursor.and_then(|from| self.gather(now, from));
        if missing.is_none() {
            self.cursor = None;
            self.due = self.next_due(now);
        }
        missing
    }

    /// Gives up what is no more worth asking for; if nothing else is due, [`poll_timeout`](Self::poll_timeout) tells of a
    /// later time then.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.cursor.is_none() && self.due.is_some_and(|due| due <= now) {
            self.expire(now);
            self.due = self.next_due(now);
        }
    }

    /// When to poll again at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Whether packets were given up that only a key frame makes up for; says so once.
    pub fn take_key_frame_need(&mut self) -> bool {
        core::mem::take(&mut self.needs_key_frame)
    }

    /// How many packets are missing.
    pub fn len(&self) -> usize {
        self.missing.len()
    }

    /// True if none is missing.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty()
    }

    /// What was counted.
    pub const fn stats(&self) -> NackStats {
        self.stats
    }

    fn fill(&mut self, index: u64, highest: u64, via: Via) {
        let Ok(at) = self.missing.binary_search_by_key(&index, |entry| entry.index) else {
            return;
        };
        if at + self.unasked >= self.missing.len() {
            self.unasked -= 1;
        }
        let Some(entry) = self.missing.remove(at) else { return };
        if entry.asked.is_some() {
            self.stats.recovered += 1;
        }
        // What was asked for may be an answer in band, which says nothing of the network.
        if via == Via::Media && entry.asked.is_none() {
            self.reordering.note(highest - index);
        }
        if self.missing.is_empty() {
            self.due = None;
        }
    }

    /// The first packets that are due from this place in the list on.
    fn gather(&mut self, now: Instant, from: usize) -> Option<Missing> {
        let at = (from..self.missing.len()).find(|at| self.is_due(*at, now))?;
        let first = self.missing.get(at)?.index;
        let mut missing = Missing {
            first: first as u16,
            following: 0,
        };
        let mut next = at;
        while let Some(entry) = self.missing.get(next).copied() {
            let distance = entry.index - first;
            if distance > 16 {
                break;
            }
            if self.is_due(next, now) {
                if distance > 0 {
                    missing.following |= 1 << (distance - 1);
                }
                let is_first = entry.tries == 0;
                if let Some(entry) = self.missing.get_mut(next) {
                    entry.asked = Some(now);
                    entry.tries = entry.tries.saturating_add(1);
                }
                self.unasked -= usize::from(is_first && self.unasked > 0);
                self.stats.asked += 1;
            }
            next += 1;
        }
        self.last_batch = Some(now);
        self.cursor = Some(next);
        Some(missing)
    }

    fn is_due(&self, at: usize, now: Instant) -> bool {
        self.missing
            .get(at)
            .is_some_and(|entry| self.due_time(entry, now) <= now)
    }

    /// When to ask for a packet: at the latest, for it may be sooner if others come.
    fn due_time(&self, entry: &Entry, now: Instant) -> Instant {
        match entry.asked {
            Some(asked) => asked + self.round_trip.max(self.config.shortest_round_trip),
            None => {
                let newer = self.highest.unwrap_or_default().saturating_sub(entry.index);
                match newer > self.reordering.allowance() {
                    true => entry.noticed.min(now),
                    false => entry.noticed + REORDERING_TIME,
                }
            }
        }
    }

    fn next_due(&self, now: Instant) -> Option<Instant> {
        let soonest = self.missing.iter().map(|entry| self.due_time(entry, now)).min()?;
        let collected = self
            .last_batch
            .map_or(soonest, |last| last + self.config.batch.max(SHORTEST_BATCH));
        Some(soonest.max(collected))
    }

    fn expire(&mut self, now: Instant) {
        let NackConfig {
            newer_packets,
            age,
            tries,
            ..
        } = self.config;
        let highest = self.highest.unwrap_or_default();
        let before = self.missing.len();
        self.missing.retain(|entry| {
            highest - entry.index <= newer_packets && now - entry.noticed <= age && entry.tries < tries
        });
        self.unasked = self.unasked.min(self.missing.len());
        self.give_up((before - self.missing.len()) as u64);
    }

    fn give_up(&mut self, count: u64) {
        self.stats.given_up += count;
        self.needs_key_frame |= count > 0;
    }
}

/// By how many packets late ones have been overtaken: the last 128 of them.
#[derive(Clone, Copy, Debug)]
struct Reordering {
    samples: [u8; 128],
    counts: [u8; 10],
    len: u8,
    next: u8,
}

impl Reordering {
    const fn new() -> Self {
        Self {
            samples: [0; 128],
            counts: [0; 10],
            len: 0,
            next: 0,
        }
    }

    fn note(&mut self, overtaken_by: u64) {
        let bucket = overtaken_by.min(9) as u8;
        if let Some(sample) = self.samples.get_mut(usize::from(self.next)) {
            if self.len == 128
                && let Some(count) = self.counts.get_mut(usize::from(*sample))
            {
                *count -= 1;
            }
            *sample = bucket;
            self.len = (self.len + 1).min(128);
            self.next = (self.next + 1) % 128;
        }
        if let Some(count) = self.counts.get_mut(usize::from(bucket)) {
            *count += 1;
        }
    }

    /// Half of them were overtaken by no more.
    fn allowance(&self) -> u64 {
        let mut sum = 0;
        for (bucket, count) in (0..).zip(self.counts) {
            sum += u32::from(count);
            if sum * 2 >= u32::from(self.len) {
                return bucket;
            }
        }
        0
    }
}
