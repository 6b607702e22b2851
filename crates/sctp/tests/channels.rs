//! Data channels as a user sees them (RFC 8831).

mod support;

use bytes::Bytes;
use pollrtc_core::InnerProtocol;
use pollrtc_sctp::channel::{
    ChannelCloseReason, ChannelConfig, ChannelEvent, ChannelId, ChannelInit, ChannelSendError, ChannelState,
    DataChannels, Message, MessageKind, OpenError, Parity,
};
use pollrtc_sctp::{CloseReason, Config, Reliability};
use support::*;

fn opened(events: &[ChannelEvent]) -> Vec<(ChannelId, bool)> {
    let opened = |event: &ChannelEvent| match event {
        ChannelEvent::Opened { channel, incoming } => Some((*channel, *incoming)),
        _ => None,
    };
    events.iter().filter_map(opened).collect()
}

fn messages(events: &[ChannelEvent]) -> Vec<(ChannelId, Message)> {
    let message = |event: &ChannelEvent| match event {
        ChannelEvent::Message { channel, data } => Some((*channel, data.clone())),
        _ => None,
    };
    events.iter().filter_map(message).collect()
}

fn closed(events: &[ChannelEvent]) -> Vec<(ChannelId, ChannelCloseReason)> {
    let closed = |event: &ChannelEvent| match event {
        ChannelEvent::Closed { channel, reason } => Some((*channel, *reason)),
        _ => None,
    };
    events.iter().filter_map(closed).collect()
}

/// A channel that both sides have open.
fn channel(pair: &mut Channels, init: impl Into<ChannelInit>) -> (ChannelId, ChannelId) {
    let ours = pair.a.machine.open(init).unwrap();
    pair.run_until(ms(10_000), |pair| !opened(&pair.b.events).is_empty());
    let (theirs, _) = opened(&pair.b.events)[0];
    pair.run_for(ms(300));
    pair.a.take_events();
    pair.b.take_events();
    (ours, theirs)
}

#[test]
fn a_channel_opened_before_connecting_is_open_after_one_and_a_half_round_trips() {
    // The OPEN rides with the COOKIE ECHO, whoever connects first.
    for (first, gap) in [("both", 0), ("a", 3), ("b", 3), ("a", 12), ("b", 12)] {
        let mut pair = Channels::channels();
        let start = pair.now;
        let chat = pair.a.machine.open("chat").unwrap();
        match first {
            "both" => pair.connect_both(),
            "a" => pair.a.machine.connect(),
            _ => pair.b.machine.connect(),
        }
        pair.run_for(ms(gap));
        pair.connect_both();
        pair.run_until(ms(1000), |pair| {
            opened(&pair.a.events) == [(chat, false)] && opened(&pair.b.events).len() == 1
        });
        assert!(pair.now - start <= ms(40), "{first} {gap}: {:?}", pair.now - start);
        if first == "both" {
            assert_eq!(pair.now - start, ms(30));
        }
    }
}

#[test]
fn all_six_kinds_arrive_as_they_were_asked_for() {
    for ordered in [true, false] {
        for reliability in [
            Reliability::Reliable,
            Reliability::MaxRetransmits(3),
            Reliability::MaxLifetime(ms(1500)),
        ] {
            let mut pair = Channels::connected_channels();
            let mut init = ChannelInit::new("späße")
                .with_protocol("proto")
                .with_reliability(reliability)
                .with_priority(512);
            init.ordered = ordered;
            let (ours, theirs) = channel(&mut pair, init);
            assert_eq!(pair.a.machine.stream_id(ours), Some(0));
            assert_eq!(pair.b.machine.stream_id(theirs), Some(0));
            let info = pair.b.machine.info(theirs).unwrap();
            assert_eq!((info.label.as_str(), info.protocol.as_str()), ("späße", "proto"));
            assert_eq!(
                (info.ordered, info.reliability, info.priority),
                (ordered, reliability, 512)
            );
            assert!(info.incoming && !info.negotiated);
            pair.a.machine.send(ours, "to b").unwrap();
            pair.b.machine.send(theirs, "to a").unwrap();
            pair.run_for(ms(100));
            assert_eq!(messages(&pair.b.events), [(theirs, "to b".into())]);
            assert_eq!(messages(&pair.a.events), [(ours, "to a".into())]);
        }
    }
}

