//! Every requirement table can be read, and every test that it names exists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use pollrtc_conformance::repository;

/// A row of a table.
struct Requirement {
    table: String,
    line: usize,
    id: String,
    section: String,
    level: String,
    text: String,
    evidence: String,
}

#[test]
fn tables_can_be_read() {
    let requirements = requirements();
    assert!(!requirements.is_empty());
    for row in &requirements {
        let place = format!("{}:{}", row.table, row.line);
        for (name, cell) in [
            ("id", &row.id),
            ("section", &row.section),
            ("requirement", &row.text),
            ("test", &row.evidence),
        ] {
            assert!(!cell.is_empty(), "{place}: no {name}");
        }
        assert!(LEVELS.contains(&row.level.as_str()), "{place}: level {:?}", row.level);
    }
}

#[test]
fn ids_are_unique() {
    let mut places = BTreeMap::new();
    for row in requirements() {
        let place = format!("{}:{}", row.table, row.line);
        if let Some(other) = places.insert(row.id.clone(), place.clone()) {
            panic!("{} stands in {other} and {place}", row.id);
        }
    }
    assert!(!places.is_empty());
}

#[test]
fn every_named_test_exists() {
    let mut files = BTreeMap::new();
    for row in requirements() {
        let place = format!("{}:{} {}", row.table, row.line, row.id);
        if let Some(answer) = row.evidence.strip_prefix("answer:") {
            assert!(!answer.trim().is_empty(), "{place}: an answer without words");
            continue;
        }
        let named: Vec<&str> = row.evidence.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "{place}: neither a test in backticks nor an answer");
        for test in named {
            let Some((file, function)) = test.split_once("::") else {
                panic!("{place}: {test:?} is not of the form path::function");
            };
            let tests = files.entry(file.to_owned()).or_insert_with(|| tests_in(file));
            assert!(tests.contains(function), "{place}: {file} has no test {function}");
        }
    }
    assert!(!files.is_empty());
}

/// What a level may be: RFC 2119's words, and "is" for a definition.
const LEVELS: [&str; 9] = [
    "MUST",
    "MUST NOT",
    "SHALL",
    "SHALL NOT",
    "SHOULD",
    "SHOULD NOT",
    "RECOMMENDED",
    "MAY",
    "is",
];

fn requirements() -> Vec<Requirement> {
    let folder = repository().join("conformance/requirements");
    let mut tables: Vec<_> = fs::read_dir(&folder)
        .expect("the folder of tables")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    tables.sort();
    tables
        .iter()
        .flat_map(|path| {
            let text = fs::read_to_string(path).expect("a table can be read");
            rows(
                path.file_name().and_then(|name| name.to_str()).unwrap_or_default(),
                &text,
            )
        })
        .collect()
}

/// The rows of the tables in a page: what follows a line of dashes, cell by cell. A `|` inside a cell
/// is written `\|`.
fn rows(table: &str, text: &str) -> Vec<Requirement> {
    let mut requirements = Vec::new();
    let mut in_table = false;
    for (index, line) in text.lines().enumerate() {
        let Some(inner) = line.trim().strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
            in_table = false;
            continue;
        };
        if inner.chars().all(|c| matches!(c, '-' | '|' | ':' | ' ')) {
            in_table = true;
            continue;
        }
        if !in_table {
            continue; // the names of the columns
        }
        let inner = inner.replace("\\|", "\u{0}");
        let cells: Vec<String> = inner.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect();
        let [id, section, level, text, evidence] = cells.as_slice() else {
            panic!("{table}:{}: {} cells instead of 5", index + 1, cells.len());
        };
        requirements.push(Requirement {
            table: table.to_owned(),
            line: index + 1,
            id: id.clone(),
            section: section.clone(),
            level: level.clone(),
            text: text.clone(),
            evidence: evidence.clone(),
        });
    }
    requirements
}

/// The names of the functions in a file of tests.
fn tests_in(file: &str) -> BTreeSet<String> {
    let path = repository().join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{file}: {e}"));
    assert!(
        text.contains("#[test]") || text.contains("::test") || text.contains("quickcheck"),
        "{file} has no tests"
    );
    text.split("fn ")
        .skip(1)
        .filter_map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
            let name = rest.get(..end)?;
            rest[end..].starts_with(['(', '<']).then(|| name.to_owned())
        })
        .collect()
}
