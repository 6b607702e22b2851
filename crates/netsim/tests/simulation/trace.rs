//! What the trace says, as text and as a capture file.

use std::process::Command;

use pollrtc_core::{Ecn, Framing, Protocol, Transmit};
use pollrtc_netsim::{DropReason, Link, Nat, Network, Socket, Trace, TraceEvent, Zone};

use crate::common::{addr, drain, ms};

const SERVER: &str = "198.51.100.1:3478";

/// A Binding request (RFC 8489 §5) without attributes.
const BINDING_REQUEST: [u8; 20] = [
    0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
];

/// A question through a NAT, its answer, and one that is lost.
fn question_and_answer() -> Network {
    let mut net = Network::new(1);
    net.start_trace(Trace::new());
    net.set_link(Zone::INTERNET, Link::new().latency(ms(25)));
    let home = net.nat(Nat::port_restricted("203.0.113.1".parse().unwrap()));
    net.set_name(home, "router");
    let alice = net.host_in(home, addr("10.0.0.2:5000"), Socket::new());
    net.set_name(alice, "alice");
    let server = net.host(addr(SERVER), Socket::new());
    net.set_name(server, "server");
    net[alice].send(addr(SERVER), &BINDING_REQUEST);
    net.advance(ms(30));
    let question = drain(&mut net, server).remove(0);
    let mut answer = BINDING_REQUEST;
    answer[0] = 1;
    net[server].send(question.source, &answer);
    net.advance(ms(30));
    net.set_link(Zone::INTERNET, Link::new().loss(1.0));
    net[alice].send(addr(SERVER), b"bye");
    net.advance(ms(30));
    net
}

#[test]
fn text_tells_the_story() {
    let net = question_and_answer();
    let text = net.trace().unwrap().to_string();
    let expected = "\
0.000000 alice sent 10.0.0.2:5000 > 198.51.100.1:3478 len 20 STUN Binding request
0.000000 router translated 203.0.113.1:5000 > 198.51.100.1:3478 len 20 STUN Binding request (was 10.0.0.2:5000 > 198.51.100.1:3478)
0.025000 server received 203.0.113.1:5000 > 198.51.100.1:3478 len 20 STUN Binding request
0.030000 server sent 198.51.100.1:3478 > 203.0.113.1:5000 len 20 STUN Binding success
0.055000 router translated 198.51.100.1:3478 > 10.0.0.2:5000 len 20 STUN Binding success (was 198.51.100.1:3478 > 203.0.113.1:5000)
0.055000 alice received 198.51.100.1:3478 > 10.0.0.2:5000 len 20 STUN Binding success
0.060000 alice sent 10.0.0.2:5000 > 198.51.100.1:3478 len 3 data
0.060000 router translated 203.0.113.1:5000 > 198.51.100.1:3478 len 3 data (was 10.0.0.2:5000 > 198.51.100.1:3478)
0.060000 router dropped 203.0.113.1:5000 > 198.51.100.1:3478 len 3 data (lost)
";
    assert_eq!(text, expected);
}

#[test]
fn records_can_be_asked() {
    let net = question_and_answer();
    let trace = net.trace().unwrap();
    let lost = |event| event == TraceEvent::Dropped(DropReason::Loss);
    assert_eq!(trace.records().filter(|record| lost(record.event)).count(), 1);
    assert_eq!(trace.records().next().unwrap().payload, BINDING_REQUEST);
}

#[test]
fn a_limited_trace_keeps_the_end() {
    let mut net = Network::new(1);
    net.start_trace(Trace::last(3));
    let a = net.host(addr(SERVER), Socket::new());
    for n in 0..10u8 {
        net[a].send(addr(SERVER), &[n]);
    }
    net.step();
    let kept: Vec<u8> = net.trace().unwrap().records().map(|record| record.payload[0]).collect();
    assert_eq!(kept, [7, 8, 9]);
}

