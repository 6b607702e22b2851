//! Asking STUN servers (RFC 8445 §5.1.1.2).

use std::time::Duration;

use pollrtc_core::StateMachine;
use pollrtc_ice::{Candidate, CandidateKind, Config, Event, Role};
use pollrtc_stun::{Builder, Class, Message, Method};

use super::common::{HERE, Packet, Solo, THERE, address, answer, at, ms};

const SERVERS: [&str; 2] = ["198.51.100.1:3478", "198.51.100.2:3478"];

fn asking(servers: &[&str]) -> Solo {
    let stun_servers: Vec<_> = servers.iter().map(|server| address(server)).collect();
    Solo::unacquainted(Config::default().with_stun_servers(stun_servers), Role::Controlling)
}

fn tell(solo: &mut Solo, question: &Packet, mapped: &str) {
    let id = Message::parse(&question.bytes).unwrap().transaction_id();
    let mut buf = [0; 128];
    let len = Builder::new(&mut buf, Class::SuccessResponse, Method::BINDING, id)
        .xor_mapped_address(address(mapped))
        .finish()
        .unwrap();
    solo.receive_from(&question.to.to_string(), &buf[..len]);
}

#[test]
fn what_the_server_sees_becomes_a_candidate() {
    let mut solo = asking(&SERVERS[..1]);
    let events = solo.events();
    assert!(
        matches!(&events[..], [Event::Candidate(host)] if host.kind() == CandidateKind::Host),
        "{events:?}"
    );
    let question = solo.only_sent();
    assert_eq!((question.from, question.to), (address(HERE), address(SERVERS[0])));
    tell(&mut solo, &question, "203.0.113.7:1024");
    let events = solo.events();
    let [Event::Candidate(reflexive), Event::GatheringComplete] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(reflexive.kind(), CandidateKind::ServerReflexive);
    assert_eq!(reflexive.address(), Some(address("203.0.113.7:1024")));
    assert_eq!(reflexive.related(), Some(address(HERE)));
}

#[test]
fn what_is_known_already_is_not_offered_twice() {
    let mut solo = asking(&SERVERS);
    solo.advance(ms(5));
    let questions = solo.sent();
    assert_eq!(questions.len(), 2);
    tell(&mut solo, &questions[0], HERE);
    assert!(
        solo.events()
            .iter()
            .all(|event| !matches!(event, Event::Candidate(candidate) if candidate.kind() != CandidateKind::Host))
    );
    tell(&mut solo, &questions[1], "203.0.113.7:1024");
    assert_eq!(solo.agent.local_candidates().count(), 2);
    assert!(solo.events().contains(&Event::GatheringComplete));
}

#[test]
fn questions_are_paced() {
    let mut solo = asking(&SERVERS);
    solo.agent.add_local_address(at(0), address("192.0.2.77:5000")).unwrap();
    let mut times = Vec::new();
    while times.len() < 4 {
        times.extend(solo.sent().iter().map(|_| solo.now));
        solo.now = solo.agent.poll_timeout().unwrap();
        let now = solo.now;
        solo.agent.handle_timeout(now);
    }
    assert_eq!(times, [at(0), at(5), at(10), at(15)]);
}

#[test]
fn a_silent_server_does_not_hold_up_gathering_for_ever() {
    // RFC 8489 §6.2.1 asks seven times; who can't wait for the end asks less often.
    for (transmissions, end) in [(7, 39_500), (4, 7_500)] {
        let mut config = Config::default().with_stun_servers([address(SERVERS[0])]);
        config.timing.gather_transmissions = transmissions;
        let mut solo = Solo::unacquainted(config, Role::Controlling);
        let mut asked = 0;
        while !solo.events().contains(&Event::GatheringComplete) {
            asked += solo.sent().len();
            solo.now = solo.agent.poll_timeout().expect("gathering ends");
            let now = solo.now;
            solo.agent.handle_timeout(now);
        }
        assert_eq!((asked, solo.now), (transmissions as usize, at(end)));
    }
}

#[test]
fn a_server_that_five_questions_in_a_row_do_not_reach_is_found_all_the_same() {
    let mut solo = asking(&SERVERS[..1]);
    for _ in 0..5 {
        solo.only_sent();
        solo.now = solo.agent.poll_timeout().unwrap();
        solo.agent.handle_timeout(solo.now);
    }
    let question = solo.only_sent();
    tell(&mut solo, &question, "203.0.113.7:1024");
    assert_eq!(solo.agent.local_candidates().count(), 2);
}

