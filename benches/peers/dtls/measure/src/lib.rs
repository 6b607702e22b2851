//! DTLS of pollrtc and its peers: the same work, measured alike; see README.md of the folder above.

mod alloc;
pub mod measure;
mod report;
pub mod subject;
pub mod wire;

#[path = "../../../src/cpu.rs"]
mod cpu;
#[path = "../../../src/table.rs"]
#[allow(dead_code)] // all cases are alike here
mod table;

pub use report::{Contestant, run};
