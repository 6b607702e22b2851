//! Peers whose address changes (RFC 9146 §6).

use std::collections::HashMap;
use std::net::SocketAddr;

use pollrtc_core::{Datagram, StateMachine};
use pollrtc_dtls::{Connection, Event, connection_id};
use quickcheck::quickcheck;

use super::{VERSIONS, connected, from_client, policy, setup, talk};
use crate::support::{CLIENT, Pair, SERVER, Setup, address, drain, rng};

const ELSEWHERE: &str = "203.0.113.7:1234";
const FURTHER: &str = "203.0.113.8:4321";

/// A datagram arrives at the server from this address.
fn server_gets_from(pair: &mut Pair, source: &str, datagram: &[u8]) -> Vec<Vec<u8>> {
    let mut datagram = datagram.to_vec();
    let datagram = Datagram::udp(address(source), &mut datagram);
    let received = pair.server.handle_datagram(pair.now, datagram);
    received.map(|payload| payload.to_vec()).collect()
}

fn moved(source: &str) -> Vec<Event> {
    vec![Event::PeerAddressChanged(address(source))]
}

#[test]
fn a_client_that_moved_is_followed_when_it_proves_that_it_is_there() {
    for versions in VERSIONS {
        let mut pair = connected(versions, 0, 8);
        let datagram = from_client(&mut pair, b"from elsewhere");
        assert_eq!(server_gets_from(&mut pair, ELSEWHERE, &datagram), [b"from elsewhere"]);
        assert_eq!(pair.server_events(), moved(ELSEWHERE));

        // Until the application says so nothing goes there.
        assert_eq!(pair.server.remote(), address(CLIENT));
        pair.server.send(b"still to the old address").unwrap();
        let mut buf = [0; 1500];
        let transmit = pair.server.poll_transmit(pair.now, &mut buf).unwrap();
        assert_eq!(transmit.flow.remote(), address(CLIENT));

        // The application's challenge, in a buffer of its own, and the client's answer.
        let prefix = pair.server.record_prefix();
        let challenge = 0x0123_4567_89ab_cdef_u64.to_be_bytes();
        buf[prefix..prefix + 8].copy_from_slice(&challenge);
        let length = pair.server.seal(&mut buf, 8).unwrap();
        assert!(
            length <= 3 * datagram.len(),
            "no more than three times what came from there"
        );
        assert_eq!(pair.client_gets(&buf[..length]), [challenge]);
        let answer = from_client(&mut pair, &challenge);
        assert_eq!(server_gets_from(&mut pair, ELSEWHERE, &answer), [challenge]);
        assert_eq!(pair.server_events(), [], "told once");
        pair.server.set_remote(address(ELSEWHERE));
        pair.server.send(b"to the new address").unwrap();
        let transmit = pair.server.poll_transmit(pair.now, &mut buf).unwrap();
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
        pair.server_gets(&newest);
        assert!(server_gets_from(&mut pair, ELSEWHERE, &newest).is_empty());
        assert!(server_gets_from(&mut pair, ELSEWHERE, &forged).is_empty());
        assert_eq!(
            server_gets_from(&mut pair, ELSEWHERE, &old),
            [b"old"],
            "of use all the same"
        );
        assert_eq!(pair.server_events(), []);
        let stats = pair.server.stats();
        assert_eq!((stats.replayed_records, stats.forged_records), (1, 1));
    }
}

#[test]
fn what_was_sent_before_the_move_does_not_revert_it() {
    for versions in VERSIONS {
        let mut pair = connected(versions, 0, 8);
        let (before, after) = (from_client(&mut pair, b"before"), from_client(&mut pair, b"after"));
        server_gets_from(&mut pair, ELSEWHERE, &after);
        assert_eq!(pair.server_events(), moved(ELSEWHERE));
        pair.server.set_remote(address(ELSEWHERE));
        assert_eq!(server_gets_from(&mut pair, CLIENT, &before), [b"before"]);
        assert_eq!(pair.server_events(), []);
        // Back home, and that is news.
        let back = from_client(&mut pair, b"back");
        server_gets_from(&mut pair, CLIENT, &back);
        assert_eq!(pair.server_events(), moved(CLIENT));
    }
}

