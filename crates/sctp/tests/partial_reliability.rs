//! RFC 3758, RFC 7496: messages that are given up.

mod support;

use pollrtc_core::InnerProtocol;
use pollrtc_sctp::wire::{ForwardTsn, Init, Packet, PacketWriter, kind, parameter};
use pollrtc_sctp::{AssociationState, Config, Event, Reliability, SendOptions};
use support::*;

fn retransmits(count: u16) -> SendOptions {
    SendOptions {
        reliability: Reliability::MaxRetransmits(count),
        ..SendOptions::default()
    }
}

fn lifetime(millis: u64) -> SendOptions {
    SendOptions {
        reliability: Reliability::MaxLifetime(ms(millis)),
        ..SendOptions::default()
    }
}

fn forward_tsns(packets: &[Vec<u8>]) -> usize {
    packets
        .iter()
        .flat_map(|packet| Packet::parse(packet).unwrap().chunks())
        .filter(|chunk| chunk.unwrap().kind() == kind::FORWARD_TSN)
        .count()
}

#[test]
fn without_retransmissions_a_lost_message_is_gone_and_the_next_ones_do_not_wait_long() {
    let mut pair = Associations::connected();
    pair.a.lose = vec![0];
    for number in 0..6 {
        pair.send_with(0, numbered(number, 1100), retransmits(0));
    }
    pair.run_for(ms(1000));
    let expected: Vec<_> = (1..6).map(|n| (0, numbered(n, 1100))).collect();
    assert_eq!(pair.b.messages(), expected);
    let stats = pair.a.machine.stats();
    assert_eq!((stats.messages_abandoned, stats.chunks_retransmitted), (1, 0));
    assert!((1..=2).contains(&forward_tsns(&pair.a.wire)));
}

#[test]
fn nothing_is_skipped_when_nothing_is_lost() {
    let mut pair = Associations::connected();
    for number in 0..50 {
        pair.send_with(0, numbered(number, 3000), retransmits(0));
    }
    pair.run_for(ms(2000));
    assert_eq!(pair.b.messages().len(), 50);
    assert_eq!(forward_tsns(&pair.a.wire), 0);
}

#[test]
fn one_retransmission_repairs_one_loss() {
    let mut pair = Associations::connected();
    pair.a.lose = vec![0];
    for number in 0..6 {
        pair.send_with(0, numbered(number, 1100), retransmits(1));
    }
    pair.run_for(ms(1000));
    assert_eq!(pair.b.messages().len(), 6);
    assert_eq!(pair.a.machine.stats().chunks_retransmitted, 1);
}

#[test]
fn a_message_of_many_packets_is_given_up_as_a_whole() {
    let mut pair = Associations::connected();
    pair.a.lose = vec![2];
    pair.send_with(0, numbered(0, 6000), retransmits(0));
    pair.send_with(0, numbered(1, 50), retransmits(0));
    pair.run_for(ms(2000));
    assert_eq!(pair.b.messages(), [(0, numbered(1, 50))]);
}

#[test]
fn a_message_too_old_to_be_sent_uses_up_no_number() {
    let mut pair = Associations::connected();
    pair.b.reading = false;
    // The peer's window is full of what it does not read.
    for number in 0..300 {
        pair.send(1, numbered(number, 16_384));
    }
    pair.run_for(ms(5000));
    pair.send_with(0, "stale", lifetime(100));
    pair.send_with(0, "fresh", lifetime(100_000));
    assert_eq!(pair.a.machine.buffered_amount(0), 10);
    pair.run_for(ms(5000));
    pair.b.reading = true;
    pair.run_for(ms(20_000));
    let on_0: Vec<_> = pair
        .b
        .messages()
        .into_iter()
        .filter(|(stream, _)| *stream == 0)
        .collect();
    assert_eq!(on_0, [(0, "fresh".into())]);
    assert_eq!(pair.a.machine.buffered_amount(0), 0);
    assert!(pair.a.events.contains(&Event::BufferedAmountLow { stream: 0 }));
    assert_eq!(forward_tsns(&pair.a.wire), 0);
}

