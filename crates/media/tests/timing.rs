//! When RTCP leaves: RFC 3550 §6.3 and RFC 4585 §3.5, over hours of virtual time.

use std::time::Duration;

use pollrtc_core::Instant;
use pollrtc_crypto::Rng;
use pollrtc_media::{RtcpDue, RtcpProfile, RtcpTiming, RtcpTimingConfig};
use quickcheck::quickcheck;

const SIZE: usize = 100;

fn avp() -> RtcpTimingConfig {
    RtcpTimingConfig {
        bandwidth: 3_200,
        profile: RtcpProfile::Avp {
            shortest: Duration::from_secs(5),
        },
        first_packet: SIZE,
        members: 10_000,
    }
}

fn avpf(shortest: u64) -> RtcpTimingConfig {
    RtcpTimingConfig {
        profile: RtcpProfile::Avpf {
            shortest: Duration::from_millis(shortest),
        },
        ..RtcpTimingConfig::default()
    }
}

fn timing(config: RtcpTimingConfig, seed: u8) -> RtcpTiming {
    RtcpTiming::new(Instant::ZERO, config, Rng::from_seed([seed; 32]))
}

/// What leaves until `end`, if nothing else happens but that members go on being heard.
fn play(timing: &mut RtcpTiming, end: Instant, members: u32) -> Vec<(Instant, RtcpDue)> {
    let mut sent = Vec::new();
    let mut heard = Instant::ZERO;
    loop {
        let now = timing.poll_timeout();
        if now > end {
            return sent;
        }
        if now >= heard + Duration::from_secs(5) {
            (0..members).for_each(|ssrc| timing.handle_rtcp(now, ssrc, SIZE));
            heard = now;
        }
        if let Some(due) = timing.poll_due(now) {
            timing.handle_sent(SIZE);
            sent.push((now, due));
        }
        assert!(timing.poll_timeout() > now, "no busy loop");
    }
}

#[test]
fn two_send_each_five_seconds_on_the_average_and_never_in_step() {
    let mut timing = timing(avp(), 1);
    timing.handle_rtcp(Instant::ZERO, 0, SIZE);
    let sent = play(&mut timing, Instant::ZERO + Duration::from_secs(10_000), 1);
    assert!(
        sent[0].0 >= Instant::ZERO + Duration::from_millis(1_000),
        "{:?}",
        sent[0]
    );
    assert!(
        sent[0].0 <= Instant::ZERO + Duration::from_millis(3_100),
        "half of it before the first"
    );
    let gaps: Vec<Duration> = sent.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    // RFC 3550 §6.3.1: 0.5 to 1.5 times, divided by e - 1.5.
    assert!(
        gaps.iter().all(|gap| (2.0..=6.2).contains(&gap.as_secs_f64())),
        "{gaps:?}"
    );
    let average = gaps.iter().sum::<Duration>().as_secs_f64() / gaps.len() as f64;
    assert!((4.0..=5.5).contains(&average), "{average}");
    assert!(sent.iter().all(|(_, due)| *due == RtcpDue::Report));
}

#[test]
fn the_bandwidth_of_many_is_that_of_few() {
    // 3,200 bit/s are 400 bytes, so four packets, a second. Receivers have three quarters of it.
    for members in [50_u32, 500] {
        let mut timing = timing(avp(), 2);
        (0..members).for_each(|ssrc| timing.handle_rtcp(Instant::ZERO, ssrc, SIZE));
        let sent = play(&mut timing, Instant::ZERO + Duration::from_secs(100_000), members);
        let rate = sent.len() as f64 * SIZE as f64 * 8.0 / 100_000.0 * f64::from(members + 1);
        assert!((0.8..=1.2).contains(&(rate / 2_400.0)), "{rate} bit/s of all {members}");
    }
}

