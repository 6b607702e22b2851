//! To which section a packet belongs, and to which layer.

use std::collections::HashMap;

use pollrtc_rtp::rtcp::{
    Compound, CompoundBuilder, GoodbyeBuilder, PictureLossIndication, ReceiverReportBuilder, RembBuilder, ReportBlock,
    SdesChunkBuilder, SdesItem, SdesType, SourceDescriptionBuilder,
};
use pollrtc_rtp::{
    Demultiplexer, DemultiplexerConfig, Extension, ExtensionElement, ExtensionForms, ExtensionMap, Layer, Origin,
    Route, RtpPacket, RtpPacketBuilder, Section, SectionId, Unrouted,
};
use quickcheck::quickcheck;

const AUDIO: SectionId = SectionId(10);
const VIDEO: SectionId = SectionId(20);
const SCREEN: SectionId = SectionId(30);

const MID: u8 = 1;
const RID: u8 = 2;
const REPAIRED_RID: u8 = 3;

/// Audio with a signalled source; video in three layers; a screen that has the video's payload types and one layer with
/// the same name.
fn sections() -> [Section<'static>; 3] {
    [
        Section {
            id: AUDIO,
            mid: Some("a"),
            payload_types: &[111, 0],
            ssrcs: &[1_000],
            outgoing_ssrcs: &[9_000],
            ..Section::default()
        },
        Section {
            id: VIDEO,
            mid: Some("v"),
            payload_types: &[96, 97, 100],
            rids: &["lo", "hi", "full"],
            outgoing_ssrcs: &[9_001, 9_002],
            ..Section::default()
        },
        Section {
            id: SCREEN,
            mid: Some("s"),
            payload_types: &[96, 97],
            rids: &["full", "text"],
            ..Section::default()
        },
    ]
}

fn demultiplexer(streams: usize) -> Demultiplexer {
    let mut demultiplexer = Demultiplexer::new(DemultiplexerConfig { streams, seed: 1 });
    demultiplexer.set_sections(&sections());
    demultiplexer
}

/// A packet of a stream, with names.
fn packet(ssrc: u32, sequence_number: u16, payload_type: u8, names: &[(u8, &[u8])]) -> Vec<u8> {
    let elements: Vec<_> = names
        .iter()
        .map(|(id, value)| ExtensionElement { id: *id, value })
        .collect();
    let builder = RtpPacketBuilder {
        payload_type,
        sequence_number,
        ssrc,
        extensions: &elements,
        forms: ExtensionForms::Mixed,
        ..RtpPacketBuilder::default()
    };
    let mut bytes = vec![0; builder.encoded_len()];
    builder.write_to(&mut bytes).unwrap();
    bytes
}

fn map() -> ExtensionMap {
    let mut map = ExtensionMap::new();
    map.insert(MID, Extension::Mid);
    map.insert(RID, Extension::Rid);
    map.insert(REPAIRED_RID, Extension::RepairedRid);
    map
}

fn route_bytes(demultiplexer: &mut Demultiplexer, bytes: &[u8]) -> Result<Route, Unrouted> {
    demultiplexer.route(&RtpPacket::parse(bytes, &map(), Origin::default()).unwrap())
}

fn route(
    to: &mut Demultiplexer,
    ssrc: u32,
    number: u16,
    payload_type: u8,
    names: &[(u8, &[u8])],
) -> Result<Route, Unrouted> {
    route_bytes(to, &packet(ssrc, number, payload_type, names))
}

const fn plain(section: SectionId) -> Result<Route, Unrouted> {
    Ok(Route { section, layer: None })
}

const fn layer(section: SectionId, index: u8, is_repair: bool) -> Result<Route, Unrouted> {
    let layer = Some(Layer { index, is_repair });
    Ok(Route { section, layer })
}

#[test]
fn names_come_first_then_sources_then_payload_types() {
    // RFC 9143 §9.2
    let mut demultiplexer = demultiplexer(64);
    // The name, though the payload type is one of the video's too.
    assert_eq!(route(&mut demultiplexer, 1, 1, 96, &[(MID, b"s")]), plain(SCREEN));
    // What the stream was named, though the packet has no name.
    assert_eq!(route(&mut demultiplexer, 1, 2, 96, &[]), plain(SCREEN));
    // The payload type, since one section alone has it.
    assert_eq!(route(&mut demultiplexer, 2, 1, 100, &[]), plain(VIDEO));
    // It keeps the stream there when the payload type changes to one that several have.
    assert_eq!(route(&mut demultiplexer, 2, 2, 96, &[]), plain(VIDEO));
    // Nothing tells.
    assert_eq!(route(&mut demultiplexer, 3, 1, 96, &[]), Err(Unrouted::Unknown));
    assert_eq!(route(&mut demultiplexer, 3, 2, 55, &[]), Err(Unrouted::Unknown));
    assert_eq!(demultiplexer.stream(3), None);
}

