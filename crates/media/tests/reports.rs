//! Sender reports, and the round trip that reports measure.

mod common;

use std::time::Duration;

use common::Random;

use pollrtc_core::Instant;
use pollrtc_media::{ClockPair, NtpClock, Reception, ReferenceTimes, RemoteClock, RoundTrip, Transmission};
use pollrtc_rtp::NtpTime;
use pollrtc_rtp::rtcp::SenderInfo;

#[test]
fn a_report_tells_its_own_moment_not_that_of_a_packet() {
    let world = NtpClock::new(NtpTime(100 << 32));
    let mut transmission = Transmission::new(90_000);
    assert_eq!(
        transmission.report(Instant::from_millis(1), world),
        None,
        "nothing was sent"
    );
    transmission.handle_packet(Instant::from_millis(1_000), u32::MAX, 500);
    transmission.handle_packet(Instant::from_millis(1_001), u32::MAX, 700);
    let report = transmission
        .report(Instant::from_millis(2_000), world)
        .expect("a report");
    assert_eq!(report.ntp_time, NtpTime(102 << 32));
    assert_eq!(
        report.rtp_timestamp, 89_999,
        "a second behind the first packet, over the wrap"
    );
    assert_eq!((report.packet_count, report.octet_count), (2, 1_200));
}

#[test]
fn the_publishers_clock_counts_more_than_when_we_wrote() {
    let mut transmission = Transmission::new(48_000);
    transmission.handle_packet(Instant::from_millis(300), 4_800, 1);
    // It was taken 200 ms before it left here.
    let at = Instant::from_millis(100);
    transmission.set_clock(ClockPair { timestamp: 4_800, at });
    let report = transmission
        .report(Instant::from_millis(300), NtpClock::default())
        .expect("a report");
    assert_eq!(report.rtp_timestamp, 14_400);
}

#[test]
fn counters_wrap_in_32_bits() {
    let mut transmission = Transmission::new(1);
    for _ in 0..5 {
        transmission.handle_packet(Instant::ZERO, 0, 1 << 30);
    }
    let report = transmission
        .report(Instant::ZERO, NtpClock::default())
        .expect("a report");
    assert_eq!((report.octet_count, transmission.octets()), (1 << 30, 5 << 30));
}

#[test]
fn a_report_goes_there_and_back() {
    let world = NtpClock::from_unix(Duration::from_secs(1_700_000_000));
    let start = Instant::from_millis(5_000);
    let mut reception = Reception::authenticated();
    reception.handle_index(start, 1, Default::default());
    // 40 ms there, 2 s waiting, 60 ms back.
    reception.handle_sender_report(start + Duration::from_millis(40), world.at(start));
    let report = reception
        .report(start + Duration::from_millis(2_040), 9)
        .expect("a report");
    let mut round_trip = RoundTrip::default();
    let now = world.at(start + Duration::from_millis(2_100));
    let last = report.last_sender_report;
    let measured = round_trip
        .handle_answer(now, last, report.delay_since_last_sender_report)
        .expect("a round trip");
    assert!(
        measured.abs_diff(Duration::from_millis(100)) < Duration::from_micros(50),
        "{measured:?}"
    );
    assert_eq!(round_trip.latest(), round_trip.smoothed());
}

#[test]
fn answers_that_make_no_sense_are_ignored() {
    let mut round_trip = RoundTrip::default();
    let now = NtpTime(1_000 << 32);
    assert_eq!(round_trip.handle_answer(now, 0, 5), None);
    assert_eq!(
        round_trip.ignored(),
        0,
        "it knows of no report of ours, which is no fault"
    );
    // It waited for longer than it was away; it is from the future; it was away for an hour.
    for (last, delay) in [
        (999 << 16, 2 << 16),
        (1_001 << 16, 0),
        (1_000_u32.wrapping_sub(3_600) << 16, 0),
    ] {
        assert_eq!(round_trip.handle_answer(now, last, delay), None);
    }
    assert_eq!((round_trip.ignored(), round_trip.latest()), (3, None));
    // 18 hours later the middle 32 bits have wrapped.
    let wrapped = NtpTime(65_536 << 32);
    let measured = round_trip.handle_answer(wrapped, 0xffff_8000, 0x4000);
    assert_eq!(measured, Some(Duration::from_millis(250)));
}

