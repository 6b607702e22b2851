//! Conformance vectors and requirement tables, and the tests that run them.
//!
//! `vectors/*.json` holds data with the section that it comes from; `tests/<name>.rs` puts our crates
//! through it. `requirements/*.md` says, RFC by RFC, which test shows which requirement;
//! `tests/requirements.rs` checks that each of these tests exists. This library is what those tests
//! share.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The program that README shows compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The vectors in `vectors/<name>.json`.
///
/// # Panics
///
/// If there is no such file or it is not JSON.
pub fn vectors(name: &str) -> Value {
    let path = repository()
        .join("conformance/vectors")
        .join(name)
        .with_extension("json");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Bytes from hexadecimal digits; white space between them is ignored.
///
/// ```
/// assert_eq!(pollrtc_conformance::hex("21 12\na4 42"), [0x21, 0x12, 0xa4, 0x42]);
/// ```
///
/// # Panics
///
/// If there are other characters, or half a byte.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| {
            c.to_digit(16)
                .unwrap_or_else(|| panic!("{c:?} is no hexadecimal digit"))
        })
        .collect();
    let (pairs, rest) = digits.as_chunks::<2>();
    assert!(rest.is_empty(), "an odd number of digits");
    pairs.iter().map(|[high, low]| (high * 16 + low) as u8).collect()
}

/// The string in a vector's field.
///
/// # Panics
///
/// If there is no such field or it is not a string.
pub fn text<'v>(vector: &'v Value, field: &str) -> &'v str {
    vector[field]
        .as_str()
        .unwrap_or_else(|| panic!("no text {field:?} in {vector}"))
}