#[test]
fn texts_and_bytes_of_every_length_keep_their_kind_also_empty_ones() {
    let mut pair = Channels::connected_channels();
    let (ours, theirs) = channel(&mut pair, "data");
    let sent: Vec<Message> = vec![
        "".into(),
        Message::from(&b""[..]),
        "a".into(),
        Message::from(&[0u8][..]),
        "é".repeat(10_000).into(),
        numbered(1, 65_536).into(),
        Message::new(MessageKind::Text, Bytes::from_static(b"\xff not UTF-8")),
    ];
    for message in &sent {
        pair.a.machine.send(ours, message.clone()).unwrap();
    }
    pair.run_for(ms(2000));
    let got: Vec<Message> = messages(&pair.b.events)
        .into_iter()
        .map(|(_, message)| message)
        .collect();
    assert_eq!(got, sent);
    assert_eq!(got[0].as_text(), Some(""));
    assert_eq!(got[6].as_text(), None);
    for message in got {
        pair.b.machine.send(theirs, message).unwrap();
    }
    pair.run_for(ms(2000));
    let back: Vec<Message> = messages(&pair.a.events)
        .into_iter()
        .map(|(_, message)| message)
        .collect();
    assert_eq!(back, sent);
    let stats = pair.a.machine.channel_stats(ours).unwrap();
    assert_eq!((stats.messages_sent, stats.messages_received), (7, 7));
    assert_eq!(stats.bytes_sent, stats.bytes_received);
}

#[test]
fn negotiated_channels_are_open_without_a_word() {
    let mut pair = Channels::channels();
    let init = || ChannelInit::new("control").with_negotiated_id(7);
    let ours = pair.a.machine.open(init()).unwrap();
    let theirs = pair.b.machine.open(init()).unwrap();
    assert_eq!(pair.a.machine.open(init()), Err(OpenError::StreamInUse(7)));
    pair.connect_both();
    pair.run_for(ms(1000));
    assert_eq!(opened(&pair.a.events), [(ours, false)]);
    assert_eq!(opened(&pair.b.events), [(theirs, false)]);
    assert_eq!(pair.a.machine.stats().association.chunks_sent, 0);
    pair.a.machine.send(ours, "hi").unwrap();
    pair.run_for(ms(100));
    assert_eq!(messages(&pair.b.events), [(theirs, "hi".into())]);
    assert_eq!(pair.a.machine.info(ours).unwrap().label, "control");
}

#[test]
fn numbers_follow_the_role_also_when_it_is_learned_late() {
    let mut pair = Channels::channels();
    pair.a.machine = DataChannels::new(ChannelConfig::default(), rng(1));
    let first = pair.a.machine.open("first").unwrap();
    let second = pair.a.machine.open("second").unwrap();
    assert_eq!(pair.a.machine.stream_id(first), None);
    pair.a.machine.set_role(Parity::Even);
    let third = pair.a.machine.open("third").unwrap();
    let ids = [first, second, third].map(|id| pair.a.machine.stream_id(id));
    assert_eq!(ids, [Some(0), Some(2), Some(4)]);
    let theirs = pair.b.machine.open("theirs").unwrap();
    assert_eq!(pair.b.machine.stream_id(theirs), Some(1));
    pair.connect_both();
    pair.run_for(ms(1000));
    assert_eq!(opened(&pair.a.events).len(), 4);
    assert_eq!(opened(&pair.b.events).len(), 4);
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let mut pair = Channels::channels();
    let early = pair.a.machine.open("early").unwrap();
    assert_eq!(pair.a.machine.state(early), ChannelState::Connecting);
    assert_eq!(pair.a.machine.send(early, "x"), Err(ChannelSendError::NotOpen));
    pair.connect_both();
    pair.run_for(ms(1000));
    let size = 65_537;
    let refused = pair.a.machine.send(early, vec![0; size]);
    assert_eq!(refused, Err(ChannelSendError::TooLarge { size, max: 65_536 }));
    pair.a.machine.set_remote_max_message_size(Some(0));
    pair.a.machine.send(early, vec![0; 200_000]).unwrap();
    pair.a.machine.set_remote_max_message_size(Some(1000));
    assert!(pair.a.machine.send(early, vec![0; 1001]).is_err());
    let limit = Config::default().send_buffer;
    pair.a.machine.set_remote_max_message_size(Some(0));
    let buffered = pair.a.machine.buffered_amount(early);
    let full = pair.a.machine.send(early, vec![0; limit - buffered + 1]);
    assert_eq!(full, Err(ChannelSendError::BufferFull { buffered, limit }));
    assert_eq!(pair.a.machine.state(early), ChannelState::Open);
}

