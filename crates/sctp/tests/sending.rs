//! How many bytes may wait to be sent, and how long a message may be: nobody who sends waits for ever.

mod support;

use std::collections::VecDeque;

use pollrtc_sctp::channel::{ChannelConfig, ChannelEvent, ChannelId, ChannelSendError, DataChannels, Message, Parity};
use pollrtc_sctp::{Event, SendError, SendOptions};
use quickcheck::quickcheck;
use support::*;

fn messages(events: &[ChannelEvent]) -> Vec<Message> {
    let message = |event: &ChannelEvent| match event {
        ChannelEvent::Message { data, .. } => Some(data.clone()),
        _ => None,
    };
    events.iter().filter_map(message).collect()
}

/// A peer may say that it takes 1 GiB, or anything.
#[test]
fn what_is_longer_than_the_send_buffer_is_too_large_and_not_only_late() {
    let max = 1_000_000;
    let (mut pair, ids) = with_room(max, 1);
    let ours = ids[0];
    for announced in [0, 1 << 30] {
        pair.a.machine.set_remote_max_message_size(Some(announced));
        assert_eq!(pair.a.machine.max_message_size(), max);
        let size = max + 1;
        let refused = pair.a.machine.send(ours, vec![0; size]);
        assert_eq!(refused, Err(ChannelSendError::TooLarge { size, max }));
    }
    // With others waiting it stays so, and what just fits is only late.
    pair.a.machine.send(ours, "x").unwrap();
    let refused = pair.a.machine.send(ours, vec![0; max + 1]);
    assert_eq!(refused, Err(ChannelSendError::TooLarge { size: max + 1, max }));
    let late = pair.a.machine.send(ours, vec![0; max]);
    let (buffered, limit) = (192, max); // What it costs to keep a short one.
    assert_eq!(late, Err(ChannelSendError::BufferFull { buffered, limit }));
    pair.a.take_events();
    pair.run_for(ms(100));
    assert!(pair.a.events.contains(&ChannelEvent::Writable { channel: ours }));
    pair.a.machine.send(ours, vec![0; max]).unwrap();
}

/// Connected, with room for so many bytes to wait, and so many channels.
fn with_room(send_buffer: usize, channels: usize) -> (Channels, Vec<ChannelId>) {
    let mut pair = Channels::channels();
    let narrow = ChannelConfig::new().with_association(config().with_send_buffer(send_buffer));
    pair.a.machine = DataChannels::new(narrow, rng(1));
    pair.a.machine.set_role(Parity::Even);
    pair.a.machine.set_remote_max_message_size(Some(0));
    pair.connect_both();
    let ids = (0..channels)
        .map(|number| pair.a.machine.open(number.to_string()).unwrap())
        .collect();
    pair.run_for(ms(1000));
    pair.a.take_events();
    (pair, ids)
}

#[test]
fn the_channel_that_was_refused_is_told_when_there_is_room_and_nobody_else_takes_it_away() {
    let (mut pair, ids) = with_room(100_000, 3);
    pair.a.machine.send(ids[0], vec![0; 90_000]).unwrap();
    let full = |result| matches!(result, Err(ChannelSendError::BufferFull { .. }));
    assert!(full(pair.a.machine.send(ids[1], vec![1; 95_000])));
    assert!(full(pair.a.machine.send(ids[1], vec![1; 99_000])));
    // There is room for this one, but it would be taken from the one before.
    assert!(full(pair.a.machine.send(ids[2], "x")));
    assert_eq!(pair.a.machine.send_room(), 0);
    pair.run_for(ms(1000));
    let low = |channel| ChannelEvent::BufferedAmountLow { channel };
    let writable = |channel| ChannelEvent::Writable { channel };
    assert_eq!(pair.a.take_events(), [writable(ids[1]), writable(ids[2]), low(ids[0])]);
    assert_eq!(pair.a.machine.send_room(), 100_000);
    // Who does not try again keeps nobody from it.
    pair.a.machine.send(ids[2], "x").unwrap();
    // One that is closed is not told.
    pair.a.machine.send(ids[0], vec![0; 99_000]).unwrap();
    assert!(full(pair.a.machine.send(ids[1], vec![1; 99_000])));
    assert!(full(pair.a.machine.send(ids[2], vec![2; 99_000])));
    pair.a.machine.close_channel(ids[1]);
    pair.run_for(ms(2000));
    let told: Vec<_> = pair.a.take_events();
    assert!(
        told.contains(&writable(ids[2])) && !told.contains(&writable(ids[1])),
        "{told:?}"
    );
}

