//! What strangers and malicious peers send, and the little that it achieves.

use pollrtc_core::{Datagram, Flow, StateMachine};
use pollrtc_ice::{AddressValidation, Config, Credentials, Event, Role, State, local_ufrag};
use pollrtc_stun::{AttributeType, Builder, Class, ErrorCode, IntegrityKey, Message, Method, TransactionId};

use super::common::{
    A, B, Check, HERE, Pair, Solo, THERE, Way, address, answer, at, error_code, host, is_request, ms, way,
};

#[test]
fn data_of_strangers_is_dropped_and_counted() {
    let mut solo = Solo::new(Role::Controlling);
    assert!(
        !solo.receive(b"\x16\xfe\xfd hello"),
        "not even from a candidate that has not proven itself"
    );
    solo.connect();
    assert!(solo.receive(b"\x16\xfe\xfd hello"));
    assert!(!solo.receive_from("192.0.2.66:6000", b"\x16\xfe\xfd hello"));
    assert!(!solo.receive_from("192.0.2.2:6001", b"\x16\xfe\xfd hello"));
    let stats = solo.agent.stats();
    assert_eq!((stats.data_unauthenticated, stats.data_received), (3, 1));
}

#[test]
fn forged_checks_learn_nothing_and_change_nothing() {
    let mut solo = Solo::new(Role::Controlled);
    solo.sent();
    let items = solo.agent.items_held();
    let mut forged = solo.ours();
    forged.pwd = "a guess at the password of ours".into();
    let theirs = solo.theirs.clone();
    for index in 0..100u8 {
        let check = Check {
            use_candidate: true,
            transaction: [index; 12],
            ..Check::new(&forged, &theirs, Role::Controlling)
        };
        assert!(!solo.receive_from(&format!("192.0.2.{index}:9"), &check.bytes()));
        let refused = solo.only_sent();
        assert_eq!(error_code(&refused.bytes), Some(ErrorCode::UNAUTHENTICATED));
        assert!(refused.bytes.len() < check.bytes().len(), "no amplification");
    }
    assert_eq!(solo.agent.items_held(), items);
    assert_eq!(solo.agent.stats().bad_integrity, 100);
    assert_eq!(solo.agent.path(), None);
}

#[test]
fn strangers_get_less_than_three_times_what_they_send() {
    let mut solo = Solo::new(Role::Controlled);
    solo.sent();
    let mut bare = [0; 64];
    let len = Builder::new(&mut bare, Class::Request, Method::BINDING, TransactionId([4; 12]))
        .finish()
        .unwrap();
    solo.receive_from("192.0.2.66:1", &bare[..len]);
    let refused = solo.only_sent();
    assert_eq!(error_code(&refused.bytes), Some(ErrorCode::BAD_REQUEST));
    assert!(refused.bytes.len() <= 3 * len);

    let theirs = solo.theirs.clone();
    let elsewhere = Credentials::new("OTHERS", "the password of some other agent");
    solo.receive_from(
        "192.0.2.66:1",
        &Check::new(&elsewhere, &theirs, Role::Controlling).bytes(),
    );
    assert_eq!(error_code(&solo.only_sent().bytes), Some(ErrorCode::UNAUTHENTICATED));
    assert_eq!(solo.agent.stats().unknown_username, 1);
}

#[test]
fn a_request_with_unknown_attributes_is_refused_with_their_list() {
    let mut solo = Solo::new(Role::Controlled);
    solo.sent();
    let ours = solo.ours();
    let mut buf = [0; 256];
    let len = Builder::new(&mut buf, Class::Request, Method::BINDING, TransactionId([4; 12]))
        .username(&format!("{}:THEIRS", ours.ufrag))
        .attribute(AttributeType(0x7777), b"?")
        .use_candidate()
        .message_integrity(&IntegrityKey::short_term(&ours.pwd))
        .fingerprint()
        .finish()
        .unwrap();
    solo.receive(&buf[..len]);
    let refused = solo.only_sent();
    let refused = Message::parse(&refused.bytes).unwrap();
    assert_eq!(
        refused.error_code().map(|(code, _)| code),
        Some(ErrorCode::UNKNOWN_ATTRIBUTE)
    );
    let listed = refused
        .raw_attributes()
        .find(|attribute| attribute.kind == AttributeType::UNKNOWN_ATTRIBUTES);
    assert_eq!(&listed.unwrap().value[..2], [0x77, 0x77]);
    assert!(refused.verify_integrity(&IntegrityKey::short_term(&ours.pwd)));
}

