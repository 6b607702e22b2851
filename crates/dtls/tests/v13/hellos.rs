//! Hellos of DTLS 1.3 that end the handshake, and why.

use pollrtc_core::Instant;
use pollrtc_crypto::NamedGroup;
use pollrtc_dtls::wire::handshake::{ClientHello, ServerHello};
use pollrtc_dtls::wire::v13::HELLO_RETRY_REQUEST_RANDOM;
use pollrtc_dtls::wire::{ExtensionType, HandshakeType};
use pollrtc_dtls::{CloseReason, Connection, Event, HandshakeError, State};
use quickcheck::quickcheck;

use crate::support::wire::{HelloParts, body_of, message_record};
use crate::support::{Setup, deliver, drain, events, rng};

const NOW: Instant = Instant::from_millis(1);

/// What any server of DTLS 1.3 accepts.
fn good() -> HelloParts {
    let share = [&[0, 36, 0, 29, 0, 32][..], &[9; 32]].concat();
    HelloParts {
        cipher_suites: vec![0x1301],
        ..HelloParts::good()
    }
    .with(ExtensionType::SUPPORTED_VERSIONS, &[2, 0xfe, 0xfc])
    .with(ExtensionType::KEY_SHARE, &share)
}

fn refusal(hello: &HelloParts) -> Option<HandshakeError> {
    let mut server = Connection::server(Setup::v13().server, rng(4)).unwrap();
    let record = message_record(HandshakeType::CLIENT_HELLO, 0, &hello.client());
    deliver(&mut server, NOW, &record);
    match &events(&mut server)[..] {
        [Event::ClientHelloRefused(error)] => {
            assert_eq!(server.state(), State::Listening);
            assert_eq!(drain(&mut server, NOW).len(), 1, "an alert");
            Some(*error)
        }
        other => {
            assert_eq!(other, []);
            None
        }
    }
}

#[test]
fn client_hellos_that_are_refused_and_why() {
    assert_eq!(refusal(&good()), None);
    let kind = HandshakeType::CLIENT_HELLO;
    let illegal = Some(HandshakeError::IllegalParameter(kind));
    let malformed = Some(HandshakeError::Malformed(kind));
    let missing = Some(HandshakeError::MissingExtension);
    let with_share = |content: &[u8]| {
        good()
            .without(ExtensionType::KEY_SHARE)
            .with(ExtensionType::KEY_SHARE, content)
    };
    let x25519 = [&[0, 29, 0, 32][..], &[9; 32]].concat();
    let cases = [
        (good().without(ExtensionType::KEY_SHARE), missing),
        (good().without(ExtensionType::SUPPORTED_GROUPS), missing),
        (good().without(ExtensionType::SIGNATURE_ALGORITHMS), missing),
        (
            good().without(ExtensionType::SUPPORTED_VERSIONS),
            Some(HandshakeError::Version),
        ),
        (
            HelloParts {
                cookie: vec![1],
                ..good()
            },
            illegal,
        ),
        (
            HelloParts {
                compression: vec![0, 1],
                ..good()
            },
            illegal,
        ),
        (
            HelloParts {
                cipher_suites: vec![0xc02b],
                ..good()
            },
            Some(HandshakeError::CipherSuite),
        ),
        (good().with(ExtensionType::COOKIE, &[0, 1, 7]), illegal),
        (good().with(ExtensionType::COOKIE, &[0, 0]), malformed),
        // Twice the same group; a key of the wrong length; all zeros, which gives no secret.
        (with_share(&[&[0, 72][..], &x25519, &x25519].concat()), illegal),
        (with_share(&[0, 5, 0, 29, 0, 1, 7]), illegal),
        (with_share(&[&[0, 36, 0, 29, 0, 32][..], &[0; 32]].concat()), illegal),
        (with_share(&[0, 4, 0, 29, 0, 0]), malformed),
        (with_share(&[0, 9, 0, 29, 0, 1, 7]), malformed),
        (
            good()
                .without(ExtensionType::SIGNATURE_ALGORITHMS)
                .with(ExtensionType::SIGNATURE_ALGORITHMS, &[0, 4, 4, 1, 8, 4]),
            Some(HandshakeError::SignatureScheme),
        ),
    ];
    for (number, (hello, expected)) in cases.into_iter().enumerate() {
        assert_eq!(refusal(&hello), expected, "case {number}");
    }
}

