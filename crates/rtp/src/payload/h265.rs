//! H.265 (RFC 7798).

use crate::bytes::Writer;
use crate::payload::kinds::{FrameMarks, Layer, PayloadError};
use crate::payload::nal::NalUnits;
use crate::payload::packetizer::{Packetize, PacketizeError, Pieces, Written, checked_limit, room};
use crate::payload::reader::Reader;

/// RFC 7798 §4.4: types of payloads that are no NAL unit.
const AGGREGATE: u8 = 48;
const FRAGMENT: u8 = 49;
const PACI: u8 = 50;
/// ITU-T H.265 §7.4.2.2, table 7-1.
const VIDEO_PARAMETERS: u8 = 32;
const SEQUENCE_PARAMETERS: u8 = 33;
const ACCESS_UNIT_DELIMITER: u8 = 35;
/// Two bytes of payload header and one of fragment header (RFC 7798 §4.4.3).
const FRAGMENT_HEADER: usize = 3;

/// Whether packets carry numbers of decoding order: they do if `sprop-max-don-diff` is above 0 for any stream of a
/// session (RFC 7798 §4.4), which no browser says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum H265DecodingOrder {
    /// NAL units are decoded in the order in which they are sent.
    #[default]
    AsSent,
    /// DONL and DOND are there. They are passed over: units stay in the order in which they are sent.
    Numbered,
}

/// A NAL unit of H.265: its header of two bytes, which does not always stand in front of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct H265NalUnit<'d> {
    /// F, Type, LayerId and TID.
    pub header: [u8; 2],
    /// What follows the header.
    pub body: &'d [u8],
}

/// What one payload of H.265 has (RFC 7798 §4.4). Of a PACI packet it is what the packet carries.
///
/// ```
/// use pollrtc_rtp::payload::{H265DecodingOrder, H265Payload};
///
/// let payload = H265Payload::parse(&[0x28, 0x01, 0xaf, 1, 2], H265DecodingOrder::AsSent)?; // IDR_N_LP
/// assert!(payload.starts_keyframe());
/// assert_eq!(payload.layer().temporal, 0);
/// # Ok::<(), pollrtc_rtp::payload::PayloadError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum H265Payload<'d> {
    /// One NAL unit.
    Single(H265NalUnit<'d>),
    /// Several NAL units of one picture (AP).
    Aggregate(H265Aggregate<'d>),
    /// A part of a NAL unit (FU).
    Fragment(H265Fragment<'d>),
}

/// NAL units with a size in front of each (RFC 7798 §4.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct H265Aggregate<'d> {
    header: [u8; 2],
    units: &'d [u8],
    order: H265DecodingOrder,
}

/// A part of a NAL unit (RFC 7798 §4.4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct H265Fragment<'d> {
    /// The header of the NAL unit, and a part of its body.
    pub part: H265NalUnit<'d>,
    /// S: it is the first part.
    pub is_start: bool,
    /// E: it is the last part. Some cameras send units in one fragment that is both, which RFC 7798 §4.4.3 forbids.
    pub is_end: bool,
}

impl<'d> H265NalUnit<'d> {
    fn of(unit: &'d [u8]) -> Option<Self> {
        let (header, body) = unit.split_first_chunk()?;
        Some(Self { header: *header, body })
    }

    /// Its type: 6 bits.
    pub const fn nal_unit_type(&self) -> u8 {
        kind(self.header)
    }

    /// Which layer it belongs to.
    pub const fn layer(&self) -> Layer {
        let [first, second] = self.header;
        Layer {
            spatial: (first & 0x01) << 5 | second >> 3,
            // TID is one more than the temporal layer, and never 0.
            temporal: (second & 0x07).saturating_sub(1),
        }
    }
}

