//! Targets of `pollrtc-rtp`.

use pollrtc_rtp::{Compound, Extension, ExtensionMap, Origin, PacketKind, Pool, RtcpPacket, RtpPacket};

/// Bytes as a packet, with each number meaning something: the parts lie inside of it, apart from each other, and a
/// copy says the same.
pub fn rtp_packet(data: &[u8]) {
    let mut map = ExtensionMap::new();
    let meanings = [
        Extension::Mid,
        Extension::AudioLevel,
        Extension::TransportSequence,
        Extension::DependencyDescriptor,
        Extension::Other(9),
    ];
    for (id, meaning) in (0..=255).zip(meanings.into_iter().cycle()) {
        map.insert(id, meaning);
    }
    let Ok(packet) = RtpPacket::parse(data, &map, Origin::default()) else {
        return;
    };
    assert_eq!(PacketKind::of(data).is_some(), data[0] >> 6 == 2);
    let header = data.len() - packet.payload().len() - packet.padding();
    assert!(header >= 12 + 4 * packet.contributing_sources().count());
    for meaning in meanings {
        let value = packet.extension(meaning).unwrap_or_default();
        assert!(value.len() <= header - 12, "{meaning:?} is longer than the header");
    }
    let shared = Pool::new(1).share(&packet).expect("nobody holds it");
    assert_eq!(shared.view(), packet);
}

/// Bytes as a compound: its packets lie one behind the other and cover all of it, and what a known one says comes to
/// an end.
pub fn rtcp_compound(data: &[u8]) {
    let Ok(compound) = Compound::parse(data) else { return };
    assert!(data.starts_with(compound.as_bytes()));
    assert_eq!(compound.ended_by().is_none(), compound.as_bytes().len() == data.len());
    assert!(compound.packets().count() > 0);
    let bodies = compound.raw_packets().flatten().map(|raw| 4 + raw.body.len());
    assert!(bodies.sum::<usize>() <= data.len());
    for packet in compound.packets().flatten() {
        read_whole(&packet);
    }
}

/// Reads all that a packet has; there is never more in it than its bytes can say.
fn read_whole(packet: &RtcpPacket<'_>) {
    match packet {
        RtcpPacket::SenderReport(report) => assert!(report.reports().count() <= 31),
        RtcpPacket::ReceiverReport(report) => assert!(report.reports().count() <= 31),
        RtcpPacket::SourceDescription(description) => {
            let chunks = description
                .chunks()
                .map(|chunk| chunk.items().map(|item| item.value.len()).sum::<usize>());
            assert!(chunks.sum::<usize>() < 1 << 18);
        }
        RtcpPacket::Goodbye(goodbye) => assert!(goodbye.sources().count() <= 31),
        RtcpPacket::ExtendedReport(report) => assert!(report.blocks().count() <= 1 << 16),
        RtcpPacket::GenericNack(nack) => assert!(nack.sequence_numbers().count() <= 17 * nack.missing().len()),
        RtcpPacket::TransportWideFeedback(feedback) => {
            assert_eq!(feedback.statuses().count(), usize::from(feedback.status_count()));
        }
        RtcpPacket::CongestionControlFeedback(feedback) => {
            let metrics = feedback.streams().map(|stream| stream.metrics().count());
            assert!(metrics.sum::<usize>() < 1 << 17);
        }
        RtcpPacket::FullIntraRequest(request) => assert!(request.entries().len() < 1 << 15),
        RtcpPacket::Tmmbr(request) => assert!(request.limits().all(|limit| limit.overhead < 512)),
        RtcpPacket::Tmmbn(notification) => assert!(notification.limits().all(|limit| limit.overhead < 512)),
        RtcpPacket::Remb(remb) => assert!(remb.ssrcs().count() < 256),
        _ => {}
    }
}
