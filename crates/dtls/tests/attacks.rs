//! What attackers, liars and broken stacks may try, and that it does not work.

use pollrtc_core::{InnerProtocol, Instant};
use pollrtc_dtls::wire::handshake::HEADER_LEN as MESSAGE_HEADER_LEN;
use pollrtc_dtls::wire::record::HEADER_LEN;
use pollrtc_dtls::wire::{ContentType, HandshakeType};
use pollrtc_dtls::{
    CloseReason, Config, Connection, Cookies, Event, HandshakeError, PeerVerification, SendError, SrtpProfile, State,
    Versions,
};
use quickcheck::quickcheck;

use crate::support::wire::{HelloParts, body_of, message_record, messages, plain_record, record_of_epoch, records};
use crate::support::{Pair, Setup, certificate, deliver, drain, events, millis, rng, waiting_client, waiting_server};

const NOW: Instant = Instant::from_millis(1);

#[test]
fn alerts_that_anyone_can_send_end_nothing_at_any_stage() {
    let alerts: Vec<Vec<u8>> = [(2, 40), (2, 0), (1, 0), (2, 80), (1, 90), (0, 0)]
        .into_iter()
        .map(|(level, description)| plain_record(ContentType::Alert, 500, &[level, description]))
        .collect();
    let mut pair = Pair::new();
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
    assert_eq!(pair.server.stats().unauthenticated_alerts, 24);
}

#[test]
fn requests_for_a_hello_are_ignored_at_every_stage_of_a_clients_handshake() {
    let mut pair = Pair::new();
    let mut requests = 0;
    loop {
        let flight = pair.client_sends();
        for message_seq in 0..6 {
            pair.client_gets(&message_record(HandshakeType::HELLO_REQUEST, message_seq, &[]));
            requests += 1;
        }
        assert_eq!(pair.client_sends(), [] as [Vec<u8>; 0]);
        for datagram in &flight {
            pair.server_gets(datagram);
        }
        let answers = pair.server_sends();
        for datagram in &answers {
            pair.client_gets(datagram);
        }
        if answers.is_empty() {
            break;
        }
    }
    assert!(pair.client.is_connected() && pair.server.is_connected());
    let stats = pair.client.stats();
    // Once it is connected, it drops whole records without encryption.
    assert_eq!(stats.refused_fragments + stats.unexpected_records, requests);
}

#[test]
fn a_hello_that_came_first_from_somebody_else_does_not_spoil_the_session() {
    let mut pair = Pair::new();
    for bad in [
        HelloParts {
            cipher_suites: vec![0x002f],
            ..HelloParts::good()
        },
        HelloParts {
            version: 0xfeff,
            ..HelloParts::good()
        },
        HelloParts {
            trailer: vec![1, 2, 3],
            ..HelloParts::good()
        },
    ] {
        pair.server_gets(&message_record(HandshakeType::CLIENT_HELLO, 0, &bad.client()));
    }
    pair.server_gets(&[22; 600]);
    pair.server_gets(b"");
    pair.settle();
    assert!(pair.client.is_connected() && pair.server.is_connected());
    assert_eq!(pair.server.stats().refused_client_hellos, 3);
}

#[test]
fn a_good_hello_from_somebody_faster_gives_way_to_the_peers_own_when_it_is_silent() {
    let mut pair = Pair::new();
    let hello = pair.client_sends();
    pair.server_gets(&message_record(
        HandshakeType::CLIENT_HELLO,
        0,
        &HelloParts::good().client(),
    ));
    let for_the_attacker = pair.server_sends();
    assert!(!for_the_attacker.is_empty());
    pair.server_gets(&hello[0]);
    assert_eq!(pair.server.stats().ignored_client_hellos, 1, "the first may go on");
    pair.now += millis(2000);
    pair.server_gets(&hello[0]);
    assert_eq!(pair.server.stats().replaced_client_hellos, 1);
    pair.settle();
    assert!(pair.client.is_connected() && pair.server.is_connected());
}

