//! Remote candidates: signalled, found by checks, and those that wait for something.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::address::is_same;
use crate::candidate::Candidate;
use crate::kind::CandidateKind;

/// A remote candidate that pairs are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remote {
    /// Without the link, if it is link-local and was signalled: it may be on any of ours.
    pub(crate) address: SocketAddr,
    pub(crate) kind: CandidateKind,
    pub(crate) priority: u32,
    pub(crate) foundation: u16,
}

/// The remote candidates of one generation.
#[derive(Debug, Default)]
pub(crate) struct Remotes {
    list: Vec<Remote>,
    foundations: Vec<String>,
    /// How many are peer-reflexive: they came from checks and were not signalled since.
    peer_reflexive: u16,
    /// How many ever came from checks: their foundations are counted on.
    peer_reflexive_ever: u16,
    /// Candidates whose fragment is not that of the peer's credentials, or not yet.
    held: Vec<Candidate>,
    /// Candidates whose name is not resolved yet.
    unresolved: Vec<Candidate>,
}

/// How many candidates for credentials that are not known yet are kept.
const MAX_HELD: usize = 32;

/// Foundations of candidates from checks are unlike any other (RFC 8445 §7.3.1.3): they count from
/// here, signalled ones stay below.
const PEER_REFLEXIVE_FOUNDATIONS: u16 = 1 << 15;

impl Remotes {
    /// How many things of any kind are kept.
    pub(crate) fn items(&self) -> usize {
        self.list.len() + self.held.len() + self.unresolved.len()
    }

    /// How many candidates have addresses.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn get(&self, at: usize) -> Option<&Remote> {
        self.list.get(at)
    }

    pub(crate) fn iter(&self) -> core::slice::Iter<'_, Remote> {
        self.list.iter()
    }

    /// The candidate at this address; if there is none, one at the same that does not say, or is not asked, on which
    /// link it is.
    pub(crate) fn find(&self, address: SocketAddr) -> Option<usize> {
        let position = |is_it: &dyn Fn(SocketAddr) -> bool| self.list.iter().position(|remote| is_it(remote.address));
        position(&|known| known == address).or_else(|| position(&|known| is_same(known, address)))
    }

    /// How many were signalled.
    pub(crate) fn signalled(&self) -> usize {
        self.list.len() - usize::from(self.peer_reflexive) + self.unresolved.len()
    }

    pub(crate) fn peer_reflexive(&self) -> usize {
        usize::from(self.peer_reflexive)
    }

    /// A signalled candidate at a new address.
    pub(crate) fn add(&mut self, candidate: &Candidate, address: SocketAddr) -> usize {
        let remote = Remote {
            address,
            kind: candidate.kind(),
            priority: candidate.priority(),
            foundation: self.foundation(candidate.foundation()),
        };
        self.list.push(remote);
        self.list.len() - 1
    }

    /// The same, in the place of one that is forgotten.
    pub(crate) fn replace(&mut self, place: usize, candidate: &Candidate, address: SocketAddr) -> usize {
        let foundation = self.foundation(candidate.foundation());
        if let Some(forgotten) = self.list.get_mut(place) {
            *forgotten = Remote {
                address,
                kind: candidate.kind(),
                priority: candidate.priority(),
                foundation,
            };
        }
        place
    }

    /// RFC 8838 §11: a candidate that a check told of is signalled at last. It is what the peer says from now on,
    /// and counts as signalled.
    pub(crate) fn name(&mut self, known: usize, candidate: &Candidate, address: SocketAddr) -> Option<Remote> {
        let foundation = self.foundation(candidate.foundation());
        let remote = self.list.get_mut(known)?;
        if candidate.kind() != CandidateKind::PeerReflexive {
            self.peer_reflexive = self.peer_reflexive.saturating_sub(1);
        }
        *remote = Remote {
            address,
            kind: candidate.kind(),
            priority: candidate.priority(),
            foundation,
        };
        Some(*remote)
    }

    /// A candidate from a check (RFC 8445 §7.3.1.3), in the place of a forgotten one
    /// if there is one.
    pub(crate) fn add_peer_reflexive(&mut self, address: SocketAddr, priority: u32, place: Option<usize>) -> usize {
        let with = |foundation| Remote {
            address,
            kind: CandidateKind::PeerReflexive,
            priority,
            foundation,
        };
        if let Some((place, forgotten)) = place.and_then(|place| Some((place, self.list.get_mut(place)?))) {
            *forgotten = with(forgotten.foundation);
            return place;
        }
        self.list.push(with(
            PEER_REFLEXIVE_FOUNDATIONS.saturating_add(self.peer_reflexive_ever),
        ));
        self.peer_reflexive = self.peer_reflexive.saturating_add(1);
        self.peer_reflexive_ever = self.peer_reflexive_ever.saturating_add(1);
        self.list.len() - 1
    }

    /// The number that stands for a signalled foundation.
    fn foundation(&mut self, foundation: &str) -> u16 {
        let known = self.foundations.iter().position(|known| known == foundation);
        let index = known.unwrap_or_else(|| {
            let is_used = |index: usize| self.list.iter().any(|remote| usize::from(remote.foundation) == index);
            let free = (0..self.foundations.len()).find(|index| !is_used(*index));
            let index = free.unwrap_or(self.foundations.len());
            match self.foundations.get_mut(index) {
                Some(forgotten) => *forgotten = foundation.to_string(),
                None => self.foundations.push(foundation.to_string()),
            }
            index
        });
        u16::try_from(index).unwrap_or(PEER_REFLEXIVE_FOUNDATIONS - 1)
    }

    /// RFC 8839 §5.1: keeps a candidate of another generation; perhaps of one that is about to begin, whose
    /// credentials are still under way.
    pub(crate) fn hold(&mut self, candidate: Candidate) {
        if self.held.len() >= MAX_HELD {
            self.held.remove(0);
        }
        self.held.push(candidate);
    }

    pub(crate) fn take_held(&mut self) -> Vec<Candidate> {
        core::mem::take(&mut self.held)
    }

    /// Keeps a candidate until its name is resolved; tells whether that is a new name.
    pub(crate) fn await_address(&mut self, candidate: Candidate) -> bool {
        let asked = self
            .unresolved
            .iter()
            .any(|other| is_same_name(other, candidate.name()));
        self.unresolved.push(candidate);
        !asked
    }

    /// The candidates that wait for this name.
    pub(crate) fn take_named(&mut self, name: &str) -> Vec<Candidate> {
        let waiting = core::mem::take(&mut self.unresolved);
        let (named, others) = waiting
            .into_iter()
            .partition(|candidate| is_same_name(candidate, Some(name)));
        self.unresolved = others;
        named
    }
}

/// RFC 4343: names are the same in letters of any case.
fn is_same_name(candidate: &Candidate, name: Option<&str>) -> bool {
    match (candidate.name(), name) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => false,
    }
}
