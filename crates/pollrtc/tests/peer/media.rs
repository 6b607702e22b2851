//! Media: transceivers, streams both ways, what is lost, and what strangers send.

use std::time::Duration;

use crate::script::seeded;
use crate::support::{Arrived, Pair, START, Who};
use pollrtc::{
    BundlePolicy, Config, Datagram, Direction, Entropy, Event, MediaKind, Outgoing, PeerConnection, Received, Rewrite,
    RtpCapabilities, RtpPacket, SessionDescription, SharedPacket, StateMachine, WriteError,
};
use pollrtc_rtp::{ExtensionMap, Format, Origin, Patch, Pool, Via};

const PACKET: [u8; 16] = [0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 4, 5, 6, 7];

const REWRITE: Rewrite<'static> = Rewrite {
    sequence: 1,
    timestamp: 2,
    marker: false,
    format: Format(0),
    patch: Patch::None,
    descriptor: None,
    frame_number: None,
};

/// Every verb that sends is told that there is nobody, and nothing leaves.
fn is_refused(peer: &mut PeerConnection) {
    let packet = RtpPacket::parse(&PACKET, &ExtensionMap::new(), Origin::default()).unwrap();
    let shared = Pool::new(1).share(&packet).unwrap();
    let mut buf = [0; 1500];
    for to in [0, 1, u32::MAX].map(Outgoing) {
        let before = peer.poll_timeout();
        let written = peer.write_rtp(START, to, &packet, &REWRITE, &mut buf);
        assert_eq!(written, Err(WriteError::NotNegotiated));
        let queued = peer.queue_rtp(START, to, &shared, &REWRITE);
        assert_eq!(queued, Err(WriteError::NotNegotiated));
        assert_eq!(
            peer.resend(START, to, &shared, &REWRITE),
            Err(WriteError::NotNegotiated)
        );
        assert_eq!(peer.poll_timeout(), before);
    }
    assert_eq!(buf, [0; 1500]);
}

#[test]
fn nothing_is_sent_where_nothing_is_negotiated() {
    is_refused(&mut PeerConnection::new(seeded(1)));
    let mut pair = Pair::new();
    pair.open(Who::Alice, "chat");
    is_refused(&mut pair.alice.peer);
    let sent = pair.alice.sent;
    pair.run_for(Duration::from_millis(1));
    assert_eq!(pair.alice.sent, sent);
}

#[test]
fn media_that_comes_all_the_same_is_dropped_and_counted() {
    let mut pair = Pair::new();
    let (chat, _) = pair.open(Who::Alice, "chat");
    let (now, from, to) = (pair.now, pair.alice.address, pair.bob.address);
    for first in [0x80, 0xbf] {
        let mut bytes = PACKET;
        bytes[0] = first;
        let datagram = Datagram::udp(from, &mut bytes).received_on(to);
        assert_eq!(pair.bob.peer.handle_datagram(now, datagram), Received::Nothing);
    }
    assert_eq!(pair.bob.peer.stats().dropped_media, 2);
    pair.say(Who::Alice, chat, "as if nothing had come");
}

/// What both sides say in the section of this index.
fn direction(sdp: &str, index: usize) -> &str {
    let section = sdp.split("\r\nm=").nth(index + 1).expect("such a section");
    let is_direction = |line: &&str| ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"].contains(line);
    section.lines().find(is_direction).expect("a direction")
}

fn with_media(config: Config) -> Config {
    config
        .with_audio(RtpCapabilities::of(MediaKind::Audio))
        .with_video(RtpCapabilities::of(MediaKind::Video))
}

