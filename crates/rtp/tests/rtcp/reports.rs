//! Reports, descriptions and goodbyes (RFC 3550 §6.4 to §6.7), and extended reports (RFC 3611).

use pollrtc_rtp::NtpTime;
use pollrtc_rtp::rtcp::{
    ApplicationDefinedBuilder, BuildError, ExtendedReportBuilder, GoodbyeBuilder, LastReport, ReceiverReportBuilder,
    ReportBlock, RtcpError, SdesChunkBuilder, SdesItem, SdesType, SenderInfo, SenderReportBuilder,
    SourceDescriptionBuilder, WriteRtcp, XrBlock, XrBlockBuilder,
};

use crate::{packet, read, view, words, written};

const LOSSY: ReportBlock = ReportBlock {
    ssrc: 0x5566_7788,
    fraction_lost: 3,
    cumulative_lost: 17,
    extended_highest_sequence: 0x0001_1170,
    jitter: 33,
    last_sender_report: 0xb3c4_d5e6,
    delay_since_last_sender_report: 65_536,
};

/// The same on the wire.
const LOSSY_WORDS: [u32; 6] = [0x5566_7788, 0x0300_0011, 0x0001_1170, 33, 0xb3c4_d5e6, 65_536];

#[test]
fn a_sender_report_tells_what_was_sent_and_received() {
    let info = SenderInfo {
        ntp_time: NtpTime(0xe1a2_b3c4_d5e6_f708),
        rtp_timestamp: 90_000,
        packet_count: 1_000,
        octet_count: 1_000_000,
    };
    let fields = [0x1122_3344, 0xe1a2_b3c4, 0xd5e6_f708, 90_000, 1_000, 1_000_000];
    let expected = words(1, 200, &[&fields[..], &LOSSY_WORDS].concat());
    let builder = SenderReportBuilder {
        ssrc: 0x1122_3344,
        info,
        reports: &[LOSSY],
    };
    assert_eq!(written(&builder), expected);

    let report = view!(&expected, SenderReport);
    assert_eq!(report.ssrc(), 0x1122_3344);
    assert_eq!(report.info(), info);
    assert_eq!(info.ntp_time.compact(), 0xb3c4_d5e6);
    assert!(report.reports().eq([LOSSY]));
    assert_eq!(report.extension(), []);
}

#[test]
fn a_receiver_report_tells_what_was_received() {
    let expected = words(2, 201, &[&[9][..], &LOSSY_WORDS, &LOSSY_WORDS].concat());
    let builder = ReceiverReportBuilder {
        ssrc: 9,
        reports: &[LOSSY, LOSSY],
    };
    assert_eq!(written(&builder), expected);
    let report = view!(&expected, ReceiverReport);
    assert_eq!(report.ssrc(), 9);
    assert!(report.reports().eq([LOSSY, LOSSY]));
}

#[test]
fn lost_packets_have_a_sign_and_a_limit() {
    // RFC 3550 §A.3
    let lost = |cumulative_lost| {
        let report = ReportBlock {
            cumulative_lost,
            ..ReportBlock::default()
        };
        let bytes = written(&ReceiverReportBuilder {
            ssrc: 9,
            reports: &[report],
        });
        view!(&bytes, ReceiverReport).reports().next().unwrap().cumulative_lost
    };
    assert_eq!(lost(-1), -1);
    assert_eq!(lost(0x7f_ffff), 0x7f_ffff);
    assert_eq!(lost(-0x80_0000), -0x80_0000);
    assert_eq!(lost(i32::MAX), 0x7f_ffff);
    assert_eq!(lost(i32::MIN), -0x80_0000);
}

#[test]
fn reports_shorter_than_what_they_count_are_refused() {
    let short = |bytes: &[u8], needed| {
        let len = bytes.len() - 4;
        assert_eq!(read(bytes), Err(RtcpError::Short { needed, len }), "{bytes:?}");
    };
    short(&words(0, 200, &[1; 5]), 24);
    short(&words(1, 200, &[1; 11]), 48);
    short(&words(0, 201, &[]), 4);
    short(&words(2, 201, &[1; 12]), 52);
}

#[test]
fn what_a_profile_adds_to_a_report_is_kept_apart() {
    // RFC 3550 §6.4.3
    let bytes = words(1, 201, &[&[9][..], &LOSSY_WORDS, &[0x0102_0304]].concat());
    let report = view!(&bytes, ReceiverReport);
    assert!(report.reports().eq([LOSSY]));
    assert_eq!(report.extension(), [1, 2, 3, 4]);
}

