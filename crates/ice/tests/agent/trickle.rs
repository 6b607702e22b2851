//! Candidates that come one by one, and checks that come before them (RFC 8838, RFC 8445 §7.3).

use std::net::SocketAddr;

use pollrtc_core::{Instant, StateMachine};
use pollrtc_ice::{Candidate, Config, Credentials, Event, FailureReason, Role, State};

use super::common::{A, B, Check, HERE, Pair, Solo, THERE, address, answer, at, host, is_request, ms};

#[test]
fn candidates_may_come_before_the_credentials() {
    let mut solo = Solo::unacquainted(Config::default(), Role::Controlling);
    solo.agent.add_remote_candidate(at(0), Candidate::host(address(THERE)));
    assert!(solo.sent().is_empty(), "nothing to authenticate a check with");
    let theirs = solo.theirs.clone();
    solo.agent.set_remote_credentials(at(0), theirs).unwrap();
    assert_eq!(solo.only_sent().to, address(THERE));
}

#[test]
fn a_check_before_the_credentials_is_answered_at_once_and_triggers_one_later() {
    let mut solo = Solo::unacquainted(Config::default(), Role::Controlling);
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    solo.receive(&Check::new(&ours, &theirs, Role::Controlled).bytes());
    let answered = solo.only_sent();
    assert!(!is_request(&answered.bytes));
    assert!(solo.receive(b"\x16data"), "and data from there is taken");

    solo.agent.set_remote_credentials(at(0), theirs).unwrap();
    let check = solo.only_sent();
    assert!(is_request(&check.bytes));
    assert_eq!(check.to, address(THERE));
}

#[test]
fn early_checks_of_another_session_trigger_nothing() {
    let mut solo = Solo::unacquainted(Config::default(), Role::Controlling);
    let ours = solo.ours();
    let other = Credentials::new("OTHER", "some other password, unknown");
    solo.receive(&Check::new(&ours, &other, Role::Controlled).bytes());
    assert_eq!(solo.sent().len(), 1, "it knows our password and is answered");
    let theirs = solo.theirs.clone();
    solo.agent.set_remote_credentials(at(0), theirs).unwrap();
    assert!(solo.sent().is_empty());
}

#[test]
fn an_early_nomination_is_remembered() {
    let mut pair = Pair::with_addresses([1, 1], ms(20));
    // B has all it needs before A; A nominates as soon as it can, B hears of A's credentials late.
    pair.signal_to(A);
    pair.run_until(at(200));
    assert_eq!(pair.agents[B].path(), None);
    assert_eq!(pair.agents[A].state(), State::Completed, "B answers without knowing A");
    pair.signal_to(B);
    assert!(pair.run_until_both(State::Completed, at(300)));
}

#[test]
fn early_checks_are_bounded() {
    let mut solo = Solo::unacquainted(Config::default(), Role::Controlling);
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    for port in 1000..1200u16 {
        let mut transaction = [0; 12];
        transaction[..2].copy_from_slice(&port.to_be_bytes());
        let check = Check {
            transaction,
            ..Check::new(&ours, &theirs, Role::Controlled)
        };
        solo.receive_from(&format!("192.0.2.2:{port}"), &check.bytes());
        assert_eq!(solo.sent().len(), 1, "each is answered");
    }
    assert!(solo.agent.items_held() < 32);
    assert!(solo.agent.stats().limit_reached > 100);
}

#[test]
fn a_trickled_candidate_is_checked_at_once() {
    let mut pair = Pair::with_addresses([1, 2], ms(20));
    pair.filter = super::common::only_between(host(A, 0), host(B, 1));
    pair.signal_to(B);
    let credentials = pair.agents[B].local_credentials().clone();
    pair.agents[A].set_remote_credentials(at(0), credentials).unwrap();
    pair.agents[A].add_remote_candidate(at(0), Candidate::host(host(B, 0)));
    pair.run_until(at(300));
    let known = pair.now;
    pair.agents[A].add_remote_candidate(known, Candidate::host(host(B, 1)));
    assert!(pair.run_until_both(State::Completed, known + ms(2000)));
}