#[test]
fn the_buffered_amount_counts_what_has_not_left_and_tells_when_it_is_low() {
    let mut pair = Channels::connected_channels();
    let (ours, _) = channel(&mut pair, "data");
    pair.a.machine.set_buffered_amount_low_threshold(ours, 10_000);
    for number in 0..10 {
        pair.a.machine.send(ours, numbered(number, 10_000)).unwrap();
    }
    assert_eq!(pair.a.machine.buffered_amount(ours), 100_000);
    pair.run_for(ms(1000));
    assert_eq!(pair.a.machine.buffered_amount(ours), 0);
    assert_eq!(
        pair.a.take_events(),
        [ChannelEvent::BufferedAmountLow { channel: ours }]
    );
    // Below the threshold all along: nothing to tell.
    pair.a.machine.send(ours, "x").unwrap();
    pair.run_for(ms(1000));
    assert_eq!(pair.a.take_events(), []);
}

#[test]
fn closing_delivers_what_was_sent_and_both_sides_hear_of_it_once() {
    let mut pair = Channels::connected_channels();
    let (ours, theirs) = channel(&mut pair, "data");
    for number in 0..50 {
        pair.a.machine.send(ours, numbered(number, 10_000)).unwrap();
    }
    pair.a.machine.close_channel(ours);
    pair.a.machine.close_channel(ours);
    assert_eq!(pair.a.machine.state(ours), ChannelState::Closing);
    assert_eq!(pair.a.machine.send(ours, "x"), Err(ChannelSendError::NotOpen));
    pair.run_for(ms(5000));
    assert_eq!(messages(&pair.b.events).len(), 50);
    assert_eq!(closed(&pair.a.events), [(ours, ChannelCloseReason::Local)]);
    assert_eq!(closed(&pair.b.events), [(theirs, ChannelCloseReason::Remote)]);
    let closing = ChannelEvent::Closing { channel: theirs };
    assert_eq!(pair.b.events.iter().filter(|event| **event == closing).count(), 1);
    assert_eq!(pair.a.machine.state(ours), ChannelState::Closed);
    assert_eq!(pair.a.machine.info(ours), None);
}

#[test]
fn both_sides_may_close_at_once() {
    let mut pair = Channels::connected_channels();
    let (ours, theirs) = channel(&mut pair, "data");
    pair.a.machine.close_channel(ours);
    pair.b.machine.close_channel(theirs);
    pair.run_for(ms(2000));
    assert_eq!(closed(&pair.a.events), [(ours, ChannelCloseReason::Local)]);
    assert_eq!(closed(&pair.b.events), [(theirs, ChannelCloseReason::Local)]);
}

#[test]
fn a_channel_can_be_closed_at_any_moment_of_connecting() {
    for moment in 0..60 {
        let mut pair = Channels::channels();
        let doomed = pair.a.machine.open("doomed").unwrap();
        let kept = pair.a.machine.open("kept").unwrap();
        pair.connect_both();
        pair.run_for(ms(moment));
        pair.a.machine.close_channel(doomed);
        pair.run_for(ms(5000));
        assert_eq!(
            closed(&pair.a.events),
            [(doomed, ChannelCloseReason::Local)],
            "after {moment} ms"
        );
        assert_eq!(pair.a.machine.state(kept), ChannelState::Open);
        assert_eq!(pair.b.machine.channels().count(), 1, "after {moment} ms");
    }
}

