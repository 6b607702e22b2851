//! VP9 (RFC 9628).

use crate::bytes::Writer;
use crate::payload::kinds::{FrameMarks, Layer, PayloadError};
use crate::payload::packetizer::{Packetize, PacketizeError, Pieces, Written, append, checked_limit, room};
use crate::payload::picture::PictureId;
use crate::payload::reader::Reader;

/// RFC 9628 §4.2: a picture names at most three that it needs.
const MOST_REFERENCES: usize = 3;

/// What stands in front of the bytes of VP9 in each packet (RFC 9628 §4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vp9Descriptor<'d> {
    /// I: counts pictures; all spatial layers of one have the same.
    pub picture_id: Option<PictureId>,
    /// P: it needs earlier pictures.
    pub is_inter_picture_predicted: bool,
    /// F: in flexible mode each packet names the pictures that it needs, in [`references`](Self::references).
    pub is_flexible: bool,
    /// B: the payload is the beginning of a frame, which is one spatial layer of a picture.
    pub starts_frame: bool,
    /// E: the payload is the end of a frame.
    pub ends_frame: bool,
    /// Z: no frame of a higher spatial layer needs this one.
    pub is_not_reference_for_upper_layers: bool,
    /// L: which layer it belongs to.
    pub layer: Option<Vp9Layer>,
    /// P_DIFF: how many pictures back those lie that it needs. Empty unless flexible and predicted.
    pub references: Vp9References,
    /// V: which layers there are, mostly only at key frames.
    pub scalability: Option<Vp9Scalability<'d>>,
}

/// Which layer a frame of VP9 belongs to (RFC 9628 §4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Vp9Layer {
    /// TID: 3 bits.
    pub temporal: u8,
    /// U: from here a receiver can go up to this temporal layer.
    pub is_switching_up_point: bool,
    /// SID: 3 bits.
    pub spatial: u8,
    /// D: it needs the next lower spatial layer of the same picture.
    pub is_inter_layer_predicted: bool,
    /// TL0PICIDX, which is there unless the mode is flexible: counts pictures of the lowest temporal layer.
    pub tl0_picture_index: u8,
}

/// How many pictures back those lie that one needs: at most three, each 1 to 127.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Vp9References {
    differences: [u8; MOST_REFERENCES],
    count: u8,
}

impl Vp9References {
    /// `None` if there are more than three, or one is not in 1 to 127.
    pub fn new(differences: &[u8]) -> Option<Self> {
        let mut references = Self::default();
        for difference in differences {
            references.push(*difference)?;
        }
        Some(references)
    }

    /// The differences, in the order of the packet.
    pub fn as_slice(&self) -> &[u8] {
        self.differences.get(..usize::from(self.count)).unwrap_or_default()
    }

    fn push(&mut self, difference: u8) -> Option<()> {
        let place = self.differences.get_mut(usize::from(self.count))?;
        *place = matches!(difference, 1..=127).then_some(difference)?;
        self.count += 1;
        Some(())
    }
}

/// The scalability structure of a stream (RFC 9628 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp9Scalability<'d> {
    bytes: &'d [u8],
}

/// One picture of a picture group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Vp9Picture {
    /// TID: its temporal layer.
    pub temporal: u8,
    /// U: from here a receiver can go up to that layer.
    pub is_switching_up_point: bool,
    /// P_DIFF: how many pictures back those lie that it needs.
    pub references: Vp9References,
}

impl<'d> Vp9Scalability<'d> {
    fn parse(reader: &mut Reader<'d>) -> Result<Self, PayloadError> {
        const FIELD: &str = "scalability structure";
        let bytes = reader.rest();
        let head = reader.byte(FIELD)?;
        if head & 0x10 != 0 {
            reader.take(4 * (usize::from(head >> 5) + 1), FIELD)?;
        }
        if head & 0x08 != 0 {
            for _ in 0..reader.byte(FIELD)? {
                let references = usize::from(reader.byte(FIELD)? >> 2 & 0x03);
                for difference in reader.take(references, FIELD)? {
                    if !matches!(difference, 1..=127) {
                        return Err(PayloadError::Invalid("difference of pictures"));
                    }
                }
            }
        }
        let len = bytes.len() - reader.rest().len();
        Ok(Self {
            bytes: bytes.get(..len).unwrap_or_default(),
        })
    }