#[test]
fn protocols_are_guessed_by_their_first_bytes() {
    let handshake =
        |epoch: u8, kind: u8| [&[22, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 0, 0, 40, kind][..], &[0; 39]].concat();
    let cases: [(&str, Vec<u8>); 14] = [
        ("STUN Binding error", [&[1, 0x11][..], &BINDING_REQUEST[2..]].concat()),
        ("STUN Send indication", [&[0, 0x16][..], &BINDING_REQUEST[2..]].concat()),
        ("DTLS handshake client_hello", handshake(0, 1)),
        ("DTLS handshake", handshake(1, 1)),
        ("DTLS change_cipher_spec", [&[20, 254, 253][..], &[0; 11]].concat()),
        ("DTLS alert", [&[21, 254, 253][..], &[0; 12]].concat()),
        ("DTLS application_data", [&[23, 254, 253][..], &[0; 40]].concat()),
        ("DTLS 1.3 ciphertext", vec![0x2F; 40]),
        ("TURN channel 0x4001", vec![0x40, 1, 0, 0]),
        ("RTP 96", [&[0x80, 0xE0][..], &[0; 12]].concat()),
        ("RTCP 200", [&[0x80, 200][..], &[0; 12]].concat()),
        ("QUIC", vec![0x50; 30]),
        ("data", vec![0, 1, 2]),
        ("data", vec![255; 100]),
    ];
    for (expected, payload) in cases {
        let mut net = Network::new(1);
        net.start_trace(Trace::new());
        let a = net.host(addr(SERVER), Socket::new());
        net[a].send(addr(SERVER), &payload);
        net.step();
        let text = net.trace().unwrap().records().next().unwrap().to_string();
        assert!(text.ends_with(&format!(" {expected}")), "{text:?} is no {expected:?}");
    }
}

/// Blocks of a capture file: their types and bodies. Panics on what does not fit together.
fn blocks(mut file: &[u8]) -> Vec<(u32, &[u8])> {
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut blocks = Vec::new();
    while !file.is_empty() {
        let length = word(file, 4) as usize;
        assert_eq!(length % 4, 0);
        assert_eq!(word(file, length - 4) as usize, length, "lengths at both ends agree");
        blocks.push((word(file, 0), &file[8..length - 4]));
        file = &file[length..];
    }
    blocks
}

fn capture(net: &Network) -> Vec<u8> {
    let mut file = Vec::new();
    net.trace().unwrap().write_pcapng(&mut file).expect("a Vec takes all");
    file
}

#[test]
fn capture_has_an_interface_for_each_place_and_a_packet_for_each_record() {
    let net = question_and_answer();
    let file = capture(&net);
    let blocks = blocks(&file);
    assert_eq!(blocks[0].0, 0x0A0D_0D0A);
    let names: Vec<&[u8]> = blocks
        .iter()
        .filter(|(kind, _)| *kind == 1)
        .map(|(_, body)| &body[12..16])
        .collect();
    assert_eq!(names, [b"alic", b"rout", b"serv"]);
    let packets: Vec<&[u8]> = blocks
        .iter()
        .filter(|(kind, _)| *kind == 6)
        .map(|(_, body)| *body)
        .collect();
    assert_eq!(packets.len(), net.trace().unwrap().records().len());
    // The third record: 25 ms, interface 2, 48 bytes of IPv4 with the Binding request in it.
    let third = packets[2];
    assert_eq!(third[0], 2);
    assert_eq!(u32::from_le_bytes(third[8..12].try_into().unwrap()), 25_000_000);
    assert_eq!(third[12], 48);
    assert_eq!(third[20], 0x45);
    assert_eq!(third[48..68], BINDING_REQUEST);
}

