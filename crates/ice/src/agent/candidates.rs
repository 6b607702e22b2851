//! What the peer signals: credentials, candidates, their end; and the pairs made of it.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use pollrtc_core::{Instant, Protocol};

use super::Agent;
use crate::address::{is_unusable, may_pair};
use crate::candidate::{Candidate, CandidateKind};
use crate::checklist::LocalId;
use crate::credentials::Credentials;
use crate::event::Event;
use crate::pair::{Pair, PairId, PairState};
use crate::priority::{COMPONENT, candidate_priority};
use crate::session::Remote;

/// Why credentials can't be a peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// Not 4 to 256 characters.
    #[error("the username fragment has {0} characters; RFC 8839 §5.4 wants 4 to 256")]
    UfragLength(usize),
    /// Not 22 to 256 characters.
    #[error("the password has {0} characters; RFC 8839 §5.4 wants 22 to 256")]
    PwdLength(usize),
}

/// How many candidates for credentials that are not known yet are kept.
const MAX_HELD: usize = 32;

impl Agent {
    /// Tells the peer's credentials; checks begin. Others than before mean that the peer has
    /// restarted, which [restarts](Self::restart) this agent too, unless it just did.
    ///
    /// # Errors
    ///
    /// If their lengths are not those of RFC 8839 §5.4; nothing changes then.
    pub fn set_remote_credentials(&mut self, now: Instant, remote: Credentials) -> Result<(), CredentialsError> {
        if !(4..=256).contains(&remote.ufrag.len()) {
            return Err(CredentialsError::UfragLength(remote.ufrag.len()));
        }
        if !(22..=256).contains(&remote.pwd.len()) {
            return Err(CredentialsError::PwdLength(remote.pwd.len()));
        }
        match self.remote_credentials() {
            Some(known) if *known == remote => return Ok(()),
            // RFC 8445 §9: new credentials are a restart, and one of both sides.
            Some(_) => self.restart(now),
            None => {}
        }
        self.now = self.now.max(now);
        if self.has_ended() {
            return Ok(());
        }
        let session = &mut self.session;
        session.keys.set_remote(remote);
        // RFC 8863 §4: patience begins when both sides have what checks need.
        session.patience_ends = Some(self.now + self.config.timing.patience);
        for candidate in core::mem::take(&mut session.held) {
            self.take_candidate(candidate);
        }
        self.take_early_checks();
        self.advance(now);
        Ok(())
    }

    /// Adds a candidate that the peer signalled, at any time (RFC 8838). What this agent has no use
    /// for is ignored and counted: components other than 1, TCP, unusable addresses, names outside
    /// `.local`, what belongs to another session, and what is over the limit.
    pub fn add_remote_candidate(&mut self, now: Instant, candidate: Candidate) {
        if self.has_ended() {
            self.stats.after_end += 1;
            return;
        }
        self.now = self.now.max(now);
        self.take_candidate(candidate);
        self.advance(now);
    }

    /// Tells that the peer will signal no more candidates (RFC 8838 §14): if nothing works, the
    /// agent need not wait for more.
    pub fn end_of_remote_candidates(&mut self, now: Instant) {
        self.session.remote_ended = true;
        self.advance(now);
    }

