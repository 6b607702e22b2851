//! Failover: moving to another pair, without a restart, when the selected one has died under the peers: a NAT
//! has given one of them another address, one network has replaced another, or a path has become a black hole and nobody
//! was told.

use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_core::Instant;

use crate::checklist::Checklist;
use crate::config::Timing;
use crate::consent::PathHealth;
use crate::event::Role;
use crate::liveness::gap;
use crate::pair::{Pair, PairId, PairState};

/// What is to be done about the selected pair.
#[derive(Debug)]
pub(crate) enum Failover {
    /// Nothing.
    Stay,
    /// Another pair takes its place.
    MoveTo(PairId),
    /// Others are to be asked: those that stand by, and those that the peer asks on.
    Check(Vec<PairId>),
}

/// How much longer the controlled side waits, which mostly hears from the controlling one where to go.
const CONTROLLED_PATIENCE: Duration = Duration::from_millis(500);

/// Looks for something better than the `selected` pair, whose path is in this `health`.
///
/// Two things have to come together, so that nobody who can only send, repeat or forge the
/// source of packets moves the path: several checks of ours on the selected pair were not answered, and one
/// on the other was, since the first of those went out.
pub(crate) fn failover(
    now: Instant,
    role: Role,
    selected: &Pair,
    health: &PathHealth,
    timing: &Timing,
    checklist: &Checklist,
    is_backup: impl Fn(PairId) -> bool,
) -> Failover {
    let Some(since) = health.doubted_since.or(health.silent.then_some(health.last_heard)) else {
        return Failover::Stay;
    };
    let others = || checklist.iter().filter(|pair| pair.id != selected.id);
    let is_gone = |pair: &Pair| {
        // Where the peer asks, there it is.
        let is_asked = pair.last_asked > health.last_heard;
        let patience = match role {
            Role::Controlled if !is_asked => CONTROLLED_PATIENCE,
            _ => Duration::ZERO,
        };
        health.silent || health.missed_since.is_some_and(|missed| missed + patience <= now)
    };
    let answers = |pair: &&Pair| pair.valid.is_some() && pair.last_success >= since && is_gone(pair);
    if let Some(other) = others().filter(answers).max_by_key(|pair| pair.valid) {
        return Failover::MoveTo(other.id);
    }
    let is_nominated =
        |pair: &&Pair| pair.nominated && pair.valid.is_some() && now < pair.last_success + timing.consent_expiry;
    if health.silent
        && let Some(other) = others().filter(is_nominated).max_by_key(|pair| pair.valid)
    {
        return Failover::MoveTo(other.id);
    }
    let is_overdue = |pair: &Pair| {
        pair.latest_check
            .is_none_or(|at| at < since || at + gap(pair.rtt) <= now)
    };
    let is_unasked = |pair: &&Pair| {
        let peer_asks = pair.last_asked > health.last_heard && health.missed_since.is_some();
        (peer_asks || is_backup(pair.id))
            && pair.last_success < since
            && pair.state != PairState::Failed
            && is_overdue(pair)
            && !checklist.is_triggered(pair.id)
    };
    Failover::Check(others().filter(is_unasked).map(|pair| pair.id).collect())
}
