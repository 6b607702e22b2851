//! What is measured, one file per kind.

mod bulk;
mod goodput;
mod handshake;
mod idle;
mod media;
mod memory;

pub(crate) use bulk::Bulk;
pub(crate) use goodput::Goodput;
pub(crate) use handshake::Handshake;
pub(crate) use idle::Idle;
pub(crate) use media::Media;
pub(crate) use memory::Memory;

use crate::peer::Peer;
use crate::table::Metric;

/// One case that all libraries go through.
pub(crate) enum Scenario {
    Handshake(Handshake),
    Bulk(Bulk),
    Goodput(Goodput),
    Memory(Memory),
    Idle(Idle),
    Media(Media),
}

/// How long to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Minutes for all: good enough to see what a change does.
    Quick,
    /// For numbers to quote.
    Full,
}

impl Effort {
    /// Picks.
    pub(crate) fn or<T>(self, quick: T, full: T) -> T {
        match self {
            Self::Quick => quick,
            Self::Full => full,
        }
    }
}

impl Scenario {
    pub(crate) fn all(effort: Effort) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        all.extend(Handshake::all(effort).map(Self::Handshake));
        all.extend(Bulk::all(effort).map(Self::Bulk));
        all.extend(Goodput::all(effort).map(Self::Goodput));
        all.extend([Self::Memory(Memory::new(effort))]);
        all.extend(Media::all(effort).map(Self::Media));
        all.extend(Idle::all(effort).map(Self::Idle));
        all
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Handshake(case) => case.name(),
            Self::Bulk(case) => case.name(),
            Self::Goodput(case) => case.name(),
            Self::Memory(case) => case.name(),
            Self::Idle(case) => case.name(),
            Self::Media(case) => case.name(),
        }
    }

    /// What a library reaches, or why it does not.
    pub(crate) fn run<P: Peer>(&self) -> Result<Vec<Metric>, String> {
        match self {
            Self::Handshake(case) => case.run::<P>(),
            Self::Bulk(case) => case.run::<P>(),
            Self::Goodput(case) => case.run::<P>(),
            Self::Memory(case) => case.run::<P>(),
            Self::Idle(case) => case.run::<P>(),
            Self::Media(case) => case.run::<P>(),
        }
    }
}

/// The middle of what was measured.
pub(crate) fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * 1024.0;
