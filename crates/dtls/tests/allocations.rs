//! What costs no memory, and what little the rest costs.

use allocation_counter::measure;
use pollrtc_core::{Headroom, InnerProtocol};
use pollrtc_dtls::wire::handshake::{ClientHello, fragments};
use pollrtc_dtls::wire::{HandshakeType, record};

use crate::support::Pair;
use crate::support::wire::body_of;

#[test]
fn sealing_and_opening_records_allocates_nothing() {
    let mut pair = Pair::connected();
    let mut buf = [0; 1500];
    let prefix = pair.client.headroom().prefix;
    let allocations = measure(|| {
        for _ in 0..100 {
            buf[prefix..prefix + 1200].fill(7);
            let length = pair.client.write_record(&mut buf, 1200).unwrap();
            let mut received = pair.server.handle_body(pair.now, &mut buf[..length]);
            assert_eq!(received.next().unwrap().len(), 1200);
            assert!(received.next().is_none());
        }
    });
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn dropping_what_does_not_belong_allocates_nothing() {
    let mut pair = Pair::connected();
    pair.client.send(b"once").unwrap();
    let good = pair.client_sends().remove(0);
    let mut forged = good.clone();
    forged[20] ^= 1;
    pair.server_gets(&good);
    let allocations = measure(|| {
        for mut datagram in [good, forged] {
            assert_eq!(pair.server.handle_body(pair.now, &mut datagram).count(), 0);
        }
    });
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn parsing_allocates_nothing() {
    let mut pair = Pair::new();
    let hello = pair.client_sends();
    let body = body_of(&hello, HandshakeType::CLIENT_HELLO);
    let allocations = measure(|| {
        for record in record::records(&hello[0]) {
            assert_eq!(fragments(record.unwrap().fragment).count(), 1);
        }
        let hello = ClientHello::parse(&body).unwrap();
        assert_eq!(hello.extensions.iter().count(), 5);
        assert_eq!(hello.extensions.use_srtp().map(|found| found.is_none()), Ok(true));
    });
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn a_whole_handshake_makes_few_allocations() {
    let mut pair = Pair::new();
    let allocations = measure(|| {
        let mut buf = [0; 1500];
        while !(pair.client.is_connected() && pair.server.is_connected()) {
            while let Some(length) = pair.client.write_body(pair.now, &mut buf, Headroom::NONE) {
                pair.server.handle_body(pair.now, &mut buf[..length]);
            }
            while let Some(length) = pair.server.write_body(pair.now, &mut buf, Headroom::NONE) {
                pair.client.handle_body(pair.now, &mut buf[..length]);
            }
        }
    });
    assert!(allocations.count_total < 400, "{} allocations", allocations.count_total);
}
