//! Type, length, value: the form of parameters in INIT, of error causes and of RE-CONFIG.

use super::{UnknownAction, padded};

/// Parameter types of INIT, INIT ACK and HEARTBEAT.
pub mod parameter {
    /// What HEARTBEAT ACK gives back (RFC 9260 §3.3.5).
    pub const HEARTBEAT_INFO: u16 = 1;
    /// State cookie (RFC 9260 §3.3.3.1).
    pub const STATE_COOKIE: u16 = 7;
    /// Parameters that the peer did not know (RFC 9260 §3.3.3.1).
    pub const UNRECOGNIZED: u16 = 8;
    /// IPv4 address (RFC 9260 §3.3.2.1).
    pub const IPV4_ADDRESS: u16 = 5;
    /// IPv6 address (RFC 9260 §3.3.2.1).
    pub const IPV6_ADDRESS: u16 = 6;
    /// Cookie preservative (RFC 9260 §3.3.2.1).
    pub const COOKIE_PRESERVATIVE: u16 = 9;
    /// Host name address, no longer allowed (RFC 9260 §3.3.2.1).
    pub const HOST_NAME: u16 = 11;
    /// Supported address types (RFC 9260 §3.3.2.1).
    pub const SUPPORTED_ADDRESS_TYPES: u16 = 12;
    /// ECN capable (RFC 9260 appendix A).
    pub const ECN_CAPABLE: u16 = 0x8000;
    /// The list of chunk types that the sender knows (RFC 5061 §4.2.7).
    pub const SUPPORTED_EXTENSIONS: u16 = 0x8008;
    /// FORWARD TSN is known (RFC 3758 §3.1).
    pub const FORWARD_TSN_SUPPORTED: u16 = 0xC000;
}

/// One parameter or cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// Its type.
    pub kind: u16,
    /// What stands after type and length, without padding.
    pub value: &'a [u8],
    /// All of it, as it is echoed when it is unknown.
    pub raw: &'a [u8],
}

impl Parameter<'_> {
    /// What to do if its type is unknown.
    pub fn unknown_action(&self) -> UnknownAction {
        UnknownAction {
            stop: self.kind & 0x8000 == 0,
            report: self.kind & 0x4000 != 0,
        }
    }
}

/// Walks over parameters; ends at the first that does not fit.
#[derive(Clone, Debug)]
pub struct Parameters<'a> {
    rest: &'a [u8],
}

impl<'a> Parameters<'a> {
    /// The parameters in these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Parameter<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let taken = take_parameter(self.rest);
        self.rest = taken
            .and_then(|parameter| self.rest.get(padded(parameter.raw.len())..))
            .unwrap_or(&[]);
        taken
    }
}

/// Bytes of a parameter before its value.
const PARAMETER_HEADER_LEN: usize = 4;

/// What stands before the value of a parameter or an error cause (RFC 9260 §3.2.1); `None` if the value is too long
/// for any.
pub(crate) fn parameter_header(kind: u16, value_len: usize) -> Option<[u8; PARAMETER_HEADER_LEN]> {
    let len = u16::try_from(value_len.saturating_add(PARAMETER_HEADER_LEN)).ok()?;
    let ([kind_high, kind_low], [high, low]) = (kind.to_be_bytes(), len.to_be_bytes());
    Some([kind_high, kind_low, high, low])
}

fn take_parameter(bytes: &[u8]) -> Option<Parameter<'_>> {
    let ([kind_high, kind_low, high, low], _) = bytes.split_first_chunk()?;
    let len = usize::from(u16::from_be_bytes([*high, *low]));
    let raw = bytes.get(..len)?;
    Some(Parameter {
        kind: u16::from_be_bytes([*kind_high, *kind_low]),
        value: raw.get(PARAMETER_HEADER_LEN..)?,
        raw,
    })
}
