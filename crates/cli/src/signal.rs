//! Descriptions as they travel: JSON `{"type":"offer","sdp":".."}`, as browsers write them.

use serde::{Deserialize, Serialize};

/// An offer or an answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Description {
    #[serde(rename = "type")]
    kind: String,
    sdp: String,
}

/// An answer came where an offer was expected, or the other way round.
#[derive(Debug, thiserror::Error)]
#[error("expected the type {wanted:?}, got {got:?}")]
pub(crate) struct WrongKind {
    wanted: &'static str,
    got: String,
}

impl Description {
    /// An `"offer"` or an `"answer"`.
    pub(crate) fn new(kind: &str, sdp: String) -> Self {
        Self {
            kind: kind.to_owned(),
            sdp,
        }
    }

    /// Its SDP, if it is what was expected.
    pub(crate) fn of_kind(self, wanted: &'static str) -> Result<String, WrongKind> {
        if self.kind == wanted {
            Ok(self.sdp)
        } else {
            Err(WrongKind { wanted, got: self.kind })
        }
    }
}
