//! How handshakes end that will not succeed: soon, and with the reason.

use std::time::Duration;

use pollrtc_core::InnerProtocol;
use pollrtc_crypto::{Certificate, NamedGroup};
use pollrtc_dtls::wire::handshake::Fragment;
use pollrtc_dtls::wire::{ContentType, HandshakeType};
use pollrtc_dtls::{AlertDescription, CipherSuite, CloseReason, Event, HandshakeError, State, Versions};

use crate::support::cipher::Tap;
use crate::support::wire::{HelloParts, fragment_record, message_record, plain_record};
use crate::support::{Pair, Setup, certificate, millis, only};

const SECOND: Duration = Duration::from_secs(1);

/// Lets time pass, with everything delivered at once, until the client is closed; how long it took.
fn until_closed(pair: &mut Pair, is_over: impl Fn(&Pair) -> bool) -> Duration {
    let begin = pair.now;
    while !is_over(pair) {
        pair.settle();
        if is_over(pair) {
            break;
        }
        let timers = [pair.client.poll_timeout(), pair.server.poll_timeout()];
        let next = timers.into_iter().flatten().min().expect("somebody waits");
        pair.wait(next.max(pair.now) - pair.now);
    }
    pair.now - begin
}

fn client_is_closed(pair: &Pair) -> bool {
    pair.client.state() == State::Closed
}

fn server_is_closed(pair: &Pair) -> bool {
    pair.server.state() == State::Closed
}

fn alert(description: AlertDescription) -> Vec<u8> {
    plain_record(ContentType::Alert, 900, &[2, description.0])
}

#[test]
fn a_client_whose_offer_is_refused_ends_soon_and_says_what_the_server_said() {
    let without_common_suite = |mut setup: Setup| {
        setup.client.cipher_suites = vec![CipherSuite::EcdheEcdsaAes256GcmSha384];
        setup.server.cipher_suites = vec![CipherSuite::EcdheEcdsaAes128GcmSha256];
        setup
    };
    let mut without_common_version = Setup::new();
    without_common_version.server.versions = Versions::Dtls13;
    let mut without_common_group = Setup::v13();
    without_common_group.client.groups = vec![NamedGroup::X25519];
    without_common_group.server.groups = vec![NamedGroup::Secp256r1];
    for (setup, description) in [
        (without_common_suite(Setup::new()), AlertDescription::HANDSHAKE_FAILURE),
        (without_common_version, AlertDescription::PROTOCOL_VERSION),
        (without_common_group, AlertDescription::HANDSHAKE_FAILURE),
    ] {
        let mut pair = setup.pair();
        let took = until_closed(&mut pair, client_is_closed);
        assert_eq!(pair.client_events(), [Event::Closed(CloseReason::Alert(description))]);
        assert_eq!(took, 3 * SECOND);
    }
}

#[test]
fn a_server_whose_certificate_is_refused_in_12_ends_soon_and_says_why() {
    let mut setup = Setup::new();
    setup.client.peer = only(&certificate(9));
    let mut pair = setup.pair();
    let took = until_closed(&mut pair, server_is_closed);
    let reason = CloseReason::Handshake(HandshakeError::CertificateMismatch);
    assert_eq!(pair.client_events(), [Event::Closed(reason)]);
    let reason = CloseReason::Alert(AlertDescription::BAD_CERTIFICATE);
    assert_eq!(pair.server_events(), [Event::Closed(reason)]);
    assert_eq!(took, 3 * SECOND);

    // And the other way round.
    let mut setup = Setup::new();
    setup.server.peer = only(&certificate(9));
    let mut pair = setup.pair();
    let took = until_closed(&mut pair, client_is_closed);
    let reason = CloseReason::Alert(AlertDescription::BAD_CERTIFICATE);
    assert_eq!(pair.client_events(), [Event::Closed(reason)]);
    assert_eq!(took, 3 * SECOND);
}

#[test]
fn a_peer_that_closes_in_the_middle_of_a_handshake_is_not_waited_for() {
    let mut pair = Pair::new();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    pair.server_sends();
    pair.client.close(pair.now);
    let took = until_closed(&mut pair, server_is_closed);
    assert_eq!(pair.server_events(), [Event::Closed(CloseReason::Remote)]);
    assert_eq!(took, 3 * SECOND);
}

#[test]
fn a_far_peer_has_the_time_of_three_flights() {
    let mut pair = Pair::new();
    pair.client.set_round_trip_time(millis(1600));
    pair.client_sends();
    pair.client_gets(&alert(AlertDescription::HANDSHAKE_FAILURE));
    let begin = pair.now;
    while pair.client.state() != State::Closed {
        pair.now = pair.client.poll_timeout().unwrap();
        pair.client.handle_timeout(pair.now);
        pair.client_sends();
    }
    assert_eq!(pair.now - begin, millis(3 * 2400));
}

#[test]
fn a_forged_alert_costs_nothing_if_the_handshake_goes_on() {
    for setup in [Setup::new(), Setup::v13()] {
        let mut pair = setup.pair();
        // Each flight comes 2.9 s late, and behind each there is an alert for both.
        for _ in 0..4 {
            for datagram in pair.client_sends() {
                pair.server_gets(&datagram);
            }
            for datagram in pair.server_sends() {
                pair.client_gets(&datagram);
            }
            for description in [AlertDescription::HANDSHAKE_FAILURE, AlertDescription::CLOSE_NOTIFY] {
                pair.client_gets(&alert(description));
                pair.server_gets(&alert(description));
            }
            pair.now += millis(2900);
        }
        assert!(pair.client.is_connected() && pair.server.is_connected());
        // Nor is anything left of it.
        for _ in 0..4 {
            pair.settle();
            pair.wait(60 * SECOND);
        }
        assert!(pair.client.is_connected() && pair.server.is_connected());
    }
}

