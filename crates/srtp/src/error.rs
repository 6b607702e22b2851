//! Why a packet is not protected, and why one that came is dropped.

/// Why a packet was not protected. Each is a mistake of the caller's, and has changed nothing: neither the buffer nor
/// what is known of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtectError {
    /// The packet is not one of RTP (RFC 3550 §5.1) or RTCP (§6.4.1).
    #[error("this is no packet")]
    Malformed,
    /// The buffer has no room for the tag behind the packet, see [`Outbound::rtp_headroom`](crate::Outbound::rtp_headroom).
    #[error("{needed} bytes are needed, the buffer has {len}")]
    BufferTooShort {
        /// How long the protected packet is.
        needed: usize,
        /// How long the buffer is.
        len: usize,
    },
    /// The packet is longer than its keystream may be, 1 MiB (RFC 3711 §4.1.1).
    #[error("{0} bytes are more than a packet may have")]
    TooLong(usize),
    /// The sequence number in the packet is not the low 16 bits of the index.
    #[error("sequence number {sequence_number} in the packet, index {index}")]
    SequenceNumber {
        /// The number in the packet.
        sequence_number: u16,
        /// The index that it was said to have.
        index: u64,
    },
    /// A stream begins below 2^15: receivers that miss the first packets could take a later start for the end of a
    /// round (RFC 3711 §3.3.1).
    #[error("a stream can't begin at index {0}")]
    FirstIndex(u64),
    /// The index is 2^15 or more above the newest: receivers would guess another one (RFC 3711 §3.3.1).
    #[error("index {index} lies too far above {newest}")]
    Jump {
        /// The index that was given.
        index: u64,
        /// The highest one that was sealed.
        newest: u64,
    },
    /// The index lies so far behind the newest that nobody knows whether it was sealed before, see
    /// [`Config::rtp_window`](crate::Config::rtp_window) and [`Config::max_streams`](crate::Config::max_streams).
    #[error("index {index} lies too far behind {newest}")]
    TooOld {
        /// The index that was given.
        index: u64,
        /// The highest one that was sealed.
        newest: u64,
    },
    /// The index was sealed before, with other bytes, or too long ago to know with which: its keystream would be used
    /// twice (RFC 3711 §9.1). See [`Config::repeatable`](crate::Config::repeatable).
    #[error("index {0} was sealed before, with other bytes")]
    Reused(u64),
    /// There are no more indices, or the key is worn out (RFC 3711 §9.2): the session needs another one.
    #[error("the key is worn out")]
    Exhausted,
    /// The key was used for 65,535 streams: the session needs another one.
    #[error("there were too many streams")]
    TooManyStreams,
    /// The header extension can't be encrypted as a whole, which was asked for; or it says that it is already.
    #[error("this header extension can't be encrypted")]
    HeaderExtension,
}

/// Why a packet that came was dropped. Nothing has changed but a counter: what a stranger sends has no other effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Dropped {
    /// Shorter than its header and what SRTP adds.
    #[error("malformed")]
    Malformed,
    /// It names another master key.
    #[error("another master key")]
    UnknownKey,
    /// It has come before.
    #[error("replayed")]
    Replayed,
    /// It lies so far behind the newest packet of its stream that nobody knows whether it has come before.
    #[error("too old")]
    TooOld,
    /// It was made with other keys, or changed on its way.
    #[error("not authentic")]
    Unauthentic,
    /// RTCP that is authentic, but not encrypted.
    #[error("not encrypted")]
    Unencrypted,
    /// Its header is encrypted, or is not, against what was agreed.
    #[error("the header is not as agreed")]
    Header,
}
