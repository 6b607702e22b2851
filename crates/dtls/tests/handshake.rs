//! How two get to know each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pollrtc_core::{Headroom, InnerProtocol, Instant};
use pollrtc_crypto::{HashAlgorithm, NamedGroup};
use pollrtc_dtls::wire::{handshake, record};
use pollrtc_dtls::{
    AlertDescription, CipherSuite, ClientCertificates, CloseReason, Config, Connection, Cookies, Event, ExportError,
    HandshakeError, PeerVerification, SendError, SrtpProfile, State, Version,
};

use crate::support::wire::records;
use crate::support::{Pair, Setup, certificate, only, rng};

#[test]
fn a_client_speaks_first_and_a_server_waits() {
    let mut pair = Pair::new();
    assert!(pair.server_sends().is_empty());
    assert_eq!(pair.server.state(), State::Listening);
    assert_eq!(pair.server.poll_timeout(), None);
    assert_eq!(pair.client_sends().len(), 1);
    assert_eq!(pair.client.state(), State::Connecting);
    assert!(pair.client.poll_timeout() > Some(pair.now));
}

#[test]
fn two_round_trips_connect_both_and_data_flows_both_ways() {
    let mut pair = Pair::new();
    let mut half_trips = 0;
    while !(pair.client.is_connected() && pair.server.is_connected()) {
        for datagram in pair.client_sends() {
            pair.server_gets(&datagram);
        }
        for datagram in pair.server_sends() {
            pair.client_gets(&datagram);
        }
        half_trips += 2;
        assert!(half_trips <= 4);
    }
    let connected = vec![Event::Connected {
        version: Version::DTLS_1_2,
        cipher_suite: CipherSuite::EcdheEcdsaAes128GcmSha256,
        srtp_profile: None,
        is_peer_authenticated: true,
    }];
    assert_eq!(pair.client_events(), connected);
    assert_eq!(pair.server_events(), connected);
    assert_eq!((pair.client.poll_timeout(), pair.server.poll_timeout()), (None, None));

    pair.client.send(b"ping").unwrap();
    let datagrams = pair.client_sends();
    assert_eq!(pair.server_gets(&datagrams[0]), [b"ping"]);
    pair.server.send(b"pong").unwrap();
    let datagrams = pair.server_sends();
    assert_eq!(pair.client_gets(&datagrams[0]), [b"pong"]);
}

#[test]
fn every_cipher_suite_that_fits_our_keys_connects() {
    for suite in [
        CipherSuite::EcdheEcdsaAes128GcmSha256,
        CipherSuite::EcdheEcdsaAes256GcmSha384,
        CipherSuite::EcdheEcdsaChaCha20Poly1305Sha256,
    ] {
        let mut setup = Setup::new();
        setup.client.cipher_suites = vec![suite];
        let mut pair = setup.pair();
        pair.settle();
        assert_eq!(pair.server.cipher_suite(), Some(suite));
        for length in [0, 1, 15, 16, 17, 1200, 16384] {
            let payload = vec![7; length];
            let mut buf = vec![0; 17000];
            let prefix = pair.client.headroom().prefix;
            buf[prefix..prefix + length].copy_from_slice(&payload);
            let sealed = pair.client.write_record(&mut buf, length).unwrap();
            assert_eq!(sealed, prefix + length + pair.client.headroom().suffix);
            let received = pair.server_gets(&buf[..sealed]);
            // An empty record says nothing to the application.
            let expected: Vec<Vec<u8>> = (length > 0).then_some(payload).into_iter().collect();
            assert_eq!(received, expected);
        }
    }
}

#[test]
fn both_say_what_was_agreed_on() {
    for group in [NamedGroup::X25519, NamedGroup::Secp256r1, NamedGroup::Secp384r1] {
        let mut setup = Setup::new();
        setup.server.groups = vec![NamedGroup::X25519MlKem768, group];
        let mut pair = setup.pair();
        assert_eq!((pair.client.version(), pair.client.group()), (None, None));
        pair.settle();
        for side in [&pair.client, &pair.server] {
            assert_eq!((side.version(), side.group()), (Some(Version::DTLS_1_2), Some(group)));
            assert!(!side.hello_was_retried());
        }
    }
}

