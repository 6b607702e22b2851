//! Who wants which id, and how the hellos say it.

use std::sync::Arc;

use pollrtc_core::InnerProtocol;
use pollrtc_crypto::NamedGroup;
use pollrtc_dtls::wire::datagram::AnyHeader;
use pollrtc_dtls::wire::handshake::{ClientHello, ServerHello};
use pollrtc_dtls::wire::record::{self, TLS12_CID};
use pollrtc_dtls::wire::{ExtensionType, HandshakeType};
use pollrtc_dtls::{
    CloseReason, ConnectionIdChooser, ConnectionIdPolicy, Cookies, Event, HandshakeError, Versions, connection_id,
};
use quickcheck::quickcheck;

use super::{VERSIONS, connected, policy, setup, talk};
use crate::support::wire::{HelloParts, body_of, message_record, messages, records};
use crate::support::{Pair, Setup, millis, waiting_client};

fn ids(connection: &pollrtc_dtls::Connection) -> Vec<Vec<u8>> {
    connection.connection_ids().map(<[u8]>::to_vec).collect()
}

#[test]
fn each_side_sends_the_id_that_the_other_wants() {
    for versions in VERSIONS {
        for (client, server) in [(3, 8), (8, 3), (1, 255), (255, 255), (0, 5), (5, 0)] {
            let mut pair = connected(versions, client, server);
            let (of_client, of_server) = (ids(&pair.client), ids(&pair.server));
            assert_eq!(of_client.concat().len(), usize::from(client));
            assert_eq!(of_server.concat().len(), usize::from(server));
            assert_eq!(pair.client.peer_connection_id(), of_server.concat());
            assert_eq!(pair.server.peer_connection_id(), of_client.concat());

            pair.client.send(b"x").unwrap();
            pair.server.send(b"x").unwrap();
            let found = [(pair.client_sends(), server), (pair.server_sends(), client)]
                .map(|(datagrams, length)| connection_id(&datagrams[0], length).map(<[u8]>::to_vec));
            assert_eq!(found, [of_server.first().cloned(), of_client.first().cloned()]);
            talk(&mut pair);
        }
    }
}

#[test]
fn only_encrypted_records_have_ids() {
    let mut pair = setup(Versions::Dtls12, 4, 4).pair();
    let mut kinds = Vec::new();
    pair.connect_over(100, |_, datagram| {
        let mut rest = &datagram[..];
        while let Ok(header) = AnyHeader::parse_with_id(rest, 4) {
            kinds.push((header.connection_id().is_some(), rest[0]));
            rest = &rest[header.record_len()..];
        }
        vec![datagram]
    });
    assert!(pair.client.is_connected());
    let with_id: Vec<_> = kinds.iter().filter(|(has_id, _)| *has_id).collect();
    assert_eq!(with_id, [&(true, TLS12_CID); 2], "both Finished");

    let mut pair = setup(Versions::Dtls13, 4, 4).pair();
    pair.connect_over(100, |_, datagram| {
        let mut rest = &datagram[..];
        while let Ok(header) = AnyHeader::parse_with_id(rest, 4) {
            let is_encrypted = matches!(header, AnyHeader::Unified(_));
            assert_eq!(header.connection_id().is_some(), is_encrypted);
            rest = &rest[header.record_len()..];
        }
        vec![datagram]
    });
    assert!(pair.client.is_connected());
}

#[test]
fn who_does_not_speak_of_ids_is_spoken_to_without() {
    for versions in VERSIONS {
        for (client, server) in [
            (policy(5), None),
            (None, policy(5)),
            (policy(0), None),
            (policy(0), policy(0)),
        ] {
            let mut setup = Setup::new().speaking(versions);
            setup.client.connection_ids = client;
            setup.server.connection_ids = server;
            let mut pair = setup.pair().connect();
            assert!(pair.client.peer_connection_id().is_empty() && pair.server.peer_connection_id().is_empty());
            let prefix = if versions == Versions::Dtls12 { 21 } else { 5 };
            assert_eq!(
                (pair.client.headroom().prefix, pair.server.headroom().prefix),
                (prefix, prefix)
            );
            talk(&mut pair);
        }
    }
}

#[test]
fn both_versions_answer_in_the_servers_hello() {
    for versions in VERSIONS {
        let mut setup = setup(versions, 3, 2);
        setup.client.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
        let mut pair = setup.pair();
        let hello = pair.client_sends();
        let body = body_of(&hello, HandshakeType::CLIENT_HELLO);
        let offered = ClientHello::parse(&body).unwrap().extensions.connection_id().unwrap();
        assert_eq!(offered, pair.client.connection_ids().next());
        pair.server_gets(&hello[0]);
        let flight = pair.server_sends();
        let plain = records(&plain_front(&flight));
        let body = body_of(&plain, HandshakeType::SERVER_HELLO);
        let answered = ServerHello::parse(&body).unwrap().extensions.connection_id().unwrap();
        assert_eq!(answered, pair.server.connection_ids().next());
    }
}

/// The plain records at the front of each datagram.
fn plain_front(datagrams: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let front = |datagram: &Vec<u8>| {
        let whole = record::records(datagram).map_while(Result::ok);
        let length: usize = whole.map(|record| record::HEADER_LEN + record.fragment.len()).sum();
        datagram[..length].to_vec()
    };
    datagrams.iter().map(front).collect()
}

