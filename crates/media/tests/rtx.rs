//! Retransmissions on the wire (RFC 4588 §4).

use pollrtc_media::{OriginalNames, RtxNames, unwrap_rtx, wrap_rtx};
use pollrtc_rtp::{Extension, ExtensionMap, Origin, RtpPacket};
use quickcheck::quickcheck;

const NAMES: RtxNames = RtxNames {
    payload_type: 97,
    ssrc: 0xdead_beef,
    sequence: 65_535,
};
const ORIGINAL: OriginalNames = OriginalNames {
    payload_type: 96,
    ssrc: 0x0a0b_0c0d,
};

/// A packet with two contributing sources, an extension, a marker and padding.
fn packet(payload: &[u8], padding: u8) -> Vec<u8> {
    let first = 0x92 | if padding > 0 { 0x20 } else { 0 };
    let header = [first, 0x80 | 96, 0x12, 0x34, 1, 2, 3, 4, 0x0a, 0x0b, 0x0c, 0x0d];
    let sources = [0, 0, 0, 1, 0, 0, 0, 2];
    let extension = [0xbe, 0xde, 0, 1, 0x30, 0x85, 0, 0];
    let padding: Vec<u8> = (0..padding)
        .map(|at| if at + 1 == padding { padding } else { 0 })
        .collect();
    [&header[..], &sources, &extension, payload, &padding].concat()
}

#[test]
fn a_retransmission_keeps_all_but_its_names_and_padding() {
    let mut extensions = ExtensionMap::new();
    extensions.insert(3, Extension::AudioLevel);
    let original = packet(b"payload", 5);
    let mut buf = vec![0xee; 100];
    buf[..original.len()].copy_from_slice(&original);
    let len = wrap_rtx(&mut buf, original.len(), NAMES).expect("there is room");
    let rtx = RtpPacket::parse(&buf[..len], &extensions, Origin::default()).expect("a packet");
    assert_eq!(
        (rtx.ssrc(), rtx.payload_type(), rtx.sequence_number()),
        (0xdead_beef, 97, 65_535)
    );
    assert_eq!((rtx.timestamp(), rtx.marker(), rtx.padding()), (0x0102_0304, true, 0));
    assert!(rtx.contributing_sources().eq([1, 2]));
    assert_eq!(rtx.extension(Extension::AudioLevel), Some(&[0x85][..]));
    assert_eq!(rtx.payload(), b"\x12\x34payload");
    assert_eq!(rtx.as_bytes()[0] >> 6, 2, "the version is RTP's");

    let unwrapped = unwrap_rtx(&mut buf[..len], ORIGINAL).expect("it carries a packet");
    assert_eq!(unwrapped, packet(b"payload", 0));
}

#[test]
fn padding_to_probe_with_carries_no_packet() {
    for payload in [&b""[..], b"x"] {
        let mut bytes = packet(payload, 200);
        assert_eq!(unwrap_rtx(&mut bytes, ORIGINAL), None);
    }
    // One without a payload of its own is whole.
    let mut bytes = packet(b"\x00\x07", 0);
    assert!(unwrap_rtx(&mut bytes, ORIGINAL).is_some());
}

#[test]
fn what_does_not_fit_is_refused() {
    let original = packet(b"payload", 0);
    let mut buf = [&original[..], &[0]].concat();
    assert_eq!(wrap_rtx(&mut buf, original.len(), NAMES), None);
    assert_eq!(buf[..original.len()], original, "nothing was touched");
    assert_eq!(wrap_rtx(&mut buf, 1_000, NAMES), None);
    assert_eq!(wrap_rtx(&mut buf, 5, NAMES), None);
}

quickcheck! {
    /// For every packet: what was wrapped and unwrapped is the same but for padding.
    fn there_and_back(payload: Vec<u8>, padding: u8) -> bool {
        let original = packet(&payload, padding);
        let mut buf = [&original[..], &[0, 0]].concat();
        let len = wrap_rtx(&mut buf, original.len(), NAMES).expect("there is room");
        unwrap_rtx(&mut buf[..len], ORIGINAL).is_some_and(|bytes| *bytes == packet(&payload, 0))
    }

    /// For all bytes nothing panics.
    fn any_bytes(bytes: Vec<u8>, len: usize) -> bool {
        let mut buf = bytes.clone();
        wrap_rtx(&mut buf, len % (bytes.len() + 3), NAMES);
        buf.clone_from(&bytes);
        unwrap_rtx(&mut buf, ORIGINAL).is_none_or(|packet| packet.len() + 2 == bytes.len())
    }
}
