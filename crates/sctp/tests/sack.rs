//! RFC 9260 §6.2, §6.7: when a SACK leaves and what it says. One side is played by hand.

mod support;

use pollrtc_core::{Headroom, InnerProtocol};
use pollrtc_sctp::Event;
use pollrtc_sctp::wire::{DataHeader, Packet, Sack, kind};
use support::*;

/// Cumulative TSN ack, gap blocks, duplicates.
type Told = (i64, Vec<(u16, u16)>, Vec<u32>);

/// What is asked of a receiver here.
trait Receiver {
    /// Gives it DATA with the number `tsn + offset`, a message of its own.
    fn message(&mut self, offset: u32);
    /// The SACK that leaves now, as offsets from `tsn`.
    fn told(&mut self) -> Option<Told>;
}

impl Receiver for Tester {
    fn message(&mut self, offset: u32) {
        const UNORDERED_AND_WHOLE: u8 = 7;
        self.data(offset, UNORDERED_AND_WHOLE, 0, b"payload");
    }

    fn told(&mut self) -> Option<Told> {
        let mut buf = [0; 1500];
        let len = self.machine.write_body(self.now, &mut buf, Headroom::NONE)?;
        let packet = Packet::parse(&buf[..len]).unwrap();
        let chunk = packet.chunks().next()?.unwrap();
        assert_eq!(chunk.kind(), kind::SACK);
        let sack = Sack::parse(&chunk).unwrap();
        let offset = |tsn: u32| tsn.wrapping_sub(self.tsn);
        Some((
            i64::from(offset(sack.cumulative_tsn_ack) as i32),
            sack.gap_blocks().collect(),
            sack.duplicates().map(offset).collect(),
        ))
    }
}

#[test]
fn every_second_packet_at_once_and_a_single_one_after_200_ms() {
    let mut tester = Tester::new();
    tester.message(0);
    assert_eq!(tester.told(), None);
    tester.message(1);
    assert_eq!(tester.told(), Some((1, vec![], vec![])));
    tester.message(2);
    assert_eq!(tester.told(), None);
    let due = tester.machine.poll_timeout().unwrap();
    assert_eq!(due - tester.now, ms(200));
    tester.now = due;
    tester.machine.handle_timeout(due);
    assert_eq!(tester.told(), Some((2, vec![], vec![])));
    assert_eq!(tester.told(), None);
}

#[test]
fn the_first_data_is_acknowledged_at_once() {
    let mut pair = Associations::connected();
    pair.send(0, "first");
    pair.run_for(ms(11));
    assert_eq!(pair.b.machine.stats().sacks_sent, 1);
}

#[test]
fn a_gap_is_told_at_once_with_each_packet_until_it_is_filled() {
    let mut tester = Tester::new();
    tester.message(1);
    assert_eq!(tester.told(), Some((-1, vec![(2, 2)], vec![])));
    tester.message(2);
    assert_eq!(tester.told(), Some((-1, vec![(2, 3)], vec![])));
    tester.message(5);
    assert_eq!(tester.told(), Some((-1, vec![(2, 3), (6, 6)], vec![])));
    tester.message(4);
    assert_eq!(tester.told(), Some((-1, vec![(2, 3), (5, 6)], vec![])));
    tester.message(3);
    assert_eq!(tester.told(), Some((-1, vec![(2, 6)], vec![])));
    tester.message(0);
    assert_eq!(tester.told(), Some((5, vec![], vec![])));
    tester.message(6);
    assert_eq!(tester.told(), None, "back to every second packet");
}

#[test]
fn duplicates_are_told_once() {
    let mut tester = Tester::new();
    tester.message(0);
    tester.message(0);
    assert_eq!(tester.told(), Some((0, vec![], vec![0])));
    tester.message(2);
    tester.message(2);
    assert_eq!(tester.told(), Some((0, vec![(2, 2)], vec![2])));
    assert_eq!(tester.told(), Some((0, vec![(2, 2)], vec![])));
    tester.message(1);
    assert_eq!(tester.told(), Some((2, vec![], vec![])));
    assert_eq!(tester.machine.stats().duplicates_received, 2);
}

#[test]
fn gap_blocks_fill_a_packet_and_no_more() {
    let mut tester = Tester::new();
    for n in 0..600 {
        tester.message(1 + 2 * n);
    }
    let sacks = std::iter::from_fn(|| tester.told());
    let (cumulative, gaps, _) = sacks.last().unwrap();
    assert_eq!(cumulative, -1);
    assert_eq!(gaps.len(), (1152 - 12 - 16) / 4);
    assert!(gaps.iter().zip(1u16..).all(|(gap, n)| *gap == (2 * n, 2 * n)));
}

