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
    // Probes of bandwidth look like this: they count, and are not delivered.
    let bytes = packet(0xa0, &[0, 0, 0, 4]);
    let view = parse(&bytes).unwrap();
    assert_eq!((view.payload(), view.padding()), (&b""[..], 4));
}

#[test]
fn padding_is_no_payload_and_stays_in_the_bytes() {
    // Whoever forwards the bytes as they are forwards it as well.
    let bytes = packet(0xa0, &[b'v', 0, 2]);
    let view = parse(&bytes).unwrap();
    assert_eq!((view.payload(), view.padding()), (&b"v"[..], 2));
    assert_eq!(view.as_bytes(), bytes);
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
fn number_fifteen_ends_the_list_and_moves_no_payload() {
    // RFC 8285 §4.2. Peers have decrypted from the wrong place on, or lost what stood before it.
    let bytes = packet(0x90, &[0xbe, 0xde, 0, 2, 0x10, b'a', 0xf3, 0x30, 0x85, 0, 0, 0, b'v']);
    let view = parse(&bytes).unwrap();
    assert_eq!(view.extension(Extension::Mid), Some(&b"a"[..]));
    assert_eq!(view.extension(Extension::AudioLevel), None);
    assert_eq!(view.payload(), b"v");
    assert!(!ExtensionMap::new().insert(15, Extension::Mid));
    assert!(!ExtensionMap::new().insert(0, Extension::Mid));
}

#[test]
fn number_zero_with_a_length_ends_the_list() {
    // RFC 8285 §4.2. A peer took what follows for elements.
    let bytes = packet(
        0x90,
        &[0xbe, 0xde, 0, 2, 0x10, b'a', 0x02, 0x30, 0x85, 0x30, 0x86, 0, b'v'],
    );
    let view = parse(&bytes).unwrap();
    assert_eq!(view.extension(Extension::Mid), Some(&b"a"[..]));
    assert_eq!(view.extension(Extension::AudioLevel), None);
    assert_eq!(view.payload(), b"v");
}

#[test]
fn padding_stands_anywhere_between_elements() {
    // RFC 8285 §4.2
    let bytes = packet(
        0x90,
        &[
            0xbe, 0xde, 0, 3, 0, 0x10, b'a', 0, 0, 0x30, 0x85, 0, 0x41, 9, 8, 0, b'v',
        ],
    );
    let elements: Vec<_> = parse(&bytes).unwrap().extension_elements().collect();
    let expected = [(1, &b"a"[..]), (3, &[0x85]), (4, &[9, 8])];
    assert!(elements.iter().map(|element| (element.id, element.value)).eq(expected));
}

#[test]
fn in_the_two_byte_form_padding_has_no_length() {
    // RFC 8285 §4.3: a value of no bytes, then padding, then one more.
    let bytes = packet(0x90, &[0x10, 0x0f, 0, 2, 7, 0, 0, 0, 0, 3, 1, 0x85, b'v']);
    let view = parse(&bytes).unwrap();
    assert_eq!(view.extension(Extension::Other(7)), Some(&[][..]));
    assert_eq!(view.extension(Extension::AudioLevel), Some(&[0x85][..]));
    assert_eq!(view.payload(), b"v");
}

#[test]
fn a_header_extension_may_be_empty() {
    // RFC 3550 §5.3.1
    for profile in [[0xbe, 0xde], [0x10, 0], [0x12, 0x34]] {
        let bytes = packet(0x90, &[&profile[..], &[0, 0, b'v']].concat());
        let view = parse(&bytes).unwrap();
        assert_eq!(view.payload(), b"v");
        assert_eq!(view.extension_elements().count(), 0);
    }
}

#[test]
fn of_two_elements_with_one_number_the_last_counts() {
    let bytes = packet(0x90, &[0xbe, 0xde, 0, 1, 0x30, 0x85, 0x30, 0x86]);
    let view = parse(&bytes).unwrap();
    assert_eq!(view.extension(Extension::AudioLevel), Some(&[0x86][..]));
    assert_eq!(view.extension_elements().count(), 2);
}

#[test]
fn both_forms_are_read_within_one_stream() {
    // RFC 8285 §4.1.2: whether they may be written is agreed on; they are read in any case.
    let short = packet(0x90, &[0xbe, 0xde, 0, 1, 0x30, 0x85, 0, 0]);
    let long = packet(0x90, &[0x10, 0, 0, 1, 3, 1, 0x85, 0]);
    for bytes in [&short, &long, &short] {
        assert_eq!(
            parse(bytes).unwrap().extension(Extension::AudioLevel),
            Some(&[0x85][..])
        );
    }
}

#[test]
fn fifteen_sources_need_the_room_of_fifteen() {
    // RFC 3550 §5.1
    let all = packet(0x8f, &[1; 60]);
    assert!(parse(&all).unwrap().contributing_sources().eq([0x0101_0101; 15]));
    let needed = ParseError::Header { needed: 72, len: 71 };
    assert_eq!(parse(&all[..71]), Err(needed));
    assert_eq!(
        parse(&packet(0x8f, &[1; 56])),
        Err(ParseError::Header { needed: 72, len: 68 })
    );
}

#[test]
fn padding_of_nothing_is_refused() {
    // RFC 3550 §5.1: behind decryption there may be nothing left, or a count of 0; a peer took more than there was.
    let error = |padding, payload| Err(ParseError::Padding { padding, payload });
    assert_eq!(parse(&packet(0xa0, &[])), error(0, 0));
    assert_eq!(parse(&packet(0xa0, &[1, 2, 0])), error(0, 3));
    assert_eq!(parse(&packet(0xa0, &[1, 2, 4])), error(4, 3));
    assert_eq!(parse(&packet(0xa0, &[255])), error(255, 1));
    // Nothing but the header's own last byte could be the count.
    let bytes = packet(0xb0, &[0xbe, 0xde, 0, 1, 0, 0, 0, 4]);
    assert_eq!(parse(&bytes), error(0, 0));
}

#[test]
fn numbers_and_meanings_are_found_from_each_other() {
    let mut map = map();
    assert_eq!(map.id_of(Extension::Mid), Some(1));
    assert_eq!(map.id_of(Extension::Other(7)), Some(7));
    assert_eq!(map.id_of(Extension::Other(8)), None);
    assert_eq!(map.id_of(Extension::Rid), None);

    // A second number for a meaning, and another meaning for a number.
    assert!(map.insert(9, Extension::Mid));
    assert_eq!(map.id_of(Extension::Mid), Some(9));
    assert!(map.insert(1, Extension::Rid));
    assert_eq!(
        (map.id_of(Extension::Mid), map.id_of(Extension::Rid)),
        (Some(9), Some(1))
    );
    map.remove(9);
    assert_eq!((map.id_of(Extension::Mid), map.get(9)), (None, None));
    let left = [
        (1, Extension::Rid),
        (3, Extension::AudioLevel),
        (4, Extension::TransportSequence),
        (7, Extension::Other(7)),
    ];
    assert!(map.iter().eq(left));
}

#[test]
fn uris_and_meanings_are_found_from_each_other() {
    let level = Extension::AudioLevel;
    assert_eq!(
        Extension::from_uri("urn:ietf:params:rtp-hdrext:ssrc-audio-level"),
        Some(level)
    );
    for (_, extension) in map().iter().filter(|(_, extension)| extension.uri().is_some()) {
        assert_eq!(extension.uri().and_then(Extension::from_uri), Some(extension));
    }
    let second = "http://www.webrtc.org/experiments/rtp-hdrext/transport-wide-cc-02";
    assert_eq!(Extension::from_uri(second), Some(Extension::TransportSequence));
    assert_eq!(Extension::from_uri("urn:example"), None);
}

#[test]
fn an_element_that_is_cut_off_costs_itself_alone() {
    // Peers have decrypted from the wrong place on: the payload begins where the length word says.
    let bytes = packet(0x90, &[0xbe, 0xde, 0, 1, 0x10, b'a', 0x4f, 1, b'v']);
    let view = parse(&bytes).unwrap();
    assert_eq!(view.extension(Extension::Mid), Some(&b"a"[..]));
    assert_eq!(view.extension(Extension::TransportSequence), None);
    assert_eq!(view.payload(), b"v");
}

#[test]
fn extensions_of_another_profile_are_stepped_over() {
    // RFC 3550 §5.3.1: what they mean is not known here; a peer drops such packets.
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
