//! What strangers and odd peers may cost: checks that others receive, answers, and computing time.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use pollrtc_core::{Instant, StateMachine};
use pollrtc_ice::{Candidate, Config, Credentials, Role};

use super::common::{Check, Packet, Solo, THERE, address, answer, at, error_code, is_request, ms};

/// The most checks that one IP address got in any second.
fn most_in_a_second(sent: &[(Instant, Packet)]) -> BTreeMap<IpAddr, usize> {
    let mut most = BTreeMap::new();
    for (index, (start, packet)) in sent.iter().enumerate() {
        let ip = packet.to.ip();
        let window = sent[index..]
            .iter()
            .take_while(|(at, _)| *at < *start + Duration::from_secs(1));
        let count = window.filter(|(_, other)| other.to.ip() == ip).count();
        let known = most.entry(ip).or_insert(0);
        *known = count.max(*known);
    }
    most
}

/// Runs and records all checks.
fn run(solo: &mut Solo, duration: Duration, sent: &mut Vec<(Instant, Packet)>) {
    let end = solo.now + duration;
    loop {
        let now = solo.now;
        sent.extend(solo.sent().into_iter().map(|packet| (now, packet)));
        match solo.agent.poll_timeout().filter(|next| *next < end) {
            Some(next) => {
                solo.now = next.max(now);
                solo.agent.handle_timeout(solo.now);
            }
            None => break,
        }
    }
    solo.now = end;
}

#[test]
fn candidates_that_point_at_a_victim_cost_it_no_more_checks_than_configured() {
    for most in [10, 50] {
        let config = Config::default().with_max_checks_per_address(most);
        let mut solo = Solo::unacquainted(config, Role::Controlling);
        let mut sent = Vec::new();
        // A hundred ports of one address, again and again: the peer restarts each second.
        for round in 0..20u16 {
            let next = Credentials::new(format!("THEIRS{round}"), "their password, long enough");
            let now = solo.now;
            solo.agent.set_remote_credentials(now, next).unwrap();
            for port in 0..100 {
                let victim = address(&format!("198.51.100.7:{}", 1_000 + 100 * round + port));
                solo.agent.add_remote_candidate(now, Candidate::host(victim));
            }
            run(&mut solo, Duration::from_secs(1), &mut sent);
        }
        run(&mut solo, Duration::from_secs(60), &mut sent);
        let seen = most_in_a_second(&sent)[&address("198.51.100.7:1").ip()];
        // As many at once as in a second, and those that become free meanwhile.
        assert!(seen <= 2 * most as usize, "{seen} in a second, {most} configured");
        let in_twenty_seconds = sent.iter().filter(|(at, _)| *at < Instant::from_millis(20_000)).count();
        assert!(
            in_twenty_seconds <= 21 * most as usize,
            "{in_twenty_seconds} in twenty seconds"
        );
        assert!(solo.agent.stats().checks_over_budget > 0);
    }
}

#[test]
fn who_is_not_the_victim_is_checked_all_the_same() {
    let config = Config::default().with_max_checks_per_address(5);
    let mut solo = Solo::unacquainted(config, Role::Controlling);
    let theirs = solo.theirs.clone();
    solo.agent.set_remote_credentials(at(0), theirs).unwrap();
    for port in 1_000..1_060 {
        let victim = address(&format!("198.51.100.7:{port}"));
        solo.agent.add_remote_candidate(at(0), Candidate::host(victim));
    }
    let line = "candidate:9 1 udp 1 192.0.2.2 6000 typ host";
    solo.agent.add_remote_candidate(at(0), line.parse().unwrap());
    let mut sent = Vec::new();
    run(&mut solo, ms(100), &mut sent);
    assert!(sent.iter().any(|(_, packet)| packet.to == address("192.0.2.2:6000")));
    // What was held back has its turn later.
    run(&mut solo, Duration::from_secs(30), &mut sent);
    let asked: std::collections::BTreeSet<_> = sent.iter().map(|(_, packet)| packet.to).collect();
    assert_eq!(asked.len(), 61);
}

/// A request that authenticates nobody.
fn forged(ours: &Credentials, number: u32) -> Vec<u8> {
    let (forged, theirs) = (
        Credentials::new(ours.ufrag.as_str(), "a guess at the password of ours"),
        Credentials::new("THEIRS", ""),
    );
    let mut transaction = [0; 12];
    transaction[..4].copy_from_slice(&number.to_be_bytes());
    let check = Check {
        transaction,
        ..Check::new(&forged, &theirs, Role::Controlling)
    };
    check.bytes()
}