#[test]
fn once_the_client_has_answered_no_other_hello_takes_its_place() {
    let (mut pair, flight) = before_the_second_flight();
    pair.server_gets(&flight[0]);
    for random in 0..20 {
        let hello = HelloParts {
            random: [random; 32],
            ..HelloParts::good()
        };
        pair.server_gets(&message_record(HandshakeType::CLIENT_HELLO, 0, &hello.client()));
    }
    assert!(pair.server_sends().is_empty());
    for record in &flight[1..] {
        pair.server_gets(record);
    }
    assert!(pair.server.is_connected());
    assert_eq!(pair.server.stats().replaced_client_hellos, 0);
}

#[test]
fn cookies_count_for_one_connection_and_one_hello() {
    let mut config = Config::new(certificate(1), PeerVerification::AcceptAny);
    config.cookies = Cookies::Required;
    config.versions = Versions::Dtls12;
    // The same server with the same secret each time, and another one.
    let new_server = || Connection::server(config.clone(), rng(1)).unwrap();
    let mut server = new_server();
    let mut another = Connection::server(config.clone(), rng(2)).unwrap();
    let hello = HelloParts::good();
    let ask = |server: &mut Connection, hello: &HelloParts| {
        deliver(
            server,
            NOW,
            &message_record(HandshakeType::CLIENT_HELLO, 0, &hello.client()),
        );
        let answer = drain(server, NOW);
        (server.state() == State::Listening)
            .then(|| body_of(&answer, HandshakeType::HELLO_VERIFY_REQUEST)[3..].to_vec())
    };
    let cookie = ask(&mut server, &hello).unwrap();
    assert_eq!(
        ask(&mut server, &hello),
        Some(cookie.clone()),
        "nothing is kept in between"
    );

    let spoilt = HelloParts {
        cookie: vec![0; cookie.len()],
        ..hello.clone()
    };
    assert!(ask(&mut new_server(), &spoilt).is_some());
    let short = HelloParts {
        cookie: cookie[1..].to_vec(),
        ..hello.clone()
    };
    assert!(ask(&mut new_server(), &short).is_some());
    let weaker = HelloParts {
        cookie: cookie.clone(),
        cipher_suites: vec![0xc02b, 0x002f],
        ..hello.clone()
    };
    assert!(ask(&mut new_server(), &weaker).is_some());
    let other = HelloParts {
        cookie: cookie.clone(),
        random: [8; 32],
        ..hello.clone()
    };
    assert!(ask(&mut new_server(), &other).is_some());
    let right = HelloParts { cookie, ..hello };
    assert!(ask(&mut another, &right).is_some());
    assert_eq!(ask(&mut server, &right), None);
    assert_eq!(server.state(), State::Connecting);
}

#[test]
fn a_client_answers_two_cookies_and_no_more() {
    let mut client = waiting_client();
    for message_seq in 0..3 {
        let request = message_record(HandshakeType::HELLO_VERIFY_REQUEST, message_seq, &[0xfe, 0xff, 2, 5, 5]);
        deliver(&mut client, NOW, &request);
    }
    let unexpected = HandshakeError::Unexpected(HandshakeType::HELLO_VERIFY_REQUEST);
    assert_eq!(events(&mut client), [Event::Closed(CloseReason::Handshake(unexpected))]);
}

/// The records of the client's second flight, not yet delivered: Certificate, ClientKeyExchange,
/// CertificateVerify, ChangeCipherSpec, Finished.
fn before_the_second_flight() -> (Pair, Vec<Vec<u8>>) {
    let mut pair = Pair::new();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    for datagram in pair.server_sends() {
        pair.client_gets(&datagram);
    }
    let flight = records(&pair.client_sends());
    assert_eq!(flight.len(), 5);
    (pair, flight)
}

/// The records of the server's first flight, not yet delivered: ServerHello, Certificate,
/// ServerKeyExchange, CertificateRequest, ServerHelloDone.
fn before_the_first_answer() -> (Pair, Vec<Vec<u8>>) {
    let mut pair = Pair::new();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    let flight = records(&pair.server_sends());
    assert_eq!(flight.len(), 5);
    (pair, flight)
}

