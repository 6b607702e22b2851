//! What a reader of the facade's documentation finds: each public type has an example, and nothing is named that the facade does
//! not give.
//!
//! The sources are read line by line, as rustfmt leaves them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use pollrtc_conformance::repository;

#[test]
fn each_public_type_of_the_facade_has_an_example() {
    let without: Vec<String> = exports()
        .into_iter()
        .filter(|export| folder_of(&export.package).is_some())
        .filter(|export| !definitions(export).iter().any(|docs| has_example(docs)))
        .map(|export| format!("{} ({}::{})", export.name, export.package, export.original))
        .collect();
    assert!(without.is_empty(), "no example in the docs of:\n{}", without.join("\n"));
}

#[test]
fn the_facade_gives_what_it_names() {
    let given: BTreeSet<(String, String)> = exports()
        .into_iter()
        .map(|export| (export.package, export.original))
        .collect();
    let whole = crates_given_whole();
    assert!(whole.contains("pollrtc_rtp"), "{whole:?}");
    let mut missing = BTreeSet::new();
    for file in sources("pollrtc") {
        let text = fs::read_to_string(&file).expect("a file can be read");
        for (package, name) in named(&text) {
            if !whole.contains(&package) && !given.contains(&(package.clone(), name.clone())) {
                missing.insert(format!("{package}::{name} in {}", file.display()));
            }
        }
    }
    let missing: Vec<String> = missing.into_iter().collect();
    assert!(missing.is_empty(), "named, and out of reach:\n{}", missing.join("\n"));
}

#[test]
fn the_reader_knows_an_example_when_it_sees_one() {
    assert!(has_example(&[
        "/// A thing.",
        "/// ```",
        "/// let thing = 1;",
        "/// ```"
    ]));
    assert!(has_example(&["/// ```no_run", "/// loop {}", "/// ```"]));
    assert!(!has_example(&["/// A thing, as in `this`."]));
    assert!(!has_example(&["/// ```text", "/// a drawing", "/// ```"]));
    assert!(!has_example(&["/// ```ignore", "/// nobody knows", "/// ```"]));
}

#[test]
fn the_reader_finds_what_is_named() {
    let text = "
        use pollrtc_ice::{self as ice, Path, State as IceState};
        use pollrtc_jsep::DtlsRole;
        /// See [`wait`](pollrtc_dtls::Connection::wait) and `pollrtc_tokio::Endpoint`.
        pub struct Shown {
            /// Where.
            pub path: Option<Path>,
            hidden: pollrtc_rtp::RtpPacket,
        }
        pub struct Number(pollrtc_rtp::Format);
        pub enum Choice {
            One(ice::Stats),
            Other { state: IceState },
        }
        impl Shown {
            pub fn long(
                &self,
                role: DtlsRole,
            ) -> bool {
                pollrtc_sctp::nobody_cares()
            }
            fn short(&self) -> pollrtc_stun::Message {}
        }";
    let expected = [
        ("pollrtc_dtls", "Connection"),
        ("pollrtc_ice", "Path"),
        ("pollrtc_ice", "State"),
        ("pollrtc_ice", "Stats"),
        ("pollrtc_jsep", "DtlsRole"),
    ];
    let expected: BTreeSet<_> = expected
        .map(|(package, name)| (package.to_owned(), name.to_owned()))
        .into();
    assert_eq!(named(text), expected);
}

/// One name that the facade gives.
struct Export {
    /// The crate that it comes from, as it is written in code.
    package: String,
    /// The modules of that crate that lead to it.
    modules: Vec<String>,
    original: String,
    /// What the facade calls it.
    name: String,
}

/// The crates that the root of the facade re-exports as they are: `pub use pollrtc_rtp as rtp;`.
fn crates_given_whole() -> BTreeSet<String> {
    let root = folder_of("pollrtc").expect("the facade").join("lib.rs");
    let text = fs::read_to_string(root).expect("the root of the facade");
    let renamed = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub use ")?.split_once(" as "));
    let whole = renamed.filter(|(path, _)| path.starts_with("pollrtc_") && !path.contains("::"));
    whole.map(|(path, _)| path.to_owned()).collect()
}

