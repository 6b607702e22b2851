//! Packets that are written, and packets that are changed where they lie.

use pollrtc_rtp::{
    AbsSendTime, AudioLevel, BuildError, Extension, ExtensionElement, ExtensionForms, ExtensionMap, Origin, ParseError,
    RtpPacket, RtpPacketBuilder, RtpPacketMut,
};
use quickcheck::{Arbitrary, Gen, quickcheck};

/// Each number means itself.
fn map() -> ExtensionMap {
    let mut map = ExtensionMap::new();
    for id in (1..=255).filter(|id| *id != 15) {
        assert!(map.insert(id, Extension::Other(id)));
    }
    map
}

fn written(builder: &RtpPacketBuilder<'_>) -> Vec<u8> {
    let len = builder.encoded_len();
    let mut bytes = vec![0xaa; len];
    assert_eq!(builder.write_to(&mut bytes), Ok(len));
    let mut short = vec![0xaa; len - 1];
    assert_eq!(
        builder.write_to(&mut short),
        Err(BuildError::BufferTooSmall { needed: len })
    );
    assert!(short.iter().all(|byte| *byte == 0xaa), "nothing was written");
    let mut header = vec![0xaa; len];
    assert_eq!(builder.write_header(&mut header), Ok(builder.header_len()));
    assert!(bytes.starts_with(&header[..builder.header_len()]));
    bytes
}

fn refused(builder: RtpPacketBuilder<'_>) -> BuildError {
    builder.write_to(&mut [0; 2_048]).expect_err("no packet is like this")
}

#[test]
fn each_field_has_its_place() {
    let bytes = written(&RtpPacketBuilder {
        marker: true,
        payload_type: 96,
        sequence_number: 0x0102,
        timestamp: 0x0304_0506,
        ssrc: 0x0708_090a,
        contributing_sources: &[1, 2],
        payload: b"video",
        padding: 3,
        ..RtpPacketBuilder::default()
    });
    let expected = b"\xa2\xe0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\0\0\0\x01\0\0\0\x02video\0\0\x03";
    assert_eq!(bytes, expected);
}

#[test]
fn elements_are_padded_to_whole_words() {
    // RFC 8285 §4.1, §4.2
    let elements = [
        ExtensionElement { id: 1, value: b"a" },
        ExtensionElement { id: 14, value: b"bcd" },
    ];
    let builder = RtpPacketBuilder {
        extensions: &elements,
        payload: b"v",
        ..RtpPacketBuilder::default()
    };
    assert_eq!(written(&builder)[12..], *b"\xbe\xde\0\x02\x10a\xe2bcd\0\0v");
    assert_eq!(builder.header_len(), 12 + 4 + 8);
}

#[test]
fn the_two_byte_form_is_taken_where_one_byte_is_too_little() {
    // RFC 8285 §4.2, §4.3: a high number, a long value, an empty one.
    let long = [7; 17];
    for element in [
        ExtensionElement { id: 16, value: b"a" },
        ExtensionElement { id: 2, value: &long },
        ExtensionElement { id: 2, value: b"" },
    ] {
        let elements = [ExtensionElement { id: 1, value: b"m" }, element];
        let builder = RtpPacketBuilder {
            extensions: &elements,
            forms: ExtensionForms::Mixed,
            payload: b"v",
            ..RtpPacketBuilder::default()
        };
        let bytes = written(&builder);
        assert_eq!(bytes[12..14], [0x10, 0]);
        assert_eq!(bytes[16..19], [1, 1, b'm']);
        let map = map();
        let packet = RtpPacket::parse(&bytes, &map, Origin::default()).unwrap();
        assert!(packet.extension_elements().eq(elements));
        assert_eq!(packet.payload(), b"v");

        // Where it was not agreed on, a peer would not understand it.
        let id = element.id;
        let len = element.value.len();
        let one_byte = RtpPacketBuilder {
            forms: ExtensionForms::OneByte,
            ..builder
        };
        assert_eq!(refused(one_byte), BuildError::TwoByteForm { id, len });
    }
}

#[test]
fn the_one_byte_form_is_taken_where_it_is_enough() {
    let value = [7; 16];
    let elements = [ExtensionElement { id: 14, value: &value }];
    let bytes = written(&RtpPacketBuilder {
        extensions: &elements,
        forms: ExtensionForms::Mixed,
        ..RtpPacketBuilder::default()
    });
    assert_eq!(bytes[12..17], [0xbe, 0xde, 0, 5, 0xef]);
}

