//! What several payload formats have in common.

/// Why bytes are no payload of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The payload ends before something that it says it has.
    #[error("the payload ends before its {0} does")]
    Truncated(&'static str),
    /// A value that the format does not have.
    #[error("the payload has an invalid {0}")]
    Invalid(&'static str),
    /// A kind of packet that is never negotiated here, such as interleaving in H.264.
    #[error("packets of type {0} are not supported")]
    Unsupported(u8),
}

/// Which layer of a scalable stream something belongs to. Formats without layers have zero in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Layer {
    /// The spatial layer: 0 is the smallest picture.
    pub spatial: u8,
    /// The temporal layer: 0 is the lowest frame rate.
    pub temporal: u8,
}

/// What is known of a packet's place in its frame: from its payload
/// ([`PayloadFormat::marks`](crate::payload::PayloadFormat::marks)), or from its dependency descriptor, which knows more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FrameMarks {
    /// It is certainly the first packet of its frame.
    pub starts_frame: bool,
    /// It is certainly the last packet of its frame, though others may follow with the same timestamp.
    pub ends_frame: bool,
    /// A key frame begins in it.
    pub is_keyframe: bool,
    /// Which layer its frame belongs to.
    pub layer: Layer,
}
