//! What is measured, and how: frames, and medians of what the libraries needed in turn.

use std::hint::black_box;

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};

use crate::cpu;
use crate::subject::{LIMIT, Subject};
use crate::table::Metric;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    samples: usize,
    /// Bytes of frames in a sample.
    bytes: usize,
}

impl Effort {
    pub(crate) const QUICK: Self = Self {
        samples: 21,
        bytes: 1_000_000,
    };
    pub(crate) const FULL: Self = Self {
        samples: 61,
        bytes: 10_000_000,
    };
}

/// Each subject cuts the frame and puts its own payloads together again, and each other's once: what one writes the other
/// has to read. Samples take turns, so that what else happens on the machine hits all alike.
pub(crate) fn frames(
    subjects: &mut [Box<dyn Subject>],
    frame: &[u8],
    effort: Effort,
) -> Vec<Result<Vec<Metric>, String>> {
    let frame = Bytes::copy_from_slice(frame);
    let all: Vec<Vec<Bytes>> = subjects
        .iter_mut()
        .map(|subject| payloads(subject.as_mut(), &frame))
        .collect();
    let verdicts: Vec<_> = subjects
        .iter_mut()
        .map(|subject| reads(subject.as_mut(), &all, &frame))
        .collect();
    let mut samples = vec![Vec::new(); subjects.len()];
    let mut out = BytesMut::with_capacity(2 * frame.len());
    let repeats = effort.bytes / frame.len();
    for round in 0..=effort.samples {
        for ((subject, payloads), samples) in subjects.iter_mut().zip(&all).zip(&mut samples) {
            let start = cpu::now();
            for _ in 0..repeats {
                subject.packetize(&frame, &mut |payload| {
                    black_box(payload);
                });
            }
            let packetize = cpu::since(start);
            let start = cpu::now();
            for _ in 0..repeats {
                out.clear();
                subject.depacketize(payloads, &mut out);
                black_box(&out);
            }
            let depacketize = cpu::since(start);
            // The first round warms up.
            if round > 0 {
                let count = (repeats * payloads.len()) as f64;
                samples.push([packetize as f64 / count, depacketize as f64 / count]);
            }
        }
    }
    let results = subjects.iter_mut().zip(&all).zip(samples).zip(verdicts);
    results
        .map(|(((subject, payloads), samples), verdict)| {
            let makes_frames = verdict?;
            let count = payloads.len() as f64;
            let cut = measure(|| subject.packetize(&frame, &mut |_| {})).count_total as f64 / count;
            let mut metrics = vec![
                Metric::less("packetize, per packet", median(&samples, 0), "ns"),
                Metric::less("allocations to packetize, per packet", cut, ""),
            ];
            if makes_frames {
                out.clear();
                let joined =
                    measure(|| assert!(subject.depacketize(payloads, &mut out).is_some())).count_total as f64 / count;
                metrics.push(Metric::less("depacketize, per packet", median(&samples, 1), "ns"));
                metrics.push(Metric::less("allocations to depacketize, per packet", joined, ""));
            }
            Ok(metrics)
        })
        .collect()
}

fn payloads(subject: &mut dyn Subject, frame: &Bytes) -> Vec<Bytes> {
    let mut payloads = Vec::new();
    subject.packetize(frame, &mut |payload| payloads.push(Bytes::copy_from_slice(payload)));
    assert!(payloads.iter().all(|payload| payload.len() <= LIMIT));
    payloads
}

/// Whether a subject puts frames together; an error if it does, and not what went in.
fn reads(subject: &mut dyn Subject, all: &[Vec<Bytes>], frame: &Bytes) -> Result<bool, String> {
    for (number, payloads) in all.iter().enumerate() {
        let mut out = BytesMut::new();
        if subject.depacketize(payloads, &mut out).is_none() {
            return Ok(false);
        }
        if out != frame {
            return Err(format!("makes another frame of the payloads of library {number}"));
        }
    }
    Ok(true)
}

fn median<const N: usize>(samples: &[[f64; N]], of: usize) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(|sample| sample[of]).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
