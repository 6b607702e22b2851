//! What is agreed upon beside the cryptography: protocols of the application, sizes of records.

use pollrtc_core::InnerProtocol;
use pollrtc_crypto::NamedGroup;
use pollrtc_dtls::{CloseReason, Event, HandshakeError, SendError, State, Versions};

use crate::support::cipher::{Tap, split};
use crate::support::{Pair, Setup};

const VERSIONS: [Versions; 2] = [Versions::Dtls12, Versions::Dtls13];

fn names(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

/// Two that have tried to connect.
fn settled(versions: Versions, change: impl FnOnce(&mut Setup)) -> Pair {
    let mut setup = Setup::new().speaking(versions);
    change(&mut setup);
    let mut pair = setup.pair();
    pair.rest();
    pair
}

#[test]
fn the_server_prefers_among_the_protocols_that_both_have() {
    for versions in VERSIONS {
        let pair = settled(versions, |setup| {
            setup.client.application_protocols = names(&["webrtc", "c-webrtc", "x"]);
            setup.server.application_protocols = names(&["y", "c-webrtc", "webrtc"]);
        });
        assert_eq!(
            pair.client.application_protocol(),
            Some(&b"c-webrtc"[..]),
            "{versions:?}"
        );
        assert_eq!(
            pair.server.application_protocol(),
            Some(&b"c-webrtc"[..]),
            "{versions:?}"
        );
    }
}

#[test]
fn who_has_no_protocols_negotiates_none() {
    for versions in VERSIONS {
        for (client, server) in [
            (names(&["webrtc"]), vec![]),
            (vec![], names(&["webrtc"])),
            (vec![], vec![]),
        ] {
            let pair = settled(versions, |setup| {
                setup.client.application_protocols = client;
                setup.server.application_protocols = server;
            });
            assert!(pair.client.is_connected() && pair.server.is_connected());
            assert_eq!(pair.client.application_protocol(), None);
            assert_eq!(pair.server.application_protocol(), None);
        }
    }
}

#[test]
fn a_server_with_protocols_refuses_clients_that_offer_others() {
    for versions in VERSIONS {
        let mut pair = settled(versions, |setup| {
            setup.client.application_protocols = names(&["webrtc"]);
            setup.server.application_protocols = names(&["http/1.1"]);
        });
        let refused = Event::ClientHelloRefused(HandshakeError::ApplicationProtocol);
        assert_eq!(pair.server_events()[0], refused);
        assert_eq!(pair.server.state(), State::Listening);
    }
}

#[test]
fn nobody_sends_longer_records_than_the_other_takes() {
    // Both versions; whether the content type counts; what each side takes.
    for (versions, inner) in [(Versions::Dtls12, 0), (Versions::Dtls13, 1)] {
        for (client, server, to_client, to_server) in [
            (Some(64), Some(300), 64 - inner, 300 - inner),
            (Some(100), None, 100 - inner, 16_384),
            // A server has to be asked.
            (None, Some(100), 16_384, 16_384),
            (Some(16_384), Some(16_384), 16_384 - inner, 16_384 - inner),
        ] {
            let mut pair = settled(versions, |setup| {
                setup.client.record_size_limit = client;
                setup.server.record_size_limit = server;
            });
            assert_eq!(
                pair.client.max_payload(),
                to_server,
                "{versions:?}, {client:?}, {server:?}"
            );
            assert_eq!(
                pair.server.max_payload(),
                to_client,
                "{versions:?}, {client:?}, {server:?}"
            );
            assert_eq!(pair.client.send(&vec![7; to_server + 1]), Err(SendError::TooLong));
            assert_eq!(pair.server.send(&vec![7; to_client + 1]), Err(SendError::TooLong));
            if to_client < 1000 {
                pair.server.send(&vec![7; to_client]).unwrap();
                let datagrams = pair.server_sends();
                assert_eq!(pair.client_gets(&datagrams[0]), [vec![7; to_client]]);
            }
        }
    }
}

/// What says that records are to have 1000 bytes at most.
const LIMIT: [u8; 6] = [0, 28, 0, 2, 3, 0xe8];

/// The same message with a limit of 63 bytes.
fn with_a_limit_of_63(message: &[u8]) -> Vec<u8> {
    let at = message.windows(6).position(|window| window == LIMIT).expect("a limit");
    let mut changed = message.to_vec();
    changed[at + 4..at + 6].copy_from_slice(&[0, 63]);
    changed
}

#[test]
fn a_limit_below_64_is_illegal() {
    for versions in VERSIONS {
        let mut setup = Setup::new().speaking(versions);
        setup.client.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
        setup.client.record_size_limit = Some(1000);
        setup.server.record_size_limit = Some(1000);
        let mut pair = setup.clone().pair();
        let hello = pair.client_sends();
        pair.server_gets(&with_a_limit_of_63(&hello[0]));
        let illegal = match &pair.server_events()[..] {
            [Event::ClientHelloRefused(error), ..] => *error,
            other => panic!("{other:?}"),
        };
        assert!(matches!(illegal, HandshakeError::IllegalParameter(_)), "{illegal:?}");

        let tap = Tap::on(&mut setup.server);
        let mut pair = setup.pair();
        for datagram in pair.client_sends() {
            pair.server_gets(&datagram);
        }
        let flight = split(&pair.server_sends());
        match versions {
            Versions::Dtls12 => drop(pair.client_gets(&with_a_limit_of_63(&flight[0]))),
            _ => {
                pair.client_gets(&flight[0]);
                let mut keys = tap.server_handshake();
                let (kind, message_seq, body) = keys.messages(&flight).remove(0);
                pair.client_gets(&keys.message(kind, message_seq, &with_a_limit_of_63(&body)));
            }
        }
        match &pair.client_events()[..] {
            [Event::Closed(CloseReason::Handshake(HandshakeError::IllegalParameter(_)))] => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_handshake_keeps_to_the_limits_too() {
    let mut pair = settled(Versions::Dtls13, |setup| {
        setup.client.record_size_limit = Some(64);
        setup.server.record_size_limit = Some(64);
    });
    assert!(pair.client.is_connected() && pair.server.is_connected());
    pair.client.send(b"hello").unwrap();
    let datagrams = pair.client_sends();
    assert_eq!(pair.server_gets(&datagrams[0]), [b"hello"]);
    assert_eq!(pair.client.poll_timeout(), None);
}
