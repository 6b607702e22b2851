//! What a broken or hostile peer sends: dropped and counted, or the end with a reason.

mod support;

use pollrtc_core::{Headroom, InnerProtocol, Instant};
use pollrtc_sctp::wire::{DataHeader, Init, Packet, PacketWriter, cause, checksum, kind};
use pollrtc_sctp::{Association, AssociationState, CloseReason, Event};
use support::*;

#[test]
fn what_is_no_packet_for_us_is_dropped_and_counted() {
    let mut tester = Tester::new();
    tester.give_bytes(&mut []);
    tester.give_bytes(&mut [0; 11]);
    assert_eq!(tester.machine.stats().dropped_malformed, 2);
    tester.give_bytes(&mut [0; 12]);
    assert_eq!(tester.machine.stats().dropped_checksum, 1);
    tester.give(|_| ());
    assert_eq!(tester.machine.stats().dropped_malformed, 3, "a packet without chunks");
    tester.give_with_tag(tester.tag ^ 1, |packet| {
        packet.chunk(kind::COOKIE_ACK, 0, |_| ());
    });
    tester.give_with_tag(tester.tag ^ 1, |packet| {
        packet.chunk(kind::ABORT, 0, |_| ());
    });
    tester.give_with_tag(tester.tag, |packet| {
        packet.chunk(kind::ABORT, 1, |_| ());
    });
    assert_eq!(tester.machine.stats().dropped_tag, 3);
    let mut buf = [0; 64];
    let mut packet = PacketWriter::new(&mut buf, 5000, 5001, tester.tag).unwrap();
    packet.chunk(kind::COOKIE_ACK, 0, |_| ());
    let len = packet.finish();
    tester.give_bytes(&mut buf[..len]);
    assert_eq!(tester.machine.stats().dropped_port, 1);
    assert_eq!(tester.chunks(), []);
    assert_eq!(tester.machine.state(), AssociationState::Connected);
}

#[test]
fn chunk_lengths_that_lie_end_the_packet() {
    for (claimed, body) in [(0u16, 0usize), (3, 4), (9, 4), (65_535, 100)] {
        let mut tester = Tester::new();
        let mut bytes = vec![0; 12];
        bytes[..4].copy_from_slice(&[0x13, 0x88, 0x13, 0x88]);
        bytes[4..8].copy_from_slice(&tester.tag.to_be_bytes());
        bytes.extend([kind::COOKIE_ACK, 0, 0, 4]);
        bytes.extend([kind::HEARTBEAT, 0]);
        bytes.extend(claimed.to_be_bytes());
        bytes.extend(vec![0; body]);
        let sum = checksum(&bytes);
        bytes[8..12].copy_from_slice(&sum);
        tester.give_bytes(&mut bytes);
        assert_eq!(tester.machine.stats().dropped_malformed, 1, "{claimed}");
        assert_eq!(tester.chunks(), []);
    }
}

#[test]
fn padding_that_is_missing_or_not_zero_is_accepted() {
    for padding in [&[][..], &[1], &[1, 2, 3]] {
        let mut tester = Tester::new();
        let mut buf = [0; 64];
        let mut packet = PacketWriter::new(&mut buf, 5000, 5000, tester.tag).unwrap();
        let header = DataHeader {
            beginning: true,
            ending: true,
            tsn: tester.tsn,
            unordered: true,
            ..DataHeader::default()
        };
        packet.data(&header, b"x");
        packet.finish();
        let mut bytes = buf[..29].to_vec();
        bytes.extend(padding);
        bytes[8..12].fill(0);
        let sum = checksum(&bytes);
        bytes[8..12].copy_from_slice(&sum);
        tester.give_bytes(&mut bytes);
        assert!(matches!(tester.machine.poll_event(), Some(Event::Message { .. })));
    }
}

#[test]
fn unknown_chunks_do_as_their_highest_bits_say() {
    for (unknown, goes_on, reported) in [
        (0x3F, false, false),
        (0x7F, false, true),
        (0xBF, true, false),
        (0xFF, true, true),
    ] {
        let mut tester = Tester::new();
        let header = DataHeader {
            beginning: true,
            ending: true,
            tsn: tester.tsn,
            unordered: true,
            ..DataHeader::default()
        };
        tester.give(|packet| {
            packet.chunk(unknown, 0, |body| body.put(b"what is this?"));
            packet.data(&header, b"behind");
        });
        assert_eq!(tester.machine.poll_event().is_some(), goes_on, "{unknown:#x}");
        let causes = tester.causes(kind::ERROR);
        let expected: &[u16] = if reported {
            &[cause::UNRECOGNIZED_CHUNK_TYPE]
        } else {
            &[]
        };
        assert_eq!(causes, expected, "{unknown:#x}");
        assert_eq!(tester.machine.stats().unknown_chunks, 1);
    }
}

