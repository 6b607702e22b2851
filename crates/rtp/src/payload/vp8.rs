//! VP8 (RFC 7741).

use crate::bytes::Writer;
use crate::payload::kinds::{FrameMarks, Layer, PayloadError};
use crate::payload::packetizer::{Packetize, PacketizeError, Pieces, Written, append, checked_limit, room};
use crate::payload::picture::PictureId;
use crate::payload::reader::Reader;

/// The longest descriptor that there is.
pub(crate) const LONGEST_DESCRIPTOR: usize = 6;

/// What stands in front of the bytes of VP8 in each packet (RFC 7741 §4.2). What a sender leaves out is `None`;
/// some leave out all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Vp8Descriptor {
    /// N: no other frame needs this one.
    pub is_non_reference: bool,
    /// S: the payload is the beginning of a partition.
    pub starts_partition: bool,
    /// PID: which partition it belongs to, 3 bits.
    pub partition: u8,
    /// PictureID: counts frames.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX: counts frames of the base layer; of others it names the one that they need.
    pub tl0_picture_index: Option<u8>,
    /// TID and Y.
    pub temporal_layer: Option<Vp8TemporalLayer>,
    /// KEYIDX: counts key frames, 5 bits.
    pub key_index: Option<u8>,
}

/// Which temporal layer a frame belongs to (RFC 7741 §4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Vp8TemporalLayer {
    /// TID: 2 bits; 0 is the base layer.
    pub id: u8,
    /// Y: it needs a frame of the base layer and no other, so that a receiver can go up to its layer here.
    pub is_sync: bool,
}

/// One payload of VP8.
///
/// ```
/// use pollrtc_rtp::payload::Vp8Payload;
///
/// // X and S; a picture id of 15 bits; the first bytes of a key frame of 640x480
/// let payload = Vp8Payload::parse(&[0x90, 0x80, 0x80, 42, 0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0xe0, 1])?;
/// assert!(payload.starts_keyframe());
/// assert_eq!(payload.resolution(), Some((640, 480)));
/// assert_eq!(payload.descriptor.picture_id.unwrap().value(), 42);
/// # Ok::<(), pollrtc_rtp::payload::PayloadError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp8Payload<'d> {
    /// What the payload says of itself.
    pub descriptor: Vp8Descriptor,
    /// The part of a frame that it has.
    pub bytes: &'d [u8],
}

impl<'d> Vp8Payload<'d> {
    /// Reads a payload.
    ///
    /// # Errors
    ///
    /// If it ends within the descriptor, or behind it.
    pub fn parse(payload: &'d [u8]) -> Result<Self, PayloadError> {
        let mut reader = Reader::new(payload);
        let first = reader.byte("descriptor")?;
        let mut descriptor = Vp8Descriptor {
            is_non_reference: first & 0x20 != 0,
            starts_partition: first & 0x10 != 0,
            partition: first & 0x07,
            ..Vp8Descriptor::default()
        };
        let extension = match first & 0x80 {
            0 => 0,
            _ => reader.byte("extension bits")?,
        };
        if extension & 0x80 != 0 {
            descriptor.picture_id = Some(PictureId::read(&mut reader)?);
        }
        if extension & 0x40 != 0 {
            descriptor.tl0_picture_index = Some(reader.byte("TL0PICIDX")?);
        }
        // RFC 7741 §4.2: one byte for both; each is ignored unless its bit says so.
        if extension & 0x30 != 0 {
            let byte = reader.byte("TID and KEYIDX")?;
            descriptor.temporal_layer = (extension & 0x20 != 0).then_some(Vp8TemporalLayer {
                id: byte >> 6,
                is_sync: byte & 0x20 != 0,
            });
            descriptor.key_index = (extension & 0x10 != 0).then_some(byte & 0x1f);
        }
        let bytes = reader.rest();
        if bytes.is_empty() {
            return Err(PayloadError::Truncated("part of a frame"));
        }
        Ok(Self { descriptor, bytes })
    }

    /// Whether it is the first packet of a frame (RFC 7741 §4.2: the beginning of partition 0).
    pub const fn starts_frame(&self) -> bool {
        self.descriptor.starts_partition && self.descriptor.partition == 0
    }

    /// Whether it is the first packet of a key frame (RFC 7741 §4.3: the inverse of the frame header's P bit).
    pub fn starts_keyframe(&self) -> bool {
        self.starts_frame() && self.bytes.first().is_some_and(|first| first & 0x01 == 0)
    }

