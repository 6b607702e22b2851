//! When the controlling side decides, for peers that send nothing before (lite ones, and others).

use pollrtc_core::Instant;
use pollrtc_ice::{Candidate, Role, State};
use pollrtc_netsim::{Nat, Network};
use pollrtc_stun::Message;

use super::common::{A, B, Pair, agent, at, host, ms, only_between};
use super::nat::{World, internet};

/// When a nomination reaches B.
fn nominated_at(pair: &Pair) -> Option<Instant> {
    let nominates = |bytes: &[u8]| Message::parse(bytes).is_ok_and(|message| message.use_candidate());
    let sent = pair.sent[A].iter().find(|(_, packet)| nominates(&packet.bytes))?;
    Some(sent.0 + pair.one_way)
}

#[test]
fn the_first_pair_that_works_is_nominated_at_once() {
    for rtt in [50, 100, 200] {
        // The better pair is a black hole, as between private addresses of two networks.
        let mut pair = Pair::with_addresses([1, 2], ms(rtt));
        pair.filter = only_between(host(A, 0), host(B, 1));
        pair.signal();
        pair.run_until(at(1_000));
        let expected = at(rtt * 3 / 2 + 5);
        assert_eq!(nominated_at(&pair), Some(expected), "RTT {rtt}");
        assert!(pair.agents.iter().all(|agent| agent.state() == State::Completed));
    }
}

#[test]
fn the_worst_of_twenty_pairs_too() {
    for (rtt, most) in [(50, 170), (100, 245), (200, 395)] {
        let mut pair = Pair::with_addresses([5, 4], ms(rtt));
        pair.filter = only_between(host(A, 4), host(B, 3));
        pair.signal();
        pair.run_until(at(1_000));
        assert!(
            nominated_at(&pair).unwrap() <= at(most),
            "RTT {rtt}: {:?}",
            nominated_at(&pair)
        );
        assert!(pair.first_completed[B].unwrap() <= at(most));
    }
}

#[test]
fn behind_address_dependent_nats_both_can_send_after_a_round_trip_and_a_half_and_5_ms() {
    for rtt in [50, 100, 200] {
        let link = internet(0.0).latency(ms(rtt / 2));
        let mut world = World::new(7, link, |net: &mut Network| {
            [("203.0.113.1", "192.168.1.2:5000"), ("203.0.113.2", "192.168.7.2:6000")]
                .map(|(outside, inside)| (net.nat(Nat::address_restricted(outside.parse().unwrap())), inside))
        });
        // Each has asked its server before anything is signalled.
        world.net.advance(ms(1_000));
        world.delay = [ms(0); 2];
        world.signal();
        let start = world.net.now();
        let deadline = start + ms(rtt * 3 / 2 + 5);
        assert!(
            world.run_until(deadline + ms(1), |world| {
                let controlled = &world.net[world.agents[B]];
                controlled.state() == State::Completed
            }),
            "RTT {rtt}"
        );
        assert!(world.net.now() <= deadline, "RTT {rtt}: {:?}", world.net.now() - start);
    }
}

#[test]
fn candidates_that_are_still_to_come_hold_nothing_up() {
    let mut pair = Pair::with_addresses([1, 1], ms(50));
    for side in [A, B] {
        let credentials = pair.agents[1 - side].local_credentials().clone();
        pair.agents[side].set_remote_credentials(at(0), credentials).unwrap();
    }
    // A server-reflexive one, and no end of candidates.
    let to = host(B, 0);
    let line = format!(
        "candidate:1 1 udp 1694498815 {} {} typ srflx raddr 10.9.9.9 rport 9",
        to.ip(),
        to.port()
    );
    pair.agents[A].add_remote_candidate(at(0), line.parse::<Candidate>().unwrap());
    pair.run_until(at(1_000));
    assert_eq!(nominated_at(&pair), Some(at(75)));
}

#[test]
fn of_pairs_that_answer_equally_fast_the_best_is_nominated() {
    for rtt in [2, 50, 200] {
        let mut pair = Pair::with_addresses([3, 3], ms(rtt));
        pair.signal();
        assert!(pair.run_until_both(State::Completed, at(1_000)));
        assert_eq!(
            (pair.path(A).local, pair.path(A).remote),
            (host(A, 0), host(B, 0)),
            "RTT {rtt}"
        );
    }
}

#[test]
fn a_better_pair_that_was_asked_just_now_is_waited_for() {
    // The first pair that works is the second in priority, and the best comes to be known while it is asked.
    let mut pair = Pair::new(agent(Role::Controlling, 1), agent(Role::Controlled, 2), ms(100));
    for side in [A, B] {
        for index in 0..2 {
            pair.agents[side].add_local_address(at(0), host(side, index)).unwrap();
        }
        let credentials = pair.agents[1 - side].local_credentials().clone();
        pair.agents[side].set_remote_credentials(at(0), credentials).unwrap();
    }
    let line = |index: usize, priority: u32| {
        let to = host(B, index);
        format!("candidate:{index} 1 udp {priority} {} {} typ host", to.ip(), to.port())
    };
    pair.agents[A].add_remote_candidate(at(0), line(1, 1_000).parse::<Candidate>().unwrap());
    pair.run_until(at(60));
    pair.agents[A].add_remote_candidate(at(60), line(0, 2_000_000_000).parse::<Candidate>().unwrap());
    assert!(pair.run_until_both(State::Completed, at(1_000)));
    assert_eq!(pair.path(A).remote, host(B, 0));
    assert!(pair.first_path[A].unwrap() <= at(100), "data does not wait for that");
}
