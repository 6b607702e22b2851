//! What is measured, and how.

use crate::subject::{Ends, Pair, Subject};
use crate::table::Metric;
use crate::{alloc, cpu};

/// Version and key exchange of a handshake. All else is the same: certificates of both sides with
/// ECDSA on P-256, AES-128-GCM, `use_srtp`, a key exported on each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    V12,
    V13,
    /// With ML-KEM, which DTLS 1.2 has not.
    V13Hybrid,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::V12, Self::V13, Self::V13Hybrid];

    pub fn name(self) -> &'static str {
        match self {
            Self::V12 => "DTLS 1.2, X25519",
            Self::V13 => "DTLS 1.3, X25519",
            Self::V13Hybrid => "DTLS 1.3, X25519MLKEM768",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The sizes of payloads.
pub(crate) const PAYLOADS: [usize; 2] = [100, 1200];

/// What a repetition cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    pub nanoseconds: f64,
    pub allocations: f64,
}

/// A whole handshake of both ends, from nothing to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Handshake {
    pub cost: Cost,
    pub bytes: usize,
    pub datagrams: usize,
}

/// Records of one length.
#[derive(Clone, Copy, Debug, Default)]
pub struct Records {
    pub protect: Cost,
    pub unprotect: Cost,
}

/// Records that are on their way at the same time.
const BURST: usize = 32;

/// Handshakes, `count` of them.
pub fn handshakes(ends: &mut dyn Ends, count: usize) -> Result<Handshake, String> {
    let mut measured = Handshake::default();
    let allocated = alloc::count();
    let start = cpu::now();
    for _ in 0..count {
        let pair = ends.connect()?;
        (measured.bytes, measured.datagrams) = pair.sent();
    }
    measured.cost.nanoseconds = cpu::since(start) as f64 / count as f64;
    measured.cost.allocations = (alloc::count() - allocated) as f64 / count as f64;
    Ok(measured)
}

/// Records from the client to the server, `bursts` times [`BURST`] of them.
pub fn records(pair: &mut dyn Pair, length: usize, bursts: usize) -> Result<Records, String> {
    let payload = vec![7; length];
    let mut measured = Records::default();
    for _ in 0..bursts {
        timed(&mut measured.protect, || {
            (0..BURST).try_for_each(|_| pair.protect(&payload))
        })?;
        timed(&mut measured.unprotect, || {
            (0..BURST).try_for_each(|_| pair.unprotect(length))
        })?;
    }
    let count = (bursts * BURST) as f64;
    for cost in [&mut measured.protect, &mut measured.unprotect] {
        cost.nanoseconds /= count;
        cost.allocations /= count;
    }
    Ok(measured)
}

fn timed<T>(cost: &mut Cost, work: impl FnOnce() -> T) -> T {
    let allocated = alloc::count();
    let start = cpu::now();
    let result = work();
    cost.nanoseconds += cpu::since(start) as f64;
    cost.allocations += (alloc::count() - allocated) as f64;
    result
}

/// How often and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) samples: usize,
    pub(crate) handshakes: usize,
    pub(crate) bursts: usize,
}

impl Effort {
    pub(crate) const QUICK: Self = Self {
        samples: 15,
        handshakes: 20,
        bursts: 40,
    };
    pub(crate) const FULL: Self = Self {
        samples: 41,
        handshakes: 50,
        bursts: 200,
    };
}

/// One result for each subject, in their order.
pub(crate) type Results = Vec<Result<Vec<Metric>, String>>;

/// Samples of all subjects take turns: what else happens on the machine hits all alike.
pub(crate) fn compare_handshakes(subjects: &mut [Box<dyn Subject>], effort: Effort) -> Results {
    take_turns(subjects, effort.samples, |subject| {
        subject.handshakes(effort.handshakes)
    })
    .into_iter()
    .map(|samples| {
        let samples = samples?;
        let last = samples.last().copied().unwrap_or_default();
        Ok(vec![
            Metric::less(
                "CPU, both ends",
                median(&samples, |sample| sample.cost.nanoseconds) / 1e3,
                "µs",
            ),
            Metric::less(
                "allocations, both ends",
                median(&samples, |sample| sample.cost.allocations),
                "",
            ),
            Metric::less("bytes sent", last.bytes as f64, "B"),
            Metric::less("datagrams", last.datagrams as f64, ""),
        ])
    })
    .collect()
}

pub(crate) fn compare_records(subjects: &mut [Box<dyn Subject>], length: usize, effort: Effort) -> Results {
    take_turns(subjects, effort.samples, |subject| {
        subject.records(length, effort.bursts)
    })
    .into_iter()
    .map(|samples| {
        let samples = samples?;
        Ok(vec![
            Metric::less("protect", median(&samples, |sample| sample.protect.nanoseconds), "ns"),
            Metric::less(
                "unprotect",
                median(&samples, |sample| sample.unprotect.nanoseconds),
                "ns",
            ),
            Metric::less(
                "allocations to protect",
                median(&samples, |sample| sample.protect.allocations),
                "",
            ),
            Metric::less(
                "allocations to unprotect",
                median(&samples, |sample| sample.unprotect.allocations),
                "",
            ),
        ])
    })
    .collect()
}

fn take_turns<T>(
    subjects: &mut [Box<dyn Subject>],
    samples: usize,
    mut sample: impl FnMut(&mut dyn Subject) -> Result<T, String>,
) -> Vec<Result<Vec<T>, String>> {
    // The first round warms up.
    let mut results: Vec<_> = subjects
        .iter_mut()
        .map(|subject| sample(&mut **subject).map(|_| Vec::new()))
        .collect();
    for _ in 0..samples {
        for (subject, result) in subjects.iter_mut().zip(&mut results) {
            if let Ok(taken) = result {
                match sample(&mut **subject) {
                    Ok(next) => taken.push(next),
                    Err(error) => *result = Err(error),
                }
            }
        }
    }
    results
}

fn median<T>(samples: &[T], value: impl Fn(&T) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(value).collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
