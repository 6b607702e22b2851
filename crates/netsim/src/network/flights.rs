//! What is on the wire, and where.

use core::cmp::Reverse;
use std::collections::BinaryHeap;

use pollrtc_core::Instant;

use crate::packet::Packet;
use crate::topology::PortId;

/// Where a datagram is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    /// Leaves its sender.
    Uplink(PortId),
    /// Has left it and looks for its way through the zone.
    Crossing(PortId),
    /// Comes to its receiver.
    Downlink(PortId),
    /// Is there.
    Arrived(PortId),
}

/// What is on the wire, by time of arrival; at the same time in the order of sending.
#[derive(Default)]
pub(super) struct Flights {
    /// When, which one in a row, and its place in `packets`: small, since a heap moves its entries about.
    heap: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    packets: Vec<Option<(Stage, Packet)>>,
    free: Vec<usize>,
    sequence: u64,
    delivered_now: u32,
}

impl Flights {
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((arrival, ..))| *arrival)
    }

    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(Stage, Packet)> {
        if self.next_arrival()? > now {
            return None;
        }
        let Reverse((_, _, place)) = self.heap.pop()?;
        self.free.push(place);
        self.packets.get_mut(place)?.take()
    }

    pub(super) fn moment_passed(&mut self) {
        self.delivered_now = 0;
    }

    pub(super) fn add(&mut self, arrival: Instant, stage: Stage, packet: Packet) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.packets.push(None);
            self.packets.len() - 1
        });
        self.packets[place] = Some((stage, packet));
        self.sequence += 1;
        self.heap.push(Reverse((arrival, self.sequence, place)));
    }

    pub(super) fn delivered(&mut self, host: &str) {
        self.delivered_now += 1;
        assert!(
            self.delivered_now <= DELIVERED_AT_ONCE_MAX,
            "{DELIVERED_AT_ONCE_MAX} datagrams arrived without time passing, the last one at {host}: \
             hosts answer each other without end; give the links a latency"
        );
    }
}

/// More than a bulk transfer over links without latency needs.
const DELIVERED_AT_ONCE_MAX: u32 = 2_000_000;
