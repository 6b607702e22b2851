//! RFC 9260 §5: how an association begins.

mod support;

use pollrtc_core::{Headroom, InnerProtocol};
use pollrtc_sctp::wire::{Init, Packet, PacketWriter, kind};
use pollrtc_sctp::{AssociationState, CloseReason, Event};
use support::*;

fn kinds(packet: &[u8]) -> Vec<u8> {
    let packet = Packet::parse(packet).unwrap();
    packet.chunks().map(|chunk| chunk.unwrap().kind()).collect()
}

#[test]
fn four_packets_and_both_agree() {
    let mut pair = Associations::new(config(), config());
    pair.a.machine.connect();
    assert_eq!(pair.a.machine.state(), AssociationState::Connecting);
    pair.run_until(ms(1000), |pair| pair.a.events.contains(&Event::Connected));
    assert_eq!(pair.a.events, [Event::Connected]);
    assert_eq!(pair.b.events, [Event::Connected]);
    let a: Vec<_> = pair.a.wire.iter().map(|packet| kinds(packet)).collect();
    let b: Vec<_> = pair.b.wire.iter().map(|packet| kinds(packet)).collect();
    assert_eq!(a, [[kind::INIT], [kind::COOKIE_ECHO]]);
    assert_eq!(b, [[kind::INIT_ACK], [kind::COOKIE_ACK]]);
}

/// webrtc-rs takes a last parameter of four bytes for a chunk, and drops the packet: it never heard an INIT of ours.
#[test]
fn the_last_parameter_of_an_offer_is_more_than_a_header() {
    let mut pair = Associations::new(config(), config());
    pair.a.machine.connect();
    pair.run_for(ms(1000));
    for packet in [&pair.a.wire[0], &pair.b.wire[0]] {
        let packet = Packet::parse(packet).unwrap();
        let offer = packet.chunks().next().unwrap().unwrap();
        assert!(matches!(offer.kind(), kind::INIT | kind::INIT_ACK));
        let last = Init::parse(&offer).unwrap().parameters.last().unwrap();
        assert!(!last.value.is_empty(), "parameter {:#x}", last.kind);
    }
}

#[test]
fn data_rides_with_cookie_echo_and_with_cookie_ack() {
    let mut pair = Associations::new(config(), config());
    let start = pair.now;
    pair.a.machine.connect();
    pair.send(0, "from a");
    let options = Default::default();
    pair.b.machine.send(0, 51, "from b".into(), options).unwrap();
    pair.run_until(ms(1000), |pair| !pair.b.messages().is_empty());
    assert_eq!(pair.now - start, ms(30), "one and a half round trips");
    pair.run_until(ms(1000), |pair| !pair.a.messages().is_empty());
    assert_eq!(pair.now - start, ms(40), "two round trips");
}

