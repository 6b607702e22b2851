//! How fast, and with how few packets, two agents find each other.

use super::common::{A, B, Pair, Way, address, agent, at, host, ms, only_between};
use pollrtc_core::Instant;
use pollrtc_ice::{Candidate, Event, Role, State};

#[test]
fn one_pair_connects_within_a_round_trip() {
    for rtt in [0, 50, 200] {
        let mut pair = Pair::with_addresses([1, 1], ms(rtt));
        pair.signal();
        assert!(pair.run_until_both(State::Completed, at(5 * rtt + 1)), "RTT {rtt}");
        assert_eq!(
            pair.first_path[A],
            Some(at(rtt)),
            "the controlling side sends after one round trip"
        );
        assert!(pair.first_path[B].unwrap() <= at(rtt * 3 / 2));
        assert_eq!(
            pair.path(A),
            Way {
                local: host(A, 0),
                remote: host(B, 0)
            }
        );
        assert_eq!(
            pair.path(B),
            Way {
                local: host(B, 0),
                remote: host(A, 0)
            }
        );
    }
}

#[test]
fn five_and_twenty_open_pairs_are_as_fast_as_one() {
    for counts in [[5, 1], [5, 4]] {
        for rtt in [0, 50, 200] {
            let mut pair = Pair::with_addresses(counts, ms(rtt));
            pair.signal();
            assert!(
                pair.run_until_both(State::Completed, at(5 * rtt + 1)),
                "{counts:?} RTT {rtt}"
            );
            assert_eq!(pair.first_path[A], Some(at(rtt)));
            assert!(pair.first_path[B].unwrap() <= at(rtt * 3 / 2));
        }
    }
}

#[test]
fn the_worst_of_twenty_pairs_is_found_in_100_ms_and_a_round_trip_and_a_half() {
    for rtt in [0, 50, 200] {
        let mut pair = Pair::with_addresses([5, 4], ms(rtt));
        pair.filter = only_between(host(A, 4), host(B, 3));
        pair.signal();
        pair.run_until(at(100 + rtt * 3 / 2));
        for side in [A, B] {
            assert!(pair.first_path[side].is_some(), "side {side}, RTT {rtt}");
        }
        assert!(pair.run_until_both(State::Completed, at(5000)));
    }
}

#[test]
fn a_side_that_starts_late_connects_within_two_round_trips() {
    let mut pair = Pair::with_addresses([1, 1], ms(50));
    pair.starts[B] = at(30);
    pair.signal_to(A);
    pair.run_until(at(30));
    pair.signal_to(B);
    pair.run_until(at(130));
    assert!(pair.first_path[A].unwrap() <= at(130));
    assert!(pair.first_path[B].unwrap() <= at(80));
}

#[test]
fn no_more_packets_than_needed() {
    // What the leanest peer needs until both can send (with the same 5 ms between checks).
    for (counts, rtt, most) in [([1, 1], 50, 6), ([1, 1], 200, 7), ([5, 1], 50, 22), ([5, 4], 200, 103)] {
        let mut pair = Pair::with_addresses(counts, ms(rtt));
        pair.signal();
        while pair.first_path.contains(&None) {
            assert!(pair.step(at(1000)));
        }
        assert!(
            pair.packets() <= most,
            "{counts:?} at {rtt} ms: {} packets",
            pair.packets()
        );
    }
}

/// B's host candidates as some servers write them: with one foundation for all.
fn of_one_foundation(count: usize) -> impl Iterator<Item = Candidate> {
    let line = |index: usize| {
        let (to, priority) = (host(B, index), 2_000_000 - index);
        let line = format!(
            "candidate:udpcandidate 1 udp {priority} {} {} typ host",
            to.ip(),
            to.port()
        );
        line.parse().unwrap()
    };
    (0..count).map(line)
}

/// A knows these candidates of B, of which only the last can be reached.
fn with_candidates(count: usize, candidates: impl Iterator<Item = Candidate>) -> Pair {
    let mut pair = Pair::with_addresses([1, count], ms(50));
    pair.filter = only_between(host(A, 0), host(B, count - 1));
    for side in [A, B] {
        let credentials = pair.agents[1 - side].local_credentials().clone();
        pair.agents[side].set_remote_credentials(at(0), credentials).unwrap();
    }
    for candidate in candidates {
        pair.agents[A].add_remote_candidate(at(0), candidate);
    }
    pair
}