    /// Writes a structure into `buf`: the size of each spatial layer, and the pictures of a group, which repeats.
    /// `None` if there is not one layer at least or more than eight, or more than 255 pictures, or `buf` is too short.
    pub fn write(resolutions: &[(u16, u16)], group: &[Vp9Picture], buf: &'d mut [u8]) -> Option<Self> {
        let layers = u8::try_from(resolutions.len())
            .ok()
            .filter(|count| matches!(count, 1..=8))?;
        let pictures = u8::try_from(group.len()).ok()?;
        let mut writer = Writer::new(buf);
        writer.put_u8((layers - 1) << 5 | 0x10 | if pictures > 0 { 0x08 } else { 0 });
        for (width, height) in resolutions {
            writer.put_u16(*width);
            writer.put_u16(*height);
        }
        if pictures > 0 {
            writer.put_u8(pictures);
        }
        for picture in group {
            let up = if picture.is_switching_up_point { 0x10 } else { 0 };
            writer.put_u8(picture.temporal << 5 | up | picture.references.count << 2);
            writer.put(picture.references.as_slice());
        }
        let len = writer.finish()?;
        let bytes: &'d [u8] = buf;
        bytes.get(..len).map(|bytes| Self { bytes })
    }

    /// How many spatial layers there are: 1 to 8.
    pub fn spatial_layers(&self) -> u8 {
        (self.head() >> 5) + 1
    }

    /// Width and height of each spatial layer, from the smallest; none if the structure does not say.
    pub fn resolutions(&self) -> impl Iterator<Item = (u16, u16)> + use<'d> {
        let sizes = self.bytes.get(1..1 + self.sizes_len()).unwrap_or_default();
        sizes.as_chunks().0.iter().map(|[w0, w1, h0, h1]| {
            let size = |high, low| u16::from_be_bytes([high, low]);
            (size(*w0, *w1), size(*h0, *h1))
        })
    }

    /// The pictures of a group, which repeats; none if the structure does not say.
    pub fn pictures(&self) -> impl Iterator<Item = Vp9Picture> + use<'d> {
        let behind = self.bytes.get(1 + self.sizes_len()..).unwrap_or_default();
        // The count is there if the group is, and pictures are read until the bytes end.
        let mut rest = behind.get(1..).unwrap_or_default();
        core::iter::from_fn(move || {
            let (head, behind) = rest.split_first()?;
            let (differences, behind) = behind.split_at_checked(usize::from(head >> 2 & 0x03))?;
            rest = behind;
            Some(Vp9Picture {
                temporal: head >> 5,
                is_switching_up_point: head & 0x10 != 0,
                references: Vp9References::new(differences)?,
            })
        })
    }

    fn head(&self) -> u8 {
        self.bytes.first().copied().unwrap_or_default()
    }

    fn sizes_len(&self) -> usize {
        match self.head() & 0x10 {
            0 => 0,
            _ => 4 * usize::from(self.spatial_layers()),
        }
    }
}

/// One payload of VP9.
///
/// ```
/// use pollrtc_rtp::payload::Vp9Payload;
///
/// let payload = Vp9Payload::parse(&[0xac, 0x81, 0x2c, 0x42, 9, 1, 2, 3])?;
/// assert_eq!(payload.descriptor.picture_id.unwrap().value(), 300);
/// assert_eq!((payload.layer().spatial, payload.layer().temporal), (1, 2));
/// assert!(!payload.starts_keyframe()); // a higher spatial layer never starts one
/// # Ok::<(), pollrtc_rtp::payload::PayloadError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp9Payload<'d> {
    /// What the payload says of itself.
    pub descriptor: Vp9Descriptor<'d>,
    /// The part of a frame that it has.
    pub bytes: &'d [u8],
}

