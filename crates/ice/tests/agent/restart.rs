//! Restarts (RFC 8445 §9).

use pollrtc_core::StateMachine;
use pollrtc_ice::{Candidate, Credentials, Event, FailureReason, Role, State};
use std::time::Duration;

use super::common::{A, B, Check, HERE, Pair, Solo, THERE, Way, address, answer, at, error_code, host, is_request, ms};

fn connected() -> Pair {
    let mut pair = Pair::with_addresses([1, 1], ms(20));
    pair.signal();
    assert!(pair.run_until_both(State::Completed, at(1000)));
    pair
}

#[test]
fn a_restart_changes_the_credentials_and_keeps_the_role() {
    let mut pair = connected();
    let before = pair.agents[A].local_credentials().clone();
    let role = pair.agents[A].role();
    let now = pair.now;
    pair.agents[A].restart(now);
    let after = pair.agents[A].local_credentials();
    assert!(after.ufrag != before.ufrag && after.pwd != before.pwd);
    assert_eq!(pair.agents[A].role(), role);
    assert_eq!(pair.agents[A].remote_credentials(), None);
    pair.events[A].clear();
    pair.drain();
    assert!(
        pair.events[A].iter().any(|event| matches!(event, Event::Candidate(_))),
        "to be signalled again"
    );
}

#[test]
fn data_flows_on_the_old_path_until_the_new_one_is_selected() {
    let mut pair = connected();
    let old = pair.path(A);
    pair.agents[A].add_local_address(pair.now, host(A, 1)).unwrap();
    for side in [A, B] {
        let now = pair.now;
        pair.agents[side].restart(now);
        assert_eq!(pair.path(side), old_of(old, side));
    }
    pair.run_for(ms(100));
    pair.send(A, b"\x16one");
    pair.send(B, b"\x16two");
    pair.run_for(ms(100));
    assert_eq!(pair.data[B], [b"\x16one".to_vec()]);
    assert_eq!(pair.data[A], [b"\x16two".to_vec()]);
    // The old way is closed to new checks: only the new address of A works.
    pair.filter = Box::new(move |_, packet| packet.from != old.local && packet.to != old.local);
    pair.signal();
    let deadline = pair.now + ms(3000);
    assert!(pair.run_until_both(State::Completed, deadline));
    assert_eq!(pair.path(A).local, host(A, 1));
    assert_eq!(pair.path(B).remote, host(A, 1));
    for side in [A, B] {
        assert!(!pair.states(side).contains(&State::Failed(FailureReason::NoPair)));
    }
}

fn old_of(path: Way, side: usize) -> Way {
    if side == A {
        path
    } else {
        Way {
            local: path.remote,
            remote: path.local,
        }
    }
}

#[test]
fn the_old_path_is_kept_alive_meanwhile() {
    let mut pair = connected();
    let now = pair.now;
    pair.agents[A].restart(now);
    pair.run_for(Duration::from_secs(60));
    assert!(
        pair.agents[A].path().is_some(),
        "consent with the old credentials is renewed"
    );
    assert!(pair.agents[B].path().is_some());
    let asked = pair.agents[A].stats().consent_checks_sent;
    assert!(asked >= 9, "{asked}");
}

#[test]
fn the_old_path_dies_without_consent_and_the_new_session_goes_on() {
    let mut pair = connected();
    for side in [A, B] {
        let now = pair.now;
        pair.agents[side].restart(now);
    }
    pair.filter = Box::new(|_, _| false);
    pair.run_for(Duration::from_secs(40));
    for agent in &pair.agents {
        assert_eq!(agent.path(), None);
        assert_eq!(agent.state(), State::Checking);
    }
    pair.filter = Box::new(|_, _| true);
    pair.signal();
    let deadline = pair.now + ms(1000);
    assert!(pair.run_until_both(State::Completed, deadline));
}

#[test]
fn new_credentials_of_the_peer_restart_this_side_too() {
    let mut pair = connected();
    let now = pair.now;
    let ours = pair.agents[B].local_credentials().clone();
    pair.agents[A].restart(now);
    pair.signal_to(B);
    assert_ne!(*pair.agents[B].local_credentials(), ours);
    pair.signal_to(A);
    let deadline = pair.now + ms(1000);
    assert!(pair.run_until_both(State::Completed, deadline));
}

