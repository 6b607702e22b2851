//! RTP header extensions (RFC 8285).

use alloc::borrow::ToOwned;
use alloc::string::String;

use crate::attribute::Direction;

/// A header extension that we can use, or that is in use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HeaderExtension {
    /// What names it.
    pub uri: String,
    /// Which way, seen from who says so.
    pub direction: Direction,
    /// Whether it goes encrypted (RFC 6904).
    pub encrypted: bool,
    /// The extension's own attributes; empty if there are none.
    pub attributes: String,
}

impl HeaderExtension {
    /// Of both ways and not encrypted.
    pub fn new(uri: &str) -> Self {
        Self {
            uri: uri.to_owned(),
            direction: Direction::SendRecv,
            encrypted: false,
            attributes: String::new(),
        }
    }

    /// Whether both mean the same extension, so that they share an id within a bundle
    /// (RFC 8285 §7: the URI with its attributes).
    pub(super) fn same_as(&self, other: &HeaderExtension) -> bool {
        self.uri == other.uri && self.encrypted == other.encrypted && self.attributes == other.attributes
    }
}

/// An extension and its id, `a=extmap`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExtensionId {
    /// 1 to 14, or to 255 in the two-byte form; in offers also 4096 to 4351, which only propose.
    pub id: u16,
    /// What it is.
    pub extension: HeaderExtension,
}

/// The other side's view of a direction.
pub(super) fn reversed(direction: Direction) -> Direction {
    match direction {
        Direction::SendOnly => Direction::RecvOnly,
        Direction::RecvOnly => Direction::SendOnly,
        both => both,
    }
}

/// Where both go.
pub(super) fn intersect(a: Direction, b: Direction) -> Direction {
    match (sends(a) && sends(b), receives(a) && receives(b)) {
        (true, true) => Direction::SendRecv,
        (true, false) => Direction::SendOnly,
        (false, true) => Direction::RecvOnly,
        (false, false) => Direction::Inactive,
    }
}

pub(super) fn sends(direction: Direction) -> bool {
    matches!(direction, Direction::SendRecv | Direction::SendOnly)
}

pub(super) fn receives(direction: Direction) -> bool {
    matches!(direction, Direction::SendRecv | Direction::RecvOnly)
}
