//! How two of DTLS 1.3 get to know each other.

use pollrtc_core::InnerProtocol;
use pollrtc_crypto::{NamedGroup, Provider, aws_lc_rs, rust_crypto};
use pollrtc_dtls::{
    AlertDescription, CipherSuite, ClientCertificates, CloseReason, Event, HandshakeError, SrtpProfile, Version,
    Versions,
};

use crate::support::cipher::{LABELS, Tap};
use crate::support::{Pair, Setup};

const PROVIDERS: [&dyn Provider; 2] = [aws_lc_rs::PROVIDER, rust_crypto::PROVIDER];

#[test]
fn one_and_a_half_round_trips_connect_both_and_data_flows_both_ways() {
    let mut pair = Setup::v13().pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    for datagram in pair.server_sends() {
        pair.client_gets(&datagram);
    }
    assert!(pair.client.is_connected());
    let connected = vec![Event::Connected {
        version: Version::DTLS_1_3,
        cipher_suite: CipherSuite::Aes128GcmSha256,
        srtp_profile: None,
        is_peer_authenticated: true,
    }];
    assert_eq!(pair.client_events(), connected);
    pair.client.send(b"ping").unwrap();
    let mut received = Vec::new();
    for datagram in pair.client_sends() {
        received.extend(pair.server_gets(&datagram));
    }
    assert_eq!(pair.server_events(), connected);
    assert_eq!(received, [b"ping"]);
    pair.server.send(b"pong").unwrap();
    let mut received = Vec::new();
    for datagram in pair.server_sends() {
        received.extend(pair.client_gets(&datagram));
    }
    assert_eq!(received, [b"pong"]);
    assert_eq!((pair.client.poll_timeout(), pair.server.poll_timeout()), (None, None));
}

#[test]
fn every_group_and_cipher_suite_connects_with_every_provider() {
    let suites = CipherSuite::ALL
        .into_iter()
        .filter(|suite| suite.version() == Version::DTLS_1_3);
    for (ours, theirs) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        for (suite, group) in suites.clone().flat_map(|suite| {
            [
                NamedGroup::X25519MlKem768,
                NamedGroup::X25519,
                NamedGroup::Secp256r1,
                NamedGroup::Secp384r1,
            ]
            .map(|group| (suite, group))
        }) {
            let mut setup = Setup::v13();
            setup.client.provider = PROVIDERS[ours];
            setup.server.provider = PROVIDERS[theirs];
            setup.client.cipher_suites = vec![suite];
            setup.client.groups = vec![group];
            setup.client.srtp_profiles = vec![SrtpProfile::AeadAes128Gcm];
            setup.server.srtp_profiles = vec![SrtpProfile::AeadAes128Gcm];
            let mut pair = setup.pair();
            pair.settle();
            assert!(
                pair.client.is_connected() && pair.server.is_connected(),
                "{suite} {group:?}"
            );
            assert_eq!(pair.server.cipher_suite(), Some(suite));
            for side in [&pair.client, &pair.server] {
                assert_eq!((side.group(), side.hello_was_retried()), (Some(group), false));
            }
            assert_eq!(pair.server.srtp_profile(), Some(SrtpProfile::AeadAes128Gcm));
            let (mut a, mut b) = ([0; 60], [0; 60]);
            pair.client
                .export_keying_material("EXTRACTOR-dtls_srtp", None, &mut a)
                .unwrap();
            pair.server
                .export_keying_material("EXTRACTOR-dtls_srtp", None, &mut b)
                .unwrap();
            assert_eq!(a, b);
        }
    }
}

#[test]
fn the_newest_common_version_is_spoken() {
    let (both, v12, v13) = (Versions::Both, Versions::Dtls12, Versions::Dtls13);
    for (client, server, expected) in [
        (both, both, Some(Version::DTLS_1_3)),
        (both, v12, Some(Version::DTLS_1_2)),
        (both, v13, Some(Version::DTLS_1_3)),
        (v12, both, Some(Version::DTLS_1_2)),
        (v13, both, Some(Version::DTLS_1_3)),
        (v12, v13, None),
        (v13, v12, None),
    ] {
        let mut setup = Setup::new();
        (setup.client.versions, setup.server.versions) = (client, server);
        let mut pair = setup.pair();
        pair.settle();
        let version = |events: Vec<Event>| {
            events.into_iter().find_map(|event| match event {
                Event::Connected { version, .. } => Some(version),
                _ => None,
            })
        };
        assert_eq!(version(pair.client_events()), expected, "{client:?} {server:?}");
        assert_eq!(version(pair.server_events()), expected, "{client:?} {server:?}");
    }
}

#[test]
fn both_export_the_same_keys_and_label_and_context_matter() {
    let pair = Pair::connected13();
    let export = |label, context| {
        let (mut ours, mut theirs) = ([0; 60], [0; 60]);
        pair.client.export_keying_material(label, context, &mut ours).unwrap();
        pair.server.export_keying_material(label, context, &mut theirs).unwrap();
        assert_eq!(ours, theirs);
        ours
    };
    let srtp = export("EXTRACTOR-dtls_srtp", None);
    assert_eq!(
        srtp,
        export("EXTRACTOR-dtls_srtp", Some(b"")),
        "one and the same in DTLS 1.3"
    );
    assert_ne!(srtp, export("EXTRACTOR-dtls_srtp", Some(b"x")));
    assert_ne!(srtp, export("EXPERIMENTAL", None));
}

#[test]
fn clients_may_come_without_a_certificate_where_the_server_allows_it() {
    for (asked, connects) in [
        (ClientCertificates::Required, false),
        (ClientCertificates::Optional, true),
        (ClientCertificates::NotRequested, true),
    ] {
        let mut setup = Setup::v13();
        setup.client.certificates.clear();
        setup.server.client_certificates = asked;
        let mut pair = setup.pair();
        pair.settle();
        assert_eq!(pair.server.is_connected(), connects, "{asked:?}");
        assert_eq!(pair.client.is_connected(), connects, "{asked:?}");
        assert_eq!(pair.server.peer_certificate(), None);
        if !connects {
            let reason = CloseReason::Handshake(HandshakeError::CertificateRequired);
            assert_eq!(pair.server_events(), [Event::Closed(reason)]);
            let reason = CloseReason::Alert(AlertDescription::CERTIFICATE_REQUIRED);
            assert_eq!(pair.client_events().last(), Some(&Event::Closed(reason)));
        }
    }
    // One that has a certificate shows it only if asked.
    let mut setup = Setup::v13();
    setup.server.client_certificates = ClientCertificates::NotRequested;
    let mut pair = setup.pair();
    pair.settle();
    assert!(pair.server.is_connected() && pair.server.peer_certificate().is_none());
}

#[test]
fn the_key_log_has_every_secret_of_both_versions() {
    for (versions, labels) in LABELS {
        let mut setup = Setup::new().speaking(versions);
        let (ours, theirs) = (Tap::on(&mut setup.client), Tap::on(&mut setup.server));
        setup.pair().connect();
        for label in labels {
            assert_eq!(ours.secret(label), theirs.secret(label), "{label}");
        }
    }
}
