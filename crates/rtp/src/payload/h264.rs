//! H.264 (RFC 6184), in the modes that WebRTC has: single NAL unit, and non-interleaved.

use crate::bytes::Writer;
use crate::payload::kinds::{FrameMarks, PayloadError};
use crate::payload::nal::NalUnits;
use crate::payload::packetizer::{Packetize, PacketizeError, Pieces, Written, checked_limit, room};
use crate::payload::reader::Reader;

/// RFC 6184 §5.2, table 1.
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
/// The type of a NAL unit of a coded slice of another picture, and of an IDR picture.
const SLICE: u8 = 1;
const IDR: u8 = 5;
const SEQUENCE_PARAMETERS: u8 = 7;
const ACCESS_UNIT_DELIMITER: u8 = 9;
/// The two bytes in front of a fragment (RFC 6184 §5.8).
const FRAGMENT_HEADER: usize = 2;

/// What one payload of H.264 has (RFC 6184 §5.2). NAL units begin with their header of one byte.
///
/// ```
/// use pollrtc_rtp::payload::H264Payload;
///
/// let payload = H264Payload::parse(&[0x78, 0, 3, 0x67, 0x42, 0xe0, 0, 2, 0x68, 0xce])?;
/// assert!(payload.starts_keyframe());
/// let H264Payload::Aggregate(units) = payload else { unreachable!() };
/// assert!(units.nal_units().eq([&[0x67, 0x42, 0xe0][..], &[0x68, 0xce]]));
/// # Ok::<(), pollrtc_rtp::payload::PayloadError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum H264Payload<'d> {
    /// One NAL unit.
    Single(&'d [u8]),
    /// Several NAL units of one picture (STAP-A).
    Aggregate(H264Aggregate<'d>),
    /// A part of a NAL unit (FU-A).
    Fragment(H264Fragment<'d>),
    /// A type that is reserved for others, so that receivers pass over it (RFC 6184 §5.4: 0, 30, 31).
    Reserved,
}

/// NAL units with a size in front of each (RFC 6184 §5.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct H264Aggregate<'d> {
    units: &'d [u8],
}

/// A part of a NAL unit (RFC 6184 §5.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct H264Fragment<'d> {
    /// The NAL unit's header: F, NRI and type.
    pub header: u8,
    /// S: it is the first part.
    pub is_start: bool,
    /// E: it is the last part. Some cameras send units in one fragment that is both, which RFC 6184 §5.8 forbids.
    pub is_end: bool,
    /// The part, without the header.
    pub bytes: &'d [u8],
}

impl<'d> H264Payload<'d> {
    /// Reads a payload.
    ///
    /// # Errors
    ///
    /// If it is empty, a size in an aggregate lies behind its end, it aggregates or cuts what is no NAL unit, or is of
    /// the interleaved mode (STAP-B, MTAP, FU-B), which nobody negotiates.
    pub fn parse(payload: &'d [u8]) -> Result<Self, PayloadError> {
        let mut reader = Reader::new(payload);
        let header = reader.byte("NAL unit")?;
        match kind(header) {
            1..=23 => Ok(Self::Single(payload)),
            STAP_A => H264Aggregate::parse(reader.rest()).map(Self::Aggregate),
            FU_A => {
                let fragment = reader.byte("fragment header")?;
                if !matches!(kind(fragment), 1..=23) {
                    return Err(PayloadError::Invalid("type of a fragmented NAL unit"));
                }
                Ok(Self::Fragment(H264Fragment {
                    header: header & 0xe0 | kind(fragment),
                    is_start: fragment & 0x80 != 0,
                    is_end: fragment & 0x40 != 0,
                    bytes: reader.rest(),
                }))
            }
            25..=27 | 29 => Err(PayloadError::Unsupported(kind(header))),
            _ => Ok(Self::Reserved),
        }
    }

