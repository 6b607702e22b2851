//! Targets of `pollrtc-rtp`: RTP.

use pollrtc_rtp::{
    AbsCaptureTime, AbsSendTime, AudioLevel, Demultiplexer, DemultiplexerConfig, Extension, ExtensionElement,
    ExtensionForms, ExtensionMap, HeaderExtension, Mid, Origin, PacketKind, PlayoutDelay, Pool, RepairedRid, Rid,
    RtpPacket, RtpPacketBuilder, RtpPacketMut, Section, SectionId, TransportSequence, Unrouted, VideoLayersAllocation,
    VideoOrientation,
};

const MEANINGS: [Extension; 12] = [
    Extension::Mid,
    Extension::AudioLevel,
    Extension::TransportSequence,
    Extension::DependencyDescriptor,
    Extension::Rid,
    Extension::RepairedRid,
    Extension::AbsSendTime,
    Extension::AbsCaptureTime,
    Extension::Other(9),
    Extension::PlayoutDelay,
    Extension::VideoOrientation,
    Extension::VideoLayersAllocation,
];

/// Bytes as a packet, with each number meaning something: the parts lie inside of it, apart from each other, a copy says
/// the same, it can be written again, and what is changed in it is all that changes. And as a script of packets that a
/// demultiplexer is given.
pub fn rtp_packet(data: &[u8]) {
    demultiplexer(data);
    let mut map = ExtensionMap::new();
    for (id, meaning) in (0..=255).zip(MEANINGS.into_iter().cycle()) {
        map.insert(id, meaning);
    }
    let Ok(packet) = RtpPacket::parse(data, &map, Origin::default()) else {
        return;
    };
    assert_eq!(PacketKind::of(data).is_some(), data[0] >> 6 == 2);
    let header = data.len() - packet.payload().len() - packet.padding();
    assert!(header >= 12 + 4 * packet.contributing_sources().count());
    for meaning in MEANINGS {
        let value = packet.extension(meaning).unwrap_or_default();
        assert!(value.len() <= header - 12, "{meaning:?} is longer than the header");
    }
    let shared = Pool::new(1).share(&packet).expect("nobody holds it");
    assert_eq!(shared.view(), packet);

    values(&packet);
    write_again(&packet, &map);
    edit(data, &map);
}

/// Header extensions as types: what is read can be written, in no more bytes, and is read the same.
fn values(packet: &RtpPacket<'_>) {
    fn again<'d, T: HeaderExtension<'d> + PartialEq>(value: &'d [u8], buf: &'d mut [u8; 255]) {
        let Some(read) = T::parse(value) else { return };
        let len = read.write_to(buf).expect("no value is longer");
        assert_eq!(len, read.encoded_len());
        assert!(len <= value.len());
        assert!(T::parse(&buf[..len]) == Some(read));
    }
    for value in packet.extension_elements().map(|element| element.value) {
        again::<Mid<'_>>(value, &mut [0; 255]);
        again::<Rid<'_>>(value, &mut [0; 255]);
        again::<RepairedRid<'_>>(value, &mut [0; 255]);
        again::<AudioLevel>(value, &mut [0; 255]);
        again::<TransportSequence>(value, &mut [0; 255]);
        again::<AbsSendTime>(value, &mut [0; 255]);
        again::<AbsCaptureTime>(value, &mut [0; 255]);
        again::<PlayoutDelay>(value, &mut [0; 255]);
        again::<VideoOrientation>(value, &mut [0; 255]);
        again::<VideoLayersAllocation>(value, &mut [0; 255]);
    }
}

/// A packet that is written from what another says is the same but for the form of its extensions.
fn write_again(packet: &RtpPacket<'_>, map: &ExtensionMap) {
    let sources: Vec<_> = packet.contributing_sources().collect();
    let elements: Vec<ExtensionElement<'_>> = packet.extension_elements().filter(|element| element.id != 15).collect();
    let builder = RtpPacketBuilder {
        marker: packet.marker(),
        payload_type: packet.payload_type(),
        sequence_number: packet.sequence_number(),
        timestamp: packet.timestamp(),
        ssrc: packet.ssrc(),
        contributing_sources: &sources,
        extensions: &elements,
        forms: ExtensionForms::Mixed,
        payload: packet.payload(),
        padding: u8::try_from(packet.padding()).expect("a byte counts it"),
    };
    let mut bytes = vec![0; builder.encoded_len()];
    // Elements without padding between them may be longer in the other form.
    let Ok(len) = builder.write_to(&mut bytes) else {
        assert!(builder.encoded_len() > 65_535);
        return;
    };
    assert_eq!(len, bytes.len());
    let again = RtpPacket::parse(&bytes, map, Origin::default()).expect("it was just written");
    assert_eq!(again.as_bytes()[1..12], packet.as_bytes()[1..12]);
    assert!(again.contributing_sources().eq(sources));
    assert!(again.extension_elements().eq(elements));
    assert_eq!((again.payload(), again.padding()), (packet.payload(), packet.padding()));
}

