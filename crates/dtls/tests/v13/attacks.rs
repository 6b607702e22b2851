//! What attackers, liars and broken stacks may try against DTLS 1.3, and that it does not work.

use pollrtc_core::InnerProtocol;
use pollrtc_crypto::NamedGroup;
use pollrtc_dtls::wire::ack::{Ack, RecordNumber};
use pollrtc_dtls::wire::handshake::{ClientHello, ServerHello};
use pollrtc_dtls::wire::{ContentType, ExtensionType, HandshakeType, Writer};
use pollrtc_dtls::{
    AlertDescription, CloseReason, Connection, Event, HandshakeError, KeyUpdateRequest, SendError, SrtpProfile, State,
    Versions,
};
use quickcheck::quickcheck;

use crate::support::cipher::{Cipher, FIRST_SEQUENCE, Tap, split};
use crate::support::wire::{HelloParts, body_of, message_record, plain_record, record_of_epoch};
use crate::support::{Pair, Setup, certificate, millis, only, rng};

/// A message as the generators hand it around.
type Message = (HandshakeType, Vec<u8>);

/// Two that speak DTLS 1.3 with hellos of one datagram, and their secrets.
fn tapped() -> (Pair, Tap) {
    let mut setup = Setup::v13();
    setup.client.groups = vec![NamedGroup::X25519];
    let tap = Tap::on(&mut setup.server);
    (setup.pair(), tap)
}

/// A server whose flight the client has, and the client's last flight, message by message, not yet
/// delivered; and the client's keys.
fn before_the_last_flight() -> (Pair, Vec<Message>, Cipher) {
    let (mut pair, tap) = tapped();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    for datagram in pair.server_sends() {
        pair.client_gets(&datagram);
    }
    let keys = tap.client_handshake();
    let messages = keys.messages(&pair.client_sends());
    let messages: Vec<_> = messages.into_iter().map(|(kind, _, body)| (kind, body)).collect();
    let kinds: Vec<_> = messages.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(
        kinds,
        [
            HandshakeType::CERTIFICATE,
            HandshakeType::CERTIFICATE_VERIFY,
            HandshakeType::FINISHED
        ]
    );
    (pair, messages, keys)
}

/// A client that has the ServerHello, and what follows it, message by message, not yet delivered; and
/// the server's keys.
fn behind_the_server_hello() -> (Pair, Vec<Message>, Cipher) {
    let (mut pair, tap) = tapped();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    let flight = split(&pair.server_sends());
    let keys = tap.server_handshake();
    let messages = keys.messages(&flight);
    assert_eq!(messages.len(), 5);
    pair.client_gets(&flight[0]);
    (
        pair,
        messages.into_iter().map(|(kind, _, body)| (kind, body)).collect(),
        keys,
    )
}

/// What a liar may say besides what is right.
fn others() -> Vec<Message> {
    vec![
        (HandshakeType::CERTIFICATE, vec![0, 0, 0, 0]),
        (HandshakeType::FINISHED, vec![0; 32]),
        (HandshakeType::FINISHED, vec![]),
        (HandshakeType::CERTIFICATE_VERIFY, vec![4, 3, 0, 1, 0]),
        (HandshakeType::KEY_UPDATE, vec![0]),
        (HandshakeType::NEW_SESSION_TICKET, vec![0; 20]),
        (HandshakeType::ENCRYPTED_EXTENSIONS, vec![0, 0]),
        (
            HandshakeType::CERTIFICATE_REQUEST,
            vec![0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3],
        ),
        (HandshakeType::CLIENT_HELLO, HelloParts::good().client()),
        (HandshakeType::SERVER_HELLO, HelloParts::good().server()),
        (HandshakeType(5), vec![]),
        (HandshakeType(99), vec![1, 2, 3]),
    ]
}

/// Whether the connection became one at any time.
fn was_connected(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::Connected { .. }))
}