#[test]
fn a_number_is_used_again_only_after_both_directions_are_reset() {
    let mut pair = Channels::connected_channels();
    let (first, _) = channel(&mut pair, "first");
    pair.a.machine.close_channel(first);
    let second = pair.a.machine.open("second").unwrap();
    assert_eq!(pair.a.machine.stream_id(second), Some(2), "0 is not free yet");
    pair.run_for(ms(2000));
    let third = pair.a.machine.open("third").unwrap();
    assert_eq!(pair.a.machine.stream_id(third), Some(0));
    assert_ne!(first, third, "the handle is not the same");
    assert_eq!(pair.a.machine.state(first), ChannelState::Closed);
    pair.run_for(ms(1000));
    pair.a.machine.send(third, "fresh").unwrap();
    pair.run_for(ms(1000));
    assert_eq!(messages(&pair.b.events).last().unwrap().1, "fresh".into());
}

#[test]
fn channels_come_and_go_many_times() {
    let mut pair = Channels::connected_channels();
    for round in 0..200 {
        let (ours, theirs) = channel(&mut pair, "again");
        pair.a.machine.send(ours, "x").unwrap();
        match round % 2 {
            0 => pair.a.machine.close_channel(ours),
            _ => pair.b.machine.close_channel(theirs),
        }
        pair.run_for(ms(2000));
        assert_eq!(closed(&pair.a.events).len(), 1, "round {round}");
        assert_eq!(closed(&pair.b.events).len(), 1, "round {round}");
        pair.a.take_events();
        pair.b.take_events();
    }
    assert_eq!(pair.a.machine.channels().count(), 0);
    assert_eq!(pair.b.machine.channels().count(), 0);
}

#[test]
fn a_number_is_used_again_although_the_answer_to_its_reset_was_lost() {
    let mut pair = Channels::connected_channels();
    let (ours, _) = channel(&mut pair, "first");
    pair.a.machine.close_channel(ours);
    // `b` has reset its direction as well; what is lost now is `a`'s answer to that.
    while closed(&pair.a.events).is_empty() {
        pair.step(pair.now + ms(100));
    }
    pair.a.lose = vec![0];
    pair.flush();
    assert_eq!(pair.a.lose, []);
    pair.b.take_events();
    let second = pair.a.machine.open("second").unwrap();
    assert_eq!(pair.a.machine.stream_id(second), Some(0));
    pair.a.machine.send(second, "hello").unwrap();
    pair.run_for(ms(5000));
    let reason = ChannelCloseReason::Remote;
    assert!(matches!(closed(&pair.b.events)[..], [(_, closed)] if closed == reason));
    let [(theirs, true)] = opened(&pair.b.events)[..] else {
        panic!("the second channel opens");
    };
    assert_eq!(messages(&pair.b.events), [(theirs, "hello".into())]);
    // Numbers of messages begin anew in the other direction, too.
    pair.b.machine.send(theirs, "answer").unwrap();
    pair.run_for(ms(1000));
    assert_eq!(messages(&pair.a.events), [(second, "answer".into())]);
}

#[test]
fn of_a_thousand_channels_that_come_and_go_at_five_percent_loss_none_is_swallowed() {
    for seed in 0..20 {
        let faults = LinkFaults {
            loss: 50,
            duplication: (seed % 2) as u32 * 100,
            reordering: (seed % 3) as u32 * 100,
        };
        let mut pair = Channels::connected_channels().with_faults(faults, seed);
        for round in 0..50 {
            let text = format!("round {round}");
            let channel = pair.a.machine.open("short-lived").unwrap();
            pair.a.machine.send(channel, text.as_str()).unwrap();
            if round % 3 == 0 {
                pair.a.machine.close_channel(channel);
            }
            pair.run_until(ms(60_000), |pair| {
                messages(&pair.b.events)
                    .iter()
                    .any(|(_, message)| *message == text.as_str().into())
            });
            pair.a.machine.close_channel(channel);
            pair.run_until(ms(60_000), |pair| !closed(&pair.a.events).is_empty());
            assert_eq!(pair.a.machine.channels().count(), 0);
            pair.a.take_events();
        }
        pair.run_for(ms(60_000));
        assert_eq!(opened(&pair.b.events).len(), 50, "seed {seed}");
        assert_eq!(closed(&pair.b.events).len(), 50, "seed {seed}");
        assert_eq!(pair.b.machine.channels().count(), 0, "seed {seed}");
        let stats = pair.b.machine.stats();
        assert_eq!((stats.refused_establishment, stats.dropped_establishment), (0, 0));
    }
}

