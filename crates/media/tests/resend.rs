//! Requests of a receiver are answered within bounds.

use std::time::Duration;

use pollrtc_core::Instant;
use pollrtc_media::{Refusal, Resends};
use quickcheck::quickcheck;

fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn resends(round_trip: u64) -> Resends {
    let mut resends = Resends::new();
    resends.set_round_trip(Duration::from_millis(round_trip));
    resends
}

#[test]
fn a_packet_is_resent_once_a_round_trip() {
    let mut resends = resends(100);
    // A receiver that repeats its request each 5 ms.
    let times: Vec<u64> = (0..900)
        .step_by(5)
        .filter(|now| resends.admit(ms(*now), 65_600, ms(0), 1_000).is_ok())
        .collect();
    assert_eq!(times, [0, 100, 200, 300, 400, 500, 600, 700, 800]);
    assert_eq!(resends.stats().too_soon, 180 - 9);
}

#[test]
fn what_is_too_old_to_be_of_use_is_not_resent() {
    let mut near = resends(50);
    assert_eq!(near.admit(ms(2_000), 1, ms(1_000), 100), Ok(()));
    assert_eq!(near.admit(ms(2_001), 2, ms(1_000), 100), Err(Refusal::TooOld));
    let mut far = resends(500);
    assert_eq!(far.admit(ms(2_500), 1, ms(1_000), 100), Ok(()));
    assert_eq!(far.admit(ms(2_501), 2, ms(1_000), 100), Err(Refusal::TooOld));
    assert_eq!(far.stats().too_old, 1);
}

#[test]
fn a_receiver_that_asks_for_everything_gets_a_quarter() {
    let mut resends = resends(20);
    let (mut sent, mut resent) = (0_u64, 0_u64);
    for now in 0..10_000 {
        resends.handle_packet(ms(now), 1_200);
        sent += 1_200;
        for sequence in now.saturating_sub(200)..now {
            if resends.admit(ms(now), sequence, ms(now), 1_200).is_ok() {
                resent += 1_200;
            }
        }
    }
    assert!(resent <= sent / 4 + 12_000, "{resent} of {sent}");
    assert!(resent >= sent / 5, "{resent} of {sent}");
    assert_eq!(
        (resends.stats().bytes, resends.stats().resent),
        (resent, resent / 1_200)
    );
    assert!(resends.stats().over_rate > 0);
}

#[test]
fn an_honest_receiver_at_five_percent_gets_all() {
    let mut resends = resends(80);
    for now in 0..60_000 {
        resends.handle_packet(ms(now), 1_200);
        // A burst of ten packets each 200 ms is lost.
        if now % 200 == 199 {
            for sequence in now - 9..=now {
                assert_eq!(resends.admit(ms(now), sequence, ms(now), 1_200), Ok(()), "at {now}");
            }
        }
    }
    assert_eq!(resends.stats().resent, 3_000);
}

#[test]
fn the_state_of_a_receiver_is_small() {
    assert!(size_of::<Resends>() <= 544, "{}", size_of::<Resends>());
}

quickcheck! {
    /// For every sequence of requests, at any times: no packet is resent twice within a round trip.
    fn never_twice_within_a_round_trip(steps: Vec<(u8, u16)>) -> bool {
        let mut resends = resends(90);
        let mut last = std::collections::BTreeMap::new();
        let mut now = 0;
        steps.into_iter().all(|(sequence, wait)| {
            now += u64::from(wait % 100) * u64::from(wait % 3);
            resends.handle_packet(ms(now), 10_000);
            let is_sent = resends.admit(ms(now), sequence.into(), ms(now), 100).is_ok();
            !is_sent || last.insert(sequence, now).is_none_or(|before| now - before >= 90)
        })
    }
}