#[test]
fn few_senders_have_a_quarter_to_themselves() {
    let report = |is_sender: bool| {
        let mut timing = timing(avp(), 3);
        (0..400).for_each(|ssrc| timing.handle_rtcp(Instant::ZERO, ssrc, SIZE));
        if is_sender {
            timing.handle_rtp_sent(Instant::ZERO);
        }
        assert_eq!(timing.senders(), usize::from(is_sender));
        timing.poll_due(timing.poll_timeout());
        timing.poll_timeout() - Instant::ZERO
    };
    // One sender of 401: 5 s. A receiver: 400 packets at three a second, over two minutes, randomly halved at most.
    assert!(report(true) < Duration::from_secs(13));
    assert!(report(false) > Duration::from_secs(45));
}

#[test]
fn who_comes_to_a_crowd_holds_back() {
    let mut timing = timing(avp(), 4);
    let first = timing.poll_timeout();
    // Before the first packet leaves, 1,000 others are heard of.
    (0..1_000).for_each(|ssrc| timing.handle_rtcp(first, ssrc, SIZE));
    assert_eq!(timing.poll_due(first), None, "RFC 3550 §6.3.6");
    assert!(timing.poll_timeout() > first + Duration::from_secs(60));
}

#[test]
fn when_most_have_left_the_others_speak_sooner() {
    let mut timing = timing(avp(), 5);
    (0..1_000).for_each(|ssrc| timing.handle_rtcp(Instant::ZERO, ssrc, SIZE));
    timing.poll_due(timing.poll_timeout());
    let now = Instant::from_millis(10_000);
    let before = timing.poll_timeout() - now;
    (0..900).for_each(|ssrc| timing.handle_bye(now, ssrc, SIZE));
    let after = timing.poll_timeout() - now;
    assert_eq!(timing.members(), 101);
    assert!(after < before / 8 && after > before / 12, "{before:?}, then {after:?}");
}

#[test]
fn who_is_not_heard_any_more_is_no_member() {
    let mut timing = timing(avp(), 6);
    timing.handle_rtp(Instant::ZERO, 1);
    timing.handle_rtp(Instant::ZERO, 2);
    assert_eq!((timing.members(), timing.senders()), (3, 2));
    let mut now = Instant::ZERO;
    while now < Instant::from_millis(60_000) {
        now = timing.poll_timeout();
        timing.handle_rtcp(now, 2, SIZE);
        if timing.poll_due(now).is_some() {
            timing.handle_sent(SIZE);
        }
        if now < Instant::from_millis(10_000) {
            assert_eq!(timing.members(), 3);
        } else if now > Instant::from_millis(20_000) {
            assert_eq!(timing.senders(), 0, "neither has sent for two intervals");
        }
    }
    assert_eq!(timing.members(), 2, "one has said nothing for five intervals");
}

#[test]
fn a_flood_of_members_fills_nothing() {
    let mut timing = timing(avpf(1_000), 7);
    (0..100_000).for_each(|ssrc| timing.handle_rtcp(Instant::ZERO, ssrc, SIZE));
    assert_eq!(timing.members(), 257);
}

#[test]
fn a_few_say_goodbye_at_once_and_many_one_after_the_other() {
    let now = Instant::from_millis(60_000);
    let mut few = timing(avp(), 8);
    few.leave(now, SIZE);
    assert_ne!(
        few.poll_due(now),
        Some(RtcpDue::Bye),
        "who never said anything says no goodbye"
    );
    few.handle_rtp_sent(now);
    few.leave(now, SIZE);
    assert_eq!((few.poll_timeout(), few.poll_due(now)), (now, Some(RtcpDue::Bye)));
    assert_eq!(few.poll_timeout(), Instant::FAR_FUTURE);
    assert_eq!(few.poll_due(now + Duration::from_secs(1_000)), None);

    let mut many = timing(avp(), 9);
    (0..200).for_each(|ssrc| many.handle_rtcp(now, ssrc, SIZE));
    many.handle_rtp_sent(now);
    many.leave(now, SIZE);
    let first = many.poll_timeout();
    assert!(first > now + Duration::from_millis(500));
    // All the others leave as well.
    (0..200).for_each(|ssrc| many.handle_bye(first, ssrc, SIZE));
    assert_eq!(many.poll_due(first), None);
    let second = many.poll_timeout();
    assert!(second > first + Duration::from_secs(20));
    // It is reconsidered each time, and leaves soon.
    let said = (0..20).find_map(|_| many.poll_due(many.poll_timeout()));
    assert_eq!(said, Some(RtcpDue::Bye));
}

