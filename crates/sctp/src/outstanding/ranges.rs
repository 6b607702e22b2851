//! Arithmetic of gap blocks.

use alloc::vec::Vec;

use crate::work;

/// Calls `each` for every number below `limit` in `from` that is not in `what`. Both are ascending and
/// disjoint. Work is linear in the number of ranges and of numbers found.
pub(super) fn subtract(from: &[(u64, u64)], what: &[(u64, u64)], limit: u64, mut each: impl FnMut(u64)) {
    work::count(from.len() + what.len());
    let mut what = what.iter().copied().peekable();
    for &(start, end) in from {
        if start >= limit {
            return;
        }
        let end = end.min(limit - 1);
        let mut next = start;
        while next <= end {
            while what.next_if(|(_, other_end)| *other_end < next).is_some() {}
            let hole_end = match what.peek() {
                Some(&(other_start, other_end)) if other_start <= next => {
                    next = other_end + 1;
                    continue;
                }
                Some(&(other_start, _)) => end.min(other_start - 1),
                None => end,
            };
            (next..=hole_end).for_each(&mut each);
            next = hole_end + 1;
        }
    }
}

/// Writes what is in `a` or in `b` to `to`. All are ascending and disjoint; in `to` no two touch.
pub(super) fn unite(a: &[(u64, u64)], b: &[(u64, u64)], to: &mut Vec<(u64, u64)>) {
    work::count(a.len() + b.len());
    to.clear();
    let (mut a, mut b) = (a.iter().copied().peekable(), b.iter().copied().peekable());
    loop {
        let from_a = match (a.peek(), b.peek()) {
            (Some((start, _)), Some((other, _))) => start <= other,
            (first, _) => first.is_some(),
        };
        let Some((start, end)) = (if from_a { a.next() } else { b.next() }) else {
            return;
        };
        match to.last_mut() {
            Some((_, last)) if start <= *last + 1 => *last = end.max(*last),
            _ => to.push((start, end)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;
    use std::collections::BTreeSet;

    #[test]
    fn subtraction_finds_what_only_the_first_has() {
        let difference = |from: &[(u64, u64)], what: &[(u64, u64)]| {
            let mut found = Vec::new();
            subtract(from, what, u64::MAX, |n| found.push(n));
            found
        };
        assert_eq!(difference(&[(1, 5)], &[]), [1, 2, 3, 4, 5]);
        assert_eq!(difference(&[(1, 5)], &[(2, 3)]), [1, 4, 5]);
        assert_eq!(difference(&[(1, 2), (4, 6)], &[(2, 4), (6, 9)]), [1, 5]);
        assert_eq!(difference(&[(3, 3)], &[(1, 9)]), []);
    }

    /// Ranges that do not touch, of lengths and distances that are given in turn.
    fn ranges(steps: &[u8]) -> Vec<(u64, u64)> {
        let mut next = 0;
        let range = |pair: &[u8]| {
            let start = next + 1 + u64::from(pair[0] % 8);
            let end = start + u64::from(pair[1] % 8);
            next = end + 1;
            (start, end)
        };
        steps.chunks_exact(2).map(range).collect()
    }

    fn numbers(ranges: &[(u64, u64)]) -> BTreeSet<u64> {
        ranges.iter().flat_map(|(start, end)| *start..=*end).collect()
    }

    quickcheck! {
        fn agree_with_sets(a: Vec<u8>, b: Vec<u8>, limit: u8) -> bool {
            let (a, b) = (ranges(&a), ranges(&b));
            let (mut found, mut united) = (BTreeSet::new(), Vec::new());
            subtract(&a, &b, limit.into(), |n| assert!(found.insert(n)));
            unite(&a, &b, &mut united);
            let difference: BTreeSet<u64> = &numbers(&a) - &numbers(&b);
            found == difference.into_iter().filter(|n| *n < limit.into()).collect()
                && numbers(&united) == &numbers(&a) | &numbers(&b)
                && united.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0)
        }
    }
}