quickcheck! {
    /// For every order, omission and repetition of the client's second flight: the server is
    /// connected exactly if every part of it has come.
    fn a_server_needs_every_part_in_whatever_order(order: Vec<u8>) -> bool {
        let (mut pair, flight) = before_the_second_flight();
        let mut seen = [false; 5];
        order.into_iter().all(|index| {
            let index = usize::from(index) % 5;
            pair.server_gets(&flight[index]);
            seen[index] = true;
            pair.server.is_connected() == (seen == [true; 5])
        })
    }

    /// For every order, omission and repetition of the server's first flight: the client answers
    /// exactly if every part of it has come, and is not connected before the server's Finished.
    fn a_client_needs_every_part_in_whatever_order(order: Vec<u8>) -> bool {
        let (mut pair, flight) = before_the_first_answer();
        let mut seen = [false; 5];
        order.into_iter().all(|index| {
            let index = usize::from(index) % 5;
            let is_complete = seen == [true; 5];
            pair.client_gets(&flight[index]);
            seen[index] = true;
            let answered = !pair.client_sends().is_empty();
            !pair.client.is_connected() && answered == (!is_complete && seen == [true; 5])
        })
    }
}

quickcheck! {
    /// For every sequence of messages in place of the client's second flight, numbered as if it were
    /// right: the server is connected exactly if the right ones come in the right order, and both
    /// ChangeCipherSpec and Finished with them, before anything else does.
    fn a_server_connects_after_the_right_messages_alone(picks: Vec<u8>) -> bool {
        let (mut pair, flight) = before_the_second_flight();
        let right: Vec<_> = messages(&flight).into_iter().map(|(kind, _, body)| (kind, body)).collect();
        let liars = [
            (HandshakeType::CERTIFICATE, vec![0, 0, 0]),
            (HandshakeType::CERTIFICATE_VERIFY, vec![4, 3, 0, 1, 0]),
            (HandshakeType::SERVER_HELLO_DONE, vec![]),
            (HandshakeType::NEW_SESSION_TICKET, vec![0; 6]),
            (HandshakeType::CERTIFICATE_REQUEST, vec![0; 6]),
            (HandshakeType(99), vec![1]),
        ];
        let pool = [right.clone(), liars.to_vec()].concat();
        let (mut said, mut announced, mut finished) = (Vec::new(), false, false);
        let mut expected = false;
        for pick in picks.into_iter().take(12) {
            match pick % 8 {
                0 => {
                    pair.server_gets(&flight[3]);
                    announced = true;
                }
                1 => {
                    pair.server_gets(&flight[4]);
                    finished = true;
                }
                other => {
                    let index = if other == 2 { usize::from(pick / 8) } else { said.len() };
                    let (kind, body) = pool[index % pool.len()].clone();
                    let message_seq = u16::try_from(said.len() + 1).unwrap();
                    pair.server_gets(&message_record(kind, message_seq, &body));
                    // Behind ChangeCipherSpec nothing counts that is plain, and never what servers say.
                    let is_of_servers = [4, 13, 14].contains(&kind.0);
                    if !is_of_servers && (said != right || !announced) {
                        said.push((kind, body));
                    }
                }
            }
            expected |= said == right && announced && finished;
        }
        let events = pair.server_events();
        events.iter().any(|event| matches!(event, Event::Connected { .. })) == expected
    }
}

#[test]
fn a_client_without_a_certificate_is_refused() {
    let (mut pair, _) = before_the_second_flight();
    pair.server_gets(&message_record(HandshakeType::CERTIFICATE, 1, &[0, 0, 0]));
    let reason = CloseReason::Handshake(HandshakeError::NoCertificate);
    assert_eq!(pair.server_events(), [Event::Closed(reason)]);
}

#[test]
fn a_client_that_leaves_messages_out_is_refused() {
    let (_, flight) = before_the_second_flight();
    let kinds = [
        HandshakeType::CERTIFICATE,
        HandshakeType::CLIENT_KEY_EXCHANGE,
        HandshakeType::CERTIFICATE_VERIFY,
    ];
    let bodies = messages(&flight);
    for left_out in 0..2 {
        // Renumbered, so that nothing seems to be missing.
        let (mut pair, _) = before_the_second_flight();
        let next = kinds[left_out + 1];
        let (_, _, body) = &bodies[left_out + 1];
        if left_out == 1 {
            let (_, _, own) = messages(&before_own_flight(&mut pair))[0].clone();
            pair.server_gets(&message_record(kinds[0], 1, &own));
            pair.server_gets(&message_record(next, 2, body));
        } else {
            pair.server_gets(&message_record(next, 1, body));
        }
        let reason = CloseReason::Handshake(HandshakeError::Unexpected(next));
        assert_eq!(
            pair.server_events(),
            [Event::Closed(reason)],
            "without {}",
            kinds[left_out]
        );
    }
}

