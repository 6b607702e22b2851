//! From payloads to frames.

mod av1;
mod h264;
mod h265;
mod nal;
mod unpack;
mod vp8;
mod vp9;
mod whole;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::RtpPacket;
use crate::payload::depacketizer::av1::Av1Unpacker;
use crate::payload::depacketizer::h264::H264Unpacker;
use crate::payload::depacketizer::h265::H265Unpacker;
use crate::payload::depacketizer::unpack::{FrameBuffer, Unpack};
use crate::payload::depacketizer::vp8::Vp8Unpacker;
use crate::payload::depacketizer::vp9::Vp9Unpacker;
use crate::payload::depacketizer::whole::{OpaqueUnpacker, WholeUnpacker};
use crate::payload::format::PayloadFormat;
use crate::payload::kinds::{FrameMarks, Layer, PayloadError};

/// What a depacketizer may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepacketizerLimits {
    /// The longest frame, in bytes; 4 MiB unless said otherwise. Longer ones are dropped and counted.
    pub frame_bytes: usize,
    /// How many frames may wait for [`Depacketizer::poll_frame`]; 8 unless said otherwise, and never less than one.
    /// The oldest makes room for a new one, and is counted.
    pub waiting_frames: usize,
}

impl Default for DepacketizerLimits {
    fn default() -> Self {
        Self {
            frame_bytes: 4 << 20,
            waiting_frames: 8,
        }
    }
}

/// What a depacketizer has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DepacketizerStats {
    /// Frames that were put together.
    pub frames: u64,
    /// Frames that were dropped because packets of them are missing, or may be.
    pub incomplete_frames: u64,
    /// Frames that were dropped because a payload of them is malformed.
    pub malformed_frames: u64,
    /// Frames that were dropped because they are longer than the limit.
    pub long_frames: u64,
    /// Frames that were complete, and dropped because nobody took them.
    pub unclaimed_frames: u64,
    /// Packets that were dropped because they come behind later ones, or again.
    pub late_packets: u64,
}

/// What a depacketizer has to know of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadPacket<'p> {
    /// Its sequence number.
    pub sequence_number: u16,
    /// Its timestamp: all packets of a frame have the same.
    pub timestamp: u32,
    /// Its marker bit.
    pub marker: bool,
    /// Its payload, without padding.
    pub payload: &'p [u8],
    /// What a dependency descriptor says, where there is one. It counts more than the payload. Without it nobody knows
    /// of opaque frames whether they are key frames.
    pub marks: Option<FrameMarks>,
}

impl<'p> PayloadPacket<'p> {
    /// Of a packet without a dependency descriptor.
    pub fn of(packet: &RtpPacket<'p>) -> Self {
        Self {
            sequence_number: packet.sequence_number(),
            timestamp: packet.timestamp(),
            marker: packet.marker(),
            payload: packet.payload(),
            marks: None,
        }
    }
}

/// One frame, as a decoder takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'f> {
    /// Its bytes, in the form that the [table](crate::payload) shows.
    pub bytes: &'f [u8],
    /// The timestamp of its packets.
    pub timestamp: u32,
    /// Whether it is a key frame. Each frame of audio is.
    pub is_keyframe: bool,
    /// The highest layers that it has parts of.
    pub layer: Layer,
    /// The sequence number of its last packet.
    pub sequence_number: u16,
}

/// Puts the frames of one stream together from its packets, which come in order: whoever has them out of order sorts
/// them first, and gives up on those that are missing.
///
/// A frame comes out if all of its packets came in. What has a hole is dropped and counted, for decoders do worse with
/// half a frame than with none. After a hole the next frame counts as whole if its first packet says that it is the
/// first: payloads of VP8 and VP9 always do, those of other formats at key frames or with a dependency descriptor.
///
/// Bytes are copied once, here. The memory of a frame is used again for a later one; how much there is, the
/// [limits](DepacketizerLimits) say: `frame_bytes` for each frame that waits, for the one that was taken last, and for
/// the one that is being put together.
///
/// ```
/// use pollrtc_rtp::payload::{Depacketizer, DepacketizerLimits, PayloadFormat, PayloadPacket};
///
/// let mut depacketizer = Depacketizer::new(PayloadFormat::Vp8, DepacketizerLimits::default());
/// for (sequence_number, payload) in [(7, &[0x10, 0x00, 1][..]), (8, &[0x00, 2, 3])] {
///     let marker = sequence_number == 8;
///     depacketizer.handle_packet(PayloadPacket { sequence_number, timestamp: 90_000, marker, payload, marks: None });
/// }
/// let frame = depacketizer.poll_frame().unwrap();
/// assert_eq!(frame.bytes, [0x00, 1, 2, 3]);
/// assert!(frame.is_keyframe);
/// ```
#[derive(Clone, Debug)]
pub struct Depacketizer {
    unpacker: Unpacker,
    limits: DepacketizerLimits,
    open: Option<OpenFrame>,
    waiting: VecDeque<ReadyFrame>,
    /// The frame that was taken last.
    taken: ReadyFrame,
    /// Memory that no frame needs.
    spare: Vec<Vec<u8>>,
    /// The sequence number of the next packet.
    expected: Option<u16>,
    /// Packets are missing in front of the next one, or may be.
    is_behind_hole: bool,
    stats: DepacketizerStats,
}

