//! Streams: they open, carry frames in order whatever the link does, fill up, and end.

use std::time::Duration;

use pollrtc_core::{Flow, FlowEvent, FlowRequest, Framing, Instant, Protocol, RequestId};
use pollrtc_netsim::{Firewall, Host, Link, Network, Socket, Trace, Verdict, Zone};
use quickcheck::quickcheck;

use crate::common::{Pair, addr, drain, ms};

const SERVICE: &str = "192.0.2.2:443";

fn told(net: &mut Network, host: Host<Socket>) -> Vec<FlowEvent> {
    std::iter::from_fn(|| net[host].flow_event()).collect()
}

/// Alice and Bob, who listens.
fn listening(seed: u64, link: Link, protocol: Protocol, framing: Framing) -> Pair {
    let mut pair = Pair::new(seed, link);
    pair.net.listen(pair.bob, addr(SERVICE), protocol, framing);
    pair
}

/// The same with a stream open between them: its two names.
fn connected(seed: u64, link: Link, protocol: Protocol) -> (Pair, Flow, Flow) {
    let mut pair = listening(seed, link, protocol, Framing::Rfc4571);
    pair.net[pair.alice].connect(protocol, addr(SERVICE), Framing::Rfc4571);
    let both = |net: &mut Network| net[pair.alice].stream().is_some() && net[pair.bob].stream().is_some();
    assert!(pair.net.run_until(both, Duration::from_secs(60)), "seed {seed}");
    let streams = [pair.alice, pair.bob].map(|host| pair.net[host].stream().unwrap());
    for host in [pair.alice, pair.bob] {
        told(&mut pair.net, host);
    }
    (pair, streams[0], streams[1])
}

#[test]
fn a_stream_opens_after_a_round_trip_and_has_the_same_ends_on_both_sides() {
    let mut pair = listening(1, Link::new().latency(ms(30)), Protocol::Tcp, Framing::Rfc4571);
    let id = pair.net[pair.alice].connect(Protocol::Tcp, addr(SERVICE), Framing::Rfc4571);
    pair.net.advance(ms(60));
    let Some(FlowEvent::Opened { id: answered, flow }) = pair.net[pair.alice].flow_event() else {
        panic!("not open after a round trip");
    };
    assert_eq!(
        (answered, flow.remote(), flow.protocol()),
        (Some(id), addr(SERVICE), Protocol::Tcp)
    );
    assert_eq!(flow.local().unwrap().ip(), addr("192.0.2.1:1").ip());
    pair.net.advance(ms(30));
    let accepted = Flow::new(Protocol::Tcp, Some(addr(SERVICE)), flow.local().unwrap());
    assert_eq!(
        told(&mut pair.net, pair.bob),
        [FlowEvent::Opened {
            id: None,
            flow: accepted
        }]
    );
}

#[test]
fn tls_takes_a_round_trip_more() {
    let mut pair = listening(1, Link::new().latency(ms(30)), Protocol::Tls, Framing::Stun);
    pair.net[pair.alice].connect(Protocol::Tls, addr(SERVICE), Framing::Stun);
    assert!(pair.net.run_until(|net| net[pair.alice].stream().is_some(), ms(1000)));
    assert_eq!(pair.net.now(), Instant::from_millis(120));
    assert!(pair.net.run_until(|net| net[pair.bob].stream().is_some(), ms(1000)));
    assert_eq!(pair.net.now(), Instant::from_millis(150));
}

#[test]
fn a_port_on_which_nobody_listens_refuses_at_once() {
    let mut pair = Pair::new(1, Link::new().latency(ms(30)));
    let id = pair.net[pair.alice].connect(Protocol::Tcp, addr(SERVICE), Framing::Stun);
    pair.net.advance(ms(60));
    assert_eq!(told(&mut pair.net, pair.alice), [FlowEvent::Failed { id }]);
    assert_eq!(pair.net[pair.alice].stream(), None);
}