#[test]
fn both_sides_close_with_data_on_the_way_and_open_at_once_whatever_is_lost() {
    for seed in 0..20 {
        let faults = LinkFaults {
            loss: 50,
            duplication: 100,
            reordering: 200,
        };
        let mut pair = Channels::connected_channels().with_faults(faults, seed);
        for round in 0..10 {
            let (ours, theirs) = (
                pair.a.machine.open("ours").unwrap(),
                pair.b.machine.open("theirs").unwrap(),
            );
            for number in 0..5 {
                pair.a.machine.send(ours, numbered(number, 20_000)).unwrap();
                pair.b.machine.send(theirs, numbered(number, 20_000)).unwrap();
            }
            pair.a.machine.close_channel(ours);
            pair.b.machine.close_channel(theirs);
            let next = pair.a.machine.open("next").unwrap();
            pair.a.machine.send(next, "next").unwrap();
            pair.run_until(ms(60_000), |pair| {
                messages(&pair.a.events).len() == 5 && messages(&pair.b.events).len() == 6
            });
            pair.a.machine.close_channel(next);
            pair.run_for(ms(if round % 2 == 0 { 4000 } else { 30 }));
            pair.a.take_events();
            pair.b.take_events();
        }
        pair.run_for(ms(60_000));
        for side in [&pair.a, &pair.b] {
            assert_eq!(side.machine.channels().count(), 0, "seed {seed}");
        }
    }
}

#[test]
fn for_every_seed_channels_deliver_through_bad_weather_and_close() {
    for seed in 0..60 {
        let faults = LinkFaults {
            loss: 150,
            duplication: 50,
            reordering: 200,
        };
        let mut pair = Channels::channels().with_faults(faults, seed);
        let ids: Vec<ChannelId> = (0..4).map(|n| pair.a.machine.open(format!("{n}")).unwrap()).collect();
        pair.connect_both();
        pair.run_until(ms(120_000), |pair| opened(&pair.a.events).len() == 4);
        for number in 0..40 {
            pair.a
                .machine
                .send(ids[number % 4], numbered(number, 1 + number * 100))
                .unwrap();
        }
        ids.iter().for_each(|id| pair.a.machine.close_channel(*id));
        pair.run_until(ms(120_000), |pair| {
            closed(&pair.a.events).len() == 4 && closed(&pair.b.events).len() == 4
        });
        assert_eq!(messages(&pair.b.events).len(), 40, "seed {seed}");
    }
}

#[test]
fn the_end_of_the_association_ends_all_channels() {
    let mut pair = Channels::connected_channels();
    let (ours, theirs) = channel(&mut pair, "data");
    pair.a.machine.abort("bye");
    pair.run_for(ms(1000));
    assert_eq!(closed(&pair.a.events), [(ours, ChannelCloseReason::Disconnected)]);
    assert_eq!(closed(&pair.b.events), [(theirs, ChannelCloseReason::Disconnected)]);
    let end = ChannelEvent::Disconnected(CloseReason::Aborted);
    assert_eq!(pair.a.events.last(), Some(&end));
    assert_eq!(pair.a.machine.open("late"), Err(OpenError::Disconnected));
}

