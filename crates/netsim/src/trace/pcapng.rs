//! A capture file (draft-ietf-opsawg-pcapng) of raw IP packets with headers made up to fit.

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use pollrtc_core::Protocol;

use super::record::{Carried, TraceEvent, TraceRecord};
use crate::icmp::IcmpError;
use crate::packet::{IPV4_HEADER, IPV6_HEADER, TCP_HEADER, UDP_HEADER};

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

const PROTOCOL_ICMP: u8 = 1;
const PROTOCOL_TCP: u8 = 6;
const PROTOCOL_UDP: u8 = 17;
const PROTOCOL_ICMPV6: u8 = 58;
const TTL: u8 = 64;
const DONT_FRAGMENT: u16 = 0x4000;

/// The IP packet that the record is of.
fn ip_packet(record: &TraceRecord) -> Vec<u8> {
    let (source, destination) = (record.source, record.destination);
    let (protocol, body) = match record.carried {
        Carried::Udp => (PROTOCOL_UDP, udp_datagram(source, destination, &record.payload)),
        Carried::Tcp { .. } => (PROTOCOL_TCP, tcp_segment(record)),
        Carried::Icmp { .. } => icmp_message(record),
    };
    let ecn = record.ecn.map_or(0, |ecn| ecn as u8);
    let mut packet = ip_header(source, destination, protocol, ecn, body.len());
    packet.extend(body);
    packet
}

fn ip_header(source: SocketAddr, destination: SocketAddr, protocol: u8, ecn: u8, body: usize) -> Vec<u8> {
    let mut header = Vec::with_capacity(IPV6_HEADER);
    match (source.ip(), destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let length = u16_len(IPV4_HEADER + body);
            header.extend([0x45, ecn]);
            header.extend(length.to_be_bytes());
            header.extend([0, 0]); // identification
            header.extend(DONT_FRAGMENT.to_be_bytes());
            header.extend([TTL, protocol, 0, 0]);
            header.extend(source.octets());
            header.extend(destination.octets());
            let checksum = checksum(&[&header]);
            header[10..12].copy_from_slice(&checksum.to_be_bytes());
        }
        (source, destination) => {
            let traffic_class_and_flow = (6u32 << 28) | (u32::from(ecn) << 20);
            header.extend(traffic_class_and_flow.to_be_bytes());
            header.extend(u16_len(body).to_be_bytes());
            header.extend([protocol, TTL]);
            header.extend(as_ipv6(source));
            header.extend(as_ipv6(destination));
        }
    }
    header
}

fn udp_datagram(source: SocketAddr, destination: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let length = u16_len(UDP_HEADER + payload.len());
    let mut udp = Vec::with_capacity(UDP_HEADER + payload.len());
    udp.extend(source.port().to_be_bytes());
    udp.extend(destination.port().to_be_bytes());
    udp.extend(length.to_be_bytes());
    udp.extend([0, 0]);
    udp.extend(payload);
    let checksum = match transport_checksum(source, destination, PROTOCOL_UDP, &udp) {
        0 => u16::MAX, // zero would say that there is no checksum
        sum => sum,
    };
    udp[6..8].copy_from_slice(&checksum.to_be_bytes());
    udp
}

/// RFC 9293 §3.1.
fn tcp_segment(record: &TraceRecord) -> Vec<u8> {
    const WINDOW: u16 = u16::MAX;
    let (source, destination) = (record.source, record.destination);
    let mut tcp = Vec::with_capacity(TCP_HEADER + record.payload.len());
    tcp.extend(source.port().to_be_bytes());
    tcp.extend(destination.port().to_be_bytes());
    if let Carried::Tcp {
        syn,
        ack,
        fin,
        rst,
        sequence,
        acknowledgement,
    } = record.carried
    {
        let acknowledgement = if ack { acknowledgement as u32 } else { 0 };
        tcp.extend((sequence as u32).to_be_bytes());
        tcp.extend(acknowledgement.to_be_bytes());
        let bits = [fin, syn, rst, false, ack];
        let bits = bits.into_iter().enumerate().map(|(bit, set)| u8::from(set) << bit);
        tcp.extend([(TCP_HEADER as u8 / 4) << 4, bits.sum()]);
    }
    tcp.extend(WINDOW.to_be_bytes());
    tcp.extend([0; 4]); // checksum, urgent pointer
    tcp.extend(&record.payload);
    let checksum = transport_checksum(source, destination, PROTOCOL_TCP, &tcp);
    tcp[16..18].copy_from_slice(&checksum.to_be_bytes());
    tcp
}

/// RFC 792, RFC 4443: type, code and what the packet began with.
fn icmp_message(record: &TraceRecord) -> (u8, Vec<u8>) {
    let Carried::Icmp {
        error,
        protocol,
        source,
        destination,
    } = record.carried
    else {
        return (PROTOCOL_ICMP, Vec::new());
    };
    let quoted = if protocol == Protocol::Udp {
        PROTOCOL_UDP
    } else {
        PROTOCOL_TCP
    };
    let mut ports = [source.port().to_be_bytes(), destination.port().to_be_bytes()].concat();
    ports.resize(QUOTED, 0);
    let quote = [ip_header(source, destination, quoted, 0, QUOTED), ports].concat();
    let is_ipv4 = record.destination.is_ipv4();
    let ([kind, code], rest) = match (error, is_ipv4) {
        (IcmpError::HostUnreachable, true) => ([3, 1], 0),
        (IcmpError::PortUnreachable, true) => ([3, 3], 0),
        (IcmpError::TooBig { mtu }, true) => ([3, 4], u32::from(mtu)),
        (IcmpError::Prohibited, true) => ([3, 13], 0),
        (IcmpError::Prohibited, false) => ([1, 1], 0),
        (IcmpError::HostUnreachable, false) => ([1, 3], 0),
        (IcmpError::PortUnreachable, false) => ([1, 4], 0),
        (IcmpError::TooBig { mtu }, false) => ([2, 0], u32::from(mtu)),
    };
    let mut message = [&[kind, code, 0, 0], &rest.to_be_bytes()[..], &quote].concat();
    let (protocol, sum) = if is_ipv4 {
        (PROTOCOL_ICMP, checksum(&[&message]))
    } else {
        let sum = transport_checksum(record.source, record.destination, PROTOCOL_ICMPV6, &message);
        (PROTOCOL_ICMPV6, sum)
    };
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    (protocol, message)
}

/// How many bytes behind the IP header an ICMP error quotes at least.
const QUOTED: usize = 8;

/// With the pseudo header of RFC 768 and RFC 9293, or of RFC 8200 §8.1, which sum up to the same, zeros aside.
fn transport_checksum(source: SocketAddr, destination: SocketAddr, protocol: u8, body: &[u8]) -> u16 {
    let addresses = match (source.ip(), destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => [source.octets(), destination.octets()].concat(),
        (source, destination) => [as_ipv6(source), as_ipv6(destination)].concat(),
    };
    let tail = [&u16_len(body.len()).to_be_bytes()[..], &[0, protocol]].concat();
    checksum(&[&addresses, &tail, body])
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
