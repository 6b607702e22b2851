//! Packets, one behind the other.

use pollrtc_rtp::rtcp::{
    BuildError, Compound, CompoundBuilder, CompoundError, GoodbyeBuilder, PictureLossIndication, RawPacket,
    ReceiverReportBuilder, ReportBlock, RtcpError, RtcpPacket, SdesChunkBuilder, SdesItem, SenderInfo,
    SourceDescriptionBuilder, WriteRtcp,
};

use crate::{packet, read, words, written};

/// An empty receiver report, a BYE of one source, and one with padding behind it.
const REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 9];
const BYE: [u8; 8] = [0x81, 203, 0, 1, 0, 0, 0, 9];
const PADDED: [u8; 12] = [0xa1, 203, 0, 2, 0, 0, 0, 9, 0, 0, 0, 4];

fn types(bytes: &[u8]) -> Vec<u8> {
    let raw = Compound::parse(bytes).unwrap().raw_packets();
    raw.map(|raw| raw.expect("padding is right").packet_type).collect()
}

#[test]
fn packets_come_in_order_without_their_padding() {
    let bytes = [&REPORT[..], &PADDED].concat();
    let raw: Vec<_> = Compound::parse(&bytes)
        .unwrap()
        .raw_packets()
        .map(Result::unwrap)
        .collect();
    let summary: Vec<_> = raw.iter().map(|p| (p.packet_type, p.count, p.body.len())).collect();
    assert_eq!(summary, [(201, 0, 4), (203, 1, 4)]);
}

#[test]
fn a_compound_that_is_written_begins_with_a_report_and_names_its_sender() {
    // RFC 3550 §6.1
    let mut buf = [0; 256];
    let report = ReceiverReportBuilder { ssrc: 9, reports: &[] };
    let items = [SdesItem::cname("anna")];
    let chunks = [SdesChunkBuilder { ssrc: 9, items: &items }];
    let description = SourceDescriptionBuilder { chunks: &chunks };
    let bye = GoodbyeBuilder {
        sources: &[9],
        reason: "",
    };

    let full = CompoundBuilder::new(&mut buf)
        .push(&report)
        .push(&description)
        .push(&bye);
    assert_eq!(full.finish(), Ok(8 + 16 + 8));
    assert_eq!(types(&buf[..32]), [201, 202, 203]);
    assert!(!Compound::parse(&buf[..32]).unwrap().is_reduced_size());

    let without_report = CompoundBuilder::new(&mut buf).push(&description).push(&report);
    assert_eq!(without_report.finish(), Err(BuildError::NoReport));
    let without_name = CompoundBuilder::new(&mut buf).push(&report).push(&bye);
    assert_eq!(without_name.finish(), Err(BuildError::NoCname));
    assert_eq!(CompoundBuilder::new(&mut buf).finish(), Err(BuildError::NoReport));
}

#[test]
fn reduced_size_needs_no_report_in_front() {
    // RFC 5506 §3.4.2
    assert!(Compound::parse(&BYE).unwrap().is_reduced_size());
    let request = PictureLossIndication {
        sender_ssrc: 1,
        media_ssrc: 2,
    };
    let mut buf = [0; 12];
    assert_eq!(CompoundBuilder::reduced_size(&mut buf).push(&request).finish(), Ok(12));
    assert_eq!(read(&buf), Ok(RtcpPacket::PictureLossIndication(request)));
}

#[test]
fn a_compound_says_how_much_room_it_needs() {
    let mut buf = [0; 17];
    let report = ReceiverReportBuilder { ssrc: 9, reports: &[] };
    let bye = GoodbyeBuilder {
        sources: &[9],
        reason: "",
    };
    let compound = CompoundBuilder::reduced_size(&mut buf)
        .push(&report)
        .push(&bye)
        .push(&report);
    assert_eq!(compound.len(), 24);
    assert_eq!(compound.finish(), Err(BuildError::BufferTooSmall { needed: 24 }));
}

#[test]
fn the_version_of_every_packet_is_checked() {
    // A peer's parser looks at the first one alone.
    let mut bytes = [&REPORT[..], &BYE].concat();
    bytes[8] = 0x41;
    let compound = Compound::parse(&bytes).unwrap();
    assert_eq!(compound.packets().count(), 1);
    assert_eq!(compound.ended_by(), Some(CompoundError::Version { at: 8, version: 1 }));
}

#[test]
fn a_length_past_the_end_costs_what_is_behind_it() {
    // RFC 3550 §A.2
    let bytes = [&REPORT[..], &[0x81, 203, 0, 2, 0, 0, 0, 9]].concat();
    let compound = Compound::parse(&bytes).unwrap();
    assert_eq!(types(&bytes), [201]);
    assert_eq!(compound.as_bytes(), REPORT);
    let error = CompoundError::Length {
        at: 8,
        needed: 20,
        len: 16,
    };
    assert_eq!(compound.ended_by(), Some(error));
}

