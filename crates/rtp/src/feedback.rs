//! What receivers ask for.

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
    pub fn sequence_numbers(self) -> impl Iterator<Item = u16> {
        let following = (0..16).filter(move |bit| self.following >> bit & 1 == 1);
        core::iter::once(self.first).chain(following.map(move |bit| self.first.wrapping_add(bit + 1)))
    }
}
