//! What the network says of packets that it can't deliver, and to whom.

use pollrtc_core::{Flow, FlowEvent, Framing, Protocol};
use pollrtc_netsim::{Firewall, Hairpinning, Host, Link, Nat, Network, Ports, Socket, Zone};

use crate::common::{ALICE, BOB, Pair, addr, drain, ms};

fn udp(local: &str, remote: &str) -> Flow {
    Flow::new(Protocol::Udp, Some(addr(local)), addr(remote))
}

/// All that a socket was told.
fn told(net: &mut Network, host: Host<Socket>) -> Vec<FlowEvent> {
    std::iter::from_fn(|| net[host].flow_event()).collect()
}

#[test]
fn a_host_says_that_a_port_is_closed_a_round_trip_later() {
    let mut pair = Pair::new(1, Link::new().latency(ms(20)));
    pair.net[pair.alice].send(addr("192.0.2.2:1"), b"nobody has the port");
    pair.net.advance(ms(39));
    assert!(told(&mut pair.net, pair.alice).is_empty());
    pair.net.advance(ms(1));
    let flow = udp(ALICE, "192.0.2.2:1");
    assert_eq!(told(&mut pair.net, pair.alice), [FlowEvent::Unreachable(flow)]);
    let stats = pair.net.stats();
    assert_eq!((stats.no_socket, stats.icmp_sent, stats.icmp_received), (1, 1, 1));
}

/// An address that nobody has is silent, as most of the Internet is, unless its zone reports.
#[test]
fn a_zone_may_say_that_nobody_has_an_address() {
    let mut pair = Pair::new(1, Link::new());
    pair.net[pair.alice].send(addr("192.0.2.77:1"), b"?");
    pair.net.advance(ms(1));
    assert!(told(&mut pair.net, pair.alice).is_empty());
    pair.net.report_unreachable(Zone::INTERNET);
    pair.net[pair.alice].send(addr("192.0.2.77:1"), b"?");
    pair.net.advance(ms(1));
    let flow = udp(ALICE, "192.0.2.77:1");
    assert_eq!(told(&mut pair.net, pair.alice), [FlowEvent::Unreachable(flow)]);
}

/// RFC 1191 §4: the MTU is that of the link; without the report it is a black hole.
#[test]
fn a_narrow_link_says_how_wide_it_is_or_swallows() {
    let story = |link: Link| {
        let mut pair = Pair::new(1, link);
        pair.net[pair.alice].send(addr(BOB), &[0; 1252]);
        pair.net[pair.alice].send(addr(BOB), &[0; 1253]);
        pair.net.advance(ms(1));
        assert_eq!(drain(&mut pair.net, pair.bob).len(), 1);
        assert_eq!(pair.net.stats().mtu_exceeded, 1);
        told(&mut pair.net, pair.alice)
    };
    let flow = udp(ALICE, BOB);
    let narrow = Link::new().mtu(1280);
    assert_eq!(story(narrow.report_too_big()), [FlowEvent::TooBig { flow, mtu: 1280 }]);
    assert!(story(narrow).is_empty());
}

/// RFC 5508 REQ-4: what a router outside says of a packet that a NAT has translated, even twice, reaches the host that
/// sent it, about the packet as it sent it.
#[test]
fn nats_translate_errors_back() {
    for inner in [
        Nat::symmetric("100.64.0.2".parse().unwrap()),
        Nat::linux("100.64.0.2".parse().unwrap()),
    ] {
        let mut net = Network::new(1);
        net.set_link(Zone::INTERNET, Link::new().mtu(1280).report_too_big());
        let carrier = net.nat(Nat::port_restricted("203.0.113.1".parse().unwrap()));
        let home = net.nat_in(carrier, inner);
        let inside = net.host_in(home, addr("10.0.0.2:5000"), Socket::new());
        let server = net.host(addr("198.51.100.1:3478"), Socket::new());
        net[inside].send(addr("198.51.100.1:3478"), &[0; 1400]);
        net[inside].send(addr("198.51.100.1:1"), b"closed");
        net.advance(ms(1));
        let expected = [
            FlowEvent::TooBig {
                flow: udp("10.0.0.2:5000", "198.51.100.1:3478"),
                mtu: 1280,
            },
            FlowEvent::Unreachable(udp("10.0.0.2:5000", "198.51.100.1:1")),
        ];
        assert_eq!(told(&mut net, inside), expected);
        assert_eq!(drain(&mut net, server).len(), 0);
    }
}

