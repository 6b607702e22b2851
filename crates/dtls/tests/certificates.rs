//! Several certificates, what their keys sign, and the name of the server that is asked for.

use pollrtc_crypto::{Certificate, NamedGroup, SignatureScheme, default_provider};
use pollrtc_dtls::wire::extensions::Extensions;
use pollrtc_dtls::wire::handshake::ClientHello;
use pollrtc_dtls::wire::{ExtensionType, HandshakeType};
use pollrtc_dtls::{CloseReason, Config, Event, HandshakeError, PeerVerification, Versions};

use crate::support::wire::body_of;
use crate::support::{Pair, Setup, certificate};

const VERSIONS: [Versions; 2] = [Versions::Dtls12, Versions::Dtls13];

const P256: SignatureScheme = SignatureScheme::EcdsaSecp256r1Sha256;
const P384: SignatureScheme = SignatureScheme::EcdsaSecp384r1Sha384;
const RSA: SignatureScheme = SignatureScheme::RsaPssRsaeSha256;

fn p384() -> Certificate {
    let key = include_bytes!("../../crypto/tests/data/p384.pkcs8.der");
    let key = default_provider().signing_key_from_pkcs8(key).unwrap();
    Certificate::from_der(include_bytes!("../../crypto/tests/data/p384.cert.der"), key).unwrap()
}

/// Two that accept any certificate.
fn accepting_any(versions: Versions) -> Setup {
    let mut setup = Setup::new().speaking(versions);
    setup.client.peer = PeerVerification::AcceptAny;
    setup.server.peer = PeerVerification::AcceptAny;
    setup
}

fn settled(setup: Setup) -> Pair {
    let mut pair = setup.pair();
    pair.settle();
    pair
}

/// The one that has these certificates, and the one that takes only these signatures.
type Sides = fn(&mut Setup) -> (&mut Config, &mut Config);

const SERVER_SHOWS: Sides = |setup| (&mut setup.server, &mut setup.client);
const CLIENT_SHOWS: Sides = |setup| (&mut setup.client, &mut setup.server);

#[test]
fn the_first_certificate_is_shown_that_the_peer_can_verify() {
    let (small, large) = (certificate(1), p384());
    for versions in VERSIONS {
        for (sides, server_shows) in [(SERVER_SHOWS, true), (CLIENT_SHOWS, false)] {
            for (ours, theirs, shown) in [
                ([&small, &large], vec![P256, P384], &small),
                ([&large, &small], vec![P256, P384], &large),
                ([&large, &small], vec![P256], &small),
                ([&small, &large], vec![RSA, P384], &large),
            ] {
                let mut setup = accepting_any(versions);
                let (shows, takes) = sides(&mut setup);
                shows.certificates = ours.map(Clone::clone).to_vec();
                takes.signature_schemes = theirs;
                let pair = settled(setup);
                let seen = match server_shows {
                    true => pair.client.peer_certificate(),
                    false => pair.server.peer_certificate(),
                };
                assert_eq!(seen, Some(shown.der()), "{versions:?}");
            }
        }
    }
}

#[test]
fn without_a_certificate_that_the_peer_can_verify_there_is_no_handshake() {
    for versions in VERSIONS {
        let mut setup = accepting_any(versions);
        setup.server.certificates = vec![certificate(1), certificate(2)];
        setup.client.signature_schemes = vec![RSA, P384];
        let mut pair = settled(setup);
        let refused = Event::ClientHelloRefused(HandshakeError::SignatureScheme);
        assert_eq!(pair.server_events()[0], refused);

        let mut setup = accepting_any(versions);
        setup.client.certificates = vec![certificate(1)];
        setup.server.signature_schemes = vec![RSA];
        let mut pair = settled(setup);
        let ended = Event::Closed(CloseReason::Handshake(HandshakeError::SignatureScheme));
        assert_eq!(pair.client_events(), [ended]);
    }
}

#[test]
fn in_dtls_12_the_curve_of_a_servers_key_is_one_that_the_client_has() {
    for (versions, is_welcome) in [(Versions::Dtls12, false), (Versions::Dtls13, true)] {
        let mut setup = accepting_any(versions);
        setup.server.certificates = vec![p384()];
        setup.client.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
        let mut pair = settled(setup);
        assert_eq!(pair.client.is_connected(), is_welcome);
        if !is_welcome {
            let refused = Event::ClientHelloRefused(HandshakeError::Group);
            assert_eq!(pair.server_events()[0], refused);
        }
    }
    // Another certificate takes its place.
    let mut setup = accepting_any(Versions::Dtls12);
    setup.server.certificates.insert(0, p384());
    setup.client.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
    let small = setup.server.certificates[1].clone();
    assert_eq!(settled(setup).client.peer_certificate(), Some(small.der()));
}

