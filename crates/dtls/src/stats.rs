/// What was counted since the connection was made. Everything that is dropped is counted here by
/// reason; nothing of it is an error.
///
/// ```
/// # use pollrtc_dtls::Stats;
/// let stats = Stats::default(); // of a connection that has begun
/// assert_eq!((stats.sent, stats.received), (0, 0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Application records that were written.
    pub sent: u64,
    /// Application records that were handed over.
    pub received: u64,
    /// Flights that were sent again.
    pub flights_resent: u64,
    /// Records that can't be parsed, with whatever followed them in the datagram.
    pub malformed_records: u64,
    /// Records of an epoch or kind that has no place at this point.
    pub unexpected_records: u64,
    /// Records that were here before, or are older than the replay window.
    pub replayed_records: u64,
    /// Records that do not authenticate.
    pub forged_records: u64,
    /// Records with a connection id that is none of ours, with whatever followed them in the datagram.
    pub wrong_connection_ids: u64,
    /// Encrypted records without the connection id that was agreed upon.
    pub missing_connection_ids: u64,
    /// Records that came before their keys were ready and had to wait.
    pub held_records: u64,
    /// Records that came too early when too many were waiting already.
    pub overflowed_records: u64,
    /// Alerts that anyone could have sent, ignored.
    pub unauthenticated_alerts: u64,
    /// Authenticated warnings, ignored.
    pub warnings: u64,
    /// Fragments of handshake messages that can't be parsed.
    pub malformed_fragments: u64,
    /// Fragments too far ahead, too large, or of a kind or epoch that has no place at this point.
    pub refused_fragments: u64,
    /// Fragments that contradicted what had come of their message, and took its place.
    pub replaced_fragments: u64,
    /// Fragments of messages that were handled before.
    pub repeated_fragments: u64,
    /// ClientHellos that we can't agree with.
    pub refused_client_hellos: u64,
    /// ClientHellos that took the place of one that was already answered.
    pub replaced_client_hellos: u64,
    /// ClientHellos that came while another one was being put together or answered.
    pub ignored_client_hellos: u64,
    /// ClientHellos that were answered with a cookie.
    pub cookies_asked: u64,
    /// Renegotiations that were refused.
    pub refused_renegotiations: u64,
    /// Datagrams that came after the end.
    pub after_close: u64,
}
