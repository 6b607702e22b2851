//! RFC 3758, RFC 7496: messages that are given up.

mod support;

use pollrtc_sctp::wire::{Packet, kind};
use pollrtc_sctp::{Event, Reliability, SendOptions};
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
    pair.b.reading = false;
    for number in 0..127 {
        pair.send(1, numbered(number, 16_384));
    }
    pair.run_for(ms(5000));
    // Part of it fits into the window, the rest does not.
    pair.send_with(0, numbered(0, 60_000), lifetime(500));
    pair.run_for(ms(5000));
    pair.b.reading = true;
    pair.run_for(ms(1000));
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
        let weather = Weather {
            loss: 200,
            duplication: 50,
            reordering: 200,
        };
        let mut pair = Associations::new(patient(), patient()).with_weather(weather, seed);
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
