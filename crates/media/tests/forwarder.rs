//! One subscription: what leaves, under which names, and back from a name to the packet.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use common::{OPUS, Packet, VP8, Vp8, forwarded, forwarder, temporal};
use pollrtc_core::Instant;
use pollrtc_media::{ClockPair, Forwarder, Verdict};
use pollrtc_rtp::{Patch, StreamKey};
use quickcheck::{Arbitrary, Gen, quickcheck};

const VIDEO: u32 = 90_000;

fn assert_send<T: Send>() {}

#[test]
fn a_subscription_is_small_and_may_move_to_another_thread() {
    assert_send::<Forwarder>();
    assert!(size_of::<Forwarder>() <= 1_024, "{}", size_of::<Forwarder>());
}

#[test]
fn sound_leaves_at_once_under_numbers_of_its_own() {
    let mut forwarder = forwarder(48_000, 0xffff);
    forwarder.select(StreamKey(1), temporal(0));
    let first = Packet::sound(1, 40_000);
    let rewrite = forwarded(forwarder.next(&first.view())).expect("sound needs no beginning");
    assert_eq!(rewrite.sequence, 0x7fff, "RFC 3711 §3.3.1: the first one is below 2^15");
    assert_eq!((rewrite.format.0, rewrite.patch), (5, Patch::None));
    assert_eq!(rewrite.timestamp, first.view().timestamp());

    // Over the rollovers of both sides, and with a gap that upstream made.
    for index in (40_001..200_000).filter(|index| index % 100 != 0) {
        let packet = Packet::sound(1, index);
        let rewrite = forwarded(forwarder.next(&packet.view())).expect("sound");
        assert_eq!(rewrite.sequence, index - 40_000 + 0x7fff);
    }
}

#[test]
fn nothing_leaves_that_was_not_asked_for() {
    let mut forwarder = forwarder(48_000, 0);
    assert_eq!(forwarder.next(&Packet::sound(1, 0).view()), Verdict::Skip);
    forwarder.select(StreamKey(1), temporal(0));
    assert_eq!(forwarder.next(&Packet::sound(2, 0).view()), Verdict::Skip);
    let unknown = Packet::new(1, 0, 0, pollrtc_rtp::Format(40), b"?");
    assert_eq!(forwarder.next(&unknown.view()), Verdict::Skip);
    assert_eq!((forwarder.stats().skipped, forwarder.current()), (3, None));
}

#[test]
fn padding_of_the_publisher_makes_no_gap() {
    let mut forwarder = forwarder(48_000, 10);
    forwarder.select(StreamKey(1), temporal(0));
    let mut sequences = Vec::new();
    for index in 0..100 {
        let packet = match index % 3 {
            0 => Packet::padding(1, index, 960 * index as u32, OPUS),
            _ => Packet::sound(1, index),
        };
        sequences.extend(forwarded(forwarder.next(&packet.view())).map(|rewrite| rewrite.sequence));
    }
    assert!(sequences.iter().copied().eq(10..76));
}

/// A publisher of VP8 in three temporal layers, whose frames have two packets each: 0 2 1 2.
struct Camera {
    stream: u64,
    index: u64,
    frame: u32,
    picture: u16,
    tl0: u8,
}

impl Camera {
    fn new(stream: u64, index: u64, picture: u16) -> Self {
        Self {
            stream,
            index,
            frame: 0,
            picture,
            tl0: 250,
        }
    }

    fn temporal(&self) -> u8 {
        [0, 2, 1, 2][(self.frame % 4) as usize]
    }

    /// The next frame, taken at this time.
    fn frame(&mut self, now: Instant, key: bool) -> [Packet; 2] {
        if key {
            self.frame = 0;
        }
        let temporal = self.temporal();
        self.tl0 = self.tl0.wrapping_add(u8::from(temporal == 0));
        let timestamp = (now.as_nanos() * 9 / 100_000) as u32 + 1_000 * self.stream as u32;
        let packets = [true, false].map(|begins| {
            let payload = Vp8 {
                begins,
                key,
                picture: self.picture,
                tl0: self.tl0,
                temporal,
                sync: self.frame % 4 < 3,
                key_index: 0,
            };
            self.index += 1;
            let packet = Packet::new(self.stream, self.index, timestamp, VP8, &payload.payload());
            let packet = packet.arrived(now + Duration::from_millis(20));
            if begins { packet } else { packet.marked() }
        });
        self.frame += 1;
        self.picture = (self.picture + 1) & 0x7fff;
        packets
    }
}

fn picture(verdict: Verdict<'_>, came_as: u16) -> Option<u16> {
    forwarded(verdict).map(|rewrite| match rewrite.patch {
        Patch::Vp8 { picture_id, .. } => picture_id,
        _ => came_as,
    })
}