#[test]
fn an_answer_to_an_unknown_chunk_is_not_larger_than_it() {
    let mut tester = Tester::new();
    tester.give(|packet| {
        for _ in 0..20 {
            packet.chunk(0xFF, 0, |body| body.put(&[7; 50]));
        }
    });
    let bytes: usize = tester.chunks().iter().map(|chunk| chunk.2.len() + 4).sum();
    assert!(bytes <= 300, "{bytes}");
}

#[test]
fn data_without_data_ends_the_association() {
    let mut tester = Tester::new();
    tester.data(0, 3, 0, b"");
    assert_eq!(tester.causes(kind::ABORT), [cause::NO_USER_DATA]);
    assert!(matches!(tester.end(), CloseReason::ProtocolViolation(_)));
}

#[test]
fn data_for_a_stream_that_is_not_there_is_acknowledged_and_reported() {
    let mut tester = Tester::with(config().with_inbound_streams(10));
    tester.data(0, 3, 10, b"x");
    tester.data(1, 3, 9, b"y");
    let causes = tester.causes(kind::ERROR);
    assert_eq!(causes, [cause::INVALID_STREAM_IDENTIFIER]);
    let Some(Event::Message { stream: 9, .. }) = tester.machine.poll_event() else {
        panic!("stream 9 is there");
    };
    assert_eq!(tester.machine.poll_event(), None);
}

#[test]
fn fragments_that_do_not_fit_together_end_the_association() {
    let first_then_first: &[(u32, u8)] = &[(0, 2), (1, 2)];
    let middle_without_first: &[(u32, u8)] = &[(0, 0)];
    let end_without_first: &[(u32, u8)] = &[(0, 1)];
    let first_after_a_gap_then_first: &[(u32, u8)] = &[(1, 2), (2, 2)];
    let end_before_middle: &[(u32, u8)] = &[(1, 1), (2, 0)];
    let whole_in_the_middle: &[(u32, u8)] = &[(0, 2), (2, 1), (1, 3)];
    for (script, end_it) in [
        (first_then_first, true),
        (middle_without_first, true),
        (end_without_first, true),
        (first_after_a_gap_then_first, true),
        (end_before_middle, true),
        (whole_in_the_middle, true),
    ] {
        let mut tester = Tester::new();
        for (offset, flags) in script {
            tester.data(*offset, *flags, 0, b"xx");
        }
        assert_eq!(
            tester.causes(kind::ABORT) == [cause::PROTOCOL_VIOLATION],
            end_it,
            "{script:?}"
        );
        assert!(matches!(tester.end(), CloseReason::ProtocolViolation(_)), "{script:?}");
    }
}

#[test]
fn fragments_of_different_streams_are_never_joined() {
    let mut tester = Tester::new();
    tester.data(0, 2, 0, b"one");
    tester.data(1, 1, 1, b"other");
    assert!(matches!(tester.end(), CloseReason::ProtocolViolation(_)));
}

#[test]
fn memory_stays_within_the_window_whatever_is_left_unfinished() {
    // One-byte fragments, each second number missing, for ever.
    let mut tester = Tester::with(config().with_receive_window(100_000));
    for n in 0..5000 {
        tester.data(1 + 2 * n, 0x04 | 0x02, 0, b"x");
    }
    let taken = tester.machine.stats().chunks_received - tester.machine.stats().dropped_data;
    assert!(taken <= 100_000 / 128 + 2, "{taken} fragments are held");
    assert!(tester.machine.stats().dropped_data > 4000);
}

