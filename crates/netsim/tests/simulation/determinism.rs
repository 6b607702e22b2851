//! One seed decides everything, and each thing by itself.

use quickcheck::{TestResult, quickcheck};

use crate::common::{Pair, addr, drain, ms};
use pollrtc_netsim::{Arrival, Link, Nat, Network, Socket, Trace, Zone};

fn bad_link() -> Link {
    Link::new()
        .latency(ms(20))
        .jitter(ms(15))
        .loss(0.1)
        .duplication(0.1)
        .reordering(0.1, ms(20))
        .corruption(0.1)
        .bandwidth(2_000_000)
        .queue(20_000)
}

/// All kinds of chance at work; the whole story as text.
fn story(seed: u64) -> String {
    let mut net = Network::new(seed);
    net.start_trace(Trace::new());
    net.set_link(Zone::INTERNET, bad_link());
    let home = net.nat(Nat::symmetric("203.0.113.1".parse().unwrap()));
    let inside = ["10.0.0.2:5000", "10.0.0.3:5000"].map(|inside| net.host_in(home, addr(inside), Socket::new()));
    let server = net.host(addr("198.51.100.1:3478"), Socket::new());
    for round in 0..50u8 {
        for host in inside {
            net[host].send(addr("198.51.100.1:3478"), &[round; 600]);
        }
        net.advance(ms(7));
        for question in drain(&mut net, server) {
            net[server].send(question.source, &question.payload);
        }
    }
    net.advance(ms(1000));
    net.trace().expect("a trace").to_string()
}

quickcheck! {
    fn same_seed_same_story(seed: u64) -> bool {
        story(seed) == story(seed)
    }

    fn other_seed_other_story(a: u64, b: u64) -> TestResult {
        if a == b {
            return TestResult::discard();
        }
        TestResult::from_bool(story(a) != story(b))
    }
}

/// What happens on one path does not depend on how busy others are: a test does not change its course
/// because a bystander was added.
#[test]
fn paths_draw_independently() {
    let times = |bystanders: bool| -> Vec<Arrival> {
        let mut pair = Pair::new(9, bad_link());
        if bystanders {
            let carol = pair.net.host(addr("192.0.2.3:1"), Socket::new());
            for _ in 0..100 {
                pair.net[carol].send(addr("192.0.2.2:7777"), b"noise");
            }
        }
        pair.stream(200, 100, ms(3))
    };
    assert_eq!(times(false), times(true));
}

quickcheck! {
    /// Nothing appears and nothing vanishes: each datagram that was sent, and each duplicate, was
    /// received or dropped for a reason.
    fn every_datagram_is_accounted_for(seed: u64, sizes: Vec<u16>) -> bool {
        let mut net = Network::new(seed);
        net.set_link(Zone::INTERNET, bad_link().mtu(40_000));
        let home = net.nat(Nat::port_restricted("203.0.113.1".parse().unwrap()));
        let alice = net.host_in(home, addr("10.0.0.2:5000"), Socket::new());
        let bob = net.host(addr("198.51.100.1:3478"), Socket::new());
        for size in sizes {
            net[alice].send(addr("198.51.100.1:3478"), &vec![1; usize::from(size).max(1)]);
            net[bob].send(addr("203.0.113.1:5000"), &[1]);
            net[bob].send(addr("203.0.113.2:5000"), &[1]);
            net.advance(ms(10));
        }
        while net.step() {}
        let stats = net.stats();
        stats.sent + stats.duplicated == stats.received + stats.dropped()
    }
}
