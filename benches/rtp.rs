//! RTP and RTCP: packets and compounds, read and written; and where a packet belongs.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use pollrtc_rtp::rtcp::{
    Arrival, Compound, CompoundBuilder, ReportBlock, SdesChunkBuilder, SdesItem, SenderInfo, SourceDescriptionBuilder,
    TransportWideFeedbackBuilder,
};
use pollrtc_rtp::{
    AbsSendTime, AudioLevel, Demultiplexer, DemultiplexerConfig, Extension, ExtensionElement, ExtensionMap, Mid,
    Origin, RtcpPacket, RtpPacket, RtpPacketBuilder, Section, SectionId, TransportSequence,
};

fn extensions() -> ExtensionMap {
    let mut map = ExtensionMap::new();
    map.insert(1, Extension::AudioLevel);
    map.insert(2, Extension::AbsSendTime);
    map.insert(3, Extension::TransportSequence);
    map.insert(4, Extension::Mid);
    map
}

/// A packet of 1,200 bytes with four header extensions.
fn write_packet(buf: &mut [u8], ssrc: u32, sequence_number: u16) -> usize {
    let number = sequence_number.to_be_bytes();
    let elements = [
        ExtensionElement { id: 1, value: &[0x8e] },
        ExtensionElement {
            id: 2,
            value: &[0x12, 0x34, 0x56],
        },
        ExtensionElement { id: 3, value: &number },
        ExtensionElement { id: 4, value: b"0" },
    ];
    let packet = RtpPacketBuilder {
        payload_type: 96,
        sequence_number,
        timestamp: 3_000,
        ssrc,
        extensions: &elements,
        payload: &[0xab; 1_172],
        ..RtpPacketBuilder::default()
    };
    packet.write_to(buf).expect("the buffer is large enough")
}

fn read_packet(bytes: &[u8], map: &ExtensionMap) {
    let packet = RtpPacket::parse(bytes, map, Origin::default()).expect("a packet");
    black_box((
        packet.payload_type(),
        packet.marker(),
        packet.sequence_number(),
        packet.timestamp(),
        packet.ssrc(),
        packet.payload(),
    ));
    black_box((
        packet.header_extension::<AudioLevel>(),
        packet.header_extension::<AbsSendTime>(),
        packet.header_extension::<TransportSequence>(),
        packet.header_extension::<Mid<'_>>(),
    ));
}

/// When a hundred packets arrived, three of which were lost.
fn arrivals() -> impl Iterator<Item = Option<i64>> + Clone {
    (0..100).map(|number| match number {
        41 | 47 | 60 => None,
        56.. => Some(number * 12 + 400),
        _ => Some(number * 12),
    })
}

/// SR, SDES and feedback on a hundred packets.
fn write_compound(buf: &mut [u8]) -> usize {
    let items = [SdesItem::cname("0123456789abcdef")];
    let chunks = [SdesChunkBuilder { ssrc: 1, items: &items }];
    let feedback = TransportWideFeedbackBuilder::new(1, 2, 3, 5_000, arrivals(), 1_200).expect("some arrived");
    CompoundBuilder::new(buf)
        .push_reports(1, Some(SenderInfo::default()), &[ReportBlock::default()])
        .push(&SourceDescriptionBuilder { chunks: &chunks })
        .push(&feedback)
        .finish()
        .expect("the buffer is large enough")
}

fn read_compound(bytes: &[u8]) {
    for packet in Compound::parse(bytes).expect("a compound").packets() {
        match packet.expect("a packet") {
            RtcpPacket::SenderReport(report) => {
                black_box(report.info());
                for block in report.reports() {
                    black_box(block);
                }
            }
            RtcpPacket::SourceDescription(description) => {
                for item in description.chunks().flat_map(|chunk| chunk.items()) {
                    black_box(item);
                }
            }
            RtcpPacket::TransportWideFeedback(feedback) => {
                let mut sum = 0;
                feedback.statuses().for_each(|status| {
                    if let Arrival::At(ticks) = status.arrival {
                        sum += i64::from(ticks);
                    }
                });
                black_box(sum);
            }
            other => panic!("{other:?}"),
        }
    }
}

fn rtp(c: &mut Criterion) {
    let map = extensions();
    let mut buf = [0; 1_500];
    let len = write_packet(&mut buf, 7, 9);
    let packet = buf[..len].to_vec();
    let mut group = c.benchmark_group("rtp");
    group.bench_function("packet/read", |b| b.iter(|| read_packet(black_box(&packet), &map)));
    group.bench_function("packet/write", |b| b.iter(|| write_packet(black_box(&mut buf), 7, 9)));
    let len = write_compound(&mut buf);
    let compound = buf[..len].to_vec();
    group.bench_function("compound/read", |b| b.iter(|| read_compound(black_box(&compound))));
    group.bench_function("compound/write", |b| b.iter(|| write_compound(black_box(&mut buf))));
    group.finish();
}

/// Streams that take turns, and streams that are all new: where there are few, where there are many.
fn demux(c: &mut Criterion) {
    let map = extensions();
    let mut group = c.benchmark_group("rtp/demux");
    for sections in [1_u32, 1_000] {
        let mids: Vec<String> = (0..sections).map(|section| section.to_string()).collect();
        let sections: Vec<_> = (0..sections)
            .zip(&mids)
            .map(|(id, mid)| Section {
                id: SectionId(id),
                mid: Some(mid),
                payload_types: &[96],
                ..Section::default()
            })
            .collect();
        let mut demultiplexer = Demultiplexer::new(DemultiplexerConfig::new(1));
        demultiplexer.set_sections(&sections);
        for (name, streams) in [("5 streams", 5_u32), ("100 streams", 100), ("new streams", u32::MAX)] {
            let mut next = 0_u32;
            let mut buf = [0; 1_500];
            let len = write_packet(&mut buf, 0, 1);
            group.bench_function(format!("{name}, {} sections", sections.len()), |b| {
                b.iter_batched_ref(
                    || {
                        next = next.wrapping_add(1);
                        let mut bytes = buf;
                        bytes[8..12].copy_from_slice(&(next % streams).wrapping_mul(0x9e37_79b9).to_be_bytes());
                        bytes[2..4].copy_from_slice(&(next as u16).to_be_bytes());
                        bytes
                    },
                    |bytes| {
                        let packet = RtpPacket::parse(&bytes[..len], &map, Origin::default()).expect("a packet");
                        black_box(demultiplexer.route(&packet)).expect("a section")
                    },
                    BatchSize::SmallInput,
                );
            });
        }
    }
    group.finish();
}

criterion_group!(benches, rtp, demux);
criterion_main!(benches);
