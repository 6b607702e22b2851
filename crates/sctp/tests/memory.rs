//! How much a peer can make us hold, and what still arrives while it is kept from more.

mod support;

use pollrtc_core::InnerProtocol;
use pollrtc_sctp::channel::{ChannelCloseReason, ChannelConfig, ChannelEvent, ChannelId, ChannelState, Message};
use pollrtc_sctp::wire::{Packet, Sack, kind};
use pollrtc_sctp::{Association, Config, Event, Reliability, SendOptions};
use support::*;

/// PPIDs of RFC 8831 §8: part of a binary message, and a whole one or the last part.
const PART: u32 = 52;
const WHOLE: u32 = 53;
const EMPTY: u32 = 57;

fn small() -> Config {
    config().with_receive_window(100_000).with_max_message_size(30_000)
}

fn small_rude() -> RawPeer {
    // Peers that don't close their side are not given up while a test lasts.
    let config = ChannelConfig::new().with_association(small());
    RawPeer::with(config.with_close_timeout(ms(3_600_000)))
}

/// Says it whatever the peer's window or our own buffer says.
fn shout(raw: &mut RawPeer, stream: u16, ppid: u32, len: usize) {
    // A full buffer is what a peer that shouts has in the end.
    let _ = raw.peer.send(stream, ppid, vec![7; len].into(), SendOptions::default());
    raw.exchange();
    assert_bounded(raw);
}

fn assert_bounded(raw: &RawPeer) {
    let Config {
        receive_window,
        max_message_size,
        ..
    } = small();
    let (held, counted) = (raw.channels.held_bytes(), raw.channels.association().held_bytes());
    assert!(
        held <= receive_window as usize + max_message_size,
        "{held} bytes are held"
    );
    assert!(held <= counted, "{held} bytes are held, {counted} counted");
}

/// The channel on stream 1, which the peer opened.
fn opened(raw: &mut RawPeer) -> ChannelId {
    raw.open(1);
    let [ChannelEvent::Opened { channel, .. }] = raw.events()[..] else {
        panic!("not open");
    };
    channel
}

fn lengths(events: &[ChannelEvent]) -> Vec<usize> {
    let length = |event: &ChannelEvent| match event {
        ChannelEvent::Message { data, .. } => Some(data.len()),
        _ => None,
    };
    events.iter().filter_map(length).collect()
}

/// The window that the machine told last.
fn told_window(side: &Side<pollrtc_sctp::channel::DataChannels>) -> u32 {
    let told = |bytes: &Vec<u8>| {
        let packet = Packet::parse(bytes).unwrap();
        let mut chunks = packet.chunks().map(Result::unwrap);
        let sack = chunks.find(|chunk| chunk.kind() == kind::SACK)?;
        Some(Sack::parse(&sack).unwrap().a_rwnd)
    };
    side.wire.iter().rev().find_map(told).unwrap()
}

#[test]
fn parts_that_go_on_and_on_end_their_channel_and_are_kept_no_longer() {
    let mut raw = small_rude();
    let channel = opened(&mut raw);
    for _ in 0..50 {
        shout(&mut raw, 1, PART, 20_000);
    }
    assert_eq!(raw.channels.state(channel), ChannelState::Closing);
    assert_eq!(raw.channels.held_bytes(), 0);
    assert_eq!(raw.channels.association().held_bytes(), 0, "the window is open again");
    assert_eq!(raw.channels.stats().dropped_closed, 48);
    shout(&mut raw, 1, WHOLE, 1);
    assert_eq!(lengths(&raw.events()), [], "no end without its beginning");
    raw.peer.reset_streams(&[1]).unwrap();
    raw.exchange();
    let reason = ChannelCloseReason::MessageTooLarge;
    assert_eq!(raw.events(), [ChannelEvent::Closed { channel, reason }]);
}

#[test]
fn parts_on_a_channel_that_we_closed_are_bounded_too() {
    let mut raw = small_rude();
    let channel = opened(&mut raw);
    raw.channels.close_channel(channel);
    for _ in 0..50 {
        shout(&mut raw, 1, PART, 20_000);
    }
    assert_eq!(raw.channels.held_bytes(), 0);
    raw.peer.reset_streams(&[1]).unwrap();
    raw.exchange();
    let reason = ChannelCloseReason::Local;
    assert_eq!(raw.events(), [ChannelEvent::Closed { channel, reason }]);
    assert!(raw.channels.is_connected());
}

