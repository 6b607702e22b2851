//! Requests that await their response.

use alloc::collections::{BTreeMap, BTreeSet};
use core::net::SocketAddr;
use core::time::Duration;

use pollrtc_core::Instant;

use crate::checklist::LocalId;
use crate::event::Role;
use crate::pair::PairId;

/// The 96 random bits that tie a response to its request.
pub(crate) type TransactionId = [u8; 12];

/// What a request is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// A connectivity check, a nomination if `nominates`.
    Check { pair: PairId, nominates: bool },
    /// A consent check on the path in use (RFC 7675), which says again that its pair is nominated
    /// if `nominates`.
    Consent { nominates: bool },
    /// A question to a STUN server, by its place in the configuration.
    Gather { server: usize },
}

/// A request. Enough is kept to write the same bytes again, whatever has changed since (RFC 8489
/// §6.2.1: retransmissions are identical).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transaction {
    pub(crate) purpose: Purpose,
    /// Which ICE session's credentials it uses.
    pub(crate) session: u32,
    pub(crate) local: LocalId,
    pub(crate) remote: SocketAddr,
    pub(crate) role: Role,
    pub(crate) tie_breaker: u64,
    pub(crate) priority: u32,
    /// When it was first put out to be sent.
    pub(crate) started_at: Instant,
    pub(crate) transmissions: u32,
    /// When to retransmit or to give up.
    pub(crate) deadline: Instant,
    /// No more retransmissions, and silence is no failure (RFC 8445 §7.3.1.4).
    pub(crate) cancelled: bool,
    /// Waits in the outgoing queue.
    pub(crate) queued: bool,
}

/// How often a request is sent, and when (RFC 8489 §6.2.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub(crate) rto: Duration,
    pub(crate) transmissions: u32,
    pub(crate) last_wait: u32,
}

impl Schedule {
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

/// All of them: by id for responses, by deadline for time.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    by_id: BTreeMap<TransactionId, Transaction>,
    deadlines: BTreeSet<(Instant, TransactionId)>,
}

impl Transactions {
    pub(crate) fn get(&self, id: &TransactionId) -> Option<&Transaction> {
        self.by_id.get(id)
    }

    pub(crate) fn insert(&mut self, id: TransactionId, transaction: Transaction) {
        self.deadlines.insert((transaction.deadline, id));
        if let Some(replaced) = self.by_id.insert(id, transaction)
            && replaced.deadline != transaction.deadline
        {
            self.deadlines.remove(&(replaced.deadline, id));
        }
    }

    pub(crate) fn remove(&mut self, id: &TransactionId) -> Option<Transaction> {
        let transaction = self.by_id.remove(id)?;
        self.deadlines.remove(&(transaction.deadline, *id));
        Some(transaction)
    }

    /// Changes one; a changed deadline counts from then on.
    pub(crate) fn update(&mut self, id: &TransactionId, change: impl FnOnce(&mut Transaction)) {
        if let Some(transaction) = self.by_id.get_mut(id) {
            let before = transaction.deadline;
            change(transaction);
            if transaction.deadline != before {
                self.deadlines.remove(&(before, *id));
                self.deadlines.insert((transaction.deadline, *id));
            }
        }
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&TransactionId, &Transaction) -> bool) {
        let Self { by_id, deadlines } = self;
        by_id.retain(|id, transaction| {
            let kept = keep(id, transaction);
            if !kept {
                deadlines.remove(&(transaction.deadline, *id));
            }
            kept
        });
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
