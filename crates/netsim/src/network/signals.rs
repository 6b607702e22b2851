//! Signals on their way, and those who make them.

use core::time::Duration;
use std::collections::BTreeMap;

use pollrtc_core::Instant;

use crate::host::Node;

/// What is done to a machine when a signal has come to it.
pub(super) type Signal = Box<dyn FnOnce(&mut dyn Node, Instant)>;

/// Takes the next signal from a machine.
pub(super) type Take = Box<dyn FnMut(&mut dyn Node) -> Option<Signal>>;

/// Signals, and who makes them.
#[derive(Default)]
pub(super) struct Signals {
    /// By host.
    sources: Vec<Vec<Source>>,
    /// By time of arrival; at the same time in the order of sending.
    under_way: BTreeMap<(Instant, u64), (usize, Signal)>,
    sequence: u64,
}

/// What a host has to tell another one.
pub(super) struct Source {
    pub(super) take: Take,
    pub(super) to: usize,
    pub(super) delay: Duration,
}

impl Signals {
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.under_way.first_key_value().map(|((due, _), _)| *due)
    }

    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(usize, Signal)> {
        let due = self.next_due()? <= now;
        due.then(|| self.under_way.pop_first())
            .flatten()
            .map(|(_, signal)| signal)
    }

    pub(super) fn add(&mut self, host: usize, source: Source) {
        let hosts = self.sources.len().max(host + 1);
        self.sources.resize_with(hosts, Vec::new);
        self.sources[host].push(source);
    }

    /// Asks a machine for all that it has to tell; says whether there was anything.
    pub(super) fn take(&mut self, now: Instant, host: usize, node: &mut dyn Node) -> bool {
        let before = self.sequence;
        for source in self.sources.get_mut(host).into_iter().flatten() {
            while let Some(signal) = (source.take)(node) {
                self.sequence += 1;
                self.under_way
                    .insert((now + source.delay, self.sequence), (source.to, signal));
            }
        }
        self.sequence > before
    }
}