#[test]
fn lost_init_is_sent_again_unchanged_and_later_each_time() {
    let mut pair = Associations::new(config(), config());
    pair.a.lose = vec![0, 1];
    pair.connect();
    let mut pair = Associations::new(config(), config());
    pair.faults.loss = 1000;
    pair.a.machine.connect();
    pair.run_for(ms(10_000));
    let times = pair.a.wire.len();
    // At 0, 1, 3, 6 and 9 s: the timeout doubles up to its bound of 3 s.
    assert_eq!(times, 5);
    assert!(pair.a.wire.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn attempts_to_connect_end() {
    let mut pair = Associations::new(config(), config());
    pair.faults.loss = 1000;
    pair.a.machine.connect();
    pair.run_for(ms(100_000));
    assert_eq!(pair.a.events, [Event::Closed(CloseReason::ConnectTimeout)]);
    assert_eq!(pair.a.sent, 9, "once, and 8 times again");
}

#[test]
fn attempts_to_connect_never_end_if_so_configured() {
    let patient = config().with_max_init_retransmits(None);
    let mut pair = Associations::new(patient, config());
    pair.faults.loss = 1000;
    pair.a.machine.connect();
    pair.run_for(ms(600_000));
    assert_eq!(pair.a.events, []);
    pair.faults.loss = 0;
    pair.run_until(ms(10_000), |pair| pair.a.events.contains(&Event::Connected));
}

#[test]
fn any_one_lost_packet_of_the_handshake_is_repaired_and_no_data_is_lost() {
    for (from_a, nth) in [(true, 0), (true, 1), (false, 0), (false, 1)] {
        let mut pair = Associations::new(config(), config());
        if from_a {
            pair.a.lose = vec![nth];
        } else {
            pair.b.lose = vec![nth];
        }
        pair.a.machine.connect();
        pair.send(3, "hello");
        pair.run_until(ms(10_000), |pair| {
            pair.a.events.contains(&Event::Connected) && !pair.b.messages().is_empty()
        });
        assert_eq!(pair.b.messages(), [(3, "hello".into())], "{from_a} {nth}");
    }
}

#[test]
fn a_million_inits_leave_no_trace() {
    // A stranger's INITs are answered a few at a time; those beyond are not even queued.
    let mut pair = Associations::new(config(), config());
    pair.a.machine.connect();
    pair.flush();
    let init = pair.a.wire[0].clone();
    for _ in 0..100_000 {
        let mut copy = init.clone();
        pair.b.machine.handle_body(pair.now, &mut copy);
    }
    assert_eq!(pair.b.machine.state(), AssociationState::New);
    pair.flush();
    assert_eq!(pair.b.sent, 4);
}

#[test]
fn stream_counts_are_what_both_can_do() {
    let few = config().with_outbound_streams(10).with_inbound_streams(20);
    let mut pair = Associations::new(few, config());
    pair.connect();
    assert_eq!(pair.a.machine.outbound_streams(), 10);
    assert_eq!(pair.b.machine.outbound_streams(), 20);
}

#[test]
fn duplicated_handshake_packets_change_nothing() {
    let mut pair = Associations::new(config(), config()).with_faults(
        LinkFaults {
            duplication: 1000,
            ..LinkFaults::default()
        },
        1,
    );
    pair.a.machine.connect();
    pair.send(0, "once");
    pair.run_for(ms(5000));
    let connected = pair.a.events.iter().filter(|event| **event == Event::Connected);
    assert_eq!(connected.count(), 1);
    assert_eq!(pair.b.messages(), [(0, "once".into())]);
}

#[test]
fn restarted_peer_is_taken_back_and_reported() {
    let mut pair = Associations::connected();
    pair.send(0, "before");
    pair.run_for(ms(500));
    // A new process at the same address knows nothing of it.
    pair.a.machine = pollrtc_sctp::Association::new(config(), rng(9));
    pair.a.machine.connect();
    pair.send(0, "after");
    pair.run_until(ms(5000), |pair| pair.a.events.contains(&Event::Connected));
    pair.run_for(ms(500));
    assert!(pair.b.events.contains(&Event::Restarted));
    let messages = [(0, "before".into()), (0, "after".into())];
    assert_eq!(pair.b.messages(), messages);
    let options = Default::default();
    pair.b.machine.send(0, 51, "welcome back".into(), options).unwrap();
    pair.run_for(ms(500));
    assert_eq!(pair.a.messages(), [(0, "welcome back".into())]);
}

#[test]
fn cookies_as_long_as_those_of_other_stacks_are_echoed_whole() {
    for (cookie_len, mtu) in [(700, 1152), (1100, 1152), (700, 512)] {
        let mut pair = Associations::new(config().with_max_packet(mtu), config());
        pair.a.machine.connect();
        pair.send(0, numbered(0, 1000));
        pair.flush();
        let tag = u32::from_be_bytes(pair.a.wire[0][16..20].try_into().unwrap());
        let cookie = vec![9; cookie_len];
        let mut buf = [0; 1400];
        let mut packet = PacketWriter::new(&mut buf, 5000, 5000, tag).unwrap();
        packet.chunk(kind::INIT_ACK, 0, |body| {
            body.put_u32(9);
            body.put_u32(100_000);
            body.put_u16(100);
            body.put_u16(100);
            body.put_u32(1);
            body.put_parameter(7, &[&cookie]);
        });
        let len = packet.finish();
        let a = &mut pair.a.machine;
        a.handle_body(pair.now, &mut buf[..len]);
        let mut out = [0; 1500];
        let len = a.write_body(pair.now, &mut out, Headroom::NONE).unwrap();
        let packet = Packet::parse(&out[..len]).unwrap();
        let first = packet.chunks().next().unwrap().unwrap();
        assert_eq!((first.kind(), first.value()), (kind::COOKIE_ECHO, &cookie[..]));
        assert!(len <= mtu.max(cookie_len + 16));
    }
}

#[test]
fn data_behind_a_cookie_that_grew_too_old_is_sent_once_the_association_stands() {
    let mut pair = Associations::new(patient(), patient());
    pair.a.machine.connect();
    pair.send(1, numbered(0, 3000));
    pair.send(2, "on another stream");
    pair.run_until(ms(1000), |pair| pair.a.sent == 2);
    assert_eq!(kinds(&pair.a.wire[1]), [kind::COOKIE_ECHO, kind::DATA]);
    // The path is gone for longer than the cookie is good for.
    pair.drop_in_flight();
    pair.faults.loss = 1000;
    pair.run_for(ms(61_000));
    pair.send(1, numbered(1, 3000));
    pair.faults.loss = 0;
    pair.run_for(ms(10_000));
    assert_eq!(pair.b.machine.stats().dropped_cookie, 1);
    let mut messages = pair.b.messages();
    messages.sort_by_key(|(stream, _)| *stream);
    let expected = [
        (1, numbered(0, 3000)),
        (1, numbered(1, 3000)),
        (2, "on another stream".into()),
    ];
    assert_eq!(messages, expected);
    assert_eq!(pair.a.machine.buffered_amount(1), 0);
}
