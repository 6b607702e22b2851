//! Which candidates the peer was told of (RFC 8838): those in our description, and those that trickled.

use alloc::vec::Vec;

use pollrtc_ice::Candidate;
use pollrtc_jsep::TransportKey;

/// The candidates that our descriptions have.
///
/// The section that they belong to goes by the transport that it describes and the generation of its credentials:
/// another generation is told all candidates anew.
#[derive(Debug, Default)]
pub(super) struct Trickle {
    /// Those in the description that was created last, which has taken no effect.
    created: Candidates,
    /// Those that the peer was told of.
    told: Candidates,
}

/// A set of candidates and what they belong to: a handful, mostly.
#[derive(Clone, Debug, Default)]
pub(super) struct Candidates(Vec<(TransportKey, Candidate)>);

impl Candidates {
    /// False if it is one of them already.
    pub(super) fn insert(&mut self, key: TransportKey, candidate: &Candidate) -> bool {
        let is_new = !self.0.iter().any(|(of, known)| *of == key && known == candidate);
        if is_new {
            self.0.reserve_exact(1);
            self.0.push((key, candidate.clone()));
        }
        is_new
    }
}

impl Trickle {
    /// A description is created that has these.
    pub(super) fn create(&mut self, candidates: Candidates) {
        self.created = candidates;
    }

    /// The description that was created last has taken effect.
    pub(super) fn take_effect(&mut self) {
        self.told.clone_from(&self.created);
    }

    /// Our description was taken back: what was told in it has to be told again.
    pub(super) fn roll_back(&mut self) {
        self.told = Candidates::default();
    }

    /// A candidate is to be told; false if it was before.
    pub(super) fn tell(&mut self, key: TransportKey, candidate: &Candidate) -> bool {
        self.told.insert(key, candidate)
    }
}
