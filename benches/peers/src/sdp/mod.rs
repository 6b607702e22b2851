//! Descriptions: read, kept and written. The peers here are libraries for SDP, and those parts of
//! whole stacks that can be called on their own.

mod growth;
mod input;
mod library;

pub(crate) use growth::{growth, parse_repeatedly};

use std::hint::black_box;

use crate::alloc::snapshot;
use crate::cpu;
use crate::scenario::{Effort, median};
use crate::table::{Metric, Table};
use library::LIBRARIES;

/// Runs the cases whose name `wanted` accepts.
pub(crate) fn run(effort: Effort, wanted: impl Fn(&str) -> bool, table: &mut Table) {
    let inputs = [
        ("Chrome audio and video", input::CHROME_AUDIO_VIDEO.to_owned()),
        ("SFU of 50 sections", input::sfu(50)),
    ];
    for (label, text) in &inputs {
        for work in Work::ALL {
            let name = format!("sdp, {label} ({} B): {}", text.len(), work.name());
            if !wanted(&name) {
                continue;
            }
            table.begin_case(name);
            for library in LIBRARIES {
                if let Some(run) = library.work(work) {
                    table.add(library.name, measure(effort, run, text));
                }
            }
        }
    }
}

/// What is done with a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Lines, sections, names and values of attributes; no attribute's value is looked at.
    Structure,
    /// Each value checked by the type of its attribute.
    Checked,
    /// Each attribute in its type, for who wants them all. Peers make them while they check.
    Typed,
    /// A form that outlives the text and can be changed.
    Owned,
    /// From that form back to text.
    Write,
    /// A new text from values in their types.
    Compose,
}

impl Work {
    const ALL: [Self; 6] = [
        Self::Structure,
        Self::Checked,
        Self::Typed,
        Self::Owned,
        Self::Write,
        Self::Compose,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Checked => "every value checked",
            Self::Typed => "every attribute typed",
            Self::Owned => "owned form",
            Self::Write => "write",
            Self::Compose => "compose",
        }
    }
}

/// Does its work `repetitions` times, and says how many nanoseconds each took.
pub(crate) type Run = fn(text: &str, repetitions: u64) -> Result<f64, String>;

/// Nanoseconds that each call of `work` takes.
pub(crate) fn timed<T>(repetitions: u64, mut work: impl FnMut() -> T) -> f64 {
    let start = cpu::now();
    for _ in 0..repetitions {
        black_box(work());
    }
    cpu::since(start) as f64 / repetitions as f64
}

fn measure(effort: Effort, run: Run, text: &str) -> Result<Vec<Metric>, String> {
    let once = run(text, 1)?;
    let burst = effort.or(2e6, 10e6);
    let repetitions = (burst / once.max(1.0)).clamp(1.0, 1e6) as u64;
    let samples: Result<Vec<f64>, String> = (0..25).map(|_| run(text, repetitions)).collect();
    // What making the owned form and reading the clock allocate stands in both counts.
    let counted = |repetitions| {
        let before = snapshot().calls;
        run(text, repetitions).map(|_| snapshot().calls - before)
    };
    let allocations = counted(11)?.saturating_sub(counted(1)?) as f64 / 10.0;
    Ok(vec![
        Metric::less("CPU", median(samples?), "ns"),
        Metric::less("allocations", allocations, ""),
    ])
}
