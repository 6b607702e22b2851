//! Each thing that a link can do to a datagram: exactly where it is exact, statistically where it is
//! chance.

use std::time::Duration;

use crate::common::{ALICE, BOB, Pair, addr, drain, ms, number};
use std::num::NonZeroUsize;

use pollrtc_core::{Ecn, Instant, Transmit};
use pollrtc_netsim::{Link, Network, Socket, Zone};

const MANY: u32 = 20_000;

/// Whether a count of events is as likely as it should be: within five standard deviations.
fn plausible(count: usize, of: u32, probability: f64) -> bool {
    let expected = f64::from(of) * probability;
    let deviation = (expected * (1.0 - probability)).sqrt();
    (count as f64 - expected).abs() <= 5.0 * deviation
}

#[test]
fn perfect_link_delivers_at_once_and_in_order() {
    let mut pair = Pair::new(1, Link::new());
    let got = pair.stream(100, 1000, Duration::ZERO);
    assert_eq!(got.iter().map(number).collect::<Vec<_>>(), Vec::from_iter(0..100));
    assert!(got.iter().all(|arrival| arrival.at == Instant::ZERO));
}

#[test]
fn latency_is_exact() {
    let mut pair = Pair::new(1, Link::new().latency(ms(37)));
    for arrival in pair.stream(10, 100, ms(5)) {
        let sent = Instant::from_millis(u64::from(number(&arrival)) * 5);
        assert_eq!(arrival.at, sent + ms(37));
    }
}

#[test]
fn jitter_stays_in_its_bounds_and_keeps_the_order() {
    let mut pair = Pair::new(2, Link::new().latency(ms(20)).jitter(ms(30)));
    let got = pair.stream(MANY, 100, ms(40));
    let delays: Vec<Duration> = got
        .iter()
        .map(|arrival| arrival.at - Instant::from_millis(u64::from(number(arrival)) * 40))
        .collect();
    assert!(delays.iter().all(|delay| (ms(20)..=ms(50)).contains(delay)));
    assert!(got.is_sorted_by_key(number));
    let mean = delays.iter().sum::<Duration>() / MANY;
    assert!(mean > ms(34) && mean < ms(36), "mean delay {mean:?}");
}

#[test]
fn jitter_of_dense_traffic_does_not_reorder() {
    let mut pair = Pair::new(3, Link::new().jitter(ms(100)));
    let got = pair.stream(1000, 100, ms(1));
    assert_eq!(got.len(), 1000);
    assert!(got.is_sorted_by_key(number));
}

#[test]
fn loss_has_its_probability() {
    for probability in [0.01, 0.1, 0.5] {
        let mut pair = Pair::new(4, Link::new().loss(probability));
        let lost = MANY as usize - pair.stream(MANY, 10, Duration::ZERO).len();
        assert!(plausible(lost, MANY, probability), "{lost} at {probability}");
        assert_eq!(pair.net.stats().lost, lost as u64);
    }
}

#[test]
fn loss_of_one_cuts_the_link_until_it_is_mended() {
    let mut pair = Pair::new(5, Link::new().loss(1.0));
    assert_eq!(pair.stream(100, 10, ms(1)), []);
    pair.net.set_link(Zone::INTERNET, Link::new());
    assert_eq!(pair.stream(100, 10, ms(1)).len(), 100);
}

#[test]
fn duplicates_have_their_probability_and_arrive_after() {
    let mut pair = Pair::new(6, Link::new().latency(ms(5)).jitter(ms(5)).duplication(0.2));
    let got = pair.stream(MANY, 10, ms(1));
    let twice = got.len() - MANY as usize;
    assert!(plausible(twice, MANY, 0.2), "{twice}");
    assert_eq!(pair.net.stats().duplicated, twice as u64);
    assert!(got.is_sorted_by_key(|arrival| arrival.at));
    let mut seen: Vec<u32> = got.iter().map(number).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, Vec::from_iter(0..MANY));
}

#[test]
fn held_back_datagrams_are_overtaken_by_exactly_those_within_the_time() {
    let mut pair = Pair::new(7, Link::new().latency(ms(10)).reordering(0.1, ms(25)));
    let got = pair.stream(MANY, 10, ms(10));
    let late = |arrival: &&pollrtc_netsim::Arrival| {
        let sent = Instant::from_millis(u64::from(number(arrival)) * 10);
        let delay = arrival.at - sent;
        assert!(delay == ms(10) || delay == ms(35), "{delay:?}");
        delay == ms(35)
    };
    let held_back = got.iter().filter(late).count();
    assert!(plausible(held_back, MANY, 0.1), "{held_back}");
    assert_eq!(pair.net.stats().reordered, held_back as u64);
    // 25 ms later: the two that were sent 10 and 20 ms after it have overtaken, unless held back too.
    let order: Vec<u32> = got.iter().map(number).collect();
    let overtaken_by = |at: usize| order[..at].iter().filter(|n| **n > order[at]).count();
    let most = (0..order.len().min(2000)).map(overtaken_by).max();
    assert_eq!(most, Some(2));
}