/// W3C WebRTC §4.4.1.5: what an offer brings is received, unless the application wants more.
#[test]
fn an_offer_makes_transceivers_that_do_what_the_application_says() {
    for (configured, said, answered) in [
        (Direction::RecvOnly, None, "a=recvonly"),
        (Direction::RecvOnly, Some(Direction::SendRecv), "a=sendrecv"),
        (Direction::RecvOnly, Some(Direction::Inactive), "a=inactive"),
        (Direction::SendRecv, None, "a=sendrecv"),
        (Direction::Inactive, None, "a=inactive"),
    ] {
        let offered = |config| with_media(config).with_offered_direction(configured);
        let mut pair = Pair::with(with_media, offered);
        let camera = pair.alice.peer.add_track(MediaKind::Video, vec!["stream".into()]);
        let offer = pair.alice.peer.offer(START).unwrap();
        let bob = &mut pair.bob.peer;
        bob.set_remote_description(START, &SessionDescription::offer(offer))
            .unwrap();
        let made = std::iter::from_fn(|| bob.poll_event()).find_map(|event| match event {
            Event::TransceiverAdded(id) => Some(id),
            _ => None,
        });
        let made = made.expect("a transceiver for the camera");
        assert_eq!(bob.transceiver(made).unwrap().kind(), MediaKind::Video);
        if let Some(direction) = said {
            bob.set_direction(made, direction).unwrap();
        }
        let answer = bob.create_answer().unwrap();
        bob.set_local_description(START, &answer).unwrap();
        assert_eq!(direction(&answer.sdp, 0), answered);
        pair.alice.peer.accept_answer(START, &answer.sdp).unwrap();
        let sends = pair.bob.peer.transceiver(made).unwrap().current_direction();
        assert_eq!(sends.is_some_and(Direction::sends), answered == "a=sendrecv");
        assert_eq!(pair.alice.peer.outgoing_of(camera).count(), 1);
    }
}

/// RFC 5576: descriptions name the sources, the same ones each time, under one name.
#[test]
fn each_description_names_the_same_sources() {
    let mut pair = Pair::with(with_media, with_media);
    pair.alice.peer.add_track(MediaKind::Audio, vec!["stream".into()]);
    pair.alice.peer.add_track(MediaKind::Video, vec!["stream".into()]);
    let sources = |sdp: &str| -> Vec<String> {
        let lines = sdp.lines().filter(|line| line.starts_with("a=ssrc"));
        lines.map(str::to_owned).collect()
    };
    let (first, _) = pair.exchange(Who::Alice);
    let named = sources(&first);
    // Of audio one, of video one with its retransmissions.
    assert_eq!(
        named.iter().filter(|line| line.contains("cname:")).count(),
        3,
        "{named:?}"
    );
    assert_eq!(
        named.iter().filter(|line| line.starts_with("a=ssrc-group:FID")).count(),
        1
    );
    let (second, _) = pair.exchange(Who::Alice);
    assert_eq!(sources(&second), named);
    let other = {
        let mut other = Pair::with(
            |config| with_media(config).with_entropy(Entropy::Seed([9; 32])),
            with_media,
        );
        other.alice.peer.add_track(MediaKind::Audio, Vec::new());
        other.exchange(Who::Alice).0
    };
    let cname = |lines: &[String]| lines[0].split("cname:").nth(1).unwrap().to_owned();
    assert_ne!(
        cname(&sources(&other)),
        cname(&named),
        "RFC 7022: another connection, another name"
    );
}

/// The receiver's own time of a frame: 30 each second, of two packets.
const FRAME: Duration = Duration::from_millis(33);

/// A call in which Alice sends video, and Bob too if `both`.
fn call(both: bool) -> (Pair, Outgoing) {
    let direction = if both { Direction::SendRecv } else { Direction::RecvOnly };
    let offered = move |config| with_media(config).with_offered_direction(direction);
    let mut pair = Pair::with(with_media, offered);
    let camera = pair.alice.peer.add_track(MediaKind::Video, vec!["stream".into()]);
    pair.exchange(Who::Alice);
    pair.run_until(Duration::from_secs(5), Pair::connected);
    let to = pair.alice.peer.outgoing_of(camera).next().expect("a sender");
    (pair, to)
}

/// A packet as it comes from a camera: its number says what is in it.
fn camera_packet(number: u64) -> Vec<u8> {
    let mut bytes = vec![0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes.resize(1000, number as u8);
    bytes
}

fn rewrite(number: u64) -> Rewrite<'static> {
    Rewrite {
        sequence: number,
        timestamp: 3_000 * (number / 2) as u32,
        marker: number % 2 == 1,
        format: Format(0),
        patch: Patch::None,
        descriptor: None,
        frame_number: None,
    }
}

