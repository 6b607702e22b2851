//! Finished: that both sides saw the same handshake.

use crate::error::HandshakeError;

/// Whether two MACs are the same, in constant time. One of another length is just a wrong one.
pub(crate) fn check_finished(expected: &[u8], received: &[u8]) -> Result<(), HandshakeError> {
    if expected.len() != received.len() {
        return Err(HandshakeError::Finished);
    }
    let difference = expected
        .iter()
        .zip(received)
        .fold(0u8, |difference, (ours, theirs)| difference | (ours ^ theirs));
    match core::hint::black_box(difference) {
        0 => Ok(()),
        _ => Err(HandshakeError::Finished),
    }
}
