//! Peers whose address changes (RFC 9146 §6).

use std::collections::HashMap;
use std::net::SocketAddr;

use pollrtc_core::{Flow, InnerProtocol, Standalone, StateMachine};
use pollrtc_dtls::{Connection, Event, connection_id};
use quickcheck::quickcheck;

use super::{VERSIONS, connected, from_client, policy, setup, talk};
use crate::support::{CLIENT, Pair, Setup, address, drain, rng};

const ELSEWHERE: &str = "203.0.113.7:1234";

/// A datagram arrives at the server; what the application gets of it, and whether it tells where the client is.
fn server_gets(pair: &mut Pair, datagram: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut datagram = datagram.to_vec();
    let received = pair.server.handle_body(pair.now, &mut datagram);
    let is_newest = received.is_newest();
    assert!(received.is_authenticated() || !is_newest);
    (received.map(|payload| payload.to_vec()).collect(), is_newest)
}

#[test]
fn a_client_that_moved_is_followed_when_it_proves_that_it_is_there() {
    for versions in VERSIONS {
        let mut pair = connected(versions, 0, 8);
        let datagram = from_client(&mut pair, b"from elsewhere");
        assert_eq!(
            server_gets(&mut pair, &datagram),
            (vec![b"from elsewhere".to_vec()], true)
        );

        // The application's challenge, in a buffer of its own, and the client's answer.
        let mut buf = [0; 1500];
        let challenge = 0x0123_4567_89ab_cdef_u64.to_be_bytes();
        pair.server.headroom().body(&mut buf).unwrap()[..8].copy_from_slice(&challenge);
        let length = pair.server.write_record(&mut buf, 8).unwrap();
        assert!(
            length <= 3 * datagram.len(),
            "no more than three times what came from there"
        );
        assert_eq!(pair.client_gets(&buf[..length]), [challenge]);
        let answer = from_client(&mut pair, &challenge);
        assert_eq!(server_gets(&mut pair, &answer), (vec![challenge.to_vec()], true));

        // The server has a socket of its own, and goes on to the new address.
        let mut server = Standalone::new(pair.server, Flow::udp(address(CLIENT)));
        server.set_flow(Flow::udp(address(ELSEWHERE)));
        server.inner.send(b"to the new address").unwrap();
        let transmit = server.poll_transmit(pair.now, &mut buf).unwrap();
        assert_eq!(transmit.flow.remote(), address(ELSEWHERE));
    }
}

#[test]
fn what_is_old_replayed_or_forged_moves_nobody() {
    for versions in VERSIONS {
        let mut pair = connected(versions, 0, 8);
        let (old, newest) = (from_client(&mut pair, b"old"), from_client(&mut pair, b"newest"));
        let mut forged = from_client(&mut pair, b"forged");
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(server_gets(&mut pair, &newest), (vec![b"newest".to_vec()], true));
        assert_eq!(server_gets(&mut pair, &newest), (vec![], false));
        assert_eq!(server_gets(&mut pair, &forged), (vec![], false));
        let (payloads, is_newest) = server_gets(&mut pair, &old);
        assert_eq!(payloads, [b"old"], "of use all the same");
        assert!(!is_newest, "what was sent before the move does not revert it");
        let stats = pair.server.stats();
        assert_eq!((stats.replayed_records, stats.forged_records), (1, 1));
    }
}

#[test]
fn what_the_peer_has_sealed_is_authenticated_with_ids_and_without() {
    for versions in VERSIONS {
        for ids in [None, policy(8)] {
            let mut setup = Setup::new().speaking(versions);
            (setup.client.connection_ids, setup.server.connection_ids) = (ids.clone(), ids);
            let mut pair = setup.pair();
            let is_authenticated = |pair: &mut Pair, datagram: &[u8]| {
                let mut datagram = datagram.to_vec();
                pair.server.handle_body(pair.now, &mut datagram).is_authenticated()
            };
            let hello = pair.client_sends();
            for datagram in &hello {
                assert!(!is_authenticated(&mut pair, datagram), "a hello is anyone's");
            }
            let mut pair = pair.connect();
            let datagram = from_client(&mut pair, b"x");
            let mut forged = datagram.clone();
            *forged.last_mut().unwrap() ^= 1;
            assert!(!is_authenticated(&mut pair, &forged));
            assert!(is_authenticated(&mut pair, &datagram));
            assert!(!is_authenticated(&mut pair, &datagram), "a copy proves nothing");
            assert!(!is_authenticated(&mut pair, &hello[0]));
        }
    }
}

#[test]
fn where_no_ids_are_wanted_addresses_are_the_callers_business() {
    for versions in VERSIONS {
        // The client's records have no id, whatever the server's have.
        for (client, server) in [(None, None), (policy(8), policy(0))] {
            let mut setup = Setup::new().speaking(versions);
            (setup.client.connection_ids, setup.server.connection_ids) = (client, server);
            let mut pair = setup.pair().connect();
            let datagram = from_client(&mut pair, b"x");
            assert_eq!(server_gets(&mut pair, &datagram), (vec![b"x".to_vec()], false));
        }
    }
}

