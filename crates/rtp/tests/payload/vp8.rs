//! VP8 (RFC 7741).

use pollrtc_rtp::payload::{
    Packetize, PacketizeError, PayloadError, PayloadFormat, PictureId, Vp8Descriptor, Vp8Packetizer, Vp8Payload,
    Vp8TemporalLayer,
};
use quickcheck::quickcheck;

use crate::common::{Stream, noise, payloads};

fn descriptor(payload: &[u8]) -> Vp8Descriptor {
    Vp8Payload::parse(payload).expect("it is well-formed").descriptor
}

#[test]
fn a_descriptor_of_one_byte_says_where_a_frame_begins() {
    // RFC 7741 §4.2: X is not set, so that nothing follows. GStreamer and FFmpeg send this unless told otherwise.
    let first = Vp8Payload::parse(&[0x10, 0x00, 1, 2]).unwrap();
    assert_eq!(
        first.descriptor,
        Vp8Descriptor {
            starts_partition: true,
            ..Vp8Descriptor::default()
        }
    );
    assert!(first.starts_frame() && first.starts_keyframe());
    assert_eq!(first.bytes, [0x00, 1, 2]);

    assert!(!Vp8Payload::parse(&[0x00, 0x00]).unwrap().starts_frame());
    assert!(
        !Vp8Payload::parse(&[0x11, 0x00]).unwrap().starts_frame(),
        "the beginning of another partition"
    );
    assert!(!Vp8Payload::parse(&[0x10, 0x01]).unwrap().starts_keyframe(), "P is set");
}

#[test]
fn every_field_is_read_where_its_bit_says_so() {
    let all = descriptor(&[0xb3, 0xf0, 0x92, 0x34, 77, 0xb9, 0xff]);
    let expected = Vp8Descriptor {
        is_non_reference: true,
        starts_partition: true,
        partition: 3,
        picture_id: Some(PictureId::Long(0x1234)),
        tl0_picture_index: Some(77),
        temporal_layer: Some(Vp8TemporalLayer { id: 2, is_sync: true }),
        key_index: Some(0x19),
    };
    assert_eq!(all, expected);

    // M is not set: 7 bits.
    assert_eq!(
        descriptor(&[0x90, 0x80, 0x7f, 1]).picture_id,
        Some(PictureId::Short(127))
    );
    // RFC 7741 §4.2: of TID and KEYIDX the one without its bit is ignored, though the byte is there.
    let only_key = descriptor(&[0x80, 0x10, 0xe5, 1]);
    assert_eq!((only_key.temporal_layer, only_key.key_index), (None, Some(5)));
    let only_layer = descriptor(&[0x80, 0x20, 0x45, 1]);
    assert_eq!(
        only_layer.temporal_layer,
        Some(Vp8TemporalLayer { id: 1, is_sync: false })
    );
    assert_eq!(only_layer.key_index, None);
    // Reserved bits are ignored.
    assert_eq!(descriptor(&[0x58, 1]), descriptor(&[0x10, 1]));
    assert_eq!(descriptor(&[0x90, 0x8f, 5, 1]), descriptor(&[0x90, 0x80, 5, 1]));
}

#[test]
fn what_ends_too_early_is_an_error_at_each_length() {
    let whole = [0x90, 0xf0, 0x92, 0x34, 77, 0xb9, 0xff];
    for len in 0..whole.len() {
        assert!(
            matches!(Vp8Payload::parse(&whole[..len]), Err(PayloadError::Truncated(_))),
            "{len} bytes"
        );
    }
    assert!(Vp8Payload::parse(&whole).is_ok());
}

#[test]
fn the_first_packet_of_a_key_frame_tells_its_size() {
    let start = [0x10, 0x50, 0x42, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x41, 0xf0, 0x80];
    let payload = Vp8Payload::parse(&start).unwrap();
    assert_eq!(payload.resolution(), Some((320, 240)), "without the bits for scaling");
    let inter = [&[0x10, 0x51][..], &start[2..]].concat();
    assert_eq!(Vp8Payload::parse(&inter).unwrap().resolution(), None);
}

