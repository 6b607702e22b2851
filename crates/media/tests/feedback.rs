//! Feedback on arrivals, over the wire and back: what a receiver saw is what a sender hears.

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::Random;
use pollrtc_core::{Departure, Ecn, Instant, SendId};
use pollrtc_media::{Departures, Fate, FeedbackConfig, Outcome, StreamArrivals, TransportArrivals};
use pollrtc_rtp::rtcp::{
    Compound, CongestionControlFeedbackBuilder, PacketMetric, RtcpPacket, StreamMetricsBuilder,
    TransportWideFeedbackBuilder, WriteRtcp,
};
use quickcheck::quickcheck;

const SSRC: u32 = 0xcafe;

fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// All transport-wide feedback that is due.
fn transport_feedback(arrivals: &mut TransportArrivals, now: Instant, max_len: usize) -> Vec<Vec<u8>> {
    let mut written = Vec::new();
    loop {
        let mut buf = vec![0; max_len];
        let told = {
            let Some(report) = arrivals.poll_report(now) else {
                return written;
            };
            let (base, count) = (report.base_sequence, report.count);
            let feedback = TransportWideFeedbackBuilder::new(1, 2, count, base, report.ticks(), max_len);
            feedback.map(|feedback| {
                let len = feedback.write_to(&mut buf).expect("it fits");
                (usize::from(feedback.status_count()), len)
            })
        };
        let (told, len) = told.unwrap_or((usize::MAX, 0));
        arrivals.handle_reported(now, told, len);
        if len > 0 {
            buf.truncate(len);
            written.push(buf);
        }
    }
}

fn hear(departures: &mut Departures, bytes: &[u8]) -> Vec<Fate> {
    let mut fates = Vec::new();
    let compound = Compound::parse(bytes).expect("RTCP");
    for packet in compound.packets() {
        match packet {
            Ok(RtcpPacket::TransportWideFeedback(feedback)) => {
                departures.handle_transport_feedback(&feedback, |fate| fates.push(fate));
            }
            Ok(RtcpPacket::CongestionControlFeedback(feedback)) => {
                departures.handle_stream_feedback(&feedback, |fate| fates.push(fate));
            }
            other => panic!("{other:?}"),
        }
    }
    fates
}

fn send(departures: &mut Departures, now: Instant) -> u64 {
    let number = departures.next_number();
    assert!(departures.handle_packet(now, number, SendId(number), SSRC, number as u16, 1_000));
    number
}

#[test]
fn feedback_comes_each_50_to_250_milliseconds_and_takes_five_percent() {
    for (each, expected) in [
        (Duration::from_micros(500), 50..=51),
        (Duration::from_millis(40), 50..=140),
        (Duration::from_millis(200), 200..=250),
    ] {
        let mut arrivals = TransportArrivals::new(FeedbackConfig::default());
        let (mut now, mut number, mut bytes, mut told) = (ms(0), 0_u16, 0, Vec::new());
        let mut feedback_len = 0;
        while now < ms(30_000) {
            arrivals.handle_packet(now, number, 400);
            (number, bytes) = (number.wrapping_add(1), bytes + 400);
            now += each;
            while arrivals.poll_timeout().is_some_and(|due| due <= now) {
                let written = transport_feedback(&mut arrivals, now, 1_200);
                assert_eq!(written.len(), 1);
                feedback_len += written[0].len();
                told.push(now);
            }
        }
        let gaps = told.windows(2).skip(20).map(|pair| (pair[1] - pair[0]).as_millis());
        let (least, most) = (gaps.clone().min().unwrap(), gaps.max().unwrap());
        assert!(
            least >= *expected.start() && most <= *expected.end() + each.as_millis(),
            "{least}..{most} ms"
        );
        if each < Duration::from_millis(100) {
            assert!(feedback_len * 100 <= bytes * 6, "{feedback_len} of {bytes} bytes");
        }
    }
}

#[test]
fn nothing_new_is_nothing_to_tell() {
    let mut arrivals = TransportArrivals::new(FeedbackConfig::default());
    assert_eq!(arrivals.poll_timeout(), None);
    arrivals.handle_packet(ms(100), 7, 100);
    assert_eq!(arrivals.poll_timeout(), Some(ms(150)));
    assert_eq!(transport_feedback(&mut arrivals, ms(150), 100).len(), 1);
    assert_eq!(
        (arrivals.poll_timeout(), transport_feedback(&mut arrivals, ms(900), 100)),
        (None, vec![])
    );
    arrivals.handle_packet(ms(901), 7, 100);
    assert_eq!((arrivals.poll_timeout(), arrivals.stale()), (None, 1), "it came twice");
}

