//! Descriptions that others wrote, where a copy of them lies beside the repository.

use std::fs;
use std::path::PathBuf;

/// The files of a part of the collection, in the order of their names; none if it is not there.
pub(crate) fn corpus(part: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/corpora/sdp")
        .join(part);
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("a folder can be read"))
        .map(|entry| {
            (
                entry.file_name().to_string_lossy().into_owned(),
                fs::read(entry.path()).expect("a file can be read"),
            )
        })
        .collect();
    files.sort();
    files
}