/// Linux asks seven times in two minutes.
#[test]
fn an_address_that_nobody_has_fails_after_two_minutes_or_at_once_where_it_is_said() {
    let mut pair = Pair::new(1, Link::new());
    let id = pair.net[pair.alice].connect(Protocol::Tcp, addr("192.0.2.77:443"), Framing::Stun);
    pair.net.advance(Duration::from_secs(126));
    assert!(told(&mut pair.net, pair.alice).is_empty());
    assert_eq!(pair.net.stats().no_route, 7);
    pair.net.advance(Duration::from_secs(1));
    assert_eq!(told(&mut pair.net, pair.alice), [FlowEvent::Failed { id }]);

    pair.net.report_unreachable(Zone::INTERNET);
    let id = pair.net[pair.alice].connect(Protocol::Tcp, addr("192.0.2.77:443"), Framing::Stun);
    pair.net.advance(ms(1));
    assert_eq!(told(&mut pair.net, pair.alice), [FlowEvent::Failed { id }]);
    let id = pair.net[pair.alice].connect(Protocol::Tcp, addr("[2001:db8::2]:443"), Framing::Stun);
    pair.net.advance(ms(1));
    assert_eq!(
        told(&mut pair.net, pair.alice),
        [FlowEvent::Failed { id }],
        "no such family here"
    );
}

#[test]
fn a_request_may_be_given_up() {
    let mut pair = listening(1, Link::new().latency(ms(30)), Protocol::Tcp, Framing::Stun);
    let id = pair.net[pair.alice].connect(Protocol::Tcp, addr(SERVICE), Framing::Stun);
    pair.net.advance(ms(10));
    pair.net[pair.alice].request(FlowRequest::Cancel(id));
    pair.net.advance(Duration::from_secs(300));
    for host in [pair.alice, pair.bob] {
        assert!(told(&mut pair.net, host).is_empty());
    }
    assert!(!pair.net.step(), "no timer is left");
}

fn bad_link() -> Link {
    Link::new()
        .latency(ms(20))
        .jitter(ms(10))
        .loss(0.1)
        .duplication(0.05)
        .reordering(0.1, ms(20))
        .corruption(0.05)
}

quickcheck! {
    /// For every link that lets something through: all frames come, whole, in order, once.
    fn frames_arrive_in_order(seed: u64, sizes: Vec<u16>, secured: bool) -> bool {
        let protocol = if secured { Protocol::Tls } else { Protocol::Tcp };
        let (mut pair, stream, _) = connected(seed, bad_link(), protocol);
        let frames: Vec<Vec<u8>> = (0u8..).zip(&sizes).map(|(n, size)| vec![n; usize::from(*size % 6000) + 1]).collect();
        let (mut sent, mut writable) = (0, true);
        let mut got = Vec::new();
        while got.len() < frames.len() {
            for event in told(&mut pair.net, pair.alice) {
                writable = event == FlowEvent::Writable(stream);
            }
            if sent < frames.len() && writable {
                pair.net[pair.alice].send_on(stream, &frames[sent]);
                sent += 1;
                pair.net.advance(ms(1));
            } else {
                pair.net.advance(ms(200));
            }
            got.extend(drain(&mut pair.net, pair.bob).into_iter().map(|arrival| arrival.payload));
            if pair.net.now() > Instant::from_millis(600_000) {
                return false;
            }
        }
        got == frames
    }
}

/// Loss becomes delay: the frame behind a lost one waits for it.
#[test]
fn a_lost_segment_holds_up_those_behind_it() {
    let (mut pair, stream, _) = connected(1, Link::new().latency(ms(50)), Protocol::Tcp);
    let mut count = 0;
    pair.net.intercept(move |packet| {
        count += usize::from(!packet.payload.is_empty());
        if count == 1 && !packet.payload.is_empty() {
            Verdict::Drop
        } else {
            Verdict::Pass
        }
    });
    let start = pair.net.now();
    for n in 0..5u8 {
        pair.net[pair.alice].send_on(stream, &[n; 100]);
        pair.net.advance(ms(10));
    }
    pair.net.advance(ms(1000));
    let got = drain(&mut pair.net, pair.bob);
    assert_eq!(
        got.iter().map(|frame| frame.payload[0]).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4]
    );
    // The third duplicate acknowledgement is that of the fourth frame, which leaves after 30 ms.
    let late = got[0].at - start;
    assert_eq!(late, ms(30 + 100 + 50), "fast retransmit (RFC 5681 §3.2)");
    assert!(got.iter().all(|frame| frame.at == got[0].at));
}

#[test]
fn a_cut_link_ends_the_stream_after_a_hundred_seconds() {
    let (mut pair, stream, _) = connected(1, Link::new().latency(ms(50)), Protocol::Tcp);
    pair.net.set_link(Zone::INTERNET, Link::new().loss(1.0));
    pair.net.advance(Duration::from_secs(1000));
    assert!(
        told(&mut pair.net, pair.alice).is_empty(),
        "an idle stream does not notice"
    );
    pair.net[pair.alice].send_on(stream, b"anybody there?");
    pair.net.advance(Duration::from_secs(99));
    assert!(told(&mut pair.net, pair.alice).is_empty());
    pair.net.advance(Duration::from_secs(60));
    assert_eq!(told(&mut pair.net, pair.alice), [FlowEvent::Closed(stream)]);
}