#[test]
fn fewer_temporal_layers_leave_numbers_and_pictures_without_gaps() {
    let (mut camera, mut forwarder) = (Camera::new(1, 70_000, 0x7ffa), forwarder(VIDEO, 5));
    forwarder.select(StreamKey(1), temporal(1));
    let (mut sequences, mut pictures) = (Vec::new(), Vec::new());
    for frame in 0..400 {
        let now = Instant::from_millis(33 * frame);
        for packet in camera.frame(now, frame == 0) {
            let came_as = (0x7ffa + frame as u16) & 0x7fff;
            let verdict = forwarder.next(&packet.view());
            sequences.extend(forwarded(verdict).map(|rewrite| rewrite.sequence));
            pictures.extend(picture(verdict, came_as));
        }
    }
    assert!(
        sequences.iter().copied().eq(5..405),
        "half of 400 frames, two packets each"
    );
    pictures.dedup();
    let expected = (0..200).map(|number| (0x7ffa + number) & 0x7fff);
    assert!(pictures.iter().copied().eq(expected), "{pictures:?}");
}

#[test]
fn layers_are_left_at_the_next_frame_and_taken_up_one_by_one() {
    let (mut camera, mut forwarder) = (Camera::new(1, 0, 0), forwarder(VIDEO, 0));
    forwarder.select(StreamKey(1), temporal(2));
    let mut layers = Vec::new();
    for frame in 0..40_u64 {
        if frame == 8 {
            forwarder.select(StreamKey(1), temporal(0));
        } else if frame == 21 {
            forwarder.select(StreamKey(1), temporal(2)); // a frame of layer 2 comes, then one of layer 1
        }
        let temporal = camera.temporal();
        let packets = camera.frame(Instant::from_millis(33 * frame), frame == 0);
        let left = packets
            .iter()
            .filter(|packet| forwarded(forwarder.next(&packet.view())).is_some());
        match left.count() {
            0 => {}
            2 => layers.push((frame, temporal)),
            count => panic!("{count} packets of a frame left"),
        }
    }
    let at = |range: std::ops::Range<u64>| -> Vec<u8> {
        layers
            .iter()
            .filter(|(frame, _)| range.contains(frame))
            .map(|(_, temporal)| *temporal)
            .collect()
    };
    assert_eq!(at(0..8), [0, 2, 1, 2, 0, 2, 1, 2]);
    assert_eq!(at(8..21), [0, 0, 0, 0]);
    // Layer 1 with its next sync frame, 22, then layer 2 with its one, 25: 23 needs what did not leave.
    assert_eq!(at(21..29), [1, 0, 2, 1, 2, 0][..at(21..29).len()]);
    assert_eq!(at(28..32), [0, 2, 1, 2]);
}

#[test]
fn a_layer_takes_over_with_its_key_frame_and_time_goes_on() {
    let mut low = Camera::new(1, 500, 100);
    let mut high = Camera::new(2, 9_000, 9_000);
    let mut forwarder = forwarder(VIDEO, 0);
    // Both clocks are known: the cameras' timestamps are 1,000 and 2,000 ahead.
    for (stream, ahead) in [(1, 1_000), (2, 2_000)] {
        let clock = ClockPair {
            timestamp: ahead,
            at: Instant::ZERO,
        };
        forwarder.handle_clock(StreamKey(stream), clock);
    }
    forwarder.select(StreamKey(1), temporal(2));
    let mut left: Vec<(u64, u64, u32, u16)> = Vec::new();
    let mut needed = Vec::new();
    for frame in 0..60_u64 {
        let now = Instant::from_millis(40 * frame);
        match frame {
            10 => forwarder.select(StreamKey(2), temporal(2)),
            40 => forwarder.select(StreamKey(1), temporal(2)),
            _ => {}
        }
        for camera in [&mut low, &mut high] {
            let (stream, came_as) = (camera.stream, camera.picture);
            let is_key = frame == 0 || (stream, frame) == (2, 15) || (stream, frame) == (1, 45);
            for packet in camera.frame(now, is_key) {
                let verdict = forwarder.next(&packet.view());
                if let Verdict::KeyframeNeeded(stream) = verdict {
                    needed.push((frame, stream.0));
                }
                if let Some(rewrite) = forwarded(verdict) {
                    assert_eq!(rewrite.marker, packet.view().marker());
                    let picture = picture(verdict, came_as).expect("it left");
                    left.push((stream, rewrite.sequence, rewrite.timestamp, picture));
                }
            }
        }
    }
    // The low one until the high one's key frame came, and back again.
    let of = |stream: u64| left.iter().filter(|packet| packet.0 == stream).count();
    assert_eq!((of(1), of(2)), (2 * (16 + 15), 2 * 30));
    assert!(left.iter().map(|packet| packet.1).eq(0..122), "no number is missing");
    assert!(
        needed.iter().all(|need| matches!(need, (10..15, 2) | (40..45, 1))),
        "{needed:?}"
    );
    assert_eq!(needed.len(), 20);
    // One frame each 40 ms, but that of frame 15 both layers had: the high one's is a tick later.
    let mut pictures: Vec<(u16, u32)> = left.iter().map(|packet| (packet.3, packet.2)).collect();
    pictures.dedup();
    assert_eq!(pictures.len(), 61);
    for pair in pictures.windows(2) {
        assert_eq!(pair[1].0, pair[0].0 + 1);
        let step = pair[1].1 - pair[0].1;
        assert!(matches!(step, 1 | 3_599..=3_601), "{step} ticks");
    }
    let clock = forwarder.outgoing_clock().expect("the publisher's clock is known");
    assert_eq!(clock.timestamp_at(Instant::from_millis(40 * 59), VIDEO), pictures[60].1);
}