#[test]
fn only_the_newest_of_many_addresses_waits_to_be_told() {
    for versions in VERSIONS {
        let mut pair = connected(versions, 0, 8);
        for port in 1..1000 {
            let datagram = from_client(&mut pair, b"x");
            server_gets_from(&mut pair, &format!("203.0.113.9:{port}"), &datagram);
        }
        let datagram = from_client(&mut pair, b"x");
        server_gets_from(&mut pair, FURTHER, &datagram);
        assert_eq!(pair.server_events(), moved(FURTHER));
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
            assert_eq!(server_gets_from(&mut pair, ELSEWHERE, &datagram), [b"x"]);
            assert_eq!(pair.server_events(), []);
        }
    }
}

#[test]
fn an_address_before_the_end_of_the_handshake_is_told_after_it() {
    for versions in VERSIONS {
        let mut pair = setup(versions, 0, 8).pair();
        let mut now_elsewhere = false;
        for _ in 0..10 {
            for datagram in pair.client_sends() {
                let source = if now_elsewhere { ELSEWHERE } else { CLIENT };
                server_gets_from(&mut pair, source, &datagram);
            }
            for datagram in pair.server_sends() {
                pair.client_gets(&datagram);
            }
            now_elsewhere = true;
        }
        let events = pair.server_events();
        assert!(matches!(events[0], Event::Connected { .. }));
        assert_eq!(events[1..], moved(ELSEWHERE), "{versions:?}");
    }
}

#[test]
fn records_that_had_to_wait_do_not_tell_where_they_came_from() {
    // Data comes from elsewhere before the client's last flight, which comes from where the client is.
    let mut pair = setup(pollrtc_dtls::Versions::Dtls13, 0, 8).pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    for datagram in pair.server_sends() {
        pair.client_gets(&datagram);
    }
    let flight = pair.client_sends();
    let early = from_client(&mut pair, b"early");
    server_gets_from(&mut pair, ELSEWHERE, &early);
    for datagram in flight {
        pair.server_gets(&datagram);
    }
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
            .map(|number| Connection::client(client.clone(), rng(100 + number), address(SERVER)).unwrap())
            .collect();
        let mut servers: Vec<_> = (0..CLIENTS)
            .map(|number| Connection::server(server.clone(), rng(number as u8), source(number, 1)).unwrap())
            .collect();
        let mut by_id = HashMap::new();
        for (number, server) in servers.iter().enumerate() {
            by_id.extend(server.connection_ids().map(|id| (id.to_vec(), number)));
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
                        heard += servers[found]
                            .handle_datagram(now, Datagram::udp(from, &mut datagram))
                            .count();
                    }
                    let mut buf = [0; 2048];
                    while let Some(transmit) = servers[number].poll_transmit(now, &mut buf) {
                        // Only where the translator still knows the client.
                        if transmit.flow.remote() == source(number, port) {
                            let datagram = Datagram::udp(address(SERVER), &mut buf[..transmit.len]);
                            clients[number].handle_datagram(now, datagram);
                        }
                    }
                    while let Some(event) = servers[number].poll_event() {
                        if let Event::PeerAddressChanged(to) = event {
                            // A server with a real network asks first whether the client is there.
                            servers[number].set_remote(to);
                            by_address.insert(to, number);
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
    /// For every order in which records arrive, each from an address of its own, with repeats: the server
    /// is told of exactly the address of the newest.
    fn the_newest_record_tells_where_the_client_is(order: Vec<u8>) -> bool {
        VERSIONS.into_iter().all(|versions| {
            let mut pair = connected(versions, 0, 8);
            let datagrams: Vec<_> = (0..50u8).map(|number| from_client(&mut pair, &[number])).collect();
            let source = |number: u8| format!("203.0.113.{}:99", number + 1);
            let mut newest = None;
            let mut told = None;
            for number in order.iter().map(|number| number % 50) {
                server_gets_from(&mut pair, &source(number), &datagrams[usize::from(number)]);
                newest = newest.max(Some(number));
                for event in pair.server_events() {
                    told = Some(event);
                }
            }
            talk(&mut pair);
            told == newest.map(|number| Event::PeerAddressChanged(address(&source(number))))
        })
    }
}