/// The client's second flight once more.
fn before_own_flight(pair: &mut Pair) -> Vec<Vec<u8>> {
    pair.now += std::time::Duration::from_millis(400);
    pair.client.handle_timeout(pair.now);
    pair.client_sends()
}

#[test]
fn finished_without_proof_of_the_key_is_of_no_use() {
    // Everything but CertificateVerify, with its number given to an encrypted Finished.
    let (mut pair, flight) = before_the_second_flight();
    for index in [0, 1, 3, 4] {
        pair.server_gets(&flight[index]);
    }
    assert!(!pair.server.is_connected());
    assert_eq!(pair.server.send(b"x"), Err(SendError::NotConnected));
    // Plain Finished proves nothing either.
    pair.server_gets(&message_record(HandshakeType::FINISHED, 3, &[0; 12]));
    assert!(!pair.server.is_connected());
    assert_eq!(pair.server.state(), State::Connecting);
}

#[test]
fn a_signature_over_another_handshake_is_refused() {
    let (mut pair, flight) = before_the_second_flight();
    let mut forged = flight[2].clone();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    pair.server_gets(&flight[0]);
    pair.server_gets(&flight[1]);
    pair.server_gets(&forged);
    let reason = CloseReason::Handshake(HandshakeError::Signature);
    assert_eq!(pair.server_events(), [Event::Closed(reason)]);
}

#[test]
fn keys_that_give_no_secret_are_refused() {
    for key in [vec![0; 32], vec![0; 31], vec![4; 65], vec![]] {
        let (mut pair, flight) = before_the_second_flight();
        pair.server_gets(&flight[0]);
        let body = [&[key.len() as u8][..], &key].concat();
        pair.server_gets(&message_record(HandshakeType::CLIENT_KEY_EXCHANGE, 2, &body));
        let error = HandshakeError::IllegalParameter(HandshakeType::CLIENT_KEY_EXCHANGE);
        assert_eq!(pair.server_events(), [Event::Closed(CloseReason::Handshake(error))]);
    }
}

#[test]
fn a_changed_offer_is_noticed_before_anyone_is_connected() {
    // Somebody on the way takes an offer out of the ClientHello; the hello still works by itself.
    let mut setup = Setup::new();
    setup.client.srtp_profiles = vec![SrtpProfile::AeadAes128Gcm, SrtpProfile::Aes128CmHmacSha1_80];
    setup.server.srtp_profiles = vec![SrtpProfile::AeadAes128Gcm, SrtpProfile::Aes128CmHmacSha1_80];
    let mut pair = setup.pair();
    let mut hello = pair.client_sends().remove(0);
    let stronger = hello.windows(4).position(|window| window == [0, 7, 0, 1]).unwrap();
    hello[stronger + 1] = 0x77;
    pair.server_gets(&hello);
    pair.settle();
    assert!(!pair.client.is_connected() && !pair.server.is_connected());
    let reason = CloseReason::Handshake(HandshakeError::Signature);
    assert_eq!(pair.server_events(), [Event::Closed(reason)]);
}

#[test]
fn change_cipher_spec_at_the_wrong_time_or_in_numbers_does_nothing() {
    let announce = plain_record(ContentType::ChangeCipherSpec, 400, &[1]);
    let wrong = plain_record(ContentType::ChangeCipherSpec, 401, &[2]);
    let mut pair = Pair::new();
    for _ in 0..4 {
        for _ in 0..100 {
            for record in [&announce, &wrong] {
                pair.client_gets(record);
                pair.server_gets(record);
            }
        }
        for datagram in pair.client_sends() {
            pair.server_gets(&datagram);
        }
        for datagram in pair.server_sends() {
            pair.client_gets(&datagram);
        }
    }
    assert!(pair.client.is_connected() && pair.server.is_connected());
}