/// The peer throws its end away and goes on with the same channels over another association, as Chromium does with
/// a transport that it replaces.
#[test]
fn channels_outlive_a_restart_that_is_expected() {
    for says_so in [true, false] {
        let mut pair = Channels::connected_channels();
        let (closing, _) = channel(&mut pair, "closing");
        let (ours, theirs) = channel(&mut pair, "data");
        pair.b.machine.send(theirs, "before").unwrap();
        pair.run_for(ms(1000));
        let until = pair.now + ms(20_000);
        pair.a.machine.expect_restart(until);
        if says_so {
            pair.b.machine.abort("");
            pair.run_for(ms(100));
            pair.a.machine.send(ours, "in between").unwrap();
        }
        pair.a.machine.close_channel(closing);
        let negotiated = ChannelInit::new("data").with_negotiated_id(2);
        let config = ChannelConfig::new().with_association(patient());
        pair.b.machine = DataChannels::new(config, rng(9));
        pair.b.machine.set_role(Parity::Odd);
        let theirs = pair.b.machine.open(negotiated).unwrap();
        pair.connect_both();
        pair.run_for(ms(2000));
        assert_eq!(closed(&pair.a.events), [(closing, ChannelCloseReason::Local)]);
        pair.a.machine.send(ours, "after").unwrap();
        pair.b.machine.send(theirs, "after").unwrap();
        pair.run_for(ms(2000));
        let texts = |events| {
            messages(events)
                .iter()
                .map(|(_, text)| text.as_text().unwrap().to_owned())
                .collect()
        };
        let heard: [Vec<String>; 2] = [texts(&pair.a.events), texts(&pair.b.events)];
        assert_eq!(heard[0], ["before", "after"]);
        assert_eq!(
            heard[1],
            if says_so {
                &["in between", "after"][..]
            } else {
                &["after"]
            }
        );
        // Its time is over.
        pair.run_for(ms(20_000));
        pair.b.machine.abort("bye");
        pair.run_for(ms(1000));
        assert_eq!(closed(&pair.a.events)[1], (ours, ChannelCloseReason::Disconnected));
    }
}

#[test]
fn messages_larger_than_we_accept_close_their_channel_only() {
    let mut config = ChannelConfig::default();
    config.association.max_message_size = 1000;
    let mut pair = Channels::channels_with(ChannelConfig::default(), config);
    let other = pair.a.machine.open("other").unwrap();
    let ours = pair.a.machine.open("data").unwrap();
    pair.connect_both();
    pair.run_for(ms(1000));
    pair.a.machine.send(ours, vec![0; 1001]).unwrap();
    pair.run_for(ms(2000));
    assert_eq!(closed(&pair.a.events), [(ours, ChannelCloseReason::Remote)]);
    assert_eq!(closed(&pair.b.events)[0].1, ChannelCloseReason::MessageTooLarge);
    assert_eq!(pair.a.machine.state(other), ChannelState::Open);
}

#[test]
fn a_slow_reader_of_channels_stops_the_sender() {
    let mut pair = Channels::connected_channels();
    let (ours, _) = channel(&mut pair, "data");
    pair.b.reading = false;
    for number in 0..200 {
        pair.a.machine.send(ours, numbered(number, 50_000)).unwrap();
    }
    pair.run_for(ms(20_000));
    assert!(pair.a.machine.buffered_amount(ours) > 7_000_000);
    pair.b.reading = true;
    pair.run_for(ms(20_000));
    assert_eq!(messages(&pair.b.events).len(), 200);
}

#[test]
fn only_the_users_bytes_count_as_buffered() {
    let mut pair = Channels::connected_channels();
    let ours = pair.a.machine.open("a label that is long enough to be seen").unwrap();
    assert_eq!(pair.a.machine.buffered_amount(ours), 0);
    pair.a.machine.send(ours, "").unwrap();
    assert_eq!(pair.a.machine.buffered_amount(ours), 0);
    pair.a.machine.send(ours, "four").unwrap();
    assert_eq!(pair.a.machine.buffered_amount(ours), 4);
    pair.run_for(ms(1000));
    let low = |event: &&ChannelEvent| matches!(event, ChannelEvent::BufferedAmountLow { .. });
    assert_eq!(pair.a.events.iter().filter(low).count(), 1);
    assert_eq!(pair.b.events.iter().filter(low).count(), 0, "not for its ACK");
}

