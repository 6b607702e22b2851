//! New keys on an established connection, and what else happens there.

use pollrtc_core::InnerProtocol;
use pollrtc_dtls::{CloseReason, Event, KeyUpdateRequest, SendError};

use crate::support::{Pair, millis};

/// The epoch bits of each datagram's first record.
fn epochs(datagrams: &[Vec<u8>]) -> Vec<u8> {
    datagrams.iter().map(|datagram| datagram[0] & 3).collect()
}

fn talk(pair: &mut Pair) {
    pair.client.send(b"ping").unwrap();
    pair.server.send(b"pong").unwrap();
    let (from_client, from_server) = (pair.client_sends(), pair.server_sends());
    let at_server: Vec<_> = from_client
        .iter()
        .flat_map(|datagram| pair.server_gets(datagram))
        .collect();
    let at_client: Vec<_> = from_server
        .iter()
        .flat_map(|datagram| pair.client_gets(datagram))
        .collect();
    assert_eq!((at_server, at_client), (vec![b"ping".to_vec()], vec![b"pong".to_vec()]));
}

#[test]
fn new_keys_begin_when_the_peer_has_acknowledged_them() {
    let mut pair = Pair::connected13();
    pair.client.update_keys(KeyUpdateRequest::NotRequested).unwrap();
    let update = pair.client_sends();
    assert_eq!(epochs(&update), [3]);
    pair.client.send(b"old keys").unwrap();
    assert_eq!(epochs(&pair.client_sends()), [3]);
    pair.server_gets(&update[0]);
    assert!(pair.server_sends().is_empty(), "more may come");
    pair.wait(millis(100));
    let acknowledgement = pair.server_sends();
    assert_eq!(epochs(&acknowledgement), [3]);
    pair.client_gets(&acknowledgement[0]);
    pair.client.send(b"new keys").unwrap();
    let datagrams = pair.client_sends();
    assert_eq!(epochs(&datagrams), [0], "epoch 4");
    assert_eq!(pair.server_gets(&datagrams[0]), [b"new keys"]);
    assert_eq!(pair.client.poll_timeout(), None);
    talk(&mut pair);
}

#[test]
fn both_sides_can_be_asked_for_new_keys_any_number_of_times() {
    let mut pair = Pair::connected13();
    for _ in 0..20 {
        pair.client.update_keys(KeyUpdateRequest::Requested).unwrap();
        pair.rest();
        talk(&mut pair);
    }
    pair.client.send(b"x").unwrap();
    pair.server.send(b"x").unwrap();
    assert_eq!(epochs(&pair.client_sends()), [23 & 3]);
    assert_eq!(epochs(&pair.server_sends()), [23 & 3]);
    // Both at once.
    pair.client.update_keys(KeyUpdateRequest::Requested).unwrap();
    pair.server.update_keys(KeyUpdateRequest::Requested).unwrap();
    pair.rest();
    talk(&mut pair);
    assert_eq!((pair.client.poll_timeout(), pair.server.poll_timeout()), (None, None));
}

#[test]
fn a_key_update_is_sent_again_until_it_is_acknowledged() {
    let mut pair = Pair::connected13();
    pair.client.update_keys(KeyUpdateRequest::NotRequested).unwrap();
    pair.client_sends();
    pair.wait(millis(400));
    let again = pair.client_sends();
    assert_eq!(epochs(&again), [3]);
    // Now the acknowledgement is lost.
    pair.server_gets(&again[0]);
    pair.server_sends();
    pair.wait(millis(800));
    let again = pair.client_sends();
    assert_eq!(epochs(&again), [3], "the old keys still work");
    pair.server_gets(&again[0]);
    for datagram in pair.server_sends() {
        pair.client_gets(&datagram);
    }
    pair.client.send(b"x").unwrap();
    assert_eq!(epochs(&pair.client_sends()), [0]);
    talk(&mut pair);
}

#[test]
fn what_was_sent_before_the_change_is_read_after_it() {
    let mut pair = Pair::connected13();
    pair.client.send(b"late").unwrap();
    let late = pair.client_sends();
    pair.client.update_keys(KeyUpdateRequest::NotRequested).unwrap();
    pair.settle();
    talk(&mut pair);
    assert_eq!(pair.server_gets(&late[0]), [b"late"]);
    assert_eq!(pair.server_gets(&late[0]), Vec::<Vec<u8>>::new());
}

#[test]
fn a_replayed_key_update_changes_nothing() {
    let mut pair = Pair::connected13();
    pair.client.update_keys(KeyUpdateRequest::NotRequested).unwrap();
    let update = pair.client_sends();
    for _ in 0..100 {
        pair.server_gets(&update[0]);
    }
    assert_eq!(pair.server.stats().replayed_records, 99);
    pair.settle();
    talk(&mut pair);
}

#[test]
fn closing_tells_the_peer() {
    let mut pair = Pair::connected13();
    pair.client.send(b"last words").unwrap();
    pair.client.close(pair.now);
    pair.client.close(pair.now);
    assert_eq!(pair.client_events(), [Event::Closed(CloseReason::Local)]);
    pair.settle();
    assert_eq!(pair.server_events(), [Event::Closed(CloseReason::Remote)]);
    assert_eq!(pair.server.send(b"x"), Err(SendError::Closed));
}

#[test]
fn payloads_of_all_lengths_pass_in_place_and_many_in_one_datagram() {
    let mut pair = Pair::connected13();
    for length in [0, 1, 15, 16, 17, 1200, 16_384] {
        let mut buf = vec![0; 17_000];
        let prefix = pair.client.headroom().prefix;
        buf[prefix..prefix + length].fill(7);
        let sealed = pair.client.write_record(&mut buf, length).unwrap();
        assert_eq!(sealed, prefix + length + pair.client.headroom().suffix);
        let received = pair.server_gets(&buf[..sealed]);
        let expected: Vec<Vec<u8>> = (length > 0).then(|| vec![7; length]).into_iter().collect();
        assert_eq!(received, expected);
    }
    let mut datagram = Vec::new();
    let mut expected = Vec::new();
    for number in 0..40u8 {
        pair.client.send(&[number; 20]).unwrap();
        datagram.extend(pair.client_sends().remove(0));
        // Between them what is not for the application.
        datagram.extend([0x2f, 0, 0, 0, 17]);
        datagram.extend([number; 17]);
        expected.push(vec![number; 20]);
    }
    datagram.push(0x5f);
    datagram.extend(b"/not authenticated");
    assert_eq!(pair.server_gets(&datagram), expected);
    let stats = pair.server.stats();
    assert_eq!(stats.forged_records + stats.replayed_records, 40);
}

#[test]
fn sealing_and_opening_records_allocates_nothing() {
    let mut pair = Pair::connected13();
    let mut buf = [0; 1500];
    let prefix = pair.client.headroom().prefix;
    let allocations = allocation_counter::measure(|| {
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
    let mut pair = Pair::connected13();
    pair.server.send(b"once").unwrap();
    let good = pair.server_sends().remove(0);
    let mut forged = good.clone();
    forged[20] ^= 1;
    pair.client_gets(&good);
    let allocations = allocation_counter::measure(|| {
        for mut datagram in [good, forged] {
            assert_eq!(pair.client.handle_body(pair.now, &mut datagram).count(), 0);
        }
    });
    assert_eq!(allocations.count_total, 0);
    assert_eq!(pair.client.stats().replayed_records, 1);
}