/// Alice writes a packet, which travels to Bob.
fn send(pair: &mut Pair, to: Outgoing, number: u64) -> Vec<u8> {
    let bytes = camera_packet(number);
    let packet = RtpPacket::parse(&bytes, &ExtensionMap::new(), Origin::default()).unwrap();
    let mut buf = [0; 1500];
    let (now, peer) = (pair.now, &mut pair.alice.peer);
    let transmit = peer
        .write_rtp(now, to, &packet, &rewrite(number), &mut buf)
        .expect("it is written");
    assert_eq!(transmit.flow.remote(), pair.bob.address);
    pair.carry(Who::Alice, &buf[..transmit.len]);
    buf[..transmit.len].to_vec()
}

/// Which packets came, by what is in them.
fn numbers(arrived: &[Arrived]) -> Vec<u64> {
    let number = |arrived: &Arrived| u64::from_be_bytes(arrived.packet.view().payload()[..8].try_into().unwrap());
    arrived.iter().map(number).collect()
}

#[test]
fn what_a_camera_sends_comes_out_as_it_was() {
    let (mut pair, to) = call(false);
    for number in 100..400 {
        send(&mut pair, to, number);
        pair.run_for(FRAME / 2);
    }
    pair.run_for(Duration::from_secs(1));
    assert_eq!(numbers(&pair.bob.media), (100..400).collect::<Vec<_>>());
    let first = pair.bob.media[0].clone();
    for (arrived, number) in pair.bob.media.iter().zip(100..) {
        let view = arrived.packet.view();
        assert_eq!(arrived.stream, first.stream);
        assert_eq!(view.payload(), &camera_packet(number)[12..]);
        assert_eq!(view.origin.source.index, number);
        assert_eq!(
            (view.timestamp(), view.marker()),
            (rewrite(number).timestamp, rewrite(number).marker)
        );
        assert_eq!(view.origin.format, Format(0));
    }
    let started: Vec<_> = pair
        .bob
        .events
        .iter()
        .filter(|event| matches!(event, Event::StreamStarted { .. }))
        .collect();
    assert_eq!(started.len(), 1);
    let codec = pair.bob.peer.formats_of(first.stream).next().unwrap();
    assert!(codec.is("VP8"), "{codec:?}");
    // Reports came, both ways.
    let clocks = pair
        .bob
        .events
        .iter()
        .filter(|event| matches!(event, Event::Clock { .. }));
    assert!(clocks.count() >= 3);
}

/// Once warm, packets are written and received, and feedback on them is made and taken, without asking the allocator. Reports,
/// one of each side in this time, make a few lists.
#[test]
fn packets_are_written_and_received_without_allocations() {
    let (mut pair, to) = call(false);
    for number in 0..100 {
        send(&mut pair, to, number);
        pair.run_for(Duration::from_millis(20));
    }
    let bytes = camera_packet(7);
    let packet = RtpPacket::parse(&bytes, &ExtensionMap::new(), Origin::default()).unwrap();
    let mut buf = [0; 1500];
    let (from, here) = (pair.alice.address, pair.bob.address);
    let mut now = pair.now;
    let (mut received, mut feedback) = (0, 0);
    let counted = allocation_counter::measure(|| {
        for number in 100..300 {
            let written = pair.alice.peer.write_rtp(now, to, &packet, &rewrite(number), &mut buf);
            let datagram = Datagram::udp(from, &mut buf[..written.unwrap().len]).received_on(here);
            received += usize::from(matches!(
                pair.bob.peer.handle_datagram(now, datagram),
                Received::Rtp { .. }
            ));
            while let Some(transmit) = pair.bob.peer.poll_transmit(now, &mut buf) {
                let datagram = Datagram::udp(here, &mut buf[..transmit.len]).received_on(from);
                pair.alice.peer.handle_datagram(now, datagram);
                feedback += 1;
            }
            while pair.alice.peer.poll_transmit(now, &mut buf).is_some() {}
            now += Duration::from_millis(1);
        }
    });
    assert_eq!(received, 200);
    assert!(feedback > 2);
    assert!(counted.count_total <= 8, "{counted:?}");
}

