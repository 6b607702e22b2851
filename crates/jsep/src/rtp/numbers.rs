//! The payload types and extension ids that Chromium gives out.
//!
//! They could be any. But a browser that takes an offer of its own back keeps what it has chosen for
//! it, and can't offer again where ours have the same numbers for other things: so ours have the same
//! for the same.

use super::{Codec, HeaderExtension, Role};

/// Of codecs without parameters that matter, by name, clock rate and channels. The static ones are in
/// RFC 3551 §6.
const CODECS: [(&str, u32, u32, u8); 12] = [
    ("PCMU", 8_000, 1, 0),
    ("GSM", 8_000, 1, 3),
    ("PCMA", 8_000, 1, 8),
    ("G722", 8_000, 1, 9),
    ("CN", 8_000, 1, 13),
    ("opus", 48_000, 2, 111),
    ("red", 48_000, 2, 63),
    ("telephone-event", 48_000, 1, 110),
    ("telephone-event", 8_000, 1, 126),
    ("VP8", 90_000, 1, 96),
    ("red", 90_000, 1, 118),
    ("ulpfec", 90_000, 1, 120),
];

/// By packetization mode and the first two bytes of the `profile-level-id`.
const H264: [(&str, &str, u8); 6] = [
    ("1", "4200", 102),
    ("0", "4200", 104),
    ("1", "42e0", 108),
    ("0", "42e0", 114),
    ("1", "4d00", 116),
    ("0", "4d00", 39),
];

/// What retransmits each.
const RETRANSMISSIONS: [(u8, u8); 12] = [
    (96, 97),
    (98, 99),
    (100, 101),
    (102, 103),
    (104, 107),
    (108, 109),
    (114, 115),
    (116, 117),
    (118, 119),
    (39, 40),
    (45, 46),
    (49, 50),
];

/// The payload type that stands for a codec in Chromium.
pub(super) fn payload_type(codec: &Codec) -> Option<u8> {
    if codec.role() == Role::Retransmission {
        let apt = codec.apt()?;
        return RETRANSMISSIONS
            .into_iter()
            .find(|(repaired, _)| *repaired == apt)
            .map(|(_, payload_type)| payload_type);
    }
    let profile = |name: &str, default| codec.parameter(name).unwrap_or(default);
    if codec.is("H264") {
        let id = codec.parameter("profile-level-id")?.get(..4)?;
        let mode = profile("packetization-mode", "0");
        let same = |(its_mode, its_id, _): &(&str, &str, u8)| *its_mode == mode && id.eq_ignore_ascii_case(its_id);
        return H264.into_iter().find(same).map(|(.., payload_type)| payload_type);
    }
    if codec.is("VP9") {
        return match profile("profile-id", "0") {
            "0" => Some(98),
            "2" => Some(100),
            _ => None,
        };
    }
    if codec.is("AV1") {
        return (profile("profile", "0") == "0").then_some(45);
    }
    if codec.is("H265") {
        return (profile("profile-id", "1") == "1").then_some(49);
    }
    let same = |(name, clock_rate, channels, _): &(&str, u32, u32, u8)| {
        codec.is(name) && codec.clock_rate == *clock_rate && codec.channels == *channels
    };
    CODECS.into_iter().find(same).map(|(.., payload_type)| payload_type)
}

/// Whether a payload type stands for something in Chromium.
pub(super) fn is_payload_type_of_something(payload_type: u8) -> bool {
    let codecs = CODECS.iter().map(|(.., each)| *each);
    let h264 = H264.iter().map(|(.., each)| *each);
    let repaired = RETRANSMISSIONS.iter().flat_map(|(each, rtx)| [*each, *rtx]);
    codecs.chain(h264).chain(repaired).any(|each| each == payload_type)
}

const EXTENSIONS: [(&str, u16); 13] = [
    ("urn:ietf:params:rtp-hdrext:ssrc-audio-level", 1),
    ("http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time", 2),
    (
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        3,
    ),
    ("urn:ietf:params:rtp-hdrext:sdes:mid", 4),
    ("http://www.webrtc.org/experiments/rtp-hdrext/playout-delay", 5),
    ("http://www.webrtc.org/experiments/rtp-hdrext/video-content-type", 6),
    ("http://www.webrtc.org/experiments/rtp-hdrext/video-timing", 7),
    ("http://www.webrtc.org/experiments/rtp-hdrext/color-space", 8),
    ("urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", 10),
    ("urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id", 11),
    (
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
        12,
    ),
    ("urn:3gpp:video-orientation", 13),
    ("urn:ietf:params:rtp-hdrext:toffset", 14),
];

/// The id of an extension in Chromium's offers of audio and video.
pub(super) fn extension_id(extension: &HeaderExtension) -> Option<u16> {
    let same = |(uri, _): &(&str, u16)| *uri == extension.uri && !extension.encrypted;
    EXTENSIONS.into_iter().find(same).map(|(_, id)| id)
}

/// Whether an id stands for something in Chromium.
pub(super) fn is_extension_id_of_something(id: u16) -> bool {
    EXTENSIONS.iter().any(|(_, each)| *each == id)
}

/// Whether an extension tells streams apart, or tells a sender what arrives.
pub(super) fn is_essential(extension: &HeaderExtension) -> bool {
    const TRANSPORT_WIDE: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
    extension.uri.starts_with("urn:ietf:params:rtp-hdrext:sdes:") || extension.uri == TRANSPORT_WIDE
}
