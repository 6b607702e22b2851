//! What shows that the peer lives: checks, and data that nobody else can have sealed.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::support::{Pair, Who};
use pollrtc::{ConnectionState, Datagram, StateMachine};

const SECOND: Duration = Duration::from_secs(1);

/// RFC 9443 §3: STUN begins with 0 to 3.
fn is_stun(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(0..=3))
}

/// Connected, and from then on all checks and answers are lost on their way.
fn without_checks() -> (Pair, pollrtc::ChannelId) {
    let mut pair = Pair::new();
    let (chat, _) = pair.open(Who::Alice, "chat");
    pair.run_for(SECOND);
    let lost = Rc::new(Cell::new(true));
    pair.lose = Box::new(move |_, datagram| lost.get() && is_stun(datagram));
    (pair, chat)
}

fn was_disconnected(pair: &Pair) -> bool {
    let told = |event: &pollrtc::Event| {
        matches!(
            event,
            pollrtc::Event::ConnectionStateChanged(ConnectionState::Disconnected)
        )
    };
    pair.bob.events.iter().any(told)
}

#[test]
fn a_peer_that_sends_data_is_not_silent_although_its_checks_are_lost() {
    let (mut pair, chat) = without_checks();
    for second in 0..20 {
        pair.say(Who::Alice, chat, &format!("{second}"));
        pair.run_for(SECOND);
        assert_eq!(
            pair.bob.peer.connection_state(),
            ConnectionState::Connected,
            "after {second} s"
        );
    }
    // It is no consent to what we send, which ends all the same (RFC 7675 §5.1).
    let mut seconds = 20;
    while pair.bob.peer.connection_state() != ConnectionState::Failed {
        let _ = pair.alice.peer.send(chat, "anybody there?");
        pair.run_for(SECOND);
        seconds += 1;
        assert!(seconds <= 40);
    }
    assert!(!was_disconnected(&pair));
}

#[test]
fn what_only_looks_like_data_shows_nothing() {
    let (mut pair, _) = without_checks();
    let (from, to) = (pair.alice.address, pair.bob.address);
    for _ in 0..20 {
        // A record of application data, of both versions, as anybody can write it.
        for mut forged in [vec![23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 32], vec![0x2f, 0, 9]] {
            forged.resize(64, 0xaa);
            let datagram = Datagram::udp(from, &mut forged).received_on(to);
            pair.bob.peer.handle_datagram(pair.now, datagram);
        }
        pair.run_for(SECOND);
    }
    assert!(was_disconnected(&pair));
}

#[test]
fn what_was_sent_into_an_outage_arrives_as_soon_as_the_peer_is_heard_again() {
    let mut pair = Pair::new();
    let (chat, _) = pair.open(Who::Alice, "chat");
    pair.run_for(SECOND);
    pair.lose = Box::new(|_, _| true);
    pair.alice.peer.send(chat, "are you there?").unwrap();
    pair.run_for(14 * SECOND);
    pair.lose = Box::new(|_, _| false);
    // Whichever comes first: it is asked about once a second or so, and the retransmission timer runs out each 3 s.
    let back = pair.now;
    pair.run_until(10 * SECOND, |pair| {
        pair.alice.peer.connection_state() == ConnectionState::Connected
    });
    let heard = pair.now - back;
    pair.run_until(SECOND, |pair| {
        pair.bob
            .events
            .iter()
            .any(|event| matches!(event, pollrtc::Event::Message { .. }))
    });
    assert!(pair.now - back <= heard + Duration::from_millis(200), "{heard:?}");
}
