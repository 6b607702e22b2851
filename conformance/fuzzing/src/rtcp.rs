//! Targets of `pollrtc-rtp`: RTCP.

use pollrtc_rtp::rtcp::{
    ApplicationDefinedBuilder, Arrival, CongestionControlFeedbackBuilder, ExtendedReportBuilder,
    FullIntraRequestBuilder, GenericNackBuilder, GoodbyeBuilder, ReceiverReportBuilder, RembBuilder, SdesChunkBuilder,
    SdesType, SenderReportBuilder, SourceDescriptionBuilder, StreamMetricsBuilder, TmmbnBuilder, TmmbrBuilder,
    TransportWideFeedback, TransportWideFeedbackBuilder, WriteRtcp, XrBlock, XrBlockBuilder,
};
use pollrtc_rtp::{Compound, Demultiplexer, DemultiplexerConfig, Missing, RtcpPacket, Section, SectionId};

/// Bytes as a compound: its packets lie one behind the other and cover all of it, and what a known one says is the same
/// when it is written again. And as times at which packets arrived.
pub fn rtcp_compound(data: &[u8]) {
    arrivals(data);
    let Ok(compound) = Compound::parse(data) else { return };
    assert!(data.starts_with(compound.as_bytes()));
    assert_eq!(compound.ended_by().is_none(), compound.as_bytes().len() == data.len());
    assert!(compound.packets().count() > 0);
    let bodies = compound.raw_packets().flatten().map(|raw| 4 + raw.body.len());
    assert!(bodies.sum::<usize>() <= data.len());

    let section = Section {
        id: SectionId(1),
        mid: Some("a"),
        outgoing_ssrcs: &[1, 2, 3],
        ..Section::default()
    };
    let mut demultiplexer = Demultiplexer::new(DemultiplexerConfig { streams: 8, seed: 7 });
    demultiplexer.set_sections(&[section]);
    for packet in compound.packets().flatten() {
        write_again(&packet);
        let mut delivered = 0;
        demultiplexer.route_rtcp(&packet, |_| delivered += 1);
        assert!(delivered <= 1 && demultiplexer.streams() <= 8);
    }
}