#[test]
fn numbers_too_far_ahead_are_dropped() {
    let mut tester = Tester::new();
    for offset in [65_535, 1 << 30, (1 << 31) - 2] {
        tester.message(offset);
    }
    assert_eq!(tester.machine.stats().dropped_data, 3);
    assert_eq!(tester.told(), Some((-1, vec![], vec![])));
}

#[test]
fn a_sack_rides_with_data() {
    let mut tester = Tester::new();
    tester.message(0);
    tester.machine.send(0, 51, "answer".into(), Default::default()).unwrap();
    let mut buf = [0; 1500];
    let len = tester.machine.write_body(tester.now, &mut buf, Headroom::NONE).unwrap();
    let kinds: Vec<u8> = Packet::parse(&buf[..len])
        .unwrap()
        .chunks()
        .map(|chunk| chunk.unwrap().kind())
        .collect();
    assert_eq!(kinds, [kind::SACK, kind::DATA]);
    assert_eq!(tester.told(), None);
}

/// The machine sends `count` packets of one message each; their first number.
fn send_packets(tester: &mut Tester, count: usize) -> u32 {
    for number in 0..count {
        tester
            .machine
            .send(0, 51, numbered(number, 1100), Default::default())
            .unwrap();
    }
    let mut buf = [0; 1500];
    let mut first = None;
    for _ in 0..count {
        let len = tester.machine.write_body(tester.now, &mut buf, Headroom::NONE).unwrap();
        let packet = Packet::parse(&buf[..len]).unwrap();
        let chunk = packet.chunks().next().unwrap().unwrap();
        let data = pollrtc_sctp::wire::Data::parse(&chunk).unwrap();
        first.get_or_insert(data.tsn);
    }
    first.unwrap()
}

#[test]
fn sacks_that_are_old_or_impossible_change_nothing() {
    let mut tester = Tester::new();
    let first = send_packets(&mut tester, 4);
    tester.sack(first, 100_000, &[]);
    tester.sack(first.wrapping_sub(1), 100_000, &[]);
    tester.sack(first.wrapping_add(4), 100_000, &[]);
    tester.sack(first, 100_000, &[(2, 1)]);
    tester.sack(first, 100_000, &[(2, 3), (1, 1)]);
    tester.sack(first, 100_000, &[(2, 4)]);
    tester.sack(first, 100_000, &[(0, 1)]);
    assert_eq!(tester.machine.stats().dropped_sack, 6);
    assert_eq!(tester.machine.stats().sacks_received, 7);
    tester.sack(first.wrapping_add(3), 100_000, &[]);
    let low = Event::BufferedAmountLow { stream: 0 };
    assert_eq!(tester.machine.poll_event(), Some(low));
    assert_eq!(tester.machine.poll_event(), None);
    let at = tester.machine.poll_timeout().unwrap();
    assert!(at - tester.now > ms(20_000), "only the heartbeat is left");
}

/// The DATA that leaves now, as offsets from `first`.
fn leaving(tester: &mut Tester, first: u32) -> Vec<u32> {
    let mut buf = [0; 1500];
    let mut offsets = Vec::new();
    while let Some(len) = tester.machine.write_body(tester.now, &mut buf, Headroom::NONE) {
        let packet = Packet::parse(&buf[..len]).unwrap();
        for chunk in packet
            .chunks()
            .map(Result::unwrap)
            .filter(|chunk| chunk.kind() == kind::DATA)
        {
            let data = pollrtc_sctp::wire::Data::parse(&chunk).unwrap();
            offsets.push(data.tsn.wrapping_sub(first));
        }
    }
    offsets
}

#[test]
fn what_sacks_leave_out_is_sent_again_after_three_of_them() {
    let mut tester = Tester::new();
    let first = send_packets(&mut tester, 9);
    let cumulative = first.wrapping_sub(1);
    tester.sack(cumulative, 100_000, &[(2, 5)]);
    // Each has news from above, and does not list the fourth any more.
    for last in [6, 7] {
        tester.sack(cumulative, 100_000, &[(2, 3), (5, last)]);
        assert!(!leaving(&mut tester, first).contains(&3));
    }
    // One that was overtaken has no news, and is no indication.
    tester.sack(cumulative, 100_000, &[(2, 3), (5, 6)]);
    assert!(!leaving(&mut tester, first).contains(&3));
    tester.sack(cumulative, 100_000, &[(2, 3), (5, 8)]);
    assert_eq!(leaving(&mut tester, first), [3]);
    assert_eq!(
        tester.machine.stats().chunks_retransmitted,
        2,
        "the first, and the fourth"
    );
}

