//! The 48-bit index of a packet, of which the packet itself has the low 16 bits.

/// One above the highest index.
pub(crate) const INDEX_END: u64 = 1 << 48;
/// One above the highest index of SRTCP (RFC 3711 §3.4).
pub(crate) const RTCP_INDEX_END: u64 = 1 << 31;
/// Half a round of sequence numbers.
pub(crate) const HALF_ROUND: u64 = 1 << 15;

/// The index of a packet by its sequence number, where `newest` is the highest one of its stream so far: of all indices
/// with these low bits the one that lies nearest (RFC 3711 §3.3.1 and appendix A). `None` if it would have more than
/// 48 bits.
pub(crate) fn guess(newest: u64, sequence_number: u16) -> Option<u64> {
    const HALF: i32 = 0x8000;
    let (s_l, rollovers) = (i32::from(newest as u16), newest >> 16);
    let seq = i32::from(sequence_number);
    // Exactly half a round away, the rollover counter stays as it is: the appendix compares strictly.
    let rollovers = if s_l < HALF {
        // There is no round before the first: what seems to come from there is ahead (RFC 3711 has 2^32 - 1 here,
        // which could never be authentic).
        let is_before = seq - s_l > HALF;
        rollovers.saturating_sub(u64::from(is_before))
    } else {
        rollovers + u64::from(s_l - HALF > seq)
    };
    let index = rollovers << 16 | u64::from(sequence_number);
    (index < INDEX_END).then_some(index)
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    quickcheck! {
        /// For every state and sequence number: no index with these low bits lies nearer.
        fn the_guess_is_the_nearest_index(newest: u64, sequence_number: u16) -> bool {
            let newest = newest % INDEX_END;
            let round = newest >> 16;
            let candidates = [round.checked_sub(1), Some(round), Some(round + 1)].into_iter().flatten();
            let candidates = candidates.map(|round| round << 16 | u64::from(sequence_number));
            let nearest = candidates.map(|index| index.abs_diff(newest)).min().unwrap_or_default();
            match guess(newest, sequence_number) {
                Some(index) => index as u16 == sequence_number && index.abs_diff(newest) == nearest,
                None => round == u64::from(u32::MAX),
            }
        }
    }

    #[test]
    fn half_a_round_away_the_rollover_counter_stays() {
        // RFC 3711 appendix A compares with `>`, on both sides.
        assert_eq!(guess(5 << 16 | 100, 100 + 0x8000), Some(5 << 16 | (100 + 0x8000)));
        assert_eq!(guess(5 << 16 | (100 + 0x8000), 100), Some(5 << 16 | 100));
        assert_eq!(guess(5 << 16 | 100, 101 + 0x8000), Some(4 << 16 | (101 + 0x8000)));
        assert_eq!(guess(5 << 16 | (101 + 0x8000), 100), Some(6 << 16 | 100));
    }

    #[test]
    fn nothing_lies_before_the_first_round_or_behind_the_last() {
        assert_eq!(guess(3, 65_530), Some(65_530));
        assert_eq!(guess(0, 0x8001), Some(0x8001));
        assert_eq!(guess(INDEX_END - 1, 0), None);
        assert_eq!(guess(INDEX_END - 1, 0x8000), Some(INDEX_END - 0x8000));
    }
}
