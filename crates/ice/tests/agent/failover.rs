//! Paths that die without a word, and others that take their place.

use std::time::Duration;

use pollrtc_core::Instant;
use pollrtc_crypto::Rng;
use pollrtc_ice::{Agent, Candidate, Config, Event, Role, State};

use super::common::{A, B, Pair, Way, address, host, is_request, ms};

/// Both completed, and at rest for a while.
fn settled(counts: [usize; 2], rtt: Duration, rest: Duration) -> Pair {
    let mut pair = Pair::with_addresses(counts, rtt);
    pair.signal();
    assert!(pair.run_until_both(State::Completed, Instant::ZERO + Duration::from_secs(5)));
    pair.run_for(rest);
    pair
}

/// From now on nothing passes between the ends of A's path.
fn swallow(pair: &mut Pair) -> Way {
    let dead = pair.path(A);
    pair.filter = Box::new(move |_, packet| {
        let ends = (packet.from, packet.to);
        ends != (dead.local, dead.remote) && ends != (dead.remote, dead.local)
    });
    dead
}

/// How long it takes until data that either side sends reaches the other.
fn until_data_flows(pair: &mut Pair, limit: Duration) -> Duration {
    let start = pair.now;
    while pair.now < start + limit {
        for side in [A, B] {
            pair.data[side].clear();
        }
        let asked_at = pair.now;
        for side in [A, B] {
            pair.send(side, b"\x16anybody?");
        }
        let arrived_by = pair.now + pair.one_way;
        pair.run_until(arrived_by);
        if pair.data.iter().all(|data| !data.is_empty()) {
            return asked_at - start;
        }
        pair.run_for(ms(10));
    }
    limit
}

#[test]
fn another_pair_carries_data_within_three_seconds_when_the_selected_one_becomes_a_black_hole() {
    for counts in [[1, 2], [2, 1], [2, 2], [3, 3]] {
        for rtt in [2, 50, 200] {
            for rest in [0, 10_000, 61_300] {
                let mut pair = settled(counts, ms(rtt), ms(rest));
                let dead = swallow(&mut pair);
                let outage = until_data_flows(&mut pair, Duration::from_secs(10));
                let what = format!("{counts:?} RTT {rtt} after {rest} ms: {outage:?}");
                assert!(outage < Duration::from_secs(3), "{what}");
                assert_ne!(pair.path(A), dead, "{what}");
                for side in [A, B] {
                    let states = pair.states(side);
                    assert!(!states.contains(&State::Disconnected), "{what} {states:?}");
                }
                // And there it stays.
                pair.run_for(Duration::from_secs(120));
                assert!(
                    pair.agents.iter().all(|agent| agent.state() == State::Completed),
                    "{what}"
                );
                let (a, b) = (pair.path(A), pair.path(B));
                assert_eq!((a.local, a.remote), (b.remote, b.local), "{what}");
            }
        }
    }
}

#[test]
fn it_happens_again_and_again() {
    let mut pair = settled([3, 3], ms(50), ms(5_000));
    for round in 0..6 {
        let dead = swallow(&mut pair);
        let outage = until_data_flows(&mut pair, Duration::from_secs(10));
        assert!(outage < Duration::from_secs(3), "round {round}: {outage:?}");
        assert_ne!(pair.path(A), dead);
        pair.run_for(Duration::from_secs(40));
    }
    assert!(pair.agents[A].items_held() < 100, "{}", pair.agents[A].items_held());
}

#[test]
fn a_whole_interface_that_goes_dark_is_left() {
    for side in [A, B] {
        let mut pair = settled([2, 2], ms(50), ms(7_000));
        let dark = pair.path(side).local;
        pair.filter = Box::new(move |_, packet| packet.from != dark && packet.to != dark);
        let outage = until_data_flows(&mut pair, Duration::from_secs(10));
        assert!(outage < Duration::from_secs(3), "{outage:?}");
        assert_ne!(pair.path(side).local, dark);
    }
}

