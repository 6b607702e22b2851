//! Received streams: what reports say of them (RFC 3550, appendix A).

use std::time::Duration;

use pollrtc_core::Instant;
use pollrtc_media::{Arrival, Facts, Reception};
use pollrtc_rtp::NtpTime;
use quickcheck::quickcheck;

const OPUS: u32 = 48_000;

fn facts(index: u64) -> Facts {
    Facts {
        timestamp: (960 * index) as u32,
        clock_rate: OPUS,
        payload: 100,
    }
}

fn at(index: u64) -> Instant {
    Instant::from_millis(1_000_000 + 20 * index)
}

/// Packets of a raw stream, each when it is due.
fn receive(reception: &mut Reception, sequences: impl IntoIterator<Item = u64>) -> Vec<Arrival> {
    let one = |number: u64| reception.handle_sequence(at(number), number as u16, facts(number));
    sequences.into_iter().map(one).collect()
}

fn believed(first: u64) -> Reception {
    let mut reception = Reception::new();
    let arrivals = receive(&mut reception, [first - 2, first - 1]);
    assert_eq!(arrivals, [Arrival::OnProbation, Arrival::InOrder { index: first - 1 }]);
    reception
}

#[test]
fn a_source_counts_after_two_packets_in_a_row() {
    let mut reception = Reception::new();
    let arrivals = receive(&mut reception, [5, 9, 70, 71, 72]);
    assert_eq!(arrivals[..3], [Arrival::OnProbation; 3]);
    assert_eq!(
        arrivals[3..],
        [Arrival::InOrder { index: 71 }, Arrival::InOrder { index: 72 }]
    );
    let report = reception.report(at(80), 9).expect("it counts now");
    assert_eq!((report.cumulative_lost, report.extended_highest_sequence), (0, 72));
}

#[test]
fn a_source_that_was_authenticated_counts_at_once() {
    let mut reception = Reception::authenticated();
    assert_eq!(reception.report(at(0), 9), None);
    assert_eq!(
        reception.handle_index(at(0), 3 << 16, facts(0)),
        Arrival::InOrder { index: 3 << 16 }
    );
    assert_eq!(
        reception.report(at(1), 9).expect("a report").extended_highest_sequence,
        3 << 16
    );
}

#[test]
fn numbers_that_wrap_count_on() {
    let mut reception = believed(65_530);
    receive(&mut reception, 65_530..65_545);
    let report = reception.report(at(70_000), 9).expect("a report");
    assert_eq!(
        report.extended_highest_sequence, 65_544,
        "one rollover in the upper half"
    );
    assert_eq!(reception.highest_index(), Some(65_544));
}

#[test]
fn what_is_late_is_taken_and_moves_nothing() {
    let mut reception = believed(1_000);
    receive(&mut reception, [1_000, 1_001, 1_090]);
    assert_eq!(
        receive(&mut reception, [1_002, 1_001]),
        [Arrival::Late { index: 1_002 }, Arrival::Duplicate { index: 1_001 },]
    );
    assert_eq!(
        receive(&mut reception, [985]),
        [Arrival::OutOfPlace],
        "more than 100 behind"
    );
    let report = reception.report(at(2_000), 9).expect("a report");
    assert_eq!(report.extended_highest_sequence, 1_090);
    // 92 were expected; 999..=1002 and 1090 came, and one of them twice, which counts.
    assert_eq!(report.cumulative_lost, 92 - 6);
    let stats = reception.stats();
    assert_eq!(
        (stats.packets, stats.duplicates, stats.late, stats.out_of_place),
        (6, 1, 1, 1)
    );
}

#[test]
fn a_jump_is_a_new_beginning_if_two_packets_say_so() {
    let mut reception = believed(100);
    receive(&mut reception, 100..110);
    assert_eq!(
        receive(&mut reception, [30_000, 110]),
        [Arrival::OutOfPlace, Arrival::InOrder { index: 110 },]
    );
    let again = receive(&mut reception, [30_000, 30_001, 30_002]);
    assert_eq!(again[0], Arrival::OutOfPlace);
    let index = again[1].delivered().expect("it began anew");
    assert!(index > 110 && index as u16 == 30_001);
    assert_eq!(again[2], Arrival::InOrder { index: index + 1 });
    assert_eq!(reception.stats().restarts, 1);
    let report = reception.report(at(40_000), 9).expect("a report");
    assert_eq!((report.cumulative_lost, report.extended_highest_sequence), (0, 30_002));

    // Back to where it was: indices grow all the same.
    let back = receive(&mut reception, [100, 101]);
    assert!(
        back[1]
            .delivered()
            .is_some_and(|newer| newer > index && newer as u16 == 101),
        "{back:?}"
    );
}

#[test]
fn loss_is_told_since_the_report_before() {
    let mut reception = Reception::authenticated();
    let receive = |reception: &mut Reception, range: std::ops::Range<u64>, every: u64| {
        for index in range.filter(|index| index % every != 1) {
            reception.handle_index(at(index), index, facts(index));
        }
    };
    receive(&mut reception, 0..400, 4);
    let report = reception.report(at(400), 9).expect("a report");
    assert_eq!((report.fraction_lost, report.cumulative_lost), (64, 100));
    receive(&mut reception, 400..500, 1_000);
    let report = reception.report(at(500), 9).expect("a report");
    assert_eq!((report.fraction_lost, report.cumulative_lost), (0, 100));
    let report = reception.report(at(501), 9).expect("a report");
    assert_eq!(
        (report.fraction_lost, report.cumulative_lost),
        (0, 100),
        "nothing was expected since"
    );
}

