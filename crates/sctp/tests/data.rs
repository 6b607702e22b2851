//! RFC 9260 §6: messages of every size, in and out of order.

mod support;

use pollrtc_core::{Headroom, InnerProtocol};
use pollrtc_sctp::wire::{Data, DataHeader, Packet, kind};
use pollrtc_sctp::{Config, Event, SendError, SendOptions};
use support::*;

#[test]
fn messages_of_every_size_around_a_packet_arrive_unchanged() {
    let mut pair = Associations::connected();
    let sizes: Vec<usize> = (1..20)
        .chain(1090..1160)
        .chain([2248, 2249, 65_535, 65_536, 262_144])
        .collect();
    for (number, size) in sizes.iter().enumerate() {
        pair.send(5, numbered(number, *size));
    }
    pair.run_for(ms(10_000));
    let expected: Vec<_> = sizes
        .iter()
        .enumerate()
        .map(|(n, size)| (5, numbered(n, *size)))
        .collect();
    assert_eq!(pair.b.messages(), expected);
}

#[test]
fn messages_that_fit_into_a_packet_are_never_split_and_small_ones_share() {
    let mut pair = Associations::connected();
    for number in 0..200 {
        pair.send(0, numbered(number, 300));
    }
    pair.run_for(ms(3000));
    let mut chunks = 0;
    for packet in &pair.a.wire {
        assert!(packet.len() <= 1152);
        let data: Vec<bool> = Packet::parse(packet)
            .unwrap()
            .chunks()
            .map(Result::unwrap)
            .filter(|chunk| chunk.kind() == kind::DATA)
            .map(|chunk| Data::parse(&chunk).unwrap())
            .map(|data| data.beginning && data.ending)
            .collect();
        assert!(data.iter().all(|whole| *whole));
        chunks += data.len();
    }
    assert_eq!(chunks, 200);
    assert!(pair.a.wire.len() <= 67 + 5, "three to a packet: {}", pair.a.wire.len());
}

#[test]
fn bulk_packets_are_equal_in_size_and_a_multiple_of_16() {
    let mut pair = Associations::connected();
    for number in 0..20 {
        pair.send(0, numbered(number, 16 * 1024));
    }
    pair.run_for(ms(3000));
    let full = pair.a.wire.iter().filter(|packet| packet.len() == 1152).count();
    assert!(full + 12 >= pair.a.wire.len(), "{full} of {}", pair.a.wire.len());
}

#[test]
fn unordered_messages_overtake_a_gap_and_ordered_ones_wait() {
    let mut pair = Associations::connected();
    let unordered = SendOptions {
        ordered: false,
        ..SendOptions::default()
    };
    // Each in a packet of its own; the first is lost.
    pair.a.lose = vec![0];
    pair.send(0, numbered(0, 1000));
    pair.send_with(0, numbered(1, 1000), unordered);
    pair.send(0, numbered(2, 1000));
    pair.send(1, numbered(3, 1000));
    pair.send_with(0, numbered(4, 3000), unordered);
    pair.run_for(ms(11));
    let numbers = |pair: &Associations| -> Vec<u32> {
        let number = |data: &[u8]| u32::from_be_bytes(data[..4].try_into().unwrap());
        let mut numbers: Vec<u32> = pair.b.messages().iter().map(|(_, data)| number(data)).collect();
        numbers[..3].sort();
        numbers
    };
    assert_eq!(numbers(&pair), [1, 3, 4], "a gap holds up its own stream only");
    pair.run_for(ms(2000));
    assert_eq!(numbers(&pair), [1, 3, 4, 0, 2]);
}

#[test]
fn stream_sequence_numbers_wrap() {
    let mut pair = Associations::connected();
    let mut got = 0;
    for round in 0..70 {
        for number in 0..1000 {
            pair.send(0, numbered(round * 1000 + number, 4));
        }
        pair.run_for(ms(200));
        for (_, data) in pair.b.messages() {
            assert_eq!(u32::from_be_bytes(data[..].try_into().unwrap()), got);
            got += 1;
        }
        pair.b.take_events();
    }
    assert_eq!(got, 70_000);
}

#[test]
fn what_cannot_be_sent_is_refused_and_nothing_is_queued() {
    let small = config().with_send_buffer(1000).with_outbound_streams(4);
    let mut pair = Associations::new(small, config());
    pair.connect();
    let a = &mut pair.a.machine;
    let options = SendOptions::default();
    assert_eq!(a.send(0, 51, "".into(), options), Err(SendError::Empty));
    assert_eq!(
        a.send(4, 51, "x".into(), options),
        Err(SendError::NoSuchStream { stream: 4, streams: 4 })
    );
    a.send(0, 51, vec![0; 900].into(), options).unwrap();
    assert_eq!(
        a.send(0, 51, vec![0; 101].into(), options),
        Err(SendError::BufferFull {
            buffered: 900,
            limit: 1000
        })
    );
    assert_eq!(a.buffered_amount(0), 900);
    pair.run_for(ms(100));
    assert_eq!(pair.a.machine.buffered_amount(0), 0);
}

#[test]
fn buffered_amount_falls_when_bytes_leave_and_says_so_once() {
    let mut pair = Associations::connected();
    pair.a.machine.set_buffered_amount_low_threshold(0, 5000);
    for number in 0..20 {
        pair.send(0, numbered(number, 1000));
    }
    assert_eq!(pair.a.machine.buffered_amount(0), 20_000);
    pair.run_for(ms(1000));
    assert_eq!(pair.a.machine.buffered_amount(0), 0);
    assert_eq!(pair.a.take_events(), [Event::BufferedAmountLow { stream: 0 }]);
}

