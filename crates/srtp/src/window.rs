//! Which indices of a stream were there before.

use alloc::boxed::Box;
use alloc::vec;

/// A window over the newest indices of a stream (RFC 3711 §3.3.2): a ring of words with one bit for each index. It
/// has one word more than the window is long, so that words are always cleared as a whole (RFC 6479).
#[derive(Debug)]
pub(crate) struct Window {
    /// One above the highest index that was there; 0 before the first.
    next: u64,
    /// How far back it looks.
    len: u64,
    /// As many as a power of two: more than `len / 64`.
    words: Box<[u64]>,
}

/// What a window knows of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Above all that were there.
    Newest,
    /// Below, and was not there.
    Late,
    /// It was there.
    Before,
    /// Too far below to know.
    Unknown,
}

impl Window {
    /// A window over `len` indices, a multiple of 64.
    pub(crate) fn new(len: usize) -> Self {
        let words = (len / 64 + 1).next_power_of_two();
        Self {
            next: 0,
            len: len as u64,
            words: vec![0; words].into_boxed_slice(),
        }
    }

    /// A window for a stream that went on elsewhere: all indices below `next` count as if they had been there.
    pub(crate) fn from_next(len: usize, next: u64) -> Self {
        let mut window = Self::new(len);
        window.restart(next);
        window
    }

    /// Forgets all, and has all indices below `next` count as if they had been there.
    pub(crate) fn restart(&mut self, next: u64) {
        self.next = next;
        self.words.fill(if next > 0 { u64::MAX } else { 0 });
        if let Some(newest) = self.newest()
            && let Some(word) = self.word(newest)
        {
            // Those above it are still to come.
            *word = u64::MAX >> (63 - newest % 64);
        }
    }

    /// The highest index that was there.
    pub(crate) const fn newest(&self) -> Option<u64> {
        self.next.checked_sub(1)
    }

    pub(crate) fn look_up(&self, index: u64) -> Known {
        if index >= self.next {
            return Known::Newest;
        }
        if self.next - index > self.len {
            return Known::Unknown;
        }
        let word = self.words.get(self.place(index)).copied().unwrap_or(u64::MAX);
        match word >> (index % 64) & 1 {
            0 => Known::Late,
            _ => Known::Before,
        }
    }

    /// From here on the index was there. It must not be [`Known::Unknown`].
    pub(crate) fn insert(&mut self, index: u64) {
        if let Some(newest) = self.newest().filter(|newest| index > *newest) {
            // What the ring held of indices a round before gives way to those that are skipped.
            let (from, to) = (newest / 64 + 1, index / 64);
            let count = (to + 1).saturating_sub(from).min(self.words.len() as u64);
            for block in to + 1 - count..=to {
                if let Some(word) = self.word(block * 64) {
                    *word = 0;
                }
            }
        }
        self.next = self.next.max(index + 1);
        if let Some(word) = self.word(index) {
            *word |= 1 << (index % 64);
        }
    }

    fn place(&self, index: u64) -> usize {
        (index / 64) as usize & (self.words.len() - 1)
    }

    fn word(&mut self, index: u64) -> Option<&mut u64> {
        let place = self.place(index);
        self.words.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    use quickcheck::quickcheck;

    use super::*;

    /// What a window should say, from a list of all that was there.
    fn expected(seen: &BTreeSet<u64>, len: u64, index: u64) -> Known {
        match seen.last() {
            Some(newest) if index <= *newest => match seen.contains(&index) {
                _ if newest - index >= len => Known::Unknown,
                true => Known::Before,
                false => Known::Late,
            },
            _ => Known::Newest,
        }
    }

    quickcheck! {
        /// For every sequence of jumps, forwards and back, a window knows what a list of everything knows.
        fn a_window_remembers_what_a_list_would(start: u32, jumps: Vec<(u8, i16)>, blocks: u8) -> bool {
            let len = 64 * (1 + u64::from(blocks % 20));
            let mut window = Window::new(len as usize);
            let mut seen = BTreeSet::new();
            let mut newest = u64::from(start);
            jumps.into_iter().all(|(kind, jump)| {
                let reach = match kind % 4 {
                    0 => 3,
                    1 => 64,
                    2 => 130,
                    _ => 2000,
                };
                let index = newest.saturating_add_signed(i64::from(jump) % reach);
                let known = window.look_up(index);
                let right = known == expected(&seen, len, index);
                if matches!(known, Known::Newest | Known::Late) {
                    window.insert(index);
                    seen.insert(index);
                }
                newest = newest.max(index);
                right
            })
        }

        /// For every place to go on from: nothing below it comes again, everything above it is new.
        fn a_window_goes_on_where_another_one_ended(next: u32, ahead: u8) -> bool {
            let (next, ahead) = (u64::from(next), u64::from(ahead));
            let mut window = Window::from_next(128, next);
            let below = (next.saturating_sub(300)..next).all(|index| match window.look_up(index) {
                Known::Before => next - index <= 128,
                Known::Unknown => next - index > 128,
                _ => false,
            });
            window.insert(next + ahead);
            let between = (next..next + ahead).all(|index| match window.look_up(index) {
                Known::Late => next + ahead - index < 128,
                known => known == Known::Unknown && next + ahead - index >= 128,
            });
            below && between && window.look_up(next + ahead) == Known::Before
        }
    }

    #[test]
    fn a_shift_by_the_whole_window_and_by_one_less_forgets_the_right_ones() {
        for len in [64, 128, 1024] {
            for shift in [len - 1, len, len + 1, len + 63, len + 64, 10 * len] {
                let mut window = Window::new(len as usize);
                window.insert(1000);
                window.insert(1000 + shift);
                let expected = if shift < len { Known::Before } else { Known::Unknown };
                assert_eq!(window.look_up(1000), expected, "window {len}, shift {shift}");
                assert_eq!(window.look_up(1000 + shift), Known::Before);
                // The oldest that the window reaches, which may not have been there.
                let oldest = 1000 + shift - (len - 1);
                let expected = if oldest == 1000 { Known::Before } else { Known::Late };
                assert_eq!(window.look_up(oldest), expected, "window {len}, shift {shift}");
                assert_eq!(window.look_up(oldest - 1), Known::Unknown);
            }
        }
    }
}
