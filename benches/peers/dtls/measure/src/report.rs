//! Which cases are wanted, who takes part in them, and the table that comes out.

use std::process::ExitCode;

use crate::measure::{Effort, Kind, PAYLOADS, Results, compare_handshakes, compare_records};
use crate::subject::Subject;
use crate::table::Table;

const USAGE: &str = "\
usage: dtls-peers [--quick] [--json] [--lib NAME,NAME] [CASE...]
  --quick   seconds instead of minutes
  --json    JSON instead of a markdown table
  --lib     pollrtc, boringssl, openssl, dimpl: which of them; all by default
  CASE      only cases whose name contains this, as `handshake` or \"1200 B\"";

/// A library and how it gets ready for a kind of handshake; `None` if it does not know that kind.
pub struct Contestant {
    pub name: &'static str,
    pub start: fn(Kind) -> Option<Result<Box<dyn Subject>, String>>,
}

/// The whole program.
pub fn run(contestants: &[Contestant]) -> ExitCode {
    let Some(arguments) = Arguments::parse(std::env::args().skip(1), contestants) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let mut table = Table::default();
    for kind in Kind::ALL {
        arguments.case(
            kind,
            format!("{}: handshake", kind.name()),
            contestants,
            &mut table,
            |subjects| compare_handshakes(subjects, arguments.effort),
        );
    }
    // The key exchange makes no difference to records.
    for kind in [Kind::V12, Kind::V13] {
        for length in PAYLOADS {
            let name = format!("{}: records of {length} B", kind.name());
            arguments.case(kind, name, contestants, &mut table, |subjects| {
                compare_records(subjects, length, arguments.effort)
            });
        }
    }
    match arguments.json {
        true => println!("{}", table.json()),
        false => println!("{}", table.markdown()),
    }
    ExitCode::SUCCESS
}

struct Arguments {
    effort: Effort,
    json: bool,
    /// Empty for all.
    libraries: Vec<String>,
    cases: Vec<String>,
}

impl Arguments {
    /// `None` if they can't be understood.
    fn parse(mut given: impl Iterator<Item = String>, contestants: &[Contestant]) -> Option<Self> {
        let mut arguments = Self {
            effort: Effort::FULL,
            json: false,
            libraries: Vec::new(),
            cases: Vec::new(),
        };
        while let Some(argument) = given.next() {
            match argument.as_str() {
                "--quick" => arguments.effort = Effort::QUICK,
                "--json" => arguments.json = true,
                "--lib" => {
                    arguments.libraries = given.next()?.split(',').map(String::from).collect();
                    let is_known = |name: &String| contestants.iter().any(|contestant| contestant.name == name);
                    if !arguments.libraries.iter().all(is_known) {
                        return None;
                    }
                }
                option if option.starts_with('-') => return None,
                _ => arguments.cases.push(argument),
            }
        }
        Some(arguments)
    }

    fn case(
        &self,
        kind: Kind,
        name: String,
        contestants: &[Contestant],
        table: &mut Table,
        compare: impl Fn(&mut [Box<dyn Subject>]) -> Results,
    ) {
        let is_wanted = |wanted: &String| name.contains(wanted.as_str());
        if !self.cases.is_empty() && !self.cases.iter().any(is_wanted) {
            return;
        }
        table.begin_case(name);
        let takes_part = |contestant: &&Contestant| {
            self.libraries.is_empty() || self.libraries.iter().any(|name| name == contestant.name)
        };
        let (mut names, mut subjects) = (Vec::new(), Vec::new());
        for contestant in contestants.iter().filter(takes_part) {
            match (contestant.start)(kind) {
                Some(Ok(subject)) => {
                    names.push(contestant.name);
                    subjects.push(subject);
                }
                Some(Err(error)) => table.add(contestant.name, Err(error)),
                None => {}
            }
        }
        for (name, result) in names.into_iter().zip(compare(&mut subjects)) {
            table.add(name, result);
        }
    }
}
