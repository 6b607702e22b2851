//! What is known of a stream that is received: RFC 3550, appendix A.

use pollrtc_core::Instant;
use pollrtc_rtp::NtpTime;
use pollrtc_rtp::rtcp::ReportBlock;

use crate::clock::{compact_duration, ticks};
use crate::sequence::{Sighting, Window, extend};

/// RFC 3550 §A.1: how many packets in a row make a source believable.
const MIN_SEQUENTIAL: u8 = 2;
/// RFC 3550 §A.1: a jump by less than this is a loss.
const MAX_DROPOUT: u64 = 3_000;
/// RFC 3550 §A.1: what is later than the newest by no more than this is late.
const MAX_MISORDER: u64 = 100;
/// How far ahead of all others a recovered packet may be.
const MAX_AHEAD: u64 = 512;
/// RFC 3550 §6.4.1: packets lost are reported in 24 bits, signed.
const LOST_MAX: i64 = 0x7f_ffff;
/// A transit time that changes by more than this many seconds is another clock, not jitter.
const JUMP_SECONDS: u32 = 5;

/// Statistics of one received stream (one SSRC), as reports tell them (RFC 3550 §6.4, appendix A).
///
/// ```
/// use pollrtc_core::Instant;
/// use pollrtc_media::{Arrival, Facts, Reception};
/// let mut reception = Reception::authenticated();
/// for index in [7, 8, 10] {
///     let facts = Facts { timestamp: 3_000 * index as u32, clock_rate: 90_000, payload: 1_000 };
///     reception.handle_index(Instant::from_millis(33 * index), index, facts);
/// }
/// let report = reception.report(Instant::from_millis(1_000), 0xcafe).ok_or("nothing came")?;
/// assert_eq!((report.cumulative_lost, report.fraction_lost), (1, 64)); // one of four
/// assert_eq!(report.extended_highest_sequence, 10);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reception {
    probation: u8,
    run: Option<Run>,
    /// RFC 3550 §A.1: the number that would prove that the source began anew.
    bad_sequence: Option<u16>,
    /// What was delivered, by index.
    seen: Window<16>,
    highest_index: Option<u64>,
    jitter: Jitter,
    sender_report: Option<(NtpTime, Instant)>,
    stats: ReceptionStats,
}

/// The numbers since a source began, or began anew. Indices here begin with the first packet's sequence number.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Add this to a number of the run, and it is the packet's index.
    offset: u64,
    base: u64,
    highest: u64,
    received: u64,
    expected_prior: u64,
    received_prior: u64,
}

/// What counts of a packet beside its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its RTP timestamp.
    pub timestamp: u32,
    /// The clock of its codec, in hertz.
    pub clock_rate: u32,
    /// How many bytes of payload it has, without padding. Packets without any are left out of the jitter.
    pub payload: usize,
}

/// What a packet is to its stream. What has an index is to be delivered, but for duplicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The newest one so far.
    InOrder {
        /// Its number with rollovers.
        index: u64,
    },
    /// It fills a gap.
    Late {
        /// Its number with rollovers.
        index: u64,
    },
    /// It was there before: on its own, or as a retransmission.
    Duplicate {
        /// Its number with rollovers.
        index: u64,
    },
    /// RFC 3550 §A.1: the source has to show first that it is one.
    OnProbation,
    /// Its number is far from all that came, or so far behind that nobody knows whether it came before.
    OutOfPlace,
}

impl Arrival {
    /// The index of a packet to be delivered.
    pub const fn delivered(self) -> Option<u64> {
        match self {
            Self::InOrder { index } | Self::Late { index } => Some(index),
            _ => None,
        }
    }
}

/// What has been counted since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceptionStats {
    /// Packets that belong to the stream, duplicates included.
    pub packets: u64,
    /// Bytes of payload in them.
    pub bytes: u64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Packets that came after one with a higher number.
    pub late: u64,
    /// Packets that retransmission or forward error correction brought, and nothing else had.
    pub recovered: u64,
    /// Packets that belong nowhere, and were dropped.
    pub out_of_place: u64,
    /// How many times the source jumped, and began anew.
    pub restarts: u64,
}

impl Reception {
    /// For packets that anybody could have sent: RFC 3550 §A.1 in full. A source counts after two packets in a row.
    pub const fn new() -> Self {
        Self {
            probation: MIN_SEQUENTIAL,
            run: None,
            bad_sequence: None,
            seen: Window::new(),
            highest_index: None,
            jitter: Jitter::new(),
            sender_report: None,
            stats: ReceptionStats {
                packets: 0,
                bytes: 0,
                duplicates: 0,
                late: 0,
                recovered: 0,
                out_of_place: 0,
                restarts: 0,
            },
        }
    }

