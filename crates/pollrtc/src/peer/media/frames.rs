//! Frames that an application sends: cut into packets, numbered, and kept as long as they may be asked for again.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_core::Instant;
use pollrtc_crypto::Rng;
use pollrtc_media::{History, HistoryConfig};
use pollrtc_rtp::payload::{FramePacketizer, PayloadFormat};
use pollrtc_rtp::{
    Extension, ExtensionElement, ExtensionMap, Origin, Patch, Pool, Rewrite, RtpPacket, RtpPacketBuilder, SharedPacket,
};

use super::descriptors::Descriptors;

/// The number of the dependency descriptor in packets that wait: no peer ever sees it.
const DESCRIPTOR: u8 = 1;
/// Audio that says nothing for so long was silent (RFC 3551 §4.1).
const SILENCE: Duration = Duration::from_millis(200);
/// So many bytes of history make room for another packet.
const BYTES_PER_PACKET: usize = 512;
/// More packets of one stream are not looked for.
const PACKETS_PER_STREAM: usize = 1024;

/// What a [`FrameStore`] is made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameSettings {
    /// How many bytes a datagram may hold.
    pub(super) mtu: usize,
    /// How many bytes of packets are kept.
    pub(super) history: usize,
    /// How many packets may wait.
    pub(super) max_queued: usize,
}

/// What all streams of frames share.
#[derive(Debug)]
pub(super) struct FrameStore {
    /// What was sent and may be asked for again.
    pub(super) history: History,
    pool: Pool,
    /// The packets of the frame that is being cut.
    pub(super) cut: Vec<SharedPacket>,
    pub(super) payload: Vec<u8>,
    packet: Vec<u8>,
    /// What [`DESCRIPTOR`] means.
    extensions: Box<ExtensionMap>,
}

/// One stream of frames.
#[derive(Debug)]
pub(super) struct FrameStream {
    /// The keys that its numbers began with.
    pub(super) association: u32,
    /// The number of the next packet, with its rollovers.
    pub(super) next: u64,
    /// Its timestamps begin there (RFC 3550 §5.1).
    timestamp_offset: u32,
    pub(super) format: PayloadFormat,
    pub(super) packetizer: FramePacketizer,
    pub(super) descriptors: Option<Box<Descriptors>>,
    pub(super) last_captured: Option<Instant>,
}

impl FrameStore {
    pub(super) fn new(settings: FrameSettings) -> Self {
        let FrameSettings {
            history, max_queued, ..
        } = settings;
        let packets = history.div_ceil(BYTES_PER_PACKET);
        let config = HistoryConfig {
            bytes: history,
            packets,
            packets_per_stream: packets.clamp(1, PACKETS_PER_STREAM),
            streams: match packets {
                0 => 0,
                _ => HistoryConfig::default().streams,
            },
            ..HistoryConfig::default()
        };
        let mut extensions = Box::new(ExtensionMap::new());
        extensions.insert(DESCRIPTOR, Extension::DependencyDescriptor);
        Self {
            history: History::new(config),
            // Those that are sent again are held by the history, too, or were a moment ago.
            pool: Pool::new(packets.saturating_add(max_queued.saturating_mul(2))),
            cut: Vec::new(),
            payload: Vec::new(),
            packet: Vec::new(),
            extensions,
        }
    }

    /// A packet of a frame has left for the first time.
    pub(super) fn note_sent(&mut self, now: Instant, packet: &SharedPacket) {
        self.history.insert(now, packet);
    }

    /// Makes a packet that waits of a payload.
    pub(super) fn make(
        &mut self,
        header: RtpPacketBuilder<'_>,
        len: usize,
        origin: Origin,
        descriptor: Option<&[u8]>,
    ) -> Option<SharedPacket> {
        let element = descriptor.map(|value| ExtensionElement { id: DESCRIPTOR, value });
        let builder = RtpPacketBuilder {
            extensions: element.as_slice(),
            payload: self.payload.get(..len)?,
            ..header
        };
        self.packet.resize(builder.encoded_len(), 0);
        let len = builder.write_to(&mut self.packet).ok()?;
        let packet = RtpPacket::parse(self.packet.get(..len)?, &self.extensions, origin).ok()?;
        self.pool.share(&packet)
    }
}

impl FrameStream {
    pub(super) fn new(association: u32, format: PayloadFormat, packetizer: FramePacketizer, rng: &mut Rng) -> Self {
        Self {
            association,
            next: first_number(rng),
            timestamp_offset: rng.u64() as u32, // any 32 of the bits
            format,
            packetizer,
            descriptors: None,
            last_captured: None,
        }
    }

    /// RFC 3550 §5.1: units of the codec's clock, from a random beginning on.
    pub(super) fn timestamp(&self, at: Instant, clock_rate: u32) -> u32 {
        let units = u128::from(at.as_nanos()) * u128::from(clock_rate) / 1_000_000_000;
        self.timestamp_offset.wrapping_add(units as u32) // its low 32 bits
    }

    /// RFC 3551 §4.1: the first packet after silence is marked. With video the payload format says what is.
    pub(super) fn begins_sound(&self, captured: Instant) -> bool {
        let last = self.last_captured;
        self.format == PayloadFormat::Whole && last.is_none_or(|last| captured - last >= SILENCE)
    }
}

/// RFC 3711 §3.3.1: below 2^15, so that no receiver takes it for one before a rollover.
pub(super) fn first_number(rng: &mut Rng) -> u64 {
    rng.u64() & 0x7fff
}

/// How a packet of a frame leaves: as it is.
pub(super) fn rewrite(packet: &SharedPacket) -> Rewrite<'_> {
    let view = packet.view();
    Rewrite {
        sequence: view.origin.source.index,
        timestamp: view.timestamp(),
        marker: view.marker(),
        format: view.origin.format,
        patch: Patch::None,
        descriptor: view.extension(Extension::DependencyDescriptor),
        frame_number: None,
    }
}
