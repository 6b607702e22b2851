//! How the payloads of a codec look.

use pollrtc_jsep::rtp::Codec;
use pollrtc_rtp::payload::{H264Mode, H265DecodingOrder, PayloadFormat};

/// What a codec's payloads look like, as far as key frames go.
pub(super) fn payload_format(codec: &Codec) -> PayloadFormat {
    const KNOWN: [(&str, PayloadFormat); 5] = [
        ("VP8", PayloadFormat::Vp8),
        ("VP9", PayloadFormat::Vp9),
        ("H264", PayloadFormat::H264),
        ("H265", PayloadFormat::H265(H265DecodingOrder::AsSent)),
        ("AV1", PayloadFormat::Av1),
    ];
    let known = KNOWN.into_iter().find(|(name, _)| codec.is(name));
    known.map_or(PayloadFormat::Whole, |(_, format)| format)
}

/// A codec, as far as forwarding looks into its payload.
pub(super) fn forwarded_codec(codec: &Codec) -> pollrtc_media::Codec {
    use pollrtc_media::Codec as Forwarded;
    match payload_format(codec) {
        PayloadFormat::Vp8 => Forwarded::Vp8,
        PayloadFormat::Vp9 => Forwarded::Vp9,
        PayloadFormat::H264 => Forwarded::H264,
        PayloadFormat::H265(_) => Forwarded::H265,
        PayloadFormat::Av1 => Forwarded::Av1,
        _ => Forwarded::Opaque,
    }
}

/// RFC 6184 §6.2: unless negotiated otherwise, each packet is one NAL unit.
pub(super) fn h264_mode(codec: &Codec) -> H264Mode {
    match codec.parameter("packetization-mode") {
        Some("1") => H264Mode::NonInterleaved,
        _ => H264Mode::SingleNalUnit,
    }
}
