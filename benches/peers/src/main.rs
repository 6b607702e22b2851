//! The same work on pollrtc and its peers, in one process and one run; see README.md.

mod alloc;
mod cpu;
mod peer;
mod scenario;
mod sdp;
mod sim;
mod stack;
mod table;

use std::process::ExitCode;

use peer::Peer;
use scenario::{Effort, Scenario};
use stack::{Pollrtc, Rtc, Str0m};
use table::Table;

const USAGE: &str = "\
usage: pollrtc-peers [--quick] [--json] [--lib NAME,NAME] [CASE...]
       pollrtc-peers --sdp-growth
  --quick   minutes instead of half an hour
  --json    JSON instead of a markdown table
  --lib     pollrtc, str0m, rtc: which of them; all by default. The cases on SDP have other peers
            and take them all
  --sdp-growth  instructions per byte of descriptions that grow (needs valgrind)
  CASE      only cases whose name contains this, as `handshake` or \"bulk 64 B\"";

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    match given.split_first() {
        Some((option, rest)) if option == "--sdp-once" => {
            return sdp::parse_repeatedly(rest).map_or(ExitCode::from(2), |()| ExitCode::SUCCESS);
        }
        Some((option, [])) if option == "--sdp-growth" => return print(sdp::growth()),
        _ => {}
    }
    let Some(arguments) = Arguments::parse(given.into_iter()) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let effort = if arguments.quick { Effort::Quick } else { Effort::Full };
    let mut table = Table::default();
    for scenario in Scenario::all(effort) {
        if !arguments.wants_case(&scenario.name()) {
            continue;
        }
        table.begin_case(scenario.name());
        // One library right after the other: what else happens on the machine hits all alike.
        arguments.run::<Pollrtc>(&scenario, &mut table);
        arguments.run::<Str0m>(&scenario, &mut table);
        arguments.run::<Rtc>(&scenario, &mut table);
    }
    let mut descriptions = Table::default();
    sdp::run(effort, |case| arguments.wants_case(case), &mut descriptions);
    for table in [table, descriptions].iter().filter(|table| !table.is_empty()) {
        match arguments.json {
            true => println!("{}", table.json()),
            false => println!("{}", table.markdown()),
        }
    }
    ExitCode::SUCCESS
}

fn print(result: Result<String, String>) -> ExitCode {
    match result {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Default)]
struct Arguments {
    quick: bool,
    json: bool,
    /// Empty for all.
    libraries: Vec<String>,
    cases: Vec<String>,
}

impl Arguments {
    /// `None` if they can't be understood.
    fn parse(mut given: impl Iterator<Item = String>) -> Option<Self> {
        let mut arguments = Self::default();
        while let Some(argument) = given.next() {
            match argument.as_str() {
                "--quick" => arguments.quick = true,
                "--json" => arguments.json = true,
                "--lib" => {
                    arguments.libraries = given.next()?.split(',').map(String::from).collect();
                    let known = [Pollrtc::NAME, Str0m::NAME, Rtc::NAME];
                    if !arguments.libraries.iter().all(|name| known.contains(&name.as_str())) {
                        return None;
                    }
                }
                option if option.starts_with('-') => return None,
                _ => arguments.cases.push(argument),
            }
        }
        Some(arguments)
    }

    fn wants_case(&self, name: &str) -> bool {
        self.cases.is_empty() || self.cases.iter().any(|case| name.contains(case.as_str()))
    }

    fn run<P: Peer>(&self, scenario: &Scenario, table: &mut Table) {
        if self.libraries.is_empty() || self.libraries.iter().any(|name| name == P::NAME) {
            table.add(P::NAME, scenario.run::<P>());
        }
    }
}