#[test]
fn checks_with_the_old_credentials_are_answered_and_change_nothing() {
    let mut solo = Solo::new(Role::Controlled);
    solo.connect();
    let (old, theirs) = (solo.ours(), solo.theirs.clone());
    let now = solo.now;
    solo.agent.restart(now);
    let check = Check {
        use_candidate: true,
        ..Check::new(&old, &theirs, Role::Controlling)
    };
    solo.receive_from("192.0.2.99:1", &check.bytes());
    let answered = solo.only_sent();
    assert!(!is_request(&answered.bytes) && error_code(&answered.bytes).is_none());
    assert_eq!(solo.agent.stats().other_generation, 1);
    assert_ne!(solo.agent.state(), State::Completed);

    let next = Credentials::new("NEXT", "the password after the restart");
    solo.agent.set_remote_credentials(now, next).unwrap();
    assert!(solo.sent().is_empty(), "nothing of it reached the new checklist");
}

#[test]
fn old_and_new_credentials_are_never_mixed() {
    let mut solo = Solo::new(Role::Controlling);
    solo.connect();
    let now = solo.now;
    solo.agent.restart(now);
    solo.agent.add_remote_candidate(now, Candidate::host(address(THERE)));
    solo.advance(ms(100));
    assert!(
        solo.sent().is_empty(),
        "no check before the peer's new credentials are known"
    );
    // A check that knows our new password but bears the peer's old fragment is dropped.
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    let next = Credentials::new("NEXT", "the password after the restart");
    solo.agent.set_remote_credentials(now, next.clone()).unwrap();
    solo.sent();
    solo.receive_from("192.0.2.99:1", &Check::new(&ours, &theirs, Role::Controlled).bytes());
    assert!(solo.sent().is_empty());
    assert_eq!(solo.agent.stats().other_generation, 1);
    solo.advance(ms(100));
    assert!(solo.sent().iter().all(|packet| packet.to != address("192.0.2.99:1")));
}

/// The peer restarts and checks from a new candidate, before we have heard of it and after. No response may
/// make it believe in a pair that belongs to neither session.
#[test]
fn a_check_from_the_peers_new_session_to_our_old_one_gets_no_response() {
    let mut solo = Solo::new(Role::Controlled);
    solo.connect();
    let now = solo.now;
    let (old, next) = (solo.ours(), Credentials::new("NEXT", "the password after the restart"));
    let check = Check {
        use_candidate: true,
        ..Check::new(&old, &next, Role::Controlling)
    };
    solo.receive_from("192.0.2.99:1", &check.bytes());
    assert!(solo.sent().is_empty());
    solo.agent.restart(now);
    solo.agent.set_remote_credentials(now, next.clone()).unwrap();
    solo.sent();
    solo.receive_from("192.0.2.99:1", &check.bytes());
    assert!(solo.sent().is_empty());
    assert_eq!(solo.agent.stats().other_generation, 2);
    // What belongs to the old session on both sides is answered still, what belongs to the new one too.
    let (new, theirs) = (solo.ours(), solo.theirs.clone());
    for (ours, theirs) in [(&old, &theirs), (&new, &next)] {
        solo.receive(&Check::new(ours, theirs, Role::Controlling).bytes());
        assert!(
            solo.sent()
                .iter()
                .any(|packet| !is_request(&packet.bytes) && error_code(&packet.bytes).is_none())
        );
    }
}

#[test]
fn old_credentials_are_forgotten_after_a_grace() {
    let mut pair = connected();
    let old = pair.agents[A].local_credentials().clone();
    for side in [A, B] {
        let now = pair.now;
        pair.agents[side].restart(now);
    }
    pair.signal();
    let deadline = pair.now + ms(1000);
    assert!(pair.run_until_both(State::Completed, deadline));
    pair.run_for(Duration::from_secs(6));
    let theirs = Credentials::new("ANYONE", "a password that does not matter");
    let before = pair.agents[A].stats();
    let bytes = Check::new(&old, &theirs, Role::Controlled).bytes();
    let packet = super::common::Packet {
        from: host(B, 0),
        to: host(A, 0),
        bytes,
    };
    pair.deliver(A, &packet);
    assert_eq!(pair.agents[A].stats().unknown_username, before.unknown_username + 1);
}