#[test]
fn a_message_that_grows_old_half_sent_is_ended_and_the_association_goes_on() {
    let mut pair = Associations::connected();
    // Part of it leaves and is lost, the rest has no room in the congestion window.
    pair.faults.loss = 1000;
    pair.send_with(0, numbered(0, 60_000), lifetime(500));
    pair.run_for(ms(5000));
    pair.faults.loss = 0;
    pair.run_for(ms(5000));
    pair.send_with(0, "after", SendOptions::default());
    pair.run_for(ms(5000));
    let on_0: Vec<_> = pair
        .b
        .messages()
        .into_iter()
        .filter(|(stream, _)| *stream == 0)
        .collect();
    assert_eq!(on_0, [(0, "after".into())]);
    assert_eq!(pair.a.machine.stats().messages_abandoned, 1);
    assert_eq!(pair.a.machine.buffered_amount(0), 0);
}

#[test]
fn a_lost_forward_tsn_is_repaired() {
    let mut pair = Associations::connected();
    // The message is lost, its tail probe, and the first attempts to say that it is gone.
    pair.a.lose = vec![0, 1, 2, 3];
    pair.send_with(0, "gone", retransmits(0));
    pair.run_for(ms(5000));
    pair.send(0, "after");
    pair.run_for(ms(5000));
    assert_eq!(pair.b.messages(), [(0, "after".into())]);
}

#[test]
fn for_every_seed_what_arrives_is_in_order_whole_and_at_most_once() {
    for seed in 0..150 {
        let faults = LinkFaults {
            loss: 200,
            duplication: 50,
            reordering: 200,
        };
        let mut pair = Associations::new(patient(), patient()).with_faults(faults, seed);
        pair.connect();
        for number in 0..100 {
            let stream = (number % 4) as u16;
            let options = match stream {
                0 => retransmits((seed % 3) as u16),
                1 => lifetime(20 + seed % 100),
                2 => SendOptions {
                    ordered: false,
                    ..retransmits(0)
                },
                _ => SendOptions::default(),
            };
            pair.send_with(stream, numbered(number, 20 + number * 37), options);
        }
        pair.run_for(ms(60_000));
        let messages = pair.b.messages();
        let mut last = [None; 4];
        for (stream, data) in &messages {
            let number = u32::from_be_bytes(data[..4].try_into().unwrap()) as usize;
            assert_eq!(*data, numbered(number, 20 + number * 37), "seed {seed}");
            assert_eq!(number % 4, usize::from(*stream));
            if *stream != 2 {
                assert!(last[number % 4] < Some(number), "seed {seed}: order on {stream}");
            }
            last[number % 4] = Some(number);
        }
        let reliable = messages.iter().filter(|(stream, _)| *stream == 3).count();
        assert_eq!(reliable, 25, "seed {seed}");
        assert_eq!(pair.a.machine.buffered_amount(1), 0);
        assert!(!pair.a.events.iter().any(|event| matches!(event, Event::Closed(_))));
    }
}

#[test]
fn a_slow_acknowledgement_is_no_reason_to_give_up() {
    let mut pair = Associations::connected();
    pair.send(0, "warm up");
    pair.run_for(ms(500));
    // The peer is there, but takes ten times as long as before to answer.
    pair.latency = ms(90);
    pair.send_with(0, "once", retransmits(0));
    pair.run_for(ms(2000));
    assert_eq!(pair.b.messages().len(), 2);
    assert_eq!(pair.a.machine.stats().messages_abandoned, 0);
    assert_eq!(forward_tsns(&pair.a.wire), 0);
}

// How a peer says that it knows FORWARD TSN.

