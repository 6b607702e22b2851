//! NAT boxes behave as RFC 4787 says, each kind of mapping with each kind of filtering.

use std::time::Duration;

use crate::common::{addr, drain, ms};
use pollrtc_netsim::Dependence::{AddressAndPortDependent, AddressDependent, EndpointIndependent};
use pollrtc_netsim::{Dependence, Hairpinning, Host, Nat, Network, Pooling, PortPolicy, Refresh, Socket, Zone};

const KINDS: [Dependence; 3] = [EndpointIndependent, AddressDependent, AddressAndPortDependent];

const PUBLIC: &str = "203.0.113.1";
const INSIDE: &str = "192.168.1.2:5000";
/// Two ports of one server and one port of another.
const SERVERS: [&str; 3] = ["198.51.100.1:3478", "198.51.100.1:3479", "198.51.100.2:3478"];

/// One host behind a NAT, two servers outside.
struct Home {
    net: Network,
    zone: Zone,
    inside: Host<Socket>,
    servers: [Host<Socket>; 2],
}

impl Home {
    fn new(nat: Nat) -> Self {
        let mut net = Network::new(1);
        let zone = net.nat(nat);
        let inside = net.host_in(zone, addr(INSIDE), Socket::new());
        let first = net.host(addr(SERVERS[0]), Socket::new());
        net.bind(first, addr(SERVERS[1]));
        let second = net.host(addr(SERVERS[2]), Socket::new());
        Self {
            net,
            zone,
            inside,
            servers: [first, second],
        }
    }

    fn server(&self, which: usize) -> Host<Socket> {
        self.servers[which / 2]
    }

    /// The inside sends to a server; from which address that sees it come, if it does.
    fn out(&mut self, which: usize) -> Option<std::net::SocketAddr> {
        self.out_from(INSIDE, which)
    }

    fn out_from(&mut self, inside: &str, which: usize) -> Option<std::net::SocketAddr> {
        let from = addr(inside);
        self.net[self.inside].send_from(from, addr(SERVERS[which]), b"out");
        self.net.advance(ms(1));
        let server = self.server(which);
        drain(&mut self.net, server).first().map(|arrival| arrival.source)
    }

    /// A server sends to an outside address; whether the inside gets it.
    fn gets_in(&mut self, which: usize, external: std::net::SocketAddr) -> bool {
        let server = self.server(which);
        self.net[server].send_from(addr(SERVERS[which]), external, b"in");
        self.net.advance(ms(1));
        let got = drain(&mut self.net, self.inside);
        assert!(got.iter().all(|arrival| arrival.source == addr(SERVERS[which])));
        !got.is_empty()
    }
}

fn nat(mapping: Dependence, filtering: Dependence) -> Nat {
    Nat::new(PUBLIC.parse().unwrap(), mapping, filtering)
}

/// RFC 4787 §4.1: which of the three destinations share a mapping.
#[test]
fn mapping_of_each_kind() {
    for filtering in KINDS {
        for mapping in KINDS {
            let mut home = Home::new(nat(mapping, filtering));
            let seen = [0, 1, 2].map(|server| home.out(server).expect("outbound always passes"));
            let (same_address, other_address) = (seen[0] == seen[1], seen[0] == seen[2]);
            let expected = match mapping {
                EndpointIndependent => (true, true),
                AddressDependent => (true, false),
                AddressAndPortDependent => (false, false),
            };
            assert_eq!((same_address, other_address), expected, "{mapping:?} {filtering:?}");
            assert!(seen.iter().all(|source| source.ip().to_string() == PUBLIC));
            // And it stays so for as long as the mapping lives (REQ-11: deterministic).
            assert_eq!([0, 1, 2].map(|server| home.out(server).unwrap()), seen);
        }
    }
}

/// RFC 4787 §5: who gets in after the inside has sent to the first server only.
#[test]
fn filtering_of_each_kind() {
    for mapping in KINDS {
        for filtering in KINDS {
            let mut home = Home::new(nat(mapping, filtering));
            let external = home.out(0).unwrap();
            let in_from = [0, 1, 2].map(|server| home.gets_in(server, external));
            let expected = match filtering {
                EndpointIndependent => [true, true, true],
                AddressDependent => [true, true, false],
                AddressAndPortDependent => [true, false, false],
            };
            assert_eq!(in_from, expected, "{mapping:?} {filtering:?}");
            let refused = expected.iter().filter(|passes| !**passes).count();
            assert_eq!(home.net.stats().filtered, refused as u64);
        }
    }
}