#[test]
fn both_export_the_same_keys_and_context_matters() {
    let pair = Pair::connected();
    let export = |label, context| {
        let (mut ours, mut theirs) = ([0; 60], [0; 60]);
        pair.client.export_keying_material(label, context, &mut ours).unwrap();
        pair.server.export_keying_material(label, context, &mut theirs).unwrap();
        assert_eq!(ours, theirs);
        ours
    };
    let srtp = export("EXTRACTOR-dtls_srtp", None);
    assert_ne!(srtp, export("EXTRACTOR-dtls_srtp", Some(b"")));
    assert_ne!(srtp, export("EXTRACTOR-dtls_srtp", Some(b"x")));
    assert_ne!(srtp, export("EXPERIMENTAL", None));
    assert_eq!(
        pair.client.export_keying_material("key expansion", None, &mut [0; 8]),
        Err(ExportError::ReservedLabel)
    );
}

#[test]
fn srtp_is_negotiated_by_the_servers_preference() {
    let mut setup = Setup::new();
    setup.client.srtp_profiles = vec![SrtpProfile::Aes128CmHmacSha1_80, SrtpProfile::AeadAes128Gcm];
    setup.server.srtp_profiles = vec![SrtpProfile::AeadAes256Gcm, SrtpProfile::AeadAes128Gcm];
    let mut pair = setup.pair();
    pair.settle();
    assert_eq!(pair.client.srtp_profile(), Some(SrtpProfile::AeadAes128Gcm));
    assert_eq!(pair.server.srtp_profile(), Some(SrtpProfile::AeadAes128Gcm));
}

#[test]
fn no_common_srtp_profile_is_told_and_data_flows_all_the_same() {
    let mut setup = Setup::new();
    setup.client.srtp_profiles = vec![SrtpProfile::Aes128CmHmacSha1_80];
    setup.server.srtp_profiles = vec![SrtpProfile::AeadAes128Gcm];
    let mut pair = setup.pair();
    pair.settle();
    assert!(pair.client.is_connected() && pair.server.is_connected());
    assert_eq!(pair.client.srtp_profile(), None);
    assert_eq!(pair.server.srtp_profile(), None);
}

#[test]
fn a_client_refuses_a_server_with_another_certificate() {
    let mut setup = Setup::new();
    setup.client.peer = only(&certificate(9));
    let mut pair = setup.pair();
    pair.settle();
    let reason = CloseReason::Handshake(HandshakeError::CertificateMismatch);
    assert_eq!(pair.client_events(), [Event::Closed(reason)]);
    assert_eq!(pair.client.send(b"x"), Err(SendError::Closed));
    // The server can't tell who sent the alert, and goes on waiting.
    assert_eq!(pair.server.state(), State::Connecting);
    assert_eq!(pair.server.stats().unauthenticated_alerts, 1);
    assert_eq!(pair.server_events(), []);
}

#[test]
fn a_server_refuses_a_client_with_another_certificate() {
    let mut setup = Setup::new();
    setup.server.peer = only(&certificate(9));
    let mut pair = setup.pair();
    pair.settle();
    let reason = CloseReason::Handshake(HandshakeError::CertificateMismatch);
    assert_eq!(pair.server_events(), [Event::Closed(reason)]);
    assert_eq!(pair.server.send(b"x"), Err(SendError::Closed));
    assert!(!pair.client.is_connected());
}

#[test]
fn of_several_fingerprints_the_strongest_hash_decides() {
    let mut setup = Setup::new();
    let (right, wrong) = (setup.server_certificate(), certificate(9));
    setup.client.peer = PeerVerification::Fingerprints(vec![
        right.fingerprint(HashAlgorithm::Sha256),
        wrong.fingerprint(HashAlgorithm::Sha512),
    ]);
    let mut pair = setup.pair();
    pair.settle();
    assert_eq!(pair.client.state(), State::Closed);

    let mut setup = Setup::new();
    setup.client.peer = PeerVerification::Fingerprints(vec![
        wrong.fingerprint(HashAlgorithm::Sha256),
        setup.server_certificate().fingerprint(HashAlgorithm::Sha256),
        wrong.fingerprint(HashAlgorithm::Sha1),
    ]);
    let mut pair = setup.pair();
    pair.settle();
    assert_eq!(pair.client.state(), State::Connected);
}

