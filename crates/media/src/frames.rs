//! From packets to frames.

use core::time::Duration;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use pollrtc_core::Instant;
use pollrtc_rtp::dependency_descriptor::DescriptorReader;
use pollrtc_rtp::payload::{Depacketizer, DepacketizerLimits, DepacketizerStats, Layer, PayloadFormat, PayloadPacket};
use pollrtc_rtp::{Extension, Format, SharedPacket, TimestampUnwrapper};

/// How long [`Frames`] wait, and for how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramesConfig {
    /// How long a packet that is missing is waited for: as long as its retransmission may take. Frames come later by so much
    /// at most.
    pub patience: Duration,
    /// How many packets may wait for one that is missing. Beyond that it is given up.
    pub packets: usize,
    /// How long frames may be, and how many of them may wait to be taken.
    pub limits: DepacketizerLimits,
}

impl Default for FramesConfig {
    /// Half a second, 1,024 packets.
    fn default() -> Self {
        Self {
            patience: Duration::from_millis(500),
            packets: 1_024,
            limits: DepacketizerLimits::default(),
        }
    }
}

/// A frame that came whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceivedFrame<'f> {
    /// Its bytes, in the form that the table of [`payload`](pollrtc_rtp::payload) shows.
    pub bytes: &'f [u8],
    /// The timestamp of its packets, followed over its wraps: it only grows, but for frames that are shown in another order.
    pub timestamp: i64,
    /// How it is coded: a place in the list that its packets' formats are places in.
    pub format: Format,
    /// Whether it can be decoded without others. Each frame of audio can.
    pub is_keyframe: bool,
    /// The highest layers that it has parts of.
    pub layer: Layer,
}

/// What became of packets and frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FramesStats {
    /// Packets that were given up.
    pub lost_packets: u64,
    /// Packets that came again, or after they had been given up.
    pub late_packets: u64,
    /// Packets that had to make room since nobody took the frames.
    pub unclaimed_packets: u64,
    /// Packets of a format that is not in the list.
    pub unknown_packets: u64,
    /// Frames that were whole, and left out since others are missing that they may need.
    pub broken_frames: u64,
    /// What became of frames otherwise.
    pub depacketizer: DepacketizerStats,
}

/// The frames of one received stream, out of its packets as they come: these are put in order, and those that are missing are
/// waited for as long as a retransmission may take. Where one does not come, the frames up to the next key frame are left
/// out, for a decoder can do nothing with them; of audio only those that lack something.
///
/// Insert each packet, then take frames until there are none. It holds no more packets than
/// [`FramesConfig::packets`], which it shares with whoever else holds them, and copies what is in them once.
///
/// ```
/// use pollrtc_core::Instant;
/// use pollrtc_media::{Frames, FramesConfig};
/// use pollrtc_rtp::payload::PayloadFormat;
/// use pollrtc_rtp::{ExtensionMap, Format, Origin, Pool, RtpPacket, Source, StreamKey};
///
/// let now = Instant::ZERO;
/// let mut pool = Pool::new(100);
/// let mut frames = Frames::new([PayloadFormat::Vp8], FramesConfig::default());
/// // The second packet of a picture comes first.
/// for (index, marker, payload) in [(8, 0x80, [0x00, 2, 3]), (7, 0, [0x10, 0x00, 1])] {
///     let header = [0x80, marker | 96, 0, index, 0, 0, 0, 90, 0, 0, 0, 1];
///     let bytes = [&header[..], &payload].concat();
///     let source = Source { stream: StreamKey(1), index: index.into() };
///     let packet = RtpPacket::parse(&bytes, &ExtensionMap::new(), Origin { source, ..Origin::default() })?;
///     frames.insert(now, &pool.share(&packet).ok_or("all are held")?);
/// }
/// let frame = frames.poll_frame(now).ok_or("a picture is whole")?;
/// assert_eq!(frame.bytes, [0x00, 1, 2, 3]);
/// assert!(frame.is_keyframe);
/// assert_eq!(frames.poll_frame(now), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Frames {
    formats: Vec<PayloadFormat>,
    config: FramesConfig,
    /// In order.
    held: VecDeque<Held>,
    /// The index of the packet that comes next; `None` before the first one was used.
    next: Option<u64>,
    /// What the last packet was coded in.
    format: Format,
    payload: PayloadFormat,
    depacketizer: Depacketizer,
    descriptors: DescriptorReader,
    timestamps: TimestampUnwrapper,
    /// Something is missing that the next frames may need.
    is_broken: bool,
    needs_keyframe: bool,
    has_ended: bool,
    stats: FramesStats,
    /// What depacketizers before this one counted.
    earlier: DepacketizerStats,
}

