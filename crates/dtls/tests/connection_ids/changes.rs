//! Ids that change on an established connection of DTLS 1.3 (RFC 9147 §9).

use pollrtc_core::InnerProtocol;
use pollrtc_dtls::wire::v13::NewConnectionId;
use pollrtc_dtls::wire::{HandshakeType, Writer};
use pollrtc_dtls::{
    AlertDescription, CloseReason, Connection, ConnectionIdError, ConnectionIdUsage, Event, HandshakeError,
    KeyUpdateRequest, Versions, connection_id,
};
use quickcheck::quickcheck;

use super::{connected, from_client, setup, talk};
use crate::support::cipher::{Cipher, Tap};
use crate::support::{Pair, millis};

const V13: Versions = Versions::Dtls13;

fn ids(connection: &Connection) -> Vec<Vec<u8>> {
    connection.connection_ids().map(<[u8]>::to_vec).collect()
}

/// A connected pair, and the keys of a client that says what it wants.
fn with_a_lying_client(client: u8, server: u8) -> (Pair, Cipher) {
    let mut setup = setup(V13, client, server);
    let tap = Tap::on(&mut setup.client);
    let mut pair = setup.pair().connect();
    pair.rest();
    let keys = tap.client_application().with_id(pair.client.peer_connection_id());
    (pair, keys)
}

/// The number of a client's first message after the handshake.
const FIRST_MESSAGE: u16 = 4;

fn new_ids(ids: &[&[u8]], usage: u8) -> Vec<u8> {
    let mut writer = Writer::new();
    NewConnectionId::write(&mut writer, ids.iter().copied(), ConnectionIdUsage::Immediate);
    let mut body = writer.into_bytes();
    *body.last_mut().unwrap() = usage;
    body
}

#[test]
fn a_client_on_its_way_to_another_network_takes_another_id() {
    let mut pair = connected(V13, 0, 5);
    let first = ids(&pair.server);
    pair.server.issue_connection_ids(2, ConnectionIdUsage::Spare).unwrap();
    assert_eq!(
        pair.server_events(),
        [Event::ConnectionIdsChanged],
        "before anything is sent"
    );
    let all = ids(&pair.server);
    assert_eq!((all.len(), &all[..1]), (3, &first[..]));
    pair.rest();
    assert_eq!(pair.client.spare_connection_ids(), 2);
    assert_eq!(pair.client.peer_connection_id(), all[0]);

    assert!(pair.client.use_next_connection_id());
    let datagram = from_client(&mut pair, b"on the way");
    assert_eq!(
        connection_id(&datagram, 5),
        Some(&all[1][..]),
        "in the order in which they came"
    );
    assert_eq!(pair.server_gets(&datagram), [b"on the way"]);
    assert!(pair.client.use_next_connection_id());
    assert_eq!(pair.client.peer_connection_id(), all[2]);
    assert!(!pair.client.use_next_connection_id(), "none is left");
    talk(&mut pair);
    assert_eq!((pair.client.poll_timeout(), pair.server.poll_timeout()), (None, None));
}

#[test]
fn an_id_can_be_changed_at_once() {
    let mut pair = connected(V13, 7, 5);
    pair.server.issue_connection_ids(3, ConnectionIdUsage::Spare).unwrap();
    pair.rest();
    let late = from_client(&mut pair, b"late");
    pair.server
        .issue_connection_ids(2, ConnectionIdUsage::Immediate)
        .unwrap();
    let old = pair.client.peer_connection_id().to_vec();
    pair.rest();
    let all = ids(&pair.server);
    assert_eq!(pair.client.peer_connection_id(), all[4], "the first of the new ones");
    assert_eq!(
        pair.client.spare_connection_ids(),
        1,
        "those from before are not used any more"
    );
    talk(&mut pair);
    assert_eq!(connection_id(&late, 5), Some(&old[..]));
    assert_eq!(pair.server_gets(&late), [b"late"], "what was on its way is still read");
    // And the other direction has its own.
    pair.client
        .issue_connection_ids(1, ConnectionIdUsage::Immediate)
        .unwrap();
    pair.rest();
    assert_eq!(pair.server.peer_connection_id(), ids(&pair.client)[1]);
    talk(&mut pair);
}

