//! What holds for the frames of all formats.

use pollrtc_rtp::payload::{DepacketizerLimits, PayloadFormat, PayloadPacket};
use pollrtc_rtp::{ExtensionMap, Origin, RtpPacket};

use crate::common::Stream;

#[test]
fn a_frame_without_marker_ends_where_the_next_one_begins() {
    let mut stream = Stream::new(PayloadFormat::Vp8);
    stream.packet(&[0x10, 1], false);
    stream.packet(&[0x00, 2], false);
    assert!(stream.poll().is_none());
    stream.next_frame();
    stream.packet(&[0x10, 3], true); // ends two frames
    assert_eq!(
        (stream.bytes(), stream.bytes(), stream.bytes()),
        (Some(vec![1, 2]), Some(vec![3]), None)
    );
}

#[test]
fn the_last_frame_of_a_stream_ends_with_it() {
    let mut stream = Stream::new(PayloadFormat::Vp8);
    stream.packet(&[0x10, 1], false);
    assert!(stream.poll().is_none());
    stream.depacketizer.handle_end();
    stream.depacketizer.handle_end();
    assert_eq!((stream.bytes(), stream.bytes()), (Some(vec![1]), None));
    // What is visibly incomplete stays so.
    let mut stream = Stream::new(PayloadFormat::H264);
    stream.packet(&[0x67, 0x42], false);
    stream.packet(&[0x7c, 0x85, 0x88], false);
    stream.depacketizer.handle_end();
    assert_eq!(stream.bytes(), None);
}

#[test]
fn without_marker_a_lost_end_is_seen() {
    let mut stream = Stream::new(PayloadFormat::Vp8);
    stream.packet(&[0x10, 1], false);
    stream.lose();
    stream.next_frame();
    stream.packet(&[0x10, 3], true);
    assert_eq!((stream.bytes(), stream.bytes()), (Some(vec![3]), None));
    assert_eq!(stream.depacketizer.stats().incomplete_frames, 1);
}

#[test]
fn late_packets_and_duplicates_are_counted_and_do_no_harm() {
    let mut stream = Stream::new(PayloadFormat::Vp8);
    let packet = |sequence_number, payload| PayloadPacket {
        sequence_number,
        timestamp: 5,
        marker: false,
        payload,
        marks: None,
    };
    stream.depacketizer.handle_packet(packet(65_535, &[0x10, 1]));
    stream.depacketizer.handle_packet(packet(65_535, &[0x10, 1]));
    stream.depacketizer.handle_packet(packet(65_534, &[0x10, 9]));
    stream.depacketizer.handle_packet(PayloadPacket {
        marker: true,
        ..packet(0, &[0x00, 2])
    });
    assert_eq!(stream.bytes(), Some(vec![1, 2]));
    assert_eq!(stream.depacketizer.stats().late_packets, 2);
}

#[test]
fn a_stream_that_starts_anew_is_followed() {
    let mut stream = Stream::new(PayloadFormat::Vp8);
    for sequence_number in [40_000, 2, 3] {
        stream.sequence_number = sequence_number;
        stream.packet(&[0x10, 1], true);
        stream.next_frame();
        assert!(stream.poll().is_some(), "{sequence_number}");
    }
    assert_eq!(stream.depacketizer.stats().late_packets, 0);
}

#[test]
fn padding_alone_belongs_to_no_frame() {
    let mut stream = Stream::new(PayloadFormat::Vp8);
    stream.packet(&[0x10, 1], true);
    stream.packet(&[], false);
    stream.packet(&[], false);
    stream.next_frame();
    stream.packet(&[0x00, 2], true); // nothing is missing, so it is the first, whatever it says
    assert_eq!((stream.bytes(), stream.bytes()), (Some(vec![1]), Some(vec![2])));
    assert_eq!(stream.depacketizer.stats().malformed_frames, 0);
    // What is lost beside padding may have been anything.
    stream.next_frame();
    stream.lose();
    stream.packet(&[], false);
    stream.packet(&[0x00, 3], true);
    assert_eq!(stream.bytes(), None);
}