#[test]
fn a_payload_type_of_another_section_is_dropped() {
    // RFC 9143 §9.2
    let mut demultiplexer = demultiplexer(64);
    assert_eq!(
        route(&mut demultiplexer, 1, 1, 111, &[(MID, b"v")]),
        Err(Unrouted::PayloadType)
    );
    assert_eq!(route(&mut demultiplexer, 2, 1, 111, &[]), plain(AUDIO));
    assert_eq!(route(&mut demultiplexer, 2, 2, 100, &[]), Err(Unrouted::PayloadType));
    assert_eq!(route(&mut demultiplexer, 2, 3, 0, &[]), plain(AUDIO));
}

#[test]
fn a_name_that_no_section_has_is_dropped() {
    let mut demultiplexer = demultiplexer(64);
    assert_eq!(
        route(&mut demultiplexer, 1, 1, 111, &[(MID, b"x")]),
        Err(Unrouted::UnknownMid)
    );
    assert_eq!(demultiplexer.streams(), 0);
    // Also of a stream that was known.
    assert_eq!(
        route(&mut demultiplexer, 1_000, 1, 111, &[(MID, b"x")]),
        Err(Unrouted::UnknownMid)
    );
    assert_eq!(route(&mut demultiplexer, 1_000, 2, 111, &[]), plain(AUDIO));
    assert_eq!(
        route(&mut demultiplexer, 1_000, 3, 111, &[(MID, b"x")]),
        Err(Unrouted::UnknownMid)
    );
}

#[test]
fn the_latest_name_counts_in_the_order_of_sequence_numbers() {
    let mut demultiplexer = demultiplexer(64);
    assert_eq!(route(&mut demultiplexer, 1, 65_530, 96, &[(MID, b"v")]), plain(VIDEO));
    assert_eq!(route(&mut demultiplexer, 1, 3, 96, &[(MID, b"s")]), plain(SCREEN));
    // A packet from before the change comes late: it does not change it back.
    assert_eq!(route(&mut demultiplexer, 1, 65_535, 96, &[(MID, b"v")]), plain(SCREEN));
    assert_eq!(route(&mut demultiplexer, 1, 4, 96, &[(MID, b"v")]), plain(VIDEO));
    // Also after more than half of all numbers without a name.
    for number in (5..50_000).step_by(1_000) {
        assert_eq!(route(&mut demultiplexer, 1, number, 96, &[]), plain(VIDEO));
    }
    assert_eq!(route(&mut demultiplexer, 1, 50_000, 96, &[(MID, b"s")]), plain(SCREEN));
}

#[test]
fn a_signalled_source_belongs_where_it_was_signalled() {
    // RFC 5576
    let mut demultiplexer = demultiplexer(64);
    assert_eq!(demultiplexer.stream(1_000).map(|route| route.section), Some(AUDIO));
    assert_eq!(route(&mut demultiplexer, 1_000, 1, 0, &[]), plain(AUDIO));
    // Though one section alone has this payload type.
    assert_eq!(
        route(&mut demultiplexer, 1_000, 2, 100, &[]),
        Err(Unrouted::PayloadType)
    );
    // A name says otherwise.
    assert_eq!(route(&mut demultiplexer, 1_000, 3, 100, &[(MID, b"v")]), plain(VIDEO));
}

