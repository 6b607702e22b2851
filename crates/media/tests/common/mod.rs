//! Packets for tests.
#![allow(dead_code, unreachable_pub)] // each test takes what it needs

use pollrtc_core::Instant;
use pollrtc_media::{Codec, FormatMap, Forwarder, ForwarderConfig, Verdict};
use pollrtc_rtp::payload::{Layer, apply_patch};
use pollrtc_rtp::{ExtensionMap, Format, Origin, Rewrite, RtpPacket, Source, StreamKey, Via};

pub const OPUS: Format = Format(0);
pub const VP8: Format = Format(1);

/// A packet that came, with all that is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    pub bytes: Vec<u8>,
    pub origin: Origin,
}

impl Packet {
    pub fn new(stream: u64, index: u64, timestamp: u32, format: Format, payload: &[u8]) -> Self {
        let sequence = (index as u16).to_be_bytes();
        let header = [0x80, 96 + format.0, sequence[0], sequence[1]];
        let bytes = [
            &header[..],
            &timestamp.to_be_bytes(),
            &(stream as u32).to_be_bytes(),
            payload,
        ]
        .concat();
        let source = Source {
            stream: StreamKey(stream),
            index,
        };
        let origin = Origin {
            source,
            arrived: Instant::ZERO,
            format,
            via: Via::Media,
        };
        Self { bytes, origin }
    }

    pub fn sound(stream: u64, index: u64) -> Self {
        Self::new(stream, index, 960 * index as u32, OPUS, b"sound")
    }

    /// One that has padding only.
    pub fn padding(stream: u64, index: u64, timestamp: u32, format: Format) -> Self {
        let mut packet = Self::new(stream, index, timestamp, format, &[0, 0, 0, 4]);
        packet.bytes[0] |= 0x20;
        packet
    }

    pub fn arrived(mut self, at: Instant) -> Self {
        self.origin.arrived = at;
        self
    }

    pub fn marked(mut self) -> Self {
        self.bytes[1] |= 0x80;
        self
    }

    pub fn view(&self) -> RtpPacket<'_> {
        RtpPacket::parse(&self.bytes, &ExtensionMap::new(), self.origin).expect("a whole packet")
    }
}

/// What the payload descriptor of VP8 says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vp8 {
    pub begins: bool,
    pub key: bool,
    pub picture: u16,
    pub tl0: u8,
    pub temporal: u8,
    pub sync: bool,
    pub key_index: u8,
}

impl Vp8 {
    pub fn payload(self) -> Vec<u8> {
        let [high, low] = (self.picture & 0x7fff | 0x8000).to_be_bytes();
        let layer = self.temporal << 6 | u8::from(self.sync) << 5 | self.key_index;
        let first = 0x80 | u8::from(self.begins) << 4;
        vec![first, 0xf0, high, low, self.tl0, layer, u8::from(!self.key), 0, 0]
    }
}

pub fn formats() -> FormatMap {
    let mut formats = FormatMap::new();
    assert!(formats.insert(OPUS, Format(5), Codec::Opaque));
    assert!(formats.insert(VP8, Format(6), Codec::Vp8));
    formats
}

pub fn forwarder(clock_rate: u32, first_sequence: u16) -> Forwarder {
    Forwarder::new(ForwarderConfig {
        formats: formats(),
        clock_rate,
        first_sequence,
    })
}

/// All spatial layers, and temporal ones up to this.
pub fn temporal(temporal: u8) -> Layer {
    Layer {
        spatial: u8::MAX,
        temporal,
    }
}

pub fn forwarded(verdict: Verdict<'_>) -> Option<Rewrite<'_>> {
    match verdict {
        Verdict::Forward(rewrite) => Some(rewrite),
        _ => None,
    }
}

/// A packet as a subscriber's connection writes it.
pub fn written(packet: &RtpPacket<'_>, rewrite: &Rewrite<'_>, ssrc: u32) -> Vec<u8> {
    let marker = u8::from(rewrite.marker) << 7;
    let mut bytes = vec![0x80, marker | (96 + rewrite.format.0)];
    bytes.extend((rewrite.sequence as u16).to_be_bytes());
    bytes.extend(rewrite.timestamp.to_be_bytes());
    bytes.extend(ssrc.to_be_bytes());
    let mut payload = packet.payload().to_vec();
    apply_patch(&mut payload, rewrite.patch).expect("a payload");
    [bytes, payload].concat()
}

/// Random numbers: Knuth's generator, whose high bits will do.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0) * u128::from(bound)) >> 64) as u64
    }
}
