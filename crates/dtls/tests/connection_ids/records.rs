//! Records with ids: the right one, a wrong one, none.

use std::collections::HashSet;

use pollrtc_core::InnerProtocol;
use pollrtc_dtls::wire::datagram::AnyHeader;
use pollrtc_dtls::wire::record::CidHeader;
use pollrtc_dtls::{Event, KeyUpdateRequest, SendError, Versions};
use quickcheck::quickcheck;

use super::{VERSIONS, connected, from_client, setup, talk};
use crate::support::Pair;
use crate::support::cipher::Tap;

/// Where the id of an encrypted record begins.
fn id_at(versions: Versions) -> usize {
    match versions {
        Versions::Dtls12 => CidHeader::CONNECTION_ID_AT,
        _ => 1,
    }
}

#[test]
fn a_record_of_12_hides_its_type_behind_the_id() {
    let mut pair = connected(Versions::Dtls12, 0, 3);
    let data = from_client(&mut pair, b"hello");
    pair.client.close(pair.now);
    let alert = pair.client_sends().remove(0);
    for (record, content_len) in [(data, 5), (alert, 2)] {
        let Ok(AnyHeader::Cid(header)) = AnyHeader::parse_with_id(&record, 3) else {
            panic!("another form");
        };
        assert_eq!(
            (header.epoch, usize::from(header.length)),
            (1, 8 + content_len + 1 + 16)
        );
        assert_eq!(record.len(), header.record_len());
        assert_eq!(record[16..24], header.epoch_and_sequence(), "the explicit nonce");
    }
}

#[test]
fn payloads_of_all_lengths_pass_in_place() {
    for (versions, most) in [(Versions::Dtls12, 16_383), (Versions::Dtls13, 16_384)] {
        let mut pair = connected(versions, 20, 7);
        assert_eq!(pair.client.max_payload(), most);
        for length in [0, 1, 15, 16, 17, 1200, most] {
            let mut buf = vec![0; 17_000];
            let prefix = pair.client.headroom().prefix;
            buf[prefix..prefix + length].fill(7);
            let sealed = pair.client.write_record(&mut buf, length).unwrap();
            assert_eq!(sealed, prefix + length + pair.client.headroom().suffix);
            let expected: Vec<Vec<u8>> = (length > 0).then(|| vec![7; length]).into_iter().collect();
            assert_eq!(pair.server_gets(&buf[..sealed]), expected);
        }
        let mut buf = vec![0; 17_000];
        assert_eq!(pair.client.write_record(&mut buf, most + 1), Err(SendError::TooLong));
        assert_eq!(
            pair.client.write_record(&mut buf[..40], 20),
            Err(SendError::BufferTooShort)
        );
        assert_eq!(pair.client.write_record(&mut [], 0), Err(SendError::BufferTooShort));
        assert!(pair.server.is_connected());
    }
}

#[test]
fn a_wrong_id_is_dropped_with_what_follows_it() {
    for versions in VERSIONS {
        let mut pair = connected(versions, 2, 4);
        let (first, mut second, third) = (
            from_client(&mut pair, b"first"),
            from_client(&mut pair, b"second"),
            from_client(&mut pair, b"third"),
        );
        second[id_at(versions)] ^= 1;
        assert_eq!(pair.server_gets(&[&first[..], &second, &third].concat()), [b"first"]);
        assert_eq!(pair.server.stats().wrong_connection_ids, 1);
        assert_eq!(pair.server.stats().forged_records, 0, "it is not even tried");
        // Nothing of it is spent.
        second[id_at(versions)] ^= 1;
        assert_eq!(pair.server_gets(&second), [b"second"]);
        assert_eq!(pair.server_gets(&third), [b"third"]);
    }
}

#[test]
fn a_record_without_the_id_is_dropped() {
    for versions in VERSIONS {
        let mut pair = connected(versions, 0, 4);
        let mut record = from_client(&mut pair, b"anonymous");
        let id = id_at(versions)..id_at(versions) + 4;
        record.drain(id);
        match versions {
            Versions::Dtls12 => record[0] = 23,
            _ => record[0] ^= 0x10,
        }
        assert!(pair.server_gets(&record).is_empty());
        let stats = pair.server.stats();
        assert_eq!((stats.missing_connection_ids, stats.forged_records), (1, 0));
        talk(&mut pair);
    }
}

