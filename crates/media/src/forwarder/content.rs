//! What a packet says of its frame, so that it need be read once for all subscriptions.

use pollrtc_rtp::dependency_descriptor::{DecodeTargetIndication, DependencyDescriptor};
use pollrtc_rtp::payload::{Av1Payload, H264Payload, H265DecodingOrder, H265Payload, Layer, Vp8Payload, Vp9Payload};

use pollrtc_rtp::{Patch, RtpPacket};

use crate::Codec;

/// What a packet says of its frame, as far as forwarding has to know. Who has many subscribers reads it once.
///
/// ```
/// use pollrtc_media::{Codec, Content};
/// use pollrtc_rtp::{ExtensionMap, Origin, RtpPacket};
/// let bytes = [0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x10, 0x00, 9]; // VP8
/// let packet = RtpPacket::parse(&bytes, &ExtensionMap::new(), Origin::default())?;
/// assert!(Content::of(Codec::Vp8, &packet).begins_key_frame());
/// # Ok::<(), pollrtc_rtp::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// It is the first packet of a frame that needs no other.
    pub(super) begins_key_frame: bool,
    /// `None`: the same as of the packet in front of it, if that is of the same picture.
    pub(super) layer: Option<Layer>,
    pub(super) up: Up,
    /// It is the last packet of its spatial layer.
    pub(super) ends_layer: bool,
    pub(super) codec: Codec,
    /// The numbers that go on without gaps, if it has such.
    pub(super) numbers: Option<Numbers>,
}

/// Where more temporal layers can be taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Up {
    /// Not here.
    No,
    /// Here, the layer of this frame: it needs none of its layer.
    Layer,
    /// From here on, any above this frame's layer: those that follow need none of before.
    Above,
}

/// The numbers in payload descriptors of VP8 (RFC 7741 §4.2) and VP9 (RFC 9628 §4.2); those that there are not are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    /// 15 bits.
    pub(super) picture_id: u16,
    /// VP8 only, as the next.
    pub(super) tl0_picture_index: u8,
    /// 5 bits.
    pub(super) key_index: u8,
}

impl Content {
    /// Reads a payload. One that can't be read begins nothing, and goes with what is in front of it.
    pub fn of(codec: Codec, packet: &RtpPacket<'_>) -> Self {
        let payload = packet.payload();
        let frame = match codec {
            Codec::Opaque => None,
            Codec::Vp8 => Self::vp8(payload),
            Codec::Vp9 => Self::vp9(payload),
            Codec::H264 => H264Payload::parse(payload).ok().map(|payload| Self {
                begins_key_frame: payload.starts_keyframe(),
                layer: Some(Layer::default()),
                ..Self::new(codec)
            }),
            Codec::H265 => Self::h265(payload),
            Codec::Av1 => Av1Payload::parse(payload).ok().map(|payload| Self {
                begins_key_frame: payload.starts_keyframe(),
                layer: payload.layer(),
                ..Self::new(codec)
            }),
        };
        frame.unwrap_or(Self {
            begins_key_frame: codec == Codec::Opaque && !payload.is_empty(),
            ..Self::new(codec)
        })
    }

    /// What a dependency descriptor says (RTP Payload Format For AV1, appendix A) of a packet whose payload need not, or
    /// can't, be read: it is encrypted from end to end. [`DescriptorReader`] reads those of a stream, once.
    ///
    /// [`DescriptorReader`]: pollrtc_rtp::dependency_descriptor::DescriptorReader
    pub fn described(descriptor: &DependencyDescriptor) -> Self {
        let dependencies = &descriptor.dependencies;
        let present = |indication: &DecodeTargetIndication| *indication != DecodeTargetIndication::NotPresent;
        let mut targets = dependencies.indications.iter().filter(present);
        // §A.8.1: who begins to decode a target here can decode what follows.
        let is_entry = targets.all(|indication| indication == DecodeTargetIndication::Switch);
        Self {
            begins_key_frame: descriptor.has_structure && descriptor.starts_frame,
            layer: Some(dependencies.layer),
            up: if is_entry { Up::Layer } else { Up::No },
            ends_layer: descriptor.ends_frame,
            ..Self::new(Codec::Opaque)
        }
    }

    /// Whether it is the first packet of a frame that needs no other.
    pub const fn begins_key_frame(&self) -> bool {
        self.begins_key_frame
    }

    /// What has to be written into the payload, so that it leaves with other numbers.
    pub(super) fn patch(&self, leaving: impl FnOnce(Numbers) -> Numbers) -> Patch {
        let changed = self.numbers.map(|numbers| (numbers, leaving(numbers)));
        match (self.codec, changed) {
            (Codec::Vp8, Some((numbers, leaving))) if numbers != leaving => Patch::Vp8 {
                picture_id: leaving.picture_id,
                tl0_picture_index: leaving.tl0_picture_index,
                key_index: leaving.key_index,
            },
            (Codec::Vp9, Some((numbers, leaving))) if numbers != leaving => Patch::Vp9 {
                picture_id: leaving.picture_id,
            },
            _ => Patch::None,
        }
    }

    const fn new(codec: Codec) -> Self {
        Self {
            begins_key_frame: false,
            layer: None,
            up: Up::No,
            ends_layer: false,
            codec,
            numbers: None,
        }
    }

    fn vp8(payload: &[u8]) -> Option<Self> {
        let payload = Vp8Payload::parse(payload).ok()?;
        let descriptor = payload.descriptor;
        Some(Self {
            begins_key_frame: payload.starts_keyframe(),
            layer: Some(payload.layer()),
            up: match descriptor.temporal_layer {
                Some(layer) if layer.is_sync => Up::Layer,
                _ => Up::No,
            },
            numbers: Some(Numbers {
                picture_id: descriptor.picture_id.map_or(0, |id| id.value()),
                tl0_picture_index: descriptor.tl0_picture_index.unwrap_or_default(),
                key_index: descriptor.key_index.unwrap_or_default(),
            }),
            ..Self::new(Codec::Vp8)
        })
    }

    fn vp9(payload: &[u8]) -> Option<Self> {
        let payload = Vp9Payload::parse(payload).ok()?;
        let descriptor = payload.descriptor;
        Some(Self {
            begins_key_frame: payload.starts_keyframe(),
            layer: Some(payload.layer()),
            up: match descriptor.layer {
                Some(layer) if layer.is_switching_up_point => Up::Above,
                _ => Up::No,
            },
            ends_layer: descriptor.ends_frame,
            numbers: descriptor.picture_id.map(|id| Numbers {
                picture_id: id.value(),
                ..Numbers::default()
            }),
            ..Self::new(Codec::Vp9)
        })
    }

    fn h265(payload: &[u8]) -> Option<Self> {
        // Streams with decoding order numbers look alike, but for aggregates, which are not taken for key frames then.
        let payload = H265Payload::parse(payload, H265DecodingOrder::AsSent).ok()?;
        let kind = match payload {
            H265Payload::Single(unit) => unit.nal_unit_type(),
            H265Payload::Fragment(fragment) => fragment.part.nal_unit_type(),
            H265Payload::Aggregate(_) => 0,
        };
        Some(Self {
            begins_key_frame: payload.starts_keyframe(),
            layer: Some(payload.layer()),
            // ITU-T H.265 §7.4.2.2: TSA and STSA pictures need none of their own temporal layer.
            up: if matches!(kind, 2..=5) { Up::Layer } else { Up::No },
            ..Self::new(Codec::H265)
        })
    }
}
