//! Requests that await their response.

use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_core::{Flow, Instant};
use pollrtc_stun::TransactionId;

use crate::event::Role;
use crate::pair::PairId;

/// What a request is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// A connectivity check of a pair.
    Check(PairId, Claim),
    /// A consent check on the path in use (RFC 7675).
    Consent(Claim),
    /// A question to a STUN server, by its place in the configuration.
    Gather { server: usize },
}

/// What a check says of its sender (RFC 8445 §7.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    /// Which generation's credentials it uses.
    pub(crate) generation: u32,
    pub(crate) role: Role,
    pub(crate) tie_breaker: u64,
    /// What the candidate is worth that the peer may learn from it.
    pub(crate) priority: u32,
    /// Whether it has USE-CANDIDATE: its pair is nominated, or was and still is.
    pub(crate) nominates: bool,
}

/// A request. Enough is kept to write the same bytes again, whatever has changed since (RFC 8489
/// §6.2.1: retransmissions are identical).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transaction {
    pub(crate) purpose: Purpose,
    pub(crate) flow: Flow,
    /// When it was first put out to be sent.
    pub(crate) started_at: Instant,
    pub(crate) transmissions: u32,
    /// The time to its first retransmission.
    pub(crate) rto: Duration,
    /// When to retransmit or to give up.
    pub(crate) deadline: Instant,
    /// No more retransmissions, and silence is no failure (RFC 8445 §7.3.1.4).
    pub(crate) cancelled: bool,
    /// A fresh check beside the pair's own, which is still in progress.
    pub(crate) is_extra: bool,
    /// Waits in the outgoing queue.
    pub(crate) queued: bool,
}

impl Transaction {
    /// One that begins now; after `wait` without an answer the next step follows.
    pub(crate) fn new(now: Instant, purpose: Purpose, flow: Flow, wait: Duration) -> Self {
        Self {
            purpose,
            flow,
            started_at: now,
            transmissions: 0,
            rto: wait,
            deadline: now + wait,
            cancelled: false,
            is_extra: false,
            queued: false,
        }
    }

    /// How long the answer took that comes now; `None` if it may belong to any of several transmissions (Karn's
    /// rule).
    pub(crate) fn round_trip(&self, now: Instant) -> Option<Duration> {
        (self.transmissions == 1).then(|| now - self.started_at)
    }
}

/// How often a request is sent, and when (RFC 8489 §6.2.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// The least; a transaction may have a longer one.
    pub(crate) rto: Duration,
    pub(crate) transmissions: u32,
    pub(crate) last_wait: u32,
}

impl Schedule {
    /// The same with another time to the first retransmission.
    pub(crate) fn with_rto(self, rto: Duration) -> Self {
        Self { rto, ..self }
    }

    /// How long after the `sent`-th transmission the next step comes.
    pub(crate) fn wait_after(self, sent: u32) -> Duration {
        if sent >= self.transmissions {
            self.rto.saturating_mul(self.last_wait)
        } else {
            let doublings = sent.saturating_sub(1).min(16);
            self.rto.saturating_mul(1 << doublings)
        }
    }

    /// How long the whole takes.
    pub(crate) fn total(self) -> Duration {
        (1..=self.transmissions)
            .map(|sent| self.wait_after(sent))
            .fold(Duration::ZERO, Duration::saturating_add)
    }
}

/// All of them: by id for responses, by deadline for time. Mostly there is one at the most, so that both are lists in
/// order.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    by_id: Vec<(TransactionId, Transaction)>,
    deadlines: Vec<(Instant, TransactionId)>,
}

/// For how many there is room after the beginning, when many pairs were checked.
const FEW: usize = 2;

impl Transactions {
    pub(crate) fn get(&self, id: &TransactionId) -> Option<&Transaction> {
        let (_, transaction) = self.by_id.get(self.find(id).ok()?)?;
        Some(transaction)
    }

    pub(crate) fn insert(&mut self, id: TransactionId, transaction: Transaction) {
        self.remove(&id);
        self.insert_deadline(transaction.deadline, id);
        if let Err(at) = self.find(&id) {
            self.by_id.insert(at, (id, transaction));
        }
    }

    pub(crate) fn remove(&mut self, id: &TransactionId) -> Option<Transaction> {
        let at = self.find(id).ok()?;
        let (_, transaction) = self.by_id.remove(at);
        self.remove_deadline(transaction.deadline, *id);
        Some(transaction)
    }

    /// Changes one; a changed deadline counts from then on.
    pub(crate) fn update(&mut self, id: &TransactionId, change: impl FnOnce(&mut Transaction)) {
        let Some((_, transaction)) = self.find(id).ok().and_then(|at| self.by_id.get_mut(at)) else {
            return;
        };
        let before = transaction.deadline;
        change(transaction);
        let after = transaction.deadline;
        if after != before {
            self.remove_deadline(before, *id);
            self.insert_deadline(after, *id);
        }
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&TransactionId, &Transaction) -> bool) {
        let Self { by_id, deadlines } = self;
        by_id.retain(|(id, transaction)| {
            let kept = keep(id, transaction);
            if !kept && let Ok(at) = deadlines.binary_search(&(transaction.deadline, *id)) {
                deadlines.remove(at);
            }
            kept
        });
    }

    /// There will be few from now on.
    pub(crate) fn shrink(&mut self) {
        self.by_id.shrink_to(FEW);
        self.deadlines.shrink_to(FEW);
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// One whose deadline has come.
    pub(crate) fn due(&self, now: Instant) -> Option<TransactionId> {
        let (deadline, id) = self.deadlines.first()?;
        (*deadline <= now).then_some(*id)
    }

    fn find(&self, id: &TransactionId) -> Result<usize, usize> {
        self.by_id.binary_search_by(|(known, _)| known.cmp(id))
    }

    fn insert_deadline(&mut self, deadline: Instant, id: TransactionId) {
        if let Err(at) = self.deadlines.binary_search(&(deadline, id)) {
            self.deadlines.insert(at, (deadline, id));
        }
    }

    fn remove_deadline(&mut self, deadline: Instant, id: TransactionId) {
        if let Ok(at) = self.deadlines.binary_search(&(deadline, id)) {
            self.deadlines.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_schedule_is_that_of_the_rfc() {
        let schedule = Schedule {
            rto: Duration::from_millis(500),
            transmissions: 7,
            last_wait: 16,
        };
        assert_eq!(schedule.wait_after(1), Duration::from_millis(500));
        assert_eq!(schedule.wait_after(6), Duration::from_secs(16));
        assert_eq!(schedule.wait_after(7), Duration::from_secs(8));
        assert_eq!(schedule.total(), Duration::from_millis(39_500));
    }
}
