//! Priorities of candidates and of pairs.

use core::net::SocketAddr;

use crate::kind::CandidateKind;

/// The only component: RTP and RTCP share one since RFC 8843, data channels never had two.
pub(crate) const COMPONENT: u16 = 1;

/// RFC 8445 §5.1.2.1: `2^24 * type + 2^8 * local + (256 - component)`.
pub(crate) fn candidate_priority(kind: CandidateKind, local_preference: u16) -> u32 {
    (u32::from(kind.type_preference()) << 24) | (u32::from(local_preference) << 8) | u32::from(256 - COMPONENT)
}

/// How many candidates of one kind and base (from several servers) get priorities of their own.
const SERVERS_TOLD_APART: u16 = 16;

/// The local preference of the `rank`-th address of its family. IPv6 and IPv4 take turns, so that a
/// family that does not work delays the other by one check at most (RFC 8421 §4); `server` keeps
/// the candidates that one base got from several servers apart (RFC 8445 §5.1.2: unique).
pub(crate) fn local_preference(address: SocketAddr, rank: u16, server: usize) -> u16 {
    let turn = rank.saturating_mul(2).saturating_add(u16::from(address.is_ipv4()));
    let server = u16::try_from(server).unwrap_or(u16::MAX).min(SERVERS_TOLD_APART - 1);
    u16::MAX
        .saturating_sub(turn.saturating_mul(SERVERS_TOLD_APART))
        .saturating_sub(server)
}

/// RFC 8445 §6.1.2.3: `2^32 * min + 2 * max + (controlling's is the greater)`. What a peer claims
/// above the greatest lawful priority, 2^31 - 1 (§5.1.2), counts as that: so nothing overflows.
pub(crate) fn pair_priority(controlling: u32, controlled: u32) -> u64 {
    const GREATEST: u32 = (1 << 31) - 1;
    let (controlling, controlled) = (controlling.min(GREATEST), controlled.min(GREATEST));
    (u64::from(controlling.min(controlled)) << 32)
        + 2 * u64::from(controlling.max(controlled))
        + u64::from(controlling > controlled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greatest_priorities_do_not_overflow() {
        assert_eq!(
            pair_priority(u32::MAX, u32::MAX),
            pair_priority(u32::MAX >> 1, u32::MAX >> 1)
        );
        assert_eq!(pair_priority(2, 1), (1 << 32) + 5);
        assert_eq!(pair_priority(1, 2), (1 << 32) + 4);
    }

    #[test]
    fn families_take_turns() {
        let v4: SocketAddr = "192.0.2.1:1".parse().unwrap();
        let v6: SocketAddr = "[2001:db8::1]:1".parse().unwrap();
        let order = [(v6, 0), (v4, 0), (v6, 1), (v4, 1)];
        let preferences = order.map(|(address, rank)| local_preference(address, rank, 0));
        assert!(preferences.is_sorted_by(|a, b| a > b), "{preferences:?}");
    }
}