#[test]
fn candidates_of_another_session_are_not_used() {
    let mut solo = Solo::unacquainted(Config::default(), Role::Controlling);
    let theirs = solo.theirs.clone();
    solo.agent.set_remote_credentials(at(0), theirs).unwrap();
    let line = |ufrag: &str| format!("candidate:1 1 udp 2130706431 192.0.2.2 6000 typ host ufrag {ufrag}");
    solo.agent.add_remote_candidate(at(0), line("OLDONE").parse().unwrap());
    assert!(solo.sent().is_empty());
    assert_eq!(solo.agent.stats().candidates_other_generation, 1);
    solo.agent.add_remote_candidate(at(0), line("THEIRS").parse().unwrap());
    assert_eq!(solo.sent().len(), 1);
}

#[test]
fn a_candidate_that_overtakes_its_credentials_waits_for_them() {
    let mut solo = Solo::new(Role::Controlling);
    solo.connect();
    let line = "candidate:1 1 udp 2130706431 192.0.2.3 7000 typ host ufrag NEXT";
    solo.agent.add_remote_candidate(at(0), line.parse().unwrap());
    solo.sent();
    let next = Credentials::new("NEXT", "the password after the restart");
    solo.agent.set_remote_credentials(at(0), next).unwrap();
    solo.advance(ms(5));
    assert!(solo.sent().iter().any(|packet| packet.to == address("192.0.2.3:7000")));
}

#[test]
fn without_an_end_of_candidates_patience_stands_in_for_it() {
    let mut solo = Solo::new(Role::Controlling);
    while let Some(next) = solo.agent.poll_timeout() {
        solo.now = next;
        solo.agent.handle_timeout(next);
        solo.sent();
    }
    assert_eq!(solo.agent.state(), State::Failed(FailureReason::NoPair));
    assert!(solo.now >= at(39_500) && solo.now < at(41_000), "{:?}", solo.now);
}

#[test]
fn an_empty_checklist_is_no_failure_before_patience_ends() {
    // RFC 8863 §3.1: the peer signals nothing, its check comes after half a minute.
    let mut solo = Solo::unacquainted(Config::default(), Role::Controlled);
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    solo.agent.set_remote_credentials(at(0), theirs.clone()).unwrap();
    solo.agent.end_of_remote_candidates(at(0));
    solo.advance(ms(30_000));
    assert_eq!(solo.agent.state(), State::Checking);
    solo.receive(&Check::new(&ours, &theirs, Role::Controlling).bytes());
    let sent = solo.sent();
    let check = sent
        .iter()
        .find(|packet| is_request(&packet.bytes))
        .expect("a triggered check");
    solo.receive(&answer(&check.bytes, &theirs.pwd, address(HERE)));
    assert_eq!(solo.agent.state(), State::Connected);
}

#[test]
fn a_hidden_host_is_resolved_by_the_caller() {
    let mut solo = Solo::unacquainted(Config::default(), Role::Controlling);
    let theirs = solo.theirs.clone();
    solo.agent.set_remote_credentials(at(0), theirs).unwrap();
    solo.events();
    let name = "3a4b8bd5-6d0f-4f1c-a7ba-0d4b3a2d5c9e.local";
    let line = format!("candidate:1 1 udp 2113937151 {name} 6000 typ host");
    solo.agent.add_remote_candidate(at(0), line.parse().unwrap());
    assert_eq!(solo.events(), [Event::ResolveMdns { name: name.into() }]);
    assert!(solo.sent().is_empty());
    solo.agent
        .handle_mdns_answer(at(0), "unasked.local", Some(address("192.0.2.9:1").ip()));
    assert!(solo.sent().is_empty());
    solo.agent.handle_mdns_answer(at(0), name, Some(address(THERE).ip()));
    assert_eq!(solo.only_sent().to, address(THERE));
}

#[test]
fn an_unresolved_name_does_not_keep_the_peer_out() {
    let mut solo = Solo::unacquainted(Config::default(), Role::Controlled);
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    solo.agent.set_remote_credentials(at(0), theirs.clone()).unwrap();
    let line = "candidate:1 1 udp 2113937151 hidden.local 6000 typ host";
    solo.agent.add_remote_candidate(at(0), line.parse().unwrap());
    solo.receive(&Check::new(&ours, &theirs, Role::Controlling).bytes());
    let sent = solo.sent();
    let check = sent
        .iter()
        .find(|packet| is_request(&packet.bytes))
        .expect("a triggered check");
    solo.receive(&answer(&check.bytes, &theirs.pwd, address(HERE)));
    assert!(solo.agent.path().is_some());
    solo.agent
        .handle_mdns_answer(at(0), "hidden.local", Some(address(THERE).ip()));
    assert!(solo.sent().is_empty(), "it is the peer that is known already");
}

