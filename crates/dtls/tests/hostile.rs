//! Loads that no honest peer makes: floods, bursts, dust. In both versions and roles memory stays
//! within its bound, work is not spent on attackers, and the real peer gets through.

use allocation_counter::measure;
use pollrtc_core::{InnerProtocol, Instant};
use pollrtc_crypto::NamedGroup;
use pollrtc_dtls::wire::datagram::AnyHeader;
use pollrtc_dtls::wire::handshake::{Fragment, HEADER_LEN as MESSAGE_HEADER_LEN, fragments};
use pollrtc_dtls::wire::record::HEADER_LEN;
use pollrtc_dtls::wire::{ContentType, ExtensionType, HandshakeType};
use pollrtc_dtls::{Connection, Cookies, Event, KeyUpdateRequest, SendError, State, Versions};

use crate::support::cipher::{Tap, split};
use crate::support::watched::{Watched, Work};
use crate::support::wire::{HelloParts, fragment_record, message_record, plain_record, record_of_epoch};
use crate::support::{Pair, Setup, deliver, drain, events, millis, rng};

const VERSIONS: [Versions; 2] = [Versions::Dtls12, Versions::Dtls13];
/// What a peer or an attacker may make a connection keep.
const MAX_MEMORY: usize = 104 * 1024;
/// Beside what [`Connection::memory`] tells: what waits to be sent, acknowledgements, spare room of
/// vectors.
const MAX_HEAP: u64 = 2 * MAX_MEMORY as u64;
const NOW: Instant = Instant::from_millis(1);

/// Brings a pair as far as this many flights, and delivers no more: none, hello, answer, last.
fn after(setup: &Setup, flights: usize) -> Pair {
    let mut pair = setup.clone().pair();
    for flight in 0..flights {
        match flight % 2 {
            0 => pair
                .client_sends()
                .iter()
                .for_each(|datagram| drop(pair.server_gets(datagram))),
            _ => pair
                .server_sends()
                .iter()
                .for_each(|datagram| drop(pair.client_gets(datagram))),
        }
    }
    pair
}

/// A record as only an attacker writes it, of every kind and for every stage.
fn dust(number: u64) -> Vec<u8> {
    let kinds = [0u8, 1, 2, 3, 4, 8, 11, 12, 13, 14, 15, 16, 20, 24, 99];
    let kind = HandshakeType(kinds[(number % 15) as usize]);
    let message_seq = (number / 3 % 9) as u16;
    let body = [number as u8; 200];
    let fragment = |length, offset, size: usize| {
        fragment_record(&Fragment {
            kind,
            length,
            message_seq,
            offset,
            body: &body[..size],
        })
    };
    let early = |first: u8| [&[first, 1, number as u8, 0, 200][..], &body].concat();
    match number % 10 {
        0 => fragment(9000, 7 * (number % 1000) as u32, 200),
        1 => fragment(200 + (number % 20_000) as u32, 0, 100),
        2 => fragment(4096, number as u32 % 4000, 1),
        3 => fragment(0x00ff_ffff, number as u32, 50),
        4 => record_of_epoch(1, ContentType::ApplicationData, number, &body),
        5 => record_of_epoch(1, ContentType::Handshake, number, &body),
        6 => early(0x2e),
        7 => early(0x2f),
        8 => plain_record(ContentType::ChangeCipherSpec, number, &[1]),
        _ => plain_record(ContentType::Ack, number, &[&[0, 16][..], &body[..16]].concat()),
    }
}

#[test]
fn a_burst_of_1000_datagrams_of_40_records_before_any_poll_keeps_memory_bounded() {
    for versions in VERSIONS {
        for cookies in [Cookies::Off, Cookies::Required] {
            for flights in 0..5 {
                let mut setup = Setup::new().speaking(versions);
                setup.server.cookies = cookies;
                let mut pair = after(&setup, flights);
                let (mut client, mut server) = (0, 0);
                let datagrams: Vec<Vec<u8>> = (0..1000)
                    .map(|datagram| (0..40).flat_map(|record| dust(datagram * 41 + record)).collect())
                    .collect();
                let heap = measure(|| {
                    for datagram in &datagrams {
                        pair.client_gets(datagram);
                        pair.server_gets(datagram);
                        (client, server) = (client.max(pair.client.memory()), server.max(pair.server.memory()));
                    }
                });
                assert!(client <= MAX_MEMORY && server <= MAX_MEMORY, "{client} {server}");
                // Both together, and the copy of a datagram that the test delivers.
                assert!(
                    heap.bytes_max < 2 * MAX_HEAP + 10_000,
                    "{versions:?}, {flights} flights: {heap:?}"
                );
                let waiting = pair.client_sends().len() + pair.server_sends().len();
                assert!(waiting < 100, "{waiting} datagrams for a burst");
            }
        }
    }
}

