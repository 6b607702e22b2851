//! Nothing that is published can reach the stand-ins.

use std::fs;
use std::path::{Path, PathBuf};

/// The package that must stay among us.
const NAME: &str = "pollrtc-fuzzing-provider";

#[test]
fn no_published_crate_depends_on_the_stand_ins() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let mut manifests = Vec::new();
    collect_manifests(&root, &mut manifests);
    let (mut published, mut users) = (0, 0);
    for path in manifests {
        let manifest = fs::read_to_string(&path).expect("a manifest can be read");
        let is_package = manifest.contains("[package]");
        let stays_here = manifest.lines().any(|line| line.trim() == "publish = false");
        let mentions = manifest.contains(NAME) || manifest.contains("pollrtc-fuzzing");
        if is_package && !stays_here {
            published += 1;
            assert!(!mentions, "{} is published and reaches for {NAME}", path.display());
        }
        users += usize::from(mentions && stays_here && !manifest.contains(&format!("name = \"{NAME}\"")));
    }
    assert!(published >= 10, "only {published} published crates were found");
    assert!(users >= 1, "nobody uses the stand-ins: is their name another?");
    let own = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("our manifest");
    assert!(own.lines().any(|line| line == "publish = false") && own.contains(&format!("name = \"{NAME}\"")));
}

/// The manifests below a folder, but for those in what was built.
fn collect_manifests(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder can be read").flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "target" && name != "node_modules" && !name.to_string_lossy().starts_with('.') {
            collect_manifests(&path, found);
        } else if name == "Cargo.toml" {
            found.push(path);
        }
    }
}