#[test]
fn in_13_one_id_is_enough_for_a_datagram() {
    let mut setup = setup(Versions::Dtls13, 0, 4);
    let tap = Tap::on(&mut setup.client);
    let mut pair = setup.pair().connect();
    pair.rest();
    let id = pair.client.peer_connection_id().to_vec();
    let named = tap.client_application().with_id(&id).seal(23, b"named");
    let mut keys = tap.client_application();
    keys.seal(23, b"the same number as the one before");
    let anonymous = keys.seal(23, b"behind it");
    assert!(pair.server_gets(&anonymous).is_empty());
    assert_eq!(pair.server.stats().missing_connection_ids, 1);
    let both = [named, anonymous].concat();
    assert_eq!(pair.server_gets(&both), [&b"named"[..], b"behind it"]);
}

#[test]
fn an_id_that_was_not_agreed_upon_is_refused() {
    for versions in VERSIONS {
        // Off; the peer does not speak of ids; we want none.
        let mut off = setup(versions, 5, 5);
        off.server.connection_ids = None;
        let mut declined = setup(versions, 5, 5);
        declined.client.connection_ids = None;
        for setup in [off, declined, setup(versions, 5, 0)] {
            let is_off = setup.server.connection_ids.is_none();
            let mut pair = setup.pair().connect();
            let id = pair.server.connection_ids().next().unwrap_or(b"other").to_vec();
            let mut record = from_client(&mut pair, b"hello");
            match versions {
                Versions::Dtls12 => record[0] = 25,
                _ => record[0] |= 0x10,
            }
            let at = id_at(versions);
            record.splice(at..at, id);
            assert!(pair.server_gets(&record).is_empty());
            let stats = pair.server.stats();
            assert_eq!(stats.malformed_records + stats.wrong_connection_ids, 1);
            assert!(!is_off || stats.malformed_records == 1);
            talk(&mut pair);
        }
    }
}

#[test]
fn plain_records_of_the_new_type_are_dropped() {
    let mut pair = connected(Versions::Dtls12, 0, 2);
    let id = pair.client.peer_connection_id().to_vec();
    let mut record = vec![25, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9];
    record.extend(id);
    record.extend([0, 2, 2, 40]);
    assert!(pair.server_gets(&record).is_empty());
    assert_eq!(pair.server.stats().unexpected_records, 1);
    assert!(pair.server.is_connected());
}

#[test]
fn several_records_in_a_datagram_come_out_in_order_and_in_place() {
    for versions in VERSIONS {
        let mut pair = connected(versions, 0, 9);
        let first = from_client(&mut pair, b"first");
        let mut forged = from_client(&mut pair, b"forged");
        let third = from_client(&mut pair, b"third");
        *forged.last_mut().unwrap() ^= 1;
        // An alert that anyone can send stands among them.
        let plain = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40];
        let mut datagram = [&first[..], &forged, &plain, &third, &first, &[23, 0xfe]].concat();
        let range = datagram.as_ptr_range();
        let received: Vec<&mut [u8]> = pair.server.handle_body(pair.now, &mut datagram).collect();
        assert_eq!(received, [&b"first"[..], b"third"]);
        assert!(received.iter().all(|payload| range.contains(&payload.as_ptr())));
        let stats = pair.server.stats();
        assert_eq!((stats.forged_records, stats.replayed_records), (1, 1));
        assert_eq!((stats.malformed_records, stats.unauthenticated_alerts), (1, 1));
    }
}

