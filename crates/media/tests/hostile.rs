//! Whoever publishes or receives may do what they like: all stays within bounds.

mod common;

use std::collections::BTreeSet;

use common::{OPUS, Packet, Random, VP8, Vp8, formats, forwarded, forwarder};
use pollrtc_core::{Departure, Instant, SendId};
use pollrtc_media::{
    ALL_LAYERS, Departures, Facts, FeedbackConfig, Forwarder, ForwarderConfig, History, HistoryConfig, KeyframeConfig,
    KeyframeRequests, NackConfig, NackList, PayloadTypes, Reception, Resends, StreamArrivals, TransportArrivals,
    Upstream, UpstreamConfig, Verdict,
};
use pollrtc_rtp::{Format, Pool, StreamKey, Via};

#[test]
fn a_hostile_publisher_and_hostile_receivers_stay_within_bounds() {
    let counted = allocation_counter::measure(|| {
        let mut random = Random(1);
        let config = HistoryConfig {
            bytes: 100_000,
            ..HistoryConfig::default()
        };
        let (mut pool, mut history) = (Pool::new(500), History::new(config));
        let mut receivers: [Forwarder; 3] = std::array::from_fn(|at| forwarder(90_000, 1_000 * at as u16));
        let mut resends: [Resends; 3] = std::array::from_fn(|_| Resends::new());
        let mut nacks = NackList::new(NackConfig::default());
        let mut reception = Reception::authenticated();
        let mut keyframes = KeyframeRequests::new(KeyframeConfig::default());
        let mut left: [BTreeSet<u64>; 3] = Default::default();
        let (mut index, mut now, mut sent) = (0_u64, 1_000_000_u64, [0_u64; 3]);
        for _ in 0..100_000 {
            // Numbers jump, streams come and go, and time runs backwards.
            index = match random.below(50) {
                0 => random.below(1 << 48),
                1 => index.saturating_sub(random.below(2_000)),
                2 => index + random.below(2_000),
                _ => index + 1,
            } & 0xffff_ffff_ffff;
            now = if random.below(100) == 0 {
                now - random.below(500)
            } else {
                now + random.below(2)
            };
            let at = Instant::from_millis(now);
            let stream = if random.below(20) == 0 {
                random.below(1 << 32)
            } else {
                random.below(3)
            };
            let payload = Vp8 {
                begins: random.below(3) == 0,
                key: random.below(10) == 0,
                picture: random.below(1 << 15) as u16,
                temporal: random.below(4) as u8,
                sync: random.below(2) == 0,
                ..Vp8::default()
            };
            let payload = [payload.payload(), vec![0; random.below(900) as usize]].concat();
            let format = [VP8, OPUS, Format(9)][random.below(3) as usize];
            let packet = Packet::new(stream, index, random.below(1 << 32) as u32, format, &payload).arrived(at);
            let facts = Facts {
                timestamp: packet.view().timestamp(),
                clock_rate: 90_000,
                payload: payload.len(),
            };
            reception.handle_index(at, index, facts);
            reception.report(at, 1);
            nacks.handle_packet(at, index, Via::Media);
            while nacks.poll_missing(at).is_some() {}
            if nacks.take_key_frame_need() {
                keyframes.request();
            }
            if let Some(shared) = pool.share(&packet.view()) {
                history.insert(at, &shared);
            }
            for (number, receiver) in receivers.iter_mut().enumerate() {
                if random.below(300) == 0 {
                    let layer = common::temporal(random.below(4) as u8);
                    receiver.select(StreamKey(random.below(4)), layer);
                }
                match receiver.next(&packet.view()) {
                    Verdict::Forward(rewrite) => {
                        assert!(left[number].insert(rewrite.sequence), "{} left twice", rewrite.sequence);
                        left[number].retain(|known| *known + 3_000 > rewrite.sequence);
                        resends[number].handle_packet(at, payload.len());
                        sent[number] += payload.len() as u64;
                    }
                    Verdict::KeyframeNeeded(_) => keyframes.request(),
                    Verdict::Skip => {}
                }
                // Any number, and many of the last ones, again and again.
                for back in (0..8).chain([random.below(1 << 16)]) {
                    let sequence = (receiver.next_sequence() as u16).wrapping_sub(back as u16);
                    let Some(packet) = receiver.find(sequence).and_then(|source| history.get(source)) else {
                        continue;
                    };
                    let view = packet.view();
                    let Some(rewrite) = receiver.repeat(sequence, &view) else {
                        assert_eq!(view.origin.format, Format(9), "a gap that could not be filled");
                        continue;
                    };
                    assert_eq!(rewrite.sequence as u16, sequence);
                    let _ = resends[number].admit(at, rewrite.sequence, view.origin.arrived, view.payload().len());
                }
            }
            keyframes.poll_request(at);
            assert!(history.bytes() <= 100_000 && nacks.len() <= 1_000 && pool.len() <= 500);
        }
        for (resends, sent) in resends.iter().zip(sent) {
            assert!(
                resends.stats().bytes <= sent / 4 + 12_000 + sent / 100,
                "{} of {sent}",
                resends.stats().bytes
            );
        }
        // Two minutes or so at two a second.
        assert!(keyframes.sent() < 400, "{} requests", keyframes.sent());
    });
    assert!(counted.bytes_max < 2_000_000, "{} bytes at once", counted.bytes_max);
}

