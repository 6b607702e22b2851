//! H.264 (RFC 6184).

use pollrtc_rtp::payload::{H264Mode, H264Packetizer, H264Payload, PacketizeError, PayloadError, PayloadFormat};

use crate::common::{Sent, Stream, annex_b, nal_unit, payloads};

const SPS: [u8; 4] = [0x67, 0x42, 0xe0, 0x1f];
const PPS: [u8; 4] = [0x68, 0xce, 0x3c, 0x80];

fn packetized(frame: &[u8], limit: usize) -> Vec<Sent> {
    payloads(
        &mut H264Packetizer::new(frame, H264Mode::NonInterleaved, limit).unwrap(),
        limit,
    )
}

fn key_frame() -> Vec<u8> {
    annex_b(&[SPS.to_vec(), PPS.to_vec(), nal_unit(&[0x65, 0x88], 3_000, 5)])
}

#[test]
fn parameters_go_together_and_slices_are_cut_evenly() {
    let sent = packetized(&key_frame(), 1_200);
    // RFC 6184 §5.7.1: F of all, and the highest NRI.
    assert_eq!(sent[0].bytes[..7], [0x78, 0, 4, 0x67, 0x42, 0xe0, 0x1f]);
    assert_eq!(sent[0].bytes[7..], [0, 4, 0x68, 0xce, 0x3c, 0x80]);
    // RFC 6184 §5.8: the header's type moves into the second byte.
    let fragments: Vec<_> = sent[1..]
        .iter()
        .map(|one| (one.bytes[0], one.bytes[1], one.bytes.len()))
        .collect();
    assert_eq!(
        fragments,
        [(0x7c, 0x85, 1_003), (0x7c, 0x05, 1_002), (0x7c, 0x45, 1_002)]
    );
    assert!(sent[3].written.marker);
}

#[test]
fn no_limit_leaves_a_tail_of_one_byte() {
    for body in 1..600 {
        let frame = annex_b(&[nal_unit(&[0x41], body, 1)]);
        for limit in [100, 101, 255] {
            let sent = packetized(&frame, limit);
            assert!(
                sent.len() == 1 || sent.iter().all(|one| one.bytes.len() > limit / 2),
                "{body} by {limit}"
            );
        }
    }
}

#[test]
fn an_aggregate_has_the_highest_importance_and_any_fault() {
    let units = [vec![0x06, 1], vec![0x41, 0x9a], vec![0xa1, 0x9a]];
    let sent = packetized(&annex_b(&units), 100);
    assert_eq!((sent.len(), sent[0].bytes[0]), (1, 0x80 | 0x40 | 24));
}

#[test]
fn mode_0_has_one_nal_unit_in_each_packet() {
    let frame = annex_b(&[&SPS[..], &PPS, &[0x65, 0x88, 1, 2]]);
    let sent = payloads(
        &mut H264Packetizer::new(&frame, H264Mode::SingleNalUnit, 100).unwrap(),
        100,
    );
    let bytes: Vec<_> = sent.iter().map(|one| &one.bytes[..]).collect();
    assert_eq!(bytes, [&SPS[..], &PPS, &[0x65, 0x88, 1, 2]]);
    let refused = H264Packetizer::new(&key_frame(), H264Mode::SingleNalUnit, 1_200).map(drop);
    assert_eq!(
        refused,
        Err(PacketizeError::TooLong {
            len: 3_002,
            limit: 1_200
        })
    );
}

#[test]
fn any_start_code_parts_nal_units_and_empty_ones_are_left_out() {
    let frame = [
        &[0, 0, 1, 0x09, 0x10][..],                  // three bytes
        &[0, 0, 0, 0, 0, 1],                         // zeros in front
        &[0, 0, 1],                                  // nothing
        &[0, 0, 1, 0x1f, 7],                         // a type that RTP does not have
        &[0, 0, 0, 1, 0x41, 0x9a, 0, 0, 3, 0, 0, 0], // zeros behind
    ];
    let sent = packetized(&frame.concat(), 100);
    assert_eq!(sent[0].bytes, [0x58, 0, 2, 0x09, 0x10, 0, 5, 0x41, 0x9a, 0, 0, 3]);
    for broken in [&[0x65, 1, 2][..], &[0, 1, 0x65], &[0, 0, 2]] {
        let refused = H264Packetizer::new(broken, H264Mode::NonInterleaved, 100).map(drop);
        assert!(matches!(refused, Err(PacketizeError::Malformed(_))), "{broken:?}");
    }
}

#[test]
fn packets_of_interleaved_mode_are_refused() {
    // RFC 6184 §5.4: STAP-B, MTAP16, MTAP24, FU-B.
    for kind in [25, 26, 27, 29] {
        let payload = [0x60 | kind, 0, 1, 0, 2, 0x65, 1, 2];
        assert_eq!(H264Payload::parse(&payload), Err(PayloadError::Unsupported(kind)));
    }
    // Reserved types are passed over.
    for kind in [0, 30, 31] {
        assert_eq!(H264Payload::parse(&[0x60 | kind, 1]), Ok(H264Payload::Reserved));
    }
    assert!(matches!(H264Payload::parse(&[]), Err(PayloadError::Truncated(_))));
    assert!(matches!(H264Payload::parse(&[0x7c]), Err(PayloadError::Truncated(_))));
}