    /// For packets that SRTP authenticated, whose index it knows: they need no probation, and a jump is no attack.
    pub const fn authenticated() -> Self {
        Self {
            probation: 0,
            ..Self::new()
        }
    }

    /// For another source that has shown to be one, and whose indices go on above those of this one.
    pub(crate) fn proven_after(&self) -> Self {
        Self {
            highest_index: self.highest_index,
            seen: self.seen,
            stats: self.stats,
            ..Self::authenticated()
        }
    }

    /// Takes a packet whose rollovers nobody knows: a raw stream's. Give each that comes, once.
    pub fn handle_sequence(&mut self, arrived: Instant, sequence: u16, facts: Facts) -> Arrival {
        if self.probation > 0 && !self.is_proven(sequence) {
            return Arrival::OnProbation;
        }
        let Some(run) = self.run else {
            self.begin_run(sequence.into(), self.offset_above());
            return self.count(arrived, sequence.into(), facts);
        };
        let number = extend(run.highest, sequence);
        // Before the first one there was none: a late one from there starts no rollover.
        let is_at_home = match number.checked_sub(run.highest) {
            Some(ahead) => ahead < MAX_DROPOUT,
            None => run.highest - number <= MAX_MISORDER,
        };
        if !is_at_home {
            // RFC 3550 §A.1: two in a row there, and the source has begun anew.
            if self.bad_sequence != Some(sequence) {
                self.bad_sequence = Some(sequence.wrapping_add(1));
                return self.out_of_place();
            }
            self.stats.restarts += 1;
            self.begin_run(sequence.into(), self.offset_above());
        }
        self.bad_sequence = None;
        let number = extend(self.run.map_or(0, |run| run.highest), sequence);
        self.count(arrived, number, facts)
    }

    /// Takes a packet whose index is known: SRTP authenticated it.
    pub fn handle_index(&mut self, arrived: Instant, index: u64, facts: Facts) -> Arrival {
        match self.run {
            None => self.begin_run(index, 0),
            Some(run) if index > run.highest && index - run.highest >= MAX_DROPOUT => {
                // It is genuine, so it is believed at once; what it jumped over was never sent.
                self.stats.restarts += 1;
                self.begin_run(index, 0);
            }
            Some(_) => {}
        }
        self.count(arrived, index, facts)
    }

    /// Takes a packet that a retransmission (RFC 4588) or forward error correction brought. It changes no loss and no
    /// jitter: those are the stream's own (RFC 4588 §6.2).
    pub fn handle_recovered(&mut self, index: u64) -> Arrival {
        // One that claims to be far ahead would make all before it too old to be told apart.
        if self
            .highest_index
            .is_some_and(|highest| index > highest.saturating_add(MAX_AHEAD))
        {
            return self.out_of_place();
        }
        match self.seen.insert(index) {
            Sighting::Seen => Arrival::Duplicate { index },
            Sighting::Old => self.out_of_place(),
            Sighting::New => {
                self.stats.recovered += 1;
                match self.highest_index {
                    Some(highest) if index < highest => Arrival::Late { index },
                    _ => {
                        self.highest_index = Some(index);
                        Arrival::InOrder { index }
                    }
                }
            }
        }
    }

    /// A sender report (RFC 3550 §6.4.1) came: the next reports tell its sender when, for the round trip.
    pub fn handle_sender_report(&mut self, now: Instant, ntp: NtpTime) {
        self.sender_report = Some((ntp, now));
    }

    /// What the next report says of the stream, whose SSRC this is; `None` before the first packet. What is lost is counted from one call to the next
    /// (RFC 3550 §A.3).
    pub fn report(&mut self, now: Instant, ssrc: u32) -> Option<ReportBlock> {
        let run = self.run.as_mut()?;
        let expected = run.highest.saturating_sub(run.base) + 1;
        let lost = expected.cast_signed().saturating_sub(run.received.cast_signed());
        let expected_interval = expected.saturating_sub(run.expected_prior);
        let received_interval = run.received.saturating_sub(run.received_prior);
        run.expected_prior = expected;
        run.received_prior = run.received;
        let lost_interval = expected_interval.saturating_sub(received_interval);
        let fraction = (lost_interval << 8).checked_div(expected_interval).unwrap_or(0);
        let (last, delay) = match self.sender_report {
            Some((ntp, at)) => (ntp.compact(), compact_duration(now - at)),
            None => (0, 0),
        };
        Some(ReportBlock {
            ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            cumulative_lost: lost.clamp(-LOST_MAX - 1, LOST_MAX) as i32,
            extended_highest_sequence: run.highest as u32,
            jitter: self.jitter.rounded(),
            last_sender_report: last,
            delay_since_last_sender_report: delay,
        })
    }

