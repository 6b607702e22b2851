//! A server with one socket and no connections yet.

use std::time::Duration;

use pollrtc_core::{Datagram, InnerProtocol, Instant};
use pollrtc_crypto::NamedGroup;
use pollrtc_dtls::wire::HandshakeType;
use pollrtc_dtls::wire::handshake::Fragment;
use pollrtc_dtls::{Accepted, Acceptor, ConfigError, Connection, Cookies, State, Versions};

use crate::support::wire::{HelloParts, fragment_record, message_record};
use crate::support::{CLIENT, Setup, address, deliver, drain, rng};

const NOW: Instant = Instant::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn setups() -> [Setup; 4] {
    let mut small = Setup::v13();
    small.client.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
    [Setup::new(), small, Setup::v13(), Setup::new().speaking(Versions::Both)]
}

fn acceptor(setup: &Setup) -> Acceptor {
    Acceptor::new(setup.server.clone(), rng(4)).unwrap()
}

/// What is answered to a datagram of this address, or the connection that it makes.
fn accept(acceptor: &mut Acceptor, now: Instant, source: &str, datagram: &[u8]) -> (Vec<u8>, Option<Connection>) {
    let (mut datagram, mut answer) = (datagram.to_vec(), vec![0; 1500]);
    match acceptor.handle_datagram(now, Datagram::udp(address(source), &mut datagram), &mut answer) {
        Accepted::Answer(transmit) => {
            assert_eq!(transmit.flow.remote(), address(source));
            (answer[..transmit.len].to_vec(), None)
        }
        Accepted::Connection(connection) => (vec![], Some(*connection)),
        Accepted::Nothing => (vec![], None),
    }
}

/// Lets a client say all that it has to say; the last that it is answered.
fn say(acceptor: &mut Acceptor, now: Instant, source: &str, client: &mut Connection) -> (Vec<u8>, Option<Connection>) {
    let mut last = (vec![], None);
    for datagram in drain(client, now) {
        last = accept(acceptor, now, source, &datagram);
    }
    last
}

#[test]
fn clients_of_every_kind_connect_when_they_bring_their_cookie_back() {
    for setup in setups() {
        let mut acceptor = acceptor(&setup);
        let mut client = Connection::client(setup.client.clone(), rng(3)).unwrap();
        let (cookie, connection) = say(&mut acceptor, NOW, CLIENT, &mut client);
        assert!(!cookie.is_empty() && connection.is_none());
        assert_eq!(acceptor.memory(), 0, "nothing is kept of it");
        deliver(&mut client, NOW, &cookie);
        let (_, connection) = say(&mut acceptor, NOW, CLIENT, &mut client);
        let mut server = connection.expect("a connection");
        assert_eq!(server.state(), State::Connecting);
        for _ in 0..4 {
            for datagram in drain(&mut server, NOW) {
                deliver(&mut client, NOW, &datagram);
            }
            for datagram in drain(&mut client, NOW) {
                deliver(&mut server, NOW, &datagram);
            }
        }
        assert!(client.is_connected() && server.is_connected());
        assert_eq!(acceptor.memory(), 0);
    }
}

#[test]
fn a_cookie_counts_for_one_address_and_for_a_minute_or_two() {
    for setup in setups() {
        for (source, later, is_accepted) in [
            (CLIENT, 0, true),
            (CLIENT, 59, true),
            // The key has changed, and the one before still counts.
            (CLIENT, 61, true),
            (CLIENT, 181, false),
            ("192.0.2.1:4001", 0, false),
            ("192.0.2.2:4000", 0, false),
        ] {
            let mut acceptor = acceptor(&setup);
            let mut client = Connection::client(setup.client.clone(), rng(3)).unwrap();
            let (cookie, _) = say(&mut acceptor, NOW, CLIENT, &mut client);
            deliver(&mut client, NOW, &cookie);
            let second = drain(&mut client, NOW);
            let mut connection = None;
            for datagram in second {
                (_, connection) = accept(&mut acceptor, NOW + later * SECOND, source, &datagram);
            }
            assert_eq!(connection.is_some(), is_accepted, "{source} after {later} s");
        }
    }
}