#[test]
fn a_channel_that_is_closed_while_it_waits_for_room_holds_up_no_other() {
    let (mut pair, ids) = with_room(100_000, 2);
    pair.a.machine.send(ids[0], vec![0; 90_000]).unwrap();
    let refused = pair.a.machine.send(ids[1], vec![1; 99_000]);
    assert!(
        matches!(refused, Err(ChannelSendError::BufferFull { .. })),
        "{refused:?}"
    );
    pair.a.machine.close_channel(ids[1]);
    pair.a.machine.send(ids[0], "there is room for this").unwrap();
}

quickcheck! {
    /// For every number of channels and lengths of messages, those who try again only when they are told send all.
    fn nobody_waits_for_ever_for_room(lengths: Vec<Vec<u16>>) -> bool {
        let lengths: Vec<Vec<u16>> = lengths.into_iter().take(6).collect();
        let (mut pair, ids) = with_room(80_000, lengths.len());
        let mut waiting: Vec<VecDeque<usize>> = lengths
            .iter()
            .map(|lengths| lengths.iter().map(|len| usize::from(*len)).collect())
            .collect();
        let sent: usize = waiting.iter().map(VecDeque::len).sum();
        let mut ready: VecDeque<usize> = (0..ids.len()).collect();
        let mut turns = 0;
        while waiting.iter().any(|waiting| !waiting.is_empty()) {
            while let Some(number) = ready.pop_front() {
                while let Some(len) = waiting[number].front() {
                    match pair.a.machine.send(ids[number], vec![7; *len]) {
                        Ok(()) => _ = waiting[number].pop_front(),
                        Err(ChannelSendError::BufferFull { .. }) => break,
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            pair.run_for(ms(50));
            for event in pair.a.take_events() {
                if let ChannelEvent::Writable { channel } = event {
                    ready.extend(ids.iter().position(|id| *id == channel));
                }
            }
            turns += 1;
            if turns > 2000 {
                return false;
            }
        }
        pair.run_for(ms(5000));
        messages(&pair.b.events).len() == sent
    }
}

#[test]
fn a_bare_association_tells_the_stream_that_was_refused() {
    let mut pair = Associations::new(config().with_send_buffer(1000), config());
    pair.connect();
    pair.a.take_events();
    let options = SendOptions::default();
    let a = &mut pair.a.machine;
    let (size, max) = (1001, 1000);
    assert_eq!(
        a.send(0, 51, vec![0; size].into(), options),
        Err(SendError::TooLarge { size, max })
    );
    a.send(0, 51, vec![0; 900].into(), options).unwrap();
    let full = SendError::BufferFull {
        buffered: 900,
        limit: 1000,
    };
    assert_eq!(a.send(7, 51, vec![0; 101].into(), options), Err(full));
    pair.run_for(ms(100));
    let told = pair.a.take_events();
    assert_eq!(
        told,
        [Event::BufferedAmountLow { stream: 0 }, Event::Writable { stream: 7 }]
    );
}

/// A message counts against the window when it is whole; while it is on its way its limit bounds it.
#[test]
fn a_message_that_is_longer_than_the_window_comes_as_fast_as_others() {
    let window: u32 = 256 * 1024;
    let (long, short) = (1024 * 1024, 128 * 1024);
    let large = config().with_receive_window(window).with_max_message_size(long);
    let time = |lengths: &[usize]| {
        let mut pair = Channels::channels();
        pair.b.machine = DataChannels::new(ChannelConfig::new().with_association(large.clone()), rng(2));
        pair.b.machine.set_role(Parity::Odd);
        pair.a.machine.set_remote_max_message_size(Some(long as u64));
        pair.connect_both();
        let ours = pair.a.machine.open("data").unwrap();
        pair.run_for(ms(1000));
        let start = pair.now;
        for len in lengths {
            pair.a.machine.send(ours, vec![1; *len]).unwrap();
        }
        pair.run_until(ms(60_000), |pair| messages(&pair.b.events).len() == lengths.len());
        pair.now - start
    };
    let (one, many) = (time(&[long]), time(&[short; 8]));
    assert!(one <= many + ms(20), "{one:?} instead of {many:?}");
}