/// A packet that waits for one before it, or for somebody to take frames.
#[derive(Debug)]
struct Held {
    index: u64,
    /// Since when it, or one behind it, has waited.
    since: Instant,
    packet: SharedPacket,
}

/// Above this, a gap could be taken for packets that come late: a stream begins anew there.
const WIDEST_GAP: u64 = 1 << 15;

impl Frames {
    /// Of a stream that has not begun, whose packets' formats are places in this list.
    pub fn new(formats: impl IntoIterator<Item = PayloadFormat>, config: FramesConfig) -> Self {
        let formats: Vec<PayloadFormat> = formats.into_iter().collect();
        let payload = formats.first().copied().unwrap_or(PayloadFormat::Whole);
        Self {
            config,
            held: VecDeque::new(),
            next: None,
            format: Format(0),
            payload,
            depacketizer: Depacketizer::new(payload, config.limits),
            descriptors: DescriptorReader::new(),
            timestamps: TimestampUnwrapper::new(),
            is_broken: true,
            needs_keyframe: false,
            has_ended: false,
            stats: FramesStats::default(),
            earlier: DepacketizerStats::default(),
            formats,
        }
    }

    /// Takes a packet of the stream.
    pub fn insert(&mut self, now: Instant, packet: &SharedPacket) {
        let index = packet.view().origin.source.index;
        if self.next.is_some_and(|next| index < next) {
            self.stats.late_packets += 1;
            return;
        }
        let place = self.held.partition_point(|held| held.index < index);
        let following = self.held.get(place);
        if following.is_some_and(|held| held.index == index) {
            self.stats.late_packets += 1;
            return;
        }
        let since = following.map_or(now, |held| held.since.min(now));
        let packet = packet.clone();
        self.held.insert(place, Held { index, since, packet });
        if self.held.len() > self.config.packets.max(1)
            && let Some(oldest) = self.held.pop_front()
        {
            self.stats.unclaimed_packets += 1;
            self.next = Some(oldest.index + 1);
            self.break_off();
        }
    }

