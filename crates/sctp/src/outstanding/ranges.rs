//! Arithmetic of gap blocks.

/// Calls `each` for every number in `from` that is not in `what`. Both are ascending and disjoint.
/// Work is linear in the number of ranges and of numbers found.
pub(super) fn subtract(from: &[(u64, u64)], what: &[(u64, u64)], mut each: impl FnMut(u64)) {
    let mut what = what.iter().copied().peekable();
    for &(start, end) in from {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn subtraction_finds_what_only_the_first_has() {
        let difference = |from: &[(u64, u64)], what: &[(u64, u64)]| {
            let mut found = Vec::new();
            subtract(from, what, |n| found.push(n));
            found
        };
        assert_eq!(difference(&[(1, 5)], &[]), [1, 2, 3, 4, 5]);
        assert_eq!(difference(&[(1, 5)], &[(2, 3)]), [1, 4, 5]);
        assert_eq!(difference(&[(1, 2), (4, 6)], &[(2, 4), (6, 9)]), [1, 5]);
        assert_eq!(difference(&[(3, 3)], &[(1, 9)]), []);
    }
}