#[test]
fn what_no_packet_can_have_is_refused() {
    let packet = RtpPacketBuilder::default();
    let payload_type = RtpPacketBuilder {
        payload_type: 128,
        ..packet
    };
    assert_eq!(refused(payload_type), BuildError::PayloadType(128));
    let sources = RtpPacketBuilder {
        contributing_sources: &[0; 16],
        ..packet
    };
    assert_eq!(refused(sources), BuildError::ContributingSources(16));
    let extension = |id, value| {
        let elements = [ExtensionElement { id, value }];
        refused(RtpPacketBuilder {
            extensions: &elements,
            forms: ExtensionForms::Mixed,
            ..packet
        })
    };
    assert_eq!(extension(0, b"a"), BuildError::ExtensionId(0));
    assert_eq!(extension(15, b"a"), BuildError::ExtensionId(15));
    assert_eq!(
        extension(1, &[0; 256]),
        BuildError::ExtensionTooLong { id: 1, len: 256 }
    );
    let payload = vec![0; 65_524];
    let long = RtpPacketBuilder {
        payload: &payload,
        ..packet
    };
    assert_eq!(refused(long), BuildError::TooLong(65_536));
}

#[test]
fn a_header_extension_is_changed_where_it_lies() {
    let level = AudioLevel {
        is_voice: true,
        level: 9,
    };
    let elements = [
        ExtensionElement { id: 1, value: &[0, 0] },
        ExtensionElement {
            id: 2,
            value: &level.to_bytes(),
        },
    ];
    let mut bytes = written(&RtpPacketBuilder {
        extensions: &elements,
        payload: b"v",
        ..RtpPacketBuilder::default()
    });
    let mut map = ExtensionMap::new();
    map.insert(1, Extension::AbsSendTime);
    map.insert(2, Extension::AudioLevel);
    let mut packet = RtpPacketMut::parse(&mut bytes, &map).unwrap();
    let quiet = AudioLevel {
        is_voice: false,
        level: 127,
    };
    assert!(packet.set_header_extension(&quiet));
    assert_eq!(packet.view(Origin::default()).header_extension(), Some(quiet));
    // One of another length has no room, and one that is not there no place.
    assert!(!packet.set_header_extension(&AbsSendTime(5)));
    assert_eq!(packet.extension_mut(Extension::AbsSendTime), Some(&mut [0, 0][..]));
    assert_eq!(packet.extension_mut(Extension::Mid), None);
    packet.payload_mut().fill(b'w');
    assert_eq!(packet.into_view(Origin::default()).payload(), b"w");
    let none = RtpPacketMut::parse(&mut bytes[..11], &map).map(|_| ());
    assert_eq!(none, Err(ParseError::Short(11)));
}

/// Any packet.
#[derive(Clone, Debug)]
struct Packet {
    marker: bool,
    payload_type: u8,
    sequence_number: u16,
    timestamp: u32,
    ssrc: u32,
    sources: Vec<u32>,
    /// Each number once.
    extensions: Vec<(u8, Vec<u8>)>,
    payload: Vec<u8>,
    padding: u8,
}

impl Arbitrary for Packet {
    fn arbitrary(g: &mut Gen) -> Self {
        let mut sources = Vec::arbitrary(g);
        sources.truncate(15);
        let mut extensions: Vec<(u8, Vec<u8>)> = Vec::arbitrary(g);
        let is_short = bool::arbitrary(g);
        for (id, value) in &mut extensions {
            if is_short {
                *id = *id % 14 + 1;
                value.resize(value.len() % 16 + 1, 7);
            }
            value.truncate(255);
        }
        extensions.retain(|(id, _)| !matches!(id, 0 | 15));
        extensions.sort();
        extensions.dedup_by_key(|(id, _)| *id);
        Self {
            marker: bool::arbitrary(g),
            payload_type: u8::arbitrary(g) & 127,
            sequence_number: u16::arbitrary(g),
            timestamp: u32::arbitrary(g),
            ssrc: u32::arbitrary(g),
            sources,
            extensions,
            payload: Vec::arbitrary(g),
            padding: u8::arbitrary(g),
        }
    }
}

impl Packet {
    fn elements(&self) -> Vec<ExtensionElement<'_>> {
        let elements = self.extensions.iter();
        elements
            .map(|(id, value)| ExtensionElement { id: *id, value })
            .collect()
    }

    fn builder<'p>(&'p self, extensions: &'p [ExtensionElement<'p>]) -> RtpPacketBuilder<'p> {
        RtpPacketBuilder {
            marker: self.marker,
            payload_type: self.payload_type,
            sequence_number: self.sequence_number,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            contributing_sources: &self.sources,
            extensions,
            forms: ExtensionForms::Mixed,
            payload: &self.payload,
            padding: self.padding,
        }
    }
}

