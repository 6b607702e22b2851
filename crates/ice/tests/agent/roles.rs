//! Who controls (RFC 8445 §6.1.1, §7.2.5.1, §7.3.1.1).

use pollrtc_core::Instant;
use pollrtc_ice::{Role, State};
use pollrtc_stun::ErrorCode;

use super::common::{A, B, Check, Pair, Solo, agent, at, error_code, host, ms, refusal};

fn conflict(role: Role, seeds: [u8; 2]) -> Pair {
    let mut pair = Pair::new(agent(role, seeds[A]), agent(role, seeds[B]), ms(50));
    for side in [A, B] {
        pair.agents[side]
            .add_local_address(Instant::ZERO, host(side, 0))
            .unwrap();
    }
    pair.signal();
    pair
}

#[test]
fn two_of_the_same_role_agree_within_two_and_a_half_round_trips() {
    for role in [Role::Controlling, Role::Controlled] {
        for seed in 0..20 {
            let mut pair = conflict(role, [seed, 100 + seed]);
            pair.run_until(at(125));
            let can_send = [A, B].map(|side| pair.agents[side].path().is_some());
            assert_eq!(can_send, [true; 2], "both {role:?}, seed {seed}");
            assert!(
                pair.run_until_both(State::Completed, at(150)),
                "both {role:?}, seed {seed}"
            );
            assert_ne!(pair.agents[A].role(), pair.agents[B].role());
            assert!(pair.agents[A].stats().role_conflicts + pair.agents[B].stats().role_conflicts > 0);
        }
    }
}

#[test]
fn equal_tie_breakers_do_not_make_them_change_roles_for_ever() {
    for role in [Role::Controlling, Role::Controlled] {
        // The same seed gives the same tie-breaker; one check more, and the next ones differ.
        let mut pair = conflict(role, [5, 5]);
        pair.agents[A].add_local_address(Instant::ZERO, host(A, 1)).unwrap();
        assert!(pair.run_until_both(State::Completed, at(500)), "both {role:?}");
        assert_ne!(pair.agents[A].role(), pair.agents[B].role());
    }
}

#[test]
fn a_peer_of_the_same_role_and_less_luck_is_told() {
    let mut solo = Solo::new(Role::Controlling);
    solo.sent();
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    let check = Check {
        tie_breaker: 0,
        ..Check::new(&ours, &theirs, Role::Controlling)
    };
    solo.receive(&check.bytes());
    let refused = solo.only_sent();
    assert_eq!(error_code(&refused.bytes), Some(ErrorCode::ROLE_CONFLICT));
    assert_eq!(solo.agent.role(), Role::Controlling);
}

#[test]
fn the_greater_tie_breaker_controls() {
    let mut solo = Solo::new(Role::Controlling);
    solo.sent();
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    let check = Check {
        tie_breaker: u64::MAX,
        ..Check::new(&ours, &theirs, Role::Controlling)
    };
    solo.receive(&check.bytes());
    assert_eq!(solo.agent.role(), Role::Controlled);
    assert!(
        solo.sent().iter().all(|packet| error_code(&packet.bytes).is_none()),
        "and is answered"
    );
}

#[test]
fn a_refusal_of_the_role_is_followed_by_a_check_in_the_other() {
    let mut solo = Solo::new(Role::Controlling);
    let request = solo.only_sent();
    let password = solo.theirs.pwd.clone();
    solo.receive(&refusal(&request.bytes, Some(&password), ErrorCode::ROLE_CONFLICT));
    assert_eq!(solo.agent.role(), Role::Controlled);
    solo.advance(ms(5));
    let again = solo.only_sent();
    let again = pollrtc_stun::Message::parse(&again.bytes).unwrap();
    let first = pollrtc_stun::Message::parse(&request.bytes).unwrap();
    assert!(again.ice_controlled().is_some() && again.ice_controlling().is_none());
    assert_ne!(again.transaction_id(), first.transaction_id());
    assert_ne!(
        again.ice_controlled(),
        first.ice_controlling(),
        "RFC 8445 §7.2.5.1: another tie-breaker"
    );
}

#[test]
fn a_stale_refusal_changes_nothing() {
    let mut solo = Solo::new(Role::Controlling);
    let request = solo.only_sent();
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    let check = Check {
        tie_breaker: u64::MAX,
        ..Check::new(&ours, &theirs, Role::Controlling)
    };
    solo.receive(&check.bytes());
    assert_eq!(solo.agent.role(), Role::Controlled);
    // The answer to our check from when we were controlling comes late.
    solo.receive(&refusal(&request.bytes, Some(&theirs.pwd), ErrorCode::ROLE_CONFLICT));
    assert_eq!(solo.agent.role(), Role::Controlled);
    assert_eq!(solo.agent.stats().stale_role_conflict, 1);
}

#[test]
fn no_role_changes_before_integrity_is_checked() {
    let mut solo = Solo::new(Role::Controlling);
    let request = solo.only_sent();
    for password in [None, Some("not the password of the peer")] {
        solo.receive(&refusal(&request.bytes, password, ErrorCode::ROLE_CONFLICT));
    }
    let mut forged = solo.ours();
    forged.pwd = "not the password of the agent".into();
    let theirs = solo.theirs.clone();
    let check = Check {
        tie_breaker: u64::MAX,
        ..Check::new(&forged, &theirs, Role::Controlling)
    };
    solo.receive(&check.bytes());
    assert_eq!(solo.agent.role(), Role::Controlling);
    assert_eq!(solo.agent.stats().bad_integrity, 3);
    assert_eq!(solo.agent.stats().role_conflicts, 0);
}

#[test]
fn only_the_controlling_side_nominates() {
    let mut pair = Pair::with_addresses([2, 2], ms(20));
    pair.signal();
    assert!(pair.run_until_both(State::Completed, at(1000)));
    let nominations = |side: usize| {
        let is_nomination = |bytes: &[u8]| pollrtc_stun::Message::parse(bytes).unwrap().use_candidate();
        pair.sent[side]
            .iter()
            .filter(|(_, packet)| is_nomination(&packet.bytes))
            .count()
    };
    assert_eq!(nominations(A), 1, "regular nomination: once");
    assert_eq!(nominations(B), 0);
}

#[test]
fn use_candidate_is_ignored_by_the_controlling_side() {
    let mut solo = Solo::new(Role::Controlling);
    solo.sent();
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    let check = Check {
        use_candidate: true,
        ..Check::new(&ours, &theirs, Role::Controlled)
    };
    solo.receive(&check.bytes());
    assert_ne!(solo.agent.state(), State::Completed);
    assert_eq!(solo.sent().len(), 1, "an answer, and no more");
}
