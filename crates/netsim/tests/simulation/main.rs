//! The simulator through its public API: one file per topic.

mod common;
mod determinism;
mod firewall;
mod hosts;
mod laws;
mod link;
mod nat;
mod nat_model;
mod time;
mod trace;
