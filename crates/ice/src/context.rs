//! Context: what a part of an agent is told, and lent, for one step.

use core::time::Duration;

use pollrtc_core::{Flow, Instant};
use pollrtc_crypto::Rng;
use pollrtc_stun::TransactionId;

use crate::base::{Base, Bases};
use crate::budget::Budget;
use crate::config::Config;
use crate::consent::{Origin, PathHealth};
use crate::event::Role;
use crate::outbox::Outbox;
use crate::pair::PairId;
use crate::stats::Stats;
use crate::transaction::{Claim, Purpose};

/// What is around one generation's checks. It is made anew for each step.
pub(crate) struct Context<'a> {
    pub(crate) now: Instant,
    pub(crate) config: &'a Config,
    pub(crate) role: Role,
    pub(crate) tie_breaker: u64,
    /// The number of the current generation.
    pub(crate) generation: u32,
    /// How the path in use is doing, if there is one.
    pub(crate) path: Option<PathHealth>,
    pub(crate) bases: &'a Bases,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) budget: &'a mut Budget,
    pub(crate) rng: &'a mut Rng,
    pub(crate) stats: &'a mut Stats,
}

impl Context<'_> {
    /// The health of the path if it is that of this pair.
    pub(crate) fn path_of(&self, pair: PairId) -> Option<PathHealth> {
        self.path.filter(|path| path.origin == Origin::Pair(pair))
    }

    /// The last check of the path was not answered in time, or there is no path.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.path.is_none_or(|path| path.silent || path.doubted_since.is_some())
    }

    /// Puts out a check of a pair, and its id. `crowd` is the time that it takes to begin all that wait or are in
    /// progress.
    pub(crate) fn request_check(
        &mut self,
        pair: PairId,
        flow: Flow,
        base: &Base,
        nominates: bool,
        crowd: Duration,
    ) -> TransactionId {
        let id = TransactionId::random(self.rng);
        let purpose = Purpose::Check(pair, self.claim(base, nominates));
        self.outbox.request(self.now, id, purpose, flow, crowd);
        id
    }

    /// Puts out another check of a pair whose own is still in progress.
    pub(crate) fn request_extra_check(&mut self, pair: PairId, flow: Flow, base: &Base, nominates: bool) {
        let id = TransactionId::random(self.rng);
        let purpose = Purpose::Check(pair, self.claim(base, nominates));
        self.outbox.request_once(self.now, id, purpose, flow);
    }

    /// What a check from this base says of us now.
    pub(crate) fn claim(&self, base: &Base, nominates: bool) -> Claim {
        Claim {
            generation: self.generation,
            role: self.role,
            tie_breaker: self.tie_breaker,
            priority: base.peer_reflexive_priority(),
            nominates,
        }
    }
}