#[test]
fn only_names_of_multicast_dns_are_asked_for() {
    let mut solo = Solo::new(Role::Controlling);
    solo.events();
    for name in ["example.com", "a.b.local", "local", ".local", "evil.local.example.org"] {
        let line = format!("candidate:1 1 udp 2113937151 {name} 6000 typ host");
        if let Ok(candidate) = line.parse::<Candidate>() {
            solo.agent.add_remote_candidate(at(0), candidate);
        }
    }
    assert!(
        solo.events()
            .iter()
            .all(|event| !matches!(event, Event::ResolveMdns { .. }))
    );
}

#[test]
fn what_cannot_be_checked_is_ignored_and_counted() {
    let mut solo = Solo::unacquainted(Config::default(), Role::Controlling);
    let theirs = solo.theirs.clone();
    solo.agent.set_remote_credentials(at(0), theirs).unwrap();
    let unusable = [
        "candidate:1 2 udp 2130706430 192.0.2.2 6000 typ host",
        "candidate:1 1 tcp 2130706431 192.0.2.2 9 typ host tcptype active",
        "candidate:1 1 udp 2130706431 0.0.0.0 6000 typ host",
        "candidate:1 1 udp 2130706431 192.0.2.2 0 typ host",
        "candidate:1 1 udp 2130706431 224.0.0.1 6000 typ host",
        "candidate:1 1 udp 2130706431 255.255.255.255 6000 typ host",
        "candidate:1 1 udp 2130706431 ff02::1 6000 typ host",
        "candidate:1 1 udp 2130706431 fec0::1 6000 typ host",
        "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host", // our own
    ];
    for line in unusable {
        solo.agent.add_remote_candidate(at(0), line.parse().unwrap());
    }
    assert_eq!(solo.agent.stats().candidates_unusable, unusable.len() as u64);
    // Loopback and link-local addresses have no partner of their kind here.
    for line in ["127.0.0.1", "169.254.1.1", "fe80::1", "::1"] {
        let line = format!("candidate:1 1 udp 2130706431 {line} 6000 typ host");
        solo.agent.add_remote_candidate(at(0), line.parse().unwrap());
    }
    solo.advance(ms(100));
    assert!(solo.sent().is_empty());
}

#[test]
fn names_of_multicast_dns_are_the_same_in_letters_of_any_case() {
    let mut solo = Solo::unacquainted(Config::default(), Role::Controlling);
    let theirs = solo.theirs.clone();
    solo.agent.set_remote_credentials(at(0), theirs).unwrap();
    solo.events();
    for name in ["Some-Host.LOCAL", "some-host.Local"] {
        let line = format!("candidate:1 1 udp 2113937151 {name} 6000 typ host");
        solo.agent.add_remote_candidate(at(0), line.parse().unwrap());
    }
    let name = "Some-Host.LOCAL".to_string();
    assert_eq!(solo.events(), [Event::ResolveMdns { name }], "it is one name");
    solo.agent
        .handle_mdns_answer(at(0), "some-host.local", Some(address(THERE).ip()));
    assert_eq!(solo.only_sent().to, address(THERE));
}

#[test]
fn no_translator_or_tunnel_is_a_way_to_loopback_or_multicast() {
    let mut solo = Solo::unacquainted(Config::default(), Role::Controlling);
    solo.agent
        .add_local_address(at(0), address("[2001:db8::1]:5000"))
        .unwrap();
    let theirs = solo.theirs.clone();
    solo.agent.set_remote_credentials(at(0), theirs).unwrap();
    let forms = |v4: &str| {
        let v4: std::net::Ipv4Addr = v4.parse().unwrap();
        let [a, b, c, d] = v4.octets();
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        [
            format!("64:ff9b::{high:x}:{low:x}"),
            format!("64:ff9b:1::{high:x}:{low:x}"),
            format!("2002:{high:x}:{low:x}::1"),
        ]
    };
    let mut tell = |ip: &str| {
        let line = format!("candidate:1 1 udp 2130706431 {ip} 6000 typ host");
        solo.agent.add_remote_candidate(at(0), line.parse().unwrap());
    };
    for v4 in [
        "127.0.0.1",
        "127.9.9.9",
        "224.0.0.1",
        "255.255.255.255",
        "0.0.0.0",
        "169.254.169.254",
    ] {
        for ip in forms(v4) {
            tell(&ip);
        }
    }
    for _ in 0..40 {
        solo.advance(ms(5));
    }
    assert!(solo.sent().is_empty());
    // Those of the Internet are addresses like any other.
    for ip in forms("203.0.113.7") {
        let line = format!("candidate:1 1 udp 2130706431 {ip} 6000 typ host");
        solo.agent.add_remote_candidate(solo.now, line.parse().unwrap());
        solo.advance(ms(5));
    }
    assert_eq!(solo.sent().len(), 3);
}

