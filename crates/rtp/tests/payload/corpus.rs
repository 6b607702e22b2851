//! Bytes that fuzzers of other stacks found worth keeping, where a checkout of them lies beside the repository.

use std::path::Path;

use pollrtc_rtp::payload::{
    Av1Payload, Depacketizer, DepacketizerLimits, H264Payload, H265DecodingOrder, PayloadFormat, PayloadPacket,
};

/// The files of a folder, with their names; none where there is no checkout.
fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/corpora/rtp")
        .join(folder);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: there is nothing at {}", folder.display());
        return Vec::new();
    };
    let read = |path: &Path| std::fs::read(path).expect("it can be read");
    entries
        .map(|entry| entry.expect("it can be read").path())
        .map(|path| (path.display().to_string(), read(&path)))
        .collect()
}

/// Puts bytes, cut into payloads of all lengths, through every depacketizer.
fn depacketize(bytes: &[u8]) {
    let formats = [
        PayloadFormat::Vp8,
        PayloadFormat::Vp9,
        PayloadFormat::H264,
        PayloadFormat::H265(H265DecodingOrder::AsSent),
        PayloadFormat::H265(H265DecodingOrder::Numbered),
        PayloadFormat::Av1,
        PayloadFormat::Whole,
        PayloadFormat::Opaque,
    ];
    for format in formats {
        for len in [3, 10, 40, bytes.len().max(1)] {
            let mut depacketizer = Depacketizer::new(format, DepacketizerLimits::default());
            for (sequence_number, payload) in (0..).zip(bytes.chunks(len)) {
                let marker = sequence_number % 3 == 2;
                let timestamp = u32::from(sequence_number / 3);
                depacketizer.handle_packet(PayloadPacket {
                    sequence_number,
                    timestamp,
                    marker,
                    payload,
                    marks: None,
                });
                while depacketizer.poll_frame().is_some() {}
            }
            assert_eq!(depacketizer.stats().late_packets, 0);
        }
    }
}

#[test]
fn what_others_have_kept_is_read_or_refused() {
    for folder in ["webrtc-av1", "webrtc-h264", "aiortc"] {
        for (name, bytes) in files(folder) {
            println!("{name}");
            depacketize(&bytes);
        }
    }
}

#[test]
fn payloads_of_a_python_stack_are_h264() {
    // A single unit, parts of another, and both of parameters in one.
    let h264 = |(name, bytes): (String, Vec<u8>)| name.contains("h264_").then_some(bytes);
    for bytes in files("aiortc").into_iter().filter_map(h264) {
        assert!(
            H264Payload::parse(&bytes).is_ok(),
            "{:02x?}",
            &bytes[..bytes.len().min(8)]
        );
    }
}

#[test]
fn an_assembled_frame_is_elements_or_an_error() {
    for (name, bytes) in files("webrtc-av1") {
        for cut in 0..bytes.len() {
            if let Ok(payload) = Av1Payload::parse(&bytes[cut..]) {
                let total: usize = payload.elements().map(<[u8]>::len).sum();
                assert!(total < bytes.len() - cut, "{name} from {cut}");
            }
        }
    }
}