#[test]
fn a_wrong_fingerprint_is_no_message() {
    let mut solo = Solo::new(Role::Controlled);
    solo.sent();
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    let mut bytes = Check::new(&ours, &theirs, Role::Controlling).bytes();
    *bytes.last_mut().unwrap() ^= 1;
    solo.receive(&bytes);
    assert!(solo.sent().is_empty());
    assert_eq!(solo.agent.stats().bad_fingerprint, 1);
}

#[test]
fn a_repeated_request_is_answered_with_the_same_bytes_and_triggers_nothing_new() {
    let mut solo = Solo::new(Role::Controlling);
    solo.sent();
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    let check = Check::new(&ours, &theirs, Role::Controlled).bytes();
    solo.receive_from("192.0.2.99:1", &check);
    let first: Vec<_> = solo
        .sent()
        .into_iter()
        .filter(|packet| !is_request(&packet.bytes))
        .collect();
    let items = solo.agent.items_held();
    for _ in 0..10 {
        solo.receive_from("192.0.2.99:1", &check);
        assert_eq!(solo.only_sent().bytes, first[0].bytes);
    }
    assert_eq!(solo.agent.items_held(), items);
    assert_eq!(solo.agent.stats().repeated_requests, 10);
}

#[test]
fn a_peer_that_comes_from_everywhere_fills_no_memory_and_floods_nobody() {
    let mut solo = Solo::new(Role::Controlled);
    solo.sent();
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    let mut checks = 0;
    for index in 0..5_000u16 {
        let mut transaction = [0; 12];
        transaction[..2].copy_from_slice(&index.to_be_bytes());
        let check = Check {
            transaction,
            ..Check::new(&ours, &theirs, Role::Controlling)
        };
        let from = format!("198.51.{}.{}:{}", index >> 8, index & 0xff, 1000 + index);
        solo.receive_from(&from, &check.bytes());
        checks += solo.sent().iter().filter(|packet| is_request(&packet.bytes)).count();
    }
    assert!(solo.agent.items_held() < 500, "{}", solo.agent.items_held());
    assert!(solo.agent.stats().limit_reached > 4_900);
    for _ in 0..100_000 {
        let Some(next) = solo.agent.poll_timeout().filter(|next| *next < at(60_000)) else {
            break;
        };
        solo.now = solo.now.max(next);
        solo.agent.handle_timeout(solo.now);
        checks += solo.sent().iter().filter(|packet| is_request(&packet.bytes)).count();
    }
    assert!(
        checks <= 7 * 34,
        "{checks} checks for 32 learnt addresses and one signalled"
    );
}

#[test]
fn requests_that_keep_triggering_are_not_obeyed_for_ever() {
    let mut solo = Solo::new(Role::Controlled);
    solo.sent();
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    let mut checks = 0;
    for index in 0..1_000u16 {
        let mut transaction = [0; 12];
        transaction[..2].copy_from_slice(&index.to_be_bytes());
        let check = Check {
            transaction,
            ..Check::new(&ours, &theirs, Role::Controlling)
        };
        solo.receive(&check.bytes());
        solo.advance(ms(10));
        checks += solo.sent().iter().filter(|packet| is_request(&packet.bytes)).count();
    }
    assert!(checks < 20, "{checks} checks in ten seconds");
}

#[test]
fn an_undrained_agent_stays_bounded() {
    let mut solo = Solo::new(Role::Controlled);
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    for index in 0..10_000u16 {
        let mut transaction = [0; 12];
        transaction[..2].copy_from_slice(&index.to_be_bytes());
        let check = Check {
            transaction,
            ..Check::new(&ours, &theirs, Role::Controlling)
        };
        solo.receive(&check.bytes());
        solo.advance(ms(100));
    }
    assert!(solo.agent.items_held() < 600, "{}", solo.agent.items_held());
    assert!(solo.agent.stats().response_queue_full > 9_000);
}

