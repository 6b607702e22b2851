//! Packets come as networks bring them, and frames come out as they were sent, or not at all.

mod common;

use std::time::Duration;

use common::{OPUS, Packet, Random, VP8};
use pollrtc_core::Instant;
use pollrtc_media::{Frames, FramesConfig, ReceivedFrame};
use pollrtc_rtp::payload::{DepacketizerLimits, FramePacketizer, Packetize, PayloadFormat};
use pollrtc_rtp::{ExtensionMap, Format, Pool, RtpPacket};
use quickcheck::quickcheck;

/// A third format, beside those of [`common`].
const H264: Format = Format(2);
const FORMATS: [PayloadFormat; 3] = [PayloadFormat::Whole, PayloadFormat::Vp8, PayloadFormat::H264];

/// One who receives.
struct Receiver {
    frames: Frames,
    pool: Pool,
    now: Instant,
    /// What came out: timestamps, bytes, and whether it is a key frame.
    came: Vec<(i64, Vec<u8>, bool)>,
}

impl Receiver {
    fn new(config: FramesConfig) -> Self {
        Self {
            frames: Frames::new(FORMATS, config),
            pool: Pool::new(4_000),
            now: Instant::from_millis(1_000),
            came: Vec::new(),
        }
    }

    fn take(&mut self, packet: &Packet) {
        let shared = self.pool.share(&packet.view()).expect("room for a packet");
        self.frames.insert(self.now, &shared);
        self.poll();
    }

    fn poll(&mut self) {
        while let Some(frame) = self.frames.poll_frame(self.now) {
            let ReceivedFrame {
                bytes,
                timestamp,
                is_keyframe,
                ..
            } = frame;
            self.came.push((timestamp, bytes.to_vec(), is_keyframe));
        }
    }

    fn wait(&mut self, duration: Duration) {
        self.now += duration;
        self.poll();
    }

    fn timestamps(&self) -> Vec<i64> {
        self.came.iter().map(|(timestamp, ..)| *timestamp).collect()
    }
}

fn picture(number: u64, is_key: bool) -> Vec<u8> {
    let mut bytes = vec![number as u8 | 1; 3_000];
    bytes[0] = u8::from(!is_key);
    bytes
}

/// The packets of pictures of VP8, three each: the first of every `keys` pictures is a key frame.
fn pictures(count: u64, keys: u64) -> Vec<Packet> {
    let mut packetizer = FramePacketizer::new(PayloadFormat::Vp8, 5);
    let mut packets = Vec::new();
    for number in 0..count {
        let bytes = picture(number, number % keys == 0);
        let mut payloads = packetizer.packetize(&bytes, 1_100).expect("it can be cut");
        let mut buf = [0; 1_100];
        while let Some(written) = payloads.write_payload(&mut buf).expect("room") {
            let index = 65_500 + packets.len() as u64;
            let timestamp = 3_000 * number as u32;
            let packet = Packet::new(1, index, timestamp, VP8, &buf[..written.len]);
            packets.push(if written.marker { packet.marked() } else { packet });
        }
    }
    packets
}

/// All that were sent, in order.
fn are_whole(receiver: &Receiver, count: u64, keys: u64) {
    assert_eq!(receiver.came.len() as u64, count);
    for ((timestamp, bytes, is_key), number) in receiver.came.iter().zip(0..) {
        assert_eq!(*timestamp, 3_000 * number as i64);
        assert!(*bytes == picture(number, number % keys == 0), "picture {number}");
        assert_eq!(*is_key, number % keys == 0);
    }
}

#[test]
fn what_comes_in_order_comes_out_at_once() {
    let mut receiver = Receiver::new(FramesConfig::default());
    for (number, packet) in pictures(50, 50).iter().enumerate() {
        receiver.take(packet);
        assert_eq!(receiver.came.len(), (number + 1) / 3);
        assert_eq!(receiver.frames.held_packets(), 0);
    }
    are_whole(&receiver, 50, 50);
    assert_eq!(receiver.frames.poll_timeout(), None);
    assert!(!receiver.frames.take_keyframe_need());
}

