//! Which records were already seen (RFC 6347 §4.1.2.6).

/// The newest record's number and one bit for each of the 128 up to it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReplayWindow {
    newest: u64,
    /// Bit `n` is the record `newest - n`.
    seen: u128,
}

impl ReplayWindow {
    /// Whether a record is new. Nothing is remembered before the record proves genuine, else a
    /// forged number could push the window past the real ones (CVE-2016-2181).
    pub(crate) fn is_new(&self, sequence: u64) -> bool {
        match self.newest.checked_sub(sequence) {
            None => true,
            Some(age) => age < 128 && self.seen & (1 << age) == 0,
        }
    }

    /// Remembers a record that proved genuine.
    pub(crate) fn mark(&mut self, sequence: u64) {
        match sequence.checked_sub(self.newest) {
            Some(steps) => {
                let shift = u32::try_from(steps).unwrap_or(u32::MAX);
                self.seen = self.seen.checked_shl(shift).unwrap_or(0) | 1;
                self.newest = sequence;
            }
            None => {
                let age = self.newest - sequence;
                if age < 128 {
                    self.seen |= 1 << age;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;
    use quickcheck::quickcheck;

    quickcheck! {
        /// For every sequence of numbers: none passes twice, and none that is new and less than
        /// 128 behind the newest is refused.
        fn agrees_with_a_set(numbers: Vec<u16>) -> bool {
            let mut window = ReplayWindow::default();
            let mut seen = BTreeSet::new();
            numbers.into_iter().map(|number| u64::from(number % 512)).all(|number| {
                let newest = seen.last().copied().unwrap_or(0);
                let expected = !seen.contains(&number) && number + 128 > newest;
                let is_new = window.is_new(number);
                if is_new {
                    window.mark(number);
                    seen.insert(number);
                }
                is_new == expected
            })
        }
    }

    #[test]
    fn a_far_jump_empties_the_window() {
        let mut window = ReplayWindow::default();
        window.mark(0);
        window.mark((1 << 48) - 1);
        assert!(!window.is_new(0));
        assert!(!window.is_new((1 << 48) - 1));
        assert!(window.is_new((1 << 48) - 2));
    }
}
