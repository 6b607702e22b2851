//! Layers of one stream, and where pictures begin, in each codec.

mod common;

use common::{Packet, forwarded};
use pollrtc_core::Instant;
use pollrtc_media::{ALL_LAYERS, Codec, Content, FormatMap, Forwarder, ForwarderConfig, Verdict};
use pollrtc_rtp::dependency_descriptor::{DependencyDescriptor, FrameDependencies, Indications};
use pollrtc_rtp::payload::{Layer, Vp9Payload};
use pollrtc_rtp::{Extension, ExtensionMap, Format, Patch, RtpPacket, StreamKey};

fn forwarder(codec: Codec) -> Forwarder {
    let mut formats = FormatMap::new();
    formats.insert(Format(0), Format(0), codec);
    Forwarder::new(ForwarderConfig {
        formats,
        clock_rate: 90_000,
        first_sequence: 0,
    })
}

/// A payload of VP9 in flexible mode (RFC 9628 §4.2): its picture and layer, whether it is predicted and where it is in
/// its frame.
fn vp9(picture: u16, layer: Layer, is_predicted: bool, is_up: bool) -> Vec<u8> {
    // I, L, F, B and E; P and a reference one picture back.
    let first = 0x80 | 0x20 | 0x10 | 0x08 | 0x04 | u8::from(is_predicted) << 6;
    let [high, low] = (picture | 0x8000).to_be_bytes();
    let layer = layer.temporal << 5 | u8::from(is_up) << 4 | layer.spatial << 1;
    let mut payload = vec![first, high, low, layer];
    if is_predicted {
        payload.push(1 << 1);
    }
    payload.extend([0xaa; 20]);
    Vp9Payload::parse(&payload).expect("VP9");
    payload
}

/// The packets of a picture: one for each of three spatial layers.
fn picture(number: u64, key: bool) -> Vec<Packet> {
    let layers = (0..3).map(|spatial| Layer {
        spatial,
        temporal: (number % 2) as u8,
    });
    let packets = layers.map(|layer| {
        let payload = vp9(
            number as u16,
            layer,
            !key || layer.spatial > 0,
            number.is_multiple_of(2),
        );
        let index = 3 * number + u64::from(layer.spatial);
        let packet = Packet::new(1, index, 3_000 * number as u32, Format(0), &payload);
        let packet = packet.arrived(Instant::from_millis(33 * number));
        if layer.spatial == 2 { packet.marked() } else { packet }
    });
    packets.collect()
}

#[test]
fn spatial_layers_of_vp9_are_left_at_the_next_picture_and_come_back_with_a_key_frame() {
    let mut forwarder = forwarder(Codec::Vp9);
    let select = |forwarder: &mut Forwarder, spatial| {
        let temporal = u8::MAX;
        forwarder.select(StreamKey(1), Layer { spatial, temporal });
    };
    select(&mut forwarder, 1);
    let (mut next, mut counts, mut needed) = (0, Vec::new(), Vec::new());
    for number in 0..40 {
        match number {
            10 => select(&mut forwarder, 0),
            20 => select(&mut forwarder, 2),
            _ => {}
        }
        let (mut left, mut marker) = (0, false);
        for packet in picture(number, number == 0 || number == 30) {
            match forwarder.next(&packet.view()) {
                Verdict::Forward(rewrite) => {
                    assert_eq!((rewrite.sequence, rewrite.patch), (next, Patch::None));
                    assert!(!marker, "a marker ends a picture");
                    (left, next, marker) = (left + 1, next + 1, rewrite.marker);
                    assert_eq!(forwarder.repeat(rewrite.sequence as u16, &packet.view()), Some(rewrite));
                }
                Verdict::KeyframeNeeded(_) => needed.push(number),
                Verdict::Skip => {}
            }
        }
        assert!(marker, "each picture ends, whatever was left out");
        counts.push(left);
    }
    assert_eq!(counts, [[2; 10], [1; 10], [1; 10], [3; 10]].concat());
    needed.dedup();
    assert!(needed.into_iter().eq(20..30), "upper layers wait for a key frame");
}