#[test]
fn an_answer_from_elsewhere_fails_the_pair() {
    let mut solo = Solo::new(Role::Controlling);
    let request = solo.only_sent();
    let good = answer(&request.bytes, &solo.theirs.pwd.clone(), address(HERE));
    solo.receive_from("192.0.2.66:6000", &good);
    assert_eq!(solo.agent.path(), None);
    assert_eq!(solo.agent.stats().asymmetric_response, 1);
    solo.receive(&good);
    assert_eq!(solo.agent.path(), None, "the transaction is over");
}

#[test]
fn an_answer_that_nobody_asked_for_is_dropped() {
    let mut solo = Solo::new(Role::Controlling);
    let request = solo.only_sent();
    let mut other = answer(&request.bytes, &solo.theirs.pwd.clone(), address(HERE));
    other[8..20].fill(0);
    solo.receive(&other);
    assert!(solo.agent.stats().unmatched_response + solo.agent.stats().bad_fingerprint > 0);
    assert_eq!(solo.agent.path(), None);
}

#[test]
fn indications_are_taken_silently() {
    let mut solo = Solo::new(Role::Controlling);
    solo.sent();
    let mut buf = [0; 64];
    let len = Builder::new(&mut buf, Class::Indication, Method::BINDING, TransactionId([4; 12]))
        .fingerprint()
        .finish()
        .unwrap();
    solo.receive(&buf[..len]);
    assert!(solo.sent().is_empty());
    assert_eq!(solo.agent.stats().indications, 1);
}

#[test]
fn an_aggressive_peer_does_not_make_the_path_flap() {
    let mut solo = Solo::unacquainted(Config::default(), Role::Controlled);
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    solo.agent.set_remote_credentials(at(0), theirs.clone()).unwrap();
    let remotes = ["192.0.2.10:6000", "192.0.2.11:6000", "192.0.2.12:6000"];
    for (remote, priority) in remotes.into_iter().zip([100, 300, 200]) {
        let ip = address(remote).ip();
        let line = format!("candidate:{priority} 1 udp {priority} {ip} 6000 typ host");
        solo.agent.add_remote_candidate(at(0), line.parse().unwrap());
    }
    let mut changes = 0;
    for round in 0..20u8 {
        for (index, remote) in remotes.into_iter().enumerate() {
            let transaction = [round * 3 + index as u8; 12];
            let check = Check {
                use_candidate: true,
                transaction,
                ..Check::new(&ours, &theirs, Role::Controlling)
            };
            solo.receive_from(remote, &check.bytes());
        }
        for packet in solo.sent().into_iter().filter(|packet| is_request(&packet.bytes)) {
            let answer = answer(&packet.bytes, &theirs.pwd, address(HERE));
            solo.receive_from(&packet.to.to_string(), &answer);
        }
        solo.advance(ms(20));
        let is_change = |event: &Event| matches!(event, Event::PathChanged(_));
        changes += solo.events().iter().filter(|event| is_change(event)).count();
    }
    assert_eq!(
        solo.agent.path().unwrap().flow.remote(),
        address("192.0.2.11:6000"),
        "the highest priority"
    );
    assert!(changes <= 3, "{changes} changes");
}

#[test]
fn a_renomination_moves_the_path_and_an_older_one_does_not() {
    let mut solo = Solo::unacquainted(Config::default(), Role::Controlled);
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    solo.agent.set_remote_credentials(at(0), theirs.clone()).unwrap();
    let mut nominate = |remote: &str, value: u32, seed: u8| {
        let check = Check {
            use_candidate: true,
            nomination: Some(value),
            transaction: [seed; 12],
            ..Check::new(&ours, &theirs, Role::Controlling)
        };
        solo.receive_from(remote, &check.bytes());
        solo.advance(ms(30));
        for packet in solo.sent().into_iter().filter(|packet| is_request(&packet.bytes)) {
            let answer = answer(&packet.bytes, &theirs.pwd, address(HERE));
            solo.receive_from(&packet.to.to_string(), &answer);
        }
        solo.agent.path().unwrap().flow.remote()
    };
    assert_eq!(nominate("192.0.2.10:6000", 1, 1), address("192.0.2.10:6000"));
    assert_eq!(nominate("192.0.2.11:6000", 3, 2), address("192.0.2.11:6000"));
    assert_eq!(
        nominate("192.0.2.10:6000", 2, 3),
        address("192.0.2.11:6000"),
        "an older wish"
    );
    assert_eq!(nominate("192.0.2.10:6000", 4, 4), address("192.0.2.10:6000"));
}

