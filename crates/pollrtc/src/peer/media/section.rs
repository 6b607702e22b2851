//! One section that receives: what its packets look like, as it was agreed on.

use alloc::string::String;
use alloc::vec::Vec;

use pollrtc_jsep::rtp::RtpSources;
use pollrtc_jsep::{Transceiver, TransceiverId};
use pollrtc_rtp::Format;
use pollrtc_rtp::payload::PayloadFormat;
use pollrtc_sdp::attribute::Direction;

use super::codecs::payload_format;
use super::sender::formats;

/// What one transceiver receives.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) transceiver: TransceiverId,
    pub(super) mid: String,
    /// In the order of the description.
    pub(super) layers: Vec<String>,
    /// What the peer's description names.
    pub(super) sources: RtpSources,
    payload_types: Vec<(u8, Meaning)>,
}

/// What a payload type stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Media.
    Media {
        format: Format,
        /// In hertz.
        clock_rate: u32,
        /// Whether packets that are lost may be asked for (RFC 4585 §6.2.1).
        has_nack: bool,
        payload: PayloadFormat,
    },
    /// Retransmissions of another payload type (RFC 4588 §8.1).
    Repair { original: u8 },
}

/// Whether a key frame begins with this payload.
pub(super) fn starts_keyframe(format: PayloadFormat, payload: &[u8]) -> bool {
    let marks = format.marks(payload);
    format != PayloadFormat::Whole && marks.is_ok_and(|marks| marks.is_keyframe && marks.starts_frame)
}

impl Section {
    /// What a transceiver receives; `None` if it does not.
    pub(super) fn of(transceiver: &Transceiver) -> Option<Self> {
        let receives = transceiver.current_direction().is_some_and(Direction::receives);
        let parameters = transceiver
            .parameters()
            .filter(|_| receives && !transceiver.is_stopped())?;
        let receive = &parameters.receive;
        let media = formats(parameters).zip(0..u8::MAX).map(|((_, received), place)| {
            let has_nack =
                |feedback: &&pollrtc_jsep::rtp::Feedback| feedback.kind == "nack" && feedback.parameter.is_empty();
            let meaning = Meaning::Media {
                format: Format(place),
                clock_rate: received.codec.clock_rate,
                has_nack: received.codec.feedback.iter().any(|each| has_nack(&each)),
                payload: payload_format(&received.codec),
            };
            (received.payload_type, meaning)
        });
        let repairs = receive.codecs.iter().filter_map(|each| {
            let original = each.apt()?;
            Some((each.payload_type, Meaning::Repair { original }))
        });
        let layers = receive.simulcast.receive.iter().flat_map(|stream| &stream.alternatives);
        Some(Self {
            transceiver: transceiver.id(),
            mid: transceiver.mid()?.into(),
            layers: layers.map(|layer| layer.rid.clone()).collect(),
            sources: transceiver.remote_sources().clone(),
            payload_types: media.chain(repairs).collect(),
        })
    }

    pub(super) fn payload_types(&self) -> impl Iterator<Item = u8> {
        self.payload_types.iter().map(|(number, _)| *number)
    }

    pub(super) fn meaning(&self, payload_type: u8) -> Option<Meaning> {
        let known = self.payload_types.iter().find(|(known, _)| *known == payload_type);
        known.map(|(_, meaning)| *meaning)
    }
}
