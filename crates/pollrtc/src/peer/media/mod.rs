//! Media of a connection: which streams there are, what carries them, and the way of their packets.
//!
//! - [`streams`]: all of it; [`agree`]: what descriptions make of it;
//! - [`session`]: what one transport carries: [`receiver`] and [`section`] for what comes, [`control`] for RTCP;
//!   [`receive`]: the way of a packet up to there;
//! - [`sender`]: a stream that we send, [`header`]: what its packets look like, [`write`]: the verbs that send them,
//!   [`queue`]: those that wait;
//! - [`keys`]: what protects both on one transport.

mod agree;
mod control;
mod header;
mod keys;
mod queue;
mod receive;
mod receiver;
mod section;
mod sender;
mod session;
mod streams;
mod write;

pub(super) use self::keys::Keys;
pub(super) use self::streams::{Media, MediaSettings};