quickcheck! {
    /// For every sequence of messages in place of the client's last flight, all under the right keys
    /// and numbered as if it were right: the server is connected exactly if it begins with the right
    /// flight.
    fn a_server_connects_after_the_right_messages_alone(picks: Vec<u8>) -> bool {
        let (mut pair, right, mut keys) = before_the_last_flight();
        let pool = [right.clone(), others()].concat();
        // Mostly what is right, at its place; else anything.
        let said: Vec<_> = picks.iter().take(6).enumerate().map(|(index, pick)| match pick % 4 {
            0 => pool[usize::from(*pick / 4) % pool.len()].clone(),
            _ => pool[index % right.len()].clone(),
        }).collect();
        for (message_seq, (kind, body)) in (1..).zip(&said) {
            pair.server_gets(&keys.message(*kind, message_seq, body));
        }
        was_connected(&pair.server_events()) == said.starts_with(&right)
    }

    /// The same for what follows the ServerHello.
    fn a_client_connects_after_the_right_messages_alone(picks: Vec<u8>) -> bool {
        let (mut pair, right, mut keys) = behind_the_server_hello();
        let pool = [right.clone(), others()].concat();
        let said: Vec<_> = picks.iter().take(8).enumerate().map(|(index, pick)| match pick % 8 {
            0 => pool[usize::from(*pick / 8) % pool.len()].clone(),
            _ => pool[index % right.len()].clone(),
        }).collect();
        for (message_seq, (kind, body)) in (1..).zip(&said) {
            pair.client_gets(&keys.message(*kind, message_seq, body));
        }
        was_connected(&pair.client_events()) == said.starts_with(&right)
    }

    /// For every order, omission and repetition of the records of the client's last flight: the server
    /// is connected exactly if every one of them has come.
    fn a_server_needs_every_part_in_whatever_order(order: Vec<u8>) -> bool {
        let (mut pair, messages, mut keys) = before_the_last_flight();
        let records: Vec<_> = (1..).zip(&messages).map(|(seq, (kind, body))| keys.message(*kind, seq, body)).collect();
        let mut seen = [false; 3];
        order.into_iter().all(|index| {
            let index = usize::from(index) % 3;
            pair.server_gets(&records[index]);
            seen[index] = true;
            pair.server.is_connected() == (seen == [true; 3])
        })
    }
}

#[test]
fn the_generators_would_connect_if_all_were_right() {
    let (mut pair, messages, mut keys) = before_the_last_flight();
    for (message_seq, (kind, body)) in (1..).zip(&messages) {
        pair.server_gets(&keys.message(*kind, message_seq, body));
    }
    assert!(pair.server.is_connected());
    let (mut pair, messages, mut keys) = behind_the_server_hello();
    for (message_seq, (kind, body)) in (1..).zip(&messages) {
        pair.client_gets(&keys.message(*kind, message_seq, body));
    }
    assert!(pair.client.is_connected());
}

#[test]
fn nothing_of_the_handshake_counts_in_the_clear() {
    let (mut pair, messages, _) = before_the_last_flight();
    for (message_seq, (kind, body)) in (1..).zip(&messages) {
        pair.server_gets(&message_record(*kind, message_seq, body));
    }
    assert_eq!(pair.server.state(), State::Connecting);
    let (mut pair, messages, _) = behind_the_server_hello();
    for (message_seq, (kind, body)) in (1..).zip(&messages) {
        pair.client_gets(&message_record(*kind, message_seq, body));
    }
    assert_eq!(pair.client.state(), State::Connecting);
    // Also if it was there before the keys were.
    let (mut pair, messages, _) = behind_the_server_hello();
    let mut early = tapped().0;
    early.client_sends();
    for (message_seq, (kind, body)) in (1..).zip(&messages) {
        early.client_gets(&message_record(*kind, message_seq, body));
        pair.client_gets(&message_record(*kind, message_seq, body));
    }
    assert_eq!(early.client.state(), State::Connecting);
}

#[test]
fn plain_leftovers_in_place_of_encrypted_messages_do_not_spoil_the_handshake() {
    let (mut pair, _) = tapped();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    for message_seq in 1..6 {
        pair.client_gets(&message_record(HandshakeType::CERTIFICATE, message_seq, &[0; 9]));
    }
    pair.settle();
    assert!(pair.client.is_connected() && pair.server.is_connected());
}

