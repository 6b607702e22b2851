//! The simulator through its public API: one file per topic.

mod common;
mod determinism;
mod firewall;
mod hosts;
mod icmp;
mod laws;
mod link;
mod link_local;
mod linux;
mod nat;
mod nat64;
mod nat_model;
mod signals;
mod stream_nat;
mod streams;
mod time;
mod trace;
