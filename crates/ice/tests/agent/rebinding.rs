//! A NAT gives one of the two another address in the middle of a connection.

use std::net::SocketAddr;
use std::time::Duration;

use pollrtc_core::{Instant, StateMachine};
use pollrtc_ice::{Config, Event, Role, State};
use pollrtc_netsim::{Nat, Zone};
use pollrtc_stun::Message;

use super::common::{A, B, Check, HERE, Packet, Solo, THERE, address, answer, is_request, ms, refusal};
use super::nat::{World, internet};

const ELSEWHERE: &str = "192.0.2.2:7777";

/// A world of which one side is behind a symmetric NAT, that NAT, and the other side.
fn connected(seed: u64, roaming: usize) -> (World, Zone, usize) {
    let mut home = Zone::INTERNET;
    let mut world = World::new(seed, internet(0.0), |net| {
        home = net.nat(Nat::symmetric("203.0.113.1".parse().unwrap()));
        let mut places = [(Zone::INTERNET, "203.0.113.11:5000"); 2];
        places[roaming] = (home, "192.168.1.2:5000");
        places
    });
    world.signal();
    assert!(world.run_until(Instant::from_millis(5_000), |world| world.both(State::Completed)));
    // Beyond the time in which pairs that were not selected are let go.
    world.run_for(Duration::from_secs(10));
    (world, home, 1 - roaming)
}

fn remote(world: &World, side: usize) -> SocketAddr {
    world.net[world.agents[side]]
        .path()
        .expect("there is a path")
        .flow
        .remote()
}

/// Runs and returns what an agent has told since it was asked last.
fn events(world: &mut World, side: usize, duration: Duration) -> Vec<Event> {
    world.net.advance(duration);
    world.told(side)
}

#[test]
fn the_other_side_follows_before_it_counts_as_disconnected() {
    for roaming in [A, B] {
        for seed in 0..40 {
            let (mut world, home, other) = connected(seed, roaming);
            let before = remote(&world, other);
            // At any moment between two consent checks.
            world.run_for(ms(seed * 130));
            world.net.flush_nat(home);
            let told = events(&mut world, other, Duration::from_secs(10));
            let after = remote(&world, other);
            assert_ne!(after, before, "{roaming} {seed}");
            let path = world.net[world.agents[other]].path().unwrap();
            assert_eq!(told, [Event::PathChanged(path)], "{roaming} {seed}");
            // This side is disconnected for a moment if an answer was on its way to the old address.
            let moment = [State::Disconnected, State::Completed].map(Event::StateChanged);
            let told = events(&mut world, roaming, Duration::from_secs(60));
            assert!(told.is_empty() || told == moment, "{roaming} {seed} {told:?}");
            assert!(world.both(State::Completed));
        }
    }
}

#[test]
fn it_may_happen_again_and_again() {
    for roaming in [A, B] {
        let (mut world, home, other) = connected(3, roaming);
        for round in 0..100 {
            world.net.flush_nat(home);
            world.run_for(Duration::from_secs(12));
            assert!(world.both(State::Completed), "round {round}");
        }
        let held = world.net[world.agents[other]].items_held();
        assert!(held < 200, "{held} things held");
    }
}

#[test]
fn packet_loss_delays_it_at_most() {
    for roaming in [A, B] {
        for seed in 0..40 {
            let (mut world, home, _) = connected(seed, roaming);
            world.net.set_link(Zone::INTERNET, internet(0.1));
            world.net.flush_nat(home);
            world.run_for(Duration::from_secs(25));
            world.net.set_link(Zone::INTERNET, internet(0.0));
            world.run_for(Duration::from_secs(10));
            assert!(world.both(State::Completed), "{roaming} {seed}");
        }
    }
}

/// Selected by a peer that is played by hand, and that never nominates again.
fn selected() -> Solo {
    let mut solo = Solo::new(Role::Controlled);
    solo.connect();
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    let nomination = Check {
        use_candidate: true,
        ..Check::new(&ours, &theirs, Role::Controlling)
    };
    solo.receive(&nomination.bytes());
    assert_eq!(solo.agent.state(), State::Completed);
    solo.sent();
    solo
}

fn check(solo: &Solo, number: u8) -> Vec<u8> {
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    let check = Check {
        transaction: [number; 12],
        ..Check::new(&ours, &theirs, Role::Controlling)
    };
    check.bytes()
}

/// Lets time pass; requests to one of `answering` are answered from there.
fn run(solo: &mut Solo, until: Instant, answering: &[&str]) {
    while let Some(next) = solo.agent.poll_timeout().filter(|next| *next <= until) {
        solo.now = next.max(solo.now);
        solo.agent.handle_timeout(solo.now);
        serve(solo, answering);
    }
    solo.now = until;
}