#[test]
fn post_quantum_keys_of_the_wrong_form_are_refused() {
    for (length, byte) in [(1216, 0xff), (1215, 1), (1217, 1), (32, 1)] {
        let share = [
            &(length as u16 + 4).to_be_bytes()[..],
            &[0x11, 0xec],
            &(length as u16).to_be_bytes(),
        ]
        .concat();
        let hello = good()
            .without(ExtensionType::KEY_SHARE)
            .without(ExtensionType::SUPPORTED_GROUPS)
            .with(ExtensionType::SUPPORTED_GROUPS, &[0, 2, 0x11, 0xec])
            .with(ExtensionType::KEY_SHARE, &[share, vec![byte; length]].concat());
        let illegal = HandshakeError::IllegalParameter(HandshakeType::CLIENT_HELLO);
        assert_eq!(refusal(&hello), Some(illegal), "{length} times {byte}");
    }
}

/// A ServerHello that any client of ours takes.
fn answer() -> HelloParts {
    let share = [&[0, 29, 0, 32][..], &[9; 32]].concat();
    HelloParts {
        cipher_suites: vec![0x1301],
        extensions: vec![],
        ..HelloParts::good()
    }
    .with(ExtensionType::SUPPORTED_VERSIONS, &[0xfe, 0xfc])
    .with(ExtensionType::KEY_SHARE, &share)
}

fn end(hello: &HelloParts) -> Option<HandshakeError> {
    let mut client = Connection::client(Setup::v13().client, rng(3)).unwrap();
    drain(&mut client, NOW);
    let record = message_record(HandshakeType::SERVER_HELLO, 0, &hello.server());
    deliver(&mut client, NOW, &record);
    match events(&mut client)[..] {
        [Event::Closed(CloseReason::Handshake(error))] => Some(error),
        _ => None,
    }
}

#[test]
fn server_hellos_that_end_the_handshake_and_why() {
    assert_eq!(end(&answer()), None);
    let kind = HandshakeType::SERVER_HELLO;
    let illegal = Some(HandshakeError::IllegalParameter(kind));
    let with = |kind, content: &[u8]| answer().without(kind).with(kind, content);
    let retry = |hello: HelloParts| HelloParts {
        random: HELLO_RETRY_REQUEST_RANDOM,
        ..hello
    };
    let cases = [
        (
            HelloParts {
                version: 0xfefc,
                ..answer()
            },
            illegal,
        ),
        (
            HelloParts {
                cipher_suites: vec![0xc02b],
                ..answer()
            },
            illegal,
        ),
        (
            HelloParts {
                cipher_suites: vec![0x1304],
                ..answer()
            },
            illegal,
        ),
        (
            HelloParts {
                compression: vec![1],
                ..answer()
            },
            illegal,
        ),
        (with(ExtensionType::SUPPORTED_VERSIONS, &[0xfe, 0xfd]), illegal),
        (with(ExtensionType::SUPPORTED_VERSIONS, &[0xfe, 0xfb]), illegal),
        (
            answer().without(ExtensionType::SUPPORTED_VERSIONS),
            Some(HandshakeError::Version),
        ),
        (
            answer().without(ExtensionType::KEY_SHARE),
            Some(HandshakeError::MissingExtension),
        ),
        // A group without our public key; one of the wrong length; zeros.
        (with(ExtensionType::KEY_SHARE, &[0, 23, 0, 1, 4]), illegal),
        (with(ExtensionType::KEY_SHARE, &[0, 29, 0, 1, 4]), illegal),
        (
            with(ExtensionType::KEY_SHARE, &[&[0, 29, 0, 32][..], &[0; 32]].concat()),
            illegal,
        ),
        (
            answer().with(ExtensionType::USE_SRTP, &[0, 2, 0, 7, 0]),
            Some(HandshakeError::UnsolicitedExtension),
        ),
        (
            answer().with(ExtensionType::COOKIE, &[0, 1, 7]),
            Some(HandshakeError::UnsolicitedExtension),
        ),
        (retry(answer().without(ExtensionType::KEY_SHARE)), illegal),
        (retry(answer()), Some(HandshakeError::Malformed(kind))),
        (retry(with(ExtensionType::KEY_SHARE, &[0, 29])), illegal),
        (retry(with(ExtensionType::KEY_SHARE, &[0, 99])), illegal),
        (
            retry(with(ExtensionType::KEY_SHARE, &[0, 23]).with(ExtensionType::USE_SRTP, &[])),
            Some(HandshakeError::UnsolicitedExtension),
        ),
    ];
    for (number, (hello, expected)) in cases.into_iter().enumerate() {
        assert_eq!(end(&hello), expected, "case {number}");
    }
}

