//! AV1 (RTP Payload Format For AV1, v1.0.0, by the Alliance for Open Media).

use crate::bytes::Writer;
use crate::payload::kinds::{FrameMarks, Layer, PayloadError};
use crate::payload::packetizer::{Packetize, PacketizeError, Written, checked_limit, room};
use crate::payload::reader::Reader;

/// A temporal delimiter with its size, in the low-overhead form. It is never sent in RTP; files have one in front of
/// each frame.
pub const AV1_TEMPORAL_DELIMITER: [u8; 2] = [0x12, 0x00];

/// AV1 specification §6.2.2: types of OBUs.
const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;
const TILE_LIST: u8 = 8;
const PADDING: u8 = 15;
/// The flags of an OBU's header.
pub(crate) const HAS_EXTENSION: u8 = 0x04;
pub(crate) const HAS_SIZE: u8 = 0x02;
/// AV1 specification §4.10.5: an encoded number has at most eight bytes, and 32 bits.
const LONGEST_NUMBER: usize = 8;

/// A part of an OBU that is shorter than this begins in the next packet instead.
const LEAST_PART: usize = 16;

/// One payload of AV1: an aggregation header (§4.4) and OBU elements (§4.5), each an OBU or a part of one.
///
/// ```
/// use pollrtc_rtp::payload::Av1Payload;
///
/// // W = 2, N; a sequence header of 3 bytes, and the beginning of a frame
/// let payload = Av1Payload::parse(&[0x68, 3, 0x08, 0xaa, 0xbb, 0x30, 0x10, 0xcc])?;
/// assert!(payload.starts_keyframe() && payload.is_continued());
/// assert!(payload.elements().eq([&[0x08, 0xaa, 0xbb][..], &[0x30, 0x10, 0xcc]]));
/// # Ok::<(), pollrtc_rtp::payload::PayloadError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Av1Payload<'d> {
    header: u8,
    elements: &'d [u8],
}

impl<'d> Av1Payload<'d> {
    /// Reads a payload.
    ///
    /// # Errors
    ///
    /// If it has no element, one of them ends behind it, a size has more than eight bytes, or a part of an OBU is said
    /// to begin a sequence.
    pub fn parse(payload: &'d [u8]) -> Result<Self, PayloadError> {
        let (header, elements) = payload
            .split_first()
            .ok_or(PayloadError::Truncated("aggregation header"))?;
        let parsed = Self {
            header: *header,
            elements,
        };
        if parsed.continues() && parsed.starts_sequence() {
            return Err(PayloadError::Invalid("sequence that begins within an OBU"));
        }
        let mut elements = Elements::new(&parsed);
        let mut count = 0_usize;
        while elements.read()?.is_some() {
            count += 1;
        }
        match usize::from(parsed.count()) {
            0 if count == 0 => Err(PayloadError::Truncated("OBU element")),
            announced if announced > count => Err(PayloadError::Truncated("OBU element")),
            _ => Ok(parsed),
        }
    }

    /// Z: the first element goes on with an OBU of the packet before.
    pub const fn continues(&self) -> bool {
        self.header & 0x80 != 0
    }

    /// Y: the last element's OBU goes on in the next packet.
    pub const fn is_continued(&self) -> bool {
        self.header & 0x40 != 0
    }

    /// N: a coded video sequence begins here. Some senders say so of every frame; [`starts_keyframe`] looks closer.
    ///
    /// [`starts_keyframe`]: Self::starts_keyframe
    pub const fn starts_sequence(&self) -> bool {
        self.header & 0x08 != 0
    }

    /// W: how many elements there are, 1 to 3; 0 if it is not said.
    const fn count(&self) -> u8 {
        self.header >> 4 & 0x03
    }

    /// The OBU elements, in order: OBUs, mostly without sizes of their own, of which the first and the last may be
    /// parts.
    pub fn elements(&self) -> impl Iterator<Item = &'d [u8]> + use<'d> {
        let mut elements = Elements::new(self);
        core::iter::from_fn(move || elements.read().ok().flatten())
    }

