//! Every seed goes through its target's body, and the lists of targets agree.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pollrtc_fuzzing::TARGETS;

#[test]
fn every_seed_passes() {
    for (target, body) in TARGETS {
        let seeds = files_in(&fuzz().join("seeds").join(target));
        assert!(!seeds.is_empty(), "fuzz/seeds/{target} has no seeds");
        for seed in seeds {
            println!("{}", seed.display()); // shown if the body panics
            body(&fs::read(&seed).expect("a seed can be read"));
        }
    }
}

#[test]
fn empty_and_tiny_inputs_pass() {
    for (target, body) in TARGETS {
        println!("{target}"); // shown if the body panics
        body(&[]);
        for byte in 0..=255 {
            body(&[byte]);
        }
    }
}

#[test]
fn targets_are_listed_wherever_they_must_be() {
    let listed: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(listed.len(), TARGETS.len(), "a target is listed twice");

    let names = |files: Vec<PathBuf>| -> BTreeSet<String> {
        files
            .iter()
            .filter_map(|file| file.file_stem()?.to_str().map(str::to_owned))
            .collect()
    };
    assert_eq!(names(files_in(&fuzz().join("fuzz_targets"))), listed);

    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).expect("fuzz/Cargo.toml");
    for name in &listed {
        let path = format!("path = \"fuzz_targets/{name}.rs\"");
        assert!(manifest.contains(&path), "fuzz/Cargo.toml lacks {name}");
    }
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The files of a folder, in the order of their names; none if there is no such folder.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}