    /// Whether a key frame begins in it: it has parameters of a sequence, which come in front of one, or the beginning
    /// of a slice of an IDR picture.
    pub fn starts_keyframe(&self) -> bool {
        self.has(|header, _| matches!(kind(header), IDR | SEQUENCE_PARAMETERS))
    }

    /// Whether it has certainly nothing of its picture in front of it: a delimiter, parameters of a sequence, or the
    /// first slice of a picture that needs no parameters of its own.
    pub fn starts_frame(&self) -> bool {
        self.has(|header, first| match kind(header) {
            ACCESS_UNIT_DELIMITER | SEQUENCE_PARAMETERS => true,
            // ITU-T H.264 §7.3.3: first_mb_in_slice is 0, in one bit.
            SLICE => first.is_some_and(|first| first & 0x80 != 0),
            _ => false,
        })
    }

    /// What it says of its place in its frame. There are no layers.
    pub fn marks(&self) -> FrameMarks {
        FrameMarks {
            starts_frame: self.starts_frame(),
            is_keyframe: self.starts_keyframe(),
            ..FrameMarks::default()
        }
    }

    /// Whether that is true of the first bytes, header and what follows, of any NAL unit that begins in it.
    fn has(&self, is_it: impl Fn(u8, Option<u8>) -> bool) -> bool {
        let of_unit = |unit: &[u8]| unit.first().is_some_and(|header| is_it(*header, unit.get(1).copied()));
        match self {
            Self::Single(unit) => of_unit(unit),
            Self::Aggregate(units) => units.nal_units().any(of_unit),
            Self::Fragment(fragment) => fragment.is_start && is_it(fragment.header, fragment.bytes.first().copied()),
            Self::Reserved => false,
        }
    }
}

impl<'d> H264Aggregate<'d> {
    fn parse(units: &'d [u8]) -> Result<Self, PayloadError> {
        let mut reader = Reader::new(units);
        // A byte too many is no size, and harms nobody; nor do sizes of zero, with which some pad.
        while reader.rest().len() > 1 {
            let len = usize::from(reader.word("size of a NAL unit")?);
            let unit = reader.take(len, "NAL unit")?;
            // RFC 6184 §5.7: neither aggregates nor fragments are aggregated.
            if matches!(unit.first().copied().map(kind), Some(24..=29)) {
                return Err(PayloadError::Invalid("type of an aggregated NAL unit"));
            }
        }
        Ok(Self { units })
    }

    /// The NAL units, in order, without those that are empty or of a reserved type.
    pub fn nal_units(&self) -> impl Iterator<Item = &'d [u8]> + use<'d> {
        let mut reader = Reader::new(self.units);
        let all = core::iter::from_fn(move || {
            let len = usize::from(reader.word("size of a NAL unit").ok()?);
            reader.take(len, "NAL unit").ok()
        });
        all.filter(|unit| matches!(unit.first().copied().map(kind), Some(1..=23)))
    }
}

/// How frames of H.264 are packetized (RFC 6184 §5.4: `packetization-mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum H264Mode {
    /// 0: each packet has one NAL unit, so that none may be longer than a payload.
    SingleNalUnit,
    /// 1: short NAL units go together, long ones are cut.
    #[default]
    NonInterleaved,
}

/// Packetizes a frame of H.264, whose NAL units have start codes in front of them (Annex B).
///
/// ```
/// use pollrtc_rtp::payload::{H264Mode, H264Packetizer, Packetize};
///
/// let frame = [0, 0, 0, 1, 0x67, 0x42, 0, 0, 0, 1, 0x68, 0xce, 0, 0, 1, 0x65, 1, 2, 3, 4, 5, 6, 7, 8];
/// let mut packetizer = H264Packetizer::new(&frame, H264Mode::NonInterleaved, 9)?;
/// let mut buf = [0; 9];
/// let first = packetizer.write_payload(&mut buf)?.unwrap();
/// assert_eq!(buf[..first.len], [0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce]); // both kinds of parameters: STAP-A
/// let second = packetizer.write_payload(&mut buf)?.unwrap();
/// assert_eq!(buf[..second.len], [0x65, 1, 2, 3, 4, 5, 6, 7, 8]);
/// assert!(second.marker);
/// # Ok::<(), pollrtc_rtp::payload::PacketizeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct H264Packetizer<'f> {
    units: NalUnits<'f>,
    next: Option<&'f [u8]>,
    /// What is left of the NAL unit that is being cut.
    fragments: Option<(u8, Pieces<'f>)>,
    mode: H264Mode,
    limit: usize,
    is_begun: bool,
}

