//! Layers of simulcast: `a=rid` and `a=simulcast`, owned.

use alloc::string::String;
use alloc::vec::Vec;

/// An identifier of a stream within a section, `a=rid` (RFC 8851).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rid {
    /// Letters and digits.
    pub id: String,
    /// Whether who says so sends it.
    pub sends: bool,
    /// The payload types that it may use; none means any.
    pub payload_types: Vec<u8>,
    /// `max-width=1280` and the like, in order.
    pub restrictions: Vec<(String, String)>,
}

/// `a=simulcast` (RFC 8853 §5.1): streams in order of preference, each with alternatives.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Simulcast {
    /// What who says so can send.
    pub send: Vec<SimulcastStream>,
    /// What who says so can receive.
    pub receive: Vec<SimulcastStream>,
}

/// One stream of a simulcast: forms of it, of which one is used at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SimulcastStream {
    /// In order of preference.
    pub alternatives: Vec<Layer>,
}

/// A form that a stream can have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Layer {
    /// The `a=rid` that says more.
    pub rid: String,
    /// Whether it is not sent for now (`~`).
    pub paused: bool,
}