#[test]
fn new_ids_are_told_again_until_it_is_acknowledged() {
    let mut pair = connected(V13, 0, 5);
    pair.server
        .issue_connection_ids(1, ConnectionIdUsage::Immediate)
        .unwrap();
    assert_eq!(pair.server_sends().len(), 1, "lost");
    talk(&mut pair);
    pair.wait(millis(400));
    pair.rest();
    assert_eq!(pair.client.peer_connection_id(), ids(&pair.server)[1]);
    assert_eq!(pair.server.poll_timeout(), None);
}

#[test]
fn who_asks_for_ids_gets_them() {
    let mut pair = connected(V13, 0, 5);
    pair.client.request_connection_ids(3).unwrap();
    assert_eq!(pair.client.request_connection_ids(1), Err(ConnectionIdError::Pending));
    pair.rest();
    assert_eq!(pair.client.spare_connection_ids(), 3);
    assert_eq!(pair.server_events(), [Event::ConnectionIdsChanged]);
    // More than there may be: as many as there may be, and then none.
    pair.client.request_connection_ids(255).unwrap();
    pair.rest();
    assert_eq!((pair.client.spare_connection_ids(), ids(&pair.server).len()), (7, 8));
    pair.client.request_connection_ids(1).unwrap();
    pair.rest();
    assert_eq!(pair.client.spare_connection_ids(), 7);
    assert_eq!(
        pair.server.issue_connection_ids(1, ConnectionIdUsage::Spare),
        Err(ConnectionIdError::TooMany)
    );
    pair.client.request_connection_ids(1).unwrap();
    pair.rest();
    assert!(pair.client.is_connected() && pair.server.is_connected());
}

#[test]
fn the_answer_to_a_request_has_spare_ids_as_many_as_there_is_room_for() {
    let mut setup = setup(V13, 0, 5);
    let tap = Tap::on(&mut setup.client);
    let mut pair = setup.pair().connect();
    pair.rest();
    let (mut asks, answers) = (
        tap.client_application().with_id(pair.client.peer_connection_id()),
        tap.server_application(),
    );
    // One id is valid from the beginning, and there are never more than eight.
    let mut known = ids(&pair.server);
    for (number, (asked, given)) in [(3, 3), (255, 4), (1, 0), (0, 0)].into_iter().enumerate() {
        let message_seq = FIRST_MESSAGE + number as u16;
        let request = asks.message(HandshakeType::REQUEST_CONNECTION_ID, message_seq, &[asked]);
        pair.server_gets(&request);
        let datagrams = pair.server_sends();
        let messages = answers.messages(&datagrams);
        let [(HandshakeType::NEW_CONNECTION_ID, _, body)] = &messages[..] else {
            panic!("asked for {asked}: {messages:?}");
        };
        let answer = NewConnectionId::parse(body).unwrap();
        assert_eq!(answer.usage, ConnectionIdUsage::Spare);
        let new: Vec<_> = answer.iter().map(<[u8]>::to_vec).collect();
        assert_eq!(new.len(), given, "asked for {asked}");
        known.extend(new);
        assert_eq!(
            ids(&pair.server),
            known,
            "they are valid before the client can use them"
        );
        for datagram in datagrams {
            pair.client_gets(&datagram);
        }
        pair.rest();
    }
    assert!(pair.server.is_connected());
}

#[test]
fn ids_that_lie_behind_the_peer_make_room_for_new_ones() {
    let mut pair = connected(V13, 0, 5);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..100 {
        pair.client.request_connection_ids(2).unwrap();
        pair.rest();
        assert!(pair.client.use_next_connection_id());
        assert!(pair.client.use_next_connection_id());
        talk(&mut pair);
        seen.extend(ids(&pair.server));
        assert!(ids(&pair.server).len() <= 8);
        assert!(ids(&pair.server).contains(&pair.client.peer_connection_id().to_vec()));
    }
    assert_eq!(seen.len(), 201);
    assert_eq!(pair.server_events(), [Event::ConnectionIdsChanged], "one is enough");
}

