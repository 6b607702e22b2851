//! NATs as Linux has them: flows instead of mappings, shared ports, thirty seconds and two minutes. Linux 6.18 in
//! network namespaces, with a masquerading rule, does the same in each of these stories.

use std::net::SocketAddr;
use std::time::Duration;

use pollrtc_core::FlowEvent;
use pollrtc_netsim::{Host, Link, Nat, Network, Socket, Zone};
use quickcheck::quickcheck;

use crate::common::{addr, drain, ms};

const PUBLIC: &str = "203.0.113.1";
const SERVERS: [&str; 3] = ["198.51.100.1:3478", "198.51.100.1:3479", "198.51.100.2:3478"];

/// Two hosts behind a Linux router that use the same port, and three servers' sockets outside.
struct Home {
    net: Network,
    zone: Zone,
    phone: Host<Socket>,
    laptop: Host<Socket>,
    servers: [Host<Socket>; 2],
}

impl Home {
    fn new(nat: Nat) -> Self {
        let mut net = Network::new(1);
        let zone = net.nat(nat);
        let phone = net.host_in(zone, addr("192.168.1.2:5000"), Socket::new());
        let laptop = net.host_in(zone, addr("192.168.1.3:5000"), Socket::new());
        let first = net.host(addr(SERVERS[0]), Socket::new());
        net.bind(first, addr(SERVERS[1]));
        let second = net.host(addr(SERVERS[2]), Socket::new());
        Self {
            net,
            zone,
            phone,
            laptop,
            servers: [first, second],
        }
    }

    fn out(&mut self, host: Host<Socket>, which: usize) -> SocketAddr {
        self.net[host].send(addr(SERVERS[which]), b"out");
        self.net.advance(ms(1));
        let server = self.servers[which / 2];
        drain(&mut self.net, server)[0].source
    }

    fn gets_in(&mut self, which: usize, external: SocketAddr, host: Host<Socket>) -> bool {
        self.net[self.servers[which / 2]].send_from(addr(SERVERS[which]), external, b"in");
        self.net.advance(ms(1));
        !drain(&mut self.net, host).is_empty()
    }
}

fn linux() -> Nat {
    Nat::linux(PUBLIC.parse().unwrap())
}

#[test]
fn one_socket_keeps_its_port_towards_all_and_only_those_asked_may_answer() {
    let mut home = Home::new(linux());
    let phone = home.phone;
    let seen = [0, 1].map(|server| home.out(phone, server));
    assert_eq!(seen, [addr("203.0.113.1:5000"); 2]);
    assert!(home.gets_in(0, seen[0], phone));
    assert!(home.gets_in(1, seen[0], phone));
    assert!(!home.gets_in(2, seen[0], phone), "it was not asked");
}

/// Port overloading: what RFC 4787 REQ-3 b) forbids and Linux does.
#[test]
fn two_sockets_share_a_port_until_they_speak_to_the_same_address() {
    let mut home = Home::new(linux());
    let (phone, laptop) = (home.phone, home.laptop);
    assert_eq!(home.out(phone, 0), addr("203.0.113.1:5000"));
    assert_eq!(
        home.out(laptop, 2),
        addr("203.0.113.1:5000"),
        "the same port, for another server"
    );
    assert!(home.gets_in(0, addr("203.0.113.1:5000"), phone));
    assert!(home.gets_in(2, addr("203.0.113.1:5000"), laptop));

    let other = home.out(laptop, 0);
    assert_ne!(other.port(), 5000, "towards that server the port is the phone's");
    assert!(home.gets_in(0, other, laptop));

    // The laptop's youngest port is what it gets towards others from now on.
    assert_eq!(home.out(laptop, 1), other);
    assert_eq!(home.net.mappings(home.zone).len(), 4);
}