#[test]
fn those_who_only_receive_are_answered_too() {
    let mut times = ReferenceTimes::default();
    let at = Instant::from_millis(50);
    // A peer that asks under ever more names fills nothing.
    for ssrc in 0..1_000 {
        times.handle_reference_time(at, ssrc, NtpTime(u64::from(ssrc) << 16));
    }
    times.handle_reference_time(at, 999, NtpTime(5_555 << 16));
    let answers: Vec<_> = times.answers(at + Duration::from_secs(1)).collect();
    assert_eq!(answers.len(), ReferenceTimes::LIMIT);
    let last = answers.last().expect("an answer");
    assert_eq!(
        (
            last.ssrc,
            last.last_receiver_report,
            last.delay_since_last_receiver_report
        ),
        (999, 5_555, 1 << 16)
    );
}

/// What a peer says of a stream at some time, in milliseconds of its clock.
fn told(millis: u64, clock_rate: u64) -> SenderInfo {
    SenderInfo {
        ntp_time: NtpTime((3_900_000_000 << 32) + ((millis << 32) / 1_000)),
        rtp_timestamp: (millis * clock_rate / 1_000) as u32,
        ..SenderInfo::default()
    }
}

#[test]
fn sound_and_picture_stay_together_however_late_their_reports_are() {
    let mut random = Random(5);
    let mut clock = RemoteClock::default();
    for second in 1..600 {
        let at = |millis: u64, delay: u64| Instant::from_millis(millis + 30 + delay);
        let (sound_at, picture_at) = (1_000 * second, 1_000 * second + 400);
        let delay = random.below(200);
        let sound = clock.handle_sender_report(at(sound_at, delay), &told(sound_at, 48_000));
        let arrived = at(picture_at, random.below(200));
        let picture = clock.handle_sender_report(arrived, &told(picture_at, 90_000));
        assert!(picture.at <= arrived);
        // Both tell when the same moment was, 10 s in.
        let difference = |one: Instant, other: Instant| (one - other).max(other - one);
        let (heard, seen) = (sound.instant_of(480_000, 48_000), picture.instant_of(900_000, 90_000));
        if second > 30 {
            assert!(
                difference(heard, seen) < Duration::from_millis(10),
                "{heard:?} and {seen:?}"
            );
            assert!(
                difference(seen, Instant::from_millis(10_030)) < Duration::from_millis(20),
                "{seen:?}"
            );
        }
    }
}

#[test]
fn a_peers_clock_that_drifts_or_is_set_is_followed() {
    let mut clock = RemoteClock::default();
    let mut last = None;
    for second in 0..7_200_u64 {
        // 200 ppm slow; after an hour it is set back by a minute.
        let peers = 200_000 + second * 1_000 - second / 5 - if second > 3_600 { 60_000 } else { 0 };
        let now = Instant::from_millis(1_000 * second + 50);
        let pair = clock.handle_sender_report(now, &told(peers, 1_000));
        assert!(
            now - pair.at <= Duration::from_millis(15),
            "{second}: {:?}",
            now - pair.at
        );
        last = Some(pair);
    }
    // However wrong a time is, it is no later than the report.
    for ntp_time in [0, u64::MAX, 1 << 63] {
        let info = SenderInfo {
            ntp_time: NtpTime(ntp_time),
            ..SenderInfo::default()
        };
        let now = Instant::from_millis(8_000_000);
        assert!(clock.handle_sender_report(now, &info).at <= now);
        assert!(clock.handle_sender_report(Instant::ZERO, &info).at <= Instant::ZERO);
    }
    assert!(last.is_some());
}
