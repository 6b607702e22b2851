//! RTP header extensions (RFC 8285).

use alloc::borrow::ToOwned;
use alloc::string::String;

use pollrtc_sdp::attribute::{Direction, ExtMap};

/// A header extension that we can use, or that is in use.
///
/// ```
/// # use pollrtc_jsep::rtp::HeaderExtension;
/// let level = HeaderExtension::new("urn:ietf:params:rtp-hdrext:ssrc-audio-level").encrypted();
/// assert!(level.encrypted);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HeaderExtension {
    /// The URI that names it.
    pub uri: String,
    /// The direction, seen from who says so.
    pub direction: Direction,
    /// Whether it goes encrypted (RFC 6904).
    pub encrypted: bool,
    /// The extension's own attributes; empty if there are none.
    pub attributes: String,
}

impl HeaderExtension {
    /// An extension of both ways, not encrypted.
    pub fn new(uri: &str) -> Self {
        Self {
            uri: uri.to_owned(),
            direction: Direction::SendRecv,
            encrypted: false,
            attributes: String::new(),
        }
    }

    /// The same, encrypted (RFC 6904 §4).
    #[must_use]
    pub fn encrypted(self) -> Self {
        Self {
            encrypted: true,
            ..self
        }
    }

    /// Whether both mean the same extension, so that they share an id within a bundle
    /// (RFC 8285 §7: the URI with its attributes).
    pub(super) fn same_as(&self, other: &HeaderExtension) -> bool {
        self.is_form_of(other) && self.attributes == other.attributes
    }

    /// The same with other attributes perhaps.
    pub(super) fn is_form_of(&self, other: &HeaderExtension) -> bool {
        self.uri == other.uri && self.encrypted == other.encrypted
    }
}

/// An extension and its id, `a=extmap`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExtensionId {
    /// 1 to 14, or to 255 in the two-byte form; in offers also 4096 to 4351, which only propose.
    pub id: u16,
    /// The extension that it stands for.
    pub extension: HeaderExtension,
}

impl ExtensionId {
    pub(super) fn is_provisional(&self) -> bool {
        self.id >= ExtMap::FIRST_PROVISIONAL_ID
    }
}