#[test]
fn another_association_takes_the_place_of_one_that_is_given_up_on_both_sides() {
    let mut pair = Channels::connected_channels();
    let (ours, theirs) = channel(&mut pair, "first");
    pair.a.machine.send(ours, "before").unwrap();
    pair.run_for(ms(1000));
    pair.b.reading = false;
    pair.a.machine.send(ours, "not read yet").unwrap();
    pair.run_for(ms(1000));

    pair.a.machine.close_all_channels();
    assert_eq!(pair.a.machine.open("too early"), Err(OpenError::Closing));
    for (side, seed, parity) in [(&mut pair.a, 11, Parity::Even), (&mut pair.b, 12, Parity::Odd)] {
        side.machine.new_association(rng(seed));
        side.machine.set_role(parity);
        side.machine.connect();
    }
    let second = pair.a.machine.open("second").unwrap();
    assert_ne!(second, ours, "names are never used twice");
    pair.b.reading = true;
    pair.run_for(ms(1000));
    pair.a.machine.send(second, "after").unwrap();
    pair.run_for(ms(1000));

    assert_eq!(closed(&pair.a.events), [(ours, ChannelCloseReason::Local)]);
    assert_eq!(closed(&pair.b.events)[0].0, theirs);
    let texts: Vec<_> = messages(&pair.b.events);
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert_eq!(pair.a.machine.stream_id(second), Some(0), "all numbers are free again");
    let ended = |event: &ChannelEvent| matches!(event, ChannelEvent::Disconnected(_));
    assert!(!pair.a.events.iter().chain(&pair.b.events).any(ended));
}

/// A peer that answers resets and never resets a stream itself.
fn half_closing_peer() -> RawPeer {
    RawPeer::with(ChannelConfig::new().with_max_channels(8))
}

#[test]
fn a_channel_whose_peer_never_closes_its_side_is_closed_in_the_end() {
    let mut raw = half_closing_peer();
    let mut streams = Vec::new();
    for round in 0..5 {
        let opened: Vec<ChannelId> = std::iter::from_fn(|| raw.channels.open("c").ok()).collect();
        assert_eq!(opened.len(), 8, "round {round}");
        raw.exchange();
        streams.extend(opened.iter().map(|id| raw.channels.stream_id(*id).unwrap()));
        opened.iter().for_each(|id| raw.channels.close_channel(*id));
        raw.exchange();
        raw.events();
        assert_eq!(raw.channels.channels().count(), 8, "the peer may still send");
        raw.now += ms(30_000);
        raw.exchange();
        let reasons = opened.iter().map(|id| (*id, ChannelCloseReason::Local));
        assert_eq!(closed(&raw.events()), reasons.collect::<Vec<_>>());
    }
    streams.sort_unstable();
    streams.dedup();
    assert_eq!(streams.len(), 40, "no number is used twice");
    assert_eq!(raw.channels.poll_timeout(), raw.channels.association().poll_timeout());
    // The peer comes round: the numbers are free again.
    raw.peer.reset_streams(&streams).unwrap();
    raw.exchange();
    assert_eq!(raw.events(), []);
    let again = raw.channels.open("c").unwrap();
    assert_eq!(raw.channels.stream_id(again), streams.first().copied());
}

#[test]
fn streams_that_were_given_up_are_free_for_a_peer_that_begins_anew() {
    let mut raw = half_closing_peer();
    let channel = raw.channels.open("c").unwrap();
    raw.exchange();
    let stream = raw.channels.stream_id(channel);
    raw.channels.close_channel(channel);
    raw.exchange();
    raw.now += ms(30_000);
    raw.exchange();
    assert_eq!(closed(&raw.events()), [(channel, ChannelCloseReason::Local)]);
    raw.peer = pollrtc_sctp::Association::new(config(), rng(9));
    raw.peer.connect();
    raw.exchange();
    let again = raw.channels.open("c").unwrap();
    assert_eq!(raw.channels.stream_id(again), stream);
}

#[test]
fn a_peer_that_still_sends_is_waited_for() {
    let mut raw = half_closing_peer();
    let channel = raw.channels.open("c").unwrap();
    raw.exchange();
    let stream = raw.channels.stream_id(channel).unwrap();
    raw.channels.close_channel(channel);
    raw.exchange();
    raw.events();
    for _ in 0..10 {
        raw.now += ms(20_000);
        raw.say(stream, 51, b"not yet");
    }
    assert_eq!(raw.channels.state(channel), ChannelState::Closing);
    assert_eq!(raw.events().len(), 10);
    raw.peer.reset_streams(&[stream]).unwrap();
    raw.exchange();
    assert_eq!(closed(&raw.events()), [(channel, ChannelCloseReason::Local)]);
}