/// RFC 4585 §6.2.1, RFC 4588: what is lost is asked for, and comes by another stream.
#[test]
fn what_is_lost_is_asked_for_and_comes_once() {
    let (mut pair, to) = call(false);
    let mut kept: Vec<SharedPacket> = Vec::new();
    let mut pool = Pool::new(1000);
    let mut is_media = 0;
    // Each seventh packet of those that leave here.
    pair.lose = Box::new(move |_, bytes| {
        is_media += u64::from(bytes.len() > 900);
        bytes.len() > 900 && is_media % 7 == 3
    });
    for number in 0..300 {
        let bytes = camera_packet(number);
        let origin = Origin {
            arrived: pair.now,
            ..Origin::default()
        };
        let packet = RtpPacket::parse(&bytes, &ExtensionMap::new(), origin).unwrap();
        kept.push(pool.share(&packet).unwrap());
        send(&mut pair, to, number);
        pair.run_for(FRAME / 2);
        answer_requests(&mut pair, to, &kept);
    }
    for _ in 0..100 {
        pair.run_for(FRAME);
        answer_requests(&mut pair, to, &kept);
    }
    let mut came = numbers(&pair.bob.media);
    assert_ne!(came, (0..300).collect::<Vec<_>>(), "some came late");
    came.sort_unstable();
    assert_eq!(came, (0..300).collect::<Vec<_>>());
    let repaired = pair
        .bob
        .media
        .iter()
        .filter(|arrived| arrived.packet.view().origin.via == Via::Rtx);
    assert!(repaired.count() >= 300 / 7);
    let stream = pair.bob.media[0].stream;
    assert!(pair.bob.media.iter().all(|arrived| arrived.stream == stream));
}

/// A player's packets never arrived anywhere: they are sent again however long the connection has lasted.
#[test]
fn packets_that_were_made_here_are_sent_again_too() {
    let (mut pair, to) = call(false);
    pair.run_for(Duration::from_secs(10));
    let mut pool = Pool::new(30);
    let made = |number| {
        let bytes = camera_packet(number);
        let packet = RtpPacket::parse(&bytes, &ExtensionMap::new(), Origin::default()).unwrap();
        pool.share(&packet).unwrap()
    };
    let kept: Vec<SharedPacket> = (0..30).map(made).collect();
    let mut is_media = 0;
    pair.lose = Box::new(move |_, bytes| {
        is_media += u64::from(bytes.len() > 900);
        bytes.len() > 900 && is_media == 5
    });
    for number in 0..30 {
        send(&mut pair, to, number);
        pair.run_for(FRAME / 2);
        answer_requests(&mut pair, to, &kept);
    }
    pair.run_for(Duration::from_secs(1));
    let mut came = numbers(&pair.bob.media);
    came.sort_unstable();
    assert_eq!(came, (0..30).collect::<Vec<_>>());
}

/// RFC 3711 §9.1: a peer without a stream for retransmissions gets the same packet once more, the same to the last byte,
/// though its header told of the moment when it left.
#[test]
fn a_peer_without_retransmissions_gets_the_same_packet_again() {
    let plain = |config: Config| {
        let mut video = RtpCapabilities::of(MediaKind::Video);
        video.codecs.retain(|codec| !codec.is("rtx"));
        config.with_video(video)
    };
    let mut pair = Pair::with(with_media, plain);
    let camera = pair.alice.peer.add_track(MediaKind::Video, Vec::new());
    let (_, answer) = pair.exchange(Who::Alice);
    assert!(
        answer.contains("a=extmap:") && answer.contains("transport-wide-cc"),
        "{answer}"
    );
    pair.run_until(Duration::from_secs(5), Pair::connected);
    let to = pair.alice.peer.outgoing_of(camera).next().unwrap();
    let mut pool = Pool::new(200);
    let mut made = |number| {
        let bytes = camera_packet(number);
        let packet = RtpPacket::parse(&bytes, &ExtensionMap::new(), Origin::default()).unwrap();
        pool.share(&packet).unwrap()
    };
    let kept: Vec<SharedPacket> = (0..200).map(&mut made).collect();
    let mut is_media = 0;
    pair.lose = Box::new(move |_, bytes| {
        is_media += u64::from(bytes.len() > 900);
        bytes.len() > 900 && is_media % 7 == 3
    });
    for number in 0..200 {
        send(&mut pair, to, number);
        pair.run_for(FRAME / 2);
        answer_requests(&mut pair, to, &kept);
    }
    for _ in 0..30 {
        pair.run_for(FRAME);
        answer_requests(&mut pair, to, &kept);
    }
    let mut came = numbers(&pair.bob.media);
    came.sort_unstable();
    assert_eq!(came, (0..200).collect::<Vec<_>>());
    assert!(
        pair.bob
            .media
            .iter()
            .all(|arrived| arrived.packet.view().origin.via == Via::Media)
    );
}

