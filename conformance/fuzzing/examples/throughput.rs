//! How often a second the seeds of some targets go through their bodies: what a fuzzer is slowed down by. Where the
//! system tells for how long the program had a processor (Linux), these are its seconds, else those of the clock.
//!
//! ```sh
//! cargo run --release -p pollrtc-fuzzing --example throughput -- router peer_connection
//! ```

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use pollrtc_fuzzing::TARGETS;

/// For each target, unless told otherwise in the environment's `SECONDS_EACH`.
const SECONDS_EACH: u64 = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let seconds = std::env::var("SECONDS_EACH").ok().and_then(|text| text.parse().ok());
    let limit = Duration::from_secs(seconds.unwrap_or(SECONDS_EACH));
    for (name, body) in TARGETS {
        if !names.is_empty() && !names.iter().any(|wanted| wanted == name) {
            continue;
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fuzz/seeds")
            .join(name);
        let mut seeds = Vec::new();
        for entry in fs::read_dir(folder)? {
            seeds.push(fs::read(entry?.path())?);
        }
        let (begin, computed_before, mut runs) = (Instant::now(), computing_time(), 0u32);
        for seed in seeds.iter().cycle() {
            body(seed);
            runs += 1;
            if begin.elapsed() >= limit {
                break;
            }
        }
        let computed = computing_time().zip(computed_before).map(|(now, before)| now - before);
        let seconds = computed.unwrap_or_else(|| begin.elapsed()).as_secs_f64();
        println!("{name}: {:.0} a second", f64::from(runs) / seconds);
    }
    Ok(())
}

/// For how long the kernel has let this thread compute.
fn computing_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}