#[test]
fn what_is_too_much_for_one_packet_goes_into_several() {
    let (mut arrivals, mut departures) = (TransportArrivals::new(FeedbackConfig::default()), Departures::new());
    for number in 0..1_000_u64 {
        assert_eq!(send(&mut departures, ms(0)), number);
        if number % 3 != 1 {
            arrivals.handle_packet(ms(10 + 20 * (number % 2)), number as u16, 1_000);
        }
    }
    let written = transport_feedback(&mut arrivals, ms(100), 200);
    assert!(written.len() > 4 && written.iter().all(|feedback| feedback.len() <= 200));
    let fates: Vec<Fate> = written
        .iter()
        .flat_map(|feedback| hear(&mut departures, feedback))
        .collect();
    assert!(fates.iter().map(|fate| fate.number).eq(0..1_000));
    for fate in &fates {
        assert_eq!(fate.outcome == Outcome::Lost, fate.number % 3 == 1);
    }
    assert_eq!(departures.in_flight(), 0);
    assert_eq!((departures.stats().arrived, departures.stats().lost), (667, 333));
}

#[test]
fn numbers_that_jump_begin_anew_and_late_ones_are_told_once_more() {
    let mut arrivals = TransportArrivals::new(FeedbackConfig::default());
    for number in [10, 11, 13] {
        arrivals.handle_packet(ms(0), number, 100);
    }
    transport_feedback(&mut arrivals, ms(50), 1_200);
    // 12 was said to be missing.
    arrivals.handle_packet(ms(60), 12, 100);
    let due = arrivals.poll_timeout().expect("news");
    let report = arrivals.poll_report(due).expect("news");
    assert_eq!((report.base_sequence, report.count), (12, 1));
    assert!(report.ticks().eq([Some(240), Some(0)]), "a delta below zero");
    transport_feedback(&mut arrivals, due, 1_200);

    arrivals.handle_packet(ms(400), 30_000, 100);
    let report = arrivals.poll_report(ms(700)).expect("news");
    assert_eq!((report.base_sequence, report.ticks().count()), (30_000, 1));
}

#[test]
fn what_was_told_and_forgotten_is_not_called_lost() {
    let mut arrivals = TransportArrivals::new(FeedbackConfig::default());
    for number in 0..100_u16 {
        let now = ms(20 * u64::from(number));
        arrivals.handle_packet(now, number, 100);
        transport_feedback(&mut arrivals, now, 1_200);
    }
    transport_feedback(&mut arrivals, ms(5_000), 1_200);
    arrivals.handle_packet(ms(5_001), 3, 100);
    assert_eq!((arrivals.poll_timeout(), arrivals.stale()), (None, 1));
}

#[test]
fn the_driver_says_when_it_really_sent() {
    let mut departures = Departures::new();
    (0..4).for_each(|_| _ = send(&mut departures, ms(100)));
    assert_eq!(departures.in_flight(), 4_000);
    departures.handle_sent(SendId(1), Departure::Sent(ms(117)));
    departures.handle_sent(SendId(2), Departure::Dropped);
    departures.handle_sent(SendId(99), Departure::Sent(ms(1)));
    assert_eq!(departures.in_flight(), 3_000);
    let mut arrivals = TransportArrivals::new(FeedbackConfig::default());
    for number in [0, 1, 3, 9] {
        arrivals.handle_packet(ms(200), number, 1_000);
    }
    let written = transport_feedback(&mut arrivals, ms(300), 1_200);
    let fates = hear(&mut departures, &written[0]);
    let sent: Vec<(u64, Instant)> = fates.iter().map(|fate| (fate.number, fate.sent)).collect();
    assert_eq!(
        sent,
        [(0, ms(100)), (1, ms(117)), (3, ms(100))],
        "what was dropped has no fate"
    );
    assert_eq!(
        (departures.stats().dropped, departures.stats().unknown),
        (1, 1),
        "9 was never sent"
    );
    assert!(departures.is_empty() && departures.in_flight() == 0);
}