#[test]
fn an_established_connection_gets_over_a_burst_as_if_there_had_been_none() {
    for versions in VERSIONS {
        let mut pair = Setup::new().speaking(versions).pair().connect();
        pair.rest();
        let before = (pair.client.memory(), pair.server.memory());
        for datagram in 0..1000 {
            let datagram: Vec<u8> = (0..40).flat_map(|record| dust(datagram * 41 + record)).collect();
            pair.client_gets(&datagram);
            pair.server_gets(&datagram);
        }
        assert_eq!((pair.client.memory(), pair.server.memory()), before);
        pair.client.send(b"still here").unwrap();
        let datagrams = pair.client_sends();
        assert_eq!(datagrams.len(), 1, "nothing is said about it");
        assert_eq!(pair.server_gets(&datagrams[0]), [b"still here"]);
    }
}

#[test]
fn all_of_40_records_of_one_datagram_are_handed_over() {
    for versions in VERSIONS {
        let mut pair = Setup::new().speaking(versions).pair().connect();
        pair.rest();
        for from_client in [true, false] {
            let mut datagram = Vec::new();
            let mut expected = Vec::new();
            for number in 0..40u8 {
                let sender = if from_client {
                    &mut pair.client
                } else {
                    &mut pair.server
                };
                sender.send(&[number; 30]).unwrap();
                datagram.extend(drain(sender, pair.now).concat());
                expected.push(vec![number; 30]);
                datagram.extend(plain_record(ContentType::Alert, 7, &[2, 40]));
            }
            let received = match from_client {
                true => pair.server_gets(&datagram),
                false => pair.client_gets(&datagram),
            };
            assert_eq!(received, expected);
        }
    }
}

#[test]
fn a_burst_of_1000_datagrams_of_data_is_handed_over_without_a_poll() {
    for versions in VERSIONS {
        let mut pair = Setup::new().speaking(versions).pair().connect();
        pair.rest();
        let mut datagrams = Vec::new();
        for number in 0..1000u16 {
            pair.client.send(&number.to_be_bytes()).unwrap();
            datagrams.extend(pair.client_sends());
        }
        let before = pair.server.memory();
        for (number, datagram) in datagrams.iter().enumerate() {
            assert_eq!(pair.server_gets(datagram), [(number as u16).to_be_bytes()]);
        }
        assert_eq!(pair.server.memory(), before);
    }
}

/// ClientHellos that are almost good.
fn bad_hellos() -> Vec<Vec<u8>> {
    let good = HelloParts::good;
    let share = [&[0, 36, 0, 29, 0, 32][..], &[9; 32]].concat();
    let good_13 = || {
        HelloParts {
            cipher_suites: vec![0x1301],
            ..good()
        }
        .with(ExtensionType::SUPPORTED_VERSIONS, &[2, 0xfe, 0xfc])
        .with(ExtensionType::KEY_SHARE, &share)
    };
    let mut bodies = Vec::new();
    for good in [good(), good_13()] {
        let hellos = [
            HelloParts {
                cipher_suites: vec![0x002f],
                ..good.clone()
            },
            HelloParts {
                compression: vec![1],
                ..good.clone()
            },
            HelloParts {
                trailer: vec![0],
                ..good.clone()
            },
            HelloParts {
                version: 0xfeff,
                ..good.clone().without(ExtensionType::SUPPORTED_VERSIONS)
            },
            good.clone().without(ExtensionType::SIGNATURE_ALGORITHMS),
            good.clone()
                .without(ExtensionType::SUPPORTED_GROUPS)
                .with(ExtensionType::SUPPORTED_GROUPS, &[0, 2, 1, 0]),
            good.clone().with(ExtensionType::USE_SRTP, &[0]),
            good.with(ExtensionType(5), &[]).with(ExtensionType(5), &[]),
        ];
        bodies.extend(hellos.iter().map(HelloParts::client));
    }
    bodies
}

