//! Two peers meet, talk and part.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::support::{Pair, Who};
use pollrtc::{
    ChannelSendError, ChannelState, CloseReason, Config, ConnectionState, DtlsRole, Event, Instant, Versions,
};

const SECOND: Duration = Duration::from_secs(1);

fn closed_because(events: &[Event]) -> Option<&CloseReason> {
    events.iter().find_map(|event| match event {
        Event::Closed(reason) => Some(reason),
        _ => None,
    })
}

#[test]
fn a_channel_opens_and_messages_go_both_ways() {
    let mut pair = Pair::new();
    let chat = pair.alice.peer.create_data_channel("chat").unwrap();
    assert_eq!(pair.alice.peer.send(chat, "too early"), Err(ChannelSendError::NotOpen));
    pair.negotiate();
    pair.run_until(2 * SECOND, |pair| {
        pair.alice.peer.channel_state(chat) == ChannelState::Open
    });
    pair.alice.peer.send(chat, "hello").unwrap();
    pair.run_until(2 * SECOND, |pair| !pair.bob.texts().is_empty());

    let opened = pair.bob.events.iter().find_map(|event| match event {
        Event::ChannelOpen {
            channel,
            incoming: true,
        } => Some(*channel),
        _ => None,
    });
    let theirs = opened.expect("the channel opens at Bob's before its first message");
    assert_eq!(pair.bob.peer.channel_info(theirs).unwrap().label, "chat");
    pair.bob.peer.send(theirs, "hello yourself").unwrap();
    pair.run_until(SECOND, |pair| !pair.alice.texts().is_empty());

    assert_eq!(pair.bob.texts(), ["hello"]);
    assert_eq!(pair.alice.texts(), ["hello yourself"]);
    assert_eq!(pair.alice.peer.connection_state(), ConnectionState::Connected);
}

/// One round trip for ICE, one for DTLS 1.3 and two for SCTP.
#[test]
fn offer_to_open_channel_takes_400_ms_at_100_ms_rtt_with_dtls_13() {
    for answerer in [DtlsRole::Client, DtlsRole::Server] {
        assert_eq!(
            offer_to_open_channel(|config: Config| config.with_preferred_dtls_role(answerer)),
            Duration::from_millis(400),
            "answerer as {answerer:?}"
        );
    }
}

/// DTLS 1.2 takes a round trip more, of which half is saved: the server, which is done first, begins with SCTP at once.
#[test]
fn offer_to_open_channel_takes_450_ms_at_100_ms_rtt_with_dtls_12() {
    let took = [DtlsRole::Client, DtlsRole::Server].map(|answerer| {
        offer_to_open_channel(|config: Config| {
            config
                .with_preferred_dtls_role(answerer)
                .with_dtls_versions(Versions::Dtls12)
        })
    });
    assert_eq!(took, [Duration::from_millis(450); 2]);
}

/// How long it takes with answerers of this kind until the channel is open at both.
fn offer_to_open_channel(answerer: impl FnOnce(Config) -> Config) -> Duration {
    let mut pair = Pair::with(|a| a, answerer);
    let chat = pair.alice.peer.create_data_channel("chat").unwrap();
    let start = pair.now;
    pair.negotiate();
    pair.run_until(2 * SECOND, |pair| {
        let mut events = pair.bob.events.iter();
        let bob_open = events.any(|event| matches!(event, Event::ChannelOpen { .. }));
        pair.alice.peer.channel_state(chat) == ChannelState::Open && bob_open
    });
    pair.now - start
}