#[test]
fn an_answer_from_elsewhere_is_not_believed() {
    let mut solo = asking(&SERVERS[..1]);
    let question = solo.only_sent();
    let liar = Packet {
        to: address("192.0.2.66:3478"),
        ..question.clone()
    };
    tell(&mut solo, &liar, "203.0.113.66:1");
    assert_eq!(solo.agent.local_candidates().count(), 1);
    tell(&mut solo, &question, "203.0.113.7:1024");
    assert_eq!(solo.agent.local_candidates().count(), 2);
}

#[test]
fn what_was_signalled_is_kept_alive_until_a_path_is_found() {
    let mut solo = asking(&SERVERS[..1]);
    let question = solo.only_sent();
    tell(&mut solo, &question, "203.0.113.7:1024");
    for _ in 0..4 {
        solo.advance(Duration::from_secs(15));
        let question = solo.only_sent();
        tell(&mut solo, &question, "203.0.113.7:1024");
    }
    assert_eq!(solo.agent.local_candidates().count(), 2);
}

#[test]
fn a_nomination_does_not_wait_for_a_question_that_is_due_with_it() {
    let mut solo = asking(&SERVERS[..1]);
    let question = solo.only_sent();
    tell(&mut solo, &question, HERE);
    solo.advance(ms(5));
    let (now, theirs) = (solo.now, solo.theirs.clone());
    solo.agent.set_remote_credentials(now, theirs.clone()).unwrap();
    solo.agent.add_remote_candidate(now, Candidate::host(address(THERE)));
    let check = solo.only_sent();
    // Now there is another question, which waits for Ta, and then a pair that works.
    solo.advance(ms(1));
    solo.agent
        .add_local_address(solo.now, address("192.0.2.3:5000"))
        .unwrap();
    solo.receive(&answer(&check.bytes, &theirs.pwd, address(HERE)));
    assert!(solo.sent().is_empty());
    solo.advance(ms(4));
    let sent = solo.sent();
    let nominates = |packet: &Packet| Message::parse(&packet.bytes).is_ok_and(|message| message.use_candidate());
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent[0].to == address(SERVERS[0]) && nominates(&sent[1]), "{sent:?}");
    assert!(
        solo.agent.poll_timeout().is_some_and(|at| at > solo.now),
        "a caller that calls for ever"
    );
}

#[test]
fn other_families_are_not_asked() {
    let mut solo = asking(&["[2001:db8::5]:3478"]);
    assert!(solo.sent().is_empty());
    assert!(solo.events().contains(&Event::GatheringComplete));
}

/// What the agent makes of a server's answer with this address, as one attribute or the other.
fn told(server: &str, mapped: &str, is_plain: bool) -> Option<std::net::SocketAddr> {
    let mut solo = asking(&[server]);
    let question = solo.only_sent();
    let id = Message::parse(&question.bytes).unwrap().transaction_id();
    let mut buf = [0; 128];
    let builder = Builder::new(&mut buf, Class::SuccessResponse, Method::BINDING, id);
    let builder = if is_plain {
        builder.mapped_address(address(mapped))
    } else {
        builder.xor_mapped_address(address(mapped))
    };
    let len = builder.finish().unwrap();
    solo.receive_from(server, &buf[..len]);
    assert!(solo.events().contains(&Event::GatheringComplete));
    let reflexive = solo
        .agent
        .local_candidates()
        .find(|candidate| candidate.kind() == CandidateKind::ServerReflexive)?;
    reflexive.address()
}

#[test]
fn what_no_server_can_have_seen_is_no_candidate() {
    for is_plain in [false, true] {
        for mapped in [
            "[2001:db8::7]:1024",
            "0.0.0.0:1024",
            "203.0.113.7:0",
            "224.0.0.1:1024",
            SERVERS[0],
        ] {
            assert_eq!(told(SERVERS[0], mapped, is_plain), None, "{mapped}");
        }
        assert_eq!(
            told(SERVERS[0], "203.0.113.7:1024", is_plain),
            Some(address("203.0.113.7:1024")),
            "MAPPED-ADDRESS is all that some servers send"
        );
    }
}
