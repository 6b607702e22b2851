//! What is measured, and how: medians of what the libraries needed in turn.

use std::hint::black_box;

use crate::cpu;
use crate::table::Metric;

/// A library that reads: the sum of what it has found is used, so that nothing is left out.
pub(crate) struct Reader {
    pub(crate) name: &'static str,
    pub(crate) read: Box<dyn FnMut(&[u8]) -> u64>,
}

impl Reader {
    pub(crate) fn new(name: &'static str, read: impl FnMut(&[u8]) -> u64 + 'static) -> Self {
        let read = Box::new(read);
        Self { name, read }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    samples: usize,
    rounds: usize,
}

impl Effort {
    pub(crate) const QUICK: Self = Self {
        samples: 41,
        rounds: 200,
    };
    pub(crate) const FULL: Self = Self {
        samples: 121,
        rounds: 2_000,
    };
}

/// Each library reads all inputs; samples take turns, so that what else happens on the machine hits all alike.
pub(crate) fn read(readers: &mut [Reader], inputs: &[Vec<u8>], effort: Effort) -> Vec<Vec<Metric>> {
    let mut samples = vec![Vec::new(); readers.len()];
    for round in 0..=effort.samples {
        for (reader, samples) in readers.iter_mut().zip(&mut samples) {
            let start = cpu::now();
            for _ in 0..effort.rounds {
                for input in inputs {
                    black_box((reader.read)(black_box(input)));
                }
            }
            let spent = cpu::since(start);
            // The first round warms up.
            if round > 0 {
                samples.push(spent as f64 / (effort.rounds * inputs.len()) as f64);
            }
        }
    }
    let metrics = readers.iter_mut().zip(samples).map(|(reader, mut samples)| {
        samples.sort_by(f64::total_cmp);
        let counted = allocation_counter::measure(|| {
            black_box((reader.read)(&inputs[0]));
        });
        vec![
            Metric::less("read", samples[samples.len() / 2], "ns"),
            Metric::less("allocations", counted.count_total as f64, ""),
        ]
    });
    metrics.collect()
}