#[test]
fn records_are_bounded_and_go_when_their_fate_is_known() {
    let mut departures = Departures::new();
    for number in 0..10_000 {
        assert_eq!(send(&mut departures, ms(number)), number);
        assert!(departures.len() <= Departures::LIMIT);
    }
    assert_eq!(departures.stats().forgotten, 10_000 - 4_096);
    assert_eq!(departures.in_flight(), 4_096_000);
    assert!(
        !departures.handle_packet(ms(0), 7, SendId(0), SSRC, 7, 1),
        "that number is another packet's"
    );

    // One in ten is lost, and still there are few records.
    let mut arrivals = TransportArrivals::new(FeedbackConfig::default());
    let mut departures = Departures::new();
    for number in 0..10_000_u64 {
        send(&mut departures, ms(number));
        if number % 10 != 3 {
            arrivals.handle_packet(ms(number + 30), number as u16, 1_000);
        }
        for feedback in transport_feedback(&mut arrivals, ms(number + 30), 1_200) {
            hear(&mut departures, &feedback);
        }
        assert!(departures.len() < 800, "{} at {number}", departures.len());
    }
    assert!(departures.stats().lost > 950 && departures.stats().forgotten == 0);
}

#[test]
fn feedback_that_was_lost_is_noticed() {
    let (mut arrivals, mut departures) = (TransportArrivals::new(FeedbackConfig::default()), Departures::new());
    for number in 0..40_u64 {
        send(&mut departures, ms(number * 100));
        arrivals.handle_packet(ms(number * 100), number as u16, 1_000);
        for feedback in transport_feedback(&mut arrivals, ms(number * 100 + 99), 1_200) {
            if number % 10 != 5 {
                hear(&mut departures, &feedback);
            }
        }
    }
    assert!(
        (2..=4).contains(&departures.stats().feedback_lost),
        "{:?}",
        departures.stats()
    );
}