/// A pair whose work is counted.
fn watched(versions: Versions) -> (Setup, &'static Watched) {
    let provider = Watched::leak();
    let setup = Setup::with_provider(provider).speaking(versions);
    provider.take_work();
    (setup, provider)
}

#[test]
fn no_public_key_operation_happens_before_a_whole_good_client_hello() {
    for versions in [Versions::Dtls12, Versions::Dtls13, Versions::Both] {
        let (setup, provider) = watched(versions);
        let mut pair = setup.pair();
        let hello = pair.client_sends();
        provider.take_work();
        for number in 0..10_000 {
            pair.server_gets(&dust(number));
        }
        for body in bad_hellos() {
            let length = body.len();
            pair.server_gets(&message_record(HandshakeType::CLIENT_HELLO, 0, &body));
            // Nor for pieces, of which the last is missing.
            for start in (0..length - 1).step_by(20) {
                let fragment = Fragment {
                    kind: HandshakeType::CLIENT_HELLO,
                    length: length as u32,
                    message_seq: 0,
                    offset: start as u32,
                    body: &body[start..(start + 20).min(length - 1)],
                };
                pair.server_gets(&fragment_record(&fragment));
            }
        }
        assert_eq!(provider.take_work(), Work::default(), "{versions:?}");
        assert_eq!(pair.server.state(), State::Listening);
        pair.server_sends();
        // What has begun to come keeps others out for no longer than this.
        pair.now += millis(2000);
        hello.iter().for_each(|datagram| drop(pair.server_gets(datagram)));
        let work = provider.take_work();
        assert_eq!((work.key_exchanges, work.signatures, work.verifications), (1, 1, 0));
        pair.settle();
        assert!(pair.client.is_connected() && pair.server.is_connected());
    }
}

#[test]
fn with_cookies_a_flood_of_good_hellos_costs_no_public_key_operation_and_no_memory() {
    for versions in VERSIONS {
        let (mut setup, provider) = watched(versions);
        setup.server.cookies = Cookies::Required;
        setup.client.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
        let mut server = Connection::server(setup.server.clone(), rng(4)).unwrap();
        let hellos: Vec<Vec<u8>> = (0..=255)
            .map(|seed| {
                let mut client = Connection::client(setup.client.clone(), rng(seed)).unwrap();
                drain(&mut client, NOW).concat()
            })
            .collect();
        provider.take_work();
        let (mut received, mut sent) = (0, 0);
        // At once: the first is asked, and the others are ignored. In their own time: all are asked.
        for (asked, apart) in [(1, 0), (256, 2000)] {
            let mut now = NOW + millis(10_000);
            let before = server.stats().cookies_asked;
            for hello in &hellos {
                now += millis(apart);
                received += hello.len();
                deliver(&mut server, now, hello);
                sent += drain(&mut server, now).iter().map(Vec::len).sum::<usize>();
                assert_eq!((server.memory(), server.state()), (0, State::Listening));
            }
            assert_eq!(server.stats().cookies_asked - before, asked);
        }
        assert_eq!(provider.take_work(), Work::default());
        assert!(sent <= received, "{sent} bytes for {received}: no amplification");
        assert_eq!(server.poll_timeout(), None, "nothing is sent again");
    }
}

#[test]
fn without_cookies_one_hello_at_a_time_costs_a_key_exchange_and_a_signature() {
    for versions in VERSIONS {
        let (mut setup, provider) = watched(versions);
        setup.client.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
        let mut pair = setup.clone().pair();
        let hellos: Vec<Vec<u8>> = (0..100)
            .map(|seed| {
                let mut client = Connection::client(setup.client.clone(), rng(100 + seed)).unwrap();
                drain(&mut client, NOW).concat()
            })
            .collect();
        provider.take_work();
        let mut memory = 0;
        // At once: the first alone is answered. When each has been silent for long enough: every other one is.
        for (answered, apart) in [(1, 0), (99, 2000)] {
            let mut total = Work::default();
            pair.now += millis(2000);
            for hello in &hellos {
                pair.now += millis(apart);
                pair.server_gets(hello);
                let work = provider.take_work();
                total.key_exchanges += work.key_exchanges;
                total.signatures += work.signatures;
                memory = memory.max(pair.server.memory());
            }
            assert_eq!((total.key_exchanges, total.signatures), (answered, answered));
        }
        assert!(memory < 4096, "{memory}");
        // The real peer, when all of them are silent; they get their answer.
        pair.server_sends();
        pair.now += millis(2000);
        pair.settle();
        assert!(pair.client.is_connected() && pair.server.is_connected());
    }
}

