//! Link-local addresses (RFC 4291 §2.5.6, RFC 4007): each belongs to a link, and the same one may be on several.

use pollrtc_core::{Flow, FlowEvent, Framing, Protocol};
use pollrtc_netsim::{Firewall, Host, Network, Socket, Zone};

use crate::common::{addr, drain, ms};

/// A host with the same link-local address on two links, and a neighbour with one address on each of them.
fn two_links() -> (Network, Host<Socket>, [Host<Socket>; 2], [Zone; 2]) {
    let mut net = Network::new(1);
    let links = [(); 2].map(|()| net.firewall(Firewall::stateful()));
    let host = net.host_in(links[0], addr("[fe80::1%1]:5000"), Socket::new());
    net.bind_in(links[1], host, addr("[fe80::1%2]:5000"));
    let neighbours = links.map(|link| net.host_in(link, addr("[fe80::9%7]:6000"), Socket::new()));
    (net, host, neighbours, links)
}

#[test]
fn the_scope_of_the_destination_chooses_the_link() {
    let (mut net, host, neighbours, _) = two_links();
    net[host].send(addr("[fe80::9%2]:6000"), b"to the second");
    net[host].send_from(addr("[fe80::1%1]:5000"), addr("[fe80::9%1]:6000"), b"to the first");
    net.advance(ms(1));
    let got = neighbours.map(|neighbour| drain(&mut net, neighbour));
    assert_eq!(got[0][0].payload, b"to the first");
    assert_eq!(got[1][0].payload, b"to the second");
    // Each host has names of its own for its links.
    assert_eq!(got[0][0].source, addr("[fe80::1%7]:5000"));
    assert_eq!(got[0][0].destination, addr("[fe80::9%7]:6000"));
}

#[test]
fn what_comes_names_its_link() {
    let (mut net, host, neighbours, _) = two_links();
    for neighbour in neighbours {
        net[neighbour].send(addr("[fe80::1%7]:5000"), b"hello");
    }
    net.advance(ms(1));
    let got = drain(&mut net, host);
    let mut ends: Vec<_> = got
        .iter()
        .map(|arrival| (arrival.source, arrival.destination))
        .collect();
    ends.sort();
    assert_eq!(
        ends,
        [
            (addr("[fe80::9%1]:6000"), addr("[fe80::1%1]:5000")),
            (addr("[fe80::9%2]:6000"), addr("[fe80::1%2]:5000")),
        ]
    );
}

/// A source on one link and a destination on another, or on none that the host has, is nobody's.
#[test]
fn a_transmit_across_links_is_counted() {
    let (mut net, host, neighbours, _) = two_links();
    net[host].send_from(addr("[fe80::1%1]:5000"), addr("[fe80::9%2]:6000"), b"across");
    net[host].send(addr("[fe80::9%3]:6000"), b"by no link of ours");
    net.advance(ms(1));
    assert_eq!(net.stats().not_local, 2);
    assert!(neighbours.iter().all(|neighbour| net[*neighbour].waiting() == 0));
}

/// RFC 4291 §2.5.6: routers do not forward them.
#[test]
fn link_local_addresses_end_at_their_link() {
    let (mut net, host, ..) = two_links();
    let outside = net.host(addr("[2001:db8::1]:1"), Socket::new());
    net.inject(
        Zone::INTERNET,
        addr("[2001:db8::1]:1"),
        addr("[fe80::1]:5000"),
        b"from afar",
    );
    net[host].send(addr("[fe80::77%1]:1"), b"nobody on this link");
    net.advance(ms(1));
    assert_eq!(net.stats().no_route, 2);
    assert_eq!((net[host].waiting(), net[outside].waiting()), (0, 0));
}

#[test]
fn errors_and_streams_name_the_link_too() {
    let (mut net, host, neighbours, _) = two_links();
    net[host].send(addr("[fe80::9%2]:1"), b"closed");
    net.advance(ms(1));
    let flow = Flow::new(Protocol::Udp, Some(addr("[fe80::1%2]:5000")), addr("[fe80::9%2]:1"));
    assert_eq!(net[host].flow_event(), Some(FlowEvent::Unreachable(flow)));

    net.listen(neighbours[1], addr("[fe80::9%7]:443"), Protocol::Tcp, Framing::Rfc4571);
    net[host].connect(Protocol::Tcp, addr("[fe80::9%2]:443"), Framing::Rfc4571);
    net.advance(ms(1));
    let stream = net[host].stream().expect("it is open");
    assert_eq!(stream.remote(), addr("[fe80::9%2]:443"));
    assert_eq!(stream.local().unwrap().ip(), addr("[fe80::1%2]:1").ip());
    net[host].send_on(stream, b"hello");
    net.advance(ms(1));
    assert_eq!(net[neighbours[1]].recv().unwrap().payload, b"hello");
}

#[test]
#[should_panic(expected = "has to name its link")]
fn a_link_local_address_names_its_link() {
    Network::new(1).host(addr("[fe80::1]:5000"), Socket::new());
}