/// RFC 9143 §6: with one transport for all, one section of an offer describes it, and the others ride along.
#[test]
fn an_offer_can_have_one_transport_for_all() {
    let bundled = |config: Config| with_media(config).with_bundle_policy(BundlePolicy::MaxBundle);
    let mut pair = Pair::with(bundled, with_media);
    pair.alice.peer.add_track(MediaKind::Audio, Vec::new());
    pair.alice.peer.add_track(MediaKind::Video, Vec::new());
    pair.alice.peer.create_data_channel("chat").unwrap();
    let (offer, _) = pair.exchange(Who::Alice);
    let mut ufrags: Vec<_> = offer.lines().filter(|line| line.starts_with("a=ice-ufrag:")).collect();
    ufrags.dedup();
    assert_eq!(ufrags.len(), 1, "{offer}");
    assert_eq!(offer.matches("a=bundle-only").count(), 2, "{offer}");
    pair.run_until(Duration::from_secs(5), Pair::connected);
}

fn answer_requests(pair: &mut Pair, to: Outgoing, kept: &[SharedPacket]) {
    for event in std::mem::take(&mut pair.alice.events) {
        let Event::ResendWanted { stream, missing } = event else {
            continue;
        };
        assert_eq!(stream, to);
        for sequence in missing.sequence_numbers() {
            let number = u64::from(sequence);
            let packet = &kept[sequence as usize];
            pair.alice.peer.resend(pair.now, to, packet, &rewrite(number)).unwrap();
        }
    }
}

/// RFC 4585 §6.3.1: however many ask, once.
#[test]
fn a_key_frame_is_asked_for_once() {
    let (mut pair, to) = call(false);
    send(&mut pair, to, 0);
    pair.run_for(Duration::from_millis(200));
    pair.alice.events.clear();
    let stream = pair.bob.media[0].stream;
    for _ in 0..100 {
        pair.bob.peer.request_keyframe(pair.now, stream);
    }
    pair.run_for(Duration::from_millis(200));
    let wanted = |event: &&Event| matches!(event, Event::KeyframeWanted { stream } if *stream == to);
    assert_eq!(pair.alice.events.iter().filter(wanted).count(), 1);
}

/// Nobody but the peer can have made it, and nothing comes twice (RFC 3711 §3.3).
#[test]
fn forged_and_repeated_packets_come_to_nothing() {
    let (mut pair, to) = call(false);
    let sealed = send(&mut pair, to, 7);
    pair.run_for(Duration::from_millis(200));
    assert_eq!(pair.bob.media.len(), 1);
    for at in 0..sealed.len() {
        let mut forged = sealed.clone();
        forged[at] ^= 1;
        pair.carry(Who::Alice, &forged);
    }
    for ssrc in 0..1000u32 {
        let mut stranger = sealed.clone();
        stranger[8..12].copy_from_slice(&ssrc.to_be_bytes());
        pair.carry(Who::Alice, &stranger);
    }
    pair.carry(Who::Alice, &sealed);
    pair.run_for(Duration::from_millis(200));
    assert_eq!(pair.bob.media.len(), 1);
    send(&mut pair, to, 8);
    pair.run_for(Duration::from_millis(200));
    assert_eq!(numbers(&pair.bob.media), [7, 8]);
    let started = pair
        .bob
        .events
        .iter()
        .filter(|event| matches!(event, Event::StreamStarted { .. }));
    assert_eq!(started.count(), 1);
}