#[test]
fn a_client_does_no_public_key_operation_for_what_is_no_answer() {
    for versions in VERSIONS {
        let (setup, provider) = watched(versions);
        let mut pair = setup.pair();
        pair.client_sends();
        provider.take_work();
        for number in 0..1000 {
            pair.client_gets(&plain_record(ContentType::Alert, number, &[2, 40]));
            pair.client_gets(&plain_record(ContentType::ApplicationData, number, &[7; 100]));
            pair.client_gets(&dust(10 * number + 4));
            pair.client_gets(&dust(10 * number + 6));
            // Pieces of a hello that never ends.
            let fragment = Fragment {
                kind: HandshakeType::SERVER_HELLO,
                length: 2000,
                message_seq: 0,
                offset: number as u32,
                body: &[0],
            };
            pair.client_gets(&fragment_record(&fragment));
            assert!(pair.client.memory() <= MAX_MEMORY);
        }
        assert_eq!(provider.take_work(), Work::default());
        pair.wait(millis(400));
        pair.settle();
        assert!(pair.client.is_connected() && pair.server.is_connected(), "{versions:?}");
    }
}

#[test]
fn messages_from_the_far_future_are_not_kept() {
    for versions in VERSIONS {
        for flights in 0..4 {
            let mut pair = after(&Setup::new().speaking(versions), flights);
            let before = (pair.client.memory(), pair.server.memory());
            for message_seq in 20..5000 {
                let kind = HandshakeType(message_seq as u8 % 25);
                let record = message_record(kind, message_seq, &[0; 1000]);
                pair.client_gets(&record);
                pair.server_gets(&record);
            }
            pair.server_gets(&message_record(HandshakeType::CLIENT_HELLO, u16::MAX, &[0; 1000]));
            assert_eq!(
                (pair.client.memory(), pair.server.memory()),
                before,
                "{versions:?}, {flights}"
            );
            pair.settle();
            pair.rest();
            assert!(
                pair.client.is_connected() && pair.server.is_connected(),
                "{versions:?}, {flights}"
            );
        }
    }
}

/// The plain handshake messages of a datagram cut every `size` bytes, and what else is in it.
fn recut(datagram: &[u8], size: usize) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    for record in split(&[datagram.to_vec()]) {
        let header = AnyHeader::parse(&record).unwrap();
        let is_plain_handshake = matches!(header, AnyHeader::Classic(header) if header.epoch == 0 && header.content_type == ContentType::Handshake);
        if !is_plain_handshake {
            pieces.push(record);
            continue;
        }
        for fragment in fragments(&record[HEADER_LEN..]) {
            let fragment = fragment.unwrap();
            for start in (0..fragment.body.len().max(1)).step_by(size) {
                let end = (start + size).min(fragment.body.len());
                pieces.push(fragment_record(&Fragment {
                    offset: fragment.offset + start as u32,
                    body: &fragment.body[start..end],
                    ..fragment
                }));
            }
        }
    }
    pieces
}

#[test]
fn a_handshake_of_single_bytes_in_any_direction_connects() {
    for versions in VERSIONS {
        for is_reversed in [false, true] {
            let mut pair = Setup::new().speaking(versions).pair();
            let mut pieces = 0;
            pair.connect_over(100, |_, datagram| {
                let mut cut = recut(&datagram, 1);
                pieces += cut.len();
                if is_reversed {
                    cut.reverse();
                }
                cut
            });
            assert!(pair.client.is_connected() && pair.server.is_connected(), "{versions:?}");
            assert!(pieces > 1000, "{pieces}");
        }
    }
}

#[test]
fn fragments_that_overlap_at_other_boundaries_connect() {
    for versions in VERSIONS {
        for (one, other) in [(10, 13), (100, 33), (7, 500)] {
            let mut pair = Setup::new().speaking(versions).pair();
            pair.connect_over(100, |_, datagram| {
                // Each time the message is cut in two ways, and the pieces of both come mixed.
                let (first, second) = (recut(&datagram, one), recut(&datagram, other));
                let mut mixed = Vec::new();
                let (mut first, mut second) = (first.into_iter().rev(), second.into_iter());
                loop {
                    match (first.next(), second.next()) {
                        (None, None) => return mixed,
                        (a, b) => mixed.extend(a.into_iter().chain(b)),
                    }
                }
            });
            assert!(pair.client.is_connected() && pair.server.is_connected(), "{versions:?}");
        }
    }
}

