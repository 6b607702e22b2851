//! The peer's candidates, each once, by what makes it that one.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use pollrtc_sdp::attribute::{Candidate, OwnedCandidate};

/// A candidate for an offer of the peer's that we have not answered: its transport is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trickled {
    pub(super) section: usize,
    /// `None`: no more will come.
    pub(super) candidate: Option<Told>,
}

/// A candidate that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) candidate: OwnedCandidate,
    pub(super) identity: String,
}

/// The peer's candidates over one transport, each once.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Candidates {
    pub(super) known: Vec<OwnedCandidate>,
    pub(super) identities: BTreeSet<String>,
}

impl Candidates {
    /// Adds those that are new, as long as there is room.
    pub(super) fn extend<'c>(&mut self, told: impl Iterator<Item = &'c OwnedCandidate>, maximum: usize) {
        for candidate in told {
            if self.known.len() >= maximum {
                return;
            }
            if self.identities.insert(identity(&candidate.as_candidate())) {
                self.known.push(candidate.clone());
            }
        }
    }
}

/// What makes a candidate that one (RFC 8445 §5.1.3), whatever extensions it is told with: browsers
/// add `ufrag` where they trickle and leave it out in descriptions.
pub(super) fn identity(candidate: &Candidate<'_>) -> String {
    let mut identity = String::with_capacity(128);
    let mut add = |word: &str| {
        identity.push_str(word);
        identity.push(' ');
    };
    add(candidate.address);
    let (related_address, related_port) = candidate.related.unzip();
    add(related_address.unwrap_or_default());
    add(candidate.kind.as_str());
    add(candidate.tcp_type.map_or("", |tcp_type| tcp_type.as_str()));
    // Writing to a string can't fail.
    let _ = write!(
        identity,
        "{} {} {}",
        candidate.component,
        candidate.port,
        related_port.unwrap_or_default()
    );
    identity.extend(candidate.transport.chars().map(|letter| letter.to_ascii_lowercase()));
    identity
}
