//! Hellos that are good enough, and those that are not.

use pollrtc_core::Instant;
use pollrtc_dtls::wire::{ExtensionType, HandshakeType};
use pollrtc_dtls::{CloseReason, Event, HandshakeError, State};

use crate::support::wire::{HelloParts, message_record};
use crate::support::{deliver, drain, events, waiting_client, waiting_server};

const NOW: Instant = Instant::from_millis(1);

/// How a server that gets this ClientHello refuses it.
fn refusal(hello: &HelloParts) -> Option<HandshakeError> {
    let mut server = waiting_server();
    let record = message_record(HandshakeType::CLIENT_HELLO, 0, &hello.client());
    deliver(&mut server, NOW, &record);
    match events(&mut server)[..] {
        [Event::ClientHelloRefused(error)] => {
            assert_eq!(server.state(), State::Listening, "it goes on waiting");
            assert_eq!(server.memory(), 0, "and keeps nothing");
            Some(error)
        }
        ref events => {
            assert_eq!(events, &[]);
            assert_eq!(server.state(), State::Connecting);
            None
        }
    }
}

/// How a client ends that gets this ServerHello.
fn end(hello: &HelloParts) -> Option<HandshakeError> {
    let mut client = waiting_client();
    let record = message_record(HandshakeType::SERVER_HELLO, 0, &hello.server());
    deliver(&mut client, NOW, &record);
    match events(&mut client)[..] {
        [Event::Closed(CloseReason::Handshake(error))] => Some(error),
        ref events => {
            assert_eq!(events, &[]);
            assert_eq!(client.state(), State::Connecting);
            None
        }
    }
}

#[test]
fn a_server_refuses_what_is_no_client_hello_and_goes_on_waiting() {
    let mut server = waiting_server();
    let record = message_record(HandshakeType::FINISHED, 0, &[7; 12]);
    deliver(&mut server, NOW, &record);
    let refused = HandshakeError::Unexpected(HandshakeType::FINISHED);
    assert_eq!(events(&mut server), [Event::ClientHelloRefused(refused)]);
    assert_eq!(drain(&mut server, NOW).len(), 1, "the alert");
    let hello = message_record(HandshakeType::CLIENT_HELLO, 0, &HelloParts::good().client());
    deliver(&mut server, NOW, &hello);
    assert_eq!(server.state(), State::Connecting);
}

#[test]
fn hellos_that_are_good_enough() {
    let good = HelloParts::good;
    assert_eq!(refusal(&good()), None);
    // What is not known is skipped: suites, groups, DSA signatures, extensions, versions.
    let colourful = HelloParts {
        cipher_suites: vec![0x1301, 0x0a0a, 0xc02b, 0x00ff],
        compression: vec![1, 0],
        ..good()
            .without(ExtensionType::SUPPORTED_GROUPS)
            .without(ExtensionType::SIGNATURE_ALGORITHMS)
            .with(
                ExtensionType::SUPPORTED_GROUPS,
                &[0, 10, 0x11, 0xec, 0x0a, 0x0a, 0, 29, 1, 0, 0, 23],
            )
            .with(ExtensionType::SIGNATURE_ALGORITHMS, &[0, 8, 2, 2, 4, 2, 8, 9, 4, 3])
            .with(ExtensionType::SUPPORTED_VERSIONS, &[6, 0xfe, 0xfc, 0xfe, 0xfd, 3, 3])
            .with(ExtensionType(0x0a0a), &[])
            .with(ExtensionType(34), &[0, 2, 4, 3])
            .with(ExtensionType(28), &[0x40, 1])
    };
    assert_eq!(refusal(&colourful), None);
    // A client without a list of groups takes P-256.
    assert_eq!(refusal(&good().without(ExtensionType::SUPPORTED_GROUPS)), None);
    // SRTP with a master key identifier, which gets none back.
    assert_eq!(
        refusal(&good().with(ExtensionType::USE_SRTP, &[0, 2, 0, 7, 1, 9])),
        None
    );
}

