//! What is measured, and how: bursts of packets, and medians of what the libraries needed in turn.

use allocation_counter::measure;

use crate::cpu;
use crate::subject::{Room, SSRC, Subject};
use crate::table::Metric;

/// Packets on their way at the same time.
const BURST: usize = 32;
/// Room behind a packet: what libsrtp asks for is the most.
pub(crate) const ROOM_BEHIND: usize = 160;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    samples: usize,
    bursts: usize,
}

impl Effort {
    pub(crate) const QUICK: Self = Self {
        samples: 21,
        bursts: 60,
    };
    pub(crate) const FULL: Self = Self {
        samples: 61,
        bursts: 300,
    };
}

/// A plain packet of `len` bytes.
fn plain(index: u64, len: usize) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend((index as u16).to_be_bytes());
    packet.extend([0, 0, 0, 160]);
    packet.extend(SSRC.to_be_bytes());
    packet.resize(len, 0xab);
    packet
}

/// Each subject protects and unprotects; samples take turns, so that what else happens on the machine hits all alike.
pub(crate) fn packets(subjects: &mut [Box<dyn Subject>], len: usize, effort: Effort) -> Vec<Vec<Metric>> {
    let mut samples = vec![Vec::new(); subjects.len()];
    let mut next = vec![0u64; subjects.len()];
    let mut buffers = vec![Vec::new(); BURST];
    for round in 0..=effort.samples {
        for ((subject, samples), next) in subjects.iter_mut().zip(&mut samples).zip(&mut next) {
            let (mut protect, mut unprotect) = (0, 0);
            for _ in 0..effort.bursts {
                let mut lengths = [len; BURST];
                for (offset, buffer) in buffers.iter_mut().enumerate() {
                    *buffer = plain(*next + offset as u64, len);
                    buffer.resize(len + ROOM_BEHIND, 0);
                }
                let start = cpu::now();
                for ((offset, buffer), length) in buffers.iter_mut().enumerate().zip(&mut lengths) {
                    *length = subject.protect(*next + offset as u64, buffer, len);
                }
                protect += cpu::since(start);
                let start = cpu::now();
                for (buffer, length) in buffers.iter_mut().zip(lengths) {
                    assert_eq!(subject.unprotect(&mut buffer[..length]), len);
                }
                unprotect += cpu::since(start);
                *next += BURST as u64;
            }
            // The first round warms up.
            if round > 0 {
                let count = (effort.bursts * BURST) as f64;
                samples.push([protect as f64 / count, unprotect as f64 / count]);
            }
        }
    }
    let allocations: Vec<_> = subjects
        .iter_mut()
        .zip(&next)
        .map(|(subject, next)| {
            let mut buffer = plain(*next, len);
            buffer.resize(len + ROOM_BEHIND, 0);
            let mut length = 0;
            let protect = measure(|| length = subject.protect(*next, &mut buffer, len));
            let unprotect = measure(|| assert_eq!(subject.unprotect(&mut buffer[..length]), len));
            [protect, unprotect].map(|info| info.count_total as f64)
        })
        .collect();
    let metrics = samples.into_iter().zip(allocations);
    let metrics = metrics.map(|(samples, [protect, unprotect])| {
        vec![
            Metric::less("protect", median(&samples, 0), "ns"),
            Metric::less("unprotect", median(&samples, 1), "ns"),
            Metric::less("allocations to protect", protect, ""),
            Metric::less("allocations to unprotect", unprotect, ""),
        ]
    });
    metrics.collect()
}

/// Each room is sent packets; per receiver.
pub(crate) fn rooms(rooms: &mut [Box<dyn Room>], len: usize, effort: Effort) -> Vec<Vec<Metric>> {
    let mut samples = vec![Vec::new(); rooms.len()];
    let mut next = 0;
    for round in 0..=effort.samples {
        for (room, samples) in rooms.iter_mut().zip(&mut samples) {
            let mut spent = 0;
            for offset in 0..effort.bursts as u64 {
                let packet = plain(next + offset, len);
                let start = cpu::now();
                room.send(next + offset, &packet);
                spent += cpu::since(start);
            }
            if round > 0 {
                samples.push([spent as f64 / (effort.bursts * room.len()) as f64]);
            }
        }
        next += effort.bursts as u64;
    }
    let metrics = samples.into_iter();
    metrics
        .map(|samples| vec![Metric::less("per receiver", median(&samples, 0), "ns")])
        .collect()
}

fn median<const N: usize>(samples: &[[f64; N]], of: usize) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(|sample| sample[of]).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