/// RFC 5508 REQ-5: a host behind a NAT whose socket has gone says so to the outside, by the NAT's address.
#[test]
fn errors_from_inside_go_out_by_the_nats_address() {
    let mut net = Network::new(1);
    let home = net.nat(Nat::full_cone("203.0.113.1".parse().unwrap()));
    let inside = net.host_in(home, addr("10.0.0.2:5000"), Socket::new());
    net.bind_in(home, inside, addr("10.0.0.2:5001"));
    let server = net.host(addr("198.51.100.1:3478"), Socket::new());
    net[inside].send(addr("198.51.100.1:3478"), b"hello");
    net.advance(ms(1));
    let external = drain(&mut net, server)[0].source;
    net.unbind(inside, addr("10.0.0.2:5000"));
    net[server].send(external, b"still there?");
    net.advance(ms(1));
    let flow = Flow::new(Protocol::Udp, Some(addr("198.51.100.1:3478")), external);
    assert_eq!(told(&mut net, server), [FlowEvent::Unreachable(flow)]);
}

/// RFC 5508 REQ-4 and REQ-6: an error refreshes nothing, and one about a flow that the NAT does not know is dropped.
#[test]
fn errors_keep_no_mapping_alive() {
    let mut net = Network::new(1);
    net.set_link(Zone::INTERNET, Link::new().latency(ms(5000)));
    let home = net.nat(Nat::full_cone("203.0.113.1".parse().unwrap()).timeout(ms(9000)));
    let inside = net.host_in(home, addr("10.0.0.2:5000"), Socket::new());
    net.host(addr("198.51.100.1:3478"), Socket::new());
    net[inside].send(addr("198.51.100.1:1"), b"closed");
    net.advance(ms(20_000));
    assert!(told(&mut net, inside).is_empty(), "it came after ten seconds");
    assert_eq!(net.stats().icmp_dropped, 1);
}

#[test]
fn a_firewall_passes_errors_about_what_passed_or_none() {
    let story = |firewall: Firewall| {
        let mut net = Network::new(1);
        let office = net.firewall(firewall);
        let inside = net.host_in(office, addr("[2001:db8:1::2]:5000"), Socket::new());
        net.host(addr("[2001:db8:2::1]:3478"), Socket::new());
        net[inside].send(addr("[2001:db8:2::1]:1"), b"closed");
        net.advance(ms(1));
        told(&mut net, inside).len()
    };
    assert_eq!(story(Firewall::stateful()), 1);
    assert_eq!(story(Firewall::stateful().block_icmp()), 0);
}

/// A firewall may say no, instead of nothing.
#[test]
fn a_firewall_may_reject() {
    let story = |firewall: Firewall| {
        let mut net = Network::new(1);
        let office = net.firewall(firewall);
        let inside = net.host_in(office, addr("192.0.2.1:5000"), Socket::new());
        let outside = net.host(addr(BOB), Socket::new());
        net.bind(outside, addr("192.0.2.2:53"));
        net[inside].send(addr(BOB), b"not to this port");
        net[inside].send(addr("192.0.2.2:53"), b"but to this one");
        net.advance(ms(1));
        assert_eq!(drain(&mut net, outside).len(), 1);
        told(&mut net, inside)
    };
    let only_dns = Firewall::stateful().udp(Ports::Only(vec![53]));
    assert_eq!(
        story(only_dns.clone().reject()),
        [FlowEvent::Unreachable(udp("192.0.2.1:5000", BOB))]
    );
    assert!(story(only_dns).is_empty());
}

