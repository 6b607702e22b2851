//! RFC 8832: the messages byte for byte, and peers that break its rules.

mod support;

use bytes::Bytes;
use pollrtc_core::InnerProtocol;
use pollrtc_sctp::channel::{
    ChannelCloseReason, ChannelConfig, ChannelEvent, ChannelId, ChannelInit, ChannelState, DataChannels, Message,
    MessageKind, Parity,
};
use pollrtc_sctp::wire::dcep::{self, ChannelReliability, Open, ParseError};
use pollrtc_sctp::wire::{Data, Packet, kind};
use pollrtc_sctp::{Association, Event, Reliability};
use quickcheck::quickcheck;
use support::*;

#[test]
fn the_six_channel_types_on_the_wire() {
    for (kind, ordered, reliability) in [
        (0x00, true, ChannelReliability::Reliable),
        (0x80, false, ChannelReliability::Reliable),
        (0x01, true, ChannelReliability::MaxRetransmits(0x0102)),
        (0x81, false, ChannelReliability::MaxRetransmits(0x0102)),
        (0x02, true, ChannelReliability::MaxLifetime(0x0102)),
        (0x82, false, ChannelReliability::MaxLifetime(0x0102)),
    ] {
        let open = Open {
            ordered,
            reliability,
            priority: 256,
            label: b"ab",
            protocol: b"c",
        };
        let parameter = if kind & 3 == 0 { [0, 0] } else { [1, 2] };
        let expected = [&[3, kind, 1, 0, 0, 0][..], &parameter, &[0, 2, 0, 1], b"abc"].concat();
        assert_eq!(open.bytes().collect::<Vec<_>>(), expected);
        assert_eq!(open.encoded_len(), expected.len());
        let nothing = &[][..];
        assert_eq!(
            dcep::Message::parse(&expected),
            Ok((dcep::Message::Open(open), nothing))
        );
        let longer = [&expected, &b"more"[..]].concat();
        assert_eq!(
            dcep::Message::parse(&longer),
            Ok((dcep::Message::Open(open), &b"more"[..]))
        );
    }
    let ack = dcep::Message::Ack;
    assert_eq!(dcep::Message::parse(dcep::ACK_MESSAGE), Ok((ack, &[][..])));
    assert_eq!(dcep::Message::parse(&[2, 0, 0, 0]), Ok((ack, &[0; 3][..])));
}