/// A packet that is older than this many is taken for the first one after a jump (RFC 3550 §A.1).
const OLDEST_LATE: u16 = 3_000;

/// A frame of which packets may be still to come.
#[derive(Clone, Debug)]
struct OpenFrame {
    buffer: FrameBuffer,
    timestamp: u32,
    last: u16,
    is_keyframe: bool,
    layer: Layer,
    fault: Option<Fault>,
}

/// Why a frame is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Hole,
    Malformed,
}

/// A frame that is whole.
#[derive(Clone, Debug, Default)]
struct ReadyFrame {
    bytes: Vec<u8>,
    timestamp: u32,
    last: u16,
    is_keyframe: bool,
    layer: Layer,
}

impl ReadyFrame {
    fn frame(&self) -> Frame<'_> {
        Frame {
            bytes: &self.bytes,
            timestamp: self.timestamp,
            is_keyframe: self.is_keyframe,
            layer: self.layer,
            sequence_number: self.last,
        }
    }
}

impl Depacketizer {
    /// Of a stream that has not begun.
    pub fn new(format: PayloadFormat, limits: DepacketizerLimits) -> Self {
        Self {
            unpacker: Unpacker::new(format),
            limits,
            open: None,
            waiting: VecDeque::new(),
            taken: ReadyFrame::default(),
            spare: Vec::new(),
            expected: None,
            is_behind_hole: true,
            stats: DepacketizerStats::default(),
        }
    }

