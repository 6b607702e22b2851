//! What is secret is not shown.

use std::fmt::{Debug, Write};

use pollrtc_core::InnerProtocol;
use pollrtc_crypto::{Certificate, NamedGroup, Rng, default_provider, rust_crypto};

use crate::support::Setup;
use crate::support::cipher::{LABELS, Tap};

/// The ways in which bytes may show up in text: in hexadecimal, as a list, escaped.
fn forms(secret: &[u8]) -> Vec<String> {
    let part = &secret[..secret.len().min(6)];
    let (mut hex, mut upper) = (String::new(), String::new());
    for byte in part {
        write!(hex, "{byte:02x}").unwrap();
        write!(upper, "{byte:02X}").unwrap();
    }
    let list = format!("{part:?}");
    let lines = format!("{part:#?}");
    let hex_list = format!("{part:02x?}");
    let inner = |text: &str| text.trim_matches(['[', ']']).trim().to_owned();
    vec![hex, upper, inner(&list), inner(&lines), inner(&hex_list)]
}

fn assert_hidden(what: &dyn Debug, secrets: &[Vec<u8>]) {
    for text in [format!("{what:?}"), format!("{what:#?}")] {
        for form in secrets.iter().flat_map(|secret| forms(secret)) {
            assert!(!text.contains(&form), "{text}");
        }
    }
}

#[test]
fn neither_configurations_nor_connections_show_secrets_at_any_stage() {
    for (versions, labels) in LABELS {
        let mut setup = Setup::new().speaking(versions);
        let tap = Tap::on(&mut setup.client);
        let pkcs8 = setup.server_certificate().key().to_pkcs8();
        // Behind the algorithm's identifiers.
        let key = pkcs8[36..].to_vec();
        let configs = [setup.client.clone(), setup.server.clone()];
        let mut pair = setup.pair();
        let mut shown = vec![];
        for _ in 0..4 {
            shown.push(format!("{:?} {:#?}", pair.client, pair.server));
            for datagram in pair.client_sends() {
                pair.server_gets(&datagram);
            }
            for datagram in pair.server_sends() {
                pair.client_gets(&datagram);
            }
        }
        assert!(pair.client.is_connected() && pair.server.is_connected());
        let mut secrets: Vec<_> = labels.iter().map(|label| tap.secret(label)).collect();
        let mut exported = [0; 60];
        pair.client
            .export_keying_material("EXTRACTOR-dtls_srtp", None, &mut exported)
            .unwrap();
        secrets.extend([exported.to_vec(), key]);
        assert_hidden(&configs, &secrets);
        assert_hidden(&pair.client, &secrets);
        assert_hidden(&pair.server, &secrets);
        assert_hidden(&shown, &secrets);
        while let Some(event) = pair.client.poll_event() {
            assert_hidden(&event, &secrets);
        }
    }
}

#[test]
fn what_a_provider_makes_shows_no_secrets() {
    for provider in [default_provider(), rust_crypto::PROVIDER] {
        let seed = [0x5a; 32];
        let mut rng = Rng::from_seed(seed);
        assert_hidden(&rng, &[seed.to_vec()]);
        let certificate = Certificate::generate(provider, &mut rng).unwrap();
        let pkcs8 = certificate.key().to_pkcs8();
        let key = pkcs8[36..].to_vec();
        assert_hidden(&certificate, std::slice::from_ref(&key));
        assert_hidden(certificate.key(), &[key]);
        for group in [NamedGroup::X25519, NamedGroup::X25519MlKem768] {
            let ours = provider.key_exchange(group, &mut rng).unwrap();
            let answer = provider
                .answer_key_exchange(group, ours.public_key(), &mut rng)
                .unwrap();
            assert_hidden(&answer, &[answer.secret.to_vec()]);
        }
    }
}