impl<'d> H265Payload<'d> {
    /// Reads a payload.
    ///
    /// # Errors
    ///
    /// If it ends within a header, a size in an aggregate lies behind its end, it aggregates or cuts what is no NAL
    /// unit, a PACI packet carries another, or its type is not one of RFC 7798.
    pub fn parse(payload: &'d [u8], order: H265DecodingOrder) -> Result<Self, PayloadError> {
        let unit = H265NalUnit::of(payload).ok_or(PayloadError::Truncated("payload header"))?;
        if unit.nal_unit_type() != PACI {
            return Self::carried(unit, order);
        }
        // RFC 7798 §4.4.4: F and Type of what is carried lie in the fields A and cType; extensions are passed over.
        let mut reader = Reader::new(unit.body);
        let fields = reader.word("PACI header")?;
        reader.take(usize::from(fields >> 4 & 0x1f), "PACI extension")?;
        let [first, second] = unit.header;
        let [fields, _] = fields.to_be_bytes();
        let carried = H265NalUnit {
            header: [fields & 0xfe | first & 0x01, second],
            body: reader.rest(),
        };
        match carried.nal_unit_type() {
            PACI => Err(PayloadError::Invalid("PACI packet within another")),
            _ => Self::carried(carried, order),
        }
    }

    fn carried(unit: H265NalUnit<'d>, order: H265DecodingOrder) -> Result<Self, PayloadError> {
        let mut reader = Reader::new(unit.body);
        match unit.nal_unit_type() {
            AGGREGATE => {
                let aggregate = H265Aggregate {
                    header: unit.header,
                    units: unit.body,
                    order,
                };
                aggregate.check()?;
                Ok(Self::Aggregate(aggregate))
            }
            FRAGMENT => {
                let fragment = reader.byte("fragment header")?;
                if fragment & 0x3f >= AGGREGATE {
                    return Err(PayloadError::Invalid("type of a fragmented NAL unit"));
                }
                let is_start = fragment & 0x80 != 0;
                if is_start {
                    skip_number(&mut reader, order)?;
                }
                let [first, second] = unit.header;
                let part = H265NalUnit {
                    header: [first & 0x81 | (fragment & 0x3f) << 1, second],
                    body: reader.rest(),
                };
                Ok(Self::Fragment(H265Fragment {
                    part,
                    is_start,
                    is_end: fragment & 0x40 != 0,
                }))
            }
            0..AGGREGATE => {
                skip_number(&mut reader, order)?;
                Ok(Self::Single(H265NalUnit {
                    header: unit.header,
                    body: reader.rest(),
                }))
            }
            other => Err(PayloadError::Unsupported(other)),
        }
    }

    /// Whether a key frame begins in it: it has parameters of a stream or of a sequence, which come in front of one, or
    /// the beginning of a slice of a picture at which decoding can begin (IRAP).
    pub fn starts_keyframe(&self) -> bool {
        self.has(|header, _| matches!(kind(header), 16..=23 | VIDEO_PARAMETERS | SEQUENCE_PARAMETERS))
    }

    /// Which layer it belongs to; of an aggregate the lowest one.
    pub const fn layer(&self) -> Layer {
        match self {
            Self::Single(unit) => unit.layer(),
            Self::Aggregate(units) => H265NalUnit {
                header: units.header,
                body: &[],
            }
            .layer(),
            Self::Fragment(fragment) => fragment.part.layer(),
        }
    }

    /// Whether it has certainly nothing of its picture in front of it: a delimiter, parameters of a stream, or the
    /// first slice of a picture that needs no parameters of its own.
    pub fn starts_frame(&self) -> bool {
        self.has(|header, first| match kind(header) {
            ACCESS_UNIT_DELIMITER | VIDEO_PARAMETERS => true,
            // ITU-T H.265 §7.3.6.1: first_slice_segment_in_pic_flag.
            0..=15 => first.is_some_and(|first| first & 0x80 != 0),
            _ => false,
        })
    }

    /// What it says of its place in its frame.
    pub fn marks(&self) -> FrameMarks {
        FrameMarks {
            starts_frame: self.starts_frame(),
            ends_frame: false,
            is_keyframe: self.starts_keyframe(),
            layer: self.layer(),
        }
    }

    /// Whether that is true of the header and the first byte after it of any NAL unit that begins in it.
    fn has(&self, is_it: impl Fn([u8; 2], Option<u8>) -> bool) -> bool {
        let of_unit = |unit: H265NalUnit<'_>| is_it(unit.header, unit.body.first().copied());
        match self {
            Self::Single(unit) => of_unit(*unit),
            Self::Aggregate(units) => units.nal_units().any(of_unit),
            Self::Fragment(fragment) => fragment.is_start && of_unit(fragment.part),
        }
    }
}

