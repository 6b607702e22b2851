//! Flows that a connection has taken over from another one, which may live on.
//!
//! A peer that begins anew on the same socket takes the flow of its former connection over, and so does one to whom a NAT has
//! given another's port. But where two connections live between the same two sockets, nothing tells their datagrams apart, and
//! each would take the other's.

use alloc::collections::VecDeque;

use pollrtc_core::Flow;
use pollrtc_stun::TransactionId;

use super::slots::PeerId;

/// How many are watched; the oldest of more goes unwatched.
const MAX_CONTESTS: usize = 64;
/// How many of the former owner's checks may wait for their answers; the oldest of more are forgotten.
const MAX_CHECKS: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Contests(VecDeque<Contest>);

#[derive(Debug)]
struct Contest {
    flow: Flow,
    former: PeerId,
    latter: PeerId,
    /// What the former owner has asked since: an answer shows that its peer lives.
    checks: VecDeque<TransactionId>,
}

impl Contests {
    pub(super) fn begin(&mut self, flow: Flow, former: PeerId, latter: PeerId) {
        self.0.retain(|contest| contest.flow != flow);
        if self.0.len() == MAX_CONTESTS {
            self.0.pop_front();
        }
        self.0.push_back(Contest {
            flow,
            former,
            latter,
            checks: VecDeque::new(),
        });
    }

    fn position(&self, former: PeerId, flow: Flow) -> Option<usize> {
        let is_it = |contest: &Contest| contest.former == former && contest.flow == flow;
        self.0.iter().position(is_it)
    }

    /// Whether this connection has lost the flow, and not shown that it lives.
    pub(super) fn has_lost(&self, former: PeerId, flow: Flow) -> bool {
        self.position(former, flow).is_some()
    }

    /// A connection asks whether its peer is there.
    pub(super) fn note_check(&mut self, id: PeerId, flow: Flow, check: TransactionId) {
        if let Some(contest) = self.position(id, flow).and_then(|at| self.0.get_mut(at))
            && !contest.checks.contains(&check)
        {
            if contest.checks.len() == MAX_CHECKS {
                contest.checks.pop_front();
            }
            contest.checks.push_back(check);
        }
    }

    /// An answer has come. The connection that can't live beside the one that it is for, if it shows that this lives.
    pub(super) fn note_answer(&mut self, id: PeerId, flow: Flow, answer: TransactionId) -> Option<PeerId> {
        let at = self.position(id, flow)?;
        self.0.get(at).filter(|contest| contest.checks.contains(&answer))?;
        Some(self.0.remove(at)?.latter)
    }

    /// A connection is gone.
    pub(super) fn forget(&mut self, id: PeerId) {
        self.0.retain(|contest| contest.former != id && contest.latter != id);
    }
}