#[test]
fn an_encrypted_flight_of_single_bytes_connects_in_both_roles() {
    for to_server in [true, false] {
        let mut setup = Setup::v13();
        setup.client.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
        let tap = Tap::on(&mut setup.server);
        let mut pair = after(&setup, 1);
        let flight = split(&pair.server_sends());
        let (mut keys, messages) = match to_server {
            true => {
                flight.iter().for_each(|record| drop(pair.client_gets(record)));
                let keys = tap.client_handshake();
                let messages = keys.messages(&pair.client_sends());
                (keys, messages)
            }
            false => {
                pair.client_gets(&flight[0]);
                let keys = tap.server_handshake();
                let messages = keys.messages(&flight);
                (keys, messages)
            }
        };
        for (kind, message_seq, body) in messages {
            for start in 0..body.len().max(1) {
                let fragment = Fragment {
                    kind,
                    length: body.len() as u32,
                    message_seq,
                    offset: start as u32,
                    body: body.get(start..start + 1).unwrap_or_default(),
                };
                let content = [&fragment.header(), fragment.body].concat();
                assert!(content.len() <= MESSAGE_HEADER_LEN + 1);
                let record = keys.seal(ContentType::Handshake as u8, &content);
                match to_server {
                    true => pair.server_gets(&record),
                    false => pair.client_gets(&record),
                };
            }
        }
        let is_connected = if to_server {
            pair.server.is_connected()
        } else {
            pair.client.is_connected()
        };
        assert!(is_connected);
        pair.rest();
        assert!(pair.client.is_connected() && pair.server.is_connected());
    }
}

#[test]
fn no_alert_that_anyone_can_send_ends_anything_between_any_two_records() {
    for versions in [Versions::Dtls12, Versions::Dtls13, Versions::Both] {
        for cookies in [Cookies::Off, Cookies::Required] {
            let mut setup = Setup::new().speaking(versions);
            setup.server.cookies = cookies;
            setup.server.groups = vec![NamedGroup::Secp256r1];
            let mut pair = setup.pair();
            let mut alerts = 0u64;
            let mut all = |level: u8| {
                let numbered = |description: u8| {
                    alerts += 1;
                    plain_record(ContentType::Alert, 5000 + alerts, &[level, description])
                };
                (0..=120).map(numbered).collect::<Vec<_>>()
            };
            pair.connect_over(200, |_, datagram| {
                let mut arriving = Vec::new();
                for record in split(&[datagram]) {
                    arriving.extend(all(2));
                    arriving.extend(all(1));
                    arriving.push(plain_record(ContentType::Alert, 1, &[2]));
                    arriving.push(plain_record(ContentType::Alert, 1, &[]));
                    arriving.push(record);
                }
                arriving
            });
            assert!(pair.client.is_connected() && pair.server.is_connected(), "{versions:?}");
            let reached = |connection: &Connection| connection.stats().unauthenticated_alerts;
            assert!(reached(&pair.client) > 700 && reached(&pair.server) > 700);
            for alert in [all(2), all(1)].concat() {
                pair.client_gets(&alert);
                pair.server_gets(&alert);
            }
            assert!(pair.client.is_connected() && pair.server.is_connected(), "{versions:?}");
        }
    }
}

#[test]
fn nonces_never_repeat_over_2_to_20_records_new_keys_and_repeated_flights() {
    for versions in VERSIONS {
        let (mut setup, provider) = watched(versions);
        for config in [&mut setup.client, &mut setup.server] {
            config.handshake_timeout = millis(3_600_000);
        }
        let mut pair = setup.pair();
        // What is sent is lost twice out of three times.
        let mut seen = 0;
        pair.connect_over(500, |_, datagram| {
            seen = seen * 5 % 97 + 1;
            if seen % 3 == 0 { vec![datagram] } else { vec![] }
        });
        assert!(pair.client.is_connected() && pair.server.is_connected());
        pair.rest();
        let mut buf = [0; 64];
        for number in 0..1 << 20 {
            let prefix = pair.client.headroom().prefix;
            buf[prefix] = number as u8;
            let length = pair.client.write_record(&mut buf, 1).unwrap();
            // A header has 16 bits of the number, so some have to arrive.
            if number % (1 << 14) == 0 {
                assert_eq!(pair.server_gets(&buf[..length]), [[number as u8]]);
            }
            if number % (1 << 18) == 0 {
                // In DTLS 1.3 the next epoch begins, and its numbers begin anew.
                pair.client.update_keys(KeyUpdateRequest::Requested).unwrap();
                pair.rest();
            }
        }
        assert!(provider.sealed() > 1 << 20);
        let keys = if versions == Versions::Dtls13 { 10 } else { 2 };
        assert!(provider.sealing_keys() >= keys);
    }
}

