//! When packets arrived, by their transport-wide numbers.

use pollrtc_rtp::rtcp::{Arrival, RtcpError, TransportWideFeedback, TransportWideFeedbackBuilder, WriteRtcp};

use crate::{packet, read, view, written};

/// Feedback on `count` packets from number 100 on, by its chunks and deltas, with zeros up to the end of a word.
fn feedback(count: u16, chunks: &[u16], deltas: &[u8]) -> Vec<u8> {
    let mut body = vec![0, 0, 0, 1, 0, 0, 0, 2, 0, 100];
    body.extend(count.to_be_bytes());
    body.extend([0xff, 0xff, 0xfe, 9]); // a reference time of -2
    body.extend(chunks.iter().flat_map(|chunk| chunk.to_be_bytes()));
    body.extend(deltas);
    body.resize(body.len().next_multiple_of(4), 0);
    packet(15, 205, &body)
}

fn arrivals(feedback: &TransportWideFeedback<'_>) -> Vec<Arrival> {
    feedback.statuses().map(|status| status.arrival).collect()
}

fn built(arrivals: &[Option<i64>], max_len: usize) -> Option<(Vec<u8>, u16)> {
    let arrivals = arrivals.iter().copied();
    let feedback = TransportWideFeedbackBuilder::new(1, 2, 9, 65_530, arrivals, max_len)?;
    assert!(feedback.encoded_len() <= max_len);
    Some((written(&feedback), feedback.status_count()))
}

#[test]
fn feedback_says_who_and_when() {
    let bytes = feedback(2, &[0x2002], &[4, 8]);
    let view = view!(&bytes, TransportWideFeedback);
    assert_eq!((view.sender_ssrc(), view.media_ssrc()), (1, 2));
    assert_eq!((view.base_sequence(), view.status_count()), (100, 2));
    assert_eq!((view.reference_time(), view.feedback_count()), (-2, 9));
    let numbers: Vec<_> = view.statuses().map(|status| status.sequence_number).collect();
    assert_eq!(numbers, [100, 101]);
    assert_eq!(arrivals(&view), [Arrival::At(4), Arrival::At(12)]);
}

#[test]
fn a_run_repeats_one_symbol() {
    let none = feedback(8_191, &[0x1fff], &[]);
    let view = view!(&none, TransportWideFeedback);
    assert_eq!(view.statuses().count(), 8_191);
    assert!(view.statuses().all(|status| status.arrival == Arrival::NotReceived));
    view.statuses()
        .for_each(|status| assert_eq!(status.arrival, Arrival::NotReceived));

    let large = feedback(2, &[0x4002], &[0xff, 0xfc, 1, 0]);
    let view = view!(&large, TransportWideFeedback);
    assert_eq!(arrivals(&view), [Arrival::At(-4), Arrival::At(252)]);
}

#[test]
fn a_run_of_nothing_is_refused() {
    // Whoever steps over it stands still for ever.
    let bytes = feedback(3, &[0x2001, 0x2000, 0x2002], &[1, 2, 3]);
    assert_eq!(read(&bytes), Err(RtcpError::EmptyRun { at: 18 }));
}

#[test]
fn vectors_have_symbols_of_one_and_of_two_bits() {
    use Arrival::{At, NotReceived};
    let one_bit = feedback(14, &[0xa003], &[1, 2, 3]);
    let mut expected = [NotReceived; 14];
    (expected[0], expected[12], expected[13]) = (At(1), At(3), At(6));
    assert_eq!(arrivals(&view!(&one_bit, TransportWideFeedback)), expected);

    // 01 10 00 01 00 00 10
    let two_bits = feedback(7, &[0xd842], &[1, 1, 0, 2, 0xff, 0xff]);
    let expected = [At(1), At(257), NotReceived, At(259), NotReceived, NotReceived, At(258)];
    assert_eq!(arrivals(&view!(&two_bits, TransportWideFeedback)), expected);
}

#[test]
fn symbols_past_the_count_are_not_looked_at() {
    // They have no deltas.
    let bytes = feedback(2, &[0xbfff], &[1, 2]);
    let view = view!(&bytes, TransportWideFeedback);
    assert_eq!(arrivals(&view), [Arrival::At(1), Arrival::At(3)]);
    let bytes = feedback(3, &[0x2001, 0x3fff], &[1, 2, 3]);
    let view = view!(&bytes, TransportWideFeedback);
    assert_eq!(arrivals(&view), [Arrival::At(1), Arrival::At(3), Arrival::At(6)]);
}

#[test]
fn a_packet_may_be_received_without_a_time() {
    // 01 11 01, and a run of 11
    let bytes = feedback(9, &[0xdd00, 0x6002], &[1, 2]);
    let view = view!(&bytes, TransportWideFeedback);
    let read = arrivals(&view);
    assert_eq!(read[..3], [Arrival::At(1), Arrival::Received, Arrival::At(3)]);
    assert_eq!(read[7..], [Arrival::Received; 2]);
}