#[test]
fn where_the_client_is_is_told_only_when_the_handshake_is_over() {
    for versions in VERSIONS {
        let mut pair = setup(versions, 0, 8).pair();
        for _ in 0..10 {
            for datagram in pair.client_sends() {
                let (_, is_newest) = server_gets(&mut pair, &datagram);
                assert!(!is_newest || pair.server.is_connected(), "{versions:?}");
            }
            for datagram in pair.server_sends() {
                pair.client_gets(&datagram);
            }
        }
        let datagram = from_client(&mut pair, b"x");
        assert!(server_gets(&mut pair, &datagram).1);
    }
}

#[test]
fn records_that_had_to_wait_do_not_tell_where_they_came_from() {
    // Data comes before the client's last flight, from elsewhere for all that anybody knows.
    let mut pair = setup(pollrtc_dtls::Versions::Dtls13, 0, 8).pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    for datagram in pair.server_sends() {
        pair.client_gets(&datagram);
    }
    let flight = pair.client_sends();
    let early = from_client(&mut pair, b"early");
    assert_eq!(server_gets(&mut pair, &early), (vec![], false));
    let told: Vec<_> = flight
        .iter()
        .map(|datagram| server_gets(&mut pair, datagram).1)
        .collect();
    // The datagram that ends the handshake is the peer's own, but older than the data that waited for it.
    assert_eq!(told.last(), Some(&true), "as far as it is known when it comes");
    let events = pair.server_events();
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(events[1], Event::ApplicationData(b"early".to_vec()));
}

/// A server with one socket, whose clients are behind a translator that gives each of them another
/// port every now and then. It finds each client by the id alone.
#[test]
fn one_socket_serves_many_clients_whose_ports_change() {
    for versions in VERSIONS {
        const CLIENTS: usize = 20;
        const ID_LEN: u8 = 6;
        let setup = setup(versions, 0, ID_LEN);
        let (client, server) = (std::sync::Arc::new(setup.client), std::sync::Arc::new(setup.server));
        let now = pollrtc_core::Instant::from_millis(1);
        let source = |client: usize, port: u16| SocketAddr::from(([203, 0, 113, 1], 1000 * port + client as u16));
        let mut clients: Vec<_> = (0..CLIENTS as u8)
            .map(|number| Connection::client(client.clone(), rng(100 + number)).unwrap())
            .collect();
        let mut servers: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let connection = Connection::server(server.clone(), rng(number as u8)).unwrap();
                Standalone::new(connection, Flow::udp(source(number, 1)))
            })
            .collect();
        let mut by_id = HashMap::new();
        for (number, server) in servers.iter().enumerate() {
            by_id.extend(server.inner.connection_ids().map(|id| (id.to_vec(), number)));
        }
        let mut by_address: HashMap<_, _> = (0..CLIENTS).map(|number| (source(number, 1), number)).collect();
        let mut heard = 0;
        for port in 1..=3 {
            for _ in 0..6 {
                for number in 0..CLIENTS {
                    for mut datagram in drain(&mut clients[number], now) {
                        let from = source(number, port);
                        let found = match connection_id(&datagram, ID_LEN) {
                            Some(id) => by_id[id],
                            None => by_address[&from],
                        };
                        assert_eq!(found, number);
                        let received = servers[found].inner.handle_body(now, &mut datagram);
                        // A server with a real network asks first whether the client is there.
                        let has_moved = received.is_newest() && by_address.insert(from, number).is_none();
                        heard += received.count();
                        if has_moved {
                            servers[found].set_flow(Flow::udp(from));
                        }
                    }
                    let mut buf = [0; 2048];
                    while let Some(transmit) = servers[number].poll_transmit(now, &mut buf) {
                        // Only where the translator still knows the client.
                        if transmit.flow.remote() == source(number, port) {
                            clients[number].handle_body(now, &mut buf[..transmit.len]);
                        }
                    }
                }
            }
            for client in &mut clients {
                assert!(client.is_connected());
                client.send(b"here I am").unwrap();
            }
        }
        assert_eq!(heard, 2 * CLIENTS, "{versions:?}: the last ones are still on their way");
    }
}

quickcheck! {
    /// For every order in which records arrive, with repeats: the newest so far, and no other, tell where the
    /// client is.
    fn the_newest_record_tells_where_the_client_is(order: Vec<u8>) -> bool {
        VERSIONS.into_iter().all(|versions| {
            let mut pair = connected(versions, 0, 8);
            let datagrams: Vec<_> = (0..50u8).map(|number| from_client(&mut pair, &[number])).collect();
            let mut newest = None;
            let as_told = order.iter().map(|number| number % 50).all(|number| {
                let (_, is_newest) = server_gets(&mut pair, &datagrams[usize::from(number)]);
                let expected = newest < Some(number);
                newest = newest.max(Some(number));
                is_newest == expected
            });
            talk(&mut pair);
            as_told
        })
    }
}
