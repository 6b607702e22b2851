//! Networks that lose packets: how fast two agents find each other there, and that they stay.

use std::time::Duration;

use pollrtc_core::Instant;
use pollrtc_crypto::Rng;
use pollrtc_ice::{Agent, Config, Role, State};

use super::common::{A, B, Pair, agent, at, host, is_request, ms};

/// Loses so many of a hundred packets, each way.
fn lossy(mut pair: Pair, percent: u64, seed: u64) -> Pair {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let mut rng = Rng::from_seed(bytes);
    pair.filter = Box::new(move |_, _| u64::from(rng.below(100)) >= percent);
    pair
}

/// What all but one in twenty keep within.
fn ninety_fifth(mut times: Vec<Instant>) -> Instant {
    times.sort();
    times[times.len() * 95 / 100]
}

#[test]
fn at_30_percent_loss_each_way_one_pair_is_found_and_selected_soon() {
    let (mut can_send, mut selected) = (Vec::new(), Vec::new());
    for seed in 0..200 {
        let mut pair = lossy(Pair::with_addresses([1, 1], ms(200)), 30, seed);
        pair.signal();
        assert!(pair.run_until_both(State::Completed, at(10_000)), "seed {seed}");
        can_send.push(pair.first_path.map(Option::unwrap).into_iter().max().unwrap());
        selected.push(pair.first_completed.map(Option::unwrap).into_iter().max().unwrap());
    }
    let (can_send, selected) = (ninety_fifth(can_send), ninety_fifth(selected));
    println!("can send {can_send:?} selected {selected:?}");
    assert!(can_send <= at(1_300), "both can send: {can_send:?}");
    assert!(selected <= at(1_600), "both have selected: {selected:?}");
}

#[test]
fn fresh_checks_while_nothing_works_are_paced_and_end() {
    // Twenty black holes.
    let mut pair = Pair::with_addresses([5, 4], ms(50));
    pair.filter = Box::new(|_, _| false);
    pair.signal();
    pair.run_for(Duration::from_secs(60));
    for side in [A, B] {
        let sent: Vec<Instant> = pair.sent[side].iter().map(|(at, _)| *at).collect();
        // Seven transmissions of each, and six checks of their own.
        assert!(sent.len() <= 20 * 13, "{}", sent.len());
        let begun = pair.sent[side].iter().map(|(_, packet)| &packet.bytes[8..20]);
        let begun: std::collections::BTreeSet<_> = begun.collect();
        assert!(begun.len() <= 20 * 7, "{}", begun.len());
        let in_first_second = sent.iter().filter(|at| **at < Instant::from_millis(1_000)).count();
        assert!(in_first_second <= 200, "one transaction in 5 ms: {in_first_second}");
    }
}

#[test]
fn fresh_checks_are_new_transactions_and_250_ms_apart() {
    let mut pair = Pair::with_addresses([1, 1], ms(50));
    pair.filter = Box::new(|_, _| false);
    pair.signal();
    pair.run_until(at(1_300));
    let mut known = std::collections::BTreeMap::new();
    for (at, packet) in &pair.sent[A] {
        known.entry(packet.bytes[8..20].to_vec()).or_insert(*at);
    }
    let mut begun: Vec<Instant> = known.into_values().collect();
    begun.sort();
    let expected: Vec<Instant> = (0..6).map(|n| at(250 * n)).collect();
    assert_eq!(begun, expected);
}

#[test]
fn at_5_percent_loss_a_lite_peer_never_seems_gone() {
    for seed in 0..20 {
        let mut pair = Pair::new(
            agent(Role::Controlling, 1),
            Agent::new(Config::default().with_lite(), Role::Controlled, Rng::from_seed([2; 32])),
            ms(50),
        );
        pair.agents[A].set_remote_lite(true);
        for side in [A, B] {
            pair.agents[side]
                .add_local_address(Instant::ZERO, host(side, 0))
                .unwrap();
        }
        let mut pair = lossy(pair, 5, seed);
        pair.signal();
        assert!(pair.run_until_both(State::Completed, at(5_000)), "seed {seed}");
        pair.run_for(Duration::from_secs(600));
        for side in [A, B] {
            let states = pair.states(side);
            assert_eq!(states.last(), Some(&State::Completed), "seed {seed}");
            assert!(
                !states.contains(&State::Disconnected),
                "seed {seed} side {side}: {states:?}"
            );
        }
    }
}

#[test]
fn at_20_percent_loss_each_way_everybody_is_alive_after_ten_minutes() {
    for seed in 0..20 {
        let mut pair = lossy(Pair::with_addresses([1, 1], ms(100)), 20, seed);
        pair.signal();
        assert!(pair.run_until_both(State::Completed, at(20_000)), "seed {seed}");
        pair.run_for(Duration::from_secs(600));
        for side in [A, B] {
            assert_eq!(pair.agents[side].state(), State::Completed, "seed {seed} side {side}");
        }
    }
}

#[test]
fn a_lost_consent_check_is_made_up_for_by_the_next_ones() {
    let mut pair = Pair::with_addresses([1, 1], ms(50));
    pair.signal();
    assert!(pair.run_until_both(State::Completed, at(1_000)));
    pair.run_for(ms(100));
    // The next three checks of A are lost.
    let mut left = 3;
    pair.filter = Box::new(move |_, packet| {
        let is_lost = left > 0 && packet.from == host(A, 0) && is_request(&packet.bytes);
        left -= u32::from(is_lost);
        !is_lost
    });
    pair.sent[A].clear();
    pair.run_for(Duration::from_secs(7));
    let checks: Vec<_> = pair.sent[A]
        .iter()
        .filter(|(_, packet)| is_request(&packet.bytes))
        .collect();
    let first = checks[0].0;
    let times: Vec<Duration> = checks.iter().take(4).map(|(at, _)| *at - first).collect();
    assert_eq!(times, [0, 250, 500, 750].map(ms));
    let ids: std::collections::BTreeSet<_> = checks.iter().map(|(_, packet)| &packet.bytes[8..20]).collect();
    assert_eq!(ids.len(), checks.len(), "each is a check of its own (RFC 7675 §5.1)");
    assert_eq!(pair.agents[A].state(), State::Completed);
    assert!(!pair.states(A).contains(&State::Disconnected));
}

#[test]
fn a_dead_peer_is_asked_less_and_less_often() {
    let mut pair = Pair::with_addresses([1, 1], ms(50));
    pair.signal();
    assert!(pair.run_until_both(State::Completed, at(1_000)));
    pair.filter = Box::new(|_, _| false);
    for sent in &mut pair.sent {
        sent.clear();
    }
    pair.run_for(Duration::from_secs(60));
    for side in [A, B] {
        assert!(matches!(pair.agents[side].state(), State::Failed(_)));
        assert!(pair.sent[side].len() <= 25, "{}", pair.sent[side].len());
    }
}
