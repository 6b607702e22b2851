//! Hosts: sockets, interfaces, what they hand out, and how the network drives them.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::rc::Rc;

use pollrtc_core::{Datagram, Departure, Flow, Instant, Protocol, SendId, StateMachine, Transmit};
use pollrtc_netsim::{Nat, Network, Socket, Verdict, Zone};

use crate::common::{ALICE, BOB, Pair, addr, drain, ms};

#[test]
fn a_host_may_have_several_sockets_and_families() {
    let mut net = Network::new(1);
    let a = net.host(addr("192.0.2.1:5000"), Socket::new());
    net.bind(a, addr("192.0.2.1:5001"));
    net.bind(a, addr("[2001:db8::1]:5000"));
    let b = net.host(addr("[2001:db8::2]:6000"), Socket::new());
    net.bind(b, addr("192.0.2.2:6000"));
    net[a].send_from(addr("192.0.2.1:5001"), addr("192.0.2.2:6000"), b"named");
    net[a].send(addr("192.0.2.2:6000"), b"first of IPv4");
    net[a].send(addr("[2001:db8::2]:6000"), b"first of IPv6");
    net.step();
    let sources: Vec<String> = drain(&mut net, b).iter().map(|a| a.source.to_string()).collect();
    assert_eq!(sources, ["192.0.2.1:5001", "192.0.2.1:5000", "[2001:db8::1]:5000"]);
}

#[test]
fn a_host_in_two_zones_is_multihomed() {
    let mut net = Network::new(1);
    let wifi = net.nat(Nat::symmetric("203.0.113.1".parse().unwrap()));
    let cellular = net.nat(Nat::port_restricted("203.0.113.2".parse().unwrap()));
    let phone = net.host_in(wifi, addr("192.168.1.2:5000"), Socket::new());
    net.bind_in(cellular, phone, addr("10.20.30.40:5000"));
    let server = net.host(addr(BOB), Socket::new());
    net[phone].send_from(addr("192.168.1.2:5000"), addr(BOB), b"by wifi");
    net[phone].send_from(addr("10.20.30.40:5000"), addr(BOB), b"by cellular");
    net.step();
    let outside: Vec<String> = drain(&mut net, server)
        .iter()
        .map(|a| a.source.ip().to_string())
        .collect();
    assert_eq!(outside, ["203.0.113.1", "203.0.113.2"]);

    // The wifi goes away.
    net.unbind(phone, addr("192.168.1.2:5000"));
    net[phone].send_from(addr("192.168.1.2:5000"), addr(BOB), b"by wifi");
    net[phone].send(addr(BOB), b"by what is left");
    net.step();
    let got = drain(&mut net, server);
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].source.ip().to_string(), "203.0.113.2");
    assert_eq!(net.stats().not_local, 1);
}

#[test]
fn an_address_is_free_again_once_its_last_socket_is_gone() {
    let mut net = Network::new(1);
    let a = net.host(addr("192.0.2.1:5000"), Socket::new());
    net.bind(a, addr("192.0.2.1:5001"));
    let b = net.host(addr(BOB), Socket::new());
    net.unbind(a, addr("192.0.2.1:5000"));
    net[b].send(addr("192.0.2.1:5000"), b"gone");
    net[b].send(addr("192.0.2.1:5001"), b"there");
    net.step();
    assert_eq!(drain(&mut net, a).len(), 1);
    assert_eq!(net.stats().no_socket, 1);
    net.unbind(a, addr("192.0.2.1:5001"));
    let heir = net.host(addr("192.0.2.1:5000"), Socket::new());
    net[b].send(addr("192.0.2.1:5000"), b"to the heir");
    net.step();
    assert_eq!(drain(&mut net, heir).len(), 1);
}

#[test]
#[should_panic(expected = "192.0.2.1 is taken in zone internet by host0")]
fn an_address_belongs_to_one_host() {
    let mut net = Network::new(1);
    net.host(addr("192.0.2.1:5000"), Socket::new());
    net.host(addr("192.0.2.1:5001"), Socket::new());
}

#[test]
fn private_addresses_may_repeat_behind_different_nats() {
    let mut net = Network::new(1);
    for outside in ["203.0.113.1", "203.0.113.2"] {
        let home = net.nat(Nat::full_cone(outside.parse().unwrap()));
        net.host_in(home, addr("192.168.1.2:5000"), Socket::new());
    }
    let server = net.host(addr(BOB), Socket::new());
    net[server].send(addr("192.168.1.2:5000"), b"which one?");
    net.step();
    assert_eq!(net.stats().no_route, 1);
}

#[test]
#[should_panic(expected = "is of another network")]
fn handles_of_another_network_are_noticed() {
    let stranger = Network::new(1).host(addr(ALICE), Socket::new());
    let mut net = Network::new(2);
    net.host(addr(ALICE), Oven::default());
    net[stranger].send(addr(BOB), b"");
}