#[test]
fn two_tell_at_once_what_is_missing_within_the_bandwidth() {
    let mut timing = timing(avpf(1_000), 10);
    timing.handle_rtp(Instant::ZERO, 1);
    let mut sent = Vec::new();
    // A loss each millisecond, for ten seconds.
    for now in 1_000..11_000 {
        let now = Instant::from_millis(now);
        timing.handle_rtp(now, 1);
        timing.request_early(now, Duration::from_millis(50));
        if timing.poll_timeout() <= now
            && let Some(due) = timing.poll_due(now)
        {
            timing.handle_sent(SIZE);
            sent.push((now, due));
        }
    }
    assert_eq!(sent[0].0, Instant::from_millis(1_000), "the first at once");
    let longest = sent.windows(2).map(|pair| pair[1].0 - pair[0].0).max();
    assert!(
        longest.is_some_and(|longest| longest <= Duration::from_millis(50)),
        "{longest:?}"
    );
    // 100 kbit/s for both; we are half of them.
    let rate = sent.len() * SIZE * 8 / 10;
    assert!(rate <= 100_000, "{rate} bit/s");
    let reports = sent.iter().filter(|(_, due)| *due == RtcpDue::Report).count();
    assert!((5..=20).contains(&reports), "{reports} reports in ten seconds");
}

#[test]
fn early_feedback_does_not_delay_reports_nor_make_more() {
    let mut timing = timing(avpf(1_000), 11);
    let sent = play(&mut timing, Instant::from_millis(100_000), 1);
    assert!((90..=115).contains(&sent.len()), "{} reports", sent.len());
}

#[test]
fn feedback_that_would_come_too_late_is_refused() {
    // Without AVPF there is no early feedback.
    let mut timing = timing(avp(), 12);
    let report = timing.poll_timeout();
    assert!(!timing.request_early(report - Duration::from_millis(200), Duration::from_millis(100)));
    assert!(
        timing.request_early(report - Duration::from_millis(50), Duration::from_millis(100)),
        "it goes with the report"
    );

    // In a crowd it is spread, and then it takes its turn.
    let mut crowd = RtcpTiming::new(Instant::ZERO, avpf(0), Rng::from_seed([13; 32]));
    (0..200).for_each(|ssrc| crowd.handle_rtcp(Instant::ZERO, ssrc, SIZE));
    let mut now = crowd.poll_timeout();
    crowd.poll_due(now);
    crowd.handle_sent(SIZE);
    now += Duration::from_millis(1);
    assert!(crowd.request_early(now, Duration::from_secs(2)));
    let at = crowd.poll_timeout();
    assert!(at > now);
    assert_eq!(crowd.poll_due(at), Some(RtcpDue::Early));
    assert!(!crowd.request_early(at, Duration::from_millis(10)));
}

quickcheck! {
    /// For every order of events and times nothing panics, and once nothing is due the next time lies ahead.
    fn quiet_means_quiet(seed: u8, steps: Vec<(u8, u16, u32)>) -> bool {
        let mut timing = timing(if seed.is_multiple_of(2) { avp() } else { avpf(seed.into()) }, seed);
        let mut now = Instant::ZERO;
        steps.into_iter().all(|(step, wait, ssrc)| {
            let wait = Duration::from_millis(wait.into());
            now = if step >= 0xf0 { now - wait } else { now + wait };
            match step % 8 {
                0 => timing.handle_rtp(now, ssrc),
                1 => timing.handle_rtcp(now, ssrc % 9, ssrc as usize),
                2 => timing.handle_bye(now, ssrc % 9, SIZE),
                3 => timing.handle_rtp_sent(now),
                4 => timing.handle_sent(ssrc as usize),
                5 => _ = timing.request_early(now, wait),
                6 if step == 6 => timing.leave(now, SIZE),
                _ => {}
            }
            while timing.poll_due(now).is_some() {
                timing.handle_sent(SIZE);
            }
            timing.poll_timeout() > now
        })
    }
}