#[test]
fn a_retransmission_comes_in_time_and_nothing_is_missing() {
    let mut receiver = Receiver::new(FramesConfig::default());
    let packets = pictures(30, 30);
    for (number, packet) in packets.iter().enumerate() {
        if number % 7 != 5 {
            receiver.take(packet);
        }
        // Each comes ten packets later.
        if let Some(late) = number.checked_sub(10).filter(|late| late % 7 == 5) {
            receiver.take(&packets[late]);
            receiver.take(&packets[late]); // and twice
        }
        receiver.wait(Duration::from_millis(11));
    }
    for late in (80..90).filter(|late| late % 7 == 5) {
        receiver.take(&packets[late]);
    }
    are_whole(&receiver, 30, 30);
    assert_eq!(receiver.frames.stats().lost_packets, 0);
    assert!(receiver.frames.stats().late_packets > 5);
    assert!(!receiver.frames.take_keyframe_need());
}

#[test]
fn what_never_comes_costs_all_up_to_the_next_key_frame() {
    let mut receiver = Receiver::new(FramesConfig::default());
    let packets = pictures(30, 10);
    for (number, packet) in packets.iter().enumerate() {
        // Of picture 4.
        if number != 13 {
            receiver.take(packet);
        }
    }
    let before: Vec<i64> = (0..4).map(|number| 3_000 * number).collect();
    assert_eq!(receiver.timestamps(), before);
    let due = receiver.frames.poll_timeout().expect("something is waited for");
    assert_eq!(due, receiver.now + Duration::from_millis(500));
    receiver.wait(Duration::from_millis(499));
    assert_eq!(receiver.timestamps(), before);
    assert!(!receiver.frames.take_keyframe_need());
    receiver.wait(Duration::from_millis(1));
    let after: Vec<i64> = (0..4).chain(10..30).map(|number| 3_000 * number).collect();
    assert_eq!(receiver.timestamps(), after);
    assert!(!receiver.frames.take_keyframe_need(), "one has come meanwhile");
    let stats = receiver.frames.stats();
    assert_eq!((stats.lost_packets, stats.broken_frames), (1, 5));
    assert_eq!(stats.depacketizer.incomplete_frames, 1);
    receiver.take(&packets[13]);
    assert_eq!(receiver.frames.stats().late_packets, 1);
}

#[test]
fn a_key_frame_is_asked_for_as_long_as_none_comes() {
    let mut receiver = Receiver::new(FramesConfig::default());
    let packets = pictures(10, 100);
    for packet in &packets[1..15] {
        receiver.take(packet);
    }
    assert!(receiver.came.is_empty(), "the first packet never came");
    assert!(receiver.frames.take_keyframe_need());
    assert!(!receiver.frames.take_keyframe_need(), "said once");
    for packet in &packets[15..18] {
        receiver.take(packet);
    }
    assert!(receiver.frames.take_keyframe_need(), "and again");
}

/// Sound needs nothing but itself.
#[test]
fn sound_goes_on_after_a_loss() {
    let mut receiver = Receiver::new(FramesConfig {
        patience: Duration::from_millis(60),
        ..FramesConfig::default()
    });
    for index in 0..50 {
        if index % 10 != 3 {
            receiver.take(&Packet::sound(1, index));
        }
        receiver.wait(Duration::from_millis(20));
    }
    receiver.wait(Duration::from_millis(60));
    let expected: Vec<i64> = (0..50)
        .filter(|index| index % 10 != 3)
        .map(|index| 960 * index)
        .collect();
    assert_eq!(receiver.timestamps(), expected);
    assert_eq!(receiver.frames.stats().lost_packets, 5);
    assert!(!receiver.frames.take_keyframe_need());
}

#[test]
fn the_end_of_a_stream_is_waited_for_by_nobody() {
    let mut receiver = Receiver::new(FramesConfig::default());
    for index in [0, 1, 3, 4] {
        receiver.take(&Packet::sound(1, index));
    }
    assert_eq!(receiver.came.len(), 2);
    receiver.frames.handle_end();
    receiver.poll();
    assert_eq!(receiver.came.len(), 4);
}

/// A stream may change its codec from packet to packet.
#[test]
fn each_frame_says_how_it_is_coded() {
    let mut receiver = Receiver::new(FramesConfig::default());
    let key = [0x67, 1, 2, 3];
    let packets = [
        Packet::new(1, 0, 0, VP8, &[0x10, 0, 1]).marked(),
        // Its end is told by nothing but what follows.
        Packet::new(1, 1, 3_000, VP8, &[0x10, 1, 2]),
        Packet::new(1, 2, 6_000, H264, &key).marked(),
        Packet::new(1, 3, 9_000, Format(9), b"nobody knows what it is"),
        Packet::sound(1, 4),
        Packet::new(1, 5, 12_000, VP8, &[0x10, 1, 9]).marked(),
        Packet::new(1, 6, 15_000, VP8, &[0x10, 0, 9]).marked(),
    ];
    let mut formats = Vec::new();
    for packet in &packets {
        let shared = receiver.pool.share(&packet.view()).expect("room");
        receiver.frames.insert(receiver.now, &shared);
        while let Some(frame) = receiver.frames.poll_frame(receiver.now) {
            formats.push((frame.format, frame.bytes.to_vec()));
        }
    }
    let expected = [
        (VP8, vec![0, 1]),
        (VP8, vec![1, 2]),
        (H264, [&[0, 0, 0, 1][..], &key].concat()),
        (OPUS, b"sound".to_vec()),
        (VP8, vec![0, 9]),
    ];
    assert_eq!(formats, expected);
    assert_eq!(receiver.frames.stats().unknown_packets, 1);
    assert_eq!(receiver.frames.stats().broken_frames, 1);
}