/// An INIT or INIT ACK with the parameter of RFC 3758 as `parameter_too` says, and with these
/// Supported Extensions (RFC 5061). Other packets stay as they are.
fn announcing(bytes: Vec<u8>, parameter_too: bool, extensions: &[u8]) -> Vec<u8> {
    let packet = Packet::parse(&bytes).unwrap();
    let first = packet.chunks().next().unwrap().unwrap();
    if !matches!(first.kind(), kind::INIT | kind::INIT_ACK) {
        return bytes;
    }
    let mut buf = [0; 1500];
    let tag = packet.verification_tag();
    let mut writer = PacketWriter::new(&mut buf, 5000, 5000, tag).unwrap();
    writer.chunk(first.kind(), 0, |body| {
        body.put(&first.value()[..16]);
        for other in Init::parse(&first).unwrap().parameters {
            if !matches!(
                other.kind,
                parameter::FORWARD_TSN_SUPPORTED | parameter::SUPPORTED_EXTENSIONS
            ) {
                body.put_parameter(other.kind, &[other.value]);
            }
        }
        if parameter_too {
            body.put_parameter(parameter::FORWARD_TSN_SUPPORTED, &[]);
        }
        body.put_parameter(parameter::SUPPORTED_EXTENSIONS, &[extensions]);
    });
    let len = writer.finish();
    buf[..len].to_vec()
}

/// As Pion, webrtc-rs and sctp-proto do it.
fn by_extensions(bytes: Vec<u8>) -> Vec<u8> {
    announcing(bytes, false, &[kind::RE_CONFIG, kind::FORWARD_TSN])
}

fn by_parameter(bytes: Vec<u8>) -> Vec<u8> {
    announcing(bytes, true, &[kind::RE_CONFIG])
}

fn not_at_all(bytes: Vec<u8>) -> Vec<u8> {
    announcing(bytes, false, &[kind::RE_CONFIG])
}

/// `a` and `b` announce like this, and then lose a message each that is not sent again; `a` begins,
/// or both do.
fn each_gives_one_up(a: fn(Vec<u8>) -> Vec<u8>, b: fn(Vec<u8>) -> Vec<u8>, both_begin: bool) -> Associations {
    let mut pair = Associations::new(config(), config());
    pair.a.rewrite = a;
    pair.b.rewrite = b;
    if both_begin {
        pair.b.machine.connect();
    }
    pair.connect();
    pair.a.lose = vec![0];
    pair.b.lose = vec![0];
    for number in 0..6 {
        pair.send_with(0, numbered(number, 1100), retransmits(0));
        let data = numbered(number, 1100);
        pair.b.machine.send(0, 51, data, retransmits(0)).unwrap();
    }
    pair.run_for(ms(5000));
    pair
}

#[test]
fn a_peer_may_announce_forward_tsn_in_either_way() {
    for (a, b) in [
        (
            by_extensions as fn(Vec<u8>) -> Vec<u8>,
            by_parameter as fn(Vec<u8>) -> Vec<u8>,
        ),
        (by_parameter, by_extensions),
        (by_extensions, by_extensions),
    ] {
        for both_begin in [false, true] {
            let pair = each_gives_one_up(a, b, both_begin);
            let expected: Vec<_> = (1..6).map(|n| (0, numbered(n, 1100))).collect();
            assert!(pair.a.messages() == expected && pair.b.messages() == expected);
            for machine in [&pair.a.machine, &pair.b.machine] {
                assert_eq!(machine.state(), AssociationState::Connected);
                assert_eq!(machine.stats().messages_abandoned, 1);
                assert_eq!(machine.stats().dropped_unexpected, 0);
            }
        }
    }
}

#[test]
fn towards_a_peer_that_does_not_announce_it_nothing_is_given_up() {
    let pair = each_gives_one_up(not_at_all, not_at_all, false);
    for side in [&pair.a, &pair.b] {
        assert_eq!(side.messages().len(), 6);
        assert_eq!(side.machine.stats().messages_abandoned, 0);
        assert_eq!(forward_tsns(&side.wire), 0);
    }
}

#[test]
fn a_forward_tsn_that_was_not_announced_is_dropped_and_ends_nothing() {
    // `b` believes that `a` may be told to skip, and tells it.
    let mut pair = each_gives_one_up(by_parameter, not_at_all, false);
    assert!(forward_tsns(&pair.b.wire) > 0);
    assert!(pair.a.machine.stats().dropped_unexpected > 0);
    for side in [&mut pair.a, &mut pair.b] {
        assert_eq!(side.machine.state(), AssociationState::Connected);
        assert_eq!(side.machine.poll_event(), None);
    }
    assert_eq!(pair.b.messages().len(), 6, "the other direction goes on");
}

