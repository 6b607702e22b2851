//! What was sent, until its fate is known.

use alloc::collections::VecDeque;

use pollrtc_core::{Departure, Ecn, Instant, SendId};
use pollrtc_rtp::rtcp::{
    Arrival, ArrivalOffset, CongestionControlFeedback, PacketMetric, StreamMetrics, TransportWideFeedback,
};
use pollrtc_rtp::{Time24Unwrapper, TimestampUnwrapper};

use crate::clock::from_compact_duration;
use crate::sequence::extend;

/// What was sent on one transport, until feedback tells what became of it: bounded, with the times at which the driver
/// really sent. Facts for a congestion controller.
///
/// ```
/// use core::time::Duration;
/// use pollrtc_core::{Departure, Instant, SendId};
/// use pollrtc_media::{Departures, Outcome};
/// use pollrtc_rtp::rtcp::{Compound, RtcpPacket, TransportWideFeedbackBuilder, WriteRtcp};
///
/// let mut departures = Departures::new();
/// let now = Instant::from_millis(100);
/// for id in 0..3 {
///     let number = departures.next_number(); // into the packet's header extension
///     departures.handle_packet(now, number, SendId(id), 0xcafe, number as u16, 1_200);
/// }
/// departures.handle_sent(SendId(1), Departure::Sent(now + Duration::from_millis(5)));
///
/// // The receiver tells of the second and the third.
/// let mut buf = [0; 64];
/// let ticks = [None, Some(400), Some(404)];
/// let feedback = TransportWideFeedbackBuilder::new(1, 2, 0, 0, ticks.into_iter(), 64).ok_or("nothing")?;
/// let len = feedback.write_to(&mut buf).map_err(|_| "no room")?;
/// let compound = Compound::parse(&buf[..len]).map_err(|_| "no RTCP")?;
/// let Some(Ok(RtcpPacket::TransportWideFeedback(feedback))) = compound.packets().next() else { panic!() };
/// let mut fates = Vec::new();
/// departures.handle_transport_feedback(&feedback, |fate| fates.push(fate));
/// assert_eq!(fates[0].outcome, Outcome::Lost);
/// assert_eq!(fates[1].sent, Instant::from_millis(105));
/// let [Outcome::Arrived(Some(second)), Outcome::Arrived(Some(third))] = [fates[1].outcome, fates[2].outcome] else {
///     panic!("both arrived")
/// };
/// assert_eq!(third.since(second), 1_000_000); // a millisecond
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Departures {
    /// In the order of their numbers, each one above the one before it.
    records: VecDeque<Record>,
    begin: u64,
    next: u64,
    /// The highest number that feedback was about.
    told: u64,
    in_flight: usize,
    /// Whose packets they are: the newest streams.
    streams: VecDeque<u32>,
    /// The last reference time of transport-wide feedback, unwrapped: units of 64 ms.
    reference: Time24Unwrapper,
    /// The last timestamp of feedback by streams, unwrapped: units of 1/65,536 s.
    timestamp: TimestampUnwrapper,
    feedback_count: Option<u8>,
    stats: DepartureStats,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    id: SendId,
    ssrc: u32,
    sequence: u16,
    bytes: u32,
    sent: Instant,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It waits for the driver, or is on its way.
    InFlight,
    /// Feedback did not have it; a later one may.
    Lost,
    /// All is known, or it never left.
    Done,
}

/// A time on the receiver's clock, in nanoseconds. Its origin is unknown: only differences mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteTime(pub i64);

impl RemoteTime {
    /// Nanoseconds since another one, less than zero if that is later.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// What became of a packet that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// Its transport-wide number, with rollovers.
    pub number: u64,
    /// When it left.
    pub sent: Instant,
    /// How many bytes it had.
    pub bytes: u32,
    /// Whether it arrived. One that was said to be lost may have been late: then it is told again.
    pub outcome: Outcome,
    /// How it was marked on its way.
    pub ecn: Option<Ecn>,
}

/// Whether a packet arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did not.
    Lost,
    /// It did, at this time; `None` if the feedback could not say when.
    Arrived(Option<RemoteTime>),
}