#[test]
fn a_peer_that_goes_on_repeating_itself_has_not_given_up() {
    for setup in [Setup::new(), Setup::v13()] {
        let mut pair = setup.pair();
        pair.client.set_round_trip_time(millis(100));
        let hello = pair.client_sends();
        hello.iter().for_each(|datagram| drop(pair.server_gets(datagram)));
        pair.server_gets(&alert(AlertDescription::HANDSHAKE_FAILURE));
        // For 20 s nothing of the server's arrives, and all of the client's.
        for _ in 0..10 {
            pair.server_sends();
            pair.wait(2 * SECOND);
            for datagram in pair.client_sends() {
                pair.server_gets(&datagram);
            }
        }
        assert_eq!(pair.server.state(), State::Connecting);
        pair.rest();
        assert!(pair.client.is_connected() && pair.server.is_connected());
    }
}

#[test]
fn another_alert_does_not_put_the_end_off() {
    let mut pair = Pair::new();
    pair.client_sends();
    let begin = pair.now;
    while pair.client.state() != State::Closed {
        pair.client_gets(&alert(AlertDescription::PROTOCOL_VERSION));
        pair.wait(millis(100));
        pair.client_sends();
    }
    assert_eq!(pair.now - begin, 3 * SECOND);
}

#[test]
fn a_server_that_hears_no_hello_ends_when_it_is_told_to() {
    let mut pair = Pair::new();
    assert_eq!(pair.server.poll_timeout(), None, "nobody has said anything");
    let deadline = pair.now + 25 * SECOND;
    pair.server.set_client_hello_deadline(deadline);
    assert_eq!(pair.server.poll_timeout(), Some(deadline));
    pair.wait(25 * SECOND);
    assert_eq!(pair.server_events(), [Event::Closed(CloseReason::NoClientHello)]);
    assert_eq!(pair.server.poll_timeout(), None);

    // One that could answer none says why.
    let mut pair = Pair::new();
    pair.server.set_client_hello_deadline(deadline);
    let bad = HelloParts {
        cipher_suites: vec![0x002f],
        ..HelloParts::good()
    };
    pair.server_gets(&message_record(HandshakeType::CLIENT_HELLO, 0, &bad.client()));
    pair.wait(25 * SECOND);
    let refusal = HandshakeError::CipherSuite;
    let reason = CloseReason::Handshake(refusal);
    assert_eq!(
        pair.server_events(),
        [Event::ClientHelloRefused(refusal), Event::Closed(reason)]
    );

    // One that heard a hello has more time.
    let mut pair = Pair::new();
    pair.server.set_client_hello_deadline(deadline);
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    pair.server.handle_timeout(deadline);
    assert_eq!(pair.server.state(), State::Connecting);
    pair.now = deadline;
    pair.client = Setup::new().pair().client;
    pair.rest();
}

/// A certificate with a chain of this many bytes.
fn chained(own: &Certificate, bytes: usize) -> Certificate {
    own.with_authorities(vec![vec![0x30; 1000]; bytes / 1000])
}

#[test]
fn chains_of_60_000_bytes_are_taken_and_longer_ones_end_it_with_the_reason() {
    for (setup, bytes, is_taken) in [
        (Setup::new(), 50_000, true),
        (Setup::v13(), 50_000, true),
        (Setup::new(), 70_000, false),
        (Setup::v13(), 70_000, false),
    ] {
        let mut setup = setup;
        setup.server.certificates = vec![chained(&setup.server_certificate(), bytes)];
        let versions = setup.server.versions;
        let mut pair = setup.pair();
        if is_taken {
            pair.connect_over(2000, |_, datagram| vec![datagram]);
            assert!(pair.client.is_connected() && pair.server.is_connected());
            continue;
        }
        let took = until_closed(&mut pair, client_is_closed);
        let reason = CloseReason::Handshake(HandshakeError::TooLong(HandshakeType::CERTIFICATE));
        assert_eq!(pair.client_events(), [Event::Closed(reason)]);
        match versions {
            // Nobody else can have sent it.
            Versions::Dtls13 => assert_eq!(took, Duration::ZERO),
            _ => assert_eq!(took, 60 * SECOND),
        }
    }
}

#[test]
fn a_forged_piece_of_something_too_long_ends_nothing() {
    for setup in [Setup::new(), Setup::v13()] {
        let mut pair = setup.pair();
        for _ in 0..4 {
            for message_seq in 0..6 {
                let record = fragment_record(&Fragment {
                    kind: HandshakeType::CERTIFICATE,
                    length: 1 << 20,
                    message_seq,
                    offset: 0,
                    body: &[0; 40],
                });
                pair.client_gets(&record);
                pair.server_gets(&record);
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
}

#[test]
fn a_message_that_is_too_long_ends_an_established_connection() {
    let mut setup = Setup::v13();
    let tap = Tap::on(&mut setup.server);
    let mut pair = setup.pair().connect();
    let mut keys = tap.server_application();
    let fragment = Fragment {
        kind: HandshakeType::NEW_SESSION_TICKET,
        length: 1 << 20,
        message_seq: 6,
        offset: 0,
        body: &[0; 40],
    };
    let content = [&fragment.header(), fragment.body].concat();
    pair.client_gets(&keys.seal(ContentType::Handshake as u8, &content));
    let reason = CloseReason::Handshake(HandshakeError::TooLong(HandshakeType::NEW_SESSION_TICKET));
    assert_eq!(pair.client_events(), [Event::Closed(reason)]);
}