#[test]
fn a_list_of_blocks_that_is_cut_short_says_nothing_of_what_lies_above_it() {
    let mut tester = Tester::new();
    let first = send_packets(&mut tester, 10);
    let cumulative = first.wrapping_sub(1);
    // A receiver that lists no more than two blocks, however many it has.
    tester.sack(cumulative, 100_000, &[(4, 4), (8, 10)]);
    tester.sack(cumulative, 100_000, &[(4, 4), (6, 6)]);
    tester.sack(cumulative, 100_000, &[(2, 2), (4, 4)]);
    tester.sack(first, 100_000, &[(3, 3), (5, 5)]);
    tester.sack(first.wrapping_add(3), 100_000, &[(2, 2)]);
    let again = leaving(&mut tester, first);
    assert_eq!(again, [4, 6], "what was never acknowledged, and nothing else");
}

#[test]
fn all_that_the_peer_throws_away_is_sent_again_once_the_cumulative_ack_stops_before_it() {
    let mut tester = Tester::new();
    let first = send_packets(&mut tester, 6);
    let cumulative = first.wrapping_sub(1);
    tester.sack(cumulative, 100_000, &[(2, 6)]);
    // It is short of memory and forgets what is out of order, which no list of blocks tells...
    tester.sack(cumulative, 100_000, &[]);
    tester.now += ms(5000);
    tester.machine.handle_timeout(tester.now);
    assert_eq!(leaving(&mut tester, first), [0]);
    // ...but that the gap is filled and nothing behind it is there.
    tester.sack(first, 100_000, &[(4, 4)]);
    assert_eq!(leaving(&mut tester, first), [1, 2, 3]);
    tester.sack(first.wrapping_add(4), 100_000, &[]);
    assert_eq!(leaving(&mut tester, first), [5]);
    tester.sack(first.wrapping_add(5), 100_000, &[]);
    let at = tester.machine.poll_timeout().unwrap();
    assert!(at - tester.now > ms(20_000), "only the heartbeat is left");
}

#[test]
fn an_acknowledgement_that_may_have_waited_for_a_retransmission_is_no_round_trip() {
    let mut tester = Tester::new();
    let first = send_packets(&mut tester, 4);
    let cumulative = first.wrapping_sub(1);
    tester.now += ms(20);
    for last in 2..=4 {
        tester.sack(cumulative, 100_000, &[(2, last)]);
    }
    assert_eq!(leaving(&mut tester, first), [0]);
    let measured = tester.machine.round_trip_time();
    // One more leaves and arrives, but is not listed until the gap is filled.
    tester.now += ms(1);
    assert_eq!(send_packets(&mut tester, 1), first.wrapping_add(4));
    tester.now += ms(300);
    tester.sack(first.wrapping_add(4), 100_000, &[]);
    assert_eq!(tester.machine.round_trip_time(), measured);
    send_packets(&mut tester, 1);
    tester.now += ms(300);
    tester.sack(first.wrapping_add(5), 100_000, &[]);
    assert_ne!(tester.machine.round_trip_time(), measured, "this one is not ambiguous");
}

#[test]
fn a_closed_window_is_probed_with_one_packet_later_and_later_for_hours() {
    let mut tester = Tester::new();
    let first = send_packets(&mut tester, 1);
    tester.sack(first, 0, &[]);
    for number in 0..5 {
        tester
            .machine
            .send(0, 51, numbered(number, 1100), Default::default())
            .unwrap();
    }
    let mut buf = [0; 1500];
    let mut packets = 0;
    for _ in 0..2000 {
        while tester
            .machine
            .write_body(tester.now, &mut buf, Headroom::NONE)
            .is_some()
        {
            packets += 1;
        }
        // The peer answers, and has no room still.
        tester.sack(first, 0, &[]);
        tester.now = tester.machine.poll_timeout().unwrap();
        tester.machine.handle_timeout(tester.now);
    }
    assert_eq!(
        tester.machine.poll_event(),
        Some(Event::BufferedAmountLow { stream: 0 })
    );
    assert_eq!(tester.machine.poll_event(), None, "nobody gives up");
    assert!((1000..=2100).contains(&packets), "{packets}");
    tester.sack(first.wrapping_add(1), 100_000, &[]);
    let mut left = 0;
    while tester
        .machine
        .write_body(tester.now, &mut buf, Headroom::NONE)
        .is_some()
    {
        left += 1;
    }
    assert_eq!(left, 4, "the window is open");
}