#[test]
fn closing_tells_the_peer_why() {
    let mut pair = Pair::new();
    let chat = pair.alice.peer.create_data_channel("chat").unwrap();
    pair.negotiate();
    pair.run_until(2 * SECOND, |pair| {
        pair.alice.peer.channel_state(chat) == ChannelState::Open
    });

    pair.alice.peer.close(pair.now);
    pair.run_until(SECOND, |pair| closed_because(&pair.bob.events).is_some());

    assert_eq!(closed_because(&pair.alice.events), Some(&CloseReason::Local));
    assert!(
        pair.bob
            .events
            .iter()
            .any(|event| matches!(event, Event::ChannelClosed { .. }))
    );
    assert_eq!(pair.bob.peer.connection_state(), ConnectionState::Closed);
    assert!(
        matches!(pair.bob.events.last(), Some(Event::Closed(CloseReason::Remote))),
        "nothing comes after the end"
    );
    let chatter = pair.bob.sent;
    pair.run_for(60 * SECOND);
    assert_eq!(pair.bob.sent, chatter, "a closed peer is silent");
}

#[test]
fn a_wrong_fingerprint_ends_the_connection_before_any_data() {
    let mut pair = Pair::new();
    let chat = pair.alice.peer.create_data_channel("chat").unwrap();
    let offer = pair.alice.peer.offer(pair.now).unwrap();
    let answer = pair.bob.peer.accept_offer(pair.now, &offer).unwrap();
    // Mallory's certificate, Bob's everything else.
    let forged: String = answer
        .lines()
        .map(|line| match line.strip_prefix("a=fingerprint:sha-256 ") {
            Some(digest) => {
                let other = if digest.starts_with("00") { "11" } else { "00" };
                format!("a=fingerprint:sha-256 {other}{}\r\n", &digest[2..])
            }
            None => format!("{line}\r\n"),
        })
        .collect();
    pair.alice.peer.accept_answer(pair.now, &forged).unwrap();
    pair.run_until(5 * SECOND, |pair| closed_because(&pair.alice.events).is_some());

    assert!(
        matches!(closed_because(&pair.alice.events), Some(CloseReason::Dtls(_))),
        "{:?}",
        pair.alice.events
    );
    pair.run_for(2 * SECOND);
    assert_eq!(pair.alice.peer.channel_state(chat), ChannelState::Closed);
    assert_eq!(
        pair.alice.peer.stats().channels.association.packets_sent,
        0,
        "no byte of data for a stranger"
    );
}

#[test]
fn a_peer_that_knows_the_offer_first_may_start_the_handshake_before_its_answer_arrives() {
    let mut pair = Pair::new();
    let chat = pair.alice.peer.create_data_channel("chat").unwrap();
    let offer = pair.alice.peer.offer(pair.now).unwrap();
    let answer = pair.bob.peer.accept_offer(pair.now, &offer).unwrap();
    // The answer is slow: Bob's checks and his ClientHello come first.
    pair.run_for(Duration::from_millis(300));
    let answered = pair.now;
    pair.alice.peer.accept_answer(pair.now, &answer).unwrap();
    pair.run_until(2 * SECOND, |pair| {
        pair.alice.peer.channel_state(chat) == ChannelState::Open
    });

    assert_eq!(pair.alice.peer.stats().dropped_early, 0);
    let took = pair.now - answered;
    assert!(took <= Duration::from_millis(550), "{took:?} after the answer");
}

/// Firefox drops DTLS until its page has applied the answer, and checks from then on.
#[test]
fn a_peer_that_drops_dtls_until_its_first_check_gets_another_hello_at_once() {
    for answer_after in [150, 170, 300, 1_000, 5_000] {
        let mut pair = Pair::new();
        let is_deaf = Rc::new(Cell::new(true));
        let deaf = is_deaf.clone();
        pair.lose = Box::new(move |_, datagram| deaf.get() && matches!(datagram[0], 20..=63));
        let chat = pair.alice.peer.create_data_channel("chat").unwrap();
        let offer = pair.alice.peer.offer(pair.now).unwrap();
        let answer = pair.bob.peer.accept_offer(pair.now, &offer).unwrap();
        pair.run_for(Duration::from_millis(answer_after));
        is_deaf.set(false);
        let applied_at = pair.now;
        pair.alice.peer.accept_answer(pair.now, &answer).unwrap();
        pair.run_until(2 * SECOND, |pair| {
            pair.alice.peer.channel_state(chat) == ChannelState::Open
        });
        // Half a round trip for the check that tells, and from there on what it takes anyway: one and a
        // half for DTLS 1.3, of which half a one is SCTP's as well, and two for SCTP.
        let took = pair.now - applied_at;
        assert!(took <= Duration::from_millis(400), "{took:?} after {answer_after} ms");
    }
}