    /// Takes the next packet of the stream.
    pub fn handle_packet(&mut self, packet: PayloadPacket<'_>) {
        let sequence_number = packet.sequence_number;
        if let Some(expected) = self.expected {
            if expected.wrapping_sub(sequence_number).wrapping_sub(1) < OLDEST_LATE {
                self.stats.late_packets += 1;
                return;
            }
            if expected != sequence_number {
                self.is_behind_hole = true;
                if let Some(open) = &mut self.open {
                    open.fault.get_or_insert(Fault::Hole);
                }
            }
        }
        self.expected = Some(sequence_number.wrapping_add(1));
        // A frame ends with the marker, or else when another one begins.
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.timestamp != packet.timestamp)
        {
            self.finish();
        }
        // Padding alone, as probes for bandwidth have it, belongs to no frame.
        if !packet.payload.is_empty() {
            self.unpack(packet);
        }
        if packet.marker {
            self.finish();
        }
    }

    /// The stream has ended: nothing more comes that could show where its last frame ends.
    pub fn handle_end(&mut self) {
        self.finish();
    }

    /// The next frame. Its bytes are lent until the next call.
    pub fn poll_frame(&mut self) -> Option<Frame<'_>> {
        let frame = self.waiting.pop_front()?;
        let before = core::mem::replace(&mut self.taken, frame);
        self.spare.push(before.bytes);
        Some(self.taken.frame())
    }

    /// What [`poll_frame`](Self::poll_frame) will give.
    pub fn peek_frame(&self) -> Option<Frame<'_>> {
        self.waiting.front().map(ReadyFrame::frame)
    }

    /// What was seen so far.
    pub const fn stats(&self) -> DepacketizerStats {
        self.stats
    }

    fn unpack(&mut self, packet: PayloadPacket<'_>) {
        let begins = packet.marks.is_some_and(|marks| marks.starts_frame);
        if begins
            && self.unpacker.is_opaque()
            && let Some(open) = &mut self.open
        {
            open.fault.get_or_insert(Fault::Malformed); // its end was not marked
            self.finish();
        }
        let is_behind_hole = core::mem::take(&mut self.is_behind_hole);
        let is_first = self.open.is_none();
        let open = self.open.get_or_insert_with(|| {
            self.unpacker.restart();
            OpenFrame {
                buffer: FrameBuffer::new(self.spare.pop().unwrap_or_default(), self.limits.frame_bytes),
                timestamp: packet.timestamp,
                last: packet.sequence_number,
                is_keyframe: false,
                layer: Layer::default(),
                fault: None,
            }
        });
        open.last = packet.sequence_number;
        if open.fault.is_some() {
            return; // it is not used any more
        }
        let unpacked = match self.unpacker.unpack(packet.payload, &mut open.buffer) {
            Ok(unpacked) => unpacked,
            Err(_) => {
                // Behind a hole even what is well-formed makes no sense.
                open.fault = Some(match is_behind_hole {
                    true => Fault::Hole,
                    false => Fault::Malformed,
                });
                return;
            }
        };
        let marks = packet.marks.unwrap_or(unpacked);
        if is_first && is_behind_hole && !marks.starts_frame {
            open.fault = Some(Fault::Hole);
        }
        open.is_keyframe |= marks.is_keyframe;
        open.layer.spatial = open.layer.spatial.max(marks.layer.spatial);
        open.layer.temporal = open.layer.temporal.max(marks.layer.temporal);
        let is_end = match &self.unpacker {
            Unpacker::Whole(_) => true,
            // Each has a descriptor of its own, and they are told apart by nothing else.
            Unpacker::Opaque(_) => marks.ends_frame,
            // Frames of other formats are pictures, whose layers are frames in the sense of a descriptor.
            _ => false,
        };
        if is_end {
            self.finish();
        }
    }

    /// The frame ends here, whole or not.
    fn finish(&mut self) {
        let Some(open) = self.open.take() else { return };
        let is_too_long = open.buffer.is_too_long();
        let counter = match open.fault {
            Some(Fault::Hole) => Some(&mut self.stats.incomplete_frames),
            Some(Fault::Malformed) => Some(&mut self.stats.malformed_frames),
            None if is_too_long => Some(&mut self.stats.long_frames),
            None if !self.unpacker.is_whole() => Some(&mut self.stats.malformed_frames),
            None => None,
        };
        if let Some(counter) = counter {
            *counter += 1;
            self.spare.push(open.buffer.into_bytes());
            return;
        }
        if open.buffer.len() == 0 {
            self.spare.push(open.buffer.into_bytes());
            return; // nothing but what is left out
        }
        self.stats.frames += 1;
        if self.waiting.len() >= self.limits.waiting_frames.max(1)
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.stats.unclaimed_frames += 1;
            self.spare.push(oldest.bytes);
        }
        self.waiting.push_back(ReadyFrame {
            bytes: open.buffer.into_bytes(),
            timestamp: open.timestamp,
            last: open.last,
            is_keyframe: open.is_keyframe,
            layer: open.layer,
        });
    }
}

/// One of the formats.
#[derive(Clone, Copy, Debug)]
enum Unpacker {
    Whole(WholeUnpacker),
    Vp8(Vp8Unpacker),
    Vp9(Vp9Unpacker),
    H264(H264Unpacker),
    H265(H265Unpacker),
    Av1(Av1Unpacker),
    Opaque(OpaqueUnpacker),
}

impl Unpacker {
    fn new(format: PayloadFormat) -> Self {
        match format {
            PayloadFormat::Whole => Self::Whole(WholeUnpacker),
            PayloadFormat::Vp8 => Self::Vp8(Vp8Unpacker),
            PayloadFormat::Vp9 => Self::Vp9(Vp9Unpacker),
            PayloadFormat::H264 => Self::H264(H264Unpacker::default()),
            PayloadFormat::H265(order) => Self::H265(H265Unpacker::new(order)),
            PayloadFormat::Av1 => Self::Av1(Av1Unpacker::default()),
            PayloadFormat::Opaque => Self::Opaque(OpaqueUnpacker),
        }
    }

    /// Whether frames begin where the dependency descriptor says it.
    const fn is_opaque(&self) -> bool {
        matches!(self, Self::Opaque(_))
    }

    fn inner(&mut self) -> &mut dyn Unpack {
        match self {
            Self::Whole(unpacker) => unpacker,
            Self::Vp8(unpacker) => unpacker,
            Self::Vp9(unpacker) => unpacker,
            Self::H264(unpacker) => unpacker,
            Self::H265(unpacker) => unpacker,
            Self::Av1(unpacker) => unpacker,
            Self::Opaque(unpacker) => unpacker,
        }
    }

    fn unpack(&mut self, payload: &[u8], frame: &mut FrameBuffer) -> Result<FrameMarks, PayloadError> {
        self.inner().unpack(payload, frame)
    }

    fn is_whole(&mut self) -> bool {
        self.inner().is_whole()
    }

    fn restart(&mut self) {
        self.inner().restart();
    }
}