#[test]
fn presets_are_the_four_classic_kinds() {
    let public = || PUBLIC.parse().unwrap();
    let kinds = [
        (Nat::full_cone(public()), true, [true, true, true]),
        (Nat::address_restricted(public()), true, [true, true, false]),
        (Nat::port_restricted(public()), true, [true, false, false]),
        (Nat::symmetric(public()), false, [true, false, false]),
    ];
    for (nat, one_mapping, passes) in kinds {
        let mut home = Home::new(nat.clone());
        let external = home.out(0).unwrap();
        let in_from = [0, 1, 2].map(|server| home.gets_in(server, external));
        assert_eq!(in_from, passes, "{nat:?}");
        assert_eq!(home.out(2).unwrap() == external, one_mapping, "{nat:?}");
    }
}

#[test]
fn unmapped_ports_are_closed() {
    let mut home = Home::new(Nat::full_cone(PUBLIC.parse().unwrap()));
    assert!(!home.gets_in(0, addr("203.0.113.1:5000")));
    assert_eq!(home.net.stats().no_mapping, 1);
}

/// REQ-5 and REQ-6: a mapping lives for its time after the last datagram from inside.
#[test]
fn mapping_ends_after_its_time_and_outbound_refreshes() {
    let mut home = Home::new(Nat::full_cone(PUBLIC.parse().unwrap()).timeout(ms(30_000)));
    let external = home.out(0).unwrap();
    home.net.advance(ms(29_000));
    assert_eq!(home.out(1), Some(external), "refreshed in time");
    home.net.advance(ms(29_000));
    assert!(home.gets_in(2, external), "alive thanks to the refresh");
    home.net.advance(ms(998));
    assert!(!home.gets_in(2, external), "what came in has not refreshed");
    assert!(home.net.mappings(home.zone).is_empty());
}

#[test]
fn inbound_refreshes_where_the_nat_says_so() {
    let nat = Nat::full_cone(PUBLIC.parse().unwrap());
    let mut home = Home::new(nat.timeout(ms(30_000)).refresh(Refresh::Both));
    let external = home.out(0).unwrap();
    for _ in 0..5 {
        home.net.advance(ms(20_000));
        assert!(home.gets_in(1, external));
    }
}

#[test]
fn mapping_lives_five_minutes_by_default() {
    let mut home = Home::new(Nat::symmetric(PUBLIC.parse().unwrap()));
    let external = home.out(0).unwrap();
    let mapping = home.net.mappings(home.zone)[0];
    assert_eq!((mapping.internal, mapping.external), (addr(INSIDE), external));
    home.net.advance(Duration::from_secs(299));
    assert!(home.gets_in(0, external));
    home.net.advance(Duration::from_secs(1));
    assert!(!home.gets_in(0, external));
}

/// Each permission has its own time, also where all share a mapping.
#[test]
fn filter_closes_for_whom_the_inside_no_longer_sends_to() {
    let nat = Nat::port_restricted(PUBLIC.parse().unwrap()).timeout(ms(30_000));
    let mut home = Home::new(nat);
    let external = home.out(0).unwrap();
    home.net.advance(ms(20_000));
    assert_eq!(home.out(2), Some(external));
    home.net.advance(ms(20_000));
    assert!(!home.gets_in(0, external), "40 s after the last datagram to it");
    assert!(home.gets_in(2, external), "20 s after the last datagram to it");
}

#[test]
fn restart_of_the_nat_gives_new_mappings() {
    let mut home = Home::new(Nat::symmetric(PUBLIC.parse().unwrap()));
    let before = home.out(0).unwrap();
    home.net.flush_nat(home.zone);
    assert!(!home.gets_in(0, before));
    assert_ne!(home.out(0), Some(before));
}