    /// The index of the newest packet.
    pub const fn highest_index(&self) -> Option<u64> {
        self.highest_index
    }

    /// The interarrival jitter now, in units of the codec's clock.
    pub const fn jitter(&self) -> u32 {
        self.jitter.rounded()
    }

    /// What has been counted.
    pub const fn stats(&self) -> ReceptionStats {
        self.stats
    }

    /// RFC 3550 §A.1: packets in a row make a source.
    fn is_proven(&mut self, sequence: u16) -> bool {
        let in_a_row = self.bad_sequence == Some(sequence);
        self.probation = if in_a_row {
            self.probation - 1
        } else {
            MIN_SEQUENTIAL - 1
        };
        self.bad_sequence = Some(sequence.wrapping_add(1));
        self.probation == 0
    }

    /// With this no index comes again, and each ends in its sequence number.
    fn offset_above(&self) -> u64 {
        self.highest_index
            .map_or(0, |highest| (highest | 0xffff).saturating_add(1))
    }

    fn begin_run(&mut self, number: u64, offset: u64) {
        self.bad_sequence = None;
        self.jitter.reset();
        self.run = Some(Run {
            offset,
            base: number,
            highest: number,
            received: 0,
            expected_prior: 0,
            received_prior: 0,
        });
    }

    fn count(&mut self, arrived: Instant, number: u64, facts: Facts) -> Arrival {
        let Some(run) = self.run.as_mut() else {
            return Arrival::OutOfPlace;
        };
        let index = run.offset.saturating_add(number);
        let sighting = self.seen.insert(index);
        if sighting == Sighting::Old {
            return self.out_of_place();
        }
        // RFC 3550 §A.3: duplicates count as received, so that loss may be negative.
        run.received += 1;
        self.stats.packets += 1;
        self.stats.bytes += facts.payload as u64;
        let is_newest = number > run.highest || run.received == 1;
        run.highest = run.highest.max(number);
        // What came in the wrong order at the beginning was expected as well; what is older belongs to no report.
        if run.base.saturating_sub(number) <= MAX_MISORDER {
            run.base = run.base.min(number);
        }
        self.highest_index = self.highest_index.max(Some(index));
        if sighting == Sighting::Seen {
            self.stats.duplicates += 1;
            return Arrival::Duplicate { index };
        }
        if !is_newest {
            self.stats.late += 1;
            return Arrival::Late { index };
        }
        if facts.payload > 0 {
            self.jitter.handle(arrived, facts);
        }
        Arrival::InOrder { index }
    }

    fn out_of_place(&mut self) -> Arrival {
        self.stats.out_of_place += 1;
        Arrival::OutOfPlace
    }
}

impl Default for Reception {
    fn default() -> Self {
        Self::new()
    }
}

/// The interarrival jitter (RFC 3550 §A.8).
#[derive(Clone, Copy, Debug)]
struct Jitter {
    /// Scaled by 16.
    scaled: u32,
    clock_rate: u32,
    /// The transit time of the packet before, and its timestamp.
    last: Option<(u32, u32)>,
}

impl Jitter {
    const fn new() -> Self {
        Self {
            scaled: 0,
            clock_rate: 0,
            last: None,
        }
    }

    /// The next packet is compared with none before it.
    const fn reset(&mut self) {
        self.last = None;
    }

    fn handle(&mut self, arrived: Instant, facts: Facts) {
        // RFC 7160 §4: transit times of two clocks have nothing to do with each other.
        if facts.clock_rate != self.clock_rate {
            self.reset();
            self.scaled = 0;
            self.clock_rate = facts.clock_rate;
        }
        let transit = ticks(arrived.since_origin(), facts.clock_rate).wrapping_sub(facts.timestamp);
        let Some((last, timestamp)) = self.last.replace((transit, facts.timestamp)) else {
            return;
        };
        // The packets of a frame have one timestamp; that they leave one after the other is no jitter.
        if timestamp == facts.timestamp {
            self.last = Some((last, timestamp));
            return;
        }
        let difference = transit.wrapping_sub(last).cast_signed().unsigned_abs();
        if difference > facts.clock_rate.saturating_mul(JUMP_SECONDS) {
            return;
        }
        let decay = self.scaled.saturating_add(8) >> 4;
        self.scaled = self.scaled.saturating_add(difference).saturating_sub(decay);
    }

    const fn rounded(&self) -> u32 {
        self.scaled >> 4
    }
}