#[test]
fn a_description_has_chunks_that_end_on_words() {
    // RFC 3550 §6.5: at least one zero ends each.
    let anna = [
        SdesItem::cname("anna@home"),
        SdesItem {
            kind: SdesType::TOOL,
            value: b"",
        },
    ];
    let bert = [SdesItem::cname("be")];
    let chunks = [
        SdesChunkBuilder { ssrc: 1, items: &anna },
        SdesChunkBuilder { ssrc: 2, items: &bert },
        SdesChunkBuilder { ssrc: 3, items: &[] },
    ];
    let expected = [
        &b"\0\0\0\x01\x01\x09anna@home\x06\0\0\0\0"[..],
        b"\0\0\0\x02\x01\x02be\0\0\0\0",
        b"\0\0\0\x03\0\0\0\0",
    ];
    let bytes = written(&SourceDescriptionBuilder { chunks: &chunks });
    assert_eq!(bytes, packet(3, 202, &expected.concat()));

    let description = view!(&bytes, SourceDescription);
    let read: Vec<_> = description
        .chunks()
        .map(|chunk| (chunk.ssrc(), chunk.items().collect::<Vec<_>>()))
        .collect();
    assert_eq!(read, [(1, anna.to_vec()), (2, bert.to_vec()), (3, vec![])]);
    assert_eq!(description.find(2, SdesType::CNAME), Some(&b"be"[..]));
    assert_eq!(description.find(2, SdesType::TOOL), None);
}

#[test]
fn a_description_that_does_not_end_is_refused() {
    let refused = |count, body: &[u8], at| {
        assert_eq!(
            read(&packet(count, 202, body)),
            Err(RtcpError::Chunk { at }),
            "{body:?}"
        );
    };
    refused(1, b"", 0);
    refused(1, b"\0\0\0\x01", 0);
    refused(1, b"\0\0\0\x01\x01\x02be", 0); // no zero
    refused(1, b"\0\0\0\x01\x01\x06be\0\0\0\0", 0); // the name takes the zeros with it
    refused(1, b"\0\0\0\x01\x01\x09be\0\0\0\0", 0); // the name is cut off
    refused(2, b"\0\0\0\x01\x01\x01a\0", 8); // the second is missing
    refused(1, b"\0\0\0\x01\x01\x05abcde\x01", 0); // an item's header is cut off
}

#[test]
fn a_private_item_has_a_prefix() {
    // RFC 3550 §6.5.8
    let item = |value| SdesItem {
        kind: SdesType::PRIV,
        value,
    };
    assert_eq!(item(b"\x03abcdef").private(), Some((&b"abc"[..], &b"def"[..])));
    assert_eq!(item(b"\x04abc").private(), None);
    assert_eq!(item(b"").private(), None);
    assert_eq!(SdesItem::cname("\u{1}ab").private(), None);
}

#[test]
fn descriptions_that_no_packet_can_have_are_not_written() {
    let long = "x".repeat(256);
    let one = |items: &[SdesItem<'_>]| {
        let chunks = [SdesChunkBuilder { ssrc: 1, items }];
        SourceDescriptionBuilder { chunks: &chunks }.write_to(&mut [0; 512])
    };
    let error = BuildError::TooLong { len: 256, limit: 255 };
    assert_eq!(one(&[SdesItem::cname(&long)]), Err(error));
    assert_eq!(one(&[SdesItem::cname(&long[1..])]), Ok(4 + 4 + 2 + 255 + 3));
    let end = SdesItem {
        kind: SdesType(0),
        value: b"",
    };
    assert!(one(&[end]).is_err());
    let chunks = [SdesChunkBuilder { ssrc: 1, items: &[] }; 32];
    let error = BuildError::TooMany { count: 32, limit: 31 };
    assert_eq!(
        SourceDescriptionBuilder { chunks: &chunks }.write_to(&mut [0; 512]),
        Err(error)
    );
}

#[test]
fn a_goodbye_may_have_a_reason_and_no_sources() {
    let bytes = written(&GoodbyeBuilder {
        sources: &[1, 2],
        reason: "camera malfunction",
    });
    assert_eq!(bytes, packet(2, 203, b"\0\0\0\x01\0\0\0\x02\x12camera malfunction\0"));
    let goodbye = view!(&bytes, Goodbye);
    assert!(goodbye.sources().eq([1, 2]));
    assert_eq!(goodbye.reason(), Some(&b"camera malfunction"[..]));

    let none = written(&GoodbyeBuilder {
        sources: &[],
        reason: "",
    });
    assert_eq!(none, packet(0, 203, &[]));
    let goodbye = view!(&none, Goodbye);
    assert_eq!((goodbye.sources().count(), goodbye.reason()), (0, None));
}