#[test]
fn a_plain_hello_after_the_hellos_ends_nothing() {
    let hello = |kind, message_seq, body: &[u8]| message_record(kind, message_seq, body);
    let (mut pair, _) = tapped();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    let flight = split(&pair.server_sends());
    pair.client_gets(&flight[0]);
    for message_seq in 1..4 {
        let (client, server) = (HelloParts::good().client(), HelloParts::good().server());
        pair.client_gets(&hello(HandshakeType::SERVER_HELLO, message_seq, &server));
        pair.client_gets(&hello(HandshakeType::CLIENT_HELLO, message_seq, &client));
        pair.server_gets(&hello(HandshakeType::CLIENT_HELLO, message_seq, &client));
        pair.server_gets(&hello(HandshakeType::SERVER_HELLO, message_seq, &server));
    }
    for record in &flight[1..] {
        pair.client_gets(record);
    }
    pair.settle();
    assert!(pair.client.is_connected() && pair.server.is_connected());
}

#[test]
fn alerts_that_anyone_can_send_end_nothing_at_any_stage() {
    let alerts: Vec<Vec<u8>> = [(2, 40), (2, 0), (1, 0), (2, 80), (1, 90), (0, 0)]
        .into_iter()
        .map(|(level, description)| plain_record(ContentType::Alert, 500, &[level, description]))
        .collect();
    let mut pair = Setup::v13().pair();
    for _ in 0..4 {
        for alert in &alerts {
            pair.client_gets(alert);
            pair.server_gets(alert);
        }
        for datagram in pair.client_sends() {
            pair.server_gets(&datagram);
        }
        for datagram in pair.server_sends() {
            pair.client_gets(&datagram);
        }
    }
    assert!(pair.client.is_connected() && pair.server.is_connected());
    assert_eq!(pair.client.stats().unauthenticated_alerts, 24);
}

#[test]
fn acknowledgements_that_anyone_can_send_stop_nothing() {
    let acknowledge = |numbers: std::ops::Range<u64>, epoch| {
        let mut writer = Writer::new();
        Ack::write(&mut writer, numbers.map(|sequence| RecordNumber { epoch, sequence }));
        plain_record(ContentType::Ack, 700, &writer.into_bytes())
    };
    let mut pair = Setup::v13().pair();
    pair.client_sends();
    for epoch in 0..4 {
        for _ in 0..10 {
            pair.client_gets(&acknowledge(0..900, epoch));
            pair.client_gets(&acknowledge(0..0, epoch));
        }
    }
    assert!(pair.client_sends().is_empty(), "just sent");
    let due = pair.client.poll_timeout().unwrap();
    assert_eq!(due, pair.now + millis(400));
    pair.now = due;
    pair.client.handle_timeout(due);
    pair.settle();
    assert!(pair.client.is_connected() && pair.server.is_connected());
}

#[test]
fn acknowledgements_of_what_was_never_sent_are_of_no_use() {
    let mut setup = Setup::v13();
    let tap = Tap::on(&mut setup.client);
    let mut pair = setup.pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    for datagram in pair.server_sends() {
        pair.client_gets(&datagram);
    }
    let lost = pair.client_sends();
    assert_eq!(lost.len(), 1);
    let mut keys = tap.server_application();
    let mut writer = Writer::new();
    let numbers = (0..1000).map(|sequence| RecordNumber {
        epoch: 2 + sequence % 5,
        sequence: sequence + 50,
    });
    Ack::write(&mut writer, numbers);
    pair.client_gets(&keys.seal(ContentType::Ack as u8, &writer.into_bytes()));
    assert!(pair.client_sends().is_empty());
    assert!(pair.client.poll_timeout().is_some(), "still waiting");
    for spoilt in [&[][..], &[0], &[0, 1, 7], &[0xff, 0xff, 1]] {
        pair.client_gets(&keys.seal(ContentType::Ack as u8, spoilt));
    }
    pair.wait(millis(400));
    pair.settle();
    assert!(pair.client.is_connected() && pair.server.is_connected());
}

