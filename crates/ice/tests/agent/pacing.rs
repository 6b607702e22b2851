//! Pacing: Ta between transactions, of one agent and of many (RFC 8445 §14.2).

use pollrtc_core::{Datagram, Flow, Instant, StateMachine};
use pollrtc_crypto::Rng;
use pollrtc_ice::{Agent, Candidate, Config, Pacer, Role, State};

use super::common::{address, agent, ms};

const SERVER: &str = "192.0.2.1:5000";

/// A server's agent, and its peer at an address of its own.
struct Call {
    server: Agent,
    peer: Agent,
}

fn peer_address(index: usize) -> std::net::SocketAddr {
    let [high, low] = u16::try_from(index).unwrap().to_be_bytes();
    ([10, 1, high, low], 6000).into()
}

fn call(index: usize, config: Config) -> Call {
    let now = Instant::ZERO;
    let mut seed = [9; 32];
    seed[..8].copy_from_slice(&index.to_be_bytes());
    let mut server = Agent::new(config, Role::Controlling, Rng::from_seed(seed));
    let mut peer = agent(Role::Controlled, 7);
    server.add_local_address(now, address(SERVER)).unwrap();
    peer.add_local_address(now, peer_address(index)).unwrap();
    peer.set_remote_credentials(now, server.local_credentials().clone())
        .unwrap();
    server
        .set_remote_credentials(now, peer.local_credentials().clone())
        .unwrap();
    server.add_remote_candidate(now, Candidate::host(peer_address(index)));
    Call { server, peer }
}

/// Hands all over at once that both have to say; how many checks of the server went out, nominations among them.
fn pass(now: Instant, index: usize, call: &mut Call) -> usize {
    let mut buf = [0; 1500];
    let mut began = 0;
    loop {
        let mut quiet = true;
        while let Some(transmit) = call.server.poll_transmit(now, &mut buf) {
            quiet = false;
            let message = pollrtc_stun::Message::parse(&buf[..transmit.len]).unwrap();
            began += usize::from(message.class() == pollrtc_stun::Class::Request);
            call.peer
                .handle_datagram(now, Datagram::udp(address(SERVER), &mut buf[..transmit.len]));
        }
        while let Some(transmit) = call.peer.poll_transmit(now, &mut buf) {
            quiet = false;
            let flow = Flow::udp(peer_address(index)).on(address(SERVER));
            call.server
                .handle_datagram(now, Datagram::new(flow, &mut buf[..transmit.len]));
        }
        if quiet {
            return began;
        }
    }
}

#[test]
fn agents_that_share_their_pacing_begin_one_check_in_5_ms_between_them() {
    let mut calls: Vec<Call> = (0..40)
        .map(|index| call(index, Config::default().with_shared_pacing()))
        .collect();
    let mut pacer = Pacer::default();
    let mut began = Vec::new();
    let mut now = Instant::ZERO;
    while calls.iter().any(|call| call.server.state() != State::Completed) {
        assert!(now < Instant::from_millis(5 * 80 + 1_000), "each has its turn");
        for (index, call) in calls.iter_mut().enumerate() {
            call.server.handle_timeout(now);
            if call.server.wants_to_start() {
                pacer.wait(index);
            }
        }
        while let Some(index) = pacer.poll(now) {
            if calls[index].server.start_transaction(now) {
                pacer.handle_start(now);
            }
        }
        for (index, call) in calls.iter_mut().enumerate() {
            // The peers say nothing by themselves.
            for _ in 0..pass(now, index, call) {
                began.push(now);
            }
        }
        now += ms(1);
    }
    assert_eq!(began.len(), 80, "one check each is enough, and its nomination");
    assert!(began.windows(2).all(|two| two[1] - two[0] >= ms(5)), "{began:?}");
    // Nobody's turn is lost: eighty of them take no longer than eighty times Ta.
    assert!(*began.last().unwrap() <= Instant::from_millis(5 * 80));
    assert!(pacer.is_empty());
}

#[test]
fn an_agent_that_shares_its_pacing_begins_nothing_by_itself() {
    let mut call = call(0, Config::default().with_shared_pacing());
    let mut buf = [0; 1500];
    for millis in 0..1000 {
        let now = Instant::from_millis(millis);
        call.server.handle_timeout(now);
        assert_eq!(call.server.poll_transmit(now, &mut buf), None);
    }
    assert!(call.server.wants_to_start());
    let now = Instant::from_millis(1000);
    assert!(call.server.start_transaction(now));
    assert!(call.server.poll_transmit(now, &mut buf).is_some());
    assert!(!call.server.wants_to_start(), "there was one pair");
    assert!(!call.server.start_transaction(now));
}

#[test]
fn its_own_ta_holds_as_well() {
    let mut call = call(0, Config::default().with_shared_pacing());
    let now = Instant::ZERO;
    call.server.add_remote_candidate(now, Candidate::host(peer_address(1)));
    assert!(call.server.start_transaction(now));
    assert!(!call.server.start_transaction(now));
    assert!(!call.server.wants_to_start());
    assert_eq!(call.server.poll_timeout(), Some(now + ms(5)));
    call.server.handle_timeout(now + ms(5));
    assert!(call.server.start_transaction(now + ms(5)));
}

#[test]
fn whoever_waits_waits_once_and_in_order() {
    let now = Instant::from_millis(7);
    let mut pacer = Pacer::new(ms(20));
    for agent in [3, 1, 3, 2, 1] {
        pacer.wait(agent);
    }
    assert_eq!(pacer.len(), 3);
    assert!(pacer.poll_timeout().is_some_and(|at| at <= now));
    assert_eq!(pacer.poll(now), Some(3), "it has changed its mind");
    assert_eq!(pacer.poll(now), Some(1));
    pacer.handle_start(now);
    assert_eq!(pacer.poll(now + ms(19)), None);
    assert_eq!(pacer.poll_timeout(), Some(now + ms(20)));
    pacer.wait(1);
    assert_eq!(pacer.poll(now + ms(20)), Some(2));
    assert_eq!(pacer.poll(now + ms(20)), Some(1));
    assert_eq!(pacer.poll_timeout(), None, "nobody waits");
}
