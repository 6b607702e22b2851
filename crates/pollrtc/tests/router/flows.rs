//! A router with several sockets: what tells peers apart is where datagrams travel, not only where they come from.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use crate::script::seeded;
use pollrtc::{Datagram, Event, Instant, PeerConnection, PeerId, Router, StateMachine};

/// The sockets of the server.
const SERVER: [([u8; 4], u16); 2] = [([198, 51, 100, 1], 3478), ([198, 51, 100, 2], 3478)];
/// What the NAT in front of both clients makes of them. Linux gives one outside port to many as long as they
/// talk to different places.
const OUTSIDE: ([u8; 4], u16) = ([203, 0, 113, 7], 40_000);
const LATENCY: Duration = Duration::from_millis(10);
const TICK: Duration = Duration::from_millis(1);
/// How often each client says something.
const PERIOD: Duration = Duration::from_millis(20);

struct Client {
    id: PeerId,
    peer: PeerConnection,
    inside: SocketAddr,
    /// The one socket that it reaches.
    server: SocketAddr,
    last_echo: Option<Instant>,
    longest_gap: Duration,
    channel: Option<pollrtc::ChannelId>,
}

struct Building {
    now: Instant,
    router: Router,
    clients: Vec<Client>,
    /// Under way, with the time of arrival: to the server or from it, and of which client.
    wire: VecDeque<(Instant, bool, usize, Vec<u8>)>,
    misrouted: u32,
    carried: u32,
    /// How the driver writes down where a datagram came from and what it reached.
    spell: Spelling,
}

type Spelling = for<'d> fn(u32, SocketAddr, &'d mut [u8]) -> Datagram<'d>;

fn in_full(_: u32, server: SocketAddr, bytes: &mut [u8]) -> Datagram<'_> {
    Datagram::udp(OUTSIDE.into(), bytes).received_on(server)
}

/// Not every driver knows the local address of every datagram, and some write IPv4 addresses as IPv6 ones.
fn in_any_way(number: u32, server: SocketAddr, bytes: &mut [u8]) -> Datagram<'_> {
    let outside = SocketAddr::from(OUTSIDE);
    let mapped = SocketAddr::from((std::net::Ipv4Addr::from(OUTSIDE.0).to_ipv6_mapped(), OUTSIDE.1));
    match number % 4 {
        0 => Datagram::udp(outside, bytes).received_on(server),
        1 => Datagram::udp(outside, bytes),
        2 => Datagram::udp(mapped, bytes).received_on(server),
        _ => Datagram::udp(outside, bytes).received_on(([0, 0, 0, 0], server.port()).into()),
    }
}

impl Building {
    /// A client for each socket of the server.
    fn with_sockets(count: usize, spell: Spelling) -> Self {
        let now = Instant::from_millis(5_000);
        let mut router = Router::new();
        let mut clients = Vec::new();
        for (number, server) in SERVER.into_iter().take(count).enumerate() {
            let number = number as u8;
            let inside = SocketAddr::from(([192, 168, 0, 2 + number], 5000));
            let mut peer = PeerConnection::new(seeded(1 + number));
            peer.add_local_address(now, inside).unwrap();
            peer.create_data_channel("talk").unwrap();
            let mut ours = PeerConnection::new(seeded(100 + number));
            for socket in SERVER.into_iter().take(count) {
                ours.add_local_address(now, socket.into()).unwrap();
            }
            let id = router.insert(ours);
            let offer = peer.offer(now).unwrap();
            let answer = router.peer_mut(id).unwrap().accept_offer(now, &offer).unwrap();
            peer.accept_answer(now, &answer).unwrap();
            clients.push(Client {
                id,
                peer,
                inside,
                server: server.into(),
                last_echo: None,
                longest_gap: Duration::ZERO,
                channel: None,
            });
        }
        Self {
            now,
            router,
            clients,
            wire: VecDeque::new(),
            misrouted: 0,
            carried: 0,
            spell,
        }
    }

    /// From the client's network to the server and back. Only one of its sockets is within reach.
    fn arrive(&mut self) {
        while self.wire.front().is_some_and(|(at, ..)| *at <= self.now) {
            let Some((_, to_server, number, mut bytes)) = self.wire.pop_front() else {
                return;
            };
            let client = &mut self.clients[number];
            if to_server {
                self.carried += 1;
                let datagram = (self.spell)(self.carried, client.server, &mut bytes);
                let taken = self.router.handle_datagram(self.now, datagram);
                self.misrouted += u32::from(taken.map(|(id, _)| id) != Some(client.id));
            } else {
                let datagram = Datagram::udp(client.server, &mut bytes).received_on(client.inside);
                client.peer.handle_datagram(self.now, datagram);
            }
        }
    }

    fn send(&mut self) {
        let arrival = self.now + LATENCY;
        let mut buf = vec![0; 2_000];
        while let Some(transmit) = self.router.poll_transmit(self.now, &mut buf) {
            let from = transmit.flow.local().unwrap();
            let to = self.clients.iter().position(|client| client.server == from);
            if let Some(number) = to.filter(|_| transmit.flow.remote() == OUTSIDE.into()) {
                self.wire
                    .push_back((arrival, false, number, buf[..transmit.len].to_vec()));
            }
        }
        for (number, client) in self.clients.iter_mut().enumerate() {
            while let Some(transmit) = client.peer.poll_transmit(self.now, &mut buf) {
                if transmit.flow.remote() == client.server {
                    self.wire
                        .push_back((arrival, true, number, buf[..transmit.len].to_vec()));
                }
            }
        }
    }

    fn act(&mut self) {
        while let Some((id, event)) = self.router.poll_event() {
            if let Event::Message { channel, data } = event {
                let _ = self.router.peer_mut(id).unwrap().send(channel, data);
            }
        }
        for client in &mut self.clients {
            while let Some(event) = client.peer.poll_event() {
                match event {
                    Event::ChannelOpen { channel, .. } => client.channel = Some(channel),
                    Event::Message { .. } => {
                        let last = client.last_echo.replace(self.now).unwrap_or(self.now);
                        client.longest_gap = client.longest_gap.max(self.now - last);
                    }
                    _ => {}
                }
            }
            let is_time = (self.now - Instant::ZERO)
                .as_millis()
                .is_multiple_of(PERIOD.as_millis());
            if let Some(channel) = client.channel.filter(|_| is_time) {
                let _ = client.peer.send(channel, "still here");
            }
        }
    }

    fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            self.arrive();
            self.router.handle_timeout(self.now);
            for client in &mut self.clients {
                client.peer.handle_timeout(self.now);
            }
            self.act();
            self.send();
            self.now += TICK;
        }
    }
}

impl Building {
    /// For a minute, nobody gets what is another's, and nobody waits for long.
    fn assert_served(mut self) {
        self.run(Duration::from_secs(1));
        assert!(
            self.clients.iter().all(|client| client.last_echo.is_some()),
            "all connect"
        );
        self.run(Duration::from_secs(60));
        assert_eq!(self.misrouted, 0);
        for client in &self.clients {
            let silent = self.now - client.last_echo.unwrap();
            let gap = client.longest_gap.max(silent);
            assert!(gap <= Duration::from_millis(100), "a gap of {gap:?}");
        }
    }
}

#[test]
fn two_peers_behind_one_outside_address_and_port_that_talk_to_two_sockets_are_told_apart() {
    Building::with_sockets(2, in_full).assert_served();
}

#[test]
fn a_flow_is_found_however_the_driver_spells_it() {
    Building::with_sockets(1, in_any_way).assert_served();
}
