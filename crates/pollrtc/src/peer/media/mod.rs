//! Media of a connection: which streams there are, what carries them, and the way of their packets.
//!
//! - [`streams`]: all of it; [`agree`]: what descriptions make of it;
//! - [`session`]: what one transport carries: [`receiver`] and [`section`] for what comes, [`control`] for RTCP;
//!   [`receive`]: the way of a packet up to there;
//! - [`sender`]: a stream that we send, [`header`]: what its packets look like, with [`told`] of those that may be sent again, [`write`]: the verbs that send them,
//!   [`queue`]: those that wait; [`write_frame`]: the verb that sends whole frames,
//!   [`frames`]: where their streams are, with [`descriptors`] of those that are encrypted;
//! - [`codecs`]: how payloads of a codec look; [`keys`]: what protects them on one transport.

mod agree;
mod codecs;
mod control;
mod descriptors;
mod frames;
mod header;
mod keys;
mod queue;
mod receive;
mod receiver;
mod section;
mod sender;
mod session;
mod streams;
mod told;
mod write;
mod write_frame;

pub(super) use self::keys::Keys;
pub(super) use self::streams::{Media, MediaSettings};
