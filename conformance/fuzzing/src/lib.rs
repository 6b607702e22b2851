//! What each fuzz target does, and the replay of its seeds on stable.
//!
//! A body takes any bytes. That of a parser checks what holds for every input (no panic, and what
//! was read is written back the same); that of a state machine takes the bytes as a script for the
//! law harness ([`pollrtc_core::laws`]). `fuzz/` makes a libFuzzer target of each; `tests/replay.rs`
//! puts each file in `fuzz/seeds/<target>` through its body.

pub mod stun;

/// The targets: name and body.
pub const TARGETS: &[(&str, fn(&[u8]))] = &[
    ("stun_message", stun::stun_message),
    ("stun_client", stun::stun_client),
    ("stun_server", stun::stun_server),
];