#[test]
fn what_is_no_message_says_why() {
    let parse = |bytes: &[u8]| dcep::Message::parse(bytes).unwrap_err();
    assert_eq!(parse(&[]), ParseError::TooShort);
    assert_eq!(parse(&[1]), ParseError::MessageType(1));
    assert_eq!(parse(&[3, 0, 0, 0]), ParseError::TooShort);
    assert_eq!(parse(&[3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), ParseError::ChannelType(3));
    assert_eq!(parse(&[3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]), ParseError::TooShort);
}

quickcheck! {
    fn every_open_survives_the_wire(ordered: bool, type_and_parameter: (u8, u32), priority: u16, label: Vec<u8>, protocol: Vec<u8>) -> bool {
        let (kind, parameter) = type_and_parameter;
        let reliability = match kind % 3 {
            0 => ChannelReliability::Reliable,
            1 => ChannelReliability::MaxRetransmits(parameter),
            _ => ChannelReliability::MaxLifetime(parameter),
        };
        let open = Open { ordered, reliability, priority, label: &label, protocol: &protocol };
        let bytes: Vec<u8> = open.bytes().collect();
        dcep::Message::parse(&bytes) == Ok((dcep::Message::Open(open), &[][..]))
    }
}

#[test]
fn an_open_is_answered_with_an_ack() {
    let mut raw = RawPeer::new();
    raw.open(1);
    assert!(matches!(
        raw.events()[..],
        [ChannelEvent::Opened { incoming: true, .. }]
    ));
    let ack = Event::Message {
        stream: 1,
        ppid: 50,
        data: Bytes::from_static(&[2]),
    };
    assert!(std::iter::from_fn(|| raw.peer.poll_event()).any(|event| event == ack));
}

#[test]
fn an_open_that_can_not_be_read_costs_its_stream_and_not_the_association() {
    let cut_short: &[u8] = &[3, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, b'x'];
    let unknown_channel_type: &[u8] = &[3, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for bytes in [&[3], cut_short, unknown_channel_type] {
        let mut raw = RawPeer::new();
        raw.say(1, 50, bytes);
        assert_eq!(raw.resets(), [1], "{bytes:?}");
        assert_eq!(raw.events(), []);
        assert_eq!(raw.channels.stats().refused_establishment, 1);
    }
}

/// Channels on stream 0 that we opened and for which we wait for an ACK.
fn opened_by_us() -> (RawPeer, ChannelId) {
    let mut raw = RawPeer::new();
    let channel = raw.channels.open("ours").unwrap();
    raw.exchange();
    assert_eq!(raw.channels.stream_id(channel), Some(0));
    raw.events();
    (raw, channel)
}

#[test]
fn an_ack_of_four_bytes_is_an_ack() {
    let (mut raw, channel) = opened_by_us();
    // Pion sends it like this.
    raw.say(0, 50, &[2, 0, 0, 0]);
    assert_eq!(raw.resets(), []);
    assert_eq!(raw.events(), []);
    assert_eq!(raw.channels.state(channel), ChannelState::Open);
    let stats = raw.channels.stats();
    assert_eq!((stats.trailing_establishment, stats.refused_establishment), (1, 0));
}

#[test]
fn an_open_with_more_behind_it_opens() {
    let mut raw = RawPeer::new();
    raw.say(1, 50, &[3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, b'x', 0, 0, 0]);
    let [ChannelEvent::Opened { channel, .. }] = raw.events()[..] else {
        panic!("open");
    };
    assert_eq!(raw.channels.info(channel).unwrap().label, "x");
    assert_eq!(raw.resets(), []);
    assert_eq!(raw.channels.stats().trailing_establishment, 1);
}

#[test]
fn establishment_that_says_too_much_is_dropped_and_costs_nothing() {
    let second_open: &[u8] = &[3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, b'y'];
    let no_open: &[u8] = &[3, 0, 0];
    // On a stream without a channel.
    for bytes in [&[0][..], &[1, 2, 3], &[2], &[2, 0, 0, 0], &[255; 40]] {
        let mut raw = RawPeer::new();
        raw.say(1, 50, bytes);
        assert_eq!((raw.resets(), raw.events()), (vec![], vec![]), "{bytes:?}");
        assert_eq!(raw.channels.stats().dropped_establishment, 1, "{bytes:?}");
        raw.open(1);
        assert!(matches!(raw.events()[..], [ChannelEvent::Opened { .. }]), "{bytes:?}");
    }
    // On the peer's channel, on ours once it is acknowledged, and on a negotiated one.
    for bytes in [&[0][..], &[2], &[2, 0, 0, 0], &[9; 9], second_open, no_open] {
        let (mut raw, ours) = opened_by_us();
        raw.say(0, 50, &[2]);
        let negotiated = ChannelInit::new("negotiated").with_negotiated_id(5);
        let negotiated = raw.channels.open(negotiated).unwrap();
        raw.open(1);
        raw.events();
        for stream in [0, 1, 5] {
            raw.say(stream, 50, bytes);
        }
        assert_eq!((raw.resets(), raw.events()), (vec![], vec![]), "{bytes:?}");
        assert_eq!(raw.channels.channels().count(), 3, "{bytes:?}");
        assert_eq!(raw.channels.stats().dropped_establishment, 3, "{bytes:?}");
        assert_eq!(raw.channels.stats().refused_establishment, 0, "{bytes:?}");
        for channel in [ours, negotiated] {
            raw.channels.send(channel, "still here").unwrap();
        }
    }
}

#[test]
fn a_number_that_was_ours_to_choose_is_taken_from_the_peer_and_not_given_again() {
    // aiortc's numbers follow the role of ICE.
    let mut raw = RawPeer::new();
    raw.open(0);
    assert!(matches!(
        raw.events()[..],
        [ChannelEvent::Opened { incoming: true, .. }]
    ));
    assert_eq!(raw.resets(), []);
    let ours = raw.channels.open("ours").unwrap();
    assert_eq!(raw.channels.stream_id(ours), Some(2));
}

#[test]
fn two_channels_with_one_number_are_both_closed() {
    let (mut raw, channel) = opened_by_us();
    raw.open(0);
    assert_eq!(raw.resets(), [0]);
    assert_eq!(raw.channels.stats().refused_establishment, 1);
    raw.peer.reset_streams(&[0]).unwrap();
    raw.exchange();
    let closed = ChannelEvent::Closed {
        channel,
        reason: ChannelCloseReason::ProtocolViolation,
    };
    assert!(raw.events().contains(&closed));
}

#[test]
fn messages_without_a_channel_or_of_no_known_kind_are_dropped() {
    let mut raw = RawPeer::new();
    raw.say(3, 51, b"nobody listens");
    raw.open(1);
    raw.say(1, 99, b"what is this?");
    raw.say(1, 51, b"hello");
    let stats = raw.channels.stats();
    assert_eq!((stats.dropped_no_channel, stats.dropped_kind), (1, 1));
    let texts = raw
        .events()
        .into_iter()
        .filter(|event| matches!(event, ChannelEvent::Message { .. }));
    assert_eq!(texts.count(), 1);
}

#[test]
fn messages_in_parts_are_joined() {
    let mut raw = RawPeer::new();
    raw.open(1);
    raw.say(1, 54, b"old ");
    raw.say(1, 54, b"Firefox ");
    raw.say(1, 51, b"speaks");
    raw.say(1, 52, &[1]);
    raw.say(1, 53, &[2]);
    let messages: Vec<Message> = raw
        .events()
        .into_iter()
        .filter_map(|event| match event {
            ChannelEvent::Message { data, .. } => Some(data),
            _ => None,
        })
        .collect();
    assert_eq!(messages, ["old Firefox speaks".into(), Message::from(vec![1, 2])]);
    assert_eq!(messages[0].kind(), MessageKind::Text);
}

#[test]
fn too_many_channels_and_labels_are_refused() {
    let mut raw = RawPeer::new();
    let config = ChannelConfig::new().with_max_channels(2).with_max_label_bytes(100);
    raw.channels = DataChannels::new(config, rng(3));
    raw.channels.set_role(Parity::Even);
    raw.channels.connect();
    raw.peer = Association::new(support::config(), rng(4));
    raw.exchange();
    let label = [&[3, 0, 0, 0, 0, 0, 0, 0, 0, 101, 0, 0][..], &[b'l'; 101]].concat();
    raw.say(1, 50, &label);
    assert_eq!(raw.resets(), [1]);
    raw.open(3);
    raw.open(5);
    raw.open(7);
    assert_eq!(raw.resets(), [7]);
    assert_eq!(raw.channels.channels().count(), 2);
    let opened = raw
        .events()
        .iter()
        .filter(|event| matches!(event, ChannelEvent::Opened { .. }))
        .count();
    assert_eq!(opened, 2);
}

#[test]
fn labels_that_are_not_utf_8_are_taken() {
    let mut raw = RawPeer::new();
    raw.say(1, 50, &[3, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0xFF, b'x']);
    let [ChannelEvent::Opened { channel, .. }] = raw.events()[..] else {
        panic!("open");
    };
    assert_eq!(raw.channels.info(channel).unwrap().label, "\u{FFFD}x");
}

#[test]
fn until_the_ack_comes_messages_of_unordered_channels_stay_behind_the_open() {
    let mut pair = Channels::connected_channels();
    let init = ChannelInit::new("u")
        .unordered()
        .with_reliability(Reliability::MaxRetransmits(0));
    let channel = pair.a.machine.open(init).unwrap();
    pair.a.wire.clear();
    pair.a.machine.send(channel, "early").unwrap();
    pair.run_for(ms(500));
    pair.a.machine.send(channel, "late").unwrap();
    pair.run_for(ms(500));
    let sent: Vec<(u32, bool)> = pair
        .a
        .wire
        .iter()
        .flat_map(|packet| {
            Packet::parse(packet)
                .unwrap()
                .chunks()
                .map(Result::unwrap)
                .collect::<Vec<_>>()
        })
        .filter(|chunk| chunk.kind() == kind::DATA)
        .map(|chunk| Data::parse(&chunk).unwrap())
        .map(|data| (data.ppid, data.unordered))
        .collect();
    assert_eq!(sent, [(50, false), (51, false), (51, true)]);
}

#[test]
fn a_lost_open_delays_its_channel_and_loses_nothing() {
    let mut pair = Channels::connected_channels();
    pair.a.lose = vec![0];
    let init = ChannelInit::new("u")
        .unordered()
        .with_reliability(Reliability::MaxRetransmits(5));
    let channel = pair.a.machine.open(init).unwrap();
    for number in 0..20 {
        pair.a.machine.send(channel, numbered(number, 900)).unwrap();
    }
    pair.run_for(ms(5000));
    let got = pair
        .b
        .events
        .iter()
        .filter(|event| matches!(event, ChannelEvent::Message { .. }));
    assert_eq!(got.count(), 20);
}

#[test]
fn a_peer_that_resets_what_it_never_opened_is_ignored() {
    let mut raw = RawPeer::new();
    raw.peer.reset_streams(&[5]).unwrap();
    raw.exchange();
    assert_eq!(raw.events(), []);
    raw.open(1);
    raw.peer.reset_streams(&[1]).unwrap();
    raw.exchange();
    let closed = |event: &ChannelEvent| {
        matches!(
            event,
            ChannelEvent::Closed {
                reason: ChannelCloseReason::Remote,
                ..
            }
        )
    };
    assert!(raw.events().iter().any(closed));
    assert_eq!(raw.resets(), [1], "and our direction is reset too");
}
