//! One subscription: which packets leave, and under which names.

mod content;
mod ranges;

use pollrtc_core::Instant;
use pollrtc_rtp::dependency_descriptor::frame_number;
use pollrtc_rtp::payload::Layer;
use pollrtc_rtp::{Extension, Format, Rewrite, RtpPacket, Source, StreamKey};

use crate::clock::ticks;
use crate::sequence::{Sighting, Window, extend};
use crate::{ClockPair, Codec, FormatMap};
use content::{Numbers, Up};
use ranges::{Names, Ranges};

pub use content::Content;

/// What jumps by more than this has begun anew: a receiver would not ask for so many packets, and take a key content.
const MAX_GAP: u64 = 1_000;
/// What left before so many others is not asked for in earnest.
const MAX_BEHIND: u64 = 2_500;
/// All that a stream has.
pub const ALL_LAYERS: Layer = Layer {
    spatial: u8::MAX,
    temporal: u8::MAX,
};
/// How many switches, and how many clocks, are remembered.
const REMEMBERED: usize = 4;

/// What a [`Forwarder`] has to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForwarderConfig {
    /// The publisher's formats in terms of the subscriber.
    pub formats: FormatMap,
    /// The clock of the codec, in hertz: 90,000 for video.
    pub clock_rate: u32,
    /// The first outgoing sequence number: random, of which the lower 15 bits count (RFC 3711 §3.3.1: a receiver that
    /// misses the first packets must not guess the rollovers wrong).
    pub first_sequence: u16,
}

/// One subscription: takes the packets of a publisher's streams, says which ones leave, and how they are called then.
///
/// Of several streams (the layers of a simulcast, or one speaker after another) one is forwarded; the one that is
/// [selected](Self::select) takes over with its next key content. Outgoing numbers have no gaps where packets were left
/// out, and those that upstream lost stay gaps, so that a receiver asks for exactly what it lacks. Which number belongs
/// to which packet is remembered as ranges: the whole is less than 1 KiB, and holds no packets.
///
/// ```
/// use pollrtc_media::{ALL_LAYERS, Codec, FormatMap, Forwarder, ForwarderConfig, Verdict};
/// use pollrtc_rtp::{ExtensionMap, Format, Origin, RtpPacket, Source, StreamKey};
///
/// let mut formats = FormatMap::new();
/// formats.insert(Format(0), Format(0), Codec::Opaque);
/// let mut forwarder = Forwarder::new(ForwarderConfig { formats, clock_rate: 48_000, first_sequence: 100 });
/// forwarder.select(StreamKey(1), ALL_LAYERS);
///
/// let bytes = [0x80, 111, 0x99, 0x99, 0, 0, 0, 2, 0, 0, 0, 3, b'x'];
/// let source = Source { stream: StreamKey(1), index: 0x9999 };
/// let packet = RtpPacket::parse(&bytes, &ExtensionMap::new(), Origin { source, ..Origin::default() })?;
/// let Verdict::Forward(rewrite) = forwarder.next(&packet) else { panic!("sound is forwarded") };
/// assert_eq!(rewrite.sequence, 100);
/// // The subscriber lacks number 100. It is this packet, which a `History` may have:
/// assert_eq!(forwarder.find(100), Some(source));
/// assert_eq!(forwarder.repeat(100, &packet), Some(rewrite));
/// # Ok::<(), pollrtc_rtp::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Forwarder {
    formats: FormatMap,
    clock_rate: u32,
    wanted: Option<StreamKey>,
    wanted_layer: Layer,
    current: Option<Current>,
    /// The last switches; a range names the one that it followed.
    switches: [Option<Switch>; REMEMBERED],
    newest_switch: u8,
    clocks: [Option<(StreamKey, ClockPair)>; REMEMBERED],
    ranges: Ranges,
    /// Outgoing numbers that have left.
    left: Window<8>,
    last: Option<Last>,
    stats: ForwarderStats,
}

/// The stream that is forwarded now.
#[derive(Clone, Copy, Debug)]
struct Current {
    stream: StreamKey,
    /// The index after the newest one.
    expected: u64,
    /// The highest layers that are forwarded.
    limit: Layer,
    /// Those of the newest packet.
    layer: Layer,
    /// Of the newest packet, as it came.
    timestamp: u32,
    /// The newest packet was left out.
    is_skipping: bool,
}

/// From when on a stream was forwarded.
#[derive(Clone, Copy, Debug, Default)]
struct Switch {
    stream: StreamKey,
    /// The highest index that was seen since.
    highest: u64,
    /// What is added to its timestamps.
    timestamp: u32,
    /// What is added to the frame numbers of its dependency descriptors.
    frame_number: u16,
}