/// Each field that is changed changes alone: what is changed back is as it was.
fn edit(data: &[u8], map: &ExtensionMap) {
    let mut bytes = data.to_vec();
    let before = RtpPacket::parse(data, map, Origin::default()).expect("it was read before");
    let mut packet = RtpPacketMut::parse(&mut bytes, map).expect("it was read before");
    packet.set_marker(!before.marker());
    packet.set_payload_type(!before.payload_type());
    packet.set_sequence_number(!before.sequence_number());
    packet.set_timestamp(!before.timestamp());
    packet.set_ssrc(!before.ssrc());
    packet.payload_mut().iter_mut().for_each(|byte| *byte = !*byte);
    for meaning in MEANINGS {
        let value = packet.extension_mut(meaning).unwrap_or_default();
        value.iter_mut().for_each(|byte| *byte = !*byte);
    }
    let changed = packet.view(Origin::default());
    assert_eq!(changed.ssrc(), !before.ssrc());
    assert_eq!(changed.payload_type(), !before.payload_type() & 0x7f);
    assert_eq!(
        (changed.payload().len(), changed.padding()),
        (before.payload().len(), before.padding())
    );

    packet.set_marker(before.marker());
    packet.set_payload_type(before.payload_type());
    packet.set_sequence_number(before.sequence_number());
    packet.set_timestamp(before.timestamp());
    packet.set_ssrc(before.ssrc());
    packet.payload_mut().copy_from_slice(before.payload());
    for meaning in MEANINGS {
        let value = packet.extension_mut(meaning).unwrap_or_default();
        value.iter_mut().for_each(|byte| *byte = !*byte);
    }
    assert_eq!(bytes, data);
}

/// Bytes as a script, five for a packet: whatever comes, where a stream belongs is what is remembered of it, a name
/// that was followed is the section's, and no more is remembered than was allowed.
fn demultiplexer(script: &[u8]) {
    const STREAMS: usize = 16;
    let audio = Section {
        id: SectionId(0),
        mid: Some("a"),
        payload_types: &[0, 1, 2],
        ssrcs: &[3],
        ..Section::default()
    };
    let video = Section {
        id: SectionId(1),
        mid: Some("v"),
        payload_types: &[2, 3],
        rids: &["h", "l"],
        ..Section::default()
    };
    let names: [&[u8]; 6] = [b"a", b"v", b"h", b"l", b"x", b"no name"];
    let mut map = ExtensionMap::new();
    map.insert(1, Extension::Mid);
    map.insert(2, Extension::Rid);
    map.insert(3, Extension::RepairedRid);
    let mut demultiplexer = Demultiplexer::new(DemultiplexerConfig {
        streams: STREAMS,
        seed: 7,
    });
    demultiplexer.set_sections(&[audio, video]);
    let mut buf = [0; 64];
    for &[ssrc, s0, s1, payload_type, what] in script.as_chunks::<5>().0.iter().take(1_000) {
        if what == 0xff {
            let sections = [video, audio];
            demultiplexer.set_sections(&sections[..usize::from(s0 % 3)]);
            continue;
        }
        let elements = [1, 2, 3].map(|id| ExtensionElement {
            id,
            value: names[usize::from(s0 ^ id) % names.len()],
        });
        let first = usize::from(what & 3);
        let builder = RtpPacketBuilder {
            payload_type: payload_type % 6,
            sequence_number: u16::from_be_bytes([s0, s1]),
            ssrc: ssrc.into(),
            extensions: &elements[first..(first + usize::from(what >> 2 & 3)).min(3)],
            ..RtpPacketBuilder::default()
        };
        let len = builder.write_to(&mut buf).expect("it has room");
        let packet = RtpPacket::parse(&buf[..len], &map, Origin::default()).expect("it was just written");
        match demultiplexer.route(&packet) {
            Ok(route) => {
                assert_eq!(demultiplexer.stream(packet.ssrc()), Some(route));
                let section = if route.section == audio.id { audio } else { video };
                assert!(section.payload_types.contains(&packet.payload_type()));
                assert!(
                    route
                        .layer
                        .is_none_or(|layer| usize::from(layer.index) < section.rids.len())
                );
            }
            Err(Unrouted::UnknownMid) => assert!(packet.header_extension::<Mid<'_>>().is_some()),
            Err(_) => {}
        }
        assert!(demultiplexer.streams() <= STREAMS);
    }
}