#[test]
fn a_lost_packet_costs_its_frame_and_no_other() {
    let frames: Vec<_> = (0..3).map(|seed| noise(2_500, seed)).collect();
    let mut stream = Stream::new(PayloadFormat::Vp8);
    for (index, frame) in frames.iter().enumerate() {
        let packetizer = &mut Vp8Packetizer::new(frame, Vp8Descriptor::default(), 1_200).unwrap();
        let sent = payloads(packetizer, 1_200);
        assert_eq!(sent.len(), 3);
        for (number, one) in sent.iter().enumerate() {
            match (index, number) {
                (1, 1) => stream.lose(),
                _ => stream.packet(&one.bytes, one.written.marker),
            }
        }
        stream.next_frame();
    }
    assert_eq!(stream.bytes().as_ref(), Some(&frames[0]));
    assert_eq!(stream.bytes().as_ref(), Some(&frames[2]));
    assert_eq!(stream.bytes(), None);
    let stats = stream.depacketizer.stats();
    assert_eq!((stats.frames, stats.incomplete_frames), (2, 1));
}

#[test]
fn of_a_frame_without_its_first_packet_nothing_comes_out() {
    let mut stream = Stream::new(PayloadFormat::Vp8);
    stream.packet(&[0x00, 1, 2], true); // somebody joins in the middle
    stream.next_frame();
    stream.packet(&[0x10, 1], true);
    stream.next_frame();
    stream.lose();
    stream.packet(&[0x00, 2], true);
    stream.next_frame();
    stream.packet(&[0x10, 3], true);
    assert_eq!(
        (stream.bytes(), stream.bytes(), stream.bytes()),
        (Some(vec![1]), Some(vec![3]), None)
    );
    assert_eq!(stream.depacketizer.stats().incomplete_frames, 2);
}

#[test]
fn layers_and_key_frames_are_told_with_the_frame() {
    let descriptor = Vp8Descriptor {
        temporal_layer: Some(Vp8TemporalLayer { id: 2, is_sync: false }),
        ..Vp8Descriptor::default()
    };
    let mut stream = Stream::new(PayloadFormat::Vp8);
    stream.frame(&payloads(
        &mut Vp8Packetizer::new(&[0x01, 2, 3], descriptor, 100).unwrap(),
        100,
    ));
    stream.frame(&payloads(
        &mut Vp8Packetizer::new(&[0x00, 2, 3], Vp8Descriptor::default(), 100).unwrap(),
        100,
    ));
    let frame = stream.poll().unwrap();
    assert_eq!((frame.layer.temporal, frame.is_keyframe), (2, false));
    let frame = stream.poll().unwrap();
    assert_eq!((frame.layer.temporal, frame.is_keyframe), (0, true));
}

#[test]
fn a_limit_without_room_is_refused() {
    let descriptor = Vp8Descriptor {
        picture_id: Some(PictureId::Long(1)),
        ..Vp8Descriptor::default()
    };
    let refused = Vp8Packetizer::new(&[1], descriptor, 4).map(drop);
    assert_eq!(refused, Err(PacketizeError::Limit { limit: 4, least: 5 }));
    let mut packetizer = Vp8Packetizer::new(&[1], descriptor, 5).unwrap();
    let short = packetizer.write_payload(&mut [0; 4]);
    assert_eq!(short, Err(PacketizeError::ShortBuffer { len: 4, limit: 5 }));
    assert_eq!(
        packetizer
            .write_payload(&mut [0; 5])
            .unwrap()
            .map(|written| written.len),
        Some(5),
        "it is still there"
    );
}

quickcheck! {
    /// For every descriptor: it is read as it was written.
    fn every_descriptor_is_read_as_it_was_written(flags: (bool, bool, u8), picture: Option<(bool, u16)>,
                                                  layer: Option<(u8, bool)>, tl0: Option<u8>, key: Option<u8>) -> bool {
        let layer = layer.map(|(id, is_sync)| Vp8TemporalLayer { id: id & 3, is_sync });
        let written = Vp8Descriptor {
            is_non_reference: flags.0,
            starts_partition: flags.1,
            partition: flags.2 & 7,
            picture_id: picture.map(|(is_short, id)| match is_short {
                true => PictureId::Short(id as u8 & 0x7f),
                false => PictureId::Long(id & 0x7fff),
            }),
            // RFC 7741 §4.2: L asks for T.
            temporal_layer: layer.or(tl0.map(|_| Vp8TemporalLayer::default())),
            tl0_picture_index: tl0,
            key_index: key.map(|key| key & 31),
        };
        let mut buf = [9; 10];
        let len = written.write(&mut buf).unwrap();
        (len == written.encoded_len())
            && descriptor(&buf[..=len]) == written
            && (0..len).all(|short| written.write(&mut buf[..short]).is_none())
    }
}
