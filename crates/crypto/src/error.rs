//! Why an operation gave nothing.

/// Why a cryptographic operation gave nothing. It says no more than this on purpose: details help
/// attackers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// The provider does not implement the algorithm.
    #[error("the cryptographic provider does not support this algorithm")]
    Unsupported,
    /// A key, point or certificate does not have the form that its algorithm asks for.
    #[error("the key has the wrong form for its algorithm")]
    InvalidKey,
    /// A signature, tag or MAC does not match.
    #[error("authentication failed")]
    Authentication,
    /// The output buffer is too short.
    #[error("the buffer is too short")]
    BufferTooShort,
}