#[test]
fn candidates_of_one_foundation_do_not_wait_for_each_other_to_time_out() {
    for count in [2, 3, 8, 20] {
        let mut pair = with_candidates(count, of_one_foundation(count));
        pair.agents[A].end_of_remote_candidates(at(0));
        let checked_at = 5 * (count as u64 - 1);
        pair.run_until(at(checked_at + 50));
        assert_eq!(pair.first_path[A], Some(at(checked_at + 50)), "the last of {count}");
        assert!(pair.run_until_both(State::Completed, at(1000)), "{count}");
    }
}

#[test]
fn a_candidate_that_trickles_in_is_checked_though_one_of_its_foundation_hangs() {
    let mut pair = with_candidates(3, std::iter::empty());
    for (index, candidate) in of_one_foundation(3).enumerate() {
        let now = at(1000 * index as u64);
        pair.run_until(now);
        pair.agents[A].add_remote_candidate(now, candidate);
    }
    pair.run_until(at(2050));
    assert_eq!(pair.first_path[A], Some(at(2050)));
}

#[test]
fn one_foundation_costs_no_more_packets_than_several() {
    let sent = |candidates: Vec<Candidate>| {
        let mut pair = with_candidates(8, candidates.into_iter());
        pair.filter = only_between(host(A, 0), host(B, 0));
        pair.run_for(ms(10_000));
        assert!(pair.agents.iter().all(|agent| agent.state() == State::Completed));
        pair.packets()
    };
    let several = (0..8).map(|index| Candidate::host(host(B, index)));
    assert!(sent(of_one_foundation(8).collect()) <= sent(several.collect()));
}

quickcheck::quickcheck! {
    /// Whatever foundations a peer writes, each pair gets its check in its turn, one every Ta, and
    /// the best of each foundation before the others.
    fn foundations_decide_on_the_order_and_not_on_whether_a_pair_is_checked(foundations: Vec<u8>) -> bool {
        let foundations: Vec<u8> = foundations.into_iter().take(20).map(|each| each % 4).collect();
        let count = foundations.len();
        let mut pair = Pair::with_addresses([1, 1], ms(50));
        let credentials = pair.agents[B].local_credentials().clone();
        pair.agents[A].set_remote_credentials(at(0), credentials).unwrap();
        pair.filter = Box::new(|_, _| false);
        for (index, foundation) in foundations.iter().enumerate() {
            let to = host(B, index);
            let line = format!("candidate:{foundation} 1 udp {} {} {} typ host", 1000 - index, to.ip(), to.port());
            pair.agents[A].add_remote_candidate(at(0), line.parse().unwrap());
        }
        pair.run_until(at(5 * count as u64));
        let checked: Vec<_> = pair.sent[A].iter().map(|(_, packet)| packet.to).collect();
        let first_of = |index: &usize| !foundations[..*index].contains(&foundations[*index]);
        let (first, others): (Vec<usize>, Vec<usize>) = (0..count).partition(first_of);
        let expected: Vec<_> = first.iter().chain(&others).map(|index| host(B, *index)).collect();
        checked == expected
    }
}

#[test]
fn both_sides_select_the_same_pair() {
    let mut pair = Pair::with_addresses([3, 2], ms(30));
    pair.signal();
    assert!(pair.run_until_both(State::Completed, at(1000)));
    let (a, b) = (pair.path(A), pair.path(B));
    assert_eq!((a.local, a.remote), (b.remote, b.local));
    assert_eq!(
        a,
        Way {
            local: host(A, 0),
            remote: host(B, 0)
        },
        "the best one, since all work"
    );
    for side in [A, B] {
        assert_eq!(pair.states(side), [State::Checking, State::Connected, State::Completed]);
        let path = pair.agents[side].path().unwrap();
        assert!(pair.events[side].contains(&Event::PathChanged(path)));
    }
}

#[test]
fn the_round_trip_time_is_measured() {
    let mut pair = Pair::with_addresses([1, 1], ms(80));
    pair.signal();
    assert!(pair.run_until_both(State::Completed, at(1000)));
    for agent in &pair.agents {
        assert_eq!(agent.round_trip_time(), Some(ms(80)));
    }
}

