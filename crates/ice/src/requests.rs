//! Requests: whether a check is the peer's (RFC 8489 §9.1.3, RFC 8445 §7.3).

use core::net::SocketAddr;

use pollrtc_stun::{Attribute, AttributeType, ErrorCode, Message};

use crate::generations::Generations;
use crate::outbox::Answer;
use crate::stats::Stats;

/// What a request is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict<'m> {
    /// Not to be answered.
    Dropped,
    /// To be refused with this; signed with the key of this generation, if its sender has proven to know it.
    Refused(Answer, Option<u32>),
    /// The peer's, or of someone whom the peer told our password.
    Authentic {
        /// Whose credentials it uses.
        generation: u32,
        /// What its sender calls itself.
        remote_ufrag: &'m str,
    },
}

/// What a server saw: XOR-MAPPED-ADDRESS, else MAPPED-ADDRESS, which is all that old servers send (RFC 3489).
pub(crate) fn mapped_address(message: &Message<'_>) -> Option<SocketAddr> {
    let plain = || match message.attribute(AttributeType::MAPPED_ADDRESS) {
        Some(Attribute::MappedAddress(address)) => Some(address),
        _ => None,
    };
    message.xor_mapped_address().or_else(plain)
}

/// Judges a request. One that does not authenticate gets an answer that is no larger than about
/// the question, and changes nothing.
pub(crate) fn judge<'m>(message: &Message<'m>, generations: &Generations, stats: &mut Stats) -> Verdict<'m> {
    let (Some(username), true) = (message.username(), message.has_integrity()) else {
        stats.unauthenticated += 1;
        return Verdict::Refused(Answer::Error(ErrorCode::BAD_REQUEST), None);
    };
    let unauthenticated = Verdict::Refused(Answer::Error(ErrorCode::UNAUTHENTICATED), None);
    let (ours, theirs) = username.split_once(':').unwrap_or((username, ""));
    let Some((generation, keys)) = generations.with_ufrag(ours) else {
        stats.unknown_username += 1;
        return unauthenticated;
    };
    if !message.verify_integrity(&keys.local_key) {
        stats.bad_integrity += 1;
        return unauthenticated;
    }
    // A peer that restarts checks its new candidates with our old ones until it has our answer. Chromium
    // holds a pair of those for good if it gets a response, and never chooses one of the new generation.
    if keys
        .remote
        .as_ref()
        .is_some_and(|known| known.credentials.ufrag != theirs)
    {
        stats.other_generation += 1;
        return Verdict::Dropped;
    }
    if message.unknown_comprehension_required().next().is_some() {
        stats.unknown_attributes += 1;
        return Verdict::Refused(Answer::unknown_attributes(message), Some(generation));
    }
    stats.requests_received += 1;
    Verdict::Authentic {
        generation,
        remote_ufrag: theirs,
    }
}
