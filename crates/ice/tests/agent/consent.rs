//! Consent to send, kept fresh and lost (RFC 7675), and the time around it.

use std::time::Duration;

use pollrtc_core::{Flow, StateMachine};
use pollrtc_ice::{Config, Event, FailureReason, Role, State};
use pollrtc_stun::Message;

use super::common::{A, B, Check, HERE, Pair, Solo, THERE, address, answer, at, is_request, ms, refusal};

fn connected() -> Pair {
    let mut pair = Pair::with_addresses([1, 1], ms(20));
    pair.signal();
    assert!(pair.run_until_both(State::Completed, at(1000)));
    pair
}

/// Both sides selected; the peer is played by hand.
fn selected() -> Solo {
    let mut solo = Solo::new(Role::Controlled);
    let request = solo.only_sent();
    solo.receive(&answer(&request.bytes, &solo.theirs.pwd.clone(), address(HERE)));
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    let nomination = Check {
        use_candidate: true,
        ..Check::new(&ours, &theirs, Role::Controlling)
    };
    solo.receive(&nomination.bytes());
    assert_eq!(solo.agent.state(), State::Completed);
    assert_eq!(solo.sent().len(), 1);
    solo
}

/// Lets time pass until a consent check comes, with its time.
fn next_check(solo: &mut Solo) -> Vec<u8> {
    loop {
        solo.now = solo.agent.poll_timeout().expect("consent is kept fresh").max(solo.now);
        solo.agent.handle_timeout(solo.now);
        if let Some(packet) = solo.sent().pop() {
            assert!(is_request(&packet.bytes));
            return packet.bytes;
        }
    }
}

#[test]
fn consent_is_asked_for_every_four_to_six_seconds() {
    let mut pair = connected();
    let start = pair.now;
    for sent in &mut pair.sent {
        sent.clear();
    }
    pair.run_for(Duration::from_secs(600));
    for side in [A, B] {
        let asked: Vec<_> = pair.sent[side]
            .iter()
            .filter(|(_, packet)| is_request(&packet.bytes))
            .map(|(at, _)| *at)
            .collect();
        let gaps: Vec<Duration> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.iter().all(|gap| (ms(4000)..=ms(6000)).contains(gap)), "{gaps:?}");
        let mean = (pair.now - start) / u32::try_from(asked.len()).unwrap();
        assert!((ms(4700)..ms(5300)).contains(&mean), "{mean:?}");
        assert!(gaps.windows(2).any(|gaps| gaps[0] != gaps[1]), "drawn by lot");
        assert_eq!(pair.agents[side].state(), State::Completed);
    }
}

#[test]
fn each_consent_check_is_new_and_sent_once() {
    let mut solo = selected();
    let checks: Vec<Vec<u8>> = (0..4).map(|_| next_check(&mut solo)).collect();
    for (index, check) in checks.iter().enumerate() {
        assert!(checks.iter().skip(index + 1).all(|other| other != check));
    }
}

#[test]
fn the_controlling_side_says_with_each_consent_check_that_the_pair_is_nominated() {
    let mut pair = connected();
    for sent in &mut pair.sent {
        sent.clear();
    }
    pair.run_for(Duration::from_secs(60));
    for (side, nominates) in [(A, true), (B, false)] {
        let checks = pair.sent[side].iter().filter(|(_, packet)| is_request(&packet.bytes));
        let said: Vec<bool> = checks
            .map(|(_, packet)| Message::parse(&packet.bytes).unwrap().use_candidate())
            .collect();
        assert!(
            said.len() >= 10 && said.iter().all(|said| *said == nominates),
            "{said:?}"
        );
    }
}