    /// Whether it is the first packet of a key frame: it has a sequence header.
    pub fn starts_keyframe(&self) -> bool {
        self.beginnings()
            .any(|obu| obu.first().is_some_and(|header| kind(*header) == SEQUENCE_HEADER))
    }

    /// Which layer it belongs to: all OBUs in a packet that name one name the same (§5). `None` if none does.
    pub fn layer(&self) -> Option<Layer> {
        self.beginnings().find_map(|obu| match *obu {
            [header, extension, ..] if header & HAS_EXTENSION != 0 => Some(Layer {
                spatial: extension >> 3 & 0x03,
                temporal: extension >> 5,
            }),
            _ => None,
        })
    }

    /// What it says of its place in its temporal unit. Only of key frames can be told that they begin.
    pub fn marks(&self) -> FrameMarks {
        FrameMarks {
            starts_frame: self.starts_keyframe(),
            ends_frame: false,
            is_keyframe: self.starts_keyframe(),
            layer: self.layer().unwrap_or_default(),
        }
    }

    /// The elements in which an OBU begins.
    fn beginnings(&self) -> impl Iterator<Item = &'d [u8]> + use<'d> {
        self.elements().skip(usize::from(self.continues()))
    }
}

/// What is left of the elements of a payload.
struct Elements<'d> {
    reader: Reader<'d>,
    /// How many come before the one without a size; `None` if all have one.
    with_size: Option<u8>,
}

impl<'d> Elements<'d> {
    const fn new(payload: &Av1Payload<'d>) -> Self {
        Self {
            reader: Reader::new(payload.elements),
            with_size: payload.count().checked_sub(1),
        }
    }

    fn read(&mut self) -> Result<Option<&'d [u8]>, PayloadError> {
        if self.reader.rest().is_empty() {
            return Ok(None);
        }
        let len = match self.with_size {
            Some(0) => self.reader.rest().len(),
            Some(left) => {
                self.with_size = Some(left - 1);
                read_number(&mut self.reader)?
            }
            None => read_number(&mut self.reader)?,
        };
        self.reader.take(len, "OBU element").map(Some)
    }
}

/// AV1 specification §4.10.5 (leb128).
pub(crate) fn read_number(reader: &mut Reader<'_>) -> Result<usize, PayloadError> {
    let mut number = 0_u64;
    for index in 0..LONGEST_NUMBER {
        let byte = reader.byte("OBU size")?;
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return usize::try_from(number).map_err(|_| PayloadError::Invalid("OBU size"));
        }
    }
    Err(PayloadError::Invalid("OBU size"))
}

/// A number in as few bytes as it takes.
pub(crate) struct Number {
    bytes: [u8; LONGEST_NUMBER],
    len: usize,
}

impl Number {
    pub(crate) fn new(number: usize) -> Self {
        let (mut bytes, mut len, mut rest) = ([0; LONGEST_NUMBER], 0, number);
        for byte in &mut bytes {
            let [low, ..] = rest.to_le_bytes();
            rest >>= 7;
            len += 1;
            *byte = low & 0x7f | if rest > 0 { 0x80 } else { 0 };
            if rest == 0 {
                break;
            }
        }
        Self { bytes, len }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

pub(crate) const fn kind(header: u8) -> u8 {
    header >> 3 & 0x0f
}

/// Whether RTP has no use for such OBUs: temporal delimiters and tile lists (§5), and padding.
pub(crate) const fn is_left_out(kind: u8) -> bool {
    matches!(kind, TEMPORAL_DELIMITER | TILE_LIST | PADDING)
}

/// One OBU of a frame: its header without a size, and its payload.
#[derive(Clone, Copy, Debug)]
struct Obu<'f> {
    header: [u8; 2],
    header_len: usize,
    payload: &'f [u8],
}

impl<'f> Obu<'f> {
    fn parse(reader: &mut Reader<'f>) -> Result<Self, PayloadError> {
        let first = reader.byte("OBU header")?;
        let (extension, header_len) = match first & HAS_EXTENSION {
            0 => (0, 1),
            _ => (reader.byte("OBU header")?, 2),
        };
        // The last one may go on to the end.
        let len = match first & HAS_SIZE {
            0 => reader.rest().len(),
            _ => read_number(reader)?,
        };
        Ok(Self {
            header: [first & !HAS_SIZE, extension],
            header_len,
            payload: reader.take(len, "OBU")?,
        })
    }

