//! Why a record is not written, and why one that came is dropped.

/// Why a record could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteError {
    /// The buffer ends too early.
    BufferTooShort,
    /// 2^48 records are written.
    SequenceExhausted,
    /// The provider refused.
    Crypto,
}

/// Why an encrypted record is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// It was here before, or is too old to tell.
    Replayed,
    /// Too short, or not the negotiated version.
    Malformed,
    /// It is genuine, but longer than any may be.
    TooLong,
    /// It does not authenticate.
    Forged,
    /// It does not authenticate, and that too often.
    TooManyForgeries,
}
