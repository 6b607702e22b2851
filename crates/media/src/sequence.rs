//! Sequence numbers with their rollovers, and which of them were seen.

use pollrtc_rtp::unwrap_near;

/// The number that ends in these 16 bits and is nearest to `near`; below 0 there is none.
pub(crate) const fn extend(near: u64, sequence: u16) -> u64 {
    let number = unwrap_near::<16>(near.cast_signed(), sequence as u32);
    if number < 0 && (near as i64) >= 0 {
        return (number + 0x1_0000).cast_unsigned();
    }
    number.cast_unsigned()
}

/// Which of the newest `64 * WORDS` numbers were seen: a number counts once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<const WORDS: usize> {
    /// The highest number that was seen; bit `n % (64 * WORDS)` stands for number `n`.
    highest: Option<u64>,
    bits: [u64; WORDS],
}

/// What a window says of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sighting {
    New,
    Seen,
    /// Too far behind to tell.
    Old,
}

impl<const WORDS: usize> Window<WORDS> {
    const LEN: u64 = 64 * WORDS as u64;

    pub(crate) const fn new() -> Self {
        Self {
            highest: None,
            bits: [0; WORDS],
        }
    }

    /// What `insert` would say.
    pub(crate) fn look(&self, number: u64) -> Sighting {
        match self.highest {
            Some(highest) if number <= highest => match highest - number {
                behind if behind >= Self::LEN => Sighting::Old,
                _ if self.bit(number) => Sighting::Seen,
                _ => Sighting::New,
            },
            _ => Sighting::New,
        }
    }

    /// Notes a number.
    pub(crate) fn insert(&mut self, number: u64) -> Sighting {
        let sighting = self.look(number);
        if sighting != Sighting::New {
            return sighting;
        }
        let highest = self.highest.unwrap_or(number);
        if number > highest {
            if number - highest >= Self::LEN {
                self.bits = [0; WORDS];
            } else {
                // What the ring had there is too old now.
                (highest + 1..number).for_each(|passed| self.set(passed, false));
            }
        }
        self.set(number, true);
        self.highest = Some(highest.max(number));
        sighting
    }

    fn bit(&self, number: u64) -> bool {
        let word = (number % Self::LEN / 64) as usize;
        self.bits.get(word).is_some_and(|bits| bits >> (number % 64) & 1 == 1)
    }

    fn set(&mut self, number: u64, to: bool) {
        if let Some(bits) = self.bits.get_mut((number % Self::LEN / 64) as usize) {
            let mask = 1 << (number % 64);
            *bits = if to { *bits | mask } else { *bits & !mask };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Sighting, Window, extend};
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;
    use quickcheck::quickcheck;

    quickcheck! {
        /// For every number and every distance of less than half the range, the 16 bits are enough.
        fn sixteen_bits_are_enough_nearby(near: u32, distance: i16) -> bool {
            let near = u64::from(near) + 0x1_0000;
            let number = near.wrapping_add_signed(distance.into());
            distance == i16::MIN || extend(near, number as u16) == number
        }

        /// For every order of numbers a window says what a set would, as far as it remembers.
        fn a_window_is_a_set_that_forgets(steps: Vec<(bool, u8)>) -> bool {
            let (mut window, mut set, mut at) = (Window::<2>::new(), BTreeSet::new(), 1_000_u64);
            steps.into_iter().all(|(forth, by)| {
                at = if forth { at + u64::from(by) } else { at.saturating_sub(by.into()) };
                let highest = set.last().copied().unwrap_or(0);
                let expected = match set.contains(&at) {
                    _ if at + 128 <= highest => Sighting::Old,
                    true => Sighting::Seen,
                    false => Sighting::New,
                };
                set.insert(at);
                window.insert(at) == expected
            })
        }
    }

    #[test]
    fn nothing_lies_below_zero() {
        assert_eq!(extend(3, 65_535), 65_535);
        assert_eq!(extend(0x1_0003, 65_535), 65_535);
        assert_eq!(extend(65_535, 2), 0x1_0002);
    }
}
