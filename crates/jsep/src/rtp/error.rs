//! What can be wrong with what a section says.

/// Why a section of the peer can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RtpError {
    /// The answer has none of the codecs that were offered.
    #[error("answer with at least one of the offered codecs, or reject the section with port 0")]
    NoCommonCodec,
    /// A payload type stands for two configurations within one bundle (RFC 9143 §9.1.1).
    #[error("payload type {0} stands for two codecs in one bundle; give one of them another")]
    PayloadTypeConflict(u8),
    /// An extension id stands for two extensions within one bundle (RFC 8285 §7).
    #[error("extension id {0} stands for two header extensions in one bundle; give one of them another")]
    ExtensionIdConflict(u16),
}