#[test]
fn remote_times_go_on_over_the_wrap_of_the_reference_time() {
    let (mut arrivals, mut departures) = (TransportArrivals::new(FeedbackConfig::default()), Departures::new());
    // 2^23 units of 64 ms are a little over six days.
    let start = (1_u64 << 23) * 64 - 3_000;
    let mut times = Vec::new();
    for step in 0..60_u64 {
        let number = send(&mut departures, ms(step));
        arrivals.handle_packet(ms(start + 100 * step), number as u16, 1_000);
        for feedback in transport_feedback(&mut arrivals, ms(start + 100 * step + 60), 1_200) {
            times.extend(hear(&mut departures, &feedback).into_iter().map(|fate| fate.outcome));
        }
    }
    let times: Vec<i64> = times
        .into_iter()
        .map(|outcome| match outcome {
            Outcome::Arrived(Some(at)) => at.0,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(
        times.len() > 50 && times.windows(2).all(|pair| pair[1] - pair[0] == 100_000_000),
        "{times:?}"
    );
}

/// Feedback by streams, in as many packets as it takes.
fn stream_feedback(arrivals: &mut StreamArrivals, now: Instant, timestamp: u32) -> Vec<Vec<u8>> {
    let mut written = Vec::new();
    loop {
        let mut metrics = [PacketMetric::NotReceived; 100];
        let Some(report) = arrivals.poll_report(now, &mut metrics) else {
            break;
        };
        let streams = [StreamMetricsBuilder {
            ssrc: report.ssrc,
            begin_sequence: report.begin_sequence,
            metrics: &metrics[..report.metrics],
        }];
        let feedback = CongestionControlFeedbackBuilder {
            sender_ssrc: 1,
            streams: &streams,
            report_timestamp: timestamp,
        };
        let mut buf = vec![0; feedback.encoded_len()];
        feedback.write_to(&mut buf).expect("it fits");
        written.push(buf);
    }
    arrivals.handle_reported(now, written.iter().map(Vec::len).sum());
    written
}

#[test]
fn streams_are_told_by_their_own_numbers_with_their_marks() {
    let (mut arrivals, mut departures) = (StreamArrivals::new(FeedbackConfig::default()), Departures::new());
    let mut expected = BTreeMap::new();
    for at in 0..400_u64 {
        let (ssrc, sequence) = (10 + (at % 2) as u32, (65_500 + at / 2) as u16);
        let number = departures.next_number();
        assert!(departures.handle_packet(ms(at), number, SendId(at), ssrc, sequence, 500));
        if at % 7 != 0 {
            let ecn = [None, Some(Ecn::Ect1), Some(Ecn::Ce)][(at % 3) as usize];
            arrivals.handle_packet(ms(at + 20), ssrc, sequence, ecn, 500);
            expected.insert(at, (at + 20, ecn));
        }
    }
    // The report's timestamp is 500 ms in units of 1/65,536 s.
    let mut fates = BTreeMap::new();
    for feedback in stream_feedback(&mut arrivals, ms(500), 1 << 15) {
        fates.extend(
            hear(&mut departures, &feedback)
                .into_iter()
                .map(|fate| (fate.number, fate)),
        );
    }
    // Nothing is said of what was lost at either end.
    assert_eq!(fates.len(), 398);
    for (number, fate) in fates {
        match (fate.outcome, expected.get(&number)) {
            (Outcome::Lost, None) => {}
            (Outcome::Arrived(Some(at)), Some((arrived, ecn))) => {
                let error = at.0 - (*arrived as i64) * 1_000_000;
                assert!(error.abs() < 1_000_000 && fate.ecn == *ecn, "{number}: {error} ns");
            }
            other => panic!("{number}: {other:?}"),
        }
    }
    assert_eq!(arrivals.poll_timeout(), None);
}

#[test]
fn streams_without_end_fill_nothing() {
    let mut arrivals = StreamArrivals::new(FeedbackConfig::default());
    for ssrc in 0..10_000 {
        arrivals.handle_packet(ms(0), ssrc, 0, None, 100);
    }
    assert_eq!(arrivals.refused(), 10_000 - 64);
    assert_eq!(stream_feedback(&mut arrivals, ms(100), 0).len(), 64);
    arrivals.remove(5);
    arrivals.handle_packet(ms(101), 9_999, 0, None, 100);
    assert!(arrivals.poll_timeout().is_some());
}

#[test]
fn once_warm_nothing_is_allocated() {
    let (mut arrivals, mut departures) = (TransportArrivals::new(FeedbackConfig::default()), Departures::new());
    let mut random = Random(3);
    let mut buf = [0; 1_200];
    let mut run = |from: u64| {
        for number in from..from + 5_000 {
            departures.handle_packet(ms(number), number, SendId(number), SSRC, number as u16, 1_000);
            departures.handle_sent(SendId(number), Departure::Sent(ms(number)));
            if random.below(20) > 0 {
                arrivals.handle_packet(ms(number), number as u16, 1_000);
            }
            let told = arrivals.poll_report(ms(number)).and_then(|report| {
                let (base, count) = (report.base_sequence, report.count);
                let feedback = TransportWideFeedbackBuilder::new(1, 2, count, base, report.ticks(), 1_200)?;
                Some((
                    usize::from(feedback.status_count()),
                    feedback.write_to(&mut buf).expect("it fits"),
                ))
            });
            if let Some((told, len)) = told {
                arrivals.handle_reported(ms(number), told, len);
                let compound = Compound::parse(&buf[..len]).expect("RTCP");
                if let Some(Ok(RtcpPacket::TransportWideFeedback(feedback))) = compound.packets().next() {
                    departures.handle_transport_feedback(&feedback, |_| {});
                }
            }
        }
    };
    run(0);
    let counted = allocation_counter::measure(|| run(5_000));
    assert_eq!(counted.count_total, 0);
}

quickcheck! {
    /// For every way in which packets are lost and late: each that arrived is told, with its time, and nothing else is.
    fn what_was_seen_is_what_is_heard(delays: Vec<(u8, bool)>, max_len: u8) -> bool {
        let mut due: Vec<(u64, u64)> = Vec::new();
        let (mut arrivals, mut departures) = (TransportArrivals::new(FeedbackConfig::default()), Departures::new());
        for (at, (delay, is_lost)) in (0..).zip(&delays) {
            send(&mut departures, ms(5 * at));
            if !is_lost {
                due.push((5 * at + u64::from(*delay), at));
            }
        }
        due.sort_unstable();
        let mut heard = BTreeMap::new();
        let end = due.last().map_or(0, |(at, _)| *at) + 1_000;
        let mut due = due.into_iter().peekable();
        let mut seen = BTreeMap::new();
        for now in 0..end {
            while let Some((_, number)) = due.next_if(|(at, _)| *at <= now) {
                arrivals.handle_packet(ms(now), number as u16, 1_000);
                seen.insert(number, now);
            }
            for feedback in transport_feedback(&mut arrivals, ms(now), 40 + usize::from(max_len)) {
                for fate in hear(&mut departures, &feedback) {
                    match fate.outcome {
                        Outcome::Lost => assert!(!seen.contains_key(&fate.number)),
                        Outcome::Arrived(Some(at)) => {
                            let before = heard.insert(fate.number, at.0 / 1_000_000);
                            assert_eq!(before, None, "told twice");
                        }
                        Outcome::Arrived(None) => panic!("all times are known"),
                    }
                }
            }
        }
        heard.into_iter().map(|(number, at)| (number, at as u64)).eq(seen)
    }
}
