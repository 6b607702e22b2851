//! H.265 (RFC 7798).

use pollrtc_rtp::payload::{H265DecodingOrder, H265Packetizer, H265Payload, Layer, PayloadError, PayloadFormat};

use crate::common::{Sent, Stream, annex_b, nal_unit, payloads};

const VPS: [u8; 4] = [0x40, 0x01, 0x0c, 0x01];
const SPS: [u8; 4] = [0x42, 0x01, 0x01, 0x60];
const PPS: [u8; 3] = [0x44, 0x01, 0xc0];
const H265: PayloadFormat = PayloadFormat::H265(H265DecodingOrder::AsSent);
const NUMBERED: PayloadFormat = PayloadFormat::H265(H265DecodingOrder::Numbered);

fn packetized(frame: &[u8], limit: usize) -> Vec<Sent> {
    payloads(&mut H265Packetizer::new(frame, limit).unwrap(), limit)
}

fn parsed(payload: &[u8]) -> H265Payload<'_> {
    H265Payload::parse(payload, H265DecodingOrder::AsSent).unwrap()
}

fn key_frame() -> Vec<u8> {
    let slice = nal_unit(&[0x26, 0x01, 0xaf], 2_500, 3);
    annex_b(&[VPS.to_vec(), SPS.to_vec(), PPS.to_vec(), slice])
}

#[test]
fn parameters_go_together_and_slices_are_cut() {
    let sent = packetized(&key_frame(), 1_200);
    // RFC 7798 §4.4.2
    let aggregate = [&[0x60, 0x01][..], &[0, 4], &VPS, &[0, 4], &SPS, &[0, 3], &PPS].concat();
    assert_eq!(sent[0].bytes, aggregate);
    // RFC 7798 §4.4.3: S, middle, E, with the type of the unit.
    let headers: Vec<_> = sent[1..]
        .iter()
        .map(|one| <[u8; 3]>::try_from(&one.bytes[..3]).unwrap())
        .collect();
    assert_eq!(headers, [[0x62, 0x01, 0x93], [0x62, 0x01, 0x13], [0x62, 0x01, 0x53]]);

    let mut stream = Stream::new(H265);
    stream.frame(&sent);
    let frame = stream.poll().unwrap();
    assert_eq!(frame.bytes, key_frame());
    assert!(frame.is_keyframe);
}

#[test]
fn an_aggregate_has_the_lowest_layer_of_all() {
    // LayerId 33 and 2, TID 3 and 2; one of them with F.
    let units = [[0x41, 0x0b, 7], [0xc0, 0x12, 7]];
    let sent = packetized(&annex_b(&units), 100);
    assert_eq!(sent[0].bytes[..2], [0xe0, 0x12]);
    assert_eq!(
        parsed(&sent[0].bytes).layer(),
        Layer {
            spatial: 2,
            temporal: 1
        }
    );
    assert_eq!(
        parsed(&units[0]).layer(),
        Layer {
            spatial: 33,
            temporal: 2
        }
    );
}

#[test]
fn numbers_of_decoding_order_are_passed_over_where_they_were_agreed_on() {
    // RFC 7798 §4.4.1: DONL behind the header; §4.4.2: DONL, then DOND; §4.4.3: DONL in the first fragment.
    let mut stream = Stream::new(NUMBERED);
    stream.packet(&[0x40, 0x01, 0x12, 0x34, 0x0c, 0x01], false);
    stream.packet(
        &[
            0x60, 0x01, 0x12, 0x35, 0, 4, 0x42, 0x01, 0x01, 0x60, 0x00, 0, 3, 0x44, 0x01, 0xc0,
        ],
        false,
    );
    stream.packet(&[0x62, 0x01, 0x93, 0x12, 0x37, 0xaf, 1], false);
    stream.packet(&[0x62, 0x01, 0x53, 2, 3], true);
    let units = [&VPS[..], &SPS, &PPS, &[0x26, 0x01, 0xaf, 1, 2, 3]];
    assert_eq!(stream.bytes(), Some(annex_b(&units)));

    for cut in [
        &[0x40, 0x01, 0x12][..],
        &[0x62, 0x01, 0x93, 0x12],
        &[0x60, 0x01, 0x12, 0x35, 0],
    ] {
        let refused = H265Payload::parse(cut, H265DecodingOrder::Numbered);
        assert!(matches!(refused, Err(PayloadError::Truncated(_))), "{cut:?}");
    }
}