#[test]
fn the_peer_is_answered_first_and_always_however_many_strangers_ask() {
    let config = Config::default().with_max_waiting_refusals(8);
    let mut solo = Solo::unacquainted(config, Role::Controlled);
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    solo.agent.set_remote_credentials(at(0), theirs.clone()).unwrap();
    for number in 0..10_000 {
        let from = format!("203.0.113.{}:{}", number % 250, 1_000 + number % 60_000);
        solo.receive_from(&from, &forged(&ours, number));
    }
    solo.receive(&Check::new(&ours, &theirs, Role::Controlling).bytes());
    let sent = solo.sent();
    let answers: Vec<_> = sent.iter().filter(|packet| !is_request(&packet.bytes)).collect();
    assert_eq!(error_code(&answers[0].bytes), None, "the peer's comes first");
    assert_eq!(answers.len(), 1 + 8, "strangers have a quota");
    assert!(answers[1..].iter().all(|packet| error_code(&packet.bytes) == Some(401)));
    assert_eq!(solo.agent.stats().refusal_queue_full, 10_000 - 8);
    assert_eq!(solo.agent.stats().response_queue_full, 0);
}

#[test]
fn retransmissions_wait_until_all_checks_have_had_their_turn() {
    // RFC 8445 §14.3: RTO = MAX(500 ms, Ta * (waiting + in progress)).
    let mut config = Config::default().with_max_checks_per_address(1_000);
    config.timing.pacing = ms(50);
    let mut solo = Solo::unacquainted(config, Role::Controlling);
    let theirs = solo.theirs.clone();
    solo.agent.set_remote_credentials(at(0), theirs).unwrap();
    for index in 0..40 {
        let line = format!(
            "candidate:{index} 1 udp {} 192.0.2.{} 6000 typ srflx",
            1_000 - index,
            50 + index
        );
        solo.agent.add_remote_candidate(at(0), line.parse().unwrap());
    }
    let mut sent = Vec::new();
    run(&mut solo, Duration::from_secs(10), &mut sent);
    let mut transmissions: BTreeMap<Vec<u8>, Vec<Instant>> = BTreeMap::new();
    for (at, packet) in &sent {
        transmissions.entry(packet.bytes[8..20].to_vec()).or_default().push(*at);
    }
    let first = sent[1].1.bytes[8..20].to_vec();
    let times = &transmissions[&first];
    assert!(times[1] - times[0] >= ms(39 * 50), "{times:?}");
    let repeated_at = transmissions.values().filter_map(|times| times.get(1)).min().unwrap();
    assert!(*repeated_at >= at(500));
}

#[test]
fn a_peer_that_moves_about_may_tell_for_ever_where_it_is() {
    let mut solo = Solo::unacquainted(Config::default().with_max_candidates(4), Role::Controlling);
    let theirs = solo.theirs.clone();
    solo.agent.set_remote_credentials(at(0), theirs.clone()).unwrap();
    solo.agent.add_remote_candidate(at(0), Candidate::host(address(THERE)));
    for round in 0..40 {
        // Where it was is a dead end soon; what carries the data answers.
        let place = address(&format!("198.51.100.{round}:6000"));
        let line = format!("candidate:{round} 1 udp 2130706431 {} 6000 typ host", place.ip());
        solo.agent.add_remote_candidate(solo.now, line.parse().unwrap());
        let end = solo.now + Duration::from_secs(50);
        let mut was_checked = false;
        while solo.now < end {
            for packet in solo.sent() {
                was_checked |= packet.to == place;
                if packet.to == address(THERE) && is_request(&packet.bytes) {
                    solo.receive(&answer(&packet.bytes, &theirs.pwd, packet.from));
                }
            }
            solo.now = solo.agent.poll_timeout().unwrap().clamp(solo.now, end);
            solo.agent.handle_timeout(solo.now);
        }
        assert!(was_checked, "round {round}");
    }
    assert_eq!(solo.agent.stats().candidates_over_limit, 0);
    assert!(solo.agent.items_held() < 60, "{}", solo.agent.items_held());
    assert_eq!(solo.agent.path().unwrap().flow.remote(), address(THERE));
}
