//! The dependency descriptor (RTP Payload Format For AV1, appendix A): which frames a packet's frame needs, and which
//! layers need it. It is a header extension, so that whoever forwards may know it without reading the payload, which
//! may be of any codec, and encrypted from end to end.
//!
//! A key frame brings a [`TemplateStructure`]; descriptors that follow refer to its templates, mostly in three bytes.
//! [`DescriptorReader`] keeps the structure of one stream and reads its descriptors; [`DependencyDescriptor`] is what
//! one says, and writes itself.
//!
//! Nothing here allocates: a structure has about half a kilobyte, whatever a peer sends.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod bits;
mod dependencies;
mod descriptor;
mod error;
mod number;
mod reader;
mod structure;

pub use dependencies::{ChainDifferences, DecodeTargetIndication, FrameDependencies, FrameDifferences, Indications};
pub use descriptor::DependencyDescriptor;
pub use error::DescriptorError;
pub use number::{frame_number, set_frame_number};
pub use reader::DescriptorReader;
pub use structure::TemplateStructure;
