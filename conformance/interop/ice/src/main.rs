//! ICE with other stacks, in process and in virtual time: `run.sh` says how it is called.

mod is;
mod link;
mod ours;
mod play;
mod rice;
mod stack;

use std::process::ExitCode;
use std::time::Duration;

use link::Weather;
use play::{Outcome, play};
use stack::Name;

/// Round trips, in milliseconds.
const ROUND_TRIPS: [u64; 3] = [20, 100, 300];
/// How much later a packet may be than another one, in hundredths of the one-way delay.
const JITTERS: [u64; 2] = [0, 40];
/// How many of a hundred packets are lost, each way.
const LOSSES: [u64; 3] = [0, 10, 25];

struct Arguments {
    seeds: u64,
    only: Option<[Name; 2]>,
    control: bool,
}

fn arguments() -> Option<Arguments> {
    let mut parsed = Arguments {
        seeds: 100,
        only: None,
        control: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => parsed.seeds = 5,
            "--control" => parsed.control = true,
            "--seeds" => parsed.seeds = arguments.next()?.parse().ok()?,
            "--only" => {
                let value = arguments.next()?;
                let (controlling, controlled) = value.split_once(':')?;
                parsed.only = Some([Name::parse(controlling)?, Name::parse(controlled)?]);
            }
            _ => return None,
        }
    }
    Some(parsed)
}

/// With pollrtc on one side at least; with `--control` each peer with its own kind.
fn pairings(arguments: &Arguments) -> Vec<[Name; 2]> {
    if let Some(only) = arguments.only {
        return vec![only];
    }
    let peers = [Name::Is, Name::Rice];
    if arguments.control {
        return peers.map(|peer| [peer, peer]).to_vec();
    }
    let both_roles = peers.map(|peer| [[Name::Pollrtc, peer], [peer, Name::Pollrtc]]);
    std::iter::once([Name::Pollrtc; 2])
        .chain(both_roles.into_iter().flatten())
        .collect()
}

fn millis(duration: Duration) -> u128 {
    duration.as_millis()
}

/// The times of one cell: in the middle, and the longest.
fn row(pairing: [Name; 2], weather: Weather, outcomes: &[Outcome], seeds: u64) {
    let mut times: Vec<Duration> = outcomes.iter().filter_map(|outcome| outcome.selected_after).collect();
    times.sort();
    let stays = outcomes.iter().filter(|outcome| outcome.stays).count();
    let (median, longest) = (times.get(times.len() / 2), times.last());
    println!(
        "{:>8} {:>8} | {:>4} {:>4} {:>4} | {:>4}/{seeds} {:>4}/{seeds} | {:>7} {:>7} | {:>5}",
        pairing[0].as_str(),
        pairing[1].as_str(),
        weather.round_trip,
        weather.jitter,
        weather.loss,
        times.len(),
        stays,
        median.map_or("-".into(), |time| millis(*time).to_string()),
        longest.map_or("-".into(), |time| millis(*time).to_string()),
        outcomes.iter().map(|outcome| outcome.packets).max().unwrap_or_default(),
    );
}

fn main() -> ExitCode {
    let Some(arguments) = arguments() else {
        eprintln!("run.sh says how it is called");
        return ExitCode::from(2);
    };
    println!(" controls  follows |  RTT  jit loss | selected  stays    |  median longest | packets");
    let mut failed = 0;
    for pairing in pairings(&arguments) {
        for round_trip in ROUND_TRIPS {
            for jitter in JITTERS {
                for loss in LOSSES {
                    let weather = Weather {
                        round_trip,
                        jitter,
                        loss,
                    };
                    let outcomes: Vec<Outcome> =
                        (0..arguments.seeds).map(|seed| play(pairing, weather, seed)).collect();
                    row(pairing, weather, &outcomes, arguments.seeds);
                    for (seed, outcome) in outcomes.iter().enumerate() {
                        if let Some(fault) = &outcome.fault {
                            failed += u32::from(!outcome.is_own);
                            let whose = if outcome.is_own { "own, " } else { "" };
                            println!("  {whose}seed {seed}: {fault}");
                        }
                    }
                }
            }
        }
    }
    if failed > 0 && !arguments.control {
        println!("{failed} failed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
