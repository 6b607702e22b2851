//! The frames of a stream, for callers who don't want to know more.

use pollrtc_rtp::payload::{
    FramePacketizer, H264Mode, H265DecodingOrder, PacketizeError, PayloadFormat, Vp8Payload, Vp9Payload,
};

use crate::common::{Stream, annex_b, payloads};
use crate::frames::{FORMATS, frame};

const H265: PayloadFormat = PayloadFormat::H265(H265DecodingOrder::AsSent);

#[test]
fn frames_of_every_format_come_back() {
    for format in FORMATS {
        let mut packetizer = FramePacketizer::new(format, 1);
        let mut stream = Stream::new(format);
        let frames: Vec<_> = (0..5)
            .map(|seed| frame(format, 1_000 + 37 * seed, 600, seed as u32))
            .collect();
        for frame in &frames {
            stream.frame(&payloads(&mut packetizer.packetize(frame, 1_200).unwrap(), 1_200));
        }
        // Nobody knows where the first opaque frame begins.
        let known = if format == PayloadFormat::Opaque {
            &frames[1..]
        } else {
            &frames[..]
        };
        for frame in known {
            assert_eq!(stream.bytes().as_ref(), Some(frame), "{format:?}");
        }
        assert_eq!(stream.bytes(), None);
    }
}

#[test]
fn pictures_are_numbered_and_numbers_wrap() {
    let mut packetizer = FramePacketizer::new(PayloadFormat::Vp8, 0xfffe);
    let numbers: Vec<_> = (0..4)
        .map(|_| payloads(&mut packetizer.packetize(&[1; 300], 200).unwrap(), 200))
        .map(|sent| {
            let number = |bytes: &[u8]| Vp8Payload::parse(bytes).unwrap().descriptor.picture_id.unwrap().value();
            assert_eq!(
                number(&sent[0].bytes),
                number(&sent[1].bytes),
                "one number for all packets of a frame"
            );
            number(&sent[0].bytes)
        })
        .collect();
    assert_eq!(numbers, [0x7ffe, 0x7fff, 0, 1]);
    assert!(matches!(
        packetizer.packetize(&[1], 3),
        Err(PacketizeError::Limit { .. })
    ));
    let sent = payloads(&mut packetizer.packetize(&[1], 200).unwrap(), 200);
    assert_eq!(
        sent[0].bytes[..4],
        [0x90, 0x80, 0x80, 2],
        "a frame that is refused has no number"
    );
}

#[test]
fn frames_of_vp9_say_whether_they_need_others() {
    let mut packetizer = FramePacketizer::new(PayloadFormat::Vp9, 5);
    for (first, is_predicted) in [
        (0x82, false),
        (0x86, true),
        (0x8a, true),
        (0xb0, false),
        (0xb2, true),
        (0xb4, true),
    ] {
        let frame = [first, 1, 2];
        let sent = payloads(&mut packetizer.packetize(&frame, 200).unwrap(), 200);
        let descriptor = Vp9Payload::parse(&sent[0].bytes).unwrap().descriptor;
        assert_eq!(descriptor.is_inter_picture_predicted, is_predicted, "{first:02x}");
        assert_eq!(PayloadFormat::Vp9.is_keyframe(&frame), !is_predicted);
    }
    assert!(!PayloadFormat::Vp9.is_keyframe(&[0x02]), "no frame of VP9");
}

#[test]
fn h264_is_sent_in_the_mode_that_was_agreed_on() {
    let frame = annex_b(&[[0x67, 0x42], [0x68, 0xce], [0x65, 0x88]]);
    let mut packetizer = FramePacketizer::new(PayloadFormat::H264, 0);
    assert_eq!(payloads(&mut packetizer.packetize(&frame, 200).unwrap(), 200).len(), 1);
    let mut packetizer = packetizer.with_h264_mode(H264Mode::SingleNalUnit);
    assert_eq!(payloads(&mut packetizer.packetize(&frame, 200).unwrap(), 200).len(), 3);
}

#[test]
fn key_frames_are_known_by_their_bytes() {
    let is_key = |format: PayloadFormat, frame: &[u8]| format.is_keyframe(frame);
    assert!(is_key(PayloadFormat::Vp8, &[0x50, 1]) && !is_key(PayloadFormat::Vp8, &[0x51, 1]));
    assert!(is_key(
        PayloadFormat::H264,
        &annex_b(&[&[0x67, 0x42][..], &[0x65, 0x88]])
    ));
    assert!(
        !is_key(PayloadFormat::H264, &annex_b(&[[0x67, 0x42], [0x41, 0x9a]])),
        "parameters alone are none"
    );
    assert!(is_key(H265, &annex_b(&[[0x40, 1, 1], [0x2a, 1, 0xaf]])) && !is_key(H265, &annex_b(&[[0x02, 1, 0xd0]])));
    assert!(is_key(PayloadFormat::Av1, &[0x12, 0, 0x0a, 1, 7, 0x32, 1, 0x10]));
    assert!(!is_key(PayloadFormat::Av1, &[0x12, 0, 0x32, 1, 0x30]));
    assert!(is_key(PayloadFormat::Whole, &[1]) && !is_key(PayloadFormat::Opaque, &[1]));
    for format in FORMATS.into_iter().filter(|format| *format != PayloadFormat::Whole) {
        assert!(!is_key(format, &[]));
    }
}