#[test]
fn data_that_overtakes_the_end_of_the_handshake_waits_for_it() {
    for versions in VERSIONS {
        let mut pair = setup(versions, 3, 5).pair();
        for datagram in pair.client_sends() {
            pair.server_gets(&datagram);
        }
        for datagram in pair.server_sends() {
            pair.client_gets(&datagram);
        }
        let flight = pair.client_sends();
        if versions == Versions::Dtls12 {
            // Of a client of 1.2 that is connected; the server's Finished is late.
            for datagram in flight {
                pair.server_gets(&datagram);
            }
            let finished = pair.server_sends();
            pair.server.send(b"first").unwrap();
            pair.server.send(b"second").unwrap();
            for datagram in pair.server_sends() {
                assert!(pair.client_gets(&datagram).is_empty());
            }
            // Only after it the client may read.
            assert_eq!(pair.client.stats().held_records, 2);
            // The announcement comes alone: now it has the keys, and still waits.
            let (announcement, rest) = finished[0].split_at(14);
            pair.client_gets(announcement);
            assert!(!pair.client.is_connected());
            pair.client_gets(rest);
        } else {
            pair.client.send(b"first").unwrap();
            pair.client.send(b"second").unwrap();
            for datagram in pair.client_sends() {
                assert!(pair.server_gets(&datagram).is_empty());
            }
            assert_eq!(pair.server.stats().held_records, 2);
            for datagram in flight {
                pair.server_gets(&datagram);
            }
        }
        let events = match versions {
            Versions::Dtls12 => pair.client_events(),
            _ => pair.server_events(),
        };
        assert!(matches!(events[0], Event::Connected { .. }));
        let expected = [&b"first"[..], b"second"].map(|data| Event::ApplicationData(data.to_vec()));
        assert_eq!(events[1..], expected, "{versions:?}");
    }
}

#[test]
fn early_records_with_a_wrong_id_are_not_kept() {
    for versions in VERSIONS {
        let mut pair = setup(versions, 3, 5).pair();
        pair.client_sends();
        let mut record = match versions {
            Versions::Dtls12 => vec![25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9],
            _ => vec![0x3e],
        };
        record.extend(b"bad");
        record.extend([0, 20, 0, 20]);
        record.extend([7; 40]);
        pair.client_gets(&record);
        let stats = pair.client.stats();
        assert_eq!((stats.wrong_connection_ids, stats.held_records), (1, 0));
    }
}

#[test]
fn ids_stay_when_keys_change() {
    let mut pair = connected(Versions::Dtls13, 4, 6);
    let (to_client, to_server) = (
        pair.server.peer_connection_id().to_vec(),
        pair.client.peer_connection_id().to_vec(),
    );
    for _ in 0..6 {
        pair.client.update_keys(KeyUpdateRequest::Requested).unwrap();
        pair.rest();
        talk(&mut pair);
    }
    assert_eq!(pair.server.peer_connection_id(), to_client);
    assert_eq!(pair.client.peer_connection_id(), to_server);
}

#[test]
fn sealing_and_opening_records_allocates_nothing() {
    for versions in VERSIONS {
        let mut pair = connected(versions, 20, 20);
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
}

fn two() -> [Pair; 2] {
    VERSIONS.map(|versions| connected(versions, 3, 5))
}

quickcheck! {
    /// For every order in which 100 records come, with repeats: each is handed over exactly once.
    fn any_order_is_accepted_and_nothing_twice(order: Vec<u8>) -> bool {
        two().into_iter().all(|mut pair| {
            let datagrams: Vec<_> = (0..100u8).map(|number| from_client(&mut pair, &[number])).collect();
            let mut seen = HashSet::new();
            order.iter().all(|number| {
                let number = number % 100;
                let expected: Vec<Vec<u8>> = seen.insert(number).then_some(vec![number]).into_iter().collect();
                pair.server_gets(&datagrams[usize::from(number)]) == expected
            })
        })
    }

    /// For every bit that flips on the way, also in the id: the record is dropped, and the next one is
    /// fine.
    fn any_flipped_bit_is_noticed(position: usize, bit: u8) -> bool {
        two().into_iter().all(|mut pair| {
            let good = from_client(&mut pair, b"precious");
            let mut bad = good.clone();
            let position = position % bad.len();
            bad[position] ^= 1 << (bit % 8);
            pair.server_gets(&bad).is_empty() && pair.server_gets(&good) == [b"precious"]
        })
    }

    /// For every datagram and every length of ids: looking for an id is safe, and an id that is found
    /// has that length.
    fn looking_for_ids_is_safe(datagram: Vec<u8>, length: u8) -> bool {
        pollrtc_dtls::connection_id(&datagram, length).is_none_or(|id| id.len() == usize::from(length))
    }
}