#[test]
fn a_second_hello_says_the_same_as_the_first() {
    for versions in VERSIONS {
        let mut setup = setup(versions, 6, 7);
        setup.client.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
        setup.server.groups = vec![NamedGroup::Secp256r1];
        setup.server.cookies = Cookies::Required;
        let mut pair = setup.pair();
        let mut offers = Vec::new();
        pair.connect_over(100, |is_client, datagram| {
            if is_client {
                for (kind, _, body) in messages(&plain_front(std::slice::from_ref(&datagram))) {
                    if kind == HandshakeType::CLIENT_HELLO {
                        let hello = ClientHello::parse(&body).unwrap();
                        offers.push(hello.extensions.get(ExtensionType::CONNECTION_ID).unwrap().to_vec());
                    }
                }
            }
            vec![datagram]
        });
        assert_eq!(offers.len(), 2, "{versions:?}");
        assert_eq!(offers[0], offers[1]);
        assert!(pair.client.is_connected() && pair.server.is_connected());
        talk(&mut pair);
    }
}

#[test]
fn an_answer_that_nobody_asked_for_ends_the_handshake() {
    let mut client = waiting_client();
    let hello = HelloParts::good()
        .without(ExtensionType::SUPPORTED_GROUPS)
        .without(ExtensionType::SIGNATURE_ALGORITHMS)
        .with(ExtensionType::CONNECTION_ID, &[1, 7])
        .server();
    let record = message_record(HandshakeType::SERVER_HELLO, 0, &hello);
    crate::support::deliver(&mut client, pollrtc_core::Instant::from_millis(2), &record);
    let error = HandshakeError::UnsolicitedExtension;
    assert_eq!(client.poll_event(), Some(Event::Closed(CloseReason::Handshake(error))));
}

#[test]
fn a_malformed_wish_is_refused() {
    for content in [&[][..], &[2, 7], &[1, 7, 7]] {
        let mut server = setup(Versions::Dtls12, 0, 4).pair().server;
        let hello = HelloParts::good().with(ExtensionType::CONNECTION_ID, content).client();
        let record = message_record(HandshakeType::CLIENT_HELLO, 0, &hello);
        crate::support::deliver(&mut server, pollrtc_core::Instant::from_millis(2), &record);
        let error = HandshakeError::Malformed(HandshakeType::CLIENT_HELLO);
        assert_eq!(server.poll_event(), Some(Event::ClientHelloRefused(error)));
    }
}

#[test]
fn the_caller_may_say_what_ids_look_like() {
    for versions in VERSIONS {
        let mut setup = setup(versions, 0, 0);
        setup.server.connection_ids = Some(ConnectionIdPolicy::Chosen {
            length: 4.try_into().unwrap(),
            chooser: ConnectionIdChooser(Arc::new(|id| id[0] = 0xab)),
        });
        let pair = setup.pair().connect();
        let id = pair.client.peer_connection_id();
        assert_eq!((id.len(), id[0]), (4, 0xab));
    }
}

#[test]
fn before_anything_is_known_there_is_room_for_the_longest_id() {
    for versions in VERSIONS {
        let mut pair = setup(versions, 2, 9).pair();
        assert_eq!(pair.client.headroom().prefix, 21 + 255);
        pair.settle();
        let prefix = if versions == Versions::Dtls12 { 21 } else { 5 };
        assert_eq!(pair.client.headroom().prefix, prefix + 9);
        assert_eq!(pair.client.headroom().suffix, 17);
        assert_eq!(pair.server.headroom().prefix, prefix + 2);
    }
}

#[test]
fn a_small_mtu_leaves_room_behind_a_long_id() {
    for versions in VERSIONS {
        let mut setup = setup(versions, 255, 255);
        (setup.client.mtu, setup.server.mtu) = (1, 1);
        let mut pair = setup.pair();
        pair.connect_over(2000, |_, datagram| {
            assert!(datagram.len() <= 64 + 255);
            vec![datagram]
        });
        assert!(pair.client.is_connected() && pair.server.is_connected());
    }
}

#[test]
fn what_another_client_wished_for_does_not_stay() {
    // Somebody faster wants to be sent an id; the peer does not.
    for versions in VERSIONS {
        let mut other = setup(versions, 9, 0);
        other.client.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
        let other = other.pair().client_sends();
        let mut setup = setup(versions, 0, 4);
        setup.client.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
        setup.client.connection_ids = None;
        let mut pair: Pair = setup.pair();
        pair.server_gets(&other[0]);
        assert_eq!(pair.server.peer_connection_id().len(), 9);
        pair.server_sends();
        pair.now += millis(2000);
        pair.rest();
        assert!(pair.server.is_connected(), "{versions:?}");
        assert!(pair.server.peer_connection_id().is_empty());
        talk(&mut pair);
    }
}

quickcheck! {
    /// For every pair of lengths and every network that loses, doubles and turns around some of the
    /// first 40 datagrams: both connect and hear each other.
    fn any_bad_network_is_survived(lengths: (u8, u8), fates: Vec<u8>) -> bool {
        VERSIONS.into_iter().all(|versions| {
            let mut setup = setup(versions, lengths.0, lengths.1);
            (setup.client.mtu, setup.server.mtu) = (600, 600);
            (setup.client.handshake_timeout, setup.server.handshake_timeout) = (millis(1 << 40), millis(1 << 40));
            let mut pair = setup.pair();
            let mut fates = fates.iter().copied().take(40);
            let mut late = Vec::new();
            pair.connect_over(2000, |_, datagram| match fates.next().unwrap_or(255) % 8 {
                0 | 1 => vec![],
                2 => vec![datagram.clone(), datagram],
                3 => {
                    late.push(datagram);
                    vec![]
                }
                _ => vec![datagram],
            });
            pair.rest();
            let is_connected = pair.client.is_connected() && pair.server.is_connected();
            // What was held back is of another time by now, and of the other side too.
            for datagram in late {
                pair.client_gets(&datagram);
                pair.server_gets(&datagram);
            }
            pair.settle();
            talk(&mut pair);
            is_connected
        })
    }
}