#[test]
fn a_pair_that_is_not_selected_is_not_nominated_by_asking_for_consent() {
    // A peer that answers no nomination: data flows on a valid pair.
    let mut solo = Solo::new(Role::Controlling);
    solo.connect();
    let end = solo.now + Duration::from_secs(20);
    let mut consent_checks = 0;
    while solo.now < end {
        for packet in solo.sent() {
            let check = Message::parse(&packet.bytes).unwrap();
            consent_checks += usize::from(!check.use_candidate());
            if !check.use_candidate() {
                solo.receive(&answer(&packet.bytes, &solo.theirs.pwd.clone(), packet.from));
            }
        }
        solo.now = solo.agent.poll_timeout().unwrap().max(solo.now);
        solo.agent.handle_timeout(solo.now);
    }
    assert_eq!(solo.agent.state(), State::Connected);
    assert!(consent_checks >= 3, "{consent_checks}");
}

#[test]
fn a_nominated_pair_that_is_nominated_again_and_again_does_not_bind_the_controlled_side() {
    // The peer moves to a pair of lower priority, a second after it has renewed consent on the first.
    let mut solo = selected();
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    solo.agent.add_remote_candidate(
        solo.now,
        "candidate:9 1 udp 1000 192.0.2.77 7000 typ host".parse().unwrap(),
    );
    let nominates = |transaction: u8| {
        let check = Check {
            use_candidate: true,
            transaction: [transaction; 12],
            ..Check::new(&ours, &theirs, Role::Controlling)
        };
        check.bytes()
    };
    for round in 0..5 {
        solo.advance(Duration::from_secs(5));
        for packet in solo.sent() {
            solo.receive(&answer(&packet.bytes, &theirs.pwd, address(HERE)));
        }
        solo.receive(&nominates(20 + round));
    }
    solo.events();
    solo.advance(Duration::from_secs(1));
    solo.receive_from("192.0.2.77:7000", &nominates(50));
    for _ in 0..3 {
        for packet in solo.sent().iter().filter(|packet| is_request(&packet.bytes)) {
            let from = packet.to.to_string();
            solo.receive_from(&from, &answer(&packet.bytes, &theirs.pwd, address(HERE)));
        }
        solo.advance(ms(10));
    }
    assert_eq!(solo.agent.path().unwrap().flow.remote(), address("192.0.2.77:7000"));
}

#[test]
fn silence_ends_consent_after_thirty_seconds() {
    let mut pair = connected();
    pair.filter = Box::new(|_, _| false);
    let lost_at = pair.now;
    pair.run_for(Duration::from_secs(9));
    for agent in &pair.agents {
        assert_eq!(agent.state(), State::Disconnected);
        assert!(agent.path().is_some(), "data may still try");
    }
    pair.run_until(lost_at + Duration::from_secs(40));
    for side in [A, B] {
        assert_eq!(pair.agents[side].state(), State::Failed(FailureReason::ConsentExpired));
        assert_eq!(pair.agents[side].path(), None);
        let last = pair.sent[side].last().unwrap().0;
        assert!(last - lost_at <= Duration::from_secs(30), "nothing is sent after");
    }
    assert!(pair.agents.iter().all(|agent| agent.poll_timeout().is_none()));
}

#[test]
fn a_word_from_the_peer_ends_the_disconnection() {
    let mut pair = connected();
    pair.filter = Box::new(|_, _| false);
    pair.run_for(Duration::from_secs(10));
    assert_eq!(pair.agents[A].state(), State::Disconnected);
    pair.filter = Box::new(|_, _| true);
    pair.run_for(Duration::from_secs(7));
    for side in [A, B] {
        assert_eq!(pair.agents[side].state(), State::Completed);
        assert!(
            pair.states(side)
                .ends_with(&[State::Completed, State::Disconnected, State::Completed])
        );
    }
}

