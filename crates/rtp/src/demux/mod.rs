//! To which section of a description a packet on a shared transport belongs (RFC 9143 §9.2), and to which layer of it
//! (RFC 8852).
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

mod bindings;
mod demultiplexer;
mod route;
mod sections;

pub use demultiplexer::{Demultiplexer, DemultiplexerConfig};
pub use route::{Layer, Route, SectionId, Unrouted};
pub use sections::Section;
