//! What a forwarder learns of a payload, whatever its format is.

use pollrtc_rtp::payload::{H265DecodingOrder, Layer, PayloadError, PayloadFormat};

use crate::common::payloads;
use crate::frames::{FORMATS, frame, packetizer};

const H265: PayloadFormat = PayloadFormat::H265(H265DecodingOrder::AsSent);

#[test]
fn the_first_packet_of_a_key_frame_says_so_and_no_other() {
    for format in FORMATS
        .into_iter()
        .filter(|format| !matches!(format, PayloadFormat::Opaque | PayloadFormat::Whole))
    {
        let mut frame = frame(format, 1_000, 2_000, 3);
        if format == PayloadFormat::Vp8 {
            frame[0] &= 0xfe; // P
        }
        let sent = payloads(packetizer(format, &frame, 300).as_mut(), 300);
        assert!(sent.len() > 2);
        for (number, one) in sent.iter().enumerate() {
            let marks = format.marks(&one.bytes).unwrap();
            assert_eq!(
                (marks.starts_frame, marks.is_keyframe),
                (number == 0, number == 0),
                "{format:?}: {number}"
            );
        }
    }
}

#[test]
fn layers_are_told() {
    let layer = |format: PayloadFormat, payload: &[u8]| format.marks(payload).unwrap().layer;
    assert_eq!(
        layer(PayloadFormat::Vp8, &[0x90, 0x20, 0x80, 1]),
        Layer {
            spatial: 0,
            temporal: 2
        }
    );
    assert_eq!(
        layer(PayloadFormat::Vp9, &[0xa8, 1, 0x64, 7, 1]),
        Layer {
            spatial: 2,
            temporal: 3
        }
    );
    assert_eq!(
        layer(H265, &[0x02, 0x12, 0x80]),
        Layer {
            spatial: 2,
            temporal: 1
        }
    );
    assert_eq!(
        layer(PayloadFormat::Av1, &[0x10, 0x34, 0x50, 1]),
        Layer {
            spatial: 2,
            temporal: 2
        }
    );
    assert_eq!(layer(PayloadFormat::H264, &[0x41, 0x9a]), Layer::default());
}

#[test]
fn audio_is_all_key_frames_and_opaque_payloads_say_nothing() {
    let marks = PayloadFormat::Whole.marks(&[1]).unwrap();
    assert!(marks.starts_frame && marks.ends_frame && marks.is_keyframe);
    let marks = PayloadFormat::Opaque.marks(&[1]).unwrap();
    assert!(!marks.starts_frame && !marks.ends_frame && !marks.is_keyframe);
}

#[test]
fn what_is_empty_is_malformed_where_there_are_headers() {
    for format in [
        PayloadFormat::Vp8,
        PayloadFormat::Vp9,
        PayloadFormat::H264,
        H265,
        PayloadFormat::Av1,
    ] {
        assert!(
            matches!(format.marks(&[]), Err(PayloadError::Truncated(_))),
            "{format:?}"
        );
    }
}
