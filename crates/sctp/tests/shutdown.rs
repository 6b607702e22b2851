//! RFC 9260 §9: how an association ends.

mod support;

use pollrtc_core::InnerProtocol;
use pollrtc_sctp::wire::kind;
use pollrtc_sctp::{AssociationState, CloseReason, Event, SendError, SendOptions};
use support::*;

const DONE: Event = Event::Closed(CloseReason::Shutdown);

#[test]
fn what_was_sent_is_delivered_first() {
    let mut pair = Associations::connected();
    for number in 0..50 {
        pair.send(0, numbered(number, 5000));
    }
    pair.a.machine.close();
    assert_eq!(pair.a.machine.state(), AssociationState::ShuttingDown);
    let refused = pair.a.machine.send(0, 51, "x".into(), SendOptions::default());
    assert_eq!(refused, Err(SendError::Closed));
    pair.run_for(ms(2000));
    assert_eq!(pair.b.messages().len(), 50);
    assert_eq!(pair.a.events.last(), Some(&DONE));
    assert_eq!(pair.b.events.last(), Some(&DONE));
    assert_eq!(pair.a.machine.poll_timeout(), None);
    assert_eq!(pair.b.machine.poll_timeout(), None);
}

#[test]
fn the_side_that_is_asked_delivers_what_it_has_too() {
    let mut pair = Associations::connected();
    let options = SendOptions::default();
    for number in 0..50 {
        pair.b.machine.send(0, 51, numbered(number, 5000), options).unwrap();
    }
    pair.a.machine.close();
    pair.run_for(ms(3000));
    assert_eq!(pair.a.messages().len(), 50);
    assert_eq!(pair.a.events.last(), Some(&DONE));
    assert_eq!(pair.b.events.last(), Some(&DONE));
}

#[test]
fn both_may_ask_at_once() {
    let mut pair = Associations::connected();
    pair.a.machine.close();
    pair.b.machine.close();
    pair.run_for(ms(2000));
    assert_eq!(pair.a.events, [DONE]);
    assert_eq!(pair.b.events, [DONE]);
}

#[test]
fn for_every_pattern_of_loss_both_end_and_nothing_is_lost() {
    for pattern in 0u32..64 {
        let mut pair = Associations::connected();
        pair.a.lose = (0..3).filter(|n| pattern & 1 << n != 0).collect();
        pair.b.lose = (0..3).filter(|n| pattern & 8 << n != 0).collect();
        pair.send(0, "last words");
        pair.a.machine.close();
        pair.run_for(ms(60_000));
        assert_eq!(pair.b.messages(), [(0, "last words".into())], "{pattern:06b}");
        assert_eq!(pair.a.events.last(), Some(&DONE), "{pattern:06b}");
        // Its last packet may be lost, then nobody is left to answer.
        assert!(matches!(pair.b.events.last(), Some(Event::Closed(_))), "{pattern:06b}");
    }
}

#[test]
fn an_abort_ends_both_at_once_and_tells_why() {
    let mut pair = Associations::connected();
    pair.send(0, "never mind");
    pair.a.machine.abort("out of coffee");
    pair.run_for(ms(100));
    assert_eq!(pair.a.events.last(), Some(&Event::Closed(CloseReason::Aborted)));
    let reason = CloseReason::PeerAborted {
        code: 12,
        reason: "out of coffee".into(),
    };
    assert_eq!(pair.b.events, [Event::Closed(reason)]);
    // What is over stays over.
    pair.run_for(ms(100_000));
    assert_eq!(pair.a.sent, 1);
    assert_eq!(pair.b.sent, 0);
}

#[test]
fn a_transport_that_is_gone_ends_it_without_a_word() {
    let mut pair = Associations::connected();
    pair.a.machine.handle_transport_closed();
    pair.run_for(ms(100));
    assert_eq!(pair.a.events, [Event::Closed(CloseReason::TransportClosed)]);
    assert_eq!(pair.a.sent, 0);
}

#[test]
fn a_peer_that_does_not_answer_is_not_waited_for_for_ever() {
    let mut pair = Associations::connected();
    pair.faults.loss = 1000;
    pair.a.machine.close();
    pair.run_for(ms(60_000));
    assert_eq!(pair.a.events, [Event::Closed(CloseReason::Timeout)]);
}

/// RFC 9260 §9.2, §8.5.1.
#[test]
fn chunks_of_an_end_that_nobody_asked_for_change_nothing() {
    let mut tester = Tester::new();
    for chunk in [kind::SHUTDOWN_ACK, kind::SHUTDOWN_COMPLETE] {
        tester.give(|packet| {
            packet.chunk(chunk, 0, |_| ());
        });
        assert_eq!(tester.chunks(), [], "{chunk}");
    }
    assert_eq!(tester.machine.state(), AssociationState::Connected);
    assert_eq!(tester.machine.stats().dropped_unexpected, 2);
    assert_eq!(tester.events(), []);
}

/// RFC 9260 §9.2: the SHUTDOWN's cumulative TSN ack is one like a SACK's.
#[test]
fn a_shutdown_acknowledges_data() {
    let mut tester = Tester::new();
    for _ in 0..2 {
        tester
            .machine
            .send(0, 51, numbered(0, 1000), SendOptions::default())
            .unwrap();
    }
    let sent = tester.chunks();
    let last = u32::from_be_bytes(sent[1].2[..4].try_into().unwrap());
    let shutdown = |tester: &mut Tester, tsn: u32| {
        tester.give(|packet| {
            packet.chunk(kind::SHUTDOWN, 0, |body| body.put_u32(tsn));
        });
        tester.chunks().iter().map(|chunk| chunk.0).collect::<Vec<_>>()
    };
    assert_eq!(shutdown(&mut tester, last.wrapping_sub(1)), [], "one is still missing");
    assert_eq!(
        shutdown(&mut tester, last.wrapping_add(7)),
        [],
        "what was never sent says nothing"
    );
    assert_eq!(shutdown(&mut tester, last), [kind::SHUTDOWN_ACK]);
    assert_eq!(tester.machine.stats().chunks_retransmitted, 0);
    tester.give(|packet| {
        packet.chunk(kind::SHUTDOWN_COMPLETE, 0, |_| ());
    });
    assert_eq!(tester.end(), CloseReason::Shutdown);
}