/// What has been counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DepartureStats {
    /// Packets that arrived.
    pub arrived: u64,
    /// Packets that were said to be lost.
    pub lost: u64,
    /// Packets that never left.
    pub dropped: u64,
    /// Packets whose fate nobody told, though that of much later ones was, or before they had to make room.
    pub forgotten: u64,
    /// Numbers in feedback of which there is no record.
    pub unknown: u64,
    /// Feedback that did not come, by the numbers of that which did.
    pub feedback_lost: u64,
}

impl Departures {
    /// How many records there are at most.
    pub const LIMIT: usize = 4_096;
    /// How many streams are told apart in feedback by streams.
    pub const STREAMS: usize = 64;
    /// What feedback has passed over by so many numbers is not told any more.
    const LATE: u64 = 512;

    /// Nothing was sent.
    pub const fn new() -> Self {
        Self {
            records: VecDeque::new(),
            begin: 0,
            next: 0,
            told: 0,
            in_flight: 0,
            streams: VecDeque::new(),
            reference: Time24Unwrapper::new(),
            timestamp: TimestampUnwrapper::new(),
            feedback_count: None,
            stats: DepartureStats {
                arrived: 0,
                lost: 0,
                dropped: 0,
                forgotten: 0,
                unknown: 0,
                feedback_lost: 0,
            },
        }
    }

    /// The transport-wide number of the packet that is written next. Its lower 16 bits go into the packet.
    pub const fn next_number(&self) -> u64 {
        self.next
    }

    /// A packet was written, under [`next_number`](Self::next_number): a packet of the stream `ssrc`, numbered `sequence`
    /// there. Until [`handle_sent`](Self::handle_sent) says otherwise it has left `now`. False if the number is another.
    pub fn handle_packet(
        &mut self,
        now: Instant,
        number: u64,
        id: SendId,
        ssrc: u32,
        sequence: u16,
        bytes: usize,
    ) -> bool {
        if number != self.next {
            return false;
        }
        if self.records.len() >= Self::LIMIT {
            self.drop_oldest();
        }
        // Mostly it is one of the last.
        if !self.streams.iter().rev().any(|known| *known == ssrc) {
            if self.streams.len() >= Self::STREAMS {
                self.streams.pop_front();
            }
            self.streams.push_back(ssrc);
        }
        self.records.push_back(Record {
            id,
            ssrc,
            sequence,
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            sent: now,
            state: State::InFlight,
        });
        self.next += 1;
        self.in_flight += bytes;
        true
    }

    /// What the driver did with a packet.
    pub fn handle_sent(&mut self, id: SendId, departure: Departure) {
        // It is one of the newest, mostly the newest.
        let Some(record) = self.records.iter_mut().rev().find(|record| record.id == id) else {
            return;
        };
        match departure {
            Departure::Sent(at) => record.sent = at,
            Departure::Dropped if record.state == State::InFlight => {
                record.state = State::Done;
                self.in_flight -= record.bytes as usize;
                self.stats.dropped += 1;
                self.drop_done();
            }
            Departure::Dropped => {}
        }
    }

    /// Feedback by transport-wide numbers came: tells the fate of each packet that it is about, in the order of their
    /// numbers.
    pub fn handle_transport_feedback(&mut self, feedback: &TransportWideFeedback<'_>, mut fate: impl FnMut(Fate)) {
        self.count_feedback(feedback.feedback_count());
        // The reference time wraps in 24 bits.
        let reference = self.reference.unwrap(feedback.reference_time().cast_unsigned());
        let base = reference.saturating_mul(64_000_000);
        for status in feedback.statuses() {
            let outcome = match status.arrival {
                Arrival::NotReceived => Outcome::Lost,
                Arrival::Received => Outcome::Arrived(None),
                Arrival::At(ticks) => {
                    Outcome::Arrived(Some(RemoteTime(base.saturating_add(i64::from(ticks) * 250_000))))
                }
            };
            let number = extend(self.next.saturating_sub(1), status.sequence_number);
            self.decide(number, outcome, None, &mut fate);
        }
        self.drop_done();
    }