#[test]
fn schemes_are_offered_in_the_order_of_preference_and_those_of_the_provider_alone() {
    let mut setup = accepting_any(Versions::Both);
    setup.client.provider = pollrtc_crypto::rust_crypto::PROVIDER;
    setup.client.signature_schemes = vec![SignatureScheme::Ed25519, RSA, P256];
    let offered = offered(setup, |extensions| {
        let schemes = extensions.signature_algorithms().unwrap().unwrap();
        schemes.iter().collect::<Vec<_>>()
    });
    assert_eq!(offered, [0x0807, 0x0804, 0x0403]);
}

#[test]
fn authorities_are_shown_behind_the_certificate_that_they_stand_for() {
    for versions in VERSIONS {
        for sides in [SERVER_SHOWS, CLIENT_SHOWS] {
            let mut setup = accepting_any(versions);
            let (shows, _) = sides(&mut setup);
            let (own, authority) = (certificate(1), certificate(2));
            assert!(own.chain().eq([own.der()]));
            let chain = own.with_authorities(vec![authority.der().to_vec()]);
            assert!(chain.chain().eq([own.der(), authority.der()]));
            shows.certificates = vec![chain];
            let pair = settled(setup);
            let seen = [pair.client.peer_certificate(), pair.server.peer_certificate()];
            assert!(seen.contains(&Some(own.der())), "{versions:?}");
        }
    }
    let mut setup = accepting_any(Versions::Dtls12);
    let authority = certificate(9);
    let chain = setup.server.certificates[0].with_authorities(vec![authority.der().to_vec()]);
    setup.server.certificates = vec![chain];
    let mut pair = setup.pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    let shown = body_of(&pair.server_sends(), HandshakeType::CERTIFICATE);
    assert!(shown.ends_with(authority.der()));
}

#[test]
fn a_server_hears_by_which_name_it_was_asked_for() {
    for versions in VERSIONS {
        for name in [None, Some("sfu.example.com")] {
            let mut setup = accepting_any(versions);
            setup.client.server_name = name.map(str::to_owned);
            let pair = settled(setup);
            assert!(pair.client.is_connected());
            assert_eq!(pair.server.server_name(), name, "{versions:?}");
            assert_eq!(pair.client.server_name(), None);
        }
    }
}

#[test]
fn a_name_is_one_dns_name_and_its_answer_is_empty() {
    let name = |content: &[u8]| {
        let head = [0, 0, 0, u8::try_from(content.len()).unwrap()];
        let bytes = [&head[..], content].concat();
        let name = Extensions::parse(&bytes).unwrap().server_name();
        name.map(|name| name.map(str::to_owned)).ok()
    };
    assert_eq!(name(b"\0\x06\0\0\x03a.b"), Some(Some("a.b".to_owned())));
    for (why, content) in [
        ("empty", &b""[..]),
        ("no name", b"\0\0"),
        ("an empty name", b"\0\x03\0\0\0"),
        ("another kind", b"\0\x06\x01\0\x03a.b"),
        ("two names", b"\0\x0c\0\0\x03a.b\0\0\x03c.d"),
        ("a zero within", b"\0\x06\0\0\x03a\0b"),
        ("no text", b"\0\x06\0\0\x03a\xffb"),
        ("bytes behind it", b"\0\x06\0\0\x03a.b!"),
    ] {
        assert_eq!(name(content), None, "{why}");
    }
    let answer = |bytes| Extensions::parse(bytes).unwrap().server_name_answer();
    assert_eq!(answer(&[0, 0, 0, 0]), Ok(true));
    assert_eq!(answer(&[]), Ok(false));
    assert!(answer(&[0, 0, 0, 1, 0]).is_err());
}

#[test]
fn only_who_wants_session_tickets_asks_for_them() {
    for wanted in [false, true] {
        let mut setup = accepting_any(Versions::Dtls13);
        setup.client.session_tickets = wanted;
        let modes = offered(setup, |extensions| {
            extensions
                .get(ExtensionType::PSK_KEY_EXCHANGE_MODES)
                .map(<[u8]>::to_vec)
        });
        assert_eq!(modes, wanted.then(|| vec![1, 1]));
    }
}

/// Something about the extensions of the ClientHello.
fn offered<T>(setup: Setup, look: impl FnOnce(&Extensions<'_>) -> T) -> T {
    let mut setup = setup;
    // One datagram has room for all of it.
    setup.client.groups = vec![NamedGroup::X25519];
    let mut pair = setup.pair();
    let body = body_of(&pair.client_sends(), HandshakeType::CLIENT_HELLO);
    look(&ClientHello::parse(&body).unwrap().extensions)
}
