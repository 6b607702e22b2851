//! What a packet's payload says of its frame.

use crate::Codec;

/// What a packet says of its frame, as far as forwarding has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// It is the first packet of a frame that needs no other.
    pub(super) begins_key_frame: bool,
    /// Its temporal layer; 0 is needed by all others.
    pub(super) temporal: u8,
    /// It needs only frames of the lowest temporal layer, so that its layer may be taken up with it.
    pub(super) is_sync: bool,
    /// The numbers that go on without gaps.
    pub(super) numbers: Option<Numbers>,
}

/// The numbers of a VP8 payload descriptor (RFC 7741 §4.2); those that it lacks are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    /// 15 bits.
    pub(super) picture_id: u16,
    pub(super) tl0_picture_index: u8,
    /// 5 bits.
    pub(super) key_index: u8,
}

impl Frame {
    pub(super) fn of(codec: Codec, payload: &[u8]) -> Self {
        match codec {
            Codec::Opaque => Self::PLAIN,
            Codec::Vp8 => Self::vp8(payload),
        }
    }

    const PLAIN: Self = Self {
        begins_key_frame: true,
        temporal: 0,
        is_sync: true,
        numbers: None,
    };

    fn vp8(payload: &[u8]) -> Self {
        let mut rest = payload.iter().copied();
        let mut next = || rest.next().unwrap_or_default();
        let first = next();
        let extension = if first & 0x80 != 0 { next() } else { 0 };
        let mut numbers = Numbers::default();
        if extension & 0x80 != 0 {
            let id = next();
            numbers.picture_id = match id & 0x80 {
                0 => id.into(),
                _ => u16::from_be_bytes([id & 0x7f, next()]),
            };
        }
        if extension & 0x40 != 0 {
            numbers.tl0_picture_index = next();
        }
        let layer = if extension & 0x30 != 0 { next() } else { 0 };
        numbers.key_index = layer & 0x1f;
        let has_layer = extension & 0x20 != 0;
        // RFC 7741 §4.3: the first octet of the first partition has a 0 in its lowest bit in key frames.
        let begins_frame = first & 0x17 == 0x10;
        let header = rest.next();
        Self {
            begins_key_frame: begins_frame && header.is_some_and(|header| header & 1 == 0),
            temporal: if has_layer { layer >> 6 } else { 0 },
            is_sync: !has_layer || layer & 0x20 != 0,
            numbers: Some(numbers),
        }
    }
}
