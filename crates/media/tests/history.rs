//! The last packets of published streams: bounded, and found by their names.

mod common;

use std::time::Duration;

use common::Packet;
use pollrtc_core::Instant;
use pollrtc_media::{History, HistoryConfig};
use pollrtc_rtp::{Pool, Source, StreamKey};
use quickcheck::quickcheck;

fn insert(history: &mut History, pool: &mut Pool, now: Instant, packet: &Packet) {
    let shared = pool.share(&packet.view()).expect("the pool is large enough");
    history.insert(now, &shared);
}

fn small() -> HistoryConfig {
    HistoryConfig {
        bytes: 10_000,
        packets: 100,
        packets_per_stream: 64,
        streams: 3,
        age: Duration::from_secs(1),
    }
}

fn source(stream: u64, index: u64) -> Source {
    Source {
        stream: StreamKey(stream),
        index,
    }
}

#[test]
fn packets_are_found_until_they_are_too_old() {
    let (mut history, mut pool) = (History::new(small()), Pool::new(1_000));
    for index in 0..30 {
        let now = Instant::from_millis(100 * index);
        insert(&mut history, &mut pool, now, &Packet::sound(1, index));
    }
    // It is 2.9 s.
    assert!(history.get(source(1, 18)).is_none());
    assert!((19..30).all(|index| history.get(source(1, index)).is_some()));
    assert_eq!((history.len(), history.bytes()), (11, 11 * 17));
    assert!(history.get(source(2, 20)).is_none());
    history.expire(Instant::from_millis(60_000));
    assert!(history.is_empty());
    // Each holder of a packet holds a piece of its pool, and nobody holds any now.
    let all: Vec<_> = (0..1_000)
        .map_while(|_| pool.share(&Packet::sound(1, 1).view()))
        .collect();
    assert_eq!(all.len(), 1_000);
}

#[test]
fn bytes_are_bounded_and_the_oldest_go() {
    let (mut history, mut pool) = (History::new(small()), Pool::new(1_000));
    for index in 0..40 {
        let payload = [7; 988];
        let packet = Packet::new(1, index, 0, common::OPUS, &payload);
        insert(&mut history, &mut pool, Instant::ZERO, &packet);
        assert!(history.bytes() <= 10_000);
    }
    assert_eq!(history.len(), 10);
    assert!(history.get(source(1, 29)).is_none());
    assert!(history.get(source(1, 30)).is_some());
}

#[test]
fn late_packets_have_their_place_and_much_too_late_ones_none() {
    let (mut history, mut pool) = (History::new(small()), Pool::new(1_000));
    for index in [100, 102, 101, 30] {
        insert(&mut history, &mut pool, Instant::ZERO, &Packet::sound(1, index));
    }
    assert!(
        [100, 101, 102]
            .iter()
            .all(|index| history.get(source(1, *index)).is_some())
    );
    // 30 and 94 have one place; a packet does not make a newer one go.
    insert(&mut history, &mut pool, Instant::ZERO, &Packet::sound(1, 94));
    insert(&mut history, &mut pool, Instant::ZERO, &Packet::sound(1, 30));
    assert!(history.get(source(1, 94)).is_some() && history.get(source(1, 30)).is_none());
    assert_eq!(history.len(), 4);
}

#[test]
fn more_streams_than_it_has_room_for_make_the_oldest_go() {
    let (mut history, mut pool) = (History::new(small()), Pool::new(1_000));
    for stream in 0..5 {
        insert(&mut history, &mut pool, Instant::ZERO, &Packet::sound(stream, 7));
    }
    let there: Vec<u64> = (0..5)
        .filter(|stream| history.get(source(*stream, 7)).is_some())
        .collect();
    assert_eq!(there, [2, 3, 4]);
    history.remove(StreamKey(3));
    assert_eq!((history.len(), history.bytes()), (2, 34));
    assert!(history.get(source(3, 7)).is_none());
}

quickcheck! {
    /// For every sequence of packets, sizes and times it stays within its bounds, and counts what it has.
    fn bounds_hold(steps: Vec<(u8, u16, u16, bool)>) -> bool {
        let (mut history, mut pool) = (History::new(small()), Pool::new(10_000));
        let mut now = Instant::from_millis(100_000);
        for (stream, index, len, is_back) in steps {
            let by = Duration::from_millis(u64::from(len) % 400);
            now = if is_back { now - by } else { now + by };
            let payload = vec![1; usize::from(len) % 3_000];
            let packet = Packet::new(u64::from(stream) % 8, index.into(), 0, common::OPUS, &payload);
            insert(&mut history, &mut pool, now, &packet);
            assert!(history.bytes() <= 10_000 && history.len() <= 100);
        }
        let mut found = (0, 0);
        for stream in 0..8 {
            for index in 0..=u16::MAX {
                if let Some(packet) = history.get(source(stream, index.into())) {
                    assert_eq!(packet.view().origin.source, source(stream, index.into()));
                    found = (found.0 + 1, found.1 + packet.view().as_bytes().len());
                }
            }
        }
        found == (history.len(), history.bytes())
    }
}