#[test]
fn a_stranger_who_sends_feedback_of_anything_costs_little() {
    let mut random = Random(2);
    let counted = allocation_counter::measure(|| {
        let mut transport = TransportArrivals::new(FeedbackConfig::default());
        let mut streams = StreamArrivals::new(FeedbackConfig::default());
        let mut departures = Departures::new();
        for step in 0..20_000_u64 {
            let now = Instant::from_millis(random.below(100_000));
            transport.handle_packet(now, random.below(1 << 16) as u16, 1);
            streams.handle_packet(now, random.below(100) as u32, random.below(1 << 16) as u16, None, 1);
            let number = departures.next_number();
            departures.handle_packet(now, number, SendId(step), random.below(1_000) as u32, 0, 1);
            if step % 100 == 0 {
                departures.handle_sent(SendId(random.below(step + 1)), Departure::Dropped);
            }
        }
        assert!(departures.len() <= Departures::LIMIT);
    });
    // 64 streams of 4,096 numbers each are what the configuration allows.
    assert!(
        counted.bytes_max < 64 * 4_096 * 32,
        "{} bytes at once",
        counted.bytes_max
    );
}

#[test]
fn a_flood_of_sources_at_a_gateway_grows_nothing() {
    let mut types = PayloadTypes::new();
    types.insert(96, Format(1), 90_000);
    let mut upstream = Upstream::new(UpstreamConfig::new(StreamKey(1), types));
    let mut receiver = Forwarder::new(ForwarderConfig {
        formats: formats(),
        clock_rate: 90_000,
        first_sequence: 0,
    });
    receiver.select(StreamKey(1), ALL_LAYERS);
    let mut random = Random(3);
    let mut bytes = *b"\x80\x60......SSRC\x10\x00picture";
    let mut left = Vec::with_capacity(100_000);
    let counted = allocation_counter::measure(|| {
        for sequence in 0..50_000_u16 {
            for ssrc in [7, random.below(1 << 32) as u32] {
                bytes[2..4].copy_from_slice(&sequence.to_be_bytes());
                bytes[8..12].copy_from_slice(&ssrc.to_be_bytes());
                let Some(packet) = upstream.receive(Instant::from_millis(sequence.into()), &bytes) else {
                    continue;
                };
                left.extend(forwarded(receiver.next(&packet)).map(|rewrite| rewrite.sequence));
            }
        }
    });
    assert_eq!(counted.count_total, 0);
    assert!(upstream.stats().strangers >= 50_000);
    assert!(left.len() > 49_000 && left.windows(2).all(|pair| pair[0] + 1 == pair[1]));
}