/// Writes a packet and reads it; `is_same` compares.
fn again(builder: &impl WriteRtcp, is_same: impl FnOnce(RtcpPacket<'_>) -> bool) {
    let mut bytes = vec![0; builder.encoded_len()];
    assert_eq!(builder.write_to(&mut bytes), Ok(bytes.len()));
    let compound = Compound::parse(&bytes).expect("it was just written");
    let packet = compound
        .packets()
        .next()
        .expect("there is one")
        .expect("it was just written");
    assert!(is_same(packet), "{packet:?}");
}

fn write_again(packet: &RtcpPacket<'_>) {
    match *packet {
        RtcpPacket::SenderReport(report) => {
            let reports: Vec<_> = report.reports().collect();
            let builder = SenderReportBuilder {
                ssrc: report.ssrc(),
                info: report.info(),
                reports: &reports,
            };
            again(&builder, |packet| match packet {
                RtcpPacket::SenderReport(read) => read.info() == report.info() && read.reports().eq(report.reports()),
                _ => false,
            });
        }
        RtcpPacket::ReceiverReport(report) => {
            let reports: Vec<_> = report.reports().collect();
            let builder = ReceiverReportBuilder {
                ssrc: report.ssrc(),
                reports: &reports,
            };
            again(&builder, |packet| match packet {
                RtcpPacket::ReceiverReport(read) => read.reports().eq(report.reports()),
                _ => false,
            });
        }
        RtcpPacket::SourceDescription(description) => {
            let items: Vec<Vec<_>> = description.chunks().map(|chunk| chunk.items().collect()).collect();
            let chunks = description.chunks().zip(&items);
            let chunks = chunks.map(|(chunk, items)| SdesChunkBuilder {
                ssrc: chunk.ssrc(),
                items,
            });
            let chunks: Vec<_> = chunks.collect();
            again(&SourceDescriptionBuilder { chunks: &chunks }, |packet| match packet {
                RtcpPacket::SourceDescription(read) => read.chunks().eq(description.chunks()),
                _ => false,
            });
            let first = description.chunks().next().map_or(0, |chunk| chunk.ssrc());
            let name = description.find(first, SdesType::CNAME);
            assert!(name.is_none_or(|name| name.len() <= 255));
        }
        RtcpPacket::Goodbye(goodbye) => {
            let sources: Vec<_> = goodbye.sources().collect();
            let reason = core::str::from_utf8(goodbye.reason().unwrap_or_default()).unwrap_or("none");
            let builder = GoodbyeBuilder {
                sources: &sources,
                reason,
            };
            again(&builder, |packet| match packet {
                RtcpPacket::Goodbye(read) => {
                    read.sources().eq(goodbye.sources()) && read.reason().unwrap_or_default() == reason.as_bytes()
                }
                _ => false,
            });
        }
        RtcpPacket::ApplicationDefined(application) => {
            let builder = ApplicationDefinedBuilder {
                subtype: application.subtype(),
                ssrc: application.ssrc(),
                name: application.name(),
                // Padding of an odd length may have cut it.
                data: &application.data()[..application.data().len() & !3],
            };
            again(&builder, |packet| match packet {
                RtcpPacket::ApplicationDefined(read) => read.data() == builder.data && read.name() == builder.name,
                _ => false,
            });
        }
        RtcpPacket::ExtendedReport(report) => {
            let known = report
                .blocks()
                .filter(|block| !matches!(block, XrBlock::Unknown { .. }));
            let reports = known.clone().map(|block| match block {
                XrBlock::LastReports(reports) => reports.iter().collect(),
                _ => Vec::new(),
            });
            let reports: Vec<Vec<_>> = reports.collect();
            let blocks = known.clone().zip(&reports).map(|(block, reports)| match block {
                XrBlock::ReceiverReferenceTime(time) => XrBlockBuilder::ReceiverReferenceTime(time),
                _ => XrBlockBuilder::LastReports(reports),
            });
            let blocks: Vec<_> = blocks.collect();
            let builder = ExtendedReportBuilder {
                ssrc: report.ssrc(),
                blocks: &blocks,
            };
            again(&builder, |packet| match packet {
                RtcpPacket::ExtendedReport(read) => {
                    read.blocks().count() == blocks.len() && read.blocks().zip(known).all(|(read, block)| read == block)
                }
                _ => false,
            });
        }
        RtcpPacket::GenericNack(nack) => {
            let builder = GenericNackBuilder {
                sender_ssrc: nack.sender_ssrc(),
                media_ssrc: nack.media_ssrc(),
                missing: nack.missing(),
            };
            again(&builder, |packet| packet == RtcpPacket::GenericNack(nack));
            // In order or not, packed numbers come apart again, but for those that come twice.
            let packed = Missing::pack(nack.sequence_numbers());
            let mut numbers: Vec<_> = nack.sequence_numbers().collect();
            let mut unpacked: Vec<_> = packed.flat_map(Missing::sequence_numbers).collect();
            numbers.sort_unstable();
            numbers.dedup();
            unpacked.sort_unstable();
            unpacked.dedup();
            assert_eq!(numbers, unpacked);
        }
        RtcpPacket::Tmmbr(request) => {
            let limits: Vec<_> = request.limits().collect();
            let builder = TmmbrBuilder {
                sender_ssrc: request.sender_ssrc(),
                limits: &limits,
            };
            again(&builder, |packet| match packet {
                RtcpPacket::Tmmbr(read) => are_same_limits(read.limits(), request.limits()),
                _ => false,
            });
        }
        RtcpPacket::Tmmbn(notification) => {
            let limits: Vec<_> = notification.limits().collect();
            let builder = TmmbnBuilder {
                sender_ssrc: notification.sender_ssrc(),
                limits: &limits,
            };
            again(&builder, |packet| match packet {
                RtcpPacket::Tmmbn(read) => are_same_limits(read.limits(), notification.limits()),
                _ => false,
            });
        }
        RtcpPacket::TransportWideFeedback(feedback) => transport_again(&feedback),
        RtcpPacket::CongestionControlFeedback(feedback) => {
            let metrics = feedback
                .streams()
                .map(|stream| stream.metrics().take(16_384).map(|(_, metric)| metric));
            let metrics: Vec<Vec<_>> = metrics.map(Iterator::collect).collect();
            let streams = feedback
                .streams()
                .zip(&metrics)
                .map(|(stream, metrics)| StreamMetricsBuilder {
                    ssrc: stream.ssrc(),
                    begin_sequence: stream.begin_sequence(),
                    metrics,
                });
            let streams: Vec<_> = streams.collect();
            let builder = CongestionControlFeedbackBuilder {
                sender_ssrc: feedback.sender_ssrc(),
                streams: &streams,
                report_timestamp: feedback.report_timestamp(),
            };
            again(&builder, |packet| match packet {
                RtcpPacket::CongestionControlFeedback(read) => {
                    let read = read
                        .streams()
                        .map(|stream| (stream.ssrc(), stream.metrics().collect::<Vec<_>>()));
                    read.eq(feedback
                        .streams()
                        .map(|stream| (stream.ssrc(), stream.metrics().take(16_384).collect())))
                }
                _ => false,
            });
        }
        RtcpPacket::PictureLossIndication(request) => {
            again(&request, |packet| packet == RtcpPacket::PictureLossIndication(request));
        }
        RtcpPacket::FullIntraRequest(request) => {
            let entries: Vec<_> = request.entries().collect();
            let builder = FullIntraRequestBuilder {
                sender_ssrc: request.sender_ssrc(),
                entries: &entries,
            };
            again(&builder, |packet| match packet {
                RtcpPacket::FullIntraRequest(read) => read.entries().eq(request.entries()),
                _ => false,
            });
        }
        RtcpPacket::Remb(remb) => {
            let ssrcs: Vec<_> = remb.ssrcs().collect();
            let builder = RembBuilder {
                sender_ssrc: remb.sender_ssrc(),
                bitrate: remb.bitrate(),
                ssrcs: &ssrcs,
            };
            again(&builder, |packet| match packet {
                RtcpPacket::Remb(read) => is_rounded(read.bitrate(), remb.bitrate()) && read.ssrcs().eq(remb.ssrcs()),
                _ => false,
            });
        }
        _ => {}
    }
}

/// What was beyond all bounds is written with fewer digits.
fn is_rounded(read: u64, written: u64) -> bool {
    read == written || (written == u64::MAX && read >= 0x1_ffff << 47)
}

fn are_same_limits(
    read: impl Iterator<Item = pollrtc_rtp::rtcp::BitrateLimit>,
    written: impl Iterator<Item = pollrtc_rtp::rtcp::BitrateLimit>,
) -> bool {
    read.zip(written).all(|(read, written)| {
        (read.ssrc, read.overhead) == (written.ssrc, written.overhead) && is_rounded(read.bitrate, written.bitrate)
    })
}

/// Feedback that tells of each packet when it came, or that it did not, is the same when it is written again.
fn transport_again(feedback: &TransportWideFeedback<'_>) {
    assert_eq!(feedback.statuses().count(), usize::from(feedback.status_count()));
    let reference = i64::from(feedback.reference_time()) * 256;
    let arrivals = feedback.statuses().map_while(|status| match status.arrival {
        Arrival::At(ticks) => Some(Some(reference + i64::from(ticks))),
        Arrival::NotReceived => Some(None),
        Arrival::Received => None,
    });
    encode(feedback.base_sequence(), arrivals, 2_000);
}

/// Bytes as arrival times, a size and a first number.
fn arrivals(data: &[u8]) {
    let Some((&[size, base], times)) = data.split_first_chunk() else {
        return;
    };
    let mut at = 1 << 24;
    let arrivals = times.as_chunks::<2>().0.iter().map(move |&[kind, step]| {
        at += match kind % 7 {
            0 => return None,
            1 => -i64::from(step),
            2 => i64::from(step) << 8,
            3 => i64::from(kind) << 9,
            _ => i64::from(step),
        };
        Some(at)
    });
    encode(u16::from(base) << 8, arrivals, usize::from(size) * 2);
}

/// Writes arrivals, as many as have room, and reads them.
fn encode(base: u16, arrivals: impl Iterator<Item = Option<i64>> + Clone, max_len: usize) {
    let Some(builder) = TransportWideFeedbackBuilder::new(1, 2, 3, base, arrivals.clone(), max_len) else {
        return;
    };
    assert!(builder.encoded_len() <= max_len);
    let count = usize::from(builder.status_count());
    again(&builder, |packet| match packet {
        RtcpPacket::TransportWideFeedback(read) => {
            let first = arrivals.clone().flatten().next().unwrap_or_default();
            // 24 bits of the reference time are written.
            let reference = first.div_euclid(256) * 256;
            assert_eq!(reference as i32 >> 8, read.reference_time());
            let statuses = read.statuses().map(|status| match status.arrival {
                Arrival::At(ticks) => Some(reference + i64::from(ticks)),
                _ => None,
            });
            statuses.eq(arrivals.take(count))
        }
        _ => false,
    });
}