/// The newest packet that left.
#[derive(Clone, Copy, Debug)]
struct Last {
    timestamp: u32,
    arrived: Instant,
    numbers: Numbers,
    frame_number: Option<u16>,
}

/// What is to be done with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'d> {
    /// It leaves, called so.
    Forward(Rewrite<'d>),
    /// It does not leave.
    Skip,
    /// It does not leave: this stream is to be forwarded, and only a key frame can begin. Said for each packet in
    /// vain; [`KeyframeRequests`](crate::KeyframeRequests) make one request of many.
    KeyframeNeeded(StreamKey),
}

/// What a forwarder has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForwarderStats {
    /// Packets that left; repeats don't count.
    pub forwarded: u64,
    /// Packets that did not.
    pub skipped: u64,
    /// How many times a stream took over.
    pub switches: u32,
}

impl Forwarder {
    /// A subscription to nothing yet.
    pub fn new(config: ForwarderConfig) -> Self {
        Self {
            formats: config.formats,
            clock_rate: config.clock_rate,
            wanted: None,
            wanted_layer: ALL_LAYERS,
            current: None,
            switches: [None; REMEMBERED],
            newest_switch: 0,
            clocks: [None; REMEMBERED],
            ranges: Ranges::new((config.first_sequence & 0x7fff).into()),
            left: Window::new(),
            last: None,
            stats: ForwarderStats::default(),
        }
    }

    /// Forward this stream, and of it the layers up to `layer` ([`ALL_LAYERS`] for all). Until its next key frame, what was
    /// forwarded so far goes on; layers are left at the next picture, and taken up at the next that allows it, which is a
    /// key frame for spatial ones.
    pub const fn select(&mut self, stream: StreamKey, layer: Layer) {
        self.wanted = Some(stream);
        self.wanted_layer = layer;
    }

    /// Forward nothing, from now on. What is selected next begins with a key content.
    pub const fn pause(&mut self) {
        self.wanted = None;
        self.current = None;
    }

    /// The stream that is forwarded, which may not be the selected one yet.
    pub fn current(&self) -> Option<StreamKey> {
        self.current.map(|current| current.stream)
    }

    /// Takes other formats: something was negotiated.
    pub const fn set_formats(&mut self, formats: FormatMap) {
        self.formats = formats;
    }

    /// What a stream's clock showed when: timestamps of a switch between two whose clocks are known are exact.
    /// Of more than four streams the one that was told longest ago is forgotten.
    pub fn handle_clock(&mut self, stream: StreamKey, clock: ClockPair) {
        let known = self
            .clocks
            .iter()
            .position(|entry| entry.is_some_and(|(key, _)| key == stream));
        let place = known.unwrap_or(REMEMBERED - 1);
        if let Some(newer) = self.clocks.get_mut(..=place) {
            newer.rotate_right(1);
            if let Some(first) = newer.first_mut() {
                *first = Some((stream, clock));
            }
        }
    }

    /// The clock of the stream that is forwarded, in outgoing timestamps: for sender reports
    /// ([`Transmission::set_clock`](crate::Transmission::set_clock)).
    pub fn outgoing_clock(&self) -> Option<ClockPair> {
        let clock = self.clock_of(self.current?.stream)?;
        let switch = self.switch(self.newest_switch)?;
        Some(ClockPair {
            timestamp: clock.timestamp.wrapping_add(switch.timestamp),
            ..clock
        })
    }