/// Whoever sends may do what they like.
#[test]
fn a_hostile_sender_stays_within_bounds() {
    let config = FramesConfig {
        packets: 64,
        limits: DepacketizerLimits {
            frame_bytes: 10_000,
            waiting_frames: 4,
        },
        ..FramesConfig::default()
    };
    let counted = allocation_counter::measure(|| {
        let mut random = Random(3);
        let mut pool = Pool::new(100);
        let mut frames = Frames::new(FORMATS, config);
        let (mut index, mut now, mut taken) = (0_u64, 1_000_000_u64, 0);
        for _ in 0..50_000 {
            index = match random.below(40) {
                0 => index + random.below(1 << 40),
                1..5 => index.saturating_sub(random.below(200)),
                5..9 => index + random.below(200),
                _ => index + 1,
            } & 0xffff_ffff_ffff;
            now += random.below(30);
            let mut payload = vec![0; random.below(900) as usize];
            payload.iter_mut().for_each(|byte| *byte = random.below(256) as u8);
            let format = Format(random.below(4) as u8);
            let mut packet = Packet::new(1, index, random.below(1 << 32) as u32, format, &payload);
            if random.below(3) == 0 {
                packet = packet.marked();
            }
            let shared = pool.share(&packet.view()).expect("never more than the bound are held");
            frames.insert(Instant::from_millis(now), &shared);
            assert!(frames.held_packets() <= 64);
            // Sometimes nobody takes them.
            if random.below(50) == 0 {
                while let Some(frame) = frames.poll_frame(Instant::from_millis(now)) {
                    assert!(frame.bytes.len() <= 10_000);
                    taken += 1;
                }
            }
        }
        assert!(taken > 100, "{taken}");
        assert!(frames.stats().unclaimed_packets > 0);
    });
    assert!(counted.bytes_max < 500_000, "{counted:?}");
}

/// Once warm, no allocator is asked.
#[test]
fn frames_come_without_allocations() {
    let packets = pictures(60, 20);
    let mut receiver = Receiver::new(FramesConfig::default());
    let shared: Vec<_> = packets
        .iter()
        .map(|packet| {
            let view = RtpPacket::parse(&packet.bytes, &ExtensionMap::new(), packet.origin).expect("a packet");
            receiver.pool.share(&view).expect("room")
        })
        .collect();
    let Receiver { frames, now, .. } = &mut receiver;
    let mut run = |packets: &[pollrtc_rtp::SharedPacket]| {
        let mut count = 0;
        for pair in packets.chunks(2) {
            for packet in pair.iter().rev() {
                frames.insert(*now, packet);
            }
            while frames.poll_frame(*now).is_some() {
                count += 1;
            }
        }
        count
    };
    assert_eq!(run(&shared[..90]), 30);
    let counted = allocation_counter::measure(|| assert_eq!(run(&shared[90..]), 30));
    assert_eq!(counted.count_total, 0);
}

quickcheck! {
    /// For every order in which packets come, within patience, and however often: all frames come out.
    fn the_order_of_packets_does_not_matter(swaps: Vec<(u8, u8)>, twice: Vec<u8>) -> bool {
        let mut packets = pictures(20, 20);
        // Until the first one has come, nobody knows where the stream begins.
        for (one, other) in swaps {
            let place = |number: u8| 1 + usize::from(number) % (packets.len() - 1);
            let (one, other) = (place(one), place(other));
            packets.swap(one, other);
        }
        for number in twice {
            let again = packets[usize::from(number) % 60].clone();
            packets.push(again);
        }
        let mut receiver = Receiver::new(FramesConfig::default());
        for packet in &packets {
            receiver.take(packet);
            receiver.wait(Duration::from_millis(1));
        }
        are_whole(&receiver, 20, 20);
        true
    }
}
