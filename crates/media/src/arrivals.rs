//! Which packets arrived when, for the one who sent them: transport-wide (TWCC) or by stream (RFC 8888).

use core::time::Duration;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use pollrtc_core::{Ecn, Instant};
use pollrtc_rtp::rtcp::{ArrivalOffset, PacketMetric};

use crate::sequence::extend;

/// What is older is not told again.
const BACK_WINDOW: Duration = Duration::from_millis(500);
/// What feedback on a handful of packets takes, with IP, UDP and SRTCP.
const FIRST_LEN: usize = 68;

/// How often feedback is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedbackConfig {
    /// No more often than this...
    pub shortest: Duration,
    /// ...and no more rarely.
    pub longest: Duration,
    /// In between, feedback takes so many percent of the rate of what it tells of.
    pub percent: u32,
    /// How many numbers it tells of at most. Those of one that jumps further begin anew.
    pub window: usize,
}

impl Default for FeedbackConfig {
    /// Each 50 to 250 ms, 5 %, 4,096 numbers.
    fn default() -> Self {
        Self {
            shortest: Duration::from_millis(50),
            longest: Duration::from_millis(250),
            percent: 5,
            window: 4_096,
        }
    }
}

/// When feedback is due: it takes a share of the rate of what it tells of.
#[derive(Clone, Copy, Debug)]
struct Pace {
    config: FeedbackConfig,
    last: Option<Instant>,
    interval: Duration,
    /// Bytes that came since the last one.
    bytes: u64,
    /// Of feedback, on the average.
    len: usize,
}

impl Pace {
    const fn new(config: FeedbackConfig) -> Self {
        Self {
            config,
            last: None,
            interval: config.shortest,
            bytes: 0,
            len: FIRST_LEN,
        }
    }

    fn handle_packet(&mut self, arrived: Instant, bytes: usize) {
        self.last.get_or_insert(arrived);
        self.bytes += bytes as u64;
    }

    fn due(&self) -> Instant {
        self.last.map_or(Instant::ZERO, |last| last + self.interval)
    }

    fn handle_sent(&mut self, now: Instant, len: usize) {
        let elapsed = self.last.map_or(Duration::ZERO, |last| now - last);
        self.len = (self.len * 7 + len) / 8;
        // Bytes that may be spent: `percent` of those that came. So much time has to pass that these are `len`.
        let earned = self.bytes * u64::from(self.config.percent);
        let nanos = elapsed.as_nanos() * (self.len as u128 * 100);
        let interval = nanos
            .checked_div(earned.into())
            .and_then(|nanos| u64::try_from(nanos).ok());
        let longest = self.config.longest.max(Duration::from_millis(1));
        let shortest = self.config.shortest.clamp(Duration::from_millis(1), longest);
        self.interval = interval.map_or(longest, Duration::from_nanos).clamp(shortest, longest);
        self.bytes = 0;
        self.last = Some(now);
    }
}

/// The arrivals of a run of numbers.
#[derive(Clone, Debug, Default)]
struct Track {
    /// The number of the first arrival in the list.
    begin: u64,
    arrivals: VecDeque<Option<(Instant, Option<Ecn>)>>,
    /// The first number that the next feedback tells of.
    unreported: u64,
    /// Numbers below this were told and are forgotten: to tell of them again would be to say that they were lost.
    floor: u64,
    has_news: bool,
}