#[test]
fn a_window_full_of_fragments_takes_the_one_that_is_missing() {
    let own = config().with_receive_window(20_000);
    let mut tester = Tester::with(own);
    // A message of 19 packets: all but the first come, and fill the window.
    for n in 1..18 {
        tester.data(n, 0x04, 0, &[7; 1100]);
    }
    tester.data(18, 0x04 | 0x01, 0, &[7; 1100]);
    tester.data(0, 0x04 | 0x02, 0, &[7; 1100]);
    let Some(Event::Message { data, .. }) = tester.machine.poll_event() else {
        panic!("the message is whole");
    };
    assert_eq!(data.len(), 19 * 1100);
}

#[test]
fn order_that_never_comes_ends_the_association_when_memory_does() {
    let own = config().with_receive_window(20_000).with_max_message_size(20_000);
    let mut tester = Tester::with(own);
    for n in 0..200 {
        let header = DataHeader {
            beginning: true,
            ending: true,
            tsn: tester.tsn.wrapping_add(n),
            ssn: 100 + n as u16,
            ..DataHeader::default()
        };
        tester.give(|packet| {
            packet.data(&header, &[0; 1000]);
        });
    }
    assert_eq!(tester.causes(kind::ABORT), [cause::OUT_OF_RESOURCE]);
    assert_eq!(tester.end(), CloseReason::OutOfResource);
}

#[test]
fn forward_tsn_into_the_far_future_costs_nothing_and_old_ones_are_ignored() {
    let mut tester = Tester::new();
    let far = tester.tsn.wrapping_add((1 << 31) - 2);
    for tsn in [
        tester.tsn.wrapping_sub(1),
        tester.tsn.wrapping_sub(1000),
        far,
        tester.tsn,
    ] {
        tester.give(|packet| {
            packet.chunk(kind::FORWARD_TSN, 0, |body| body.put_u32(tsn));
        });
    }
    tester.tsn = far.wrapping_add(1);
    tester.data(0, 3, 5, b"goes on");
    assert!(matches!(tester.machine.poll_event(), Some(Event::Message { .. })));
}

#[test]
fn heartbeats_are_answered_as_they_are_unless_they_are_no_parameter_or_huge() {
    let mut tester = Tester::new();
    tester.give(|packet| {
        packet.chunk(kind::HEARTBEAT, 0, |body| body.put_parameter(1, &[b"my own business"]));
    });
    let answer = tester.chunks();
    assert_eq!(answer.len(), 1);
    assert_eq!(
        (answer[0].0, &answer[0].2[4..]),
        (kind::HEARTBEAT_ACK, &b"my own business"[..])
    );
    tester.give(|packet| {
        packet.chunk(kind::HEARTBEAT, 0, |_| ());
    });
    tester.give(|packet| {
        packet.chunk(kind::HEARTBEAT, 0, |body| body.put(&[0; 1200]));
    });
    tester.give(|packet| {
        packet.chunk(kind::HEARTBEAT_ACK, 0, |body| body.put_parameter(1, &[&[0; 8]]));
    });
    assert_eq!(tester.chunks(), []);
    assert_eq!(tester.machine.stats().dropped_malformed, 2);
    assert_eq!(tester.machine.stats().dropped_unexpected, 1);
}

#[test]
fn every_request_to_reconfigure_is_answered() {
    let mut tester = Tester::new();
    let mut sequence = 0xFFFF_FFF0u32;
    let result = |tester: &mut Tester| {
        let chunks = tester.chunks();
        let answer = chunks.iter().find(|chunk| chunk.0 == kind::RE_CONFIG).unwrap();
        u32::from_be_bytes(answer.2[8..12].try_into().unwrap())
    };
    for other in [14, 15, 17, 18] {
        tester.give(|packet| {
            packet.chunk(kind::RE_CONFIG, 0, |body| {
                body.put_parameter(other, &[&sequence.to_be_bytes(), &[0, 1, 0, 0]]);
            });
        });
        assert_eq!(result(&mut tester), 2, "denied: {other}");
        sequence = sequence.wrapping_add(1);
    }
    let reset = |tester: &mut Tester, sequence: u32, last: u32| {
        tester.give(|packet| {
            packet.chunk(kind::RE_CONFIG, 0, |body| {
                let fields = [sequence.to_be_bytes(), [0; 4], last.to_be_bytes()].concat();
                body.put_parameter(13, &[&fields, &[0, 0]]);
            });
        });
    };
    let last = tester.tsn.wrapping_sub(1);
    reset(&mut tester, sequence.wrapping_add(5), last);
    assert_eq!(result(&mut tester), 5, "bad sequence number");
    reset(&mut tester, sequence, last.wrapping_add(1));
    assert_eq!(result(&mut tester), 6, "in progress: DATA is missing");
    reset(&mut tester, sequence, last.wrapping_add(1));
    assert_eq!(result(&mut tester), 6, "still");
    tester.data(0, 3, 5, b"the missing one");
    assert_eq!(result(&mut tester), 1, "performed");
    reset(&mut tester, sequence, last.wrapping_add(1));
    assert_eq!(result(&mut tester), 1, "told again, not done again");
    let mut events = std::iter::from_fn(|| tester.machine.poll_event());
    assert!(matches!(events.next(), Some(Event::Message { .. })));
    assert!(matches!(events.next(), Some(Event::IncomingReset(_))));
    assert_eq!(events.next(), None);
}