#[test]
fn the_last_part_does_not_make_a_message_larger_than_we_accept() {
    let mut raw = small_rude();
    let channel = opened(&mut raw);
    shout(&mut raw, 1, PART, 30_000);
    shout(&mut raw, 1, WHOLE, 1);
    assert_eq!(lengths(&raw.events()), []);
    assert_eq!(raw.channels.state(channel), ChannelState::Closing);
    assert_eq!(raw.channels.association().held_bytes(), 0);
}

#[test]
fn messages_of_parts_fill_the_window_until_they_are_taken() {
    let mut raw = small_rude();
    opened(&mut raw);
    for _ in 0..50 {
        shout(&mut raw, 1, PART, 25_000);
        shout(&mut raw, 1, WHOLE, 1);
    }
    assert!(raw.channels.held_bytes() > 60_000, "the window is used");
    let mut taken = 0;
    for _ in 0..100 {
        let lengths = lengths(&raw.events());
        assert!(lengths.iter().all(|len| *len == 25_001));
        taken += lengths.len();
        raw.exchange();
        assert_bounded(&raw);
    }
    assert_eq!(taken, 50, "slow readers lose nothing");
    assert_eq!(raw.channels.association().held_bytes(), 0);
}

#[test]
fn empty_messages_between_parts_open_no_window() {
    let mut raw = small_rude();
    opened(&mut raw);
    shout(&mut raw, 1, PART, 25_000);
    for _ in 0..20 {
        shout(&mut raw, 1, EMPTY, 1);
        raw.events();
        assert_bounded(&raw);
    }
    assert_eq!(raw.channels.association().held_bytes(), 25_000);
    shout(&mut raw, 1, WHOLE, 5);
    assert_eq!(lengths(&raw.events()), [25_005]);
    assert_eq!(raw.channels.association().held_bytes(), 0);
}

#[test]
fn a_window_full_of_beginnings_costs_a_channel_and_not_the_association() {
    let mut raw = small_rude();
    for stream in (1..41).step_by(2) {
        raw.open(stream);
        shout(&mut raw, stream, PART, 25_000);
    }
    assert!(raw.channels.is_connected());
    let closing = |raw: &RawPeer| {
        let channels = raw.channels.channels();
        channels
            .filter(|id| raw.channels.state(*id) == ChannelState::Closing)
            .count()
    };
    assert_eq!(closing(&raw), 17, "three are what fits");
    shout(&mut raw, 1, WHOLE, 10);
    assert_eq!(lengths(&raw.events()), [25_010], "and those go on");
}

#[test]
fn a_peer_that_begins_anew_gets_no_second_window() {
    let mut raw = small_rude();
    for round in 0..20 {
        if round > 0 {
            raw.peer = Association::new(config(), rng(10 + round));
            raw.peer.connect();
            raw.exchange();
        }
        raw.open(1);
        for _ in 0..8 {
            shout(&mut raw, 1, WHOLE, 25_000);
        }
    }
    let waiting: usize = lengths(&raw.events()).iter().sum();
    assert!(waiting <= 130_000, "{waiting} bytes wait");
    // And when all is taken, it is as if nothing had been.
    raw.exchange();
    while !raw.events().is_empty() {
        raw.exchange();
    }
    assert_eq!(raw.channels.association().held_bytes(), 0);
    assert!(raw.channels.is_connected());
}

#[test]
fn beginnings_that_a_new_life_cuts_off_are_not_kept() {
    let mut raw = small_rude();
    opened(&mut raw);
    shout(&mut raw, 1, PART, 25_000);
    raw.peer = Association::new(config(), rng(9));
    raw.peer.connect();
    raw.exchange();
    assert_eq!(raw.channels.held_bytes(), 0);
    assert_eq!(raw.channels.association().held_bytes(), 0);
}