#[test]
fn both_families_connect_and_never_mix() {
    let mut pair = Pair::new(agent(Role::Controlling, 1), agent(Role::Controlled, 2), ms(20));
    for (side, addresses) in [
        (A, ["[2001:db8::1]:1", "192.0.2.1:1"]),
        (B, ["[2001:db8::2]:2", "192.0.2.2:2"]),
    ] {
        for local in addresses {
            pair.agents[side]
                .add_local_address(Instant::ZERO, address(local))
                .unwrap();
        }
    }
    pair.filter = Box::new(|_, packet| {
        assert_eq!(packet.from.is_ipv4(), packet.to.is_ipv4());
        packet.from.is_ipv4() // IPv6 is broken
    });
    pair.signal();
    assert!(pair.run_until_both(State::Completed, at(1000)));
    assert!(pair.path(A).remote.is_ipv4());
    assert!(
        pair.first_path[A].unwrap() <= at(25),
        "the broken family costs one check: {:?}",
        pair.first_path[A]
    );
}

#[test]
fn data_may_flow_before_nomination() {
    let mut pair = Pair::with_addresses([1, 1], ms(40));
    pair.signal();
    pair.run_until(at(40));
    assert!(pair.agents[B].path().is_some());
    assert_ne!(pair.agents[B].state(), State::Completed);
    pair.send(B, b"\x16early");
    pair.run_until(at(60));
    assert_eq!(pair.data[A], [b"\x16early".to_vec()]);
}

#[test]
fn data_is_accepted_from_whoever_proved_to_know_the_password() {
    // A's answer to B reaches B and B sends data at once, while all answers to A are lost.
    let mut pair = Pair::with_addresses([1, 1], ms(40));
    pair.filter = Box::new(|_, packet| {
        let is_response = packet.bytes[0] == 1 && packet.from == host(B, 0);
        !is_response
    });
    pair.signal();
    pair.run_until(at(60));
    assert_eq!(pair.agents[A].path(), None, "A has no consent to send");
    pair.send(B, b"\x16hello");
    pair.run_until(at(100));
    assert_eq!(pair.data[A], [b"\x16hello".to_vec()]);
}

#[test]
fn lost_packets_are_made_up_for() {
    for seed in 0..100u8 {
        let mut pair = Pair::with_addresses([2, 2], ms(200));
        let mut rng = pollrtc_crypto::Rng::from_seed([seed; 32]);
        pair.filter = Box::new(move |_, _| rng.below(10) != 0);
        pair.signal();
        assert!(pair.run_until_both(State::Completed, at(20_000)), "seed {seed}");
        let (a, b) = (pair.path(A), pair.path(B));
        assert_eq!((a.local, a.remote), (b.remote, b.local), "seed {seed}");
    }
}

#[test]
fn a_path_that_works_one_way_only_is_never_selected() {
    // From A to B everything passes on the best pair, nothing comes back on it.
    let mut pair = Pair::with_addresses([1, 2], ms(20));
    pair.filter = Box::new(|_, packet| packet.from != host(B, 0));
    pair.signal();
    pair.run_until(at(10_000));
    for side in [A, B] {
        assert_eq!(pair.agents[side].state(), State::Completed);
        let path = pair.path(side);
        assert!(path.local != host(B, 0) && path.remote != host(B, 0));
    }
}

#[test]
fn an_address_that_only_the_check_shows_is_learnt() {
    // B knows no candidate of A (RFC 8863 §3.1).
    let mut pair = Pair::with_addresses([1, 1], ms(20));
    pair.signal_to(A);
    let credentials = pair.agents[A].local_credentials().clone();
    pair.agents[B].set_remote_credentials(at(0), credentials).unwrap();
    assert!(pair.run_until_both(State::Completed, at(1000)));
    assert_eq!(pair.path(B).remote, host(A, 0));
}

#[test]
fn a_late_line_for_a_learnt_address_takes_its_place() {
    let mut pair = Pair::with_addresses([1, 1], ms(20));
    pair.signal_to(A);
    let credentials = pair.agents[A].local_credentials().clone();
    pair.agents[B].set_remote_credentials(at(0), credentials).unwrap();
    pair.run_until(at(15));
    pair.agents[B].add_remote_candidate(at(15), Candidate::host(host(A, 0)));
    assert!(pair.run_until_both(State::Completed, at(1000)));
    let checks = pair.sent[B].iter().filter(|(_, packet)| packet.bytes[0] == 0).count();
    assert_eq!(checks, 1, "the pair was not checked again");
}
