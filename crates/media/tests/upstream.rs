//! Raw RTP that comes by no connection.

use pollrtc_core::Instant;
use pollrtc_media::{PayloadTypes, Upstream, UpstreamConfig};
use pollrtc_rtp::{Format, StreamKey};
use quickcheck::quickcheck;

fn config() -> UpstreamConfig {
    let mut types = PayloadTypes::new();
    assert!(types.insert(96, Format(4), 90_000) && !types.insert(128, Format(0), 1));
    UpstreamConfig::new(StreamKey(3), types)
}

fn packet(ssrc: u32, sequence: u16) -> Vec<u8> {
    [
        &[0x80, 96][..],
        &sequence.to_be_bytes(),
        &[0; 4],
        &ssrc.to_be_bytes(),
        b"media",
    ]
    .concat()
}

fn receive(upstream: &mut Upstream, at: u64, ssrc: u32, sequence: u16) -> Option<u64> {
    let bytes = packet(ssrc, sequence);
    let packet = upstream.receive(Instant::from_millis(at), &bytes)?;
    assert_eq!(
        (packet.origin.source.stream, packet.origin.format),
        (StreamKey(3), Format(4))
    );
    assert_eq!(packet.origin.arrived, Instant::from_millis(at));
    Some(packet.origin.source.index)
}

#[test]
fn the_first_source_that_shows_to_be_one_is_the_stream() {
    let mut upstream = Upstream::new(config());
    assert_eq!(receive(&mut upstream, 0, 7, 9), None);
    assert_eq!(receive(&mut upstream, 0, 8, 50), None);
    assert_eq!(receive(&mut upstream, 0, 8, 51), Some(51));
    assert_eq!(upstream.ssrc(), Some(8));
    // Others are dropped however they number.
    for sequence in 1_000..2_000 {
        assert_eq!(receive(&mut upstream, 10, 7, sequence), None);
        assert_eq!(receive(&mut upstream, 10, sequence.into(), 7), None);
    }
    assert_eq!(receive(&mut upstream, 20, 8, 52), Some(52));
    assert_eq!(receive(&mut upstream, 20, 8, 52), None, "a duplicate is not delivered");
    assert_eq!(upstream.reception().stats().duplicates, 1);
    assert!(upstream.stats().strangers > 1_900);
}

#[test]
fn another_source_takes_the_place_of_a_silent_one_and_indices_grow() {
    let mut upstream = Upstream::new(config());
    for sequence in 100..110 {
        receive(&mut upstream, 0, 8, sequence);
    }
    assert_eq!(receive(&mut upstream, 1_999, 9, 5), None);
    assert_eq!(receive(&mut upstream, 2_001, 9, 6), None);
    assert_eq!(receive(&mut upstream, 2_002, 9, 7), Some(0x1_0007));
    assert_eq!((upstream.ssrc(), upstream.stats().takeovers), (Some(9), 1));
    assert_eq!(receive(&mut upstream, 2_003, 9, 8), Some(0x1_0008));
}

#[test]
fn an_ssrc_that_was_told_is_never_left() {
    let mut upstream = Upstream::new(UpstreamConfig {
        ssrc: Some(8),
        ..config()
    });
    for sequence in 0..10 {
        assert_eq!(receive(&mut upstream, 10_000, 9, sequence), None);
    }
    assert_eq!(receive(&mut upstream, 0, 8, 1), None);
    assert_eq!(receive(&mut upstream, 0, 8, 2), Some(2));
}

#[test]
fn what_is_no_packet_of_it_is_counted() {
    let mut upstream = Upstream::new(config());
    assert!(upstream.receive(Instant::ZERO, b"no RTP").is_none());
    let mut other = packet(8, 1);
    other[1] = 97;
    assert!(upstream.receive(Instant::ZERO, &other).is_none());
    assert_eq!((upstream.stats().malformed, upstream.stats().unknown_type), (1, 1));
}

quickcheck! {
    /// For every flood of sources, numbers and times: no index comes twice, and each ends in its number.
    fn indices_are_names(steps: Vec<(u8, u16, bool, u16)>) -> bool {
        let mut upstream = Upstream::new(config());
        let mut known = std::collections::BTreeSet::new();
        let mut sequence = 0_u16;
        steps.into_iter().all(|(ssrc, jump, is_jump, at)| {
            sequence = sequence.wrapping_add(if is_jump { jump } else { 1 });
            let index = receive(&mut upstream, at.into(), (ssrc % 3).into(), sequence);
            index.is_none_or(|index| known.insert(index) && index as u16 == sequence)
        })
    }
}