#[test]
fn replays_with_gaps_and_out_of_any_order_are_refused() {
    for versions in VERSIONS {
        let mut pair = Setup::new().speaking(versions).pair().connect();
        pair.rest();
        let mut records = Vec::new();
        for number in 0..5000u32 {
            pair.client.send(&number.to_be_bytes()).unwrap();
            records.extend(pair.client_sends());
        }
        // A jump ahead, back within the window, to its edge, beyond it, and ahead again.
        let order = [
            0, 3, 1, 4000, 3999, 3745, 3744, 0, 2, 4000, 3999, 4999, 4744, 4743, 3998, 4998,
        ];
        let window = 256;
        let (mut newest, mut taken) = (0, Vec::new());
        for number in order {
            let is_new = !taken.contains(&number) && number + window > newest;
            let received = pair.server_gets(&records[number]);
            assert_eq!(!received.is_empty(), is_new, "{versions:?}: {number}");
            if is_new {
                taken.push(number);
                newest = newest.max(number);
            }
            assert!(pair.server_gets(&records[number]).is_empty(), "once more");
        }
    }
}

#[test]
fn forged_numbers_do_not_move_the_window_in_either_version() {
    for versions in VERSIONS {
        let mut pair = Setup::new().speaking(versions).pair().connect();
        pair.rest();
        pair.client.send(b"real").unwrap();
        let record = pair.client_sends().remove(0);
        for number in 0..=255u8 {
            let mut forged = record.clone();
            let at = if versions == Versions::Dtls12 { 5 } else { 1 };
            forged[at] ^= number.max(1);
            assert!(pair.server_gets(&forged).is_empty());
        }
        assert!(pair.server.stats().forged_records > 200);
        assert_eq!(pair.server_gets(&record), [b"real"]);
    }
}

#[test]
fn a_bad_post_quantum_answer_ends_in_nothing_and_leaves_no_keys() {
    let mut pair = Setup::v13().pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    // ML-KEM never says that a ciphertext is bad: the secret is another one (FIPS 203 §6.3).
    let mut flight = split(&pair.server_sends());
    assert!(flight[0].len() > 1088, "the hello has a ciphertext");
    flight[0][600] ^= 1;
    for record in &flight {
        pair.client_gets(record);
    }
    assert_eq!(pair.client.state(), State::Connecting);
    assert!(pair.client.stats().forged_records > 0);
    assert_eq!(pair.client.send(b"x"), Err(SendError::NotConnected));
    assert!(
        pair.client
            .export_keying_material("EXTRACTOR-dtls_srtp", None, &mut [0; 16])
            .is_err()
    );
    for _ in 0..20 {
        pair.wait(millis(10_000));
        pair.settle();
    }
    assert!(
        events(&mut pair.client)
            .iter()
            .all(|event| matches!(event, Event::Closed(_)))
    );
    assert!(!pair.server.is_connected());
}

#[test]
fn when_all_epochs_are_used_up_the_connection_goes_on_with_the_last() {
    let mut pair = Setup::v13().pair().connect();
    pair.rest();
    let mut updates = 0;
    let error = loop {
        match pair.client.update_keys(KeyUpdateRequest::NotRequested) {
            Ok(()) => updates += 1,
            Err(error) => break error,
        }
        for datagram in pair.client_sends() {
            pair.server_gets(&datagram);
        }
        pair.now += millis(100);
        pair.server.handle_timeout(pair.now);
        for datagram in pair.server_sends() {
            pair.client_gets(&datagram);
        }
    };
    assert_eq!(error, SendError::SequenceExhausted);
    // 2^16 numbers of messages, of which the handshake took four.
    assert!(updates > 65_000, "{updates}");
    pair.client.send(b"still here").unwrap();
    let datagrams = pair.client_sends();
    assert_eq!(pair.server_gets(&datagrams[0]), [b"still here"]);
}