// What is given up can't be taken back: it has to be lost first.

#[test]
fn what_waits_for_a_busy_peer_is_not_given_up() {
    for ordered in [true, false] {
        for busy in [200, 350, 500, 1000, 3000] {
            for (count, len) in [(50, 100), (50, 1500), (50, 3000), (5, 60_000)] {
                let mut pair = Associations::connected();
                // All that comes waits in its socket, in order.
                pair.b.busy_until = pair.now + ms(busy);
                for number in 0..count {
                    let options = SendOptions {
                        ordered,
                        ..retransmits(0)
                    };
                    pair.send_with(0, numbered(number, len), options);
                }
                pair.run_for(ms(20_000));
                let came = pair.b.messages().len();
                assert_eq!(came, count, "{len} bytes each, ordered: {ordered}, busy for {busy} ms");
            }
        }
    }
}

#[test]
fn for_every_seed_a_link_that_only_reorders_costs_next_to_nothing() {
    for (latency, jitter, allowed) in [(10, 10, 0), (50, 10, 0), (50, 50, 0), (1, 10, 0), (1, 100, 40)] {
        for ordered in [true, false] {
            for (pause, len) in [(0, 1500), (1, 100), (5, 1000), (20, 1000)] {
                let mut lost = 0;
                for seed in 0..10 {
                    let faults = LinkFaults {
                        reordering: 1000,
                        ..LinkFaults::default()
                    };
                    let mut pair = Associations::connected().with_faults(faults, seed);
                    (pair.latency, pair.jitter) = (ms(latency), ms(jitter));
                    let options = SendOptions {
                        ordered,
                        ..retransmits(0)
                    };
                    for number in 0..200 {
                        pair.send_with(0, numbered(number, len), options);
                        pair.run_for(ms(pause));
                    }
                    pair.run_for(ms(10_000));
                    lost += 200 - pair.b.messages().len();
                }
                assert!(
                    lost <= allowed,
                    "{latency} ms and up to {jitter} more, {len} bytes each {pause} ms, ordered: {ordered}: {lost} of 2000 lost"
                );
            }
        }
    }
}

#[test]
fn messages_grow_old_wherever_they_wait() {
    let mut pair = Associations::connected();
    pair.b.reading = false;
    // The peer's window is full of what it does not read.
    for number in 0..300 {
        pair.send(1, numbered(number, 16_384));
    }
    pair.run_for(ms(5000));
    let waiting = pair.a.machine.buffered_amount(1);
    for number in 0..50 {
        // Behind messages that don't grow old, on the same stream and on another one, and behind each other.
        pair.send_with(1, numbered(number, 1000), lifetime(300));
        pair.send_with(2, numbered(number, 1000), lifetime(1000 - 10 * number as u64));
        pair.send_with(2, "patient", SendOptions::default());
    }
    assert_eq!(pair.a.machine.buffered_amount(1), waiting + 50_000);
    pair.run_for(ms(310));
    assert_eq!(pair.a.machine.buffered_amount(1), waiting);
    assert_eq!(pair.a.machine.buffered_amount(2), 50 * 1007);
    pair.run_for(ms(700));
    assert_eq!(pair.a.machine.buffered_amount(2), 50 * 7);
    assert_eq!(pair.a.machine.stats().messages_abandoned, 100);
    pair.b.reading = true;
    pair.run_for(ms(20_000));
    let messages = pair.b.messages();
    assert_eq!(messages.iter().filter(|(stream, _)| *stream == 1).count(), 300);
    let on_2: Vec<_> = messages.into_iter().filter(|(stream, _)| *stream == 2).collect();
    assert_eq!(on_2, vec![(2, "patient".into()); 50]);
    assert_eq!(forward_tsns(&pair.a.wire), 0);
}

