//! What holds for every packet.

use pollrtc_rtp::rtcp::{
    ApplicationDefinedBuilder, Arrival, ArrivalOffset, BitrateLimit, Compound, CompoundBuilder,
    CongestionControlFeedbackBuilder, Ecn, ExtendedReportBuilder, FirEntry, FullIntraRequestBuilder,
    GenericNackBuilder, GoodbyeBuilder, LastReport, PacketMetric, PictureLossIndication, ReceiverReportBuilder,
    RembBuilder, ReportBlock, RtcpPacket, SdesChunkBuilder, SdesItem, SdesType, SenderInfo, SenderReportBuilder,
    SourceDescriptionBuilder, StreamMetricsBuilder, TmmbrBuilder, TransportWideFeedbackBuilder, XrBlock,
    XrBlockBuilder,
};
use pollrtc_rtp::{Missing, NtpTime};
use quickcheck::{Arbitrary, Gen, quickcheck};

use crate::{view, written};

#[derive(Clone, Copy, Debug)]
struct Block(ReportBlock);

impl Arbitrary for Block {
    fn arbitrary(g: &mut Gen) -> Self {
        Self(ReportBlock {
            ssrc: u32::arbitrary(g),
            fraction_lost: u8::arbitrary(g),
            cumulative_lost: i32::arbitrary(g) >> 8,
            extended_highest_sequence: u32::arbitrary(g),
            jitter: u32::arbitrary(g),
            last_sender_report: u32::arbitrary(g),
            delay_since_last_sender_report: u32::arbitrary(g),
        })
    }
}

fn blocks(blocks: &[Block]) -> Vec<ReportBlock> {
    blocks.iter().take(31).map(|block| block.0).collect()
}

fn metric((is_received, ecn, offset): &(bool, u8, u16)) -> PacketMetric {
    let offset = match offset & 0x1fff {
        0x1fff => ArrivalOffset::Unknown,
        0x1ffe => ArrivalOffset::Beyond,
        offset => ArrivalOffset::Before(offset),
    };
    match is_received {
        true => PacketMetric::Received {
            ecn: Ecn::from_bits(*ecn),
            offset,
        },
        false => PacketMetric::NotReceived,
    }
}

/// A bit rate that has room in so many bits beside its exponent.
fn rounded(bitrate: u64, bits: u32) -> u64 {
    let below = (64 - bitrate.leading_zeros()).saturating_sub(bits);
    bitrate >> below << below
}

/// Sources with their items.
type Descriptions = Vec<(u32, Vec<(u8, Vec<u8>)>)>;
/// Whether it is a reference time, that time, and reports.
type XrBlocks = Vec<(bool, u64, Vec<(u32, u32, u32)>)>;
/// Streams with their first number and metrics.
type Streams = Vec<(u32, u16, Vec<(bool, u8, u16)>)>;