#[test]
fn a_paci_packet_is_what_it_carries() {
    // RFC 7798 §4.4.4: A, cType, PHSsize 3, F0; TSCI; then the body of what is carried.
    let carry = |kind: u8, body: &[u8]| {
        let fields = (u16::from(kind) << 9 | 3 << 4 | 0x08).to_be_bytes();
        [&[0x64, 0x01][..], &fields, &[0xaa, 0xbb, 0x80], body].concat()
    };
    let single = carry(19, &[0xaf, 1]);
    assert!(parsed(&single).starts_keyframe());
    let mut stream = Stream::new(H265);
    stream.packet(
        &carry(48, &[0, 4, 0x40, 0x01, 0x0c, 0x01, 0, 3, 0x44, 0x01, 0xc0]),
        false,
    );
    stream.packet(&single, false);
    stream.packet(&carry(49, &[0x93, 0xaf, 5]), false);
    stream.packet(&carry(49, &[0x53, 6]), true);
    let units = [&VPS[..], &PPS, &[0x26, 0x01, 0xaf, 1], &[0x26, 0x01, 0xaf, 5, 6]];
    assert_eq!(stream.bytes(), Some(annex_b(&units)));

    let nested = carry(50, &[0, 0]);
    assert!(H265Payload::parse(&nested, H265DecodingOrder::AsSent).is_err());
    assert!(
        H265Payload::parse(&nested[..5], H265DecodingOrder::AsSent).is_err(),
        "its extension is cut off"
    );
}

#[test]
fn what_is_malformed_is_told_apart() {
    let refused = |payload: &[u8]| H265Payload::parse(payload, H265DecodingOrder::AsSent).unwrap_err();
    assert!(matches!(refused(&[0x40]), PayloadError::Truncated(_)));
    assert!(matches!(refused(&[0x62, 1]), PayloadError::Truncated(_)));
    assert!(matches!(refused(&[0x60, 1, 0, 9, 0x40, 1]), PayloadError::Truncated(_)));
    assert!(matches!(refused(&[0x60, 1, 0, 2, 0x62, 1]), PayloadError::Invalid(_)));
    assert!(matches!(refused(&[0x62, 1, 0x80 | 49, 1]), PayloadError::Invalid(_)));
    for kind in 51..=63 {
        assert_eq!(refused(&[kind << 1, 1, 1]), PayloadError::Unsupported(kind));
    }
}

#[test]
fn a_lost_fragment_drops_its_frame() {
    let sent = packetized(&key_frame(), 1_200);
    for lost in 0..sent.len() {
        let mut stream = Stream::new(H265);
        stream.frame(&sent);
        assert!(stream.poll().is_some());
        for (number, one) in sent.iter().enumerate() {
            match number == lost {
                true => stream.lose(),
                false => stream.packet(&one.bytes, one.written.marker),
            }
        }
        stream.next_frame();
        stream.frame(&sent);
        assert_eq!(stream.bytes(), Some(key_frame()));
        assert_eq!(stream.bytes(), None);
        assert_eq!(
            stream.depacketizer.stats().incomplete_frames,
            1,
            "without packet {lost}"
        );
    }
}

#[test]
fn key_frames_are_known_by_their_first_packet() {
    // ITU-T H.265, table 7-1: BLA, IDR, CRA, and parameters.
    for kind in 0..48_u8 {
        let is_key = matches!(kind, 16..=23 | 32 | 33);
        assert_eq!(parsed(&[kind << 1, 1, 0x80]).starts_keyframe(), is_key, "{kind}");
        assert_eq!(
            parsed(&[0x62, 1, 0x80 | kind, 0x80]).starts_keyframe(),
            is_key,
            "{kind}"
        );
        assert!(!parsed(&[0x62, 1, kind, 0x80]).starts_keyframe(), "{kind}");
    }
}