#[test]
fn who_asks_in_vain_too_often_is_told_so() {
    let (mut pair, mut keys) = with_a_lying_client(0, 5);
    let mut asked = 0;
    while pair.server.is_connected() {
        let message = keys.message(HandshakeType::REQUEST_CONNECTION_ID, FIRST_MESSAGE + asked, &[255]);
        pair.server_gets(&message);
        asked += 1;
        assert!(asked < 30);
        assert!(pair.server.memory() < 8192);
    }
    assert_eq!(asked, 1 + 16 + 1);
    let reason = CloseReason::Violation(AlertDescription::TOO_MANY_CIDS_REQUESTED);
    assert_eq!(pair.server_events().last(), Some(&Event::Closed(reason)));
    pair.settle();
    let reason = CloseReason::Alert(AlertDescription::TOO_MANY_CIDS_REQUESTED);
    assert_eq!(pair.client_events().last(), Some(&Event::Closed(reason)));
}

#[test]
fn more_spare_ids_than_anyone_needs_are_discarded() {
    let (mut pair, mut keys) = with_a_lying_client(4, 5);
    let many: Vec<_> = (0..60u8).map(|number| [number; 255]).collect();
    let many: Vec<_> = many.iter().map(|id| &id[..]).collect();
    for message_seq in 0..10 {
        let body = new_ids(&many, 1);
        let message = keys.message(HandshakeType::NEW_CONNECTION_ID, FIRST_MESSAGE + message_seq, &body);
        pair.server_gets(&message);
    }
    assert_eq!(pair.server.spare_connection_ids(), 8);
    assert!(pair.server.memory() < 8192);
    assert!(pair.server.use_next_connection_id());
    assert_eq!(pair.server.peer_connection_id(), [0; 255]);
    let prefix = pair.server.headroom().prefix;
    assert_eq!(prefix, 5 + 255);
    let mut buf = [0; 400];
    assert_eq!(pair.server.write_record(&mut buf, 10), Ok(prefix + 10 + 17));
    assert_eq!(connection_id(&buf, 255), Some(&[0; 255][..]));
}

#[test]
fn messages_about_ids_that_make_no_sense_end_the_connection() {
    let (request, new) = (HandshakeType::REQUEST_CONNECTION_ID, HandshakeType::NEW_CONNECTION_ID);
    let unexpected = HandshakeError::Unexpected as fn(_) -> _;
    let illegal = HandshakeError::IllegalParameter as fn(_) -> _;
    let malformed = HandshakeError::Malformed as fn(_) -> _;
    type Case = ((u8, u8), HandshakeType, Vec<u8>, fn(HandshakeType) -> HandshakeError);
    let cases: [Case; 9] = [
        // Who wants none has none to give; who sends none needs none.
        ((0, 5), new, new_ids(&[b"xxxx"], 1), unexpected),
        ((4, 0), request, vec![1], unexpected),
        ((4, 5), request, vec![], malformed),
        ((4, 5), request, vec![1, 1], malformed),
        ((4, 5), new, vec![0, 4, 4, 1, 2, 3, 1], malformed),
        ((4, 5), new, vec![0, 0], malformed),
        ((4, 5), new, new_ids(&[b"xxxx"], 2), illegal),
        ((4, 5), new, new_ids(&[b"xxxx", b""], 1), illegal),
        ((4, 5), new, new_ids(&[], 0), illegal),
    ];
    for ((client, server), kind, body, error) in cases {
        let (mut pair, mut keys) = with_a_lying_client(client, server);
        let message = keys.message(kind, FIRST_MESSAGE, &body);
        pair.server_gets(&message);
        let reason = CloseReason::Handshake(error(kind));
        assert_eq!(
            pair.server_events(),
            [Event::Closed(reason)],
            "{client} {server} {body:?}"
        );
    }
    // Off altogether.
    for kind in [request, new] {
        let mut setup = setup(V13, 4, 5);
        setup.server.connection_ids = None;
        let tap = Tap::on(&mut setup.client);
        let mut pair = setup.pair().connect();
        pair.rest();
        let body = if kind == request { vec![1] } else { new_ids(&[b"x"], 1) };
        let message = tap.client_application().message(kind, FIRST_MESSAGE, &body);
        pair.server_gets(&message);
        let reason = CloseReason::Handshake(HandshakeError::Unexpected(kind));
        assert_eq!(pair.server_events(), [Event::Closed(reason)]);
    }
}