/// REQ-3: ports are preserved, and never overloaded: the second host gets another one.
#[test]
fn ports_are_preserved_while_free() {
    let mut home = Home::new(Nat::full_cone(PUBLIC.parse().unwrap()));
    let zone = home.zone;
    let other = home.net.host_in(zone, addr("192.168.1.3:5000"), Socket::new());
    assert_eq!(home.out(0), Some(addr("203.0.113.1:5000")));
    home.net[other].send(addr(SERVERS[0]), b"same port");
    home.net.advance(ms(1));
    let seen = drain(&mut home.net, home.servers[0])[0].source;
    assert_eq!(seen.ip().to_string(), PUBLIC);
    assert!(seen.port() != 5000 && seen.port() >= 1024);
}

#[test]
fn sequential_ports_follow_each_other() {
    let nat = nat(AddressAndPortDependent, AddressAndPortDependent);
    let mut home = Home::new(nat.port_policy(PortPolicy::Sequential));
    let ports = [0, 1, 2].map(|server| home.out(server).unwrap().port());
    assert_eq!([ports[0] + 1, ports[0] + 2], [ports[1], ports[2]]);
}

#[test]
fn random_ports_differ_and_depend_on_the_seed_alone() {
    let ports = |seed| {
        let mut net = Network::new(seed);
        let zone = net.nat(Nat::symmetric(PUBLIC.parse().unwrap()));
        let inside = net.host_in(zone, addr(INSIDE), Socket::new());
        for port in 1..=100 {
            net[inside].send(format!("198.51.100.1:{port}").parse().unwrap(), b"x");
        }
        net.step();
        let mappings = net.mappings(zone);
        mappings
            .iter()
            .map(|mapping| mapping.external.port())
            .collect::<Vec<_>>()
    };
    assert_eq!(ports(1).len(), 100);
    assert!(ports(1).iter().all(|port| *port >= 1024));
    assert_eq!(ports(1), ports(1));
    assert_ne!(ports(1), ports(2));
}

/// REQ-3 a) and REQ-4.
#[test]
fn port_range_and_parity_are_kept() {
    let nat = nat(AddressAndPortDependent, EndpointIndependent);
    let nat = nat.port_policy(PortPolicy::Random).keep_port_parity();
    let mut home = Home::new(nat);
    for inside in ["192.168.1.2:600", "192.168.1.2:601", "192.168.1.2:7001"] {
        home.net.bind_in(home.zone, home.inside, addr(inside));
        for server in [0, 1, 2] {
            let (inside, outside) = (addr(inside).port(), home.out_from(inside, server).unwrap().port());
            assert_eq!(inside % 2, outside % 2);
            assert_eq!(inside < 1024, outside < 1024);
        }
    }
}

#[test]
fn nat_without_a_free_port_drops() {
    let mut net = Network::new(1);
    let zone = net.nat(nat(AddressAndPortDependent, EndpointIndependent).timeout(ms(1000)));
    let inside = net.host_in(zone, addr("192.168.1.2:1000"), Socket::new());
    for port in 1..=1024 {
        net[inside].send(format!("198.51.100.1:{port}").parse().unwrap(), b"x");
    }
    net.step();
    assert_eq!(
        net.mappings(zone).len(),
        1023,
        "ports under 1024 map to ports under 1024"
    );
    assert_eq!(net.stats().ports_exhausted, 1);
    net.advance(ms(1000));
    net[inside].send(addr("198.51.100.1:1024"), b"x");
    net.step();
    assert_eq!(net.mappings(zone).len(), 1, "the old ones have ended");
}