/// What the root of the facade re-exports, its own types among them.
fn exports() -> Vec<Export> {
    let root = folder_of("pollrtc").expect("the facade").join("lib.rs");
    let text = fs::read_to_string(root).expect("the root of the facade");
    let code: String = text.lines().filter(|line| !is_doc(line)).collect::<Vec<_>>().join(" ");
    let mut exports = Vec::new();
    for (at, start) in code.match_indices("pub use ") {
        let statement = &code[at + start.len()..];
        let statement = &statement[..statement.find(';').expect("a semicolon")];
        for (path, name) in uses(statement) {
            if path[0] == "bytes" {
                continue; // has examples of its own
            }
            let is_ours = path[0].starts_with("pollrtc_");
            let (package, rest) = if is_ours {
                (path[0].clone(), &path[1..])
            } else {
                ("pollrtc".to_owned(), &path[..])
            };
            let Some((original, modules)) = rest.split_last() else {
                continue;
            };
            exports.push(Export {
                package,
                modules: modules.to_vec(),
                original: original.clone(),
                name,
            });
        }
    }
    assert!(exports.len() > 50, "the root is read");
    exports
}

/// The paths of what stands between `use` and the semicolon, and the names that they have from then on.
fn uses(tree: &str) -> Vec<(Vec<String>, String)> {
    let tree = tree.trim();
    let segments = |path: &str| {
        path.split("::")
            .map(|segment| segment.trim().to_owned())
            .collect::<Vec<_>>()
    };
    let Some((before, inside)) = tree.split_once('{') else {
        let (path, alias) = tree.split_once(" as ").unwrap_or((tree, ""));
        let path = segments(path);
        let name = match alias.trim() {
            "" => path.last().cloned().unwrap_or_default(),
            alias => alias.to_owned(),
        };
        return vec![(path, name)];
    };
    let before = before.trim().trim_end_matches("::");
    let inside = inside.trim().strip_suffix('}').unwrap_or(inside);
    let branches = inside.split(',').map(str::trim).filter(|branch| !branch.is_empty());
    branches
        .flat_map(|branch| match branch.split_once(" as ") {
            Some(("self", alias)) => vec![(segments(before), alias.trim().to_owned())],
            _ if branch == "self" => uses(before),
            _ => uses(&format!("{before}::{branch}")),
        })
        .collect()
}

/// The documentation of each type or function of the name, where it may be defined.
fn definitions(export: &Export) -> Vec<Vec<String>> {
    let mut all: Vec<(PathBuf, Vec<String>)> = Vec::new();
    for file in sources(&export.package) {
        let text = fs::read_to_string(&file).expect("a file can be read");
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            if !defines(line, &export.original) {
                continue;
            }
            let docs = lines[..at]
                .iter()
                .rev()
                .take_while(|line| is_doc(line) || !line.is_empty() && !line.starts_with('}'));
            let docs = docs.filter(|line| is_doc(line)).map(|line| (*line).to_owned());
            all.push((file.clone(), docs.collect::<Vec<_>>().into_iter().rev().collect()));
        }
    }
    assert!(
        !all.is_empty(),
        "{}::{} is defined nowhere",
        export.package,
        export.original
    );
    let is_there = |file: &Path| {
        let parts: Vec<_> = file.iter().filter_map(|part| part.to_str()).collect();
        export.modules.iter().all(|module| {
            let module = module.as_str();
            parts.iter().any(|part| part.trim_end_matches(".rs") == module)
        })
    };
    if all.iter().any(|(file, _)| is_there(file)) {
        all.retain(|(file, _)| is_there(file));
    }
    all.into_iter().map(|(_, docs)| docs).collect()
}

