//! Hosts with IPv6 alone reach the IPv4 Internet by a NAT64 (RFC 6146, RFC 6052).

use std::net::{IpAddr, SocketAddr};

use pollrtc_core::{Flow, FlowEvent, Framing, Protocol};
use pollrtc_netsim::{Firewall, Hairpinning, Host, Link, Nat, Network, Socket, Zone, nat64_address};

use crate::common::{addr, drain, ms};

const PHONE: &str = "[2001:db8:1::2]:5000";
const SERVER: &str = "198.51.100.1:3478";

fn by_nat64(address: &str) -> SocketAddr {
    let address = addr(address);
    let IpAddr::V4(ip) = address.ip() else {
        panic!("{address} is IPv6 already");
    };
    SocketAddr::new(nat64_address(ip).into(), address.port())
}

fn cellular(nat: Nat) -> (Network, Host<Socket>, Host<Socket>) {
    let mut net = Network::new(1);
    let zone = net.nat(nat);
    let phone = net.host_in(zone, addr(PHONE), Socket::new());
    let server = net.host(addr(SERVER), Socket::new());
    (net, phone, server)
}

fn nat64() -> Nat {
    Nat::nat64("203.0.113.1".parse().unwrap())
}

#[test]
fn a_question_goes_out_as_ipv4_and_its_answer_comes_back_as_ipv6() {
    let (mut net, phone, server) = cellular(nat64());
    net[phone].send(by_nat64(SERVER), b"who am I?");
    net.advance(ms(1));
    let question = net[server].recv().expect("the question");
    assert_eq!(question.source, addr("203.0.113.1:5000"));
    net[server].send(question.source, b"you");
    net.advance(ms(1));
    let answer = net[phone].recv().expect("the answer");
    assert_eq!((answer.source, answer.destination), (by_nat64(SERVER), addr(PHONE)));
}

/// RFC 6146 §3.5: endpoint-independent mapping; who was not sent to is not let in.
#[test]
fn mapping_is_endpoint_independent_and_filtering_address_dependent() {
    let (mut net, phone, server) = cellular(nat64());
    net.bind(server, addr("198.51.100.1:9"));
    let stranger = net.host(addr("198.51.100.2:3478"), Socket::new());
    net[phone].send(by_nat64(SERVER), b"out");
    net.advance(ms(1));
    let external = net[server].recv().unwrap().source;
    net[server].send_from(addr("198.51.100.1:9"), external, b"another port");
    net[stranger].send(external, b"another address");
    net.advance(ms(1));
    let got = drain(&mut net, phone);
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].source, by_nat64("198.51.100.1:9"));
    net[phone].send(by_nat64("198.51.100.2:3478"), b"out");
    net.advance(ms(1));
    assert_eq!(net[stranger].recv().unwrap().source, external);
}

/// To IPv6 the phone speaks by its own address, both ways, unless a firewall stands there.
#[test]
fn ipv6_passes_as_it_is() {
    let (mut net, phone, _) = cellular(nat64());
    let peer = net.host(addr("[2001:db8:2::1]:6000"), Socket::new());
    net[peer].send(addr(PHONE), b"hello");
    net.advance(ms(1));
    assert_eq!(net[phone].recv().unwrap().source, addr("[2001:db8:2::1]:6000"));

    let mut net = Network::new(1);
    let cellular = net.nat(nat64());
    let guarded = net.firewall_in(cellular, Firewall::stateful());
    let phone = net.host_in(guarded, addr(PHONE), Socket::new());
    let peer = net.host(addr("[2001:db8:2::1]:6000"), Socket::new());
    let server = net.host(addr(SERVER), Socket::new());
    net[peer].send(addr(PHONE), b"hello");
    net.advance(ms(1));
    assert!(net[phone].recv().is_none());
    net[phone].send(addr("[2001:db8:2::1]:6000"), b"may I?");
    net[phone].send(by_nat64(SERVER), b"and you?");
    net.advance(ms(1));
    assert_eq!(net[peer].recv().unwrap().source, addr(PHONE));
    assert_eq!(net[server].recv().unwrap().source, addr("203.0.113.1:5000"));
}

/// RFC 7915 §4.2: the IPv6 header is 20 bytes longer than the one that did not fit.
#[test]
fn errors_are_translated_with_their_mtu() {
    let (mut net, phone, _) = cellular(nat64());
    net.set_link(Zone::INTERNET, Link::new().mtu(1300).report_too_big());
    net[phone].send(by_nat64(SERVER), &[0; 1280]);
    net[phone].send(by_nat64("198.51.100.1:1"), b"closed");
    net.advance(ms(1));
    let to = |remote| Flow::new(Protocol::Udp, Some(addr(PHONE)), by_nat64(remote));
    let too_big = FlowEvent::TooBig {
        flow: to(SERVER),
        mtu: 1320,
    };
    assert_eq!(net[phone].flow_event(), Some(too_big));
    assert_eq!(
        net[phone].flow_event(),
        Some(FlowEvent::Unreachable(to("198.51.100.1:1")))
    );
}

#[test]
fn a_network_may_have_a_prefix_of_its_own_and_hairpin() {
    let nat = nat64()
        .nat64_prefix("2001:db8:64::".parse().unwrap())
        .hairpinning(Hairpinning::ExternalSource);
    let (mut net, phone, server) = cellular(nat);
    net[phone].send(addr("[2001:db8:64::198.51.100.1]:3478"), b"out");
    net.advance(ms(1));
    assert_eq!(net[server].recv().unwrap().source, addr("203.0.113.1:5000"));
    // The phone calls itself by its outside address.
    net[phone].send(addr("[2001:db8:64::203.0.113.1]:5000"), b"it is me");
    net.advance(ms(1));
    assert_eq!(
        net[phone].recv().unwrap().source,
        addr("[2001:db8:64::203.0.113.1]:5000")
    );
}

#[test]
fn streams_pass_too() {
    let (mut net, phone, server) = cellular(nat64());
    net.listen(server, addr("198.51.100.1:443"), Protocol::Tcp, Framing::Rfc4571);
    net[phone].connect(Protocol::Tcp, by_nat64("198.51.100.1:443"), Framing::Rfc4571);
    assert!(net.run_until(|net| net[phone].stream().is_some(), ms(100)));
    let stream = net[phone].stream().unwrap();
    net[phone].send_on(stream, &[7; 5000]);
    net.advance(ms(100));
    assert_eq!(net[server].recv().unwrap().payload, [7; 5000]);
    assert_eq!(net[server].stream().unwrap().remote().ip().to_string(), "203.0.113.1");
}
