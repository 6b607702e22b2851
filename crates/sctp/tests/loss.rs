//! RFC 9260 §6.3, §7.2.4, RFC 8985: what is lost is sent again, soon, and only that.

mod support;

use std::time::Duration;

use pollrtc_core::InnerProtocol;
use pollrtc_sctp::wire::kind;
use pollrtc_sctp::{AssociationState, CloseReason, Event, SendOptions};
use quickcheck::{QuickCheck, TestResult};
use support::*;

/// How long it takes until all of these messages are there, when `lose` of the packets are lost.
fn time_to_deliver(messages: usize, len: usize, lose: &[usize]) -> (Duration, Associations) {
    let mut pair = Associations::connected();
    // Measured round trips, and nothing waiting.
    pair.send(0, "warm up");
    pair.run_for(ms(500));
    pair.b.take_events();
    pair.a.lose = lose.to_vec();
    let start = pair.now;
    for number in 0..messages {
        pair.send(0, numbered(number, len));
    }
    pair.run_until(ms(20_000), |pair| pair.b.messages().len() == messages);
    (pair.now - start, pair)
}

#[test]
fn a_lost_packet_is_sent_again_after_one_round_trip() {
    let (time, pair) = time_to_deliver(8, 1100, &[0]);
    assert!(time <= ms(35), "{time:?}");
    let stats = pair.a.machine.stats();
    assert_eq!((stats.fast_recoveries, stats.timeouts), (1, 0));
    assert_eq!(stats.chunks_retransmitted, 1);
}

#[test]
fn a_lost_tail_is_repaired_within_three_and_a_half_round_trips() {
    let whole_flight = &[0, 1, 2, 3, 4][..];
    for lose in [&[4][..], &[3, 4], whole_flight] {
        let (time, pair) = time_to_deliver(5, 1100, lose);
        assert!(time <= ms(70), "{lose:?}: {time:?}");
        assert_eq!(pair.a.machine.stats().timeouts, 0);
    }
}

#[test]
fn a_retransmission_that_is_lost_too_is_found_by_time() {
    let mut pair = Associations::connected();
    pair.send(0, "warm up");
    pair.run_for(ms(500));
    pair.b.take_events();
    // Packets 0..10 leave at once; the first is lost, and so is its retransmission.
    pair.a.lose = vec![0, 10];
    let start = pair.now;
    for number in 0..40 {
        pair.send(0, numbered(number, 1100));
    }
    pair.run_until(ms(20_000), |pair| pair.b.messages().len() == 40);
    let time = pair.now - start;
    assert!(time <= ms(110), "{time:?}");
    assert_eq!(pair.a.machine.stats().timeouts, 0);
}

#[test]
fn the_window_is_halved_once_however_many_packets_of_it_are_lost() {
    let mut pair = Associations::connected();
    for number in 0..200 {
        pair.send(0, numbered(number, 1100));
    }
    let window = |pair: &Associations| pair.a.machine.congestion_window().unwrap();
    pair.run_until(ms(1000), |pair| window(pair) > 40_000);
    pair.a.lose = vec![0, 3, 5, 8];
    let mut before = 0;
    while pair.a.machine.stats().fast_recoveries == 0 {
        before = window(&pair);
        assert!(pair.step(pair.now + ms(1000)));
    }
    assert!(
        // It grew by what other acknowledgements told that came with the first ones of the loss.
        window(&pair).abs_diff(before / 2) <= 2 * 1152,
        "{before} -> {}",
        window(&pair)
    );
    pair.run_until(ms(5000), |pair| pair.b.messages().len() == 200);
    assert_eq!(pair.a.machine.stats().fast_recoveries, 1);
    assert_eq!(pair.a.machine.stats().chunks_retransmitted, 4);
}

#[test]
fn timeouts_double_up_to_their_bound_and_an_answer_resets_them() {
    let mut pair = Associations::connected();
    pair.faults.loss = 1000;
    pair.send(0, "hello?");
    pair.run_for(ms(12_000));
    let stats = pair.a.machine.stats();
    assert!((5..=7).contains(&stats.timeouts), "{}", stats.timeouts);
    assert_eq!(pair.a.machine.congestion_window(), Some(1152));
    pair.faults.loss = 0;
    pair.run_until(ms(3100), |pair| !pair.b.messages().is_empty());
}