/// REQ-2: paired pooling is recommended; arbitrary pooling exists.
#[test]
fn pooling() {
    let sources = |pooling| {
        let nat = nat(AddressAndPortDependent, EndpointIndependent);
        let nat = nat.external("203.0.113.2".parse().unwrap()).pooling(pooling);
        let mut net = Network::new(3);
        let zone = net.nat(nat);
        let hosts =
            ["192.168.1.2:5000", "192.168.1.3:5000"].map(|inside| net.host_in(zone, addr(inside), Socket::new()));
        for host in hosts {
            for port in 1..=20 {
                net[host].send(format!("198.51.100.1:{port}").parse().unwrap(), b"x");
            }
        }
        net.step();
        let of = |host: &str| {
            let mappings = net.mappings(zone);
            let own = mappings.iter().filter(|mapping| mapping.internal == addr(host));
            let mut addresses: Vec<_> = own.map(|mapping| mapping.external.ip()).collect();
            addresses.sort();
            addresses.dedup();
            addresses.len()
        };
        [of("192.168.1.2:5000"), of("192.168.1.3:5000")]
    };
    assert_eq!(sources(Pooling::Paired), [1, 1]);
    assert_eq!(sources(Pooling::Arbitrary), [2, 2]);
}

/// RFC 4787 §6, REQ-9.
#[test]
fn hairpinning_of_each_kind() {
    let source_seen = |hairpinning| {
        let mut home = Home::new(Nat::full_cone(PUBLIC.parse().unwrap()).hairpinning(hairpinning));
        let zone = home.zone;
        let other = home.net.host_in(zone, addr("192.168.1.3:6000"), Socket::new());
        let external = home.out(0).unwrap();
        home.net[other].send(external, b"hello neighbour");
        home.net.advance(ms(1));
        (
            drain(&mut home.net, home.inside).first().map(|a| a.source),
            home.net.stats(),
        )
    };
    let (source, stats) = source_seen(Hairpinning::Off);
    assert_eq!((source, stats.hairpin_refused), (None, 1));
    let (source, _) = source_seen(Hairpinning::ExternalSource);
    assert_eq!(source, Some(addr("203.0.113.1:6000")));
    let (source, _) = source_seen(Hairpinning::InternalSource);
    assert_eq!(source, Some(addr("192.168.1.3:6000")));
}

#[test]
fn hairpinning_filters_like_any_other_traffic() {
    let nat = Nat::port_restricted(PUBLIC.parse().unwrap());
    let mut home = Home::new(nat.hairpinning(Hairpinning::ExternalSource));
    let zone = home.zone;
    let other = home.net.host_in(zone, addr("192.168.1.3:6000"), Socket::new());
    let external = home.out(0).unwrap();
    home.net[other].send(external, b"too early");
    home.net.advance(ms(1));
    assert_eq!(home.net.stats().filtered, 1);
    home.net[home.inside].send(addr("203.0.113.1:6000"), b"opens the filter");
    home.net.advance(ms(1));
    home.net[other].send(external, b"now");
    home.net.advance(ms(1));
    assert_eq!(drain(&mut home.net, home.inside).len(), 1);
    assert_eq!(drain(&mut home.net, other).len(), 1);
}

/// Hosts of one LAN reach each other directly, without the NAT.
#[test]
fn neighbours_talk_directly() {
    let mut home = Home::new(Nat::symmetric(PUBLIC.parse().unwrap()));
    let zone = home.zone;
    let other = home.net.host_in(zone, addr("192.168.1.3:6000"), Socket::new());
    home.net[other].send(addr(INSIDE), b"hi");
    home.net.advance(ms(1));
    assert_eq!(drain(&mut home.net, home.inside)[0].source, addr("192.168.1.3:6000"));
    assert_eq!(home.net.stats().translated, 0);
}

/// Two homes behind one carrier's NAT.
struct Carrier {
    net: Network,
    hosts: [Host<Socket>; 2],
    server: Host<Socket>,
}

impl Carrier {
    fn new(hairpinning: Hairpinning) -> Self {
        let mut net = Network::new(5);
        let carrier = Nat::port_restricted("203.0.113.7".parse().unwrap()).hairpinning(hairpinning);
        let carrier = net.nat(carrier);
        let hosts = ["100.64.0.2", "100.64.0.3"].map(|outside| {
            let home = net.nat_in(carrier, Nat::port_restricted(outside.parse().unwrap()));
            net.host_in(home, addr(INSIDE), Socket::new())
        });
        let server = net.host(addr(SERVERS[0]), Socket::new());
        Self { net, hosts, server }
    }

    /// What the server sees each host as.
    fn reflexive(&mut self) -> [std::net::SocketAddr; 2] {
        self.hosts.map(|host| {
            self.net[host].send(addr(SERVERS[0]), b"who am I");
            self.net.advance(ms(1));
            drain(&mut self.net, self.server)[0].source
        })
    }
}

