//! Formats without a header of their own: audio, and frames that are encrypted from end to end.

use pollrtc_rtp::payload::{
    FrameMarks, Layer, OpaquePacketizer, Packetize, PacketizeError, PayloadFormat, PayloadPacket, WholePacketizer,
};

use crate::common::{Stream, noise, payloads};

#[test]
fn a_packet_of_audio_is_a_frame() {
    let mut stream = Stream::new(PayloadFormat::Whole);
    for seed in 0..4 {
        let frame = noise(160, seed);
        let sent = payloads(&mut WholePacketizer::new(&frame, 1_200).unwrap(), 1_200);
        assert_eq!((sent.len(), sent[0].written.marker), (1, false));
        stream.frame(&sent);
        assert_eq!(stream.bytes(), Some(frame));
    }
    stream.lose();
    stream.packet(&[7], false);
    assert_eq!(stream.bytes(), Some(vec![7]), "what was lost concerns no other packet");
}

#[test]
fn updates_of_a_telephone_event_have_one_timestamp_and_come_out_each() {
    // RFC 4733 §2.5.1.2, §2.5.1.4: digit 5 lasts; the end is sent three times.
    let mut stream = Stream::new(PayloadFormat::Whole);
    let updates = [
        [5, 10, 0, 160],
        [5, 10, 1, 64],
        [5, 0x8a, 1, 224],
        [5, 0x8a, 1, 224],
        [5, 0x8a, 1, 224],
    ];
    for (index, update) in updates.iter().enumerate() {
        let mut packetizer = WholePacketizer::new(update, 100).unwrap();
        if index == 0 {
            packetizer = packetizer.with_marker();
        }
        let sent = payloads(&mut packetizer, 100);
        assert_eq!(sent[0].written.marker, index == 0, "RFC 4733 §2.2.2");
        stream.packet(&sent[0].bytes, sent[0].written.marker);
        assert_eq!(stream.bytes().as_deref(), Some(&update[..]));
    }
}

#[test]
fn what_does_not_fit_into_one_packet_is_refused() {
    let refused = WholePacketizer::new(&[0; 101], 100).map(drop);
    assert_eq!(refused, Err(PacketizeError::TooLong { len: 101, limit: 100 }));
    let mut nothing = WholePacketizer::new(&[], 100).unwrap();
    assert_eq!(nothing.write_payload(&mut [0; 100]), Ok(None));
}

#[test]
fn opaque_frames_end_where_their_descriptor_says_it() {
    // Two layers of one picture, both of them two packets, with one timestamp and one marker.
    let frames = [noise(150, 1), noise(170, 2)];
    let mut stream = Stream::new(PayloadFormat::Opaque);
    let mut sequence_number = 9;
    for (spatial, frame) in (0..).zip(&frames) {
        for one in payloads(&mut OpaquePacketizer::new(frame, 100).unwrap(), 100) {
            let marks = FrameMarks {
                starts_frame: one.written.starts_frame,
                ends_frame: one.written.ends_frame,
                is_keyframe: spatial == 0,
                layer: Layer { spatial, temporal: 0 },
            };
            stream.depacketizer.handle_packet(PayloadPacket {
                sequence_number,
                timestamp: 1,
                marker: one.written.marker && spatial == 1,
                payload: &one.bytes,
                marks: Some(marks),
            });
            sequence_number += 1;
        }
    }
    for (spatial, frame) in (0..).zip(frames) {
        let polled = stream.poll().unwrap();
        assert_eq!(
            (polled.bytes, polled.is_keyframe, polled.layer.spatial),
            (&frame[..], spatial == 0, spatial)
        );
    }
    assert!(stream.poll().is_none());
}

#[test]
fn opaque_frames_without_descriptor_end_with_the_marker() {
    let mut stream = Stream::new(PayloadFormat::Opaque);
    stream.packet(&[1], true); // nobody knows whether it was the first
    stream.next_frame();
    stream.packet(&[2], false);
    stream.packet(&[3], true);
    assert_eq!(stream.bytes(), Some(vec![2, 3]));
    assert_eq!(stream.depacketizer.stats().incomplete_frames, 1);
}

#[test]
fn a_beginning_within_an_opaque_frame_drops_what_did_not_end() {
    let mut stream = Stream::new(PayloadFormat::Opaque);
    let begin = FrameMarks {
        starts_frame: true,
        ..FrameMarks::default()
    };
    for (sequence_number, ends_frame) in [(1, false), (2, true)] {
        stream.depacketizer.handle_packet(PayloadPacket {
            sequence_number,
            timestamp: 1,
            marker: false,
            payload: &[8],
            marks: Some(FrameMarks { ends_frame, ..begin }),
        });
    }
    assert_eq!(stream.bytes(), Some(vec![8]));
    assert_eq!(stream.depacketizer.stats().malformed_frames, 1);
}