#[test]
fn application_data_counts_only_under_its_own_keys_and_after_finished() {
    let mut setup = Setup::v13();
    let tap = Tap::on(&mut setup.server);
    let mut pair = setup.pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    let data = ContentType::ApplicationData as u8;
    let early = [
        plain_record(ContentType::ApplicationData, 9, b"plain"),
        record_of_epoch(1, ContentType::ApplicationData, 9, &[7; 40]),
        tap.client_handshake().seal(data, b"under the handshake's keys"),
        tap.client_application().seal(data, b"before Finished"),
    ];
    for record in &early {
        assert_eq!(pair.server_gets(record), Vec::<Vec<u8>>::new());
    }
    assert_eq!(pair.server_events(), []);
    pair.settle();
    let events = pair.server_events();
    assert_eq!(events[1..], [Event::ApplicationData(b"before Finished".to_vec())]);
    pair.server.close(pair.now);
    let late = tap.client_application().seal(data, b"after the end");
    assert_eq!(pair.server_gets(&late), Vec::<Vec<u8>>::new());
}

#[test]
fn keys_and_data_wait_for_the_peers_certificate() {
    let mut setup = Setup::v13();
    setup.client.peer = only(&certificate(9));
    let mut pair = setup.pair();
    pair.settle();
    let reason = CloseReason::Handshake(HandshakeError::CertificateMismatch);
    assert_eq!(pair.client_events(), [Event::Closed(reason)]);
    assert_eq!(pair.client.send(b"x"), Err(SendError::Closed));
    // This time the alert is encrypted and tells the server the truth.
    let reason = CloseReason::Alert(AlertDescription::BAD_CERTIFICATE);
    assert_eq!(pair.server_events(), [Event::Closed(reason)]);

    let mut setup = Setup::v13();
    setup.server.peer = only(&certificate(9));
    let mut pair = setup.pair();
    pair.settle();
    let reason = CloseReason::Handshake(HandshakeError::CertificateMismatch);
    assert_eq!(pair.server_events(), [Event::Closed(reason)]);
    assert!(!pair.client.is_connected());
}

#[test]
fn a_version_that_somebody_took_out_of_the_hello_is_missed() {
    let mut pair = Setup::new().speaking(Versions::Both).pair();
    let hello: Vec<_> = pair.client_sends();
    // Without the extension that offers DTLS 1.3, the hello is one of 1.2.
    let whole: Vec<u8> = {
        let mut reassembled = Vec::new();
        for record in split(&hello) {
            reassembled.extend_from_slice(&record[13 + 12..]);
        }
        reassembled
    };
    let parsed = ClientHello::parse(&whole).unwrap();
    let older = HelloParts {
        random: *parsed.random,
        cipher_suites: parsed.cipher_suites.iter().collect(),
        extensions: parsed
            .extensions
            .iter()
            .filter(|(kind, _)| *kind != ExtensionType::SUPPORTED_VERSIONS)
            .map(|(kind, content)| (kind, content.to_vec()))
            .collect(),
        ..HelloParts::good()
    };
    pair.server_gets(&message_record(HandshakeType::CLIENT_HELLO, 0, &older.client()));
    let answer = pair.server_sends();
    let server_hello = body_of(&answer, HandshakeType::SERVER_HELLO);
    assert!(
        ServerHello::parse(&server_hello)
            .unwrap()
            .random
            .ends_with(b"DOWNGRD\x01")
    );
    for datagram in answer {
        pair.client_gets(&datagram);
    }
    let reason = CloseReason::Handshake(HandshakeError::Downgrade);
    assert_eq!(pair.client_events(), [Event::Closed(reason)]);
}