#[test]
fn temporal_layers_of_vp9_keep_the_numbers_of_pictures_that_others_name() {
    let mut forwarder = forwarder(Codec::Vp9);
    let lowest = Layer {
        spatial: u8::MAX,
        temporal: 0,
    };
    forwarder.select(StreamKey(1), lowest);
    let mut left = Vec::new();
    for number in 0..20 {
        if number == 11 {
            forwarder.select(StreamKey(1), ALL_LAYERS);
        }
        for packet in picture(number, number == 0) {
            left.extend(
                forwarded(forwarder.next(&packet.view())).map(|rewrite| (number, rewrite.sequence, rewrite.patch)),
            );
        }
    }
    let pictures: Vec<u64> = left.iter().step_by(3).map(|(number, ..)| *number).collect();
    // RFC 9628 §4.2: picture 12 says that others may follow from there.
    assert_eq!(pictures, [0, 2, 4, 6, 8, 10, 12, 13, 14, 15, 16, 17, 18, 19]);
    assert!(left.iter().map(|(_, sequence, _)| *sequence).eq(0..42));
    assert!(left.iter().all(|(.., patch)| *patch == Patch::None));
}

#[test]
fn pictures_of_vp9_go_on_over_a_switch() {
    let mut forwarder = forwarder(Codec::Vp9);
    forwarder.select(StreamKey(1), ALL_LAYERS);
    for packet in picture(0, true) {
        assert!(forwarded(forwarder.next(&packet.view())).is_some());
    }
    forwarder.select(StreamKey(2), ALL_LAYERS);
    let payload = vp9(7_777, Layer::default(), false, true);
    let packet = Packet::new(2, 5, 1, Format(0), &payload);
    let rewrite = forwarded(forwarder.next(&packet.view())).expect("a key frame");
    assert_eq!(rewrite.patch, Patch::Vp9 { picture_id: 1 });
}

/// A codec, payloads in which no key frame begins, and one in which one does.
type Case = (Codec, &'static [&'static [u8]], &'static [u8]);

#[test]
fn each_codec_begins_where_a_key_frame_does() {
    // In front what is none, then what is one.
    let cases: [Case; 5] = [
        (
            Codec::Vp8,
            &[&[0x10, 0x01, 9], &[0x00, 0x00, 9], &[0x11, 0x00, 9], &[0x10]],
            &[0x10, 0x00, 9],
        ),
        (Codec::Vp9, &[&[0x48, 9], &[0x00, 9], &[0x80]], &[0x08, 9]),
        // A slice, a fragment of an IDR slice that is not the first; an aggregate of parameters.
        (
            Codec::H264,
            &[&[0x41, 0x9a], &[0x7c, 0x05, 9], &[0x0c]],
            &[0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce],
        ),
        (
            Codec::H265,
            &[&[0x02, 0x01, 0xd0], &[0x62, 0x01, 0x13, 9]],
            &[0x40, 0x01, 0x0c],
        ),
        // A frame without and with a sequence header.
        (
            Codec::Av1,
            &[&[0x10, 0x30, 9, 9], &[0x90, 0x08, 9]],
            &[0x18, 0x08, 9, 9],
        ),
    ];
    for (codec, before, beginning) in cases {
        let mut forwarder = forwarder(codec);
        forwarder.select(StreamKey(1), ALL_LAYERS);
        let mut index = 0;
        for payload in before {
            let packet = Packet::new(1, index, index as u32, Format(0), payload);
            let verdict = forwarder.next(&packet.view());
            assert_eq!(verdict, Verdict::KeyframeNeeded(StreamKey(1)), "{codec:?} {payload:x?}");
            index += 1;
        }
        let packet = Packet::new(1, index, index as u32, Format(0), beginning);
        assert!(forwarded(forwarder.next(&packet.view())).is_some(), "{codec:?}");
        // From there on all goes, whatever it is.
        for payload in before {
            index += 1;
            let packet = Packet::new(1, index, index as u32, Format(0), payload);
            assert!(
                forwarded(forwarder.next(&packet.view())).is_some(),
                "{codec:?} {payload:x?}"
            );
        }
    }
}

#[test]
fn temporal_layers_of_h265_and_av1_are_left_out() {
    // TID 1 and TID 0; the middle of an AV1 frame says nothing, and goes with its beginning.
    let h265: [&[&[u8]]; 2] = [&[&[0x02, 0x02, 0xd0], &[0x62, 0x02, 0x01, 9]], &[&[0x02, 0x01, 0xd0]]];
    let av1: [&[&[u8]]; 2] = [&[&[0x50, 0x34, 0x20, 9, 9], &[0x90, 9, 9]], &[&[0x10, 0x34, 0x00, 9]]];
    let key: [&[u8]; 2] = [&[0x40, 0x01, 0x0c], &[0x18, 0x08, 9, 9]];
    for (codec, frames, key) in [(Codec::H265, h265, key[0]), (Codec::Av1, av1, key[1])] {
        let mut forwarder = forwarder(codec);
        forwarder.select(StreamKey(1), common::temporal(0));
        let mut packets = vec![(0, key)];
        for round in 0..10_u32 {
            for (at, frame) in (0..).zip(frames) {
                packets.extend(frame.iter().map(|payload| (1 + 2 * round + at, *payload)));
            }
        }
        let mut left = Vec::new();
        for (index, (timestamp, payload)) in (0..).zip(packets) {
            let packet = Packet::new(1, index, timestamp, Format(0), payload);
            left.extend(forwarded(forwarder.next(&packet.view())).map(|rewrite| (rewrite.sequence, timestamp)));
        }
        let expected = (0..11).map(|number| (number, 2 * number as u32));
        assert!(left.iter().copied().eq(expected), "{codec:?} {left:?}");
    }
}