#[test]
fn a_peer_that_is_gone_is_given_up() {
    let mut pair = Associations::connected();
    pair.faults.loss = 1000;
    pair.send(0, "hello?");
    pair.run_for(ms(60_000));
    let gone = Event::Closed(CloseReason::Timeout);
    assert_eq!(pair.a.events.last(), Some(&gone));
    assert_eq!(pair.a.machine.poll_timeout(), None);
}

#[test]
fn idle_peers_ask_whether_the_other_is_there() {
    let mut pair = Associations::connected();
    pair.run_for(ms(120_000));
    assert!((3..=12).contains(&pair.a.sent), "{}", pair.a.sent);
    assert_eq!(pair.a.events, []);
    pair.faults.loss = 1000;
    pair.run_for(ms(600_000));
    assert_eq!(pair.a.events, [Event::Closed(CloseReason::Timeout)]);
}

#[test]
fn reordering_is_learned_and_does_not_cost_retransmissions() {
    let faults = LinkFaults {
        reordering: 30,
        ..LinkFaults::default()
    };
    let mut pair = Associations::new(config(), config()).with_faults(faults, 5);
    pair.connect();
    pair.latency = ms(50);
    for number in 0..2000 {
        pair.send(0, numbered(number, 1100));
    }
    pair.run_until(ms(60_000), |pair| pair.b.messages().len() == 2000);
    let again = pair.a.machine.stats().chunks_retransmitted;
    assert!(again <= 20, "{again} of 2000");
}

/// Sends as much as it can for a while over a link that holds each packet up by 0 to 10 ms more than
/// its latency, and loses none. How many chunks were sent, and how many of them again.
fn send_with_jitter(pair: &mut Associations, duration: Duration) -> (u64, u64) {
    pair.faults.reordering = 1000;
    let before = pair.a.machine.stats();
    let end = pair.now + duration;
    while pair.now < end {
        while pair.a.machine.buffered_amount(1) < 1 << 20 {
            pair.send(1, numbered(0, 16_384));
        }
        pair.step(end);
        pair.b.take_events();
        pair.a.wire.clear();
        pair.b.wire.clear();
    }
    let after = pair.a.machine.stats();
    (
        after.chunks_sent - before.chunks_sent,
        after.chunks_retransmitted - before.chunks_retransmitted,
    )
}

#[test]
fn jitter_below_a_quarter_of_the_round_trip_costs_no_retransmission() {
    for seed in 0..4 {
        let mut pair = Associations::new(config(), config()).with_faults(LinkFaults::default(), seed);
        pair.latency = ms(50);
        pair.connect();
        let (sent, again) = send_with_jitter(&mut pair, ms(3000));
        assert!(sent > 30_000, "seed {seed}: {sent}");
        assert_eq!(again, 0, "seed {seed}: of {sent}");
    }
}

#[test]
fn jitter_of_many_round_trips_is_learned_within_two_seconds() {
    for seed in 0..8 {
        let mut pair = Associations::new(config(), config()).with_faults(LinkFaults::default(), seed);
        pair.latency = ms(1);
        pair.connect();
        send_with_jitter(&mut pair, ms(2000));
        let (sent, again) = send_with_jitter(&mut pair, ms(3000));
        assert!(sent > 6000, "seed {seed}: {sent}");
        assert!(again * 100 <= sent, "seed {seed}: {again} of {sent}");
    }
}

/// How often losses were seen where there are none, in the two seconds after the path became 150
/// times as long.
fn false_losses_on_a_longer_path(seed: u64, told: bool) -> u64 {
    let mut pair = Associations::new(config(), config()).with_faults(LinkFaults::default(), seed);
    pair.latency = Duration::from_micros(100);
    pair.connect();
    for number in 0..50 {
        pair.send(1, numbered(number, 100));
        pair.run_for(ms(100));
    }
    pair.latency = ms(15);
    if told {
        pair.a.machine.handle_path_change(pair.now);
        assert_eq!(pair.a.machine.round_trip_time(), None);
    }
    send_with_jitter(&mut pair, ms(2000));
    pair.a.machine.stats().fast_recoveries
}

