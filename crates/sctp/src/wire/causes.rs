//! Error causes of ABORT and ERROR (RFC 9260 §3.3.10).

use super::{Parameter, Parameters};

/// Cause codes.
pub mod cause {
    /// DATA for a stream that does not exist.
    pub const INVALID_STREAM_IDENTIFIER: u16 = 1;
    /// A mandatory parameter is missing.
    pub const MISSING_MANDATORY_PARAMETER: u16 = 2;
    /// The state cookie came too late.
    pub const STALE_COOKIE: u16 = 3;
    /// Not enough memory.
    pub const OUT_OF_RESOURCE: u16 = 4;
    /// An address that can't be resolved.
    pub const UNRESOLVABLE_ADDRESS: u16 = 5;
    /// A chunk of unknown type.
    pub const UNRECOGNIZED_CHUNK_TYPE: u16 = 6;
    /// A mandatory parameter with an impossible value.
    pub const INVALID_MANDATORY_PARAMETER: u16 = 7;
    /// Parameters of unknown type.
    pub const UNRECOGNIZED_PARAMETERS: u16 = 8;
    /// A DATA chunk without data.
    pub const NO_USER_DATA: u16 = 9;
    /// A cookie came while the association shuts down.
    pub const COOKIE_RECEIVED_WHILE_SHUTTING_DOWN: u16 = 10;
    /// The peer restarts with new addresses.
    pub const RESTART_WITH_NEW_ADDRESSES: u16 = 11;
    /// The user asked for it.
    pub const USER_INITIATED_ABORT: u16 = 12;
    /// The peer broke the protocol.
    pub const PROTOCOL_VIOLATION: u16 = 13;
}

/// One cause: its code and what the peer tells about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause<'a> {
    /// One of [`cause`] or unknown.
    pub code: u16,
    /// What belongs to the code; for some a text.
    pub information: &'a [u8],
}

impl<'a> Cause<'a> {
    /// The causes in the value of an ABORT or ERROR chunk.
    pub fn all(value: &'a [u8]) -> impl Iterator<Item = Self> + 'a {
        Parameters::new(value).map(|Parameter { kind, value, .. }| Self {
            code: kind,
            information: value,
        })
    }
}
