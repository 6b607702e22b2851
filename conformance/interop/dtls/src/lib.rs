//! DTLS with other stacks. They are state machines here as ours is, so that both stand in the same
//! simulated network, in virtual time.

pub mod boringssl;
mod clock;
pub mod identity;
pub mod rig;
