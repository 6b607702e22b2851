//! Flows: one address has one spelling, and link-local addresses keep their link.

use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};

use pollrtc_core::{Datagram, Flow, FlowEvent, Instant, Protocol, StateMachine};
use pollrtc_crypto::Rng;
use pollrtc_ice::{AddressError, AddressValidation, Agent, Candidate, Config, Event, Role, State};
use pollrtc_stun::Message;
use quickcheck::quickcheck;

use super::common::{Check, HERE, Packet, Solo, THERE, address, answer, at, is_request, ms};

/// `fe80::…` on a link, as the system spells it.
fn on_link(ip: &str, port: u16, link: u32) -> SocketAddr {
    SocketAddrV6::new(ip.parse().unwrap(), port, 0, link).into()
}

/// An agent with the same link-local address on two links, which knows one remote candidate, as signalled.
fn on_two_links() -> Solo {
    let mut solo = Solo::unacquainted(Config::default(), Role::Controlling);
    solo.agent.remove_local_address(solo.now, address(HERE));
    for link in [2, 3] {
        solo.agent
            .add_local_address(solo.now, on_link("fe80::1", 5000, link))
            .unwrap();
    }
    let theirs = solo.theirs.clone();
    solo.agent.set_remote_credentials(solo.now, theirs).unwrap();
    let line = "candidate:1 1 udp 2130706431 fe80::2 6000 typ host";
    solo.agent.add_remote_candidate(solo.now, line.parse().unwrap());
    solo
}

fn by_link(mut packets: Vec<Packet>) -> Vec<(SocketAddr, SocketAddr)> {
    packets.sort_by_key(|packet| packet.from);
    packets.iter().map(|packet| (packet.from, packet.to)).collect()
}

#[test]
fn the_same_link_local_address_on_two_links_is_two_bases() {
    let mut solo = on_two_links();
    let mut sent = solo.sent();
    solo.advance(ms(10));
    sent.extend(solo.sent());
    // A remote candidate that names no link is tried on each, and every transmit names its link at both ends.
    let expected = [2, 3].map(|link| (on_link("fe80::1", 5000, link), on_link("fe80::2", 6000, link)));
    assert_eq!(by_link(sent.clone()), expected);
    // The peer lives on link 3.
    let (_, to) = expected[1];
    let request = sent.iter().find(|packet| packet.to == to).unwrap();
    let mut bytes = answer(&request.bytes, &solo.theirs.pwd, on_link("fe80::1", 5000, 0));
    let datagram = Datagram::udp(to, &mut bytes).received_on(request.from);
    solo.agent.handle_datagram(solo.now, datagram);
    let path = solo.agent.path().unwrap().flow;
    assert_eq!((path.local(), path.remote()), (Some(request.from), to));
    let other = Flow::udp(on_link("fe80::2", 6000, 2)).on(on_link("fe80::1", 5000, 2));
    assert_eq!(solo.agent.address_validation(path), AddressValidation::Validated);
    assert_eq!(solo.agent.address_validation(other), AddressValidation::Unknown);
    // What a server or the peer sees names no link, and is the base itself, not a candidate of its own.
    assert_eq!(solo.agent.local_candidates().count(), 2);
}

#[test]
fn one_link_goes_and_the_other_stays() {
    let mut solo = on_two_links();
    solo.agent.remove_local_address(solo.now, on_link("fe80::1", 5000, 2));
    solo.advance(ms(10));
    let sent = solo.sent();
    assert!(!sent.is_empty());
    assert!(sent.iter().all(|packet| packet.from == on_link("fe80::1", 5000, 3)));
}

#[test]
fn a_check_on_a_link_is_answered_there_even_if_the_system_names_the_link_of_one_end_only() {
    for (local, remote) in [(3, 3), (0, 3), (3, 0)] {
        let mut solo = on_two_links();
        solo.sent();
        let (ours, theirs) = (solo.ours(), solo.theirs.clone());
        let mut check = Check::new(&ours, &theirs, Role::Controlled).bytes();
        let datagram =
            Datagram::udp(on_link("fe80::2", 6000, remote), &mut check).received_on(on_link("fe80::1", 5000, local));
        solo.agent.handle_datagram(solo.now, datagram);
        let sent = solo.sent();
        let response = sent.iter().find(|packet| !is_request(&packet.bytes)).unwrap();
        let ends = (response.from, response.to);
        assert_eq!(ends, (on_link("fe80::1", 5000, 3), on_link("fe80::2", 6000, 3)));
        // No link is told to the peer: the number means nothing there.
        let mapped = Message::parse(&response.bytes).unwrap().xor_mapped_address();
        assert_eq!(mapped, Some(on_link("fe80::2", 6000, 0)));
    }
}

#[test]
fn a_remote_address_on_one_link_is_not_tried_on_another() {
    let mut solo = on_two_links();
    solo.sent();
    solo.agent
        .add_remote_candidate(solo.now, Candidate::host(on_link("fe80::3", 6000, 2)));
    for _ in 0..10 {
        solo.advance(ms(5));
    }
    let to: Vec<_> = solo.sent().iter().map(|packet| packet.to).collect();
    assert!(to.contains(&on_link("fe80::3", 6000, 2)));
    assert!(!to.contains(&on_link("fe80::3", 6000, 3)));
}

