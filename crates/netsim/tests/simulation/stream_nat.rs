//! Streams through NATs behave as RFC 5382 says.

use std::net::SocketAddr;
use std::time::Duration;

use pollrtc_core::{FlowEvent, Framing, Protocol};
use pollrtc_netsim::Dependence::{AddressAndPortDependent, EndpointIndependent};
use pollrtc_netsim::{Hairpinning, Host, Nat, Network, PortPolicy, SimultaneousOpen, Socket, Zone};

use crate::common::{addr, drain, ms};

const PUBLIC: &str = "203.0.113.1";
const SERVERS: [&str; 2] = ["198.51.100.1:443", "198.51.100.2:443"];

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
        let inside = net.host_in(zone, addr("192.168.1.2:5000"), Socket::new());
        let servers = SERVERS.map(|server| {
            let host = net.host(addr(server), Socket::new());
            net.listen(host, addr(server), Protocol::Tcp, Framing::Rfc4571);
            host
        });
        Self {
            net,
            zone,
            inside,
            servers,
        }
    }

    fn connect(&mut self, which: usize) -> SocketAddr {
        self.net[self.inside].connect(Protocol::Tcp, addr(SERVERS[which]), Framing::Rfc4571);
        self.net.advance(ms(1));
        self.net[self.servers[which]].stream().expect("it is open").remote()
    }

    /// The server sends on its stream; whether that arrives.
    fn answers(&mut self, which: usize) -> bool {
        let stream = self.net[self.servers[which]].stream().expect("it is open");
        self.net[self.servers[which]].send_on(stream, b"answer");
        self.net.advance(ms(1));
        !drain(&mut self.net, self.inside).is_empty()
    }

    fn tcp_mappings(&self) -> usize {
        let mappings = self.net.mappings(self.zone);
        mappings
            .iter()
            .filter(|mapping| mapping.protocol == Protocol::Tcp)
            .count()
    }
}

fn public() -> std::net::IpAddr {
    PUBLIC.parse().unwrap()
}

#[test]
fn streams_pass_nats_of_all_kinds_and_answers_come_back() {
    for nat in [
        Nat::full_cone(public()),
        Nat::address_restricted(public()),
        Nat::port_restricted(public()),
        Nat::symmetric(public()),
        Nat::linux(public()),
        Nat::port_open(public()),
    ] {
        let mut home = Home::new(nat.clone());
        let outside = home.connect(0);
        assert_eq!(outside.ip(), public(), "{nat:?}");
        assert!(home.answers(0), "{nat:?}");
    }
}

/// RFC 5382 REQ-1, seen by two hosts that use the same port: an endpoint-independent NAT gives the second one another,
/// and Linux does only where both talk to the same server (REQ-7).
#[test]
fn mapping_of_each_kind() {
    let story = |nat: Nat| {
        let mut home = Home::new(nat);
        let neighbour = home.net.host_in(home.zone, addr("192.168.1.3:5000"), Socket::new());
        let first = home.connect(0);
        let mut seen = vec![first.port() == 49_152];
        for which in [1, 0] {
            home.net[neighbour].connect(Protocol::Tcp, addr(SERVERS[which]), Framing::Rfc4571);
            home.net.advance(ms(1));
            let server = home.servers[which];
            // Its system's ports follow each other.
            let port = home.net[server].stream().expect("it is open").remote().port();
            seen.push(port == if which == 1 { 49_152 } else { 49_153 });
        }
        seen
    };
    assert_eq!(story(Nat::port_restricted(public())), [true, false, true]);
    assert_eq!(story(Nat::linux(public())), [true, true, true]);
}

/// One mapping serves all servers where it is endpoint-independent, and each has its own where it is not, whatever
/// holds for UDP.
#[test]
fn mapping_may_differ_from_that_of_udp() {
    let story = |nat: Nat| {
        let mut home = Home::new(nat);
        home.connect(0);
        for server in SERVERS {
            home.net[home.inside].send(addr(server), b"UDP");
        }
        home.net.advance(ms(1));
        let mappings = home.net.mappings(home.zone);
        let tcp = mappings
            .iter()
            .find(|mapping| mapping.protocol == Protocol::Tcp)
            .unwrap();
        (
            tcp.external.port() == tcp.internal.port(),
            mappings.len() - home.tcp_mappings(),
        )
    };
    let symmetric = Nat::symmetric(public()).port_policy(PortPolicy::Preserve);
    assert_eq!(story(Nat::port_restricted(public())), (true, 1));
    assert_eq!(
        story(symmetric.clone().tcp(EndpointIndependent, EndpointIndependent)),
        (true, 2)
    );
    let one_for_all = Nat::port_restricted(public()).tcp(AddressAndPortDependent, AddressAndPortDependent);
    assert_eq!(story(one_for_all), (true, 1));
}

/// REQ-8: two hosts behind one NAT meet at its outside address.
#[test]
fn streams_hairpin() {
    let story = |nat: Nat| {
        let mut home = Home::new(nat);
        let outside = home.connect(0);
        let local = SocketAddr::new(addr("192.168.1.2:1").ip(), outside.port());
        home.net.listen(home.inside, local, Protocol::Tcp, Framing::Rfc4571);
        let neighbour = home.net.host_in(home.zone, addr("192.168.1.3:5000"), Socket::new());
        home.net[neighbour].connect(Protocol::Tcp, outside, Framing::Rfc4571);
        home.net.advance(ms(1));
        home.net[home.inside]
            .stream()
            .map(|stream| stream.remote().ip())
            .filter(|_| home.net[neighbour].stream().is_some())
    };
    let nat = Nat::full_cone(public());
    let hairpinning = nat.clone().hairpinning(Hairpinning::ExternalSource);
    assert_eq!(
        story(hairpinning),
        Some(public()),
        "REQ-8 a: it sees the outside address"
    );
    assert_eq!(story(nat), None);
}

