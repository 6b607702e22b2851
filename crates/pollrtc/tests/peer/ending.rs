//! A connection whose peer is gone ends in time; one whose peer comes back does not.

use std::time::Duration;

use crate::support::{Pair, Who};
use pollrtc::{
    ChannelCloseReason, ChannelSendError, CloseReason, Config, ConnectionState, Event, IceFailureReason, StateMachine,
};

const SECOND: Duration = Duration::from_secs(1);

/// Connected, with a channel, until nothing arrives any more.
fn cut_off(configure: fn(Config) -> Config) -> (Pair, pollrtc::ChannelId) {
    let mut pair = Pair::with(configure, configure);
    let (chat, _) = pair.open(Who::Alice, "chat");
    pair.run_for(SECOND);
    pair.lose = Box::new(|_, _| true);
    (pair, chat)
}

fn closed(pair: &Pair) -> Option<&CloseReason> {
    pair.alice.events.iter().find_map(|event| match event {
        Event::Closed(reason) => Some(reason),
        _ => None,
    })
}

/// After how many seconds something is the case.
fn seconds_until(pair: &mut Pair, mut is_so: impl FnMut(&Pair) -> bool) -> u64 {
    let start = pair.now;
    pair.run_until(200 * SECOND, |pair| is_so(pair));
    (pair.now - start).as_secs()
}

#[test]
fn a_peer_that_vanishes_is_disconnected_then_failed_then_closed_for_that_reason() {
    let (mut pair, chat) = cut_off(|config| config);
    let state = |state| move |pair: &Pair| pair.alice.peer.connection_state() == state;
    let silent = seconds_until(&mut pair, state(ConnectionState::Disconnected));
    assert!((6..=8).contains(&silent), "{silent} s");
    let failed = silent + seconds_until(&mut pair, state(ConnectionState::Failed));
    assert!((25..=30).contains(&failed), "{failed} s");
    // Who sends all the time gets no room, and is not left waiting.
    while pair.alice.peer.send(chat, vec![0; 60_000]).is_ok() {}
    let closed_after = seconds_until(&mut pair, |pair| closed(pair).is_some());
    assert!((29..=30).contains(&closed_after), "{closed_after} s");
    assert_eq!(closed(&pair), Some(&CloseReason::Ice(IceFailureReason::ConsentExpired)));
    let reason = ChannelCloseReason::Disconnected;
    let is_told = |event: &Event| matches!(event, Event::ChannelClosed { channel, reason: why } if (*channel, *why) == (chat, reason));
    assert!(pair.alice.events.iter().any(is_told));
    assert_eq!(pair.alice.peer.send(chat, "x"), Err(ChannelSendError::NotOpen));
    assert_eq!(pair.alice.peer.send_room(), 16 * 1024 * 1024);
    pair.run_for(SECOND);
    assert_eq!(pair.alice.peer.poll_timeout(), None, "and nothing goes on");
}

#[test]
fn an_ice_restart_in_time_goes_on_with_the_same_channels() {
    let (mut pair, chat) = cut_off(|config| config.with_close_timeout(120 * SECOND));
    let failed = |pair: &Pair| {
        let states = [&pair.alice, &pair.bob].map(|side| side.peer.connection_state());
        states == [ConnectionState::Failed; 2]
    };
    pair.run_until(40 * SECOND, failed);
    pair.alice.peer.send(chat, "in the lift").unwrap();
    pair.run_for(100 * SECOND);
    assert_eq!(closed(&pair), None);
    pair.lose = Box::new(|_, _| false);
    pair.alice.peer.restart_ice();
    pair.exchange(Who::Alice);
    pair.run_until(5 * SECOND, |pair| pair.bob.texts().contains(&"in the lift".to_owned()));
    pair.run_for(200 * SECOND);
    assert_eq!(closed(&pair), None);
    pair.say(Who::Alice, chat, "out again");
}

#[test]
fn an_offer_that_nobody_answers_has_its_time_and_no_more() {
    let (mut pair, _) = cut_off(|config| config);
    pair.run_until(40 * SECOND, |pair| {
        pair.alice.peer.connection_state() == ConnectionState::Failed
    });
    pair.run_for(25 * SECOND);
    pair.alice.peer.restart_ice();
    let now = pair.now;
    pair.alice.peer.offer(now).unwrap();
    pair.run_for(25 * SECOND);
    assert_eq!(closed(&pair), None);
    pair.run_for(10 * SECOND);
    assert!(closed(&pair).is_some());
}

#[test]
fn how_long_each_of_them_takes_is_up_to_the_configuration() {
    let (mut pair, _) = cut_off(|config| {
        let config = config
            .with_disconnected_timeout(6 * SECOND)
            .with_failed_timeout(15 * SECOND);
        config.with_close_timeout(Duration::ZERO)
    });
    let closed_after = seconds_until(&mut pair, |pair| closed(pair).is_some());
    assert!((10..=15).contains(&closed_after), "{closed_after} s");

    let (mut pair, _) = cut_off(|config| config.with_close_timeout(Duration::MAX));
    pair.run_for(3600 * SECOND);
    assert_eq!(closed(&pair), None);
    assert_eq!(pair.alice.peer.connection_state(), ConnectionState::Failed);
}