#[test]
fn a_frame_that_is_too_long_is_dropped_and_takes_no_memory() {
    let limits = DepacketizerLimits {
        frame_bytes: 100,
        ..DepacketizerLimits::default()
    };
    let mut stream = Stream::with_limits(PayloadFormat::Vp8, limits);
    let part = [&[0x00][..], &[7; 60]].concat();
    for _ in 0..10_000 {
        stream.packet(&part, false);
    }
    stream.packet(&part, true);
    stream.next_frame();
    stream.packet(&[0x10, 1], true);
    assert_eq!(stream.bytes(), Some(vec![1]));
    // The first one had no beginning.
    assert_eq!(stream.depacketizer.stats().incomplete_frames, 1);
    stream.next_frame();
    let first = [&[0x10][..], &[7; 60]].concat();
    stream.packet(&first, false);
    stream.packet(&part, true);
    assert_eq!(stream.bytes(), None);
    assert_eq!(stream.depacketizer.stats().long_frames, 1);
}

#[test]
fn a_caller_who_takes_no_frames_loses_the_oldest() {
    let limits = DepacketizerLimits {
        waiting_frames: 2,
        ..DepacketizerLimits::default()
    };
    let mut stream = Stream::with_limits(PayloadFormat::Vp8, limits);
    for number in 0..5 {
        stream.packet(&[0x10, number], true);
        stream.next_frame();
    }
    assert_eq!(
        (stream.bytes(), stream.bytes(), stream.bytes()),
        (Some(vec![3]), Some(vec![4]), None)
    );
    let stats = stream.depacketizer.stats();
    assert_eq!((stats.frames, stats.unclaimed_frames), (5, 3));
}

/// Once the longest frame has come, no packet asks the allocator.
#[test]
fn a_warm_depacketizer_asks_no_allocator() {
    for format in [
        PayloadFormat::Vp8,
        PayloadFormat::H264,
        PayloadFormat::Av1,
        PayloadFormat::Whole,
    ] {
        let (first, other): (&[u8], &[u8]) = match format {
            PayloadFormat::H264 => (&[0x67, 0x42, 1, 2, 3], &[0x65, 0x88, 1, 2]),
            PayloadFormat::Av1 => (&[0x18, 0x08, 1, 2, 3], &[0x10, 0x30, 0x10, 1]),
            _ => (&[0x10, 1, 2, 3], &[0x00, 4, 5]),
        };
        let mut stream = Stream::new(format);
        let frames = |stream: &mut Stream, count: usize| {
            for _ in 0..count {
                stream.packet(first, false);
                (0..50).for_each(|_| stream.packet(other, false));
                stream.packet(other, true);
                stream.next_frame();
                while stream.poll().is_some() {}
            }
        };
        frames(&mut stream, 4);
        let counted = allocation_counter::measure(|| frames(&mut stream, 10));
        assert_eq!(counted.count_total, 0, "{format:?}");
        assert!(stream.depacketizer.stats().frames >= 14);
    }
}

/// Whatever comes, and however late frames are taken: a frame's worth for each that waits, for the one that was taken
/// last, and for the one that is open, twice while that grows.
#[test]
fn memory_stays_below_what_the_limits_say() {
    let limits = DepacketizerLimits {
        frame_bytes: 10_000,
        waiting_frames: 2,
    };
    let counted = allocation_counter::measure(|| {
        let mut stream = Stream::with_limits(PayloadFormat::Vp8, limits);
        for number in 0..50 {
            let part = [&[0x10][..], &[7; 1_100]].concat();
            (0..number % 12).for_each(|_| stream.packet(&part, false)); // up to 12,100 bytes
            if number % 7 == 0 {
                stream.lose();
            }
            stream.packet(&part, true);
            stream.next_frame();
            if number % 5 == 0 {
                stream.poll();
            }
        }
        assert!(stream.depacketizer.stats().long_frames > 0 && stream.depacketizer.stats().unclaimed_frames > 0);
    });
    assert!(counted.bytes_max <= 5 * 10_000 + 2_500, "{} bytes", counted.bytes_max);
}

#[test]
fn a_packet_view_is_enough() {
    let bytes = [0x80, 0x80 | 96, 0, 7, 0, 0, 0, 2, 0, 0, 0, 3, 0x10, 9];
    let packet = RtpPacket::parse(&bytes, &ExtensionMap::new(), Origin::default()).unwrap();
    let mut stream = Stream::new(PayloadFormat::Vp8);
    stream.depacketizer.handle_packet(PayloadPacket::of(&packet));
    let frame = stream.poll().unwrap();
    assert_eq!((frame.bytes, frame.timestamp, frame.sequence_number), (&[9][..], 2, 7));
}
