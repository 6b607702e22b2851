//! SCTP with other stacks, in process and in virtual time: `run.sh` says how it is called.

mod dcsctp;
mod link;
mod ours;
mod play;
mod proto;
mod stack;
mod usrsctp;

use std::collections::BTreeMap;
use std::process::ExitCode;

use link::{Link, Weather};
use play::{Part, play};
use stack::Name;

/// What is not played with a peer. Resets: both fail at them with one of their own kind as well, as `--control` shows.
/// How their associations end is open: what a shutdown is to wait for is lost now and then, on either side.
fn skipped(peer: Name) -> &'static [Part] {
    match peer {
        Name::Pollrtc | Name::Dcsctp | Name::Usrsctp => &[],
        // Resetting a stream throws away what it has not been handed yet, and sctp-proto then takes its
        // association for closed; rtc-sctp's stream can't be used again.
        Name::SctpProto | Name::RtcSctp => &[Part::Reset, Part::Shutdown],
    }
}

struct Arguments {
    seeds: u64,
    only: Option<[Name; 2]>,
    control: bool,
    dump: bool,
}

fn arguments() -> Option<Arguments> {
    let mut arguments = Arguments {
        seeds: 10 * Weather::GRID,
        only: None,
        control: false,
        dump: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => arguments.seeds = Weather::GRID,
            "--seeds" => arguments.seeds = words.next()?.parse().ok()?,
            "--control" => arguments.control = true,
            "--dump" => arguments.dump = true,
            "--only" => {
                let pair = words.next()?;
                let (client, server) = pair.split_once(':')?;
                arguments.only = Some([Name::parse(client)?, Name::parse(server)?]);
            }
            _ => return None,
        }
    }
    Some(arguments)
}

fn main() -> ExitCode {
    let Some(arguments) = arguments() else {
        eprintln!("run.sh [--quick] [--seeds N] [--only CLIENT:SERVER] [--control] [--dump]");
        return ExitCode::from(2);
    };
    let peers = Name::ALL.into_iter().filter(|name| *name != Name::Pollrtc);
    let pairs: Vec<[Name; 2]> = match (arguments.only, arguments.control) {
        (Some(pair), _) => vec![pair],
        (None, true) => peers.map(|peer| [peer, peer]).collect(),
        (None, false) => [[Name::Pollrtc; 2]]
            .into_iter()
            .chain(peers.flat_map(|peer| [[Name::Pollrtc, peer], [peer, Name::Pollrtc]]))
            .collect(),
    };
    let mut all_passed = true;
    for pair in pairs {
        all_passed &= run(pair, &arguments);
    }
    ExitCode::from(u8::from(!all_passed))
}

/// Plays with all seeds; true if all of it passed.
fn run(names: [Name; 2], arguments: &Arguments) -> bool {
    let skipped: &[Part] = match arguments.control {
        true => &[],
        false => &names.map(skipped).concat(),
    };
    let mut failures: BTreeMap<Part, Vec<(u64, String)>> = BTreeMap::new();
    for seed in 1..=arguments.seeds {
        let weather = Weather::of(seed);
        let mut link = Link::new(names, weather, seed, arguments.dump);
        if let Err((part, why)) = play(&mut link, seed, skipped) {
            let why = format!("{why}; {weather:?}");
            failures.entry(part).or_default().push((seed, why));
        }
    }
    let failed: usize = failures.values().map(Vec::len).sum();
    let [client, server] = names.map(Name::text);
    println!(
        "{client:10} {server:10} {} of {} pass, without {skipped:?}",
        arguments.seeds - failed as u64,
        arguments.seeds
    );
    for (part, all) in &failures {
        println!("    {part:?}: {} fail", all.len());
        for (seed, why) in all.iter().take(2) {
            println!("        seed {seed}: {why}");
        }
    }
    failures.is_empty()
}
