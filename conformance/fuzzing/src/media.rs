//! Targets of `pollrtc-media`.

use std::collections::BTreeMap;
use std::time::Duration;

use pollrtc_core::{Departure, Instant, SendId};
use pollrtc_media::{
    ALL_LAYERS, ClockPair, Codec, Departures, Facts, FormatMap, Forwarder, ForwarderConfig, History, HistoryConfig,
    KeyframeConfig, KeyframeRequests, NackConfig, NackList, Reception, Resends, Verdict,
};
use pollrtc_rtp::payload::{Layer, apply_patch};
use pollrtc_rtp::rtcp::{Compound, RtcpPacket};
use pollrtc_rtp::{ExtensionMap, Format, Origin, Pool, Rewrite, RtpPacket, Source, StreamKey, Via};

const CODECS: [Codec; 6] = [
    Codec::Opaque,
    Codec::Vp8,
    Codec::Vp9,
    Codec::H264,
    Codec::H265,
    Codec::Av1,
];
const HISTORY: HistoryConfig = HistoryConfig {
    bytes: 2_000,
    packets: 64,
    packets_per_stream: 32,
    streams: 3,
    age: Duration::from_secs(1),
};

/// A script: what a publisher sends whose numbers, timestamps, times and payloads are anything, and what two receivers
/// ask for, at any rate.
pub fn forwarder(script: &[u8]) {
    let mut bytes = script.iter().copied();
    let mut formats = FormatMap::new();
    for (format, codec) in (0..).zip(CODECS) {
        assert!(formats.insert(Format(format), Format(format + 10), codec));
    }
    let first_sequence = u16::from_be_bytes([bytes.next().unwrap_or(0), bytes.next().unwrap_or(0)]);
    let config = ForwarderConfig {
        formats,
        clock_rate: 90_000,
        first_sequence,
    };
    let mut scene = Scene {
        receivers: [Receiver::new(config), Receiver::new(config)],
        history: History::new(HISTORY),
        pool: Pool::new(80),
        streams: std::array::from_fn(|_| Stream::default()),
        keyframes: KeyframeRequests::new(KeyframeConfig::default()),
        now: Instant::from_millis(100_000),
    };
    while let Some(step) = bytes.next() {
        scene.step(step, &mut bytes);
        scene.check();
    }
}

struct Scene {
    receivers: [Receiver; 2],
    history: History,
    pool: Pool,
    streams: [Stream; 4],
    keyframes: KeyframeRequests,
    now: Instant,
}

/// A receiver, and what it was sent.
struct Receiver {
    forwarder: Forwarder,
    resends: Resends,
    left: BTreeMap<u64, Source>,
    earned: u64,
}

/// One stream of the publisher.
struct Stream {
    index: u64,
    timestamp: u32,
    format: u8,
    reception: Reception,
    nacks: NackList,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            index: 60_000,
            timestamp: 0,
            format: 1,
            reception: Reception::authenticated(),
            nacks: NackList::new(NackConfig::default()),
        }
    }
}

impl Receiver {
    fn new(config: ForwarderConfig) -> Self {
        Self {
            forwarder: Forwarder::new(config),
            resends: Resends::new(),
            left: BTreeMap::new(),
            earned: 12_000,
        }
    }
}

impl Scene {
    fn step(&mut self, step: u8, bytes: &mut impl Iterator<Item = u8>) {
        let mut next = || bytes.next().unwrap_or(0);
        let which = usize::from(step >> 6);
        let receiver = which % self.receivers.len();
        match step & 0x1f {
            0 => self.now += Duration::from_millis(u64::from(next()) * 4),
            1 => self.now = self.now - Duration::from_millis(u64::from(next()) * 40),
            2 => {
                let (layer, stream) = (next(), next());
                let layer = match layer {
                    0xff => ALL_LAYERS,
                    layer => Layer {
                        spatial: layer >> 4,
                        temporal: layer & 0x0f,
                    },
                };
                self.receivers[receiver]
                    .forwarder
                    .select(StreamKey(u64::from(stream % 4)), layer);
            }
            3 => self.receivers[receiver].forwarder.pause(),
            4 => {
                let timestamp = u32::from_be_bytes([next(), next(), next(), next()]);
                let clock = ClockPair {
                    timestamp,
                    at: self.now,
                };
                self.receivers[receiver]
                    .forwarder
                    .handle_clock(StreamKey(u64::from(next() % 4)), clock);
            }
            5 => self.streams[which].format = next(),
            6 => self.streams[which].timestamp = u32::from_be_bytes([next(), next(), next(), next()]),
            7 => self.streams[which].index = u64::from_be_bytes([0, 0, 0, next(), next(), next(), next(), next()]),
            8 => self.nack(receiver, u16::from_be_bytes([next(), next()])),
            // Everything, at once.
            9 => {
                let upto = self.receivers[receiver].forwarder.next_sequence();
                (0..600).for_each(|back| self.nack(receiver, (upto as u16).wrapping_sub(back)));
            }
            10 => self.receivers[receiver]
                .resends
                .set_round_trip(Duration::from_millis(u64::from(next()) * 10)),
            11 => self.history.remove(StreamKey(which as u64)),
            // Back or ahead by up to 127 packets.
            12 => {
                let by = i64::from(next().cast_signed());
                self.streams[which].index = self.streams[which].index.saturating_add_signed(by);
            }
            kind => {
                let stream = &mut self.streams[which];
                let gap = if kind & 1 == 0 { 0 } else { u64::from(next() % 8) };
                stream.index = stream.index.saturating_add(1 + gap) & 0xffff_ffff_ffff;
                if kind & 2 == 0 {
                    stream.timestamp = stream.timestamp.wrapping_add(3_000);
                }
                let len = usize::from(next() % 12);
                let payload: Vec<u8> = std::iter::repeat_with(&mut next).take(len).collect();
                self.packet(which, kind & 4 == 0, &payload);
            }
        }
    }