#[test]
fn a_goodbye_shorter_than_what_it_says_is_refused() {
    // RFC 3550 §6.6
    let reason = packet(1, 203, b"\0\0\0\x01\x04abc");
    assert_eq!(read(&reason), Err(RtcpError::Short { needed: 9, len: 8 }));
    let sources = words(2, 203, &[1]);
    assert_eq!(read(&sources), Err(RtcpError::Short { needed: 8, len: 4 }));
    let long = "x".repeat(256);
    let error = BuildError::TooLong { len: 256, limit: 255 };
    let builder = GoodbyeBuilder {
        sources: &[],
        reason: &long,
    };
    assert_eq!(builder.write_to(&mut [0; 512]), Err(error));
}

#[test]
fn packets_of_applications_have_a_name() {
    // RFC 3550 §6.7
    let builder = ApplicationDefinedBuilder {
        subtype: 5,
        ssrc: 9,
        name: *b"POLL",
        data: b"rtc.",
    };
    let bytes = written(&builder);
    assert_eq!(bytes, packet(5, 204, b"\0\0\0\x09POLLrtc."));
    let application = view!(&bytes, ApplicationDefined);
    assert_eq!((application.subtype(), application.ssrc()), (5, 9));
    assert_eq!((application.name(), application.data()), (*b"POLL", &b"rtc."[..]));
    assert_eq!(read(&words(0, 204, &[1])), Err(RtcpError::Short { needed: 8, len: 4 }));

    let refused = |builder: ApplicationDefinedBuilder<'_>| builder.write_to(&mut [0; 64]);
    let unaligned = ApplicationDefinedBuilder {
        data: b"rtc",
        ..builder
    };
    assert_eq!(refused(unaligned), Err(BuildError::Unaligned { len: 3 }));
    let subtype = ApplicationDefinedBuilder { subtype: 32, ..builder };
    assert_eq!(refused(subtype), Err(BuildError::OutOfRange { value: 32, limit: 31 }));
}

#[test]
fn an_extended_report_gives_a_receiver_its_round_trip_time() {
    // RFC 3611 §4.4, §4.5
    let last = LastReport {
        ssrc: 7,
        last_receiver_report: 0x0203_0405,
        delay_since_last_receiver_report: 65_536,
    };
    let blocks = [
        XrBlockBuilder::ReceiverReferenceTime(NtpTime(0x0102_0304_0506_0708)),
        XrBlockBuilder::LastReports(&[last, last]),
        XrBlockBuilder::LastReports(&[]),
    ];
    let bytes = written(&ExtendedReportBuilder {
        ssrc: 9,
        blocks: &blocks,
    });
    let reference = [0x0400_0002, 0x0102_0304, 0x0506_0708];
    let delays = [0x0500_0006, 7, 0x0203_0405, 65_536, 7, 0x0203_0405, 65_536];
    let expected = [&[9][..], &reference, &delays, &[0x0500_0000]].concat();
    assert_eq!(bytes, words(0, 207, &expected));

    let report = view!(&bytes, ExtendedReport);
    assert_eq!(report.ssrc(), 9);
    let read: Vec<_> = report.blocks().collect();
    assert_eq!(read[0], XrBlock::ReceiverReferenceTime(NtpTime(0x0102_0304_0506_0708)));
    let delays: Vec<Vec<_>> = read[1..]
        .iter()
        .map(|block| match block {
            XrBlock::LastReports(reports) => reports.iter().collect(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(delays, [vec![last, last], vec![]]);
}

#[test]
fn blocks_that_nobody_knows_are_stepped_over() {
    // RFC 3611 §3; loss run lengths, then a reference time of a wrong length, then a right one.
    let body = [9, 0x0107_0001, 0xaabb_ccdd, 0x0400_0001, 1, 0x0400_0002, 0, 1];
    let bytes = words(0, 207, &body);
    let blocks: Vec<_> = view!(&bytes, ExtendedReport).blocks().collect();
    let unknown = XrBlock::Unknown {
        block_type: 1,
        type_specific: 7,
        content: &[0xaa, 0xbb, 0xcc, 0xdd],
    };
    assert_eq!(blocks[0], unknown);
    assert!(matches!(blocks[1], XrBlock::Unknown { block_type: 4, .. }));
    assert_eq!(blocks[2], XrBlock::ReceiverReferenceTime(NtpTime(1)));
}

#[test]
fn blocks_past_the_end_are_refused() {
    let len = 16;
    let bytes = words(0, 207, &[9, 0x0400_0003, 0, 1]);
    assert_eq!(read(&bytes), Err(RtcpError::Entries { len }));
    assert_eq!(read(&words(0, 207, &[])), Err(RtcpError::Short { needed: 4, len: 0 }));
}
