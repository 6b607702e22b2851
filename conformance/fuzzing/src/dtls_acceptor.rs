//! DTLS: a server with one socket, that anybody can reach.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use pollrtc_core::laws::Laws;
use pollrtc_core::{Datagram, Flow, Instant, Standalone, StateMachine, Transmit};
use pollrtc_crypto::{NamedGroup, Rng};
use pollrtc_dtls::{Accepted, Acceptor, Config, Connection, Event};

use crate::dtls::{Ids, configs, versions};

/// What is kept of ClientHellos that are not complete, at most.
const MAX_INCOMPLETE_MEMORY: usize = 128 * 1024;
/// Connections that the server keeps.
const MAX_CONNECTIONS: usize = 4;
/// Answers that wait to be sent.
const MAX_ANSWERS: usize = 256;

/// Versions, whether there are connection ids and whether a ClientHello fits into one datagram, then a script for the
/// law harness: an acceptor and the connections that it makes, against an honest client and others.
pub fn dtls_acceptor(data: &[u8]) {
    let Some((setup, script)) = data.split_first() else {
        return;
    };
    let ids = [Ids::Off, Ids::On][usize::from(setup >> 2 & 1)];
    let configs = configs(versions(*setup & 3), ids);
    let (server, mut client) = (configs.server.clone(), Config::clone(&configs.client));
    if setup >> 3 & 1 == 1 {
        client.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
    }
    let client = Arc::new(client);
    let home = Flow::udp(SocketAddr::from(([192, 0, 2, 1], 5000)));
    let laws = Laws::of(move || Server::new(server.clone()))
        .against(move || {
            let connection = Connection::client(client.clone(), Rng::from_seed([3; 32]));
            Standalone::new(connection.expect("a client"), home)
        })
        .memory(|server| server.acceptor.memory(), MAX_INCOMPLETE_MEMORY)
        .verb(|server, _, argument| server.room = usize::from(argument as u16 % 2000))
        .verb(|server, _, _| drop(server.connections.pop_first()))
        .verb(|server, _, argument| {
            for connection in server.connections.values_mut() {
                let _ = connection.inner.send(&argument.to_be_bytes());
            }
        });
    crate::run(&laws, script);
}

/// What an application makes of an acceptor: connections by the address of their client.
struct Server {
    acceptor: Acceptor,
    connections: BTreeMap<SocketAddr, Standalone<Connection>>,
    answers: VecDeque<(Flow, Vec<u8>)>,
    /// Bytes that came from an address while it had no connection, and bytes that it was answered. They outlive a
    /// connection, since the cookie behind it may be shown again.
    strangers: BTreeMap<SocketAddr, (usize, usize)>,
    /// Bytes of the buffer for an answer.
    room: usize,
}

impl Server {
    fn new(config: Arc<Config>) -> Self {
        Self {
            acceptor: Acceptor::new(config, Rng::from_seed([4; 32])).expect("a server"),
            connections: BTreeMap::new(),
            answers: VecDeque::new(),
            strangers: BTreeMap::new(),
            room: 1500,
        }
    }
}

impl StateMachine for Server {
    type Event = Event;
    type Received<'d> = ();

    fn handle_datagram(&mut self, now: Instant, datagram: Datagram<'_>) {
        let flow = datagram.flow;
        let source = flow.remote();
        if let Some(connection) = self.connections.get_mut(&source) {
            connection.handle_datagram(now, datagram);
            return;
        }
        let (came, answered) = self.strangers.entry(source).or_default();
        *came += datagram.payload.len();
        let mut answer = vec![0; self.room];
        match self.acceptor.handle_datagram(now, datagram, &mut answer) {
            Accepted::Answer(transmit) => {
                assert!(transmit.len <= answer.len(), "an answer longer than its buffer");
                assert_eq!(transmit.flow.remote(), source, "who did not ask was answered");
                *answered += transmit.len;
                // RFC 9147 §5.1: nobody can have us send more to another than was sent in its name.
                assert!(answered <= came, "{answered} bytes for {came}");
                answer.truncate(transmit.len);
                if self.answers.len() < MAX_ANSWERS {
                    self.answers.push_back((flow, answer));
                }
            }
            Accepted::Connection(connection) => {
                // RFC 6347 §4.2.1: who was not sent a cookie cannot bring one back.
                assert!(*answered > 0, "{source} has not proved its address");
                if self.connections.len() >= MAX_CONNECTIONS {
                    self.connections.pop_first();
                }
                self.connections.insert(source, Standalone::new(*connection, flow));
            }
            Accepted::Nothing => {}
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        for connection in self.connections.values_mut() {
            connection.handle_timeout(now);
        }
    }

    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        if let Some((flow, answer)) = self.answers.front()
            && let Some(room) = buf.get_mut(..answer.len())
        {
            room.copy_from_slice(answer);
            let transmit = Transmit::new(*flow, answer.len());
            self.answers.pop_front();
            return Some(transmit);
        }
        let mut connections = self.connections.values_mut();
        connections.find_map(|connection| connection.poll_transmit(now, buf))
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.connections
            .values_mut()
            .find_map(|connection| connection.poll_event())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.connections
            .values()
            .filter_map(|connection| connection.poll_timeout())
            .min()
    }
}
