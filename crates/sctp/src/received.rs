//! Which TSNs came.

use alloc::vec::Vec;

/// How many gaps to keep track of; what would open another is dropped.
const MAX_RANGES: usize = 1024;
/// How far beyond the cumulative TSN a gap block can reach (RFC 9260 §3.3.4: 16-bit offsets).
const MAX_SPAN: u64 = 65_535;

/// The cumulative TSN and the ranges beyond it.
#[derive(Debug)]
pub(crate) struct ReceivedTsns {
    cumulative: u64,
    /// Inclusive, ascending, disjoint and not touching, all beyond `cumulative + 1`.
    ranges: Vec<(u64, u64)>,
}

/// Where a TSN stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// The next one.
    Next,
    /// Beyond a gap.
    Beyond,
    /// It came before.
    Duplicate,
    /// Too far away to keep track of.
    OutOfReach,
}

impl ReceivedTsns {
    pub(crate) fn new(initial: u64) -> Self {
        Self {
            cumulative: initial - 1,
            ranges: Vec::new(),
        }
    }

    pub(crate) fn cumulative(&self) -> u64 {
        self.cumulative
    }

    pub(crate) fn ranges(&self) -> &[(u64, u64)] {
        &self.ranges
    }

    pub(crate) fn has_gaps(&self) -> bool {
        !self.ranges.is_empty()
    }

    pub(crate) fn position(&self, tsn: u64) -> Position {
        if tsn <= self.cumulative {
            return Position::Duplicate;
        }
        if tsn == self.cumulative + 1 {
            return Position::Next;
        }
        if tsn - self.cumulative > MAX_SPAN {
            return Position::OutOfReach;
        }
        let position = self.range_after(tsn);
        let before = position.checked_sub(1).and_then(|last| self.ranges.get(last));
        if before.is_some_and(|(_, end)| *end >= tsn) {
            return Position::Duplicate;
        }
        let touches = before.is_some_and(|(_, end)| end + 1 == tsn)
            || self.ranges.get(position).is_some_and(|(start, _)| tsn + 1 == *start);
        if !touches && self.ranges.len() >= MAX_RANGES {
            return Position::OutOfReach;
        }
        Position::Beyond
    }

    /// The first range that begins after `tsn`. Most that comes extends or follows the last range.
    fn range_after(&self, tsn: u64) -> usize {
        match self.ranges.last() {
            Some((start, _)) if *start <= tsn => self.ranges.len(),
            _ => self.ranges.partition_point(|(start, _)| *start <= tsn),
        }
    }

    /// Notes a TSN for which [`position`](Self::position) said `Beyond`.
    pub(crate) fn insert(&mut self, tsn: u64) {
        let position = self.range_after(tsn);
        let joins_next = self.ranges.get(position).is_some_and(|(start, _)| tsn + 1 == *start);
        let next = self.ranges.get(position).copied();
        let before = position
            .checked_sub(1)
            .and_then(|last| self.ranges.get_mut(last))
            .filter(|(_, end)| end + 1 == tsn);
        match (before, joins_next, next) {
            (Some(before), true, Some((_, end))) => {
                before.1 = end;
                self.ranges.remove(position);
            }
            (Some(before), ..) => before.1 = tsn,
            (None, true, _) => {
                if let Some(next) = self.ranges.get_mut(position) {
                    next.0 = tsn;
                }
            }
            (None, false, _) => self.ranges.insert(position, (tsn, tsn)),
        }
    }

    /// Everything up to `tsn` counts as received; then what follows without a gap.
    pub(crate) fn advance_to(&mut self, tsn: u64) {
        self.cumulative = self.cumulative.max(tsn);
        if self.ranges.is_empty() {
            return;
        }
        let covered = self.ranges.partition_point(|(start, _)| *start <= self.cumulative + 1);
        if let Some((_, end)) = covered.checked_sub(1).and_then(|last| self.ranges.get(last)) {
            self.cumulative = self.cumulative.max(*end);
        }
        self.ranges.drain(..covered);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    quickcheck! {
        fn agrees_with_a_set(order: Vec<u8>) -> bool {
            let mut received = ReceivedTsns::new(1000);
            let mut set = std::collections::BTreeSet::new();
            for offset in order {
                let tsn = 1000 + u64::from(offset % 64);
                let fresh = set.insert(tsn);
                match received.position(tsn) {
                    Position::Next => received.advance_to(tsn),
                    Position::Beyond => received.insert(tsn),
                    Position::Duplicate => assert!(!fresh),
                    Position::OutOfReach => unreachable!(),
                }
                let first_gap = (1000..).find(|tsn| !set.contains(tsn)).unwrap();
                assert_eq!(received.cumulative(), first_gap - 1);
                let ranged: Vec<u64> = received.ranges().iter().flat_map(|(a, b)| *a..=*b).collect();
                let beyond: Vec<u64> = set.range(first_gap..).copied().collect();
                assert_eq!(ranged, beyond);
                assert!(received.ranges().windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
            }
            true
        }
    }
}