#[test]
fn packets_that_come_in_one_batch_are_acknowledged_as_if_they_came_one_by_one() {
    let mut tester = Tester::new();
    for n in 0..6 {
        tester.message(n);
    }
    for n in [1, 3, 5] {
        assert_eq!(tester.told(), Some((n, vec![], vec![])));
    }
    assert_eq!(tester.told(), None);
    // A hole, and what comes behind it: the sender counts who tells of it (§7.2.4).
    for n in [7, 8, 10, 10] {
        tester.message(n);
    }
    assert_eq!(tester.told(), Some((5, vec![(2, 2)], vec![10])));
    assert_eq!(tester.told(), Some((5, vec![(2, 3)], vec![])));
    assert_eq!(tester.told(), Some((5, vec![(2, 3), (5, 5)], vec![])));
    assert_eq!(tester.told(), Some((5, vec![(2, 3), (5, 5)], vec![])));
    assert_eq!(tester.told(), None);
    tester.message(6);
    tester.message(9);
    assert_eq!(tester.told(), Some((8, vec![(2, 2)], vec![])));
    assert_eq!(tester.told(), Some((10, vec![], vec![])));
    assert_eq!(tester.told(), None);
}

#[test]
fn few_acknowledgements_wait_however_large_the_batch() {
    let mut tester = Tester::new();
    for n in 0..1000 {
        tester.message(n);
    }
    let sacks: Vec<_> = std::iter::from_fn(|| tester.told()).collect();
    assert_eq!(sacks.len(), 17);
    assert_eq!(sacks[15], (31, vec![], vec![]));
    assert_eq!(sacks[16], (999, vec![], vec![]), "the last one stands for many");
}

#[test]
fn a_receiver_that_was_busy_still_lets_the_sender_tell_a_loss_by_sacks() {
    let mut pair = Associations::connected();
    // So that the first DATA is past.
    pair.send(0, "hello");
    pair.run_for(ms(500));
    pair.a.lose = vec![0];
    for number in 0..8 {
        pair.send(0, numbered(number, 1100));
    }
    let before = pair.b.machine.stats().sacks_sent;
    pair.b.busy_until = pair.now + ms(50);
    pair.run_for(ms(61));
    // One for each packet behind the gap, a probe included.
    assert_eq!(pair.b.machine.stats().sacks_sent - before, 8);
    assert_eq!(pair.a.machine.stats().fast_recoveries, 1);
}

#[test]
fn who_sends_much_without_a_loss_gets_one_acknowledgement_for_a_batch() {
    let mut tester = Tester::new();
    let count = |tester: &mut Tester| std::iter::from_fn(|| tester.told()).count();
    let mut next = 0;
    let mut batch = |tester: &mut Tester, skip: u32| {
        next += skip;
        (0..32).for_each(|n| tester.message(next + n));
        next += 32;
    };
    for _ in 0..64 {
        batch(&mut tester, 0);
        assert_eq!(count(&mut tester), 16, "it may be in slow start");
    }
    batch(&mut tester, 0);
    batch(&mut tester, 0);
    count(&mut tester);
    batch(&mut tester, 0);
    assert_eq!(count(&mut tester), 1);
    // It may have begun anew after a pause, or a loss.
    tester.now += ms(600);
    batch(&mut tester, 0);
    assert_eq!(count(&mut tester), 16);
    (0..66).for_each(|_| batch(&mut tester, 0));
    count(&mut tester);
    batch(&mut tester, 1);
    assert_eq!(count(&mut tester), 17);
}

/// RFC 7053 §5.2.
#[test]
fn data_that_asks_for_it_is_acknowledged_at_once() {
    let mut tester = Tester::new();
    let header = DataHeader {
        unordered: true,
        beginning: true,
        ending: true,
        tsn: tester.tsn,
        ..DataHeader::default()
    };
    tester.give(|packet| {
        packet.data(&header, b"now, please");
        packet.ask_for_immediate_sack();
    });
    assert_eq!(tester.told(), Some((0, vec![], vec![])));
}
