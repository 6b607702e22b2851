//! Agents as their callers see them, in virtual time; one module per topic.

mod allocations;
mod candidates;
mod common;
mod connect;
mod consent;
mod flows;
mod gather;
mod hostile;
mod laws;
mod lite;
mod nat;
mod pacing;
mod rebinding;
mod restart;
mod roles;
mod trickle;