    const fn kind(&self) -> u8 {
        kind(self.header[0])
    }

    const fn extension(&self) -> Option<u8> {
        match self.header_len {
            2 => Some(self.header[1]),
            _ => None,
        }
    }

    const fn len(&self) -> usize {
        self.header_len + self.payload.len()
    }

    /// Writes the bytes from `begin` to `end` of header and payload together.
    fn write(&self, writer: &mut Writer<'_>, begin: usize, end: usize) {
        let header = self.header.get(..self.header_len).unwrap_or_default();
        for part in [(header, 0), (self.payload, self.header_len)] {
            let (bytes, offset) = part;
            let within = |at: usize| at.saturating_sub(offset).min(bytes.len());
            writer.put(bytes.get(within(begin)..within(end)).unwrap_or_default());
        }
    }
}

/// The OBUs of a frame that are sent.
#[derive(Clone, Debug)]
struct Obus<'f> {
    reader: Reader<'f>,
}

impl<'f> Iterator for Obus<'f> {
    type Item = Obu<'f>;

    fn next(&mut self) -> Option<Obu<'f>> {
        while !self.reader.rest().is_empty() {
            let obu = Obu::parse(&mut self.reader).ok()?;
            if !is_left_out(obu.kind()) {
                return Some(obu);
            }
        }
        None
    }
}

/// Packetizes a frame of AV1: the OBUs of one temporal unit, or of one layer of it, each with its size (the
/// low-overhead form, AV1 specification §5.2). Sizes, temporal delimiters, tile lists and padding are left out.
///
/// OBUs go together as long as they fit and belong to the same layer; what does not fit is cut.
///
/// ```
/// use pollrtc_rtp::payload::{Av1Packetizer, Packetize};
///
/// let frame = [0x12, 0, 0x0a, 2, 0xaa, 0xbb, 0x32, 3, 0x10, 0xcc, 0xdd]; // delimiter, sequence header, key frame
/// let mut packetizer = Av1Packetizer::new(&frame, 1_200)?;
/// let mut buf = [0; 1_200];
/// let payload = packetizer.write_payload(&mut buf)?.unwrap();
/// assert_eq!(buf[..payload.len], [0x28, 3, 0x08, 0xaa, 0xbb, 0x30, 0x10, 0xcc, 0xdd]);
/// assert!(payload.marker);
/// # Ok::<(), pollrtc_rtp::payload::PacketizeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Av1Packetizer<'f> {
    obus: Obus<'f>,
    /// What is sent next, and how many of its bytes were sent.
    next: Option<Obu<'f>>,
    sent: usize,
    limit: usize,
    starts_sequence: bool,
    is_begun: bool,
    ends_picture: bool,
}

impl<'f> Av1Packetizer<'f> {
    /// Payloads have at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// If an OBU ends behind the frame, or the limit has no room for a part of one.
    pub fn new(frame: &'f [u8], limit: usize) -> Result<Self, PacketizeError> {
        let limit = checked_limit(limit, 1)?;
        let mut reader = Reader::new(frame);
        while !reader.rest().is_empty() {
            let at = frame.len() - reader.rest().len();
            Obu::parse(&mut reader).map_err(|_| PacketizeError::Malformed(at))?;
        }
        let mut obus = Obus {
            reader: Reader::new(frame),
        };
        Ok(Self {
            starts_sequence: starts_sequence(obus.clone()),
            next: obus.next(),
            obus,
            sent: 0,
            limit,
            is_begun: false,
            ends_picture: true,
        })
    }

