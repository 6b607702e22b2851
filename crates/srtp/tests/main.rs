//! Packets between the two ends of a session, as an application sees them.

mod allocations;
mod cryptex;
mod edges;
mod fan_out;
mod forged;
mod header_extensions;
mod headers;
mod keys;
mod mki;
mod replay;
mod rollover;
mod rtcp;
mod sealing;
mod streams;
mod support;
