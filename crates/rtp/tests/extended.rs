//! Numbers that wrap on the wire.

use core::num::NonZeroU32;
use core::time::Duration;

use pollrtc_rtp::{
    ExtendedSequenceNumber, ExtendedTimestamp, PictureIdUnwrapper, SequenceUnwrapper, Time24Unwrapper,
    TimestampUnwrapper, Unwrapper, unwrap_near,
};
use quickcheck::quickcheck;

#[test]
fn the_first_number_stands_for_itself() {
    assert_eq!(SequenceUnwrapper::new().unwrap(65_535), 65_535);
    assert_eq!(Time24Unwrapper::new().unwrap(0xff00_0001), 1); // only 24 bits count
    assert_eq!(TimestampUnwrapper::new().unwrap(u32::MAX), i64::from(u32::MAX));
}

#[test]
fn numbers_wrap_forwards_and_backwards() {
    let mut numbers = SequenceUnwrapper::new();
    let unwrapped = [65_534, 0, 65_535, 1, 40_000, 65_535, 10].map(|number| numbers.unwrap(number));
    // What comes first may be late already.
    assert_eq!(unwrapped, [65_534, 65_536, 65_535, 65_537, 40_000, 65_535, 65_546]);
    assert_eq!(numbers.last(), Some(65_546));

    let mut early = Unwrapper::<7>::new();
    assert_eq!([0, 127, 62, 0].map(|number| early.unwrap(number)), [0, -1, 62, 0]);
}

#[test]
fn a_jump_of_half_the_range_is_one_backwards() {
    assert_eq!(
        unwrap_near::<16>(100_000, ((100_000 + 32_768) & 0xffff) as u32),
        100_000 - 32_768
    );
    assert_eq!(
        unwrap_near::<16>(100_000, ((100_000 + 32_767) & 0xffff) as u32),
        100_000 + 32_767
    );
}

#[test]
fn looking_ahead_changes_nothing() {
    let mut ids = PictureIdUnwrapper::new();
    ids.unwrap(32_767);
    assert_eq!(
        (ids.peek(3), ids.peek(32_766), ids.last()),
        (32_771, 32_766, Some(32_767))
    );
}

#[test]
fn extended_numbers_have_rollovers() {
    let number = ExtendedSequenceNumber(3).nearest(65_535);
    assert_eq!(
        (number, number.rollovers(), number.sequence_number()),
        (ExtendedSequenceNumber(-1), -1, 65_535)
    );
    assert!(number < ExtendedSequenceNumber(0));
    assert_eq!(ExtendedSequenceNumber(65_535).nearest(0).rollovers(), 1);
}

#[test]
fn times_between_timestamps_need_one_clock() {
    let timestamp = |ticks, rate| ExtendedTimestamp {
        ticks,
        clock_rate: NonZeroU32::new(rate).unwrap(),
    };
    let begin = timestamp(-90_000, 90_000);
    assert_eq!(
        timestamp(45_000, 90_000).since(begin),
        Some(Duration::from_millis(1_500))
    );
    assert_eq!(begin.since(timestamp(0, 90_000)), None);
    assert_eq!(timestamp(45_000, 48_000).since(begin), None);
    assert_eq!(timestamp(i64::MAX, 1).since(timestamp(i64::MIN, 1)), None);
    assert_eq!(
        timestamp(i64::MAX, 1).since(timestamp(0, 1)),
        Some(Duration::from_secs(i64::MAX as u64))
    );
    assert_eq!(begin.nearest(5).timestamp(), 5);
}

/// Follows a walk of steps below half of the range.
fn follows<const BITS: u32>(first: u32, steps: &[i64]) -> bool {
    let half = 1_i64 << (BITS - 1);
    let mut real = i64::from(first) & ((half << 1) - 1);
    let mut unwrapper = Unwrapper::<BITS>::new();
    let mut is_same = unwrapper.unwrap(real as u32) == real;
    for step in steps {
        real += step.rem_euclid(2 * half) - half;
        is_same &= unwrapper.unwrap(real as u32) == real;
    }
    is_same
}

quickcheck! {
    /// For every walk in steps below half of the range: the number without a wrap is found again.
    fn every_walk_is_followed(first: u32, steps: Vec<i64>) -> bool {
        follows::<7>(first, &steps)
            && follows::<15>(first, &steps)
            && follows::<16>(first, &steps)
            && follows::<24>(first, &steps)
            && follows::<32>(first, &steps)
    }

    /// For every pair: the result has the bits of the one and lies near the other, also at the ends of 64 bits.
    fn every_number_is_near(near: i64, value: u32) -> bool {
        let found = unwrap_near::<16>(near, value);
        found as u16 == value as u16 && (-32_768..32_768).contains(&found.wrapping_sub(near))
    }
}
