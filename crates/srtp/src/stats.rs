//! Counters.

/// What an [`Inbound`](crate::Inbound) has seen. All numbers only ever grow.
///
/// ```
/// use pollrtc_srtp::InboundStats;
///
/// fn is_under_attack(stats: &InboundStats) -> bool {
///     stats.dropped_unauthentic > stats.rtp
/// }
/// # assert!(!is_under_attack(&InboundStats::default()));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InboundStats {
    /// RTP packets that were authentic and new.
    pub rtp: u64,
    /// RTCP packets that were authentic and new.
    pub rtcp: u64,
    /// Dropped: [`Dropped::Malformed`](crate::Dropped::Malformed).
    pub dropped_malformed: u64,
    /// Dropped: [`Dropped::UnknownKey`](crate::Dropped::UnknownKey).
    pub dropped_unknown_key: u64,
    /// Dropped: [`Dropped::Replayed`](crate::Dropped::Replayed).
    pub dropped_replayed: u64,
    /// Dropped: [`Dropped::TooOld`](crate::Dropped::TooOld).
    pub dropped_too_old: u64,
    /// Dropped: [`Dropped::Unauthentic`](crate::Dropped::Unauthentic).
    pub dropped_unauthentic: u64,
    /// Dropped: [`Dropped::Unencrypted`](crate::Dropped::Unencrypted).
    pub dropped_unencrypted: u64,
    /// Dropped: [`Dropped::Header`](crate::Dropped::Header).
    pub dropped_header: u64,
    /// Streams that were forgotten, since there were [too many](crate::Config::max_streams).
    pub streams_forgotten: u64,
}

/// What an [`Outbound`](crate::Outbound) has done. All numbers only ever grow.
///
/// ```
/// use pollrtc_srtp::OutboundStats;
///
/// fn packets(stats: &OutboundStats) -> u64 {
///     stats.rtp + stats.rtcp
/// }
/// # assert_eq!(packets(&OutboundStats::default()), 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboundStats {
    /// RTP packets protected, those that were sealed again included.
    pub rtp: u64,
    /// RTP packets that were sealed again, byte by byte the same.
    pub rtp_repeated: u64,
    /// RTCP packets protected.
    pub rtcp: u64,
}
