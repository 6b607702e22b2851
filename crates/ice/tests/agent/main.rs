//! Agents as their callers see them, in virtual time; one module per topic.

mod common;
mod connect;
mod laws;
mod nat;