#[test]
fn a_flow_that_nobody_answers_lives_for_thirty_seconds() {
    let mut home = Home::new(linux());
    let phone = home.phone;
    let external = home.out(phone, 0);
    home.net.advance(ms(29_000));
    assert_eq!(home.out(phone, 0), external, "refreshed by what goes out");
    home.net.advance(ms(29_998));
    assert!(home.gets_in(0, external, phone));
    let mut home = Home::new(linux());
    let phone = home.phone;
    let external = home.out(phone, 0);
    home.net.advance(ms(30_000));
    assert!(!home.gets_in(0, external, phone));
    assert!(home.net.mappings(home.zone).is_empty());
}

#[test]
fn a_flow_that_goes_both_ways_lives_for_two_minutes_refreshed_by_either() {
    let mut home = Home::new(linux());
    let phone = home.phone;
    let external = home.out(phone, 0);
    assert!(home.gets_in(0, external, phone));
    // One question and one answer make no stream: it has to be in use after two seconds.
    home.net.advance(ms(3000));
    home.out(phone, 0);
    home.net.advance(Duration::from_secs(119));
    assert!(home.gets_in(0, external, phone), "what comes in refreshes as well");
    home.net.advance(Duration::from_secs(119));
    assert!(home.gets_in(0, external, phone));
    home.net.advance(Duration::from_secs(120));
    assert!(!home.gets_in(0, external, phone));
}

#[test]
fn a_question_and_its_answer_are_forgotten_after_thirty_seconds() {
    let mut home = Home::new(linux());
    let phone = home.phone;
    let external = home.out(phone, 0);
    assert!(home.gets_in(0, external, phone));
    home.net.advance(ms(30_000));
    assert!(!home.gets_in(0, external, phone));
}

/// A router with a rule against it forgets what came too early; one without gives ICMP for it, and remembers it for as
/// long as any flow that is not answered.
#[test]
fn who_sends_too_early_makes_an_open_router_choose_another_port() {
    let story = |nat: Nat| {
        let mut home = Home::new(nat);
        let phone = home.phone;
        home.out(phone, 0);
        assert!(!home.gets_in(2, addr("203.0.113.1:5000"), phone), "too early");
        let told = home.net[home.servers[1]].flow_event();
        let now = home.out(phone, 2).port();
        home.net.advance(Duration::from_secs(60));
        (told.is_some(), now == 5000, home.out(phone, 2).port() == 5000)
    };
    assert_eq!(story(linux()), (false, true, true));
    assert_eq!(story(Nat::port_open(PUBLIC.parse().unwrap())), (true, false, true));
}

/// What the sender hears then names what it sent to, not what stands behind.
#[test]
fn an_open_router_says_that_its_port_is_closed() {
    let mut home = Home::new(Nat::port_open(PUBLIC.parse().unwrap()));
    let server = home.servers[0];
    home.net[server].send(addr("203.0.113.1:7"), b"anybody?");
    home.net.advance(ms(1));
    let Some(FlowEvent::Unreachable(flow)) = home.net[server].flow_event() else {
        panic!("nothing was said");
    };
    assert_eq!(
        (flow.local(), flow.remote()),
        (Some(addr(SERVERS[0])), addr("203.0.113.1:7"))
    );
}

quickcheck! {
    /// For every traffic, two flows that are alive never look the same from outside.
    fn flows_differ_from_outside(acts: Vec<(u8, u8, u16)>) -> bool {
        let mut home = Home::new(Nat::port_open(PUBLIC.parse().unwrap()));
        home.net.set_link(Zone::INTERNET, Link::new());
        for (host, server, wait) in acts {
            let host = [home.phone, home.laptop][usize::from(host) % 2];
            let which = usize::from(server) % 3;
            if server % 7 == 0 {
                home.gets_in(which, addr("203.0.113.1:5000"), host);
            } else {
                home.out(host, which);
            }
            home.net.advance(ms(u64::from(wait)));
        }
        let flows = home.net.mappings(home.zone);
        let mut seen: Vec<_> = flows.iter().map(|flow| (flow.external, flow.remote)).collect();
        seen.sort();
        seen.dedup();
        seen.len() == flows.len()
    }
}
