//! Counters.

/// What an association has seen. All numbers only ever grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Packets written.
    pub packets_sent: u64,
    /// Packets that were for us.
    pub packets_received: u64,
    /// Bytes of these packets.
    pub bytes_sent: u64,
    /// Bytes of these packets.
    pub bytes_received: u64,
    /// Messages taken from the application.
    pub messages_sent: u64,
    /// Messages handed to the application.
    pub messages_received: u64,
    /// DATA chunks sent, retransmissions included.
    pub chunks_sent: u64,
    /// DATA chunks sent again.
    pub chunks_retransmitted: u64,
    /// DATA chunks that came, duplicates included.
    pub chunks_received: u64,
    /// DATA chunks that had come before.
    pub duplicates_received: u64,
    /// Times a loss was found by acknowledgements (RFC 9260 §7.2.4, RFC 8985).
    pub fast_recoveries: u64,
    /// Times that the retransmission timer ran out (RFC 9260 §6.3.3).
    pub timeouts: u64,
    /// Tail loss probes (RFC 8985 §7).
    pub probes: u64,
    /// Times that packets took another path ([`handle_path_change`](crate::Association::handle_path_change)).
    pub path_changes: u64,
    /// Messages given up (RFC 3758).
    pub messages_abandoned: u64,
    /// SACK chunks sent.
    pub sacks_sent: u64,
    /// SACK chunks that came.
    pub sacks_received: u64,
    /// Dropped: shorter than a header, or with chunk lengths that don't add up.
    pub dropped_malformed: u64,
    /// Dropped: wrong checksum.
    pub dropped_checksum: u64,
    /// Dropped: wrong ports.
    pub dropped_port: u64,
    /// Dropped: wrong verification tag.
    pub dropped_tag: u64,
    /// Dropped: not for any association (RFC 9260 §8.4).
    pub dropped_out_of_the_blue: u64,
    /// Dropped: INIT or the like bundled with others, or with impossible fields.
    pub dropped_handshake: u64,
    /// Dropped: cookie forged, stale or not ours.
    pub dropped_cookie: u64,
    /// Dropped: chunks that don't fit the state.
    pub dropped_unexpected: u64,
    /// Dropped: SACKs that are old or contradict what was sent.
    pub dropped_sack: u64,
    /// Dropped: DATA beyond the window or of which too much is missing before it.
    pub dropped_data: u64,
    /// Dropped: fragments that belong to nothing.
    pub dropped_fragments: u64,
    /// Chunks of unknown type.
    pub unknown_chunks: u64,
}
