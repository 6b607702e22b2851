//! RFC 9260 §5: how an association begins.

mod support;

use pollrtc_core::{Headroom, InnerProtocol};
use pollrtc_sctp::wire::{Cause, Init, Packet, PacketWriter, TAG_REFLECTED, cause, kind};
use pollrtc_sctp::{Association, AssociationState, CloseReason, Event};
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

/// The first chunk of a handshake packet with another parameter behind its own.
fn with_parameter(bytes: &[u8], parameter: u16, value: &[u8]) -> Vec<u8> {
    let packet = Packet::parse(bytes).unwrap();
    let first = packet.chunks().next().unwrap().unwrap();
    let mut buf = [0; 1500];
    let mut writer = PacketWriter::new(&mut buf, 5000, 5000, packet.verification_tag()).unwrap();
    writer.chunk(first.kind(), 0, |body| {
        body.put(first.value());
        body.pad();
        body.put_parameter(parameter, &[value]);
    });
    let len = writer.finish();
    buf[..len].to_vec()
}

/// RFC 9260 §3.2.2.
#[test]
fn unknown_parameters_of_an_init_ack_are_told_behind_the_cookie() {
    let mut pair = Associations::new(config(), config());
    pair.b.rewrite = |bytes| match bytes[12] {
        kind::INIT_ACK => with_parameter(&bytes, 0xFFF0, b"what is this?"),
        _ => bytes,
    };
    pair.a.machine.connect();
    pair.send(0, "hello");
    pair.run_until(ms(1000), |pair| pair.a.events.contains(&Event::Connected));
    let echo = &pair.a.wire[1];
    assert_eq!(kinds(echo), [kind::COOKIE_ECHO, kind::ERROR, kind::DATA]);
    let packet = Packet::parse(echo).unwrap();
    let error = packet.chunks().nth(1).unwrap().unwrap();
    let causes: Vec<_> = Cause::all(error.value()).collect();
    assert_eq!(causes.len(), 1);
    assert_eq!(causes[0].code, cause::UNRECOGNIZED_PARAMETERS);
    assert_eq!(causes[0].information[4..17], *b"what is this?");
    assert_eq!(pair.b.messages(), [(0, "hello".into())]);
}

/// RFC 9260 §3.3.2.1.4: a host name is refused; addresses mean nothing under DTLS (RFC 8261 §6.1).
#[test]
fn a_host_name_is_refused_and_addresses_are_ignored() {
    for (parameter, expected) in [(5, kind::INIT_ACK), (6, kind::INIT_ACK), (11, kind::ABORT)] {
        let mut pair = Associations::new(config(), config());
        pair.a.machine.connect();
        pair.flush();
        let mut init = with_parameter(&pair.a.wire[0], parameter, &[b'a'; 16]);
        let mut machine = Association::new(config(), rng(3));
        machine.handle_body(pair.now, &mut init);
        let mut out = [0; 1500];
        let len = machine.write_body(pair.now, &mut out, Headroom::NONE).unwrap();
        assert_eq!(kinds(&out[..len]), [expected], "parameter {parameter}");
        if expected == kind::ABORT {
            assert_eq!(out[16..18], cause::UNRESOLVABLE_ADDRESS.to_be_bytes());
        }
    }
}

/// RFC 9260 §5.2.4 A: it hears SHUTDOWN ACK and why.
#[test]
fn a_peer_that_begins_anew_while_we_end_hears_that_we_do() {
    let mut tester = Tester::new();
    let new_tag = 4711_u32;
    let mut buf = [0; 1500];
    let mut init = PacketWriter::new(&mut buf, 5000, 5000, 0).unwrap();
    init.chunk(kind::INIT, 0, |body| {
        body.put_u32(new_tag);
        body.put_u32(100_000);
        body.put_u16(10);
        body.put_u16(10);
        body.put_u32(1);
    });
    let len = init.finish();
    tester.give_bytes(&mut buf[..len]);
    let answer = tester.chunks();
    let init_ack = answer.iter().find(|chunk| chunk.0 == kind::INIT_ACK).unwrap();
    let tag = u32::from_be_bytes(init_ack.2[..4].try_into().unwrap());
    let cookie_at = init_ack.2.windows(2).position(|bytes| bytes == [0, 7]).unwrap();
    let cookie_len = usize::from(u16::from_be_bytes(init_ack.2[cookie_at + 2..][..2].try_into().unwrap()));
    let cookie = init_ack.2[cookie_at + 4..cookie_at + cookie_len].to_vec();
    // The life before ends meanwhile.
    tester.give(|packet| {
        packet.chunk(kind::SHUTDOWN, 0, |body| body.put_u32(0xFFFF_FFEF));
    });
    assert!(tester.chunks().iter().any(|chunk| chunk.0 == kind::SHUTDOWN_ACK));
    tester.give_with_tag(tag, |packet| {
        packet.chunk(kind::COOKIE_ECHO, 0, |body| body.put(&cookie));
    });
    let answer = tester.chunks();
    let told: Vec<_> = answer.iter().map(|chunk| chunk.0).collect();
    assert_eq!(told, [kind::ERROR, kind::SHUTDOWN_ACK]);
    let causes: Vec<_> = Cause::all(&answer[0].2).map(|cause| cause.code).collect();
    assert_eq!(causes, [cause::COOKIE_RECEIVED_WHILE_SHUTTING_DOWN]);
    assert!(!tester.events().contains(&Event::Restarted));
}

/// RFC 9260 §8.5.1 E.
#[test]
fn who_waits_for_our_last_word_gets_it_while_we_connect_and_we_go_on() {
    for echoing in [false, true] {
        let mut pair = Associations::new(config(), config());
        pair.a.machine.connect();
        pair.flush();
        if echoing {
            pair.run_for(ms(20));
        }
        let mut buf = [0; 64];
        let mut packet = PacketWriter::new(&mut buf, 5000, 5000, 77).unwrap();
        packet.chunk(kind::SHUTDOWN_ACK, 0, |_| ());
        let len = packet.finish();
        pair.a.machine.handle_body(pair.now, &mut buf[..len]);
        pair.flush();
        let answer = pair
            .a
            .wire
            .iter()
            .find(|packet| packet[12] == kind::SHUTDOWN_COMPLETE)
            .unwrap();
        assert_eq!(answer[13], TAG_REFLECTED);
        assert_eq!(Packet::parse(answer).unwrap().verification_tag(), 77);
        pair.run_until(ms(1000), |pair| pair.a.events.contains(&Event::Connected));
    }
}
