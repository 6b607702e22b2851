//! Which records were already seen (RFC 6347 §4.1.2.6).

/// How many numbers back a record may come late. RFC 6347 §4.1.2.6 asks for 32 and recommends 64;
/// fast paths reorder more.
const WINDOW: u64 = 256;
const WORDS: usize = (WINDOW / 64) as usize;

/// The newest record's number and one bit for each of those up to it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReplayWindow {
    newest: u64,
    /// Bit `n % WINDOW` is the record with the number `n`, if that is in the window.
    seen: [u64; WORDS],
}

impl ReplayWindow {
    /// Whether a record is new. Nothing is remembered before the record proves genuine, else a
    /// forged number could push the window past the real ones (CVE-2016-2181).
    pub(crate) fn is_new(&self, sequence: u64) -> bool {
        match self.newest.checked_sub(sequence) {
            None => true,
            Some(age) => age < WINDOW && self.word(sequence) & bit(sequence) == 0,
        }
    }

    /// The number after the newest one.
    pub(crate) fn next_expected(&self) -> u64 {
        match self.is_new(self.newest) {
            true => 0,
            false => self.newest.saturating_add(1),
        }
    }

    /// Remembers a record that proved genuine.
    pub(crate) fn mark(&mut self, sequence: u64) {
        match sequence.checked_sub(self.newest) {
            Some(steps) if steps >= WINDOW => self.seen = [0; WORDS],
            Some(steps) => {
                for skipped in 1..=steps {
                    self.clear(self.newest + skipped);
                }
            }
            None if self.newest - sequence >= WINDOW => return,
            None => {}
        }
        self.newest = self.newest.max(sequence);
        if let Some(word) = self.seen.get_mut(index(sequence)) {
            *word |= bit(sequence);
        }
    }

    fn clear(&mut self, sequence: u64) {
        if let Some(word) = self.seen.get_mut(index(sequence)) {
            *word &= !bit(sequence);
        }
    }

    fn word(&self, sequence: u64) -> u64 {
        self.seen.get(index(sequence)).copied().unwrap_or(u64::MAX)
    }
}

fn index(sequence: u64) -> usize {
    (sequence % WINDOW / 64) as usize
}

fn bit(sequence: u64) -> u64 {
    1 << (sequence % 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;
    use quickcheck::quickcheck;

    quickcheck! {
        /// For every sequence of numbers: none passes twice, and none that is new and in the window
        /// is refused.
        fn agrees_with_a_set(numbers: Vec<u16>) -> bool {
            let mut window = ReplayWindow::default();
            let mut seen = BTreeSet::new();
            numbers.into_iter().map(|number| u64::from(number % 1024)).all(|number| {
                let newest = seen.last().copied().unwrap_or(0);
                let expected = !seen.contains(&number) && number + WINDOW > newest;
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