#[test]
fn hellos_that_are_refused_and_why() {
    let good = HelloParts::good;
    let malformed = HandshakeError::Malformed(HandshakeType::CLIENT_HELLO);
    let illegal = HandshakeError::IllegalParameter(HandshakeType::CLIENT_HELLO);
    let ems = ExtensionType::EXTENDED_MASTER_SECRET;
    let only_1_3 = [2, 0xfe, 0xfc];
    let many = (0..65).fold(good(), |hello, kind| hello.with(ExtensionType(1000 + kind), &[]));
    let cases = [
        (
            HelloParts {
                version: 0xfeff,
                ..good()
            },
            HandshakeError::Version,
        ),
        (
            HelloParts {
                version: 0x0303,
                ..good()
            },
            HandshakeError::Version,
        ),
        (
            good().with(ExtensionType::SUPPORTED_VERSIONS, &only_1_3),
            HandshakeError::Version,
        ),
        (
            HelloParts {
                cipher_suites: vec![0xc02f],
                ..good()
            },
            HandshakeError::CipherSuite,
        ),
        (
            HelloParts {
                cipher_suites: vec![],
                ..good()
            },
            malformed,
        ),
        (
            HelloParts {
                compression: vec![1],
                ..good()
            },
            illegal,
        ),
        (
            HelloParts {
                compression: vec![],
                ..good()
            },
            malformed,
        ),
        (good().without(ems), HandshakeError::ExtendedMasterSecret),
        (good().without(ems).with(ems, &[0]), malformed),
        (good().with(ems, &[]), malformed),
        (
            good().with(ExtensionType(77), &[]).with(ExtensionType(77), &[]),
            malformed,
        ),
        (good().with(ExtensionType::RENEGOTIATION_INFO, &[1, 1]), illegal),
        (good().with(ExtensionType::RENEGOTIATION_INFO, &[]), malformed),
        (good().with(ExtensionType::EC_POINT_FORMATS, &[1, 1]), malformed),
        (good().with(ExtensionType::USE_SRTP, &[0, 3, 0, 7, 0, 0]), malformed),
        (
            good().without(ExtensionType::SIGNATURE_ALGORITHMS),
            HandshakeError::SignatureScheme,
        ),
        (
            good()
                .without(ExtensionType::SUPPORTED_GROUPS)
                .with(ExtensionType::SUPPORTED_GROUPS, &[0, 2, 0x11, 0xec]),
            HandshakeError::Group,
        ),
        (
            HelloParts {
                trailer: vec![0],
                ..good()
            },
            malformed,
        ),
        (many, malformed),
    ];
    for (number, (hello, error)) in cases.into_iter().enumerate() {
        assert_eq!(refusal(&hello), Some(error), "case {number}");
    }
}

/// rtc's server, among others, lists its groups in DTLS 1.2, too. The client has sent that extension, so RFC 5246 §7.4.1.4
/// lets the server, and nothing hangs on it (as RFC 8446 §4.2.7 has it in 1.3: clients must not act upon it).
#[test]
fn a_server_hello_may_hold_what_only_clients_have_to_say() {
    let said = [
        (ExtensionType::SUPPORTED_GROUPS, &[0, 4, 0, 29, 0, 23][..]),
        (ExtensionType::SUPPORTED_GROUPS, &[]),
        (ExtensionType::SIGNATURE_ALGORITHMS, &[0, 2, 4, 3]),
    ];
    for (kind, body) in said {
        let hello = HelloParts {
            extensions: vec![(ExtensionType::EXTENDED_MASTER_SECRET, vec![])],
            ..HelloParts::good()
        };
        assert_eq!(end(&hello.with(kind, body)), None, "{kind:?}");
    }
}

#[test]
fn server_hellos_that_end_the_handshake_and_why() {
    let base = HelloParts {
        extensions: vec![(ExtensionType::EXTENDED_MASTER_SECRET, vec![])],
        ..HelloParts::good()
    };
    let good = || base.clone();
    let malformed = HandshakeError::Malformed(HandshakeType::SERVER_HELLO);
    let illegal = HandshakeError::IllegalParameter(HandshakeType::SERVER_HELLO);
    let mut downgraded = good();
    downgraded.random[24..].copy_from_slice(b"DOWNGRD\x00");
    assert_eq!(end(&good()), None);
    let cases = [
        (
            HelloParts {
                version: 0xfeff,
                ..good()
            },
            HandshakeError::Version,
        ),
        (
            HelloParts {
                version: 0xfefc,
                ..good()
            },
            HandshakeError::Version,
        ),
        (downgraded, HandshakeError::Downgrade),
        (
            HelloParts {
                cipher_suites: vec![0x1301],
                ..good()
            },
            illegal,
        ),
        (
            HelloParts {
                cipher_suites: vec![0xc009],
                ..good()
            },
            illegal,
        ),
        (
            HelloParts {
                compression: vec![1],
                ..good()
            },
            illegal,
        ),
        (
            good().without(ExtensionType::EXTENDED_MASTER_SECRET),
            HandshakeError::ExtendedMasterSecret,
        ),
        (
            good().with(ExtensionType::SUPPORTED_VERSIONS, &[0xfe, 0xfc]),
            HandshakeError::UnsolicitedExtension,
        ),
        (
            good().with(ExtensionType(16), &[]),
            HandshakeError::UnsolicitedExtension,
        ),
        (good().with(ExtensionType::RENEGOTIATION_INFO, &[1, 9]), illegal),
        (good().with(ExtensionType::USE_SRTP, &[0, 2, 0, 8, 0]), illegal),
        (good().with(ExtensionType::USE_SRTP, &[0, 4, 0, 7, 0, 7, 0]), illegal),
        (good().with(ExtensionType::USE_SRTP, &[0, 2, 0, 7, 1, 1]), illegal),
        (good().with(ExtensionType::EXTENDED_MASTER_SECRET, &[]), malformed),
        (
            HelloParts {
                trailer: vec![0],
                ..good()
            },
            malformed,
        ),
    ];
    for (number, (hello, error)) in cases.into_iter().enumerate() {
        assert_eq!(end(&hello), Some(error), "case {number}");
    }
}