#[test]
fn a_restart_while_checking_and_two_in_a_row_are_harmless() {
    let mut pair = Pair::with_addresses([2, 2], ms(20));
    pair.signal();
    pair.run_until(at(12));
    for _ in 0..5 {
        for side in [A, B] {
            let now = pair.now;
            pair.agents[side].restart(now);
        }
        pair.run_for(ms(3));
    }
    pair.signal();
    let deadline = pair.now + ms(2000);
    assert!(pair.run_until_both(State::Completed, deadline));
}

#[test]
fn two_restarts_in_a_row_keep_the_path_that_carries_data() {
    let mut pair = connected();
    for _ in 0..4 {
        for side in [A, B] {
            let now = pair.now;
            pair.agents[side].restart(now);
        }
    }
    pair.run_for(Duration::from_secs(60));
    pair.send(A, b"\x16still");
    pair.run_for(ms(20));
    assert_eq!(pair.data[B], [b"\x16still".to_vec()]);
    assert!(pair.agents[A].items_held() < 40);
}

#[test]
fn a_restart_revives_a_failed_agent() {
    let mut pair = connected();
    pair.filter = Box::new(|_, _| false);
    pair.run_for(Duration::from_secs(60));
    assert!(matches!(pair.agents[A].state(), State::Failed(_)));
    pair.filter = Box::new(|_, _| true);
    for side in [A, B] {
        let now = pair.now;
        pair.agents[side].restart(now);
    }
    pair.signal();
    let deadline = pair.now + ms(1000);
    assert!(pair.run_until_both(State::Completed, deadline));
}

/// A loses its address and has another one, which the peer may know.
fn move_to_another_interface(settled: Duration) -> Pair {
    let mut pair = connected();
    let now = pair.now;
    pair.agents[A].add_local_address(now, host(A, 1)).unwrap();
    pair.agents[B].add_remote_candidate(now, Candidate::host(host(A, 1)));
    pair.run_for(settled);
    let now = pair.now;
    pair.agents[A].remove_local_address(now, host(A, 0));
    pair.filter = Box::new(|_, packet| packet.from != host(A, 0) && packet.to != host(A, 0));
    pair.run_for(ms(30));
    assert_eq!(
        pair.path(A).local,
        host(A, 1),
        "within a round trip and a little pacing"
    );
    pair
}

#[test]
fn a_new_interface_takes_over_without_a_restart() {
    let mut pair = move_to_another_interface(ms(4000));
    pair.run_for(ms(50));
    assert_eq!(pair.path(B).remote, host(A, 1), "the peer follows the nomination");
    assert!(pair.agents.iter().all(|agent| agent.state() == State::Completed));
}

#[test]
fn a_change_right_after_the_selection_is_followed_once_the_old_way_is_silent() {
    let mut pair = move_to_another_interface(ms(500));
    pair.run_for(Duration::from_secs(9));
    assert_eq!(pair.path(B).remote, host(A, 1));
    assert!(pair.agents.iter().all(|agent| agent.state() == State::Completed));
}

#[test]
fn answers_to_checks_from_before_the_restart_do_not_count() {
    let mut solo = Solo::new(Role::Controlling);
    let request = solo.only_sent();
    let now = solo.now;
    solo.agent.restart(now);
    solo.receive(&answer(&request.bytes, &solo.theirs.pwd.clone(), address(HERE)));
    assert_eq!(solo.agent.path(), None);
    assert_eq!(solo.agent.stats().unmatched_response, 1);
    assert!(solo.agent.poll_timeout().is_some());
}

#[test]
fn a_restart_can_take_credentials_that_an_offer_has_named() {
    let mut pair = connected();
    let now = pair.now;
    let next = Credentials::generate(&mut pollrtc_crypto::Rng::from_seed([9; 32]));
    pair.agents[A].restart_with(now, next.clone());
    assert_eq!(*pair.agents[A].local_credentials(), next);
    pair.agents[B].restart(now);
    pair.signal();
    let deadline = pair.now + ms(1000);
    assert!(pair.run_until_both(State::Completed, deadline));
}