    fn packet(&mut self, which: usize, marker: bool, payload: &[u8]) {
        let stream = &mut self.streams[which];
        let (index, timestamp) = (stream.index, stream.timestamp);
        let header = [0x80, u8::from(marker) << 7];
        let sequence = (index as u16).to_be_bytes();
        let bytes = [
            &header[..],
            &sequence,
            &timestamp.to_be_bytes(),
            &[0, 0, 0, which as u8],
            payload,
        ]
        .concat();
        let source = Source {
            stream: StreamKey(which as u64),
            index,
        };
        let origin = Origin {
            source,
            arrived: self.now,
            format: Format(stream.format % 8),
            via: Via::Media,
        };
        let packet = RtpPacket::parse(&bytes, &ExtensionMap::new(), origin).expect("a whole packet");
        let facts = Facts {
            timestamp,
            clock_rate: 90_000,
            payload: payload.len(),
        };
        stream.reception.handle_index(self.now, index, facts);
        let _ = stream.reception.report(self.now, 0);
        stream.nacks.handle_packet(self.now, index, Via::Media);
        if let Some(shared) = self.pool.share(&packet) {
            self.history.insert(self.now, &shared);
        }
        for receiver in &mut self.receivers {
            match receiver.forwarder.next(&packet) {
                Verdict::Forward(rewrite) => {
                    assert!(!payload.is_empty(), "padding left");
                    assert!(rewrite.sequence < receiver.forwarder.next_sequence());
                    let before = receiver.left.insert(rewrite.sequence, source);
                    assert_eq!(before, None, "a number left twice");
                    check_patch(payload, &rewrite);
                    receiver.resends.handle_packet(self.now, bytes.len());
                    receiver.earned += (bytes.len() as u64).div_ceil(4);
                    let again = receiver.forwarder.repeat(rewrite.sequence as u16, &packet);
                    assert!(
                        again.is_none_or(|again| again == rewrite),
                        "{again:?} is not {rewrite:?}"
                    );
                }
                Verdict::KeyframeNeeded(_) => self.keyframes.request(),
                Verdict::Skip => {}
            }
        }
        self.keyframes.poll_request(self.now);
    }

    fn nack(&mut self, receiver: usize, sequence: u16) {
        let Receiver {
            forwarder,
            resends,
            left,
            ..
        } = &mut self.receivers[receiver];
        let Some(source) = forwarder.find(sequence) else { return };
        let Some(packet) = self.history.get(source) else { return };
        assert_eq!(packet.view().origin.source, source);
        let view = packet.view();
        let Some(rewrite) = forwarder.repeat(sequence, &view) else {
            return;
        };
        assert_eq!(rewrite.sequence as u16, sequence);
        assert!(
            left.get(&rewrite.sequence).is_none_or(|sent| *sent == source),
            "another packet had this number"
        );
        let _ = resends.admit(self.now, rewrite.sequence, view.origin.arrived, view.as_bytes().len());
    }

    fn check(&mut self) {
        assert!(self.history.bytes() <= HISTORY.bytes && self.history.len() <= HISTORY.packets);
        for stream in &mut self.streams {
            let mut elements = 0;
            while stream.nacks.poll_missing(self.now).is_some() {
                elements += 1;
            }
            assert!(elements <= 1_000 && stream.nacks.len() <= 1_000);
        }
        for receiver in &self.receivers {
            let resent = receiver.resends.stats().bytes;
            assert!(resent <= receiver.earned, "{resent} of {} bytes", receiver.earned);
        }
    }
}

/// What is to be written into a payload can be.
fn check_patch(payload: &[u8], rewrite: &Rewrite<'_>) {
    let mut payload = payload.to_vec();
    assert_eq!(apply_patch(&mut payload, rewrite.patch), Ok(()));
}

/// Any RTCP as the feedback of a receiver, on packets that were sent: each fate is told of a packet that was, and what is
/// in flight is what nobody has told of.
pub fn departures(data: &[u8]) {
    let Some((head, data)) = data.split_first_chunk::<4>() else {
        return;
    };
    let [count, streams, base, dropped] = *head;
    let mut departures = Departures::new();
    let now = Instant::from_millis(1_000);
    let mut sent = 0;
    for number in 0..u64::from(base) * 20 + u64::from(count) {
        let (ssrc, sequence) = ((number % u64::from(streams.max(1))) as u32, number as u16);
        assert!(departures.handle_packet(now, number, SendId(number), ssrc, sequence, 100));
        if dropped > 0 && number % u64::from(dropped) == 1 {
            departures.handle_sent(SendId(number), Departure::Dropped);
        }
        sent = number;
    }
    let Ok(compound) = Compound::parse(data) else { return };
    let mut told = BTreeMap::new();
    let mut fate = |fate: pollrtc_media::Fate| {
        assert!(fate.number <= sent && fate.sent == now && fate.bytes == 100);
        *told.entry(fate.number).or_insert(0) += 1;
    };
    for packet in compound.packets().flatten() {
        match packet {
            RtcpPacket::TransportWideFeedback(feedback) => departures.handle_transport_feedback(&feedback, &mut fate),
            RtcpPacket::CongestionControlFeedback(feedback) => departures.handle_stream_feedback(&feedback, &mut fate),
            _ => {}
        }
    }
    assert!(told.values().all(|times| *times <= 2), "lost, and late at most");
    assert!(departures.len() <= Departures::LIMIT);
    assert!(departures.in_flight() <= 100 * departures.len());
}