quickcheck! {
    fn every_sender_report_is_read_as_it_was_written(ssrc: u32, sent: (u64, u32, u32, u32), reports: Vec<Block>) -> bool {
        let reports = blocks(&reports);
        let (ntp_time, rtp_timestamp, packet_count, octet_count) = sent;
        let info = SenderInfo { ntp_time: NtpTime(ntp_time), rtp_timestamp, packet_count, octet_count };
        let bytes = written(&SenderReportBuilder { ssrc, info, reports: &reports });
        let report = view!(&bytes, SenderReport);
        report.ssrc() == ssrc && report.info() == info && report.reports().eq(reports) && report.extension().is_empty()
    }

    fn every_receiver_report_is_read_as_it_was_written(ssrc: u32, reports: Vec<Block>) -> bool {
        let reports = blocks(&reports);
        let bytes = written(&ReceiverReportBuilder { ssrc, reports: &reports });
        let report = view!(&bytes, ReceiverReport);
        report.ssrc() == ssrc && report.reports().eq(reports)
    }

    fn every_description_is_read_as_it_was_written(sources: Descriptions) -> bool {
        let items: Vec<(u32, Vec<SdesItem<'_>>)> = sources.iter().take(31).map(|(ssrc, items)| {
            let items = items.iter().map(|(kind, value)| SdesItem {
                kind: SdesType((*kind).max(1)),
                value: &value[..value.len().min(255)],
            });
            (*ssrc, items.collect())
        }).collect();
        let chunks: Vec<_> = items.iter().map(|(ssrc, items)| SdesChunkBuilder { ssrc: *ssrc, items }).collect();
        let bytes = written(&SourceDescriptionBuilder { chunks: &chunks });
        let description = view!(&bytes, SourceDescription);
        let read: Vec<_> = description.chunks().map(|chunk| (chunk.ssrc(), chunk.items().collect::<Vec<_>>())).collect();
        read == items
    }

    fn every_goodbye_is_read_as_it_was_written(sources: Vec<u32>, reason: String) -> bool {
        let sources = &sources[..sources.len().min(31)];
        let reason: String = reason.chars().take(60).collect();
        let bytes = written(&GoodbyeBuilder { sources, reason: &reason });
        let goodbye = view!(&bytes, Goodbye);
        goodbye.sources().eq(sources.iter().copied()) && goodbye.reason().unwrap_or_default() == reason.as_bytes()
    }

    fn every_packet_of_an_application_is_read_as_it_was_written(subtype: u8, ssrc: u32, name: u32, data: Vec<u8>) -> bool {
        let (subtype, name, data) = (subtype & 31, name.to_be_bytes(), &data[..data.len() & !3]);
        let bytes = written(&ApplicationDefinedBuilder { subtype, ssrc, name, data });
        let read = view!(&bytes, ApplicationDefined);
        (read.subtype(), read.ssrc(), read.name(), read.data()) == (subtype, ssrc, name, data)
    }

    fn every_extended_report_is_read_as_it_was_written(ssrc: u32, list: XrBlocks) -> bool {
        let reports: Vec<Vec<LastReport>> = list.iter().map(|(_, _, reports)| reports.iter().map(|report| LastReport {
            ssrc: report.0,
            last_receiver_report: report.1,
            delay_since_last_receiver_report: report.2,
        }).collect()).collect();
        let blocks: Vec<_> = list.iter().zip(&reports).map(|((is_time, time, _), reports)| match is_time {
            true => XrBlockBuilder::ReceiverReferenceTime(NtpTime(*time)),
            false => XrBlockBuilder::LastReports(reports),
        }).collect();
        let bytes = written(&ExtendedReportBuilder { ssrc, blocks: &blocks });
        let report = view!(&bytes, ExtendedReport);
        report.ssrc() == ssrc && report.blocks().count() == blocks.len() && report.blocks().zip(&blocks).all(|pair| match pair {
            (XrBlock::ReceiverReferenceTime(read), XrBlockBuilder::ReceiverReferenceTime(time)) => read == *time,
            (XrBlock::LastReports(read), XrBlockBuilder::LastReports(reports)) => read.iter().eq(reports.iter().copied()),
            _ => false,
        })
    }

    fn every_nack_is_read_as_it_was_written(sender_ssrc: u32, media_ssrc: u32, missing: Vec<(u16, u16)>) -> bool {
        let missing: Vec<_> = missing.iter().map(|(first, following)| Missing { first: *first, following: *following }).collect();
        let bytes = written(&GenericNackBuilder { sender_ssrc, media_ssrc, missing: missing.iter().copied() });
        let nack = view!(&bytes, GenericNack);
        (nack.sender_ssrc(), nack.media_ssrc()) == (sender_ssrc, media_ssrc) && nack.missing().eq(missing)
    }

    /// For every list of numbers in order: what is packed comes apart again, and no entry has room for the next one.
    fn every_list_of_numbers_is_packed(first: u16, steps: Vec<u8>) -> bool {
        let numbers: Vec<u16> = steps.iter().scan(first, |number, step| {
            *number = number.wrapping_add(u16::from(step % 24) + 1);
            Some(*number)
        }).collect();
        let entries: Vec<_> = Missing::pack(numbers.iter().copied()).collect();
        let are_full = entries.windows(2).all(|pair| pair[1].first.wrapping_sub(pair[0].first) > 16);
        are_full && entries.into_iter().flat_map(Missing::sequence_numbers).eq(numbers)
    }

    fn every_request_for_pictures_is_read_as_it_was_written(sender_ssrc: u32, media_ssrc: u32, entries: Vec<(u32, u8)>) -> bool {
        let loss = PictureLossIndication { sender_ssrc, media_ssrc };
        let bytes = written(&loss);
        let entries: Vec<_> = entries.iter().map(|(ssrc, number)| FirEntry { ssrc: *ssrc, sequence_number: *number }).collect();
        let full = written(&FullIntraRequestBuilder { sender_ssrc, entries: &entries });
        let request = view!(&full, FullIntraRequest);
        view!(&bytes, PictureLossIndication) == loss && request.sender_ssrc() == sender_ssrc && request.entries().eq(entries)
    }

    fn every_limit_is_read_as_it_was_rounded(sender_ssrc: u32, limits: Vec<(u32, u64, u8, u16)>) -> bool {
        let limits = limits.iter().map(|(ssrc, bitrate, shift, overhead)| BitrateLimit {
            ssrc: *ssrc,
            bitrate: bitrate >> (shift & 63),
            overhead: overhead & 511,
        });
        let limits: Vec<_> = limits.collect();
        let bytes = written(&TmmbrBuilder { sender_ssrc, limits: &limits });
        view!(&bytes, Tmmbr).limits().eq(limits.iter().map(|limit| BitrateLimit { bitrate: rounded(limit.bitrate, 17), ..*limit }))
    }

    fn every_estimate_is_read_as_it_was_rounded(sender_ssrc: u32, bitrate: u64, shift: u8, ssrcs: Vec<u32>) -> bool {
        let bitrate = bitrate >> (shift & 63);
        let ssrcs = &ssrcs[..ssrcs.len().min(255)];
        let bytes = written(&RembBuilder { sender_ssrc, bitrate, ssrcs });
        let remb = view!(&bytes, Remb);
        remb.sender_ssrc() == sender_ssrc && remb.bitrate() == rounded(bitrate, 18) && remb.ssrcs().eq(ssrcs.iter().copied())
    }

    /// For every list of arrivals and every size: what has room is read as it was, and what has none is left for more.
    fn every_list_of_arrivals_is_read_as_it_was(base: u16, begin: i32, steps: Vec<(u8, i16)>, max_len: u16) -> bool {
        let mut at = i64::from(begin / 2);
        let arrivals: Vec<Option<i64>> = steps.iter().map(|(kind, step)| {
            at += match kind % 8 { 0 => i64::from(*step), 1 => i64::from(*step) * 2, _ => i64::from(step & 0xff) };
            (kind % 5 != 0).then_some(at)
        }).collect();
        let max_len = usize::from(max_len % 200);
        let mut left = &arrivals[..];
        while let Some(builder) = TransportWideFeedbackBuilder::new(1, 2, 3, base, left.iter().copied(), max_len) {
            let bytes = written(&builder);
            assert!(bytes.len() <= max_len);
            let feedback = view!(&bytes, TransportWideFeedback);
            // It has 24 bits, and the times here stay below.
            let reference = i64::from(feedback.reference_time()) * 256;
            let read = feedback.statuses().map(|status| match status.arrival {
                Arrival::At(ticks) => Some(reference + i64::from(ticks)),
                _ => None,
            });
            let count = usize::from(builder.status_count());
            assert!(count > 0 && read.eq(left[..count].iter().copied()));
            left = &left[count..];
        }
        max_len < 26 || left.iter().all(Option::is_none)
    }

    /// For every feedback: read one by one it says the same as read in one go.
    fn every_way_of_reading_arrivals_says_the_same(count: u16, chunks: Vec<u16>, large: u8, deltas: Vec<u8>) -> bool {
        let mut body = vec![0; 8];
        body.extend(100_u16.to_be_bytes());
        body.extend((count % 20_000).to_be_bytes());
        body.extend([0; 4]);
        // Some of all kinds, and long runs of what needs no deltas, so that these are enough.
        let needs_none = |chunk: u16| if chunk & 7 == 0 { chunk & 0x9fff | 0x8000 } else { chunk & 0x1fff | u16::from(large & 3) << 13 };
        body.extend(chunks.iter().chain([&0x1fff; 3]).flat_map(|chunk| needs_none(*chunk).to_be_bytes()));
        body.extend(deltas.iter().cycle().take(60_000));
        body.resize(body.len().next_multiple_of(4), 0);
        let bytes = crate::packet(15, 205, &body);
        let Ok(RtcpPacket::TransportWideFeedback(feedback)) = crate::read(&bytes) else { return true };
        let mut one_by_one = Vec::new();
        for status in feedback.statuses() {
            one_by_one.push(status);
        }
        let mut in_one_go = Vec::new();
        feedback.statuses().for_each(|status| in_one_go.push(status));
        let mut begun = feedback.statuses();
        let mut from_the_middle: Vec<_> = begun.by_ref().take(9).collect();
        assert_eq!(begun.size_hint().0, one_by_one.len().saturating_sub(9));
        begun.for_each(|status| from_the_middle.push(status));
        one_by_one.len() == usize::from(count % 20_000) && one_by_one == in_one_go && one_by_one == from_the_middle
    }

    fn every_feedback_on_streams_is_read_as_it_was_written(sender_ssrc: u32, report_timestamp: u32, list: Streams) -> bool {
        let metrics: Vec<Vec<_>> = list.iter().map(|(_, _, metrics)| metrics.iter().map(metric).collect()).collect();
        let streams: Vec<_> = list.iter().zip(&metrics).map(|((ssrc, begin_sequence, _), metrics)| StreamMetricsBuilder {
            ssrc: *ssrc,
            begin_sequence: *begin_sequence,
            metrics,
        }).collect();
        let bytes = written(&CongestionControlFeedbackBuilder { sender_ssrc, streams: &streams, report_timestamp });
        let feedback = view!(&bytes, CongestionControlFeedback);
        (feedback.sender_ssrc(), feedback.report_timestamp()) == (sender_ssrc, report_timestamp)
            && feedback.streams().count() == streams.len()
            && feedback.streams().zip(&streams).all(|(read, stream)| {
                (read.ssrc(), read.begin_sequence()) == (stream.ssrc, stream.begin_sequence)
                    && read.metrics().map(|(_, metric)| metric).eq(stream.metrics.iter().copied())
            })
    }

    /// For every byte string: an error, or packets that cover what was read, and reading each of them ends.
    fn every_byte_string_is_a_compound_or_an_error(headers: Vec<(u8, u8)>, bodies: Vec<Vec<u8>>, cut: u8) -> bool {
        let mut bytes = Vec::new();
        for ((first, packet_type), body) in headers.iter().zip(&bodies) {
            let words = (body.len() / 4) as u16;
            bytes.extend([0x80 | first & 0x3f, 192 + packet_type % 18]);
            bytes.extend(words.to_be_bytes());
            bytes.extend(&body[..usize::from(words) * 4]);
        }
        bytes.truncate(bytes.len() - bytes.len().min(usize::from(cut & 3)));
        let Ok(compound) = Compound::parse(&bytes) else { return true };
        assert!(compound.packets().count() > 0);
        let shown = compound.packets().map(|packet| format!("{packet:?}").len()).sum::<usize>();
        shown > 0 && bytes.starts_with(compound.as_bytes()) && (compound.ended_by().is_some() || compound.as_bytes() == bytes)
    }
}

