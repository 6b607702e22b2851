//! AV1 (RTP Payload Format For AV1, v1.0.0).

use pollrtc_rtp::payload::{
    AV1_TEMPORAL_DELIMITER, Av1Packetizer, Av1Payload, Layer, PacketizeError, PayloadError, PayloadFormat,
};

use crate::common::{Sent, Stream, noise, payloads};

/// An OBU with its size.
fn obu(kind: u8, extension: Option<u8>, payload: &[u8]) -> Vec<u8> {
    let header = kind << 3 | 0x02 | if extension.is_some() { 0x04 } else { 0 };
    let (mut size, mut rest) = (Vec::new(), payload.len());
    while rest > 127 {
        size.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    size.push(rest as u8);
    [&[header][..], extension.as_slice(), &size, payload].concat()
}

fn packetized(frame: &[u8], limit: usize) -> Vec<Sent> {
    payloads(&mut Av1Packetizer::new(frame, limit).unwrap(), limit)
}

fn sequence_header() -> Vec<u8> {
    obu(1, None, &[0x0a, 0x0b, 0x0c])
}

/// A shown key frame of so many bytes.
fn key_frame(len: usize) -> Vec<u8> {
    obu(6, None, &[&[0x10][..], &noise(len, 8)].concat())
}

#[test]
fn sizes_and_what_rtp_has_no_use_for_are_left_out() {
    let frame = [
        AV1_TEMPORAL_DELIMITER.to_vec(),
        sequence_header(),
        obu(8, None, &[1, 2, 3]), // a tile list
        key_frame(5),
        obu(15, None, &[0; 300]), // padding, of which some encoders make a lot
    ];
    let sent = packetized(&frame.concat(), 1_200);
    assert_eq!(sent.len(), 1);
    // §4.4: W is 2, N; §4.5: a size in front of the first element alone.
    let expected = [&[0x28, 4, 0x08, 0x0a, 0x0b, 0x0c, 0x30, 0x10][..], &noise(5, 8)].concat();
    assert_eq!(sent[0].bytes, expected);

    let mut stream = Stream::new(PayloadFormat::Av1);
    stream.frame(&sent);
    let frame = stream.poll().unwrap();
    assert_eq!(
        frame.bytes,
        [sequence_header(), key_frame(5)].concat(),
        "decoders get sizes, and no delimiter"
    );
    assert!(frame.is_keyframe);
}

#[test]
fn only_a_shown_key_frame_with_its_header_begins_a_sequence() {
    let starts = |frame: &[u8]| {
        Av1Payload::parse(&packetized(frame, 1_200)[0].bytes)
            .unwrap()
            .starts_sequence()
    };
    assert!(starts(&[sequence_header(), key_frame(5)].concat()));
    assert!(!starts(&key_frame(5)));
    assert!(
        !starts(&[sequence_header(), obu(6, None, &[0x30])].concat()),
        "an inter frame"
    );
    assert!(
        !starts(&[sequence_header(), obu(3, None, &[0x80])].concat()),
        "one that was shown before"
    );
}

#[test]
fn many_small_obus_need_all_their_sizes() {
    // §4.4: W counts to three.
    let frame: Vec<_> = (0..5).map(|index| obu(5, None, &[index])).collect();
    let sent = packetized(&frame.concat(), 1_200);
    assert_eq!(
        sent[0].bytes,
        [0x00, 2, 0x28, 0, 2, 0x28, 1, 2, 0x28, 2, 2, 0x28, 3, 2, 0x28, 4]
    );
    let three = packetized(&frame[..3].concat(), 1_200);
    assert_eq!(three[0].bytes, [0x30, 2, 0x28, 0, 2, 0x28, 1, 0x28, 2]);
    for count in 1..5 {
        let mut stream = Stream::new(PayloadFormat::Av1);
        stream.packet(
            &packetized(&[&sequence_header()[..], &frame[..count].concat()].concat(), 1_200)[0].bytes,
            true,
        );
        assert_eq!(
            stream.bytes(),
            Some([&sequence_header()[..], &frame[..count].concat()].concat())
        );
    }
}

#[test]
fn obus_are_cut_into_parts_of_about_the_same_length() {
    let frame = [sequence_header(), key_frame(3_000)].concat();
    let sent = packetized(&frame, 1_100);
    let headers: Vec<_> = sent.iter().map(|one| one.bytes[0]).collect();
    // Y; Z and Y; Z.
    assert_eq!(headers, [0x68, 0xd0, 0x90]);
    let lengths: Vec<_> = sent.iter().map(|one| one.bytes.len()).collect();
    assert!(lengths.iter().all(|len| (990..=1_020).contains(len)), "{lengths:?}");
    let mut stream = Stream::new(PayloadFormat::Av1);
    stream.frame(&sent);
    assert_eq!(stream.bytes(), Some(frame));
}

#[test]
fn obus_of_different_layers_have_packets_of_their_own() {
    // §5: all that name a layer in one packet name the same.
    let frame = [
        obu(6, Some(0x20), &[0x30, 1]),
        obu(5, None, &[7]),
        obu(6, Some(0x28), &[0x30, 2]),
    ]
    .concat();
    let sent = packetized(&frame, 1_200);
    let layers: Vec<_> = sent
        .iter()
        .map(|one| Av1Payload::parse(&one.bytes).unwrap().layer())
        .collect();
    let layer = |spatial| Some(Layer { spatial, temporal: 1 });
    assert_eq!(layers, [layer(0), layer(1)]);
    let first = packetized(&[sequence_header(), key_frame(2)].concat(), 1_200);
    let mut stream = Stream::new(PayloadFormat::Av1);
    stream.frame(&first);
    stream.frame(&sent);
    assert_eq!(stream.poll().map(|frame| frame.layer), Some(Layer::default()));
    let polled = stream.poll().unwrap();
    assert_eq!(
        (polled.bytes, polled.layer),
        (
            &frame[..],
            Layer {
                spatial: 1,
                temporal: 1
            }
        )
    );
}

#[test]
fn the_marker_waits_for_the_last_layer() {
    let frame = obu(6, Some(0x00), &noise(300, 1));
    let mut packetizer = Av1Packetizer::new(&frame, 200).unwrap().with_layers_to_come();
    let sent = payloads(&mut packetizer, 200);
    assert!(sent.len() > 1 && sent.iter().all(|one| !one.written.marker));
}

#[test]
fn frames_that_are_no_obus_are_refused() {
    let refused = |frame: &[u8]| Av1Packetizer::new(frame, 100).map(drop).unwrap_err();
    assert_eq!(refused(&[0x12, 0, 0x32, 5, 1]), PacketizeError::Malformed(2));
    assert_eq!(refused(&[0x0a]), PacketizeError::Malformed(0));
    assert_eq!(refused(&[0x0c]), PacketizeError::Malformed(0));
    assert_eq!(
        refused(&[0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]),
        PacketizeError::Malformed(0)
    );
    // The last one may do without a size.
    let sent = packetized(&[0x12, 0, 0x30, 1, 2], 100);
    assert_eq!(sent[0].bytes, [0x10, 0x30, 1, 2]);
}

#[test]
fn aggregation_headers_that_contradict_themselves_are_malformed() {
    let refused = |payload: &[u8]| Av1Payload::parse(payload).unwrap_err();
    assert!(matches!(refused(&[]), PayloadError::Truncated(_)));
    assert!(matches!(refused(&[0x00]), PayloadError::Truncated(_)), "no element");
    assert!(
        matches!(refused(&[0x10]), PayloadError::Truncated(_)),
        "one element, and it is not there"
    );
    assert!(
        matches!(refused(&[0x30, 1, 7, 1, 7]), PayloadError::Truncated(_)),
        "two instead of three"
    );
    assert!(
        matches!(refused(&[0x00, 3, 1, 2]), PayloadError::Truncated(_)),
        "a size behind the end"
    );
    assert!(
        matches!(refused(&[0x20, 0x80]), PayloadError::Truncated(_)),
        "half a size"
    );
    // §4.4: N is set only where Z is not.
    assert!(matches!(refused(&[0x98, 1, 2]), PayloadError::Invalid(_)));
    // AV1 specification §4.10.5: at most eight bytes.
    let nine = [&[0x00][..], &[0x81; 8], &[0x00, 0x08]].concat();
    assert!(matches!(refused(&nine), PayloadError::Invalid(_)));
    let eight = [&[0x00, 0x81][..], &[0x80; 6], &[0x00, 0x08]].concat();
    assert!(
        Av1Payload::parse(&eight).unwrap().elements().eq([[0x08]]),
        "more bytes than it takes"
    );
}

#[test]
fn sizes_that_senders_leave_in_are_kept_and_have_to_be_true() {
    // OBS cuts OBUs that have their size; only the whole can be compared with it.
    let frame = key_frame(100);
    let mut stream = Stream::new(PayloadFormat::Av1);
    stream.packet(&[&[0x58, 0x0a][..], &[3, 1, 2, 3]].concat(), false);
    stream.packet(&[&[0x90][..]].concat(), true);
    stream.next_frame();
    assert!(stream.poll().is_none(), "nothing but a header");
    stream.packet(&[&[0x50][..], &frame[..60]].concat(), false);
    stream.packet(&[&[0x90][..], &frame[60..]].concat(), true);
    assert_eq!(stream.bytes(), Some(frame.clone()));
    stream.next_frame();
    stream.packet(&[&[0x10][..], &frame[..60]].concat(), true);
    assert!(stream.poll().is_none());
    assert_eq!(stream.depacketizer.stats().malformed_frames, 2);
}

#[test]
fn delimiters_that_senders_leave_in_are_taken_out() {
    let mut stream = Stream::new(PayloadFormat::Av1);
    // W = 0; a delimiter with a size, one without, a tile list, an element of no bytes, a sequence header.
    stream.packet(&[0x00, 2, 0x12, 0x00, 1, 0x10, 2, 0x40, 9, 0, 2, 0x08, 7], true);
    assert_eq!(stream.bytes(), Some(vec![0x0a, 1, 7]));
}

#[test]
fn parts_out_of_their_order_are_malformed() {
    let order = |payloads: &[&[u8]]| {
        let mut stream = Stream::new(PayloadFormat::Av1);
        stream.packet(&[0x18, 0x08, 1], true);
        stream.next_frame();
        for (index, payload) in payloads.iter().enumerate() {
            stream.packet(payload, index + 1 == payloads.len());
        }
        stream.depacketizer.stats().malformed_frames
    };
    assert_eq!(order(&[&[0x50, 0x30, 1], &[0xd0, 2], &[0x90, 3]]), 0);
    assert_eq!(order(&[&[0x90, 3]]), 1, "it has no beginning");
    assert_eq!(order(&[&[0x50, 0x30, 1]]), 1, "it has no end");
    assert_eq!(order(&[&[0x50, 0x30, 1], &[0x10, 0x30, 1]]), 1, "another one within it");
}

#[test]
fn a_lost_packet_drops_its_frame() {
    let frame = [sequence_header(), key_frame(3_000)].concat();
    let sent = packetized(&frame, 1_000);
    for lost in 0..sent.len() {
        let mut stream = Stream::new(PayloadFormat::Av1);
        stream.frame(&sent);
        assert!(stream.poll().is_some());
        for (number, one) in sent.iter().enumerate() {
            match number == lost {
                true => stream.lose(),
                false => stream.packet(&one.bytes, one.written.marker),
            }
        }
        stream.next_frame();
        stream.frame(&sent);
        assert_eq!(stream.bytes().as_ref(), Some(&frame));
        assert_eq!(stream.bytes(), None);
        assert_eq!(
            stream.depacketizer.stats().incomplete_frames,
            1,
            "without packet {lost}"
        );
    }
}

#[test]
fn a_key_frame_is_known_by_its_sequence_header() {
    let starts = |payload: &[u8]| Av1Payload::parse(payload).unwrap().starts_keyframe();
    assert!(starts(&[0x18, 0x08, 1]));
    assert!(starts(&[0x10, 0x08, 1]), "also where the sender forgot N");
    assert!(!starts(&[0x18, 0x30, 1]), "some set N on every frame");
    assert!(!starts(&[0x90, 0x08, 1]), "bytes of another OBU");
}
