//! Which way media flows.

use core::fmt;

/// Which way media flows, seen from the description's writer (RFC 8866 §6.7).
///
/// ```
/// use pollrtc_sdp::attribute::Direction;
///
/// assert!(Direction::SendOnly.sends() && !Direction::SendOnly.receives());
/// assert_eq!(Direction::SendOnly.reversed(), Direction::RecvOnly);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Both ways; what a description means that says nothing.
    #[default]
    SendRecv,
    /// The writer sends.
    SendOnly,
    /// The writer receives.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// The direction of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "sendrecv" => Direction::SendRecv,
            "sendonly" => Direction::SendOnly,
            "recvonly" => Direction::RecvOnly,
            "inactive" => Direction::Inactive,
            _ => return None,
        })
    }

    /// The direction in which the writer sends, receives, both or neither.
    ///
    /// ```
    /// use pollrtc_sdp::attribute::Direction;
    ///
    /// let offered = Direction::of(true, false);
    /// assert_eq!(offered, Direction::SendOnly);
    /// assert_eq!(offered.reversed().intersect(Direction::SendRecv), Direction::RecvOnly);
    /// ```
    pub const fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// Whether the writer sends.
    pub const fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether the writer receives.
    pub const fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    /// The other side's view of it (RFC 3264 §6.1).
    pub const fn reversed(self) -> Self {
        Self::of(self.receives(), self.sends())
    }

    /// Which way media may flow if both have to allow it.
    pub const fn intersect(self, other: Self) -> Self {
        Self::of(self.sends() && other.sends(), self.receives() && other.receives())
    }

    /// The name as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