/// Runs until the state changes, while data that its own protocol has authenticated comes each half a second.
fn hear_data_until_a_change(solo: &mut Solo, limit: Duration) -> Vec<State> {
    let deadline = solo.now + limit;
    let path = solo.agent.path().unwrap();
    solo.events();
    while solo.now < deadline {
        solo.now += ms(500);
        solo.agent.handle_timeout(solo.now);
        solo.agent.handle_authenticated(solo.now, path);
        solo.sent();
        let states: Vec<State> = solo
            .events()
            .into_iter()
            .filter_map(|event| match event {
                Event::StateChanged(state) => Some(state),
                _ => None,
            })
            .collect();
        if !states.is_empty() {
            return states;
        }
    }
    Vec::new()
}

#[test]
fn authenticated_data_is_life_and_no_consent() {
    // Not one of our checks is answered, nor comes one of the peer: only its data does.
    let mut solo = selected();
    let start = solo.now;
    let states = hear_data_until_a_change(&mut solo, Duration::from_secs(60));
    assert_eq!(states, [State::Failed(FailureReason::ConsentExpired)]);
    assert_eq!(
        solo.now - start,
        Duration::from_secs(30),
        "RFC 7675: no later than without data"
    );
    assert!(solo.agent.path().is_none());
}

#[test]
fn authenticated_data_ends_the_disconnection() {
    let mut solo = selected();
    let path = solo.agent.path().unwrap();
    solo.advance(Duration::from_secs(8));
    assert_eq!(solo.agent.state(), State::Disconnected);
    // Any datagram may claim to come from there; and what came another way says nothing of this one.
    assert!(solo.receive(b"\x16 who knows whose"));
    let elsewhere = Flow::udp(address("192.0.2.99:6000")).on(address(HERE));
    solo.agent
        .handle_authenticated(solo.now, pollrtc_ice::Path::new(elsewhere, 1200));
    assert_eq!(solo.agent.state(), State::Disconnected);
    solo.agent.handle_authenticated(solo.now, path);
    assert_eq!(solo.agent.state(), State::Completed);
    // The silence is counted from here.
    solo.advance(ms(7_400));
    assert_eq!(solo.agent.state(), State::Completed);
    solo.advance(ms(200));
    assert_eq!(solo.agent.state(), State::Disconnected);
}

#[test]
fn to_a_lite_agent_data_is_no_consent_either() {
    let mut solo = Solo::unacquainted(Config::default().with_lite(), Role::Controlled);
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    solo.agent.set_remote_credentials(solo.now, theirs.clone()).unwrap();
    let nomination = Check {
        use_candidate: true,
        ..Check::new(&ours, &theirs, Role::Controlling)
    };
    solo.receive(&nomination.bytes());
    assert_eq!(solo.agent.state(), State::Completed);
    let start = solo.now;
    let states = hear_data_until_a_change(&mut solo, Duration::from_secs(60));
    assert_eq!(states, [State::Failed(FailureReason::ConsentExpired)]);
    assert_eq!(solo.now - start, Duration::from_secs(30));
}

#[test]
fn lost_consent_checks_are_survived() {
    let mut pair = connected();
    let mut rng = pollrtc_crypto::Rng::from_seed([3; 32]);
    pair.filter = Box::new(move |_, _| rng.below(10) < 9);
    pair.run_for(Duration::from_secs(600));
    for agent in &pair.agents {
        assert!(agent.path().is_some());
    }
}

#[test]
fn only_the_matching_authenticated_answer_renews_consent() {
    let mut solo = selected();
    let (there, password) = (THERE, solo.theirs.pwd.clone());
    while solo.agent.path().is_some() {
        let asked = solo.agent.poll_timeout().expect("waits for consent");
        solo.now = asked;
        solo.agent.handle_timeout(asked);
        for packet in solo.sent() {
            let good = answer(&packet.bytes, &password, address(HERE));
            let mut other_id = good.clone();
            other_id[10] ^= 1;
            solo.receive_from(there, &other_id);
            solo.receive_from(
                there,
                &answer(&packet.bytes, "some other password entirely", address(HERE)),
            );
            // Even a good one, if it comes from elsewhere.
            solo.receive_from("192.0.2.77:6000", &good);
        }
    }
    assert_eq!(solo.agent.state(), State::Failed(FailureReason::ConsentExpired));
    assert_eq!(solo.now, at(30_000));
}

