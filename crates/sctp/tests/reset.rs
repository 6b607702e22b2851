//! RFC 6525: streams begin anew.

mod support;

use pollrtc_sctp::channel::{ChannelCloseReason, ChannelEvent, ChannelState};
use pollrtc_sctp::wire::{Init, Packet, PacketWriter, kind, parameter};
use pollrtc_sctp::{Event, ResetError, SendError, SendOptions, Streams};
use support::*;

fn reset_events(events: &[Event]) -> Vec<&Event> {
    let wanted = |event: &&Event| matches!(event, Event::IncomingReset(_) | Event::OutgoingReset { .. });
    events.iter().filter(wanted).collect()
}

#[test]
fn both_sides_hear_of_it_and_numbers_begin_at_zero() {
    let mut pair = Associations::connected();
    pair.send(4, "one");
    pair.send(4, "two");
    pair.a.machine.reset_streams(&[4]).unwrap();
    let refused = pair.a.machine.send(4, 51, "x".into(), SendOptions::default());
    assert_eq!(refused, Err(SendError::Resetting(4)));
    pair.run_for(ms(1000));
    assert_eq!(pair.b.messages(), [(4, "one".into()), (4, "two".into())]);
    assert_eq!(
        reset_events(&pair.a.events),
        [&Event::OutgoingReset {
            stream: 4,
            result: Ok(())
        }]
    );
    assert_eq!(pair.b.events.last(), Some(&Event::IncomingReset(Streams::One(4))));
    pair.send(4, "a new life");
    pair.run_for(ms(1000));
    assert_eq!(pair.b.messages().last(), Some(&(4, "a new life".into())));
}

#[test]
fn everything_that_was_sent_before_is_delivered_before_even_when_lost() {
    for lost in 0..6 {
        let mut pair = Associations::connected();
        pair.a.lose = vec![lost];
        for number in 0..4 {
            pair.send(4, numbered(number, 1100));
        }
        pair.a.machine.reset_streams(&[4]).unwrap();
        pair.run_for(ms(5000));
        assert_eq!(pair.b.messages().len(), 4, "packet {lost} lost");
        assert_eq!(pair.b.events.last(), Some(&Event::IncomingReset(Streams::One(4))));
        let done = Event::OutgoingReset {
            stream: 4,
            result: Ok(()),
        };
        assert_eq!(reset_events(&pair.a.events), [&done], "packet {lost} lost");
    }
}

#[test]
fn a_reset_is_asked_for_when_what_was_sent_before_is_acknowledged() {
    // A peer can only say "in progress" as long as data is missing, and usrsctp goes on to say so.
    for lost in [vec![], vec![0], vec![1], vec![0, 1, 2]] {
        let mut pair = Associations::connected();
        pair.a.lose = lost.clone();
        for number in 0..3 {
            pair.send(4, numbered(number, 1100));
        }
        pair.a.machine.reset_streams(&[4]).unwrap();
        pair.run_for(ms(5000));
        let resets = pair.b.wire.iter().flat_map(|packet| {
            let chunks: Vec<_> = Packet::parse(packet).unwrap().chunks().map(Result::unwrap).collect();
            let resets = chunks.into_iter().filter(|chunk| chunk.kind() == kind::RE_CONFIG);
            resets.map(|chunk| chunk.value().to_vec()).collect::<Vec<_>>()
        });
        let results: Vec<u8> = resets.map(|response| response[11]).collect();
        assert_eq!(results, [1], "performed at once, {lost:?} lost");
    }
}

#[test]
fn a_lost_answer_is_given_again() {
    let mut pair = Associations::connected();
    pair.b.lose = vec![0, 1];
    pair.a.machine.reset_streams(&[1]).unwrap();
    pair.run_for(ms(5000));
    assert_eq!(reset_events(&pair.a.events).len(), 1);
    assert_eq!(reset_events(&pair.b.events).len(), 1, "performed once");
}

#[test]
fn one_request_at_a_time_and_none_is_forgotten() {
    let mut pair = Associations::connected();
    for stream in 0..250 {
        pair.send(stream, numbered(stream.into(), 100));
        pair.a.machine.reset_streams(&[stream]).unwrap();
    }
    pair.run_for(ms(20_000));
    assert_eq!(reset_events(&pair.a.events).len(), 250);
    assert_eq!(reset_events(&pair.b.events).len(), 250);
    assert_eq!(pair.b.messages().len(), 250);
}

#[test]
fn before_there_is_an_association_nothing_can_be_reset() {
    let mut pair = Associations::new(config(), config());
    assert_eq!(pair.a.machine.reset_streams(&[0]), Err(ResetError::NotConnected));
    pair.connect();
    assert_eq!(pair.a.machine.reset_streams(&[0]), Ok(()));
}