#[test]
fn an_init_that_is_not_alone_or_has_impossible_values_leaves_no_trace() {
    let mut machine = Association::new(config(), rng(1));
    let now = Instant::from_millis(5);
    let mut init = |tag: u32, rwnd: u32, os: u16, mis: u16, vtag: u32, company: bool| {
        let mut buf = [0; 200];
        let mut packet = PacketWriter::new(&mut buf, 5000, 5000, vtag).unwrap();
        packet.chunk(kind::INIT, 0, |body| {
            body.put_u32(tag);
            body.put_u32(rwnd);
            body.put_u16(os);
            body.put_u16(mis);
            body.put_u32(1);
        });
        if company {
            packet.chunk(kind::COOKIE_ACK, 0, |_| ());
        }
        let len = packet.finish();
        machine.handle_body(now, &mut buf[..len]);
        let mut out = [0; 1500];
        let sent = machine.write_body(now, &mut out, Headroom::NONE);
        assert_eq!(machine.state(), AssociationState::New);
        sent.map(|_| out[12])
    };
    assert_eq!(init(7, 1500, 1, 1, 0, false), Some(kind::INIT_ACK));
    assert_eq!(init(7, 1500, 1, 1, 0, true), None);
    assert_eq!(init(7, 1500, 1, 1, 5, false), None);
    assert_eq!(init(0, 1500, 1, 1, 0, false), None);
    assert_eq!(init(7, 1499, 1, 1, 0, false), Some(kind::ABORT));
    assert_eq!(init(7, 1500, 0, 1, 0, false), Some(kind::ABORT));
    assert_eq!(init(7, 1500, 1, 0, 0, false), Some(kind::ABORT));
}

#[test]
fn cookies_that_are_forged_or_stale_are_not_taken() {
    let mut pair = Associations::new(config(), config());
    pair.a.machine.connect();
    pair.run_for(ms(21));
    let echo = pair.a.wire.last().unwrap().clone();
    assert_eq!(echo[12], kind::COOKIE_ECHO);
    let mut b = Association::new(config(), rng(2));
    // The same secrets as b's, so the cookie is right, but a minute and more later.
    let late = pair.now + ms(120_000);
    b.handle_body(late, &mut echo.clone());
    assert_eq!(b.state(), AssociationState::New);
    let mut buf = [0; 1500];
    assert!(b.write_body(late, &mut buf, Headroom::NONE).is_some());
    assert_eq!(buf[12], kind::ERROR);
    // Any bit of it changed: not ours.
    for at in 16..echo.len() {
        let mut forged = echo.clone();
        forged[at] ^= 0x10;
        forged[8..12].fill(0);
        let sum = checksum(&forged);
        forged[8..12].copy_from_slice(&sum);
        b.handle_body(pair.now, &mut forged);
        assert_eq!(b.state(), AssociationState::New);
    }
    assert_eq!(b.write_body(late, &mut buf, Headroom::NONE), None);
    b.handle_body(pair.now, &mut echo.clone());
    assert_eq!(b.state(), AssociationState::New, "time does not go back");
}

