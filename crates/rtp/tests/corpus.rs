//! Packets that others wrote, where a copy of them lies beside the repository.

use std::fs;
use std::path::PathBuf;

use pollrtc_rtp::{Extension, ExtensionMap, Origin, ParseError, RtpPacket};

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

fn map() -> ExtensionMap {
    let mut map = ExtensionMap::new();
    for id in (1..=255).filter(|id| *id != 15) {
        map.insert(id, Extension::Other(id));
    }
    map
}

#[test]
fn packets_of_aiortc_are_read() {
    let map = map();
    for (name, bytes) in corpus("aiortc").iter().filter(|(name, _)| name.starts_with("rtp")) {
        let packet = RtpPacket::parse(bytes, &map, Origin::default());
        let packet = packet.unwrap_or_else(|error| panic!("{name}: {error}"));
        let has_extensions = packet.extension_elements().next().is_some();
        match name.as_str() {
            "rtp_only_padding.bin" => assert_eq!((packet.payload(), packet.padding()), (&[][..], 224)),
            "rtp_only_padding_with_header_extensions.bin" => {
                assert_eq!(
                    (packet.payload(), packet.padding(), has_extensions),
                    (&[][..], 224, true)
                );
            }
            "rtp_with_csrc.bin" => assert!(packet.contributing_sources().len() > 0),
            _ => assert!(!packet.payload().is_empty() || packet.padding() > 0, "{name}"),
        }
    }
}

#[test]
fn packets_of_libwebrtc_are_read() {
    for (name, bytes) in corpus("webrtc-rtp") {
        match RtpPacket::parse(&bytes, &map(), Origin::default()) {
            Ok(packet) => assert!(packet.payload().len() + packet.padding() + 12 <= bytes.len(), "{name}"),
            Err(error) => assert!(
                !matches!(error, ParseError::Short(_)) || bytes.len() < 12,
                "{name}: {error}"
            ),
        }
    }
}