/// RFC 3711 §9.1: nothing is ever sealed twice.
#[test]
fn a_number_that_was_used_is_refused_and_nothing_changes() {
    let (mut pair, to) = call(false);
    let other = camera_packet(99);
    let other = RtpPacket::parse(&other, &ExtensionMap::new(), Origin::default()).unwrap();
    let mut buf = [0; 1500];
    let (now, peer) = (pair.now, &mut pair.alice.peer);
    let high = peer.write_rtp(now, to, &other, &rewrite(40_000), &mut buf);
    assert_eq!(
        high,
        Err(WriteError::Sequence { sequence: 40_000 }),
        "a stream begins below 2^15"
    );
    send(&mut pair, to, 5);
    let (now, peer) = (pair.now, &mut pair.alice.peer);
    let again = peer.write_rtp(now, to, &other, &rewrite(5), &mut buf);
    assert_eq!(again, Err(WriteError::Sequence { sequence: 5 }));
    let unknown = Rewrite {
        format: Format(200),
        ..rewrite(6)
    };
    assert_eq!(
        peer.write_rtp(now, to, &other, &unknown, &mut buf),
        Err(WriteError::UnknownFormat)
    );
    let short = peer.write_rtp(now, to, &other, &rewrite(6), &mut buf[..500]);
    assert!(matches!(short, Err(WriteError::TooLong { needed }) if needed > 1000));
    send(&mut pair, to, 6);
    pair.run_for(Duration::from_millis(200));
    assert_eq!(numbers(&pair.bob.media), [5, 6]);
}

/// What Bob receives goes back to Alice by the same section, as an echo does it.
#[test]
fn a_packet_goes_back_in_the_stream_that_it_came_by() {
    let (mut pair, to) = call(true);
    for number in 0..50 {
        send(&mut pair, to, number);
        pair.run_for(FRAME);
    }
    pair.run_for(Duration::from_secs(1));
    let bob = &mut pair.bob.peer;
    let section = bob.transceivers()[0].id();
    let back = bob.outgoing_of(section).next().unwrap();
    let arrived = pair.bob.media.clone();
    let formats: Vec<_> = bob.formats_of(arrived[0].stream).cloned().collect();
    let map = bob.format_map(&formats, back);
    for each in &arrived {
        let packet = each.packet.view();
        let (format, _) = map.get(packet.origin.format).expect("the same codec");
        let rewrite = Rewrite {
            sequence: packet.origin.source.index,
            timestamp: packet.timestamp(),
            marker: packet.marker(),
            format,
            ..rewrite(0)
        };
        pair.bob.peer.queue_rtp(pair.now, back, &each.packet, &rewrite).unwrap();
    }
    pair.run_for(Duration::from_secs(1));
    assert_eq!(numbers(&pair.alice.media), (0..50).collect::<Vec<_>>());
}

/// An offer that stops a section ends its streams; the peer's goodbye does so too.
#[test]
fn a_section_that_stops_ends_its_streams() {
    let (mut pair, to) = call(false);
    send(&mut pair, to, 0);
    pair.run_for(Duration::from_millis(200));
    let camera = pair.alice.peer.transceivers()[0].id();
    pair.alice.peer.stop_transceiver(camera).unwrap();
    let packet = camera_packet(1);
    let packet = RtpPacket::parse(&packet, &ExtensionMap::new(), Origin::default()).unwrap();
    let stopped = pair
        .alice
        .peer
        .write_rtp(pair.now, to, &packet, &rewrite(1), &mut [0; 1500]);
    assert_eq!(stopped, Err(WriteError::NotNegotiated));
    pair.exchange(Who::Alice);
    pair.run_for(Duration::from_millis(200));
    let ended = |event: &&Event| matches!(event, Event::StreamEnded { stream } if *stream == pair.bob.media[0].stream);
    assert_eq!(pair.bob.events.iter().filter(ended).count(), 1);
    let removed = |event: &&Event| matches!(event, Event::TransceiverRemoved(_));
    assert_eq!(pair.bob.events.iter().filter(removed).count(), 1);
}