#[test]
fn without_clocks_a_switch_takes_as_long_as_it_took() {
    let (mut low, mut high, mut forwarder) = (Camera::new(1, 0, 0), Camera::new(2, 0, 0), forwarder(VIDEO, 0));
    forwarder.select(StreamKey(1), temporal(2));
    let mut last = None;
    for packet in low.frame(Instant::from_millis(0), true) {
        last = forwarded(forwarder.next(&packet.view())).map(|rewrite| rewrite.timestamp);
    }
    let before = last.expect("it left");
    forwarder.select(StreamKey(2), temporal(2));
    let [first, _] = high.frame(Instant::from_millis(200), true);
    let rewrite = forwarded(forwarder.next(&first.view())).expect("a key frame");
    assert_eq!(rewrite.timestamp - before, 18_000);

    // A clock that is far off is not believed, and time never stands still.
    for (stream, timestamp) in [(1, 0), (2, 5_000_000)] {
        let at = Instant::ZERO;
        forwarder.handle_clock(StreamKey(stream), ClockPair { timestamp, at });
    }
    forwarder.select(StreamKey(1), temporal(2));
    let [first, _] = low.frame(Instant::from_millis(100), true);
    let back = forwarded(forwarder.next(&first.view())).expect("a key frame");
    assert_eq!(back.timestamp, rewrite.timestamp + 1);
}

#[test]
fn a_publisher_that_jumps_begins_with_a_key_frame_again() {
    let (mut camera, mut forwarder) = (Camera::new(1, 0, 0), forwarder(VIDEO, 0));
    forwarder.select(StreamKey(1), temporal(2));
    for packet in camera.frame(Instant::ZERO, true) {
        assert!(forwarded(forwarder.next(&packet.view())).is_some());
    }
    camera.index += 30_000;
    let [packet, _] = camera.frame(Instant::from_millis(40), false);
    assert_eq!(forwarder.next(&packet.view()), Verdict::KeyframeNeeded(StreamKey(1)));
    let [packet, _] = camera.frame(Instant::from_millis(80), true);
    let rewrite = forwarded(forwarder.next(&packet.view())).expect("a key frame");
    assert_eq!(rewrite.sequence, 2, "the subscriber is not asked to miss 30,000");
}

#[test]
fn a_late_packet_of_a_frame_that_is_left_out_stays_out() {
    let (mut camera, mut forwarder) = (Camera::new(1, 0, 0), forwarder(VIDEO, 0));
    forwarder.select(StreamKey(1), temporal(0));
    let frames: Vec<[Packet; 2]> = (0..9)
        .map(|frame| camera.frame(Instant::from_millis(40 * frame), frame == 0))
        .collect();
    let late = &frames[1][0];
    let in_order: Vec<&Packet> = frames.iter().flatten().filter(|packet| *packet != late).collect();
    let sequences: Vec<u64> = in_order
        .iter()
        .filter_map(|packet| forwarded(forwarder.next(&packet.view())))
        .map(|r| r.sequence)
        .collect();
    // Nobody could know where it belonged, so its number was kept free.
    assert_eq!(sequences, [0, 1, 3, 4, 5, 6]);
    assert_eq!(
        forwarder.find(2).map(|source| source.index),
        Some(late.origin.source.index)
    );
    assert_eq!(forwarder.next(&late.view()), Verdict::Skip);
    assert_eq!(forwarder.find(2), None, "it would be of no use");
    let found: Vec<u64> = [0, 1, 3, 4, 5, 6]
        .iter()
        .filter_map(|at| forwarder.find(*at))
        .map(|s| s.index)
        .collect();
    assert_eq!(found, [1, 2, 9, 10, 17, 18]);
}