#[test]
fn what_is_no_rtcp_is_refused() {
    let refused = |bytes: &[u8], error| assert_eq!(Compound::parse(bytes), Err(error), "{bytes:?}");
    refused(&[], CompoundError::Short { at: 0, len: 0 });
    refused(&REPORT[..3], CompoundError::Short { at: 0, len: 3 });
    refused(&[0x40, 201, 0, 0], CompoundError::Version { at: 0, version: 1 });
    let needed = CompoundError::Length {
        at: 0,
        needed: 8,
        len: 7,
    };
    refused(&REPORT[..7], needed);
    let rtp = CompoundError::PacketType {
        at: 0,
        packet_type: 111,
    };
    refused(&[0x80, 111, 0, 0], rtp);
}

#[test]
fn padding_without_a_right_length_costs_its_packet() {
    // RFC 3550 §6.4.1, §A.2
    let malformed = |count| {
        let bytes = [&[0xa0, 201, 0, 1, 0, 0, 0, count], &BYE[..]].concat();
        let packets: Vec<_> = Compound::parse(&bytes)
            .unwrap()
            .packets()
            .map(|packet| packet.is_ok())
            .collect();
        assert_eq!(packets, [false, true], "{count} bytes of padding");
    };
    malformed(0);
    malformed(5);
    let error = RtcpError::Padding { padding: 5, len: 4 };
    assert_eq!(read(&[0xa0, 201, 0, 1, 0, 0, 0, 5]), Err(error));
    assert_eq!(read(&[0xa0, 201, 0, 0]), Err(RtcpError::Padding { padding: 0, len: 0 }));
}

#[test]
fn padding_to_whole_words_is_taken_from_libwebrtc() {
    // It pads transport-wide feedback by one to three bytes, and may put other packets behind it.
    let padded = [0xaf, 205, 0, 2, 1, 2, 3, 4, 5, 6, 0, 2];
    let bytes = [&padded[..], &REPORT].concat();
    let compound = Compound::parse(&bytes).unwrap();
    let first = compound.raw_packets().next().unwrap().unwrap();
    assert_eq!(first.body, [1, 2, 3, 4, 5, 6]);
    assert_eq!(types(&bytes), [205, 201]);
}

#[test]
fn what_is_written_is_not_padded_with_the_bit() {
    let bytes = written(&GoodbyeBuilder {
        sources: &[1],
        reason: "a",
    });
    assert_eq!(bytes[0] & 0x20, 0);
}

#[test]
fn types_that_nobody_knows_are_stepped_over() {
    // RFC 3550 §6.1
    let unknown = packet(3, 210, &[1, 2, 3, 4]);
    let bytes = [&REPORT[..], &unknown, &BYE].concat();
    let packets: Vec<_> = Compound::parse(&bytes).unwrap().packets().map(Result::unwrap).collect();
    assert!(matches!(packets[0], RtcpPacket::ReceiverReport(_)));
    let raw = RawPacket {
        count: 3,
        packet_type: 210,
        body: &[1, 2, 3, 4],
    };
    assert_eq!(packets[1], RtcpPacket::Unknown(raw));
    assert!(matches!(packets[2], RtcpPacket::Goodbye(_)));
}

#[test]
fn a_packet_with_a_wrong_content_costs_itself_alone() {
    let cut = words(2, 201, &[1]);
    let bytes = [&REPORT[..], &cut, &BYE].concat();
    let packets: Vec<_> = Compound::parse(&bytes)
        .unwrap()
        .packets()
        .map(|packet| packet.is_ok())
        .collect();
    assert_eq!(packets, [true, false, true]);
}

#[test]
fn more_than_thirty_one_sources_take_several_reports() {
    // RFC 3550 §6.1
    let reports = (0..70).map(|ssrc| ReportBlock {
        ssrc,
        ..ReportBlock::default()
    });
    let reports: Vec<_> = reports.collect();
    let mut buf = [0; 2_048];
    let compound = CompoundBuilder::reduced_size(&mut buf).push_reports(9, Some(SenderInfo::default()), &reports);
    let len = compound.finish().unwrap();
    assert_eq!(types(&buf[..len]), [200, 201, 201]);
    let mut sources = Vec::new();
    for packet in Compound::parse(&buf[..len]).unwrap().packets() {
        match packet.unwrap() {
            RtcpPacket::SenderReport(report) => sources.extend(report.reports().map(|report| report.ssrc)),
            RtcpPacket::ReceiverReport(report) => sources.extend(report.reports().map(|report| report.ssrc)),
            other => panic!("{other:?}"),
        }
    }
    assert!(sources.into_iter().eq(0..70));

    let in_one = ReceiverReportBuilder {
        ssrc: 9,
        reports: &reports,
    };
    let error = BuildError::TooMany { count: 70, limit: 31 };
    assert_eq!(in_one.write_to(&mut buf), Err(error));
    let none = CompoundBuilder::reduced_size(&mut buf)
        .push_reports(9, None, &[])
        .finish();
    assert_eq!(none, Ok(8));
}