    /// What becomes of a packet. Give each that came, in the order in which they came, also those of other streams.
    pub fn next<'d>(&mut self, packet: &RtpPacket<'d>) -> Verdict<'d> {
        match self.formats.get(packet.origin.format) {
            Some((_, codec)) => self.next_with(packet, &Content::of(codec, packet)),
            None => self.skip(),
        }
    }

    /// The same, of a packet whose content was read before: once for many subscriptions, or from its descriptor.
    pub fn next_with<'d>(&mut self, packet: &RtpPacket<'d>, content: &Content) -> Verdict<'d> {
        let Some((format, _)) = self.formats.get(packet.origin.format) else {
            return self.skip();
        };
        let verdict = self.judge(packet, format, content);
        match verdict {
            Verdict::Forward(_) => self.stats.forwarded += 1,
            Verdict::Skip | Verdict::KeyframeNeeded(_) => self.stats.skipped += 1,
        }
        verdict
    }

    /// The packet that left under a number; `None` if none did, none may have, or too long ago.
    pub fn find(&self, sequence: u16) -> Option<Source> {
        self.look_up(sequence).map(|(_, _, source)| source)
    }

    /// How a packet that [`find`](Self::find) told leaves once more: just as it did the first time. `None` if it is
    /// not that packet, or its format is not known any more.
    pub fn repeat<'d>(&self, sequence: u16, packet: &RtpPacket<'d>) -> Option<Rewrite<'d>> {
        let (_, codec) = self.formats.get(packet.origin.format)?;
        self.repeat_with(sequence, packet, &Content::of(codec, packet))
    }

    /// The same, of a packet whose content was given to [`next_with`](Self::next_with).
    pub fn repeat_with<'d>(&self, sequence: u16, packet: &RtpPacket<'d>, content: &Content) -> Option<Rewrite<'d>> {
        let (number, names, source) = self.look_up(sequence)?;
        let (format, _) = self.formats.get(packet.origin.format)?;
        (packet.origin.source == source).then(|| self.rewrite(packet, format, content, number, names))
    }

    /// The next outgoing number, with its rollovers.
    pub const fn next_sequence(&self) -> u64 {
        self.ranges.next()
    }

    /// What was counted.
    pub const fn stats(&self) -> ForwarderStats {
        self.stats
    }

    fn skip<'d>(&mut self) -> Verdict<'d> {
        self.stats.skipped += 1;
        Verdict::Skip
    }

    fn judge<'d>(&mut self, packet: &RtpPacket<'d>, format: Format, content: &Content) -> Verdict<'d> {
        let Source { stream, index } = packet.origin.source;
        let begins = content.begins_key_frame && !packet.payload().is_empty();
        if let Some(current) = &self.current
            && current.stream == stream
        {
            if index < current.expected {
                return self.late(packet, format, content);
            }
            if index - current.expected <= MAX_GAP {
                return self.in_order(packet, format, content);
            }
            // It has begun anew, so it needs a beginning.
            self.current = None;
        }
        let Some(wanted) = self.wanted else {
            return Verdict::Skip;
        };
        // It may have been overtaken by what took over.
        if wanted != stream || self.is_late(packet.origin.source) {
            return self.late(packet, format, content);
        }
        if !begins {
            return Verdict::KeyframeNeeded(stream);
        }
        self.current = Some(self.switch_to(packet, content));
        self.in_order(packet, format, content)
    }

    /// Whether a packet is older than one of its stream that was forwarded.
    fn is_late(&self, source: Source) -> bool {
        self.switches.iter().flatten().any(|switch| {
            let behind = switch.highest.checked_sub(source.index);
            switch.stream == source.stream && behind.is_some_and(|behind| behind < 0x8000)
        })
    }

    /// The newest packet of the stream that is forwarded.
    fn in_order<'d>(&mut self, packet: &RtpPacket<'d>, format: Format, content: &Content) -> Verdict<'d> {
        let Some(current) = self.current.as_mut() else {
            return Verdict::Skip;
        };
        let index = packet.origin.source.index;
        let gap = index - current.expected;
        current.expected = index.saturating_add(1);
        let is_new_picture = packet.timestamp() != current.timestamp;
        current.timestamp = packet.timestamp();
        let is_padding = packet.payload().is_empty();
        if is_new_picture {
            current.is_skipping = false;
        }
        if !is_padding {
            let above = if is_new_picture {
                Layer::default()
            } else {
                current.layer
            };
            current.layer = content.layer.unwrap_or(above);
            // What is wanted may have been chosen for another stream.
            if is_new_picture && self.wanted == Some(current.stream) {
                current.limit = limit(current.limit, self.wanted_layer, content, current.layer);
            }
        }
        let is_left_out = is_padding || is_above(current.layer, current.limit);
        let was_skipping = core::mem::replace(&mut current.is_skipping, is_left_out);
        let Current {
            expected, layer, limit, ..
        } = *current;
        if let Some(Some(switch)) = self.switches.get_mut(usize::from(self.newest_switch)) {
            switch.highest = index;
        }
        let mut names = self.ranges.newest().unwrap_or_default();
        if is_left_out {
            // What was lost in the middle of a picture's upper layers belonged to them; anything else stays a gap.
            if gap > 0 && !was_skipping {
                self.ranges.extend(gap);
            }
            // VP8 counts pictures, and receivers wait for those that are missing. Each that is left out counts once. In
            // VP9 pictures name those that they need by the difference of these numbers, so that they stay.
            if content.codec == Codec::Vp8 && content.numbers.is_some() && !is_padding && !was_skipping {
                names.picture_id = names.picture_id.wrapping_sub(1);
            }
            self.ranges.begin(expected, names);
            let waits = !is_padding && layer.spatial > limit.spatial && !is_above(layer, self.wanted_layer);
            let stream = packet.origin.source.stream;
            return match self.wanted == Some(stream) && waits {
                true => Verdict::KeyframeNeeded(stream),
                false => Verdict::Skip,
            };
        }
        if gap > 0 {
            self.ranges.extend(gap);
        }
        let Layer { spatial, temporal } = limit;
        if (names.spatial, names.temporal) != (spatial, temporal) {
            (names.spatial, names.temporal) = (spatial, temporal);
            self.ranges.begin(index, names);
        }
        let number = self.ranges.extend(1);
        self.left.insert(number);
        let rewrite = self.rewrite(packet, format, content, number, names);
        self.last = Some(Last {
            timestamp: rewrite.timestamp,
            arrived: packet.origin.arrived,
            numbers: content
                .numbers
                .map_or(self.last_numbers(), |numbers| renamed(numbers, names)),
            frame_number: rewrite
                .frame_number
                .or_else(|| rewrite.descriptor.and_then(frame_number)),
        });
        Verdict::Forward(rewrite)
    }

    /// A packet that others have overtaken: it gets the number that was kept free for it, if there is one.
    fn late<'d>(&mut self, packet: &RtpPacket<'d>, format: Format, content: &Content) -> Verdict<'d> {
        let Source { stream, index } = packet.origin.source;
        let from_newest =
            (0..REMEMBERED as u8).map(|age| (self.newest_switch + REMEMBERED as u8 - age) % REMEMBERED as u8);
        // Ranges know the lower 32 bits of an index.
        let is_near = |switch: Switch| {
            let behind = switch.highest.checked_sub(index);
            switch.stream == stream && behind.is_some_and(|behind| behind < 1 << 31)
        };
        let found = from_newest
            .filter(|place| self.switch(*place).is_some_and(is_near))
            .find_map(|place| self.ranges.outgoing(place, index));
        let Some((number, names)) = found else {
            return Verdict::Skip;
        };
        if self.left.look(number) != Sighting::New {
            return Verdict::Skip;
        }
        let limit = Layer {
            spatial: names.spatial,
            temporal: names.temporal,
        };
        if packet.payload().is_empty() || is_above(content.layer.unwrap_or_default(), limit) {
            self.ranges.leave_out(number);
            return Verdict::Skip;
        }
        self.left.insert(number);
        Verdict::Forward(self.rewrite(packet, format, content, number, names))
    }

    /// A stream takes over with this packet.
    fn switch_to(&mut self, packet: &RtpPacket<'_>, content: &Content) -> Current {
        let timestamp = self.timestamp_after_switch(packet);
        // Receivers order frames by their numbers, and would take lower ones for late ones.
        let frame_number = match (self.last.and_then(|last| last.frame_number), number_of(packet)) {
            (Some(last), Some(number)) => last.wrapping_add(1).wrapping_sub(number),
            _ => 0,
        };
        let place = match self.last {
            Some(_) => (self.newest_switch + 1) % REMEMBERED as u8,
            None => 0,
        };
        self.newest_switch = place;
        self.ranges.forget(place);
        let Source { stream, index } = packet.origin.source;
        if let Some(switch) = self.switches.get_mut(usize::from(place)) {
            *switch = Some(Switch {
                stream,
                highest: index,
                timestamp,
                frame_number,
            });
        }
        let limit = self.wanted_layer;
        let mut names = Names {
            switch: place,
            spatial: limit.spatial,
            temporal: limit.temporal,
            ..Names::default()
        };
        if let (Some(last), Some(numbers)) = (self.last, content.numbers) {
            names.picture_id = last.numbers.picture_id.wrapping_add(1).wrapping_sub(numbers.picture_id);
            let next_base = last.numbers.tl0_picture_index.wrapping_add(1);
            names.tl0_picture_index = next_base.wrapping_sub(numbers.tl0_picture_index);
            names.key_index = last.numbers.key_index.wrapping_add(1).wrapping_sub(numbers.key_index);
        }
        self.ranges.begin(index, names);
        self.stats.switches += 1;
        Current {
            stream,
            expected: index,
            limit,
            layer: Layer::default(),
            timestamp: packet.timestamp(),
            is_skipping: false,
        }
    }

    /// What is added to the timestamps of a stream that takes over with this packet.
    fn timestamp_after_switch(&self, packet: &RtpPacket<'_>) -> u32 {
        let Some(last) = self.last else {
            return 0; // the publisher's timestamps are as good as any
        };
        let elapsed = ticks(packet.origin.arrived - last.arrived, self.clock_rate);
        let by_arrival = last.timestamp.wrapping_add(elapsed);
        let left = self.switch(self.newest_switch).unwrap_or_default();
        let clocks = self
            .clock_of(left.stream)
            .zip(self.clock_of(packet.origin.source.stream));
        let by_clock = clocks.map(|(old, new)| {
            let taken = new.instant_of(packet.timestamp(), self.clock_rate);
            old.timestamp_at(taken, self.clock_rate).wrapping_add(left.timestamp)
        });
        // Clocks tell exactly when it was taken. Where they are more than a second off, they are wrong.
        let is_likely = |clock: &u32| clock.wrapping_sub(by_arrival).cast_signed().unsigned_abs() <= self.clock_rate;
        let mut timestamp = by_clock.filter(is_likely).unwrap_or(by_arrival);
        if timestamp.wrapping_sub(last.timestamp).cast_signed() <= 0 {
            timestamp = last.timestamp.wrapping_add(1); // another frame than the last one, all the same
        }
        timestamp.wrapping_sub(packet.timestamp())
    }

    fn rewrite<'d>(
        &self,
        packet: &RtpPacket<'d>,
        format: Format,
        content: &Content,
        number: u64,
        names: Names,
    ) -> Rewrite<'d> {
        let switch = self.switch(names.switch).unwrap_or_default();
        let descriptor = packet.extension(Extension::DependencyDescriptor);
        Rewrite {
            sequence: number,
            timestamp: packet.timestamp().wrapping_add(switch.timestamp),
            // RFC 9628 §4.2: it ends a picture, whose upper layers may be left out.
            marker: packet.marker()
                || (content.ends_layer && content.layer.is_some_and(|layer| layer.spatial == names.spatial)),
            format,
            patch: content.patch(|numbers| renamed(numbers, names)),
            descriptor,
            frame_number: descriptor
                .filter(|_| switch.frame_number != 0)
                .and_then(frame_number)
                .map(|number| number.wrapping_add(switch.frame_number)),
        }
    }

    fn look_up(&self, sequence: u16) -> Option<(u64, Names, Source)> {
        let next = self.ranges.next();
        let number = extend(next.saturating_sub(1), sequence);
        if number >= next || next - number > MAX_BEHIND {
            return None;
        }
        let (index, names) = self.ranges.source(number)?;
        let switch = self.switch(names.switch)?;
        let behind = (switch.highest as u32).wrapping_sub(index);
        let source = Source {
            stream: switch.stream,
            index: switch.highest.checked_sub(behind.into())?,
        };
        Some((number, names, source))
    }

    fn last_numbers(&self) -> Numbers {
        self.last.map_or(Numbers::default(), |last| last.numbers)
    }

    fn switch(&self, place: u8) -> Option<Switch> {
        self.switches.get(usize::from(place)).copied().flatten()
    }

    fn clock_of(&self, stream: StreamKey) -> Option<ClockPair> {
        let mut known = self.clocks.iter().flatten();
        known.find(|(key, _)| *key == stream).map(|(_, clock)| *clock)
    }
}

