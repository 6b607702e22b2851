//! Peers behind what people are behind, whose offer, answer and candidates trickle from one to the other.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use pollrtc::{Event, Instant, PeerConnection, StateMachine};
use pollrtc_netsim::{Host, Link, Nat, Network, Zone};
use pollrtc_stun::{BindingServer, ServerConfig};

use crate::script::seeded;

const STUN_SERVER: &str = "198.51.100.1:3478";
const PATIENCE: Duration = Duration::from_secs(10);

fn address(text: &str) -> SocketAddr {
    text.parse().expect("a socket address")
}

enum Signal {
    Offer(String),
    Answer(String),
    Candidate(String),
}

/// What a side has to tell the other, and what its application was told.
#[derive(Clone, Default)]
struct Side {
    outbox: Rc<RefCell<VecDeque<Signal>>>,
    events: Rc<RefCell<Vec<Event>>>,
}

impl Side {
    /// The next signal, if the side has one.
    fn take(&self, peer: &mut PeerConnection) -> Option<Signal> {
        while let Some(event) = peer.poll_event() {
            let mut outbox = self.outbox.borrow_mut();
            match event {
                Event::Candidate(candidate) => outbox.push_back(Signal::Candidate(candidate.candidate)),
                Event::GatheringComplete => outbox.push_back(Signal::Candidate(String::new())),
                other => self.events.borrow_mut().push(other),
            }
        }
        self.outbox.borrow_mut().pop_front()
    }

    /// Does with a signal of the other side's what it is for.
    fn bring(&self, peer: &mut PeerConnection, now: Instant, signal: Signal) {
        match signal {
            Signal::Offer(offer) => {
                let answer = peer.accept_offer(now, &offer).expect("an offer");
                self.outbox.borrow_mut().push_back(Signal::Answer(answer));
            }
            Signal::Answer(answer) => peer.accept_answer(now, &answer).expect("an answer"),
            Signal::Candidate(candidate) => peer.add_remote_candidate(now, candidate.as_str()).expect("a candidate"),
        }
    }

    fn messages(&self) -> usize {
        let events = self.events.borrow();
        let messages = events.iter().filter(|event| matches!(event, Event::Message { .. }));
        messages.count()
    }
}

/// Alice opens a channel to Bob, through 50 ms of Internet each way, and says hello; whether Bob hears it.
fn meet(seed: u64, build: impl FnOnce(&mut Network) -> [(Zone, Vec<&'static str>); 2]) -> bool {
    let mut net = Network::new(seed);
    net.set_link(Zone::INTERNET, Link::new().latency(Duration::from_millis(50)));
    net.host(address(STUN_SERVER), BindingServer::new(ServerConfig::default()));
    let mut number = 0;
    let hosts: [Host<PeerConnection>; 2] = build(&mut net).map(|(zone, addresses)| {
        number += 1;
        let mut config = seeded(number);
        config.stun_servers = vec![address(STUN_SERVER)];
        let mut peer = PeerConnection::new(config);
        let addresses: Vec<SocketAddr> = addresses.into_iter().map(address).collect();
        for local in &addresses {
            peer.add_local_address(Instant::ZERO, *local).expect("a usable address");
        }
        let host = net.host_in(zone, addresses[0], peer);
        for local in &addresses[1..] {
            net.bind_in(zone, host, *local);
        }
        host
    });
    let [alice, _] = hosts;
    let sides = [Side::default(), Side::default()];
    for (from, to) in [(0, 1), (1, 0)] {
        let (teller, hearer) = (sides[from].clone(), sides[to].clone());
        net.signal(
            hosts[from],
            hosts[to],
            Duration::from_millis(80),
            move |peer| teller.take(peer),
            move |peer, now, signal| hearer.bring(peer, now, signal),
        );
    }
    let channel = net[alice].create_data_channel("chat").expect("a channel");
    let offer = net.with(alice, PeerConnection::offer).expect("an offer");
    sides[0].outbox.borrow_mut().push_back(Signal::Offer(offer));
    let mut said = false;
    net.run_until(
        |net| {
            if !said {
                said = net[alice].send(channel, "hello").is_ok();
            }
            sides[1].messages() > 0
        },
        PATIENCE,
    )
}

fn behind(net: &mut Network, nats: [fn(std::net::IpAddr) -> Nat; 2]) -> [(Zone, Vec<&'static str>); 2] {
    let [a, b] = nats;
    let first = net.nat(a(address("203.0.113.1:0").ip()));
    let second = net.nat(b(address("203.0.113.2:0").ip()));
    [(first, vec!["192.168.1.2:5000"]), (second, vec!["192.168.7.2:6000"])]
}

#[test]
fn home_routers_with_linux_let_them_meet() {
    for seed in 0..5 {
        assert!(meet(seed, |net| behind(net, [Nat::linux, Nat::linux])), "seed {seed}");
    }
}

/// A router that refuses what comes too early answers with ICMP, which is a hint and nothing more (RFC 1122 §4.1.3.3).
#[test]
fn a_router_that_refuses_does_no_harm_where_the_other_side_is_open() {
    for seed in 0..5 {
        for nats in [[Nat::port_open, Nat::full_cone], [Nat::full_cone, Nat::port_open]] {
            assert!(meet(seed, |net| behind(net, nats)), "seed {seed}");
        }
    }
}

/// A phone whose network has IPv6 alone, and a host that has both families.
#[test]
fn a_phone_without_ipv4_meets_whom_ipv6_reaches() {
    let met = meet(1, |net| {
        let cellular = net.nat(Nat::nat64("203.0.113.1".parse().expect("an address")));
        [
            (cellular, vec!["[2001:db8:1::2]:5000"]),
            (Zone::INTERNET, vec!["203.0.113.9:6000", "[2001:db8:2::1]:6000"]),
        ]
    });
    assert!(met);
}

/// Two hosts on a link without a router have their link-local addresses, and that is enough.
#[test]
fn neighbours_meet_by_their_link_local_addresses() {
    let met = meet(1, |_| {
        [
            (Zone::INTERNET, vec!["[fe80::1%3]:5000"]),
            (Zone::INTERNET, vec!["[fe80::2%4]:6000"]),
        ]
    });
    assert!(met);
}
