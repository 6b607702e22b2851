//! Media has its verbs, and nothing to say as long as none is negotiated.

use std::time::Duration;

use crate::script::seeded;
use crate::support::{Pair, START, Who};
use pollrtc::{
    Config, Datagram, Direction, Entropy, Event, MediaKind, Outgoing, PeerConnection, Received, Rewrite,
    RtpCapabilities, RtpPacket, SessionDescription, StateMachine, WriteError,
};
use pollrtc_rtp::{ExtensionMap, Format, Origin, Patch, Pool};

const PACKET: [u8; 16] = [0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 4, 5, 6, 7];

const REWRITE: Rewrite<'static> = Rewrite {
    sequence: 1,
    timestamp: 2,
    marker: false,
    format: Format(0),
    patch: Patch::None,
    descriptor: None,
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