#[test]
fn layers_are_named_and_so_is_what_repairs_them() {
    // RFC 8852 §3
    let mut demultiplexer = demultiplexer(64);
    let low: &[(u8, &[u8])] = &[(MID, b"v"), (RID, b"lo")];
    assert_eq!(route(&mut demultiplexer, 1, 1, 96, low), layer(VIDEO, 0, false));
    let high: &[(u8, &[u8])] = &[(MID, b"v"), (RID, b"hi")];
    assert_eq!(route(&mut demultiplexer, 2, 1, 96, high), layer(VIDEO, 1, false));
    let repair: &[(u8, &[u8])] = &[(MID, b"v"), (REPAIRED_RID, b"lo")];
    assert_eq!(route(&mut demultiplexer, 3, 1, 97, repair), layer(VIDEO, 0, true));
    // One with a RID of its own.
    let both: &[(u8, &[u8])] = &[(MID, b"v"), (RID, b"full"), (REPAIRED_RID, b"hi")];
    assert_eq!(route(&mut demultiplexer, 4, 1, 97, both), layer(VIDEO, 1, true));
    // The same name in another section is another layer.
    let full: &[(u8, &[u8])] = &[(MID, b"s"), (RID, b"full")];
    assert_eq!(route(&mut demultiplexer, 5, 1, 96, full), layer(SCREEN, 0, false));
    // One that the section does not have: the section is known all the same.
    let none: &[(u8, &[u8])] = &[(MID, b"s"), (RID, b"lo")];
    assert_eq!(route(&mut demultiplexer, 6, 1, 96, none), plain(SCREEN));
}

#[test]
fn a_layer_without_a_section_is_found_where_one_alone_has_it() {
    // RFC 8853 §5
    let mut demultiplexer = demultiplexer(64);
    assert_eq!(
        route(&mut demultiplexer, 1, 1, 96, &[(RID, b"text")]),
        layer(SCREEN, 1, false)
    );
    assert_eq!(
        route(&mut demultiplexer, 2, 1, 97, &[(REPAIRED_RID, b"lo")]),
        layer(VIDEO, 0, true)
    );
    assert_eq!(
        route(&mut demultiplexer, 3, 1, 96, &[(RID, b"full")]),
        Err(Unrouted::Unknown)
    );
}

#[test]
fn names_are_remembered_when_senders_leave_them_out() {
    // Senders stop with the first report that shows them received.
    let mut demultiplexer = demultiplexer(64);
    let names: &[(u8, &[u8])] = &[(MID, b"v"), (RID, b"hi")];
    assert_eq!(route(&mut demultiplexer, 1, 1, 96, names), layer(VIDEO, 1, false));
    for number in 2..200 {
        assert_eq!(route(&mut demultiplexer, 1, number, 96, &[]), layer(VIDEO, 1, false));
    }
    // A section's name alone says nothing of the layer, another section's ends it.
    assert_eq!(
        route(&mut demultiplexer, 1, 200, 96, &[(MID, b"v")]),
        layer(VIDEO, 1, false)
    );
    assert_eq!(route(&mut demultiplexer, 1, 201, 96, &[(MID, b"s")]), plain(SCREEN));
}

#[test]
fn names_that_are_none_are_as_if_they_were_not_there() {
    // RFC 8852 §3
    let mut demultiplexer = demultiplexer(64);
    let long = [b'v'; 200];
    for (place, name) in [&b"a b"[..], b"\xff", b"v\0", b"", &long].into_iter().enumerate() {
        let ssrc = place as u32;
        assert_eq!(
            route(&mut demultiplexer, ssrc, 1, 100, &[(MID, name), (RID, name)]),
            plain(VIDEO),
            "{name:?}"
        );
        assert_eq!(
            route(&mut demultiplexer, ssrc, 2, 96, &[(MID, name)]),
            plain(VIDEO),
            "{name:?}"
        );
    }
}

#[test]
fn a_payload_type_that_two_sections_have_tells_nothing() {
    let mut demultiplexer = demultiplexer(64);
    assert_eq!(route(&mut demultiplexer, 1, 1, 97, &[]), Err(Unrouted::Unknown));
    // Once the screen is gone, one section alone has it.
    demultiplexer.set_sections(&sections()[..2]);
    assert_eq!(route(&mut demultiplexer, 1, 2, 97, &[]), plain(VIDEO));
}

#[test]
fn streams_keep_their_section_over_new_descriptions() {
    let mut demultiplexer = demultiplexer(64);
    let names: &[(u8, &[u8])] = &[(MID, b"s"), (RID, b"text")];
    assert_eq!(route(&mut demultiplexer, 1, 1, 96, names), layer(SCREEN, 1, false));
    assert_eq!(route(&mut demultiplexer, 2, 1, 100, &[]), plain(VIDEO));
    assert_eq!(route(&mut demultiplexer, 3, 1, 111, &[]), plain(AUDIO));

    // In another order, and with the source of audio signalled for the screen.
    let [audio, video, screen] = sections();
    let signalled = Section { ssrcs: &[3], ..screen };
    demultiplexer.set_sections(&[signalled, video, audio]);
    assert_eq!(route(&mut demultiplexer, 1, 2, 96, &[]), layer(SCREEN, 1, false));
    assert_eq!(route(&mut demultiplexer, 2, 2, 96, &[]), plain(VIDEO));
    assert_eq!(route(&mut demultiplexer, 3, 2, 96, &[]), plain(SCREEN));

    // Without the video its stream is nobody's.
    demultiplexer.set_sections(&[signalled, audio]);
    assert_eq!(demultiplexer.stream(2), None);
    assert_eq!(route(&mut demultiplexer, 2, 3, 100, &[]), Err(Unrouted::Unknown));
    assert_eq!(route(&mut demultiplexer, 1, 3, 96, &[]), layer(SCREEN, 1, false));
}