#[test]
fn what_was_learned_of_a_path_is_forgotten_with_it() {
    for seed in 0..8 {
        let [told, untold] = [true, false].map(|told| false_losses_on_a_longer_path(seed, told));
        assert!(told <= 5 && untold >= 20, "seed {seed}: {told} and {untold}");
    }
}

/// The property of the whole crate: whatever the link does, the receiver gets exactly the sender's
/// messages, in order, and both directions at once.
fn everything_arrives(seed: u64, faults: LinkFaults, ordered: bool) -> bool {
    let mut pair = Associations::new(patient(), patient()).with_faults(faults, seed);
    pair.a.machine.connect();
    if seed.is_multiple_of(2) {
        pair.b.machine.connect();
    }
    let options = SendOptions {
        ordered,
        ..SendOptions::default()
    };
    let length = |number: usize| 1 + (number * 7919 + seed as usize % 1000) % 4000;
    let expected: Vec<_> = (0..60).map(|n| ((n % 3) as u16, numbered(n, length(n)))).collect();
    for (stream, data) in &expected {
        pair.a.machine.send(*stream, 53, data.clone(), options).unwrap();
        pair.b.machine.send(*stream, 53, data.clone(), options).unwrap();
    }
    pair.run_until(ms(600_000), |pair| {
        pair.a.messages().len() >= expected.len() && pair.b.messages().len() >= expected.len()
    });
    pair.run_for(ms(5000));
    [&pair.a, &pair.b].into_iter().all(|side| {
        let mut got = side.messages();
        let mut wanted = expected.clone();
        if ordered {
            // Order holds within a stream.
            got.sort_by_key(|(stream, _)| *stream);
            wanted.sort_by_key(|(stream, _)| *stream);
        } else {
            got.sort();
            wanted.sort();
        }
        got == wanted
    })
}

#[test]
fn for_every_seed_of_loss_duplication_and_reordering_everything_arrives_in_order() {
    fn property(seed: u64, loss: u8, duplication: u8, reordering: u8) -> TestResult {
        let faults = LinkFaults {
            loss: u32::from(loss),
            duplication: u32::from(duplication),
            reordering: u32::from(reordering) * 4,
        };
        let right = everything_arrives(seed, faults, true);
        TestResult::from_bool(right)
    }
    QuickCheck::new()
        .tests(150)
        .quickcheck(property as fn(u64, u8, u8, u8) -> TestResult);
}

#[test]
fn for_every_seed_unordered_messages_arrive_once() {
    for seed in 0..100 {
        let faults = LinkFaults {
            loss: 150,
            duplication: 100,
            reordering: 300,
        };
        assert!(everything_arrives(seed, faults, false), "seed {seed}");
    }
}

#[test]
fn what_another_path_carries_is_learned_from_the_beginning() {
    // RFC 8831 §5, RFC 8261 §6.1.
    let mut pair = Associations::connected();
    let window = |pair: &Associations| pair.a.machine.congestion_window().unwrap();
    let first = window(&pair);
    for number in 0..100 {
        pair.send(0, numbered(number, 16_384));
    }
    pair.run_until(ms(1000), |pair| window(pair) > 200_000);
    pair.a.machine.handle_path_change(pair.now);
    assert_eq!(window(&pair), first);
    // In slow start, as at first, although the path before lost something.
    pair.run_until(ms(1000), |pair| window(pair) > 200_000);
    pair.run_until(ms(10_000), |pair| pair.b.messages().len() == 100);
    assert_eq!(pair.a.machine.stats().chunks_retransmitted, 0);
}