#[test]
fn a_size_behind_the_end_of_an_aggregate_drops_its_frame() {
    let broken = [0x78, 0, 4, 0x67, 0x42, 0xe0, 0x1f, 0, 5, 0x68, 0xce, 0x3c, 0x80];
    assert!(matches!(H264Payload::parse(&broken), Err(PayloadError::Truncated(_))));
    let mut stream = Stream::new(PayloadFormat::H264);
    stream.packet(&[0x09, 0x10], true);
    stream.next_frame();
    stream.packet(&broken, false);
    stream.packet(&[0x65, 0x88], true);
    assert_eq!(stream.bytes(), Some(annex_b(&[[0x09, 0x10]])));
    assert_eq!(stream.bytes(), None);
    assert_eq!(stream.depacketizer.stats().malformed_frames, 1);
}

#[test]
fn what_pads_an_aggregate_harms_nobody() {
    // Sizes of zero, and a byte too many.
    let padded = [
        0x78, 0, 4, 0x67, 0x42, 0xe0, 0x1f, 0, 0, 0, 4, 0x68, 0xce, 0x3c, 0x80, 0, 0, 0,
    ];
    let mut stream = Stream::new(PayloadFormat::H264);
    stream.packet(&padded, true);
    assert_eq!(stream.bytes(), Some(annex_b(&[SPS, PPS])));
    // Neither aggregates nor fragments are within one.
    assert!(H264Payload::parse(&[0x78, 0, 2, 0x78, 0]).is_err());
    assert!(H264Payload::parse(&[0x78, 0, 2, 0x7c, 0x85]).is_err());
}

#[test]
fn a_fragment_that_is_all_of_a_unit_counts_as_one() {
    // RFC 6184 §5.8 forbids it; cameras do it.
    let H264Payload::Fragment(fragment) = H264Payload::parse(&[0x7c, 0xe5, 0x88, 1]).unwrap() else {
        panic!("it is a fragment")
    };
    assert!(fragment.is_start && fragment.is_end, "and R is ignored");
    let mut stream = Stream::new(PayloadFormat::H264);
    stream.packet(&[0x67, 0x42], false);
    stream.packet(&[0x7c, 0xc5, 0x88, 1], true);
    assert_eq!(stream.bytes(), Some(annex_b(&[&[0x67, 0x42][..], &[0x65, 0x88, 1]])));
}

#[test]
fn a_fragmented_unit_without_its_middle_or_an_end_is_dropped() {
    let sent = packetized(&key_frame(), 1_200);
    for lost in 0..sent.len() {
        let mut stream = Stream::new(PayloadFormat::H264);
        stream.frame(&packetized(&annex_b(&[[0x09, 0x10]]), 1_200));
        assert!(stream.poll().is_some());
        for (number, one) in sent.iter().enumerate() {
            match number == lost {
                true => stream.lose(),
                false => stream.packet(&one.bytes, one.written.marker),
            }
        }
        stream.next_frame();
        stream.frame(&sent);
        assert_eq!(stream.bytes(), Some(key_frame()), "the next one is whole");
        assert_eq!(stream.bytes(), None);
        assert_eq!(
            stream.depacketizer.stats().incomplete_frames,
            1,
            "without packet {lost}"
        );
    }
}

#[test]
fn fragments_out_of_their_order_are_malformed() {
    let order = |payloads: &[&[u8]]| {
        let mut stream = Stream::new(PayloadFormat::H264);
        stream.packet(&SPS, true);
        stream.next_frame();
        for (index, payload) in payloads.iter().enumerate() {
            stream.packet(payload, index + 1 == payloads.len());
        }
        stream.depacketizer.stats().malformed_frames
    };
    let [start, middle, end, single] = [[0x7c, 0x85, 1], [0x7c, 0x05, 2], [0x7c, 0x45, 3], [0x65, 0x88, 1]];
    assert_eq!(order(&[&start, &middle, &end, &single]), 0);
    assert_eq!(order(&[&middle, &end]), 1, "it has no beginning");
    assert_eq!(order(&[&start, &middle]), 1, "it has no end");
    assert_eq!(order(&[&start, &single]), 1, "another unit within it");
    assert_eq!(order(&[&start, &start, &end]), 1, "it begins twice");
    assert_eq!(order(&[&start, &[0x7f, 1], &end]), 0, "a reserved type is passed over");
}

#[test]
fn key_frames_are_known_by_their_first_packet() {
    let starts = |payload: &[u8]| H264Payload::parse(payload).unwrap().starts_keyframe();
    assert!(starts(&SPS));
    assert!(starts(&[0x78, 0, 2, 0x09, 0x10, 0, 2, 0x67, 0x42]));
    assert!(starts(&[0x65, 0x88]));
    assert!(starts(&[0x7c, 0x85, 0x88]));
    assert!(!starts(&[0x7c, 0x05, 0x88]), "not its beginning");
    assert!(!starts(&[0x41, 0x9a]));
    assert!(!starts(&[0x68, 0xce]));
}

#[test]
fn behind_a_hole_a_frame_has_to_show_that_it_is_whole() {
    let came_out = |payload: &[u8]| {
        let mut stream = Stream::new(PayloadFormat::H264);
        stream.packet(&SPS, true);
        assert!(stream.poll().is_some());
        stream.next_frame();
        stream.lose();
        stream.packet(payload, true);
        stream.poll().is_some()
    };
    assert!(came_out(&SPS), "parameters begin one");
    assert!(came_out(&[0x09, 0xf0]), "so does a delimiter");
    assert!(came_out(&[0x41, 0x9a]), "so does a slice with the first macroblock");
    assert!(!came_out(&[0x41, 0x1a]), "another slice does not");
    assert!(!came_out(&[0x65, 0x88]), "the parameters of an IDR picture may be lost");
}