#[test]
fn feedback_that_is_cut_off_is_refused_as_a_whole() {
    let short = |bytes: Vec<u8>, needed| {
        let len = bytes.len() - 4;
        assert_eq!(read(&bytes), Err(RtcpError::Short { needed, len }));
    };
    short(packet(15, 205, &[0; 12]), 16);
    short(feedback(9, &[0x2004, 0x2004], &[]), 22);
    short(feedback(9, &[0x2009], &[0; 6]), 27);
    short(feedback(4, &[0x4004], &[0; 6]), 26);
}

#[test]
fn chunks_or_deltas_that_end_early_are_refused() {
    let refused = |bytes: Vec<u8>| assert!(read(&bytes).is_err(), "{bytes:?}");
    refused(feedback(100, &[0x2004, 0x2004], &[]));
    // Deltas that are taken for a chunk.
    refused(feedback(9, &[0x2004, 0x2004], &[0; 8]));
    refused(feedback(14, &[0xbfff], &[0; 10]));
    refused(feedback(7, &[0xeaaa], &[0; 10]));
    assert!(read(&feedback(9, &[0x2009], &[0; 9])).is_ok());
    // Two of what looks like padding are deltas.
    assert!(read(&feedback(2, &[0x2002], &[])).is_ok());
}

#[test]
fn deltas_beyond_a_small_one_take_two_bytes() {
    let (bytes, count) = built(&[Some(0), Some(255), Some(511), Some(510)], 1_200).unwrap();
    assert_eq!(count, 4);
    // 01 01 10 10
    assert_eq!(bytes[20..], [0xd6, 0x80, 0, 255, 1, 0, 0xff, 0xff]);
}

#[test]
fn a_delta_beyond_sixteen_bits_begins_a_new_packet() {
    let arrivals = [Some(0), None, Some(32_767), None, Some(32_767 + 32_768), Some(65_536)];
    let (_, count) = built(&arrivals, 1_200).unwrap();
    assert_eq!(count, 4);
    let (bytes, count) = built(&arrivals[4..], 1_200).unwrap();
    assert_eq!(count, 2);
    let view = view!(&bytes, TransportWideFeedback);
    assert_eq!(view.reference_time(), 65_535 / 256);
    assert_eq!(self::arrivals(&view), [Arrival::At(255), Arrival::At(256)]);

    let (_, count) = built(&[Some(0), Some(-32_768), Some(-65_537)], 1_200).unwrap();
    assert_eq!(count, 2);
}

#[test]
fn the_reference_time_wraps() {
    let reference = |ticks| {
        let (bytes, _) = built(&[Some(ticks)], 1_200).unwrap();
        let view = view!(&bytes, TransportWideFeedback);
        (view.reference_time(), arrivals(&view))
    };
    assert_eq!(reference(256 * 0x7f_ffff + 3), (0x7f_ffff, vec![Arrival::At(3)]));
    assert_eq!(reference(256 * 0x80_0000), (-0x80_0000, vec![Arrival::At(0)]));
    assert_eq!(reference(-1), (-1, vec![Arrival::At(255)]));
    assert_eq!(reference(i64::MAX), (-1, vec![Arrival::At(255)]));
    assert_eq!(reference(i64::MIN).1, [Arrival::At(0)]);
}

#[test]
fn what_has_no_room_goes_into_the_next_packet() {
    let arrivals: Vec<_> = (0..400)
        .map(|number| (number % 7 != 3).then_some(number * 20))
        .collect();
    let (mut left, mut read, mut packets) = (&arrivals[..], Vec::new(), 0);
    while let Some((bytes, count)) = built(left, 99) {
        assert!(bytes.len() <= 96 && count > 0);
        let view = view!(&bytes, TransportWideFeedback);
        let reference = i64::from(view.reference_time()) * 256;
        read.extend(view.statuses().map(|status| match status.arrival {
            Arrival::At(ticks) => Some(reference + i64::from(ticks)),
            _ => None,
        }));
        left = &left[usize::from(count)..];
        packets += 1;
    }
    assert_eq!(read, arrivals);
    assert_eq!(packets, 6);
}

#[test]
fn runs_take_a_chunk_each() {
    let mut arrivals = vec![Some(0); 8_191];
    arrivals.extend([None; 100]);
    arrivals.extend([Some(0), None, Some(0)]);
    let (bytes, count) = built(&arrivals, 65_536).unwrap();
    assert_eq!(count, 8_294);
    assert_eq!(bytes[20..26], [0x3f, 0xff, 0, 100, 0xa8, 0]);
    assert_eq!(bytes.len(), (26_usize + 8_193).next_multiple_of(4));
}

#[test]
fn nothing_received_is_nothing_to_tell() {
    assert_eq!(built(&[], 1_200), None);
    assert_eq!(built(&[None, None], 1_200), None);
    assert_eq!(built(&[Some(1)], 20), None);
    assert_eq!(built(&[Some(1)], 23), None);
    assert_eq!(built(&[Some(1)], 24).unwrap().1, 1);
}
