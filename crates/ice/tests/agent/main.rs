//! Agents as their callers see them, in virtual time; one module per topic.

mod allocations;
mod budgets;
mod candidates;
mod common;
mod connect;
mod consent;
mod failover;
mod flows;
mod gather;
mod hostile;
mod laws;
mod lite;
mod loss;
mod nat;
mod nomination;
mod pacing;
mod rebinding;
mod restart;
mod roles;
mod trickle;
