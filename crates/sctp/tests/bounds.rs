//! What a hostile peer, or an application that does not stop, can make an association hold, as [`Config`] states it:
//! counted by the allocator.

mod support;

use std::time::Duration;

use allocation_counter::measure;
use bytes::Bytes;
use pollrtc_core::InnerProtocol;
use pollrtc_sctp::channel::{ChannelConfig, ChannelEvent, ChannelSendError, Message};
use pollrtc_sctp::wire::{DataHeader, kind};
use pollrtc_sctp::{AssociationState, Config, Reliability, SendOptions};
use support::*;

/// What is not a matter of configuration: tables of fixed size.
const FIXED: usize = 512 * 1024;

/// The most bytes that were allocated at a time during an attack, beyond what there was before.
fn most_held(attack: impl FnOnce()) -> usize {
    measure(attack).bytes_max as usize
}

/// A peer whose data fills `window` can cost so much.
fn receive_bound(config: &Config) -> usize {
    2 * config.receive_window as usize + config.max_message_size + 32 * usize::from(config.inbound_streams) + FIXED
}

/// Sends all it can; the TSNs that leave.
fn flood(tester: &mut Tester, len: usize) -> Vec<u32> {
    let message = Bytes::from(vec![7; len]);
    while tester.machine.buffered_amount(1) < 40 * len {
        let sent = tester.machine.send(1, 51, message.clone(), SendOptions::default());
        if sent.is_err() {
            break;
        }
    }
    let chunks = tester.chunks();
    let data = chunks.iter().filter(|chunk| chunk.0 == kind::DATA);
    data.map(|chunk| u32::from_be_bytes(chunk.2[..4].try_into().unwrap()))
        .collect()
}

/// A peer that acknowledges everything but the first chunk. Gives how many chunks are outstanding in the end.
fn hold_back(tester: &mut Tester, len: usize, rounds: usize) -> u16 {
    let mut first = None;
    let mut span = 0;
    for _ in 0..rounds {
        for tsn in flood(tester, len) {
            let first = *first.get_or_insert(tsn);
            let distance = tsn.wrapping_sub(first);
            span = span.max(if distance < 1 << 30 { distance } else { 0 });
        }
        let Some(first) = first else { continue };
        let end = u16::try_from(span + 1).expect("the peer can name it");
        let blocks = [(2, end)];
        tester.sack(first.wrapping_sub(1), u32::MAX, if span > 0 { &blocks } else { &[] });
        tester.now += ms(1);
    }
    u16::try_from(span + 1).unwrap()
}

#[test]
fn a_peer_that_never_acknowledges_the_first_chunk_makes_us_hold_what_the_configuration_says() {
    for len in [16, 1000, 100_000] {
        let own = config().with_send_buffer(1 << 20).with_max_outstanding(2 << 20);
        let bound = own.max_outstanding + 41 * len + FIXED;
        let mut tester = Tester::with(own);
        let mut span = 0;
        let held = most_held(|| span = hold_back(&mut tester, len, 2000));
        assert!(
            held <= bound,
            "{held} bytes for messages of {len}, with {span} chunks outstanding"
        );
        assert_eq!(tester.machine.state(), AssociationState::Connected);
    }
}

#[test]
fn no_more_is_outstanding_than_one_sack_can_name() {
    let mut tester = Tester::with(config().with_max_outstanding(usize::MAX));
    let span = hold_back(&mut tester, 16, 3000);
    assert!((16_000..=16_384).contains(&span), "{span}");
}

#[test]
fn ordered_messages_whose_turn_never_comes_cost_what_the_window_says() {
    let own = config();
    let bound = receive_bound(&own);
    let mut tester = Tester::with(own);
    let held = most_held(|| {
        for n in 0..20_000 {
            tester.ordered(n, (n % 60_000) as u16, 7, b"x");
            tester.chunks();
        }
    });
    assert!(held <= bound, "{held} of {bound} bytes");
}

#[test]
fn messages_that_nobody_takes_cost_what_the_window_says() {
    let own = config();
    let bound = receive_bound(&own);
    let mut tester = Tester::with(own);
    let held = most_held(|| {
        for n in 0..20_000 {
            tester.ordered(n, 0, n as u16, b"x");
            tester.chunks();
        }
    });
    assert!(held <= bound, "{held} of {bound} bytes");
}

#[test]
fn fragments_behind_a_gap_cost_what_the_window_says() {
    let own = config();
    let bound = receive_bound(&own);
    let mut tester = Tester::with(own);
    let held = most_held(|| {
        for n in (1..20_000).rev() {
            tester.data(n, 4, 0, b"x");
            tester.chunks();
        }
    });
    assert!(held <= bound, "{held} of {bound} bytes");
}