#[test]
fn a_cookie_of_12_from_an_attacker_does_not_force_12() {
    let mut pair = Setup::new().speaking(Versions::Both).pair();
    pair.client_sends();
    let request = message_record(HandshakeType::HELLO_VERIFY_REQUEST, 0, &[0xfe, 0xff, 2, 5, 5]);
    pair.client_gets(&request);
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    let illegal = HandshakeError::IllegalParameter(HandshakeType::CLIENT_HELLO);
    assert_eq!(pair.server_events(), [Event::ClientHelloRefused(illegal)]);
    assert_eq!(pair.server.state(), State::Listening);
    assert!(!pair.client.is_connected());
}

#[test]
fn a_changed_offer_is_noticed_before_anyone_is_connected() {
    let mut setup = Setup::v13();
    setup.client.groups = vec![NamedGroup::X25519];
    setup.client.srtp_profiles = vec![SrtpProfile::AeadAes128Gcm, SrtpProfile::Aes128CmHmacSha1_80];
    setup.server.srtp_profiles = setup.client.srtp_profiles.clone();
    let mut pair = setup.pair();
    let mut hello = pair.client_sends().remove(0);
    let stronger = hello.windows(4).position(|window| window == [0, 7, 0, 1]).unwrap();
    hello[stronger + 1] = 0x77;
    pair.server_gets(&hello);
    pair.settle();
    assert!(!pair.client.is_connected() && !pair.server.is_connected());
}

#[test]
fn a_good_hello_from_somebody_faster_gives_way_to_the_peers_own_when_it_is_silent() {
    for first in [Versions::Dtls12, Versions::Dtls13] {
        let mut pair = Setup::new().speaking(Versions::Both).pair();
        let mut attacker = Setup::new().speaking(first).pair();
        attacker.client = {
            let mut config = Setup::new().speaking(first).client;
            config.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
            Connection::client(config, rng(77)).unwrap()
        };
        for datagram in attacker.client_sends() {
            pair.server_gets(&datagram);
        }
        assert_eq!(pair.server.state(), State::Connecting);
        assert!(!pair.server_sends().is_empty());
        let hello = pair.client_sends();
        hello.iter().for_each(|datagram| drop(pair.server_gets(datagram)));
        assert_eq!(pair.server.stats().replaced_client_hellos, 0, "it may go on");
        pair.now += millis(2000);
        hello.iter().for_each(|datagram| drop(pair.server_gets(datagram)));
        assert_eq!(pair.server.stats().replaced_client_hellos, 1);
        pair.settle();
        assert!(pair.client.is_connected() && pair.server.is_connected(), "{first:?}");
        // Once connected, no hello changes anything.
        for datagram in attacker.client_sends() {
            pair.server_gets(&datagram);
        }
        assert!(pair.server.is_connected() && pair.server_sends().is_empty());
    }
}

#[test]
fn an_established_connection_ignores_everything_plain() {
    let mut pair = Pair::connected13();
    let before = (pair.client.memory(), pair.server.memory());
    for kind in 0..=255 {
        let body = HelloParts::good().client();
        for record in [
            message_record(HandshakeType(kind), 0, &body),
            message_record(HandshakeType(kind), 6, &body),
            plain_record(ContentType::ChangeCipherSpec, 9, &[1]),
            plain_record(ContentType::Ack, 9, &[0, 0]),
            record_of_epoch(1, ContentType::Handshake, 9, &body),
        ] {
            pair.client_gets(&record);
            pair.server_gets(&record);
        }
    }
    assert!(pair.client_sends().is_empty() && pair.server_sends().is_empty());
    assert_eq!((pair.client.memory(), pair.server.memory()), before);
    pair.client.send(b"still here").unwrap();
    let datagrams = pair.client_sends();
    assert_eq!(pair.server_gets(&datagrams[0]), [b"still here"]);
}