fn serve(solo: &mut Solo, answering: &[&str]) {
    let password = solo.theirs.pwd.clone();
    for packet in solo.sent() {
        let from = answering.iter().find(|known| address(known) == packet.to);
        if let Some(from) = from.filter(|_| is_request(&packet.bytes)) {
            solo.receive_from(from, &answer(&packet.bytes, &password, address(HERE)));
        }
    }
}

fn is_at(solo: &Solo, remote: &str) -> bool {
    solo.agent
        .path()
        .is_some_and(|path| path.flow.remote() == address(remote))
}

#[test]
fn a_round_trip_there_and_a_missed_consent_check_here_move_the_path() {
    let mut solo = selected();
    solo.now = Instant::from_millis(1_000);
    let asked = check(&solo, 20);
    solo.receive_from(ELSEWHERE, &asked);
    run(&mut solo, Instant::from_millis(1_500), &[ELSEWHERE]);
    assert!(is_at(&solo, THERE), "no check is missed yet");
    run(&mut solo, Instant::from_millis(4_000), &[ELSEWHERE]);
    assert!(is_at(&solo, ELSEWHERE));
    assert_eq!(solo.agent.state(), State::Completed);
    run(&mut solo, Instant::from_millis(100_000), &[ELSEWHERE]);
    assert_eq!(solo.agent.state(), State::Completed);
}

#[test]
fn nobody_moves_the_path_who_repeats_a_check_from_elsewhere() {
    let mut solo = selected();
    let asked = check(&solo, 20);
    for second in 1..29 {
        solo.now = Instant::from_millis(second * 1_000);
        solo.receive_from(ELSEWHERE, &asked);
        run(&mut solo, Instant::from_millis(second * 1_000 + 999), &[]);
        assert!(is_at(&solo, THERE), "nothing answers from there");
    }
}

#[test]
fn the_path_stays_while_it_works_whoever_else_answers() {
    let mut solo = selected();
    for second in 1..100 {
        solo.now = Instant::from_millis(second * 1_000);
        let asked = check(&solo, u8::try_from(second).unwrap());
        solo.receive_from(ELSEWHERE, &asked);
        run(
            &mut solo,
            Instant::from_millis(second * 1_000 + 999),
            &[THERE, ELSEWHERE],
        );
        assert!(is_at(&solo, THERE));
    }
}

/// A peer whose next end may come from another socket, without a restart.
#[test]
fn where_a_peer_may_move_its_nomination_counts_at_once() {
    for expected in [true, false] {
        let mut solo = selected();
        if expected {
            solo.agent.expect_migration(solo.now);
            serve(&mut solo, &[THERE]);
        }
        let (ours, theirs) = (solo.ours(), solo.theirs.clone());
        let nomination = Check {
            use_candidate: true,
            transaction: [20; 12],
            ..Check::new(&ours, &theirs, Role::Controlling)
        };
        solo.receive_from(ELSEWHERE, &nomination.bytes());
        run(&mut solo, Instant::from_millis(200), &[ELSEWHERE]);
        assert_eq!(is_at(&solo, ELSEWHERE), expected);
    }
}

#[test]
fn where_a_peer_may_move_its_old_socket_is_asked_at_once_and_the_controlling_side_follows() {
    let mut solo = Solo::new(Role::Controlling);
    solo.connect();
    run(&mut solo, Instant::from_millis(1_000), &[THERE]);
    assert_eq!(solo.agent.state(), State::Completed);
    // Nobody is there any more.
    solo.agent.expect_migration(solo.now);
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    let asked = Check {
        transaction: [20; 12],
        ..Check::new(&ours, &theirs, Role::Controlled)
    };
    solo.receive_from(ELSEWHERE, &asked.bytes());
    run(&mut solo, Instant::from_millis(2_000), &[ELSEWHERE]);
    assert!(is_at(&solo, ELSEWHERE));
    // Who did not move goes on.
    solo.agent.expect_migration(solo.now);
    run(&mut solo, Instant::from_millis(60_000), &[ELSEWHERE]);
    assert!(is_at(&solo, ELSEWHERE));
}