#[test]
fn corruption_flips_exactly_one_bit() {
    let mut pair = Pair::new(8, Link::new().corruption(0.3));
    let payload = [0xA5; 64];
    for _ in 0..MANY {
        pair.net[pair.alice].send(addr(BOB), &payload);
    }
    pair.net.step();
    let flipped_bits = |arrival: &pollrtc_netsim::Arrival| -> u32 {
        let pairs = arrival.payload.iter().zip(&payload);
        pairs.map(|(got, sent)| (got ^ sent).count_ones()).sum()
    };
    let got = drain(&mut pair.net, pair.bob);
    assert_eq!(got.len(), MANY as usize);
    let damaged = got.iter().filter(|arrival| flipped_bits(arrival) == 1).count();
    let intact = got.iter().filter(|arrival| flipped_bits(arrival) == 0).count();
    assert_eq!(damaged + intact, MANY as usize);
    assert!(plausible(damaged, MANY, 0.3), "{damaged}");
    assert_eq!(pair.net.stats().corrupted, damaged as u64);
}

#[test]
fn corruption_of_nothing_is_nothing() {
    let mut pair = Pair::new(8, Link::new().corruption(1.0));
    pair.net.inject(Zone::INTERNET, addr(ALICE), addr(BOB), b"");
    pair.net.step();
    assert_eq!(drain(&mut pair.net, pair.bob).len(), 1);
    assert_eq!(pair.net.stats().corrupted, 0);
}

#[test]
fn bandwidth_spaces_datagrams_by_their_size_on_the_wire() {
    // 972 bytes of payload are 1,000 on the wire: 8 ms at 1 Mbit/s.
    let link = Link::new().latency(ms(100)).bandwidth(1_000_000);
    let mut pair = Pair::new(9, link);
    for (n, arrival) in (1..).zip(pair.stream(20, 972, Duration::ZERO)) {
        assert_eq!(arrival.at, Instant::from_millis(100 + 8 * n));
    }
}

#[test]
fn bandwidth_is_idle_between_bursts() {
    let mut pair = Pair::new(9, Link::new().bandwidth(1_000_000));
    let got = pair.stream(5, 972, ms(20));
    let times: Vec<Instant> = got.iter().map(|arrival| arrival.at).collect();
    assert_eq!(times, [8, 28, 48, 68, 88].map(Instant::from_millis));
}

#[test]
fn queue_drops_its_tail() {
    let link = Link::new().bandwidth(1_000_000).queue(5_000);
    let mut pair = Pair::new(10, link);
    // Five fit at once; while the sixth to the twentieth come, nothing has left yet.
    for n in 0..20u32 {
        let payload = [&n.to_be_bytes()[..], &[0; 968]].concat();
        pair.net[pair.alice].send(addr(BOB), &payload);
    }
    pair.net.advance(ms(12)); // one has left, half of the second
    assert_eq!(pair.net.stats().queue_full, 15);
    pair.net[pair.alice].send(addr(BOB), &[&99u32.to_be_bytes()[..], &[0; 968]].concat());
    pair.net.advance(ms(1000));
    let got = drain(&mut pair.net, pair.bob);
    let order: Vec<u32> = got.iter().map(number).collect();
    assert_eq!(order, [0, 1, 2, 3, 4, 99]);
    assert_eq!(got.last().unwrap().at, Instant::from_millis(48));
}

#[test]
fn queue_takes_one_datagram_however_small_it_is() {
    let mut pair = Pair::new(10, Link::new().bandwidth(1_000_000).queue(10));
    assert_eq!(pair.stream(5, 972, ms(8)).len(), 5);
}

#[test]
fn throughput_is_the_bandwidth() {
    let mut pair = Pair::new(11, Link::new().bandwidth(8_000_000).queue(100_000));
    let got = pair.stream(10_000, 972, Duration::from_micros(500)); // twice what fits
    let bytes: usize = got.iter().map(|arrival| arrival.payload.len() + 28).sum();
    let time = got.last().unwrap().at.since_origin().as_secs_f64();
    let rate = bytes as f64 * 8.0 / time;
    assert!((rate - 8e6).abs() < 1e4, "{rate}");
}

