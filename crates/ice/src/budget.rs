//! Budget: how many checks go to one IP address, whatever candidates a peer signals.
//!
//! Candidates are a peer's word, and it may name somebody else's address, under many ports, again after each restart (RFC
//! 8445 §19.5.1). Ta bounds what leaves us; this bounds what arrives at one victim.

use alloc::collections::BTreeMap;
use core::net::IpAddr;
use core::time::Duration;

use pollrtc_core::Instant;

/// What each IP address may still get. It belongs to the agent and not to a session, since a restart changes nothing here.
#[derive(Debug)]
pub(crate) struct Budget {
    /// What lies between two checks on average.
    interval: Duration,
    /// For each address that got some lately, when it will have got no more than its share.
    even_at: BTreeMap<IpAddr, Instant>,
}

/// As many may come at once as in a second.
const WINDOW: Duration = Duration::from_secs(1);

/// So many addresses are known before those that are even are forgotten.
const KNOWN: usize = 128;

impl Budget {
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            interval: WINDOW / per_second.max(1),
            even_at: BTreeMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.even_at.len()
    }

    /// When a check may go to this address, from now on.
    pub(crate) fn earliest(&self, now: Instant, ip: IpAddr) -> Instant {
        let even_at = self.even_at.get(&ip).copied().unwrap_or(now).max(now);
        let full = now + WINDOW;
        now + ((even_at + self.interval) - full)
    }

    /// A check goes there now, or none may.
    pub(crate) fn spend(&mut self, now: Instant, ip: IpAddr) -> bool {
        if self.earliest(now, ip) > now {
            return false;
        }
        if self.even_at.len() >= KNOWN {
            self.even_at.retain(|_, even_at| *even_at > now);
        }
        let even_at = self.even_at.entry(ip).or_insert(now);
        *even_at = (*even_at).max(now) + self.interval;
        true
    }
}