    /// Which layer it belongs to.
    pub fn layer(&self) -> Layer {
        Layer {
            spatial: 0,
            temporal: self.descriptor.temporal_layer.map_or(0, |layer| layer.id),
        }
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

    /// Width and height, which the first packet of a key frame tells (RFC 6386 §9.1).
    pub fn resolution(&self) -> Option<(u16, u16)> {
        let [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] = *self.bytes else {
            return None;
        };
        let size = |low, high| u16::from_le_bytes([low, high]) & 0x3fff;
        self.starts_keyframe().then(|| (size(w0, w1), size(h0, h1)))
    }
}

impl Vp8Descriptor {
    /// How many bytes [`write`](Self::write) writes.
    pub fn encoded_len(&self) -> usize {
        let mut longest = [0; LONGEST_DESCRIPTOR];
        self.write(&mut longest).unwrap_or(LONGEST_DESCRIPTOR)
    }

    /// Writes the descriptor; how many bytes it has. `None` if `buf` is too short.
    pub fn write(&self, buf: &mut [u8]) -> Option<usize> {
        let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        let extension = bit(self.picture_id.is_some(), 0x80)
            | bit(self.tl0_picture_index.is_some(), 0x40)
            // RFC 7741 §4.2: L asks for T.
            | bit(self.temporal_layer.is_some() || self.tl0_picture_index.is_some(), 0x20)
            | bit(self.key_index.is_some(), 0x10);
        let mut writer = Writer::new(buf);
        writer.put_u8(
            bit(extension != 0, 0x80)
                | bit(self.is_non_reference, 0x20)
                | bit(self.starts_partition, 0x10)
                | (self.partition & 0x07),
        );
        if extension != 0 {
            writer.put_u8(extension);
        }
        if let Some(id) = self.picture_id {
            id.write(&mut writer);
        }
        if let Some(index) = self.tl0_picture_index {
            writer.put_u8(index);
        }
        if extension & 0x30 != 0 {
            let layer = self.temporal_layer.unwrap_or_default();
            writer.put_u8(layer.id << 6 | bit(layer.is_sync, 0x20) | self.key_index.unwrap_or_default() & 0x1f);
        }
        writer.finish()
    }
}

/// Overwrites the numbers that a payload has.
pub(crate) fn renumber(
    payload: &mut [u8],
    picture_id: u16,
    tl0_picture_index: u8,
    key_index: u8,
) -> Result<(), PayloadError> {
    let descriptor = Vp8Payload::parse(payload)?.descriptor;
    let [first, extension, rest @ ..] = payload else {
        return Ok(());
    };
    if *first & 0x80 == 0 {
        return Ok(());
    }
    let has_byte_of_both = *extension & 0x30 != 0;
    let mut rest = rest;
    if descriptor.picture_id.is_some() {
        rest = PictureId::overwrite(rest, picture_id).ok_or(PayloadError::Truncated("picture id"))?;
    }
    if descriptor.tl0_picture_index.is_some() {
        let (index, behind) = rest.split_first_mut().ok_or(PayloadError::Truncated("TL0PICIDX"))?;
        *index = tl0_picture_index;
        rest = behind;
    }
    if let (true, true, Some(byte)) = (has_byte_of_both, descriptor.key_index.is_some(), rest.first_mut()) {
        *byte = *byte & 0xe0 | key_index & 0x1f;
    }
    Ok(())
}

/// Packetizes a frame of VP8.
///
/// Each packet has the descriptor of the frame; the first one says that it is the beginning (RFC 7741 §4.2: partitions
/// need not be told apart).
#[derive(Clone, Debug)]
pub struct Vp8Packetizer<'f> {
    pieces: Pieces<'f>,
    descriptor: Vp8Descriptor,
    limit: usize,
}

impl<'f> Vp8Packetizer<'f> {
    /// Payloads have at most `limit` bytes. What `descriptor` says of partitions is not used.
    ///
    /// # Errors
    ///
    /// If the limit has no room for a byte behind the descriptor.
    pub fn new(frame: &'f [u8], descriptor: Vp8Descriptor, limit: usize) -> Result<Self, PacketizeError> {
        let header = descriptor.encoded_len();
        let limit = checked_limit(limit, header)?;
        Ok(Self {
            pieces: Pieces::new(frame, limit - header),
            descriptor: Vp8Descriptor {
                starts_partition: true,
                partition: 0,
                ..descriptor
            },
            limit,
        })
    }
}

impl Packetize for Vp8Packetizer<'_> {
    fn write_payload(&mut self, buf: &mut [u8]) -> Result<Option<Written>, PacketizeError> {
        let room = room(buf, self.limit)?;
        let Some(piece) = self.pieces.next() else {
            return Ok(None);
        };
        let starts_frame = self.descriptor.starts_partition;
        let header = self.descriptor.write(room);
        self.descriptor.starts_partition = false;
        let ends_frame = self.pieces.is_empty();
        Ok(header
            .and_then(|header| append(room, header, piece))
            .map(|len| Written {
                len,
                starts_frame,
                ends_frame,
                marker: ends_frame,
            }))
    }
}