#[test]
fn mtu_counts_the_headers_of_ip_and_udp() {
    let mut net = Network::new(12);
    net.set_link(Zone::INTERNET, Link::new().mtu(1280));
    let a = net.host(addr("192.0.2.1:1"), Socket::new());
    let b = net.host(addr("192.0.2.2:1"), Socket::new());
    net.bind(a, addr("[2001:db8::1]:1"));
    net.bind(b, addr("[2001:db8::2]:1"));
    for (to, largest) in [("192.0.2.2:1", 1252), ("[2001:db8::2]:1", 1232)] {
        for len in [largest, largest + 1] {
            net[a].send(addr(to), &vec![0; len]);
        }
        net.step();
        let got = drain(&mut net, b);
        assert_eq!(got.iter().map(|a| a.payload.len()).collect::<Vec<_>>(), [largest]);
    }
    assert_eq!(net.stats().mtu_exceeded, 2);
}

#[test]
fn directions_are_independent() {
    let mut pair = Pair::new(13, Link::new().latency(ms(10)));
    let Pair { net, alice, bob } = &mut pair;
    net.set_path(*alice, *bob, Link::new().latency(ms(70)));
    net[*alice].send(addr(BOB), b"slow");
    net[*bob].send(addr(ALICE), b"fast");
    net.advance(ms(100));
    assert_eq!(net[*bob].recv().unwrap().at, Instant::from_millis(70));
    assert_eq!(net[*alice].recv().unwrap().at, Instant::from_millis(10));
}

#[test]
fn uplink_path_and_downlink_add_up() {
    let mut pair = Pair::new(14, Link::new().latency(ms(10)));
    let Pair { net, alice, bob } = &mut pair;
    net.set_uplink(*alice, Link::new().latency(ms(3)));
    net.set_downlink(*bob, Link::new().latency(ms(400)));
    net[*alice].send(addr(BOB), b"there");
    net[*bob].send(addr(ALICE), b"back");
    net.advance(ms(1000));
    assert_eq!(net[*bob].recv().unwrap().at, Instant::from_millis(413));
    assert_eq!(net[*alice].recv().unwrap().at, Instant::from_millis(10));
}

#[test]
fn uplink_is_shared_by_all_that_a_host_sends() {
    let mut pair = Pair::new(15, Link::new());
    let Pair { net, alice, bob } = &mut pair;
    let carol = net.host(addr("192.0.2.3:7000"), Socket::new());
    net.set_uplink(*alice, Link::new().bandwidth(1_000_000));
    net[*alice].send(addr(BOB), &[0; 972]);
    net[*alice].send(addr("192.0.2.3:7000"), &[0; 972]);
    net.advance(ms(100));
    assert_eq!(net[*bob].recv().unwrap().at, Instant::from_millis(8));
    assert_eq!(net[carol].recv().unwrap().at, Instant::from_millis(16));
}

#[test]
fn latency_may_change_under_traffic() {
    let mut pair = Pair::new(16, Link::new().latency(ms(50)));
    pair.net[pair.alice].send(addr(BOB), b"1");
    pair.net.advance(ms(1));
    pair.net.set_link(Zone::INTERNET, Link::new().latency(ms(80)));
    pair.net[pair.alice].send(addr(BOB), b"2");
    pair.net.advance(ms(500));
    let got = drain(&mut pair.net, pair.bob);
    let times: Vec<Instant> = got.iter().map(|arrival| arrival.at).collect();
    assert_eq!(times, [50, 81].map(Instant::from_millis));
}

#[test]
fn segment_train_travels_as_single_datagrams() {
    let mut pair = Pair::new(17, Link::new().bandwidth(1_000_000));
    let train = Transmit {
        segment_size: NonZeroUsize::new(972),
        ecn: Some(Ecn::Ect0),
        ..Transmit::udp(addr(BOB), 0)
    };
    pair.net[pair.alice].send_transmit(train, &[7; 2000]);
    pair.net.advance(ms(100));
    let got = drain(&mut pair.net, pair.bob);
    let sizes: Vec<usize> = got.iter().map(|arrival| arrival.payload.len()).collect();
    assert_eq!(sizes, [972, 972, 56]);
    assert_eq!(got[1].at, Instant::from_millis(16));
    assert!(got.iter().all(|arrival| arrival.ecn == Some(Ecn::Ect0)));
    assert_eq!(pair.net.traffic(pair.alice).sent, 3);
}

#[test]
fn probabilities_beyond_the_ends_are_the_ends() {
    let mut pair = Pair::new(18, Link::new().loss(-1.0).duplication(7.0));
    assert_eq!(pair.stream(100, 10, ms(1)).len(), 200);
    let mut pair = Pair::new(18, Link::new().loss(f64::NAN));
    assert_eq!(pair.stream(100, 10, ms(1)).len(), 100);
}