/// A link of 1 Mbit/s is filled, and hardly more than that.
#[test]
fn a_stream_fills_its_link() {
    let link = Link::new().latency(ms(20)).bandwidth(1_000_000).queue(30_000);
    let (mut pair, stream, _) = connected(1, link, Protocol::Tcp);
    let start = pair.net.now();
    let mut writable = true;
    while pair.net.now() < start + Duration::from_secs(10) {
        for event in told(&mut pair.net, pair.alice) {
            writable = matches!(event, FlowEvent::Writable(_));
        }
        if writable {
            pair.net[pair.alice].send_on(stream, &[0; 1200]);
        }
        pair.net.advance(ms(1));
    }
    let bytes: usize = drain(&mut pair.net, pair.bob)
        .iter()
        .map(|frame| frame.payload.len())
        .sum();
    let share = bytes as f64 * 8.0 / 10_000_000.0;
    assert!((0.85..1.0).contains(&share), "{share}");
    assert_eq!(pair.net.stats().stream_full, 0);
}

/// The one who stops at `Blocked` loses no frame; the one who does not loses whole ones.
#[test]
fn a_full_stream_says_so_and_drops_whole_frames() {
    let (mut pair, stream, _) = connected(1, Link::new().latency(ms(50)).bandwidth(800_000), Protocol::Tcp);
    for n in 0..100u8 {
        pair.net[pair.alice].send_on(stream, &[n; 1000]);
    }
    pair.net.step();
    assert_eq!(told(&mut pair.net, pair.alice), [FlowEvent::Blocked(stream)]);
    assert_eq!(pair.net.stats().stream_full, 34, "66 frames of 1002 bytes reach 65,536");
    assert!(pair.net.run_until(
        |net| net[pair.alice].flow_event() == Some(FlowEvent::Writable(stream)),
        ms(10_000)
    ));
    pair.net[pair.alice].send_on(stream, b"the last one");
    pair.net.advance(Duration::from_secs(10));
    let got = drain(&mut pair.net, pair.bob);
    assert_eq!(got.len(), 67);
    assert!((0..66).all(|n| got[n].payload == [n as u8; 1000]));
    assert_eq!(got[66].payload, b"the last one");
}

#[test]
fn closing_lets_what_was_sent_arrive_first() {
    let (mut pair, stream, accepted) = connected(1, Link::new().latency(ms(50)), Protocol::Tls);
    pair.net[pair.alice].send_on(stream, &[1; 30_000]);
    pair.net[pair.alice].close(stream);
    pair.net.advance(Duration::from_secs(5));
    assert_eq!(drain(&mut pair.net, pair.bob)[0].payload, [1; 30_000]);
    assert_eq!(told(&mut pair.net, pair.alice), [FlowEvent::Closed(stream)]);
    assert_eq!(told(&mut pair.net, pair.bob), [FlowEvent::Closed(accepted)]);
    // What is sent on it now is for nobody.
    pair.net[pair.alice].send_on(stream, b"too late");
    pair.net.advance(ms(1));
    assert_eq!(pair.net.stats().no_stream, 1);
    assert!(!pair.net.step(), "no timer is left");
}

#[test]
fn both_may_close_at_once() {
    let (mut pair, stream, accepted) = connected(1, Link::new().latency(ms(50)), Protocol::Tcp);
    pair.net[pair.alice].close(stream);
    pair.net[pair.bob].close(accepted);
    pair.net.advance(Duration::from_secs(200));
    assert_eq!(told(&mut pair.net, pair.alice), [FlowEvent::Closed(stream)]);
    assert_eq!(told(&mut pair.net, pair.bob), [FlowEvent::Closed(accepted)]);
    assert!(!pair.net.step());
}

#[test]
fn a_crash_is_seen_by_the_other_side() {
    let (mut pair, stream, accepted) = connected(1, Link::new().latency(ms(50)), Protocol::Tcp);
    assert!(pair.net.reset(pair.alice, stream));
    assert!(!pair.net.reset(pair.alice, stream));
    pair.net.advance(ms(50));
    assert_eq!(told(&mut pair.net, pair.alice), [FlowEvent::Closed(stream)]);
    assert_eq!(told(&mut pair.net, pair.bob), [FlowEvent::Closed(accepted)]);
}