#[test]
fn plain_application_data_is_never_handed_over() {
    let data = plain_record(ContentType::ApplicationData, 300, b"not authenticated");
    let mut pair = Pair::new();
    for _ in 0..5 {
        assert_eq!(pair.client_gets(&data), Vec::<Vec<u8>>::new());
        assert_eq!(pair.server_gets(&data), Vec::<Vec<u8>>::new());
        for datagram in pair.client_sends() {
            pair.server_gets(&datagram);
        }
        for datagram in pair.server_sends() {
            pair.client_gets(&datagram);
        }
    }
    assert!(pair.client.is_connected() && pair.server.is_connected());
    let events = [pair.client_events(), pair.server_events()].concat();
    assert!(events.iter().all(|event| !matches!(event, Event::ApplicationData(_))));
    assert_eq!(pair.client.stats().received, 0);
}

#[test]
fn an_established_connection_ignores_everything_plain() {
    let mut pair = Pair::connected();
    let before = (pair.client.memory(), pair.server.memory());
    for kind in 0..=255 {
        let body = HelloParts::good().client();
        for record in [
            message_record(HandshakeType(kind), 0, &body),
            message_record(HandshakeType(kind), 4, &body),
            plain_record(ContentType::ChangeCipherSpec, 9, &[1]),
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
fn records_of_unknown_epochs_are_dropped() {
    let mut pair = Pair::connected();
    for epoch in [2, 3, 0x0100, 0xffff] {
        pair.server_gets(&record_of_epoch(epoch, ContentType::ApplicationData, 0, &[0; 64]));
    }
    assert_eq!(pair.server.stats().unexpected_records, 4);
}

#[test]
fn nothing_is_handed_over_after_the_end() {
    let mut pair = Pair::connected();
    pair.client.send(b"too late").unwrap();
    let datagrams = pair.client_sends();
    pair.server.close(pair.now);
    assert_eq!(pair.server_gets(&datagrams[0]), Vec::<Vec<u8>>::new());
    assert_eq!(pair.server.stats().after_close, 1);
}

#[test]
fn a_hello_of_the_wrong_kind_gives_no_amplification() {
    // An attacker's 25 bytes get no more than one small alert, however often.
    let mut server = waiting_server();
    let mut received = 0;
    let mut sent = 0;
    for _ in 0..100 {
        let record = message_record(HandshakeType::CLIENT_HELLO, 0, &[]);
        assert_eq!(record.len(), HEADER_LEN + MESSAGE_HEADER_LEN);
        received += record.len();
        deliver(&mut server, NOW, &record);
        sent += drain(&mut server, NOW).iter().map(Vec::len).sum::<usize>();
    }
    assert!(sent <= received, "{sent} bytes for {received}");
}

#[test]
fn messages_that_the_other_side_never_says_in_the_clear_take_nobodys_place_at_any_stage() {
    let of_servers_alone = [0, 2, 3, 4, 12, 13, 14];
    let of_clients_alone = [0, 1, 15, 16];
    let never_plain = [8, 9, 10, 24];
    for versions in [Versions::Dtls12, Versions::Dtls13, Versions::Both] {
        let mut pair = Setup::new().speaking(versions).pair();
        for _ in 0..4 {
            for message_seq in 0..7 {
                for kind in of_servers_alone.into_iter().chain(never_plain) {
                    let record = message_record(HandshakeType(kind), message_seq, &[0; 40]);
                    // Before there is a hello, the server says that it can't make anything of it.
                    if pair.server.state() != State::Listening {
                        pair.server_gets(&record);
                    }
                }
                for kind in of_clients_alone.into_iter().chain(never_plain) {
                    pair.client_gets(&message_record(HandshakeType(kind), message_seq, &[0; 40]));
                }
            }
            for datagram in pair.client_sends() {
                pair.server_gets(&datagram);
            }
            for datagram in pair.server_sends() {
                pair.client_gets(&datagram);
            }
        }
        assert!(pair.client.is_connected() && pair.server.is_connected(), "{versions:?}");
        assert!(pair.client.stats().refused_fragments > 0);
    }
}