#[test]
fn for_every_seed_resets_separate_lives_of_a_stream() {
    for seed in 0..60 {
        let faults = LinkFaults {
            loss: 150,
            duplication: 100,
            reordering: 200,
        };
        let mut pair = Associations::new(patient(), patient()).with_faults(faults, seed);
        pair.connect();
        for life in 0..5 {
            for number in 0..5 {
                pair.send(2, numbered(life * 5 + number, 900));
            }
            pair.a.machine.reset_streams(&[2]).unwrap();
            pair.run_until(ms(120_000), |pair| reset_events(&pair.a.events).len() == life + 1);
        }
        pair.run_for(ms(1000));
        let mut lives = vec![0];
        for event in &pair.b.events {
            match event {
                Event::Message { .. } => *lives.last_mut().unwrap() += 1,
                Event::IncomingReset(_) => lives.push(0),
                _ => {}
            }
        }
        assert_eq!(lives, [5, 5, 5, 5, 5, 0], "seed {seed}");
    }
}

/// What happens to streams, without the messages' identifiers.
fn story(events: &[Event]) -> Vec<String> {
    let line = |event: &Event| match event {
        Event::Message { stream, data, .. } => format!("{stream}: {}", String::from_utf8_lossy(data)),
        Event::IncomingReset(streams) => format!("reset {streams:?}"),
        other => format!("{other:?}"),
    };
    events.iter().map(line).collect()
}

const IN_PROGRESS: u32 = 6;
const PERFORMED: u32 = 1;

#[test]
fn what_comes_behind_a_reset_that_waits_belongs_to_the_next_life() {
    // RFC 6525 §5.2.2 E2.
    let mut tester = Tester::new();
    tester.ordered(0, 1, 0, b"old life");
    assert_eq!(tester.reset(0xFFFF_FFF0, 1, &[1]), [IN_PROGRESS]);
    tester.ordered(3, 1, 1, b"new life too");
    tester.ordered(2, 1, 0, b"new life");
    tester.data(4, 7, 1, b"new life, unordered");
    tester.ordered(5, 3, 0, b"another stream");
    assert_eq!(tester.reset_results(), []);
    assert_eq!(story(&tester.events()), ["1: old life", "3: another stream"]);
    tester.ordered(1, 2, 0, b"late");
    assert_eq!(tester.reset_results(), [PERFORMED]);
    assert_eq!(
        story(&tester.events()),
        [
            "2: late",
            "reset One(1)",
            "1: new life",
            "1: new life too",
            "1: new life, unordered"
        ]
    );
    assert_eq!(tester.machine.held_bytes(), 0);
}

#[test]
fn a_message_in_fragments_waits_behind_a_reset_as_well() {
    let mut tester = Tester::new();
    assert_eq!(tester.reset(0xFFFF_FFF0, 0, &[]), [IN_PROGRESS], "all streams");
    tester.data(2, 4, 1, b"in ");
    tester.data(1, 2 | 4, 1, b"a message ");
    tester.data(3, 1 | 4, 1, b"fragments");
    assert_eq!(
        tester.reset(0xFFFF_FFF1, 0, &[]),
        [IN_PROGRESS],
        "asked for again as dcsctp does"
    );
    assert_eq!(story(&tester.events()), [""; 0]);
    assert_eq!(tester.machine.held_bytes(), 22);
    tester.ordered(0, 7, 0, b"late");
    assert_eq!(tester.reset_results(), [PERFORMED]);
    assert_eq!(
        story(&tester.events()),
        ["7: late", "reset All", "1: a message in fragments"]
    );
}

#[test]
fn what_is_given_up_behind_a_reset_that_waits_is_given_up_in_the_next_life() {
    let mut tester = Tester::new();
    tester.ordered(0, 1, 0, b"old life");
    tester.ordered(1, 1, 1, b"old life too");
    assert_eq!(tester.reset(0xFFFF_FFF0, 2, &[1]), [IN_PROGRESS]);
    tester.ordered(4, 1, 1, b"new life, second");
    // TSN 2 was on stream 2, TSN 3 the first message of stream 1's next life.
    tester.forward_tsn(3, &[(1, 0), (2, 0)]);
    assert_eq!(tester.reset_results(), [PERFORMED]);
    assert_eq!(
        story(&tester.events()),
        ["1: old life", "1: old life too", "reset One(1)", "1: new life, second"]
    );
    tester.ordered(5, 1, 2, b"third");
    assert_eq!(story(&tester.events()), ["1: third"]);
}

