//! One packet, from its bytes to its parts; and bytes that are none.

use pollrtc_rtp::{Extension, ExtensionMap, Origin, PacketKind, ParseError, RtpPacket};
use quickcheck::quickcheck;

const OPUS: [u8; 4] = [0x80, 111, 0x12, 0x34];
const TIME_AND_SOURCE: [u8; 8] = [0, 0, 0, 160, 0xca, 0xfe, 0xba, 0xbe];

/// A packet with this first byte, and what follows the fixed header.
fn packet(first: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = OPUS.to_vec();
    bytes[0] = first;
    bytes.extend(TIME_AND_SOURCE);
    bytes.extend(rest);
    bytes
}

fn map() -> ExtensionMap {
    let mut map = ExtensionMap::new();
    assert!(map.insert(1, Extension::Mid));
    assert!(map.insert(3, Extension::AudioLevel));
    assert!(map.insert(4, Extension::TransportSequence));
    assert!(map.insert(7, Extension::Other(7)));
    map
}

fn parse(bytes: &[u8]) -> Result<RtpPacket<'_>, ParseError> {
    RtpPacket::parse(bytes, &map(), Origin::default())
}

#[test]
fn a_plain_packet_says_who_and_when() {
    let bytes = packet(0x80, b"voice");
    let view = parse(&bytes).unwrap();
    assert_eq!(view.payload_type(), 111);
    assert_eq!(view.sequence_number(), 0x1234);
    assert_eq!(view.timestamp(), 160);
    assert_eq!(view.ssrc(), 0xcafe_babe);
    assert_eq!(view.payload(), b"voice");
    assert!(!view.marker());
    assert_eq!(view.contributing_sources().count(), 0);
    assert_eq!(view.padding(), 0);
}

#[test]
fn marker_sources_and_padding_are_found() {
    let mut bytes = packet(0xa2, &[0, 0, 0, 1, 0, 0, 0, 2, b'x', 0, 0, 3]);
    bytes[1] |= 0x80;
    let view = parse(&bytes).unwrap();
    assert!(view.marker());
    assert!(view.contributing_sources().eq([1, 2]));
    assert_eq!(view.payload(), b"x");
    assert_eq!(view.padding(), 3);
}

#[test]
fn a_packet_of_padding_alone_has_an_empty_payload() {
    // Probes of bandwidth look like this.
    let bytes = packet(0xa0, &[0, 0, 0, 4]);
    assert_eq!(parse(&bytes).unwrap().payload(), b"");
}

#[test]
fn extensions_of_one_byte_are_found_by_meaning() {
    // RFC 8285 §4.2: padding may stand between elements.
    let bytes = packet(0x90, &[0xbe, 0xde, 0, 2, 0x10, b'a', 0, 0x30, 0x85, 0x41, 9, 8, b'v']);
    let view = parse(&bytes).unwrap();
    assert_eq!(view.extension(Extension::Mid), Some(&b"a"[..]));
    assert_eq!(view.extension(Extension::AudioLevel), Some(&[0x85][..]));
    assert_eq!(view.extension(Extension::TransportSequence), Some(&[9, 8][..]));
    assert_eq!(view.extension(Extension::Rid), None);
    assert_eq!(view.payload(), b"v");
}

#[test]
fn extensions_of_two_bytes_are_found_by_meaning() {
    // RFC 8285 §4.3: a value may be empty; the low four bits of the profile are the application's.
    let bytes = packet(0x90, &[0x10, 0x05, 0, 2, 1, 0, 3, 1, 0x85, 0, 7, 0]);
    let view = parse(&bytes).unwrap();
    assert_eq!(view.extension(Extension::Mid), Some(&[][..]));
    assert_eq!(view.extension(Extension::AudioLevel), Some(&[0x85][..]));
    assert_eq!(view.extension(Extension::Other(7)), Some(&[][..]));
    assert_eq!(view.extension(Extension::Other(8)), None);
}

#[test]
fn number_fifteen_ends_the_list() {
    let bytes = packet(0x90, &[0xbe, 0xde, 0, 1, 0xf0, 1, 0x10, b'a']);
    assert_eq!(parse(&bytes).unwrap().extension(Extension::Mid), None);
    assert!(!ExtensionMap::new().insert(15, Extension::Mid));
    assert!(!ExtensionMap::new().insert(0, Extension::Mid));
}

#[test]
fn an_element_that_is_cut_off_costs_itself_alone() {
    let bytes = packet(0x90, &[0xbe, 0xde, 0, 1, 0x10, b'a', 0x4f, 1, b'v']);
    let view = parse(&bytes).unwrap();
    assert_eq!(view.extension(Extension::Mid), Some(&b"a"[..]));
    assert_eq!(view.extension(Extension::TransportSequence), None);
    assert_eq!(view.payload(), b"v");
}

#[test]
fn extensions_of_another_profile_are_stepped_over() {
    let bytes = packet(0x90, &[0x12, 0x34, 0, 1, 0x10, b'a', 0, 0, b'v']);
    let view = parse(&bytes).unwrap();
    assert_eq!(view.extension(Extension::Mid), None);
    assert_eq!(view.payload(), b"v");
}