#[test]
fn a_layer_that_pauses_is_known_when_it_goes_on() {
    let mut demultiplexer = demultiplexer(64);
    let names: &[(u8, &[u8])] = &[(MID, b"v"), (RID, b"hi")];
    assert_eq!(route(&mut demultiplexer, 1, 65_000, 96, names), layer(VIDEO, 1, false));
    // Others go on meanwhile, and a few streams begin.
    for number in 0..1_000 {
        for ssrc in 2..9 {
            assert_eq!(route(&mut demultiplexer, ssrc, number, 100, &[]), plain(VIDEO));
        }
    }
    assert_eq!(route(&mut demultiplexer, 1, 65_001, 96, &[]), layer(VIDEO, 1, false));
    assert_eq!(route(&mut demultiplexer, 1, 5, 96, &[]), layer(VIDEO, 1, false));
}

#[test]
fn streams_beyond_the_limit_displace_those_of_longest_ago() {
    let mut demultiplexer = demultiplexer(100);
    for ssrc in 2_000..102_000 {
        assert_eq!(route(&mut demultiplexer, ssrc, 1, 100, &[]), plain(VIDEO));
        // A stream that goes on is never displaced.
        assert_eq!(
            route(&mut demultiplexer, u32::MAX, ssrc as u16, 96, &[(MID, b"s")]),
            plain(SCREEN)
        );
        assert!(demultiplexer.streams() <= 64);
    }
    assert_eq!(demultiplexer.streams(), 64);
    assert_eq!(demultiplexer.evicted(), 100_001 - 64);
    assert_eq!(route(&mut demultiplexer, u32::MAX, 9, 96, &[]), plain(SCREEN));
    assert_eq!(demultiplexer.stream(101_999).map(|route| route.section), Some(VIDEO));
    assert_eq!(demultiplexer.stream(2_000), None);
    // What was signalled is found for ever.
    assert_eq!(route(&mut demultiplexer, 1_000, 9, 0, &[]), plain(AUDIO));
}

#[test]
fn a_flood_of_sources_allocates_nothing_once_the_table_is_full() {
    let mut demultiplexer = demultiplexer(64);
    let map = map();
    let mut bytes = packet(0, 1, 100, &[(MID, b"v"), (RID, b"hi")]);
    let mut flood = |count: u32| {
        for ssrc in 0..count {
            let mut packet = pollrtc_rtp::RtpPacketMut::parse(&mut bytes, &map).unwrap();
            packet.set_ssrc(ssrc.wrapping_mul(0x9e37_79b9));
            assert!(demultiplexer.route(&packet.view(Origin::default())).is_ok());
        }
    };
    flood(1_000);
    assert_eq!(allocation_counter::measure(|| flood(10_000)).count_total, 0);
}

/// What an RTCP packet concerns, in any order.
fn concerned(demultiplexer: &mut Demultiplexer, bytes: &[u8]) -> Vec<SectionId> {
    let mut sections = Vec::new();
    for packet in Compound::parse(bytes).unwrap().packets() {
        demultiplexer.route_rtcp(&packet.unwrap(), |section| sections.push(section));
    }
    sections.sort();
    sections
}

