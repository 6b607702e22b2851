//! Which outside port a new mapping gets.

use core::ops::RangeInclusive;

use super::PortPolicy;
use crate::rng::Rng;

/// Chooses free ports for one NAT.
#[derive(Clone, Debug)]
pub(super) struct PortChooser {
    policy: PortPolicy,
    parity_kept: bool,
    rng: Rng,
    /// Where the sequential policy goes on.
    next: u16,
}

impl PortChooser {
    pub(super) fn new(policy: PortPolicy, parity_kept: bool, rng: Rng) -> Self {
        Self {
            policy,
            parity_kept,
            rng,
            next: SEQUENTIAL_START,
        }
    }

    /// A port for a socket whose inside port is `internal`; `None` if all are taken.
    pub(super) fn choose(&mut self, internal: u16, free: impl Fn(u16) -> bool) -> Option<u16> {
        if self.policy == PortPolicy::Preserve && free(internal) {
            return Some(internal);
        }
        let range = range_of(internal);
        let count = u32::from(range.end() - range.start()) + 1;
        let start = match self.policy {
            PortPolicy::Sequential if range.contains(&self.next) => self.next - range.start(),
            PortPolicy::Sequential => 0,
            PortPolicy::Preserve | PortPolicy::Random => self.rng.below(u64::from(count)) as u16,
        };
        let port = (0..count)
            .map(|step| range.start() + ((u32::from(start) + step) % count) as u16)
            .find(|port| self.parity_fits(internal, *port) && free(*port))?;
        self.next = port.wrapping_add(1);
        Some(port)
    }

    // RFC 4787 REQ-4.
    fn parity_fits(&self, internal: u16, port: u16) -> bool {
        !self.parity_kept || internal % 2 == port % 2
    }
}

const SEQUENTIAL_START: u16 = 50_000;

// RFC 4787 REQ-3 a): well-known ports map to well-known ports, the others to the others.
fn range_of(internal: u16) -> RangeInclusive<u16> {
    if internal < 1024 { 1..=1023 } else { 1024..=u16::MAX }
}