/// We are the one behind the NAT, and the peer tells where it sees us.
#[test]
fn a_new_mapping_is_nominated_whatever_becomes_of_it() {
    let mut solo = Solo::new(Role::Controlling);
    solo.connect();
    let password = solo.theirs.pwd.clone();
    let nominates = |packet: &Packet| Message::parse(&packet.bytes).unwrap().use_candidate();
    solo.agent.end_of_remote_candidates(solo.now);
    run(&mut solo, Instant::from_millis(1_000), &[THERE]);
    assert_eq!(solo.agent.state(), State::Completed);
    let next_requests = |solo: &mut Solo| loop {
        solo.now = solo.agent.poll_timeout().expect("consent is kept fresh");
        solo.agent.handle_timeout(solo.now);
        let sent = solo.sent();
        if !sent.is_empty() {
            return sent;
        }
    };
    let consent = next_requests(&mut solo).remove(0);
    assert!(nominates(&consent), "the new mapping with it, before we know of it");
    solo.receive(&refusal(&consent.bytes, Some(&password), 400));
    for _ in 0..10 {
        assert_eq!(solo.agent.state(), State::Completed);
        let consent = next_requests(&mut solo).remove(0);
        assert!(nominates(&consent));
        solo.receive(&answer(&consent.bytes, &password, address("203.0.113.1:1024")));
        assert_eq!(solo.sent().len(), 0, "that is enough");
    }
}

#[test]
fn a_lite_side_follows_the_nomination() {
    let lite = Config::default().with_lite();
    let mut solo = Solo::unacquainted(lite, Role::Controlled);
    let theirs = solo.theirs.clone();
    solo.agent.set_remote_credentials(solo.now, theirs).unwrap();
    for (number, place) in [(1, THERE), (2, ELSEWHERE)] {
        solo.now = Instant::from_millis(u64::from(number) * 10_000);
        let (ours, theirs) = (solo.ours(), solo.theirs.clone());
        let nomination = Check {
            use_candidate: true,
            transaction: [number; 12],
            ..Check::new(&ours, &theirs, Role::Controlling)
        };
        solo.receive_from(place, &nomination.bytes());
        assert!(is_at(&solo, place));
    }
}

#[test]
fn a_nat_that_goes_back_to_the_old_address_is_followed() {
    let mut solo = selected();
    let mut number = 20;
    for (round, place) in [ELSEWHERE, THERE, ELSEWHERE, THERE].into_iter().enumerate() {
        let start = 1_000 + 40_000 * round as u64;
        for second in 0..8 {
            solo.now = Instant::from_millis(start + second * 5_000);
            number += 1;
            let asked = check(&solo, number);
            solo.receive_from(place, &asked);
            serve(&mut solo, &[place]);
            run(
                &mut solo,
                Instant::from_millis(start + second * 5_000 + 4_999),
                &[place],
            );
        }
        assert!(is_at(&solo, place), "round {round}");
        assert_eq!(solo.agent.state(), State::Completed);
    }
}

#[test]
fn replayed_checks_hold_no_room_that_the_peers_own_rebinding_needs() {
    let mut solo = selected();
    let recorded: Vec<Vec<u8>> = (100..110).map(|number| check(&solo, number)).collect();
    for bytes in &recorded {
        solo.receive(bytes);
    }
    serve(&mut solo, &[THERE]);
    // Somebody who heard them repeats them from many addresses, all the time.
    let replay = |solo: &mut Solo, answering: &str| {
        for last in 0..=99u8 {
            for bytes in &recorded {
                solo.receive_from(&format!("203.0.113.{last}:6000"), bytes);
            }
            serve(solo, &[answering]);
        }
    };
    for second in 1..60 {
        replay(&mut solo, THERE);
        run(&mut solo, Instant::from_millis(second * 1_000), &[THERE]);
        assert!(solo.agent.items_held() < 60, "{}", solo.agent.items_held());
    }
    assert!(is_at(&solo, THERE));
    // The peer's NAT gives it another address.
    for second in 60..75 {
        replay(&mut solo, ELSEWHERE);
        let asked = check(&solo, u8::try_from(second).unwrap());
        solo.receive_from(ELSEWHERE, &asked);
        run(&mut solo, Instant::from_millis(second * 1_000), &[ELSEWHERE]);
    }
    assert!(is_at(&solo, ELSEWHERE));
}

#[test]
fn a_replayed_check_keeps_no_learnt_candidate_in_its_place() {
    // As many checks as candidates can be learnt, and more than are recognised: each of its own address.
    let mut solo = selected();
    let recorded: Vec<Vec<u8>> = (100..132).map(|number| check(&solo, number)).collect();
    for second in 0..60 {
        for (last, bytes) in recorded.iter().enumerate() {
            solo.receive_from(&format!("203.0.113.{last}:6000"), bytes);
        }
        run(&mut solo, Instant::from_millis(1_000 + second * 1_000), &[THERE]);
    }
    for second in 60..75 {
        let asked = check(&solo, u8::try_from(second).unwrap());
        solo.receive_from(ELSEWHERE, &asked);
        run(&mut solo, Instant::from_millis(1_000 + second * 1_000), &[ELSEWHERE]);
    }
    assert!(is_at(&solo, ELSEWHERE));
}