/// The groups that a ClientHello offers, and those of its public keys.
fn offered_and_shared(hello: &[u8]) -> (Vec<u16>, Vec<u16>) {
    let hello = ClientHello::parse(hello).unwrap();
    let offered = hello.extensions.supported_groups().unwrap().unwrap().iter().collect();
    let shares = hello.extensions.key_shares().unwrap().unwrap();
    (offered, shares.iter().map(|share| share.group).collect())
}

quickcheck! {
    /// For every order of every choice of groups: our public keys are of groups that we offer, in their order, one
    /// each, also in the hello that answers a HelloRetryRequest.
    fn our_public_keys_are_of_groups_that_we_offer_one_each(choice: Vec<u8>) -> bool {
        const ALL: [NamedGroup; 4] = pollrtc_dtls::DEFAULT_GROUPS;
        let mut groups: Vec<NamedGroup> = Vec::new();
        for group in choice.iter().map(|choice| ALL[usize::from(*choice) % 4]) {
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        let Some(last) = groups.last().copied() else { return true };
        let mut setup = Setup::v13();
        setup.client.groups = groups;
        setup.client.mtu = 8000;
        setup.server.groups = vec![last];
        let mut pair = setup.pair();
        let is_right = |datagrams: &[Vec<u8>]| {
            let (offered, shared) = offered_and_shared(&body_of(datagrams, HandshakeType::CLIENT_HELLO));
            let places: Vec<_> = shared
                .iter()
                .map(|group| offered.iter().position(|offered| offered == group))
                .collect();
            !shared.is_empty() && places.iter().all(Option::is_some) && places.is_sorted_by(|a, b| a < b)
        };
        let first = pair.client_sends();
        let mut all_right = is_right(&first);
        for datagram in &first {
            pair.server_gets(datagram);
        }
        for datagram in pair.server_sends() {
            pair.client_gets(&datagram);
        }
        let is_retried = !pair.client.is_connected();
        let second = pair.client_sends();
        if is_retried {
            all_right &= is_right(&second);
        }
        for datagram in &second {
            pair.server_gets(datagram);
        }
        pair.settle();
        all_right && pair.client.group() == Some(last)
    }
}

#[test]
fn a_public_key_of_a_group_that_the_client_does_not_offer_is_not_used() {
    // P-256 is offered, and there is a public key of X25519.
    let hello = good()
        .without(ExtensionType::SUPPORTED_GROUPS)
        .with(ExtensionType::SUPPORTED_GROUPS, &[0, 2, 0, 23]);
    let mut server = Connection::server(Setup::v13().server, rng(4)).unwrap();
    deliver(
        &mut server,
        NOW,
        &message_record(HandshakeType::CLIENT_HELLO, 0, &hello.client()),
    );
    let answer = drain(&mut server, NOW);
    let answer = body_of(&answer, HandshakeType::SERVER_HELLO);
    let answer = ServerHello::parse(&answer).unwrap();
    assert_eq!(*answer.random, HELLO_RETRY_REQUEST_RANDOM);
    assert_eq!(answer.extensions.selected_group().unwrap(), Some(23));
}
