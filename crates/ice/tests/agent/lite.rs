//! Lite agents (RFC 8445 §2.5, §5.2, §7.3.2, §8.2).

use std::time::Duration;

use pollrtc_core::{Instant, StateMachine};
use pollrtc_crypto::Rng;
use pollrtc_ice::{AddressError, Agent, Candidate, Config, Event, Role, State};
use pollrtc_stun::Message;

use super::common::{A, B, Check, HERE, Pair, Solo, THERE, Way, address, agent, answer, at, host, is_request, ms, way};

fn lite(role: Role, seed: u8) -> Agent {
    let config = Config::default().with_lite();
    Agent::new(config, role, Rng::from_seed([seed; 32]))
}

fn full_and_lite() -> Pair {
    let mut pair = Pair::new(agent(Role::Controlling, 1), lite(Role::Controlled, 2), ms(50));
    pair.agents[A].set_remote_lite(true);
    for side in [A, B] {
        pair.agents[side]
            .add_local_address(Instant::ZERO, host(side, 0))
            .unwrap();
    }
    pair
}

#[test]
fn a_full_agent_connects_to_a_lite_one() {
    let mut pair = full_and_lite();
    pair.signal();
    assert!(pair.run_until_both(State::Completed, at(150)));
    assert_eq!(
        pair.path(B),
        Way {
            local: host(B, 0),
            remote: host(A, 0)
        }
    );
    assert!(
        pair.sent[B].iter().all(|(_, packet)| !is_request(&packet.bytes)),
        "a lite agent asks nothing"
    );
}

#[test]
fn the_lite_side_needs_no_candidates_of_the_other() {
    let mut pair = full_and_lite();
    pair.signal_to(A);
    let credentials = pair.agents[A].local_credentials().clone();
    pair.agents[B].set_remote_credentials(at(0), credentials).unwrap();
    assert!(pair.run_until_both(State::Completed, at(150)));
}

#[test]
fn the_full_agent_of_the_two_controls() {
    let mut agent = agent(Role::Controlled, 1);
    agent.set_remote_lite(true);
    assert_eq!(agent.role(), Role::Controlling);
}

#[test]
fn it_selects_what_is_nominated_and_nothing_else() {
    let mut solo = Solo::unacquainted(Config::default().with_lite(), Role::Controlled);
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    solo.agent.set_remote_credentials(at(0), theirs.clone()).unwrap();
    solo.receive(&Check::new(&ours, &theirs, Role::Controlling).bytes());
    assert_eq!(solo.agent.path(), None);
    let nomination = Check {
        use_candidate: true,
        transaction: [3; 12],
        ..Check::new(&ours, &theirs, Role::Controlling)
    };
    solo.receive(&nomination.bytes());
    assert_eq!(
        solo.agent.path().map(way),
        Some(Way {
            local: address(HERE),
            remote: address(THERE)
        })
    );
    assert_eq!(solo.agent.state(), State::Completed);
}

#[test]
fn the_highest_of_several_nominations_wins() {
    let mut solo = Solo::unacquainted(Config::default().with_lite(), Role::Controlled);
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    solo.agent.set_remote_credentials(at(0), theirs.clone()).unwrap();
    for (remote, priority) in [("192.0.2.10", 100), ("192.0.2.11", 300), ("192.0.2.12", 200)] {
        let line = format!("candidate:1 1 udp {priority} {remote} 6000 typ host");
        solo.agent
            .add_remote_candidate(at(0), line.parse::<Candidate>().unwrap());
    }
    for (index, last) in [10, 11, 12].into_iter().enumerate() {
        let check = Check {
            use_candidate: true,
            transaction: [index as u8; 12],
            ..Check::new(&ours, &theirs, Role::Controlling)
        };
        solo.receive_from(&format!("192.0.2.{last}:6000"), &check.bytes());
    }
    assert_eq!(solo.agent.path().unwrap().flow.remote(), address("192.0.2.11:6000"));
}

