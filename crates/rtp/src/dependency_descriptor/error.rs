//! What can be wrong with a descriptor.

/// Why bytes are no dependency descriptor, or values can't be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptorError {
    /// It goes on behind its last bit.
    #[error("the descriptor ends before its {0} does")]
    Truncated(&'static str),
    /// No structure has come yet: a key frame has to be waited for, or asked for.
    #[error("there is no template structure yet")]
    NoStructure,
    /// The structure has no such template. It is that of another key frame, whose packet is lost or late (§A.8.3).
    #[error("the structure has no template {0}")]
    UnknownTemplate(u8),
    /// More than there can be: 64 templates, 32 decode targets, 4 spatial and 8 temporal layers, 16 frames that one
    /// needs.
    #[error("there are too many {0}")]
    TooMany(&'static str),
    /// Values that can't be written, because they contradict each other or their structure.
    #[error("{0} can't be written")]
    Unwritable(&'static str),
    /// The buffer is too short for what is to be written.
    #[error("a buffer of {len} bytes is too short for {needed}")]
    ShortBuffer {
        /// How long the buffer is.
        len: usize,
        /// How long it has to be.
        needed: usize,
    },
}
