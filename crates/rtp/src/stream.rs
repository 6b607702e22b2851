//! Names of streams and of packets that mean the same in every connection and on every thread.

use pollrtc_core::Instant;

/// One incoming stream of packets, under a name that stays valid outside of its connection and thread. The caller
/// chooses it, or the connection counts: equal keys are the same stream.
///
/// ```
/// use pollrtc_rtp::StreamKey;
/// // Who publishes what, on whichever thread.
/// let mut cameras = std::collections::BTreeMap::new();
/// cameras.insert(StreamKey(7), "the front door");
/// assert!(cameras.contains_key(&StreamKey(7)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamKey(pub u64);

/// One packet for ever: its stream, and its index there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// Whose packet it is.
    pub stream: StreamKey,
    /// The sequence number with its rollovers above it, 48 bits (RFC 3711 §3.3.1).
    pub index: u64,
}

/// A codec with its parameters, as a place in the list of whoever received the stream; not a payload type, which is
/// each connection's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Format(pub u8);

/// By which way a packet came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Via {
    /// On its own.
    #[default]
    Media,
    /// As a retransmission (RFC 4588), unwrapped.
    Rtx,
    /// Recovered from forward error correction (RFC 8627, RFC 5109).
    Fec,
    /// Kept back until keys or descriptions had come.
    Held,
}

/// What is known of a packet beside its bytes.
///
/// ```
/// use pollrtc_rtp::{Origin, Source, StreamKey};
/// let source = Source { stream: StreamKey(7), index: 65_536 };
/// let origin = Origin { source, ..Origin::default() };
/// assert_eq!(origin.source.index as u16, 0); // its sequence number
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Which packet it is.
    pub source: Source,
    /// When it arrived; [`Instant::ZERO`] of one that did not, but was made here.
    pub arrived: Instant,
    /// How its payload is coded.
    pub format: Format,
    /// By which way it came.
    pub via: Via,
}
