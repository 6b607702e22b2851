//! What was packetized comes out the same.

use pollrtc_rtp::payload::{H264Mode, H264Packetizer, Packetize, PayloadFormat};
use quickcheck::quickcheck;

use crate::common::{Stream, annex_b, nal_unit, payloads};
use crate::frames::{FORMATS, frame, packetizer};

/// Whether a frame comes out as it went in, and no byte of it was sent twice.
fn comes_back(format: PayloadFormat, len: usize, unit: usize, limit: usize) -> bool {
    let len = if format == PayloadFormat::Whole {
        len.min(limit)
    } else {
        len
    };
    let frame = frame(format, len, unit, len as u32);
    let sent = payloads(packetizer(format, &frame, limit).as_mut(), limit);
    // At most six bytes of headers in each packet, and less than a start code for each unit.
    let total: usize = sent.iter().map(|one| one.bytes.len()).sum();
    assert!(
        total <= frame.len() + 6 * sent.len(),
        "{format:?}: {total} bytes of {}",
        frame.len()
    );
    let mut stream = Stream::new(format);
    if format == PayloadFormat::Opaque {
        stream.packet(&[1], true); // an opaque frame behind nothing has no visible beginning
        stream.next_frame();
    }
    stream.frame(&sent);
    stream.bytes() == Some(frame) && stream.poll().is_none()
}

#[test]
fn all_sizes_come_back_at_the_smallest_mtu() {
    for format in FORMATS {
        for len in 1..=400 {
            for unit in [17, 100, 1_000] {
                assert!(
                    comes_back(format, len, unit, 100),
                    "{format:?}: {len} bytes in units of {unit}"
                );
            }
        }
    }
}

#[test]
fn all_limits_come_back() {
    for format in FORMATS {
        for limit in (100..=1_500).step_by(7) {
            for len in [
                1,
                limit - 8,
                limit - 1,
                limit,
                limit + 1,
                2 * limit,
                3 * limit + 5,
                4 * limit,
            ] {
                assert!(
                    comes_back(format, len, 16_000, limit),
                    "{format:?}: {len} bytes by {limit}"
                );
            }
        }
    }
}

quickcheck! {
    /// For every size up to four times the limit, and every limit from 100 to 1500.
    fn every_frame_comes_back(len: u16, unit: u16, limit: u16) -> bool {
        let limit = 100 + usize::from(limit) % 1_401;
        let len = 1 + usize::from(len) % (4 * limit);
        let unit = 2 + usize::from(unit) % 4_000;
        FORMATS.into_iter().all(|format| comes_back(format, len, unit, limit))
    }

    /// For every frame of three NAL units, whatever their types are: what RTP can have comes back.
    fn every_type_of_nal_unit_comes_back(kinds: (u8, u8, u8), len: u16, limit: u16) -> bool {
        let limit = 100 + usize::from(limit) % 1_401;
        let len = usize::from(len) % (2 * limit);
        let kinds = [kinds.0, kinds.1, kinds.2].map(|kind| kind & 0x1f);
        let unit = |kind: &u8| nal_unit(&[0x60 | kind], len, 3);
        let units: Vec<_> = kinds.iter().map(unit).collect();
        let sendable: Vec<_> = kinds.iter().filter(|kind| matches!(kind, 1..=23)).map(unit).collect();
        let frame = annex_b(&units);
        let mut packetizer = H264Packetizer::new(&frame, H264Mode::NonInterleaved, limit).unwrap();
        if sendable.is_empty() {
            return packetizer.write_payload(&mut vec![0; limit]) == Ok(None);
        }
        let mut stream = Stream::new(PayloadFormat::H264);
        stream.packet(&[0x09, 0x10], true);
        stream.next_frame();
        stream.frame(&payloads(&mut packetizer, limit));
        stream.poll().is_some() && stream.bytes() == Some(annex_b(&sendable))
    }
}

/// The work of a packetizer grows as its frame does, also where units are as short as they can be: no payload is made
/// twice, and of what was written none is more than the limit.
#[test]
fn packets_grow_as_the_frame_does() {
    for format in FORMATS.into_iter().filter(|format| *format != PayloadFormat::Whole) {
        let packets = |len| payloads(packetizer(format, &frame(format, len, 3, 1), 500).as_mut(), 500).len();
        let (short, long) = (packets(20_000), packets(200_000));
        assert!(long <= 10 * short + 10, "{format:?}: {short} and {long} packets");
    }
}
