//! Both roles under the laws of every state machine, with the provider that can be seeded.

use std::sync::Arc;

use pollrtc_core::laws::Laws;
use pollrtc_core::{Flow, InnerProtocol, Instant, Standalone};
use pollrtc_crypto::rust_crypto;
use pollrtc_dtls::{
    ApplicationData, Config, Connection, ConnectionIdUsage, Cookies, KeyUpdateRequest, SrtpProfile, Versions,
};

use crate::connection_ids::policy;
use crate::support::{Pair, Setup, address, millis, rng};

const MACHINE: &str = "192.0.2.1:5000";
const PEER: &str = "192.0.2.2:6000";

/// A connection with a socket of its own.
fn to(address_of_the_other: &str, connection: Connection) -> Standalone<Connection> {
    Standalone::new(connection, Flow::udp(address(address_of_the_other)))
}

fn configs(versions: Versions) -> (Arc<Config>, Arc<Config>) {
    let mut setup = Setup::with_provider(rust_crypto::PROVIDER).speaking(versions);
    setup.client.srtp_profiles = vec![SrtpProfile::AeadAes128Gcm];
    setup.server.srtp_profiles = vec![SrtpProfile::AeadAes128Gcm];
    setup.client.mtu = 500;
    setup.server.handshake_timeout = millis(10_000);
    (setup.client.into(), setup.server.into())
}

/// Both directions of an honest handshake.
fn samples(versions: Versions) -> Vec<Vec<u8>> {
    samples_of(configs(versions))
}

fn samples_of((client, server): (Arc<Config>, Arc<Config>)) -> Vec<Vec<u8>> {
    let mut pair = Pair {
        client: Connection::client(client, rng(3)).unwrap(),
        server: Connection::server(server, rng(4)).unwrap(),
        now: Instant::ZERO,
    };
    let mut samples = Vec::new();
    pair.connect_over(100, |_, datagram| {
        samples.push(datagram.clone());
        vec![datagram]
    });
    assert!(pair.client.is_connected());
    samples
}

/// Both ends with ids, of different lengths.
fn with_ids((client, server): (Arc<Config>, Arc<Config>)) -> (Arc<Config>, Arc<Config>) {
    let with = |config: Arc<Config>, length| {
        let mut config = Config::clone(&config);
        config.connection_ids = policy(length);
        Arc::new(config)
    };
    (with(client, 3), with(server, 7))
}

fn laws(
    samples: Vec<Vec<u8>>,
    make: impl Fn() -> Standalone<Connection> + 'static,
    make_peer: impl Fn() -> Standalone<Connection> + 'static,
) -> Laws<Standalone<Connection>> {
    Laws::walking(make, walk)
        .against(make_peer)
        .samples(samples)
        .verb(|connection, _, argument| {
            connection.inner.send(&argument.to_be_bytes()).ok();
        })
        .verb(|connection, _, argument| connection.inner.set_mtu(argument as usize % 2000))
        .verb(|connection, _, argument| connection.inner.set_round_trip_time(millis(argument % 100_000)))
        .verb(|connection, _, argument| {
            let mut out = [0; 40];
            let label = ["EXTRACTOR-dtls_srtp", "key expansion"][argument as usize % 2];
            connection.inner.export_keying_material(label, None, &mut out).ok();
        })
        .verb(|connection, _, argument| {
            let mut buf = vec![0; argument as usize % 3000];
            connection.inner.write_record(&mut buf, argument as usize % 1777).ok();
        })
        .verb(|connection, _, argument| {
            let requests = [KeyUpdateRequest::NotRequested, KeyUpdateRequest::Requested];
            let _ = connection.inner.update_keys(requests[argument as usize % 2]);
        })
        .verb(|connection, _, argument| {
            let usages = [ConnectionIdUsage::Immediate, ConnectionIdUsage::Spare];
            let usage = usages[argument as usize % 2];
            let _ = connection.inner.issue_connection_ids(argument as u8 % 16, usage);
        })
        .verb(|connection, _, argument| {
            let _ = connection.inner.request_connection_ids(argument as u8);
        })
        .verb(|connection, _, argument| {
            if argument.is_multiple_of(2) {
                connection.inner.use_next_connection_id();
            }
        })
        .verb(|connection, now, _| {
            connection.inner.repeat_flight(now);
        })
        .verb(|connection, now, argument| {
            connection
                .inner
                .set_client_hello_deadline(now + millis(argument % 50_000))
        })
        .verb(|connection, now, argument| {
            if argument.is_multiple_of(16) {
                connection.inner.close(now);
            }
        })
        .memory(|connection| connection.inner.memory(), 104 * 1024)
}