#[test]
fn after_expiry_nothing_but_a_restart_brings_consent_back() {
    let mut solo = selected();
    let mut last = Vec::new();
    while solo.agent.path().is_some() {
        last = next_check_or_end(&mut solo).unwrap_or(last);
    }
    solo.receive(&answer(&last, &solo.theirs.pwd.clone(), address(HERE)));
    assert_eq!(solo.agent.path(), None);
    assert!(matches!(solo.agent.state(), State::Failed(_)));
    let now = solo.now;
    solo.agent.restart(now);
    assert!(!matches!(solo.agent.state(), State::Failed(_)));
}

fn next_check_or_end(solo: &mut Solo) -> Option<Vec<u8>> {
    solo.now = solo.agent.poll_timeout()?;
    solo.agent.handle_timeout(solo.now);
    solo.sent().pop().map(|packet| packet.bytes)
}

#[test]
fn a_forged_refusal_revokes_nothing_an_authentic_one_does() {
    let mut solo = selected();
    let check = next_check(&mut solo);
    solo.receive(&refusal(&check, None, 403));
    solo.receive(&refusal(&check, Some("some other password entirely"), 403));
    assert!(solo.agent.path().is_some());
    let password = solo.theirs.pwd.clone();
    solo.receive(&refusal(&check, Some(&password), 403));
    assert_eq!(solo.agent.state(), State::Failed(FailureReason::ConsentRevoked));
    assert_eq!(solo.agent.path(), None);
}

#[test]
fn the_peers_consent_checks_are_answered_from_any_state_of_ours() {
    let mut pair = connected();
    pair.run_for(Duration::from_secs(100));
    for side in [A, B] {
        assert!(pair.agents[side].stats().responses_sent >= 16);
    }
}

#[test]
fn a_sleep_of_a_minute_ends_with_one_question_and_no_burst() {
    let mut solo = selected();
    solo.advance(Duration::from_secs(60));
    assert_eq!(solo.agent.path(), None, "no data before the peer is asked");
    assert_eq!(solo.agent.state(), State::Disconnected);
    let asked = solo.only_sent();
    solo.receive(&answer(&asked.bytes, &solo.theirs.pwd.clone(), address(HERE)));
    assert_eq!(solo.agent.state(), State::Completed);
    assert!(solo.agent.path().is_some());
}

#[test]
fn a_sleep_that_the_peer_did_not_wait_out_ends_in_failure() {
    let mut solo = selected();
    solo.advance(Duration::from_secs(60));
    solo.only_sent();
    solo.advance(Duration::from_secs(2));
    assert_eq!(solo.agent.state(), State::Failed(FailureReason::ConsentExpired));
}

#[test]
fn a_jump_while_checking_makes_no_burst() {
    let mut pair = Pair::with_addresses([5, 4], ms(20));
    pair.filter = Box::new(|_, _| false);
    pair.signal();
    pair.run_until(at(120));
    let before = pair.packets();
    pair.now = at(60_000);
    for side in [A, B] {
        pair.agents[side].handle_timeout(at(60_000));
    }
    pair.drain();
    assert!(pair.packets() - before <= 2, "{} packets", pair.packets() - before);
}

#[test]
fn an_idle_agent_wakes_seldom() {
    let mut solo = selected();
    let mut wakes = 0;
    while solo.now < at(100_000) {
        solo.now = solo.agent.poll_timeout().unwrap();
        solo.agent.handle_timeout(solo.now);
        wakes += 1;
        for packet in solo.sent() {
            solo.receive(&answer(&packet.bytes, &solo.theirs.pwd.clone(), address(HERE)));
        }
    }
    assert!(wakes <= 30, "{wakes} times in 100 s");
}