#[test]
fn a_path_that_is_dead_in_one_direction_is_left_though_the_other_side_is_heard() {
    for deaf in [A, B] {
        for rest in [3_000, 17_700] {
            let mut pair = settled([2, 2], ms(50), ms(rest));
            let dead = pair.path(deaf);
            pair.filter = Box::new(move |_, packet| (packet.from, packet.to) != (dead.remote, dead.local));
            let start = pair.now;
            // All the time data comes from the side that hears nothing.
            while pair.now < start + Duration::from_secs(5) {
                let path = pair.agents[deaf].path().unwrap();
                pair.data[1 - deaf].clear();
                pair.send(deaf, b"\x16hello");
                pair.run_for(ms(30));
                if !pair.data[1 - deaf].is_empty() {
                    let heard = pollrtc_core::Flow::udp(path.flow.local().unwrap()).on(path.flow.remote());
                    let now = pair.now;
                    pair.agents[1 - deaf].handle_authenticated(now, pollrtc_ice::Path::new(heard, 1200));
                }
                pair.run_for(ms(20));
            }
            for side in [A, B] {
                assert_eq!(pair.agents[side].state(), State::Completed, "{deaf} {rest}");
                let path = pair.path(side);
                assert!(
                    (path.local, path.remote) != (dead.local, dead.remote)
                        && (path.local, path.remote) != (dead.remote, dead.local),
                    "side {side} is still on the half of a path"
                );
            }
            let outage = until_data_flows(&mut pair, Duration::from_secs(1));
            assert_eq!(outage, Duration::ZERO);
        }
    }
}

#[test]
fn backup_pairs_are_asked_at_a_slow_pace_and_no_more_of_them_than_configured() {
    for most in [0, 1, 2] {
        let config = Config::default().with_max_backup_pairs(most);
        let agent = |role, seed| Agent::new(config.clone(), role, Rng::from_seed([seed; 32]));
        let mut pair = Pair::new(agent(Role::Controlling, 1), agent(Role::Controlled, 2), ms(50));
        for (side, count) in [(A, 3), (B, 4)] {
            for index in 0..count {
                pair.agents[side]
                    .add_local_address(Instant::ZERO, host(side, index))
                    .unwrap();
            }
        }
        pair.signal();
        assert!(pair.run_until_both(State::Completed, Instant::from_millis(1_000)));
        pair.run_for(Duration::from_secs(30));
        for sent in &mut pair.sent {
            sent.clear();
        }
        pair.run_for(Duration::from_secs(150));
        let path = pair.path(A);
        let mut asked = std::collections::BTreeMap::new();
        for (_, packet) in &pair.sent[A] {
            if is_request(&packet.bytes) && (packet.from, packet.to) != (path.local, path.remote) {
                *asked.entry((packet.from, packet.to)).or_insert(0) += 1;
            }
        }
        assert_eq!(asked.len(), 3 * most, "from each of three addresses");
        assert!(asked.values().all(|times| (8..=13).contains(times)), "{asked:?}");
        let answered_by = |bytes: &[u8]| pollrtc_stun::Message::parse(bytes).unwrap().use_candidate();
        let nominated = pair.sent[A]
            .iter()
            .filter(|(_, packet)| (packet.from, packet.to) != (path.local, path.remote) && answered_by(&packet.bytes));
        assert_eq!(nominated.count(), 0, "a backup pair is not nominated by being asked");
    }
}

#[test]
fn without_a_backup_the_path_is_asked_no_more_often_than_consent_needs() {
    let mut pair = settled([1, 1], ms(50), ms(1_000));
    let before = pair.agents[A].stats().requests_sent;
    pair.run_for(Duration::from_secs(600));
    let asked = pair.agents[A].stats().requests_sent - before;
    assert!((100..=150).contains(&asked), "{asked} in ten minutes");
}

#[test]
fn while_data_is_heard_nobody_asks_whether_the_path_is_alive() {
    let mut pair = settled([2, 2], ms(50), ms(1_000));
    for sent in &mut pair.sent {
        sent.clear();
    }
    let path = pair.path(A);
    let start = pair.now;
    while pair.now < start + Duration::from_secs(100) {
        pair.run_for(ms(20));
        for side in [A, B] {
            let path = pair.agents[side].path().unwrap();
            let now = pair.now;
            pair.agents[side].handle_authenticated(now, path);
        }
    }
    let on_path = pair.sent[A]
        .iter()
        .filter(|(_, packet)| is_request(&packet.bytes) && (packet.from, packet.to) == (path.local, path.remote));
    let asked = on_path.count();
    assert!((16..=26).contains(&asked), "{asked}: as often as for consent");
}

#[test]
fn a_lost_packet_or_three_move_nothing() {
    let mut pair = settled([2, 2], ms(50), ms(1_000));
    let path = pair.path(A);
    // Three of four that leave A are lost, for a while.
    let mut count = 0;
    pair.filter = Box::new(move |_, packet| {
        let counts = (packet.from, packet.to) == (path.local, path.remote) && is_request(&packet.bytes);
        count += u32::from(counts);
        !counts || count % 4 == 0
    });
    pair.run_for(Duration::from_secs(120));
    assert_eq!(pair.path(A), path);
    assert!(pair.agents.iter().all(|agent| agent.state() == State::Completed));
}