#[test]
fn messages_that_have_no_place_after_the_handshake_end_it() {
    for (kind, body, from_server) in [
        (HandshakeType::FINISHED, vec![0; 32], true),
        (HandshakeType::CERTIFICATE_REQUEST, vec![0, 0, 0], true),
        (HandshakeType::NEW_SESSION_TICKET, vec![0; 3], true),
        (HandshakeType::KEY_UPDATE, vec![2], true),
        (HandshakeType::KEY_UPDATE, vec![0, 0], false),
        (HandshakeType::CLIENT_HELLO, HelloParts::good().client(), false),
        (HandshakeType::NEW_SESSION_TICKET, vec![0; 20], false),
        (HandshakeType(9), vec![0], false),
    ] {
        let mut setup = Setup::v13();
        let tap = Tap::on(&mut setup.server);
        let mut pair = setup.pair().connect();
        let (mut keys, seq) = match from_server {
            true => (tap.server_application(), 6),
            false => (tap.client_application(), 4),
        };
        let record = keys.message(kind, seq, &body);
        let events = match from_server {
            true => {
                pair.client_gets(&record);
                pair.client_events()
            }
            false => {
                pair.server_gets(&record);
                pair.server_events()
            }
        };
        assert!(
            matches!(events[..], [Event::Closed(CloseReason::Handshake(_))]),
            "{kind} {events:?}"
        );
    }
}

#[test]
fn nothing_follows_a_key_update_under_the_old_keys_in_whatever_order_it_comes() {
    for order in [[6, 7], [7, 6]] {
        let mut setup = Setup::v13();
        let tap = Tap::on(&mut setup.server);
        let mut pair = setup.pair().connect();
        let mut keys = tap.server_application();
        for message_seq in order {
            pair.client_gets(&keys.message(HandshakeType::KEY_UPDATE, message_seq, &[0]));
        }
        let reason = CloseReason::Violation(AlertDescription::UNEXPECTED_MESSAGE);
        assert_eq!(pair.client_events(), [Event::Closed(reason)], "{order:?}");
    }
}

#[test]
fn session_tickets_are_acknowledged_and_ignored() {
    let mut setup = Setup::v13();
    let tap = Tap::on(&mut setup.server);
    let mut pair = setup.pair().connect();
    let mut keys = tap.server_application();
    let ticket = [&[0, 0, 14, 16, 1, 2, 3, 4, 1, 0, 0, 3][..], b"abc", &[0, 0]].concat();
    for message_seq in 6..26 {
        pair.client_gets(&keys.message(HandshakeType::NEW_SESSION_TICKET, message_seq, &ticket));
        pair.wait(millis(100));
        let answer = pair.client_sends();
        assert_eq!(answer.len(), 1);
        let (_, content_type, content) = tap.client_application().open(&answer[0]).unwrap();
        assert_eq!(content_type, ContentType::Ack as u8);
        let acknowledged: Vec<_> = Ack::parse(&content).unwrap().iter().collect();
        assert_eq!(
            acknowledged.last().map(|number| number.sequence),
            Some(FIRST_SEQUENCE + u64::from(message_seq) - 6)
        );
    }
    assert!(pair.client.is_connected());
    assert!(pair.client.memory() < 4096);
}

#[test]
fn a_flood_of_key_updates_is_followed_and_ends_nowhere_else() {
    // Each has to come under the keys of the one before: more cannot be made in advance.
    let mut pair = Pair::connected13();
    for _ in 0..300 {
        pair.client.update_keys(KeyUpdateRequest::Requested).unwrap();
        pair.settle();
    }
    assert!(pair.client.is_connected() && pair.server.is_connected());
    assert!(pair.server.memory() < 8192);
}

#[test]
fn records_that_come_before_the_keys_take_bounded_memory() {
    let mut pair = Setup::v13().pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    for number in 0..1000u16 {
        let mut early = vec![0x2f];
        early.extend(number.to_be_bytes());
        early.extend(1000u16.to_be_bytes());
        early.extend([7; 1000]);
        pair.server_gets(&early);
    }
    assert!(pair.server.memory() < 65_536);
    let stats = pair.server.stats();
    assert!(stats.held_records <= 16);
    assert_eq!(stats.held_records + stats.overflowed_records, 1000);
    pair.settle();
    assert!(pair.client.is_connected() && pair.server.is_connected());
}
