//! What a hostile peer can make an association hold, as [`Config`] states it: counted by the allocator.

mod support;

use allocation_counter::measure;
use bytes::Bytes;
use pollrtc_sctp::wire::{DataHeader, kind};
use pollrtc_sctp::{AssociationState, Config, SendOptions};
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