#[test]
fn candidates_and_pairs_are_capped() {
    let mut solo = Solo::unacquainted(Config::default(), Role::Controlling);
    let theirs = solo.theirs.clone();
    solo.agent.set_remote_credentials(at(0), theirs).unwrap();
    for index in 0..1000u16 {
        let [high, low] = index.to_be_bytes();
        let address = SocketAddr::from(([10, 9, high, low], 6000));
        solo.agent.add_remote_candidate(at(0), Candidate::host(address));
    }
    assert_eq!(solo.agent.stats().candidates_over_limit, 900);
    assert!(solo.agent.items_held() < 300);
}

#[test]
fn the_least_valuable_pairs_make_room() {
    let config = Config::default().with_max_pairs(3);
    let mut solo = Solo::unacquainted(config, Role::Controlling);
    for (index, priority) in [10, 50, 20, 40, 30].into_iter().enumerate() {
        let line = format!(
            "candidate:{index} 1 udp {priority} 192.0.2.{} 6000 typ host",
            100 + index
        );
        solo.agent.add_remote_candidate(at(0), line.parse().unwrap());
    }
    let theirs = solo.theirs.clone();
    solo.agent.set_remote_credentials(at(0), theirs).unwrap();
    let mut checked = Vec::new();
    for _ in 0..10 {
        checked.extend(solo.sent().into_iter().map(|packet| packet.to));
        solo.advance(ms(5));
    }
    assert_eq!(
        checked,
        [
            address("192.0.2.101:6000"),
            address("192.0.2.103:6000"),
            address("192.0.2.104:6000")
        ]
    );
}

#[test]
fn gathering_tells_candidates_and_then_that_it_is_complete() {
    let mut solo = Solo::unacquainted(Config::default(), Role::Controlling);
    solo.agent
        .add_local_address(Instant::ZERO, address("[2001:db8::1]:5000"))
        .unwrap();
    let events = solo.events();
    assert!(
        matches!(
            events[..],
            [Event::Candidate(_), Event::Candidate(_), Event::GatheringComplete]
        ),
        "{events:?}"
    );
    assert!(solo.events().is_empty());
}

#[test]
fn a_learnt_candidate_that_is_signalled_later_gives_its_place_back() {
    // The peer moves about, and tells each time where it is: more often than there is room for what it does not tell.
    let config = Config::default().with_max_candidates(40);
    let mut solo = Solo::unacquainted(config, Role::Controlled);
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    solo.agent.set_remote_credentials(at(0), theirs.clone()).unwrap();
    let mut held = 0;
    for number in 0..200u8 {
        let place = format!("192.0.2.{number}:6000");
        let check = Check {
            transaction: [number; 12],
            ..Check::new(&ours, &theirs, Role::Controlling)
        };
        solo.receive_from(&place, &check.bytes());
        solo.sent();
        solo.agent
            .add_remote_candidate(solo.now, Candidate::host(address(&place)));
        solo.advance(ms(100));
        held = held.max(solo.agent.items_held());
    }
    let stats = solo.agent.stats();
    assert_eq!(stats.candidates_over_limit, 160);
    assert!(held < 600, "{held} things held");
    let learnt = 200 - stats.limit_reached;
    assert_eq!(learnt, 72, "40 that were signalled, 32 that were not");
}

#[test]
fn ten_thousand_trickled_candidates_leave_no_more_than_the_limits_allow() {
    let mut solo = Solo::unacquainted(Config::default(), Role::Controlling);
    let theirs = solo.theirs.clone();
    solo.agent.set_remote_credentials(at(0), theirs).unwrap();
    let mut held = 0;
    for index in 0..10_000u16 {
        let [high, low] = index.to_be_bytes();
        let address = SocketAddr::from(([10, 9, high, low], 6000));
        solo.agent.add_remote_candidate(solo.now, Candidate::host(address));
        if index % 10 == 0 {
            solo.advance(ms(1));
            solo.sent();
        }
        held = held.max(solo.agent.items_held());
    }
    assert!(held < 600, "{held}");
    assert_eq!(solo.agent.stats().candidates_over_limit, 9_900);
}
