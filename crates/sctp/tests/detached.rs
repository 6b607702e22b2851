//! Channels whose messages are taken apart from all other events.

mod support;

use pollrtc_core::InnerProtocol;
use pollrtc_sctp::channel::{ChannelEvent, ChannelId, ChannelState, Message};
use support::*;

/// Two channels, as the sender and the receiver know them.
fn two_channels() -> (Channels, [ChannelId; 2], [ChannelId; 2]) {
    let mut pair = Channels::connected_channels();
    let ours = ["one", "two"].map(|label| pair.a.machine.open(label).unwrap());
    pair.run_for(ms(1000));
    let mut theirs: Vec<ChannelId> = pair.b.machine.channels().collect();
    theirs.sort_by_key(|id| pair.b.machine.stream_id(*id));
    pair.a.take_events();
    pair.b.take_events();
    (pair, ours, theirs.try_into().unwrap())
}

fn taken(pair: &mut Channels, channel: ChannelId) -> Vec<Message> {
    std::iter::from_fn(|| pair.b.machine.take_message(channel)).collect()
}

#[test]
fn each_reader_takes_their_own_in_order_whatever_has_come_for_others() {
    let (mut pair, ours, theirs) = two_channels();
    pair.b.reading = false;
    for text in ["a", "b"] {
        pair.a.machine.send(ours[0], text).unwrap();
        pair.a.machine.send(ours[1], format!("other {text}")).unwrap();
    }
    pair.run_for(ms(500));
    // What has come before is not lost.
    pair.b.machine.detach(theirs[0]);
    pair.a.machine.send(ours[0], "c").unwrap();
    pair.run_for(ms(500));
    assert_eq!(taken(&mut pair, theirs[0]), ["a", "b", "c"].map(Message::from));
    assert_eq!(pair.b.machine.take_message(theirs[1]), None, "it is not detached");
    let event = |text: &str| ChannelEvent::Message {
        channel: theirs[1],
        data: text.into(),
    };
    let events: Vec<_> = std::iter::from_fn(|| pair.b.machine.poll_event()).collect();
    assert_eq!(events, ["other a", "other b"].map(event));
}

#[test]
fn what_came_before_the_close_can_be_taken_behind_it_and_nothing_is_kept_then() {
    let (mut pair, ours, theirs) = two_channels();
    pair.b.machine.detach(theirs[0]);
    pair.a.machine.send(ours[0], "last words").unwrap();
    pair.a.machine.close_channel(ours[0]);
    pair.run_for(ms(2000));
    assert_eq!(pair.b.machine.state(theirs[0]), ChannelState::Closed);
    assert_eq!(pair.b.machine.held_bytes(), 10);
    assert_eq!(taken(&mut pair, theirs[0]), [Message::from("last words")]);
    assert_eq!(pair.b.machine.held_bytes(), 0);
    pair.b.machine.detach(theirs[0]);
    assert_eq!(pair.b.machine.take_message(theirs[0]), None, "it is no more");
}

/// Messages that wait for their reader close the sender's window, and those that nobody wants do not.
#[test]
fn a_reader_that_does_not_read_stops_the_sender_until_it_goes_away() {
    let (mut pair, ours, theirs) = two_channels();
    pair.b.machine.detach(theirs[0]);
    for _ in 0..100 {
        pair.a.machine.send(ours[0], vec![0; 60_000]).unwrap();
    }
    pair.run_for(ms(10_000));
    assert!(pair.a.machine.buffered_amount(ours[0]) > 3_000_000);
    assert!(pair.b.machine.held_bytes() <= (2 * 1024 + 256) * 1024);
    pair.b.machine.discard_messages(theirs[0]);
    pair.run_for(ms(10_000));
    assert_eq!(pair.a.machine.buffered_amount(ours[0]), 0);
    assert_eq!(pair.b.machine.held_bytes(), 0);
    assert_eq!(pair.b.machine.take_message(theirs[0]), None);
    // The other one goes on.
    pair.a.machine.send(ours[1], "still here").unwrap();
    pair.run_for(ms(500));
    let message = ChannelEvent::Message {
        channel: theirs[1],
        data: "still here".into(),
    };
    assert_eq!(pair.b.take_events(), [message]);
}