#[test]
fn rtcp_goes_to_every_section_that_it_concerns() {
    // RFC 9143 §9.2
    let mut demultiplexer = demultiplexer(64);
    assert_eq!(route(&mut demultiplexer, 7, 1, 100, &[]), plain(VIDEO));
    let block = |ssrc| ReportBlock {
        ssrc,
        ..ReportBlock::default()
    };
    let mut buf = [0; 512];
    let reports = [block(9_001), block(9_000), block(9_002), block(5)];
    let len = CompoundBuilder::reduced_size(&mut buf)
        .push(&ReceiverReportBuilder {
            ssrc: 7,
            reports: &reports,
        })
        .finish()
        .unwrap();
    // Each once, and those that nobody knows nowhere.
    assert_eq!(concerned(&mut demultiplexer, &buf[..len]), [AUDIO, VIDEO]);

    let mut one = |packet: &dyn Fn(CompoundBuilder<'_>) -> Option<usize>| {
        let len = packet(CompoundBuilder::reduced_size(&mut buf)).unwrap();
        concerned(&mut demultiplexer, &buf[..len])
    };
    let loss = PictureLossIndication {
        sender_ssrc: 7,
        media_ssrc: 9_000,
    };
    assert_eq!(one(&|compound| compound.push(&loss).finish().ok()), [AUDIO, VIDEO]);
    let remb = RembBuilder {
        sender_ssrc: 1,
        bitrate: 1,
        ssrcs: &[9_002],
    };
    assert_eq!(one(&|compound| compound.push(&remb).finish().ok()), [VIDEO]);
    let signalled = GoodbyeBuilder {
        sources: &[1_000, 1_001],
        reason: "",
    };
    assert_eq!(one(&|compound| compound.push(&signalled).finish().ok()), [AUDIO]);
    let unknown = GoodbyeBuilder {
        sources: &[5],
        reason: "",
    };
    assert_eq!(one(&|compound| compound.push(&unknown).finish().ok()), []);
}

#[test]
fn descriptions_of_sources_name_their_section_and_layer() {
    // RFC 9143 §15.2, RFC 8852 §4
    let mut demultiplexer = demultiplexer(64);
    assert_eq!(route(&mut demultiplexer, 3, 1, 96, &[(MID, b"s")]), plain(SCREEN));
    let item = |kind, value| SdesItem { kind, value };
    let layer_items = [item(SdesType::MID, &b"v"[..]), item(SdesType::RTP_STREAM_ID, b"hi")];
    let repair_items = [
        item(SdesType::MID, &b"v"[..]),
        item(SdesType::REPAIRED_RTP_STREAM_ID, b"hi"),
    ];
    let foreign_items = [item(SdesType::MID, &b"x"[..])];
    let chunk = |ssrc, items| SdesChunkBuilder { ssrc, items };
    let chunks = [
        chunk(1, &layer_items[..]),
        chunk(2, &repair_items),
        chunk(3, &layer_items),
        chunk(4, &foreign_items),
    ];
    let mut buf = [0; 256];
    let description = SourceDescriptionBuilder { chunks: &chunks };
    let len = CompoundBuilder::reduced_size(&mut buf)
        .push(&description)
        .finish()
        .unwrap();
    assert_eq!(concerned(&mut demultiplexer, &buf[..len]), [VIDEO, SCREEN]);
    assert_eq!(route(&mut demultiplexer, 1, 40_000, 96, &[]), layer(VIDEO, 1, false));
    assert_eq!(route(&mut demultiplexer, 2, 1, 97, &[]), layer(VIDEO, 1, true));
    // What a packet said counts more, since packets have an order.
    assert_eq!(route(&mut demultiplexer, 3, 2, 96, &[]), plain(SCREEN));
    assert_eq!(demultiplexer.stream(4), None);
}

quickcheck! {
    /// For every sequence of packets that fit into the table: as a table without limits would have it.
    fn every_stream_belongs_where_its_names_say(seed: u64, packets: Vec<(u8, u8, u8)>) -> bool {
        let mut demultiplexer = Demultiplexer::new(DemultiplexerConfig { streams: 4_096, seed });
        demultiplexer.set_sections(&sections());
        let names = [("v", VIDEO), ("s", SCREEN)];
        let mut model: HashMap<u32, SectionId> = HashMap::new();
        (0..).zip(packets).all(|(number, (ssrc, name, kind))| {
            let ssrc = u32::from(ssrc) * 0x0100_0000;
            let (name, section) = names[usize::from(name % 2)];
            let (names, payload_type) = match kind % 3 {
                0 => (vec![(MID, name.as_bytes())], 96),
                1 => (vec![], 96),
                _ => (vec![], 100),
            };
            let known = model.get(&ssrc).copied();
            let expected = match kind % 3 {
                0 => Ok(section),
                1 => known.ok_or(Unrouted::Unknown),
                _ => match known.unwrap_or(VIDEO) {
                    VIDEO => Ok(VIDEO),
                    _ => Err(Unrouted::PayloadType),
                },
            };
            if let Ok(section) = expected {
                model.insert(ssrc, section);
            }
            route(&mut demultiplexer, ssrc, number, payload_type, &names).map(|route| route.section) == expected
        })
    }
}