#[test]
fn a_bare_association_keeps_count_over_a_new_life_as_well() {
    let mut pair = Associations::new(config(), small());
    pair.connect();
    pair.b.reading = false;
    for _ in 0..8 {
        pair.send(0, numbered(1, 25_000));
    }
    pair.run_for(ms(5000));
    let before = pair.b.machine.held_bytes();
    assert!((75_000..130_000).contains(&before), "{before}");
    pair.a.machine = Association::new(config(), rng(7));
    pair.a.machine.connect();
    pair.run_for(ms(5000));
    for _ in 0..8 {
        pair.send(0, numbered(2, 25_000));
    }
    pair.run_for(ms(5000));
    assert!(pair.b.machine.held_bytes() < 130_000);
    pair.b.reading = true;
    pair.run_for(ms(20_000));
    assert_eq!(pair.b.machine.held_bytes(), 0);
    let messages = pair.b.messages();
    assert_eq!(
        messages.iter().filter(|(_, data)| *data == numbered(2, 25_000)).count(),
        8
    );
    assert!(pair.b.events.contains(&Event::Restarted));
}

#[test]
fn the_peer_is_told_what_room_is_left() {
    let config = || ChannelConfig::new().with_association(small());
    let mut pair = Channels::channels_with(config(), config());
    let ours = pair.a.machine.open("data").unwrap();
    pair.connect_both();
    pair.run_for(ms(1000));
    pair.b.reading = false;
    for number in 0..3 {
        pair.a.machine.send(ours, numbered(number, 20_000)).unwrap();
    }
    pair.run_for(ms(2000));
    assert_eq!(pair.b.machine.held_bytes(), 60_000);
    assert_eq!(told_window(&pair.b), 40_000);
    pair.b.reading = true;
    pair.run_for(ms(2000));
    assert_eq!(pair.b.machine.held_bytes(), 0);
}

#[test]
fn what_the_peer_sent_before_it_heard_of_our_close_arrives() {
    let mut raw = small_rude();
    let channel = opened(&mut raw);
    raw.say(1, PART, b"begun before, ");
    raw.channels.close_channel(channel);
    raw.exchange();
    raw.say(1, PART, b"continued and ");
    raw.say(1, WHOLE, b"ended after");
    raw.say(1, 51, b"whole");
    raw.peer.reset_streams(&[1]).unwrap();
    raw.exchange();
    let message = |data: Message| ChannelEvent::Message { channel, data };
    let reason = ChannelCloseReason::Local;
    assert_eq!(
        raw.events(),
        [
            message(b"begun before, continued and ended after"[..].into()),
            message("whole".into()),
            ChannelEvent::Closed { channel, reason }
        ]
    );
}

#[test]
fn what_the_peer_sends_behind_its_own_reset_is_dropped() {
    let mut raw = small_rude();
    let channel = opened(&mut raw);
    // More than the peer takes, so that our own direction stays open.
    for _ in 0..50 {
        raw.channels.send(channel, vec![0; 60_000]).unwrap();
    }
    shout(&mut raw, 1, PART, 10_000);
    assert_eq!(raw.channels.held_bytes(), 10_000);
    raw.peer.reset_streams(&[1]).unwrap();
    raw.exchange();
    assert_eq!(raw.events(), [ChannelEvent::Closing { channel }]);
    assert_eq!(raw.channels.state(channel), ChannelState::Closing);
    assert_eq!(raw.channels.held_bytes(), 0, "the rest can't come any more");
    assert_eq!(raw.channels.association().held_bytes(), 0);
    shout(&mut raw, 1, PART, 10_000);
    shout(&mut raw, 1, WHOLE, 10_000);
    assert_eq!(raw.events(), []);
    assert_eq!(raw.channels.stats().dropped_closed, 2);
}

#[test]
fn messages_cross_our_close_on_the_wire() {
    let mut pair = Channels::connected_channels();
    let ours = pair.a.machine.open("data").unwrap();
    pair.run_for(ms(500));
    let theirs = pair.b.machine.channels().next().unwrap();
    for number in 0..20 {
        pair.b.machine.send(theirs, numbered(number, 10_000)).unwrap();
    }
    pair.a.machine.close_channel(ours);
    pair.run_for(ms(5000));
    assert_eq!(lengths(&pair.a.events), [10_000; 20]);
    assert_eq!(pair.a.machine.state(ours), ChannelState::Closed);
}