    /// Feedback by streams came (RFC 8888): tells the fate of each packet that it is about.
    pub fn handle_stream_feedback(&mut self, feedback: &CongestionControlFeedback<'_>, mut fate: impl FnMut(Fate)) {
        let timestamp = self.timestamp.unwrap(feedback.report_timestamp());
        let reported = (i128::from(timestamp) * 1_000_000_000) >> 16;
        let reported = i64::try_from(reported).unwrap_or(i64::MAX);
        let mut done = 0_u64;
        for stream in feedback.streams() {
            // Each stream once, and only those that are ours: one walk over all records is what it costs.
            let Some(known) = self.streams.iter().position(|ssrc| *ssrc == stream.ssrc()) else {
                continue;
            };
            if done >> known & 1 == 1 {
                continue;
            }
            done |= 1 << known;
            self.decide_stream(&stream, reported, &mut fate);
        }
        self.drop_done();
    }

    /// How many bytes are on their way: sent, and neither arrived nor lost.
    pub const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// True if the fate of all is known.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// What was counted.
    pub const fn stats(&self) -> DepartureStats {
        self.stats
    }

    fn decide_stream(&mut self, stream: &StreamMetrics<'_>, reported: i64, fate: &mut impl FnMut(Fate)) {
        // Both are in the order of the stream's numbers.
        let (mut metrics, mut passed) = (stream.metrics(), 0);
        for place in 0..self.records.len() {
            let Some(record) = self.records.get(place).filter(|record| record.ssrc == stream.ssrc()) else {
                continue;
            };
            let distance = usize::from(record.sequence.wrapping_sub(stream.begin_sequence()));
            // Numbers of before lie a long way ahead; one that was sent again lies behind.
            let Some(ahead) = distance.checked_sub(passed).filter(|_| distance < 0x8000) else {
                continue;
            };
            let Some((_, metric)) = metrics.nth(ahead) else { return };
            passed = distance + 1;
            let (outcome, ecn) = match metric {
                PacketMetric::NotReceived => (Outcome::Lost, None),
                PacketMetric::Received { ecn, offset } => {
                    let at = match offset {
                        ArrivalOffset::Before(units) => {
                            let before = from_compact_duration(u32::from(units) << 6);
                            let before = i64::try_from(before.as_nanos()).unwrap_or(i64::MAX);
                            Some(RemoteTime(reported.saturating_sub(before)))
                        }
                        ArrivalOffset::Beyond | ArrivalOffset::Unknown => None,
                    };
                    (Outcome::Arrived(at), ecn)
                }
            };
            self.decide(self.begin + place as u64, outcome, ecn, fate);
        }
    }

    fn decide(&mut self, number: u64, outcome: Outcome, ecn: Option<Ecn>, fate: &mut impl FnMut(Fate)) {
        let place = number
            .checked_sub(self.begin)
            .and_then(|place| usize::try_from(place).ok());
        let Some(record) = place.and_then(|place| self.records.get_mut(place)) else {
            self.stats.unknown += u64::from(outcome != Outcome::Lost);
            return;
        };
        self.told = self.told.max(number);
        let before = record.state;
        match (before, outcome) {
            (State::Done, _) | (State::Lost, Outcome::Lost) => return,
            (_, Outcome::Arrived(_)) => {
                record.state = State::Done;
                self.stats.arrived += 1;
            }
            (State::InFlight, Outcome::Lost) => {
                record.state = State::Lost;
                self.stats.lost += 1;
            }
        }
        if before == State::InFlight {
            self.in_flight -= record.bytes as usize;
        }
        fate(Fate {
            number,
            sent: record.sent,
            bytes: record.bytes,
            outcome,
            ecn,
        });
    }

    /// The oldest ones of which nothing more is expected go.
    fn drop_done(&mut self) {
        while let Some(record) = self.records.front() {
            if record.state != State::Done && self.begin + Self::LATE >= self.told {
                return;
            }
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(record) = self.records.pop_front() {
            self.begin += 1;
            if record.state == State::InFlight {
                self.in_flight -= record.bytes as usize;
                self.stats.forgotten += 1;
            }
        }
    }

    fn count_feedback(&mut self, count: u8) {
        if let Some(last) = self.feedback_count {
            let missing = count.wrapping_sub(last).wrapping_sub(1);
            // What is behind is late, not lost.
            self.stats.feedback_lost += u64::from(if missing < 0x80 { missing } else { 0 });
        }
        self.feedback_count = Some(count);
    }
}
