//! Configurations that no connection can be made of are told when it is made, and not when it fails.

use std::time::Duration;

use pollrtc_crypto::NamedGroup;
use pollrtc_dtls::{
    CipherSuite, ClientCertificates, Config, ConfigError, Connection, Event, PeerVerification, Versions,
};

use crate::support::{Setup, rng};

fn client_of(config: Config) -> Result<(), ConfigError> {
    Connection::client(config, rng(1)).map(|_| ())
}

fn server_of(config: Config) -> Result<(), ConfigError> {
    Connection::server(config, rng(1)).map(|_| ())
}

#[test]
fn what_is_wrong_with_a_configuration_is_an_error_in_both_roles() {
    type Change = fn(&mut Config);
    let changes: [(Change, ConfigError); 18] = [
        (|config| config.cipher_suites.clear(), ConfigError::CipherSuites),
        (
            |config| {
                config.versions = Versions::Dtls12;
                config.cipher_suites = vec![CipherSuite::Aes128GcmSha256];
            },
            ConfigError::CipherSuites,
        ),
        (|config| config.groups.clear(), ConfigError::Groups),
        (
            |config| {
                config.versions = Versions::Dtls12;
                config.groups = vec![NamedGroup::X25519MlKem768];
            },
            ConfigError::Groups,
        ),
        (|config| config.signature_schemes.clear(), ConfigError::SignatureSchemes),
        (
            |config| config.peer = PeerVerification::Fingerprints(vec![]),
            ConfigError::NoFingerprint,
        ),
        (
            |config| config.record_size_limit = Some(63),
            ConfigError::RecordSizeLimit(63),
        ),
        (
            |config| config.record_size_limit = Some(16_386),
            ConfigError::RecordSizeLimit(16_386),
        ),
        (
            |config| {
                config.versions = Versions::Dtls12;
                config.record_size_limit = Some(16_385);
            },
            ConfigError::RecordSizeLimit(16_385),
        ),
        (
            |config| config.application_protocols = vec![vec![]],
            ConfigError::ApplicationProtocols,
        ),
        (
            |config| config.application_protocols = vec![vec![b'x'; 256]],
            ConfigError::ApplicationProtocols,
        ),
        (
            |config| config.application_protocols = vec![vec![b'x'; 255]; 257],
            ConfigError::ApplicationProtocols,
        ),
        (
            |config| config.server_name = Some(String::new()),
            ConfigError::ServerName,
        ),
        (
            |config| config.server_name = Some("192.0.2.1".into()),
            ConfigError::ServerName,
        ),
        (
            |config| config.server_name = Some("example.org.".into()),
            ConfigError::ServerName,
        ),
        (
            |config| config.server_name = Some("b\u{fc}cher.example".into()),
            ConfigError::ServerName,
        ),
        (|config| config.initial_rto = Duration::ZERO, ConfigError::Timers),
        (
            |config| config.max_rto = Duration::from_millis(399),
            ConfigError::Timers,
        ),
    ];
    for (index, (change, error)) in changes.into_iter().enumerate() {
        let setup = Setup::new().speaking(Versions::Both);
        let (mut client, mut server) = (setup.client, setup.server);
        change(&mut client);
        change(&mut server);
        assert_eq!(
            (client_of(client), server_of(server)),
            (Err(error), Err(error)),
            "{index}"
        );
    }
}

#[test]
fn a_server_needs_a_certificate_and_a_client_does_not() {
    let Setup { mut client, mut server } = Setup::new();
    client.certificates.clear();
    server.certificates.clear();
    assert_eq!(
        (client_of(client), server_of(server)),
        (Ok(()), Err(ConfigError::NoCertificate))
    );
}

#[test]
fn the_edges_of_what_is_allowed_are_allowed() {
    let mut setup = Setup::new().speaking(Versions::Both);
    for config in [&mut setup.client, &mut setup.server] {
        config.record_size_limit = Some(16_385);
        config.application_protocols = vec![vec![b'x'; 255]];
        config.server_name = Some("a-b_c.example.org".to_owned());
    }
    assert_eq!((client_of(setup.client), server_of(setup.server)), (Ok(()), Ok(())));
}

#[test]
fn connected_says_whether_the_peer_is_authenticated() {
    for versions in [Versions::Dtls12, Versions::Dtls13] {
        // What the client knows of the server, the server of the client, and whether the client shows itself.
        for (client_knows, server_knows, is_shown) in [
            (true, true, true),
            (false, true, true),
            (true, false, true),
            (true, true, false),
        ] {
            let mut setup = Setup::new().speaking(versions);
            if !client_knows {
                setup.client.peer = PeerVerification::AcceptAny;
            }
            if !server_knows {
                setup.server.peer = PeerVerification::AcceptAny;
            }
            if !is_shown {
                setup.client.certificates.clear();
                setup.server.client_certificates = ClientCertificates::Optional;
            }
            let mut pair = setup.pair();
            pair.settle();
            let authenticated = |events: Vec<Event>| match events[0] {
                Event::Connected {
                    is_peer_authenticated, ..
                } => is_peer_authenticated,
                _ => panic!("{events:?}"),
            };
            assert_eq!(authenticated(pair.client_events()), client_knows, "{versions:?}");
            assert_eq!(
                authenticated(pair.server_events()),
                server_knows && is_shown,
                "{versions:?}"
            );
        }
    }
}