fn defines(line: &str, name: &str) -> bool {
    let Some(item) = line.strip_prefix("pub ") else {
        return false;
    };
    let item = item.strip_prefix("const ").unwrap_or(item);
    let kinds = ["struct ", "enum ", "trait ", "type ", "fn "];
    let Some(rest) = kinds.iter().find_map(|kind| item.strip_prefix(kind)) else {
        return false;
    };
    rest.strip_prefix(name)
        .is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Whether there is a block of code that `cargo test` compiles.
fn has_example(docs: &[impl AsRef<str>]) -> bool {
    let lines = docs
        .iter()
        .map(|line| line.as_ref().trim_start().trim_start_matches("///").trim());
    let fences = lines.filter_map(|line| line.strip_prefix("```"));
    // Every second one ends what the one before it began.
    fences.step_by(2).any(|attributes| {
        let mut attributes = attributes
            .split(',')
            .map(str::trim)
            .filter(|attribute| !attribute.is_empty());
        attributes.all(|attribute| ["no_run", "rust", "should_panic"].contains(&attribute))
    })
}

/// What the documentation and the public signatures of a file name of the crates below the facade: crate and type.
fn named(text: &str) -> BTreeSet<(String, String)> {
    let aliases = aliases(text);
    let mut named = BTreeSet::new();
    let mut in_enum = false;
    let mut in_signature = false;
    for line in text.lines() {
        let line = line.trim();
        if is_doc(line) {
            for path in paths(line).filter(|path| is_below(&path[0])) {
                named.insert(type_of(&path));
            }
            continue;
        }
        if line.starts_with("//") || line.starts_with("use ") || line.starts_with("pub use ") {
            continue;
        }
        let is_public = line.starts_with("pub ");
        in_enum |= line.starts_with("pub enum ");
        in_signature |= is_public && (line.contains(" fn ") || line.starts_with("pub fn "));
        if is_public || in_enum || in_signature {
            for path in paths(without_private_fields(line)) {
                let whole = match aliases.get(&path[0]) {
                    Some(before) => [&before[..], &path[1..]].concat(),
                    None => path,
                };
                if is_below(&whole[0]) && whole.len() > 1 {
                    named.insert(type_of(&whole));
                }
            }
        }
        in_signature &= !line.ends_with('{') && !line.ends_with(';') && !line.ends_with("{}");
        in_enum &= line != "}";
    }
    named
}

/// The line of a tuple struct tells of its one field only if that is public.
fn without_private_fields(line: &str) -> &str {
    match line.split_once('(') {
        Some((before, field)) if line.starts_with("pub struct ") && !field.starts_with("pub ") => before,
        _ => line,
    }
}

/// What the names stand for that a file brings into scope of the crates below.
fn aliases(text: &str) -> BTreeMap<String, Vec<String>> {
    let code: String = text.lines().filter(|line| !is_doc(line)).collect::<Vec<_>>().join(" ");
    let mut aliases = BTreeMap::new();
    for (at, _) in code.match_indices("use pollrtc_") {
        let statement = &code[at + "use ".len()..];
        let Some(end) = statement.find(';') else { continue };
        aliases.extend(uses(&statement[..end]).into_iter().map(|(path, name)| (name, path)));
    }
    aliases
}

/// The first name of a path that is a type, or else its last one.
fn type_of(path: &[String]) -> (String, String) {
    let mut names = path.iter().skip(1);
    let name = names.find(|name| name.starts_with(char::is_uppercase));
    let name = name.or(path.last()).cloned().unwrap_or_default();
    (path[0].clone(), name)
}

/// Whether the facade is built of this crate.
fn is_below(package: &str) -> bool {
    package.starts_with("pollrtc_") && !["pollrtc_tokio", "pollrtc_netsim"].contains(&package)
}

/// The paths in a line, of one name or more.
fn paths(line: &str) -> impl Iterator<Item = Vec<String>> {
    let is_in_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    line.split(move |c| !is_in_path(c)).filter_map(|path| {
        let path = path.trim_matches(':');
        let names: Vec<String> = path.split("::").map(str::to_owned).collect();
        names.iter().all(|name| !name.is_empty()).then_some(names)
    })
}

fn is_doc(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("///") || line.starts_with("//!")
}

/// The folder with the source of one of our crates.
fn folder_of(package: &str) -> Option<PathBuf> {
    let folder = match package.strip_prefix("pollrtc_") {
        Some(name) => name,
        None if package == "pollrtc" => "pollrtc",
        None => return None,
    };
    let source = repository().join("crates").join(folder).join("src");
    source.is_dir().then_some(source)
}

fn sources(package: &str) -> Vec<PathBuf> {
    let mut folders = vec![folder_of(package).expect("one of our crates")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