#[test]
fn what_is_no_packet_is_told_apart() {
    assert_eq!(parse(&[0x80; 11]), Err(ParseError::Short(11)));
    assert_eq!(parse(&packet(0x40, b"")), Err(ParseError::Version(1)));
    let needed = |needed, len| Err(ParseError::Header { needed, len });
    assert_eq!(parse(&packet(0x82, &[0; 7])), needed(20, 19));
    assert_eq!(parse(&packet(0x90, &[0xbe, 0xde, 0])), needed(16, 15));
    assert_eq!(parse(&packet(0x90, &[0xbe, 0xde, 0, 2, 0, 0, 0, 0])), needed(24, 20));
    let padding = |padding, payload| Err(ParseError::Padding { padding, payload });
    assert_eq!(parse(&packet(0xa0, &[1, 0])), padding(0, 2));
    assert_eq!(parse(&packet(0xa0, &[1, 3])), padding(3, 2));
    assert_eq!(parse(&packet(0xa0, &[])), padding(0, 0));
    assert_eq!(parse(&[0x80; 65_536]), Err(ParseError::Long(65_536)));
}

#[test]
fn rtp_and_rtcp_are_told_apart_by_the_second_byte() {
    // RFC 5761 §4
    for second in 0..=255 {
        let kind = match second {
            192..=223 => PacketKind::Rtcp,
            _ => PacketKind::Rtp,
        };
        assert_eq!(PacketKind::of(&[0x80, second]), Some(kind), "{second}");
    }
    assert_eq!(PacketKind::of(&[0x80]), None);
}

#[test]
fn protocols_are_told_apart_by_the_first_byte() {
    // RFC 7983 §7, RFC 9443 §3
    for first in 0..=255 {
        let kind = match first {
            0..=3 => Some(PacketKind::Stun),
            16..=19 => Some(PacketKind::Zrtp),
            20..=63 => Some(PacketKind::Dtls),
            64..=79 => Some(PacketKind::TurnChannel),
            128..=191 => Some(PacketKind::Rtp),
            _ => None,
        };
        assert_eq!(PacketKind::of(&[first, 0]), kind, "{first}");
    }
    assert_eq!(PacketKind::of(&[]), None);
}

quickcheck! {
    /// For every byte string: a view or an error, nothing panics, and the parts lie inside.
    fn every_byte_string_is_a_packet_or_an_error(bytes: Vec<u8>) -> bool {
        let mut bytes = bytes;
        // Most random strings have another version.
        if let Some(first) = bytes.first_mut() {
            *first = *first & 0x3f | 0x80;
        }
        let Ok(view) = parse(&bytes) else { return true };
        let lies_inside = |part: &[u8]| part.len() <= bytes.len();
        let extensions = [Extension::Mid, Extension::AudioLevel, Extension::Other(7), Extension::Rid];
        lies_inside(view.payload())
            && extensions.into_iter().filter_map(|of| view.extension(of)).all(lies_inside)
            && view.payload().len() + view.padding() + 12 <= bytes.len()
            && view.contributing_sources().count() < 16
    }

    /// For every list of elements in either form: what was written is what is read.
    fn every_list_of_extensions_is_read_back(two_bytes: bool, mid: Vec<u8>, level: Vec<u8>, number: Vec<u8>, payload: Vec<u8>) -> bool {
        let values = [mid, level, number];
        let mut block = Vec::new();
        for (id, value) in [1, 3, 4].into_iter().zip(&values) {
            let value = &value[..value.len().min(16)];
            match two_bytes {
                true => block.extend([id, value.len() as u8]),
                false if value.is_empty() => continue,
                false => block.push(id << 4 | (value.len() as u8 - 1)),
            }
            block.extend(value);
        }
        block.resize(block.len().next_multiple_of(4), 0);
        let profile: [u8; 2] = if two_bytes { [0x10, 0] } else { [0xbe, 0xde] };
        let words = (block.len() / 4) as u16;
        let rest = [&profile[..], &words.to_be_bytes(), &block, &payload].concat();
        let bytes = packet(0x90, &rest);
        let view = parse(&bytes).unwrap();
        let meanings = [Extension::Mid, Extension::AudioLevel, Extension::TransportSequence];
        view.payload() == payload
            && meanings.into_iter().zip(&values).all(|(of, value)| {
                let written = Some(&value[..value.len().min(16)]).filter(|value| two_bytes || !value.is_empty());
                view.extension(of) == written
            })
    }
}

/// Parsers never allocate.
#[test]
fn reading_allocates_nothing() {
    let bytes = packet(0x90, &[0xbe, 0xde, 0, 2, 0x10, b'a', 0, 0x30, 0x85, 0x41, 9, 8, b'v']);
    let map = map();
    let counted = allocation_counter::measure(|| {
        let view = RtpPacket::parse(&bytes, &map, Origin::default()).unwrap();
        assert!(view.extension(Extension::Mid).is_some());
        assert_eq!(view.payload(), b"v");
    });
    assert_eq!(counted.count_total, 0);
}