/// RFC 3711 §3.3.1, RFC 5764: whoever takes the peer's place knows the new keys, and nothing of how often numbers have
/// wrapped before.
#[test]
fn a_stream_goes_on_under_the_keys_of_another_association() {
    let (mut pair, to) = call(false);
    let mut number = 32_000;
    while number < 65_536 + 50_000 {
        send(&mut pair, to, number);
        pair.run_for(Duration::from_millis(5));
        // Longer steps than a receiver may guess about are none.
        number += 9_000;
    }
    pair.run_for(Duration::from_millis(200));
    assert!(pair.bob.media.len() > 8);
    // Somebody else, with another certificate, answers in Bob's place.
    let mut other = PeerConnection::new(with_media(seeded(7)));
    other.add_local_address(pair.now, pair.bob.address).unwrap();
    pair.bob.peer = other;
    pair.bob.media.clear();
    pair.alice.peer.restart_ice();
    pair.exchange(Who::Alice);
    pair.run_for(Duration::from_secs(2));
    assert!(pair.connected());
    let again: Vec<u64> = (number..number + 40).collect();
    for number in &again {
        send(&mut pair, to, *number);
        pair.run_for(Duration::from_millis(5));
    }
    pair.run_for(Duration::from_secs(1));
    assert_eq!(numbers(&pair.bob.media), again);
}

/// Whoever has a browser's habits: it tells arrivals of each packet, and its sound lies beside its picture.
#[test]
fn what_is_lost_is_asked_for_beside_sound_and_feedback() {
    let offered = |config| with_media(config).with_offered_direction(Direction::SendRecv);
    let mut pair = Pair::with(with_media, offered);
    let microphone = pair.alice.peer.add_track(MediaKind::Audio, vec!["stream".into()]);
    let camera = pair.alice.peer.add_track(MediaKind::Video, vec!["stream".into()]);
    pair.exchange(Who::Alice);
    pair.run_until(Duration::from_secs(5), Pair::connected);
    let [sound, picture] = [microphone, camera].map(|id| pair.alice.peer.outgoing_of(id).next().unwrap());
    let mut large = 0;
    pair.lose = Box::new(move |_, bytes| {
        large += u64::from(bytes.len() > 900);
        bytes.len() > 900 && large % 10 == 4
    });
    for number in 0..200 {
        send(&mut pair, sound, number);
        pair.run_for(Duration::from_millis(5));
        send(&mut pair, picture, number);
        pair.run_for(Duration::from_millis(5));
    }
    pair.run_for(Duration::from_millis(500));
    let wanted = |event: &&Event| matches!(event, Event::ResendWanted { stream, .. } if *stream == picture);
    assert!(pair.alice.events.iter().filter(wanted).count() >= 10);
}

/// What is wrapped in redundant data could not be taken out, nor passed on.
#[test]
fn redundant_data_is_not_agreed_on() {
    let mut peer = PeerConnection::new(with_media(seeded(1)));
    peer.add_track(MediaKind::Audio, Vec::new());
    peer.add_track(MediaKind::Video, Vec::new());
    let offer = peer.offer(START).unwrap();
    for codec in ["VP8/", "opus/", "rtx/"] {
        assert!(offer.contains(codec), "{offer}");
    }
    for codec in ["red/", "ulpfec/", "flexfec"] {
        assert!(!offer.contains(codec), "{offer}");
    }
}

/// RFC 3711 §9.1, §3.3.2: as long as the keys are the same, so is what is known of them, also if there was no media meanwhile.
#[test]
fn keys_outlive_the_media_that_they_were_made_for() {
    let (mut pair, to) = call(false);
    pair.open(Who::Alice, "what keeps the transport");
    let sealed = send(&mut pair, to, 7);
    pair.run_for(Duration::from_millis(200));
    let counted = |pair: &Pair| pair.bob.peer.stats().transports[0].media.map(|media| media.inbound);
    assert_eq!(counted(&pair).unwrap().rtp, 1);
    let camera = pair.alice.peer.transceivers()[0].id();
    pair.alice.peer.stop_transceiver(camera).unwrap();
    pair.exchange(Who::Alice);
    pair.run_for(Duration::from_millis(200));
    pair.alice.peer.add_track(MediaKind::Video, vec!["stream".into()]);
    pair.exchange(Who::Alice);
    pair.run_for(Duration::from_millis(200));
    pair.carry(Who::Alice, &sealed);
    pair.run_for(Duration::from_millis(200));
    let after = counted(&pair).unwrap();
    assert_eq!((after.rtp, after.dropped_replayed), (1, 1));
}