impl Track {
    /// False if it is too old to be told, or was told already.
    fn insert(&mut self, sequence: u16, arrived: Instant, ecn: Option<Ecn>, window: usize) -> bool {
        let window = window.clamp(1, 0x7fff);
        let Some(highest) = self.highest() else {
            // Above 0, so that what comes late has a number too.
            return self.begin_anew(0x1_0000 + u64::from(sequence), arrived, ecn);
        };
        let number = extend(highest, sequence);
        if number > highest && number - highest > window as u64 {
            return self.begin_anew(number, arrived, ecn);
        }
        let Some(place) = number.checked_sub(self.begin) else {
            let missing = (self.begin - number) as usize;
            // Late, and from before all others.
            if number < self.floor || missing + self.arrivals.len() > window {
                return false;
            }
            (1..missing).for_each(|_| self.arrivals.push_front(None));
            self.arrivals.push_front(Some((arrived, ecn)));
            self.begin = number;
            self.unreported = number;
            self.has_news = true;
            return true;
        };
        let place = place as usize;
        while self.arrivals.len() <= place {
            self.arrivals.push_back(None);
        }
        let is_new = self.arrivals.get_mut(place).is_some_and(|arrival| {
            let is_new = arrival.is_none();
            arrival.get_or_insert((arrived, ecn));
            is_new
        });
        if is_new {
            // What was told to be missing is told again.
            self.unreported = self.unreported.min(number);
            self.has_news = true;
        }
        let too_many = self.arrivals.len().saturating_sub(window);
        self.drop_front(too_many);
        is_new
    }

    fn begin_anew(&mut self, number: u64, arrived: Instant, ecn: Option<Ecn>) -> bool {
        self.arrivals.clear();
        self.arrivals.push_back(Some((arrived, ecn)));
        self.begin = number;
        self.unreported = number;
        self.floor = 0;
        self.has_news = true;
        true
    }

    fn highest(&self) -> Option<u64> {
        (!self.arrivals.is_empty()).then(|| self.begin + self.arrivals.len() as u64 - 1)
    }

    fn unreported(&self) -> impl Iterator<Item = Option<(Instant, Option<Ecn>)>> + Clone + use<'_> {
        let told = self.unreported.saturating_sub(self.begin) as usize;
        self.arrivals.iter().skip(told).copied()
    }

    fn handle_reported(&mut self, now: Instant, count: usize) {
        let end = self.begin + self.arrivals.len() as u64;
        self.unreported = (self.unreported + count as u64).min(end);
        self.has_news = self.unreported < end;
        // What is missing in front of something fresh may still come.
        let mut old = 0;
        let told = (self.unreported - self.begin) as usize;
        // The newest stays, for the numbers that come to be extended by it.
        let kept = told.min(self.arrivals.len().saturating_sub(1));
        for (place, arrival) in self.arrivals.iter().take(kept).enumerate() {
            match arrival {
                Some((arrived, _)) if *arrived + BACK_WINDOW >= now => break,
                Some(_) => old = place + 1,
                None => {}
            }
        }
        self.drop_front(old);
    }

    fn drop_front(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        self.arrivals.drain(..count);
        self.begin += count as u64;
        self.floor = self.begin;
        self.unreported = self.unreported.max(self.begin);
    }
}

/// The packets of one transport as they came, by their transport-wide numbers, for feedback to their sender
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
///
/// ```
/// use core::time::Duration;
/// use pollrtc_core::Instant;
/// use pollrtc_media::{FeedbackConfig, TransportArrivals};
/// use pollrtc_rtp::rtcp::{TransportWideFeedbackBuilder, WriteRtcp};
/// let mut arrivals = TransportArrivals::new(FeedbackConfig::default());
/// for (number, millis) in [(65_535, 1_000), (1, 1_004)] {
///     arrivals.handle_packet(Instant::from_millis(millis), number, 1_200);
/// }
/// let now = arrivals.poll_timeout().ok_or("there is news")?;
/// let report = arrivals.poll_report(now).ok_or("it is due")?;
/// assert_eq!(report.base_sequence, 65_535);
/// assert!(report.ticks().eq([Some(4_000), None, Some(4_016)])); // units of 250 µs
/// let (told, len) = {
///     let (base, ticks) = (report.base_sequence, report.ticks());
///     let feedback = TransportWideFeedbackBuilder::new(1, 2, report.count, base, ticks, 1_200).ok_or("no room")?;
///     (feedback.status_count(), feedback.encoded_len())
/// };
/// arrivals.handle_reported(now, told.into(), len);
/// assert_eq!(arrivals.poll_timeout(), None);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug)]
pub struct TransportArrivals {
    track: Track,
    pace: Pace,
    count: u8,
    stale: u64,
}

