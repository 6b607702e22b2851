//! A capture file (draft-ietf-opsawg-pcapng) of raw IP packets with headers made up to fit.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::{TraceEvent, TraceRecord};

/// Writes the whole file: section header, an interface for each place, a packet for each record.
pub(super) fn write<'t>(
    mut out: impl io::Write,
    records: impl Iterator<Item = &'t TraceRecord> + Clone,
) -> io::Result<()> {
    let mut interfaces: BTreeMap<Arc<str>, u32> = BTreeMap::new();
    out.write_all(&section_header())?;
    for record in records {
        let next = interfaces.len() as u32;
        let interface = match interfaces.get(&record.place) {
            Some(known) => *known,
            None => {
                out.write_all(&interface_description(&record.place))?;
                interfaces.insert(record.place.clone(), next);
                next
            }
        };
        out.write_all(&enhanced_packet(interface, record))?;
    }
    out.flush()
}

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;
const VERSION: [u16; 2] = [1, 0];
const SECTION_LENGTH_UNKNOWN: u64 = u64::MAX;
/// LINKTYPE_RAW: the packet starts with the IP header, whose version tells which.
const LINK_TYPE_RAW_IP: u16 = 101;

const OPTION_END: u16 = 0;
const OPTION_COMMENT: u16 = 1;
const OPTION_INTERFACE_NAME: u16 = 2;
const OPTION_USER_APPLICATION: u16 = 4;
const OPTION_PACKET_FLAGS: u16 = 2;
const OPTION_TIME_RESOLUTION: u16 = 9;
/// Ten to the minus nine.
const NANOSECONDS: u8 = 9;
const FLAG_INBOUND: u32 = 1;
const FLAG_OUTBOUND: u32 = 2;

fn section_header() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(BYTE_ORDER_MAGIC.to_le_bytes());
    body.extend(VERSION.map(u16::to_le_bytes).concat());
    body.extend(SECTION_LENGTH_UNKNOWN.to_le_bytes());
    put_option(&mut body, OPTION_USER_APPLICATION, b"pollrtc-netsim");
    put_option(&mut body, OPTION_END, b"");
    block(SECTION_HEADER, &body)
}

fn interface_description(name: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(LINK_TYPE_RAW_IP.to_le_bytes());
    body.extend([0; 2]); // reserved
    body.extend([0; 4]); // no limit on the length of packets
    put_option(&mut body, OPTION_INTERFACE_NAME, name.as_bytes());
    put_option(&mut body, OPTION_TIME_RESOLUTION, &[NANOSECONDS]);
    put_option(&mut body, OPTION_END, b"");
    block(INTERFACE_DESCRIPTION, &body)
}

fn enhanced_packet(interface: u32, record: &TraceRecord) -> Vec<u8> {
    let packet = ip_packet(record);
    let time = record.at.as_nanos();
    let mut body = Vec::new();
    body.extend(interface.to_le_bytes());
    body.extend(((time >> 32) as u32).to_le_bytes());
    body.extend((time as u32).to_le_bytes());
    body.extend((packet.len() as u32).to_le_bytes()); // captured
    body.extend((packet.len() as u32).to_le_bytes()); // on the wire
    body.extend(&packet);
    pad(&mut body);
    let comment = match record.event {
        TraceEvent::Sent | TraceEvent::Received => None,
        TraceEvent::Translated { source, destination } => Some(format!("translated, was {source} > {destination}")),
        TraceEvent::Dropped(reason) => Some(format!("dropped: {reason}")),
    };
    if let Some(comment) = comment {
        put_option(&mut body, OPTION_COMMENT, comment.as_bytes());
    }
    let direction = match record.event {
        TraceEvent::Sent => FLAG_OUTBOUND,
        TraceEvent::Received => FLAG_INBOUND,
        TraceEvent::Translated { .. } | TraceEvent::Dropped(_) => 0,
    };
    put_option(&mut body, OPTION_PACKET_FLAGS, &direction.to_le_bytes());
    put_option(&mut body, OPTION_END, b"");
    block(ENHANCED_PACKET, &body)
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    const FRAME: usize = 12; // type, length, length again
    let length = ((body.len() + FRAME) as u32).to_le_bytes();
    [&kind.to_le_bytes()[..], &length, body, &length].concat()
}

fn put_option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

const PROTOCOL_UDP: u8 = 17;
const TTL: u8 = 64;
const UDP_HEADER: usize = 8;
const IPV4_HEADER: usize = 20;
const DONT_FRAGMENT: u16 = 0x4000;

/// The IP packet that the datagram would have been.
fn ip_packet(record: &TraceRecord) -> Vec<u8> {
    let udp = udp_datagram(record);
    let ecn = record.ecn.map_or(0, |ecn| ecn as u8);
    let mut packet = Vec::with_capacity(udp.len() + 40);
    match (record.source.ip(), record.destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let length = u16_len(IPV4_HEADER + udp.len());
            packet.extend([0x45, ecn]);
            packet.extend(length.to_be_bytes());
            packet.extend([0, 0]); // identification
            packet.extend(DONT_FRAGMENT.to_be_bytes());
            packet.extend([TTL, PROTOCOL_UDP, 0, 0]);
            packet.extend(source.octets());
            packet.extend(destination.octets());
            let checksum = checksum(&[&packet]);
            packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        }
        (source, destination) => {
            let traffic_class_and_flow = (6u32 << 28) | (u32::from(ecn) << 20);
            packet.extend(traffic_class_and_flow.to_be_bytes());
            packet.extend(u16_len(udp.len()).to_be_bytes());
            packet.extend([PROTOCOL_UDP, TTL]);
            packet.extend(as_ipv6(source));
            packet.extend(as_ipv6(destination));
        }
    }
    packet.extend(udp);
    packet
}

fn udp_datagram(record: &TraceRecord) -> Vec<u8> {
    let length = u16_len(UDP_HEADER + record.payload.len());
    let mut udp = Vec::with_capacity(UDP_HEADER + record.payload.len());
    udp.extend(record.source.port().to_be_bytes());
    udp.extend(record.destination.port().to_be_bytes());
    udp.extend(length.to_be_bytes());
    udp.extend([0, 0]);
    udp.extend(&record.payload);
    let addresses = match (record.source.ip(), record.destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => [source.octets(), destination.octets()].concat(),
        (source, destination) => [as_ipv6(source), as_ipv6(destination)].concat(),
    };
    // The pseudo header of RFC 768 and of RFC 8200 §8.1 sum up to the same, zeros aside.
    let tail = [&length.to_be_bytes()[..], &[0, PROTOCOL_UDP]].concat();
    let checksum = match checksum(&[&addresses, &tail, &udp]) {
        0 => u16::MAX, // zero would say that there is no checksum
        sum => sum,
    };
    udp[6..8].copy_from_slice(&checksum.to_be_bytes());
    udp
}

fn as_ipv6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The Internet checksum (RFC 1071); each part but the last has an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum: u64 = words
        .map(|word| u64::from(word[0]) << 8 | word.get(1).map_or(0, |low| u64::from(*low)))
        .sum();
    let folded = (0..4).fold(sum, |sum, _| (sum & 0xFFFF) + (sum >> 16));
    !(folded as u16)
}

/// What is too long for UDP (and was dropped for that) shows the largest length.
fn u16_len(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::checksum;

    /// The example of RFC 1071 §3.
    #[test]
    fn internet_checksum() {
        let words = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&[&words]), !0xddf2);
        assert_eq!(checksum(&[&words[..4], &words[4..]]), !0xddf2);
    }
}