    /// The next frame. Its bytes are lent until the next call.
    pub fn poll_frame(&mut self, now: Instant) -> Option<ReceivedFrame<'_>> {
        loop {
            let Some(frame) = self.depacketizer.peek_frame() else {
                if !self.advance(now) {
                    return None;
                }
                continue;
            };
            if frame.is_keyframe || !self.is_broken {
                break;
            }
            self.stats.broken_frames += 1;
            self.needs_keyframe = true;
            self.depacketizer.poll_frame();
        }
        self.is_broken = false;
        let frame = self.depacketizer.poll_frame()?;
        self.needs_keyframe &= !frame.is_keyframe;
        Some(ReceivedFrame {
            bytes: frame.bytes,
            timestamp: self.timestamps.unwrap(frame.timestamp),
            format: self.format,
            is_keyframe: frame.is_keyframe,
            layer: frame.layer,
        })
    }

    /// When to poll again at the latest; `None` if nothing is waited for.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.held.front().map(|held| held.since + self.config.patience)
    }

    /// Whether frames are left out that only a key frame makes up for: ask for one. Says so once, and again while frames
    /// come that are of no use.
    pub fn take_keyframe_need(&mut self) -> bool {
        core::mem::take(&mut self.needs_keyframe)
    }

    /// The stream has ended: what is missing does not come any more. Take the last frames then.
    pub fn handle_end(&mut self) {
        self.has_ended = true;
    }

    /// How many packets wait.
    pub fn held_packets(&self) -> usize {
        self.held.len()
    }

    /// What was counted.
    pub fn stats(&self) -> FramesStats {
        FramesStats {
            depacketizer: sum(self.earlier, self.depacketizer.stats()),
            ..self.stats
        }
    }

    /// Uses the next packet, or gives up what it waits for. False if there is nothing to do.
    fn advance(&mut self, now: Instant) -> bool {
        let Some(front) = self.held.front() else {
            // What nothing follows is a frame if its end was marked, or if nothing can follow.
            if core::mem::take(&mut self.has_ended) {
                self.depacketizer.handle_end();
                return true;
            }
            return false;
        };
        let gap = front.index - self.next.unwrap_or(front.index);
        if gap > 0 {
            let is_hopeless = self.has_ended || self.held.len() >= self.config.packets;
            if !is_hopeless && now < front.since + self.config.patience {
                return false;
            }
            self.next = Some(front.index);
            self.stats.lost_packets += gap;
            self.break_off();
            if gap > WIDEST_GAP {
                self.restart();
            }
            return true;
        }
        let view = front.packet.view();
        let format = view.origin.format;
        if format != self.format {
            self.depacketizer.handle_end();
            if self.depacketizer.peek_frame().is_some() {
                return true; // it is of the format that was before
            }
            if let Some(payload) = self.formats.get(usize::from(format.0)).copied() {
                self.format = format;
                if payload != self.payload {
                    self.payload = payload;
                    self.restart();
                }
            }
            self.is_broken |= format == self.format && self.needs_others();
        }
        self.use_front();
        true
    }

    /// The packet in front goes to its frame.
    fn use_front(&mut self) {
        let Some(held) = self.held.pop_front() else { return };
        self.next = Some(held.index + 1);
        let view = held.packet.view();
        if view.origin.format != self.format || self.formats.is_empty() {
            self.stats.unknown_packets += 1;
            return;
        }
        let descriptor = view.extension(Extension::DependencyDescriptor);
        let descriptor = descriptor.and_then(|bytes| self.descriptors.read(held.index, bytes).ok());
        let before = failed(self.depacketizer.stats());
        self.depacketizer.handle_packet(PayloadPacket {
            marks: descriptor.map(|descriptor| descriptor.marks()),
            ..PayloadPacket::of(&view)
        });
        if failed(self.depacketizer.stats()) != before {
            self.break_off();
        }
    }

    /// Something is missing for good.
    fn break_off(&mut self) {
        if self.needs_others() {
            self.is_broken = true;
            self.needs_keyframe = true;
        }
    }

    /// Whether frames need those before them.
    fn needs_others(&self) -> bool {
        self.payload != PayloadFormat::Whole
    }

    fn restart(&mut self) {
        self.earlier = sum(self.earlier, self.depacketizer.stats());
        self.depacketizer = Depacketizer::new(self.payload, self.config.limits);
    }
}

/// Frames that did not come to be.
const fn failed(stats: DepacketizerStats) -> u64 {
    stats.incomplete_frames + stats.malformed_frames + stats.long_frames + stats.unclaimed_frames
}

const fn sum(one: DepacketizerStats, other: DepacketizerStats) -> DepacketizerStats {
    DepacketizerStats {
        frames: one.frames + other.frames,
        incomplete_frames: one.incomplete_frames + other.incomplete_frames,
        malformed_frames: one.malformed_frames + other.malformed_frames,
        long_frames: one.long_frames + other.long_frames,
        unclaimed_frames: one.unclaimed_frames + other.unclaimed_frames,
        late_packets: one.late_packets + other.late_packets,
    }
}