#[test]
fn streams_that_were_used_cost_little_each() {
    let own = config();
    let bound = 32 * usize::from(own.inbound_streams) + 64 * 1024;
    let mut tester = Tester::with(own);
    let held = most_held(|| {
        for n in 0..65_535 {
            tester.ordered(n, n as u16, 0, b"x");
            tester.chunks();
            tester.events();
        }
    });
    assert!(held <= bound, "{held} of {bound} bytes for streams that carried data");

    let mut tester = Tester::new();
    let held = most_held(|| {
        for n in 0..18 {
            let first = n * 4000;
            let streams: Vec<(u16, u16)> = (first..first + 4000).map(|stream| (stream as u16, n as u16)).collect();
            tester.forward_tsn(n, &streams);
            tester.chunks();
        }
    });
    assert!(held <= bound, "{held} of {bound} bytes for streams that were skipped");
}

#[test]
fn streams_beyond_the_agreed_ones_are_not_remembered() {
    let mut tester = Tester::with(config().with_inbound_streams(10));
    let held = most_held(|| {
        let streams: Vec<(u16, u16)> = (10..4010).map(|stream| (stream, 5)).collect();
        tester.forward_tsn(0, &streams);
        for n in 1..4000 {
            let header = DataHeader {
                beginning: true,
                ending: true,
                tsn: tester.tsn.wrapping_add(n),
                stream: 10 + n as u16,
                ..DataHeader::default()
            };
            tester.give(|packet| {
                packet.data(&header, b"x");
            });
            tester.chunks();
        }
    });
    assert!(held < 128 * 1024, "{held} bytes");
    assert_eq!(tester.events(), []);
}

#[test]
fn resets_that_wait_cost_what_one_request_says_and_what_the_window_says() {
    let own = config().with_receive_window(100_000);
    let bound = receive_bound(&own);
    let mut tester = Tester::with(own);
    let streams: Vec<u16> = (0..8000).collect();
    let held = most_held(|| {
        for n in 0..2000 {
            tester.reset(0xFFFF_FFF0 + n % 3, 0, &streams);
            tester.ordered(n + 1, (n % 8000) as u16, 0, b"x");
            tester.forward_tsn(0u32.wrapping_sub(1), &[(n as u16, 7)]);
        }
    });
    assert!(held <= bound, "{held} of {bound} bytes");
}

/// What waits to be sent may cost so much.
fn send_bound(config: &Config) -> usize {
    2 * config.send_buffer + FIXED
}

/// More messages than any limit here has room for.
const FLOOD: usize = 1_000_000;

#[test]
fn messages_that_wait_to_be_sent_cost_what_the_send_buffer_says_however_short_they_are() {
    let lifetimes = [Reliability::Reliable, Reliability::MaxLifetime(Duration::from_secs(60))];
    for (len, reliability) in [1, 10, 200, 10_000]
        .into_iter()
        .flat_map(|len| lifetimes.map(|lifetime| (len, lifetime)))
    {
        let own = config().with_send_buffer(1 << 20);
        let bound = send_bound(&own);
        let mut tester = Tester::with(own);
        let options = SendOptions {
            reliability,
            ..SendOptions::default()
        };
        let mut sent = 0;
        let held = most_held(|| {
            // The peer's window is closed, and time passes.
            while sent < FLOOD && tester.machine.send(1, 51, vec![7; len].into(), options).is_ok() {
                sent += 1;
            }
            tester.machine.handle_timeout(tester.now);
        });
        assert!(held <= bound, "{held} of {bound} bytes for {sent} messages of {len}");
        assert!(sent >= (1 << 20) / len.max(192), "{sent} messages of {len} are few");
    }
}

#[test]
fn empty_messages_wait_for_room_like_others() {
    let own = ChannelConfig::new().with_association(config().with_send_buffer(1 << 20));
    let bound = send_bound(&own.association);
    let mut pair = Channels::channels_with(own.clone(), own);
    pair.connect_both();
    let ours = pair.a.machine.open("empty").unwrap();
    pair.run_for(ms(1000));
    pair.a.take_events();
    let (mut sent, mut refused) = (0, None);
    let held = most_held(|| {
        while sent < FLOOD && refused.is_none() {
            refused = pair.a.machine.send(ours, Message::from("")).err();
            sent += usize::from(refused.is_none());
        }
    });
    assert!(held <= bound, "{held} of {bound} bytes for {sent} messages");
    assert!(
        matches!(refused, Some(ChannelSendError::BufferFull { .. })),
        "{refused:?}"
    );
    assert_eq!(pair.a.machine.buffered_amount(ours), 0, "nothing of it is the user's");
    // Whoever was refused is told of room, and all arrives.
    pair.run_until(ms(10_000), |pair| {
        pair.a.events.contains(&ChannelEvent::Writable { channel: ours })
    });
    pair.a.machine.send(ours, Message::from("")).unwrap();
    pair.run_for(ms(10_000));
    let came = pair
        .b
        .events
        .iter()
        .filter(|event| matches!(event, ChannelEvent::Message { .. }));
    assert_eq!(came.count(), sent + 1);
}