impl<'f> H264Packetizer<'f> {
    /// Payloads have at most `limit` bytes. What no packet can have is left out: NAL units without bytes, and those of
    /// types that mean something else in RTP.
    ///
    /// # Errors
    ///
    /// If the frame does not begin with a start code, the limit has no room for a fragment, or a NAL unit does not fit
    /// into one payload in mode 0.
    pub fn new(frame: &'f [u8], mode: H264Mode, limit: usize) -> Result<Self, PacketizeError> {
        let limit = checked_limit(limit, FRAGMENT_HEADER)?;
        let mut units = NalUnits::new(frame).map_err(PacketizeError::Malformed)?;
        if mode == H264Mode::SingleNalUnit
            && let Some(unit) = units.clone().find(|unit| unit.len() > limit)
        {
            return Err(PacketizeError::TooLong { len: unit.len(), limit });
        }
        Ok(Self {
            next: next_sendable(&mut units),
            units,
            fragments: None,
            mode,
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
        let unit = self.advance()?;
        if unit.len() > self.limit {
            let (header, body) = unit.split_first()?;
            let mut pieces = Pieces::new(body, self.limit - FRAGMENT_HEADER);
            let piece = pieces.next()?;
            self.fragments = Some((*header, pieces));
            return write_fragment(room, *header, 0x80, piece);
        }
        let aggregated = |len: usize, unit: &[u8]| len + 2 + unit.len();
        let mut len = aggregated(1, unit);
        let is_alone = |next: &[u8]| aggregated(len, next) > self.limit;
        if self.mode == H264Mode::SingleNalUnit || self.next.is_none_or(is_alone) {
            let mut writer = Writer::new(room);
            writer.put(unit);
            return writer.finish();
        }
        // RFC 6184 §5.7.1: F if any has it, the highest NRI of all.
        let mut header = 0;
        let mut writer = Writer::new(room);
        writer.put_u8(0);
        let mut unit = unit;
        loop {
            header = (header | unit.first()? & 0x80) & 0x80 | (header & 0x60).max(unit.first()? & 0x60);
            writer.put_u16(u16::try_from(unit.len()).ok()?);
            writer.put(unit);
            match self.next {
                Some(next) if aggregated(len, next) <= self.limit => len = aggregated(len, next),
                _ => break,
            }
            unit = self.advance()?;
        }
        let written = writer.finish();
        *room.first_mut()? = header | STAP_A;
        written
    }
}

impl Packetize for H264Packetizer<'_> {
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

fn write_fragment(room: &mut [u8], header: u8, bits: u8, piece: &[u8]) -> Option<usize> {
    let mut writer = Writer::new(room);
    writer.put_u8(header & 0xe0 | FU_A);
    writer.put_u8(bits | kind(header));
    writer.put(piece);
    writer.finish()
}

fn next_sendable<'f>(units: &mut NalUnits<'f>) -> Option<&'f [u8]> {
    units.find(|unit| matches!(unit.first().copied().map(kind), Some(1..=23)))
}

const fn kind(header: u8) -> u8 {
    header & 0x1f
}

/// Whether a frame has slices of an IDR picture.
pub(crate) fn is_keyframe(frame: &[u8]) -> bool {
    let mut units = NalUnits::new(frame).into_iter().flatten();
    units.any(|unit| unit.first().is_some_and(|header| kind(*header) == IDR))
}