/// Sends all the time over a path that is gone for so long. Gives what came in the second after the first that
/// came again, and how long after the path was back that was. `told`: another layer sees at once that the path is back.
fn outage(length: Duration, told: bool) -> (usize, Duration) {
    let config = || patient().with_receive_window(262_144).with_max_message_size(65_536);
    let mut pair = Associations::new(config(), config());
    pair.connect();
    let send = |pair: &mut Associations| {
        while pair.a.machine.buffered_amount(0) < 1 << 20 {
            pair.send(0, numbered(0, 16_384));
        }
    };
    let run = |pair: &mut Associations, duration: Duration| {
        let end = pair.now + duration;
        while pair.now < end {
            send(pair);
            pair.step(end);
        }
    };
    run(&mut pair, ms(300));
    pair.faults.loss = 1000;
    run(&mut pair, length);
    pair.drop_in_flight();
    pair.faults.loss = 0;
    pair.b.take_events();
    let back = pair.now;
    if told {
        pair.a.machine.handle_path_alive(pair.now);
    }
    while pair.b.events.is_empty() {
        run(&mut pair, ms(1));
    }
    let first = pair.now - back;
    run(&mut pair, ms(1000));
    (pair.b.messages().len(), first)
}

#[test]
fn who_is_told_that_the_path_is_back_goes_on_at_once() {
    for length in [1500, 4000, 30_000].map(ms) {
        let (came, first) = outage(length, true);
        assert!(first <= ms(100), "after {length:?}: {first:?}");
        assert!(came >= 200, "after {length:?}: {came} messages");
    }
}

#[test]
fn a_path_that_was_gone_carries_what_it_did_soon_after() {
    // Half of what it was when the first timer ran out is half of what the path carries, whatever ran out after that.
    let (came, first) = outage(ms(2700), false);
    assert!(first <= ms(3100), "{first:?}");
    assert!(came >= 200, "{came} messages");
}

#[test]
fn who_is_told_that_the_path_is_there_sends_nothing_again_for_that() {
    let mut pair = Associations::connected();
    for number in 0..100 {
        pair.send(0, numbered(number, 16_384));
    }
    for _ in 0..300 {
        pair.a.machine.handle_path_alive(pair.now);
        pair.run_for(ms(1));
    }
    assert_eq!(pair.b.messages().len(), 100);
    assert_eq!(pair.a.machine.stats().chunks_retransmitted, 0);
    assert_eq!(pair.a.machine.stats().timeouts, 0);
}

/// Whoever drives us may sleep for a week, or set its clock back.
#[test]
fn time_that_jumps_costs_one_timeout_and_no_more() {
    let mut tester = Tester::new();
    tester
        .machine
        .send(0, 51, numbered(0, 1000), Default::default())
        .unwrap();
    assert_eq!(tester.chunks().len(), 1);
    let before = tester.now;
    tester.now += Duration::from_secs(7 * 24 * 3600);
    tester.machine.handle_timeout(tester.now);
    assert_eq!(tester.machine.stats().timeouts, 1);
    let data = tester.chunks().iter().filter(|chunk| chunk.0 == kind::DATA).count();
    assert_eq!(data, 1, "sent again once");
    assert_eq!(tester.chunks(), []);
    let due = tester.machine.poll_timeout().unwrap();
    assert!(
        due > tester.now && due - tester.now <= ms(3000),
        "{:?}",
        due - tester.now
    );
    // Back again: nothing is due that was not.
    tester.now = before;
    tester.machine.handle_timeout(tester.now);
    assert_eq!(tester.chunks(), []);
    assert_eq!(tester.machine.stats().timeouts, 1);
    assert_eq!(tester.machine.poll_timeout(), Some(due));
    assert_eq!(tester.machine.state(), AssociationState::Connected);
}

/// A queue that overflows drops every second packet, and there are more gaps than a SACK can list.
#[test]
fn more_gaps_than_a_list_can_name_are_filled_without_a_timeout() {
    let packets = 1800;
    let mut pair = Associations::new(config().with_initial_window(packets), config());
    pair.connect();
    pair.a.lose = (0..1600).step_by(2).collect();
    let sent: Vec<_> = (0..packets).map(|number| (0, numbered(number, 1100))).collect();
    let start = pair.now;
    for (stream, message) in &sent {
        pair.send(*stream, message.clone());
    }
    pair.run_until(ms(5000), |pair| pair.b.messages().len() == packets);
    assert_eq!(pair.b.messages(), sent);
    let stats = pair.a.machine.stats();
    assert_eq!((stats.timeouts, stats.fast_recoveries), (0, 1));
    assert_eq!(stats.chunks_retransmitted, 800, "nothing that was there");
    let took = pair.now - start;
    assert!(took <= ms(120), "{took:?}, six round trips");
}