#[test]
fn an_init_ack_without_a_cookie_ends_the_attempt() {
    let mut pair = Associations::new(config(), config());
    pair.a.machine.connect();
    pair.flush();
    let init = pair.a.wire[0].clone();
    let tag = u32::from_be_bytes(init[16..20].try_into().unwrap());
    let mut buf = [0; 200];
    let mut packet = PacketWriter::new(&mut buf, 5000, 5000, tag).unwrap();
    packet.chunk(kind::INIT_ACK, 0, |body| {
        body.put_u32(9);
        body.put_u32(10_000);
        body.put_u16(1);
        body.put_u16(1);
        body.put_u32(1);
    });
    let len = packet.finish();
    let a = &mut pair.a.machine;
    a.handle_body(pair.now, &mut buf[..len]);
    assert!(matches!(
        a.poll_event(),
        Some(Event::Closed(CloseReason::ProtocolViolation(_)))
    ));
    let mut out = [0; 1500];
    a.write_body(pair.now, &mut out, Headroom::NONE).unwrap();
    assert_eq!(out[12], kind::ABORT);
    assert_eq!(&out[16..18], &cause::MISSING_MANDATORY_PARAMETER.to_be_bytes());
}

#[test]
fn strangers_are_not_answered() {
    let mut machine = Association::new(config(), rng(1));
    let now = Instant::ZERO;
    for chunk in [
        kind::DATA,
        kind::SACK,
        kind::ABORT,
        kind::COOKIE_ACK,
        kind::ERROR,
        kind::SHUTDOWN_COMPLETE,
        kind::SHUTDOWN,
    ] {
        let mut buf = [0; 64];
        let mut packet = PacketWriter::new(&mut buf, 5000, 5000, 77).unwrap();
        packet.chunk(chunk, 0, |body| body.put(&[0; 16]));
        let len = packet.finish();
        machine.handle_body(now, &mut buf[..len]);
        assert_eq!(machine.write_body(now, &mut [0; 1500], Headroom::NONE), None, "{chunk}");
    }
    // But for one: whoever asks us to let go (RFC 9260 §8.4).
    let mut buf = [0; 64];
    let mut packet = PacketWriter::new(&mut buf, 5000, 5000, 77).unwrap();
    packet.chunk(kind::SHUTDOWN_ACK, 0, |_| ());
    let len = packet.finish();
    machine.handle_body(now, &mut buf[..len]);
    let mut out = [0; 1500];
    assert!(machine.write_body(now, &mut out, Headroom::NONE).is_some());
    assert_eq!((out[12], out[13]), (kind::SHUTDOWN_COMPLETE, 1));
}

#[test]
fn unknown_parameters_of_an_init_do_as_their_highest_bits_say() {
    let mut machine = Association::new(config(), rng(1));
    let mut buf = [0; 300];
    let mut packet = PacketWriter::new(&mut buf, 5000, 5000, 0).unwrap();
    packet.chunk(kind::INIT, 0, |body| {
        body.put_u32(7);
        body.put_u32(100_000);
        body.put_u16(10);
        body.put_u16(10);
        body.put_u32(1);
        body.put_parameter(0xBFF0, &[b"skip me"]);
        body.put_parameter(0xFFF0, &[b"skip me and tell"]);
        body.put_parameter(0x7FF0, &[b"stop and tell"]);
        body.put_parameter(0xFFF1, &[b"never read"]);
    });
    let len = packet.finish();
    machine.handle_body(Instant::ZERO, &mut buf[..len]);
    let mut out = [0; 1500];
    let len = machine.write_body(Instant::ZERO, &mut out, Headroom::NONE).unwrap();
    let packet = Packet::parse(&out[..len]).unwrap();
    let chunk = packet.chunks().next().unwrap().unwrap();
    assert_eq!(chunk.kind(), kind::INIT_ACK);
    let told: Vec<u16> = Init::parse(&chunk)
        .unwrap()
        .parameters
        .filter(|parameter| parameter.kind == 8)
        .map(|parameter| u16::from_be_bytes(parameter.value[..2].try_into().unwrap()))
        .collect();
    assert_eq!(told, [0xFFF0, 0x7FF0]);
}

#[test]
fn an_abort_under_the_peers_own_tag_is_taken_with_the_t_bit_only() {
    let mut tester = Tester::new();
    tester.machine.send(0, 51, "x".into(), Default::default()).unwrap();
    let mut buf = [0; 1500];
    let len = tester.machine.write_body(tester.now, &mut buf, Headroom::NONE).unwrap();
    let peers = Packet::parse(&buf[..len]).unwrap().verification_tag();
    tester.give_with_tag(peers, |packet| {
        packet.chunk(kind::ABORT, 0, |_| ());
    });
    assert_eq!(tester.machine.state(), AssociationState::Connected);
    tester.give_with_tag(peers, |packet| {
        packet.chunk(kind::ABORT, 1, |body| body.put_parameter(0x7777, &[]));
    });
    let reason = CloseReason::PeerAborted {
        code: 0x7777,
        reason: String::new(),
    };
    assert_eq!(tester.end(), reason);
}

