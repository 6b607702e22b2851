//! The libraries.

use pollrtc_rtp::rtcp::Arrival;
use pollrtc_rtp::{AbsSendTime, AudioLevel, Extension, ExtensionMap, Mid, Origin, RtcpPacket, TransportSequence};
use rtc_shared::marshal::{MarshalSize, Unmarshal};

use crate::measure::Reader;

/// The fields of the header, the length of the payload, and as many of the extensions as the library can read.
pub(crate) fn packets() -> [Reader; 4] {
    let mut map = ExtensionMap::new();
    map.insert(1, Extension::AudioLevel);
    map.insert(2, Extension::AbsSendTime);
    map.insert(3, Extension::TransportSequence);
    map.insert(4, Extension::Mid);
    let pollrtc = move |bytes: &[u8]| {
        let packet = pollrtc_rtp::RtpPacket::parse(bytes, &map, Origin::default()).expect("a packet");
        let level = packet.header_extension::<AudioLevel>().map_or(0, |level| level.level);
        let sent = packet.header_extension::<AbsSendTime>().map_or(0, |time| time.0);
        let number = packet
            .header_extension()
            .map_or(0, |TransportSequence { sequence_number, .. }| sequence_number);
        let mid = packet.header_extension::<Mid<'_>>().map_or(0, |mid| mid.0.len());
        u64::from(packet.payload_type())
            + u64::from(packet.sequence_number())
            + u64::from(packet.timestamp())
            + u64::from(packet.ssrc())
            + u64::from(packet.marker())
            + packet.payload().len() as u64
            + u64::from(level)
            + u64::from(sent)
            + u64::from(number)
            + mid as u64
    };
    let standard = str0m::rtp::ExtensionMap::standard();
    let str0m = move |bytes: &[u8]| {
        let header = str0m::rtp::RtpHeader::_parse(bytes, &standard).expect("a packet");
        u64::from(*header.payload_type)
            + u64::from(header.sequence_number)
            + u64::from(header.timestamp)
            + u64::from(*header.ssrc)
            + u64::from(header.marker)
            + (bytes.len() - header.header_len) as u64
            + u64::from(header.ext_vals.transport_cc.unwrap_or(0))
    };
    let rtc = |mut bytes: &[u8]| {
        let len = bytes.len();
        let header = rtc_rtp::Header::unmarshal(&mut bytes).expect("a packet");
        u64::from(header.payload_type)
            + u64::from(header.sequence_number)
            + u64::from(header.timestamp)
            + u64::from(header.ssrc)
            + u64::from(header.marker)
            + (len - header.marshal_size()) as u64
            + header.get_extension(3).map_or(0, |value| value.len() as u64)
    };
    let rtp_types = |bytes: &[u8]| {
        let packet = rtp_types::RtpPacket::parse(bytes).expect("a packet");
        u64::from(packet.payload_type())
            + u64::from(packet.sequence_number())
            + u64::from(packet.timestamp())
            + u64::from(packet.ssrc())
            + u64::from(packet.marker_bit())
            + packet.payload().len() as u64
            + packet.extension().map_or(0, |(_, block)| block.len() as u64)
    };
    [
        Reader::new("pollrtc", pollrtc),
        Reader::new("str0m", str0m),
        Reader::new("rtc", rtc),
        Reader::new("rtp-types (block as bytes)", rtp_types),
    ]
}

/// Times and counts of the report, the length of the name, and when each packet arrived.
pub(crate) fn compounds() -> [Reader; 3] {
    let pollrtc = |bytes: &[u8]| {
        let mut sum = 0_u64;
        for packet in pollrtc_rtp::Compound::parse(bytes).expect("a compound").packets() {
            match packet.expect("a packet") {
                RtcpPacket::SenderReport(report) => {
                    let info = report.info();
                    sum = sum.wrapping_add(info.ntp_time.0 + u64::from(info.rtp_timestamp));
                    for block in report.reports() {
                        sum = sum.wrapping_add(u64::from(block.fraction_lost) + u64::from(block.jitter));
                    }
                }
                RtcpPacket::SourceDescription(description) => {
                    let items = description.chunks().flat_map(|chunk| chunk.items());
                    sum += items.map(|item| item.value.len() as u64).sum::<u64>();
                }
                RtcpPacket::TransportWideFeedback(feedback) => {
                    feedback.statuses().for_each(|status| {
                        if let Arrival::At(ticks) = status.arrival {
                            let number = u64::from(status.sequence_number);
                            sum = sum.wrapping_add(number + u64::from(ticks.cast_unsigned()));
                        }
                    });
                }
                _ => {}
            }
        }
        sum
    };
    let rtcp_types = |bytes: &[u8]| {
        use rtcp_types::{Packet, Twcc, TwccPacketStatus};
        let mut sum = 0_u64;
        for packet in rtcp_types::Compound::parse(bytes).expect("a compound") {
            match packet.expect("a packet") {
                Packet::Sr(report) => {
                    sum = sum.wrapping_add(report.ntp_timestamp() + u64::from(report.rtp_timestamp()));
                    for block in report.report_blocks() {
                        let lost = u64::from(block.fraction_lost());
                        sum = sum.wrapping_add(lost + u64::from(block.interarrival_jitter()));
                    }
                }
                Packet::Sdes(description) => {
                    let items = description.chunks().flat_map(|chunk| chunk.items());
                    sum += items.map(|item| item.value().len() as u64).sum::<u64>();
                }
                Packet::TransportFeedback(feedback) => {
                    let feedback = feedback.parse_fci::<Twcc>().expect("feedback");
                    for status in feedback.packets() {
                        if let (number, TwccPacketStatus::Received { delta }) = status.expect("a status") {
                            sum = sum.wrapping_add(u64::from(number) + delta as u64);
                        }
                    }
                }
                _ => {}
            }
        }
        sum
    };
    let rtc = |mut bytes: &[u8]| {
        use rtc_rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
        let packets = rtc_rtcp::packet::unmarshal(&mut bytes).expect("a compound");
        let feedback = packets
            .iter()
            .filter_map(|packet| packet.as_any().downcast_ref::<TransportLayerCc>());
        let deltas = feedback.flat_map(|feedback| &feedback.recv_deltas);
        deltas.fold(packets.len() as u64, |sum, delta| sum.wrapping_add(delta.delta as u64))
    };
    [
        Reader::new("pollrtc", pollrtc),
        Reader::new("rtcp-types", rtcp_types),
        Reader::new("rtc", rtc),
    ]
}
