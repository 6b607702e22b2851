//! Offer and answer (RFC 9429), told as stories: who says what, and what comes of it.

mod support;

mod browsers;
mod bundles;
mod candidates;
mod data;
mod deployed;
mod examples;
mod idle;
mod media;
mod minor;
mod peers;
mod restraint;
mod rfcs;
mod states;
mod tolerance;
mod transports;
mod traps;
