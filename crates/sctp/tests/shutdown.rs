//! RFC 9260 §9: how an association ends.

mod support;

use pollrtc_core::InnerProtocol;
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
