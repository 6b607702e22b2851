//! What is on the wire, and where.

use core::cmp::Ordering;
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
    heap: BinaryHeap<Flight>,
    sequence: u64,
    delivered_now: u32,
}

impl Flights {
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.heap.peek().map(|flight| flight.arrival)
    }

    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(Stage, Packet)> {
        if self.next_arrival()? > now {
            return None;
        }
        let flight = self.heap.pop()?;
        Some((flight.stage, flight.packet))
    }

    pub(super) fn moment_passed(&mut self) {
        self.delivered_now = 0;
    }

    pub(super) fn add(&mut self, arrival: Instant, stage: Stage, packet: Packet) {
        self.sequence += 1;
        self.heap.push(Flight {
            arrival,
            sequence: self.sequence,
            stage,
            packet,
        });
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

struct Flight {
    arrival: Instant,
    sequence: u64,
    stage: Stage,
    packet: Packet,
}

impl Ord for Flight {
    /// Reversed: the heap gives the greatest first, and the earliest is to come first.
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |flight: &Self| (flight.arrival, flight.sequence);
        key(other).cmp(&key(self))
    }
}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Flight {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Flight {}
