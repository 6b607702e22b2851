//! Telling agents behind one socket apart.

use pollrtc_stun::{Class, Message};

/// The receiver's username fragment in a connectivity check: what stands before the colon in
/// USERNAME (RFC 8445 §7.2.2). `None` for all that is no check.
///
/// The check is not authenticated by this; the agent that it leads to does that.
///
/// ```
/// use pollrtc_ice::stun::{Builder, Class, Message, Method, TransactionId};
/// let mut buf = [0; 64];
/// let len = Builder::new(&mut buf, Class::Request, Method::BINDING, TransactionId([1; 12]))
///     .username("ours:theirs")
///     .finish()?;
/// assert_eq!(pollrtc_ice::local_ufrag(&Message::parse(&buf[..len])?), Some("ours"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn local_ufrag<'a>(message: &Message<'a>) -> Option<&'a str> {
    let username = (message.class() == Class::Request).then(|| message.username())??;
    Some(username.split_once(':')?.0)
}
