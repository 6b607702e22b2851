//! HelloRetryRequest: other groups, cookies.

use pollrtc_core::InnerProtocol;
use pollrtc_crypto::{HashAlgorithm, Hkdf, NamedGroup, default_provider};
use pollrtc_dtls::wire::handshake::{ClientHello, ServerHello};
use pollrtc_dtls::wire::{ExtensionType, HandshakeType};
use pollrtc_dtls::{CloseReason, Connection, Cookies, Event, HandshakeError, State, Versions};

use crate::support::cipher::{Tap, split};
use crate::support::wire::{body_of, message_record};
use crate::support::{Pair, Setup, deliver, millis, rng};

/// A client whose ClientHello fits into one datagram.
fn small(versions: Versions) -> Setup {
    let mut setup = Setup::new().speaking(versions);
    setup.client.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
    setup
}

#[test]
fn a_server_asks_for_the_group_that_it_has() {
    for (first, second) in [
        (NamedGroup::X25519, NamedGroup::Secp256r1),
        (NamedGroup::Secp384r1, NamedGroup::X25519),
        (NamedGroup::Secp256r1, NamedGroup::X25519MlKem768),
    ] {
        let mut setup = Setup::v13();
        setup.client.groups = vec![first, second];
        setup.server.groups = vec![second];
        let mut pair = setup.pair();
        let hello = pair.client_sends();
        pair.server_gets(&hello[0]);
        assert_eq!(pair.server.state(), State::Listening, "nothing is kept");
        pair.settle();
        for side in [&pair.client, &pair.server] {
            assert_eq!((side.group(), side.hello_was_retried()), (Some(second), true));
        }
    }
}

/// A message as the transcript has it: kind, length, body (RFC 9147 §5.2).
fn in_transcript(kind: HandshakeType, body: &[u8]) -> Vec<u8> {
    let [.., l0, l1, l2] = body.len().to_be_bytes();
    [&[kind.0, l0, l1, l2], body].concat()
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    let mut context = default_provider().hash(HashAlgorithm::Sha256).unwrap();
    let mut hash = [0; HashAlgorithm::MAX_OUTPUT_LEN];
    context.update(bytes);
    let length = context.finish(&mut hash);
    hash[..length].to_vec()
}

/// What whoever has this traffic secret puts into its Finished (RFC 8446 §4.4.4, RFC 9147 §5.9).
fn verify_data(secret: &[u8], transcript: &[u8]) -> Vec<u8> {
    let mut key = [0; 32];
    let secret = Hkdf::new(default_provider(), HashAlgorithm::Sha256, secret).unwrap();
    secret
        .expand(&[&[0, 32], &[14], b"dtls13finished", &[0]], &mut key)
        .unwrap();
    let verify_data = Hkdf::extract(default_provider(), HashAlgorithm::Sha256, &key, &sha256(transcript));
    verify_data.unwrap().as_bytes().to_vec()
}

#[test]
fn the_first_hello_stands_in_the_transcript_as_its_hash() {
    for cookies in [Cookies::Off, Cookies::Required] {
        let mut setup = small(Versions::Dtls13);
        setup.server.groups = vec![NamedGroup::Secp256r1];
        setup.server.cookies = cookies;
        setup.server.mtu = 8000;
        let tap = Tap::on(&mut setup.server);
        let mut pair = setup.pair();
        let first = pair.client_sends();
        pair.server_gets(&first[0]);
        let retry = pair.server_sends();
        pair.client_gets(&retry[0]);
        let second = pair.client_sends();
        pair.server_gets(&second[0]);
        let flight = pair.server_sends();

        // RFC 8446 §4.4.1: a message of a kind of its own stands for the first hello; the second one stands as it is.
        let first = in_transcript(
            HandshakeType::CLIENT_HELLO,
            &body_of(&first, HandshakeType::CLIENT_HELLO),
        );
        let mut rest = in_transcript(
            HandshakeType::SERVER_HELLO,
            &body_of(&retry, HandshakeType::SERVER_HELLO),
        );
        rest.extend(in_transcript(
            HandshakeType::CLIENT_HELLO,
            &body_of(&second, HandshakeType::CLIENT_HELLO),
        ));
        rest.extend(in_transcript(
            HandshakeType::SERVER_HELLO,
            &body_of(&split(&flight)[..1], HandshakeType::SERVER_HELLO),
        ));
        let mut encrypted = tap.server_handshake().messages(&flight);
        let (kind, _, finished) = encrypted.pop().unwrap();
        assert_eq!((kind, encrypted.len()), (HandshakeType::FINISHED, 4));
        for (kind, _, body) in &encrypted {
            rest.extend(in_transcript(*kind, body));
        }
        let secret = tap.secret("SERVER_HANDSHAKE_TRAFFIC_SECRET");
        let hashed = in_transcript(HandshakeType(254), &sha256(&first));
        assert_eq!(verify_data(&secret, &[hashed, rest.clone()].concat()), finished);
        assert_ne!(verify_data(&secret, &[first, rest].concat()), finished);
        for datagram in &flight {
            pair.client_gets(datagram);
        }
        assert!(pair.client.is_connected());
    }
}