#[test]
fn a_reader_who_does_not_read_stops_the_sender_and_reading_starts_it_again() {
    let mut pair = Associations::connected();
    pair.b.reading = false;
    for number in 0..400 {
        pair.send(0, numbered(number, 16_384));
    }
    pair.run_for(ms(20_000));
    let window = Config::default().receive_window as usize;
    let left = pair.a.machine.buffered_amount(0);
    let unread = 400 * 16_384 - left;
    assert!(unread <= window + 16_384, "{unread} bytes are unread");
    assert!(unread + 32_768 >= window, "{unread} bytes are unread");
    // For hours nothing moves, and nobody gives up.
    pair.run_for(ms(3 * 3_600_000));
    assert_eq!(pair.a.events, []);
    pair.b.reading = true;
    pair.run_for(ms(10_000));
    assert_eq!(pair.b.messages().len(), 400);
}

#[test]
fn messages_larger_than_the_limit_are_discarded_and_reported() {
    let limited = config().with_max_message_size(10_000);
    let mut pair = Associations::new(config(), limited);
    pair.connect();
    pair.send(0, numbered(0, 10_000));
    pair.send(0, numbered(1, 10_001));
    pair.send(0, numbered(2, 100));
    pair.run_for(ms(2000));
    let expected = [
        Event::Message {
            stream: 0,
            ppid: 51,
            data: numbered(0, 10_000),
        },
        Event::MessageTooLarge { stream: 0 },
        Event::Message {
            stream: 0,
            ppid: 51,
            data: numbered(2, 100),
        },
    ];
    assert_eq!(pair.b.events, expected);
}

#[test]
fn streams_share_by_weight_and_a_small_message_does_not_wait_for_all_others() {
    let mut pair = Associations::connected();
    let heavy = SendOptions {
        priority: 1024,
        ..SendOptions::default()
    };
    let light = SendOptions {
        priority: 256,
        ..SendOptions::default()
    };
    for number in 0..100 {
        pair.send_with(1, numbered(number, 10_000), heavy);
        pair.send_with(2, numbered(number, 10_000), light);
    }
    pair.run_until(ms(10_000), |pair| pair.b.messages().len() >= 100);
    let messages = pair.b.messages();
    let share = messages[..100].iter().filter(|(stream, _)| *stream == 1).count();
    assert!(share.abs_diff(80) <= 3, "{share} of 100");
    pair.send_with(3, "now", light);
    let before = pair.b.messages().len();
    pair.run_until(ms(1000), |pair| {
        pair.b.messages().iter().any(|(stream, _)| *stream == 3)
    });
    assert!(pair.b.messages().len() - before < 60);
}

#[test]
fn a_window_of_one_mebibyte_per_round_trip_is_used() {
    let mut pair = Associations::connected();
    pair.latency = ms(50);
    let start = pair.now;
    for number in 0..1024 {
        pair.send(0, numbered(number, 16_384));
    }
    pair.run_until(ms(10_000), |pair| pair.b.messages().len() == 1024);
    let mebibytes_per_second = 16.0 / (pair.now - start).as_secs_f64();
    assert!(
        mebibytes_per_second > 6.0,
        "{mebibytes_per_second} MiB/s with slow start"
    );
}

#[test]
fn small_buffers_get_nothing_and_lose_nothing() {
    let mut pair = Associations::connected();
    pair.send(0, numbered(0, 5000));
    let mut tiny = [0; 100];
    assert_eq!(pair.a.machine.write_body(pair.now, &mut tiny, Headroom::NONE), None);
    pair.run_for(ms(100));
    assert_eq!(pair.b.messages(), [(0, numbered(0, 5000))]);
}

/// All orders of these.
fn orders(of: &[u32]) -> Vec<Vec<u32>> {
    if of.is_empty() {
        return vec![vec![]];
    }
    let beginning_with = |first: u32| {
        let others: Vec<u32> = of.iter().copied().filter(|other| *other != first).collect();
        orders(&others)
            .into_iter()
            .map(move |rest| [vec![first], rest].concat())
    };
    of.iter().copied().flat_map(beginning_with).collect()
}

/// RFC 9260 §6.9.
#[test]
fn fragments_that_arrive_in_any_order_make_the_same_messages() {
    const ENDING: u8 = 1;
    const BEGINNING: u8 = 2;
    const UNORDERED: u8 = 4;
    // Two messages, of four fragments and of two.
    let fragments: [(u8, &[u8]); 6] = [
        (BEGINNING, b"f"),
        (0, b"o"),
        (0, b"u"),
        (ENDING, b"r"),
        (BEGINNING, b"tw"),
        (ENDING, b"o"),
    ];
    for flags in [0, UNORDERED] {
        for order in orders(&[0, 1, 2, 3, 4, 5]) {
            let mut tester = Tester::new();
            for offset in &order {
                let (place, payload) = fragments[*offset as usize];
                let ssn = u16::from(*offset >= 4);
                let header = DataHeader {
                    unordered: flags != 0,
                    beginning: place & BEGINNING != 0,
                    ending: place & ENDING != 0,
                    tsn: tester.tsn.wrapping_add(*offset),
                    stream: 3,
                    ssn: if flags == 0 { ssn } else { 0 },
                    ppid: 51,
                };
                tester.give(|packet| {
                    packet.data(&header, payload);
                });
            }
            let message = |text: &'static str| Event::Message {
                stream: 3,
                ppid: 51,
                data: text.into(),
            };
            let mut events = tester.events();
            if flags == UNORDERED {
                events.sort_by_key(|event| format!("{event:?}"));
            }
            let mut expected = [message("four"), message("two")];
            expected.sort_by_key(|event| format!("{event:?}"));
            assert_eq!(events, expected, "{order:?}");
        }
    }
}