#[test]
fn nobody_is_sent_more_than_three_times_what_came_from_its_address() {
    let share = [&[0, 36, 0, 29, 0, 32][..], &[9; 32]].concat();
    let good_13 = HelloParts {
        cipher_suites: vec![0x1301],
        ..HelloParts::good()
    }
    .with(pollrtc_dtls::wire::ExtensionType::SUPPORTED_VERSIONS, &[2, 0xfe, 0xfc])
    .with(pollrtc_dtls::wire::ExtensionType::KEY_SHARE, &share);
    let bad = HelloParts {
        cipher_suites: vec![0x002f],
        ..HelloParts::good()
    };
    for hello in [HelloParts::good(), good_13, bad] {
        let setup = Setup::new().speaking(Versions::Both);
        let record = message_record(HandshakeType::CLIENT_HELLO, 0, &hello.client());
        let mut acceptor = acceptor(&setup);
        let (mut received, mut sent) = (0, 0);
        for _ in 0..100 {
            received += record.len();
            sent += accept(&mut acceptor, NOW, CLIENT, &record).0.len();
        }
        assert!(sent > 0 && sent <= 3 * received, "{sent} bytes for {received}");

        // Nor by a connection that is made without asking anybody whether the address is known.
        let mut config = setup.server.clone();
        config.cookies = Cookies::default();
        let mut server = Connection::server(config, rng(4)).unwrap();
        let (mut received, mut sent, mut now) = (0, 0, NOW);
        for _ in 0..100 {
            received += record.len();
            deliver(&mut server, now, &record);
            now += SECOND;
            server.handle_timeout(now);
            sent += drain(&mut server, now).iter().map(Vec::len).sum::<usize>();
        }
        assert!(sent > 0 && sent <= 3 * received, "{sent} bytes for {received}");
    }
}

#[test]
fn addresses_that_no_host_has_are_not_answered() {
    for setup in setups() {
        let mut acceptor = acceptor(&setup);
        let mut client = Connection::client(setup.client.clone(), rng(3)).unwrap();
        let hellos = drain(&mut client, NOW);
        for source in [
            "192.0.2.1:0",
            "0.0.0.0:4000",
            "224.0.0.251:5353",
            "255.255.255.255:4000",
            "[ff02::fb]:5353",
        ] {
            for hello in &hellos {
                let (answer, connection) = accept(&mut acceptor, NOW, source, hello);
                assert!(answer.is_empty() && connection.is_none(), "{source} was answered");
            }
            assert_eq!(acceptor.memory(), 0, "pieces of {source} are kept");
        }
        let answers = hellos.iter().map(|hello| accept(&mut acceptor, NOW, CLIENT, hello).0);
        assert!(answers.last().is_some_and(|answer| !answer.is_empty()));
    }
}

#[test]
fn pieces_of_hellos_from_any_number_of_addresses_take_a_fixed_amount_of_memory() {
    let setup = Setup::v13();
    let mut acceptor = acceptor(&setup);
    let mut client = Connection::client(setup.client.clone(), rng(3)).unwrap();
    let hello = drain(&mut client, NOW);
    assert_eq!(hello.len(), 2);
    accept(&mut acceptor, NOW, CLIENT, &hello[0]);
    let mut largest = 0;
    for number in 0..10_000u32 {
        let fragment = Fragment {
            kind: HandshakeType::CLIENT_HELLO,
            length: 1000 + number % 4000,
            message_seq: 0,
            offset: 0,
            body: &[number as u8; 900],
        };
        let source = format!("203.0.{}.{}:4000", number >> 8, number & 255);
        let (answer, connection) = accept(&mut acceptor, NOW, &source, &fragment_record(&fragment));
        assert!(answer.is_empty() && connection.is_none());
        largest = largest.max(acceptor.memory());
    }
    assert!((10_000..=128 * 1024).contains(&largest), "{largest}");
    // The flood has put it out; it says it all again.
    accept(&mut acceptor, NOW, CLIENT, &hello[1]);
    let (cookie, _) = accept(&mut acceptor, NOW, CLIENT, &hello[0]);
    assert!(!cookie.is_empty());
}

#[test]
fn what_is_no_hello_is_not_answered() {
    let setup = Setup::new();
    let mut acceptor = acceptor(&setup);
    let others: [Vec<u8>; 5] = [
        vec![],
        vec![22; 600],
        message_record(HandshakeType::SERVER_HELLO, 0, &HelloParts::good().server()),
        message_record(HandshakeType::CLIENT_HELLO, 9, &HelloParts::good().client()),
        crate::support::wire::plain_record(pollrtc_dtls::wire::ContentType::Alert, 0, &[2, 40]),
    ];
    for datagram in others {
        let (answer, connection) = accept(&mut acceptor, NOW, CLIENT, &datagram);
        assert!(answer.is_empty() && connection.is_none(), "{datagram:?}");
    }
    assert_eq!(acceptor.memory(), 0);
}

#[test]
fn bad_configurations_are_told_when_the_acceptor_is_made() {
    let mut config = Setup::new().server;
    config.certificates.clear();
    assert_eq!(
        Acceptor::new(config, rng(1)).map(|_| ()),
        Err(ConfigError::NoCertificate)
    );
}