#[test]
fn a_callback_decides_about_the_certificate() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let mut setup = Setup::new();
    let expected = setup.server_certificate().der().to_vec();
    setup.client.peer = PeerVerification::Callback(Arc::new(move |der| {
        counter.fetch_add(1, Ordering::Relaxed);
        match der == expected {
            true => Ok(()),
            false => Err(AlertDescription::BAD_CERTIFICATE),
        }
    }));
    let server_certificate = setup.server_certificate();
    let mut pair = setup.pair();
    pair.settle();
    assert!(pair.client.is_connected());
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(pair.client.peer_certificate(), Some(server_certificate.der()));
}

#[test]
fn a_callback_chooses_what_the_peer_is_told() {
    let alert = AlertDescription(48); // unknown_ca
    let mut setup = Setup::new();
    setup.client.peer = PeerVerification::Callback(Arc::new(move |_| Err(alert)));
    let mut pair = setup.pair();
    pair.settle();
    let reason = CloseReason::Handshake(HandshakeError::CertificateRefused(alert));
    assert_eq!(pair.client_events(), [Event::Closed(reason)]);
    assert_eq!(pair.server.stats().unauthenticated_alerts, 1);
}

#[test]
fn a_client_without_a_certificate_is_refused_unless_the_server_takes_anyone() {
    for (wanted, is_welcome) in [
        (ClientCertificates::Required, false),
        (ClientCertificates::Optional, true),
        (ClientCertificates::NotRequested, true),
    ] {
        let mut setup = Setup::new();
        setup.client.certificates.clear();
        setup.server.client_certificates = wanted;
        let mut pair = setup.pair();
        pair.settle();
        assert_eq!(pair.client.is_connected(), is_welcome, "{wanted:?}");
        assert_eq!(pair.server.is_connected(), is_welcome, "{wanted:?}");
        assert_eq!(pair.server.peer_certificate(), None);
        if !is_welcome {
            let reason = CloseReason::Handshake(HandshakeError::NoCertificate);
            assert_eq!(pair.server_events(), [Event::Closed(reason)]);
        }
    }
}

#[test]
fn a_server_that_does_not_ask_gets_no_certificate_and_one_that_may_checks_it() {
    let mut setup = Setup::new();
    setup.server.client_certificates = ClientCertificates::NotRequested;
    let mut pair = setup.pair();
    pair.settle();
    assert!(pair.client.is_connected() && pair.server.is_connected());
    assert_eq!(pair.server.peer_certificate(), None);

    let mut setup = Setup::new();
    setup.server.client_certificates = ClientCertificates::Optional;
    setup.server.peer = only(&certificate(9));
    let mut pair = setup.pair();
    pair.settle();
    let reason = CloseReason::Handshake(HandshakeError::CertificateMismatch);
    assert_eq!(pair.server_events(), [Event::Closed(reason)]);
}

#[test]
fn either_side_can_end_a_connection_with_an_alert_of_its_choice() {
    let mut pair = Setup::new().pair();
    pair.settle();
    pair.client_events();
    pair.server_events();
    let alert = AlertDescription(49); // access_denied
    pair.client.abort(pair.now, alert);
    pair.settle();
    assert_eq!(pair.client_events(), [Event::Closed(CloseReason::Local)]);
    assert_eq!(pair.server_events(), [Event::Closed(CloseReason::Alert(alert))]);
}

#[test]
fn accept_any_still_asks_for_proof_of_the_key() {
    let mut setup = Setup::new();
    setup.client.peer = PeerVerification::AcceptAny;
    let mut pair = setup.pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    let mut flight = records(&pair.server_sends());
    // Another ephemeral key under the same signature, as from who lacks the certificate's key.
    let key = record::HEADER_LEN + handshake::HEADER_LEN + 4;
    flight[2][key] ^= 1;
    for record in flight {
        pair.client_gets(&record);
    }
    let reason = CloseReason::Handshake(HandshakeError::Signature);
    assert_eq!(pair.client_events(), [Event::Closed(reason)]);
}

