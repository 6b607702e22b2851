//! One pair of candidates.

use core::net::SocketAddr;
use core::time::Duration;

use pollrtc_core::{Flow, Instant};
use pollrtc_stun::TransactionId;

use crate::event::Role;
use crate::priority::pair_priority;

/// A pair's foundation: its candidates' ones, as the numbers that the agent gave them.
pub(crate) type Foundation = (u16, u16);

/// Names a pair for as long as the session lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PairId(pub(crate) u32);

/// RFC 8445 §6.1.2.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PairState {
    Frozen,
    Waiting,
    InProgress,
    Succeeded,
    Failed,
}

/// What is known of a pair on the valid list; ordered by priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Valid {
    pub(crate) priority: u64,
    pub(crate) local_priority: u32,
}

/// A local base and a remote candidate. Server-reflexive local candidates are not paired: checks
/// leave from their base, so that each of their pairs would be the twin of one with a host
/// candidate and be pruned (RFC 8445 §6.1.2.4).
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) id: PairId,
    /// From the base to the remote candidate.
    pub(crate) flow: Flow,
    /// The remote candidate's place among all of them.
    pub(crate) remote: usize,
    pub(crate) local_priority: u32,
    pub(crate) remote_priority: u32,
    pub(crate) priority: u64,
    pub(crate) foundation: Foundation,
    pub(crate) state: PairState,
    /// Whether it is on the valid list.
    pub(crate) valid: Option<Valid>,
    /// The valid pair that a check of this pair led to; mostly itself.
    pub(crate) leads_to: Option<PairId>,
    /// The check in progress.
    pub(crate) check: Option<TransactionId>,
    /// How many checks may still be answered, cancelled ones included.
    pub(crate) outstanding: u8,
    /// When our first check of it went out.
    pub(crate) first_check: Option<Instant>,
    /// When our latest did.
    pub(crate) latest_check: Option<Instant>,
    /// How many fresh checks have followed the first, since nothing works yet.
    pub(crate) fresh_checks: u8,
    /// Its remote address gets no check before this.
    pub(crate) held_until: Instant,
    /// The peer nominated this pair before our own check succeeded (RFC 8445 §7.3.1.5).
    pub(crate) nominate_on_success: bool,
    /// The peer nominated it, and it works both ways.
    pub(crate) nominated: bool,
    /// We have answered an authenticated check on it, so the peer's data may come from there.
    pub(crate) answered: bool,
    /// The last request that we answered on it.
    pub(crate) last_request: Option<TransactionId>,
    /// When the peer last answered us on it.
    pub(crate) last_success: Instant,
    /// When a check of the peer last came on it.
    pub(crate) last_asked: Instant,
    /// The address that the peer last saw us under.
    pub(crate) mapped: Option<SocketAddr>,
    pub(crate) rtt: Option<Duration>,
}

impl Pair {
    pub(crate) fn new(
        flow: Flow,
        remote: usize,
        local_priority: u32,
        remote_priority: u32,
        foundation: Foundation,
    ) -> Self {
        Self {
            id: PairId(0),
            flow,
            remote,
            local_priority,
            remote_priority,
            priority: 0,
            foundation,
            state: PairState::Frozen,
            valid: None,
            leads_to: None,
            check: None,
            outstanding: 0,
            first_check: None,
            latest_check: None,
            fresh_checks: 0,
            held_until: Instant::ZERO,
            nominate_on_success: false,
            nominated: false,
            answered: false,
            last_request: None,
            last_success: Instant::ZERO,
            last_asked: Instant::ZERO,
            mapped: None,
            rtt: None,
        }
    }

    /// RFC 8445 §6.1.2.3: priorities depend on who controls.
    pub(crate) fn prioritise(&mut self, role: Role) {
        self.priority = self.priority_for(role, self.local_priority);
        if let Some(local_priority) = self.valid.map(|valid| valid.local_priority) {
            self.make_valid(role, local_priority);
        }
    }

    /// Puts the pair on the valid list. `local_priority` is that of the candidate which the peer
    /// saw (RFC 8445 §7.2.5.3.2).
    pub(crate) fn make_valid(&mut self, role: Role, local_priority: u32) {
        let priority = self.priority_for(role, local_priority);
        self.valid = Some(Valid {
            priority,
            local_priority,
        });
    }

    fn priority_for(&self, role: Role, local_priority: u32) -> u64 {
        match role {
            Role::Controlling => pair_priority(local_priority, self.remote_priority),
            Role::Controlled => pair_priority(self.remote_priority, local_priority),
        }
    }

    /// Takes in a measured round trip, smoothed as in RFC 6298 §2.
    pub(crate) fn measure(&mut self, sample: Duration) {
        self.rtt = Some(smoothed(self.rtt, sample));
    }
}

/// RFC 6298 §2: seven eighths of what was known, one of what is new.
pub(crate) fn smoothed(known: Option<Duration>, sample: Duration) -> Duration {
    known.map_or(sample, |known| (known * 7 + sample) / 8)
}