#[test]
fn what_goes_nowhere_is_counted() {
    let mut pair = Pair::new(1, pollrtc_netsim::Link::new());
    let Pair { net, alice, .. } = &mut pair;
    net[*alice].send(addr("192.0.2.77:1"), b"nobody has the address");
    net[*alice].send(addr("192.0.2.2:1"), b"nobody has the port");
    net[*alice].send_from(addr("192.0.2.9:5000"), addr(BOB), b"not ours");
    net[*alice].send(addr("[2001:db8::2]:6000"), b"no such family here");
    let tcp = Transmit::new(Flow::new(Protocol::Tcp, None, addr(BOB)), 0);
    net[*alice].send_transmit(tcp, b"not UDP");
    net[*alice].send(addr(BOB), &[0; 65_508]);
    net[*alice].send(addr("224.0.0.251:5353"), b"multicast");
    net.step();
    let stats = net.stats();
    assert_eq!(stats.sent, 7);
    assert_eq!(stats.dropped(), 7);
    assert_eq!(stats.mtu_exceeded, 1);
    assert_eq!((stats.no_route, stats.no_socket), (2, 1));
    assert_eq!((stats.not_local, stats.no_stream), (2, 1));
}

#[test]
fn injected_datagrams_may_come_from_anyone() {
    let mut pair = Pair::new(1, pollrtc_netsim::Link::new().latency(ms(10)));
    pair.net
        .inject(Zone::INTERNET, addr("198.51.100.66:6"), addr(BOB), b"forged");
    pair.net.advance(ms(20));
    let got = drain(&mut pair.net, pair.bob);
    assert_eq!(
        (got[0].source, got[0].at),
        (addr("198.51.100.66:6"), Instant::from_millis(10))
    );
}

#[test]
fn interceptor_sees_changes_and_drops() {
    let mut pair = Pair::new(1, pollrtc_netsim::Link::new());
    pair.net.intercept(|datagram| match datagram.payload[0] {
        0 => Verdict::Drop,
        _ => {
            datagram.payload.push(0xFF);
            Verdict::Pass
        }
    });
    pair.net[pair.alice].send(addr(BOB), &[0]);
    pair.net[pair.alice].send(addr(BOB), &[1]);
    pair.net.step();
    assert_eq!(drain(&mut pair.net, pair.bob)[0].payload, [1, 0xFF]);
    assert_eq!(pair.net.stats().intercepted, 1);
}

/// Rings when it was told to, and hands out what it receives as a view.
#[derive(Default)]
struct Oven {
    ring_at: Option<Instant>,
    events: Vec<&'static str>,
    woken_at: Vec<Instant>,
}

impl StateMachine for Oven {
    type Event = &'static str;
    type Received<'d> = Result<&'d mut [u8], Instant>;

    fn handle_datagram<'d>(&mut self, now: Instant, datagram: Datagram<'d>) -> Self::Received<'d> {
        match datagram.payload {
            [] => Err(now),
            payload => Ok(payload),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.woken_at.push(now);
        if self.ring_at.take_if(|at| *at <= now).is_some() {
            self.events.push("ring");
        }
    }

    fn poll_transmit(&mut self, _now: Instant, _buf: &mut [u8]) -> Option<Transmit> {
        None
    }

    fn poll_event(&mut self) -> Option<&'static str> {
        self.events.pop()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.ring_at
    }
}

#[test]
fn received_goes_to_the_closure() {
    let mut pair = Pair::new(1, pollrtc_netsim::Link::new());
    let oven = pair.net.host(addr("192.0.2.3:1"), Oven::default());
    let log = Rc::new(RefCell::new(Vec::new()));
    let writer = log.clone();
    pair.net.on_received(oven, move |machine, now, received| {
        machine.events.push("received");
        writer.borrow_mut().push((now, received.map(|bytes| bytes.to_vec())));
    });
    pair.net[pair.alice].send(addr("192.0.2.3:1"), b"dough");
    pair.net.step();
    assert_eq!(*log.borrow(), [(Instant::ZERO, Ok(b"dough".to_vec()))]);
    assert_eq!(pair.net[oven].poll_event(), Some("received"));
}

#[test]
fn hosts_are_woken_when_they_ask_and_only_then() {
    let mut net = Network::new(1);
    let oven = net.host(addr(ALICE), Oven::default());
    net.with(oven, |oven, now| oven.ring_at = Some(now + ms(300)));
    assert!(net.run_until(|net| net[oven].poll_event().is_some(), ms(1000)));
    assert_eq!(net.now(), Instant::from_millis(300));
    assert_eq!(net[oven].woken_at, [Instant::from_millis(300)]);
    assert!(!net.step(), "nothing will ever happen again");
}

#[test]
fn a_timer_may_be_moved_and_withdrawn() {
    let mut net = Network::new(1);
    let oven = net.host(addr(ALICE), Oven::default());
    net[oven].ring_at = Some(Instant::from_millis(300));
    net.advance(ms(100));
    net[oven].ring_at = Some(Instant::from_millis(200));
    net.advance(ms(400));
    assert_eq!(net[oven].woken_at, [Instant::from_millis(200)]);
    net[oven].ring_at = Some(Instant::from_millis(900));
    net.advance(ms(100));
    net[oven].ring_at = None;
    net.advance(ms(1000));
    assert_eq!(net[oven].woken_at.len(), 1);
}