#[test]
fn duplicates_make_loss_negative_and_24_bits_are_the_most() {
    let mut reception = Reception::authenticated();
    for _ in 0..40 {
        reception.handle_index(at(0), 7, facts(0));
    }
    let report = reception.report(at(1), 9).expect("a report");
    assert_eq!((report.fraction_lost, report.cumulative_lost), (0, -39));

    let mut reception = Reception::authenticated();
    for index in (0..30_000_000).step_by(2_000) {
        reception.handle_index(at(0), index, facts(0));
    }
    assert_eq!(reception.report(at(1), 9).expect("a report").cumulative_lost, 0x7f_ffff);
}

#[test]
fn jitter_follows_a_delay_that_alternates() {
    let mut reception = Reception::authenticated();
    for index in 0..1_000 {
        let delay = Duration::from_millis(if index % 2 == 0 { 0 } else { 10 });
        reception.handle_index(at(index) + delay, index, facts(index));
    }
    // Each differs from the one before by 10 ms, 480 ticks.
    assert!((470..=490).contains(&reception.jitter()), "{}", reception.jitter());
}

#[test]
fn jitter_is_not_made_by_what_is_none() {
    let mut reception = Reception::authenticated();
    let mut index = 0;
    let mut receive = |reception: &mut Reception, arrived: Instant, facts: Facts| {
        index += 1;
        reception.handle_index(arrived, index, facts);
    };
    let start = u64::from(u32::MAX / 960) - 100;
    for number in start..start + 200 {
        receive(&mut reception, at(number), facts(number)); // timestamps wrap half-way
        let padding = Facts {
            payload: 0,
            ..facts(number + 7_000)
        };
        receive(&mut reception, at(number), padding);
    }
    assert_eq!(reception.jitter(), 0);
    // Another codec has another clock (RFC 7160), and a publisher's timestamps may begin anew.
    for number in 0..10 {
        let facts = Facts {
            timestamp: 160 * number as u32,
            clock_rate: 8_000,
            payload: 20,
        };
        receive(&mut reception, at(start + 200 + number), facts);
    }
    assert_eq!(reception.jitter(), 0);
    // The packets of a frame leave one after the other.
    for number in 0..100_u64 {
        let facts = Facts {
            timestamp: 3_000 * (number / 10) as u32,
            clock_rate: 90_000,
            payload: 1_000,
        };
        let arrived = Instant::ZERO + Duration::from_nanos(33_333_333) * (number / 10) as u32;
        receive(&mut reception, arrived + Duration::from_millis(number % 10), facts);
    }
    assert!(reception.jitter() <= 1, "{}", reception.jitter());
}

#[test]
fn what_a_retransmission_brought_is_delivered_once_and_stays_lost() {
    let mut reception = Reception::authenticated();
    for index in [10, 11, 14] {
        reception.handle_index(at(index), index, facts(index));
    }
    assert_eq!(reception.handle_recovered(12), Arrival::Late { index: 12 });
    assert_eq!(reception.handle_recovered(12), Arrival::Duplicate { index: 12 });
    // The original was late, not lost.
    assert_eq!(
        reception.handle_index(at(15), 12, facts(12)),
        Arrival::Duplicate { index: 12 }
    );
    let report = reception.report(at(20), 9).expect("a report");
    assert_eq!(report.cumulative_lost, 1, "13 alone");
    assert_eq!((reception.stats().recovered, reception.jitter()), (1, 0));
    // Nor does one that claims to be far ahead make all others too old.
    assert_eq!(reception.handle_recovered(5_000), Arrival::OutOfPlace);
}

#[test]
fn a_report_answers_the_sender_report_before_it() {
    let mut reception = Reception::authenticated();
    reception.handle_index(at(0), 0, facts(0));
    let report = reception.report(at(0), 9).expect("a report");
    assert_eq!(
        (report.last_sender_report, report.delay_since_last_sender_report),
        (0, 0)
    );
    reception.handle_sender_report(at(10), NtpTime(0x0123_4567_89ab_cdef));
    let report = reception
        .report(at(10) + Duration::from_millis(1_500), 9)
        .expect("a report");
    assert_eq!(report.last_sender_report, 0x4567_89ab);
    assert_eq!(report.delay_since_last_sender_report, 0x1_8000);
}

quickcheck! {
    /// For every sequence of numbers and times nothing is delivered twice, and indices end in their numbers.
    fn no_index_is_delivered_twice(steps: Vec<(u16, u32, bool)>) -> bool {
        let mut reception = Reception::new();
        let mut delivered = std::collections::BTreeSet::new();
        let mut sequence = 0_u16;
        steps.into_iter().all(|(jump, time, is_jump)| {
            sequence = sequence.wrapping_add(if is_jump { jump } else { jump % 4 });
            let facts = Facts { timestamp: time, clock_rate: time, payload: usize::from(jump) };
            let arrival = reception.handle_sequence(Instant::from_nanos(time.into()), sequence, facts);
            reception.report(Instant::ZERO, 9);
            arrival.delivered().is_none_or(|index| index as u16 == sequence && delivered.insert(index))
        })
    }
}