/// What feedback has to tell.
#[derive(Clone, Copy, Debug)]
pub struct ArrivalReport<'a> {
    /// The first number.
    pub base_sequence: u16,
    /// The number of the feedback: it wraps.
    pub count: u8,
    track: &'a Track,
}

impl ArrivalReport<'_> {
    /// When each packet arrived, from the first number on: in units of 250 µs since [`Instant::ZERO`]; `None` for those that
    /// did not.
    pub fn ticks(&self) -> impl Iterator<Item = Option<i64>> + Clone + use<'_> {
        let tick = |(arrived, _): (Instant, _)| (arrived.as_nanos() / 250_000).cast_signed();
        self.track.unreported().map(move |arrival| arrival.map(tick))
    }
}

impl TransportArrivals {
    /// Nothing has come.
    pub fn new(config: FeedbackConfig) -> Self {
        Self {
            track: Track::default(),
            pace: Pace::new(config),
            count: 0,
            stale: 0,
        }
    }

    /// A packet with this transport-wide number came, of so many bytes.
    pub fn handle_packet(&mut self, arrived: Instant, sequence: u16, bytes: usize) {
        self.pace.handle_packet(arrived, bytes);
        let is_news = self.track.insert(sequence, arrived, None, self.pace.config.window);
        self.stale += u64::from(!is_news);
    }

    /// When the next feedback is due; `None` if there is nothing to tell.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.track.has_news.then(|| self.pace.due())
    }

    /// What is to be told now. Say with [`handle_reported`](Self::handle_reported) what was; and ask again, for there may be
    /// more than one packet takes.
    pub fn poll_report(&self, now: Instant) -> Option<ArrivalReport<'_>> {
        if self.poll_timeout().is_none_or(|due| now < due) {
            return None;
        }
        Some(ArrivalReport {
            base_sequence: self.track.unreported as u16,
            count: self.count,
            track: &self.track,
        })
    }

    /// Feedback on so many numbers was sent, in so many bytes. If none had room, say all: they are not worth another try.
    pub fn handle_reported(&mut self, now: Instant, numbers: usize, len: usize) {
        self.track.handle_reported(now, numbers);
        self.count = self.count.wrapping_add(1);
        if !self.track.has_news {
            self.pace.handle_sent(now, len);
        }
    }

    /// How many packets came too late to be told of, or twice.
    pub const fn stale(&self) -> u64 {
        self.stale
    }
}

/// The packets of several streams as they came, by their own numbers, with their ECN marks, for feedback to their sender
/// (RFC 8888).
///
/// ```
/// use core::time::Duration;
/// use pollrtc_core::{Ecn, Instant};
/// use pollrtc_media::{FeedbackConfig, StreamArrivals};
/// use pollrtc_rtp::rtcp::{ArrivalOffset, PacketMetric};
/// let mut arrivals = StreamArrivals::new(FeedbackConfig::default());
/// arrivals.handle_packet(Instant::from_millis(1_000), 0xcafe, 7, Some(Ecn::Ce), 1_200);
/// let now = arrivals.poll_timeout().ok_or("there is news")?;
/// let mut metrics = [PacketMetric::NotReceived; 64];
/// let report = arrivals.poll_report(now, &mut metrics).ok_or("it is due")?;
/// assert_eq!((report.ssrc, report.begin_sequence), (0xcafe, 7));
/// let offset = ArrivalOffset::Before(51); // 50 ms, in units of 1/1,024 s
/// assert_eq!(metrics[..report.metrics], [PacketMetric::Received { ecn: Some(Ecn::Ce), offset }]);
/// arrivals.handle_reported(now, 20);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug)]
pub struct StreamArrivals {
    /// By SSRC.
    tracks: Vec<(u32, Track)>,
    pace: Pace,
    stale: u64,
    /// Packets of more streams than there is room for.
    refused: u64,
}