#[test]
fn a_lost_nomination_is_repeated() {
    let mut pair = Pair::with_addresses([1, 1], ms(20));
    pair.filter = Box::new(|now, packet| {
        let nominates = Message::parse(&packet.bytes).is_ok_and(|message| message.use_candidate());
        !nominates || now > at(400)
    });
    pair.signal();
    pair.run_until(at(400));
    assert!(pair.agents[B].path().is_some() && pair.agents[B].state() == State::Connected);
    assert!(pair.run_until_both(State::Completed, at(1000)));
}

#[test]
fn a_refused_nomination_is_followed_by_one_of_another_pair() {
    let mut pair = Pair::with_addresses([1, 2], ms(20));
    pair.signal();
    let password = pair.agents[B].local_credentials().pwd.clone();
    // B refuses the first nomination, on whatever pair; all later ones pass.
    let mut refused = None;
    for _ in 0..400 {
        if !pair.step(at(5_000)) {
            break;
        }
        let nominations = pair.sent[A].iter().map(|(_, packet)| packet.clone());
        let mut nominations =
            nominations.filter(|packet| Message::parse(&packet.bytes).is_ok_and(|message| message.use_candidate()));
        if let (None, Some(nomination)) = (&refused, nominations.next()) {
            let refusal = super::common::Packet {
                from: nomination.to,
                to: nomination.from,
                bytes: super::common::refusal(&nomination.bytes, Some(&password), 400),
            };
            pair.deliver(A, &refusal);
            refused = Some(nomination.to);
        }
    }
    let path = pair.path(A);
    assert_ne!(Some(path.remote), refused);
    assert_eq!(pair.agents[A].state(), State::Completed);
}

#[test]
fn a_router_can_tell_whose_check_it_is() {
    let (ours, theirs) = (Credentials::new("ours", ""), Credentials::new("theirs", ""));
    let check = Check::new(&ours, &theirs, Role::Controlling).bytes();
    let ufrag = |bytes: &[u8]| local_ufrag(&Message::parse(bytes).unwrap()).map(str::to_owned);
    assert_eq!(ufrag(&check).as_deref(), Some("ours"));
    let answer = answer(&check, "", address(HERE));
    assert_eq!(ufrag(&answer), None, "answers go by their address");
}

#[test]
fn of_several_agents_each_knows_its_own_messages() {
    let mut solo = Solo::new(Role::Controlling);
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    let request = solo.only_sent();
    let is_ours = |solo: &Solo, bytes: &[u8]| solo.agent.is_addressed_by(&Message::parse(bytes).unwrap());
    let check = Check::new(&ours, &theirs, Role::Controlled).bytes();
    assert!(is_ours(&solo, &check));
    let other = Credentials::new("somebody", "else");
    assert!(!is_ours(&solo, &Check::new(&other, &theirs, Role::Controlled).bytes()));
    let response = answer(&request.bytes, &theirs.pwd, address(HERE));
    assert!(is_ours(&solo, &response));
    assert!(
        !is_ours(&solo, &answer(&check, &theirs.pwd, address(HERE))),
        "nobody has asked that"
    );
    assert!(!is_ours(&solo, &request.bytes), "it is for the peer");
    solo.receive(&response);
    assert!(!is_ours(&solo, &response), "it was answered");
    solo.agent.restart(solo.now);
    assert!(is_ours(&solo, &check), "the peer may not know of the restart");
}