/// RFC 1122 §3.2.2: nobody complains of a complaint; and one about a socket that has gone is for nobody.
#[test]
fn errors_about_errors_are_not_made() {
    let mut pair = Pair::new(1, Link::new().latency(ms(10)));
    pair.net[pair.alice].send(addr("192.0.2.2:1"), b"closed");
    pair.net.advance(ms(5));
    pair.net.unbind(pair.alice, addr(ALICE));
    pair.net.report_unreachable(Zone::INTERNET);
    pair.net.advance(ms(100));
    let stats = pair.net.stats();
    assert_eq!((stats.icmp_sent, stats.icmp_received, stats.icmp_dropped), (1, 0, 1));
}

/// RFC 4787 REQ-12, RFC 5382 REQ-10: whatever is said of it, a mapping stays, and so does a stream.
#[test]
fn errors_end_no_mapping() {
    for nat in [
        Nat::port_restricted("203.0.113.1".parse().unwrap()),
        Nat::linux("203.0.113.1".parse().unwrap()),
    ] {
        let mut net = Network::new(1);
        let home = net.nat(nat);
        let inside = net.host_in(home, addr("10.0.0.2:5000"), Socket::new());
        let server = net.host(addr("198.51.100.1:3478"), Socket::new());
        net.listen(server, addr("198.51.100.1:443"), Protocol::Tcp, Framing::Rfc4571);
        net[inside].connect(Protocol::Tcp, addr("198.51.100.1:443"), Framing::Rfc4571);
        net[inside].send(addr("198.51.100.1:3478"), b"hello");
        net.advance(ms(1));
        let external = drain(&mut net, server)[0].source;
        let stream = net[inside].stream().unwrap();

        // The server's sockets go and come back, and the way gets narrow for a while.
        net.unbind(server, addr("198.51.100.1:3478"));
        net.bind(server, addr("198.51.100.1:1"));
        net.set_link(Zone::INTERNET, Link::new().mtu(500).report_too_big());
        net[inside].send(addr("198.51.100.1:3478"), b"closed");
        net[inside].send_on(stream, &[1; 1000]);
        net.advance(ms(1));
        assert!(net.stats().icmp_received >= 2);
        net.bind(server, addr("198.51.100.1:3478"));
        net[server].send_from(addr("198.51.100.1:3478"), external, b"still there");
        net.advance(ms(1000));
        assert_eq!(net[inside].recv().unwrap().payload, b"still there");
        assert_eq!(net[server].recv().unwrap().payload, [1; 1000]);
        assert_eq!(net[inside].stream(), Some(stream));
    }
}

/// RFC 5508 REQ-7: between two hosts behind one NAT that hairpins.
#[test]
fn errors_hairpin_too() {
    let mut net = Network::new(1);
    let nat = Nat::full_cone("203.0.113.1".parse().unwrap()).hairpinning(Hairpinning::ExternalSource);
    let home = net.nat(nat);
    let first = net.host_in(home, addr("10.0.0.2:5000"), Socket::new());
    let second = net.host_in(home, addr("10.0.0.3:6000"), Socket::new());
    net.bind_in(home, second, addr("10.0.0.3:6001"));
    net.host(addr("198.51.100.1:3478"), Socket::new());
    net[second].send(addr("198.51.100.1:3478"), b"opens 203.0.113.1:6000");
    net.advance(ms(1));
    net.unbind(second, addr("10.0.0.3:6000"));
    net[first].send(addr("203.0.113.1:6000"), b"neighbour?");
    net.advance(ms(1));
    let flow = udp("10.0.0.2:5000", "203.0.113.1:6000");
    assert_eq!(told(&mut net, first), [FlowEvent::Unreachable(flow)]);
}

/// RFC 5508 REQ-8.
#[test]
fn a_nat_without_a_free_port_says_so() {
    let mut net = Network::new(1);
    let home = net.nat(Nat::symmetric("203.0.113.1".parse().unwrap()));
    let inside = net.host_in(home, addr("10.0.0.2:1000"), Socket::new());
    for port in 1..=1024 {
        net[inside].send(addr(&format!("198.51.100.1:{port}")), b"x");
    }
    net.advance(ms(1));
    assert_eq!(net.stats().ports_exhausted, 1);
    let flow = udp("10.0.0.2:1000", "198.51.100.1:1024");
    assert_eq!(told(&mut net, inside), [FlowEvent::Unreachable(flow)]);
}
