//! Firewalls filter and do not translate.

use pollrtc_netsim::Dependence::{AddressDependent, EndpointIndependent};
use pollrtc_netsim::{Firewall, Host, Nat, Network, Socket};

use crate::common::{addr, drain, ms};

const INSIDE: &str = "[2001:db8:1::2]:5000";
const OUTSIDE: [&str; 3] = ["[2001:db8:2::1]:3478", "[2001:db8:2::1]:3479", "[2001:db8:2::2]:3478"];

struct Office {
    net: Network,
    inside: Host<Socket>,
    outside: [Host<Socket>; 2],
}

impl Office {
    fn new(firewall: Firewall) -> Self {
        let mut net = Network::new(1);
        let zone = net.firewall(firewall);
        let inside = net.host_in(zone, addr(INSIDE), Socket::new());
        let first = net.host(addr(OUTSIDE[0]), Socket::new());
        net.bind(first, addr(OUTSIDE[1]));
        let second = net.host(addr(OUTSIDE[2]), Socket::new());
        Self {
            net,
            inside,
            outside: [first, second],
        }
    }

    fn gets_out(&mut self, which: usize) -> bool {
        self.net[self.inside].send(addr(OUTSIDE[which]), b"out");
        self.net.advance(ms(1));
        let got = drain(&mut self.net, self.outside[which / 2]);
        assert!(got.iter().all(|arrival| arrival.source == addr(INSIDE)), "untranslated");
        !got.is_empty()
    }

    fn gets_in(&mut self, which: usize) -> bool {
        let outside = self.outside[which / 2];
        self.net[outside].send_from(addr(OUTSIDE[which]), addr(INSIDE), b"in");
        self.net.advance(ms(1));
        !drain(&mut self.net, self.inside).is_empty()
    }
}

#[test]
fn blocking_udp_blocks_both_ways() {
    let mut office = Office::new(Firewall::block_udp());
    assert!(!office.gets_out(0));
    assert!(!office.gets_in(0));
    assert_eq!(office.net.stats().blocked, 2);
}

#[test]
fn exceptions_pass_both_ways() {
    let mut office = Office::new(Firewall::block_udp().allow(addr(OUTSIDE[0])));
    assert!(office.gets_in(0));
    assert!(office.gets_out(0));
    assert!(!office.gets_out(1));
    assert!(!office.gets_in(2));
}

#[test]
fn stateful_firewall_lets_answers_in() {
    let mut office = Office::new(Firewall::stateful());
    assert!(!office.gets_in(0));
    assert!(office.gets_out(0));
    assert_eq!([0, 1, 2].map(|outside| office.gets_in(outside)), [true, false, false]);
    assert_eq!(office.net.stats().filtered, 3);
}

#[test]
fn filtering_may_depend_on_less() {
    for (dependence, expected) in [
        (AddressDependent, [true, true, false]),
        (EndpointIndependent, [true, true, true]),
    ] {
        let mut office = Office::new(Firewall::filtering(dependence));
        assert!(office.gets_out(0));
        assert_eq!([0, 1, 2].map(|outside| office.gets_in(outside)), expected);
    }
}

#[test]
fn pinholes_close() {
    let mut office = Office::new(Firewall::stateful().timeout(ms(5000)));
    assert!(office.gets_out(0));
    office.net.advance(ms(4900));
    assert!(office.gets_in(0));
    office.net.advance(ms(100));
    assert!(!office.gets_in(0));
}

/// A host behind two firewalls can still be routed to from the Internet, and one behind a NAT behind a
/// firewall too.
#[test]
fn firewalls_nest_and_combine_with_nats() {
    let mut net = Network::new(1);
    let campus = net.firewall(Firewall::stateful());
    let lab = net.firewall_in(campus, Firewall::stateful());
    let home = net.nat_in(lab, Nat::port_restricted("198.51.100.9".parse().unwrap()));
    let bare = net.host_in(lab, addr("198.51.100.7:5000"), Socket::new());
    let natted = net.host_in(home, addr("10.0.0.2:5000"), Socket::new());
    let server = net.host(addr("192.0.2.1:3478"), Socket::new());
    for host in [bare, natted] {
        net[host].send(addr("192.0.2.1:3478"), b"ping");
        net.advance(ms(1));
        let ping = net[server].recv().expect("the ping");
        net[server].send(ping.source, b"pong");
        net.advance(ms(1));
        assert_eq!(net[host].recv().expect("the pong").payload, b"pong");
    }
}
