//! Telling agents behind one socket apart.

use pollrtc_stun::{Class, Message, is_stun};

/// The receiver's username fragment in a connectivity check: what stands before the colon in
/// USERNAME (RFC 8445 §7.2.2). `None` for all that is no check.
///
/// The check is not authenticated by this; the agent that it leads to does that.
///
/// ```
/// use pollrtc_stun::{Builder, Class, Method, TransactionId};
/// let mut buf = [0; 64];
/// let len = Builder::new(&mut buf, Class::Request, Method::BINDING, TransactionId([1; 12]))
///     .username("ours:theirs")
///     .finish()?;
/// assert_eq!(pollrtc_ice::local_ufrag(&buf[..len]), Some("ours"));
/// # Ok::<(), pollrtc_stun::BuildError>(())
/// ```
pub fn local_ufrag(datagram: &[u8]) -> Option<&str> {
    if !is_stun(datagram) {
        return None;
    }
    let message = Message::parse(datagram).ok()?;
    let username = (message.class() == Class::Request).then(|| message.username())??;
    Some(username.split_once(':')?.0)
}