#[test]
fn nested_nats_translate_twice() {
    let mut carrier = Carrier::new(Hairpinning::Off);
    let seen = carrier.reflexive();
    assert_eq!(seen[0], addr("203.0.113.7:5000"));
    assert_eq!(seen[1].ip(), seen[0].ip());
    assert_ne!(seen[1].port(), seen[0].port());
    assert_eq!(carrier.net.stats().translated, 4);
    carrier.net[carrier.server].send(seen[1], b"answer");
    carrier.net.advance(ms(1));
    assert_eq!(drain(&mut carrier.net, carrier.hosts[0]), []);
    let answer = &drain(&mut carrier.net, carrier.hosts[1])[0];
    assert_eq!((answer.source, answer.destination), (addr(SERVERS[0]), addr(INSIDE)));
}

#[test]
fn homes_behind_one_carrier_need_its_hairpinning() {
    for (hairpinning, expected) in [(Hairpinning::Off, 0), (Hairpinning::ExternalSource, 1)] {
        let mut carrier = Carrier::new(hairpinning);
        let [a, b] = carrier.reflexive();
        let [first, second] = carrier.hosts;
        carrier.net[first].send(b, b"opens");
        carrier.net.advance(ms(1));
        carrier.net[second].send(a, b"passes");
        carrier.net.advance(ms(1));
        assert_eq!(drain(&mut carrier.net, first).len(), expected);
    }
}

/// A Linux router without a rule against unsolicited UDP: whoever sends too early gets to see another
/// port than all others.
#[test]
fn early_datagram_splits_the_mapping_of_an_open_router() {
    let mut home = Home::new(Nat::port_open(PUBLIC.parse().unwrap()));
    let external = home.out(0).unwrap();
    assert!(!home.gets_in(2, external), "too early");
    assert_eq!(home.out(0), Some(external));
    assert_eq!(home.out(1), Some(external), "others see the same mapping");
    let split = home.out(2).unwrap();
    assert_ne!(split, external, "the early one sees another");
    assert!(home.gets_in(2, split));
    assert!(!home.gets_in(2, external), "and the old one stays closed to it");
    assert_eq!(home.out(2), Some(split));
}

#[test]
fn early_datagram_does_no_harm_to_a_closed_router() {
    let mut home = Home::new(Nat::port_restricted(PUBLIC.parse().unwrap()));
    let external = home.out(0).unwrap();
    assert!(!home.gets_in(2, external));
    assert_eq!(home.out(2), Some(external));
    assert!(home.gets_in(2, external));
}

#[test]
fn late_datagram_does_no_harm_to_an_open_router() {
    let mut home = Home::new(Nat::port_open(PUBLIC.parse().unwrap()));
    let external = home.out(0).unwrap();
    assert_eq!(home.out(2), Some(external));
    assert!(home.gets_in(2, external));
    assert_eq!(home.out(2), Some(external));
}

#[test]
fn nat_routes_only_the_families_that_it_has() {
    let mut net = Network::new(1);
    let zone = net.nat(Nat::full_cone(PUBLIC.parse().unwrap()));
    let inside = net.host_in(zone, addr(INSIDE), Socket::new());
    net.bind_in(zone, inside, addr("[fd00::2]:5000"));
    net.host(addr("[2001:db8::1]:5000"), Socket::new());
    net[inside].send(addr("[2001:db8::1]:5000"), b"out");
    net.step();
    assert_eq!(net.stats().no_route, 1);
}

#[test]
fn nat_translates_ipv6_too() {
    let mut net = Network::new(1);
    let zone = net.nat(Nat::port_restricted("2001:db8::1".parse().unwrap()));
    let inside = net.host_in(zone, addr("[fd00::2]:5000"), Socket::new());
    let server = net.host(addr("[2001:db8::9]:3478"), Socket::new());
    net[inside].send(addr("[2001:db8::9]:3478"), b"out");
    net.step();
    assert_eq!(drain(&mut net, server)[0].source, addr("[2001:db8::1]:5000"));
}