quickcheck! {
    /// For every packet: what was written is what is read.
    fn every_packet_is_read_as_it_was_written(packet: Packet) -> bool {
        let elements = packet.elements();
        let builder = packet.builder(&elements);
        let bytes = written(&builder);
        let view = RtpPacket::parse(&bytes, &map(), Origin::default()).unwrap();
        view.marker() == packet.marker
            && view.payload_type() == packet.payload_type
            && view.sequence_number() == packet.sequence_number
            && view.timestamp() == packet.timestamp
            && view.ssrc() == packet.ssrc
            && view.contributing_sources().eq(packet.sources.iter().copied())
            && view.extension_elements().eq(elements.iter().copied())
            && elements.iter().all(|element| view.extension(Extension::Other(element.id)).is_none_or(|value| value == element.value))
            && elements.last().is_none_or(|element| view.extension(Extension::Other(element.id)) == Some(element.value))
            && view.payload() == packet.payload
            && view.padding() == usize::from(packet.padding)
    }

    /// For every byte string that is a packet: written again from what was read, it is read the same.
    fn every_packet_that_is_read_can_be_written(first: u8, words: u8, bytes: Vec<u8>) -> bool {
        let mut bytes = bytes;
        bytes.splice(..0, [first & 0x3f | 0x80]);
        // Half of them with elements that may be right.
        if bytes.len() > 16 && first & 0x1f == 0x10 {
            bytes[12..16].copy_from_slice(&[0xbe, 0xde, 0, words & 3]);
        }
        let map = map();
        let Ok(view) = RtpPacket::parse(&bytes, &map, Origin::default()) else { return true };
        let sources: Vec<_> = view.contributing_sources().collect();
        let elements: Vec<_> = view.extension_elements().filter(|element| element.id != 15).collect();
        let again = written(&RtpPacketBuilder {
            marker: view.marker(),
            payload_type: view.payload_type(),
            sequence_number: view.sequence_number(),
            timestamp: view.timestamp(),
            ssrc: view.ssrc(),
            contributing_sources: &sources,
            extensions: &elements,
            forms: ExtensionForms::Mixed,
            payload: view.payload(),
            padding: view.padding() as u8,
        });
        let second = RtpPacket::parse(&again, &map, Origin::default()).unwrap();
        second.payload() == view.payload()
            && second.padding() == view.padding()
            && second.extension_elements().eq(elements)
            && again[1..12] == bytes[1..12]
    }

    /// For every packet: a field that is changed where it lies is the only one that changes.
    fn every_edit_changes_nothing_else(packet: Packet, marker: bool, payload_type: u8, numbers: (u16, u32, u32), fill: u8) -> bool {
        let elements = packet.elements();
        let original = packet.builder(&elements);
        let (sequence_number, timestamp, ssrc) = numbers;
        let map = map();
        let edited = |edit: &dyn Fn(&mut RtpPacketMut<'_>)| {
            let mut bytes = written(&original);
            edit(&mut RtpPacketMut::parse(&mut bytes, &map).unwrap());
            bytes
        };
        let is_same = |edit: &dyn Fn(&mut RtpPacketMut<'_>), expected| edited(edit) == written(&expected);
        let payload_type = payload_type & 127;
        let last = elements.last().map(|element| element.id);
        let value = vec![fill; elements.last().map_or(0, |element| element.value.len())];
        let mut filled = elements.clone();
        filled.iter_mut().rev().take(1).for_each(|element| element.value = &value);
        is_same(&|packet| packet.set_marker(marker), RtpPacketBuilder { marker, ..original })
            && is_same(&|packet| packet.set_payload_type(payload_type), RtpPacketBuilder { payload_type, ..original })
            && is_same(&|packet| packet.set_sequence_number(sequence_number), RtpPacketBuilder { sequence_number, ..original })
            && is_same(&|packet| packet.set_timestamp(timestamp), RtpPacketBuilder { timestamp, ..original })
            && is_same(&|packet| packet.set_ssrc(ssrc), RtpPacketBuilder { ssrc, ..original })
            && last.is_none_or(|id| is_same(
                &|packet| packet.extension_mut(Extension::Other(id)).unwrap().fill(fill),
                RtpPacketBuilder { extensions: &filled, ..original },
            ))
    }
}

#[test]
fn writing_and_changing_allocate_nothing() {
    let mut map = ExtensionMap::new();
    map.insert(2, Extension::AudioLevel);
    let mut buf = [0; 64];
    let counted = allocation_counter::measure(|| {
        let level = AudioLevel {
            is_voice: true,
            level: 9,
        };
        let value = level.to_bytes();
        let elements = [ExtensionElement { id: 2, value: &value }];
        let builder = RtpPacketBuilder {
            contributing_sources: &[1, 2],
            extensions: &elements,
            payload: b"sound",
            ..RtpPacketBuilder::default()
        };
        let len = builder.write_to(&mut buf).unwrap();
        let mut packet = RtpPacketMut::parse(&mut buf[..len], &map).unwrap();
        packet.set_ssrc(7);
        assert!(packet.set_header_extension(&level));
        assert_eq!(packet.view(Origin::default()).header_extension(), Some(level));
    });
    assert_eq!(counted.count_total, 0);
}