#[test]
fn messages_grow_old_before_anybody_has_connected() {
    let mut pair = Associations::new(config(), config());
    pair.send_with(0, "old news", lifetime(500));
    pair.send(0, "for whoever comes");
    assert_eq!(pair.a.machine.buffered_amount(0), 25);
    pair.run_for(ms(501));
    assert_eq!(pair.a.machine.buffered_amount(0), 17);
    assert_eq!(pair.a.machine.poll_timeout(), None);
    pair.b.machine.connect();
    pair.run_for(ms(1000));
    assert_eq!(pair.b.messages(), [(0, "for whoever comes".into())]);
}

#[test]
fn time_begins_when_a_message_is_sent_however_long_nothing_happened_before() {
    let mut pair = Associations::connected();
    pair.run_for(ms(10_000));
    pair.send_with(0, "news", lifetime(100));
    pair.run_for(ms(50));
    assert_eq!(pair.b.messages(), [(0, "news".into())]);
}

#[test]
fn an_end_in_good_order_does_not_wait_for_what_has_grown_old() {
    let mut pair = Associations::connected();
    pair.b.reading = false;
    for number in 0..127 {
        pair.send(1, numbered(number, 16_384));
    }
    pair.run_for(ms(5000));
    let waiting = pair.a.machine.buffered_amount(1);
    pair.send_with(2, numbered(0, 30_000), lifetime(100));
    assert_eq!(waiting, 0, "all else has left");
    pair.a.machine.close();
    pair.run_for(ms(1000));
    let closed = |event: &Event| matches!(event, Event::Closed(_));
    assert!(pair.a.events.iter().any(closed));
}

/// RFC 3758 §3.2: one entry for each ordered stream, with the highest number that is skipped.
#[test]
fn what_is_skipped_is_told_once_for_each_ordered_stream() {
    let mut pair = Associations::connected();
    pair.faults.loss = 1000;
    let unordered = SendOptions {
        ordered: false,
        ..retransmits(0)
    };
    for (stream, options) in [
        (3, retransmits(0)),
        (9, unordered),
        (3, retransmits(0)),
        (1, retransmits(0)),
        (3, retransmits(0)),
    ] {
        pair.send_with(stream, "gone", options);
    }
    pair.run_until(ms(10_000), |pair| forward_tsns(&pair.a.wire) > 0);
    let chunks = pair
        .a
        .wire
        .iter()
        .flat_map(|packet| Packet::parse(packet).unwrap().chunks());
    let chunk = chunks
        .map(Result::unwrap)
        .find(|chunk| chunk.kind() == kind::FORWARD_TSN);
    let skip = ForwardTsn::parse(&chunk.unwrap()).unwrap();
    assert_eq!(skip.new_cumulative_tsn, 0xFFFF_FFF4);
    let mut streams: Vec<_> = skip.streams().collect();
    streams.sort_unstable();
    assert_eq!(streams, [(1, 0), (3, 2)]);
}

/// RFC 3758 §3.6: what is skipped fills no window any more.
#[test]
fn what_the_peer_gives_up_leaves_the_window_as_it_was() {
    let window = Config::new().receive_window;
    let told = |tester: &mut Tester| {
        let chunks = tester.chunks();
        let sack = chunks.iter().rev().find(|chunk| chunk.0 == kind::SACK).unwrap();
        u32::from_be_bytes(sack.2[4..8].try_into().unwrap())
    };
    let mut tester = Tester::new();
    // The beginning of a message, a part of another behind a gap, and whole ones that wait for their turn.
    tester.data(0, 2, 0, &[7; 1000]);
    tester.data(3, 0, 0, &[7; 1000]);
    tester.ordered(5, 2, 1, &[7; 1000]);
    tester.ordered(6, 2, 2, &[7; 1000]);
    assert_eq!(
        told(&mut tester),
        window - 3000,
        "what is on its way in sequence does not count"
    );
    tester.forward_tsn(3, &[(0, 0)]);
    assert_eq!(told(&mut tester), window - 2000);
    // What is delivered counts until it is taken.
    tester.forward_tsn(6, &[(2, 2)]);
    assert_eq!(told(&mut tester), window - 2000);
    assert_eq!(tester.events().len(), 2);
    tester.forward_tsn(7, &[]);
    assert_eq!(told(&mut tester), window);
}
