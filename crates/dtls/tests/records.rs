//! Records: numbers, nonces, replays, several in a datagram.

use std::collections::HashSet;

use pollrtc_core::{Headroom, InnerProtocol};
use pollrtc_dtls::wire::ContentType;
use pollrtc_dtls::wire::record::{self, Header};
use pollrtc_dtls::{CipherSuite, SendError};
use quickcheck::quickcheck;

use crate::support::{Pair, Setup};

fn sealed(pair: &mut Pair, payload: &[u8]) -> Vec<u8> {
    let mut buf = vec![0; payload.len() + 64];
    let prefix = pair.client.headroom().prefix;
    buf[prefix..prefix + payload.len()].copy_from_slice(payload);
    let length = pair.client.write_record(&mut buf, payload.len()).unwrap();
    buf.truncate(length);
    buf
}

#[test]
fn the_explicit_nonce_is_epoch_and_sequence_number_and_never_repeats() {
    let mut pair = Pair::connected();
    let mut previous = None;
    let mut buf = [0; 64];
    for number in 0..1 << 20 {
        if number % 1024 == 0 {
            pair.client.send(b"by the queue").unwrap();
            let length = pair.client.write_body(pair.now, &mut buf, Headroom::NONE).unwrap();
            assert!(length > 21);
        } else {
            pair.client.write_record(&mut buf, 1).unwrap();
        }
        let header = Header::parse(&buf).unwrap();
        assert_eq!(header.epoch, 1);
        assert_eq!(buf[13..21], header.epoch_and_sequence());
        assert!(previous < Some(header.sequence), "nonce {number} was used before");
        previous = Some(header.sequence);
    }
}

#[test]
fn flights_that_are_sent_again_use_new_numbers() {
    let mut pair = Pair::new();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    for datagram in pair.server_sends() {
        pair.client_gets(&datagram);
    }
    let mut numbers = HashSet::new();
    for _ in 0..5 {
        for datagram in pair.client_sends() {
            for record in record::records(&datagram) {
                let header = record.unwrap().header;
                assert!(numbers.insert((header.epoch, header.sequence)));
            }
        }
        pair.now = pair.client.poll_timeout().unwrap();
        pair.client.handle_timeout(pair.now);
    }
}

#[test]
fn a_record_is_handed_over_once() {
    let mut pair = Pair::connected();
    let bytes = sealed(&mut pair, b"once");
    assert_eq!(pair.server_gets(&bytes), [b"once"]);
    for _ in 0..10 {
        assert_eq!(pair.server_gets(&bytes), Vec::<Vec<u8>>::new());
    }
    assert_eq!(pair.server.stats().replayed_records, 10);
}

quickcheck! {
    /// For every order in which 100 records come, with repeats: each is handed over exactly once,
    /// since none is more than the window behind.
    fn any_order_within_the_window_is_accepted(order: Vec<u8>) -> bool {
        let mut pair = Pair::connected();
        let datagrams: Vec<_> = (0..100u8).map(|number| sealed(&mut pair, &[number])).collect();
        let mut seen = HashSet::new();
        order.into_iter().all(|number| {
            let number = number % 100;
            let expected: Vec<Vec<u8>> = seen.insert(number).then_some(vec![number]).into_iter().collect();
            pair.server_gets(&datagrams[usize::from(number)]) == expected
        })
    }

    /// For every single bit that flips on the way: the record is dropped, and the next one is fine.
    fn any_flipped_bit_is_noticed(position: usize, bit: u8) -> bool {
        let mut pair = Pair::connected();
        let good = sealed(&mut pair, b"precious");
        let mut bad = good.clone();
        let position = position % bad.len();
        bad[position] ^= 1 << (bit % 8);
        pair.server_gets(&bad).is_empty() && pair.server_gets(&good) == [b"precious"]
    }
}

#[test]
fn records_too_far_behind_are_dropped() {
    let mut pair = Pair::connected();
    let datagrams: Vec<_> = (0..300u16)
        .map(|number| sealed(&mut pair, &number.to_be_bytes()))
        .collect();
    let expected = |number: u16| [number.to_be_bytes()];
    assert_eq!(pair.server_gets(&datagrams[299]), expected(299));
    assert_eq!(pair.server_gets(&datagrams[299 - 255]), expected(299 - 255));
    assert_eq!(pair.server_gets(&datagrams[299 - 256]), Vec::<Vec<u8>>::new());
    assert_eq!(pair.server.stats().replayed_records, 1);
}