#[test]
fn little_left_to_send_is_told_once_however_often_it_happens() {
    let mut pair = Channels::connected_channels();
    let [one, other] = ["one", "other"].map(|label| pair.a.machine.open(label).unwrap());
    pair.run_for(ms(500));
    pair.a.take_events();
    pair.a.reading = false;
    for _ in 0..200 {
        pair.a.machine.send(one, "hi").unwrap();
        pair.a.machine.send(other, "ho").unwrap();
        pair.run_for(ms(50));
    }
    let mut events: Vec<ChannelEvent> = std::iter::from_fn(|| pair.a.machine.poll_event()).collect();
    events.sort_by_key(|event| *event != ChannelEvent::BufferedAmountLow { channel: one });
    assert_eq!(
        events,
        [one, other].map(|channel| ChannelEvent::BufferedAmountLow { channel })
    );
    // Once taken, it is told again.
    pair.a.machine.send(one, "hi").unwrap();
    pair.run_for(ms(50));
    assert_eq!(
        pair.a.machine.poll_event(),
        Some(ChannelEvent::BufferedAmountLow { channel: one })
    );
    assert_eq!(pair.a.machine.poll_event(), None);
}

#[test]
fn a_bare_association_tells_it_once_as_well() {
    let mut pair = Associations::connected();
    pair.a.reading = false;
    for _ in 0..200 {
        pair.send(3, "hi");
        pair.run_for(ms(50));
    }
    let low = Some(Event::BufferedAmountLow { stream: 3 });
    assert_eq!(
        (pair.a.machine.poll_event(), pair.a.machine.poll_event()),
        (low.clone(), None)
    );
    pair.send(3, "hi");
    pair.run_for(ms(50));
    assert_eq!(pair.a.machine.poll_event(), low);
}

#[test]
fn debug_output_never_shows_what_was_said() {
    let mut pair = Channels::connected_channels();
    let ours = pair.a.machine.open("data").unwrap();
    pair.run_for(ms(500));
    pair.b.reading = false;
    pair.a.machine.send(ours, "my secret").unwrap();
    let waiting = format!("{:?}", pair.a.machine);
    pair.flush();
    let on_its_way = format!("{:?}", pair.a.machine);
    pair.run_for(ms(500));
    let unread = format!("{:?}", pair.b.machine);
    assert_eq!(pair.b.machine.held_bytes(), 9);
    for text in [waiting, on_its_way, unread] {
        assert!(text.starts_with("DataChannels"), "{text}");
        assert!(!text.contains("secret"), "{text}");
        // Nor as a list of bytes, alternate or not.
        assert!(!text.contains("115, 101, 99"), "{text}");
    }
}

/// Whatever came and went, an application that has taken everything has the whole window again, and the sender knows.
#[test]
fn for_every_seed_the_window_is_whole_in_the_end() {
    for seed in 0..40 {
        let faults = LinkFaults {
            loss: 100,
            duplication: 50,
            reordering: 200,
        };
        let mut pair = Associations::new(patient(), patient().with_max_message_size(9000)).with_faults(faults, seed);
        pair.connect();
        for number in 0..300 {
            let stream = (number % 7) as u16;
            let options = SendOptions {
                ordered: stream != 2,
                reliability: match stream {
                    3 | 4 => Reliability::MaxRetransmits(stream - 3),
                    5 => Reliability::MaxLifetime(ms(50)),
                    _ => Reliability::Reliable,
                },
                ..SendOptions::default()
            };
            // Each eleventh is longer than the peer takes.
            let len = if number % 11 == 0 { 12_000 } else { 1 + number * 13 };
            if pair.a.machine.send(stream, 51, numbered(number, len), options).is_ok() && number % 50 == 49 {
                pair.a.machine.reset_streams(&[stream]).unwrap();
            }
            pair.run_for(ms(20));
        }
        pair.faults = LinkFaults::default();
        pair.run_for(ms(60_000));
        pair.b.wire.clear();
        pair.send(6, "the last one");
        pair.run_for(ms(2000));
        let told = |bytes: &Vec<u8>| {
            let packet = Packet::parse(bytes).unwrap();
            let sack = packet
                .chunks()
                .map(Result::unwrap)
                .find(|chunk| chunk.kind() == kind::SACK)?;
            Some(Sack::parse(&sack).unwrap().a_rwnd)
        };
        let told = pair.b.wire.iter().rev().find_map(told).unwrap();
        assert_eq!(told, Config::new().receive_window, "seed {seed}");
    }
}
