//! What each profile makes of descriptions that others wrote, where a copy of them lies beside the
//! repository: a table of verdicts that changes only on purpose.
//!
//! `UPDATE_GOLDEN=1 cargo test -p pollrtc-sdp --test verdicts` writes the table anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::{env, fs};

use pollrtc_sdp::{ErrorKind, Parser, Profile};

#[path = "common/corpus.rs"]
mod corpus;

use corpus::corpus;

/// One line of the table: the verdict of each profile, and the rule that decided: the one that the
/// strictest profile refuses by, or tells of.
fn verdict(text: &[u8]) -> String {
    let mut deciding = None;
    let verdicts = [Profile::Rfc8866, Profile::Jsep, Profile::Interop, Profile::Lenient].map(|profile| {
        let mut findings: Vec<(ErrorKind, usize)> = Vec::new();
        let parser = Parser::new().profile(profile);
        let result = parser.parse_with(text, |finding| {
            match findings.iter_mut().find(|(kind, _)| *kind == finding.kind()) {
                Some((_, count)) => *count += 1,
                None => findings.push((finding.kind(), 1)),
            }
        });
        let kind = result.err().map(|error| error.kind());
        deciding = deciding.or(kind).or(findings.first().map(|(kind, _)| *kind));
        match result {
            Err(error) => format!("refused {}:{} {}", error.line(), error.column(), name(error.kind())),
            Ok(_) => findings
                .iter()
                .fold("ok".to_owned(), |list, (kind, count)| match count {
                    1 => format!("{list} {}", name(*kind)),
                    count => format!("{list} {}x{count}", name(*kind)),
                }),
        }
    });
    let deciding = deciding.map_or("", ErrorKind::reference);
    format!("{},{deciding}", verdicts.join(","))
}

fn name(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::TooLarge { limit, .. } => format!("TooLarge({limit:?})"),
        kind => format!("{kind:?}"),
    }
}

#[test]
fn verdicts_are_those_of_the_table() {
    let samples = corpus("samples");
    let captures = corpus("browsers");
    if samples.is_empty() {
        return;
    }
    let mut table = String::from("file,Rfc8866,Jsep,Interop,Lenient,decided by\n");
    for (file, text) in samples.into_iter().chain(captures) {
        writeln!(table, "{file},{}", verdict(&text)).unwrap();
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/verdicts.csv");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &table).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap();
    for (line, expected) in table.lines().zip(golden.lines()) {
        assert_eq!(
            line, expected,
            "if it is meant, write the table anew with UPDATE_GOLDEN=1"
        );
    }
    assert_eq!(table.lines().count(), golden.lines().count());
}

/// What browsers and aiortc make of those that our stricter profiles refuse
/// (`conformance/interop/verdicts`): nobody that both browsers connect with is refused by us.
#[test]
fn what_browsers_take_the_negotiators_profile_takes() {
    let ours = include_str!("verdicts.csv").lines().skip(1).map(|line| {
        let columns: Vec<_> = line.split(',').collect();
        (columns[0], columns[3].starts_with("ok"))
    });
    let ours: BTreeMap<&str, bool> = ours.collect();
    let peers = include_str!("peers.csv").lines().skip(1);
    let peers: BTreeMap<&str, Vec<&str>> = peers
        .map(|line| {
            let mut columns = line.split(',');
            (columns.next().unwrap(), columns.collect())
        })
        .collect();
    for (file, taken) in &ours {
        assert!(
            *taken || peers.contains_key(file),
            "{file} is refused: what do peers do?"
        );
    }
    for (file, verdicts) in &peers {
        let [chromium, firefox, ..] = verdicts[..] else {
            panic!("{file}")
        };
        assert!(chromium != "ok" || firefox != "ok" || ours[file], "{file}");
    }
}

/// The table without a copy of the samples: how many there are, and that the profiles are ever more
/// tolerant.
#[test]
fn each_profile_accepts_what_the_stricter_one_does() {
    let table = include_str!("verdicts.csv");
    let mut accepted = [0; 4];
    for line in table.lines().skip(1) {
        let columns: Vec<_> = line.split(',').collect();
        assert_eq!(columns.len(), 6, "{line}");
        let ok = [1, 2, 3, 4].map(|column| columns[column].starts_with("ok"));
        assert!(ok.is_sorted(), "{line}");
        // Whatever is not plainly accepted is decided by a rule.
        assert_eq!(columns[5].is_empty(), columns[1..5] == ["ok"; 4], "{line}");
        accepted
            .iter_mut()
            .zip(ok)
            .for_each(|(count, ok)| *count += usize::from(ok));
    }
    assert!(
        accepted[0] > 300 && accepted[..3].is_sorted_by(|fewer, more| fewer < more),
        "{accepted:?}"
    );
}
