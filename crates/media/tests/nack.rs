//! What is missing is asked for: soon, not too often, and not for ever (RFC 4585 §6.2.1).

use std::collections::BTreeSet;
use std::time::Duration;

use pollrtc_core::Instant;
use pollrtc_media::{NackConfig, NackList};
use pollrtc_rtp::Via;
use quickcheck::quickcheck;

const ROUND_TRIP: Duration = Duration::from_millis(60);

fn list() -> NackList {
    let mut list = NackList::new(NackConfig::default());
    list.set_round_trip(ROUND_TRIP);
    list
}

fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// All numbers that are asked for now, and how many elements of a NACK that takes.
fn asked(list: &mut NackList, now: Instant) -> (Vec<u16>, usize) {
    let mut elements = 0;
    let missing = std::iter::from_fn(|| list.poll_missing(now)).inspect(|_| elements += 1);
    (
        missing
            .flat_map(|missing| missing.sequence_numbers().collect::<Vec<_>>())
            .collect(),
        elements,
    )
}

fn receive(list: &mut NackList, now: Instant, indices: impl IntoIterator<Item = u64>) {
    indices
        .into_iter()
        .for_each(|index| list.handle_packet(now, index, Via::Media));
}

#[test]
fn a_gap_is_asked_for_at_once_and_again_a_round_trip_later() {
    let mut list = list();
    receive(&mut list, ms(0), [65_530, 65_531, 65_560]);
    let numbers = (65_532..65_560_u32).map(|number| number as u16).collect::<Vec<_>>();
    assert_eq!(
        asked(&mut list, ms(0)),
        (numbers.clone(), 2),
        "over the wrap, in two elements"
    );
    assert_eq!(asked(&mut list, ms(59)), (vec![], 0));
    assert_eq!(list.poll_timeout(), Some(ms(60)));
    assert_eq!(asked(&mut list, ms(60)), (numbers, 2));
    assert!(!list.take_key_frame_need());
}

#[test]
fn what_came_is_not_asked_for_again_whichever_way_it_came() {
    let mut list = list();
    receive(&mut list, ms(0), [1, 6]);
    assert_eq!(asked(&mut list, ms(0)).0, [2, 3, 4, 5]);
    for (index, via) in [(3, Via::Rtx), (4, Via::Fec), (5, Via::Media)] {
        list.handle_packet(ms(30), index, via);
    }
    assert_eq!(asked(&mut list, ms(60)).0, [2]);
    list.handle_packet(ms(61), 2, Via::Rtx);
    assert_eq!((list.poll_timeout(), list.is_empty()), (None, true));
    assert_eq!(
        (list.stats().asked, list.stats().recovered, list.stats().given_up),
        (5, 4, 0)
    );
    assert_eq!(asked(&mut list, ms(10_000)), (vec![], 0));
}

#[test]
fn a_network_that_changes_the_order_is_given_time() {
    let mut list = list();
    // Every other packet is overtaken by two others.
    receive(&mut list, ms(0), [0]);
    for index in (1..100).step_by(3) {
        receive(&mut list, ms(index), [index + 1, index + 2, index]);
    }
    assert_eq!(asked(&mut list, ms(100)), (vec![], 0));
    // So a gap waits until more than two are newer...
    receive(&mut list, ms(200), [102]);
    assert_eq!(asked(&mut list, ms(200)), (vec![], 0));
    receive(&mut list, ms(201), [103]);
    assert_eq!(asked(&mut list, ms(201)).0, [100]);
    receive(&mut list, ms(206), [104]);
    assert_eq!(asked(&mut list, ms(206)).0, [101]);
    receive(&mut list, ms(250), [100, 101]);
    // ...or for 20 ms, if no more come.
    receive(&mut list, ms(300), [106]);
    assert_eq!(asked(&mut list, ms(319)), (vec![], 0));
    let due = list.poll_timeout().expect("one is missing");
    assert!(due <= ms(320));
    assert_eq!(asked(&mut list, ms(320)).0, [105]);
}