impl<'d> H265Aggregate<'d> {
    fn check(&self) -> Result<(), PayloadError> {
        let mut units = AggregatedUnits::new(self);
        while let Some(unit) = units.read()? {
            // RFC 7798 §4.4.2: neither aggregates nor fragments are aggregated; §4.4.4.1: nor is PACI.
            if H265NalUnit::of(unit).is_some_and(|unit| unit.nal_unit_type() >= AGGREGATE) {
                return Err(PayloadError::Invalid("type of an aggregated NAL unit"));
            }
        }
        Ok(())
    }

    /// The NAL units, in order, without those that are shorter than a header.
    pub fn nal_units(&self) -> impl Iterator<Item = H265NalUnit<'d>> + use<'d> {
        let mut units = AggregatedUnits::new(self);
        core::iter::from_fn(move || units.read().ok().flatten()).filter_map(H265NalUnit::of)
    }
}

/// What is left of an aggregate.
struct AggregatedUnits<'d> {
    reader: Reader<'d>,
    order: H265DecodingOrder,
    is_first: bool,
}

impl<'d> AggregatedUnits<'d> {
    const fn new(aggregate: &H265Aggregate<'d>) -> Self {
        Self {
            reader: Reader::new(aggregate.units),
            order: aggregate.order,
            is_first: true,
        }
    }

    /// The next one. A byte too many at the end is no unit, and harms nobody.
    fn read(&mut self) -> Result<Option<&'d [u8]>, PayloadError> {
        if self.reader.rest().len() < 2 {
            return Ok(None);
        }
        match (self.order, core::mem::replace(&mut self.is_first, false)) {
            (H265DecodingOrder::AsSent, _) => {}
            (H265DecodingOrder::Numbered, true) => skip_number(&mut self.reader, self.order)?,
            (H265DecodingOrder::Numbered, false) => {
                self.reader.byte("DOND")?;
            }
        }
        let len = usize::from(self.reader.word("size of a NAL unit")?);
        self.reader.take(len, "NAL unit").map(Some)
    }
}

fn skip_number(reader: &mut Reader<'_>, order: H265DecodingOrder) -> Result<(), PayloadError> {
    match order {
        H265DecodingOrder::AsSent => Ok(()),
        H265DecodingOrder::Numbered => reader.word("DONL").map(drop),
    }
}

const fn kind(header: [u8; 2]) -> u8 {
    header[0] >> 1 & 0x3f
}

/// Packetizes a frame of H.265, whose NAL units have start codes in front of them (Annex B). Short units go together,
/// long ones are cut; there are no numbers of decoding order.
///
/// ```
/// use pollrtc_rtp::payload::{H265Packetizer, Packetize};
///
/// let frame = [0, 0, 0, 1, 0x40, 1, 7, 0, 0, 0, 1, 0x42, 1, 8, 0, 0, 1, 0x28, 1, 0xaf, 1, 2, 3, 4, 5, 6, 7, 8];
/// let mut packetizer = H265Packetizer::new(&frame, 12)?;
/// let mut buf = [0; 12];
/// let first = packetizer.write_payload(&mut buf)?.unwrap();
/// assert_eq!(buf[..first.len], [0x60, 1, 0, 3, 0x40, 1, 7, 0, 3, 0x42, 1, 8]);
/// # Ok::<(), pollrtc_rtp::payload::PacketizeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct H265Packetizer<'f> {
    units: NalUnits<'f>,
    next: Option<&'f [u8]>,
    /// What is left of the NAL unit that is being cut.
    fragments: Option<([u8; 2], Pieces<'f>)>,
    limit: usize,
    is_begun: bool,
}