#[test]
fn a_retry_is_sent_again_unless_it_is_there_to_prove_an_address() {
    for (cookies, is_sent_again) in [(Cookies::Off, true), (Cookies::Required, false)] {
        let mut setup = Setup::v13();
        setup.server.groups = vec![NamedGroup::Secp256r1];
        setup.server.cookies = cookies;
        setup.client.handshake_timeout = millis(3_600_000);
        let mut pair = setup.pair();
        for datagram in pair.client_sends() {
            pair.server_gets(&datagram);
        }
        assert_eq!(pair.server_sends().len(), 1, "lost");
        let due = is_sent_again.then_some(pair.now + millis(400));
        assert_eq!(pair.server.poll_timeout(), due);
        pair.now += millis(400);
        pair.server.handle_timeout(pair.now);
        assert_eq!(pair.server_sends().len(), usize::from(is_sent_again));
        // After a while it is forgotten, and the server goes on waiting for anybody.
        pair.now += millis(60_000);
        pair.server.handle_timeout(pair.now);
        pair.server_sends();
        assert_eq!(pair.server.state(), State::Listening);
        assert_eq!(pair.server.poll_timeout(), None);
        pair.wait(millis(0));
        pair.rest();
        assert!(pair.client.is_connected() && pair.server.is_connected(), "{cookies:?}");
    }
}

#[test]
fn a_server_that_has_the_post_quantum_group_asks_for_it_if_only_the_public_key_is_missing() {
    let mut setup = Setup::v13();
    setup.client.groups = vec![NamedGroup::X25519, NamedGroup::X25519MlKem768];
    let mut pair = setup.pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    let retry = body_of(&pair.server_sends(), HandshakeType::SERVER_HELLO);
    let retry = ServerHello::parse(&retry).unwrap();
    assert_eq!(retry.extensions.selected_group(), Ok(Some(0x11ec)));
}

#[test]
fn no_round_trip_is_spent_on_a_mere_preference() {
    let mut setup = Setup::v13();
    setup.client.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
    setup.server.groups = vec![NamedGroup::Secp256r1, NamedGroup::X25519];
    let mut pair = setup.pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    assert_eq!(pair.server.state(), State::Connecting);
}

#[test]
fn without_a_common_group_there_is_no_handshake() {
    let mut setup = Setup::v13();
    setup.client.groups = vec![NamedGroup::X25519];
    setup.server.groups = vec![NamedGroup::Secp256r1];
    let mut pair = setup.pair();
    pair.settle();
    assert_eq!(pair.server_events(), [Event::ClientHelloRefused(HandshakeError::Group)]);
}

#[test]
fn a_server_with_cookies_answers_only_the_second_hello() {
    for versions in [Versions::Dtls13, Versions::Both] {
        for mtu in [1200, 200] {
            let mut setup = Setup::new().speaking(versions);
            setup.server.cookies = Cookies::Required;
            (setup.client.mtu, setup.server.mtu) = (mtu, mtu);
            let mut pair = setup.pair();
            let hello = pair.client_sends();
            for datagram in &hello {
                pair.server_gets(datagram);
            }
            let request = pair.server_sends();
            assert_eq!(request.len(), 1);
            let (asked, answered) = (hello.iter().map(Vec::len).sum::<usize>(), request[0].len());
            assert!(answered < asked, "no amplification");
            assert_eq!(pair.server.state(), State::Listening);
            assert_eq!(pair.server.poll_timeout(), None, "nothing is kept");
            pair.client_gets(&request[0]);
            pair.settle();
            assert!(pair.client.is_connected() && pair.server.is_connected());
            assert_eq!(pair.server.stats().cookies_asked, 1);
        }
    }
}