#[test]
fn a_gap_of_thirty_thousand_is_one_request_for_a_key_frame() {
    let mut list = list();
    receive(&mut list, ms(0), [1, 3]);
    receive(&mut list, ms(1), [30_003]);
    assert_eq!(asked(&mut list, ms(1)), (vec![], 0));
    assert!(list.take_key_frame_need());
    assert!(!list.take_key_frame_need(), "it is said once");
    assert!(list.is_empty() && list.poll_timeout().is_none());
    assert_eq!(list.stats().given_up, 30_000);
    // And life goes on.
    receive(&mut list, ms(2), [30_005]);
    assert_eq!(asked(&mut list, ms(7)).0, [30_004]);
}

#[test]
fn gaps_without_end_stay_within_the_list() {
    let mut list = list();
    for index in (0..100_000).step_by(900) {
        receive(&mut list, ms(index / 900), [index]);
        asked(&mut list, ms(index / 900));
        assert!(list.len() <= 1_000);
    }
    assert!(list.take_key_frame_need());
}

#[test]
fn after_three_seconds_or_ten_thousand_packets_only_a_key_frame_helps() {
    for packets_a_second in [50, 20_000] {
        let mut list = list();
        receive(&mut list, ms(0), [0, 2]);
        let mut times = 0;
        let mut index = 2;
        for now in (0..4_000).step_by(10) {
            let upto = 2 + packets_a_second * now / 1_000;
            receive(&mut list, ms(now), index + 1..=upto);
            index = index.max(upto);
            times += usize::from(!asked(&mut list, ms(now)).0.is_empty());
            if list.is_empty() {
                break;
            }
        }
        assert!(list.is_empty() && list.take_key_frame_need());
        // 3 s at one each 60 ms; 10,000 packets take half a second.
        let expected = if packets_a_second == 50 { 45..=51 } else { 7..=9 };
        assert!(expected.contains(&times), "{times}");
    }
}

#[test]
fn tries_are_counted() {
    let mut list = NackList::new(NackConfig {
        tries: 4,
        ..NackConfig::default()
    });
    list.set_round_trip(Duration::ZERO);
    receive(&mut list, ms(0), [0, 2]);
    let times = (0..1_000)
        .filter(|now| !asked(&mut list, ms(*now)).0.is_empty())
        .count();
    assert_eq!(times, 4, "at least 20 ms apart, though the round trip is short");
    assert!(list.take_key_frame_need());
}

#[test]
fn a_key_frame_makes_what_was_before_it_needless() {
    let mut list = list();
    receive(&mut list, ms(0), [0, 5, 10]);
    asked(&mut list, ms(0));
    list.handle_key_frame(8);
    assert_eq!(asked(&mut list, ms(70)).0, [8, 9]);
}

quickcheck! {
    /// For every way in which packets are lost and late: what is asked for is missing then, no sooner than a round trip
    /// after it was asked for before, and the list stays within its bounds.
    fn only_what_is_missing_is_asked_for(steps: Vec<(u8, u8, bool)>) -> bool {
        let mut list = list();
        let (mut came, mut lost) = (BTreeSet::new(), Vec::new());
        let mut last = std::collections::BTreeMap::new();
        let (mut index, mut now) = (0_u64, 0_u64);
        list.handle_packet(ms(0), 0, Via::Media);
        came.insert(0);
        for (gap, wait, is_late) in steps {
            now += u64::from(wait % 30);
            match is_late.then(|| lost.pop()).flatten() {
                Some(late) => {
                    came.insert(late);
                    list.handle_packet(ms(now), late, Via::Media);
                }
                None => {
                    let next = index + 1 + u64::from(gap % 5);
                    lost.extend(index + 1..next);
                    index = next;
                    came.insert(index);
                    list.handle_packet(ms(now), index, Via::Media);
                }
            }
            for number in asked(&mut list, ms(now)).0 {
                let number = u64::from(number);
                assert!(!came.contains(&number), "{number} came");
                let before = last.insert(number, now);
                assert!(before.is_none_or(|before| now - before >= 60), "{number} was asked for too soon");
            }
            assert!(list.poll_timeout().is_none_or(|due| due > ms(now)), "nothing is left that is due");
        }
        list.len() <= index as usize
    }
}
