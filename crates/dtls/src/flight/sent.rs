//! Which record carried which part of a flight, and what of it the peer has got (RFC 9147 §7.2).

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;

use crate::wire::ack::RecordNumber;

/// More parts than this are not remembered: those sent first are forgotten, and sent again even if
/// they have come.
pub(super) const MAX_RECORDS: usize = 256;

/// What was sent in which record.
#[derive(Debug, Default)]
pub(super) struct SentRecords(VecDeque<Sent>);

#[derive(Clone, Debug)]
struct Sent {
    number: RecordNumber,
    item: usize,
    range: Range<usize>,
}

impl SentRecords {
    pub(super) fn clear(&mut self) {
        self.0 = VecDeque::new();
    }

    pub(super) fn add(&mut self, number: RecordNumber, item: usize, range: Range<usize>) {
        if self.0.len() >= MAX_RECORDS {
            self.0.pop_front();
        }
        self.0.push_back(Sent { number, item, range });
    }

    /// What a record carried: items of the flight and ranges of their bodies.
    pub(super) fn carried(&self, number: RecordNumber) -> impl Iterator<Item = (usize, Range<usize>)> {
        self.0
            .iter()
            .filter(move |sent| sent.number == number)
            .map(|sent| (sent.item, sent.range.clone()))
    }
}

/// The ranges of a message's body that the peer has got: sorted, with gaps between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Received(Vec<Range<usize>>);

impl Received {
    /// Adds a range; tells whether any of it is new.
    pub(super) fn add(&mut self, new: Range<usize>) -> bool {
        if self
            .0
            .iter()
            .any(|known| known.start <= new.start && new.end <= known.end)
        {
            return false;
        }
        let touches = |known: &Range<usize>| known.start <= new.end && new.start <= known.end;
        let merged = self
            .0
            .iter()
            .filter(|known| touches(known))
            .fold(new.clone(), |merged, known| {
                merged.start.min(known.start)..merged.end.max(known.end)
            });
        self.0.retain(|known| !touches(known));
        let at = self.0.partition_point(|known| known.start < merged.start);
        self.0.insert(at, merged);
        true
    }

    /// The first range from `offset` on, of a body of `length` bytes, that is not here. An empty body
    /// is one empty range.
    pub(super) fn next_missing(&self, offset: usize, length: usize) -> Option<(usize, usize)> {
        if length == 0 {
            return (offset == 0 && self.0.is_empty()).then_some((0, 0));
        }
        let mut start = offset;
        for known in &self.0 {
            if start < known.start {
                return Some((start, known.start.min(length)));
            }
            start = start.max(known.end);
        }
        (start < length).then_some((start, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use quickcheck::quickcheck;

    quickcheck! {
        /// For every sequence of ranges: what is missing is what a set says.
        fn agrees_with_a_set(ranges: Vec<(u8, u8)>) -> bool {
            const LENGTH: usize = 64;
            let (mut received, mut set) = (Received::default(), BTreeSet::new());
            for (start, length) in ranges {
                let start = usize::from(start) % LENGTH;
                let end = (start + 1 + usize::from(length) % 16).min(LENGTH);
                let before = set.len();
                set.extend(start..end);
                if received.add(start..end) != (set.len() > before) {
                    return false;
                }
            }
            let (mut missing, mut from) = (BTreeSet::new(), 0);
            while let Some((start, end)) = received.next_missing(from, LENGTH) {
                missing.extend(start..end);
                from = end;
            }
            missing.is_disjoint(&set) && missing.len() + set.len() == LENGTH
        }
    }

    #[test]
    fn an_empty_body_is_sent_once_and_acknowledged() {
        let mut received = Received::default();
        assert_eq!(received.next_missing(0, 0), Some((0, 0)));
        assert_eq!(received.next_missing(1, 0), None);
        assert!(received.add(0..0));
        assert_eq!(received.next_missing(0, 0), None);
    }

    #[test]
    fn only_so_many_records_are_remembered() {
        let number = |sequence| RecordNumber { epoch: 2, sequence };
        let mut sent = SentRecords::default();
        for sequence in 0..1000 {
            sent.add(number(sequence), 0, 0..1);
        }
        assert_eq!(sent.carried(number(999)).count(), 1);
        assert_eq!(sent.carried(number(1000 - MAX_RECORDS as u64 - 1)).count(), 0);
    }
}