impl<'f> H265Packetizer<'f> {
    /// Payloads have at most `limit` bytes. What no packet can have is left out: NAL units that are shorter than their
    /// header, and those of types that mean something else in RTP.
    ///
    /// # Errors
    ///
    /// If the frame does not begin with a start code, or the limit has no room for a fragment.
    pub fn new(frame: &'f [u8], limit: usize) -> Result<Self, PacketizeError> {
        let limit = checked_limit(limit, FRAGMENT_HEADER)?;
        let mut units = NalUnits::new(frame).map_err(PacketizeError::Malformed)?;
        Ok(Self {
            next: next_sendable(&mut units),
            units,
            fragments: None,
            limit,
            is_begun: false,
        })
    }

    fn advance(&mut self) -> Option<&'f [u8]> {
        let unit = self.next?;
        self.next = next_sendable(&mut self.units);
        Some(unit)
    }

    fn write(&mut self, room: &mut [u8]) -> Option<usize> {
        if let Some((header, pieces)) = &mut self.fragments {
            let (header, piece) = (*header, pieces.next()?);
            let is_last = pieces.is_empty();
            if is_last {
                self.fragments = None;
            }
            return write_fragment(room, header, if is_last { 0x40 } else { 0 }, piece);
        }
        let bytes = self.advance()?;
        let unit = H265NalUnit::of(bytes)?;
        if bytes.len() > self.limit {
            let mut pieces = Pieces::new(unit.body, self.limit - FRAGMENT_HEADER);
            let piece = pieces.next()?;
            self.fragments = Some((unit.header, pieces));
            return write_fragment(room, unit.header, 0x80, piece);
        }
        let aggregated = |len: usize, unit: &[u8]| len + 2 + unit.len();
        let mut len = aggregated(2, bytes);
        let is_alone = |next: &[u8]| aggregated(len, next) > self.limit;
        if self.next.is_none_or(is_alone) {
            let mut writer = Writer::new(room);
            writer.put(bytes);
            return writer.finish();
        }
        // RFC 7798 §4.4.2: F if any has it, the lowest layer and the lowest TID of all.
        let [mut forbidden, mut layer, mut temporal] = [0, 0x3f, 0x07];
        let mut writer = Writer::new(room);
        writer.put_u16(0);
        let mut bytes = bytes;
        loop {
            let [first, second] = H265NalUnit::of(bytes)?.header;
            forbidden |= first & 0x80;
            layer = layer.min((first & 0x01) << 5 | second >> 3);
            temporal = temporal.min(second & 0x07);
            writer.put_u16(u16::try_from(bytes.len()).ok()?);
            writer.put(bytes);
            match self.next {
                Some(next) if aggregated(len, next) <= self.limit => len = aggregated(len, next),
                _ => break,
            }
            bytes = self.advance()?;
        }
        let written = writer.finish();
        *room.first_chunk_mut()? = [forbidden | AGGREGATE << 1 | layer >> 5, layer << 3 | temporal];
        written
    }
}

impl Packetize for H265Packetizer<'_> {
    fn write_payload(&mut self, buf: &mut [u8]) -> Result<Option<Written>, PacketizeError> {
        let room = room(buf, self.limit)?;
        Ok(self.write(room).map(|len| {
            let ends_frame = self.fragments.is_none() && self.next.is_none();
            Written {
                len,
                starts_frame: !core::mem::replace(&mut self.is_begun, true),
                ends_frame,
                marker: ends_frame,
            }
        }))
    }
}

fn write_fragment(room: &mut [u8], header: [u8; 2], bits: u8, piece: &[u8]) -> Option<usize> {
    let [first, second] = header;
    let mut writer = Writer::new(room);
    writer.put(&[first & 0x81 | FRAGMENT << 1, second, bits | kind(header)]);
    writer.put(piece);
    writer.finish()
}

fn next_sendable<'f>(units: &mut NalUnits<'f>) -> Option<&'f [u8]> {
    units.find(|unit| H265NalUnit::of(unit).is_some_and(|unit| unit.nal_unit_type() < AGGREGATE))
}

/// Whether a frame has slices of a picture at which decoding can begin.
pub(crate) fn is_keyframe(frame: &[u8]) -> bool {
    let mut units = NalUnits::new(frame).into_iter().flatten().filter_map(H265NalUnit::of);
    units.any(|unit| matches!(unit.nal_unit_type(), 16..=23))
}
