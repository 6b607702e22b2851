//! What is wrong with an attribute's value.

use crate::error::ErrorKind;
use crate::grammar::Fault;

/// An attribute's value does not have the form that its RFC gives it.
///
/// ```
/// let error = pollrtc_sdp::attribute::Candidate::parse("candidate:1 0 udp 1 192.0.2.1 9 typ host").unwrap_err();
/// assert_eq!(error.to_string(), "column 13: write a number from 1 to 256 as the candidate's component");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {kind}")]
pub struct InvalidAttribute {
    kind: ErrorKind,
    column: usize,
}

impl InvalidAttribute {
    pub(super) fn new(fault: Fault, length: usize) -> Self {
        let column = length.saturating_sub(fault.remaining).saturating_add(1);
        Self {
            kind: fault.kind,
            column,
        }
    }

    /// What is wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Where the field that is wrong starts in the text that was read, counted in bytes from 1.
    pub fn column(&self) -> usize {
        self.column
    }
}