#[test]
fn a_link_local_address_without_its_link_is_refused() {
    let mut agent = Agent::new(Config::default(), Role::Controlling, Rng::from_seed([1; 32]));
    let refused = agent.add_local_address(Instant::ZERO, on_link("fe80::1", 5000, 0));
    assert_eq!(refused, Err(AddressError::ScopeMissing(on_link("fe80::1", 5000, 0))));
    assert_eq!(agent.poll_event(), None);
    // IPv4's have none.
    agent
        .add_local_address(Instant::ZERO, address("169.254.1.1:5000"))
        .unwrap();
}

#[test]
fn candidates_are_signalled_without_their_link() {
    let mut agent = Agent::new(Config::default(), Role::Controlling, Rng::from_seed([1; 32]));
    agent
        .add_local_address(Instant::ZERO, on_link("fe80::1", 5000, 7))
        .unwrap();
    let Some(Event::Candidate(candidate)) = agent.poll_event() else {
        panic!("a candidate");
    };
    assert!(candidate.to_string().ends_with(" fe80::1 5000 typ host"), "{candidate}");
}

#[test]
fn a_stream_flow_reaches_no_udp_base() {
    let mut solo = Solo::new(Role::Controlling);
    let request = solo.only_sent();
    let mut bytes = answer(&request.bytes, &solo.theirs.pwd, address(HERE));
    for protocol in [Protocol::Tcp, Protocol::Tls] {
        let flow = Flow::new(protocol, Some(address(HERE)), address(THERE));
        solo.agent.handle_datagram(solo.now, Datagram::new(flow, &mut bytes));
    }
    assert_eq!(solo.agent.stats().unknown_address, 2);
    assert_eq!(solo.agent.state(), State::Checking);
}

#[test]
fn what_icmp_says_fails_nothing() {
    let mut solo = Solo::new(Role::Controlling);
    let request = solo.only_sent();
    let flow = Flow::udp(address(THERE)).on(address(HERE));
    for event in [FlowEvent::Unreachable(flow), FlowEvent::TooBig { flow, mtu: 1280 }] {
        solo.agent.handle_flow(solo.now, event);
    }
    let answer = answer(&request.bytes, &solo.theirs.pwd.clone(), address(HERE));
    solo.receive(&answer);
    let path = solo.agent.path().unwrap();
    assert_eq!(path.flow, flow);
    for event in [FlowEvent::Unreachable(flow), FlowEvent::TooBig { flow, mtu: 68 }] {
        solo.agent.handle_flow(solo.now, event);
    }
    assert_eq!(solo.agent.path(), Some(path));
}

#[test]
fn responses_of_an_address_that_is_gone_are_not_sent() {
    let mut solo = Solo::new(Role::Controlling);
    solo.agent
        .add_local_address(solo.now, address("192.0.2.3:5000"))
        .unwrap();
    solo.sent();
    let (ours, theirs) = (solo.ours(), solo.theirs.clone());
    let mut check = Check::new(&ours, &theirs, Role::Controlled).bytes();
    let datagram = Datagram::udp(address(THERE), &mut check).received_on(address(HERE));
    solo.agent.handle_datagram(solo.now, datagram);
    solo.agent.remove_local_address(solo.now, address(HERE));
    assert!(solo.sent().iter().all(|packet| packet.from != address(HERE)));
}

/// Another spelling of the same address: IPv4-mapped, with a flow label, with a scope that says nothing.
fn respelled(address: SocketAddr, mapped: bool, label: u32, scope: u32) -> SocketAddr {
    let ip: Ipv6Addr = match address {
        SocketAddr::V4(v4) if mapped => v4.ip().to_ipv6_mapped(),
        SocketAddr::V4(_) => return address,
        SocketAddr::V6(v6) => *v6.ip(),
    };
    SocketAddrV6::new(ip, address.port(), label, scope).into()
}

quickcheck! {
    fn for_every_spelling_of_both_ends_a_pair_is_one_pair(v6: bool, mapped: [bool; 4], label: u32, scope: u32, told: bool) -> bool {
        let (here, there) = if v6 {
            ("[2001:db8::1]:5000", "[2001:db8::2]:6000")
        } else {
            (HERE, THERE)
        };
        let (here, there) = (address(here), address(there));
        let spelled = |address, index: usize| respelled(address, mapped[index], label, scope);
        let mut agent = Agent::new(Config::default(), Role::Controlling, Rng::from_seed([1; 32]));
        agent.add_local_address(at(0), spelled(here, 0)).unwrap();
        let theirs = pollrtc_ice::Credentials::new("THEIRS", "their password, long enough");
        agent.set_remote_credentials(at(0), theirs.clone()).unwrap();
        agent.add_remote_candidate(at(0), Candidate::host(spelled(there, 1)));
        let mut buf = [0; 1500];
        let request = agent.poll_transmit(at(0), &mut buf).unwrap();
        let is_normal = request.flow == Flow::udp(there).on(here);
        let held = agent.items_held();
        let mut bytes = answer(&buf[..request.len], &theirs.pwd, here);
        let datagram = Datagram::udp(spelled(there, 2), &mut bytes);
        // With one address, none told is that one.
        let datagram = if told { datagram.received_on(spelled(here, 3)) } else { datagram };
        agent.handle_datagram(at(0), datagram);
        let path = agent.path().map(|path| path.flow);
        let is_known = agent.address_validation(Flow::udp(spelled(there, 3))) == AddressValidation::Validated;
        is_normal && path == Some(request.flow) && is_known && agent.items_held() <= held + 8
    }
}
