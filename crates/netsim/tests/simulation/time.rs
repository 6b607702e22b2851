//! Virtual time: who moves it, and how far.

use pollrtc_core::Instant;
use pollrtc_netsim::{Link, Network, Socket};

use crate::common::{ALICE, BOB, Pair, addr, ms};

#[test]
fn time_stands_still_between_calls() {
    let mut net = Network::new(1);
    assert_eq!(net.now(), Instant::ZERO);
    net.host(addr(ALICE), Socket::new());
    assert!(!net.step());
    assert_eq!(net.now(), Instant::ZERO);
}

#[test]
fn a_step_goes_to_the_next_moment() {
    let mut pair = Pair::new(1, Link::new().latency(ms(30)));
    pair.net[pair.alice].send(addr(BOB), b"1");
    pair.net.advance(ms(10));
    pair.net[pair.alice].send(addr(BOB), b"2");
    let mut moments = Vec::new();
    while pair.net.step() {
        moments.push(pair.net.now());
    }
    // The moment at which the second one leaves, and the two arrivals.
    assert_eq!(moments, [10, 30, 40].map(Instant::from_millis));
}

#[test]
fn advancing_goes_exactly_that_far() {
    let mut net = Network::new(1);
    net.advance(ms(1234));
    assert_eq!(net.now(), Instant::from_millis(1234));
}

#[test]
fn running_stops_at_the_condition_or_the_deadline() {
    let mut pair = Pair::new(1, Link::new().latency(ms(30)));
    let bob = pair.bob;
    pair.net[pair.alice].send(addr(BOB), b"1");
    assert!(pair.net.run_until(|net| net[bob].waiting() == 1, ms(100)));
    assert_eq!(pair.net.now(), Instant::from_millis(30));
    assert!(!pair.net.run_until(|net| net[bob].waiting() == 2, ms(100)));
    assert_eq!(pair.net.now(), Instant::from_millis(130));
    assert!(
        !pair
            .net
            .run_until(|net| net[bob].waiting() == 2, Instant::from_millis(200))
    );
    assert_eq!(pair.net.now(), Instant::from_millis(200));
    assert!(
        pair.net.run_until(|_| true, ms(100)),
        "what holds already takes no time"
    );
    assert_eq!(pair.net.now(), Instant::from_millis(200));
}

#[test]
fn what_arrives_at_the_deadline_counts() {
    let mut pair = Pair::new(1, Link::new().latency(ms(30)));
    let bob = pair.bob;
    pair.net[pair.alice].send(addr(BOB), b"1");
    assert!(pair.net.run_until(|net| net[bob].waiting() == 1, ms(30)));
}

#[test]
fn a_deadline_in_the_past_does_not_turn_time_back() {
    let mut net = Network::new(1);
    net.advance(ms(100));
    assert!(!net.run_until(|_| false, Instant::from_millis(50)));
    assert_eq!(net.now(), Instant::from_millis(100));
}

#[test]
fn the_condition_may_act() {
    let mut pair = Pair::new(1, Link::new().latency(ms(10)));
    let (alice, bob) = (pair.alice, pair.bob);
    pair.net[alice].send(addr(BOB), b"ball");
    let mut bounces = 0;
    pair.net.run_until(
        |net| {
            for host in [alice, bob] {
                if let Some(ball) = net[host].recv() {
                    net[host].send(ball.source, &ball.payload);
                    bounces += 1;
                }
            }
            bounces == 20
        },
        ms(10_000),
    );
    assert_eq!(pair.net.now(), Instant::from_millis(200));
}