impl<'d> Vp9Payload<'d> {
    /// Reads a payload.
    ///
    /// # Errors
    ///
    /// If it ends within the descriptor or behind it, names more than three pictures, or is flexible without a picture
    /// id.
    pub fn parse(payload: &'d [u8]) -> Result<Self, PayloadError> {
        let mut reader = Reader::new(payload);
        let first = reader.byte("descriptor")?;
        let has = |bit: u8| first & bit != 0;
        let mut descriptor = Vp9Descriptor {
            is_inter_picture_predicted: has(0x40),
            is_flexible: has(0x10),
            starts_frame: has(0x08),
            ends_frame: has(0x04),
            is_not_reference_for_upper_layers: has(0x01),
            ..Vp9Descriptor::default()
        };
        if has(0x80) {
            descriptor.picture_id = Some(PictureId::read(&mut reader)?);
        } else if descriptor.is_flexible {
            // RFC 9628 §4.2: differences are of picture ids.
            return Err(PayloadError::Invalid("flexible mode without a picture id"));
        }
        if has(0x20) {
            let byte = reader.byte("layer")?;
            let tl0_picture_index = match descriptor.is_flexible {
                true => 0,
                false => reader.byte("TL0PICIDX")?,
            };
            descriptor.layer = Some(Vp9Layer {
                temporal: byte >> 5,
                is_switching_up_point: byte & 0x10 != 0,
                spatial: byte >> 1 & 0x07,
                is_inter_layer_predicted: byte & 0x01 != 0,
                tl0_picture_index,
            });
        }
        if descriptor.is_flexible && descriptor.is_inter_picture_predicted {
            loop {
                let byte = reader.byte("reference")?;
                descriptor
                    .references
                    .push(byte >> 1)
                    .ok_or(PayloadError::Invalid("reference"))?;
                if byte & 0x01 == 0 {
                    break;
                }
            }
        }
        if has(0x02) {
            descriptor.scalability = Some(Vp9Scalability::parse(&mut reader)?);
        }
        let bytes = reader.rest();
        if bytes.is_empty() {
            return Err(PayloadError::Truncated("part of a frame"));
        }
        Ok(Self { descriptor, bytes })
    }

    /// Whether it is the first packet of a frame, which is one spatial layer of a picture.
    pub const fn starts_frame(&self) -> bool {
        self.descriptor.starts_frame
    }

    /// Whether it is the first packet of a picture, as far as one packet can tell: the beginning of a frame that needs
    /// no lower one.
    pub fn starts_picture(&self) -> bool {
        let stands_alone = |layer: Vp9Layer| layer.spatial == 0 || !layer.is_inter_layer_predicted;
        self.descriptor.starts_frame && self.descriptor.layer.is_none_or(stands_alone)
    }

    /// Whether it is the first packet of a key frame: the lowest spatial layer of a picture that needs no other.
    pub fn starts_keyframe(&self) -> bool {
        self.descriptor.starts_frame && !self.descriptor.is_inter_picture_predicted && self.layer().spatial == 0
    }

    /// Which layer it belongs to.
    pub fn layer(&self) -> Layer {
        self.descriptor.layer.map_or(Layer::default(), |layer| Layer {
            spatial: layer.spatial,
            temporal: layer.temporal,
        })
    }

    /// What it says of its place in its picture; the end of a frame may be that of a lower layer.
    pub fn marks(&self) -> FrameMarks {
        FrameMarks {
            starts_frame: self.starts_picture(),
            ends_frame: self.descriptor.ends_frame,
            is_keyframe: self.starts_keyframe(),
            layer: self.layer(),
        }
    }
}

impl Vp9Descriptor<'_> {
    /// How many bytes [`write`](Self::write) writes.
    pub fn encoded_len(&self) -> usize {
        let picture = self.picture_id.map_or(0, |id| if id.bits() == 7 { 1 } else { 2 });
        let layer = match (self.layer, self.is_flexible && self.picture_id.is_some()) {
            (None, _) => 0,
            (Some(_), true) => 1,
            (Some(_), false) => 2,
        };
        let structure = self.scalability.map_or(0, |structure| structure.bytes.len());
        1 + picture + layer + self.written_references().len() + structure
    }

    /// Writes the descriptor; how many bytes it has. `None` if `buf` is too short.
    ///
    /// What contradicts itself is not written: references without flexible mode, flexible mode without a picture id,
    /// and prediction from no reference in flexible mode.
    pub fn write(&self, buf: &mut [u8]) -> Option<usize> {
        let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        let references = self.written_references();
        let is_flexible = self.is_flexible && self.picture_id.is_some();
        let is_predicted = self.is_inter_picture_predicted && !(is_flexible && references.is_empty());
        let mut writer = Writer::new(buf);
        writer.put_u8(
            bit(self.picture_id.is_some(), 0x80)
                | bit(is_predicted, 0x40)
                | bit(self.layer.is_some(), 0x20)
                | bit(is_flexible, 0x10)
                | bit(self.starts_frame, 0x08)
                | bit(self.ends_frame, 0x04)
                | bit(self.scalability.is_some(), 0x02)
                | bit(self.is_not_reference_for_upper_layers, 0x01),
        );
        if let Some(id) = self.picture_id {
            id.write(&mut writer);
        }
        if let Some(layer) = self.layer {
            writer.put_u8(
                layer.temporal << 5
                    | bit(layer.is_switching_up_point, 0x10)
                    | (layer.spatial & 0x07) << 1
                    | bit(layer.is_inter_layer_predicted, 0x01),
            );
            if !is_flexible {
                writer.put_u8(layer.tl0_picture_index);
            }
        }
        for (index, difference) in references.iter().enumerate() {
            writer.put_u8(difference << 1 | bit(index + 1 < references.len(), 0x01));
        }
        if let Some(structure) = self.scalability {
            writer.put(structure.bytes);
        }
        writer.finish()
    }

    fn written_references(&self) -> &[u8] {
        match self.is_flexible && self.picture_id.is_some() && self.is_inter_picture_predicted {
            true => self.references.as_slice(),
            false => &[],
        }
    }
}

