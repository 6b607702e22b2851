//! Frames: cut by the one side and put together by the other, whatever the network loses.

use std::time::Duration;

use crate::support::{Arrived, Pair, START, Who};
use pollrtc::media::{Frames, FramesConfig};
use pollrtc::rtp::dependency_descriptor::DescriptorReader;
use pollrtc::rtp::payload::{Depacketizer, DepacketizerLimits, PacketizeError, PayloadFormat, PayloadPacket};
use pollrtc::rtp::{Extension, Format};
use pollrtc::{Config, Event, Frame, Instant, MediaKind, Outgoing, RtpCapabilities, StateMachine, WriteError};

/// 30 pictures each second.
const PICTURE: Duration = Duration::from_millis(33);
const MTU: usize = 1200;

/// The shortest frames, those around the border of a packet, and the longest.
const SIZES: [usize; 14] = [
    1, 2, 3, 100, 1_100, 1_130, 1_140, 1_150, 1_160, 1_200, 2_400, 10_000, 40_000, 100_000,
];

/// A call in which Alice sends.
fn call(kind: MediaKind, alice: impl FnOnce(Config) -> Config) -> (Pair, Outgoing) {
    let both = |config: Config| match kind {
        MediaKind::Audio => config.with_audio(RtpCapabilities::of(kind)),
        MediaKind::Video => config.with_video(RtpCapabilities::of(kind)),
    };
    let mut pair = Pair::with(|config| alice(both(config)), both);
    let track = pair.alice.peer.add_track(kind, vec!["stream".into()]);
    let to = pair.alice.peer.outgoing_of(track).next().expect("a sender");
    assert_eq!(
        pair.alice.peer.write_frame(START, to, &Frame::new(&[0], START)),
        Err(WriteError::NotNegotiated)
    );
    pair.exchange(Who::Alice);
    assert_eq!(
        pair.alice.peer.write_frame(START, to, &Frame::new(&[0], START)),
        Err(WriteError::NotReady)
    );
    pair.run_until(Duration::from_secs(5), Pair::connected);
    (pair, to)
}

/// In which place the stream has this codec.
fn format(pair: &Pair, to: Outgoing, codec: &str, parameters: &str) -> Format {
    let mut formats = pair.alice.peer.outgoing_formats(to);
    let place = formats.position(|each| each.is(codec) && each.parameters.contains(parameters));
    Format(place.expect("an agreed codec") as u8)
}

/// Each twentieth packet of media and of what asks for it, in no pattern, once told.
fn lose_some(pair: &mut Pair) {
    let mut random = 7u32;
    pair.lose = Box::new(move |_, bytes| {
        assert!(bytes.len() <= MTU, "{} bytes", bytes.len());
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes[0] >= 128 && (random >> 16).is_multiple_of(20)
    });
}

/// Bytes without a pattern that any format could take for its own.
fn noise(number: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| ((at * 7 + number * 13) % 251) as u8 | 1).collect()
}