    /// Answers [`Event::ResolveMdns`]; `None`: the name is not known on this network.
    pub fn mdns_resolved(&mut self, now: Instant, name: &str, ip: Option<IpAddr>) {
        self.now = self.now.max(now);
        let waiting = core::mem::take(&mut self.session.unresolved);
        let (named, others): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|candidate| candidate.name() == Some(name));
        self.session.unresolved = others;
        if let Some(ip) = ip {
            for candidate in named {
                self.take_candidate(candidate.resolved(ip));
            }
        }
        self.advance(now);
    }

    fn take_candidate(&mut self, candidate: Candidate) {
        let lawful =
            candidate.component() == COMPONENT && candidate.protocol() == Protocol::Udp && candidate.priority() > 0;
        if !lawful {
            self.stats.candidates_unusable += 1;
            return;
        }
        let known = self.remote_credentials().map(|remote| remote.ufrag.as_str());
        if let Some(ufrag) = candidate.ufrag()
            && known != Some(ufrag)
        {
            self.hold(candidate);
            return;
        }
        match candidate.address() {
            Some(address) => self.take_address(&candidate, address),
            None => self.take_name(candidate),
        }
    }

    /// RFC 8839 §5.1: a candidate of another session; perhaps of one that is about to begin, whose
    /// credentials are still under way.
    fn hold(&mut self, candidate: Candidate) {
        self.stats.candidates_other_generation += 1;
        if self.session.held.len() >= MAX_HELD {
            self.session.held.remove(0);
        }
        self.session.held.push(candidate);
    }

    /// Only names that multicast DNS resolves are looked up, and only by it: a peer must not make
    /// us ask a DNS server of its choice. More than one dot is no such name
    /// (draft-ietf-mmusic-mdns-ice-candidates §3.2.1).
    fn take_name(&mut self, candidate: Candidate) {
        let Some(name) = candidate.name() else {
            return;
        };
        let is_mdns = name
            .strip_suffix(".local")
            .is_some_and(|label| !label.is_empty() && label.len() <= 63 && !label.contains('.'));
        if !is_mdns {
            self.stats.candidates_unusable += 1;
        } else if self.session.signalled() >= self.config.max_candidates {
            self.stats.candidates_over_limit += 1;
        } else {
            let asked = |other: &Candidate| other.name() == Some(name);
            if !self.session.unresolved.iter().any(asked) {
                let name = name.into();
                self.tell(Event::ResolveMdns { name });
            }
            self.session.unresolved.push(candidate);
        }
    }

    fn take_address(&mut self, candidate: &Candidate, address: SocketAddr) {
        // Our own address is no peer: checks to it would come back to us.
        let is_ours = self.bases.iter().any(|base| base.in_use && base.address == address);
        if is_unusable(address) || is_ours {
            self.stats.candidates_unusable += 1;
            return;
        }
        let remote = match self.session.find_remote(address) {
            Some(known) if self.session.remotes[known].kind != CandidateKind::PeerReflexive => {
                self.stats.candidates_repeated += 1;
                return;
            }
            _ if self.session.signalled() >= self.config.max_candidates => {
                self.stats.candidates_over_limit += 1;
                return;
            }
            Some(known) => {
                self.name_learnt(known, candidate);
                known
            }
            None => {
                let remote = Remote {
                    address,
                    kind: candidate.kind(),
                    priority: candidate.priority(),
                    foundation: self.session.foundation(candidate.foundation()),
                };
                self.session.remotes.push(remote);
                self.session.remotes.len() - 1
            }
        };
        let locals: Vec<LocalId> = self.locals().collect();
        for local in locals {
            self.pair(local, remote);
        }
    }

    /// RFC 8838 §11: a candidate that a check taught us is signalled at last. Its pairs keep their
    /// states and get the priority that the peer gives them, and it counts as signalled.
    fn name_learnt(&mut self, known: usize, candidate: &Candidate) {
        let foundation = self.session.foundation(candidate.foundation());
        if candidate.kind() != CandidateKind::PeerReflexive {
            self.session.learnt = self.session.learnt.saturating_sub(1);
        }
        let remote = &mut self.session.remotes[known];
        remote.kind = candidate.kind();
        remote.priority = candidate.priority();
        remote.foundation = foundation;
        for pair in self.session.checklist.iter_mut().filter(|pair| pair.remote == known) {
            pair.remote_priority = candidate.priority();
            pair.foundation.1 = foundation;
            pair.prioritise(self.role);
        }
    }

    fn locals(&self) -> impl Iterator<Item = LocalId> {
        let in_use = (0..).zip(&self.bases).filter(|(_, base)| base.in_use);
        in_use.map(|(id, _)| id)
    }

    /// Pairs a base with all remote candidates.
    pub(super) fn pair_base(&mut self, local: LocalId) {
        for remote in 0..self.session.remotes.len() {
            self.pair(local, remote);
        }
    }

    /// Pairs all that is known and not paired.
    pub(super) fn pair_all(&mut self) {
        let locals: Vec<LocalId> = self.locals().collect();
        for local in locals {
            self.pair_base(local);
        }
    }

    /// RFC 8445 §6.1.2.2 and §6.1.2.6 for one pair, RFC 8838 §12 where it joins others.
    fn pair(&mut self, local: LocalId, remote: usize) {
        let (Some(address), Some(candidate)) = (self.local_address(local), self.session.remotes.get(remote)) else {
            return;
        };
        // A peer-reflexive candidate is paired only with where it was seen (§7.3.1.3).
        let may = may_pair(address, candidate.address) && candidate.kind != CandidateKind::PeerReflexive;
        if !may || self.session.checklist.find(local, candidate.address).is_some() {
            return;
        }
        let Some(id) = self.insert_pair(local, remote) else {
            return;
        };
        self.thaw_or_freeze(id);
    }

    /// A new pair waits if nothing of its foundation does; the best of those that have not begun
    /// goes first, the others stay frozen until it is decided.
    fn thaw_or_freeze(&mut self, id: PairId) {
        let checklist = &mut self.session.checklist;
        let Some((foundation, priority)) = checklist.get(id).map(|pair| (pair.foundation, pair.priority)) else {
            return;
        };
        let of_foundation = |pair: &&Pair| pair.id != id && pair.foundation == foundation;
        let rivals = || checklist.iter().filter(of_foundation);
        let proven = rivals().any(|pair| pair.state == PairState::Succeeded);
        let checking = rivals().any(|pair| pair.state == PairState::InProgress || checklist.is_triggered(pair.id));
        let waiting = rivals()
            .find(|pair| pair.state == PairState::Waiting)
            .map(|pair| (pair.id, pair.priority));
        let state = match waiting {
            _ if proven => PairState::Waiting,
            _ if checking => PairState::Frozen,
            Some((rival, lower)) if lower < priority => {
                if let Some(rival) = checklist.get_mut(rival) {
                    rival.state = PairState::Frozen;
                }
                PairState::Waiting
            }
            Some(_) => PairState::Frozen,
            None => PairState::Waiting,
        };
        if let Some(pair) = checklist.get_mut(id) {
            pair.state = state;
        }
    }

    /// Puts a pair into the checklist, if there is room.
    pub(super) fn insert_pair(&mut self, local: LocalId, remote: usize) -> Option<PairId> {
        let base = self.bases.get(usize::from(local)).filter(|base| base.in_use)?;
        let candidate = self.session.remotes.get(remote)?;
        let mut pair = Pair::new(
            local,
            remote,
            candidate.address,
            candidate_priority(CandidateKind::Host, base.local_preference),
            candidate.priority,
            (base.foundation, candidate.foundation),
        );
        pair.prioritise(self.role);
        self.session.checklist.insert(pair, self.config.max_pairs)
    }
}