fn client_laws(versions: Versions) -> Laws<Standalone<Connection>> {
    client_laws_of(configs(versions))
}

fn client_laws_of((client, server): (Arc<Config>, Arc<Config>)) -> Laws<Standalone<Connection>> {
    laws(
        samples_of((client.clone(), server.clone())),
        move || to(PEER, Connection::client(client.clone(), rng(3)).unwrap()),
        move || to(MACHINE, Connection::server(server.clone(), rng(4)).unwrap()),
    )
}

fn server_laws(versions: Versions, cookies: Cookies) -> Laws<Standalone<Connection>> {
    let (client, server) = configs(versions);
    let mut server = Config::clone(&server);
    server.cookies = cookies;
    server_laws_of((client, server.into()))
}

fn server_laws_of((client, server): (Arc<Config>, Arc<Config>)) -> Laws<Standalone<Connection>> {
    laws(
        samples_of((client.clone(), server.clone())),
        move || to(PEER, Connection::server(server.clone(), rng(4)).unwrap()),
        move || to(MACHINE, Connection::client(client.clone(), rng(3)).unwrap()),
    )
}

#[test]
fn a_client_keeps_the_laws() {
    client_laws(Versions::Dtls12).check();
}

#[test]
fn a_client_of_13_keeps_the_laws() {
    client_laws(Versions::Dtls13).check();
}

#[test]
fn a_client_of_both_versions_keeps_the_laws() {
    client_laws(Versions::Both).check();
}

#[test]
fn a_server_keeps_the_laws() {
    server_laws(Versions::Dtls12, Cookies::Off).check();
}

#[test]
fn a_server_of_13_keeps_the_laws() {
    server_laws(Versions::Dtls13, Cookies::Off).check();
}

#[test]
fn a_server_with_cookies_keeps_the_laws() {
    server_laws(Versions::Dtls12, Cookies::Required).check();
}

#[test]
fn a_server_of_13_with_cookies_keeps_the_laws() {
    server_laws(Versions::Dtls13, Cookies::Required).check();
}

#[test]
fn with_ids_both_roles_keep_the_laws_in_both_versions() {
    for versions in [Versions::Dtls12, Versions::Dtls13] {
        client_laws_of(with_ids(configs(versions))).check();
        server_laws_of(with_ids(configs(versions))).check();
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for versions in [Versions::Dtls12, Versions::Dtls13, Versions::Both] {
        assert_eq!(samples(versions), samples(versions));
        let with_ids = || samples_of(with_ids(configs(versions)));
        assert_eq!(with_ids(), with_ids());
    }
}

#[test]
fn once_quiet_it_stays_quiet_until_its_timeout() {
    let mut pair = Pair::new();
    pair.client_sends();
    let due = pair.client.poll_timeout().unwrap();
    pair.client.handle_timeout(due - millis(1));
    assert!(pair.client_sends().is_empty());
    assert_eq!(pair.client.poll_timeout(), Some(due));
}

/// Takes all records out of a datagram that came.
fn walk(received: Option<ApplicationData<'_>>) -> String {
    let records = received.into_iter().flatten();
    records.map(|record| format!("{record:02x?} ")).collect()
}
