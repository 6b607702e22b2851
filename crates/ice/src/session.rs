//! What begins anew with each restart.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::SocketAddr;

use pollrtc_core::Instant;
use pollrtc_stun::IntegrityKey;

use crate::candidate::{Candidate, CandidateKind};
use crate::checklist::{Checklist, LocalId};
use crate::credentials::Credentials;
use crate::pair::PairId;
use crate::transactions::TransactionId;

/// Both sides' credentials of one session, keyed once.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) local: Credentials,
    pub(crate) local_key: IntegrityKey,
    pub(crate) remote: Option<RemoteKeys>,
}

#[derive(Debug)]
pub(crate) struct RemoteKeys {
    pub(crate) credentials: Credentials,
    pub(crate) key: IntegrityKey,
    /// USERNAME of our requests: theirs, a colon, ours (RFC 8445 §7.2.2).
    pub(crate) username: String,
}

impl Keys {
    pub(crate) fn new(local: Credentials) -> Self {
        let local_key = IntegrityKey::short_term(&local.pwd);
        Self {
            local,
            local_key,
            remote: None,
        }
    }

    pub(crate) fn set_remote(&mut self, credentials: Credentials) {
        self.remote = Some(RemoteKeys {
            key: IntegrityKey::short_term(&credentials.pwd),
            username: format!("{}:{}", credentials.ufrag, self.local.ufrag),
            credentials,
        });
    }
}

/// A remote candidate that pairs are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remote {
    pub(crate) address: SocketAddr,
    pub(crate) kind: CandidateKind,
    pub(crate) priority: u32,
    pub(crate) foundation: u16,
}

/// A check that came before we knew the peer's credentials; it was answered, the rest waits.
#[derive(Clone, Debug)]
pub(crate) struct EarlyCheck {
    pub(crate) local: LocalId,
    pub(crate) remote: SocketAddr,
    pub(crate) ufrag: Box<str>,
    pub(crate) check: IncomingCheck,
}

/// What a check says that matters after it is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IncomingCheck {
    pub(crate) transaction: TransactionId,
    pub(crate) priority: Option<u32>,
    pub(crate) use_candidate: bool,
    /// The value of a renomination (draft-thatcher-ice-renomination).
    pub(crate) nomination: Option<u32>,
}

/// One ICE session: from the start, or a restart, to the next.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) number: u32,
    pub(crate) keys: Keys,
    pub(crate) checklist: Checklist,
    pub(crate) remotes: Vec<Remote>,
    foundations: Vec<String>,
    /// Whether an authentic check of the peer has come.
    pub(crate) peer_checks: bool,
    /// The latest checks that were answered.
    seen: VecDeque<TransactionId>,
    /// How many remote candidates came from checks and were not signalled since.
    pub(crate) learnt: u16,
    /// How many ever came from checks: their foundations are counted on.
    learnt_ever: u16,
    pub(crate) early: Vec<EarlyCheck>,
    /// Candidates whose fragment is not that of the peer's credentials, or not yet.
    pub(crate) held: Vec<Candidate>,
    /// Candidates whose name is not resolved yet.
    pub(crate) unresolved: Vec<Candidate>,
    pub(crate) remote_ended: bool,
    pub(crate) selected: Option<PairId>,
    /// The pair that is being nominated by us.
    pub(crate) nominating: Option<PairId>,
    /// When to nominate the best of what works, come what may.
    pub(crate) nominate_at: Option<Instant>,
    /// The greatest renomination seen.
    pub(crate) nomination: Option<u32>,
    /// When patience ends (RFC 8863).
    pub(crate) patience_ends: Option<Instant>,
    /// When to let go of what was not selected (RFC 8445 §8.3.1).
    pub(crate) prune_at: Option<Instant>,
}

/// How many checks of the peer are recognised when they come again from another address. As many as candidates
/// can be learnt from checks by default.
const SEEN: usize = 32;

/// Foundations of candidates from checks are unlike any other (RFC 8445 §7.3.1.3): they count from
/// here, signalled ones stay below.
const LEARNT_FOUNDATIONS: u16 = 1 << 15;

impl Session {
    pub(crate) fn new(number: u32, local: Credentials) -> Self {
        Self {
            number,
            keys: Keys::new(local),
            checklist: Checklist::default(),
            remotes: Vec::new(),
            foundations: Vec::new(),
            peer_checks: false,
            seen: VecDeque::new(),
            learnt: 0,
            learnt_ever: 0,
            early: Vec::new(),
            held: Vec::new(),
            unresolved: Vec::new(),
            remote_ended: false,
            selected: None,
            nominating: None,
            nominate_at: None,
            nomination: None,
            patience_ends: None,
            prune_at: None,
        }
    }

    pub(crate) fn find_remote(&self, address: SocketAddr) -> Option<usize> {
        self.remotes.iter().position(|remote| remote.address == address)
    }

    /// How many remote candidates were signalled.
    pub(crate) fn signalled(&self) -> usize {
        self.remotes.len() - usize::from(self.learnt) + self.unresolved.len()
    }

    /// Whether a check came before, not long ago; it counts as seen from now on.
    pub(crate) fn has_seen(&mut self, check: TransactionId) -> bool {
        if self.seen.contains(&check) {
            return true;
        }
        if self.seen.len() >= SEEN {
            self.seen.pop_front();
        }
        self.seen.push_back(check);
        false
    }

    /// The number that stands for a signalled foundation.
    pub(crate) fn foundation(&mut self, foundation: &str) -> u16 {
        let known = self.foundations.iter().position(|known| known == foundation);
        let index = known.unwrap_or_else(|| {
            self.foundations.push(foundation.to_string());
            self.foundations.len() - 1
        });
        u16::try_from(index).unwrap_or(LEARNT_FOUNDATIONS - 1)
    }

    /// Learns a remote candidate from a check (RFC 8445 §7.3.1.3), in the place of a forgotten one
    /// if there is one.
    pub(crate) fn learn(&mut self, address: SocketAddr, priority: u32, place: Option<usize>) -> usize {
        let learnt = |foundation| Remote {
            address,
            kind: CandidateKind::PeerReflexive,
            priority,
            foundation,
        };
        if let Some((place, forgotten)) = place.and_then(|place| Some((place, self.remotes.get_mut(place)?))) {
            *forgotten = learnt(forgotten.foundation);
            return place;
        }
        self.remotes
            .push(learnt(LEARNT_FOUNDATIONS.saturating_add(self.learnt_ever)));
        self.learnt = self.learnt.saturating_add(1);
        self.learnt_ever = self.learnt_ever.saturating_add(1);
        self.remotes.len() - 1
    }
}