/// Up to which layers a picture is forwarded that begins with this packet: `now` in front of it, `wanted` in the end.
fn limit(now: Layer, wanted: Layer, content: &Content, layer: Layer) -> Layer {
    if content.begins_key_frame {
        return wanted;
    }
    let temporal = match content.up {
        _ if wanted.temporal < now.temporal => wanted.temporal,
        Up::Layer if layer.temporal == now.temporal.saturating_add(1) => layer.temporal.min(wanted.temporal),
        Up::Above if layer.temporal <= now.temporal => wanted.temporal,
        _ => now.temporal,
    };
    Layer {
        spatial: now.spatial.min(wanted.spatial),
        temporal,
    }
}

/// The number in a packet's dependency descriptor.
fn number_of(packet: &RtpPacket<'_>) -> Option<u16> {
    packet.extension(Extension::DependencyDescriptor).and_then(frame_number)
}

/// Whether something belongs to a layer that is left out.
const fn is_above(layer: Layer, limit: Layer) -> bool {
    layer.spatial > limit.spatial || layer.temporal > limit.temporal
}

/// The numbers of a picture as they leave.
const fn renamed(numbers: Numbers, names: Names) -> Numbers {
    Numbers {
        picture_id: numbers.picture_id.wrapping_add(names.picture_id) & 0x7fff,
        tl0_picture_index: numbers.tl0_picture_index.wrapping_add(names.tl0_picture_index),
        key_index: numbers.key_index.wrapping_add(names.key_index) & 0x1f,
    }
}