/// The second ClientHello of a client that was asked for a cookie.
fn second_hello(pair: &mut Pair) -> Vec<u8> {
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    for datagram in pair.server_sends() {
        pair.client_gets(&datagram);
    }
    body_of(&pair.client_sends(), HandshakeType::CLIENT_HELLO)
}

#[test]
fn a_cookie_counts_for_one_hello() {
    let mut setup = small(Versions::Dtls13);
    setup.server.cookies = Cookies::Required;
    let mut pair = setup.pair();
    let hello = second_hello(&mut pair);
    let parsed = ClientHello::parse(&hello).unwrap();
    let cookie = parsed.extensions.get(ExtensionType::COOKIE).unwrap();
    let at = hello.windows(cookie.len()).position(|window| window == cookie).unwrap();
    let suites = 2 + 32 + 1 + 1 + 2;
    for spoilt in [at + 2, at + 10, at + cookie.len() - 1, 2, suites + 1] {
        let mut changed = hello.clone();
        changed[spoilt] ^= 1;
        pair.server_gets(&message_record(HandshakeType::CLIENT_HELLO, 1, &changed));
        assert_eq!(pair.server.state(), State::Listening, "byte {spoilt}");
    }
    // They are none of the client that was asked.
    assert_eq!(pair.server.stats().ignored_client_hellos, 5);
    assert!(pair.server_sends().is_empty() && pair.server_events().is_empty());
    // Another server, with a secret of its own.
    let mut config = small(Versions::Dtls13).server;
    config.cookies = Cookies::Required;
    let mut other = Connection::server(config, rng(5)).unwrap();
    let record = message_record(HandshakeType::CLIENT_HELLO, 1, &hello);
    deliver(&mut other, pair.now, &record);
    assert_eq!(other.state(), State::Listening);
    let illegal = HandshakeError::IllegalParameter(HandshakeType::CLIENT_HELLO);
    assert_eq!(other.poll_event(), Some(Event::ClientHelloRefused(illegal)));
    pair.server_gets(&message_record(HandshakeType::CLIENT_HELLO, 1, &hello));
    assert_eq!(pair.server.state(), State::Connecting);
    pair.settle();
    assert!(pair.client.is_connected() && pair.server.is_connected());
}

#[test]
fn a_client_answers_one_retry_and_only_one_that_changes_something() {
    let mut setup = small(Versions::Both);
    setup.server.groups = vec![NamedGroup::Secp256r1];
    let mut pair = setup.clone().pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    let retry = body_of(&pair.server_sends(), HandshakeType::SERVER_HELLO);
    pair.client_gets(&message_record(HandshakeType::SERVER_HELLO, 0, &retry));
    assert_eq!(pair.client_sends().len(), 1);
    pair.client_gets(&message_record(HandshakeType::SERVER_HELLO, 1, &retry));
    let unexpected = HandshakeError::Unexpected(HandshakeType::SERVER_HELLO);
    assert_eq!(
        pair.client_events(),
        [Event::Closed(CloseReason::Handshake(unexpected))]
    );

    // The group of which there is a public key already; one that was not offered.
    let share = retry.windows(6).position(|window| window == [0, 0x33, 0, 2, 0, 0x17]);
    let group = share.unwrap() + 4;
    for code in [0x1d, 0x18, 0x99] {
        let mut pair = setup.clone().pair();
        pair.client_sends();
        let mut retry = retry.clone();
        retry[group + 1] = code;
        pair.client_gets(&message_record(HandshakeType::SERVER_HELLO, 0, &retry));
        let illegal = HandshakeError::IllegalParameter(HandshakeType::SERVER_HELLO);
        assert_eq!(
            pair.client_events(),
            [Event::Closed(CloseReason::Handshake(illegal))],
            "{code:x}"
        );
    }
}
