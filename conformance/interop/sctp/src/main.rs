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

/// What a stack can't do, with one of its own kind neither, as `--control` shows.
fn unable(peer: Name) -> &'static [Part] {
    match peer {
        Name::Pollrtc | Name::Dcsctp | Name::Usrsctp => &[],
        // Reset: resetting a stream throws away what it has not been handed yet, and sctp-proto then takes its
        // association for closed; rtc-sctp's stream can't be used again.
        // Shutdown: both look at what is in flight only, and throw away what has not left (`shutdown` and `gather_outbound`
        // in their `association/mod.rs`), whoever asks for the end.
        Name::SctpProto | Name::RtcSctp => &[Part::Reset, Part::Shutdown],
    }
}

/// What two can play, and one part `besides`. An association ends once: at rest where it can't end otherwise.
fn parts(names: [Name; 2], besides: Option<Part>) -> Vec<Part> {
    let unable = names.map(unable).concat();
    let is_able = |part: Part| Some(part) == besides || !unable.contains(&part);
    let is_played = |part: &Part| is_able(*part) && (*part != Part::ShutdownAtRest || !is_able(Part::Shutdown));
    Part::ALL.into_iter().filter(is_played).collect()
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
        all_passed &= run(pair, &parts(pair, None), &arguments);
        // Of what it is not asked to play with us: does it with itself?
        let besides = unable(pair[0]).iter().filter(|_| arguments.control);
        for part in besides {
            run(pair, &parts(pair, Some(*part)), &arguments);
        }
    }
    ExitCode::from(u8::from(!all_passed))
}

/// Plays with all seeds; true if all of it passed.
fn run(names: [Name; 2], parts: &[Part], arguments: &Arguments) -> bool {
    let mut failures: BTreeMap<Part, Vec<(u64, String)>> = BTreeMap::new();
    for seed in 1..=arguments.seeds {
        let weather = Weather::of(seed);
        let mut link = Link::new(names, weather, seed, arguments.dump);
        if let Err((part, why)) = play(&mut link, seed, parts) {
            let why = format!("{why}; {weather:?}");
            failures.entry(part).or_default().push((seed, why));
        }
    }
    let failed: usize = failures.values().map(Vec::len).sum();
    let [client, server] = names.map(Name::text);
    println!(
        "{client:10} {server:10} {} of {} pass {parts:?}",
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
