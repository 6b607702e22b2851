//! Targets of `pollrtc-rtp`.

use pollrtc_rtp::{Compound, Extension, ExtensionMap, Origin, PacketKind, Pool, RtpPacket};

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

/// Bytes as a compound: its packets lie one behind the other and cover all of it.
pub fn rtcp_compound(data: &[u8]) {
    let Ok(compound) = Compound::parse(data) else { return };
    let packets: Vec<_> = compound.packets().collect();
    let bodies: usize = packets.iter().map(|packet| 4 + packet.body.len()).sum();
    let padding = match data[data.len() - 1] {
        count if bodies < data.len() => usize::from(count),
        _ => 0,
    };
    assert!(!packets.is_empty());
    assert_eq!(bodies + padding, data.len());
}
