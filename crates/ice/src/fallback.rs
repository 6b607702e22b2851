//! Fallback: moving to another pair, without a restart, when the selected one has died under the peers: a NAT
//! has given one of them another address, or one network has replaced another.

use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_core::{Flow, Instant};

use crate::checklist::Checklist;
use crate::consent::PathHealth;
use crate::kind::CandidateKind;
use crate::pair::{Pair, PairId, PairState};
use crate::remotes::Remotes;

/// What is to be done about the selected pair.
#[derive(Debug)]
pub(crate) enum Fallback {
    /// Nothing.
    Stay,
    /// Another pair takes its place.
    MoveTo(PairId),
    /// The peer asks on other pairs, which were not asked lately or never: now they are.
    Check(Vec<PairId>),
}

/// Looks for something better than the `selected` pair, whose path is in this `health`.
///
/// Two things have to come together, so that nobody who can only send, repeat or forge the
/// source of packets moves the path: a consent check on the selected pair was missed, and a
/// check of ours has been answered on the other since anything authenticated came over the
/// selected one.
pub(crate) fn fallback(
    now: Instant,
    selected: &Pair,
    health: &PathHealth,
    consent_expiry: Duration,
    checklist: &Checklist,
    remotes: &Remotes,
) -> Fallback {
    if !(health.missed || health.silent) {
        return Fallback::Stay;
    }
    let heard = health.last_heard;
    let others = || checklist.iter().filter(|pair| pair.id != selected.id);
    let instead = || others().filter(|pair| health.silent || may_be_same_socket(pair, selected.flow, remotes));
    let answers = |pair: &&Pair| pair.valid.is_some() && pair.last_success > heard;
    if let Some(other) = instead().filter(answers).max_by_key(|pair| pair.last_success) {
        return Fallback::MoveTo(other.id);
    }
    let is_nominated =
        |pair: &&Pair| pair.nominated && pair.valid.is_some() && now < pair.last_success + consent_expiry;
    if health.silent
        && let Some(other) = others().filter(is_nominated).max_by_key(|pair| pair.valid)
    {
        return Fallback::MoveTo(other.id);
    }
    let is_unasked = |pair: &&Pair| {
        pair.last_asked > heard
            && pair.last_success <= heard
            && !matches!(pair.state, PairState::InProgress | PairState::Failed)
            && !checklist.is_triggered(pair.id)
    };
    Fallback::Check(instead().filter(is_unasked).map(|pair| pair.id).collect())
}

/// Whether the peer may have asked from the socket that it had on the selected pair, behind
/// another address of its NAT.
fn may_be_same_socket(pair: &Pair, path: Flow, remotes: &Remotes) -> bool {
    let remote = remotes.get(pair.remote);
    let is_peer_reflexive = remote.is_some_and(|remote| remote.kind == CandidateKind::PeerReflexive);
    is_peer_reflexive && (pair.flow.local(), pair.flow.protocol()) == (path.local(), path.protocol())
}