/// Views, parsers and builders never allocate.
#[test]
fn reading_and_writing_allocate_nothing() {
    let mut buf = [0; 1_024];
    let counted = allocation_counter::measure(|| {
        let reports = [ReportBlock::default(); 3];
        let items = [SdesItem::cname("anna")];
        let chunks = [SdesChunkBuilder { ssrc: 1, items: &items }];
        let metrics = [PacketMetric::NotReceived; 3];
        let streams = [StreamMetricsBuilder {
            ssrc: 1,
            begin_sequence: 1,
            metrics: &metrics,
        }];
        let last = [LastReport::default()];
        let blocks = [
            XrBlockBuilder::LastReports(&last),
            XrBlockBuilder::ReceiverReferenceTime(NtpTime(1)),
        ];
        let missing = Missing::pack([1, 2, 300].into_iter());
        let arrivals = (0..100).map(|number| (number % 7 > 0).then_some(number * 99));
        let transport = TransportWideFeedbackBuilder::new(1, 2, 3, 65_500, arrivals, 200).unwrap();
        let len = CompoundBuilder::new(&mut buf)
            .push_reports(1, Some(SenderInfo::default()), &reports)
            .push(&SourceDescriptionBuilder { chunks: &chunks })
            .push(&GenericNackBuilder {
                sender_ssrc: 1,
                media_ssrc: 2,
                missing,
            })
            .push(&transport)
            .push(&CongestionControlFeedbackBuilder {
                sender_ssrc: 1,
                streams: &streams,
                report_timestamp: 9,
            })
            .push(&RembBuilder {
                sender_ssrc: 1,
                bitrate: 1_000_000,
                ssrcs: &[1, 2],
            })
            .push(&ExtendedReportBuilder {
                ssrc: 1,
                blocks: &blocks,
            })
            .push(&GoodbyeBuilder {
                sources: &[1],
                reason: "over",
            })
            .finish()
            .unwrap();
        let mut statuses = 0;
        for packet in Compound::parse(&buf[..len]).unwrap().packets() {
            match packet.unwrap() {
                RtcpPacket::SenderReport(report) => assert!(report.reports().eq(reports)),
                RtcpPacket::SourceDescription(description) => assert!(description.find(1, SdesType::CNAME).is_some()),
                RtcpPacket::GenericNack(nack) => assert!(nack.sequence_numbers().eq([1, 2, 300])),
                RtcpPacket::TransportWideFeedback(feedback) => statuses += feedback.statuses().count(),
                RtcpPacket::CongestionControlFeedback(feedback) => assert_eq!(feedback.streams().count(), 1),
                RtcpPacket::Remb(remb) => assert_eq!(remb.ssrcs().count(), 2),
                RtcpPacket::ExtendedReport(report) => assert_eq!(report.blocks().count(), 2),
                RtcpPacket::Goodbye(goodbye) => assert_eq!(goodbye.reason(), Some(&b"over"[..])),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(statuses, usize::from(transport.status_count()));
    });
    assert_eq!(counted.count_total, 0);
}