#[test]
fn a_router_hands_on_what_it_has_read() {
    let mut solo = Solo::new(Role::Controlling);
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    let request = solo.only_sent();
    let flow = Flow::udp(address(THERE)).on(address(HERE));
    let answer = answer(&request.bytes, &theirs.pwd, address(HERE));
    solo.agent
        .handle_message(solo.now, flow, &Message::parse(&answer).unwrap());
    assert_eq!(solo.agent.path().unwrap().flow, flow);
    let check = Check::new(&ours, &theirs, Role::Controlled).bytes();
    solo.agent
        .handle_message(solo.now, flow, &Message::parse(&check).unwrap());
    assert!(
        solo.sent().iter().any(|packet| !is_request(&packet.bytes)),
        "it is answered"
    );
    // What reached somebody else stays out here as well.
    let elsewhere = flow.on(address("192.0.2.77:5000"));
    solo.agent
        .handle_message(solo.now, elsewhere, &Message::parse(&check).unwrap());
    assert_eq!(solo.agent.stats().unknown_address, 1);
    assert!(solo.sent().is_empty());
}

#[test]
fn mapped_addresses_of_dual_stack_sockets_are_the_same_address() {
    let mut solo = Solo::new(Role::Controlling);
    let request = solo.only_sent();
    let mut bytes = answer(&request.bytes, &solo.theirs.pwd.clone(), address(HERE));
    let datagram =
        Datagram::udp(address("[::ffff:192.0.2.2]:6000"), &mut bytes).received_on(address("[::ffff:192.0.2.1]:5000"));
    solo.agent.handle_datagram(at(0), datagram);
    assert_eq!(
        solo.agent.path().map(way),
        Some(Way {
            local: address(HERE),
            remote: address(THERE)
        })
    );
}

#[test]
fn several_local_addresses_are_told_apart() {
    let mut pair = Pair::with_addresses([2, 1], ms(20));
    pair.filter = super::common::only_between(host(A, 1), host(B, 0));
    pair.signal();
    assert!(pair.run_until_both(State::Completed, at(1000)));
    assert_eq!(pair.path(A).local, host(A, 1));
    // What reaches an address that is none of the agent's is not for it.
    let packet = super::common::Packet {
        from: host(B, 0),
        to: address("10.9.9.9:1"),
        bytes: b"\x16data".to_vec(),
    };
    pair.deliver(A, &packet);
    assert_eq!(pair.agents[A].stats().unknown_address, 1);
    assert!(pair.data[A].is_empty());
}

#[test]
fn a_closed_agent_is_silent() {
    let mut solo = Solo::new(Role::Controlling);
    solo.connect();
    solo.agent.close();
    assert_eq!(solo.agent.path(), None);
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    assert!(!solo.receive(b"\x16data"));
    solo.receive(&Check::new(&ours, &theirs, Role::Controlled).bytes());
    assert!(solo.sent().is_empty());
    assert_eq!(solo.agent.poll_timeout(), None);
    assert_eq!(solo.agent.stats().after_end, 2);
    assert_eq!(solo.events().last(), Some(&Event::StateChanged(State::Closed)));
}

#[test]
fn an_address_becomes_known_step_by_step() {
    let mut solo = Solo::new(Role::Controlling);
    let request = solo.only_sent();
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    let there = Flow::udp(address(THERE));
    assert_eq!(
        solo.agent.address_validation(there),
        AddressValidation::Unknown,
        "its line alone proves nothing"
    );
    solo.receive(&Check::new(&ours, &theirs, Role::Controlled).bytes());
    assert_eq!(solo.agent.address_validation(there), AddressValidation::Authenticated);
    solo.receive(&answer(&request.bytes, &theirs.pwd, address(HERE)));
    assert_eq!(solo.agent.address_validation(there), AddressValidation::Validated);
    assert_eq!(
        solo.agent
            .address_validation(Flow::udp(address("[::ffff:192.0.2.2]:6000"))),
        AddressValidation::Validated
    );
    assert_eq!(
        solo.agent.address_validation(Flow::udp(address("192.0.2.3:6000"))),
        AddressValidation::Unknown
    );
    solo.agent.restart(at(0));
    assert_eq!(
        solo.agent.address_validation(there),
        AddressValidation::Validated,
        "the old path goes on"
    );
}
