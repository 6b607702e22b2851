//! RTCP packets, one behind the other.

use pollrtc_rtp::{Compound, CompoundError, Missing};
use quickcheck::quickcheck;

/// An empty receiver report, a BYE of one source, and padding behind it.
const REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 9];
const BYE: [u8; 8] = [0x81, 203, 0, 1, 0, 0, 0, 9];
const PADDED: [u8; 12] = [0xa1, 203, 0, 2, 0, 0, 0, 9, 0, 0, 0, 4];

#[test]
fn packets_come_in_order_without_their_padding() {
    let bytes = [&REPORT[..], &PADDED].concat();
    let packets: Vec<_> = Compound::parse(&bytes).unwrap().packets().collect();
    let summary: Vec<_> = packets.iter().map(|p| (p.packet_type, p.count, p.body.len())).collect();
    assert_eq!(summary, [(201, 0, 4), (203, 1, 4)]);
}

#[test]
fn reduced_size_needs_no_report_in_front() {
    // RFC 5506 §3.4.2
    assert_eq!(Compound::parse(&BYE).unwrap().packets().count(), 1);
}

#[test]
fn what_is_no_rtcp_is_refused_where_it_begins() {
    let refused = |bytes: &[u8], at| {
        let len = bytes.len();
        assert_eq!(Compound::parse(bytes), Err(CompoundError { at, len }), "{bytes:?}");
    };
    refused(&[], 0);
    refused(&REPORT[..7], 0);
    refused(&[0x40, 201, 0, 0], 0); // version 1
    refused(&[0x80, 111, 0, 0], 0); // RTP
    refused(&[&REPORT[..], &[0x80]].concat(), 8);
    // RFC 3550 §A.2: only the last packet is padded.
    refused(&[&PADDED[..], &REPORT].concat(), 0);
    refused(&[0xa0, 201, 0, 1, 0, 0, 0, 0], 0); // padding of no length
    refused(&[0xa0, 201, 0, 1, 0, 0, 0, 8], 0); // padding over its own header
    refused(&[0xa0, 201, 0, 1, 0, 0, 0, 3], 0); // padding of odd length
}

#[test]
fn a_nack_names_up_to_seventeen() {
    let all = Missing {
        first: 65_530,
        following: 0xffff,
    };
    let numbers: Vec<u16> = all.sequence_numbers().collect();
    assert_eq!(numbers.len(), 17);
    assert_eq!((numbers[0], numbers[6], numbers[16]), (65_530, 0, 10));
}

quickcheck! {
    /// For every byte string: an error, or packets that cover all of it.
    fn every_byte_string_is_a_compound_or_an_error(bytes: Vec<u8>) -> bool {
        let Ok(compound) = Compound::parse(&bytes) else { return true };
        let covered: usize = compound.packets().map(|packet| 4 + packet.body.len()).sum();
        covered <= bytes.len() && compound.packets().count() > 0
    }

    /// For every list of bodies: what was put together comes apart again.
    fn every_compound_comes_apart(bodies: Vec<(u8, Vec<u8>)>) -> bool {
        let mut bytes = Vec::new();
        for (count, body) in &bodies {
            let words = body.len() / 4;
            bytes.extend([0x80 | count & 0x1f, 205]);
            bytes.extend((words as u16).to_be_bytes());
            bytes.extend(&body[..words * 4]);
        }
        if bodies.is_empty() {
            return Compound::parse(&bytes).is_err();
        }
        let packets = Compound::parse(&bytes).unwrap().packets();
        packets.map(|packet| (packet.count, packet.body)).eq(bodies.iter().map(|(count, body)| {
            (count & 0x1f, &body[..body.len() / 4 * 4])
        }))
    }
}