#[test]
fn no_ids_at_all_may_be_the_answer() {
    let (mut pair, mut keys) = with_a_lying_client(4, 5);
    pair.server.request_connection_ids(2).unwrap();
    pair.server_sends();
    let body = new_ids(&[], 1);
    pair.server_gets(&keys.message(HandshakeType::NEW_CONNECTION_ID, FIRST_MESSAGE, &body));
    assert_eq!(pair.server.spare_connection_ids(), 0);
    pair.server.request_connection_ids(2).unwrap();
}

#[test]
fn what_callers_can_do_wrong() {
    let issue = |connection: &mut Connection| connection.issue_connection_ids(1, ConnectionIdUsage::Spare);
    let mut pair = setup(V13, 4, 5).pair();
    assert_eq!(issue(&mut pair.client), Err(ConnectionIdError::NotConnected));
    assert_eq!(
        pair.client.request_connection_ids(1),
        Err(ConnectionIdError::NotConnected)
    );
    for (versions, client, server) in [(Versions::Dtls12, 4, 5), (V13, 0, 0)] {
        let mut pair = connected(versions, client, server);
        assert_eq!(issue(&mut pair.client), Err(ConnectionIdError::NotNegotiated));
        assert_eq!(
            pair.client.request_connection_ids(1),
            Err(ConnectionIdError::NotNegotiated)
        );
        assert!(!pair.client.use_next_connection_id());
    }
    // One direction only.
    let mut pair = connected(V13, 0, 5);
    assert_eq!(issue(&mut pair.client), Err(ConnectionIdError::NotNegotiated));
    assert_eq!(
        pair.server.request_connection_ids(1),
        Err(ConnectionIdError::NotNegotiated)
    );
    issue(&mut pair.server).unwrap();
    pair.client.request_connection_ids(1).unwrap();
    assert_eq!(
        pair.server.issue_connection_ids(7, ConnectionIdUsage::Spare),
        Err(ConnectionIdError::TooMany)
    );
    pair.client.close(pair.now);
    assert_eq!(
        pair.client.request_connection_ids(1),
        Err(ConnectionIdError::NotConnected)
    );
    assert_eq!(ids(&pair.client), Vec::<Vec<u8>>::new());
}

#[test]
fn keys_and_ids_change_one_after_the_other() {
    let mut pair = connected(V13, 4, 5);
    for _ in 0..3 {
        for connection in [&mut pair.client, &mut pair.server] {
            connection
                .issue_connection_ids(1, ConnectionIdUsage::Immediate)
                .unwrap();
            connection.update_keys(KeyUpdateRequest::NotRequested).unwrap();
            connection.request_connection_ids(1).unwrap();
        }
        for _ in 0..4 {
            pair.rest();
        }
        talk(&mut pair);
        assert_eq!((pair.client.poll_timeout(), pair.server.poll_timeout()), (None, None));
        let (client, server) = (ids(&pair.client), ids(&pair.server));
        assert!(server.contains(&pair.client.peer_connection_id().to_vec()));
        assert!(client.contains(&pair.server.peer_connection_id().to_vec()));
        while pair.client.use_next_connection_id() || pair.server.use_next_connection_id() {}
        talk(&mut pair);
    }
}

quickcheck! {
    /// For everything that both may do about ids and keys, over a network that loses every third
    /// datagram or so: they go on hearing each other.
    fn whatever_changes_they_go_on(script: Vec<(u8, u8)>) -> bool {
        let mut pair = connected(V13, 3, 6);
        for (verb, argument) in script {
            let connection = if argument % 2 == 0 { &mut pair.client } else { &mut pair.server };
            let count = argument / 2 % 4;
            match verb % 8 {
                0 => drop(connection.issue_connection_ids(count, ConnectionIdUsage::Spare)),
                1 => drop(connection.issue_connection_ids(count, ConnectionIdUsage::Immediate)),
                2 => drop(connection.request_connection_ids(count)),
                3 => drop(connection.use_next_connection_id()),
                4 => drop(connection.update_keys(KeyUpdateRequest::Requested)),
                5 => drop((pair.client_sends(), pair.server_sends())),
                6 => pair.settle(),
                _ => pair.wait(millis(u64::from(argument) * 4)),
            }
        }
        for _ in 0..40 {
            pair.wait(millis(2000));
            pair.settle();
        }
        talk(&mut pair);
        true
    }
}
