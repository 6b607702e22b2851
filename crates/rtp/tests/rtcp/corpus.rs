//! Packets that others wrote, where a copy of them lies beside the repository.

use std::fs;
use std::path::PathBuf;

use pollrtc_rtp::rtcp::{Compound, RtcpPacket};

/// The files of a part of the collection; none if it is not there.
fn corpus(part: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/corpora/rtp")
        .join(part);
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("a folder can be read"))
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).expect("a file can be read"))
        })
        .collect();
    files.sort();
    files
}

#[test]
fn packets_of_aiortc_are_read_and_its_invalid_ones_refused() {
    for (name, bytes) in corpus("aiortc").iter().filter(|(name, _)| name.starts_with("rtcp_")) {
        let is_refused = match Compound::parse(bytes) {
            Err(_) => true,
            Ok(compound) => compound.ended_by().is_some() || compound.packets().any(|packet| packet.is_err()),
        };
        let is_invalid = name.contains("invalid") || name.contains("truncated");
        assert_eq!(is_refused, is_invalid, "{name}: {:?}", Compound::parse(bytes));
    }
}

#[test]
fn packets_of_libwebrtc_are_read() {
    let files = corpus("webrtc-rtcp");
    let mut known = 0;
    for (name, bytes) in &files {
        let Ok(compound) = Compound::parse(bytes) else { continue };
        for packet in compound.packets().flatten() {
            let is_known = !matches!(packet, RtcpPacket::Unknown(_));
            known += usize::from(is_known);
            assert!(!format!("{packet:?}").is_empty(), "{name}");
        }
    }
    assert!(files.is_empty() || known > 30, "{known} of {} files", files.len());
}
