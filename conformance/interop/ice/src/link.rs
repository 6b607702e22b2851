//! A link that is late, uneven and lossy, from one seed.

use std::collections::BTreeMap;
use std::time::Duration;

use pollrtc_crypto::Rng;

use crate::stack::Packet;

/// How a link treats its packets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// In milliseconds.
    pub(crate) round_trip: u64,
    /// How much later than the least a packet may be, in hundredths of the one-way delay.
    pub(crate) jitter: u64,
    /// How many of a hundred are lost.
    pub(crate) loss: u64,
}

/// Both directions.
pub(crate) struct Link {
    weather: Weather,
    rng: Rng,
    under_way: BTreeMap<(Duration, u64), (usize, Packet)>,
    count: u64,
}

impl Link {
    pub(crate) fn new(weather: Weather, seed: u64) -> Self {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        Self {
            weather,
            rng: Rng::from_seed(bytes),
            under_way: BTreeMap::new(),
            count: 0,
        }
    }

    pub(crate) fn send(&mut self, now: Duration, to: usize, packet: Packet) {
        self.count += 1;
        if u64::from(self.rng.below(100)) < self.weather.loss {
            return;
        }
        let one_way = Duration::from_micros(self.weather.round_trip * 500);
        let late = one_way * u32::try_from(self.weather.jitter).unwrap_or(0) * self.rng.below(1_001) / 100_000;
        self.under_way.insert((now + one_way + late, self.count), (to, packet));
    }

    pub(crate) fn next_arrival(&self) -> Option<Duration> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }

    /// A packet that has arrived by now, and at which side.
    pub(crate) fn receive(&mut self, now: Duration) -> Option<(usize, Packet)> {
        let first = self.under_way.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    pub(crate) fn packets(&self) -> u64 {
        self.count
    }
}