/// RFC 8656 §12.5: ChannelData is padded on the way, and only there.
#[test]
fn stun_delimits_itself() {
    let mut pair = listening(1, Link::new(), Protocol::Tcp, Framing::Stun);
    pair.net[pair.alice].connect(Protocol::Tcp, addr(SERVICE), Framing::Stun);
    pair.net.advance(ms(1));
    let stream = pair.net[pair.alice].stream().unwrap();
    let message = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    let channel_data = [&[0x40, 0, 0, 5][..], b"hello"].concat();
    for frame in [&channel_data, &message, &channel_data] {
        pair.net[pair.alice].send_on(stream, frame);
    }
    pair.net.advance(ms(1));
    let got: Vec<_> = drain(&mut pair.net, pair.bob)
        .into_iter()
        .map(|frame| frame.payload)
        .collect();
    assert_eq!(got, [channel_data.clone(), message, channel_data]);
    // What is neither can't be sent there.
    pair.net[pair.alice].send_on(stream, b"neither");
    pair.net.advance(ms(1));
    assert_eq!(pair.net.stats().not_a_frame, 1);
}

#[test]
fn who_does_not_speak_tls_is_cut_off() {
    let mut pair = listening(1, Link::new(), Protocol::Tls, Framing::Rfc4571);
    pair.net[pair.alice].connect(Protocol::Tcp, addr(SERVICE), Framing::Rfc4571);
    pair.net.advance(ms(1));
    let stream = pair.net[pair.alice].stream().expect("TCP opens");
    pair.net[pair.alice].send_on(stream, b"plain text");
    pair.net.advance(ms(1));
    assert_eq!(told(&mut pair.net, pair.alice).last(), Some(&FlowEvent::Closed(stream)));
    assert!(told(&mut pair.net, pair.bob).is_empty(), "nothing was ever open there");
}

/// RFC 1191: what is too long is cut smaller when the network says so; where nobody does, RFC 4821 finds out.
#[test]
fn narrow_links_are_found() {
    for link in [Link::new().mtu(600).report_too_big(), Link::new().mtu(600)] {
        let (mut pair, stream, _) = connected(1, link.latency(ms(10)), Protocol::Tcp);
        pair.net[pair.alice].send_on(stream, &[9; 20_000]);
        pair.net.advance(Duration::from_secs(20));
        assert_eq!(drain(&mut pair.net, pair.bob).len(), 1);
    }
}

/// RFC 9293 §3.5. The system's first port is the same on both sides, so that each can know where to connect.
#[test]
fn both_may_open_at_once() {
    let mut pair = Pair::new(1, Link::new().latency(ms(50)));
    let ports = [pair.alice, pair.bob].map(|host| (host, RequestId(0)));
    pair.net[pair.alice].connect(Protocol::Tcp, addr("192.0.2.2:49152"), Framing::Rfc4571);
    pair.net[pair.bob].connect(Protocol::Tcp, addr("192.0.2.1:49152"), Framing::Rfc4571);
    pair.net.advance(ms(100));
    for (host, id) in ports {
        let events = told(&mut pair.net, host);
        assert!(
            matches!(&events[..], [FlowEvent::Opened { id: Some(opened), .. }] if *opened == id),
            "{events:?}"
        );
    }
    let stream = pair.net[pair.alice].stream().unwrap();
    pair.net[pair.alice].send_on(stream, b"hello");
    pair.net.advance(ms(100));
    assert_eq!(pair.net[pair.bob].recv().unwrap().payload, b"hello");
}