/// Overwrites the picture id that a payload has.
pub(crate) fn renumber(payload: &mut [u8], picture_id: u16) -> Result<(), PayloadError> {
    if Vp9Payload::parse(payload)?.descriptor.picture_id.is_some()
        && let Some((_, rest)) = payload.split_first_mut()
    {
        PictureId::overwrite(rest, picture_id).ok_or(PayloadError::Truncated("picture id"))?;
    }
    Ok(())
}

/// Packetizes a frame of VP9, which is one spatial layer of a picture.
///
/// Each packet has the descriptor of the frame; the first one and the last one say so, and the scalability structure
/// is in the first one alone (RFC 9628 §4.2).
///
/// ```
/// use pollrtc_rtp::payload::{Packetize, PictureId, Vp9Descriptor, Vp9Packetizer, Vp9Payload};
///
/// let descriptor = Vp9Descriptor { picture_id: Some(PictureId::Long(7)), ..Vp9Descriptor::default() };
/// let mut packetizer = Vp9Packetizer::new(&[1; 100], descriptor, 60)?;
/// let mut buf = [0; 60];
/// let first = packetizer.write_payload(&mut buf)?.unwrap();
/// let payload = Vp9Payload::parse(&buf[..first.len]).unwrap();
/// assert!(payload.starts_keyframe() && !payload.descriptor.ends_frame);
/// # Ok::<(), pollrtc_rtp::payload::PacketizeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Vp9Packetizer<'f> {
    pieces: Pieces<'f>,
    descriptor: Vp9Descriptor<'f>,
    limit: usize,
    ends_picture: bool,
}

impl<'f> Vp9Packetizer<'f> {
    /// Payloads have at most `limit` bytes. What `descriptor` says of the frame's beginning and end is not used.
    ///
    /// # Errors
    ///
    /// If the limit has no room for a byte behind the descriptor.
    pub fn new(frame: &'f [u8], descriptor: Vp9Descriptor<'f>, limit: usize) -> Result<Self, PacketizeError> {
        let header = descriptor.encoded_len();
        let limit = checked_limit(limit, header)?;
        Ok(Self {
            pieces: Pieces::new(frame, limit - header),
            descriptor: Vp9Descriptor {
                starts_frame: true,
                ..descriptor
            },
            limit,
            ends_picture: true,
        })
    }

    /// Frames of higher spatial layers of the same picture follow, so that none of these packets has the marker.
    #[must_use]
    pub const fn with_layers_to_come(mut self) -> Self {
        self.ends_picture = false;
        self
    }
}

impl Packetize for Vp9Packetizer<'_> {
    fn write_payload(&mut self, buf: &mut [u8]) -> Result<Option<Written>, PacketizeError> {
        let room = room(buf, self.limit)?;
        let Some(piece) = self.pieces.next() else {
            return Ok(None);
        };
        let starts_frame = self.descriptor.starts_frame;
        let ends_frame = self.pieces.is_empty();
        self.descriptor.ends_frame = ends_frame;
        let header = self.descriptor.write(room);
        self.descriptor.starts_frame = false;
        self.descriptor.scalability = None;
        Ok(header
            .and_then(|header| append(room, header, piece))
            .map(|len| Written {
                len,
                starts_frame,
                ends_frame,
                marker: ends_frame && self.ends_picture,
            }))
    }
}

/// VP9 bitstream specification §6.2: whether a frame is one that needs no other.
pub(crate) fn is_keyframe(frame: &[u8]) -> bool {
    let Some(first) = frame.first() else { return false };
    // A marker of two bits; the profile's two bits, of which profile 3 has another one behind it.
    let flags = if first & 0x30 == 0x30 { first << 1 } else { *first };
    // show_existing_frame and frame_type
    first >> 6 == 2 && flags & 0x0c == 0
}
