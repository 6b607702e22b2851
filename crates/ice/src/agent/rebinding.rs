//! Moving to another pair, without a restart, when the selected one has died under the peers: a NAT
//! has given one of them another address, or one network has replaced another.

use alloc::vec::Vec;
use core::net::SocketAddr;

use pollrtc_core::Instant;

use super::Agent;
use super::path::Origin;
use crate::candidate::CandidateKind;
use crate::event::Role;
use crate::pair::{Pair, PairId, PairState};

impl Agent {
    /// The peer may go on from another socket from now on, without a restart: browsers do when the
    /// section of a description that describes the transport is stopped. Its nomination of another
    /// pair counts at once, and the path is asked whether anybody is there, so that one that is left
    /// does not hold up a move to where the peer is.
    pub fn doubt_path(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.session.prune_at.take().is_some() {
            self.prune();
        }
        if let Some(active) = self.active.as_mut().filter(|_| !self.config.lite) {
            active.next_check = active.next_check.min(self.now);
        }
        self.advance(now);
    }

    /// The selected pair answers no more, and another one does: that is it.
    ///
    /// Two things have to come together, so that nobody who can only send, repeat or forge the
    /// source of packets moves the path: a consent check on the selected pair was missed, and a
    /// check of ours has been answered on the other since anything authenticated came over the
    /// selected one.
    pub(super) fn run_fallback(&mut self) {
        let (Some(selected), Some(active)) = (self.session.selected, &self.active) else {
            return;
        };
        if active.origin != Origin::Pair(selected) {
            return; // selected just now
        }
        let heard = active.last_heard;
        let missed = self.missed_at().is_some_and(|at| at <= self.now);
        let silent = self.is_silent();
        if !(missed || silent) {
            return;
        }
        let checklist = &self.session.checklist;
        let others = || checklist.iter().filter(|pair| pair.id != selected);
        let instead = || others().filter(|pair| silent || self.may_be_same_socket(pair));
        let answers = |pair: &&Pair| pair.valid.is_some() && pair.last_success > heard;
        if let Some(other) = instead().filter(answers).max_by_key(|pair| pair.last_success) {
            self.move_to(other.id);
            return;
        }
        let fresh = self.timing().consent_expiry;
        let is_nominated =
            |pair: &&Pair| pair.nominated && pair.valid.is_some() && self.now < pair.last_success + fresh;
        if let Some(other) = others()
            .filter(|_| silent)
            .filter(is_nominated)
            .max_by_key(|pair| pair.valid)
        {
            self.move_to(other.id);
            return;
        }
        // The peer asks on others, which were not asked lately or never: now they are.
        let unasked = |pair: &&Pair| {
            pair.last_asked > heard
                && pair.last_success <= heard
                && !matches!(pair.state, PairState::InProgress | PairState::Failed)
                && !checklist.is_triggered(pair.id)
        };
        let unasked: Vec<PairId> = instead().filter(unasked).map(|pair| pair.id).collect();
        if !self.config.lite {
            for id in unasked {
                self.session.checklist.trigger(id, self.now);
            }
        }
    }

    /// Whether the peer may have asked from the socket that it had on the selected pair, behind
    /// another address of its NAT.
    fn may_be_same_socket(&self, pair: &Pair) -> bool {
        let remote = self.session.remotes.get(pair.remote);
        let learnt = remote.is_some_and(|remote| remote.kind == CandidateKind::PeerReflexive);
        learnt && self.active.as_ref().is_some_and(|active| active.local == pair.local)
    }

    /// The controlling side tells the other by nominating; the controlled one follows the peer to
    /// where it is.
    fn move_to(&mut self, id: PairId) {
        if self.role == Role::Controlling && !self.config.lite {
            self.nominate(id);
            return;
        }
        if let Some(selected) = self.session.selected
            && let Some(pair) = self.session.checklist.get_mut(selected)
        {
            pair.nominated = false;
        }
        self.select(id);
    }

    /// The peer sees the path's base under this address. If that is news, our NAT has given it
    /// another one: a peer-reflexive local candidate (RFC 8445 §7.2.5.3.1) of the same base, whose
    /// pair is the same on this side and another one for the peer. The consent check that told has
    /// nominated it there, if it is selected, which spares the peer from finding out that the old
    /// one is dead.
    pub(super) fn seen_as(&mut self, id: PairId, mapped: SocketAddr, prflx_priority: u32) {
        let role = self.role;
        let Some(local) = self.session.checklist.get(id).map(|pair| pair.local) else {
            return;
        };
        let priority = self.seen_priority(local, mapped, prflx_priority);
        let Some(pair) = self.session.checklist.get_mut(id) else {
            return;
        };
        let before = pair.mapped.replace(mapped);
        if before.is_some_and(|before| before != mapped) {
            pair.make_valid(role, priority.unwrap_or(pair.local_priority));
        }
    }
}
