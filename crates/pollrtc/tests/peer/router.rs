//! One socket, many peers.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::script::seeded;
use pollrtc::{ConnectionState, Datagram, Event, Instant, PeerConnection, PeerId, Router, StateMachine};

const SERVER: ([u8; 4], u16) = ([192, 0, 2, 100], 3478);

/// A server that echoes, and clients of which each has its own address.
struct Hall {
    now: Instant,
    router: Router,
    clients: Vec<(PeerId, SocketAddr, PeerConnection)>,
    texts: HashMap<SocketAddr, Vec<String>>,
}

impl Hall {
    fn with_clients(count: u8) -> Self {
        let now = Instant::from_millis(5_000);
        let mut hall = Self {
            now,
            router: Router::new(),
            clients: Vec::new(),
            texts: HashMap::new(),
        };
        for number in 0..count {
            hall.join(number);
        }
        hall
    }

    fn join(&mut self, number: u8) {
        let address = SocketAddr::from(([192, 0, 2, 1 + number], 5000));
        let mut client = PeerConnection::new(seeded(number));
        client.add_local_address(self.now, address).unwrap();
        client.create_data_channel("hall").unwrap();
        let mut server = PeerConnection::new(seeded(100 + number));
        server.add_local_address(self.now, SERVER.into()).unwrap();
        let id = self.router.insert(server);
        let offer = client.offer(self.now).unwrap();
        let answer = self
            .router
            .peer_mut(id)
            .unwrap()
            .accept_offer(self.now, &offer)
            .unwrap();
        client.accept_answer(self.now, &answer).unwrap();
        self.clients.push((id, address, client));
    }

    /// One millisecond: all that is under way arrives.
    fn tick(&mut self) {
        let mut buf = vec![0; 65_536];
        while let Some(transmit) = self.router.poll_transmit(self.now, &mut buf) {
            let to = self
                .clients
                .iter_mut()
                .find(|(_, address, _)| *address == transmit.destination);
            if let Some((.., client)) = to {
                client.handle_datagram(self.now, Datagram::udp(SERVER.into(), &mut buf[..transmit.len]));
            }
        }
        while let Some((id, event)) = self.router.poll_event() {
            if let Event::Message { channel, data } = event {
                self.router.peer_mut(id).unwrap().send(channel, data).unwrap();
            }
        }
        for (id, address, client) in &mut self.clients {
            while let Some(transmit) = client.poll_transmit(self.now, &mut buf) {
                let datagram = Datagram::udp(*address, &mut buf[..transmit.len]);
                let taken = self.router.handle_datagram(self.now, datagram);
                assert_eq!(taken, Some(*id), "each datagram finds its own peer");
            }
            while let Some(event) = client.poll_event() {
                match event {
                    Event::ChannelOpen { channel, .. } => client.send(channel, format!("I am {address}")).unwrap(),
                    Event::Message { data, .. } => {
                        self.texts
                            .entry(*address)
                            .or_default()
                            .push(data.as_text().unwrap().to_owned());
                    }
                    _ => {}
                }
            }
            client.handle_timeout(self.now);
        }
        self.now += Duration::from_millis(1);
        if self.router.poll_timeout().is_some_and(|deadline| deadline <= self.now) {
            self.router.handle_timeout(self.now);
        }
    }

    fn run(&mut self, milliseconds: u32) {
        (0..milliseconds).for_each(|_| self.tick());
    }
}

#[test]
fn each_client_gets_its_own_echo() {
    let mut hall = Hall::with_clients(12);
    hall.run(1_000);
    assert_eq!(hall.texts.len(), 12);
    for (address, texts) in &hall.texts {
        assert_eq!(*texts, [format!("I am {address}")]);
    }
    assert_eq!(hall.router.strangers(), 0);
}

#[test]
fn a_stranger_is_counted_and_costs_nothing() {
    let mut hall = Hall::with_clients(1);
    hall.run(300);
    for first in 0..=255u8 {
        let datagram = &mut [first; 64];
        assert_eq!(
            hall.router
                .handle_datagram(hall.now, Datagram::udp(([203, 0, 113, 5], 5).into(), datagram)),
            None
        );
    }
    assert_eq!(hall.router.strangers(), 256);
}

#[test]
fn a_removed_peer_leaves_nothing_behind() {
    let mut hall = Hall::with_clients(3);
    hall.run(500);
    let (id, address, mut client) = hall.clients.remove(0);
    assert!(hall.router.remove(id).is_some());
    assert!(hall.router.remove(id).is_none(), "an id is used once");
    assert!(hall.router.peer_mut(id).is_none());
    assert_eq!(hall.router.len(), 2);
    // What the client still sends is a stranger's now.
    hall.now += Duration::from_secs(10);
    client.handle_timeout(hall.now);
    let mut buf = vec![0; 2_000];
    while let Some(transmit) = client.poll_transmit(hall.now, &mut buf) {
        let datagram = Datagram::udp(address, &mut buf[..transmit.len]);
        assert_eq!(hall.router.handle_datagram(hall.now, datagram), None);
    }
    // And its slot serves the next one.
    hall.join(40);
    hall.run(500);
    assert_eq!(hall.texts[&SocketAddr::from(([192, 0, 2, 41], 5000))].len(), 1);
}

#[test]
fn a_client_that_comes_back_from_another_address_is_found_by_its_ufrag() {
    let mut hall = Hall::with_clients(2);
    hall.run(500);
    let (id, address, _) = &mut hall.clients[0];
    let (id, address) = (*id, address);
    // A NAT gave it another port, of which the client itself knows nothing.
    let moved = SocketAddr::from(([192, 0, 2, 1], 6000));
    *address = moved;
    hall.run(15_000);
    let (.., client) = &mut hall.clients[0];
    assert_eq!(client.connection_state(), ConnectionState::Connected);
    client.create_data_channel("hall again").unwrap();
    hall.run(100);
    assert_eq!(hall.texts[&moved], [format!("I am {moved}")]);
    let server = hall.router.peer(id).unwrap();
    assert_eq!(server.connection_state(), ConnectionState::Connected);
    // Long after consent to the old address has ended.
    hall.run(45_000);
    let server = hall.router.peer(id).unwrap();
    assert_eq!(server.connection_state(), ConnectionState::Connected);
}