#[test]
fn a_forged_number_does_not_move_the_window() {
    let mut pair = Pair::connected();
    let good = sealed(&mut pair, b"good");
    let mut forged = good.clone();
    forged[5..11].copy_from_slice(&[0xff; 6]);
    assert_eq!(pair.server_gets(&forged), Vec::<Vec<u8>>::new());
    assert_eq!(pair.server.stats().forged_records, 1);
    assert_eq!(pair.server_gets(&good), [b"good"]);
}

#[test]
fn several_records_in_a_datagram_come_out_in_order_and_in_place() {
    let mut pair = Pair::connected();
    let first = sealed(&mut pair, b"first");
    let mut second = sealed(&mut pair, b"second");
    let third = sealed(&mut pair, b"third");
    let last = second.len() - 1;
    second[last] ^= 1;
    let mut datagram = [&first[..], &second, &third, &first, &[23, 0xfe]].concat();
    let range = datagram.as_ptr_range();
    let received: Vec<&mut [u8]> = pair.server.handle_body(pair.now, &mut datagram).collect();
    assert_eq!(received, [&b"first"[..], b"third"]);
    assert!(received.iter().all(|payload| range.contains(&payload.as_ptr())));
    let stats = pair.server.stats();
    assert_eq!(stats.received, 2);
    assert_eq!(
        (stats.forged_records, stats.replayed_records, stats.malformed_records),
        (1, 1, 1)
    );
}

#[test]
fn what_callers_can_do_wrong() {
    let mut pair = Pair::connected();
    assert_eq!(
        pair.client.write_record(&mut [0; 20000], 16385),
        Err(SendError::TooLong)
    );
    assert_eq!(
        pair.client.write_record(&mut [0; 100], 100),
        Err(SendError::BufferTooShort)
    );
    assert_eq!(pair.client.write_record(&mut [], 0), Err(SendError::BufferTooShort));
    assert_eq!(pair.client.send(&[0; 16385]), Err(SendError::TooLong));
    let before = pair.client.stats().sent;
    let mut queued = 0;
    while pair.client.send(&[0; 1000]).is_ok() {
        queued += 1;
    }
    assert_eq!(pair.client.send(&[0; 1000]), Err(SendError::QueueFull));
    assert_eq!(queued, 65_536 / (1000 + 21 + 16));
    assert_eq!(pair.client.stats().sent, before + queued);
    assert_eq!(pair.client_sends().len() as u64, queued);
    pair.client.send(b"room again").unwrap();
}

#[test]
fn a_record_of_chacha20_has_no_explicit_nonce() {
    let mut setup = Setup::new();
    setup.client.cipher_suites = vec![CipherSuite::EcdheEcdsaChaCha20Poly1305Sha256];
    let mut pair = setup.pair();
    assert_eq!(
        pair.client.headroom().prefix,
        21,
        "the most, as long as it is not known"
    );
    pair.settle();
    assert_eq!(pair.client.headroom().prefix, 13);
    let bytes = sealed(&mut pair, b"hello");
    assert_eq!(bytes.len(), 13 + 5 + 16);
    assert_eq!(pair.server_gets(&bytes), [b"hello"]);
}

#[test]
fn a_datagram_that_is_no_dtls_is_counted_and_nothing_else() {
    let mut pair = Pair::connected();
    let forged: [&[u8]; 5] = [
        b"",
        b"\x00",
        &[0x80; 40],
        &[22; 12],
        &[99, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0],
    ];
    for datagram in forged {
        assert_eq!(pair.server_gets(datagram), Vec::<Vec<u8>>::new());
    }
    assert_eq!(pair.server.stats().malformed_records, 4);
    assert!(pair.server.is_connected());
}

#[test]
fn headers_come_back_as_they_were_written() {
    let header = Header {
        content_type: ContentType::Alert,
        version: pollrtc_dtls::Version::DTLS_1_2,
        epoch: 0x0102,
        sequence: 0x0304_0506_0708,
        length: 0,
    };
    let bytes = header.to_bytes();
    assert_eq!(bytes, [21, 0xfe, 0xfd, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0]);
    assert_eq!(Header::parse(&bytes), Ok(header));
}