/// What feedback has to tell of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamReport {
    /// The stream.
    pub ssrc: u32,
    /// The first number.
    pub begin_sequence: u16,
    /// How many metrics were written.
    pub metrics: usize,
}

impl StreamArrivals {
    /// How many streams are told of.
    pub const STREAMS: usize = 64;

    /// Nothing has come.
    pub const fn new(config: FeedbackConfig) -> Self {
        Self {
            tracks: Vec::new(),
            pace: Pace::new(config),
            stale: 0,
            refused: 0,
        }
    }

    /// A packet of a stream came, of so many bytes.
    pub fn handle_packet(&mut self, arrived: Instant, ssrc: u32, sequence: u16, ecn: Option<Ecn>, bytes: usize) {
        let at = match self.tracks.binary_search_by_key(&ssrc, |(ssrc, _)| *ssrc) {
            Ok(at) => at,
            Err(_) if self.tracks.len() >= Self::STREAMS => {
                self.refused += 1;
                return;
            }
            Err(at) => {
                self.tracks.insert(at, (ssrc, Track::default()));
                at
            }
        };
        self.pace.handle_packet(arrived, bytes);
        if let Some((_, track)) = self.tracks.get_mut(at) {
            let is_news = track.insert(sequence, arrived, ecn, self.pace.config.window);
            self.stale += u64::from(!is_news);
        }
    }

    /// A stream has ended.
    pub fn remove(&mut self, ssrc: u32) {
        self.tracks.retain(|(known, _)| *known != ssrc);
    }

    /// When the next feedback is due; `None` if there is nothing to tell.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let has_news = self.tracks.iter().any(|(_, track)| track.has_news);
        has_news.then(|| self.pace.due())
    }

    /// What is to be told of the next stream in feedback that is due at `now`, which is the time of its report timestamp:
    /// the metrics of as many packets as have room. Ask until there is nothing more, or no room in the packet, and then
    /// say that it was sent.
    pub fn poll_report(&mut self, now: Instant, metrics: &mut [PacketMetric]) -> Option<StreamReport> {
        if metrics.is_empty() || self.poll_timeout().is_none_or(|due| now < due) {
            return None;
        }
        let (ssrc, track) = self.tracks.iter_mut().find(|(_, track)| track.has_news)?;
        let begin_sequence = track.unreported as u16;
        let mut count = 0;
        for (metric, arrival) in metrics.iter_mut().zip(track.unreported()) {
            *metric = arrival.map_or(PacketMetric::NotReceived, |(arrived, ecn)| PacketMetric::Received {
                ecn,
                offset: offset(now, arrived),
            });
            count += 1;
        }
        track.handle_reported(now, count);
        Some(StreamReport {
            ssrc: *ssrc,
            begin_sequence,
            metrics: count,
        })
    }

    /// Feedback of so many bytes was sent.
    pub fn handle_reported(&mut self, now: Instant, len: usize) {
        self.pace.handle_sent(now, len);
    }

    /// How many packets came too late to be told of, or twice.
    pub const fn stale(&self) -> u64 {
        self.stale
    }

    /// How many packets were of more streams than there is room for.
    pub const fn refused(&self) -> u64 {
        self.refused
    }
}

/// RFC 8888 §3.1: how long before the report a packet arrived.
fn offset(now: Instant, arrived: Instant) -> ArrivalOffset {
    if arrived > now {
        return ArrivalOffset::Unknown;
    }
    let units = ((now - arrived).as_nanos() << 10) / 1_000_000_000;
    u16::try_from(units).map_or(ArrivalOffset::Beyond, ArrivalOffset::Before)
}