#[test]
fn what_never_left_or_long_ago_is_not_found() {
    let mut forwarder = forwarder(48_000, 0);
    assert_eq!(forwarder.find(0), None);
    forwarder.select(StreamKey(1), temporal(0));
    for index in 0..10_000 {
        forwarder.next(&Packet::sound(1, index).view());
    }
    assert_eq!(forwarder.find(10_000), None);
    assert_eq!(forwarder.find(7_499), None);
    assert_eq!(forwarder.find(65_535), None);
    assert_eq!(forwarder.find(7_500).map(|source| source.index), Some(7_500));
    let other = Packet::sound(1, 7_501);
    assert_eq!(
        forwarder.repeat(7_500, &other.view()),
        None,
        "another packet than that one"
    );
}

/// What becomes of a packet on its way to the server.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Comes,
    /// It carries padding alone.
    Padding,
    Lost,
    /// It comes after so many others.
    Late(u8),
    /// It comes twice.
    Twice,
}

impl Arbitrary for Way {
    fn arbitrary(g: &mut Gen) -> Self {
        match u8::arbitrary(g) % 16 {
            0..8 => Self::Comes,
            8..11 => Self::Padding,
            11..13 => Self::Lost,
            13 => Self::Twice,
            _ => Self::Late(u8::arbitrary(g) % 40),
        }
    }
}

/// The packets of a publisher of sound as they come.
fn arrivals(ways: &[Way]) -> Vec<(u64, Packet)> {
    let mut due: Vec<(usize, u64, Packet)> = Vec::new();
    for (at, way) in ways.iter().enumerate() {
        let index = 1_000 + at as u64;
        let packet = Packet::sound(1, index);
        match way {
            Way::Comes => due.push((at, index, packet)),
            Way::Padding => due.push((at, index, Packet::padding(1, index, 960 * index as u32, OPUS))),
            Way::Lost => {}
            Way::Late(by) => due.push((at + usize::from(*by), index, packet)),
            Way::Twice => due.extend([(at, index, packet.clone()), (at + 3, index, packet)]),
        }
    }
    due.sort_by_key(|(at, ..)| *at);
    due.into_iter().map(|(_, index, packet)| (index, packet)).collect()
}

quickcheck! {
    /// For every pattern of loss and padding in order: a gap is as wide as what upstream lost there.
    fn gaps_are_what_upstream_lost(ways: Vec<Way>) -> bool {
        let ways: Vec<Way> = ways.into_iter().map(|way| match way {
            Way::Late(_) | Way::Twice => Way::Comes,
            way => way,
        }).collect();
        let mut forwarder = forwarder(48_000, 77);
        forwarder.select(StreamKey(1), temporal(0));
        let (mut expected, mut has_begun) = (77, false);
        let mut lost = 0;
        let mut packets = arrivals(&ways).into_iter();
        ways.iter().all(|way| {
            if *way == Way::Lost {
                lost += u64::from(has_begun);
                return true;
            }
            let (_, packet) = packets.next().expect("one for each that is not lost");
            match forwarded(forwarder.next(&packet.view())) {
                Some(rewrite) => {
                    let is_right = rewrite.sequence == expected + std::mem::take(&mut lost);
                    expected = rewrite.sequence + 1;
                    has_begun = true;
                    is_right && *way == Way::Comes
                }
                None => *way == Way::Padding,
            }
        })
    }

    /// For every pattern of loss, padding, delay and doubling: no number leaves twice, numbers are in the order of the
    /// packets, and each leads back to its packet and its names.
    fn names_are_told_once_and_lead_back(ways: Vec<Way>, first: u16) -> bool {
        let mut forwarder = forwarder(48_000, first);
        forwarder.select(StreamKey(1), temporal(0));
        let mut left: BTreeMap<u64, u64> = BTreeMap::new();
        let mut names = Vec::new();
        for (index, packet) in arrivals(&ways) {
            if let Some(rewrite) = forwarded(forwarder.next(&packet.view())) {
                assert!(!packet.view().payload().is_empty());
                assert_eq!(left.insert(index, rewrite.sequence), None, "{index} left twice");
                names.push((packet.clone(), rewrite.sequence));
            }
        }
        let numbers: BTreeSet<u64> = left.values().copied().collect();
        assert_eq!(numbers.len(), left.len(), "a number was used twice");
        assert!(left.values().is_sorted(), "{left:?}");
        let newest = names.iter().rev().take(100);
        newest.into_iter().all(|(packet, sequence)| {
            let short = *sequence as u16;
            // What is too many ranges ago is forgotten, and never mistaken for something else.
            forwarder.find(short).is_none_or(|source| {
                let again = forwarder.repeat(short, &packet.view()).map(|rewrite| rewrite.sequence);
                source == packet.origin.source && again == Some(*sequence)
            })
        })
    }
}