#[test]
fn a_peer_that_checks_from_the_start_gets_one_hello() {
    for latency in [5, 50, 300] {
        let mut pair = Pair::new();
        pair.latency = Duration::from_millis(latency);
        let hellos = Rc::new(Cell::new(0));
        let count = hellos.clone();
        pair.lose = Box::new(move |_, datagram| {
            let is_client_hello = datagram[0] == 22 && datagram[13] == 1;
            count.set(count.get() + u32::from(is_client_hello));
            false
        });
        pair.alice.peer.create_data_channel("chat").unwrap();
        pair.negotiate();
        pair.run_until(5 * SECOND, Pair::connected);
        assert_eq!(hellos.get(), 2, "two pieces, with {latency} ms each way");
    }
}

#[test]
fn strangers_are_counted_and_dropped() {
    use pollrtc::{Datagram, StateMachine};
    let mut pair = Pair::new();
    pair.alice.peer.create_data_channel("chat").unwrap();
    pair.negotiate();
    pair.run_until(2 * SECOND, Pair::connected);
    let before = pair.alice.peer.stats();
    for first in [0u8, 22, 23, 64, 128, 255] {
        let mut bytes = vec![first; 100];
        let stranger = "203.0.113.7:7".parse().unwrap();
        pair.alice
            .peer
            .handle_datagram(pair.now, Datagram::udp(stranger, &mut bytes));
    }
    let after = pair.alice.peer.stats();
    assert_eq!(
        after.transports[0].dtls.received, before.transports[0].dtls.received,
        "nothing reached DTLS"
    );
    assert!(pair.connected());
}

#[test]
fn time_that_jumps_does_no_harm() {
    use pollrtc::StateMachine;
    let mut pair = Pair::new();
    let chat = pair.alice.peer.create_data_channel("chat").unwrap();
    pair.negotiate();
    pair.run_until(2 * SECOND, |pair| {
        pair.alice.peer.channel_state(chat) == ChannelState::Open
    });
    pair.alice.peer.handle_timeout(Instant::ZERO);
    pair.alice.peer.send(chat, "still here").unwrap();
    pair.run_until(2 * SECOND, |pair| pair.bob.texts() == ["still here"]);
}

#[test]
fn whichever_datagram_is_lost_the_channel_opens() {
    for lost in 1..=40 {
        let mut pair = Pair::new();
        pair.lose = Box::new(move |number, _| number == lost);
        let chat = pair.alice.peer.create_data_channel("chat").unwrap();
        pair.negotiate();
        pair.run_until(4 * SECOND, |pair| {
            pair.alice.peer.channel_state(chat) == ChannelState::Open
        });
    }
}

#[test]
fn what_may_be_outstanding_is_what_the_configuration_says() {
    let taken = |max_outstanding| {
        let mut pair = Pair::with(|alice| alice.with_max_outstanding(max_outstanding), |bob| bob);
        let (chat, _) = pair.open(Who::Alice, "chat");
        pair.run_for(SECOND);
        let start = pair.now;
        for number in 0..5 {
            pair.alice.peer.send(chat, number.to_string().repeat(500)).unwrap();
        }
        pair.run_until(5 * SECOND, |pair| pair.bob.texts().len() == 5);
        pair.now - start
    };
    let way = Duration::from_millis(50);
    assert_eq!(taken(1 << 20), way);
    assert_eq!(taken(0), 9 * way, "each waits until the one before it has arrived");
}