#[test]
fn errors_of_the_peer_are_told_and_end_nothing() {
    let mut tester = Tester::new();
    tester.give(|packet| {
        packet.chunk(kind::ERROR, 0, |body| {
            body.put_parameter(cause::UNRECOGNIZED_CHUNK_TYPE, &[&[0xFF, 0, 0, 4]])
        });
    });
    let told = Event::PeerError {
        code: cause::UNRECOGNIZED_CHUNK_TYPE,
    };
    assert_eq!(tester.machine.poll_event(), Some(told));
    assert_eq!(tester.machine.state(), AssociationState::Connected);
}

#[test]
fn a_shutdown_that_comes_before_the_last_data_waits_for_it() {
    // dcsctp asks to end while a gap is open, or in the middle of a message.
    let mut tester = Tester::new();
    tester.data(0, 2 | 4, 0, b"first half, ");
    tester.give(|packet| {
        packet.chunk(kind::SHUTDOWN, 0, |body| body.put_u32(0xFFFF_FFEF));
    });
    assert!(tester.chunks().iter().all(|chunk| chunk.0 != kind::SHUTDOWN_ACK));
    tester.data(1, 1 | 4, 0, b"second half");
    assert!(tester.chunks().iter().any(|chunk| chunk.0 == kind::SHUTDOWN_ACK));

    let mut tester = Tester::new();
    tester.data(1, 3 | 4, 0, b"second");
    tester.give(|packet| {
        packet.chunk(kind::SHUTDOWN, 0, |body| body.put_u32(0xFFFF_FFEF));
    });
    let kinds = |tester: &mut Tester| tester.chunks().iter().map(|chunk| chunk.0).collect::<Vec<_>>();
    assert_eq!(kinds(&mut tester), [kind::SACK]);
    tester.data(0, 3 | 4, 0, b"first");
    assert_eq!(kinds(&mut tester), [kind::SHUTDOWN_ACK, kind::SACK]);
    let messages = std::iter::from_fn(|| tester.machine.poll_event());
    let messages = messages.filter(|event| matches!(event, Event::Message { .. }));
    assert_eq!(messages.count(), 2);
}

#[test]
fn a_deferred_reset_may_be_asked_for_again_under_the_next_number() {
    // dcsctp does not repeat the number, as RFC 6525 would have it.
    let mut tester = Tester::new();
    let last = tester.tsn;
    let ask = |tester: &mut Tester, sequence: u32| {
        tester.give(|packet| {
            packet.chunk(kind::RE_CONFIG, 0, |body| {
                let fields = [sequence.to_be_bytes(), [0; 4], last.to_be_bytes()].concat();
                body.put_parameter(13, &[&fields, &[0, 1]]);
            });
        });
        let chunks = tester.chunks();
        let answer = chunks.iter().find(|chunk| chunk.0 == kind::RE_CONFIG).unwrap();
        answer.2[4..12].to_vec()
    };
    let told = |sequence: u32, result: u32| [sequence.to_be_bytes(), result.to_be_bytes()].concat();
    assert_eq!(ask(&mut tester, 0xFFFF_FFF0), told(0xFFFF_FFF0, 6), "in progress");
    assert_eq!(ask(&mut tester, 0xFFFF_FFF1), told(0xFFFF_FFF1, 6), "in progress");
    assert_eq!(ask(&mut tester, 0xFFFF_FFF3), told(0xFFFF_FFF3, 5), "not the next one");
    tester.data(0, 3 | 4, 2, b"the missing one");
    let answer = tester.chunks();
    let answer = answer.iter().find(|chunk| chunk.0 == kind::RE_CONFIG).unwrap();
    assert_eq!(answer.2[4..12], told(0xFFFF_FFF1, 1), "performed");
    assert_eq!(ask(&mut tester, 0xFFFF_FFF1), told(0xFFFF_FFF1, 1), "performed");
    let resets = std::iter::from_fn(|| tester.machine.poll_event());
    let resets = resets.filter(|event| matches!(event, Event::IncomingReset(_)));
    assert_eq!(resets.count(), 1);
}