#[test]
fn a_server_with_cookies_answers_only_the_second_hello() {
    let mut setup = Setup::new();
    setup.server.cookies = Cookies::Required;
    let mut pair = setup.pair();
    let hello = pair.client_sends();
    pair.server_gets(&hello[0]);
    let request = pair.server_sends();
    assert_eq!(request.len(), 1);
    assert!(request[0].len() < hello[0].len(), "no amplification");
    assert_eq!(pair.server.state(), State::Listening);
    assert_eq!(pair.server.poll_timeout(), None, "nothing is kept");
    pair.client_gets(&request[0]);
    pair.settle();
    assert!(pair.client.is_connected() && pair.server.is_connected());
    assert_eq!(pair.server.stats().cookies_asked, 1);
}

#[test]
fn nothing_in_common_is_refused_and_the_server_goes_on_waiting() {
    let mut setup = Setup::new();
    let fits = setup.client.clone();
    setup.client.cipher_suites = vec![CipherSuite::EcdheRsaAes128GcmSha256];
    let mut pair = setup.pair();
    pair.settle();
    let refused = Event::ClientHelloRefused(HandshakeError::CipherSuite);
    assert_eq!(pair.server_events(), [refused]);
    assert_eq!(pair.server.state(), State::Listening);
    assert_eq!(pair.server.stats().refused_client_hellos, 1);
    // A client that fits is welcome afterwards.
    pair.client = Connection::client(fits, rng(5)).unwrap();
    pair.settle();
    assert!(pair.client.is_connected() && pair.server.is_connected());
}

#[test]
fn keys_are_only_there_while_connected() {
    let mut pair = Pair::new();
    let mut out = [0; 8];
    let export = |pair: &Pair, out: &mut [u8]| pair.client.export_keying_material("x", None, out);
    assert_eq!(export(&pair, &mut out), Err(ExportError::NotConnected));
    assert_eq!(pair.client.send(b"x"), Err(SendError::NotConnected));
    assert_eq!(pair.client.peer_certificate(), None);
    pair.settle();
    assert_eq!(export(&pair, &mut out), Ok(()));
    pair.client.close(pair.now);
    assert_eq!(export(&pair, &mut out), Err(ExportError::NotConnected));
    assert_eq!(pair.client.peer_certificate(), None);
}

#[test]
fn closing_tells_the_peer() {
    let mut pair = Pair::connected();
    pair.client.send(b"last words").unwrap();
    pair.client.close(pair.now);
    pair.client.close(pair.now);
    assert_eq!(pair.client_events(), [Event::Closed(CloseReason::Local)]);
    pair.settle();
    assert_eq!(pair.server_events(), [Event::Closed(CloseReason::Remote)]);
    assert_eq!(pair.server.send(b"x"), Err(SendError::Closed));
    assert_eq!(pair.client.stats().after_close, 1, "the answer in kind");
}

#[test]
fn a_handshake_gives_up_in_the_end() {
    let mut pair = Pair::new();
    let timeout = Config::new(certificate(1), PeerVerification::AcceptAny).handshake_timeout;
    let start = pair.now;
    let mut sent = 0;
    while pair.client.state() != State::Closed {
        sent += pair.client_sends().len();
        pair.now = pair.client.poll_timeout().unwrap();
        pair.client.handle_timeout(pair.now);
    }
    assert_eq!(pair.now, start + timeout);
    assert_eq!(pair.client_events(), [Event::Closed(CloseReason::Timeout)]);
    assert!(
        (6..=9).contains(&sent),
        "doubling from 400 ms: {sent} ClientHellos in 60 s"
    );
    assert_eq!(pair.client.poll_timeout(), None);
    assert_eq!(
        pair.client
            .write_body(Instant::FAR_FUTURE, &mut [0; 1500], Headroom::NONE),
        None
    );
}
