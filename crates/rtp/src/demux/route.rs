//! Where a packet belongs.

/// A media section of a description (an "m=" section), as the caller names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SectionId(pub u32);

/// Where a packet belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// The section.
    pub section: SectionId,
    /// The layer of a simulcast, if one was named.
    pub layer: Option<Layer>,
}

/// The layer of a simulcast that a stream is, or repairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layer {
    /// Its place in the section's list of RIDs.
    pub index: u8,
    /// Whether the stream repairs the layer (RFC 8852 §3.2), rather than being it.
    pub is_repair: bool,
}

/// Why a packet belongs nowhere, and is to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unrouted {
    /// It names a section that there is not.
    #[error("no section has this MID")]
    UnknownMid,
    /// The section that its stream belongs to does not have its payload type.
    #[error("its section has no such payload type")]
    PayloadType,
    /// Nothing tells: no name, no source that is known, and no payload type that one section alone has.
    #[error("nothing tells to which section it belongs")]
    Unknown,
}