#[test]
fn what_is_encrypted_from_end_to_end_is_forwarded_by_its_descriptors() {
    // Two decode targets: frames of layer 1 are there in the second alone, each other one of them as an entry.
    let descriptor = |number: u16, has_structure: bool| {
        let temporal = (number % 2) as u8;
        let symbols = ["SS", "-D", "SS", "-S"][usize::from(number % 4)];
        DependencyDescriptor {
            starts_frame: true,
            ends_frame: true,
            frame_number: number,
            template_id: temporal,
            has_structure,
            active_decode_targets: None,
            dependencies: FrameDependencies {
                layer: Layer { spatial: 0, temporal },
                indications: Indications::from_symbols(symbols).expect("symbols"),
                ..FrameDependencies::default()
            },
        }
    };
    let mut forwarder = forwarder(Codec::Opaque);
    forwarder.select(StreamKey(1), common::temporal(0));
    let mut left = Vec::new();
    for number in 0..20 {
        if number == 12 {
            forwarder.select(StreamKey(1), ALL_LAYERS);
        }
        let content = Content::described(&descriptor(number, number == 2));
        let packet = Packet::new(1, number.into(), 3_000 * u32::from(number), Format(0), &[0x5a; 30]);
        match forwarder.next_with(&packet.view(), &content) {
            Verdict::Forward(rewrite) => {
                let again = forwarder.repeat_with(rewrite.sequence as u16, &packet.view(), &content);
                assert_eq!(again, Some(rewrite));
                left.push((rewrite.sequence, number));
            }
            Verdict::KeyframeNeeded(_) => assert!(number < 2, "{number}"),
            Verdict::Skip => {}
        }
    }
    let numbers: Vec<u16> = left.iter().map(|(_, number)| *number).collect();
    // 13 needs one of its layer that did not leave; 15 does not.
    assert_eq!(numbers, [2, 4, 6, 8, 10, 12, 14, 15, 16, 17, 18, 19]);
    assert!(left.iter().map(|(sequence, _)| *sequence).eq(0..12));
}

#[test]
fn frames_are_counted_on_over_a_switch() {
    let mut extensions = ExtensionMap::new();
    extensions.insert(1, Extension::DependencyDescriptor);
    // A frame of AV1, with a descriptor of three bytes in a header extension.
    let frame = |stream: u64, index: u64, number: u16, key: bool| {
        let [high, low] = number.to_be_bytes();
        let payload: &[u8] = if key { &[0x18, 0x08, 9, 9] } else { &[0x10, 0x30, 9, 9] };
        let mut packet = Packet::new(stream, index, number.into(), Format(0), payload);
        packet.bytes[0] |= 0x10;
        packet.bytes.splice(12..12, [0xbe, 0xde, 0, 1, 0x12, 0xc0, high, low]);
        packet
    };
    let mut forwarder = forwarder(Codec::Av1);
    let mut numbers = Vec::new();
    let frames = [
        (1, 0, 65_534, true),
        (1, 1, 65_535, false),
        (2, 70, 300, true),
        (2, 71, 301, false),
        (1, 2, 0, true),
    ];
    for (stream, index, number, key) in frames {
        forwarder.select(StreamKey(stream), ALL_LAYERS);
        let packet = frame(stream, index, number, key);
        let view = RtpPacket::parse(&packet.bytes, &extensions, packet.origin).expect("a packet");
        let rewrite = forwarded(forwarder.next(&view)).expect("a key frame, or one that follows it");
        assert_eq!(rewrite.descriptor, view.extension(Extension::DependencyDescriptor));
        numbers.push(rewrite.frame_number.unwrap_or(number));
    }
    assert_eq!(numbers, [65_534, 65_535, 0, 1, 2]);
}