#[test]
fn messages_behind_a_reset_that_waits_fill_the_window() {
    let mut tester = Tester::with(config().with_receive_window(20_000));
    assert_eq!(tester.reset(0xFFFF_FFF0, 0, &[1]), [IN_PROGRESS]);
    for n in 1..100 {
        tester.ordered(n, 1, n as u16 - 1, &[7; 1000]);
    }
    assert!((15_000..=20_000).contains(&tester.machine.held_bytes()));
    tester.ordered(0, 2, 0, b"late");
    assert_eq!(tester.reset_results(), [PERFORMED]);
    let taken = tester.machine.held_bytes() / 1000;
    assert_eq!(
        tester.events().len(),
        2 + taken,
        "and nothing that was acknowledged is lost"
    );
}

/// RFC 6525 §4.4: it is told, the stream is as it was.
#[test]
fn a_peer_may_refuse() {
    const REFUSALS: [u32; 3] = [2, 3, 5]; // Denied, wrong SSN, bad sequence number.
    for result in REFUSALS {
        let mut tester = Tester::new();
        tester.machine.reset_streams(&[4]).unwrap();
        let chunks = tester.chunks();
        let request = chunks.iter().find(|chunk| chunk.0 == kind::RE_CONFIG).unwrap();
        let sequence = request.2[4..8].to_vec();
        tester.give(|packet| {
            packet.chunk(kind::RE_CONFIG, 0, |body| {
                body.put_parameter(16, &[&sequence, &result.to_be_bytes()]);
            });
        });
        let refused = Event::OutgoingReset {
            stream: 4,
            result: Err(ResetError::Refused),
        };
        assert_eq!(tester.events(), [refused], "result {result}");
        tester
            .machine
            .send(4, 51, "goes on".into(), SendOptions::default())
            .unwrap();
        assert_eq!(tester.chunks().len(), 1);
        // And may be asked again.
        tester.machine.reset_streams(&[4]).unwrap();
    }
}

/// RFC 6525 §4.1: no stream means all.
#[test]
fn a_request_without_streams_resets_all() {
    let mut tester = Tester::new();
    for (offset, stream) in [(0, 3), (1, 7), (2, 60_000)] {
        tester.ordered(offset, stream, 0, b"before");
    }
    assert_eq!(tester.reset(0xFFFF_FFF0, 2, &[]), [PERFORMED]);
    for (offset, stream) in [(3, 3), (4, 7), (5, 60_000)] {
        tester.ordered(offset, stream, 0, b"after");
    }
    let expected = [
        "3: before",
        "7: before",
        "60000: before",
        "reset All",
        "3: after",
        "7: after",
        "60000: after",
    ];
    assert_eq!(story(&tester.events()), expected);
}

/// INIT and INIT ACK without their last parameter, which says that stream reset is known.
fn without_extensions(bytes: Vec<u8>) -> Vec<u8> {
    let packet = Packet::parse(&bytes).unwrap();
    let first = packet.chunks().next().unwrap().unwrap();
    if !matches!(first.kind(), kind::INIT | kind::INIT_ACK) {
        return bytes;
    }
    let mut buf = [0; 1500];
    let mut writer = PacketWriter::new(&mut buf, 5000, 5000, packet.verification_tag()).unwrap();
    writer.chunk(first.kind(), 0, |body| {
        body.put(&first.value()[..16]);
        for other in Init::parse(&first).unwrap().parameters {
            if other.kind != parameter::SUPPORTED_EXTENSIONS {
                body.put_parameter(other.kind, &[other.value]);
            }
        }
    });
    let len = writer.finish();
    buf[..len].to_vec()
}

#[test]
fn where_the_peer_does_not_know_resets_channels_close_all_the_same() {
    let mut pair = Associations::new(config(), config());
    pair.b.rewrite = without_extensions;
    pair.connect();
    assert_eq!(pair.a.machine.reset_streams(&[0]), Err(ResetError::Unsupported));

    let mut pair = Channels::channels();
    pair.b.rewrite = without_extensions;
    pair.connect_both();
    let ours = pair.a.machine.open("chat").unwrap();
    pair.run_for(ms(1000));
    pair.a.machine.send(ours, "last words").unwrap();
    pair.a.machine.close_channel(ours);
    pair.run_for(ms(60_000));
    let closed = ChannelEvent::Closed {
        channel: ours,
        reason: ChannelCloseReason::Local,
    };
    assert_eq!(pair.a.events.iter().filter(|event| **event == closed).count(), 1);
    assert_eq!(pair.a.machine.state(ours), ChannelState::Closed);
    let said =
        |event: &ChannelEvent| matches!(event, ChannelEvent::Message { data, .. } if data.as_bytes() == b"last words");
    assert!(pair.b.events.iter().any(said));
    // Another one can be opened, under another number.
    let other = pair.a.machine.open("again").unwrap();
    pair.run_for(ms(1000));
    assert_eq!(pair.a.machine.state(other), ChannelState::Open);
}