/// Breaks the third law in one of three ways.
enum Broken {
    TimeoutStays(Instant),
    TimeoutCreeps(Instant),
    SendsForever,
}

impl StateMachine for Broken {
    type Event = ();
    type Received<'d> = ();

    fn handle_datagram(&mut self, _now: Instant, _datagram: Datagram<'_>) {}

    fn handle_timeout(&mut self, now: Instant) {
        if let Self::TimeoutCreeps(next) = self {
            *next = now + std::time::Duration::from_nanos(1);
        }
    }

    fn poll_transmit(&mut self, _now: Instant, _buf: &mut [u8]) -> Option<Transmit> {
        matches!(self, Self::SendsForever).then(|| Transmit::udp(addr(BOB), 1))
    }

    fn poll_event(&mut self) -> Option<()> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::TimeoutStays(at) | Self::TimeoutCreeps(at) => Some(*at),
            Self::SendsForever => None,
        }
    }
}

fn run(machine: Broken) {
    let mut net = Network::new(1);
    let host = net.host(addr(ALICE), machine);
    net.set_name(host, "mallory");
    net.advance(ms(1000));
}

#[test]
#[should_panic(expected = "mallory (simulation::hosts::Broken) busy-loops: at 0.500000")]
fn a_timeout_that_stays_is_noticed() {
    run(Broken::TimeoutStays(Instant::from_millis(500)));
}

#[test]
#[should_panic(expected = "mallory (simulation::hosts::Broken) busy-loops: at 0.5")]
fn a_timeout_that_creeps_is_noticed() {
    run(Broken::TimeoutCreeps(Instant::from_millis(500)));
}

#[test]
#[should_panic(expected = "mallory (simulation::hosts::Broken) busy-loops: poll_transmit")]
fn sending_without_end_is_noticed() {
    run(Broken::SendsForever);
}

/// Says one thing, whatever it is.
struct Says(Option<Transmit>);

impl StateMachine for Says {
    type Event = ();
    type Received<'d> = ();

    fn handle_datagram(&mut self, _now: Instant, _datagram: Datagram<'_>) {}
    fn handle_timeout(&mut self, _now: Instant) {}

    fn poll_transmit(&mut self, _now: Instant, _buf: &mut [u8]) -> Option<Transmit> {
        self.0.take()
    }

    fn poll_event(&mut self) -> Option<()> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

fn say(transmit: Transmit) {
    let mut net = Network::new(1);
    net.host(addr(ALICE), Says(Some(transmit)));
    net.step();
}

#[test]
#[should_panic(expected = "a transmit is empty")]
fn an_empty_transmit_is_noticed() {
    say(Transmit::udp(addr(BOB), 0));
}

#[test]
#[should_panic(expected = "a transmit is longer than the buffer")]
fn a_transmit_beyond_the_buffer_is_noticed() {
    say(Transmit::udp(addr(BOB), 65_537));
}

#[test]
#[should_panic(expected = "a transmit has a segment size above its length")]
fn a_segment_longer_than_its_train_is_noticed() {
    say(Transmit {
        segment_size: NonZeroUsize::new(9),
        ..Transmit::udp(addr(BOB), 8)
    });
}

#[test]
#[should_panic(expected = "a transmit has segments on a stream")]
fn segments_on_a_stream_are_noticed() {
    let flow = Flow::new(Protocol::Tcp, None, addr(BOB));
    say(Transmit::new(flow, 8).in_segments(4));
}

#[test]
#[should_panic(expected = "a transmit goes to port 0")]
fn port_zero_is_noticed() {
    say(Transmit::udp(addr("192.0.2.2:0"), 8));
}

/// Wants to know what becomes of what it sends.
#[derive(Default)]
struct Counts {
    outbox: Vec<Transmit>,
    departures: Vec<(u64, Departure)>,
}

impl StateMachine for Counts {
    type Event = ();
    type Received<'d> = ();

    fn handle_datagram(&mut self, _now: Instant, _datagram: Datagram<'_>) {}
    fn handle_timeout(&mut self, _now: Instant) {}

    fn poll_transmit(&mut self, _now: Instant, _buf: &mut [u8]) -> Option<Transmit> {
        self.outbox.pop()
    }

    fn handle_sent(&mut self, id: SendId, departure: Departure) {
        self.departures.push((id.0, departure));
    }

    fn poll_event(&mut self) -> Option<()> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

#[test]
fn who_wants_to_know_hears_when_each_datagram_left() {
    let mut net = Network::new(1);
    let host = net.host(addr(ALICE), Counts::default());
    net.advance(ms(5));
    let train = Transmit {
        id: Some(SendId(7)),
        ..Transmit::udp(addr(BOB), 10).in_segments(4)
    };
    let nowhere = Transmit {
        id: Some(SendId(20)),
        ..Transmit::udp(addr("[2001:db8::2]:6000"), 10)
    };
    net[host].outbox = vec![nowhere, train];
    net.step();
    let sent = Departure::Sent(Instant::from_millis(5));
    assert_eq!(
        net[host].departures,
        [(7, sent), (8, sent), (9, sent), (20, Departure::Dropped)]
    );
}