    /// Frames of higher spatial layers of the same picture follow, so that none of these packets has the marker.
    #[must_use]
    pub const fn with_layers_to_come(mut self) -> Self {
        self.ends_picture = false;
        self
    }

    /// How many OBUs end in the next packet, how many bytes of another one begin or go on there, and how many elements
    /// that makes.
    fn plan(&self) -> Plan {
        let mut plan = Plan::default();
        let mut layer = None;
        let rest = self.obus.clone();
        let mut sent = self.sent;
        let mut taken = 1; // the aggregation header
        for obu in self.next.into_iter().chain(rest) {
            // §5: all OBUs in a packet that name a layer name the same.
            if let (Some(one), Some(other)) = (layer, obu.extension())
                && one != other
            {
                break;
            }
            layer = layer.or(obu.extension());
            let left = obu.len() - core::mem::take(&mut sent);
            let size = Number::new(left).len;
            // Up to three elements are counted, and the last one of them needs no size.
            let own_size = if plan.whole < 3 { 0 } else { size };
            let room = self.limit.saturating_sub(taken + own_size);
            if left > room {
                let part = cut(left, room, self.limit - 1);
                plan.part = if plan.whole == 0 || part >= LEAST_PART { part } else { 0 };
                break;
            }
            plan.whole += 1;
            taken += size + left;
        }
        plan
    }

    fn write(&mut self, room: &mut [u8]) -> Option<Written> {
        self.next?;
        let plan = self.plan();
        let elements = plan.whole + usize::from(plan.part > 0);
        let count = if elements > 3 { 0 } else { elements };
        let starts_frame = !core::mem::replace(&mut self.is_begun, true);
        let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        let mut writer = Writer::new(room);
        let [count_bits, ..] = (count << 4).to_le_bytes();
        writer.put_u8(
            bit(self.sent > 0, 0x80)
                | bit(plan.part > 0, 0x40)
                | count_bits
                | bit(starts_frame && self.starts_sequence, 0x08),
        );
        for index in 1..=elements {
            let obu = self.next?;
            let end = if index > plan.whole {
                self.sent + plan.part
            } else {
                obu.len()
            };
            if index != count {
                writer.put(Number::new(end - self.sent).as_slice());
            }
            obu.write(&mut writer, self.sent, end);
            self.sent = end;
            if index <= plan.whole {
                self.sent = 0;
                self.next = self.obus.next();
            }
        }
        let ends_frame = self.next.is_none();
        Some(Written {
            len: writer.finish()?,
            starts_frame,
            ends_frame,
            marker: ends_frame && self.ends_picture,
        })
    }
}

impl Packetize for Av1Packetizer<'_> {
    fn write_payload(&mut self, buf: &mut [u8]) -> Result<Option<Written>, PacketizeError> {
        let room = room(buf, self.limit)?;
        Ok(self.write(room))
    }
}

/// What goes into one packet.
#[derive(Clone, Copy, Debug, Default)]
struct Plan {
    whole: usize,
    part: usize,
}

/// How much of `left` bytes goes into a packet that has room for fewer, if later ones have room for `longest`: as much
/// as makes all of them about equally long, and at least a byte in a packet that has nothing else.
fn cut(left: usize, room: usize, longest: usize) -> usize {
    let later = left.saturating_sub(room).div_ceil(longest);
    left.div_ceil(later + 1).min(room)
}

/// Whether a coded video sequence begins with this frame (AV1 specification §7.5): a sequence header, and a key frame
/// that is shown.
fn starts_sequence(obus: Obus<'_>) -> bool {
    let mut has_header = false;
    for obu in obus {
        match obu.kind() {
            SEQUENCE_HEADER => has_header = true,
            // show_existing_frame 0, frame_type 0, show_frame 1
            FRAME | FRAME_HEADER => return has_header && obu.payload.first().is_some_and(|first| first >> 4 == 1),
            _ => {}
        }
    }
    false
}

/// Whether a coded video sequence begins with a frame.
pub(crate) fn is_keyframe(frame: &[u8]) -> bool {
    starts_sequence(Obus {
        reader: Reader::new(frame),
    })
}