/// The frame of this number, as an encoder makes it: the first one is a key frame.
fn frame(codec: PayloadFormat, number: usize, size: usize) -> Vec<u8> {
    let mut bytes = noise(number, size);
    let is_key = number == 0;
    match codec {
        PayloadFormat::Vp8 => bytes[0] = if is_key { 0x10 } else { 0x11 },
        PayloadFormat::Vp9 => bytes[0] = if is_key { 0x80 } else { 0x84 },
        PayloadFormat::H264 => {
            bytes[0] = if is_key { 0x65 } else { 0x61 };
            bytes.splice(0..0, [0, 0, 0, 1]);
            if is_key {
                bytes.splice(0..0, [0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0, 0, 0, 1, 0x68, 0xce]);
            }
        }
        PayloadFormat::Av1 => {
            let mut obus = Vec::new();
            if is_key {
                obus.extend([0x0a, 2, 1, 2]);
            }
            obus.push(0x32);
            let mut rest = size;
            while rest >= 128 {
                obus.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            obus.push(rest as u8);
            obus.extend(&bytes);
            bytes = obus;
        }
        _ => {}
    }
    bytes
}

/// The frames that packets make once they are in order: their timestamps, whether they are key frames, their bytes.
fn frames(arrived: &[Arrived], format: PayloadFormat) -> Vec<(u32, bool, Vec<u8>)> {
    let mut packets: Vec<_> = arrived.iter().map(|each| each.packet.view()).collect();
    packets.sort_by_key(|packet| packet.origin.source.index);
    let mut depacketizer = Depacketizer::new(format, DepacketizerLimits::default());
    let mut descriptors = DescriptorReader::new();
    let mut frames = Vec::new();
    for packet in packets {
        let descriptor = packet.extension(Extension::DependencyDescriptor);
        let descriptor = descriptor.map(|bytes| descriptors.read(packet.origin.source.index, bytes).unwrap());
        depacketizer.handle_packet(PayloadPacket {
            marks: descriptor.map(|descriptor| descriptor.marks()),
            ..PayloadPacket::of(&packet)
        });
        while let Some(frame) = depacketizer.poll_frame() {
            frames.push((frame.timestamp, frame.is_keyframe, frame.bytes.to_vec()));
        }
    }
    depacketizer.handle_end();
    while let Some(frame) = depacketizer.poll_frame() {
        frames.push((frame.timestamp, frame.is_keyframe, frame.bytes.to_vec()));
    }
    frames
}

fn nobody_has_to_resend(pair: &Pair) {
    let wanted = |event: &&Event| matches!(event, Event::ResendWanted { .. });
    assert_eq!(
        pair.alice.events.iter().find(wanted).map(|event| format!("{event:?}")),
        None
    );
}

/// Sends frames of all sizes, of which some packets get lost if so; all come out.
fn pictures_arrive(name: &str, parameters: &str, codec: PayloadFormat, is_lossy: bool) {
    let (mut pair, to) = call(MediaKind::Video, |config| config);
    let format = format(&pair, to, name, parameters);
    let sent: Vec<Vec<u8>> = (0..70)
        .map(|number| frame(codec, number, SIZES[number % SIZES.len()]))
        .collect();
    for (number, bytes) in sent.iter().enumerate() {
        if is_lossy && number == 1 {
            lose_some(&mut pair);
        }
        if number == 69 {
            pair.lose = Box::new(|_, _| false); // what comes last tells that something is missing
        }
        let frame = Frame::new(bytes, pair.now).with_format(format);
        pair.alice.peer.write_frame(pair.now, to, &frame).expect("room for it");
        pair.run_for(PICTURE);
    }
    pair.run_for(Duration::from_secs(2));
    let came = frames(&pair.bob.media, codec);
    for (number, ((timestamp, is_key, bytes), sent)) in came.iter().zip(&sent).enumerate() {
        assert!(bytes == sent, "{name}: frame {number} of {} bytes", sent.len());
        assert_eq!(*timestamp, came[0].0.wrapping_add(2_970 * number as u32));
        assert_eq!(*is_key, number == 0, "{name}: frame {number}");
    }
    assert_eq!(came.len(), sent.len(), "{name}");
    let first = pair.bob.media[0].packet.view().origin.source.index;
    assert!(first < 1 << 15, "RFC 3711 §3.3.1");
    let repaired = pair
        .bob
        .media
        .iter()
        .any(|each| each.packet.view().origin.via == pollrtc::rtp::Via::Rtx);
    assert_eq!(repaired, is_lossy);
    nobody_has_to_resend(&pair);
}

const VIDEO: [(&str, &str, PayloadFormat); 4] = [
    ("VP8", "", PayloadFormat::Vp8),
    ("VP9", "", PayloadFormat::Vp9),
    ("H264", "packetization-mode=1", PayloadFormat::H264),
    ("AV1", "", PayloadFormat::Av1),
];

#[test]
fn pictures_of_every_codec_and_size_arrive() {
    for (name, parameters, codec) in VIDEO {
        pictures_arrive(name, parameters, codec, false);
    }
}

#[test]
fn what_is_lost_of_pictures_is_sent_again_by_the_connection() {
    for (name, parameters, codec) in VIDEO {
        pictures_arrive(name, parameters, codec, true);
    }
}

/// RFC 7587 §4.2: a packet each; RFC 3551 §4.1: the first after silence is marked.
#[test]
fn sound_arrives_a_packet_each() {
    for is_lossy in [false, true] {
        let (mut pair, to) = call(MediaKind::Audio, |config| config);
        let format = format(&pair, to, "opus", "");
        if is_lossy {
            lose_some(&mut pair);
        }
        let sent: Vec<Vec<u8>> = (0..200).map(|number| noise(number, 1 + number * 5)).collect();
        for (number, bytes) in sent.iter().enumerate() {
            if number == 100 {
                pair.run_for(Duration::from_secs(1));
            }
            let frame = Frame::new(bytes, pair.now).with_format(format);
            pair.alice.peer.write_frame(pair.now, to, &frame).expect("room for it");
            pair.run_for(Duration::from_millis(20));
        }
        pair.run_for(Duration::from_secs(1));
        let came = frames(&pair.bob.media, PayloadFormat::Whole);
        for (_, _, bytes) in &came {
            assert!(sent.contains(bytes));
        }
        assert!(came.len() == 200 || (is_lossy && came.len() > 170), "{}", came.len());
        if !is_lossy {
            let marked = |arrived: &&Arrived| arrived.packet.view().marker();
            assert_eq!(pair.bob.media.iter().filter(marked).count(), 2);
            let pause = came[100].0.wrapping_sub(came[99].0);
            assert_eq!(pause, 48 * 1_020, "of a clock of 48 kHz");
        }
        nobody_has_to_resend(&pair);
        let long = noise(0, 1_300);
        let refused = pair
            .alice
            .peer
            .write_frame(pair.now, to, &Frame::new(&long, pair.now).with_format(format));
        assert!(
            matches!(
                refused,
                Err(WriteError::Frame(PacketizeError::TooLong { len: 1_300, .. }))
            ),
            "{refused:?}"
        );
    }
}

/// Nothing that is refused leaves a trace: neither a packet nor a gap.
#[test]
fn who_sends_more_than_may_wait_is_told() {
    let (mut pair, to) = call(MediaKind::Video, |config| config.with_max_queued_packets(10));
    let frame_of = |number, size| frame(PayloadFormat::Vp8, number, size);
    let (now, peer) = (pair.now, &mut pair.alice.peer);
    let write = |peer: &mut pollrtc::PeerConnection, now: Instant, bytes: &[u8]| {
        peer.write_frame(now, to, &Frame::new(bytes, now))
    };
    let long = frame_of(0, 20_000);
    assert_eq!(write(peer, now, &long), Err(WriteError::LongFrame { packets: 10 }));
    assert_eq!(peer.queued(to), 0);
    let sent: Vec<Vec<u8>> = (0..4).map(|number| frame_of(number, 6_000)).collect();
    assert_eq!(write(peer, now, &sent[0]), Ok(()));
    let waiting = peer.queued(to);
    assert!((6..10).contains(&waiting), "{waiting}");
    for _ in 0..100 {
        assert_eq!(write(peer, now, &sent[1]), Err(WriteError::Full));
    }
    assert_eq!(peer.queued(to), waiting);
    let unknown = Frame::new(&sent[1], now).with_format(Format(99));
    assert_eq!(peer.write_frame(now, to, &unknown), Err(WriteError::UnknownFormat));
    pair.run_for(PICTURE);
    for bytes in &sent[1..] {
        let now = pair.now;
        assert_eq!(write(&mut pair.alice.peer, now, bytes), Ok(()));
        pair.run_for(PICTURE);
    }
    pair.run_for(PICTURE * 3);
    let came: Vec<_> = frames(&pair.bob.media, PayloadFormat::Vp8)
        .into_iter()
        .map(|(_, _, bytes)| bytes)
        .collect();
    assert!(came == sent);
    let first = pair.bob.media[0].packet.view().origin.source.index;
    for (each, index) in pair.bob.media.iter().zip(first..) {
        assert_eq!(each.packet.view().origin.source.index, index);
    }
}

/// RFC 4585 §6.2.1 asks, and nobody answers who has nothing.
#[test]
fn without_a_history_nothing_is_sent_again() {
    let (mut pair, to) = call(MediaKind::Video, |config| config.with_frame_history(0));
    for number in 0..60 {
        if number == 1 {
            lose_some(&mut pair);
        }
        let bytes = frame(PayloadFormat::Vp8, number, 10_000);
        pair.alice
            .peer
            .write_frame(pair.now, to, &Frame::new(&bytes, pair.now))
            .expect("room for it");
        pair.run_for(PICTURE);
    }
    pair.run_for(Duration::from_secs(1));
    let came = frames(&pair.bob.media, PayloadFormat::Vp8).len();
    assert!((20..60).contains(&came), "{came}");
    nobody_has_to_resend(&pair);
}

/// The caller's timestamps stay as they are.
#[test]
fn timestamps_may_be_the_callers() {
    let (mut pair, to) = call(MediaKind::Video, |config| config);
    for timestamp in [u32::MAX - 5, 7] {
        let bytes = frame(PayloadFormat::Vp8, 0, 3_000);
        let frame = Frame::new(&bytes, pair.now).with_timestamp(timestamp);
        pair.alice.peer.write_frame(pair.now, to, &frame).expect("room for it");
        pair.run_for(PICTURE * 5);
    }
    let came: Vec<_> = frames(&pair.bob.media, PayloadFormat::Vp8)
        .into_iter()
        .map(|(timestamp, ..)| timestamp)
        .collect();
    assert_eq!(came, [u32::MAX - 5, 7]);
}

/// AV1 RTP specification, appendix A: who can't read a frame learns from its descriptor what it is.
#[test]
fn encrypted_frames_are_told_apart_by_their_descriptors() {
    let (mut pair, to) = call(MediaKind::Video, |config| config);
    let sent: Vec<Vec<u8>> = (0..40)
        .map(|number| noise(number, SIZES[number % SIZES.len()]))
        .collect();
    for (number, bytes) in sent.iter().enumerate() {
        if number == 1 {
            lose_some(&mut pair);
        }
        if number == 39 {
            pair.lose = Box::new(|_, _| false);
        }
        let frame = Frame::new(bytes, pair.now).encrypted(number % 10 == 0);
        pair.alice.peer.write_frame(pair.now, to, &frame).expect("room for it");
        pair.run_for(PICTURE);
    }
    pair.run_for(Duration::from_secs(2));
    let came = frames(&pair.bob.media, PayloadFormat::Opaque);
    assert_eq!(came.len(), sent.len());
    for (number, ((_, is_key, bytes), sent)) in came.iter().zip(&sent).enumerate() {
        assert!(bytes == sent, "frame {number} of {} bytes", sent.len());
        assert_eq!(*is_key, number % 10 == 0, "frame {number}");
    }

    let (mut pair, to) = call(MediaKind::Audio, |config| config);
    let frame = Frame::new(b"nobody could tell what it is", pair.now).encrypted(true);
    assert_eq!(
        pair.alice.peer.write_frame(pair.now, to, &frame),
        Err(WriteError::NoDescriptor)
    );
}

/// Once warm, frames are sent, and kept, without asking the allocator.
#[test]
fn frames_are_sent_without_allocations() {
    let (mut pair, to) = call(MediaKind::Video, |config| config.with_frame_history(100_000));
    let bytes = frame(PayloadFormat::Vp8, 0, 20_000);
    let mut buf = vec![0; 65_536];
    let mut send = |pair: &mut Pair, at: Instant| {
        let peer = &mut pair.alice.peer;
        peer.write_frame(at, to, &Frame::new(&bytes, at)).expect("room for it");
        while peer.poll_transmit(at, &mut buf).is_some() {}
    };
    let mut now = pair.now;
    for _ in 0..100 {
        send(&mut pair, now);
        now += Duration::from_millis(1);
    }
    let counted = allocation_counter::measure(|| {
        for _ in 0..50 {
            send(&mut pair, now);
        }
    });
    assert_eq!(counted.count_total, 0);
}

/// Packets overtake each other, some are lost, and the receiver takes them as they come: frames come out in order, while the
/// call goes on, and those that can't be had are made up for by a key frame.
#[test]
fn who_receives_gets_frames_in_order_while_they_come() {
    for (name, parameters, codec) in VIDEO {
        let (mut pair, to) = call(MediaKind::Video, |config| config.with_frame_history(60_000));
        let place = format(&pair, to, name, parameters);
        let mut count = 0;
        // Each twentieth packet, and once all of ten pictures, for which the history is too short.
        let (mut random, mut packets) = (11u32, 0);
        pair.lose = Box::new(move |_, bytes| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            packets += u32::from(bytes[0] >= 128 && bytes.len() > 500);
            let is_blackout = (700..780).contains(&packets) && bytes[0] >= 128;
            is_blackout || (bytes[0] >= 128 && (random >> 16).is_multiple_of(20))
        });
        let mut sent: Vec<Vec<u8>> = Vec::new();
        let mut came: Vec<(i64, bool, Vec<u8>)> = Vec::new();
        let mut frames: Option<Frames> = None;
        let mut is_key_wanted = true;
        while sent.len() < 150 {
            let number = if std::mem::take(&mut is_key_wanted) {
                0
            } else {
                sent.len().max(1)
            };
            let bytes = frame(codec, number, 8_000);
            let next = Frame::new(&bytes, pair.now).with_format(place);
            pair.alice.peer.write_frame(pair.now, to, &next).expect("room for it");
            sent.push(bytes);
            pair.run_for(PICTURE);
            let mut arrived = std::mem::take(&mut pair.bob.media);
            for pair in arrived.chunks_mut(2) {
                pair.reverse();
            }
            let Some(stream) = arrived.first().map(|each| each.stream) else {
                continue;
            };
            let formats = pair.bob.peer.payload_formats_of(stream);
            let frames = frames.get_or_insert_with(|| Frames::new(formats, FramesConfig::default()));
            for each in &arrived {
                frames.insert(pair.now, &each.packet);
            }
            while let Some(frame) = frames.poll_frame(pair.now) {
                assert_eq!(frame.format, place);
                came.push((frame.timestamp, frame.is_keyframe, frame.bytes.to_vec()));
            }
            assert!(frames.held_packets() < 400);
            if frames.take_keyframe_need() {
                pair.bob.peer.request_keyframe(pair.now, stream);
            }
            let wanted = |event: &Event| matches!(event, Event::KeyframeWanted { .. });
            is_key_wanted = std::mem::take(&mut pair.alice.events).iter().any(wanted);
            count += usize::from(is_key_wanted);
        }
        assert!(came[0].1, "{name}: a decoder can begin with it");
        let first = sent
            .iter()
            .position(|bytes| *bytes == came[0].2)
            .expect("as it was sent");
        let mut last = None;
        for (timestamp, is_key, bytes) in &came {
            let number = first + ((timestamp - came[0].0) / 2_970) as usize;
            assert!(*bytes == sent[number], "{name}: picture {number}");
            assert!(last.is_none_or(|last| number > last), "{name}: in order");
            // Behind what is missing, a key frame.
            assert!(
                *is_key || last.is_some_and(|last| number == last + 1),
                "{name}: picture {number}"
            );
            last = Some(number);
        }
        assert!(came.len() > 90, "{name}: {} of 150", came.len());
        assert!((1..20).contains(&count), "{name}: {count} key frames");
    }
}