#[test]
fn an_interface_that_comes_up_is_tried_at_once_and_carries_on_when_the_old_one_dies() {
    for (side, rtt, told) in [(A, 50, false), (B, 50, false), (A, 200, true), (B, 2, true)] {
        let mut pair = settled([1, 1], ms(rtt), ms(20_000));
        let (old, new) = (host(side, 0), host(side, 7));
        let now = pair.now;
        for sent in &mut pair.sent {
            sent.clear();
        }
        pair.agents[side].add_local_address(now, new).unwrap();
        pair.agents[1 - side].add_remote_candidate(now, Candidate::host(new));
        pair.run_for(ms(rtt * 2 + 100));
        assert!(
            pair.sent[side]
                .iter()
                .any(|(at, packet)| { packet.from == new && is_request(&packet.bytes) && *at <= now + ms(5) }),
            "it is checked at once"
        );
        assert_eq!(
            pair.path(side).local,
            old,
            "and nothing moves as long as the old one works"
        );
        pair.filter = Box::new(move |_, packet| packet.from != old && packet.to != old);
        if told {
            let now = pair.now;
            pair.agents[side].remove_local_address(now, old);
        }
        let outage = until_data_flows(&mut pair, Duration::from_secs(10));
        assert!(outage < Duration::from_secs(3), "{side} {rtt} {told}: {outage:?}");
        assert_eq!(pair.path(side).local, new);
        pair.run_for(Duration::from_secs(60));
        assert!(pair.agents.iter().all(|agent| agent.state() == State::Completed));
    }
}

#[test]
fn a_candidate_that_trickles_in_while_connected_is_tried_at_once() {
    let mut pair = settled([1, 1], ms(50), ms(20_000));
    let now = pair.now;
    pair.sent[A].clear();
    pair.agents[A].add_remote_candidate(now, Candidate::host(address("10.2.9.9:7000")));
    pair.run_for(ms(20));
    assert!(
        pair.sent[A]
            .iter()
            .any(|(_, packet)| packet.to == address("10.2.9.9:7000"))
    );
}

#[test]
fn a_pair_that_recovers_stands_by_again() {
    let mut pair = settled([2, 1], ms(50), ms(5_000));
    let first = swallow(&mut pair);
    assert!(until_data_flows(&mut pair, Duration::from_secs(10)) < Duration::from_secs(3));
    // Long enough for its checks to be given up.
    pair.run_for(Duration::from_secs(100));
    pair.filter = Box::new(|_, _| true);
    pair.run_for(Duration::from_secs(120));
    let second = swallow(&mut pair);
    assert_ne!(first, second);
    assert!(until_data_flows(&mut pair, Duration::from_secs(10)) < Duration::from_secs(3));
    assert_eq!(pair.path(A), first);
}

#[test]
fn the_path_changes_once_for_each_death() {
    let mut pair = settled([3, 3], ms(100), ms(9_000));
    for events in &mut pair.events {
        events.clear();
    }
    swallow(&mut pair);
    pair.run_for(Duration::from_secs(30));
    for side in [A, B] {
        let changes = pair.events[side]
            .iter()
            .filter(|event| matches!(event, Event::PathChanged(_)));
        assert_eq!(changes.count(), 1, "{side}: {:?}", pair.events[side]);
    }
}

/// No time is too long for the configuration.
#[test]
fn who_wants_no_failover_gets_none() {
    let agent = |role, seed| {
        let mut config = Config::default();
        for time in [
            &mut config.timing.failover,
            &mut config.timing.backup_interval,
            &mut config.timing.consent_interval,
            &mut config.timing.disconnect,
        ] {
            *time = Duration::MAX;
        }
        Agent::new(config, role, Rng::from_seed([seed; 32]))
    };
    let mut pair = Pair::new(agent(Role::Controlling, 1), agent(Role::Controlled, 2), ms(50));
    for side in [A, B] {
        for number in 0..2 {
            pair.agents[side]
                .add_local_address(pair.now, host(side, number))
                .unwrap();
        }
    }
    pair.signal();
    assert!(pair.run_until_both(State::Completed, Instant::ZERO + Duration::from_secs(5)));
    let dead = swallow(&mut pair);
    pair.run_for(Duration::from_secs(20));
    assert_eq!(pair.path(A), dead);
}