#[test]
fn a_trace_shows_segments_and_errors() {
    let mut net = Network::new(1);
    net.start_trace(Trace::new());
    let alice = net.host(addr("192.0.2.1:5000"), Socket::new());
    let bob = net.host(addr("192.0.2.2:6000"), Socket::new());
    net.set_name(alice, "alice");
    net.set_name(bob, "bob");
    net[alice].connect(Protocol::Tcp, addr("192.0.2.2:443"), Framing::Stun);
    net[alice].send(addr("192.0.2.2:7"), b"closed");
    while net.step() {}
    let text = net.trace().unwrap().to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "0.000000 alice sent 192.0.2.1:5000 > 192.0.2.2:7 len 6 data",
            "0.000000 alice sent 192.0.2.1:49152 > 192.0.2.2:443 len 0 TCP SYN seq 0",
            "0.000000 bob dropped 192.0.2.1:5000 > 192.0.2.2:7 len 6 data (no socket on that port)",
            "0.000000 internet sent 192.0.2.2 > 192.0.2.1 ICMP port unreachable, about 192.0.2.1:5000 > 192.0.2.2:7",
            "0.000000 bob received 192.0.2.1:49152 > 192.0.2.2:443 len 0 TCP SYN seq 0",
            "0.000000 bob sent 192.0.2.2:443 > 192.0.2.1:49152 len 0 TCP RST seq 0 ack 1",
            "0.000000 alice received 192.0.2.2 > 192.0.2.1 ICMP port unreachable, about 192.0.2.1:5000 > 192.0.2.2:7",
            "0.000000 alice received 192.0.2.2:443 > 192.0.2.1:49152 len 0 TCP RST seq 0 ack 1",
        ]
    );
}

/// Only the web works: 443/TCP gets out, and nothing else.
#[test]
fn an_office_where_only_https_gets_out() {
    let mut net = Network::new(1);
    let office = net.firewall(Firewall::https_only());
    let inside = net.host_in(office, addr("192.0.2.1:5000"), Socket::new());
    let server = net.host(addr("192.0.2.2:3478"), Socket::new());
    for (port, protocol) in [(3478, Protocol::Tcp), (443, Protocol::Tls)] {
        net.listen(server, addr(&format!("192.0.2.2:{port}")), protocol, Framing::Stun);
    }
    net[inside].send(addr("192.0.2.2:3478"), b"UDP");
    net[inside].connect(Protocol::Tcp, addr("192.0.2.2:3478"), Framing::Stun);
    net[inside].connect(Protocol::Tls, addr("192.0.2.2:443"), Framing::Stun);
    net.advance(ms(1));
    let events = told(&mut net, inside);
    assert!(
        matches!(
            &events[..],
            [FlowEvent::Opened {
                id: Some(RequestId(1)),
                ..
            }]
        ),
        "{events:?}"
    );
    net.advance(Duration::from_secs(200));
    assert_eq!(told(&mut net, inside), [FlowEvent::Failed { id: RequestId(0) }]);
    assert_eq!(net[server].waiting(), 0);
}

/// A firewall that says no ends an attempt at once; one with a service lets strangers in to that alone.
#[test]
fn firewalls_reject_and_serve() {
    let mut net = Network::new(1);
    let office = net.firewall(Firewall::https_only().reject().allow_in(Protocol::Tcp, 25));
    let inside = net.host_in(office, addr("192.0.2.1:5000"), Socket::new());
    let outside = net.host(addr("192.0.2.2:3478"), Socket::new());
    let id = net[inside].connect(Protocol::Tcp, addr("192.0.2.2:3478"), Framing::Stun);
    for port in [25, 443] {
        net.listen(inside, addr(&format!("192.0.2.1:{port}")), Protocol::Tcp, Framing::Stun);
    }
    net[outside].connect(Protocol::Tcp, addr("192.0.2.1:443"), Framing::Stun);
    net[outside].connect(Protocol::Tcp, addr("192.0.2.1:25"), Framing::Stun);
    net.advance(ms(1));
    assert_eq!(net[inside].flow_event(), Some(FlowEvent::Failed { id }));
    let events = told(&mut net, outside);
    assert!(
        matches!(
            &events[..],
            [FlowEvent::Opened {
                id: Some(RequestId(1)),
                ..
            }]
        ),
        "{events:?}"
    );
}

/// A phone that leaves its wifi keeps its stream, which nobody hears any more, until it gives up.
#[test]
fn an_interface_that_goes_down_takes_its_streams_along() {
    let (mut pair, stream, accepted) = connected(1, Link::new().latency(ms(50)), Protocol::Tcp);
    pair.net.unbind(pair.alice, addr("192.0.2.1:5000"));
    pair.net[pair.alice].send_on(stream, b"into the void");
    pair.net[pair.bob].send_on(accepted, b"to nobody");
    pair.net.advance(Duration::from_secs(200));
    assert!(drain(&mut pair.net, pair.bob).is_empty());
    assert!(pair.net.stats().not_local > 0 && pair.net.stats().no_route > 0);
    assert_eq!(told(&mut pair.net, pair.alice), [FlowEvent::Closed(stream)]);
    assert_eq!(told(&mut pair.net, pair.bob), [FlowEvent::Closed(accepted)]);
}