#[test]
fn it_has_one_address_of_each_family() {
    let mut agent = lite(Role::Controlled, 1);
    agent.add_local_address(at(0), address("192.0.2.1:1")).unwrap();
    agent.add_local_address(at(0), address("[2001:db8::1]:1")).unwrap();
    assert_eq!(
        agent.add_local_address(at(0), address("192.0.2.2:1")),
        Err(AddressError::LiteHasOne)
    );
    assert_eq!(agent.local_candidates().count(), 2);
}

#[test]
fn two_lite_agents_take_the_pair_that_is_best_on_paper() {
    let mut pair = Pair::new(lite(Role::Controlling, 1), lite(Role::Controlled, 2), ms(50));
    for side in [A, B] {
        pair.agents[side].set_remote_lite(true);
        pair.agents[side]
            .add_local_address(Instant::ZERO, host(side, 0))
            .unwrap();
    }
    pair.signal();
    assert!(pair.run_until_both(State::Completed, at(1)));
    pair.send(A, b"\x16hello");
    pair.run_for(Duration::from_secs(120));
    assert_eq!(pair.data[B], [b"\x16hello".to_vec()]);
    assert!(pair.agents.iter().all(|agent| agent.state() == State::Completed));
    let keepalives = pair.sent[A].len();
    assert!((7..=9).contains(&keepalives), "{keepalives} in two minutes");
}

#[test]
fn it_notices_when_the_peer_is_gone() {
    let mut pair = full_and_lite();
    pair.signal();
    assert!(pair.run_until_both(State::Completed, at(150)));
    pair.run_for(Duration::from_secs(100));
    assert_eq!(
        pair.agents[B].state(),
        State::Completed,
        "the peer's consent checks show that it is there"
    );
    pair.filter = Box::new(|_, _| false);
    pair.run_for(Duration::from_secs(10));
    assert_eq!(pair.agents[B].state(), State::Disconnected);
    pair.run_for(Duration::from_secs(40));
    assert!(matches!(pair.agents[B].state(), State::Failed(_)));
    assert_eq!(pair.agents[B].poll_timeout(), None);
}

/// A lite server that answers the first checks, and once it was nominated nothing but nominations.
struct Choosy {
    solo: Solo,
    nominated: bool,
    refused: usize,
}

impl Choosy {
    fn connected() -> Self {
        let mut solo = Solo::new(Role::Controlling);
        solo.agent.set_remote_lite(true);
        let mut choosy = Self {
            solo,
            nominated: false,
            refused: 0,
        };
        choosy.run_for(ms(100));
        assert_eq!(choosy.solo.agent.state(), State::Completed);
        choosy
    }

    fn run_for(&mut self, duration: Duration) {
        let end = self.solo.now + duration;
        loop {
            let sent = self.solo.sent();
            let is_quiet = sent.is_empty();
            for packet in sent {
                let nominates = Message::parse(&packet.bytes).unwrap().use_candidate();
                self.nominated |= nominates;
                if nominates || !self.nominated {
                    let answer = answer(&packet.bytes, &self.solo.theirs.pwd, packet.from);
                    self.solo.receive(&answer);
                } else {
                    self.refused += 1;
                }
            }
            if !is_quiet {
                continue;
            }
            if self.solo.now >= end {
                return;
            }
            let next = self.solo.agent.poll_timeout().unwrap_or(end);
            self.solo.now = next.clamp(self.solo.now, end);
            self.solo.agent.handle_timeout(self.solo.now);
        }
    }
}

#[test]
fn a_lite_server_that_answers_nothing_but_nominations_stays_connected() {
    let mut server = Choosy::connected();
    server.run_for(Duration::from_secs(600));
    assert_eq!(server.solo.agent.state(), State::Completed);
    let lost = |event: &Event| *event == Event::StateChanged(State::Disconnected);
    assert!(!server.solo.events().iter().any(lost));
    assert_eq!(server.refused, 0, "each consent check says that the pair is nominated");
}

#[test]
fn it_stays_connected_while_ice_restarts() {
    let mut server = Choosy::connected();
    server.solo.agent.restart(server.solo.now);
    server.run_for(Duration::from_secs(120));
    assert!(
        server.solo.agent.path().is_some(),
        "the old path, which was nominated too"
    );
    assert_eq!(server.refused, 0);
}