/// Wireshark's own tools read it: addresses, checksums, protocols, comments. Where they are not
/// installed, the structure is checked by the test above alone.
#[test]
fn wireshark_reads_the_capture() {
    let mut net = question_and_answer();
    let v6 = net.host(addr("[2001:db8::1]:5000"), Socket::new());
    net.bind(v6, addr("[2001:db8::2]:6000"));
    let marked = Transmit {
        ecn: Some(Ecn::Ce),
        ..Transmit::udp(addr("[2001:db8::2]:6000"), 0)
    };
    net[v6].send_transmit(marked, b"odd");
    net.step();
    let path = std::env::temp_dir().join(format!("pollrtc-netsim-{}.pcapng", std::process::id()));
    std::fs::write(&path, capture(&net)).expect("a temporary file");
    let tshark = Command::new("tshark")
        .args(["-r", path.to_str().expect("a plain path")])
        .args(["-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"])
        .args(["-T", "fields", "-e", "frame.time_epoch", "-e", "frame.interface_name"])
        .args([
            "-e",
            "ip.src",
            "-e",
            "ipv6.src",
            "-e",
            "udp.dstport",
            "-e",
            "udp.checksum.status",
        ])
        .args(["-e", "_ws.col.Protocol", "-e", "frame.comment", "-e", "ipv6.tclass.ecn"])
        .output();
    std::fs::remove_file(&path).expect("the file is there");
    let Ok(output) = tshark else {
        assert!(
            Command::new("tshark").arg("-v").output().is_err(),
            "it is not installed"
        );
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.len(), 11, "{text}");
    assert_eq!(
        lines[2],
        ["0.025000000", "server", "203.0.113.1", "", "3478", "1", "STUN", "", ""]
    );
    assert_eq!(lines[8][7], "dropped: lost");
    assert_eq!(lines[9][3..6], ["2001:db8::1", "6000", "1"]);
    assert_eq!(lines[9][8], "3");
    assert!(lines.iter().all(|line| line[5] == "1"), "checksums are good: {text}");
}

/// The one's complement sum of RFC 1071; all ones if a checksum that is in it is good.
fn sum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum: u32 = words
        .map(|word| u32::from(word[0]) << 8 | word.get(1).map_or(0, |low| u32::from(*low)))
        .sum();
    let folded = (sum & 0xFFFF) + (sum >> 16);
    (folded & 0xFFFF) as u16 + (folded >> 16) as u16
}

/// Streams and ICMP, over both families: each checksum is right, and the headers say what happened.
#[test]
fn capture_has_headers_of_tcp_and_icmp() {
    let mut net = Network::new(1);
    net.start_trace(pollrtc_netsim::Trace::new());
    let alice = net.host(addr("192.0.2.1:5000"), Socket::new());
    net.bind(alice, addr("[2001:db8::1]:5000"));
    let bob = net.host(addr("192.0.2.2:443"), Socket::new());
    net.bind(bob, addr("[2001:db8::2]:443"));
    for local in ["192.0.2.2:443", "[2001:db8::2]:443"] {
        net.listen(bob, addr(local), Protocol::Tcp, Framing::Rfc4571);
        net[alice].connect(Protocol::Tcp, addr(local), Framing::Rfc4571);
        net.advance(ms(1));
        let stream = net[alice].stream().expect("it is open");
        net[alice].send_on(stream, b"odd");
        net[alice].close(stream);
        let mut closed = addr(local);
        closed.set_port(7);
        net[alice].send(closed, b"closed");
        while net.step() {}
    }
    let file = capture(&net);
    let mut kinds = Vec::new();
    for (_, body) in blocks(&file).into_iter().filter(|(kind, _)| *kind == 6) {
        let len = u32::from_le_bytes(body[12..16].try_into().unwrap()) as usize;
        let packet = &body[20..20 + len];
        let (protocol, addresses, rest) = match packet[0] >> 4 {
            4 => {
                assert_eq!(sum(&[&packet[..20]]), 0xFFFF);
                (packet[9], &packet[12..20], &packet[20..])
            }
            _ => (packet[6], &packet[8..40], &packet[40..]),
        };
        let pseudo = [addresses, &(rest.len() as u16).to_be_bytes(), &[0, protocol]].concat();
        match protocol {
            1 => assert_eq!(sum(&[rest]), 0xFFFF),
            6 | 17 | 58 => assert_eq!(sum(&[&pseudo, rest]), 0xFFFF),
            other => panic!("protocol {other}"),
        }
        match protocol {
            1 => assert_eq!(rest[..2], [3, 3], "port unreachable (RFC 792)"),
            58 => assert_eq!(rest[..2], [1, 4], "port unreachable (RFC 4443 §3.1)"),
            6 => kinds.push(rest[13]),
            _ => {}
        }
    }
    for bits in [0x02, 0x12, 0x10, 0x11] {
        assert!(kinds.contains(&bits), "no segment with the control bits {bits:#04x}");
    }
}