/// REQ-9: a router outside says that nobody is there.
#[test]
fn a_refusal_ends_an_attempt_behind_a_nat() {
    let mut home = Home::new(Nat::symmetric(public()));
    home.net.report_unreachable(Zone::INTERNET);
    let id = home.net[home.inside].connect(Protocol::Tcp, addr("198.51.100.77:443"), Framing::Rfc4571);
    home.net.advance(ms(1));
    assert_eq!(home.net[home.inside].flow_event(), Some(FlowEvent::Failed { id }));
}

/// REQ-5: an established connection may be idle for two hours and four minutes; one that opens or closes for four.
#[test]
fn idle_streams_are_forgotten_after_their_time() {
    for (nat, established) in [
        (Nat::port_restricted(public()), 2 * 3600 + 4 * 60),
        (
            Nat::port_restricted(public()).tcp_timeouts(ms(600_000), ms(60_000)),
            600,
        ),
        (Nat::linux(public()), 5 * 24 * 3600),
    ] {
        let mut home = Home::new(nat);
        home.connect(0);
        home.net.advance(Duration::from_secs(established - 2));
        assert!(home.answers(0), "alive");
        home.net.advance(Duration::from_secs(established));
        assert_eq!(home.tcp_mappings(), 0);
        assert!(!home.answers(0), "forgotten");
    }
}

#[test]
fn a_stream_that_closes_is_forgotten_soon() {
    let mut home = Home::new(Nat::port_restricted(public()));
    home.connect(0);
    let stream = home.net[home.inside].stream().unwrap();
    home.net[home.inside].close(stream);
    home.net.advance(Duration::from_secs(239));
    assert_eq!(home.tcp_mappings(), 1);
    home.net.advance(Duration::from_secs(2));
    assert_eq!(home.tcp_mappings(), 0);
}

/// REQ-2 and REQ-4: both sides behind NATs connect to each other's outside port; the first SYN finds a closed door and
/// is dropped without a word, the second passes.
#[test]
fn simultaneous_open_through_two_nats() {
    let story = |nats: [Nat; 2]| {
        let mut net = Network::new(1);
        net.set_link(Zone::INTERNET, pollrtc_netsim::Link::new().latency(ms(20)));
        let [a, b] = nats.map(|nat| {
            let zone = net.nat(nat);
            net.host_in(zone, addr("10.0.0.2:5000"), Socket::new())
        });
        net[a].connect(Protocol::Tcp, addr("203.0.113.2:49152"), Framing::Rfc4571);
        net.advance(ms(30));
        net[b].connect(Protocol::Tcp, addr("203.0.113.1:49152"), Framing::Rfc4571);
        net.advance(Duration::from_secs(10));
        [a, b].map(|host| net[host].stream().is_some())
    };
    let nat = |address: &str| Nat::port_restricted(address.parse().unwrap());
    assert_eq!(story([nat("203.0.113.1"), nat("203.0.113.2")]), [true, true]);
    let linux = |address: &str| Nat::linux(address.parse().unwrap());
    assert_eq!(story([linux("203.0.113.1"), linux("203.0.113.2")]), [true, true]);
    let strict = nat("203.0.113.1").simultaneous_open(SimultaneousOpen::Dropped);
    let other = nat("203.0.113.2").simultaneous_open(SimultaneousOpen::Dropped);
    assert_eq!(story([strict, other]), [false, false]);
    // A router that refuses what is unsolicited kills the other side's attempt.
    let open = Nat::port_open("203.0.113.2".parse().unwrap());
    assert_eq!(story([nat("203.0.113.1"), open]), [false, false]);
}

/// REQ-3: filtering. A listener inside is reached by a mapping that somebody else made, where the NAT allows it.
#[test]
fn strangers_get_in_where_filtering_is_endpoint_independent() {
    let story = |nat: Nat| {
        let mut home = Home::new(nat);
        let outside = home.connect(0);
        // A program that reuses the port of its stream to listen, as ICE-TCP does (RFC 6544 §4.1).
        let local = SocketAddr::new(addr("192.168.1.2:1").ip(), outside.port());
        home.net.listen(home.inside, local, Protocol::Tcp, Framing::Rfc4571);
        let stranger = home.servers[1];
        home.net[stranger].connect(Protocol::Tcp, outside, Framing::Rfc4571);
        home.net.advance(ms(1));
        home.net[stranger].stream().is_some()
    };
    assert!(story(Nat::full_cone(public())));
    assert!(!story(Nat::port_restricted(public())));
    assert!(!story(Nat::linux(public())));
}

/// A restart of the router breaks streams where it does not pick them up, which Linux does.
#[test]
fn a_router_that_restarts_may_pick_streams_up() {
    let story = |nat: Nat| {
        let mut home = Home::new(nat);
        home.connect(0);
        home.net.flush_nat(home.zone);
        let stream = home.net[home.inside].stream().unwrap();
        home.net[home.inside].send_on(stream, b"still there?");
        home.net.advance(Duration::from_secs(200));
        let arrived = !drain(&mut home.net, home.servers[0]).is_empty();
        let mut events = std::iter::from_fn(|| home.net[home.inside].flow_event());
        let closed = events.any(|event| matches!(event, FlowEvent::Closed(_)));
        (arrived, closed)
    };
    assert_eq!(story(Nat::linux(public())), (true, false));
    assert_eq!(story(Nat::port_restricted(public())), (false, true));
}
