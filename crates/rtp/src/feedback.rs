//! What receivers ask for.

use core::iter::Peekable;

/// Packets that a receiver lacks, in the form of a generic NACK (RFC 4585 §6.2.1): up to 17 sequence numbers.
///
/// ```
/// use pollrtc_rtp::Missing;
/// let missing = Missing { first: 65_535, following: 0b101 };
/// assert!(missing.sequence_numbers().eq([65_535, 0, 2]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Missing {
    /// The first sequence number (PID).
    pub first: u16,
    /// Bit `i` stands for the number `i + 1` above the first one (BLP).
    pub following: u16,
}

impl Missing {
    /// The numbers, in order.
    pub fn sequence_numbers(self) -> impl Iterator<Item = u16> + Clone {
        let following = (0..16).filter(move |bit| self.following >> bit & 1 == 1);
        let following = following.map(move |bit: u16| self.first.wrapping_add(bit).wrapping_add(1));
        core::iter::once(self.first).chain(following)
    }

    /// Numbers in as few entries as there can be, if they come in order, over the wrap from 65,535 to 0.
    ///
    /// ```
    /// use pollrtc_rtp::Missing;
    /// let entries = Missing::pack([65_535, 0, 15, 16].into_iter());
    /// let expected = [Missing { first: 65_535, following: 1 << 15 | 1 }, Missing { first: 16, following: 0 }];
    /// assert!(entries.eq(expected));
    /// ```
    pub fn pack<I: Iterator<Item = u16>>(numbers: I) -> MissingEntries<I> {
        MissingEntries {
            numbers: numbers.peekable(),
        }
    }
}

/// See [`Missing::pack`].
#[derive(Clone, Debug)]
pub struct MissingEntries<I: Iterator<Item = u16>> {
    numbers: Peekable<I>,
}

impl<I: Iterator<Item = u16>> Iterator for MissingEntries<I> {
    type Item = Missing;

    fn next(&mut self) -> Option<Missing> {
        let first = self.numbers.next()?;
        let mut following = 0;
        while let Some(number) = self.numbers.next_if(|number| number.wrapping_sub(first) <= 16) {
            // A number that comes twice has no bit.
            if let Some(bit) = number.wrapping_sub(first).checked_sub(1) {
                following |= 1 << bit;
            }
        }
        Some(Missing { first, following })
    }
}
